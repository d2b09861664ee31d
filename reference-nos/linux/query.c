/* SPDX-License-Identifier: Apache-2.0
 *
 * What operators ask: requests to the NOS are handed in; questions about the
 * box itself are answered here, in JSON.
 *
 *   box, hardware, services, peers, costs
 *   meter           sums for calibration, with --meter (meter/meter.h)
 *   log N           the last N lines
 *   drain           the box leaves service and ends, as at SIGTERM
 *   pending         boxes that wait for approval (secure/enroll.h)
 *   approve SERIAL [KEY], refuse SERIAL [KEY]
 *   kill SERVICE    ends it, as kill -9 would: the supervisor restarts it
 * and for tests:
 *   hang SERVICE N  1: it handles no event until 0, or until it dies
 *   wall-offset N   the wall clock is ahead by N ns
 */
#include "reference-nos/linux/daemon_priv.h"

#include "reference-nos/linux/json/json.h"
#include "reference-nos/node/node.h"
#include "reference-nos/schema/operator_msg.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define WORDS_MAX 128u
#define ANSWER_BYTES 256u
#define WHY_BYTES 256u
#define NOT_THE_AUTHORITY                                                     \
    "this box enrols nobody: it does not hold the authority"

/* Answers in place of the service that takes requests, when it is down. */
static void
operator_refuse(struct daemon *daemon, uint64_t token, int status)
{
    struct operator_rep rep = {.status = status, .verb = OPERATOR_READ};
    struct wire_writer writer;
    uint8_t bytes[ANSWER_BYTES];

    wire_writer_init(&writer, bytes, sizeof(bytes));
    operator_rep_write(&writer, &rep);
    socket_server_answer(daemon->server, token, SOCKET_OPERATOR, bytes,
                         (size_t)(writer.at - writer.start));
}

static bool
runs(const struct daemon *daemon, unsigned service)
{
    return node_has_service(daemon->facts.role, daemon->facts.alone, service);
}

static void
operator_request(struct daemon *daemon, uint64_t token, const void *bytes,
                 size_t size)
{
    unsigned service = runs(daemon, SVC_OPERATOR) ? SVC_OPERATOR : SVC_MEMBER;
    struct runtime_service_stats stats;

    if (daemon->ending || daemon->runtime == NULL ||
        runtime_stats(daemon->runtime, service, &stats) != 0 || !stats.up)
        operator_refuse(daemon, token, ERR_BUSY);
    else
        input_operator(daemon, token, bytes, size);
}

static void
box_members(struct daemon *daemon, struct json *json)
{
    const struct box_facts *facts = &daemon->facts;
    const struct daemon_known *known = &daemon->known;

    json_text(json, "serial", facts->serial);
    json_key(json, "key", facts->key);
    json_text(json, "role", role_name(facts->role));
    json_key(json, "cluster", facts->cluster_id);
    json_number(json, "incarnation", facts->incarnation);
    json_number(json, "pid", (uint64_t)getpid());
    json_text(json, "version", REFNOSD_VERSION);
    json_number(json, "uptime_ns", daemon_now_ns() - daemon->boot_ns);
    json_text(json, "reboot_cause", reboot_cause_name(daemon->boot_cause));
    json_bool(json, "joined", known->joined);
    json_number(json, "module", known->joined ? known->module : 0);
    json_number(json, "term", known->term);
    json_bool(json, "active", known->active);
    json_bool(json, "headless", known->headless);
    json_bool(json, "forwarding", known->forwarding);
    json_bool(json, "voter", facts->voter_count > 0);
    json_bool(json, "arbiter", facts->arbiter);
    json_number(json, "front_ports", facts->front_ports);
    json_number(json, "fabric_ports", facts->fabric_ports);
    json_number(json, "memory_bytes", daemon->memory_bytes);
}

static void
query_times(struct json *json, const char *name,
            const struct storage_times *times)
{
    json_begin(json, name, '{');
    json_number(json, "count", times->count);
    json_number(json, "ns", times->ns);
    json_number(json, "p5_ns", times->p5_ns);
    json_end(json, '}');
}

static void
query_box(struct daemon *daemon, struct json *json)
{
    struct storage_counters counters;

    json_begin(json, NULL, '{');
    box_members(daemon, json);
    storage_counters(daemon->storage, &counters);
    json_begin(json, "storage", '{');
    query_times(json, "sync", &counters.sync);
    query_times(json, "replace", &counters.replace);
    json_number(json, "bytes", counters.bytes);
    json_end(json, '}');
    json_end(json, '}');
}

static void
query_drain(struct daemon *daemon, struct json *json)
{
    json_begin(json, NULL, '{');
    json_bool(json, "stopping", true);
    json_end(json, '}');
    serve_drain(daemon);
}

static const char *
hw_kind_name(enum hw_kind kind)
{
    static const char *const names[] = {"fan", "psu", "sensor", "led",
                                        "optic"};

    return kind < HW_KIND_COUNT ? names[kind] : "?";
}

static void
hardware_item(struct daemon *daemon, struct json *json, enum hw_kind kind,
              unsigned index)
{
    struct hw_description about = {.name = ""};
    struct hw_reading reading = {.present = false};
    int error = hwtree_read(daemon->hwtree, kind, index, &reading);

    json_begin(json, NULL, '{');
    json_text(json, "kind", hw_kind_name(kind));
    json_number(json, "index", index);
    if (hwtree_describe(daemon->hwtree, kind, index, &about) == 0)
        json_text(json, "name", about.name);
    if (error != 0) {
        json_text(json, "error", err_text(error));
    } else {
        json_bool(json, "present", reading.present);
        json_bool(json, "ok", reading.ok);
        json_signed(json, "value", reading.value);
        json_signed(json, "secondary", reading.secondary);
    }
    json_end(json, '}');
}

static void
query_hardware(struct daemon *daemon, struct json *json)
{
    json_begin(json, NULL, '[');
    for (unsigned kind = 0; kind < HW_KIND_COUNT; kind++) {
        unsigned count = hwtree_count(daemon->hwtree, (enum hw_kind)kind);

        for (unsigned i = 0; i < count; i++)
            hardware_item(daemon, json, (enum hw_kind)kind, i);
    }
    json_end(json, ']');
}

static void
query_services(struct daemon *daemon, struct json *json)
{
    json_begin(json, NULL, '[');
    for (unsigned service = 0; service < SVC_COUNT; service++) {
        struct runtime_service_stats stats;

        if (runtime_stats(daemon->runtime, service, &stats) != 0)
            continue;
        json_begin(json, NULL, '{');
        json_text(json, "service", service_name(service));
        json_number(json, "pid",
                    daemon->procs == NULL
                        ? (uint64_t)getpid()
                        : (uint64_t)procs_pid(daemon->procs, service));
        json_bool(json, "up", stats.up);
        json_number(json, "lives", stats.lives);
        json_number(json, "events", stats.events);
        json_number(json, "cpu_ns", daemon->services[service].cpu_ns);
        json_number(json, "memory_bytes", stats.memory_bytes);
        json_number(json, "memory_peak_bytes", stats.memory_peak_bytes);
        json_number(json, "mailbox", stats.mailbox_count);
        json_number(json, "mailbox_peak", stats.mailbox_peak);
        json_end(json, '}');
    }
    json_end(json, ']');
}

static void
peers_secure(struct daemon *daemon, struct json *json)
{
    struct secure_counters counters;

    if (daemon->secure == NULL)
        return;
    secure_counters(daemon->secure, &counters);
    json_number(json, "plane_a", secure_peer_count(daemon->secure, PLANE_A));
    json_number(json, "plane_b", secure_peer_count(daemon->secure, PLANE_B));
    json_number(json, "sent", counters.sent);
    json_number(json, "received", counters.received);
    json_number(json, "unsent", counters.unsent);
    json_number(json, "handshakes", counters.handshakes);
    json_number(json, "refused_certificate", counters.refused_certificate);
    json_number(json, "refused_bound", counters.refused_bound);
    json_number(json, "malformed", counters.malformed);
}

static void
query_peers(struct daemon *daemon, struct json *json)
{
    const struct daemon_known *known = &daemon->known;

    json_begin(json, NULL, '{');
    peers_secure(daemon, json);
    json_begin(json, "sessions", '[');
    for (unsigned i = 0; i < known->session_count; i++) {
        json_begin(json, NULL, '{');
        json_key(json, "key", known->sessions[i].key);
        json_number(json, "incarnation", known->sessions[i].incarnation);
        json_end(json, '}');
    }
    json_end(json, ']');
    json_end(json, '}');
}

/* Units of work done, to hold the modelled costs against real time. */
static void
query_costs(struct daemon *daemon, struct json *json)
{
    json_begin(json, NULL, '{');
    for (unsigned cost = 0; cost < COST_COUNT; cost++)
        json_number(json, cost_name((enum cost)cost),
                    daemon->cost_units[cost]);
    json_end(json, '}');
}

static void
query_log(struct daemon *daemon, struct json *json, unsigned count)
{
    json_begin(json, NULL, '[');
    for (unsigned back = count; back-- > 0;) {
        const struct log_line *line = log_tail(daemon->log, back);

        if (line == NULL)
            continue;
        json_begin(json, NULL, '{');
        json_number(json, "wall_ns", line->wall_ns);
        json_text(json, "service",
                  line->service == SVC_NONE ? "refnosd"
                                            : service_name(line->service));
        json_text(json, "severity", severity_name(line->severity));
        json_text(json, "text", line->text);
        json_end(json, '}');
    }
    json_end(json, ']');
}

static void
query_error(struct json *json, const char *text)
{
    json_begin(json, NULL, '{');
    json_text(json, "error", text);
    json_end(json, '}');
}

static void
query_pending(struct daemon *daemon, struct json *json)
{
    struct enroll_pending pending[ENROLL_PENDING_MAX];
    unsigned count = 0;

    if (daemon->enroll == NULL) {
        query_error(json, NOT_THE_AUTHORITY);
        return;
    }
    count = enroll_pending(daemon->enroll, pending, ENROLL_PENDING_MAX);
    json_begin(json, NULL, '{');
    json_begin(json, "pending", '[');
    for (unsigned i = 0; i < count; i++) {
        json_begin(json, NULL, '{');
        json_text(json, "serial", pending[i].serial);
        json_text(json, "role", role_name(pending[i].role));
        json_key(json, "key", pending[i].key);
        json_number(json, "waits_s", pending[i].age_ns / NS_PER_S);
        json_end(json, '}');
    }
    json_end(json, ']');
    json_end(json, '}');
}

static void
query_judged(struct daemon *daemon, struct json *json, bool approve,
             const char *serial)
{
    daemon_logf(daemon, SEVERITY_NOTICE, "enrolment: %s is %s by an operator",
                serial, approve ? "approved" : "refused");
    json_begin(json, NULL, '{');
    json_text(json, "serial", serial);
    json_bool(json, "approved", approve);
    json_end(json, '}');
}

/* 'words' SERIAL [KEY]. */
static void
query_judge(struct daemon *daemon, struct json *json, bool approve,
            const char *words)
{
    char serial[FACTS_SERIAL_MAX] = "", text[WHY_BYTES] = "";
    uint64_t key = 0;
    char end;
    int error;
    int got = sscanf(words, "%23s %16" SCNx64 "%c", serial, &key, &end);
    const uint64_t *given = got == 2 ? &key : NULL;

    if (got != 2 && (got != 1 || strlen(words) != strlen(serial))) {
        query_error(json, "approve or refuse SERIAL [KEY]");
    } else if (daemon->enroll == NULL) {
        query_error(json, NOT_THE_AUTHORITY);
    } else {
        error = approve ? enroll_approve(daemon->enroll, serial, given, text,
                                         sizeof(text))
                        : enroll_refuse(daemon->enroll, serial, given, text,
                                        sizeof(text));
        if (error == 0)
            query_judged(daemon, json, approve, serial);
        else
            query_error(json, text);
    }
}

static void
query_kill(struct daemon *daemon, struct json *json, const char *name)
{
    int error = ERR_NOENT;

    for (unsigned service = 1; service < SVC_COUNT; service++)
        if (strcmp(name, service_name(service)) == 0)
            error = input_kill(daemon, service);
    if (error != 0) {
        query_error(json, err_text(error));
        return;
    }
    json_begin(json, NULL, '{');
    json_text(json, "killed", name);
    json_end(json, '}');
}

static void
query_hang(struct daemon *daemon, struct json *json, const char *words)
{
    char name[32];
    unsigned on;
    char end;

    if (sscanf(words, "%31s %1u%c", name, &on, &end) == 2 && on <= 1) {
        for (unsigned service = 1; service < SVC_COUNT; service++) {
            if (strcmp(name, service_name(service)) != 0 ||
                !runs(daemon, service))
                continue;
            serve_hang(daemon, service, on != 0);
            json_begin(json, NULL, '{');
            json_text(json, "service", name);
            json_bool(json, "hangs", on != 0);
            json_end(json, '}');
            return;
        }
    }
    query_error(json, "hang SERVICE 0|1");
}

static void
query_wall_offset(struct daemon *daemon, struct json *json, const char *words)
{
    long long offset_ns;
    char end;

    if (sscanf(words, "%lld%c", &offset_ns, &end) != 1) {
        query_error(json, "wall-offset NS");
        return;
    }
    daemon->wall_offset_ns = offset_ns;
    json_begin(json, NULL, '{');
    json_signed(json, "wall_offset_ns", offset_ns);
    json_end(json, '}');
}

static void
query_meter(struct daemon *daemon, struct json *json)
{
    static const size_t room = METER_TEXT_MAX;
    char *text = malloc(room);

    CHECK(text != NULL && meter_print(&daemon->meter, text, room) == 0);
    json_begin(json, NULL, '{');
    json_text(json, "meter", text);
    json_end(json, '}');
    free(text);
}

struct question {
    const char *words;
    void (*answer)(struct daemon *daemon, struct json *json);
};

static bool
plain_question(struct daemon *daemon, struct json *json, const char *words)
{
    static const struct question questions[] = {
        {"box", query_box},           {"hardware", query_hardware},
        {"services", query_services}, {"peers", query_peers},
        {"costs", query_costs},       {"meter", query_meter},
        {"drain", query_drain},       {"pending", query_pending},
    };

    for (size_t i = 0; i < ARRAY_COUNT(questions); i++)
        if (strcmp(words, questions[i].words) == 0) {
            questions[i].answer(daemon, json);
            return true;
        }
    return false;
}

static void
question(struct daemon *daemon, struct json *json, const char *words)
{
    unsigned count;
    char end;

    if (daemon->ending || daemon->runtime == NULL)
        query_error(json, "the box is stopping");
    else if (plain_question(daemon, json, words))
        return;
    else if (strncmp(words, "approve ", 8) == 0)
        query_judge(daemon, json, true, words + 8);
    else if (strncmp(words, "refuse ", 7) == 0)
        query_judge(daemon, json, false, words + 7);
    else if (strncmp(words, "kill ", 5) == 0)
        query_kill(daemon, json, words + 5);
    else if (strncmp(words, "hang ", 5) == 0)
        query_hang(daemon, json, words + 5);
    else if (strncmp(words, "wall-offset ", 12) == 0)
        query_wall_offset(daemon, json, words + 12);
    else if (sscanf(words, "log %3u%c", &count, &end) == 1)
        query_log(daemon, json, count);
    else
        query_error(json, "unknown question");
}

void
query_request(void *arg, uint64_t token, enum socket_kind kind,
              const void *bytes, size_t size)
{
    static const char failed[] = "{\"error\":\"answer too long\"}";
    struct daemon *daemon = arg;
    struct json json = {.bytes = NULL};
    char words[WORDS_MAX] = "";

    if (kind == SOCKET_OPERATOR) {
        operator_request(daemon, token, bytes, size);
        return;
    }
    if (size < sizeof(words))
        memcpy(words, bytes, size);
    question(daemon, &json, words);
    if (json.failed)
        socket_server_answer(daemon->server, token, SOCKET_QUERY, failed,
                             sizeof(failed) - 1);
    else
        socket_server_answer(daemon->server, token, SOCKET_QUERY, json.bytes,
                             json.size);
    free(json.bytes);
}
