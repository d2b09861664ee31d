/* SPDX-License-Identifier: Apache-2.0
 *
 * The same packets through a leaf-spine of plain queues in models/queues and
 * in ns-3: totals, throughput and quantiles of latency, and what they differ
 * by at most.
 */
#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "models/queues/queues.h"
#include "reference-nos/base/hist.h"
#include "sim/world/ns3/ns3.h"

#define SKIPPED 77
#define HOSTS_MAX 64u
#define PACKETS_MAX 400000u
#define SEED 5u
#define US UINT64_C(1000000) /* ps */

static const uint64_t quantiles_ppb[] = {500000000, 900000000, 990000000,
                                         999000000, 999900000};

struct load {
    const char *name;
    struct queues_leaf_spine shape;
    struct traffic_spec spec;
    uint64_t until_ps;
};

struct result {
    uint64_t sent, delivered, dropped, held;
    struct hist *latency;
};

static uint32_t hosts[HOSTS_MAX];
static struct ns3_packet *packets;

/* ---- the packets ---- */

static int
by_due(const void *a, const void *b)
{
    const struct ns3_packet *x = a, *y = b;

    if (x->due_ps != y->due_ps)
        return x->due_ps < y->due_ps ? -1 : 1;
    return (x->from > y->from) - (x->from < y->from);
}

/* As queues_traffic_add() has them drawn: one source a host, numbered as the
 * hosts. */
static size_t
packets_draw(const struct load *load)
{
    size_t count = 0;

    for (uint32_t i = 0; i < load->spec.sender_count; i++) {
        struct traffic_source source;
        struct traffic_packet packet;

        traffic_source_init(&source, &load->spec, i, i,
                            load->shape.host_link.bps, SEED);
        while (traffic_next(&source, &packet) &&
               packet.due_ps <= load->until_ps) {
            ck_assert_uint_lt(count, PACKETS_MAX);
            packets[count++] = (struct ns3_packet){
                .due_ps = packet.due_ps,
                .from = load->spec.senders[i],
                .to = packet.to,
                .bytes = packet.bytes,
            };
        }
    }
    qsort(packets, count, sizeof(*packets), by_due);
    return count;
}

/* ---- the two ---- */

static void
native_run(const struct load *load, struct result *result)
{
    struct queues_options options = {.seed = SEED};
    struct queues_totals totals;
    struct queues *queues;
    char message[256] = "";

    ck_assert_int_eq(queues_create(&options, &queues), 0);
    ck_assert_int_eq(queues_leaf_spine(queues, &load->shape), 0);
    ck_assert_msg(
        queues_traffic_add(queues, &load->spec, message, sizeof(message)) == 0,
        "%s", message);
    ck_assert_int_eq(queues_run_until(queues, load->until_ps), 0);
    queues_totals(queues, &totals);
    result->sent = totals.sent;
    result->delivered = totals.delivered;
    result->dropped = totals.dropped;
    result->held = totals.held;
    result->latency = hist_init(malloc(hist_size_bytes(QUEUES_LATENCY_BITS)),
                                QUEUES_LATENCY_BITS);
    ck_assert_int_eq(hist_merge(result->latency, queues_latency(queues)), 0);
    queues_destroy(queues);
}

static void
ns3_run(const struct load *load, struct result *result)
{
    struct ns3_leaf_spine_totals totals;
    struct ns3_helper *helper = NULL;
    char message[256] = "";
    size_t count = packets_draw(load);

    ck_assert_msg(
        ns3_helper_start(TEST_HELPER, &helper, message, sizeof(message)) == 0,
        "%s", message);
    ck_assert_msg(ns3_leaf_spine_run(helper, &load->shape, packets, count,
                                     load->until_ps, &totals, message,
                                     sizeof(message)) == 0,
                  "%s", message);
    result->sent = totals.sent;
    result->delivered = totals.delivered;
    result->dropped = totals.dropped;
    result->held = totals.held;
    result->latency = hist_init(malloc(hist_size_bytes(QUEUES_LATENCY_BITS)),
                                QUEUES_LATENCY_BITS);
    for (size_t i = 0; i < count; i++) {
        if (packets[i].latency_ps != NS3_LOST)
            hist_add(result->latency, packets[i].latency_ps, 1);
    }
}

static double
apart(double a, double b)
{
    double difference = a > b ? a - b : b - a;

    return difference == 0 ? 0 : difference / (a > b ? a : b);
}

static void
row(const char *load, const char *name, double native, double other,
    double most)
{
    printf("%-12s %-12s %14.3f %14.3f %+8.3f %%\n", load, name, native, other,
           native > 0 ? (other / native - 1) * 100 : 0);
    (void)fflush(stdout);
    ck_assert_msg(apart(native, other) <= most,
                  "%s: %s: native %f, ns-3 %f, bound %f", load, name, native,
                  other, most);
}

/* Where packets come at the same instant the two may serve them in another
 * order, and others may find a queue full. */
static void
side_by_side(const struct load *load, double most)
{
    struct result native, other;

    native_run(load, &native);
    ns3_run(load, &other);
    ck_assert_uint_eq(native.sent, other.sent);
    row(load->name, "sent", native.sent, other.sent, 0);
    row(load->name, "delivered", native.delivered, other.delivered, most);
    if (native.dropped > 100 || other.dropped > 100)
        row(load->name, "dropped", native.dropped, other.dropped, 0.02);
    row(load->name, "mean (us)",
        (double)hist_sum(native.latency) / hist_count(native.latency) / US,
        (double)hist_sum(other.latency) / hist_count(other.latency) / US,
        most);
    for (size_t i = 0; i < sizeof(quantiles_ppb) / sizeof(quantiles_ppb[0]);
         i++) {
        char name[32];

        snprintf(name, sizeof(name), "p%g (us)",
                 (double)quantiles_ppb[i] / 1e7);
        row(load->name, name,
            (double)hist_quantile(native.latency, quantiles_ppb[i]) / US,
            (double)hist_quantile(other.latency, quantiles_ppb[i]) / US, most);
    }
    free(native.latency);
    free(other.latency);
}

/* ---- loads ---- */

static struct load
base(const char *name)
{
    struct queues_link link = {.bps = UINT64_C(100000000000),
                               .delay_ps = US,
                               .buffer_packets = 64,
                               .overhead_bytes = TRAFFIC_L1_BYTES};
    struct load load = {
        .name = name,
        .shape = {.leaves = 6,
                  .spines = 3,
                  .hosts_per_leaf = 4,
                  .host_link = link,
                  .spine_link = link,
                  .fixed_spines = true},
        .spec = {.pattern = TRAFFIC_UNIFORM,
                 .arrivals = TRAFFIC_POISSON,
                 .senders = hosts,
                 .sender_count = 24,
                 .load_ppm = 500000,
                 .flows = 1,
                 .end_ps = 400 * US},
        .until_ps = 600 * US,
    };

    memcpy(load.spec.sizes, traffic_imix, sizeof(traffic_imix));
    load.spec.size_count = 3;
    for (uint32_t i = 0; i < HOSTS_MAX; i++)
        hosts[i] = i;
    return load;
}

START_TEST(half_load)
{
    struct load load = base("half load");

    side_by_side(&load, 0.005);
}
END_TEST

/* Three spines for four hosts of a leaf: the spine links drop. */
START_TEST(overload)
{
    struct load load = base("overload");

    load.spec.load_ppm = 900000;
    side_by_side(&load, 0.01);
}
END_TEST

START_TEST(incast)
{
    struct load load = base("incast");

    load.spec.pattern = TRAFFIC_INCAST;
    load.spec.arrivals = TRAFFIC_CONSTANT;
    load.spec.senders = hosts + 1;
    load.spec.sender_count = 23;
    load.spec.receivers = hosts;
    load.spec.receiver_count = 1;
    load.spec.load_ppm = 50000;
    load.spec.burst_frames = 8;
    load.spec.size_count = 1;
    load.spec.sizes[0] = (struct traffic_size){1500, 1};
    side_by_side(&load, 0.02);
}
END_TEST

START_TEST(bursts)
{
    struct load load = base("bursts");

    load.spec.arrivals = TRAFFIC_HEAVY_TAILED;
    load.spec.load_ppm = 300000;
    load.spec.burst_ps = 5 * US;
    side_by_side(&load, 0.01);
}
END_TEST

/* What ns-3 has no counterpart of is said. */
START_TEST(not_there)
{
    struct load load = base("not there");
    struct ns3_leaf_spine_totals totals;
    struct ns3_helper *helper = NULL;
    char message[256] = "";

    load.shape.fixed_spines = false;
    ck_assert_int_eq(
        ns3_helper_start(TEST_HELPER, &helper, message, sizeof(message)), 0);
    ck_assert_int_eq(ns3_leaf_spine_run(helper, &load.shape, packets, 0, 1,
                                        &totals, message, sizeof(message)),
                     ERR_UNSUPPORTED);
    ck_assert_ptr_nonnull(strstr(message, "hash"));
}
END_TEST

int
main(void)
{
    Suite *suite = suite_create("leaf-spine");
    TCase *both = tcase_create("side by side");
    SRunner *runner;
    int failed;

    if (access(TEST_HELPER, X_OK) != 0)
        return SKIPPED; /* built without ns-3 */
    packets = malloc(PACKETS_MAX * sizeof(*packets));
    tcase_add_test(both, half_load);
    tcase_add_test(both, overload);
    tcase_add_test(both, incast);
    tcase_add_test(both, bursts);
    tcase_add_test(both, not_there);
    suite_add_tcase(suite, both);
    runner = srunner_create(suite);
    srunner_run_all(runner, CK_ENV);
    failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    free(packets);
    return failed == 0 ? 0 : 1;
}
