/* SPDX-License-Identifier: Apache-2.0 */
#include "faults/ledger.h"

#include "faults/faults_test.h"

#include <stdlib.h>
#include <string.h>

static struct ledger *ledger;

static void
setup(void)
{
    ledger = ledger_create(&paper_plan);
}

static void
teardown(void)
{
    ledger_destroy(ledger);
}

static void
ports(unsigned box, struct simtime at, uint64_t in_service, uint64_t all)
{
    struct observation seen = {.kind = OBSERVE_PORTS,
                               .box = box,
                               .at = at,
                               .a = in_service,
                               .b = all};

    ledger_observe(ledger, &seen);
}

static void
fabric(unsigned box, uint64_t links, uint64_t nominal)
{
    struct observation seen = {
        .kind = OBSERVE_FABRIC, .box = box, .a = links, .b = nominal};

    ledger_observe(ledger, &seen);
}

static void
cause(unsigned box, bool planned, const char *text)
{
    struct box_set boxes = {{0}};

    box_set_add(&boxes, box);
    ledger_cause(ledger, &boxes, planned, text);
}

/* All three line cards in service, the account open at 10 s. */
static void
all_up(void)
{
    ports(BOX_NCP_0, at_s(5), 4, 4);
    ports(BOX_NCP_1, at_s(6), 4, 4);
    ports(BOX_NCP_2, at_s(7), 10, 10);
    ledger_open(ledger, at_s(10));
}

static void
outage(unsigned box, uint64_t from_s, uint64_t to_s)
{
    unsigned count = box == BOX_NCP_2 ? 10 : 4;

    ports(box, at_s(from_s), 0, count);
    ports(box, at_s(to_s), count, count);
}

START_TEST(counts_ports_of_line_cards)
{
    ck_assert_uint_eq(ledger_ports(ledger), 18);
    ck_assert_uint_eq(ledger_ports_in_service(ledger), 0);
    ports(BOX_NCP_0, at_s(5), 4, 4);
    ports(BOX_NCP_2, at_s(5), 7, 10);
    ck_assert_uint_eq(ledger_ports_in_service(ledger), 11);
    /* A spare slot has ports once a box in it has told of them. */
    ports(SPARE, at_s(6), 4, 4);
    ck_assert_uint_eq(ledger_ports(ledger), 22);
    ck_assert_uint_eq(ledger_ports_in_service(ledger), 15);
}
END_TEST

START_TEST(boot_is_no_outage)
{
    ports(BOX_NCP_0, at_s(5), 4, 4);
    ports(BOX_NCP_0, at_s(6), 0, 4);
    ports(BOX_NCP_0, at_s(7), 4, 4);
    ledger_open(ledger, at_s(10));
    ck_assert_uint_eq(ledger_count(ledger), 0);
    /* Never in service yet: its late arrival is no outage either. */
    ports(BOX_NCP_1, at_s(11), 0, 4);
    ck_assert_uint_eq(ledger_count(ledger), 0);
    ports(BOX_NCP_1, at_s(12), 4, 4);
    ports(BOX_NCP_1, at_s(13), 0, 4);
    ck_assert_uint_eq(ledger_count(ledger), 1);
    ck_assert_uint_eq(ledger_get(ledger, 0)->from.ps, at_s(13).ps);
}
END_TEST

START_TEST(entry_has_interval_and_ports)
{
    const struct ledger_entry *entry;

    all_up();
    ports(BOX_NCP_2, at_s(20), 0, 10);
    /* Said twice: one outage. */
    ports(BOX_NCP_2, at_s(21), 0, 10);
    ck_assert_uint_eq(ledger_count(ledger), 1);
    entry = ledger_get(ledger, 0);
    ck_assert(entry->open);
    ck_assert_uint_eq(entry->box, BOX_NCP_2);
    ck_assert_uint_eq(entry->ports, 10);
    ports(BOX_NCP_2, at_s(23), 10, 10);
    entry = ledger_get(ledger, 0);
    ck_assert(!entry->open);
    ck_assert_uint_eq(entry->from.ps, at_s(20).ps);
    ck_assert_uint_eq(entry->to.ps, at_s(23).ps);
    outage(BOX_NCP_2, 30, 31);
    ck_assert_uint_eq(ledger_count(ledger), 2);
}
END_TEST

/* A box with a part of its ports has an outage of the others. */
START_TEST(part_of_the_ports_is_an_outage_of_the_others)
{
    all_up();
    ports(BOX_NCP_2, at_s(20), 7, 10);
    ck_assert_uint_eq(ledger_count(ledger), 1);
    ck_assert_uint_eq(ledger_get(ledger, 0)->ports, 3);
    ck_assert_uint_eq(ledger_get(ledger, 0)->first, 7);
    ck_assert(ledger_get(ledger, 0)->open);
    ck_assert_uint_eq(ledger_total_port_ps(ledger, LEDGER_ALL, at_s(22), NULL),
                      at_s(6).ps);
    ports(BOX_NCP_2, at_s(25), 10, 10);
    ck_assert_uint_eq(ledger_count(ledger), 1);
    ck_assert(!ledger_get(ledger, 0)->open);
    ck_assert_uint_eq(ledger_get(ledger, 0)->to.ps, at_s(25).ps);
}
END_TEST

/* Out in two steps, back in two others: the total is exact and the longest
 * is that of a port that was out all the time. */
START_TEST(ports_come_and_go_in_steps)
{
    all_up();
    ports(BOX_NCP_2, at_s(20), 6, 10);  /* 4 out */
    ports(BOX_NCP_2, at_s(21), 0, 10);  /* 10 out */
    ports(BOX_NCP_2, at_s(23), 8, 10);  /* 2 out */
    ports(BOX_NCP_2, at_s(27), 10, 10); /* none */
    /* Ports 6 and 7, 8 and 9, and 0 to 5, each once. */
    ck_assert_uint_eq(ledger_count(ledger), 3);
    for (size_t i = 0; i < 3; i++) {
        static const unsigned first[] = {8, 0, 6};
        static const unsigned count[] = {2, 6, 2};
        const struct ledger_entry *entry = ledger_get(ledger, i);

        ck_assert(!entry->open);
        ck_assert_uint_eq(entry->first, first[i]);
        ck_assert_uint_eq(entry->ports, count[i]);
    }
    ck_assert_uint_eq(ledger_longest(ledger, LEDGER_ALL, at_s(30), NULL).ps,
                      at_s(7).ps);
    ck_assert_uint_eq(ledger_total_port_ps(ledger, LEDGER_ALL, at_s(30), NULL),
                      at_s(4 + 20 + 8).ps);
    outage(BOX_NCP_2, 40, 41);
    ck_assert_uint_eq(ledger_total_port_ps(ledger, LEDGER_ALL, at_s(50), NULL),
                      at_s(32 + 10).ps);
}
END_TEST

/* Ports that were never in service since the account opened are no outage;
 * the others are. */
START_TEST(ports_count_once_in_service)
{
    ports(BOX_NCP_2, at_s(5), 6, 10);
    ledger_open(ledger, at_s(10));
    ports(BOX_NCP_2, at_s(11), 5, 10);
    ck_assert_uint_eq(ledger_get(ledger, 0)->ports, 1);
    ports(BOX_NCP_2, at_s(12), 10, 10);
    ck_assert(!ledger_get(ledger, 0)->open);
    ports(BOX_NCP_2, at_s(13), 0, 10);
    ck_assert_uint_eq(ledger_count(ledger), 2);
    ck_assert_uint_eq(ledger_get(ledger, 1)->ports, 10);
}
END_TEST

START_TEST(cause_is_the_latest_that_touched_the_box)
{
    all_up();
    outage(BOX_NCP_0, 11, 12);
    ck_assert_str_eq(ledger_get(ledger, 0)->cause, "no fault was injected");
    cause(BOX_NCP_0, false, "first");
    cause(BOX_NCP_0, false, "second");
    cause(BOX_NCF, true, "elsewhere");
    outage(BOX_NCP_0, 13, 14);
    ck_assert_str_eq(ledger_get(ledger, 1)->cause, "second");
    ck_assert(!ledger_get(ledger, 1)->planned);
    /* Nothing touched this one: the latest of all, and never planned. */
    outage(BOX_NCP_1, 15, 16);
    ck_assert_str_eq(ledger_get(ledger, 2)->cause, "elsewhere");
    ck_assert(!ledger_get(ledger, 2)->planned);
}
END_TEST

START_TEST(planned_ends_with_the_next_fault)
{
    all_up();
    cause(BOX_NCP_0, true, "drain");
    outage(BOX_NCP_0, 11, 12);
    cause(BOX_NCP_0, false, "power");
    outage(BOX_NCP_0, 13, 16);
    ck_assert(ledger_get(ledger, 0)->planned);
    ck_assert(!ledger_get(ledger, 1)->planned);
    ck_assert_uint_eq(
        ledger_longest(ledger, LEDGER_PLANNED, at_s(20), NULL).ps, at_s(1).ps);
    ck_assert_uint_eq(
        ledger_longest(ledger, LEDGER_UNPLANNED, at_s(20), NULL).ps,
        at_s(3).ps);
    ck_assert_uint_eq(
        ledger_total_port_ps(ledger, LEDGER_PLANNED, at_s(20), NULL),
        at_s(4).ps);
    ck_assert_uint_eq(
        ledger_total_port_ps(ledger, LEDGER_UNPLANNED, at_s(20), NULL),
        at_s(12).ps);
    ck_assert_uint_eq(ledger_total_port_ps(ledger, LEDGER_ALL, at_s(20), NULL),
                      at_s(16).ps);
}
END_TEST

START_TEST(long_cause_is_cut)
{
    char text[LEDGER_CAUSE_MAX + 20];

    memset(text, 'x', sizeof(text) - 1);
    text[sizeof(text) - 1] = '\0';
    all_up();
    cause(BOX_NCP_0, false, text);
    outage(BOX_NCP_0, 11, 12);
    ck_assert_uint_eq(strlen(ledger_get(ledger, 0)->cause),
                      LEDGER_CAUSE_MAX - 1);
}
END_TEST

START_TEST(longest_and_total_with_exceptions)
{
    struct box_set except = {{0}};

    all_up();
    outage(BOX_NCP_0, 20, 25); /* 4 ports x 5 s */
    outage(BOX_NCP_2, 20, 22); /* 10 x 2 s */
    ck_assert_uint_eq(ledger_longest(ledger, LEDGER_ALL, at_s(30), NULL).ps,
                      at_s(5).ps);
    ck_assert_uint_eq(ledger_total_port_ps(ledger, LEDGER_ALL, at_s(30), NULL),
                      at_s(40).ps);
    box_set_add(&except, BOX_NCP_0);
    ck_assert_uint_eq(ledger_longest(ledger, LEDGER_ALL, at_s(30), &except).ps,
                      at_s(2).ps);
    ck_assert_uint_eq(
        ledger_total_port_ps(ledger, LEDGER_ALL, at_s(30), &except),
        at_s(20).ps);
}
END_TEST

START_TEST(open_entries_count_up_to_now)
{
    all_up();
    ports(BOX_NCP_0, at_s(20), 0, 4);
    ck_assert_uint_eq(ledger_longest(ledger, LEDGER_ALL, at_s(27), NULL).ps,
                      at_s(7).ps);
    ck_assert_uint_eq(ledger_total_port_ps(ledger, LEDGER_ALL, at_s(27), NULL),
                      at_s(28).ps);
    ledger_close(ledger, at_s(30));
    ck_assert(ledger_get(ledger, 0)->open);
    ck_assert_uint_eq(ledger_get(ledger, 0)->to.ps, at_s(30).ps);
    ck_assert_uint_eq(ledger_longest(ledger, LEDGER_ALL, at_s(30), NULL).ps,
                      at_s(10).ps);
}
END_TEST

START_TEST(close_leaves_ended_entries_alone)
{
    all_up();
    outage(BOX_NCP_0, 20, 21);
    ledger_close(ledger, at_s(30));
    ck_assert_uint_eq(ledger_get(ledger, 0)->to.ps, at_s(21).ps);
    ck_assert(!ledger_get(ledger, 0)->open);
}
END_TEST

START_TEST(availability_is_lost_over_all)
{
    ck_assert_uint_eq(ledger_availability_ppt(ledger, LEDGER_ALL, at_s(0)),
                      1000000000000);
    all_up();
    /* No time has gone by. */
    ck_assert_uint_eq(ledger_availability_ppt(ledger, LEDGER_ALL, at_s(10)),
                      1000000000000);
    outage(BOX_NCP_2, 20, 29); /* 90 of 18 x 100 port-seconds */
    ck_assert_uint_eq(ledger_availability_ppt(ledger, LEDGER_ALL, at_s(110)),
                      950000000000);
    ck_assert_uint_eq(
        ledger_availability_ppt(ledger, LEDGER_PLANNED, at_s(110)),
        1000000000000);
    ck_assert_uint_eq(
        ledger_availability_ppt(ledger, LEDGER_UNPLANNED, at_s(110)),
        950000000000);
}
END_TEST

/* An outage of a picosecond is one: never rounded away into 100 %. */
START_TEST(short_outage_is_not_rounded_away)
{
    struct simtime end = simtime_from_s(SIMTIME_LIMIT_S);

    all_up();
    ports(BOX_NCP_0, at_s(20), 0, 4);
    ports(BOX_NCP_0, simtime_from_ps(at_s(20).ps + 1), 4, 4);
    ck_assert_uint_eq(ledger_longest(ledger, LEDGER_ALL, at_s(30), NULL).ps,
                      1);
    ck_assert_uint_lt(ledger_availability_ppt(ledger, LEDGER_ALL, end),
                      1000000000000);
}
END_TEST

START_TEST(all_out_is_nothing)
{
    all_up();
    ports(BOX_NCP_0, at_s(10), 0, 4);
    ports(BOX_NCP_1, at_s(10), 0, 4);
    ports(BOX_NCP_2, at_s(10), 0, 10);
    ck_assert_uint_eq(ledger_availability_ppt(ledger, LEDGER_ALL, at_s(60)),
                      0);
}
END_TEST

/* 18 ports x 100 days are more picoseconds than 64 bits hold: the total says
 * "at least that", the availability stays right. */
START_TEST(totals_saturate_availability_does_not)
{
    struct simtime end = simtime_from_s(SIMTIME_LIMIT_S);
    uint64_t ppt;

    ports(BOX_NCP_0, at_s(0), 4, 4);
    ports(BOX_NCP_1, at_s(0), 4, 4);
    ports(BOX_NCP_2, at_s(0), 10, 10);
    ledger_open(ledger, at_s(0));
    ports(BOX_NCP_2, at_s(0), 0, 10);
    ck_assert_uint_eq(ledger_total_port_ps(ledger, LEDGER_ALL, end, NULL),
                      UINT64_MAX);
    ppt = ledger_availability_ppt(ledger, LEDGER_ALL, end);
    ck_assert_uint_ge(ppt, 444444444444); /* 8 of 18 ports */
    ck_assert_uint_le(ppt, 444444444445);
}
END_TEST

/* Each outage fits, their sum does not. */
START_TEST(sum_of_totals_saturates)
{
    ports(BOX_NCP_0, at_s(0), 4, 4);
    ports(BOX_NCP_1, at_s(0), 4, 4);
    ledger_open(ledger, at_s(0));
    ports(BOX_NCP_0, at_s(0), 0, 4);
    ports(BOX_NCP_1, at_s(0), 0, 4);
    ck_assert_uint_lt(
        ledger_total_port_ps(ledger, LEDGER_ALL, at_s(2000000), NULL),
        UINT64_MAX);
    ck_assert_uint_eq(
        ledger_total_port_ps(ledger, LEDGER_ALL, at_s(2500000), NULL),
        UINT64_MAX);
}
END_TEST

START_TEST(degraded_ports_are_those_with_fewer_links)
{
    all_up();
    fabric(BOX_NCP_0, 12, 13);
    fabric(BOX_NCP_2, 13, 13);
    ck_assert_uint_eq(ledger_ports_degraded(ledger), 4);
    fabric(BOX_NCP_2, 1, 13);
    ck_assert_uint_eq(ledger_ports_degraded(ledger), 14);
    /* Not reached at all is an outage, not less capacity. */
    fabric(BOX_NCP_2, 0, 13);
    ck_assert_uint_eq(ledger_ports_degraded(ledger), 4);
    fabric(BOX_NCP_0, 13, 13);
    ck_assert_uint_eq(ledger_ports_degraded(ledger), 0);
}
END_TEST

START_TEST(strange_boxes_are_not_heard)
{
    all_up();
    ports(paper_plan.box_count, at_s(20), 0, 4);
    ports(UINT32_MAX, at_s(20), 0, 4);
    ck_assert_uint_eq(ledger_count(ledger), 0);
}
END_TEST

/* More entries than the first allocation holds. */
START_TEST(many_outages)
{
    all_up();
    for (unsigned i = 0; i < 1000; i++)
        outage(BOX_NCP_0 + i % 2, 20 + 2 * i, 21 + 2 * i);
    ck_assert_uint_eq(ledger_count(ledger), 1000);
    ck_assert_uint_eq(
        ledger_total_port_ps(ledger, LEDGER_ALL, at_s(9999), NULL),
        at_s(4000).ps);
    for (size_t i = 0; i < 1000; i++)
        ck_assert_uint_eq(ledger_get(ledger, i)->box, BOX_NCP_0 + i % 2);
}
END_TEST

TCase *
ledger_cases(void)
{
    TCase *tc = tcase_create("ledger");

    tcase_add_checked_fixture(tc, setup, teardown);
    tcase_add_test(tc, counts_ports_of_line_cards);
    tcase_add_test(tc, boot_is_no_outage);
    tcase_add_test(tc, entry_has_interval_and_ports);
    tcase_add_test(tc, part_of_the_ports_is_an_outage_of_the_others);
    tcase_add_test(tc, ports_come_and_go_in_steps);
    tcase_add_test(tc, ports_count_once_in_service);
    tcase_add_test(tc, cause_is_the_latest_that_touched_the_box);
    tcase_add_test(tc, planned_ends_with_the_next_fault);
    tcase_add_test(tc, long_cause_is_cut);
    tcase_add_test(tc, longest_and_total_with_exceptions);
    tcase_add_test(tc, open_entries_count_up_to_now);
    tcase_add_test(tc, close_leaves_ended_entries_alone);
    tcase_add_test(tc, availability_is_lost_over_all);
    tcase_add_test(tc, short_outage_is_not_rounded_away);
    tcase_add_test(tc, all_out_is_nothing);
    tcase_add_test(tc, totals_saturate_availability_does_not);
    tcase_add_test(tc, sum_of_totals_saturates);
    tcase_add_test(tc, degraded_ports_are_those_with_fewer_links);
    tcase_add_test(tc, strange_boxes_are_not_heard);
    tcase_add_test(tc, many_outages);
    return tc;
}
