/* SPDX-License-Identifier: Apache-2.0
 *
 * Random networks on the engine and on a plain list searched from end to end:
 * the same events in the same order, for any number of parts and threads.
 */
#include "models/engine/engine.h"

#include <check.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>

#include "models/engine/engine_priv.h"
#include "reference-nos/base/check.h"

#define DISTRICTS 4
#define LINES 60
#define TIMERS 40
#define NODES (LINES + TIMERS)
#define QUEUE_MAX 4096
#define EVENTS 20000

/* ---- the plain list ----------------------------------------------------- */

struct plain_line {
    uint64_t at_ps[QUEUE_MAX];
    uint64_t word[QUEUE_MAX];
    unsigned head, count;
};

struct plain {
    struct plain_line lines[LINES];
    uint64_t due_ps[NODES]; /* UINT64_MAX: idle. */
    uint64_t now_ps;
};

static void
plain_push(struct plain *plain, unsigned id, uint64_t at_ps, uint64_t word)
{
    struct plain_line *line = &plain->lines[id];
    unsigned slot = (line->head + line->count++) % QUEUE_MAX;

    CHECK(line->count <= QUEUE_MAX);
    line->at_ps[slot] = at_ps;
    line->word[slot] = word;
    plain->due_ps[id] = line->at_ps[line->head];
}

static unsigned
plain_first(const struct plain *plain)
{
    unsigned first = 0;

    for (unsigned id = 1; id < NODES; id++) {
        if (plain->due_ps[id] < plain->due_ps[first])
            first = id;
    }
    return first;
}

/* ---- the network, on either --------------------------------------------- */

/* All that a district's handlers share: any other order shows. */
struct district {
    struct net *net;
    uint64_t state;
    uint64_t fired;
    uint64_t trace;
    uint64_t last_ps;
};

struct net {
    struct engine *engine; /* NULL: on 'plain'. */
    struct plain *plain;
    unsigned parts;
    uint64_t events;    /* Stop adding after about so many. */
    uint64_t span_ps;   /* Longest of most delays. */
    uint64_t window_ps; /* Shortest time between districts. */
    unsigned from[LINES], to[LINES], at[TIMERS];
    uint64_t last_ps[LINES];
    struct district districts[DISTRICTS];
};

static uint64_t
mix(uint64_t *state, uint64_t value)
{
    uint64_t z = (*state += value + UINT64_C(0x9e3779b97f4a7c15));

    z = (z ^ (z >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
    z = (z ^ (z >> 27)) * UINT64_C(0x94d049bb133111eb);
    return z ^ (z >> 31);
}

static uint64_t
delay(const struct net *net, uint64_t draw)
{
    switch (draw % 8) {
    case 0: return 0;
    case 1: return draw >> 8 & 1;
    case 2: return (draw >> 8) % (1 + net->span_ps / 100);
    case 3: return (draw >> 8) % (1 + net->span_ps * 50);
    default: return (draw >> 8) % (1 + net->span_ps);
    }
}

static void
net_push(struct net *net, unsigned district, unsigned line, uint64_t at_ps,
         uint64_t word)
{
    if (net->from[line] != net->to[line])
        at_ps += net->window_ps;
    if (at_ps < net->last_ps[line])
        at_ps = net->last_ps[line];
    net->last_ps[line] = at_ps;
    if (net->engine == NULL)
        plain_push(net->plain, line, at_ps, word);
    else
        engine_push(engine_part(net->engine, district % net->parts), line,
                    at_ps, (struct engine_item){.word = word, .ref = line});
}

static void
net_timer(struct net *net, unsigned district, unsigned timer, uint64_t at_ps)
{
    struct engine_part *part;

    if (net->engine == NULL) {
        net->plain->due_ps[LINES + timer] = at_ps;
        return;
    }
    part = engine_part(net->engine, district % net->parts);
    if (at_ps == UINT64_MAX)
        engine_timer_cancel(part, LINES + timer);
    else
        engine_timer_set(part, LINES + timer, at_ps);
}

/* What a district does when something of it fires. */
static void
act(struct net *net, unsigned id, uint64_t now_ps, uint64_t word)
{
    unsigned at = id < LINES ? net->to[id] : net->at[id - LINES];
    struct district *district = &net->districts[at];
    uint64_t draw = mix(&district->state, word ^ now_ps << 8 ^ id);

    CHECK(now_ps >= district->last_ps);
    district->last_ps = now_ps;
    district->fired++;
    district->trace = mix(&district->trace, draw);
    if (district->fired > net->events / DISTRICTS)
        return;
    unsigned timer = (unsigned)(draw >> 3) % TIMERS;

    while (net->at[timer] != at)
        timer = (timer + 1) % TIMERS;
    draw = mix(&district->state, 1);
    if (draw % 16 == 0)
        net_timer(net, at, timer, UINT64_MAX);
    else if (draw % 16 < 9 || id >= LINES)
        net_timer(net, at, timer, now_ps + delay(net, draw >> 4));
    draw = mix(&district->state, 2);
    unsigned pushes = id < LINES ? 1 : draw % 4 == 0;

    for (unsigned i = 0; i < pushes; i++) {
        unsigned line = (unsigned)(draw >> 2) % LINES;

        while (net->from[line] != at)
            line = (line + 1) % LINES;
        draw = mix(&district->state, 3);
        net_push(net, at, line, now_ps + delay(net, draw), draw >> 5);
    }
}

static void
on_line(struct engine_part *part, uint32_t owner,
        const struct engine_item *item)
{
    struct net *net = engine_context(part);

    CHECK(item->ref == owner);
    CHECK(engine_part_index(part) == net->to[owner] % net->parts);
    act(net, owner, engine_now_ps(part), item->word);
}

static void
on_timer(struct engine_part *part, uint32_t owner,
         const struct engine_item *item)
{
    CHECK(item->word == 0);
    act(engine_context(part), owner, engine_now_ps(part), 0);
}

static void
net_make(struct net *net, uint64_t seed, uint64_t span_ps, uint64_t events)
{
    uint64_t state = seed;

    memset(net, 0, sizeof(*net));
    net->span_ps = span_ps;
    net->events = events;
    net->window_ps = 1 + span_ps / 2;
    for (unsigned i = 0; i < LINES; i++) {
        net->from[i] = i < DISTRICTS ? i : mix(&state, 0) % DISTRICTS;
        net->to[i] = mix(&state, 0) % 3 == 0 ? mix(&state, 0) % DISTRICTS
                                             : net->from[i];
    }
    for (unsigned i = 0; i < TIMERS; i++)
        net->at[i] = i < DISTRICTS ? i : mix(&state, 0) % DISTRICTS;
    for (unsigned i = 0; i < DISTRICTS; i++)
        net->districts[i].state = mix(&state, i);
}

static void
net_on_engine(struct net *net, unsigned parts, unsigned threads)
{
    struct engine_options options = {.parts = parts,
                                     .threads = threads,
                                     .window_ps = net->window_ps,
                                     .digest = true};

    net->parts = parts;
    ck_assert_int_eq(engine_create(&options, &net->engine), 0);
    for (unsigned i = 0; i < parts; i++)
        engine_context_set(net->engine, i, net);
    for (unsigned i = 0; i < LINES; i++)
        ck_assert_uint_eq(engine_line_add(net->engine, net->from[i] % parts,
                                          net->to[i] % parts, on_line, i, 0),
                          i);
    for (unsigned i = 0; i < TIMERS; i++)
        ck_assert_uint_eq(engine_timer_add(net->engine, net->at[i] % parts,
                                           on_timer, LINES + i),
                          LINES + i);
}

static void
net_on_plain(struct net *net)
{
    net->plain = calloc(1, sizeof(*net->plain));
    CHECK(net->plain != NULL);
    memset(net->plain->due_ps, 0xff, sizeof(net->plain->due_ps));
}

static void
net_free(struct net *net)
{
    engine_destroy(net->engine);
    free(net->plain);
}

static bool
net_next(const struct net *net, uint64_t *at_ps)
{
    if (net->engine != NULL)
        return engine_next(net->engine, at_ps);
    *at_ps = net->plain->due_ps[plain_first(net->plain)];
    return *at_ps != UINT64_MAX;
}

static void
net_run_until(struct net *net, uint64_t until_ps)
{
    if (net->engine != NULL) {
        ck_assert_int_eq(engine_run_until(net->engine, until_ps), 0);
        return;
    }
    struct plain *plain = net->plain;

    for (;;) {
        unsigned id = plain_first(plain);
        uint64_t word = 0;

        if (plain->due_ps[id] > until_ps)
            break;
        plain->now_ps = plain->due_ps[id];
        plain->due_ps[id] = UINT64_MAX;
        if (id < LINES) {
            struct plain_line *line = &plain->lines[id];

            word = line->word[line->head];
            line->head = (line->head + 1) % QUEUE_MAX;
            if (--line->count > 0)
                plain->due_ps[id] = line->at_ps[line->head];
        }
        act(net, id, plain->now_ps, word);
    }
    plain->now_ps = until_ps;
}

static void
lost_add(void *context, const struct engine_item *item)
{
    uint64_t *sum = context;

    (void)mix(sum, item->word);
}

static uint64_t
net_clear(struct net *net, unsigned line)
{
    uint64_t sum = 0;

    if (net->engine != NULL) {
        engine_line_clear(net->engine, line, lost_add, &sum);
        return sum;
    }
    struct plain_line *plain = &net->plain->lines[line];

    for (unsigned i = 0; i < plain->count; i++)
        (void)mix(&sum, plain->word[(plain->head + i) % QUEUE_MAX]);
    plain->count = 0;
    net->plain->due_ps[line] = UINT64_MAX;
    return sum;
}

/* Runs in steps, meddling between them; what was seen, as one number. */
static uint64_t
net_play(struct net *net, uint64_t seed)
{
    uint64_t state = seed;
    uint64_t seen = 0;
    uint64_t now_ps = 0;
    uint64_t at_ps;

    for (unsigned step = 0; step < 40; step++) {
        for (unsigned i = 0; i < 30; i++) {
            unsigned line = mix(&state, 0) % LINES;

            net_push(net, net->from[line], line,
                     now_ps + delay(net, mix(&state, 1)), i);
        }
        (void)mix(&seen, net_clear(net, mix(&state, 2) % LINES));
        (void)mix(&seen, net_next(net, &at_ps) ? at_ps : 7);
        now_ps += delay(net, mix(&state, 3)) * 4;
        net_run_until(net, now_ps);
    }
    while (net_next(net, &at_ps)) {
        (void)mix(&seen, at_ps);
        net_run_until(net, now_ps = at_ps + net->span_ps);
        CHECK(now_ps < net->span_ps * 1000000);
    }
    for (unsigned i = 0; i < DISTRICTS; i++) {
        (void)mix(&seen, net->districts[i].fired);
        (void)mix(&seen, net->districts[i].trace);
    }
    return seen;
}

static const struct {
    unsigned parts, threads;
} shapes[] = {{1, 1}, {4, 1}, {2, 2}, {4, 4}, {3, 2}};

static void
networks_agree(uint64_t seed, uint64_t span_ps)
{
    static struct net net;
    struct digest_value first = {0, 0};
    uint64_t expected;
    uint64_t fired = 0;

    net_make(&net, seed, span_ps, EVENTS);
    net_on_plain(&net);
    expected = net_play(&net, seed);
    for (unsigned i = 0; i < DISTRICTS; i++)
        fired += net.districts[i].fired;
    ck_assert_uint_gt(fired, 1000);
    net_free(&net);
    for (size_t i = 0; i < sizeof(shapes) / sizeof(shapes[0]); i++) {
        net_make(&net, seed, span_ps, EVENTS);
        net_on_engine(&net, shapes[i].parts, shapes[i].threads);
        ck_assert_uint_eq(net_play(&net, seed), expected);
        ck_assert_uint_eq(engine_events(net.engine), fired);
        struct digest_value digest = engine_digest(net.engine);

        if (i == 0)
            first = digest;
        ck_assert(run_digest_equal(first, digest));
        net_free(&net);
    }
}

START_TEST(same_as_a_plain_list)
{
    /* Delays of a few ps, within ticks, over the wheel, beyond it. */
    static const uint64_t spans_ps[] = {3, 2000, 300000, 50000000,
                                        UINT64_C(3000000000)};

    for (size_t i = 0; i < sizeof(spans_ps) / sizeof(spans_ps[0]); i++)
        networks_agree(100 * (uint64_t)_i + i, spans_ps[i]);
}
END_TEST

/* Long enough for the wheel to become longer and coarser. */
START_TEST(same_with_a_coarser_wheel)
{
    static struct net net;
    uint64_t expected;

    net_make(&net, 3, UINT64_C(20000000), 400000);
    net_on_plain(&net);
    expected = net_play(&net, 3);
    net_free(&net);
    net_make(&net, 3, UINT64_C(20000000), 400000);
    net_on_engine(&net, 1, 1);
    const struct wheel *wheel = &engine_part(net.engine, 0)->wheel;
    unsigned shift = wheel->shift;
    uint32_t mask = wheel->mask;

    ck_assert_uint_eq(net_play(&net, 3), expected);
    ck_assert_uint_gt(wheel->shift, shift);
    ck_assert_uint_gt(wheel->mask, mask);
    net_free(&net);
}
END_TEST

/* Thousands of timers within a nanosecond or two. */
#define CROWD 3000

struct crowd {
    uint64_t state;
    uint64_t at_ps[CROWD];
    uint64_t last_ps;
    uint32_t last;
    uint64_t fired;
};

static void
on_crowd(struct engine_part *part, uint32_t owner,
         const struct engine_item *item)
{
    struct crowd *crowd = engine_context(part);
    uint64_t now_ps = engine_now_ps(part);

    (void)item;
    CHECK(now_ps == crowd->at_ps[owner]);
    CHECK(now_ps > crowd->last_ps ||
          (now_ps == crowd->last_ps && owner > crowd->last));
    crowd->last_ps = now_ps;
    crowd->last = owner;
    crowd->fired++;
    crowd->at_ps[owner] = now_ps + 1 + mix(&crowd->state, 0) % 1500;
    engine_timer_set(part, owner, crowd->at_ps[owner]);
}

START_TEST(in_order_with_a_finer_wheel)
{
    static struct crowd crowd;
    struct engine_options options = {.parts = 1, .threads = 1};
    struct engine *engine;

    ck_assert_int_eq(engine_create(&options, &engine), 0);
    engine_context_set(engine, 0, &crowd);
    for (uint32_t i = 0; i < CROWD; i++) {
        ck_assert_uint_eq(engine_timer_add(engine, 0, on_crowd, i), i);
        crowd.at_ps[i] = 1 + i % 7;
        engine_timer_set(engine_part(engine, 0), i, crowd.at_ps[i]);
    }
    ck_assert_int_eq(engine_run_until(engine, 150000), 0);
    /* One each 750 ps on average. */
    ck_assert_uint_gt(crowd.fired, 190 * CROWD);
    ck_assert_uint_lt(crowd.fired, 210 * CROWD);
    ck_assert_uint_lt(engine_part(engine, 0)->wheel.shift, 10);
    engine_destroy(engine);
}
END_TEST

/* ---- directed ----------------------------------------------------------- */

struct note {
    unsigned count;
    uint64_t at_ps[64];
    uint32_t owner[64];
    uint64_t word[64];
};

static void
on_note(struct engine_part *part, uint32_t owner,
        const struct engine_item *item)
{
    struct note *note = engine_context(part);

    CHECK(note->count < 64);
    note->at_ps[note->count] = engine_now_ps(part);
    note->owner[note->count] = owner;
    note->word[note->count++] = item->word;
}

static struct engine *
single(struct note *note)
{
    struct engine_options options = {.parts = 1, .threads = 1, .digest = true};
    struct engine *engine;

    ck_assert_int_eq(engine_create(&options, &engine), 0);
    engine_context_set(engine, 0, note);
    memset(note, 0, sizeof(*note));
    return engine;
}

static void
push(struct engine *engine, uint32_t line, uint64_t at_ps, uint64_t word)
{
    engine_push(engine_part(engine, 0), line, at_ps,
                (struct engine_item){.word = word});
}

START_TEST(ties_go_by_id)
{
    struct note note;
    struct engine *engine = single(&note);
    uint32_t first = engine_line_add(engine, 0, 0, on_note, 10, 1);
    uint32_t timer = engine_timer_add(engine, 0, on_note, 11);
    uint32_t last = engine_line_add(engine, 0, 0, on_note, 12, 1);

    push(engine, last, 500, 1);
    push(engine, last, 500, 2);
    engine_timer_set(engine_part(engine, 0), timer, 500);
    push(engine, first, 500, 3);
    push(engine, first, 501, 4);
    ck_assert_int_eq(engine_run_until(engine, 500), 0);
    ck_assert_uint_eq(note.count, 4);
    ck_assert_uint_eq(note.owner[0], 10);
    ck_assert_uint_eq(note.owner[1], 11);
    ck_assert_uint_eq(note.word[2], 1);
    ck_assert_uint_eq(note.word[3], 2);
    ck_assert_int_eq(engine_run_until(engine, 501), 0);
    ck_assert_uint_eq(note.word[4], 4);
    engine_destroy(engine);
}
END_TEST

START_TEST(timers_move_and_cancel)
{
    struct note note;
    struct engine *engine = single(&note);
    uint32_t timer = engine_timer_add(engine, 0, on_note, 1);
    struct engine_part *part = engine_part(engine, 0);
    uint64_t at_ps;

    engine_timer_set(part, timer, 1000);
    engine_timer_set(part, timer, UINT64_C(900000000000)); /* later */
    ck_assert(engine_next(engine, &at_ps));
    ck_assert_uint_eq(at_ps, UINT64_C(900000000000));
    engine_timer_set(part, timer, 70000); /* earlier */
    engine_timer_set(part, timer, 80000);
    ck_assert_int_eq(engine_run_until(engine, 79999), 0);
    ck_assert_uint_eq(note.count, 0);
    ck_assert_int_eq(engine_run_until(engine, 80000), 0);
    ck_assert_uint_eq(note.count, 1);
    engine_timer_set(part, timer, 90000);
    engine_timer_cancel(part, timer);
    ck_assert(!engine_next(engine, &at_ps));
    engine_timer_cancel(part, timer);
    ck_assert_int_eq(engine_run_until(engine, 100000), 0);
    ck_assert_uint_eq(note.count, 1);
    ck_assert_uint_eq(engine_events(engine), 1);
    engine_timer_set(part, timer, 100000); /* now, again */
    ck_assert_int_eq(engine_run_until(engine, 100000), 0);
    ck_assert_uint_eq(note.count, 2);
    engine_destroy(engine);
}
END_TEST

START_TEST(the_clock_follows_runs)
{
    struct note note;
    struct engine *engine = single(&note);
    uint32_t line = engine_line_add(engine, 0, 0, on_note, 1, 1);

    ck_assert_int_eq(engine_run_until(engine, 5000000), 0);
    ck_assert_uint_eq(engine_now_ps(engine_part(engine, 0)), 5000000);
    ck_assert_int_eq(engine_run_until(engine, 4999999), ERR_PAST);
    push(engine, line, 5000000, 9);
    ck_assert_int_eq(engine_run_until(engine, 5000000), 0);
    ck_assert_uint_eq(note.count, 1);
    ck_assert_uint_eq(note.at_ps[0], 5000000);
    ck_assert_uint_gt(engine_memory_bytes(engine), 0);
    engine_destroy(engine);
}
END_TEST

START_TEST(what_happens_is_in_the_digest)
{
    struct digest_value values[4];

    for (unsigned i = 0; i < 4; i++) {
        struct note note;
        struct engine *engine = single(&note);
        uint32_t line = engine_line_add(engine, 0, 0, on_note, 1, 1);
        uint32_t other = engine_line_add(engine, 0, 0, on_note, 1, 1);

        push(engine, i == 1 ? other : line, i == 2 ? 7 : 6, i == 3 ? 5 : 4);
        ck_assert_int_eq(engine_run_until(engine, 10), 0);
        values[i] = engine_digest(engine);
        engine_destroy(engine);
        for (unsigned k = 0; k < i; k++)
            ck_assert(!run_digest_equal(values[i], values[k]));
    }
}
END_TEST

START_TEST(options_are_checked)
{
    static const struct engine_options bad[] = {
        {.parts = 0, .threads = 1},
        {.parts = 65, .threads = 1, .window_ps = 1},
        {.parts = 1, .threads = 0},
        {.parts = 1, .threads = 17},
        {.parts = 2, .threads = 1, .window_ps = 0},
    };
    struct engine *engine;

    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
        ck_assert_int_eq(engine_create(&bad[i], &engine), ERR_INVALID);
}
END_TEST

/* A line to another part, shorter than the window. */
static void
on_hasty(struct engine_part *part, uint32_t owner,
         const struct engine_item *item)
{
    engine_push(part, owner, engine_now_ps(part) + 9, *item);
}

START_TEST(too_short_across_parts)
{
    struct engine_options options = {
        .parts = 2, .threads = 1, .window_ps = 10};
    struct engine *engine;
    uint32_t line;
    uint32_t timer;

    ck_assert_int_eq(engine_create(&options, &engine), 0);
    line = engine_line_add(engine, 0, 1, on_note, 1, 1);
    timer = engine_timer_add(engine, 0, on_hasty, line);
    engine_timer_set(engine_part(engine, 0), timer, 100);
    ck_assert_int_eq(engine_run_until(engine, 200), 0);
}
END_TEST

START_TEST(a_push_into_the_past)
{
    struct note note;
    struct engine *engine = single(&note);
    uint32_t line = engine_line_add(engine, 0, 0, on_note, 1, 1);

    push(engine, line, 10, 0);
    push(engine, line, 9, 0);
}
END_TEST

int
main(void)
{
    Suite *suite = suite_create("engine");
    TCase *property = tcase_create("property");
    TCase *directed = tcase_create("directed");

    tcase_add_loop_test(property, same_as_a_plain_list, 1, 5);
    tcase_add_test(property, same_with_a_coarser_wheel);
    tcase_add_test(property, in_order_with_a_finer_wheel);
    tcase_add_test(directed, ties_go_by_id);
    tcase_add_test(directed, timers_move_and_cancel);
    tcase_add_test(directed, the_clock_follows_runs);
    tcase_add_test(directed, what_happens_is_in_the_digest);
    tcase_add_test(directed, options_are_checked);
    tcase_add_test_raise_signal(directed, too_short_across_parts, SIGABRT);
    tcase_add_test_raise_signal(directed, a_push_into_the_past, SIGABRT);
    suite_add_tcase(suite, property);
    suite_add_tcase(suite, directed);
    SRunner *runner = srunner_create(suite);

    srunner_run_all(runner, CK_NORMAL);
    int failed = srunner_ntests_failed(runner);

    srunner_free(runner);
    return failed != 0;
}
