/* SPDX-License-Identifier: Apache-2.0 */
#include "reference-nos/hardware/hardware.h"

#include <string.h>

#include "reference-nos/base/err.h"
#include "reference-nos/hardware/hardware_priv.h"
#include "reference-nos/schema/cluster_msg.h"
#include "reference-nos/schema/messages.h"
#include "reference-nos/schema/store_msg.h"

#define HARDWARE_MEMORY_BYTES (256u * 1024u)
#define REBUILD_NS NS_PER_S
#define ASK_NS (500 * NS_PER_MS)

enum hardware_timer { TIMER_POLL, TIMER_ASK, TIMER_REBUILD };

static const unsigned items_max[HW_KIND_COUNT] = {[HW_FAN] = FANS_MAX,
                                                  [HW_PSU] = PSUS_MAX,
                                                  [HW_SENSOR] = SENSORS_MAX,
                                                  [HW_OPTIC] = OPTICS_MAX};

static struct actor_address
local(enum service_id service)
{
    return (struct actor_address){.box = 0, .service = (uint8_t)service};
}

/* Reading */

static void
all_due(struct items *items)
{
    unsigned i;

    for (i = 0; i < items->count; i++)
        item_set_due(&items->due, i, true);
}

static void
sensor_take(struct hardware *hardware, unsigned index, int error)
{
    struct thermal_sensor *sensor = &hardware->sensors[index];
    const struct items *items = &hardware->items[HW_SENSOR];
    const struct hw_reading *reading = &items->readings[index];

    sensor->readable = error == 0 && reading->present && reading->ok;
    if (sensor->readable)
        sensor->value_mc = reading->value;
}

static void
item_read(struct actor *self, struct hardware *hardware, enum hw_kind kind,
          unsigned index)
{
    struct plat *plat = actor_plat(self);
    struct items *items = &hardware->items[kind];
    struct hw_reading reading = {.present = false};
    int error = plat->hw->read(plat, kind, index, &reading);

    item_set_due(&items->due, index, false);
    items->seen[index] = true;
    /* What does not answer is not well. */
    if (error != 0)
        items->readings[index].ok = false;
    else
        items->readings[index] = reading;
    if (kind == HW_OPTIC && error == 0 && reading.present)
        items->was_present[index] = true;
    if (kind == HW_SENSOR)
        sensor_take(hardware, index, error);
}

/* Reads what is due; false when the quantum ended first. */
static bool
kind_read(struct actor *self, struct hardware *hardware, enum hw_kind kind)
{
    struct items *items = &hardware->items[kind];
    unsigned word;

    for (word = 0; word < ITEM_WORDS; word++)
        while (items->due.words[word] != 0) {
            unsigned bit = (unsigned)__builtin_ctzll(items->due.words[word]);

            if (actor_quantum_over(self))
                return false;
            item_read(self, hardware, kind, word * 64 + bit);
        }
    return true;
}

static bool
due_read(struct actor *self, struct hardware *hardware)
{
    return kind_read(self, hardware, HW_SENSOR) &&
           kind_read(self, hardware, HW_FAN) &&
           kind_read(self, hardware, HW_PSU) &&
           kind_read(self, hardware, HW_OPTIC);
}

static bool
due_any(const struct hardware *hardware)
{
    for (unsigned kind = 0; kind < HW_KIND_COUNT; kind++) {
        for (unsigned word = 0; word < ITEM_WORDS; word++) {
            if (hardware->items[kind].due.words[word] != 0)
                return true;
        }
    }
    return false;
}

/* Regulation */

static bool
fan_lost(const struct hardware *hardware)
{
    const struct items *fans = &hardware->items[HW_FAN];
    unsigned i;

    for (i = 0; i < fans->count; i++)
        if (fans->seen[i] &&
            alarm_judge_fan(&fans->readings[i], hardware->fan_max_rpm[i])
                    .state == ALARM_BAD)
            return true;
    return false;
}

static void
fans_want(struct hardware *hardware, unsigned duty_percent)
{
    if (duty_percent == hardware->duty_percent)
        return;
    hardware->duty_percent = duty_percent;
    hardware->fans_set = 0;
}

/* False when the quantum ended first. */
static bool
fans_drive(struct actor *self, struct hardware *hardware)
{
    struct plat *plat = actor_plat(self);
    struct items *fans = &hardware->items[HW_FAN];

    for (; hardware->fans_set < fans->count; hardware->fans_set++) {
        if (actor_quantum_over(self))
            return false;
        actor_charge(self, COST_DEVICE, 1);
        /* A fan that is gone is known to be lost already. */
        (void)!plat->hw->fan_set(plat, hardware->fans_set,
                                 hardware->duty_percent);
        /* Its speed follows later: judge it by the next reading. */
        fans->readings[hardware->fans_set].secondary = 0;
    }
    return true;
}

/* A restarted service goes on from the speed it finds. */
static void
duty_adopt(struct hardware *hardware)
{
    const struct items *fans = &hardware->items[HW_FAN];
    int32_t fastest = 0;
    unsigned i;

    for (i = 0; i < fans->count; i++)
        if (fans->readings[i].secondary > fastest)
            fastest = fans->readings[i].secondary;
    thermal_init(&hardware->thermal,
                 fastest > 0 ? (unsigned)fastest : THERMAL_DUTY_MAX);
}

static void
regulate(struct actor *self, struct hardware *hardware)
{
    unsigned count = hardware->items[HW_SENSOR].count;
    struct plat *plat = actor_plat(self);

    if (hardware->duty_percent == 0)
        duty_adopt(hardware);
    thermal_judge(hardware->sensors, count);
    fans_want(hardware, thermal_step(&hardware->thermal, hardware->sensors,
                                     count, fan_lost(hardware)));
    if (!thermal_must_stop(&hardware->thermal))
        return;
    actor_log(self, SEVERITY_ERROR, "too hot: the box restarts");
    plat->ops->restart(plat, REBOOT_THERMAL);
}

/* A lost fan cannot wait for the next poll. */
static void
fail_safe(struct hardware *hardware)
{
    if (!fan_lost(hardware))
        return;
    thermal_init(&hardware->thermal, THERMAL_DUTY_MAX);
    fans_want(hardware, THERMAL_DUTY_MAX);
}

static int
proceed(struct actor *self, struct hardware *hardware)
{
    bool reading = due_any(hardware);

    /* Judging what was read is an event of its own. */
    if (!due_read(self, hardware) || reading)
        return ACTOR_MORE;
    if (hardware->poll_over) {
        hardware->poll_over = false;
        regulate(self, hardware);
        report_health(self, hardware);
    } else {
        fail_safe(hardware);
    }
    if (!fans_drive(self, hardware))
        return ACTOR_MORE;
    if (actor_quantum_over(self))
        return ACTOR_MORE;
    report_alarms(self, hardware);
    report_flush(self, hardware);
    return report_leds(self, hardware) ? ACTOR_DONE : ACTOR_MORE;
}

static void
poll(struct actor *self, struct hardware *hardware)
{
    uint64_t now_ns = actor_now_ns(self);

    hardware->poll_at_ns += HARDWARE_POLL_NS;
    if (hardware->poll_at_ns <= now_ns)
        hardware->poll_at_ns = now_ns + HARDWARE_POLL_NS;
    actor_timer_set(self, TIMER_POLL, hardware->poll_at_ns);
    all_due(&hardware->items[HW_SENSOR]);
    hardware->poll_over = true;
    if (hardware->rows_retry)
        report_again(self, hardware);
    if (now_ns < hardware->slow_at_ns)
        return;
    hardware->slow_at_ns = now_ns + HARDWARE_SLOW_NS;
    all_due(&hardware->items[HW_FAN]);
    all_due(&hardware->items[HW_PSU]);
    all_due(&hardware->items[HW_OPTIC]);
}

/* Messages */

static void
member_ask(struct actor *self, struct hardware *hardware)
{
    if (hardware->member_known)
        return;
    (void)!actor_send(self, local(SVC_MEMBER), LANE_CONTROL, MSG_MEMBER_ROLE,
                      0, NULL, 0);
    actor_timer_set(self, TIMER_ASK, actor_now_ns(self) + ASK_NS);
}

static void
watch(struct actor *self, struct hardware *hardware)
{
    struct store_watch wanted = {.conf = 1ull << TABLE_MODULE};
    struct wire_writer writer;
    uint8_t body[64];

    if (hardware->rebuilding)
        wanted.state = 1ull << (TABLE_ALARM - TABLE_CONF_END);
    wire_writer_init(&writer, body, sizeof(body));
    store_watch_write(&writer, &wanted);
    hardware->watching =
        actor_send(self, local(SVC_STORE), LANE_CONTROL, MSG_STORE_WATCH, 0,
                   body, wire_writer_size(&writer)) == 0;
}

static void
member_take(struct hardware *hardware, const uint8_t *body, size_t size)
{
    struct wire_reader reader;
    struct member_role role;

    wire_reader_init(&reader, body, size);
    if (member_role_read(&reader, &role) != 0)
        return;
    hardware->member_known = true;
    hardware->number = role.number;
}

static void
module_take(struct actor *self, struct hardware *hardware,
            const struct store_row *row)
{
    struct module_key key;
    struct module_row module = {.locate = false};

    if (module_key_decode(row->key, row->key_size, &key) != 0 ||
        key.role != actor_facts(self)->role || key.number >= FWD_MODULES_MAX)
        return;
    if (!row->deleted &&
        module_row_decode(row->value, row->value_size, &module) != 0)
        return;
    hardware->locate[key.number] = module.locate;
}

static void
alarm_take(struct actor *self, struct hardware *hardware,
           const struct store_row *row)
{
    enum alarm_code code;
    uint16_t item;
    struct alarm_row alarm;

    if (!hardware->rebuilding || row->deleted ||
        row->owner != actor_facts(self)->key)
        return;
    if (alarm_key_decode(row->key, row->key_size, &code, &item) == 0 &&
        alarm_row_decode(row->value, row->value_size, &alarm) == 0)
        report_alarm_found(self, hardware, code, item, &alarm);
}

static void
rebuild_end(struct actor *self, struct hardware *hardware)
{
    if (!hardware->rebuilding)
        return;
    hardware->rebuilding = false;
    actor_timer_cancel(self, TIMER_REBUILD);
    watch(self, hardware); /* From now on without alarms. */
}

static void
delta_take(struct actor *self, struct hardware *hardware, const uint8_t *body,
           size_t size)
{
    struct wire_reader reader;
    struct store_delta delta;
    struct store_row row;

    wire_reader_init(&reader, body, size);
    if (store_delta_read(&reader, &delta) != 0)
        return;
    if (delta.flags & STORE_DELTA_FIRST)
        memset(hardware->locate, 0, sizeof(hardware->locate));
    while (store_row_read(&reader, &row) == 0) {
        if (row.table == TABLE_MODULE)
            module_take(self, hardware, &row);
        else if (row.table == TABLE_ALARM)
            alarm_take(self, hardware, &row);
    }
    if (delta.flags & STORE_DELTA_LAST)
        rebuild_end(self, hardware);
}

static void
store_role_take(struct actor *self, struct hardware *hardware,
                const uint8_t *body, size_t size)
{
    struct wire_reader reader;
    struct store_role_change change;

    wire_reader_init(&reader, body, size);
    if (store_role_read(&reader, &change) != 0 ||
        change.role != STORE_RESTARTED)
        return;
    hardware->rebuilding = false;
    watch(self, hardware);
    report_again(self, hardware);
}

static void
message_take(struct actor *self, struct hardware *hardware,
             const struct actor_message *message)
{
    if (message->from.box != 0)
        return;
    if (message->type == MSG_MEMBER_ROLE)
        member_take(hardware, message->body, message->size);
    else if (message->type == MSG_STORE_DELTA)
        delta_take(self, hardware, message->body, message->size);
    else if (message->type == MSG_STORE_ROLE)
        store_role_take(self, hardware, message->body, message->size);
}

/* Events */

static void
timer_take(struct actor *self, struct hardware *hardware, unsigned timer)
{
    switch ((enum hardware_timer)timer) {
    case TIMER_POLL: poll(self, hardware); break;
    case TIMER_ASK:
        member_ask(self, hardware);
        if (!hardware->watching)
            watch(self, hardware);
        break;
    case TIMER_REBUILD: rebuild_end(self, hardware); break;
    }
}

static void
change_take(struct hardware *hardware, const struct hw_change *change)
{
    if (change->kind >= HW_KIND_COUNT)
        return;
    if (change->index < hardware->items[change->kind].count)
        item_set_due(&hardware->items[change->kind].due, change->index, true);
}

static void
begin(struct actor *self, struct hardware *hardware)
{
    hardware->poll_at_ns =
        actor_now_ns(self) - actor_random_range(self, 0, HARDWARE_POLL_NS - 1);
    if (hardware->rebuilding)
        actor_timer_set(self, TIMER_REBUILD, actor_now_ns(self) + REBUILD_NS);
    watch(self, hardware);
    member_ask(self, hardware);
    poll(self, hardware);
}

static int
hardware_handle(struct actor *self, void *state,
                const struct actor_event *event)
{
    struct hardware *hardware = state;

    switch (event->kind) {
    case EV_START: begin(self, hardware); break;
    case EV_MESSAGE: message_take(self, hardware, &event->u.message); break;
    case EV_TIMER: timer_take(self, hardware, event->u.timer); break;
    case EV_HARDWARE: change_take(hardware, &event->u.hardware); break;
    case EV_ALARM:
        report_alarm_told(self, hardware, event->u.alarm.code,
                          event->u.alarm.item, event->u.alarm.raised,
                          event->u.alarm.value);
        break;
    case EV_CONTINUE:
    case EV_STORAGE:
    case EV_SESSION:
    case EV_DATAGRAM:
    case EV_PACKET:
    case EV_FORWARDING:
    case EV_OPERATOR: break;
    }
    return proceed(self, hardware);
}

/* Start */

static int
items_make(struct actor *self, struct items *items, enum hw_kind kind)
{
    struct plat *plat = actor_plat(self);
    struct mem *mem = actor_mem(self);

    items->count = plat->hw->count(plat, kind);
    if (items->count > items_max[kind])
        items->count = items_max[kind];
    items->readings =
        mem_zalloc_array(mem, items->count + 1, sizeof(*items->readings));
    items->seen = mem_zalloc_array(mem, items->count + 1, sizeof(bool));
    items->was_present = mem_zalloc_array(mem, items->count + 1, sizeof(bool));
    return items->readings == NULL || items->seen == NULL ||
                   items->was_present == NULL
               ? ERR_NOMEM
               : 0;
}

static int
alarms_make(struct actor *self, struct hardware *hardware)
{
    static const enum hw_kind kinds[CODE_COUNT] = {[ALARM_FAN] = HW_FAN,
                                                   [ALARM_PSU] = HW_PSU,
                                                   [ALARM_TEMPERATURE] =
                                                       HW_SENSOR,
                                                   [ALARM_SENSOR] = HW_SENSOR,
                                                   [ALARM_OPTIC] = HW_OPTIC};
    unsigned code;

    for (code = 0; code < CODE_COUNT; code++)
        hardware->alarm_count[code] = hardware->items[kinds[code]].count;
    hardware->alarm_count[ALARM_SERVICE] = SVC_COUNT;
    hardware->alarm_count[ALARM_MANAGEMENT_PLANE] = PLANE_COUNT;
    for (code = 0; code < ALARM_COUNT; code++) {
        hardware->alarms[code] =
            mem_zalloc_array(actor_mem(self), hardware->alarm_count[code] + 1,
                             sizeof(struct alarm));
        if (hardware->alarms[code] == NULL)
            return ERR_NOMEM;
    }
    return 0;
}

static void
describe(struct actor *self, struct hardware *hardware)
{
    struct plat *plat = actor_plat(self);
    struct hw_description description;
    unsigned i;

    for (i = 0; i < hardware->items[HW_FAN].count; i++)
        if (plat->hw->describe(plat, HW_FAN, i, &description) == 0)
            hardware->fan_max_rpm[i] = description.max_rpm;
    for (i = 0; i < hardware->items[HW_SENSOR].count; i++) {
        hardware->sensors[i].high_mc = THERMAL_PLAUSIBLE_MAX_MC;
        hardware->sensors[i].critical_mc = THERMAL_PLAUSIBLE_MAX_MC;
        if (plat->hw->describe(plat, HW_SENSOR, i, &description) != 0)
            continue;
        hardware->sensors[i].high_mc = description.high_mc;
        hardware->sensors[i].critical_mc = description.critical_mc;
    }
}

static int
hardware_start(struct actor *self, void **state)
{
    struct plat *plat = actor_plat(self);
    struct hardware *hardware = mem_zalloc(actor_mem(self), sizeof(*hardware));
    unsigned kind;
    int error = 0;

    if (hardware == NULL)
        return ERR_NOMEM;
    for (kind = 0; kind < HW_KIND_COUNT && error == 0; kind++)
        if (kind != HW_LED)
            error =
                items_make(self, &hardware->items[kind], (enum hw_kind)kind);
    if (error == 0)
        error = alarms_make(self, hardware);
    if (error != 0)
        return error;
    describe(self, hardware);
    thermal_init(&hardware->thermal, THERMAL_DUTY_MAX);
    hardware->number = MODULE_NONE;
    hardware->reboot_cause = plat->hw->reboot_cause(plat);
    hardware->rebuilding = actor_life(self) > 1;
    wire_writer_init(&hardware->rows, hardware->rows_bytes, REPORT_BYTES);
    *state = hardware;
    return 0;
}

const struct actor_kind hardware_kind = {
    .id = SVC_HARDWARE,
    .takes = TAKES_HARDWARE | TAKES_ALARMS,
    .memory_max_bytes = HARDWARE_MEMORY_BYTES,
    .start = hardware_start,
    .handle = hardware_handle};
