/* SPDX-License-Identifier: Apache-2.0 */
#include <stdlib.h>

#include "reports/suites.h"

int
main(void)
{
    SRunner *runner = srunner_create(stats_suite());
    int failed;

    srunner_add_suite(runner, results_suite());
    srunner_add_suite(runner, report_suite());
    srunner_add_suite(runner, latency_suite());
    srunner_run_all(runner, CK_ENV);
    failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
