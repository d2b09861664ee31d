/* SPDX-License-Identifier: Apache-2.0
 *
 * The process of a service that says anything to its box.
 *
 * Input    u8 which service it is; then frames: u8 kind, u8 size, bytes.
 */
#define _GNU_SOURCE
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "reference-nos/base/check.h"
#include "reference-nos/base/units.h"
#include "reference-nos/linux/procs/procs_priv.h"
#include "reference-nos/node/testbox.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define OTHER SVC_MEMBER

static struct actor *selves[SVC_COUNT];

static int
start(struct actor *self, void **state)
{
    selves[actor_service(self)] = self;
    *state = self;
    return 0;
}

static int
handle(struct actor *self, void *state, const struct actor_event *event)
{
    (void)self, (void)state, (void)event;
    return ACTOR_DONE;
}

static const struct actor_kind bus_like = {
    .id = SVC_BUS, .memory_max_bytes = MIB, .start = start, .handle = handle};
static const struct actor_kind store_like = {.id = SVC_STORE,
                                             .memory_max_bytes = MIB,
                                             .start = start,
                                             .handle = handle};
static const struct actor_kind other = {
    .id = OTHER, .memory_max_bytes = MIB, .start = start, .handle = handle};

static void
drain(uv_loop_t *loop, int fd)
{
    static uint8_t bytes[65536];

    do
        (void)uv_run(loop, UV_RUN_NOWAIT);
    while (recv(fd, bytes, sizeof(bytes), MSG_DONTWAIT) > 0);
}

static void
frames(struct proc *proc, int fd, struct testbox *box, const uint8_t *data,
       size_t size)
{
    while (size >= 2) {
        unsigned kind = data[0] % FRAME_KIND_COUNT;
        size_t bytes = data[1];
        struct wire_reader reader;

        data += 2;
        size -= 2;
        bytes = bytes > size ? size : bytes;
        wire_reader_init(&reader, data, bytes);
        if (proc_serve(proc, (enum frame_kind)kind, &reader) != 0 ||
            box->restarting)
            return; /* its end */
        drain(proc->procs->options.loop, fd);
        testbox_run(box, NS_PER_MS);
        data += bytes;
        size -= bytes;
    }
}

static void
closed(uv_handle_t *handle)
{
    (void)handle;
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const struct actor_kind *kinds[2] = {NULL, &other};
    struct testbox *box;
    struct procs *procs;
    struct proc *proc;
    struct proxy *proxy;
    uv_loop_t loop;
    int fds[2];

    if (size == 0)
        return 0;
    kinds[0] = data[0] % 2 == 0 ? &bus_like : &store_like;
    box = testbox_make(ROLE_NCP, 7);
    CHECK(runtime_create(&box->plat, kinds, 2, &box->runtime) == 0);
    testbox_run(box, NS_PER_MS);
    procs = calloc(1, sizeof(*procs));
    proc = calloc(1, sizeof(*proc));
    CHECK(procs != NULL && proc != NULL && uv_loop_init(&loop) == 0);
    CHECK(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds) == 0);
    CHECK(uv_pipe_init(&loop, &proc->pipe, 0) == 0);
    CHECK(uv_pipe_open(&proc->pipe, fds[0]) == 0);
    procs->options.loop = &loop;
    procs->options.door = &box->plat;
    proxy = &procs->proxies[kinds[0]->id];
    proxy->kind = *kinds[0];
    proxy->procs = procs;
    proxy->self = selves[kinds[0]->id];
    proxy->proc = proc;
    proc->procs = procs;
    proc->proxy = proxy;
    frames(proc, fds[1], box, data + 1, size - 1);
    uv_close((uv_handle_t *)&proc->pipe, closed);
    drain(&loop, fds[1]);
    (void)uv_run(&loop, UV_RUN_DEFAULT);
    CHECK(uv_loop_close(&loop) == 0);
    (void)close(fds[1]);
    free(proc);
    free(procs);
    testbox_destroy(box);
    return 0;
}
