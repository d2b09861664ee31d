/* SPDX-License-Identifier: Apache-2.0
 *
 * The native management network and ns-3's, side by side under the same
 * frames; and helpers that fail.
 */
#include "sim/world/ns3/ns3.h"

#include <check.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "sim/kernel/random.h"

#define BOXES 6u
#define SKIPPED 77
#define ARRIVALS_MAX 65536u
#define QUEUE_BYTES 100000u
#define ADDRESS 100u /* of box 0 */

struct seen {
    uint64_t at_ps;
    uint32_t number;
    unsigned box;
    enum plane plane;
    enum lane lane;
    uint64_t from;
};

struct rig {
    struct kernel *kernel;
    struct mgmt_net *net;
    unsigned count;
    unsigned failures;
    struct seen arrivals[ARRIVALS_MAX];
};

/* The same is done to both. */
static struct rig *native, *other;

static void
on_deliver(void *context, unsigned box, enum plane plane, uint64_t from,
           enum lane lane, const void *bytes, size_t size)
{
    struct rig *rig = context;
    struct seen *seen = &rig->arrivals[rig->count++];

    ck_assert_uint_lt(rig->count, ARRIVALS_MAX);
    ck_assert_uint_ge(size, sizeof(seen->number));
    *seen = (struct seen){
        .at_ps = kernel_now(rig->kernel).ps,
        .box = box,
        .plane = plane,
        .lane = lane,
        .from = from,
    };
    memcpy(&seen->number, bytes, sizeof(seen->number));
}

static void
on_failed(void *context)
{
    ((struct rig *)context)->failures++;
}

static struct rig *
rig_create(const char *helper_path)
{
    struct rig *rig = calloc(1, sizeof(*rig));
    struct ns3_helper *helper = NULL;
    char message[256] = "";
    struct mgmt_net_options options = {
        .box_count = BOXES,
        .link_bps = 1000000000,
        .link_delay = simtime_from_ns(150),
        .switch_latency = simtime_from_us(2),
        .queue_bytes = QUEUE_BYTES,
        .seed = 1,
        .deliver = on_deliver,
        .failed = on_failed,
        .context = rig,
    };

    rig->kernel = kernel_create();
    if (helper_path == NULL) {
        rig->net = mgmt_net_create(rig->kernel, &options);
    } else {
        ck_assert_msg(ns3_helper_start(helper_path, &helper, message,
                                       sizeof(message)) == 0,
                      "%s", message);
        rig->net = ns3_mgmt_net_create(helper, rig->kernel, &options);
    }
    for (unsigned i = 0; i < BOXES; i++) {
        mgmt_net_box_address(rig->net, i, ADDRESS + i);
        mgmt_net_box_power(rig->net, i, true);
    }
    return rig;
}

static void
rig_destroy(struct rig *rig)
{
    mgmt_net_destroy(rig->net);
    kernel_destroy(rig->kernel);
    free(rig);
}

static void
setup(void)
{
    native = rig_create(NULL);
    other = rig_create(TEST_HELPER);
}

static void
teardown(void)
{
    ck_assert_ptr_null(mgmt_net_broken(other->net));
    rig_destroy(native);
    rig_destroy(other);
}

/* ---- doing the same to both ---- */

#define BOTH(call)                                                            \
    do {                                                                      \
        struct mgmt_net *net = native->net;                                   \
                                                                              \
        call;                                                                 \
        net = other->net;                                                     \
        call;                                                                 \
    } while (0)

static void
run_to(uint64_t ps)
{
    (void)kernel_run_until(native->kernel, simtime_from_ps(ps));
    (void)kernel_run_until(other->kernel, simtime_from_ps(ps));
}

/* A millisecond, in which all that can arrive does. */
static void
settle(void)
{
    run_to(kernel_now(native->kernel).ps + 50 * SIMTIME_PS_PER_MS);
}

static void
send(unsigned box, enum plane plane, uint64_t to, enum lane lane,
     uint32_t number, size_t size, uint64_t after_ps)
{
    uint8_t bytes[PLAT_DATAGRAM_MAX] = {0};
    struct simtime at =
        simtime_add(kernel_now(native->kernel), simtime_from_ps(after_ps));

    memcpy(bytes, &number, sizeof(number));
    BOTH(mgmt_net_send(net, box, plane, to, lane, bytes, size, at));
}

static int
by_number(const void *a, const void *b)
{
    const struct seen *x = a, *y = b;

    if (x->number != y->number)
        return x->number < y->number ? -1 : 1;
    return (x->box > y->box) - (x->box < y->box);
}

/* The same frames at the same boxes; not more than 'apart_ps' apart. */
static void
same(uint64_t apart_ps)
{
    ck_assert_uint_eq(native->count, other->count);
    qsort(native->arrivals, native->count, sizeof(struct seen), by_number);
    qsort(other->arrivals, other->count, sizeof(struct seen), by_number);
    for (unsigned i = 0; i < native->count; i++) {
        const struct seen *a = &native->arrivals[i], *b = &other->arrivals[i];
        uint64_t apart =
            a->at_ps > b->at_ps ? a->at_ps - b->at_ps : b->at_ps - a->at_ps;

        ck_assert_uint_eq(a->number, b->number);
        ck_assert(a->box == b->box && a->plane == b->plane &&
                  a->lane == b->lane && a->from == b->from);
        ck_assert_msg(apart <= apart_ps, "frame %u: %llu ps, %llu ps",
                      a->number, (unsigned long long)a->at_ps,
                      (unsigned long long)b->at_ps);
    }
}

/* ---- tests ---- */

START_TEST(one_frame)
{
    /* (64 + 86) x 8 bits at 1 Gb/s, twice; 150 ns twice; 2 us. */
    send(0, PLANE_A, ADDRESS + 1, LANE_CONTROL, 7, 64, 0);
    settle();
    ck_assert_uint_eq(other->count, 1);
    ck_assert_uint_eq(other->arrivals[0].at_ps,
                      2 * 1200000 + 2 * 150000 + 2000000);
    same(0);
}
END_TEST

/* Queues build up, lanes overtake each other, some frames go to all.  No two
 * things happen at the same instant, which the two may order differently. */
START_TEST(busy_network)
{
    struct random_stream draw = random_stream_make(1, 0, 0);
    uint32_t number = 0;

    for (unsigned round = 0; round < 300; round++) {
        for (unsigned i = 0; i < 24; i++) {
            unsigned box = (unsigned)random_below(&draw, BOXES);
            enum plane plane = random_below(&draw, 4) == 0;
            enum lane lane = (enum lane)random_below(&draw, LANE_COUNT);
            uint64_t to = ADDRESS + random_below(&draw, BOXES + 1);
            size_t size = 4 + random_below(&draw, 1400);

            if (to == ADDRESS + BOXES)
                to = PLAT_ADDRESS_ALL;
            send(box, plane, to, lane, number++, size,
                 i * 1000000 + random_below(&draw, 1000000));
        }
        run_to(kernel_now(native->kernel).ps +
               random_below(&draw, 60 * SIMTIME_PS_PER_US) +
               25 * SIMTIME_PS_PER_US);
    }
    settle();
    ck_assert_uint_gt(native->count, 7000);
    same(0);
}
END_TEST

static void
probe(uint32_t number)
{
    for (unsigned from = 0; from < 3; from++) {
        for (unsigned to = 0; to < 3; to++)
            send(from, PLANE_A, ADDRESS + to, LANE_BULK,
                 number + 3 * from + to, 200, 0);
    }
    settle();
}

START_TEST(faults)
{
    static const struct mgmt_link links[] = {
        {.down = true},       {.mute = true},
        {.deaf = true},       {.added_delay = {20 * SIMTIME_PS_PER_MS}},
        {.added_delay = {0}},
    };
    unsigned before;

    for (unsigned i = 0; i < 5; i++) {
        BOTH(mgmt_net_link_set(net, 1, PLANE_A, &links[i]));
        probe(100 * i);
    }
    BOTH(mgmt_net_block(net, 0, 1, 1u << PLANE_A));
    probe(500);
    BOTH(mgmt_net_block(net, 0, 1, 1u << PLANE_A | 1u << PLANE_B));
    BOTH(mgmt_net_unblock(net, 0, 1, 1u << PLANE_A));
    probe(600);
    BOTH(mgmt_net_unblock_all(net));
    probe(700);
    BOTH(mgmt_net_plane_power(net, PLANE_A, false));
    before = other->count;
    probe(800);
    ck_assert_uint_eq(other->count, before);
    BOTH(mgmt_net_plane_power(net, PLANE_A, true));
    BOTH(mgmt_net_box_address(net, 2, ADDRESS + 1));
    probe(900);
    same(0);
}
END_TEST

/* What is queued or yet to depart dies with the box; what is on the wire
 * goes on. */
START_TEST(death)
{
    for (unsigned i = 0; i < 20; i++)
        send(0, PLANE_A, ADDRESS + 1, LANE_BULK, i, 1000, 4000000ull * i);
    run_to(30 * SIMTIME_PS_PER_US);
    BOTH(mgmt_net_box_power(net, 0, false));
    send(0, PLANE_A, ADDRESS + 1, LANE_BULK, 90, 1000, 0);
    settle();
    ck_assert_uint_gt(other->count, 0);
    ck_assert_uint_lt(other->count, 10);
    BOTH(mgmt_net_box_power(net, 0, true));
    send(0, PLANE_A, ADDRESS + 1, LANE_BULK, 91, 1000, 0);
    send(1, PLANE_A, ADDRESS + 0, LANE_BULK, 92, 1000, 0);
    run_to(kernel_now(native->kernel).ps + 10 * SIMTIME_PS_PER_US);
    BOTH(mgmt_net_box_power(net, 1, false));
    settle();
    same(0);
}
END_TEST

START_TEST(loss)
{
    struct mgmt_link link = {.loss_ppm = 300000};

    BOTH(mgmt_net_link_set(net, 1, PLANE_A, &link));
    for (uint32_t i = 0; i < 1000; i++) {
        send(0, PLANE_A, ADDRESS + 1, LANE_BULK, i, 64, 0);
        run_to(kernel_now(native->kernel).ps + 20 * SIMTIME_PS_PER_US);
    }
    settle();
    ck_assert_uint_gt(native->count, 640); /* 4 standard deviations */
    ck_assert_uint_lt(native->count, 760);
    ck_assert_uint_gt(other->count, 640);
    ck_assert_uint_lt(other->count, 760);
}
END_TEST

/* ns-3's queues count 84 bytes of headers more. */
START_TEST(overflow)
{
    struct mgmt_net_stats a, b;

    for (uint32_t i = 0; i < 200; i++)
        send(0, PLANE_A, ADDRESS + 1, LANE_BULK, i, 1400, 0);
    settle();
    ck_assert_uint_eq(native->count, 1 + QUEUE_BYTES / 1400);
    ck_assert_uint_eq(other->count, 1 + QUEUE_BYTES / (1400 + 86));
    mgmt_net_stats(native->net, &a);
    mgmt_net_stats(other->net, &b);
    ck_assert_uint_eq(a.dropped_full[LANE_BULK], 200 - native->count);
    ck_assert_uint_eq(b.dropped_full[LANE_BULK], 200 - other->count);
    ck_assert_uint_eq(b.frames[LANE_BULK], other->count);
    ck_assert_uint_eq(b.queue_peak_bytes[LANE_BULK],
                      QUEUE_BYTES / 1486 * 1486);
}
END_TEST

/* ---- helpers that fail ---- */

static void
refused(const char *path, const char *text)
{
    struct ns3_helper *helper;
    char message[256] = "";

    ck_assert_int_eq(ns3_helper_start(path, &helper, message, sizeof(message)),
                     ERR_UNSUPPORTED);
    ck_assert_msg(strstr(message, text) != NULL, "%s", message);
}

START_TEST(no_helper)
{
    refused("/nonexistent/sixnines-ns3", "no helper of world ns3");
    refused("/bin/false", "the helper ended");
    /* It says something else, and may be gone before it is asked. */
    refused("/bin/date", "the helper ");
}
END_TEST

/* What is sent comes back: a helper of the right version that talks
 * nonsense. */
START_TEST(lying_helper)
{
    struct rig *rig = rig_create("/bin/cat");
    uint8_t bytes[64] = {0};

    mgmt_net_send(rig->net, 0, PLANE_A, ADDRESS + 1, LANE_BULK, bytes,
                  sizeof(bytes), simtime_from_ps(0));
    ck_assert_ptr_null(mgmt_net_broken(rig->net));
    (void)kernel_run_until(rig->kernel, simtime_from_s(1));
    ck_assert_ptr_nonnull(mgmt_net_broken(rig->net));
    ck_assert_uint_eq(rig->failures, 1);
    mgmt_net_send(rig->net, 0, PLANE_A, ADDRESS + 1, LANE_BULK, bytes,
                  sizeof(bytes), simtime_from_s(1));
    mgmt_net_box_power(rig->net, 0, false);
    (void)kernel_run_until(rig->kernel, simtime_from_s(2));
    ck_assert_uint_eq(rig->count, 0);
    rig_destroy(rig);
}
END_TEST

int
main(void)
{
    Suite *suite = suite_create("ns3");
    TCase *both = tcase_create("side by side");
    TCase *broken = tcase_create("broken helpers");
    SRunner *runner;
    int failed;

    tcase_add_checked_fixture(both, setup, teardown);
    tcase_add_test(both, one_frame);
    tcase_add_test(both, busy_network);
    tcase_add_test(both, faults);
    tcase_add_test(both, death);
    tcase_add_test(both, loss);
    tcase_add_test(both, overflow);
    tcase_add_test(broken, no_helper);
    tcase_add_test(broken, lying_helper);
    suite_add_tcase(suite, broken);
    if (access(TEST_HELPER, X_OK) == 0)
        suite_add_tcase(suite, both);
    runner = srunner_create(suite);
    srunner_run_all(runner, CK_ENV);
    failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    if (failed == 0 && access(TEST_HELPER, X_OK) != 0)
        return SKIPPED; /* built without ns-3 */
    return failed == 0 ? 0 : 1;
}
