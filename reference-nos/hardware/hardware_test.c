/* SPDX-License-Identifier: Apache-2.0 */
#include "reference-nos/hardware/hardware_test.h"

int
main(void)
{
    Suite *suite = suite_create("hardware");
    SRunner *runner;
    int failed;

    suite_add_tcase(suite, thermal_tests());
    suite_add_tcase(suite, alarm_tests());
    suite_add_tcase(suite, service_tests());
    runner = srunner_create(suite);
    srunner_run_all(runner, CK_NORMAL);
    failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed == 0 ? 0 : 1;
}
