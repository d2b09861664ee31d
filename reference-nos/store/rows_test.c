/* SPDX-License-Identifier: Apache-2.0 */
#include "reference-nos/store/rows.h"
#include "reference-nos/store/store_testworld.h"

static void *
take(void *arg, size_t size)
{
    (void)arg;
    return aligned_alloc(16, (size + 15) & ~(size_t)15);
}

static void
give(void *arg, void *chunk, size_t size)
{
    (void)arg, (void)size;
    free(chunk);
}

struct mem *
test_mem(void)
{
    struct mem_source source = {take, give, NULL};

    return mem_create(&source, MEM_NO_LIMIT);
}

static struct store_row
row_make(uint8_t *key, uint64_t owner, unsigned number, const void *value,
         size_t size)
{
    struct store_row row = {
        .table = TABLE_MODULE,
        .owner = owner,
        .key = key,
        .key_size = 2,
        .value = value,
        .value_size = size,
    };

    key[0] = (uint8_t)(number >> 8);
    key[1] = (uint8_t)number;
    return row;
}

START_TEST(test_put_find_delete)
{
    struct mem *mem = test_mem();
    struct rows rows;
    uint8_t key[2];
    struct store_row row = row_make(key, 0, 7, "abc", 3);

    rows_init(&rows, mem, 10, 1000);
    row.version = 5;
    ck_assert_int_eq(rows_put(&rows, &row, 1, 0), 0);
    ck_assert_uint_eq(rows.count, 1);
    ck_assert_uint_eq(rows.bytes, 5);
    ck_assert_ptr_nonnull(rows_find(&rows, 0, TABLE_MODULE, key, 2));
    ck_assert_ptr_null(rows_find(&rows, 1, TABLE_MODULE, key, 2));
    ck_assert_ptr_null(rows_find(&rows, 0, TABLE_PLAN, key, 2));
    row.deleted = true;
    row.value_size = 0;
    ck_assert_int_eq(rows_put(&rows, &row, 2, 0), 0);
    ck_assert_ptr_null(rows_find(&rows, 0, TABLE_MODULE, key, 2));
    ck_assert_uint_eq(rows.count, 0);
    ck_assert_uint_eq(rows.bytes, 0);
    ck_assert(rows_changed(&rows, 1)->deleted);
    ck_assert_ptr_null(rows_first(&rows));
    row.deleted = false;
    ck_assert_int_eq(rows_put(&rows, &row, 3, 0), 0);
    ck_assert_uint_eq(rows.grave_count, 0);
    ck_assert_ptr_null(rows_changed(&rows, 3));
    mem_destroy(mem);
}
END_TEST

START_TEST(test_limits)
{
    struct mem *mem = test_mem();
    struct rows rows;
    uint8_t key[2];
    struct store_row row;

    rows_init(&rows, mem, 3, 20);
    for (unsigned i = 0; i < 3; i++) {
        row = row_make(key, 0, i, "abc", 3);
        ck_assert_int_eq(rows_put(&rows, &row, i + 1, 0), 0);
    }
    row = row_make(key, 0, 9, "abc", 3);
    ck_assert_int_eq(rows_put(&rows, &row, 9, 0), ERR_FULL);
    row = row_make(key, 0, 1, "abcdefgh", 8);
    ck_assert_int_eq(rows_put(&rows, &row, 9, 0), 0);
    row = row_make(key, 0, 1, "abcdefghi", 9);
    ck_assert_int_eq(rows_put(&rows, &row, 10, 0), ERR_FULL);
    ck_assert_uint_eq(rows.count, 3);
    mem_destroy(mem);
}
END_TEST

START_TEST(test_graves_are_forgotten_in_order)
{
    struct mem *mem = test_mem();
    struct rows rows;
    uint8_t key[2];
    uint64_t stamp = 0;
    size_t blocks;

    rows_init(&rows, mem, 100, 10000);
    blocks = (size_t)mem_block_count(mem);
    for (unsigned i = 0; i < ROWS_GRAVES + 10; i++) {
        struct store_row row = row_make(key, 0, i, "", 0);

        ck_assert_int_eq(rows_put(&rows, &row, ++stamp, 0), 0);
        row.deleted = true;
        ck_assert_int_eq(rows_put(&rows, &row, ++stamp, 0), 0);
    }
    ck_assert_uint_eq(rows.grave_count, ROWS_GRAVES);
    ck_assert_uint_eq(rows.floor, 20);
    ck_assert_uint_eq(mem_block_count(mem) - blocks, ROWS_GRAVES);
    mem_destroy(mem);
}
END_TEST

/* A reader that follows the stamps knows what is there, whenever it looks. */
START_TEST(test_reader_follows)
{
    struct mem *mem = test_mem();
    bool have[64] = {false};
    uint32_t random = 1;
    struct rows rows;
    uint8_t key[2];
    uint64_t at = 0;

    rows_init(&rows, mem, 100, 10000);
    for (unsigned round = 1; round < 5000; round++) {
        unsigned number = (random = random * 1664525 + 1013904223) >> 26;
        struct store_row row = row_make(key, random >> 8 & 1, number, "v", 1);
        const struct row *seen;

        row.owner = 0;
        row.deleted = (random >> 9 & 1) != 0;
        row.value_size = row.deleted ? 0 : 1;
        ck_assert_int_eq(rows_put(&rows, &row, round, 0), 0);
        if (round % 7 != 0)
            continue;
        while ((seen = rows_changed(&rows, at)) != NULL) {
            have[seen->bytes[1]] = !seen->deleted;
            at = seen->stamp;
        }
        for (unsigned i = 0; i < 64; i++) {
            uint8_t wanted[2] = {0, (uint8_t)i};

            ck_assert_int_eq(
                rows_find(&rows, 0, TABLE_MODULE, wanted, 2) != NULL, have[i]);
        }
    }
    mem_destroy(mem);
}
END_TEST

START_TEST(test_same_marks_the_generation)
{
    struct mem *mem = test_mem();
    struct rows rows;
    uint8_t key[2];
    struct store_row row = row_make(key, 0, 7, "abc", 3);

    rows_init(&rows, mem, 10, 1000);
    ck_assert_int_eq(rows_put(&rows, &row, 1, 0), 0);
    ck_assert(rows_same(&rows, &row, 4));
    ck_assert_uint_eq(rows_first(&rows)->generation, 4);
    row.value = (const uint8_t *)"abd";
    ck_assert(!rows_same(&rows, &row, 5));
    row.value = (const uint8_t *)"abc";
    row.version = 9;
    ck_assert(!rows_same(&rows, &row, 5));
    row.deleted = true;
    ck_assert(!rows_same(&rows, &row, 5));
    key[0] = 1;
    ck_assert(rows_same(&rows, &row, 5));
    mem_destroy(mem);
}
END_TEST

START_TEST(test_no_memory_changes_nothing)
{
    struct mem *mem = test_mem();
    struct rows rows;
    uint8_t key[2];
    struct store_row row = row_make(key, 0, 7, "abc", 3);

    rows_init(&rows, mem, 10, 1000);
    ck_assert_int_eq(rows_put(&rows, &row, 1, 0), 0);
    row.value = (const uint8_t *)"xyzzy";
    row.value_size = 5;
    mem_fail_after(mem, 0);
    ck_assert_int_eq(rows_put(&rows, &row, 2, 0), ERR_NOMEM);
    ck_assert_uint_eq(rows_first(&rows)->value_size, 3);
    ck_assert_uint_eq(rows.last, 1);
    mem_destroy(mem);
}
END_TEST

Suite *
rows_suite(void)
{
    Suite *suite = suite_create("rows");
    TCase *tcase = tcase_create("rows");

    tcase_add_test(tcase, test_put_find_delete);
    tcase_add_test(tcase, test_limits);
    tcase_add_test(tcase, test_graves_are_forgotten_in_order);
    tcase_add_test(tcase, test_reader_follows);
    tcase_add_test(tcase, test_same_marks_the_generation);
    tcase_add_test(tcase, test_no_memory_changes_nothing);
    suite_add_tcase(suite, tcase);
    return suite;
}
