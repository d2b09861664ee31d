/* SPDX-License-Identifier: Apache-2.0
 *
 * The service on a real runtime, with a door of a few lines and a store that
 * only remembers alarms.
 */
#include <stdlib.h>
#include <string.h>

#include "reference-nos/base/units.h"
#include "reference-nos/hardware/hardware.h"
#include "reference-nos/hardware/hardware_test.h"
#include "reference-nos/runtime/runtime.h"
#include "reference-nos/schema/cluster_msg.h"
#include "reference-nos/schema/store_msg.h"

#define FANS 4u
#define PSUS 2u
#define SENSORS 5u
#define OPTICS 20u

struct box {
    struct plat plat;
    struct box_facts facts;
    struct runtime *runtime;
    uint64_t now_ns, wake_ns, charged_ns;
    bool ready;
    bool store_ready;
    struct hw_reading fans[FANS], psus[PSUS], sensors[SENSORS], optics[OPTICS];
    bool sensor_dead[SENSORS];
    enum led_state leds[LED_COUNT];
    unsigned duty, reads, restarts;
    uint64_t longest_ns;
    /* What the store has: by code and item. */
    bool row[ALARM_COUNT][OPTICS];
    unsigned alarm_puts, health_puts, traces;
    struct health_row health;
    bool locate;
    bool tell_restarted; /* the store says so when it starts */
    struct actor *store; /* who raises alarms of others */
};

static struct box *
box_of(struct plat *plat)
{
    return CONTAINER_OF(plat, struct box, plat);
}

static uint64_t
now_ns(struct plat *plat)
{
    return box_of(plat)->now_ns + box_of(plat)->charged_ns;
}

static uint64_t
random_draw(struct plat *plat)
{
    (void)plat;
    return 12345;
}

static void
wake_at(struct plat *plat, uint64_t deadline_ns)
{
    box_of(plat)->wake_ns = deadline_ns;
}

static void
ready(struct plat *plat, unsigned service)
{
    if (service == SVC_HARDWARE)
        box_of(plat)->ready = true;
    else
        box_of(plat)->store_ready = true;
}

static void
charge(struct plat *plat, enum cost cost, uint64_t units)
{
    box_of(plat)->charged_ns += units * cost_default_ns(cost);
}

static void *
chunk_take(struct plat *plat, size_t size)
{
    (void)plat;
    return malloc(size);
}

static void
chunk_give(struct plat *plat, void *chunk, size_t size)
{
    (void)plat;
    (void)size;
    free(chunk);
}

static void
log_line(struct plat *plat, unsigned service, enum severity severity,
         const char *text)
{
    (void)plat;
    (void)service;
    (void)severity;
    (void)text;
}

static void
trace(struct plat *plat, const struct trace_record *record)
{
    box_of(plat)->traces += record->kind == TRACE_ALARM;
}

static void
restart(struct plat *plat, enum reboot_cause cause)
{
    ck_assert_int_eq(cause, REBOOT_THERMAL);
    box_of(plat)->restarts++;
}

static unsigned
count(struct plat *plat, enum hw_kind kind)
{
    static const unsigned counts[HW_KIND_COUNT] = {FANS, PSUS, SENSORS,
                                                   LED_COUNT, OPTICS};

    (void)plat;
    return counts[kind];
}

static int
describe(struct plat *plat, enum hw_kind kind, unsigned index,
         struct hw_description *description)
{
    (void)plat;
    (void)kind;
    (void)index;
    *description = (struct hw_description){
        .high_mc = 85000, .critical_mc = 100000, .max_rpm = 16000};
    return 0;
}

static int
read_item(struct plat *plat, enum hw_kind kind, unsigned index,
          struct hw_reading *reading)
{
    struct box *box = box_of(plat);

    box->reads++;
    charge(plat, COST_DEVICE, 1);
    if (kind == HW_SENSOR && box->sensor_dead[index])
        return ERR_IO;
    if (kind == HW_FAN)
        *reading = box->fans[index];
    else if (kind == HW_PSU)
        *reading = box->psus[index];
    else if (kind == HW_SENSOR)
        *reading = box->sensors[index];
    else
        *reading = box->optics[index];
    return 0;
}

static int
fan_set(struct plat *plat, unsigned index, unsigned duty_percent)
{
    struct box *box = box_of(plat);

    box->duty = duty_percent;
    box->fans[index].secondary = (int32_t)duty_percent;
    box->fans[index].value = (int32_t)(160 * duty_percent);
    return 0;
}

static int
led_set(struct plat *plat, unsigned index, enum led_state state)
{
    box_of(plat)->leds[index] = state;
    return 0;
}

static enum reboot_cause
reboot_cause(struct plat *plat)
{
    (void)plat;
    return REBOOT_OPERATOR;
}

static const struct plat_ops ops = {.now_ns = now_ns,
                                    .wall_ns = now_ns,
                                    .random = random_draw,
                                    .wake_at = wake_at,
                                    .ready = ready,
                                    .charge = charge,
                                    .chunk_take = chunk_take,
                                    .chunk_give = chunk_give,
                                    .log = log_line,
                                    .trace = trace,
                                    .restart = restart};
static const struct hw_ops hw = {count,   describe, read_item,
                                 fan_set, led_set,  reboot_cause};

/* The store: remembers alarms, answers a watch with them. */

static int
store_start(struct actor *self, void **state)
{
    box_of(actor_plat(self))->store = self;
    *state = actor_mem(self);
    return 0;
}

static void
store_put(struct box *box, const struct actor_message *message)
{
    struct wire_reader reader;
    struct store_row row;
    enum alarm_code code;
    uint16_t item;

    wire_reader_init(&reader, message->body, message->size);
    while (store_row_read(&reader, &row) == 0) {
        if (row.table == TABLE_HEALTH) {
            ck_assert_int_eq(
                health_row_decode(row.value, row.value_size, &box->health), 0);
            box->health_puts++;
            continue;
        }
        ck_assert_int_eq(alarm_key_decode(row.key, row.key_size, &code, &item),
                         0);
        box->row[code][item] = !row.deleted;
        box->alarm_puts++;
    }
    ck_assert(wire_reader_ok(&reader));
}

static void
store_answer(struct actor *self, struct box *box)
{
    struct store_delta delta = {.flags = STORE_DELTA_FIRST | STORE_DELTA_LAST};
    struct actor_address to = {.service = SVC_HARDWARE};
    struct wire_writer writer;
    uint8_t body[2048];
    unsigned code, item;

    wire_writer_init(&writer, body, sizeof(body));
    store_delta_begin(&writer, &delta);
    for (code = 0; code < ALARM_COUNT; code++)
        for (item = 0; item < OPTICS; item++) {
            struct store_row row = {.table = TABLE_ALARM,
                                    .owner = box->facts.key};
            struct alarm_row alarm = {.severity = SEVERITY_WARNING};
            struct key_bytes key;
            struct row_bytes value;

            if (!box->row[code][item])
                continue;
            alarm_key_encode((enum alarm_code)code, (uint16_t)item, &key);
            alarm_row_encode(&alarm, &value);
            row.key = key.bytes;
            row.key_size = key.size;
            row.value = value.bytes;
            row.value_size = value.size;
            store_row_add(&writer, &row);
        }
    if (box->locate) {
        struct module_key module = {ROLE_NCP, 3};
        struct module_row on = {.key = box->facts.key, .locate = true};
        struct store_row row = {.table = TABLE_MODULE};
        struct key_bytes key;
        struct row_bytes value;

        module_key_encode(&module, &key);
        module_row_encode(&on, &value);
        row.key = key.bytes;
        row.key_size = key.size;
        row.value = value.bytes;
        row.value_size = value.size;
        store_row_add(&writer, &row);
    }
    ck_assert_int_eq(actor_send(self, to, LANE_CONTROL, MSG_STORE_DELTA, 0,
                                body, wire_writer_size(&writer)),
                     0);
}

static void
role_answer(struct actor *self)
{
    struct member_role role = {.module = 67, .number = 3};
    struct actor_address to = {.service = SVC_HARDWARE};
    struct wire_writer writer;
    uint8_t body[64];

    wire_writer_init(&writer, body, sizeof(body));
    member_role_write(&writer, &role);
    (void)!actor_send(self, to, LANE_CONTROL, MSG_MEMBER_ROLE, 0, body,
                      wire_writer_size(&writer));
}

static void
restart_tell(struct actor *self)
{
    struct store_role_change told = {.role = STORE_RESTARTED};
    struct actor_address to = {.service = SVC_HARDWARE};
    struct wire_writer writer;
    uint8_t body[64];

    wire_writer_init(&writer, body, sizeof(body));
    store_role_write(&writer, &told);
    /* When the other is down as well, it will ask by itself. */
    (void)!actor_send(self, to, LANE_CONTROL, MSG_STORE_ROLE, 0, body,
                      wire_writer_size(&writer));
}

static int
store_handle(struct actor *self, void *state, const struct actor_event *event)
{
    struct box *box = box_of(actor_plat(self));

    (void)state;
    if (event->kind == EV_START)
        role_answer(self);
    if (event->kind == EV_START && box->tell_restarted)
        restart_tell(self);
    if (event->kind != EV_MESSAGE)
        return ACTOR_DONE;
    if (event->u.message.type == MSG_STORE_STATE_PUT)
        store_put(box, &event->u.message);
    else if (event->u.message.type == MSG_STORE_WATCH)
        store_answer(self, box);
    return ACTOR_DONE;
}

static const struct actor_kind store_kind = {.id = SVC_STORE,
                                             .memory_max_bytes = 65536,
                                             .start = store_start,
                                             .handle = store_handle};

/* The world */

static void
dispatch(struct box *box)
{
    while (box->ready || box->store_ready) {
        unsigned service = box->ready ? SVC_HARDWARE : SVC_STORE;

        if (runtime_pending(box->runtime, service) == LANE_COUNT) {
            if (box->ready)
                box->ready = false;
            else
                box->store_ready = false;
            continue;
        }
        box->charged_ns = 0;
        runtime_dispatch(box->runtime, service);
        if (box->charged_ns > box->longest_ns)
            box->longest_ns = box->charged_ns;
        box->now_ns += box->charged_ns;
        box->charged_ns = 0;
    }
}

static void
run(struct box *box, uint64_t for_ns)
{
    uint64_t end_ns = box->now_ns + for_ns;

    dispatch(box);
    while (box->wake_ns <= end_ns) {
        if (box->wake_ns > box->now_ns)
            box->now_ns = box->wake_ns;
        runtime_alarm(box->runtime);
        dispatch(box);
    }
    box->now_ns = end_ns;
}

static void
box_begin(struct box *box)
{
    static const struct actor_kind *const kinds[] = {&hardware_kind,
                                                     &store_kind};
    unsigned i;

    memset(box, 0, sizeof(*box));
    box->plat.ops = &ops;
    box->plat.hw = &hw;
    box->plat.facts = &box->facts;
    box->facts.key = 42;
    box->facts.role = ROLE_NCP;
    box->wake_ns = UINT64_MAX;
    box->now_ns = NS_PER_HOUR;
    for (i = 0; i < FANS; i++)
        box->fans[i] = (struct hw_reading){true, true, 16000, 100};
    for (i = 0; i < PSUS; i++)
        box->psus[i] = (struct hw_reading){true, true, 400, 0};
    for (i = 0; i < SENSORS; i++)
        box->sensors[i] = (struct hw_reading){true, true, 50000, 0};
    for (i = 0; i < OPTICS; i++)
        box->optics[i] = (struct hw_reading){true, true, -300, -50};
    ck_assert_int_eq(runtime_create(&box->plat, kinds, 2, &box->runtime), 0);
    run(box, NS_PER_S);
}

static void
change(struct box *box, enum hw_kind kind, unsigned index)
{
    struct hw_change told = {kind, (uint16_t)index};

    runtime_hardware_changed(box->runtime, &told);
    dispatch(box);
}

START_TEST(healthy_box_is_green_and_quiet)
{
    static struct box box;
    unsigned reads;

    box_begin(&box);
    box.longest_ns = 0; /* Starting a service costs more. */
    run(&box, 10 * NS_PER_MIN);
    ck_assert_int_eq(box.leds[LED_STATUS], LED_GREEN);
    ck_assert_int_eq(box.leds[LED_LOCATE], LED_OFF);
    ck_assert_uint_eq(box.alarm_puts, 0);
    ck_assert_int_eq(box.health.reboot_cause, REBOOT_OPERATOR);
    ck_assert_int_eq(box.health.hottest_mc, 50000);
    ck_assert_uint_lt(box.duty, 100);
    ck_assert_uint_le(box.longest_ns, PLAT_QUANTUM_NS + 25000);
    reads = box.reads;
    run(&box, 10 * NS_PER_MIN);
    ck_assert_uint_le(box.reads - reads, 121 * SENSORS + 11 * (4 + 2 + 20));
    runtime_destroy(box.runtime);
}
END_TEST

START_TEST(lost_fan_is_handled_at_once)
{
    static struct box box;

    box_begin(&box);
    run(&box, 5 * NS_PER_MIN);
    ck_assert_uint_lt(box.duty, 100);
    box.fans[1].ok = false;
    change(&box, HW_FAN, 1);
    ck_assert_uint_eq(box.duty, 100);
    ck_assert(box.row[ALARM_FAN][1]);
    ck_assert_int_eq(box.leds[LED_FAN], LED_AMBER);
    ck_assert_int_eq(box.leds[LED_STATUS], LED_AMBER);
    box.fans[1].ok = true;
    change(&box, HW_FAN, 1);
    run(&box, 16 * NS_PER_S);
    ck_assert(!box.row[ALARM_FAN][1]);
    ck_assert_int_eq(box.leds[LED_STATUS], LED_GREEN);
    ck_assert_uint_eq(box.alarm_puts, 2);
    ck_assert_uint_eq(box.traces, 2);
    runtime_destroy(box.runtime);
}
END_TEST

START_TEST(sensor_faults_fail_safe)
{
    static struct box box;

    box_begin(&box);
    run(&box, 5 * NS_PER_MIN);
    box.sensor_dead[2] = true;
    run(&box, 11 * NS_PER_S);
    ck_assert_uint_eq(box.duty, 100);
    ck_assert(box.row[ALARM_SENSOR][2]);
    box.sensor_dead[2] = false;
    box.sensors[3].value = 140000; /* lies */
    run(&box, NS_PER_MIN);
    ck_assert(!box.row[ALARM_SENSOR][2]);
    ck_assert(box.row[ALARM_SENSOR][3]);
    ck_assert(!box.row[ALARM_TEMPERATURE][3]);
    ck_assert_uint_eq(box.restarts, 0);
    runtime_destroy(box.runtime);
}
END_TEST

START_TEST(too_hot_restarts_the_box)
{
    static struct box box;
    unsigned i;

    box_begin(&box);
    for (i = 0; i < SENSORS; i++)
        box.sensors[i].value = 101000;
    run(&box, 9 * NS_PER_S);
    ck_assert_uint_eq(box.restarts, 0);
    ck_assert(box.row[ALARM_TEMPERATURE][0]);
    ck_assert_int_eq(box.leds[LED_STATUS], LED_RED);
    run(&box, 7 * NS_PER_S);
    ck_assert_uint_ge(box.restarts, 1);
    runtime_destroy(box.runtime);
}
END_TEST

START_TEST(restart_keeps_what_is_there_and_clears_what_is_gone)
{
    static struct box box;
    unsigned puts, traces;

    box_begin(&box);
    box.psus[0].ok = false;
    change(&box, HW_PSU, 0);
    box.optics[7].value = -4000;
    change(&box, HW_OPTIC, 7);
    run(&box, NS_PER_S);
    ck_assert(box.row[ALARM_PSU][0] && box.row[ALARM_OPTIC][7]);
    puts = box.alarm_puts;
    traces = box.traces;
    ck_assert_int_eq(runtime_kill(box.runtime, SVC_HARDWARE), 0);
    box.optics[7].value = -300;
    run(&box, 3 * NS_PER_S);
    /* Nothing was raised again. */
    ck_assert(box.row[ALARM_PSU][0] && box.row[ALARM_OPTIC][7]);
    ck_assert_uint_eq(box.alarm_puts, puts);
    run(&box, 16 * NS_PER_S);
    ck_assert(box.row[ALARM_PSU][0]);
    ck_assert(!box.row[ALARM_OPTIC][7]);
    ck_assert_uint_eq(box.alarm_puts, puts + 1);
    ck_assert_uint_eq(box.traces, traces + 1);
    ck_assert_uint_eq(box.health.service_restarts, 1);
    runtime_destroy(box.runtime);
}
END_TEST

START_TEST(restarted_store_is_told_again)
{
    static struct box box;

    box_begin(&box);
    box.psus[0].ok = false;
    change(&box, HW_PSU, 0);
    run(&box, NS_PER_S);
    ck_assert(box.row[ALARM_PSU][0]);
    memset(box.row, 0, sizeof(box.row));
    box.health_puts = 0;
    box.tell_restarted = true;
    ck_assert_int_eq(runtime_kill(box.runtime, SVC_STORE), 0);
    run(&box, NS_PER_S);
    ck_assert(box.row[ALARM_PSU][0]);
    ck_assert_uint_eq(box.health_puts, 1);
    runtime_destroy(box.runtime);
}
END_TEST

START_TEST(locate_light_follows_the_row)
{
    static struct box box;

    box_begin(&box);
    box.locate = true;
    ck_assert_int_eq(runtime_kill(box.runtime, SVC_HARDWARE), 0);
    box.tell_restarted = true;
    ck_assert_int_eq(runtime_kill(box.runtime, SVC_STORE), 0);
    run(&box, 3 * NS_PER_S);
    ck_assert_int_eq(box.leds[LED_LOCATE], LED_BLUE_BLINK);
    runtime_destroy(box.runtime);
}
END_TEST

static void
told(struct box *box, enum alarm_code code, unsigned item, bool raise)
{
    actor_alarm(box->store, code, item, raise, 0);
    dispatch(box);
}

START_TEST(alarms_of_others_have_rows)
{
    static struct box box;

    box_begin(&box);
    told(&box, ALARM_MANAGEMENT_PLANE, PLANE_B, true);
    told(&box, ALARM_SERVICE, SVC_FABRIC, true);
    ck_assert(box.row[ALARM_MANAGEMENT_PLANE][PLANE_B]);
    ck_assert(!box.row[ALARM_MANAGEMENT_PLANE][PLANE_A]);
    ck_assert(box.row[ALARM_SERVICE][SVC_FABRIC]);
    run(&box, NS_PER_S);
    ck_assert_int_eq(box.leds[LED_STATUS], LED_AMBER);
    told(&box, ALARM_SERVICE, SVC_FABRIC, false);
    ck_assert(!box.row[ALARM_SERVICE][SVC_FABRIC]);
    /* A store without rows is told what stands. */
    memset(box.row, 0, sizeof(box.row));
    box.tell_restarted = true;
    ck_assert_int_eq(runtime_kill(box.runtime, SVC_STORE), 0);
    run(&box, NS_PER_S);
    ck_assert(box.row[ALARM_MANAGEMENT_PLANE][PLANE_B]);
    ck_assert(!box.row[ALARM_SERVICE][SVC_FABRIC]);
    told(&box, ALARM_MANAGEMENT_PLANE, PLANE_B, false);
    run(&box, NS_PER_S);
    ck_assert(!box.row[ALARM_MANAGEMENT_PLANE][PLANE_B]);
    ck_assert_int_eq(box.leds[LED_STATUS], LED_GREEN);
    runtime_destroy(box.runtime);
}
END_TEST

/* What changed while the service was down is right after it. */
START_TEST(alarms_of_others_outlive_a_restart)
{
    static struct box box;

    box_begin(&box);
    told(&box, ALARM_MANAGEMENT_PLANE, PLANE_A, true);
    told(&box, ALARM_SERVICE, SVC_FABRIC, true);
    ck_assert_int_eq(runtime_kill(box.runtime, SVC_HARDWARE), 0);
    told(&box, ALARM_MANAGEMENT_PLANE, PLANE_A, false);
    told(&box, ALARM_MANAGEMENT_PLANE, PLANE_B, true);
    ck_assert(box.row[ALARM_MANAGEMENT_PLANE][PLANE_A]); /* not yet */
    run(&box, 3 * NS_PER_S);
    ck_assert(!box.row[ALARM_MANAGEMENT_PLANE][PLANE_A]);
    ck_assert(box.row[ALARM_MANAGEMENT_PLANE][PLANE_B]);
    ck_assert(box.row[ALARM_SERVICE][SVC_FABRIC]);
    runtime_destroy(box.runtime);
}
END_TEST

TCase *
service_tests(void)
{
    TCase *tests = tcase_create("service");

    tcase_add_test(tests, healthy_box_is_green_and_quiet);
    tcase_add_test(tests, lost_fan_is_handled_at_once);
    tcase_add_test(tests, sensor_faults_fail_safe);
    tcase_add_test(tests, too_hot_restarts_the_box);
    tcase_add_test(tests, restart_keeps_what_is_there_and_clears_what_is_gone);
    tcase_add_test(tests, restarted_store_is_told_again);
    tcase_add_test(tests, alarms_of_others_have_rows);
    tcase_add_test(tests, alarms_of_others_outlive_a_restart);
    tcase_add_test(tests, locate_light_follows_the_row);
    return tests;
}
