/* SPDX-License-Identifier: Apache-2.0
 *
 * Proxies of services, and the lives of their processes.
 */
#define _GNU_SOURCE

#include "reference-nos/linux/procs/procs.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "reference-nos/base/check.h"
#include "reference-nos/linux/procs/procs_priv.h"

#define INPUT_ROOM_FIRST 4096u
#define NUMBER_TEXT 12u

/* ---- death ---- */

static void
on_closed(uv_handle_t *handle)
{
    struct proc *proc = handle->data;

    if (--proc->open > 0)
        return;
    proc->procs->open_count--;
    free(proc->input);
    free(proc);
}

static void
handle_close(uv_handle_t *handle)
{
    if (!uv_is_closing(handle))
        uv_close(handle, on_closed);
}

/* The process is no longer that of a service.  It is killed now, and
 * forgotten when it is reaped. */
static void
detach(struct proc *proc)
{
    struct proxy *proxy = proc->proxy;

    proxy->proc = NULL;
    proxy->busy = false;
    proc->proxy = NULL;
    if (!proc->exited)
        (void)uv_process_kill(&proc->process, SIGKILL);
    handle_close((uv_handle_t *)&proc->pipe);
}

/* The process ended by itself, or spoke nonsense. */
static void
lost(struct proc *proc)
{
    struct proxy *proxy = proc->proxy;

    if (proxy == NULL)
        return;
    detach(proc);
    proxy->procs->options.ended(proxy->procs->options.arg, proxy->kind.id);
}

static void
on_process_exit(uv_process_t *process, int64_t status, int signal_number)
{
    struct proc *proc = process->data;

    (void)status, (void)signal_number;
    proc->exited = true;
    lost(proc);
    handle_close((uv_handle_t *)process);
}

/* ---- talking ---- */

struct sending {
    uv_write_t request;
    uint8_t *bytes;
};

static void
on_sent(uv_write_t *request, int status)
{
    struct sending *sending = CONTAINER_OF(request, struct sending, request);

    (void)status; /* a socket that breaks is seen when it is read */
    free(sending->bytes);
    free(sending);
}

void
proc_tell(struct proc *proc, struct wire_writer *writer)
{
    struct sending *sending = malloc(sizeof(*sending));
    uv_buf_t buffer;

    CHECK(sending != NULL);
    sending->bytes = writer->start;
    buffer = uv_buf_init((char *)writer->start, (unsigned)frame_end(writer));
    /* What is asked may have been the end of the asker. */
    if (proc->proxy == NULL ||
        uv_write(&sending->request, (uv_stream_t *)&proc->pipe, &buffer, 1,
                 on_sent) != 0) {
        free(sending->bytes);
        free(sending);
    }
}

static int
frame_handle(struct proc *proc, const uint8_t *bytes, size_t size)
{
    struct proxy *proxy = proc->proxy;
    struct wire_reader reader;

    if (bytes[0] == FRAME_DONE) {
        proxy->busy = false;
        proxy->procs->options.idle(proxy->procs->options.arg, proxy->kind.id);
        return 0;
    }
    if (bytes[0] >= FRAME_KIND_COUNT)
        return ERR_MALFORMED;
    wire_reader_init(&reader, bytes + 1, size - 1);
    return proc_serve(proc, (enum frame_kind)bytes[0], &reader);
}

/* Handles the whole frames at the start of the input. */
static int
frames_handle(struct proc *proc)
{
    size_t at = 0;

    while (proc->proxy != NULL && proc->input_size - at > 4) {
        struct wire_reader reader;
        size_t size;
        int err;

        wire_reader_init(&reader, proc->input + at, 4);
        size = wire_read_u32(&reader);
        if (size == 0 || size > FRAME_MAX)
            return ERR_MALFORMED;
        if (proc->input_size - at < 4 + size)
            break;
        err = frame_handle(proc, proc->input + at + 4, size);
        if (err != 0)
            return err;
        at += 4 + size;
    }
    memmove(proc->input, proc->input + at, proc->input_size - at);
    proc->input_size -= at;
    return 0;
}

static void
on_room(uv_handle_t *handle, size_t wanted, uv_buf_t *buffer)
{
    struct proc *proc = handle->data;

    (void)wanted;
    if (proc->input_room - proc->input_size < INPUT_ROOM_FIRST) {
        proc->input_room = 2 * proc->input_room + INPUT_ROOM_FIRST;
        proc->input = realloc(proc->input, proc->input_room);
        CHECK(proc->input != NULL);
    }
    *buffer = uv_buf_init((char *)proc->input + proc->input_size,
                          (unsigned)(proc->input_room - proc->input_size));
}

static void
on_read(uv_stream_t *stream, ssize_t size, const uv_buf_t *buffer)
{
    struct proc *proc = stream->data;

    (void)buffer;
    if (size > 0)
        proc->input_size += (size_t)size;
    if (size < 0 || frames_handle(proc) != 0)
        lost(proc);
}

/* ---- birth ---- */

static int
spawn(struct proxy *proxy, struct proc *proc)
{
    const struct procs_options *options = &proxy->procs->options;
    char fd[NUMBER_TEXT];
    char option[] = PROCS_CHILD_OPTION;
    char *arguments[] = {NULL, option, fd, NULL};
    uv_stdio_container_t stdio[PROCS_CHILD_FD + 1];
    uv_process_options_t process = {
        .exit_cb = on_process_exit,
        .file = options->program,
        .args = arguments,
        .stdio = stdio,
        .stdio_count = PROCS_CHILD_FD + 1,
    };
    char name[32];
    int err;

    snprintf(name, sizeof(name), "refnosd-%s", service_name(proxy->kind.id));
    arguments[0] = name;
    snprintf(fd, sizeof(fd), "%d", PROCS_CHILD_FD);
    for (int i = 0; i < PROCS_CHILD_FD; i++) {
        stdio[i].flags = UV_INHERIT_FD;
        stdio[i].data.fd = i;
    }
    stdio[PROCS_CHILD_FD].flags =
        UV_CREATE_PIPE | UV_READABLE_PIPE | UV_WRITABLE_PIPE;
    stdio[PROCS_CHILD_FD].data.stream = (uv_stream_t *)&proc->pipe;
    err = uv_pipe_init(options->loop, &proc->pipe, 0);
    CHECK(err == 0);
    proc->pipe.data = proc;
    proc->process.data = proc;
    proc->open = 2;
    proxy->procs->open_count++;
    return uv_spawn(options->loop, &proc->process, &process);
}

static void
begin(struct proxy *proxy, struct actor *self)
{
    const struct plat *door = proxy->procs->options.door;
    struct wire_writer writer;

    frame_begin(&writer, FRAME_BEGIN, 0);
    frame_facts_write(&writer, door->facts);
    wire_write_u32(&writer, door->mutation);
    wire_write_u8(&writer, (uint8_t)proxy->kind.id);
    wire_write_u32(&writer, actor_life(self) - 1);
    proc_tell(proxy->proc, &writer);
}

static int
proxy_start(struct actor *self, void **state)
{
    const struct proxy *known =
        CONTAINER_OF(actor_kind(self), const struct proxy, kind);
    struct procs *procs = known->procs;
    struct proxy *proxy = &procs->proxies[known->kind.id];
    struct proc *proc = calloc(1, sizeof(*proc));
    int err;

    CHECK(proc != NULL && proxy->proc == NULL);
    proc->procs = procs;
    err = spawn(proxy, proc);
    if (err != 0) {
        actor_log(self, SEVERITY_ERROR, "cannot start a process: %s",
                  uv_strerror(err));
        handle_close((uv_handle_t *)&proc->process);
        handle_close((uv_handle_t *)&proc->pipe);
        return ERR_IO;
    }
    proc->proxy = proxy;
    proxy->self = self;
    proxy->proc = proc;
    proxy->busy = true;
    begin(proxy, self);
    err = uv_read_start((uv_stream_t *)&proc->pipe, on_room, on_read);
    CHECK(err == 0);
    *state = proxy;
    return 0;
}

static int
proxy_handle(struct actor *self, void *state, const struct actor_event *event)
{
    struct proxy *proxy = state;
    struct wire_writer writer;

    (void)self;
    if (event->kind == EV_START) /* the process has its own */
        return ACTOR_DONE;
    CHECK(proxy->proc != NULL && !proxy->busy);
    frame_begin(&writer, FRAME_EVENT, frame_event_payload(event));
    frame_event_write(&writer, event);
    proxy->busy = true;
    proc_tell(proxy->proc, &writer);
    return ACTOR_DONE;
}

/* ---- the whole ---- */

int
procs_create(const struct procs_options *options, struct procs **out)
{
    struct procs *procs = calloc(1, sizeof(*procs));

    if (procs == NULL)
        return ERR_NOMEM;
    procs->options = *options;
    for (size_t i = 0; i < options->kind_count; i++) {
        struct proxy *proxy = &procs->proxies[options->kinds[i]->id];

        proxy->kind = *options->kinds[i];
        proxy->kind.start = proxy_start;
        proxy->kind.handle = proxy_handle;
        proxy->procs = procs;
        procs->kinds[i] = &proxy->kind;
    }
    *out = procs;
    return 0;
}

void
procs_destroy(struct procs *procs)
{
    if (procs == NULL)
        return;
    for (unsigned i = 0; i < SVC_COUNT; i++)
        procs_buried(procs, i);
    while (procs->open_count > 0)
        uv_run(procs->options.loop, UV_RUN_ONCE);
    free(procs);
}

const struct actor_kind *const *
procs_kinds(const struct procs *procs)
{
    return procs->kinds;
}

bool
procs_busy(const struct procs *procs, unsigned service)
{
    return procs->proxies[service].busy;
}

void
procs_buried(struct procs *procs, unsigned service)
{
    if (service < SVC_COUNT && procs->proxies[service].proc != NULL)
        detach(procs->proxies[service].proc);
}

int
procs_pid(const struct procs *procs, unsigned service)
{
    const struct proc *proc = procs->proxies[service].proc;

    return proc != NULL ? (int)uv_process_get_pid(&proc->process) : 0;
}
