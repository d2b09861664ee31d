/* SPDX-License-Identifier: Apache-2.0
 *
 * The rack: one process id namespace, one mount namespace and one network
 * namespace that everything of a run lives in, and the guardian who sees to
 * it that nothing outlives the harness.
 *
 * Guardian  a child of the harness.  It waits for the end of a pipe that only
 *           the harness holds; then it ends process 1 of the rack, with which
 *           the kernel ends every process in there, and removes the run's
 *           folder.  Namespaces go with their last process.
 * Children  are forked by the harness straight into the rack, so that it is
 *           their parent, and die with it.
 * Threads   the harness has one; it visits a namespace and comes back.
 */
#ifndef SIM_WORLD_NETNS_RACK_PRIV_H
#define SIM_WORLD_NETNS_RACK_PRIV_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "reference-nos/base/compiler.h"
#include "reference-nos/base/err.h"

#define RACK_PATH_MAX 64u
#define RACK_OUTPUT_MAX 2048u

struct rack {
    char dir[RACK_PATH_MAX]; /* the run's folder, seen inside and outside */
    pid_t guardian;
    pid_t init;  /* process 1 of the rack, as the harness sees it */
    int life_fd; /* its closing ends the rack */
    int net_ns;  /* the rack's own network namespace */
    int mnt_ns;
    int pid_ns;
    int root; /* of the files: entering a mount namespace leaves a chroot */
    int home_net_ns, home_pid_ns;
};

MUST_USE int rack_open(struct rack *rack, char *message, size_t message_size);
/* Every process in the rack is ended and the folder removed when it returns.
 * Children of the harness in the rack must have been waited for. */
void rack_close(struct rack *rack);

/* A process in the rack and in 'net_ns': 0 in the child, which must end by
 * _exit() or exec; -1: no process. */
pid_t rack_fork(const struct rack *rack, int net_ns);
/* Waits for a child. The exit code; 128 + the signal that ended it. */
int rack_wait(pid_t pid);

/* Runs a program in 'net_ns' to its end.  What it printed is in 'output'
 * (RACK_OUTPUT_MAX) when it failed: ERR_IO; ERR_NOENT: no such program. */
MUST_USE int rack_program(const struct rack *rack, int net_ns,
                          const char *const *argv, const char *input,
                          char *output);
/* Runs 'call' in a child in 'net_ns'; ERR_IO unless it returns 0. */
MUST_USE int rack_call(const struct rack *rack, int net_ns,
                       int (*call)(void *arg), void *arg);

/* A network namespace called 'name', made before by "ip netns add". */
MUST_USE int rack_namespace(const struct rack *rack, const char *name,
                            int *fd);
/* A socket that lives in 'net_ns'. */
MUST_USE int rack_socket(const struct rack *rack, int net_ns, int domain,
                         int type, int protocol, int *fd);

/* Writes a text file; its folder is there. */
MUST_USE int rack_file_write(const char *path, const char *text);

/* Text that grows; for scripts. */
struct script {
    char *text;
    size_t size, room;
};
void script_add(struct script *script, const char *format, ...)
    PRINTF_LIKE(2, 3);
void script_fini(struct script *script);

#endif
