/* SPDX-License-Identifier: Apache-2.0 */
#include "sim/world/netns/netns_test.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "sim/world/netns/netns.h"

#define SKIPPED 77

/* The least that the tests stand on. */
static int
can_run(void)
{
    struct netns_capability list[NETNS_CAPABILITIES_MAX];
    size_t count = netns_capabilities(list, NETNS_CAPABILITIES_MAX);
    int can = 0;

    for (size_t i = 0; i < count; i++) {
        printf("%-26s %s  %s\n", list[i].name, list[i].there ? "yes" : "no ",
               list[i].how);
        if (i < 3 && !list[i].there)
            return 0;
        can = i >= 2;
    }
    return can;
}

int
main(void)
{
    Suite *suite;
    SRunner *runner;
    int failed;

    if (!can_run()) {
        printf("skipped: this machine cannot run world netns\n");
        return SKIPPED;
    }
    fflush(stdout);
    suite = suite_create("netns");
    suite_add_tcase(suite, rack_tcase());
    suite_add_tcase(suite, net_tcase());
    suite_add_tcase(suite, cluster_tcase());
    runner = srunner_create(suite);
    srunner_run_all(runner, CK_ENV);
    failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
