/* SPDX-License-Identifier: Apache-2.0 */
#include "reference-nos/cluster/cluster_test.h"

#include <stdlib.h>

int
main(void)
{
    SRunner *runner = srunner_create(allocate_suite());
    int failed;

    srunner_add_suite(runner, cabling_suite());
    srunner_add_suite(runner, member_suite());
    srunner_add_suite(runner, manager_store_suite());
    srunner_add_suite(runner, manager_numbers_suite());
    srunner_add_suite(runner, manager_operators_suite());
    srunner_add_suite(runner, manager_alarms_suite());
    srunner_run_all(runner, CK_NORMAL);
    failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
