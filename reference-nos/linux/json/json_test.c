/* SPDX-License-Identifier: Apache-2.0 */
#include "reference-nos/linux/json/json.h"

#include <check.h>
#include <stdlib.h>
#include <string.h>

START_TEST(test_json)
{
    struct json json = {.bytes = NULL};

    json_begin(&json, NULL, '{');
    json_text(&json, "a\"b", "x\\y\n\x7f");
    json_begin(&json, "list", '[');
    json_number(&json, NULL, UINT64_MAX);
    json_signed(&json, NULL, INT64_MIN);
    json_bool(&json, NULL, true);
    json_end(&json, ']');
    json_begin(&json, "empty", '{');
    json_end(&json, '}');
    json_key(&json, "key", 0xc0ffee);
    json_end(&json, '}');
    ck_assert(!json.failed);
    ck_assert_uint_eq(json.size, strlen("{\"a\\u0022b\":\"x\\u005cy\\u000a"
                                        "\\u007f\",\"list\":["
                                        "18446744073709551615,"
                                        "-9223372036854775808,true],"
                                        "\"empty\":{},"
                                        "\"key\":\"0000000000c0ffee\"}"));
    ck_assert_mem_eq(json.bytes,
                     "{\"a\\u0022b\":\"x\\u005cy\\u000a\\u007f\",\"list\":["
                     "18446744073709551615,-9223372036854775808,true],"
                     "\"empty\":{},\"key\":\"0000000000c0ffee\"}",
                     json.size);
    free(json.bytes);
}
END_TEST

START_TEST(test_json_bound)
{
    struct json json = {.bytes = NULL};

    json_begin(&json, NULL, '[');
    for (unsigned i = 0; i < JSON_BYTES_MAX / 8; i++)
        json_text(&json, NULL, "0123456789");
    ck_assert(json.failed);
    ck_assert_uint_le(json.room, JSON_BYTES_MAX);
    free(json.bytes);
}
END_TEST

int
main(void)
{
    Suite *suite = suite_create("json");
    TCase *tests = tcase_create("writer");
    SRunner *runner = srunner_create(suite);
    int failed;

    tcase_add_test(tests, test_json);
    tcase_add_test(tests, test_json_bound);
    suite_add_tcase(suite, tests);
    srunner_run_all(runner, CK_NORMAL);
    failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
