/* SPDX-License-Identifier: Apache-2.0
 *
 * The routing table as a state machine: what wins, where next hops lead, and
 * that the rows depend on CONF alone, in whatever order it came.
 */
#include <check.h>
#include <stdlib.h>
#include <string.h>

#include "reference-nos/base/err.h"
#include "reference-nos/base/units.h"
#include "reference-nos/rib/routes.h"

static struct mem *mem;
static struct rib *rib;
static uint64_t now_ns;
static uint64_t state;

static unsigned
draw(unsigned below)
{
    state = state * UINT64_C(6364136223846793005) + 1442695040888963407u;
    return (unsigned)((state >> 33) % below);
}

static void *
take(void *arg, size_t size)
{
    (void)arg;
    return malloc(size);
}

static void
give(void *arg, void *chunk, size_t size)
{
    (void)arg, (void)size;
    free(chunk);
}

static void
begin(void)
{
    static const struct mem_source source = {take, give, NULL};

    now_ns = NS_PER_S;
    mem = mem_create(&source, MEM_NO_LIMIT);
    ck_assert_int_eq(rib_create(mem, &rib), 0);
}

static void
end(void)
{
    mem_destroy(mem);
}

static struct fwd_prefix
v4(unsigned a, unsigned b, unsigned c, unsigned d, unsigned length)
{
    struct fwd_prefix whole = {
        .family = 4,
        .length = 32,
        .bytes = {(uint8_t)a, (uint8_t)b, (uint8_t)c, (uint8_t)d}};

    return prefix_cut(&whole, length);
}

/* 10.port.0.1/16 on 'port' of module 64. */
static void
interface_set(unsigned port, bool there)
{
    struct interface_key key = {64, (uint16_t)port};
    struct interface_row row = {.count = 1,
                                .addresses = {{v4(10, port, 0, 1, 32), 16}}};

    ck_assert_int_eq(rib_interface_set(rib, &key, there ? &row : NULL), 0);
}

static void
static_set(struct fwd_prefix prefix, unsigned count, struct fwd_prefix a,
           struct fwd_prefix b)
{
    struct static_row row = {.count = count, .hops = {a, b}};

    ck_assert_int_eq(rib_static_set(rib, &prefix, &row), 0);
}

static void
settle(void)
{
    unsigned units, steps = 0;

    for (;;) {
        while (rib_busy(rib, now_ns)) {
            ck_assert_uint_lt(++steps, 1000000);
            ck_assert_int_eq(rib_step(rib, now_ns, &units), 0);
        }
        if (rib_deadline_ns(rib) == TIME_NEVER_NS)
            return;
        now_ns = rib_deadline_ns(rib);
    }
}

/* The port of the only hop; 1000: discard; 2000: there is no such route. */
static unsigned
port_of(struct fwd_prefix prefix)
{
    struct rib_route route;
    const struct fwd_prefix *after = NULL;
    struct fwd_prefix at;

    while (rib_next(rib, after, &route) == 0) {
        if (prefix_compare(&route.prefix, &prefix) == 0) {
            if (route.discard)
                return 1000;
            ck_assert_uint_eq(route.group.count, 1);
            return route.group.hops[0].port;
        }
        at = route.prefix;
        after = &at;
    }
    return 2000;
}

START_TEST(connected_wins_over_static)
{
    struct fwd_prefix net = v4(10, 1, 0, 0, 16);

    begin();
    interface_set(2, true);
    static_set(net, 1, v4(10, 2, 0, 9, 32), net);
    settle();
    ck_assert_uint_eq(port_of(net), 2);
    interface_set(1, true);
    settle();
    ck_assert_uint_eq(port_of(net), 1);
    interface_set(1, false);
    settle();
    ck_assert_uint_eq(port_of(net), 2);
    end();
}
END_TEST

START_TEST(next_hops_resolve_through_routes)
{
    struct fwd_prefix one = v4(20, 0, 0, 0, 8), two = v4(30, 0, 0, 0, 8);
    struct fwd_prefix all = v4(0, 0, 0, 0, 0);
    struct static_row discard = {.discard = true};

    begin();
    static_set(two, 1, v4(20, 1, 1, 1, 32), all);
    static_set(one, 1, v4(10, 3, 0, 9, 32), all);
    settle();
    ck_assert_uint_eq(port_of(two), 2000);
    interface_set(3, true);
    settle();
    ck_assert_uint_eq(port_of(one), 3);
    ck_assert_uint_eq(port_of(two), 3);
    /* The longest match decides: here is nothing to go on with. */
    one = v4(20, 1, 0, 0, 16);
    ck_assert_int_eq(rib_static_set(rib, &one, &discard), 0);
    settle();
    ck_assert_uint_eq(port_of(one), 1000);
    ck_assert_uint_eq(port_of(two), 2000);
    end();
}
END_TEST

START_TEST(a_circle_leads_nowhere)
{
    struct fwd_prefix one = v4(20, 0, 0, 0, 8), two = v4(30, 0, 0, 0, 8);

    begin();
    static_set(one, 1, v4(30, 0, 0, 1, 32), one);
    static_set(two, 1, v4(20, 0, 0, 1, 32), one);
    settle();
    ck_assert_uint_eq(port_of(one), 2000);
    /* Through itself only by way of a shorter one. */
    static_set(v4(0, 0, 0, 0, 0), 1, v4(10, 4, 0, 9, 32), one);
    interface_set(4, true);
    settle();
    ck_assert_uint_eq(port_of(one), 4);
    ck_assert_uint_eq(port_of(two), 4);
    end();
}
END_TEST

START_TEST(withdrawals_wait_for_their_company)
{
    struct fwd_prefix net = v4(20, 0, 0, 0, 8);
    unsigned units;

    begin();
    interface_set(1, true);
    static_set(net, 1, v4(10, 1, 0, 9, 32), net);
    settle();
    ck_assert_int_eq(rib_static_set(rib, &net, NULL), 0);
    while (rib_busy(rib, now_ns))
        ck_assert_int_eq(rib_step(rib, now_ns, &units), 0);
    ck_assert_uint_eq(port_of(net), 1);
    ck_assert_uint_eq(rib_deadline_ns(rib), now_ns + RIB_HOLD_NS);
    /* It comes back before it went: nothing is told. */
    static_set(net, 1, v4(10, 1, 0, 9, 32), net);
    units = (unsigned)rib_rows(rib)->last;
    settle();
    ck_assert_uint_eq(rib_rows(rib)->last, units);
    ck_assert_uint_eq(port_of(net), 1);
    end();
}
END_TEST

/* ---- any order, any pace ---- */

#define PORTS 6u
#define STATICS 20u

static bool ports[PORTS];
static struct {
    bool used;
    struct fwd_prefix prefix;
    struct static_row row;
} statics[STATICS];

static struct fwd_prefix
some_hop(void)
{
    return draw(3) == 0 ? v4(20, draw(8), 0, 1, 32)
                        : v4(10, draw(PORTS), 0, 9, 32);
}

static void
random_edit(void)
{
    unsigned i = draw(STATICS);
    struct fwd_prefix a = some_hop(), b = some_hop();
    struct static_row *row = &statics[i].row;

    if (draw(3) == 0) {
        i = draw(PORTS);
        ports[i] = !ports[i];
        interface_set(i, ports[i]);
        return;
    }
    statics[i].prefix = v4(20, i % 8, i, 0, i < 8 ? 16 : 24);
    statics[i].used = draw(3) != 0;
    *row = (struct static_row){.discard = draw(8) == 0};
    if (!row->discard) {
        row->hops[row->count++] = prefix_compare(&a, &b) <= 0 ? a : b;
        if (prefix_compare(&a, &b) != 0)
            row->hops[row->count++] = prefix_compare(&a, &b) < 0 ? b : a;
    }
    ck_assert_int_eq(
        rib_static_set(rib, &statics[i].prefix, statics[i].used ? row : NULL),
        0);
}

/* Everything at once, backwards, into a table of its own. */
static struct fib_sum
sum_anew(void)
{
    struct mem *old_mem = mem;
    struct rib *old = rib;
    struct fib_sum sum;

    begin();
    for (unsigned i = STATICS; i-- > 0;)
        if (statics[i].used)
            ck_assert_int_eq(
                rib_static_set(rib, &statics[i].prefix, &statics[i].row), 0);
    for (unsigned i = PORTS; i-- > 0;)
        if (ports[i])
            interface_set(i, true);
    settle();
    sum = rib_sum(rib);
    end();
    mem = old_mem;
    rib = old;
    return sum;
}

/* A reader that takes rows in the order of their stamps, a few at a time: a
 * group is there before any route that uses it. */
struct reader {
    uint64_t at;
    struct {
        uint64_t name;
        bool there;
    } groups[512];
    unsigned group_count;
};

static void
reader_group(struct reader *reader, uint64_t name, bool there)
{
    unsigned i = 0;

    while (i < reader->group_count && reader->groups[i].name != name)
        i++;
    if (i == reader->group_count)
        ck_assert_uint_lt(++reader->group_count, 512);
    reader->groups[i].name = name;
    reader->groups[i].there = there;
}

static void
reader_route(const struct reader *reader, uint64_t name)
{
    if (name == FIB_DISCARD)
        return;
    for (unsigned i = 0; i < reader->group_count; i++)
        if (reader->groups[i].name == name && reader->groups[i].there)
            return;
    ck_abort_msg("a route came before its group");
}

static void
reader_step(struct reader *reader)
{
    const struct row *row = rows_changed(rib_rows(rib), reader->at);
    struct store_row view;
    uint64_t name = 0;

    if (row == NULL)
        return;
    reader->at = row->stamp;
    view = row_view(row);
    if (view.table == TABLE_FIB_GROUP) {
        ck_assert_int_eq(name_key_decode(view.key, view.key_size, &name), 0);
        reader_group(reader, name, !view.deleted);
    } else if (!view.deleted) {
        ck_assert_int_eq(fib_route_decode(view.value, view.value_size, &name),
                         0);
        reader_route(reader, name);
    }
}

START_TEST(rows_depend_on_conf_alone)
{
    struct reader reader = {0};
    unsigned units;

    state = 900 + (uint64_t)_i;
    memset(ports, 0, sizeof(ports));
    memset(statics, 0, sizeof(statics));
    begin();
    for (unsigned round = 0; round < 300; round++) {
        struct fib_sum sum, anew;

        for (unsigned i = draw(6); i > 0; i--)
            random_edit();
        for (unsigned i = draw(20); i > 0 && rib_busy(rib, now_ns); i--) {
            ck_assert_int_eq(rib_step(rib, now_ns, &units), 0);
            reader_step(&reader);
        }
        now_ns += draw(2) * RIB_HOLD_NS;
        if (draw(4) != 0)
            continue;
        settle();
        sum = rib_sum(rib);
        anew = sum_anew();
        ck_assert(fib_sum_equal(&sum, &anew));
        /* Rows and sum say the same. */
        ck_assert_uint_eq(rib_rows(rib)->count, sum.routes + sum.groups);
    }
    end();
}
END_TEST

START_TEST(a_snapshot_drops_what_it_does_not_show)
{
    struct fwd_prefix net = v4(20, 0, 0, 0, 8), kept = v4(30, 0, 0, 0, 8);
    uint64_t stamp;

    begin();
    interface_set(1, true);
    interface_set(2, true);
    static_set(net, 1, v4(10, 1, 0, 9, 32), net);
    static_set(kept, 1, v4(10, 1, 0, 9, 32), net);
    settle();
    stamp = rib_rows(rib)->last;
    rib_sync_begin(rib);
    interface_set(1, true);
    interface_set(2, true);
    static_set(net, 1, v4(10, 1, 0, 9, 32), net);
    static_set(kept, 1, v4(10, 1, 0, 9, 32), net);
    rib_sync_end(rib);
    settle();
    ck_assert_uint_eq(rib_rows(rib)->last, stamp);
    rib_sync_begin(rib);
    interface_set(1, true);
    static_set(kept, 1, v4(10, 1, 0, 9, 32), net);
    rib_sync_end(rib);
    settle();
    ck_assert_uint_eq(port_of(net), 2000);
    ck_assert_uint_eq(port_of(v4(10, 2, 0, 0, 16)), 2000);
    ck_assert_uint_eq(port_of(kept), 1);
    end();
}
END_TEST

/* 2,000 interfaces, 8,000 static routes: a change costs what it touches. */
START_TEST(thousands_of_routes)
{
    unsigned units, sum = 0;

    begin();
    for (unsigned i = 0; i < 2000; i++) {
        struct interface_key key = {(uint16_t)(64 + i / 200),
                                    (uint16_t)(i % 200)};
        struct interface_row row = {
            .count = 1, .addresses = {{v4(10, i / 200, i % 200, 1, 32), 24}}};

        ck_assert_int_eq(rib_interface_set(rib, &key, &row), 0);
    }
    for (unsigned i = 0; i < 8000; i++)
        static_set(v4(20, i / 250, i % 250, 0, 24), 1,
                   v4(10, i / 200 % 10, i % 200, 9, 32), v4(0, 0, 0, 0, 32));
    settle();
    ck_assert_uint_eq(rib_sum(rib).routes, 10000);
    ck_assert_uint_eq(rib_sum(rib).groups, 2000);
    ck_assert_uint_lt(mem_used_bytes(mem), 8u << 20);
    interface_set(0, false);
    for (struct interface_key key = {64, 5}; key.port == 5; key.port++)
        ck_assert_int_eq(rib_interface_set(rib, &key, NULL), 0);
    while (rib_busy(rib, now_ns)) {
        ck_assert_int_eq(rib_step(rib, now_ns, &units), 0);
        sum += units;
    }
    settle();
    ck_assert_uint_eq(rib_sum(rib).routes, 10000 - 2 * (1 + 4));
    ck_assert_uint_lt(sum, 8000);
    end();
}
END_TEST

int
main(void)
{
    Suite *suite = suite_create("rib");
    TCase *tcase = tcase_create("routes");
    SRunner *runner;
    int failed;

    tcase_add_test(tcase, connected_wins_over_static);
    tcase_add_test(tcase, next_hops_resolve_through_routes);
    tcase_add_test(tcase, a_circle_leads_nowhere);
    tcase_add_test(tcase, withdrawals_wait_for_their_company);
    tcase_add_loop_test(tcase, rows_depend_on_conf_alone, 0, 20);
    tcase_add_test(tcase, a_snapshot_drops_what_it_does_not_show);
    tcase_add_test(tcase, thousands_of_routes);
    suite_add_tcase(suite, tcase);
    runner = srunner_create(suite);
    srunner_run_all(runner, CK_NORMAL);
    failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
