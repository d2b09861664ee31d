/* SPDX-License-Identifier: Apache-2.0 */
#include "reference-nos/base/digest.h"

#include "reference-nos/base/base_test.h"

#include <string.h>

#define SIZE 10000

static void
fill(uint8_t *bytes)
{
    uint64_t state = 3;

    for (size_t i = 0; i < SIZE; i++)
        bytes[i] = (uint8_t)test_draw(&state);
}

START_TEST(cutting_into_calls_does_not_matter)
{
    static uint8_t bytes[SIZE];
    struct digest whole;
    struct digest parts;
    uint64_t state = (uint64_t)_i;

    fill(bytes);
    digest_init(&whole);
    digest_init(&parts);
    digest_bytes(&whole, bytes, SIZE);
    for (size_t at = 0; at < SIZE;) {
        size_t size = test_draw(&state) % 1500;

        if (size > SIZE - at)
            size = SIZE - at;
        digest_bytes(&parts, bytes + at, size);
        (void)digest_value(&parts);
        at += size;
    }
    ck_assert(digest_equal(digest_value(&whole), digest_value(&parts)));
}
END_TEST

START_TEST(every_byte_and_its_place_matter)
{
    static uint8_t bytes[SIZE];
    struct digest digest;
    struct digest128 right;

    fill(bytes);
    digest_init(&digest);
    digest_bytes(&digest, bytes, SIZE);
    right = digest_value(&digest);
    for (size_t i = 0; i < SIZE; i += 97) {
        struct digest128 wrong;

        bytes[i] ^= 1;
        digest_init(&digest);
        digest_bytes(&digest, bytes, SIZE);
        wrong = digest_value(&digest);
        ck_assert(wrong.high != right.high && wrong.low != right.low);
        bytes[i] ^= 1;
    }
    digest_bytes(&digest, "", 1);
    ck_assert(!digest_equal(digest_value(&digest), right));
}
END_TEST

/* The value is the same with every compiler and flag; known since the first
 * version. */
START_TEST(values_are_known)
{
    static uint8_t bytes[SIZE];
    struct digest digest;
    struct digest128 value;

    fill(bytes);
    digest_init(&digest);
    digest_u8(&digest, 1);
    digest_u32(&digest, 2);
    digest_u64(&digest, 3);
    digest_text(&digest, "text");
    digest_bytes(&digest, bytes, SIZE);
    value = digest_value(&digest);
    ck_assert_uint_eq(value.high, UINT64_C(6107945742524447955));
    ck_assert_uint_eq(value.low, UINT64_C(9572272411189630484));
    /* XXH3-128 and XXH3-64 of nothing, as the algorithm's own tests have. */
    value = digest_of("", 0);
    ck_assert_uint_eq(value.high, UINT64_C(0x99aa06d3014798d8));
    ck_assert_uint_eq(value.low, UINT64_C(0x6001c324468d497f));
    ck_assert_uint_eq(hash64(0, "", 0), UINT64_C(0x2d06800538d394c2));
    ck_assert_uint_eq(checksum32(0, "", 0), UINT32_C(0x38d394c2));
    ck_assert_uint_ne(checksum32(1, "a", 1), checksum32(2, "a", 1));
}
END_TEST

Suite *
digest_suite(void)
{
    Suite *suite = suite_create("digest");
    TCase *tcase = tcase_create("digest");

    tcase_add_loop_test(tcase, cutting_into_calls_does_not_matter, 0, 5);
    tcase_add_test(tcase, every_byte_and_its_place_matter);
    tcase_add_test(tcase, values_are_known);
    suite_add_tcase(suite, tcase);
    return suite;
}
