/* SPDX-License-Identifier: Apache-2.0
 *
 * Queues whose answers are known.  Seeds are fixed; the bounds are three
 * standard errors of the estimate, rounded up.
 */
#include <check.h>
#include <math.h>

#include "models/queues/queues.h"
#include "models/queues/queues_test.h"

#define GBPS UINT64_C(1000000000)
#define BYTES 1000
#define WIRE_PS UINT64_C(8000000) /* Of 1000 bytes at 1 Gb/s. */

/* Mean wait at one queue, in wire times. */
static double
wait_at(double load, enum queues_sizes sizes, uint64_t packets)
{
    struct queues_options options = {.seed = 11};
    struct queues_link link = {.bps = GBPS};
    struct queues_source source = {.host = 0,
                                   .to = 1,
                                   .arrivals = QUEUES_POISSON,
                                   .sizes = sizes,
                                   .gap_ps = (uint64_t)(WIRE_PS / load),
                                   .bytes = BYTES};
    struct queues_port_stats stats;
    struct queues *queues;
    uint32_t port;

    ck_assert_int_eq(queues_create(&options, &queues), 0);
    uint32_t a = queues_host_add(queues, 0);
    uint32_t b = queues_host_add(queues, 0);

    ck_assert_int_eq(queues_link_add(queues, a, b, &link, &port), 0);
    ck_assert_int_eq(queues_source_add(queues, &source), 0);
    ck_assert_int_eq(
        queues_run_until(queues, (uint64_t)(packets * source.gap_ps)), 0);
    queues_port_stats(queues, port, &stats);
    ck_assert_uint_gt(stats.packets, packets * 99 / 100);
    queues_destroy(queues);
    return (double)stats.wait_sum_ps / (double)stats.packets / WIRE_PS;
}

/* Pollaczek and Khinchine: load / (1 - load) x (1 + cv^2) / 2. */
START_TEST(m_m_1)
{
    ck_assert_double_eq_tol(wait_at(0.5, QUEUES_SIZE_EXPONENTIAL, 400000), 1.0,
                            0.03);
    ck_assert_double_eq_tol(wait_at(0.8, QUEUES_SIZE_EXPONENTIAL, 400000), 4.0,
                            0.25);
}
END_TEST

START_TEST(m_d_1)
{
    ck_assert_double_eq_tol(wait_at(0.5, QUEUES_SIZE_FIXED, 400000), 0.5,
                            0.01);
    ck_assert_double_eq_tol(wait_at(0.8, QUEUES_SIZE_FIXED, 400000), 2.0,
                            0.08);
}
END_TEST

/* What an output carries when each of N inputs always has a packet, to any
 * of N outputs. */
static double
saturation(unsigned ports, enum queues_switch kind)
{
    struct queues_options options = {.seed = 7};
    struct queues_link link = {.bps = GBPS, .buffer_packets = 50};
    struct queues_source source = {.to = QUEUES_TO_ANY,
                                   .any_first = ports,
                                   .any_count = ports,
                                   .arrivals = QUEUES_SATURATED,
                                   .bytes = BYTES};
    struct queues_totals totals;
    struct queues *queues;
    uint32_t port;

    ck_assert_int_eq(queues_create(&options, &queues), 0);
    uint32_t hub = queues_switch_add(queues, 0, kind);

    for (unsigned i = 0; i < 2 * ports; i++)
        ck_assert_int_eq(queues_link_add(queues, queues_host_add(queues, 0),
                                         hub, &link, &port),
                         0);
    for (source.host = 0; source.host < ports; source.host++)
        ck_assert_int_eq(queues_source_add(queues, &source), 0);
    ck_assert_int_eq(queues_run_until(queues, 2000 * WIRE_PS), 0);
    queues_stats_clear(queues);
    ck_assert_int_eq(queues_run_until(queues, 52000 * WIRE_PS), 0);
    queues_totals(queues, &totals);
    queues_destroy(queues);
    return (double)totals.delivered / ports / 50000;
}

/* Table I of Karol, Hluchyj, Morgan (1987). */
START_TEST(fifo_inputs_saturate)
{
    static const struct {
        unsigned ports;
        double carried;
    } table[] = {{2, 0.75}, {3, 0.6825}, {4, 0.6553}, {8, 0.6184}};

    for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++)
        ck_assert_double_eq_tol(
            saturation(table[i].ports, QUEUES_SWITCH_INPUT_FIFO),
            table[i].carried, 0.005);
    /* Queues at the outputs: nothing is in the way, but they overflow. */
    ck_assert_double_gt(saturation(4, QUEUES_SWITCH_OUTPUT), 0.97);
}
END_TEST

Suite *
queues_theory_suite(void)
{
    Suite *suite = suite_create("queues_theory");
    TCase *theory = tcase_create("theory");

    tcase_add_test(theory, m_m_1);
    tcase_add_test(theory, m_d_1);
    tcase_add_test(theory, fifo_inputs_saturate);
    suite_add_tcase(suite, theory);
    return suite;
}
