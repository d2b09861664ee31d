/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SIM_WORLD_NETNS_NETNS_TEST_H
#define SIM_WORLD_NETNS_NETNS_TEST_H

#include <check.h>

TCase *rack_tcase(void);
TCase *net_tcase(void);
TCase *cluster_tcase(void);

#endif
