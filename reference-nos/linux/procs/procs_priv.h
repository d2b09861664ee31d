/* SPDX-License-Identifier: Apache-2.0
 *
 * What procs.c (lives of processes) and serve.c (what they ask) share.
 */
#ifndef NOS_LINUX_PROCS_PROCS_PRIV_H
#define NOS_LINUX_PROCS_PROCS_PRIV_H

#include "reference-nos/linux/procs/frame.h"
#include "reference-nos/linux/procs/procs.h"

/* One life of one service. */
struct proc {
    uv_process_t process;
    uv_pipe_t pipe;
    struct procs *procs;
    struct proxy *proxy; /* NULL: buried */
    bool exited;         /* reaped: its pid may be another's by now */
    unsigned open;       /* handles that are not closed yet */
    uint8_t *input;      /* a frame that is not whole yet */
    size_t input_size, input_room;
};

struct proxy {
    struct actor_kind kind; /* what the runtime sees */
    struct procs *procs;
    struct actor *self; /* of the present life */
    struct proc *proc;  /* NULL: down */
    bool busy;
};

struct procs {
    struct procs_options options;
    unsigned open_count; /* processes that are not reaped and closed */
    const struct actor_kind *kinds[SVC_COUNT];
    struct proxy proxies[SVC_COUNT];
};

/* Sends a frame that frame_begin() made and takes its bytes. */
void proc_tell(struct proc *proc, struct wire_writer *writer);

/* Does what a process says; ERR_MALFORMED when it is nonsense. */
MUST_USE int proc_serve(struct proc *proc, enum frame_kind kind,
                        struct wire_reader *reader);

#endif
