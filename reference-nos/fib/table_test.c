/* SPDX-License-Identifier: Apache-2.0
 *
 * The card's table against an ASIC in memory that judges as hardware does:
 * whatever is wanted, and wherever the service dies, they agree in the end,
 * no write is refused, and nothing that stays is touched.
 */
#include <check.h>
#include <stdlib.h>
#include <string.h>

#include "reference-nos/base/err.h"
#include "reference-nos/fib/table.h"
#include "reference-nos/platform/fwd_table.h"

#define PREFIXES 24u
#define GROUPS 6u

struct rig {
    struct mem *asic_mem, *mem;
    struct fwd_table *asic;
    struct fib_table *table;
    bool careless;
    unsigned writes;              /* entries */
    unsigned refused;             /* by the ASIC */
    bool refuse;                  /* it takes no groups now */
    struct table_write under_way; /* count 0: none */
    unsigned wanted[PREFIXES];    /* 0: none, 1: discard, 2..: group */
};

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

static struct mem *
context(void)
{
    static const struct mem_source source = {take, give, NULL};

    return mem_create(&source, MEM_NO_LIMIT);
}

static struct fwd_prefix
prefix_at(unsigned i)
{
    return (struct fwd_prefix){
        .family = 4, .length = 24, .bytes = {10, 0, (uint8_t)i, 0}};
}

static struct fwd_group
group_at(unsigned i)
{
    struct fwd_group group = {.count = (uint8_t)(1 + i % 3)};

    for (unsigned j = 0; j < group.count; j++)
        group.hops[j] = (struct fwd_hop){(uint16_t)(64 + j), (uint16_t)i};
    return group;
}

/* ---- the ASIC ---- */

static int
write_take(struct rig *rig, const struct table_write *write)
{
    int first = 0;

    for (unsigned i = 0; i < write->count; i++) {
        int error = write->groups
                        ? fwd_table_group(rig->asic, &write->u.groups[i])
                        : fwd_table_route(rig->asic, &write->u.routes[i]);

        if (write->groups && write->u.groups[i].count > 0 && rig->refuse)
            error = ERR_FULL;
        rig->writes++;
        if (first == 0)
            first = error;
    }
    rig->refused += first != 0;
    return first;
}

/* One write begins, or the one under way ends. */
static bool
asic_step(struct rig *rig)
{
    struct table_write done = rig->under_way;

    if (done.count == 0)
        return table_next(rig->table, &rig->under_way);
    rig->under_way.count = 0;
    table_written(rig->table, write_take(rig, &done));
    return true;
}

static void
settle(struct rig *rig)
{
    unsigned steps = 0;

    while (!table_settled(rig->table)) {
        ck_assert_uint_lt(++steps, 100000);
        if (table_sweeping(rig->table))
            table_sweep_step(rig->table);
        else
            ck_assert(asic_step(rig) || table_settled(rig->table));
    }
}

/* ---- life ---- */

/* As the service does: what was under way takes effect, then it is read. */
static void
start(struct rig *rig)
{
    struct fwd_group groups[FWD_WRITE_MAX];
    struct fwd_route routes[FWD_WRITE_MAX];
    size_t count;

    if (rig->under_way.count > 0)
        (void)write_take(rig, &rig->under_way);
    rig->under_way.count = 0;
    mem_destroy(rig->mem);
    rig->mem = context();
    ck_assert_int_eq(table_create(rig->mem, rig->careless, &rig->table), 0);
    count = fwd_table_groups_dump(rig->asic, 0, groups, FWD_WRITE_MAX);
    for (size_t i = 0; i < count; i++)
        ck_assert_int_eq(table_adopt_group(rig->table, &groups[i]), 0);
    count = fwd_table_routes_dump(rig->asic, NULL, routes, FWD_WRITE_MAX);
    for (size_t i = 0; i < count; i++)
        ck_assert_int_eq(table_adopt_route(rig->table, &routes[i]), 0);
}

static void
rig_make(struct rig *rig)
{
    memset(rig, 0, sizeof(*rig));
    rig->asic_mem = context();
    ck_assert_int_eq(
        fwd_table_create(rig->asic_mem, GROUPS, PREFIXES, &rig->asic), 0);
    start(rig);
}

static void
rig_free(struct rig *rig)
{
    mem_destroy(rig->mem);
    mem_destroy(rig->asic_mem);
}

/* ---- rows ---- */

static int
group_row(struct rig *rig, unsigned i, uint32_t generation)
{
    struct fwd_group group = group_at(i);
    struct store_row row = {.table = TABLE_FIB_GROUP};
    struct key_bytes key;
    struct row_bytes value;

    name_key_encode(prefix_group_hash(&group), &key);
    group_row_encode(&group, &value);
    row.key = key.bytes;
    row.key_size = key.size;
    row.value = value.bytes;
    row.value_size = value.size;
    return table_row(rig->table, &row, generation);
}

static int
route_row(struct rig *rig, unsigned i, uint32_t generation)
{
    struct fwd_prefix prefix = prefix_at(i);
    struct fwd_group group = group_at(rig->wanted[i]);
    struct store_row row = {.table = TABLE_FIB_ROUTE,
                            .deleted = rig->wanted[i] == 0};
    struct key_bytes key;
    struct row_bytes value;

    prefix_key_encode(&prefix, &key);
    fib_route_encode(
        rig->wanted[i] == 1 ? FIB_DISCARD : prefix_group_hash(&group), &value);
    row.key = key.bytes;
    row.key_size = key.size;
    row.value = value.bytes;
    row.value_size = row.deleted ? 0 : value.size;
    return table_row(rig->table, &row, generation);
}

static void
want(struct rig *rig, unsigned i, unsigned what, uint32_t generation)
{
    rig->wanted[i] = what;
    if (what >= 2)
        ck_assert_int_eq(group_row(rig, what, generation), 0);
    ck_assert_int_eq(route_row(rig, i, generation), 0);
}

static void
snapshot(struct rig *rig, uint32_t generation)
{
    table_sweep_cancel(rig->table);
    for (unsigned i = 0; i < PREFIXES; i++)
        if (rig->wanted[i] != 0)
            want(rig, i, rig->wanted[i], generation);
    table_sweep(rig->table, generation);
}

static void
check(struct rig *rig)
{
    struct fib_sum sum = {0}, has = table_sum(rig->table);
    bool used[2 + GROUPS] = {false};

    for (unsigned i = 0; i < PREFIXES; i++) {
        struct fwd_prefix prefix = prefix_at(i), address = prefix;
        struct fwd_group group = group_at(rig->wanted[i]);
        const struct fwd_group *found;
        uint32_t id;

        address.length = 32;
        found = fwd_table_lookup(rig->asic, &address, &id);
        ck_assert_uint_eq(id == FWD_GROUP_NONE, rig->wanted[i] == 0);
        ck_assert_uint_eq(id == FWD_GROUP_DISCARD, rig->wanted[i] == 1);
        ck_assert_uint_eq(found != NULL, rig->wanted[i] >= 2);
        if (rig->wanted[i] == 0)
            continue;
        sum.routes++;
        sum.hash += prefix_route_hash(&prefix, found);
        if (found == NULL)
            continue;
        ck_assert_uint_eq(found->count, group.count);
        ck_assert_mem_eq(found->hops, group.hops,
                         group.count * sizeof(group.hops[0]));
        sum.groups += !used[rig->wanted[i]];
        used[rig->wanted[i]] = true;
    }
    ck_assert(fib_sum_equal(&sum, &has));
    ck_assert_uint_eq(fwd_table_group_count(rig->asic), sum.groups);
}

/* ---- tests ---- */

START_TEST(anything_wanted_is_written)
{
    uint32_t generation = 1;
    struct rig rig;

    state = 100 + (uint64_t)_i;
    rig_make(&rig);
    for (unsigned round = 0; round < 400; round++) {
        for (unsigned i = draw(8); i > 0; i--)
            want(&rig, draw(PREFIXES), draw(2 + GROUPS), generation);
        for (unsigned i = draw(6); i > 0; i--)
            (void)asic_step(&rig);
        if (draw(10) == 0) {
            /* Deletions may have been lost with the service. */
            start(&rig);
            snapshot(&rig, ++generation);
        }
        if (draw(4) == 0) {
            settle(&rig);
            check(&rig);
        }
    }
    ck_assert_uint_eq(rig.refused, 0);
    rig_free(&rig);
}
END_TEST

/* A change of every route, and death after each step of it. */
START_TEST(death_at_every_point_is_repaired)
{
    for (unsigned point = 0; point < 40; point++) {
        struct rig rig;

        rig_make(&rig);
        for (unsigned i = 0; i < PREFIXES; i++)
            want(&rig, i, i % (2 + GROUPS), 1);
        settle(&rig);
        for (unsigned i = 0; i < PREFIXES; i++)
            want(&rig, i, (i + 3) % (2 + GROUPS), 1);
        for (unsigned i = 0; i < point; i++)
            (void)asic_step(&rig);
        start(&rig);
        snapshot(&rig, 2);
        settle(&rig);
        check(&rig);
        ck_assert_uint_eq(rig.refused, 0);
        /* Again from here: nothing is to be done. */
        rig.writes = 0;
        start(&rig);
        snapshot(&rig, 3);
        settle(&rig);
        ck_assert_uint_eq(rig.writes, 0);
        rig_free(&rig);
    }
}
END_TEST

/* A route that changes is there all the time; not so with the planted bug. */
START_TEST(a_change_leaves_no_hole)
{
    struct fwd_prefix address = prefix_at(0);
    unsigned holes = 0;
    struct rig rig;

    address.length = 32;
    memset(&rig, 0, sizeof(rig));
    rig.asic_mem = context();
    rig.careless = _i != 0;
    ck_assert_int_eq(
        fwd_table_create(rig.asic_mem, GROUPS, PREFIXES, &rig.asic), 0);
    start(&rig);
    want(&rig, 0, 2, 1);
    settle(&rig);
    for (unsigned i = 0; i < 10; i++) {
        want(&rig, 0, 2 + (i + 1) % GROUPS, 1);
        while (!table_settled(rig.table)) {
            uint32_t id;

            ck_assert(asic_step(&rig));
            (void)fwd_table_lookup(rig.asic, &address, &id);
            holes += id == FWD_GROUP_NONE;
        }
    }
    check(&rig);
    ck_assert_uint_eq(holes > 0, rig.careless);
    rig_free(&rig);
}
END_TEST

START_TEST(what_the_asic_refuses_rests_and_the_rest_goes_on)
{
    struct rig rig;

    rig_make(&rig);
    rig.refuse = true;
    want(&rig, 0, 2, 1);
    want(&rig, 1, 1, 1);
    settle(&rig);
    ck_assert_uint_eq(table_failed(rig.table), 2);
    ck_assert_uint_eq(fwd_table_route_count(rig.asic), 1);
    table_retry(rig.table);
    settle(&rig);
    ck_assert_uint_eq(table_failed(rig.table), 2);
    rig.refuse = false;
    table_retry(rig.table);
    settle(&rig);
    ck_assert_uint_eq(table_failed(rig.table), 0);
    check(&rig);
    rig_free(&rig);
}
END_TEST

START_TEST(malformed_rows_are_refused)
{
    struct fwd_group group = group_at(3), other = group_at(4);
    struct store_row row = {.table = TABLE_FIB_GROUP};
    struct key_bytes key;
    struct row_bytes value;
    struct rig rig;

    rig_make(&rig);
    rig.wanted[0] = 5;
    ck_assert_int_eq(route_row(&rig, 0, 1), ERR_NOENT);
    name_key_encode(prefix_group_hash(&other), &key);
    group_row_encode(&group, &value);
    row.key = key.bytes;
    row.key_size = key.size;
    row.value = value.bytes;
    row.value_size = value.size;
    ck_assert_int_eq(table_row(rig.table, &row, 1), ERR_MALFORMED);
    row.value_size--;
    ck_assert_int_eq(table_row(rig.table, &row, 1), ERR_TRUNCATED);
    row.table = TABLE_MODULE;
    ck_assert_int_eq(table_row(rig.table, &row, 1), ERR_MALFORMED);
    ck_assert(table_settled(rig.table));
    rig_free(&rig);
}
END_TEST

int
main(void)
{
    Suite *suite = suite_create("fib");
    TCase *tcase = tcase_create("table");
    SRunner *runner;
    int failed;

    tcase_add_loop_test(tcase, anything_wanted_is_written, 0, 20);
    tcase_add_test(tcase, death_at_every_point_is_repaired);
    tcase_add_loop_test(tcase, a_change_leaves_no_hole, 0, 2);
    tcase_add_test(tcase, what_the_asic_refuses_rests_and_the_rest_goes_on);
    tcase_add_test(tcase, malformed_rows_are_refused);
    suite_add_tcase(suite, tcase);
    runner = srunner_create(suite);
    srunner_run_all(runner, CK_NORMAL);
    failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
