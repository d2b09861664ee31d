/* SPDX-License-Identifier: Apache-2.0
 *
 * The runtime over a world of one box, whose time the test steps.
 */
#include "reference-nos/runtime/runtime.h"

#include <check.h>
#include <stdlib.h>
#include <string.h>

#define MS 1000000ull
#define S (1000 * MS)
#define SEEN_MAX 64
#define STORM (RUNTIME_MAILBOX_MAX + 100)

/* What the services did, in order. */
struct seen {
    enum actor_event_kind kind;
    unsigned service;
    unsigned detail; /* message type, timer number */
};

struct box {
    struct plat plat;
    struct box_facts facts;
    uint64_t now_ns;
    uint64_t alarm_ns;
    unsigned ready; /* bit per service */
    size_t held_bytes;
    bool dry; /* no more memory */
    unsigned restarts;
    unsigned dead;            /* TRACE_SERVICE_DIED */
    unsigned raised, cleared; /* ALARM_SERVICE, as traced */
    bool shown[SVC_COUNT];    /* as the store was told */
    unsigned shows;
    struct seen seen[SEEN_MAX];
    unsigned seen_count;
    struct runtime *runtime;
    /* What the test service answers. */
    int result;
    unsigned more;
    bool hung;
};

static struct box *
box_of(struct plat *plat)
{
    return CONTAINER_OF(plat, struct box, plat);
}

static uint64_t
now_ns(struct plat *plat)
{
    return box_of(plat)->now_ns;
}

static uint64_t
random_u64(struct plat *plat)
{
    return 0x9e3779b97f4a7c15u * (1 + box_of(plat)->seen_count);
}

static void
wake_at(struct plat *plat, uint64_t deadline_ns)
{
    box_of(plat)->alarm_ns = deadline_ns;
}

static void
ready(struct plat *plat, unsigned service)
{
    box_of(plat)->ready |= 1u << service;
}

static void
charge(struct plat *plat, enum cost cost, uint64_t units)
{
    (void)plat;
    (void)cost;
    (void)units;
}

static void *
chunk_take(struct plat *plat, size_t size)
{
    struct box *box = box_of(plat);

    if (box->dry)
        return NULL;
    box->held_bytes += size;
    return malloc(size);
}

static void
chunk_give(struct plat *plat, void *chunk, size_t size)
{
    box_of(plat)->held_bytes -= size;
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
    box_of(plat)->dead += record->kind == TRACE_SERVICE_DIED;
    if (record->kind != TRACE_ALARM)
        return;
    ck_assert_uint_eq(record->a, ALARM_SERVICE);
    box_of(plat)->raised += record->b != 0;
    box_of(plat)->cleared += record->b == 0;
}

static void
restart(struct plat *plat, enum reboot_cause cause)
{
    ck_assert_int_eq(cause, REBOOT_SERVICE_BUDGET);
    box_of(plat)->restarts++;
}

static const struct plat_ops ops = {
    .now_ns = now_ns,
    .wall_ns = now_ns,
    .random = random_u64,
    .wake_at = wake_at,
    .ready = ready,
    .charge = charge,
    .chunk_take = chunk_take,
    .chunk_give = chunk_give,
    .log = log_line,
    .trace = trace,
    .restart = restart,
};

/* ---- two services ---- */

static int
start(struct actor *self, void **state)
{
    *state = mem_zalloc(actor_mem(self), 100);
    return *state == NULL ? ERR_NOMEM : 0;
}

static int
handle(struct actor *self, void *state, const struct actor_event *event)
{
    struct box *box = box_of(actor_plat(self));
    struct seen *seen = &box->seen[box->seen_count % SEEN_MAX];

    (void)state;
    if (event->kind == EV_ALARM) {
        ck_assert_int_eq(event->u.alarm.code, ALARM_SERVICE);
        box->shown[event->u.alarm.item] = event->u.alarm.raised;
        box->shows++;
        return ACTOR_DONE;
    }
    box->seen_count++;
    seen->kind = event->kind;
    seen->service = actor_service(self);
    seen->detail = event->kind == EV_MESSAGE ? event->u.message.type
                   : event->kind == EV_TIMER ? event->u.timer
                                             : 0;
    if (event->kind != EV_START && box->more > 0) {
        box->more--;
        return ACTOR_MORE;
    }
    return event->kind == EV_START ? 0 : box->result;
}

static const struct actor_kind store = {
    .id = SVC_STORE,
    .takes = TAKES_OPERATOR | TAKES_SESSIONS | TAKES_ALARMS,
    .memory_max_bytes = 1 << 20,
    .start = start,
    .handle = handle,
};
static const struct actor_kind bus = {
    .id = SVC_BUS,
    .takes = TAKES_DATAGRAMS | TAKES_REMOTE,
    .memory_max_bytes = 1 << 20,
    .start = start,
    .handle = handle,
};
static const struct actor_kind *const kinds[] = {&bus, &store};

static void
run_ready(struct box *box)
{
    for (unsigned rounds = 0; rounds < 100000; rounds++) {
        unsigned service = SVC_COUNT;

        for (unsigned i = 0; i < SVC_COUNT && !box->hung; i++) {
            if (runtime_pending(box->runtime, i) != LANE_COUNT)
                service = i;
        }
        if (service == SVC_COUNT)
            return;
        runtime_dispatch(box->runtime, service);
    }
    ck_abort_msg("the box never rests");
}

/* Lets time pass, with the alarms that are asked for. */
static void
pass(struct box *box, uint64_t span_ns)
{
    uint64_t end_ns = box->now_ns + span_ns;

    while (box->alarm_ns <= end_ns) {
        ck_assert_uint_ge(box->alarm_ns, box->now_ns);
        box->now_ns = box->alarm_ns;
        box->alarm_ns = UINT64_MAX;
        runtime_alarm(box->runtime);
        run_ready(box);
    }
    box->now_ns = end_ns;
}

static struct box *
box_make(void)
{
    struct box *box = calloc(1, sizeof(*box));

    box->plat.ops = &ops;
    box->plat.facts = &box->facts;
    box->facts.key = 7;
    box->now_ns = 5 * S;
    box->alarm_ns = UINT64_MAX;
    ck_assert_int_eq(
        runtime_create(&box->plat, kinds, ARRAY_COUNT(kinds), &box->runtime),
        0);
    run_ready(box);
    box->seen_count = 0;
    return box;
}

static void
box_free(struct box *box)
{
    runtime_destroy(box->runtime);
    ck_assert_uint_eq(box->held_bytes, 0);
    free(box);
}

static void
operate(struct box *box)
{
    runtime_operator(box->runtime, 1, "x", 1);
}

/* ---- tests ---- */

START_TEST(lanes_go_before_arrival)
{
    struct box *box = box_make();

    runtime_datagram(box->runtime, PLANE_A, 9, LANE_TELEMETRY, "t", 1);
    runtime_datagram(box->runtime, PLANE_A, 9, LANE_BULK, "b", 1);
    runtime_datagram(box->runtime, PLANE_A, 9, LANE_LIVENESS, "l", 1);
    ck_assert_int_eq(runtime_pending(box->runtime, SVC_BUS), LANE_LIVENESS);
    ck_assert_uint_eq(runtime_waiting(box->runtime, SVC_BUS),
                      1u << LANE_LIVENESS | 1u << LANE_BULK |
                          1u << LANE_TELEMETRY);
    runtime_dispatch(box->runtime, SVC_BUS);
    ck_assert_uint_eq(runtime_waiting(box->runtime, SVC_BUS),
                      1u << LANE_BULK | 1u << LANE_TELEMETRY);
    ck_assert_int_eq(runtime_pending(box->runtime, SVC_BUS), LANE_BULK);
    runtime_dispatch(box->runtime, SVC_BUS);
    ck_assert_int_eq(runtime_pending(box->runtime, SVC_BUS), LANE_TELEMETRY);
    runtime_dispatch(box->runtime, SVC_BUS);
    ck_assert_int_eq(runtime_pending(box->runtime, SVC_BUS), LANE_COUNT);
    box_free(box);
}
END_TEST

START_TEST(more_is_entered_again_before_its_lane)
{
    struct box *box = box_make();

    box->more = 1;
    operate(box);
    runtime_dispatch(box->runtime, SVC_STORE);
    operate(box);
    run_ready(box);
    ck_assert_uint_eq(box->seen_count, 3);
    ck_assert_int_eq(box->seen[0].kind, EV_OPERATOR);
    ck_assert_int_eq(box->seen[1].kind, EV_CONTINUE);
    ck_assert_int_eq(box->seen[2].kind, EV_OPERATOR);
    box_free(box);
}
END_TEST

START_TEST(killed_service_starts_again)
{
    struct box *box = box_make();
    struct runtime_service_stats stats;

    operate(box);
    ck_assert_int_eq(runtime_kill(box->runtime, SVC_STORE), 0);
    ck_assert_int_eq(runtime_kill(box->runtime, SVC_STORE), ERR_NOENT);
    ck_assert_int_eq(runtime_pending(box->runtime, SVC_STORE), LANE_COUNT);
    ck_assert_uint_eq(runtime_held_bytes(box->runtime), box->held_bytes);
    operate(box); /* nobody is there */
    pass(box, RUNTIME_RESTART_BACKOFF_NS);
    ck_assert_int_eq(runtime_stats(box->runtime, SVC_STORE, &stats), 0);
    ck_assert(stats.up);
    ck_assert_uint_eq(stats.lives, 2);
    ck_assert_uint_eq(stats.mailbox_count, 0);
    ck_assert_uint_eq(runtime_held_bytes(box->runtime), box->held_bytes);
    ck_assert_uint_eq(box->seen_count, 1);
    ck_assert_int_eq(box->seen[0].kind, EV_START);
    box_free(box);
}
END_TEST

START_TEST(restarted_bus_tells_that_sessions_are_gone)
{
    struct box *box = box_make();

    ck_assert_int_eq(runtime_kill(box->runtime, SVC_BUS), 0);
    pass(box, RUNTIME_RESTART_BACKOFF_NS);
    ck_assert_uint_eq(box->seen_count, 2);
    ck_assert_int_eq(box->seen[0].kind, EV_SESSION);
    ck_assert_uint_eq(box->seen[0].service, SVC_STORE);
    box_free(box);
}
END_TEST

START_TEST(budget_restarts_the_box)
{
    struct box *box = box_make();

    box->result = ERR_IO; /* the service ends itself at every event */
    for (unsigned i = 0; i < RUNTIME_RESTARTS_MAX; i++) {
        ck_assert_uint_eq(box->restarts, 0);
        operate(box);
        run_ready(box);
        ck_assert_uint_eq(box->dead, i + 1);
        pass(box, 5 * S);
    }
    ck_assert_uint_eq(box->restarts, 1);
    operate(box);
    ck_assert_int_eq(runtime_pending(box->runtime, SVC_STORE), LANE_COUNT);
    box_free(box);
}
END_TEST

START_TEST(budget_forgets_old_deaths)
{
    struct box *box = box_make();

    for (unsigned i = 0; i < 3 * RUNTIME_RESTARTS_MAX; i++) {
        ck_assert_int_eq(runtime_kill(box->runtime, SVC_STORE), 0);
        pass(box, RUNTIME_RESTART_WINDOW_NS / 4);
    }
    ck_assert_uint_eq(box->restarts, 0);
    box_free(box);
}
END_TEST

static void
kill_times(struct box *box, unsigned service, unsigned times, uint64_t span_ns)
{
    for (unsigned i = 0; i < times; i++) {
        ck_assert_int_eq(runtime_kill(box->runtime, service), 0);
        pass(box, span_ns);
    }
}

START_TEST(crash_loop_is_an_alarm)
{
    struct box *box = box_make();

    kill_times(box, SVC_BUS, RUNTIME_ALARM_DEATHS - 1, S);
    ck_assert_uint_eq(box->raised, 0);
    kill_times(box, SVC_BUS, 1, S);
    ck_assert_uint_eq(box->raised, 1);
    ck_assert(box->shown[SVC_BUS] && !box->shown[SVC_STORE]);
    kill_times(box, SVC_BUS, 1, S); /* still the same alarm */
    ck_assert_uint_eq(box->raised, 1);
    pass(box, RUNTIME_RESTART_WINDOW_NS - S);
    ck_assert_uint_eq(box->cleared, 0);
    pass(box, S);
    ck_assert_uint_eq(box->cleared, 1);
    ck_assert(!box->shown[SVC_BUS]);
    pass(box, RUNTIME_HANG_NS);
    ck_assert_uint_eq(box->alarm_ns, UINT64_MAX); /* nothing ticks on */
    ck_assert_uint_eq(box->restarts, 0);
    box_free(box);
}
END_TEST

START_TEST(deaths_far_apart_are_no_alarm)
{
    struct box *box = box_make();

    kill_times(box, SVC_BUS, 20, RUNTIME_RESTART_WINDOW_NS / 2);
    ck_assert_uint_eq(box->raised, 0);
    ck_assert_uint_eq(box->shows, 0);
    box_free(box);
}
END_TEST

/* A death just before the alarm would clear begins the wait again. */
START_TEST(alarm_clears_after_a_whole_window_of_life)
{
    struct box *box = box_make();

    kill_times(box, SVC_BUS, RUNTIME_ALARM_DEATHS, S);
    pass(box, RUNTIME_RESTART_WINDOW_NS - 2 * S);
    kill_times(box, SVC_BUS, 1, RUNTIME_RESTART_WINDOW_NS - S);
    ck_assert_uint_eq(box->cleared, 0);
    pass(box, 2 * S);
    ck_assert_uint_eq(box->raised, 1);
    ck_assert_uint_eq(box->cleared, 1);
    box_free(box);
}
END_TEST

/* Who shows the alarms is killed itself, and asked nobody. */
START_TEST(alarms_are_told_again_to_who_starts)
{
    struct box *box = box_make();

    kill_times(box, SVC_STORE, RUNTIME_ALARM_DEATHS, S);
    ck_assert_uint_eq(box->raised, 1);
    ck_assert(box->shown[SVC_STORE]); /* told when it lived again */
    kill_times(box, SVC_BUS, RUNTIME_ALARM_DEATHS, S);
    pass(box, RUNTIME_RESTART_WINDOW_NS - 2 * S);
    ck_assert_uint_eq(box->cleared, 1);
    ck_assert(!box->shown[SVC_STORE] && box->shown[SVC_BUS]);
    /* What clears while it is down it hears as well. */
    ck_assert_int_eq(runtime_kill(box->runtime, SVC_STORE), 0);
    box->alarm_ns = UINT64_MAX; /* the door is slow */
    box->now_ns += 5 * S;
    runtime_alarm(box->runtime);
    run_ready(box);
    ck_assert_uint_eq(box->cleared, 2);
    ck_assert(!box->shown[SVC_STORE] && !box->shown[SVC_BUS]);
    box_free(box);
}
END_TEST

START_TEST(hung_service_is_killed)
{
    struct box *box = box_make();

    operate(box);
    box->hung = true;
    pass(box, RUNTIME_HANG_NS + 50 * MS);
    ck_assert_uint_eq(box->dead, 1);
    box->hung = false;
    pass(box, S);
    ck_assert_int_eq(runtime_pending(box->runtime, SVC_STORE), LANE_COUNT);
    ck_assert_uint_eq(box->dead, 1);
    box_free(box);
}
END_TEST

START_TEST(mailbox_is_bounded)
{
    struct box *box = box_make();
    struct runtime_service_stats stats;

    for (unsigned i = 0; i < STORM; i++)
        operate(box);
    ck_assert_int_eq(runtime_stats(box->runtime, SVC_STORE, &stats), 0);
    ck_assert_uint_eq(stats.mailbox_count,
                      RUNTIME_MAILBOX_MAX - RUNTIME_MAILBOX_SPARE);
    run_ready(box);
    ck_assert_uint_eq(box->seen_count,
                      RUNTIME_MAILBOX_MAX - RUNTIME_MAILBOX_SPARE);
    box_free(box);
}
END_TEST

START_TEST(mailbox_is_bounded_in_bytes)
{
    static const uint8_t bytes[60000];
    struct box *box = box_make();
    struct runtime_service_stats stats;

    for (unsigned i = 0; i < 1000; i++)
        runtime_operator(box->runtime, i, bytes, sizeof(bytes));
    ck_assert_int_eq(runtime_stats(box->runtime, SVC_STORE, &stats), 0);
    ck_assert_uint_le(stats.mailbox_count * sizeof(bytes),
                      RUNTIME_MAILBOX_BYTES_MAX);
    ck_assert_uint_gt(stats.mailbox_count, 200);
    run_ready(box);
    operate(box);
    ck_assert_int_ne(runtime_pending(box->runtime, SVC_STORE), LANE_COUNT);
    box_free(box);
}
END_TEST

START_TEST(completions_are_not_lost_in_a_full_mailbox)
{
    struct box *box = box_make();
    struct runtime_service_stats stats;

    for (unsigned i = 0; i < STORM; i++)
        operate(box);
    for (unsigned i = 0; i < RUNTIME_MAILBOX_SPARE; i++)
        runtime_storage_done(box->runtime, SVC_STORE, i, 0);
    ck_assert_int_eq(runtime_stats(box->runtime, SVC_STORE, &stats), 0);
    ck_assert_uint_eq(stats.mailbox_count, RUNTIME_MAILBOX_MAX);
    ck_assert_uint_eq(box->dead, 0);
    runtime_storage_done(box->runtime, SVC_STORE, 0, 0);
    ck_assert_uint_eq(box->dead, 1); /* rather than deaf */
    box_free(box);
}
END_TEST

START_TEST(no_memory_is_survived)
{
    struct box *box = box_make();

    box->dry = true;
    ck_assert_int_eq(runtime_kill(box->runtime, SVC_STORE), 0);
    pass(box, 150 * MS); /* the start fails, and is tried again later */
    ck_assert_uint_eq(box->dead, 2);
    box->dry = false;
    pass(box, 10 * S);
    ck_assert_int_eq(box->seen[box->seen_count - 1].kind, EV_START);
    box_free(box);
}
END_TEST

/* ---- a part of a box ---- */

struct other {
    unsigned messages, sessions;
    uint8_t to;
    uint64_t from_box;
    int answer;
};

static int
other_message(void *arg, const struct actor_message *message)
{
    struct other *other = arg;

    other->messages++;
    other->to = message->to.service;
    other->from_box = message->from.box;
    return other->answer;
}

static void
other_session(void *arg, uint64_t box, uint64_t incarnation, bool up)
{
    (void)box, (void)incarnation, (void)up;
    ((struct other *)arg)->sessions++;
}

static void
other_alarm(void *arg, enum alarm_code code, unsigned item, bool raise,
            uint64_t value)
{
    (void)arg, (void)code, (void)item, (void)raise, (void)value;
}

static struct other other;
static uint32_t part_life;

static int
part_handle(struct actor *self, void *state, const struct actor_event *event)
{
    struct actor_message message = {
        .from = {5, SVC_MEMBER},
        .to = {0, SVC_CLUSTER},
        .lane = LANE_CONTROL,
    };

    (void)state;
    part_life = actor_life(self);
    ck_assert_ptr_eq(actor_kind(self)->handle, part_handle);
    if (event->kind != EV_MESSAGE)
        return ACTOR_DONE;
    ck_assert_int_eq(actor_send(self, (struct actor_address){0, SVC_MEMBER},
                                LANE_CONTROL, 1, 0, "x", 1),
                     other.answer);
    ck_assert_int_eq(actor_deliver(self, &message), other.answer);
    actor_session(self, 5, 1, true);
    return ACTOR_DONE;
}

START_TEST(part_of_a_box_reaches_the_others)
{
    static const struct actor_kind part = {
        .id = SVC_BUS,
        .takes = TAKES_REMOTE,
        .memory_max_bytes = 1 << 20,
        .start = start,
        .handle = part_handle,
    };
    static const struct actor_kind *const parts[] = {&part};
    const struct runtime_elsewhere elsewhere = {&other, other_message,
                                                other_session, other_alarm};
    struct actor_event event = {
        .kind = EV_MESSAGE,
        .u.message = {.lane = LANE_BULK,
                      .body = (const uint8_t *)"b",
                      .size = 1},
    };
    struct box *box = calloc(1, sizeof(*box));

    other = (struct other){.answer = ERR_FULL};
    box->plat.ops = &ops;
    box->plat.facts = &box->facts;
    box->alarm_ns = UINT64_MAX;
    ck_assert_int_eq(runtime_create_part(&box->plat, parts, 1, 3, &elsewhere,
                                         &box->runtime),
                     0);
    ck_assert_int_eq(runtime_offer(box->runtime, SVC_STORE, LANE_BULK, &event),
                     ERR_UNREACHABLE);
    ck_assert_int_eq(runtime_offer(box->runtime, SVC_BUS, LANE_BULK, &event),
                     0);
    run_ready(box);
    ck_assert_uint_eq(part_life, 4);
    ck_assert_uint_eq(other.messages, 2);
    ck_assert_uint_eq(other.to, SVC_CLUSTER);
    ck_assert_uint_eq(other.from_box, 5);
    ck_assert_uint_eq(other.sessions, 1);
    box_free(box);
}
END_TEST

static Suite *
runtime_suite(void)
{
    Suite *suite = suite_create("runtime");
    TCase *tests = tcase_create("services");

    tcase_add_test(tests, lanes_go_before_arrival);
    tcase_add_test(tests, more_is_entered_again_before_its_lane);
    tcase_add_test(tests, killed_service_starts_again);
    tcase_add_test(tests, restarted_bus_tells_that_sessions_are_gone);
    tcase_add_test(tests, budget_restarts_the_box);
    tcase_add_test(tests, budget_forgets_old_deaths);
    tcase_add_test(tests, crash_loop_is_an_alarm);
    tcase_add_test(tests, deaths_far_apart_are_no_alarm);
    tcase_add_test(tests, alarm_clears_after_a_whole_window_of_life);
    tcase_add_test(tests, alarms_are_told_again_to_who_starts);
    tcase_add_test(tests, hung_service_is_killed);
    tcase_add_test(tests, mailbox_is_bounded);
    tcase_add_test(tests, mailbox_is_bounded_in_bytes);
    tcase_add_test(tests, completions_are_not_lost_in_a_full_mailbox);
    tcase_add_test(tests, no_memory_is_survived);
    tcase_add_test(tests, part_of_a_box_reaches_the_others);
    suite_add_tcase(suite, tests);
    return suite;
}

int
main(void)
{
    SRunner *runner = srunner_create(runtime_suite());
    int failed;

    srunner_run_all(runner, CK_NORMAL);
    failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed == 0 ? 0 : 1;
}
