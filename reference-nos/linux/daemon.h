/* SPDX-License-Identifier: Apache-2.0
 *
 * A box on Linux: the door over libuv, files, sockets and sysfs.
 *
 * Life     daemon_create() opens everything and starts the NOS, and waits
 *          first until a box without a certificate has got one; daemon_run()
 *          serves it until it ends; daemon_destroy() closes.
 * Order    inputs are handed to the NOS as they come; then services handle
 *          their events, most urgent lane first, for at most a millisecond
 *          before sockets are looked at again.
 * Threads  one, and libuv's workers for storage.
 */
#ifndef NOS_LINUX_DAEMON_H
#define NOS_LINUX_DAEMON_H

#include "reference-nos/linux/options.h"

struct daemon;

/* What daemon_create() was doing when it failed: decides the exit code. */
enum daemon_stage {
    DAEMON_STAGE_START,
    DAEMON_STAGE_IDENTITY,
    DAEMON_STAGE_JOIN,
    DAEMON_STAGE_AUTHORITY,
    DAEMON_STAGE_STATE,
    DAEMON_STAGE_NETWORK,
    DAEMON_STAGE_FILES
};

struct daemon_failure {
    enum daemon_stage stage;
    bool stopped; /* it did not fail: a signal came while it waited to join */
    char message[512];
};

/* 'options' outlives the daemon. */
MUST_USE int daemon_create(const struct options *options, struct daemon **out,
                           struct daemon_failure *failure);

struct daemon_end {
    bool restart; /* the NOS asked for it; otherwise it was stopped */
    enum reboot_cause cause;
};

void daemon_run(struct daemon *daemon, struct daemon_end *end);
void daemon_destroy(struct daemon *daemon);

/* Ends daemon_run(): where an orderly stop (SIGTERM, SIGINT) begins. */
void daemon_stop(struct daemon *daemon);

#endif
