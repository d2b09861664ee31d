/* SPDX-License-Identifier: Apache-2.0
 *
 * When the services of the NOS run.
 *
 * Inputs come in libuv's poll phase; the check phase after it lets services
 * handle events, most urgent lane first and in turn within a lane, until
 * there are none, or for SLICE_NS: then the loop looks at its sockets without
 * waiting (an active idle handle) and comes back.
 */
#include "reference-nos/linux/daemon_priv.h"

#include "reference-nos/linux/notify.h"
#include "reference-nos/schema/operator_msg.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/timerfd.h>
#include <time.h>
#include <unistd.h>

#define SLICE_NS NS_PER_MS
#define SLICE_HANDLERS 64u
#define SECOND_MS 1000u
#define PATIENCE_MS 6000u /* above the NOS's own */

static void
idle(uv_idle_t *handle)
{
    (void)handle;
}

void
serve_ready(struct daemon *daemon, unsigned service)
{
    CHECK(service < SVC_COUNT);
    daemon->ready_mask |= 1u << service;
    (void)uv_idle_start(&daemon->idle, idle);
}

void
serve_hang(struct daemon *daemon, unsigned service, bool hangs)
{
    CHECK(service < SVC_COUNT);
    if (hangs)
        daemon->hung_mask |= 1u << service;
    else
        daemon->hung_mask &= ~(1u << service);
    if (daemon->ready_mask & (1u << service))
        (void)uv_idle_start(&daemon->idle, idle);
}

void
serve_end(struct daemon *daemon, const struct daemon_end *end)
{
    if (daemon->ending)
        return;
    daemon->ending = true;
    daemon->end = *end;
    uv_stop(&daemon->loop);
}

/* The service with the most urgent event, in turn; SVC_COUNT: none. */
static unsigned
most_urgent(struct daemon *daemon)
{
    enum lane best_lane = LANE_COUNT;
    unsigned best = SVC_COUNT;

    for (unsigned i = 1; i <= SVC_COUNT; i++) {
        unsigned service = (daemon->last_service + i) % SVC_COUNT;
        enum lane lane;

        if ((daemon->ready_mask & ~daemon->hung_mask & (1u << service)) == 0)
            continue;
        if (daemon->procs != NULL && procs_busy(daemon->procs, service))
            continue;
        lane = runtime_pending(daemon->runtime, service);
        if (lane == LANE_COUNT) {
            daemon->ready_mask &= ~(1u << service);
        } else if (lane < best_lane) {
            best_lane = lane;
            best = service;
        }
    }
    return best;
}

/* CPU time of this thread. */
static uint64_t
thread_ns(void)
{
    struct timespec now;

    CHECK(clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now) == 0);
    return (uint64_t)now.tv_sec * NS_PER_S + (uint64_t)now.tv_nsec;
}

/* Lets 'service' handle one event; the time when it is done. */
static uint64_t
run_one(struct daemon *daemon, unsigned service, uint64_t from_ns)
{
    bool metered = daemon->options->meter;
    uint64_t began_ns = metered ? thread_ns() : 0;
    uint64_t now_ns;

    memset(daemon->handler_units, 0, sizeof(daemon->handler_units));
    input_dispatch(daemon, service);
    if (metered)
        meter_add(&daemon->meter, daemon->handler_units,
                  thread_ns() - began_ns);
    now_ns = daemon_now_ns();
    daemon->last_service = service;
    daemon->services[service].cpu_ns += now_ns - from_ns;
    daemon->services[service].events++;
    watcher_flush(daemon->watcher);
    return now_ns;
}

static void
slice(struct daemon *daemon)
{
    uint64_t from_ns = daemon_now_ns();
    uint64_t now_ns = from_ns;
    bool any = true;

    for (unsigned i = 0;
         i < SLICE_HANDLERS && !daemon->ending && now_ns - from_ns < SLICE_NS;
         i++) {
        unsigned service;

        if (daemon->alarm.asked_ns <= now_ns)
            input_alarm(daemon);
        service = most_urgent(daemon);
        any = service != SVC_COUNT;
        if (!any)
            break;
        now_ns = run_one(daemon, service, now_ns);
    }
    /* One that hangs, or whose process is busy, comes back by serve_ready()
     * or serve_hang(). */
    if (!any)
        (void)uv_idle_stop(&daemon->idle);
}

static void
check(uv_check_t *handle)
{
    struct daemon *daemon = handle->data;

    if (daemon->runtime != NULL)
        slice(daemon);
}

/* Before the loop waits: what it must be woken for, and what was said. */
static void
prepare(uv_prepare_t *handle)
{
    struct daemon *daemon = handle->data;
    struct daemon_alarm *alarm = &daemon->alarm;
    struct itimerspec when = {{0, 0}, {0, 0}};
    uint64_t at_ns = alarm->asked_ns == 0 ? 1 : alarm->asked_ns;

    watcher_flush(daemon->watcher);
    if (at_ns == alarm->set_ns)
        return;
    alarm->set_ns = at_ns;
    if (at_ns != UINT64_MAX) {
        when.it_value.tv_sec = (time_t)(at_ns / NS_PER_S);
        when.it_value.tv_nsec = (long)(at_ns % NS_PER_S);
    }
    CHECK(timerfd_settime(alarm->fd, TFD_TIMER_ABSTIME, &when, NULL) == 0);
}

/* The slice that follows sees that the time has come. */
static void
alarm_rings(uv_poll_t *poll, int status, int events)
{
    struct daemon *daemon = poll->data;
    uint64_t count;

    (void)status;
    (void)events;
    if (read(daemon->alarm.fd, &count, sizeof(count)) == sizeof(count))
        daemon->alarm.set_ns = UINT64_MAX;
}

static void
second(uv_timer_t *timer)
{
    struct daemon *daemon = timer->data;

    if (daemon->runtime != NULL && !daemon->ending)
        observe_loads(daemon);
}

static void
watchdog(uv_timer_t *timer)
{
    (void)timer;
    notify_send("WATCHDOG=1");
}

/* --- Stopping ----------------------------------------------------------- */

static void
patience_ends(uv_timer_t *timer)
{
    struct daemon *daemon = timer->data;

    daemon_logf(daemon, SEVERITY_WARNING,
                "the NOS does not leave service: stopping all the same");
    daemon_stop(daemon);
}

void
serve_drain(struct daemon *daemon)
{
    struct operator_req req = {.verb = OPERATOR_STOP, .module = MODULE_NONE};
    uint8_t bytes[128];
    struct wire_writer writer;

    if (daemon->draining || daemon->runtime == NULL) {
        daemon_stop(daemon);
        return;
    }
    daemon->draining = true;
    notify_send("STOPPING=1");
    (void)uv_timer_start(&daemon->patience, patience_ends, PATIENCE_MS, 0);
    wire_writer_init(&writer, bytes, sizeof(bytes));
    operator_req_write(&writer, &req);
    input_operator(daemon, SERVE_DRAIN_TOKEN, bytes,
                   (size_t)(writer.at - writer.start));
}

void
serve_drained(struct daemon *daemon, const void *bytes, size_t size)
{
    struct operator_rep rep = {.status = ERR_MALFORMED};
    struct wire_reader reader;

    wire_reader_init(&reader, bytes, size);
    if (operator_rep_read(&reader, &rep) == 0 && rep.status == 0)
        daemon_logf(daemon, SEVERITY_NOTICE, "out of service");
    else
        daemon_logf(daemon, SEVERITY_WARNING, "out of service: %s",
                    err_text(rep.status));
    daemon_stop(daemon);
}

static void
signalled(uv_signal_t *handle, int number)
{
    struct daemon *daemon = handle->data;

    daemon_logf(daemon, SEVERITY_NOTICE, "signal %d: stopping", number);
    serve_drain(daemon);
}

/* --- Open and close ----------------------------------------------------- */

static int
alarm_open(struct daemon *daemon, char *message, size_t message_size)
{
    struct daemon_alarm *alarm = &daemon->alarm;

    alarm->asked_ns = UINT64_MAX;
    alarm->set_ns = UINT64_MAX;
    alarm->fd = timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK | TFD_CLOEXEC);
    if (alarm->fd < 0) {
        (void)snprintf(message, message_size, "timerfd: %s", strerror(errno));
        return ERR_IO;
    }
    CHECK(uv_poll_init(&daemon->loop, &alarm->poll, alarm->fd) == 0);
    alarm->poll.data = daemon;
    CHECK(uv_poll_start(&alarm->poll, UV_READABLE, alarm_rings) == 0);
    return 0;
}

static void
timers_open(struct daemon *daemon)
{
    uint64_t watchdog_ms = notify_watchdog_ms();

    CHECK(uv_timer_init(&daemon->loop, &daemon->second) == 0);
    CHECK(uv_timer_init(&daemon->loop, &daemon->watchdog) == 0);
    CHECK(uv_timer_init(&daemon->loop, &daemon->patience) == 0);
    daemon->second.data = daemon;
    daemon->watchdog.data = daemon;
    daemon->patience.data = daemon;
    if (daemon->watcher != NULL)
        (void)uv_timer_start(&daemon->second, second, SECOND_MS, SECOND_MS);
    if (watchdog_ms > 0)
        (void)uv_timer_start(&daemon->watchdog, watchdog, watchdog_ms,
                             watchdog_ms);
}

int
serve_open(struct daemon *daemon, char *message, size_t message_size)
{
    static const int numbers[] = {SIGTERM, SIGINT};
    int error = alarm_open(daemon, message, message_size);

    if (error != 0)
        return error;
    (void)uv_prepare_init(&daemon->loop, &daemon->prepare);
    (void)uv_check_init(&daemon->loop, &daemon->check);
    (void)uv_idle_init(&daemon->loop, &daemon->idle);
    daemon->prepare.data = daemon;
    daemon->check.data = daemon;
    daemon->idle.data = daemon;
    (void)uv_prepare_start(&daemon->prepare, prepare);
    (void)uv_check_start(&daemon->check, check);
    timers_open(daemon);
    for (size_t i = 0; i < ARRAY_COUNT(numbers); i++) {
        CHECK(uv_signal_init(&daemon->loop, &daemon->signals[i]) == 0);
        daemon->signals[i].data = daemon;
        CHECK(uv_signal_start(&daemon->signals[i], signalled, numbers[i]) ==
              0);
    }
    return 0;
}

void
serve_close(struct daemon *daemon)
{
    if (daemon->alarm.fd < 0)
        return;
    uv_close((uv_handle_t *)&daemon->alarm.poll, NULL);
    uv_close((uv_handle_t *)&daemon->prepare, NULL);
    uv_close((uv_handle_t *)&daemon->check, NULL);
    uv_close((uv_handle_t *)&daemon->idle, NULL);
    uv_close((uv_handle_t *)&daemon->second, NULL);
    uv_close((uv_handle_t *)&daemon->watchdog, NULL);
    uv_close((uv_handle_t *)&daemon->patience, NULL);
    for (size_t i = 0; i < ARRAY_COUNT(daemon->signals); i++)
        uv_close((uv_handle_t *)&daemon->signals[i], NULL);
    (void)close(daemon->alarm.fd);
    daemon->alarm.fd = -1;
}
