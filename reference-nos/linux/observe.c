/* SPDX-License-Identifier: Apache-2.0
 *
 * What a watching harness is told.
 */
#include "reference-nos/linux/daemon_priv.h"

#include <unistd.h>

static void
tell(struct daemon *daemon, struct watch_line *line)
{
    if (daemon->watcher == NULL)
        return;
    line->at_ns = daemon_now_ns();
    watcher_tell(daemon->watcher, line);
}

void
observe_ready(struct daemon *daemon)
{
    struct watch_line line = {
        .kind = WATCH_READY,
        .u.ready = {.incarnation = daemon->facts.incarnation,
                    .key = daemon->facts.key,
                    .pid = (uint64_t)getpid(),
                    .role = daemon->facts.role},
    };

    tell(daemon, &line);
}

void
observe_trace(struct daemon *daemon, const struct trace_record *record)
{
    struct watch_line line = {
        .kind = WATCH_TRACE,
        .service = record->service,
        .u.trace = *record,
    };

    tell(daemon, &line);
}

void
observe_log(struct daemon *daemon, unsigned service, enum severity severity,
            const char *text)
{
    struct watch_line line = {
        .kind = WATCH_LOG,
        .service = service,
        .u.log = {.severity = severity, .text = text},
    };

    tell(daemon, &line);
}

void
observe_written(void *arg, const struct fwd_entry *entries, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        struct watch_line line = {.kind = WATCH_FWD, .u.fwd = entries[i]};

        tell(arg, &line);
    }
}

void
observe_link(struct daemon *daemon, unsigned port, bool up)
{
    struct watch_line line = {
        .kind = WATCH_LINK,
        .u.link = {.port = port, .up = up},
    };

    tell(daemon, &line);
}

/* As they are when the box is ready. */
void
observe_links(struct daemon *daemon)
{
    for (unsigned port = 0; port < daemon->facts.fabric_ports; port++) {
        bool up;

        if (ports_link_up(daemon->ports, port, &up) == 0)
            observe_link(daemon, port, up);
    }
}

static void
observe_load(struct daemon *daemon, unsigned service)
{
    struct runtime_service_stats stats;
    struct watch_line line = {.kind = WATCH_LOAD, .service = service};

    if (runtime_stats(daemon->runtime, service, &stats) != 0)
        return;
    line.u.load.cpu_ns = daemon->services[service].cpu_ns;
    line.u.load.events = daemon->services[service].events;
    line.u.load.memory_bytes = stats.memory_bytes;
    line.u.load.mailbox_peak = stats.mailbox_peak;
    tell(daemon, &line);
}

void
observe_loads(struct daemon *daemon)
{
    for (unsigned service = 0; service < SVC_COUNT; service++)
        observe_load(daemon, service);
    for (unsigned lane = 0; lane < LANE_COUNT; lane++) {
        struct watch_line line = {
            .kind = WATCH_LANE,
            .u.lane = {.lane = (enum lane)lane,
                       .messages = daemon->lanes[lane].messages,
                       .bytes = daemon->lanes[lane].bytes},
        };

        tell(daemon, &line);
    }
}

void
observe_exit(struct daemon *daemon, enum reboot_cause cause)
{
    struct watch_line line = {.kind = WATCH_EXIT, .u.cause = cause};

    tell(daemon, &line);
}
