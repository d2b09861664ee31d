/* SPDX-License-Identifier: Apache-2.0 */
#include "reference-nos/base/fmt.h"

#include "reference-nos/base/base_test.h"

#include <limits.h>
#include <stdio.h>
#include <string.h>

/* The C library is the oracle. */
#define SAME(...)                                                             \
    do {                                                                      \
        char ours[128];                                                       \
        char theirs[128];                                                     \
        size_t length = fmt_snprintf(ours, sizeof(ours), __VA_ARGS__);        \
        int wanted = snprintf(theirs, sizeof(theirs), __VA_ARGS__);           \
        ck_assert_str_eq(ours, theirs);                                       \
        ck_assert_uint_eq(length, (size_t)wanted);                            \
    } while (0)

START_TEST(texts_are_those_of_the_library)
{
    SAME("plain");
    SAME("%s and %s", "one", "");
    SAME("%c%%%c", 'a', 'b');
    SAME("%d %d %d", 0, INT_MAX, INT_MIN);
    SAME("%ld %ld", LONG_MAX, LONG_MIN);
    SAME("%lld %llu", LLONG_MIN, ULLONG_MAX);
    SAME("%u %x %lx %llx", 4000000000u, 0xbeefu, 0xabcdef012345ul, ~0ull);
    SAME("%08x|%8x|%3u|%03u|%2u", 0x1fu, 0x1fu, 7u, 7u, 12345u);
    SAME("%zu", (size_t)-1);
    SAME("%10s|%-10s|%2s", "right", "left", "longer");
    SAME("%5d|%05d|%-5d|", -42, -42, -42);
}
END_TEST

START_TEST(short_buffers_cut)
{
    char text[8] = "???????";

    ck_assert_uint_eq(fmt_snprintf(text, 5, "%s", "abcdefgh"), 8);
    ck_assert_str_eq(text, "abcd");
    ck_assert_int_eq(text[5], '?');
    ck_assert_uint_eq(fmt_snprintf(text, 1, "%u", 77u), 2);
    ck_assert_str_eq(text, "");
    ck_assert_uint_eq(fmt_snprintf(NULL, 0, "%u", 777u), 3);
}
END_TEST

START_TEST(unknown_letters_stand_as_they_are)
{
    const char *volatile odd = "a %q b %";
    char text[32];

#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wformat"
#pragma GCC diagnostic ignored "-Wformat-security"
    fmt_snprintf(text, sizeof(text), odd);
#pragma GCC diagnostic pop
    ck_assert_str_eq(text, "a %q b %");
}
END_TEST

Suite *
fmt_suite(void)
{
    Suite *suite = suite_create("fmt");
    TCase *tcase = tcase_create("fmt");

    tcase_add_test(tcase, texts_are_those_of_the_library);
    tcase_add_test(tcase, short_buffers_cut);
    tcase_add_test(tcase, unknown_letters_stand_as_they_are);
    suite_add_tcase(suite, tcase);
    return suite;
}
