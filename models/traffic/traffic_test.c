/* SPDX-License-Identifier: Apache-2.0
 *
 * Rates are exact, distributions are the ones named, sources do not know of
 * each other.  Seeds are fixed: what is rare does not happen on some days.
 */
#include "models/traffic/traffic.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "models/traffic/traffic_priv.h"
#include "models/traffic/traffic_test.h"
#include "sim/kernel/fixed.h"
#include "sim/kernel/random.h"

#define GBPS UINT64_C(1000000000)
#define MS UINT64_C(1000000000)
#define SEED UINT64_C(0x5397)

static const uint32_t ports[] = {0, 1, 2, 3, 4, 5, 6, 7};
static const uint32_t sinks[] = {8, 9, 10, 11, 12, 13, 14, 15};

static struct traffic_spec
make(enum traffic_pattern pattern, enum traffic_arrivals arrivals)
{
    return (struct traffic_spec){.pattern = pattern,
                                 .arrivals = arrivals,
                                 .senders = ports,
                                 .sender_count = 8,
                                 .sizes = {{64, 1}},
                                 .size_count = 1,
                                 .load_ppm = 500000,
                                 .hot_ppm = 300000,
                                 .burst_ps = 1000000,
                                 .burst_frames = 10,
                                 .flows = 1,
                                 .end_ps = UINT64_MAX};
}

static void
use_imix(struct traffic_spec *spec)
{
    memcpy(spec->sizes, traffic_imix, sizeof(traffic_imix));
    spec->size_count = 3;
}

static struct traffic_source
start(const struct traffic_spec *spec, uint32_t index, uint64_t port_bps)
{
    struct traffic_source source;
    char message[160] = "";

    ck_assert_msg(traffic_check(spec, message, sizeof(message)) == 0, "%s",
                  message);
    traffic_source_init(&source, spec, index, index, port_bps, SEED);
    return source;
}

static struct traffic_packet
next(struct traffic_source *source)
{
    struct traffic_packet packet = {0};

    if (!traffic_next(source, &packet))
        ck_abort_msg("the source has ended");
    return packet;
}

/* Whether counts fit equal or given shares; 4.5 standard deviations above the
 * mean of chi-square (Wilson and Hilferty's cube root). */
static void
assert_fits(const uint64_t *counts, const double *shares, unsigned cells)
{
    double total = 0;
    double chi_square = 0;
    double freedom = cells - 1;
    double limit = 1 - 2 / (9 * freedom) + 4.5 * sqrt(2 / (9 * freedom));

    for (unsigned i = 0; i < cells; i++)
        total += (double)counts[i];
    for (unsigned i = 0; i < cells; i++) {
        double expected = total * (shares != NULL ? shares[i] : 1.0 / cells);
        double off = (double)counts[i] - expected;

        chi_square += off * off / expected;
    }
    ck_assert_double_lt(chi_square, freedom * limit * limit * limit);
}

START_TEST(purposes_are_the_names)
{
    ck_assert_uint_eq(PURPOSE_PACKET, random_purpose("traffic.packet"));
    ck_assert_uint_eq(PURPOSE_CHOICE, random_purpose("traffic.choice"));
    ck_assert_uint_eq(PURPOSE_BURST, random_purpose("traffic.burst"));
    ck_assert_uint_eq(PURPOSE_PERMUTATION,
                      random_purpose("traffic.permutation"));
    ck_assert_uint_eq(PURPOSE_PHASE, random_purpose("traffic.phase"));
}
END_TEST

START_TEST(wire_time)
{
    ck_assert_uint_eq(traffic_wire_ps(84, 800 * GBPS), 840);
    ck_assert_uint_eq(traffic_wire_ps(64, 800 * GBPS), 640);
    ck_assert_uint_eq(traffic_wire_ps(1, 3 * GBPS), 2667);
}
END_TEST

START_TEST(mean_sizes)
{
    struct traffic_spec spec = make(TRAFFIC_UNIFORM, TRAFFIC_POISSON);

    ck_assert_uint_eq(traffic_mean_millibytes(&spec), 64000);
    use_imix(&spec);
    ck_assert_uint_eq(traffic_mean_millibytes(&spec), 361833);
    spec.arrivals = TRAFFIC_REPLAY;
    spec.replay = (struct traffic_replay){2, (const uint64_t[]){0, 5},
                                          (const uint16_t[]){100, 201}};
    ck_assert_uint_eq(traffic_mean_millibytes(&spec), 150500);
}
END_TEST

/* A load that divides nothing: after a million packets not a picosecond is
 * missing. */
START_TEST(constant_is_exact)
{
    static const struct {
        uint64_t bps;
        uint32_t load_ppm;
    } cases[] = {{400 * GBPS, 500000},
                 {400 * GBPS, 333333},
                 {999999937, 123457},
                 {10 * GBPS, 1000000},
                 {GBPS, 1},
                 {TRAFFIC_PORT_BPS_MAX - 1, 999983}};

    for (size_t i = 0; i < ARRAY_COUNT(cases); i++) {
        struct traffic_spec spec = make(TRAFFIC_UNIFORM, TRAFFIC_CONSTANT);

        use_imix(&spec);
        spec.load_ppm = cases[i].load_ppm;
        struct traffic_source source = start(&spec, 0, cases[i].bps);
        struct traffic_packet packet = next(&source);
        uint64_t first_ps = packet.due_ps;
        uint64_t l1_bytes = 0;

        for (unsigned n = 0; n < 100000; n++) {
            l1_bytes += packet.bytes + TRAFFIC_L1_BYTES;
            packet = next(&source);
        }
        u128 expected = (u128)l1_bytes * 8 * 1000000000000u * 1000000u /
                        ((u128)cases[i].bps * cases[i].load_ppm);

        ck_assert_uint_eq(packet.due_ps - first_ps, (uint64_t)expected);
    }
}
END_TEST

START_TEST(phases_are_uniform)
{
    struct traffic_spec spec = make(TRAFFIC_UNIFORM, TRAFFIC_CONSTANT);
    uint64_t counts[16] = {0};
    const uint64_t gap_ps = 84 * 40; /* 50 % of 400 Gb/s */

    for (uint32_t stream = 0; stream < 20000; stream++) {
        struct traffic_source source;

        traffic_source_init(&source, &spec, 0, stream, 400 * GBPS, SEED);
        uint64_t due_ps = next(&source).due_ps;

        ck_assert_uint_lt(due_ps, gap_ps);
        counts[due_ps * 16 / gap_ps]++;
    }
    assert_fits(counts, NULL, 16);
}
END_TEST

START_TEST(imix_shares)
{
    static const double shares[] = {7.0 / 12, 4.0 / 12, 1.0 / 12};
    struct traffic_spec spec = make(TRAFFIC_UNIFORM, TRAFFIC_POISSON);
    uint64_t counts[3] = {0};

    use_imix(&spec);
    struct traffic_source source = start(&spec, 3, 400 * GBPS);

    for (unsigned n = 0; n < 1000000; n++) {
        uint16_t bytes = next(&source).bytes;

        if (bytes != 64 && bytes != 594 && bytes != 1518)
            ck_abort_msg("%u bytes", bytes);
        counts[bytes == 64 ? 0 : bytes == 594 ? 1 : 2]++;
    }
    assert_fits(counts, shares, 3);
}
END_TEST

/* Mean and variance of exponential gaps, and their shape in 20 cells of equal
 * share. */
START_TEST(poisson_gaps)
{
    struct traffic_spec spec = make(TRAFFIC_UNIFORM, TRAFFIC_POISSON);
    struct traffic_source source = start(&spec, 0, 10 * GBPS);
    const double mean_ps = 84 * 8 * 100 / 0.5;
    const unsigned count = 1000000;
    uint64_t counts[20] = {0};
    double sum = 0;
    double squares = 0;
    uint64_t before_ps = 0;

    for (unsigned n = 0; n < count; n++) {
        uint64_t due_ps = next(&source).due_ps;
        double gap = (double)(due_ps - before_ps);

        sum += gap;
        squares += (gap - mean_ps) * (gap - mean_ps);
        counts[(unsigned)(20 * (1 - exp(-(gap + 0.5) / mean_ps)))]++;
        before_ps = due_ps;
    }
    /* Four standard errors: 1/sqrt(n), and sqrt(8/n) for the variance. */
    ck_assert_double_eq_tol(sum / count / mean_ps, 1, 4e-3);
    ck_assert_double_eq_tol(squares / count / mean_ps / mean_ps, 1, 12e-3);
    assert_fits(counts, NULL, 20);
}
END_TEST

/* With mixed sizes the load at layer 1 is the one asked for. */
START_TEST(loads)
{
    static const enum traffic_arrivals all[] = {
        TRAFFIC_CONSTANT, TRAFFIC_POISSON, TRAFFIC_ON_OFF,
        TRAFFIC_HEAVY_TAILED};
    static const double tolerance[] = {1e-5, 3e-3, 1e-2, 5e-2};

    for (unsigned i = 0; i < 4; i++) {
        struct traffic_spec spec = make(TRAFFIC_UNIFORM, all[i]);

        use_imix(&spec);
        spec.load_ppm = 700000;
        spec.end_ps = 20 * MS;
        spec.burst_ps = 30000;
        struct traffic_source source = start(&spec, 2, 400 * GBPS);
        struct traffic_packet packet;
        uint64_t bytes = 0;

        while (traffic_next(&source, &packet)) {
            bytes += packet.bytes + TRAFFIC_L1_BYTES;
        }
        ck_assert_double_eq_tol((double)bytes * 20 / (double)spec.end_ps, 0.7,
                                0.7 * tolerance[i]);
        ck_assert(!traffic_next(&source, &packet)); /* ended is ended */
    }
}
END_TEST

/* Frames of a burst touch; means of bursts and of pauses are those asked. */
START_TEST(on_off_duty)
{
    struct traffic_spec spec = make(TRAFFIC_UNIFORM, TRAFFIC_ON_OFF);
    const uint64_t wire_ps = 84 * 20; /* 400 Gb/s */

    spec.load_ppm = 200000;
    spec.burst_ps = 100 * wire_ps;
    struct traffic_source source = start(&spec, 0, 400 * GBPS);
    uint64_t before_ps = next(&source).due_ps;
    uint64_t begin_ps = before_ps;
    double on = 0;
    double off = 0;
    unsigned bursts = 0;

    while (bursts < 20000) {
        uint64_t due_ps = next(&source).due_ps;

        if (due_ps - before_ps < wire_ps)
            ck_abort_msg("frames overlap");
        if (due_ps - before_ps > wire_ps) {
            on += (double)(before_ps + wire_ps - begin_ps);
            off += (double)(due_ps - before_ps - wire_ps);
            begin_ps = due_ps;
            bursts++;
        }
        before_ps = due_ps;
    }
    ck_assert_double_eq_tol(on / (on + off), 0.2, 0.2 * 0.03);
    /* 1 % of bursts are shorter than a frame and join their pauses. */
    ck_assert_double_eq_tol(on / bursts / (double)spec.burst_ps, 1, 0.03);
}
END_TEST

START_TEST(full_load_in_bursts_has_no_pause)
{
    struct traffic_spec spec = make(TRAFFIC_UNIFORM, TRAFFIC_ON_OFF);

    spec.load_ppm = 1000000;
    struct traffic_source source = start(&spec, 0, 400 * GBPS);

    for (uint64_t n = 0; n < 10000; n++)
        ck_assert_uint_eq(next(&source).due_ps, n * 84 * 20);
}
END_TEST

/* A mean burst of a picosecond is one of a frame, and the load stays. */
START_TEST(shortest_bursts)
{
    struct traffic_spec spec = make(TRAFFIC_UNIFORM, TRAFFIC_ON_OFF);
    uint64_t due_ps = 0;

    spec.burst_ps = 1;
    spec.load_ppm = 100000;
    struct traffic_source source = start(&spec, 0, GBPS);

    for (unsigned n = 0; n < 100000; n++)
        due_ps = next(&source).due_ps;
    ck_assert_double_eq_tol((double)due_ps / (84.0 * 8000 * 10 * 100000), 1,
                            0.02);
}
END_TEST

START_TEST(pareto_is_bounded)
{
    const unsigned count = 2000000;
    double sum = 0;
    unsigned above_ten = 0;
    unsigned above_hundred = 0;

    for (unsigned n = 0; n < count; n++) {
        double factor =
            (double)traffic_pareto_factor(random_draw(SEED, 1, 2, n)) /
            (double)FIXED_ONE;

        if (factor < 0.339589 || factor > 1000)
            ck_abort_msg("factor %g", factor);
        sum += factor;
        above_ten += factor > 10;
        above_hundred += factor > 100;
    }
    /* Standard deviation 4.3; P(X > x) = (0.3396 / x)^1.5 - 6.26e-6. */
    ck_assert_double_eq_tol(sum / count, 1, 4 * 4.3 / sqrt(count));
    ck_assert_double_eq_tol(above_ten / (double)count, 6.2517e-3, 2.5e-4);
    ck_assert_double_eq_tol(above_hundred / (double)count, 1.916e-4, 4e-5);
    ck_assert_uint_eq(traffic_pareto_factor(0), 1000 * FIXED_ONE);
    ck_assert_double_eq_tol((double)traffic_pareto_factor(UINT64_MAX) /
                                (double)FIXED_ONE,
                            0.339589178, 1e-8);
}
END_TEST

START_TEST(back_to_back_once)
{
    struct traffic_spec spec = make(TRAFFIC_UNIFORM, TRAFFIC_BACK_TO_BACK);
    struct traffic_packet packet;

    spec.begin_ps = 777;
    spec.load_ppm = 0;
    struct traffic_source source = start(&spec, 0, 400 * GBPS);

    for (uint64_t n = 0; n < 10; n++)
        ck_assert_uint_eq(next(&source).due_ps, 777 + n * 84 * 20);
    ck_assert(!traffic_next(&source, &packet));
}
END_TEST

/* All senders begin each round at the same picosecond. */
START_TEST(incast_rounds)
{
    struct traffic_spec spec = make(TRAFFIC_INCAST, TRAFFIC_CONSTANT);
    const unsigned rounds = 1000;
    uint64_t starts[1000] = {0};

    spec.receivers = sinks;
    spec.receiver_count = 1;
    spec.load_ppm = 70001;
    spec.begin_ps = 5;
    use_imix(&spec);
    for (uint32_t i = 0; i < 8; i++) {
        struct traffic_source source = start(&spec, i, 100 * GBPS);

        for (unsigned round = 0; round < rounds; round++) {
            uint64_t due_ps = 0;

            for (unsigned n = 0; n < spec.burst_frames; n++) {
                struct traffic_packet packet = next(&source);

                ck_assert_uint_eq(packet.to, 8);
                ck_assert(n == 0 || packet.due_ps == due_ps);
                if (n == 0 && i == 0)
                    starts[round] = packet.due_ps;
                if (n == 0)
                    ck_assert_uint_eq(packet.due_ps, starts[round]);
                due_ps = packet.due_ps + (packet.bytes + 20u) * 80u;
            }
        }
    }
    /* 10 frames of 361.83 + 20 bytes each at 7.0001 % of 100 Gb/s. */
    double period_ps = 10 * (4342.0 / 12 + 20) * 80 / 0.070001;

    ck_assert_uint_eq(starts[0], 5);
    ck_assert_double_eq_tol((double)(starts[999] - 5), 999 * period_ps, 2);
}
END_TEST

START_TEST(one_incast)
{
    struct traffic_spec spec = make(TRAFFIC_INCAST, TRAFFIC_BACK_TO_BACK);
    struct traffic_packet packet;

    spec.receivers = sinks;
    spec.receiver_count = 1;
    struct traffic_source source = start(&spec, 1, 400 * GBPS);

    for (unsigned n = 0; n < 10; n++)
        ck_assert_uint_eq(next(&source).due_ps, n * 84 * 20);
    ck_assert(!traffic_next(&source, &packet));
}
END_TEST

static void
count_ends(const struct traffic_spec *spec, uint32_t index, unsigned packets,
           uint64_t counts[16])
{
    struct traffic_source source = start(spec, index, 400 * GBPS);

    memset(counts, 0, 16 * sizeof(*counts));
    for (unsigned n = 0; n < packets; n++)
        counts[next(&source).to]++;
}

START_TEST(uniform_others)
{
    struct traffic_spec spec = make(TRAFFIC_UNIFORM, TRAFFIC_POISSON);
    uint64_t counts[16];

    count_ends(&spec, 3, 700000, counts);
    ck_assert_uint_eq(counts[3], 0);
    counts[3] = counts[7]; /* 0, 1, 2, 7, 4, 5, 6 */
    assert_fits(counts, NULL, 7);
    spec.receivers = sinks;
    spec.receiver_count = 8;
    count_ends(&spec, 3, 700000, counts);
    assert_fits(counts + 8, NULL, 8);
}
END_TEST

START_TEST(hot_spot_share)
{
    static const double shares[] = {0.3 + 0.7 / 8, 0.7 / 8, 0.7 / 8, 0.7 / 8,
                                    0.7 / 8,       0.7 / 8, 0.7 / 8, 0.7 / 8};
    struct traffic_spec spec = make(TRAFFIC_HOT_SPOT, TRAFFIC_POISSON);
    uint64_t counts[16];

    spec.receivers = sinks;
    spec.receiver_count = 8;
    count_ends(&spec, 1, 500000, counts);
    assert_fits(counts + 8, shares, 8);
    spec.receivers = ports; /* the hot one itself sends uniformly */
    count_ends(&spec, 0, 500000, counts);
    ck_assert_uint_eq(counts[0], 0);
    assert_fits(counts + 1, NULL, 7);
}
END_TEST

START_TEST(in_turn)
{
    struct traffic_spec spec = make(TRAFFIC_ALL_TO_ALL, TRAFFIC_CONSTANT);
    static const uint32_t after_six[] = {7, 0, 1, 2, 3, 4, 5, 7, 0};
    struct traffic_source source = start(&spec, 6, 400 * GBPS);

    for (size_t i = 0; i < ARRAY_COUNT(after_six); i++)
        ck_assert_uint_eq(next(&source).to, after_six[i]);
    spec.receivers = sinks;
    spec.receiver_count = 3;
    source = start(&spec, 5, 400 * GBPS);
    ck_assert_uint_eq(next(&source).to, 10);
    ck_assert_uint_eq(next(&source).to, 8);
}
END_TEST

START_TEST(pairs)
{
    struct traffic_spec spec = make(TRAFFIC_PAIRS, TRAFFIC_CONSTANT);

    spec.receivers = sinks;
    spec.receiver_count = 4;
    for (uint32_t i = 0; i < 8; i++) {
        struct traffic_source source = start(&spec, i, 400 * GBPS);

        ck_assert_uint_eq(next(&source).to, 8 + i % 4);
        ck_assert_uint_eq(next(&source).to, 8 + i % 4);
    }
}
END_TEST

static void
assert_permutation(const struct traffic_spec *spec, uint64_t seed)
{
    uint8_t *seen = calloc(TRAFFIC_ENDS_MAX, 1);

    for (uint32_t i = 0; i < spec->sender_count; i++) {
        struct traffic_source source;

        traffic_source_init(&source, spec, i, i, 400 * GBPS, seed);
        uint32_t to = next(&source).to;

        ck_assert_uint_ne(to, spec->senders[i]);
        ck_assert_uint_eq(seen[to], 0);
        ck_assert_uint_eq(next(&source).to, to);
        seen[to] = 1;
    }
    free(seen);
}

START_TEST(permutation_is_a_derangement)
{
    struct traffic_spec spec = make(TRAFFIC_PERMUTATION, TRAFFIC_CONSTANT);
    uint32_t many[1000];

    for (uint32_t i = 0; i < 1000; i++)
        many[i] = 7 * i;
    spec.senders = many;
    for (uint32_t count = 2; count <= 1000; count += 1 + count / 3) {
        spec.sender_count = count;
        for (uint64_t seed = 0; seed < 5; seed++)
            assert_permutation(&spec, seed);
    }
}
END_TEST

/* Lists that overlap, at other places and in part. */
START_TEST(permutation_of_other_lists)
{
    static const uint32_t back[] = {7, 6, 5, 4, 3, 2, 1, 0};
    static const uint32_t part[] = {12, 3, 9, 7, 0, 10, 1, 11, 13};
    static const uint32_t two[] = {1, 2};
    struct traffic_spec spec = make(TRAFFIC_PERMUTATION, TRAFFIC_CONSTANT);

    for (uint64_t seed = 0; seed < 200; seed++) {
        spec.sender_count = 8;
        spec.receivers = back;
        spec.receiver_count = 8;
        assert_permutation(&spec, seed);
        spec.receivers = part;
        spec.receiver_count = 9;
        assert_permutation(&spec, seed);
        spec.receivers = sinks;
        spec.receiver_count = 8;
        assert_permutation(&spec, seed);
        spec.receivers = two;
        spec.receiver_count = 2;
        spec.sender_count = 2; /* 0 and 1: one way only */
        assert_permutation(&spec, seed);
    }
}
END_TEST

/* Over seeds, each other end is as likely as the next. */
START_TEST(permutations_are_uniform)
{
    struct traffic_spec spec = make(TRAFFIC_PERMUTATION, TRAFFIC_CONSTANT);
    uint64_t counts[8] = {0};

    for (uint64_t seed = 0; seed < 7000; seed++) {
        struct traffic_source source;

        traffic_source_init(&source, &spec, 0, 0, 400 * GBPS, seed);
        counts[source.peer]++;
    }
    ck_assert_uint_eq(counts[0], 0);
    assert_fits(counts + 1, NULL, 7);
}
END_TEST

START_TEST(flows_are_uniform)
{
    struct traffic_spec spec = make(TRAFFIC_PAIRS, TRAFFIC_CONSTANT);
    uint64_t counts[16] = {0};

    spec.receivers = sinks;
    spec.receiver_count = 8;
    spec.flows = 16;
    struct traffic_source source = start(&spec, 0, 400 * GBPS);

    for (unsigned n = 0; n < 160000; n++)
        counts[next(&source).flow]++;
    assert_fits(counts, NULL, 16);
}
END_TEST

START_TEST(within_the_time)
{
    for (unsigned i = TRAFFIC_CONSTANT; i <= TRAFFIC_BACK_TO_BACK; i++) {
        struct traffic_spec spec =
            make(TRAFFIC_UNIFORM, (enum traffic_arrivals)i);
        struct traffic_packet packet;
        uint64_t before_ps = 0;
        unsigned packets = 0;

        spec.burst_frames = 1000000;
        spec.begin_ps = 3 * MS;
        spec.end_ps = 3 * MS + 10000000;
        struct traffic_source source = start(&spec, 4, 400 * GBPS);

        while (traffic_next(&source, &packet)) {
            ck_assert_uint_ge(packet.due_ps, spec.begin_ps);
            ck_assert_uint_lt(packet.due_ps, spec.end_ps);
            ck_assert_uint_ge(packet.due_ps, before_ps);
            before_ps = packet.due_ps;
            packets++;
        }
        ck_assert_uint_gt(packets, 100);
        spec.packets_max = packets / 2;
        source = start(&spec, 4, 400 * GBPS);
        for (unsigned n = 0; n < packets / 2; n++)
            next(&source);
        ck_assert(!traffic_next(&source, &packet));
    }
}
END_TEST

START_TEST(replays)
{
    static const uint64_t gaps[] = {100, 30, 7};
    static const uint16_t bytes[] = {64, 1518, 300};
    struct traffic_spec spec = make(TRAFFIC_UNIFORM, TRAFFIC_REPLAY);
    struct traffic_packet packet;
    uint64_t due_ps = 50;

    spec.replay = (struct traffic_replay){3, gaps, bytes};
    spec.begin_ps = 50;
    struct traffic_source source = start(&spec, 0, 400 * GBPS);
    for (unsigned n = 0; n < 3; n++) {
        packet = next(&source);
        due_ps += gaps[n];
        ck_assert_uint_eq(packet.due_ps, due_ps);
        ck_assert_uint_eq(packet.bytes, bytes[n]);
    }
    ck_assert(!traffic_next(&source, &packet));

    spec.replay_loops = true;
    source = start(&spec, 0, 400 * GBPS);
    due_ps = 50;
    for (unsigned n = 0; n < 300; n++) {
        packet = next(&source);
        due_ps += gaps[n % 3];
        ck_assert_uint_eq(packet.due_ps, due_ps);
        ck_assert_uint_eq(packet.bytes, bytes[n % 3]);
    }
}
END_TEST

/* A source gives the same packets whoever else draws, and copies go on alike;
 * another stream or seed gives others. */
START_TEST(sources_are_independent)
{
    struct traffic_spec spec = make(TRAFFIC_UNIFORM, TRAFFIC_POISSON);
    struct traffic_packet alone[100];

    use_imix(&spec);
    spec.flows = 8;
    struct traffic_source source = start(&spec, 2, 400 * GBPS);
    for (unsigned n = 0; n < 100; n++)
        alone[n] = next(&source);
    source = start(&spec, 2, 400 * GBPS);
    struct traffic_source other = start(&spec, 3, 400 * GBPS);
    unsigned same = 0;
    for (unsigned n = 0; n < 100; n++) {
        struct traffic_source copy = source;
        struct traffic_packet packet = next(&source);
        struct traffic_packet again = next(&copy);

        ck_assert_uint_eq(packet.due_ps, alone[n].due_ps);
        ck_assert_uint_eq(packet.to, alone[n].to);
        ck_assert_uint_eq(packet.bytes, alone[n].bytes);
        ck_assert_uint_eq(packet.flow, alone[n].flow);
        ck_assert_uint_eq(again.due_ps, alone[n].due_ps);
        same += next(&other).due_ps == packet.due_ps;
    }
    ck_assert_uint_lt(same, 3);
}
END_TEST

/* Counts of two sources in the same windows do not go together. */
START_TEST(sources_do_not_correlate)
{
    struct traffic_spec spec = make(TRAFFIC_UNIFORM, TRAFFIC_POISSON);
    const unsigned windows = 20000;
    double *counts[2];
    double product = 0;

    for (uint32_t i = 0; i < 2; i++) {
        struct traffic_packet packet;
        struct traffic_source source = start(&spec, i, 400 * GBPS);

        counts[i] = calloc(windows, sizeof(double));
        while (traffic_next(&source, &packet)) {
            uint64_t window = packet.due_ps / (3360 * 10); /* 10 packets */

            if (window >= windows)
                break;
            counts[i][window]++;
        }
    }
    for (unsigned w = 0; w < windows; w++)
        product += (counts[0][w] - 10) * (counts[1][w] - 10);
    ck_assert_double_lt(fabs(product / windows / 10), 4 / sqrt(windows));
    free(counts[0]);
    free(counts[1]);
}
END_TEST

/* Numbers written down once: the same on every compiler and CPU. */
START_TEST(golden)
{
    uint64_t hash = 0;

    for (unsigned i = TRAFFIC_CONSTANT; i <= TRAFFIC_HEAVY_TAILED; i++) {
        struct traffic_spec spec =
            make(TRAFFIC_HOT_SPOT, (enum traffic_arrivals)i);

        use_imix(&spec);
        spec.receivers = sinks;
        spec.receiver_count = 8;
        spec.flows = 5;
        spec.load_ppm = 654321;
        struct traffic_source source = start(&spec, i, 399999999999);
        for (unsigned n = 0; n < 1000; n++) {
            struct traffic_packet packet = next(&source);

            hash = (hash ^ packet.due_ps) * UINT64_C(0x9e3779b97f4a7c15);
            hash = (hash ^ packet.to ^ (uint64_t)packet.bytes << 16 ^
                    (uint64_t)packet.flow << 32) *
                   UINT64_C(0x9e3779b97f4a7c15);
            hash ^= hash >> 29;
        }
    }
    ck_assert_uint_eq(hash, UINT64_C(9212181281101228918));
}
END_TEST

static Suite *
traffic_suite(void)
{
    Suite *suite = suite_create("traffic");
    TCase *tcase = tcase_create("rates");

    tcase_add_test(tcase, purposes_are_the_names);
    tcase_add_test(tcase, wire_time);
    tcase_add_test(tcase, mean_sizes);
    tcase_add_test(tcase, constant_is_exact);
    tcase_add_test(tcase, phases_are_uniform);
    tcase_add_test(tcase, imix_shares);
    tcase_add_test(tcase, poisson_gaps);
    tcase_add_test(tcase, loads);
    tcase_add_test(tcase, on_off_duty);
    tcase_add_test(tcase, full_load_in_bursts_has_no_pause);
    tcase_add_test(tcase, shortest_bursts);
    tcase_add_test(tcase, pareto_is_bounded);
    tcase_add_test(tcase, back_to_back_once);
    tcase_add_test(tcase, within_the_time);
    tcase_add_test(tcase, replays);
    suite_add_tcase(suite, tcase);
    tcase = tcase_create("patterns");
    tcase_add_test(tcase, incast_rounds);
    tcase_add_test(tcase, one_incast);
    tcase_add_test(tcase, uniform_others);
    tcase_add_test(tcase, hot_spot_share);
    tcase_add_test(tcase, in_turn);
    tcase_add_test(tcase, pairs);
    tcase_add_test(tcase, permutation_is_a_derangement);
    tcase_add_test(tcase, permutation_of_other_lists);
    tcase_add_test(tcase, permutations_are_uniform);
    tcase_add_test(tcase, flows_are_uniform);
    suite_add_tcase(suite, tcase);
    tcase = tcase_create("sources");
    tcase_add_test(tcase, sources_are_independent);
    tcase_add_test(tcase, sources_do_not_correlate);
    tcase_add_test(tcase, golden);
    suite_add_tcase(suite, tcase);
    return suite;
}

int
main(void)
{
    SRunner *runner = srunner_create(traffic_suite());

    srunner_add_suite(runner, spec_suite());
    srunner_run_all(runner, CK_ENV);
    int failed = srunner_ntests_failed(runner);

    srunner_free(runner);
    return failed == 0 ? 0 : 1;
}
