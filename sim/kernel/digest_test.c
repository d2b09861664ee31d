/* SPDX-License-Identifier: Apache-2.0 */
#include "sim/kernel/digest.h"

#include <check.h>
#include <string.h>

#include "reference-nos/base/err.h"
#include "sim/kernel/kernel.h"
#include "sim/kernel/kernel_test.h"
#include "sim/kernel/random.h"

/* XXH3-128 of the empty input, from its specification. */
START_TEST(value_of_nothing)
{
    struct run_digest *digest = run_digest_create(0);
    char text[DIGEST_HEX_BYTES];

    ck_assert_str_eq(run_digest_hex(run_digest_value(digest), text),
                     "99aa06d3014798d86001c324468d497f");
    run_digest_destroy(digest);
}
END_TEST

/* Asking for the value between feeds changes nothing. */
START_TEST(value_is_of_the_stream)
{
    struct run_digest *a = run_digest_create(0);
    struct run_digest *b = run_digest_create(0);
    static const unsigned char blob[70000] = {1, 2, 3};

    for (uint64_t i = 0; i < 20000; i++) {
        run_digest_feed_u64(a, i * 77);
        run_digest_feed_u64(b, i * 77);
        if (i % 97 == 0)
            (void)run_digest_value(a);
    }
    ck_assert(run_digest_equal(run_digest_value(a), run_digest_value(b)));
    run_digest_feed_bytes(a, blob, sizeof(blob));
    ck_assert(!run_digest_equal(run_digest_value(a), run_digest_value(b)));
    run_digest_feed_bytes(b, blob, sizeof(blob));
    ck_assert(run_digest_equal(run_digest_value(a), run_digest_value(b)));
    run_digest_feed_bytes(a, blob, 3);
    run_digest_feed_bytes(b, blob, 4);
    ck_assert(!run_digest_equal(run_digest_value(a), run_digest_value(b)));
    run_digest_destroy(a);
    run_digest_destroy(b);
}
END_TEST

static void
nothing(struct event *event, struct simtime now)
{
    (void)event;
    (void)now;
}

/* Feeds 'count' events; number 'odd' (from 1) differs. */
static struct run_digest *
fed(uint64_t interval, uint64_t count, uint64_t odd)
{
    struct run_digest *digest = run_digest_create(interval);
    struct event event;

    event_init(&event, 1, 2, nothing);
    for (uint64_t i = 1; i <= count; i++) {
        event.at = simtime_from_ps(i * 10 + (i == odd));
        run_digest_event(digest, &event);
    }
    return digest;
}

START_TEST(difference_is_found)
{
    /* The second list is long enough to be thinned out twice. */
    struct run_digest *a = fed(16, 200000, 0);
    struct run_digest *b = fed(8, 200000, 100000);
    size_t a_count;
    size_t b_count;
    const struct digest_checkpoint *a_list =
        run_digest_checkpoints(a, &a_count);
    const struct digest_checkpoint *b_list =
        run_digest_checkpoints(b, &b_count);
    struct digest_checkpoint good;
    struct digest_checkpoint bad;

    ck_assert_uint_le(a_count, DIGEST_CHECKPOINT_MAX);
    ck_assert_uint_ge(a_count, DIGEST_CHECKPOINT_MAX / 2);
    ck_assert(run_digest_first_difference(a_list, a_count, b_list, b_count,
                                          &good, &bad));
    ck_assert_uint_lt(good.event_index, 100000);
    ck_assert_uint_ge(bad.event_index, 100000);
    ck_assert_uint_le(bad.event_index - good.event_index, 64);
    ck_assert_uint_eq(good.at.ps, good.event_index * 10);
    run_digest_destroy(b);
    b = fed(8, 200000, 0);
    b_list = run_digest_checkpoints(b, &b_count);
    ck_assert(!run_digest_first_difference(a_list, a_count, b_list, b_count,
                                           &good, &bad));
    ck_assert(run_digest_equal(run_digest_value(a), run_digest_value(b)));
    run_digest_destroy(a);
    run_digest_destroy(b);
}
END_TEST

struct walker {
    struct event event;
    struct kernel *kernel;
    struct random_stream stream;
    struct event *victim; /* Cancelled now and then. */
};

static void
walk(struct event *event, struct simtime now)
{
    struct walker *walker = CONTAINER_OF(event, struct walker, event);
    uint64_t span = random_exponential(&walker->stream, 1000000);

    (void)now;
    if (random_chance_ppm(&walker->stream, 100000)) {
        kernel_cancel(walker->kernel, walker->victim);
        ck_assert_int_eq(kernel_add_after(walker->kernel, walker->victim,
                                          simtime_from_ps(span % 1000)),
                         0);
    }
    ck_assert_int_eq(
        kernel_add_after(walker->kernel, event, simtime_from_ps(span)), 0);
}

/* The same bits from every compiler, level, sanitizer and CPU: a change of
 * this value breaks every replay token ever printed. */
START_TEST(golden_run)
{
    enum { WALKERS = 500 };
    static struct walker walkers[WALKERS];
    struct kernel *kernel = kernel_create();
    struct run_digest *digest = run_digest_create(0);
    char text[DIGEST_HEX_BYTES];

    kernel_observe(kernel, run_digest_event, digest);
    for (uint32_t i = 0; i < WALKERS; i++) {
        event_init(&walkers[i].event, (uint8_t)(i % 3), i / 2, walk);
        walkers[i].kernel = kernel;
        walkers[i].stream = random_stream_make(42, i, 1);
        walkers[i].victim = &walkers[(i * 7 + 1) % WALKERS].event;
        ck_assert_int_eq(
            kernel_add(kernel, &walkers[i].event, simtime_from_ps(i / 9)), 0);
    }
    ck_assert_uint_eq(kernel_run_count(kernel, 100000), 100000);
    ck_assert_str_eq(run_digest_hex(run_digest_value(digest), text),
                     "02daf98604a8822343b8ce6ffea069a8");
    run_digest_destroy(digest);
    kernel_destroy(kernel);
}
END_TEST

START_TEST(hex_round_trip)
{
    struct digest_value value = {UINT64_C(0x0123456789abcdef),
                                 UINT64_C(0xfedcba9876543210)};
    struct digest_value parsed = {0, 0};
    char text[DIGEST_HEX_BYTES];

    run_digest_hex(value, text);
    ck_assert_str_eq(text, "fedcba98765432100123456789abcdef");
    ck_assert_int_eq(run_digest_parse(text, &parsed), 0);
    ck_assert(run_digest_equal(parsed, value));
    ck_assert_int_eq(run_digest_parse("fedc", &parsed), ERR_MALFORMED);
    ck_assert_int_eq(
        run_digest_parse("fedcba98765432100123456789abcdef0", &parsed),
        ERR_MALFORMED);
    ck_assert_int_eq(
        run_digest_parse("gedcba98765432100123456789abcdef", &parsed),
        ERR_MALFORMED);
}
END_TEST

Suite *
digest_suite(void)
{
    Suite *suite = suite_create("digest");
    TCase *tcase = tcase_create("digest");

    tcase_set_timeout(tcase, 300);
    tcase_add_test(tcase, value_of_nothing);
    tcase_add_test(tcase, value_is_of_the_stream);
    tcase_add_test(tcase, difference_is_found);
    tcase_add_test(tcase, golden_run);
    tcase_add_test(tcase, hex_round_trip);
    suite_add_tcase(suite, tcase);
    return suite;
}
