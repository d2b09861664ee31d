/* SPDX-License-Identifier: Apache-2.0 */
#include "sim/kernel/kernel.h"

#include <check.h>
#include <stdlib.h>

#include "sim/kernel/kernel_priv.h"
#include "sim/kernel/kernel_test.h"
#include "sim/kernel/random.h"

/* A kernel driven beside a plain list that is searched from end to end. */
#define ACTOR_MAX 3000

struct bench;

struct actor {
    struct event event;
    struct bench *bench;
    bool pending; /* What the reference thinks. */
    uint64_t ps;
    uint32_t rank;  /* Class and entity. */
    uint64_t order; /* Of the add. */
};

struct bench {
    struct kernel *kernel;
    struct random_stream stream;
    uint64_t adds;
    size_t pending_count;
    size_t actor_count;
    uint64_t span_ps; /* How far ahead adds go. */
    struct actor actors[ACTOR_MAX];
    struct actor *expected;
    bool chain; /* Handlers add, move and cancel too. */
};

static bool
reference_less(const struct actor *a, const struct actor *b)
{
    if (a->ps != b->ps)
        return a->ps < b->ps;
    if (a->rank != b->rank)
        return a->rank < b->rank;
    return a->order < b->order;
}

static struct actor *
reference_first(struct bench *bench)
{
    struct actor *first = NULL;

    for (size_t i = 0; i < bench->actor_count; i++) {
        struct actor *actor = &bench->actors[i];

        if (actor->pending && (first == NULL || reference_less(actor, first)))
            first = actor;
    }
    return first;
}

/* Spans of very different size, many of them ties. */
static uint64_t
some_span(struct bench *bench)
{
    switch (random_below(&bench->stream, 6)) {
    case 0: return 0;
    case 1: return random_below(&bench->stream, 3);
    case 2: return random_below(&bench->stream, 8) * 1000;
    case 3: return random_below(&bench->stream, bench->span_ps);
    case 4: return random_below(&bench->stream, bench->span_ps / 1000 + 1);
    default: return random_below(&bench->stream, 20) * (bench->span_ps / 20);
    }
}

static void
set(struct bench *bench, struct actor *actor)
{
    uint64_t ps = kernel_now(bench->kernel).ps + some_span(bench);

    ck_assert_int_eq(
        kernel_add(bench->kernel, &actor->event, simtime_from_ps(ps)), 0);
    bench->pending_count += actor->pending ? 0 : 1;
    actor->pending = true;
    actor->ps = ps;
    actor->order = bench->adds++;
}

static void
unset(struct bench *bench, struct actor *actor)
{
    kernel_cancel(bench->kernel, &actor->event);
    bench->pending_count -= actor->pending ? 1 : 0;
    actor->pending = false;
    ck_assert(!event_pending(&actor->event));
}

static struct actor *
any(struct bench *bench)
{
    return &bench->actors[random_below(&bench->stream, bench->actor_count)];
}

static void
on_fire(struct event *event, struct simtime now)
{
    struct actor *actor = CONTAINER_OF(event, struct actor, event);
    struct bench *bench = actor->bench;

    ck_assert_ptr_eq(actor, bench->expected);
    ck_assert_uint_eq(now.ps, actor->ps);
    ck_assert_uint_eq(kernel_now(bench->kernel).ps, actor->ps);
    ck_assert(!event_pending(event));
    actor->pending = false;
    bench->pending_count--;
    if (!bench->chain)
        return;
    if (random_below(&bench->stream, 8) != 0)
        set(bench, actor);
    if (random_below(&bench->stream, 4) == 0)
        set(bench, any(bench));
    if (random_below(&bench->stream, 8) == 0)
        unset(bench, any(bench));
}

static void
step(struct bench *bench)
{
    struct simtime next;

    bench->expected = reference_first(bench);
    ck_assert_int_eq(kernel_next(bench->kernel, &next),
                     bench->expected != NULL);
    if (bench->expected != NULL)
        ck_assert_uint_eq(next.ps, bench->expected->ps);
    ck_assert_int_eq(kernel_step(bench->kernel), bench->expected != NULL);
    ck_assert_uint_eq(kernel_pending_count(bench->kernel),
                      bench->pending_count);
}

static struct bench *
bench_create(uint64_t seed, size_t actor_count, uint64_t span_ps)
{
    struct bench *bench = calloc(1, sizeof(*bench));

    bench->kernel = kernel_create();
    bench->stream = random_stream_make(seed, 0, 0);
    bench->actor_count = actor_count;
    bench->span_ps = span_ps;
    for (size_t i = 0; i < actor_count; i++) {
        uint8_t class = (uint8_t)(i % 3 * 100);
        uint32_t entity = (uint32_t)(i / 3 % 7);

        event_init(&bench->actors[i].event, class, entity, on_fire);
        bench->actors[i].bench = bench;
        bench->actors[i].rank = (uint32_t) class << 24 | entity;
    }
    return bench;
}

static void
bench_destroy(struct bench *bench)
{
    kernel_destroy(bench->kernel);
    free(bench);
}

static void
run_random(struct bench *bench, int rounds)
{
    for (int i = 0; i < rounds; i++) {
        uint64_t dice = random_below(&bench->stream, 100);

        if (dice < 40)
            set(bench, any(bench));
        else if (dice < 55)
            unset(bench, any(bench));
        else
            step(bench);
    }
}

static void
drain(struct bench *bench)
{
    bench->chain = false;
    while (bench->pending_count > 0)
        step(bench);
    step(bench);
}

START_TEST(order_matches_reference)
{
    static const uint64_t spans[] = {2, 5000, 1000000000,
                                     UINT64_C(90000000000000000)};

    for (uint64_t seed = 0; seed < 3; seed++) {
        struct bench *bench = bench_create(seed, 40 << (2 * seed), spans[_i]);

        bench->chain = true;
        run_random(bench, 8000);
        drain(bench);
        bench_destroy(bench);
    }
}
END_TEST

/* Enough at once to open several rungs, then cancels all over them. */
START_TEST(order_after_mass_cancel)
{
    struct bench *bench = bench_create(7, ACTOR_MAX, UINT64_C(1) << 40);

    for (int round = 0; round < 3; round++) {
        for (size_t i = 0; i < ACTOR_MAX; i++)
            set(bench, &bench->actors[i]);
        for (int i = 0; i < 500; i++)
            step(bench);
        for (int i = 0; i < 1500; i++)
            unset(bench, any(bench));
        for (int i = 0; i < 300; i++) {
            set(bench, any(bench));
            step(bench);
        }
    }
    drain(bench);
    bench_destroy(bench);
}
END_TEST

/* Thousands that fire, move and cancel each other, spread over rungs. */
START_TEST(order_in_motion)
{
    static const uint64_t spans[] = {100000, UINT64_C(1) << 40};
    struct bench *bench = bench_create(11, ACTOR_MAX, spans[_i]);

    bench->chain = true;
    for (size_t i = 0; i < ACTOR_MAX; i++)
        set(bench, &bench->actors[i]);
    for (int i = 0; i < 12000; i++) {
        step(bench);
        if (bench->pending_count < ACTOR_MAX / 2)
            set(bench, any(bench));
    }
    drain(bench);
    bench_destroy(bench);
}
END_TEST

/* All at one instant: sorted at once, then newcomers to the late heap. */
START_TEST(order_of_ties)
{
    struct bench *bench = bench_create(8, ACTOR_MAX, 1);

    bench->span_ps = 1;
    bench->chain = true;
    for (size_t i = 0; i < ACTOR_MAX; i++)
        set(bench, &bench->actors[i]);
    run_random(bench, 4000);
    drain(bench);
    bench_destroy(bench);
}
END_TEST

START_TEST(order_survives_sequence_wrap)
{
    struct bench *bench = bench_create(9, 600, 3000);

    kernel_sequence_set(bench->kernel, UINT32_MAX - 3000);
    bench->chain = true;
    run_random(bench, 12000);
    ck_assert_uint_gt(bench->adds, 3000);
    drain(bench);
    bench_destroy(bench);
}
END_TEST

struct probe {
    struct event event;
    int fired;
    struct kernel *kernel;
};

static void
count_fire(struct event *event, struct simtime now)
{
    struct probe *probe = CONTAINER_OF(event, struct probe, event);

    (void)now;
    probe->fired++;
    if (probe->fired == 3)
        kernel_stop(probe->kernel);
    else if (probe->kernel != NULL)
        ck_assert_int_eq(
            kernel_add_after(probe->kernel, event, simtime_from_ns(10)), 0);
}

START_TEST(errors_leave_the_event_alone)
{
    struct kernel *kernel = kernel_create();
    struct probe probe = {.fired = 0};

    event_init(&probe.event, 1, 1, count_fire);
    ck_assert(kernel_run_until(kernel, simtime_from_ns(100)));
    ck_assert_int_eq(kernel_add(kernel, &probe.event, simtime_from_ns(150)),
                     0);
    ck_assert_int_eq(kernel_add(kernel, &probe.event, simtime_from_ns(99)),
                     ERR_PAST);
    ck_assert_int_eq(kernel_add(kernel, &probe.event,
                                simtime_from_ps(SIMTIME_LIMIT_PS + 1)),
                     ERR_RANGE);
    ck_assert(event_pending(&probe.event));
    ck_assert_uint_eq(probe.event.at.ps, simtime_from_ns(150).ps);
    ck_assert(kernel_run_until(kernel, simtime_from_ns(150)));
    ck_assert_int_eq(probe.fired, 1);
    kernel_destroy(kernel);
}
END_TEST

START_TEST(run_until_and_stop)
{
    struct kernel *kernel = kernel_create();
    struct probe probe = {.fired = 0, .kernel = kernel};

    event_init(&probe.event, 1, 1, count_fire);
    ck_assert_int_eq(kernel_add(kernel, &probe.event, simtime_from_ns(10)), 0);
    ck_assert(kernel_run_until(kernel, simtime_from_ns(19)));
    ck_assert_int_eq(probe.fired, 1);
    ck_assert_uint_eq(kernel_now(kernel).ps, simtime_from_ns(19).ps);
    ck_assert(!kernel_run_until(kernel, simtime_from_ns(1000)));
    ck_assert_int_eq(probe.fired, 3);
    ck_assert_uint_eq(kernel_now(kernel).ps, simtime_from_ns(30).ps);
    ck_assert_uint_eq(kernel_fired_count(kernel), 3);
    ck_assert_uint_eq(kernel_run_count(kernel, 5), 0);
    kernel_destroy(kernel);
}
END_TEST

static void
note_observed(void *context, const struct event *event)
{
    *(uint64_t *)context +=
        event->at.ps + event_class(event) + event_entity(event) * 1000;
}

START_TEST(observer_sees_each_event)
{
    struct kernel *kernel = kernel_create();
    struct probe probe = {.fired = 0, .kernel = kernel};
    uint64_t seen = 0;

    event_init(&probe.event, 7, 3, count_fire);
    kernel_observe(kernel, note_observed, &seen);
    ck_assert_int_eq(kernel_add(kernel, &probe.event, simtime_from_ps(5)), 0);
    ck_assert_uint_eq(kernel_run_count(kernel, 2), 2);
    ck_assert_uint_eq(seen, 5 + 10005 + 2 * (7 + 3000));
    kernel_destroy(kernel);
}
END_TEST

/* A timer pushed on again and again, as protocols do, costs no memory. */
START_TEST(moving_for_ever_is_bounded)
{
    struct kernel *kernel = kernel_create();
    struct probe probes[400] = {{.fired = 0}};

    for (int i = 0; i < 400; i++)
        event_init(&probes[i].event, 1, (uint32_t)i, count_fire);
    int errors = 0;
    for (uint64_t round = 0; round < 2000; round++) {
        for (uint64_t i = 0; i < 400; i++)
            errors += kernel_add(kernel, &probes[i].event,
                                 simtime_from_us(i * 37 + round));
    }
    ck_assert_int_eq(errors, 0);
    ck_assert_uint_eq(kernel_pending_count(kernel), 400);
    ck_assert_uint_lt(kernel_memory_bytes(kernel), 400000);
    kernel_destroy(kernel);
}
END_TEST

Suite *
kernel_suite(void)
{
    Suite *suite = suite_create("kernel");
    TCase *order = tcase_create("order");
    TCase *run = tcase_create("run");

    tcase_set_timeout(order, 300);
    tcase_set_timeout(run, 300);
    tcase_add_loop_test(order, order_matches_reference, 0, 4);
    tcase_add_test(order, order_after_mass_cancel);
    tcase_add_loop_test(order, order_in_motion, 0, 2);
    tcase_add_test(order, order_of_ties);
    tcase_add_test(order, order_survives_sequence_wrap);
    tcase_add_test(run, errors_leave_the_event_alone);
    tcase_add_test(run, run_until_and_stop);
    tcase_add_test(run, observer_sees_each_event);
    tcase_add_test(run, moving_for_ever_is_bounded);
    suite_add_tcase(suite, order);
    suite_add_tcase(suite, run);
    return suite;
}

int
main(void)
{
    SRunner *runner = srunner_create(kernel_suite());

    srunner_add_suite(runner, numbers_suite());
    srunner_add_suite(runner, digest_suite());
    srunner_add_suite(runner, branch_suite());
    srunner_run_all(runner, CK_NORMAL);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed == 0 ? 0 : 1;
}
