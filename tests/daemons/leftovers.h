/* SPDX-License-Identifier: Apache-2.0
 *
 * Whether a run left anything behind: processes, files, descriptors (and with
 * them namespaces, which live as long as a process, a descriptor or a mount
 * holds them).
 *
 * Processes   orphans of this process become its children, so that none can
 *             hide.
 * Files       TMPDIR is a new folder from here on; it must be empty at the
 *             end.
 */
#ifndef TESTS_DAEMONS_LEFTOVERS_H
#define TESTS_DAEMONS_LEFTOVERS_H

#include <stdbool.h>

struct leftovers {
    char folder[64];
    unsigned descriptors;
    unsigned mounts;
};

bool leftovers_open(struct leftovers *leftovers);
/* Says what is left; true: nothing. */
bool leftovers_close(struct leftovers *leftovers);

#endif
