/* SPDX-License-Identifier: Apache-2.0
 *
 * Two boxes: the real runtime, the bus as a service, and one service that
 * talks.
 */
#include "reference-nos/bus/bus_service.h"

#include <stdlib.h>
#include <string.h>

#include "reference-nos/bus/bus.h"
#include "reference-nos/bus/bus_net_test.h"
#include "reference-nos/runtime/runtime.h"

#define BOXES 2
#define DELAY_NS (50 * NS_PER_US)
#define WIRE_MAX 4096

struct box {
    struct plat plat; /* first */
    struct box_facts facts;
    struct runtime *runtime;
    uint64_t alarm_ns;
    size_t chunks_out;
    uint64_t charged_ns;
    uint64_t worst_bus_ns; /* most that one event of the bus was charged */
    uint64_t deepest[BOUND_COUNT]; /* as traced */
    unsigned raised[PLANE_COUNT];  /* alarms of a plane, as traced */
    unsigned cleared[PLANE_COUNT];
};

struct wire_packet {
    uint64_t at_ns;
    unsigned to;
    enum plane plane;
    enum lane lane;
    size_t size;
    uint8_t bytes[PLAT_DATAGRAM_MAX];
};

/* What the talking service of one box has seen. */
struct seen {
    struct actor *self;
    unsigned messages[LANE_COUNT];
    size_t bytes[LANE_COUNT];
    unsigned ups;
    unsigned downs;
    unsigned lost; /* session events for box 0: the bus restarted */
    uint64_t incarnation;
};

static struct box boxes[BOXES];
static struct seen seen[BOXES];
static struct wire_packet wire[WIRE_MAX];
static unsigned wire_head;
static unsigned wire_tail;
static uint64_t now_ns;
static bool plane_dead[PLANE_COUNT];
static uint8_t big[BUS_BULK_MAX];

static unsigned
index_of(const struct plat *plat)
{
    return (unsigned)((const struct box *)plat - boxes);
}

static uint64_t
plat_now_ns(struct plat *plat)
{
    return now_ns + boxes[index_of(plat)].charged_ns;
}

static uint64_t
plat_random(struct plat *plat)
{
    (void)plat;
    return 4;
}

static void
plat_wake_at(struct plat *plat, uint64_t deadline_ns)
{
    boxes[index_of(plat)].alarm_ns = deadline_ns;
}

static void
plat_ready(struct plat *plat, unsigned service)
{
    (void)plat;
    (void)service; /* run() asks every service. */
}

static void
plat_charge(struct plat *plat, enum cost cost, uint64_t units)
{
    boxes[index_of(plat)].charged_ns += cost_default_ns(cost) * units;
}

static void
plat_datagram_send(struct plat *plat, enum plane plane, uint64_t to,
                   enum lane lane, const void *bytes, size_t size)
{
    struct wire_packet *packet = &wire[wire_tail++ % WIRE_MAX];
    unsigned other = 1 - index_of(plat);

    if (plane_dead[plane])
        return;
    ck_assert(wire_tail - wire_head < WIRE_MAX);
    ck_assert(to == PLAT_ADDRESS_ALL || to == boxes[other].facts.key);
    *packet =
        (struct wire_packet){now_ns + DELAY_NS, other, plane, lane, size, {0}};
    memcpy(packet->bytes, bytes, size);
}

static void *
plat_chunk_take(struct plat *plat, size_t size)
{
    boxes[index_of(plat)].chunks_out++;
    return malloc(size);
}

static void
plat_chunk_give(struct plat *plat, void *chunk, size_t size)
{
    (void)size;
    boxes[index_of(plat)].chunks_out--;
    free(chunk);
}

static void
plat_log(struct plat *plat, unsigned service, enum severity severity,
         const char *text)
{
    (void)plat;
    (void)service;
    (void)severity;
    (void)text;
}

static void
plat_trace(struct plat *plat, const struct trace_record *record)
{
    struct box *box = &boxes[index_of(plat)];

    if (record->kind == TRACE_ALARM) {
        ck_assert_uint_eq(record->a, ALARM_MANAGEMENT_PLANE);
        box->raised[record->c] += record->b != 0;
        box->cleared[record->c] += record->b == 0;
    }
    if (record->kind != TRACE_BOUND)
        return;
    ck_assert_uint_le(record->b, record->c);
    box->deepest[record->a] = record->b;
}

static void
plat_restart(struct plat *plat, enum reboot_cause cause)
{
    (void)plat;
    ck_abort_msg("box restarted: %d", (int)cause);
}

static const struct plat_ops plat_ops = {
    .now_ns = plat_now_ns,
    .wall_ns = plat_now_ns,
    .random = plat_random,
    .wake_at = plat_wake_at,
    .ready = plat_ready,
    .charge = plat_charge,
    .datagram_send = plat_datagram_send,
    .chunk_take = plat_chunk_take,
    .chunk_give = plat_chunk_give,
    .log = plat_log,
    .trace = plat_trace,
    .restart = plat_restart,
};

static int
talker_start(struct actor *self, void **state)
{
    struct seen *own = &seen[index_of(actor_plat(self))];

    own->self = self;
    *state = own;
    return 0;
}

static void
talk(struct actor *self, enum lane lane, size_t size)
{
    struct actor_address to = {
        .box = lane == LANE_LIVENESS
                   ? PLAT_ADDRESS_ALL
                   : boxes[1 - index_of(actor_plat(self))].facts.key,
        .service = SVC_MEMBER,
    };

    ck_assert_int_eq(actor_send(self, to, lane, 42, 7, big, size), 0);
}

static int
talker_handle(struct actor *self, void *state, const struct actor_event *event)
{
    struct seen *own = state;

    if (event->kind == EV_SESSION) {
        own->ups += event->u.session.up;
        own->downs += !event->u.session.up && event->u.session.box != 0;
        own->lost += event->u.session.box == 0;
        if (event->u.session.up)
            own->incarnation = event->u.session.incarnation;
    } else if (event->kind == EV_MESSAGE) {
        const struct actor_message *message = &event->u.message;

        ck_assert_uint_eq(message->type, 42);
        ck_assert_uint_eq(message->epoch, 7);
        ck_assert_uint_eq(message->from.service, SVC_MEMBER);
        ck_assert_uint_eq(message->from.box,
                          boxes[1 - index_of(actor_plat(self))].facts.key);
        ck_assert_mem_eq(message->body, big, message->size);
        own->messages[message->lane]++;
        own->bytes[message->lane] += message->size;
    }
    return ACTOR_DONE;
}

static const struct actor_kind talker_kind = {
    .id = SVC_MEMBER,
    .takes = TAKES_SESSIONS,
    .memory_max_bytes = 16 * MIB,
    .start = talker_start,
    .handle = talker_handle,
};

static const struct actor_kind *const kinds[] = {&bus_kind, &talker_kind};

static bool
dispatch_one(struct box *box)
{
    for (unsigned service = 0; service < SVC_COUNT; service++) {
        if (runtime_pending(box->runtime, service) == LANE_COUNT)
            continue;
        box->charged_ns = 0;
        runtime_dispatch(box->runtime, service);
        if (service == SVC_BUS && box->charged_ns > box->worst_bus_ns)
            box->worst_bus_ns = box->charged_ns;
        box->charged_ns = 0;
        return true;
    }
    return false;
}

/* The next datagram or alarm that is not after 'until_ns'. */
static bool
advance(uint64_t until_ns)
{
    uint64_t next_ns = TIME_NEVER_NS;

    if (wire_head != wire_tail)
        next_ns = wire[wire_head % WIRE_MAX].at_ns;
    for (unsigned i = 0; i < BOXES; i++) {
        if (boxes[i].alarm_ns < next_ns)
            next_ns = boxes[i].alarm_ns;
    }
    if (next_ns > until_ns)
        return false;
    if (next_ns > now_ns)
        now_ns = next_ns;
    for (unsigned i = 0; i < BOXES; i++) {
        if (boxes[i].alarm_ns <= now_ns) {
            boxes[i].alarm_ns = TIME_NEVER_NS;
            runtime_alarm(boxes[i].runtime);
        }
    }
    if (wire_head != wire_tail && wire[wire_head % WIRE_MAX].at_ns <= now_ns) {
        struct wire_packet *packet = &wire[wire_head++ % WIRE_MAX];

        runtime_datagram(boxes[packet->to].runtime, packet->plane,
                         boxes[1 - packet->to].facts.key, packet->lane,
                         packet->bytes, packet->size);
    }
    return true;
}

static void
run_for(uint64_t ns)
{
    uint64_t until_ns = now_ns + ns;

    do {
        while (dispatch_one(&boxes[0]) || dispatch_one(&boxes[1]))
            ;
    } while (advance(until_ns));
    now_ns = until_ns;
}

static void
open_boxes(void)
{
    memset(boxes, 0, sizeof(boxes));
    memset(seen, 0, sizeof(seen));
    memset(plane_dead, 0, sizeof(plane_dead));
    wire_head = wire_tail = 0;
    now_ns = NS_PER_S;
    for (size_t i = 0; i < sizeof(big); i++)
        big[i] = (uint8_t)(i * 13);
    for (unsigned i = 0; i < BOXES; i++) {
        boxes[i].plat.ops = &plat_ops;
        boxes[i].plat.facts = &boxes[i].facts;
        boxes[i].facts.key = 5000 + i;
        boxes[i].facts.incarnation = 3;
        boxes[i].alarm_ns = TIME_NEVER_NS;
        ck_assert_int_eq(runtime_create(&boxes[i].plat, kinds,
                                        ARRAY_COUNT(kinds), &boxes[i].runtime),
                         0);
    }
    run_for(NS_PER_MS);
    for (unsigned i = 0; i < BOXES; i++)
        boxes[i].worst_bus_ns = 0; /* Starting may take longer. */
}

static void
close_boxes(void)
{
    for (unsigned i = 0; i < BOXES; i++) {
        runtime_destroy(boxes[i].runtime);
        ck_assert_uint_eq(boxes[i].chunks_out, 0);
    }
}

START_TEST(services_of_two_boxes_talk)
{
    open_boxes();
    for (int i = 0; i < 30; i++)
        talk(seen[0].self, LANE_CONTROL, 3000);
    talk(seen[0].self, LANE_LIVENESS, ACTOR_BODY_LIVENESS_MAX);
    talk(seen[0].self, LANE_BULK, ACTOR_BODY_BULK_MAX);
    talk(seen[0].self, LANE_TELEMETRY, ACTOR_BODY_BULK_MAX);
    talk(seen[1].self, LANE_CONTROL, ACTOR_BODY_CONTROL_MAX);
    run_for(NS_PER_S);
    ck_assert_uint_eq(seen[1].messages[LANE_CONTROL], 30);
    ck_assert_uint_eq(seen[1].messages[LANE_LIVENESS], 1);
    ck_assert_uint_eq(seen[1].bytes[LANE_BULK], ACTOR_BODY_BULK_MAX);
    ck_assert_uint_eq(seen[1].bytes[LANE_TELEMETRY], ACTOR_BODY_BULK_MAX);
    ck_assert_uint_eq(seen[0].bytes[LANE_CONTROL], ACTOR_BODY_CONTROL_MAX);
    ck_assert_uint_eq(seen[0].ups + seen[1].ups, 2);
    ck_assert_uint_eq(seen[0].incarnation, (3u << 16) + 1);
    ck_assert_uint_gt(boxes[0].deepest[BOUND_BUS_SEND], 0);
    ck_assert_uint_ge(boxes[1].deepest[BOUND_BUS_RECEIVE], BUS_BULK_MAX);
    close_boxes();
}
END_TEST

START_TEST(no_event_of_the_bus_takes_more_than_a_quantum)
{
    open_boxes();
    for (int i = 0; i < 3; i++) {
        talk(seen[0].self, LANE_BULK, ACTOR_BODY_BULK_MAX);
        talk(seen[1].self, LANE_BULK, ACTOR_BODY_BULK_MAX);
        talk(seen[0].self, LANE_CONTROL, ACTOR_BODY_CONTROL_MAX);
    }
    run_for(NS_PER_S);
    ck_assert_uint_eq(seen[1].messages[LANE_BULK], 3);
    for (unsigned i = 0; i < BOXES; i++) {
        ck_assert_uint_gt(boxes[i].worst_bus_ns, 0);
        ck_assert_uint_le(boxes[i].worst_bus_ns, PLAT_QUANTUM_NS);
    }
    close_boxes();
}
END_TEST

START_TEST(a_bus_that_dies_comes_back_in_a_new_life)
{
    open_boxes();
    talk(seen[0].self, LANE_CONTROL, 100);
    run_for(NS_PER_S);
    ck_assert_int_eq(runtime_kill(boxes[1].runtime, SVC_BUS), 0);
    run_for(NS_PER_S);
    ck_assert_uint_eq(seen[1].lost, 1);
    talk(seen[1].self, LANE_CONTROL, 100);
    run_for(NS_PER_S);
    ck_assert_uint_eq(seen[0].messages[LANE_CONTROL], 1);
    ck_assert_uint_eq(seen[0].downs, 1);
    ck_assert_uint_eq(seen[0].ups, 2);
    ck_assert_uint_eq(seen[0].incarnation, (3u << 16) + 2);
    close_boxes();
}
END_TEST

/* More than a queue holds: the loss is told. */
START_TEST(an_overflow_ends_the_session)
{
    open_boxes();
    for (int i = 0; i < 8; i++)
        talk(seen[0].self, LANE_BULK, ACTOR_BODY_BULK_MAX);
    run_for(NS_PER_S);
    ck_assert_uint_ge(seen[0].downs, 1);
    ck_assert_uint_lt(seen[1].messages[LANE_BULK], 8);
    talk(seen[0].self, LANE_CONTROL, 100);
    run_for(NS_PER_S);
    ck_assert_uint_eq(seen[1].messages[LANE_CONTROL], 1);
    close_boxes();
}
END_TEST

/* Both boxes talk as members do. */
static void
talk_for(uint64_t ns)
{
    for (uint64_t end_ns = now_ns + ns; now_ns < end_ns;) {
        talk(seen[0].self, LANE_LIVENESS, 100);
        talk(seen[1].self, LANE_LIVENESS, 100);
        run_for(250 * NS_PER_MS);
    }
}

START_TEST(a_dead_plane_is_an_alarm)
{
    open_boxes();
    talk_for(5 * NS_PER_S);
    plane_dead[PLANE_B] = true;
    talk_for(NS_PER_S);
    ck_assert_uint_eq(boxes[0].raised[PLANE_B], 0);
    talk_for(2 * NS_PER_S);
    ck_assert_uint_eq(boxes[0].raised[PLANE_B], 1);
    ck_assert_uint_eq(boxes[1].raised[PLANE_B], 1);
    talk_for(NS_PER_MIN);
    plane_dead[PLANE_B] = false;
    talk_for(2 * NS_PER_S);
    ck_assert_uint_eq(boxes[0].cleared[PLANE_B], 0);
    talk_for(2 * NS_PER_S);
    for (unsigned i = 0; i < BOXES; i++) {
        ck_assert_uint_eq(boxes[i].raised[PLANE_B], 1);
        ck_assert_uint_eq(boxes[i].cleared[PLANE_B], 1);
        ck_assert_uint_eq(boxes[i].raised[PLANE_A], 0);
    }
    close_boxes();
}
END_TEST

/* The alarm outlives the bus that raised it: the next life raises it not
 * again, and clears it. */
START_TEST(a_plane_alarm_outlives_the_bus)
{
    open_boxes();
    talk_for(5 * NS_PER_S);
    plane_dead[PLANE_A] = true;
    talk_for(3 * NS_PER_S);
    ck_assert_int_eq(runtime_kill(boxes[0].runtime, SVC_BUS), 0);
    run_for(NS_PER_S);
    talk_for(5 * NS_PER_S);
    ck_assert_uint_eq(boxes[0].raised[PLANE_A], 1);
    ck_assert_uint_eq(boxes[0].cleared[PLANE_A], 0);
    ck_assert_int_eq(runtime_kill(boxes[0].runtime, SVC_BUS), 0);
    plane_dead[PLANE_A] = false;
    run_for(NS_PER_S);
    talk_for(5 * NS_PER_S);
    ck_assert_uint_eq(boxes[0].raised[PLANE_A], 1);
    ck_assert_uint_eq(boxes[0].cleared[PLANE_A], 1);
    close_boxes();
}
END_TEST

Suite *
bus_service_suite(void)
{
    Suite *suite = suite_create("bus_service");
    TCase *tcase = tcase_create("bus_service");

    tcase_set_timeout(tcase, 60);
    tcase_add_test(tcase, services_of_two_boxes_talk);
    tcase_add_test(tcase, no_event_of_the_bus_takes_more_than_a_quantum);
    tcase_add_test(tcase, a_bus_that_dies_comes_back_in_a_new_life);
    tcase_add_test(tcase, an_overflow_ends_the_session);
    tcase_add_test(tcase, a_dead_plane_is_an_alarm);
    tcase_add_test(tcase, a_plane_alarm_outlives_the_bus);
    suite_add_tcase(suite, tcase);
    return suite;
}
