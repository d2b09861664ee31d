/* SPDX-License-Identifier: Apache-2.0 */
#include "reference-nos/raft/raft_test.h"
Suite *
raft_chaos_suite(void)
{
    return suite_create("raft-chaos");
}
