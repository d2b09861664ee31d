/* SPDX-License-Identifier: Apache-2.0
 *
 * Prefixes, and the tables of an ASIC in memory, against a slow twin.
 */
#include <check.h>
#include <stdlib.h>
#include <string.h>

#include "reference-nos/base/err.h"
#include "reference-nos/platform/fwd_table.h"
#include "reference-nos/platform/prefix.h"

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
v4(uint32_t address, unsigned length)
{
    struct fwd_prefix whole = {
        .family = 4,
        .length = 32,
        .bytes = {(uint8_t)(address >> 24), (uint8_t)(address >> 16),
                  (uint8_t)(address >> 8), (uint8_t)address},
    };

    return prefix_cut(&whole, length);
}

START_TEST(prefixes_are_cut_compared_and_covered)
{
    struct fwd_prefix net = v4(0x0a010203, 14), inner = v4(0x0a010203, 32);
    struct fwd_prefix bad = net, six = {.family = 6, .length = 128};

    ck_assert_uint_eq(net.bytes[1], 0);
    ck_assert(prefix_valid(&net) && prefix_valid(&six));
    bad.bytes[3] = 1;
    ck_assert(!prefix_valid(&bad));
    bad = net;
    bad.length = 33;
    ck_assert(!prefix_valid(&bad));
    bad.family = 5;
    ck_assert(!prefix_valid(&bad));
    ck_assert(prefix_covers(&net, &inner) && prefix_covers(&net, &net));
    ck_assert(!prefix_covers(&inner, &net));
    inner = v4(0x0a050203, 32);
    ck_assert(!prefix_covers(&net, &inner));
    six.length = 0;
    ck_assert(!prefix_covers(&six, &inner));
    ck_assert_int_lt(prefix_compare(&net, &inner), 0);
    inner = v4(0x0a000000, 15);
    ck_assert_int_lt(prefix_compare(&net, &inner), 0);
}
END_TEST

START_TEST(hashes_look_at_hops_not_at_ids)
{
    struct fwd_group a = {.id = 7, .count = 2, .hops = {{1, 2}, {3, 4}}};
    struct fwd_group b = a;
    struct fwd_prefix net = v4(0x0a000000, 8);

    b.id = 9;
    ck_assert_uint_eq(prefix_route_hash(&net, &a),
                      prefix_route_hash(&net, &b));
    b.hops[1].port = 5;
    ck_assert_uint_ne(prefix_group_hash(&a), prefix_group_hash(&b));
    ck_assert_uint_ne(prefix_route_hash(&net, &a),
                      prefix_route_hash(&net, NULL));
}
END_TEST

START_TEST(hardware_refuses_what_would_hang_in_the_air)
{
    struct mem *mem = context();
    struct fwd_group group = {.id = 5, .count = 1, .hops = {{1, 2}}};
    struct fwd_route route = {.prefix = v4(0x0a000000, 8), .group = 5};
    struct fwd_route more = {.prefix = v4(0x0b000000, 8), .group = 1};
    struct fwd_table *table;
    uint32_t id;

    ck_assert_int_eq(fwd_table_create(mem, 1, 1, &table), 0);
    ck_assert_int_eq(fwd_table_route(table, &route), ERR_NOENT);
    ck_assert_int_eq(fwd_table_group(table, &group), 0);
    ck_assert_int_eq(fwd_table_route(table, &route), 0);
    ck_assert_int_eq(fwd_table_route(table, &more), ERR_FULL);
    group.count = 0;
    ck_assert_int_eq(fwd_table_group(table, &group), ERR_BUSY);
    route.group = FWD_GROUP_DISCARD;
    ck_assert_int_eq(fwd_table_route(table, &route), 0);
    ck_assert_ptr_null(fwd_table_lookup(
        table,
        &(struct fwd_prefix){
            .family = 4, .length = 32, .bytes = {10, 1, 1, 1}},
        &id));
    ck_assert_uint_eq(id, FWD_GROUP_DISCARD);
    ck_assert_int_eq(fwd_table_group(table, &group), 0);
    route.group = FWD_GROUP_NONE;
    ck_assert_int_eq(fwd_table_route(table, &route), 0);
    ck_assert_uint_eq(fwd_table_route_count(table), 0);
    group.id = 1;
    ck_assert_int_eq(fwd_groups_check(&group, 1), ERR_RANGE);
    mem_destroy(mem);
}
END_TEST

static uint64_t
draw(uint64_t *state)
{
    *state = *state * UINT64_C(6364136223846793005) + 1442695040888963407u;
    return *state >> 33;
}

#define TWIN 64u

/* Most specific of the twin's routes, by looking at each. */
static uint32_t
twin_lookup(const struct fwd_route *routes, const struct fwd_prefix *address)
{
    uint32_t group = FWD_GROUP_NONE;
    int best = -1;

    for (unsigned i = 0; i < TWIN; i++)
        if (routes[i].group != FWD_GROUP_NONE &&
            prefix_covers(&routes[i].prefix, address) &&
            routes[i].prefix.length > best) {
            best = routes[i].prefix.length;
            group = routes[i].group;
        }
    return group;
}

START_TEST(lookups_agree_with_the_twin)
{
    struct mem *mem = context();
    struct fwd_route twin[TWIN] = {0}, seen[TWIN];
    struct fwd_table *table;
    uint64_t state = 42;

    ck_assert_int_eq(fwd_table_create(mem, 8, TWIN, &table), 0);
    for (uint32_t id = 2; id < 8; id++) {
        struct fwd_group group = {.id = id, .count = 1, .hops = {{1, 1}}};

        ck_assert_int_eq(fwd_table_group(table, &group), 0);
    }
    for (unsigned round = 0; round < 4000; round++) {
        unsigned i = (unsigned)draw(&state) % TWIN;
        struct fwd_prefix address = v4((uint32_t)draw(&state) & 0xff, 32);
        struct fwd_route route = {
            .prefix = v4(i & 0x1f, 27 + i % 6),
            .group = (uint32_t)draw(&state) % 8,
        };
        size_t live = 0;
        uint32_t id;

        /* One place for each prefix. */
        for (i = 0; i < TWIN; i++)
            if (twin[i].group != 0 &&
                prefix_compare(&twin[i].prefix, &route.prefix) == 0)
                break;
        for (unsigned j = 0; i == TWIN && j < TWIN; j++)
            if (twin[j].group == 0)
                i = j;
        ck_assert_uint_lt(i, TWIN);
        twin[i] = route;
        ck_assert_int_eq(fwd_table_route(table, &route), 0);
        (void)fwd_table_lookup(table, &address, &id);
        ck_assert_uint_eq(id, twin_lookup(twin, &address));
        for (i = 0; i < TWIN; i++)
            live += twin[i].group != 0;
        ck_assert_uint_eq(live,
                          fwd_table_routes_dump(table, NULL, seen, TWIN));
    }
    mem_destroy(mem);
}
END_TEST

int
main(void)
{
    Suite *suite = suite_create("platform");
    TCase *tcase = tcase_create("tables");
    SRunner *runner;
    int failed;

    tcase_add_test(tcase, prefixes_are_cut_compared_and_covered);
    tcase_add_test(tcase, hashes_look_at_hops_not_at_ids);
    tcase_add_test(tcase, hardware_refuses_what_would_hang_in_the_air);
    tcase_add_test(tcase, lookups_agree_with_the_twin);
    suite_add_tcase(suite, tcase);
    runner = srunner_create(suite);
    srunner_run_all(runner, CK_NORMAL);
    failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
