/* SPDX-License-Identifier: Apache-2.0 */
#include "reference-nos/raft/raft_test.h"

#include <stdlib.h>

int
main(void)
{
    SRunner *runner = srunner_create(raft_msg_suite());
    int failed;

    srunner_add_suite(runner, raft_basic_suite());
    srunner_add_suite(runner, raft_schedule_suite());
    srunner_add_suite(runner, raft_members_suite());
    srunner_add_suite(runner, raft_follow_suite());
    srunner_add_suite(runner, raft_chaos_suite());
    srunner_run_all(runner, CK_ENV);
    failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
