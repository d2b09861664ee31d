/* SPDX-License-Identifier: Apache-2.0
 *
 * All that the NOS is told, in the one place where it can be recorded.
 *
 * Before the NOS runs and while it ends, what comes is dropped, as a box that
 * is off drops it.
 */
#include "reference-nos/linux/daemon_priv.h"

/* May the NOS be entered?  It never is from inside itself. */
static bool
enter(struct daemon *daemon)
{
    if (daemon->runtime == NULL || daemon->ending)
        return false;
    CHECK(!daemon->inside);
    daemon->inside = true;
    return true;
}

static void
leave(struct daemon *daemon)
{
    daemon->inside = false;
}

void
input_alarm(struct daemon *daemon)
{
    daemon->alarm.asked_ns = UINT64_MAX;
    if (!enter(daemon))
        return;
    if (daemon->recorder != NULL)
        record_alarm(daemon->recorder);
    runtime_alarm(daemon->runtime);
    leave(daemon);
}

void
input_datagram(void *arg, enum plane plane, uint64_t from, enum lane lane,
               const void *bytes, size_t size)
{
    struct daemon *daemon = arg;

    if (!enter(daemon))
        return;
    if (daemon->recorder != NULL)
        record_datagram(daemon->recorder, plane, from, lane, bytes, size);
    runtime_datagram(daemon->runtime, plane, from, lane, bytes, size);
    leave(daemon);
}

void
input_packet(void *arg, unsigned port, const void *bytes, size_t size)
{
    struct daemon *daemon = arg;

    if (!enter(daemon))
        return;
    if (daemon->recorder != NULL)
        record_packet(daemon->recorder, port, bytes, size);
    runtime_packet(daemon->runtime, port, bytes, size);
    leave(daemon);
}

void
input_storage_done(void *arg, unsigned service, uint64_t token, int status)
{
    struct daemon *daemon = arg;

    if (!enter(daemon))
        return;
    if (daemon->recorder != NULL)
        record_storage_done(daemon->recorder, service, token, status);
    runtime_storage_done(daemon->runtime, service, token, status);
    leave(daemon);
}

void
input_hardware_changed(void *arg, const struct hw_change *change)
{
    struct daemon *daemon = arg;

    if (!enter(daemon))
        return;
    if (daemon->recorder != NULL)
        record_hardware_changed(daemon->recorder, change);
    runtime_hardware_changed(daemon->runtime, change);
    leave(daemon);
}

void
input_forwarding_changed(void *arg, const struct fwd_change *change)
{
    struct daemon *daemon = arg;

    if (!enter(daemon))
        return;
    if (change->kind == FWD_LINK)
        observe_link(daemon, change->port, change->up);
    if (daemon->recorder != NULL)
        record_forwarding_changed(daemon->recorder, change);
    runtime_forwarding_changed(daemon->runtime, change);
    leave(daemon);
}

void
input_operator(struct daemon *daemon, uint64_t token, const void *bytes,
               size_t size)
{
    if (!enter(daemon))
        return;
    if (daemon->recorder != NULL)
        record_operator(daemon->recorder, token, bytes, size);
    runtime_operator(daemon->runtime, token, bytes, size);
    leave(daemon);
}

int
input_kill(struct daemon *daemon, unsigned service)
{
    int error;

    if (!enter(daemon))
        return ERR_BUSY;
    if (daemon->recorder != NULL)
        record_kill(daemon->recorder, service);
    error = runtime_kill(daemon->runtime, service);
    leave(daemon);
    return error;
}

void
input_dispatch(struct daemon *daemon, unsigned service)
{
    if (!enter(daemon))
        return;
    if (daemon->recorder != NULL)
        record_dispatch(daemon->recorder, service);
    runtime_dispatch(daemon->runtime, service);
    leave(daemon);
}
