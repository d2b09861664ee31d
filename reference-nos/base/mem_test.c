/* SPDX-License-Identifier: Apache-2.0 */
#include "reference-nos/base/mem.h"

#include "reference-nos/base/base_test.h"

#include <stdlib.h>
#include <string.h>

/* A source that counts what is out and may run dry. */
struct well {
    size_t out_bytes;
    size_t out_count;
    size_t chunks_left;
};

static void *
well_take(void *arg, size_t size)
{
    struct well *well = arg;

    if (well->chunks_left == 0)
        return NULL;
    well->chunks_left--;
    well->out_bytes += size;
    well->out_count++;
    return malloc(size);
}

static void
well_give(void *arg, void *chunk, size_t size)
{
    struct well *well = arg;

    ck_assert_uint_ge(well->out_bytes, size);
    well->out_bytes -= size;
    well->out_count--;
    free(chunk);
}

static struct mem *
open_mem(struct well *well, size_t limit_bytes)
{
    struct mem_source source = {well_take, well_give, well};
    struct mem *mem;

    *well = (struct well){.chunks_left = SIZE_MAX};
    mem = mem_create(&source, limit_bytes);
    ck_assert_ptr_nonnull(mem);
    return mem;
}

static bool
all_are(const unsigned char *bytes, size_t size, unsigned char value)
{
    for (size_t i = 0; i < size; i++) {
        if (bytes[i] != value)
            return false;
    }
    return true;
}

START_TEST(blocks_are_aligned_apart_and_whole)
{
    enum { BLOCKS = 400 };
    struct well well;
    struct mem *mem = open_mem(&well, MEM_NO_LIMIT);
    unsigned char *blocks[BLOCKS] = {NULL};
    size_t sizes[BLOCKS] = {0};
    uint64_t state = 1;

    for (int step = 0; step < 20000; step++) {
        size_t i = test_draw(&state) % BLOCKS;
        size_t size = test_draw(&state) % (step % 100 == 0 ? 40000 : 1500);

        ck_assert(all_are(blocks[i], sizes[i], (unsigned char)(i % 251)));
        mem_free(mem, blocks[i], sizes[i]);
        blocks[i] = mem_alloc(mem, size);
        sizes[i] = size;
        ck_assert_ptr_nonnull(blocks[i]);
        ck_assert_uint_eq((uintptr_t)blocks[i] % 16, 0);
        memset(blocks[i], (int)(i % 251), size);
    }
    for (size_t i = 0; i < BLOCKS; i++)
        mem_free(mem, blocks[i], sizes[i]);
    ck_assert_uint_eq(mem_used_bytes(mem), 0);
    ck_assert_uint_eq(mem_block_count(mem), 0);
    ck_assert_uint_gt(mem_peak_bytes(mem), 0);
    ck_assert_uint_eq(mem_held_bytes(mem), well.out_bytes);
    mem_destroy(mem);
    ck_assert_uint_eq(well.out_bytes, 0);
}
END_TEST

START_TEST(a_drop_gives_everything_back)
{
    struct well well;
    struct mem *mem = open_mem(&well, MEM_NO_LIMIT);

    for (size_t size = 0; size < 100000; size = size * 3 + 7)
        ck_assert_ptr_nonnull(mem_alloc(mem, size));
    ck_assert_uint_gt(well.out_count, 3);
    mem_destroy(mem);
    ck_assert_uint_eq(well.out_count, 0);
    ck_assert_uint_eq(well.out_bytes, 0);
    mem_destroy(NULL);
}
END_TEST

START_TEST(a_small_context_is_one_small_chunk)
{
    struct well well;
    struct mem *mem = open_mem(&well, MEM_NO_LIMIT);

    for (int i = 0; i < 50; i++)
        ck_assert_ptr_nonnull(mem_alloc(mem, 64));
    ck_assert_uint_eq(mem_held_bytes(mem), MEM_FIRST_CHUNK_BYTES);
    for (int i = 0; i < 10000; i++)
        ck_assert_ptr_nonnull(mem_alloc(mem, 64));
    ck_assert_uint_le(well.out_count, 16);
    ck_assert_uint_le(mem_held_bytes(mem), 10050 * 64 + 65536 + 4096);
    mem_destroy(mem);
}
END_TEST

START_TEST(every_size_fits_its_class)
{
    size_t before = 0;

    for (size_t size = 0; size <= 3 * MEM_LARGE_BYTES; size++) {
        size_t bytes = mem_block_bytes(size);

        ck_assert_uint_ge(bytes, size);
        ck_assert_uint_ge(bytes, before);
        ck_assert_uint_eq(bytes % 16, 0);
        ck_assert_uint_eq(mem_block_bytes(bytes), bytes);
        ck_assert(bytes <= size + 16 || bytes <= size + size / 4);
        before = bytes;
    }
    ck_assert_uint_eq(mem_block_bytes(SIZE_MAX), SIZE_MAX);
}
END_TEST

START_TEST(the_limit_gives_null)
{
    struct well well;
    struct mem *mem = open_mem(&well, 10000);
    void *large;

    ck_assert_ptr_null(mem_alloc(mem, 10001));
    ck_assert_ptr_null(mem_alloc(mem, SIZE_MAX));
    ck_assert_ptr_null(mem_zalloc_array(mem, SIZE_MAX / 2, 3));
    large = mem_alloc(mem, 9000);
    ck_assert_ptr_nonnull(large);
    ck_assert_ptr_null(mem_alloc(mem, 1000));
    ck_assert_ptr_nonnull(mem_alloc(mem, 700));
    mem_free(mem, large, 9000);
    ck_assert_ptr_nonnull(mem_alloc(mem, 1000));
    ck_assert_uint_eq(mem_limit_bytes(mem), 10000);
    mem_destroy(mem);
}
END_TEST

START_TEST(a_dry_source_gives_null)
{
    struct well well;
    struct mem *mem = open_mem(&well, MEM_NO_LIMIT);
    size_t used;

    well.chunks_left = 0;
    while (mem_alloc(mem, 100) != NULL)
        ;
    used = mem_used_bytes(mem);
    ck_assert_ptr_null(mem_alloc(mem, 20000));
    ck_assert_uint_eq(mem_used_bytes(mem), used);
    well.chunks_left = 1;
    ck_assert_ptr_nonnull(mem_alloc(mem, 100));
    mem_destroy(mem);
    well.chunks_left = 0;
    ck_assert_ptr_null(mem_create(
        &(struct mem_source){well_take, well_give, &well}, MEM_NO_LIMIT));
}
END_TEST

START_TEST(the_chosen_allocation_fails)
{
    struct well well;
    struct mem *mem = open_mem(&well, MEM_NO_LIMIT);

    mem_fail_after(mem, 2);
    ck_assert_ptr_nonnull(mem_alloc(mem, 1));
    ck_assert_ptr_nonnull(mem_alloc(mem, 1));
    ck_assert(!mem_has_failed(mem));
    ck_assert_ptr_null(mem_alloc(mem, 1));
    ck_assert(mem_has_failed(mem));
    ck_assert_ptr_nonnull(mem_alloc(mem, 1));
    mem_destroy(mem);
}
END_TEST

START_TEST(blocks_move_and_copy)
{
    struct well well;
    struct mem *mem = open_mem(&well, MEM_NO_LIMIT);
    char *text = mem_copy_text(mem, "forwarder");
    char *moved;

    ck_assert_str_eq(text, "forwarder");
    mem_fail_after(mem, 0);
    ck_assert_ptr_null(mem_realloc(mem, text, 10, 20000));
    ck_assert_str_eq(text, "forwarder");
    moved = mem_realloc(mem, text, 10, 20000);
    ck_assert_str_eq(moved, "forwarder");
    moved = mem_realloc(mem, moved, 20000, 4);
    ck_assert_mem_eq(moved, "forw", 4);
    mem_free(mem, moved, 4);
    ck_assert_ptr_nonnull(mem_realloc(mem, NULL, 0, 8));
    ck_assert_uint_eq(mem_block_count(mem), 1);
    mem_destroy(mem);
}
END_TEST

Suite *
mem_suite(void)
{
    Suite *suite = suite_create("mem");
    TCase *tcase = tcase_create("mem");

    tcase_add_test(tcase, blocks_are_aligned_apart_and_whole);
    tcase_add_test(tcase, a_drop_gives_everything_back);
    tcase_add_test(tcase, a_small_context_is_one_small_chunk);
    tcase_add_test(tcase, every_size_fits_its_class);
    tcase_add_test(tcase, the_limit_gives_null);
    tcase_add_test(tcase, a_dry_source_gives_null);
    tcase_add_test(tcase, the_chosen_allocation_fails);
    tcase_add_test(tcase, blocks_move_and_copy);
    suite_add_tcase(suite, tcase);
    return suite;
}
