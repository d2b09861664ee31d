/* SPDX-License-Identifier: Apache-2.0
 *
 * The suites of this folder's tests.
 */
#ifndef NOS_RAFT_RAFT_TEST_H
#define NOS_RAFT_RAFT_TEST_H

#include <check.h>

Suite *raft_msg_suite(void);
Suite *raft_basic_suite(void);
Suite *raft_schedule_suite(void);
Suite *raft_members_suite(void);
Suite *raft_follow_suite(void);
Suite *raft_chaos_suite(void);

#endif
