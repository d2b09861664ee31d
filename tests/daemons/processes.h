/* SPDX-License-Identifier: Apache-2.0
 *
 * Processes of services among the descendants of this one.
 */
#ifndef TESTS_DAEMONS_PROCESSES_H
#define TESTS_DAEMONS_PROCESSES_H

#include <sys/types.h>

#define PROCESS_NAME_MAX 32u

struct service_process {
    pid_t pid;
    char name[PROCESS_NAME_MAX]; /* "refnosd-store" */
};

/* At most 'room', in the order of their numbers; how many. */
unsigned processes_of_services(struct service_process *list, unsigned room);

#endif
