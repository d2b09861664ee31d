/* SPDX-License-Identifier: Apache-2.0
 *
 * A recording of one box: every input of the NOS core and every answer of the
 * door, enough to run the box again without its world; and a digest of every
 * output, to see that it did the same.
 *
 * A recorder stands between the core and a door: give record_plat() to
 * node_create() instead of the door's own plat, and call record_*() where
 * runtime_*() would be called.  What the file holds
 * stands in record_priv.h and tape.h; every step has a checksum, so that a cut
 * tail is seen.
 */
#ifndef NOS_LINUX_RECORD_RECORD_H
#define NOS_LINUX_RECORD_RECORD_H

#include <stdio.h>

#include "reference-nos/runtime/runtime.h"

#define RECORD_FORMAT 1u

struct recorder;

/* 'door' outlives the recorder.  The file must not exist. */
MUST_USE int record_open(const char *path, struct plat *door,
                         struct recorder **out, char *message,
                         size_t message_size);
/* After runtime_destroy().  Flushes; an error on the way is told here. */
MUST_USE int record_close(struct recorder *recorder, char *message,
                          size_t message_size);
struct plat *record_plat(struct recorder *recorder);

/* To be called before the runtime function of the same name. */
void record_alarm(struct recorder *recorder);
void record_datagram(struct recorder *recorder, enum plane plane,
                     uint64_t from, enum lane lane, const void *bytes,
                     size_t size);
void record_packet(struct recorder *recorder, unsigned port, const void *bytes,
                   size_t size);
void record_storage_done(struct recorder *recorder, unsigned service,
                         uint64_t token, int status);
void record_hardware_changed(struct recorder *recorder,
                             const struct hw_change *change);
void record_forwarding_changed(struct recorder *recorder,
                               const struct fwd_change *change);
void record_operator(struct recorder *recorder, uint64_t token,
                     const void *bytes, size_t size);
void record_dispatch(struct recorder *recorder, unsigned service);
void record_kill(struct recorder *recorder, unsigned service);

struct replay_result {
    uint64_t inputs, outputs;
    uint64_t span_ns;
    bool equal;
    bool cut; /* the recording has no end: the box was killed */
    /* The first difference: where, and what was recorded and done. */
    uint64_t at_input, at_ns;
    char recorded[160], done[160];
};

/* Runs the recorded box again.  Its log lines and trace records go to
 * 'log' (NULL: nowhere), each after the seconds since the box booted and the
 * service.  ERR_INVALID:
 * no recording, or a damaged one; 'message' says where. */
MUST_USE int record_replay(const char *path, FILE *log,
                           struct replay_result *result, char *message,
                           size_t message_size);

#endif
