/* SPDX-License-Identifier: Apache-2.0 */
#include "reference-nos/store/store_testworld.h"

int
main(void)
{
    SRunner *runner = srunner_create(rows_suite());
    int failed;

    srunner_add_suite(runner, machine_suite());
    srunner_add_suite(runner, disk_suite());
    srunner_add_suite(runner, stream_suite());
    srunner_add_suite(runner, cluster_suite());
    srunner_add_suite(runner, state_suite());

    srunner_run_all(runner, CK_NORMAL);
    failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed == 0 ? 0 : 1;
}
