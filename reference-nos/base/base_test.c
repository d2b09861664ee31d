/* SPDX-License-Identifier: Apache-2.0 */
#include "reference-nos/base/base_test.h"

#include "reference-nos/base/err.h"

#include <stdlib.h>

uint64_t
test_draw(uint64_t *state)
{
    uint64_t z = *state += UINT64_C(0x9e3779b97f4a7c15);

    z = (z ^ z >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
    z = (z ^ z >> 27) * UINT64_C(0x94d049bb133111eb);
    return z ^ z >> 31;
}

START_TEST(every_code_has_its_text)
{
    ck_assert_str_eq(err_text(0), "no error");
    ck_assert_str_eq(err_text(ERR_NOMEM), "memory limit reached");
    ck_assert_str_eq(err_text(ERR_INTERNAL), "internal error");
    ck_assert_str_eq(err_text(ERR_COUNT), "unknown error");
    ck_assert_str_eq(err_text(-1), "unknown error");
}
END_TEST

static Suite *
err_suite(void)
{
    Suite *suite = suite_create("err");
    TCase *tcase = tcase_create("err");

    tcase_add_test(tcase, every_code_has_its_text);
    suite_add_tcase(suite, tcase);
    return suite;
}

int
main(void)
{
    SRunner *runner = srunner_create(err_suite());
    int failed;

    srunner_add_suite(runner, list_suite());
    srunner_add_suite(runner, tree_suite());
    srunner_add_suite(runner, mem_suite());
    srunner_add_suite(runner, wire_suite());
    srunner_add_suite(runner, fmt_suite());
    srunner_add_suite(runner, hist_suite());
    srunner_add_suite(runner, hlc_suite());
    srunner_add_suite(runner, digest_suite());
    srunner_run_all(runner, CK_NORMAL);
    failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
