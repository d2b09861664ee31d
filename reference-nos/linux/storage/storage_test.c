/* SPDX-License-Identifier: Apache-2.0 */
#include "reference-nos/linux/storage/storage_test.h"

int
main(void)
{
    SRunner *runner = srunner_create(queue_suite());
    int failed;

    srunner_add_suite(runner, kill_suite());
    srunner_add_suite(runner, store_suite());
    srunner_run_all(runner, CK_NORMAL);
    failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed == 0 ? 0 : 1;
}
