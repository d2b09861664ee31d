/* SPDX-License-Identifier: Apache-2.0
 *
 * The door (plat.h).
 */
#include "reference-nos/linux/daemon_priv.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <time.h>

static struct daemon *
daemon_of(struct plat *plat)
{
    return CONTAINER_OF(plat, struct daemon, plat);
}

static uint64_t
clock_ns(clockid_t clock)
{
    struct timespec now;

    CHECK(clock_gettime(clock, &now) == 0);
    return (uint64_t)now.tv_sec * NS_PER_S + (uint64_t)now.tv_nsec;
}

uint64_t
daemon_now_ns(void)
{
    return clock_ns(CLOCK_MONOTONIC);
}

uint64_t
daemon_wall_ns(const struct daemon *daemon)
{
    return clock_ns(CLOCK_REALTIME) + (uint64_t)daemon->wall_offset_ns;
}

/* The real clock at every call: a handler's own time counts. */
static uint64_t
now_ns(struct plat *plat)
{
    (void)plat;
    return daemon_now_ns();
}

static uint64_t
wall_ns(struct plat *plat)
{
    return daemon_wall_ns(daemon_of(plat));
}

static uint64_t
random_u64(struct plat *plat)
{
    struct daemon *daemon = daemon_of(plat);
    uint64_t value;

    if (daemon->random_left < sizeof(value)) {
        /* Up to 256 bytes come whole (getrandom(2)). */
        for (size_t at = 0; at < DAEMON_RANDOM_BYTES; at += 256)
            CHECK(getrandom(daemon->random + at, 256, 0) == 256);
        daemon->random_left = DAEMON_RANDOM_BYTES;
    }
    daemon->random_left -= sizeof(value);
    memcpy(&value, daemon->random + daemon->random_left, sizeof(value));
    return value;
}

static void
wake_at(struct plat *plat, uint64_t deadline_ns)
{
    daemon_of(plat)->alarm.asked_ns = deadline_ns;
}

static void
ready(struct plat *plat, unsigned service)
{
    serve_ready(daemon_of(plat), service);
}

/* Real handlers cost real time; the units are kept for calibration. */
static void
charge(struct plat *plat, enum cost cost, uint64_t units)
{
    CHECK(cost < COST_COUNT);
    daemon_of(plat)->cost_units[cost] += units;
    daemon_of(plat)->handler_units[cost] += units;
}

static void
datagram_send(struct plat *plat, enum plane plane, uint64_t to, enum lane lane,
              const void *bytes, size_t size)
{
    struct daemon *daemon = daemon_of(plat);

    CHECK(plane < PLANE_COUNT && lane < LANE_COUNT);
    CHECK(size <= PLAT_DATAGRAM_MAX);
    daemon->lanes[lane].messages++;
    daemon->lanes[lane].bytes += size;
    if (daemon->secure != NULL)
        secure_send(daemon->secure, plane, to, lane, bytes, size);
}

static void
packet_send(struct plat *plat, unsigned fabric_port, const void *bytes,
            size_t size)
{
    CHECK(size <= PLAT_PACKET_MAX);
    ports_packet_send(daemon_of(plat)->ports, fabric_port, bytes, size);
}

static int
append(struct plat *plat, enum storage_file file, const void *bytes,
       size_t size)
{
    return storage_append(daemon_of(plat)->storage, file, bytes, size);
}

static int
truncate_file(struct plat *plat, enum storage_file file, uint64_t size)
{
    return storage_truncate(daemon_of(plat)->storage, file, size);
}

static int
sync_file(struct plat *plat, enum storage_file file, unsigned service,
          uint64_t token)
{
    return storage_sync(daemon_of(plat)->storage, file, service, token);
}

static int
replace(struct plat *plat, enum storage_file file, const void *bytes,
        size_t size, unsigned service, uint64_t token)
{
    return storage_replace(daemon_of(plat)->storage, file, bytes, size,
                           service, token);
}

static int
size_of(struct plat *plat, enum storage_file file, uint64_t *size)
{
    return storage_size(daemon_of(plat)->storage, file, size);
}

static int
read_file(struct plat *plat, enum storage_file file, uint64_t offset,
          void *bytes, size_t size)
{
    return storage_read(daemon_of(plat)->storage, file, offset, bytes, size);
}

static int
blob_get(struct plat *plat, const char *name, const void **bytes, size_t *size)
{
    struct daemon *daemon = daemon_of(plat);

    if (daemon->plan == NULL || strcmp(name, "plan") != 0)
        return ERR_NOENT;
    *bytes = daemon->plan;
    *size = daemon->plan_size;
    return 0;
}

static void *
chunk_take(struct plat *plat, size_t size)
{
    void *chunk = malloc(size);

    if (chunk != NULL)
        daemon_of(plat)->memory_bytes += size;
    return chunk;
}

static void
chunk_give(struct plat *plat, void *chunk, size_t size)
{
    struct daemon *daemon = daemon_of(plat);

    CHECK(daemon->memory_bytes >= size);
    daemon->memory_bytes -= size;
    free(chunk);
}

static void
operator_reply(struct plat *plat, uint64_t token, const void *bytes,
               size_t size)
{
    struct daemon *daemon = daemon_of(plat);

    if (token == SERVE_DRAIN_TOKEN)
        serve_drained(daemon, bytes, size);
    else if (daemon->server != NULL)
        socket_server_answer(daemon->server, token, SOCKET_OPERATOR, bytes,
                             size);
}

void
daemon_log(struct daemon *daemon, unsigned service, enum severity severity,
           const char *text)
{
    log_write(daemon->log, daemon_now_ns(), daemon_wall_ns(daemon), service,
              severity, text);
    observe_log(daemon, service, severity, text);
}

void
daemon_logf(struct daemon *daemon, enum severity severity, const char *format,
            ...)
{
    char text[LOG_LINE_MAX];
    va_list args;

    va_start(args, format);
    (void)vsnprintf(text, sizeof(text), format, args);
    va_end(args);
    daemon_log(daemon, SVC_NONE, severity, text);
}

static void
log_line(struct plat *plat, unsigned service, enum severity severity,
         const char *text)
{
    daemon_log(daemon_of(plat), service, severity, text);
}

/* Whoever ended a service, its life and the next stand in the log. */
static void
service_log(struct daemon *daemon, const struct trace_record *record)
{
    const char *name = service_name((unsigned)record->a);
    unsigned long long life = (unsigned long long)record->b;

    if (daemon->ending)
        return;
    if (record->kind == TRACE_SERVICE_DIED)
        daemon_logf(daemon, SEVERITY_WARNING,
                    "service %s died in its life %llu", name, life);
    else if (record->kind == TRACE_SERVICE_STARTED && life > 1)
        daemon_logf(daemon, SEVERITY_NOTICE,
                    "service %s is up again, its life %llu", name, life);
}

static void
trace(struct plat *plat, const struct trace_record *record)
{
    service_log(daemon_of(plat), record);
    /* A hang ends with the life that hung. */
    if (record->kind == TRACE_SERVICE_DIED && record->a < SVC_COUNT)
        daemon_of(plat)->hung_mask &= ~(1u << record->a);
    known_trace(&daemon_of(plat)->known, record);
    observe_trace(daemon_of(plat), record);
    if (record->kind == TRACE_SERVICE_DIED && daemon_of(plat)->procs != NULL)
        procs_buried(daemon_of(plat)->procs, (unsigned)record->a);
}

static void
restart(struct plat *plat, enum reboot_cause cause)
{
    struct daemon_end end = {.restart = true, .cause = cause};

    serve_end(daemon_of(plat), &end);
}

const struct plat_ops daemon_plat_ops = {
    .now_ns = now_ns,
    .wall_ns = wall_ns,
    .random = random_u64,
    .wake_at = wake_at,
    .ready = ready,
    .charge = charge,
    .datagram_send = datagram_send,
    .packet_send = packet_send,
    .storage_append = append,
    .storage_truncate = truncate_file,
    .storage_sync = sync_file,
    .storage_replace = replace,
    .storage_size = size_of,
    .storage_read = read_file,
    .blob_get = blob_get,
    .chunk_take = chunk_take,
    .chunk_give = chunk_give,
    .operator_reply = operator_reply,
    .log = log_line,
    .trace = trace,
    .restart = restart,
};
