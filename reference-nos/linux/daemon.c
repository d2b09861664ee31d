/* SPDX-License-Identifier: Apache-2.0
 *
 * Life of the daemon: opened from the bottom up, closed in reverse.
 */
#include "reference-nos/linux/daemon_priv.h"

#include "reference-nos/linux/notify.h"
#include "reference-nos/linux/voters.h"
#include "reference-nos/node/node.h"

#include <errno.h>
#include <fcntl.h>
#include <net/if.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define PLAN_BYTES_MAX (16 * MIB)

static int
fail(struct daemon_failure *failure, const char *path, const char *what)
{
    (void)snprintf(failure->message, sizeof(failure->message), "%s: %s: %s",
                   path, what, strerror(errno));
    return errno == EACCES || errno == EPERM ? ERR_PERMISSION : ERR_IO;
}

static int
watch_open(struct daemon *daemon, struct daemon_failure *failure)
{
    const struct options *options = daemon->options;
    int fd = (int)options->watch_fd;

    if (options->watch_fd == OPTION_UNSET && options->watch == NULL)
        return 0;
    if (options->watch != NULL)
        fd = open(options->watch, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC,
                  0640);
    if (fd < 0)
        return fail(failure, options->watch, "--watch");
    return watcher_open(&daemon->loop, fd, &daemon->watcher, failure->message,
                        sizeof(failure->message));
}

static int
log_and_watch_open(struct daemon *daemon, struct daemon_failure *failure)
{
    int error;

    failure->stage = DAEMON_STAGE_FILES;
    error = log_open(daemon->options->log, &daemon->log, failure->message,
                     sizeof(failure->message));
    return error != 0 ? error : watch_open(daemon, failure);
}

/* As the command line names them; none where this box is not among them. */
static void
voters_named(const struct daemon *daemon, struct voters *voters)
{
    const struct options *options = daemon->options;

    *voters = (struct voters){.count = options->voter_count,
                              .arbiter = options->arbiter};
    for (unsigned i = 0; i < options->voter_count; i++)
        voters->keys[i] =
            options->voters[i] == 0 ? daemon->facts.key : options->voters[i];
    if (!voters_have(voters, daemon->facts.key))
        *voters = (struct voters){.count = 0};
}

static void
voters_take(struct daemon *daemon, const struct voters *voters)
{
    struct box_facts *facts = &daemon->facts;

    facts->arbiter = voters->count > 0 && voters->arbiter;
    facts->voter_count = voters->count;
    memcpy(facts->voters, voters->keys, sizeof(facts->voters));
}

static void
facts_fill(struct daemon *daemon)
{
    const struct options *options = daemon->options;
    const struct identity *identity = daemon->identity;
    struct box_facts *facts = &daemon->facts;
    struct voters voters;

    facts->key = identity_key(identity);
    facts->cluster_id = identity_cluster_id(identity);
    facts->role =
        options->role == ROLE_COUNT ? identity_role(identity) : options->role;
    facts->alone = options->alone;
    (void)snprintf(facts->serial, sizeof(facts->serial), "%s",
                   identity_serial(identity));
    facts->front_ports = (uint16_t)options->front_ports;
    voters_named(daemon, &voters);
    voters_take(daemon, &voters);
}

static int
identity_open(struct daemon *daemon, struct daemon_failure *failure)
{
    static const struct trace_record own = {.kind = TRACE_IDENTITY_REFUSED,
                                            .service = SVC_NONE,
                                            .b = IDENTITY_OWN};
    int error;

    failure->stage = DAEMON_STAGE_IDENTITY;
    error = identity_load(daemon->options->identity, &daemon->identity,
                          failure->message, sizeof(failure->message));
    if (error == 0)
        facts_fill(daemon);
    else if (error == ERR_REFUSED)
        observe_trace(daemon, &own);
    return error;
}

/* The voters that this box was told at its first boot; ERR_NOENT: none. */
static int
voters_kept(struct daemon *daemon, struct voters *kept,
            struct daemon_failure *failure)
{
    const char *state = daemon->options->state;
    char text[VOTERS_TEXT_MAX];
    int error = storage_note_read(state, VOTERS_FILE, text, sizeof(text),
                                  failure->message, sizeof(failure->message));

    if (error == 0 && voters_parse(text, kept) != 0)
        error = ERR_CORRUPT;
    if (error == ERR_CORRUPT)
        (void)snprintf(failure->message, sizeof(failure->message),
                       "%.400s/" VOTERS_FILE
                       ": damaged; remove it and say --voters as at the first "
                       "boot",
                       state);
    /* Those of another box that stood here are not ours. */
    return error == 0 && !voters_have(kept, daemon->facts.key) ? ERR_NOENT
                                                               : error;
}

static int
voters_keep(struct daemon *daemon, const struct voters *voters,
            struct daemon_failure *failure)
{
    char text[VOTERS_TEXT_MAX];
    int error;

    (void)voters_print(voters, text);
    error = storage_note_keep(daemon->options->state, VOTERS_FILE, text,
                              failure->message, sizeof(failure->message));
    if (error != ERR_NOSPACE)
        return error;
    /* A full disk keeps no box from booting. */
    daemon_logf(daemon, SEVERITY_WARNING, "%s: say --voters again",
                failure->message);
    failure->message[0] = '\0';
    return 0;
}

/* What the first boot was told counts, whatever later ones are told. */
static int
voters_settle(struct daemon *daemon, struct daemon_failure *failure)
{
    struct voters named, kept;
    int error;

    if (daemon->facts.alone)
        return 0;
    voters_named(daemon, &named);
    error = voters_kept(daemon, &kept, failure);
    if (error == ERR_NOENT && named.count == 0)
        return 0;
    if (error == ERR_NOENT)
        return voters_keep(daemon, &named, failure);
    if (error != 0)
        return error;
    if (daemon->options->voter_count > 0) {
        if (!voters_equal(&named, &kept))
            daemon_logf(daemon, SEVERITY_WARNING,
                        "--voters is not what the first boot was told, which "
                        "counts (%.400s/" VOTERS_FILE ")",
                        daemon->options->state);
        kept.arbiter = daemon->options->arbiter;
    }
    voters_take(daemon, &kept);
    return 0;
}

/* A controller that can lead nothing yet says so. */
static void
voters_say(struct daemon *daemon)
{
    uint64_t size = 0;

    if (daemon->facts.voter_count > 0 || daemon->facts.role != ROLE_NCC ||
        (storage_size(daemon->storage, STORAGE_META, &size) == 0 && size > 0))
        return;
    daemon_logf(daemon, SEVERITY_WARNING,
                daemon->options->voter_count > 0
                    ? "this controller is not among --voters: it leads "
                      "nothing until a leader takes it in"
                    : "no --voters at the first boot: this controller leads "
                      "nothing until a leader takes it in");
}

static int
state_open(struct daemon *daemon, struct daemon_failure *failure)
{
    const char *state = daemon->options->state;
    int error;

    failure->stage = DAEMON_STAGE_STATE;
    error = storage_incarnation(state, &daemon->facts.incarnation,
                                failure->message, sizeof(failure->message));
    if (error == 0)
        error = voters_settle(daemon, failure);
    if (error == 0)
        error = storage_open(&daemon->loop, state, input_storage_done, daemon,
                             &daemon->storage, failure->message,
                             sizeof(failure->message));
    if (error == 0)
        voters_say(daemon);
    return error;
}

/* The plan is a blob to the NOS, whose own reader judges it. */
static int
plan_read(struct daemon *daemon, int fd, struct daemon_failure *failure)
{
    struct stat stat;
    size_t at = 0;

    if (fstat(fd, &stat) != 0)
        return fail(failure, daemon->options->plan, "--plan");
    if (stat.st_size <= 0 || (uint64_t)stat.st_size > PLAN_BYTES_MAX) {
        (void)snprintf(failure->message, sizeof(failure->message),
                       "--plan: %s: neither empty nor over 16 MiB, please",
                       daemon->options->plan);
        return ERR_RANGE;
    }
    daemon->plan_size = (size_t)stat.st_size;
    daemon->plan = malloc(daemon->plan_size);
    if (daemon->plan == NULL)
        return ERR_NOMEM;
    while (at < daemon->plan_size) {
        ssize_t got = read(fd, daemon->plan + at, daemon->plan_size - at);

        if (got <= 0)
            return fail(failure, daemon->options->plan, "--plan");
        at += (size_t)got;
    }
    return 0;
}

static int
plan_open(struct daemon *daemon, struct daemon_failure *failure)
{
    int error;
    int fd;

    failure->stage = DAEMON_STAGE_FILES;
    if (daemon->options->plan == NULL)
        return 0;
    if (daemon->facts.role != ROLE_NCC) {
        failure->stage = DAEMON_STAGE_IDENTITY;
        (void)snprintf(failure->message, sizeof(failure->message),
                       "--plan: %.400s: only a controller (ncc) reads one",
                       daemon->options->plan);
        return ERR_INVALID;
    }
    fd = open(daemon->options->plan, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return fail(failure, daemon->options->plan, "--plan");
    error = plan_read(daemon, fd, failure);
    (void)close(fd);
    return error;
}

static int
hardware_open(struct daemon *daemon, struct daemon_failure *failure)
{
    struct hwtree_options options = {
        .loop = &daemon->loop,
        .described = daemon->options->hardware,
        .changed = input_hardware_changed,
        .arg = daemon,
    };
    int error;

    failure->stage = DAEMON_STAGE_FILES;
    error = hwtree_open(&options, &daemon->hwtree, failure->message,
                        sizeof(failure->message));
    if (error == 0 && !cause_take(daemon->options->state, &daemon->boot_cause))
        daemon->boot_cause = hwtree_reboot_cause(daemon->hwtree);
    return error;
}

static uint64_t
fabric_port_count(const struct options *options)
{
    uint64_t count = 0;
    char name[IF_NAMESIZE];

    if (options->fabric_ports != OPTION_UNSET)
        return options->fabric_ports;
    while (count < FWD_FABRIC_PORTS_MAX) {
        int size = snprintf(name, sizeof(name), "%s%u", options->fabric_prefix,
                            (unsigned)count);

        if (size >= (int)sizeof(name) || if_nametoindex(name) == 0)
            break;
        count++;
    }
    return count;
}

static int
fabric_open(struct daemon *daemon, struct daemon_failure *failure)
{
    uint64_t count = fabric_port_count(daemon->options);
    struct ports_options options = {
        .loop = &daemon->loop,
        .prefix = count > 0 ? daemon->options->fabric_prefix : NULL,
        .count = (unsigned)count,
        .front = (unsigned)daemon->options->front_ports,
        .packet = input_packet,
        .changed = input_forwarding_changed,
        .written = observe_written,
        .arg = daemon,
    };

    failure->stage = DAEMON_STAGE_NETWORK;
    daemon->facts.fabric_ports = (uint16_t)count;
    return ports_open(&options, &daemon->ports, failure->message,
                      sizeof(failure->message));
}

static void
secure_log(void *arg, enum severity severity, const char *text)
{
    daemon_log(arg, SVC_NONE, severity, text);
}

static void
secure_refused(void *arg, enum plane plane, uint64_t key,
               enum identity_refusal why)
{
    struct trace_record record = {.kind = TRACE_IDENTITY_REFUSED,
                                  .service = SVC_NONE,
                                  .a = key,
                                  .b = why,
                                  .c = plane};

    observe_trace(arg, &record);
}

const char *
daemon_interface(const struct options *options, enum plane plane)
{
    static const char *const usual[] = {"mgmt0", "mgmt1"};

    if (options->interfaces[plane] != NULL)
        return options->interfaces[plane];
    return if_nametoindex(usual[plane]) != 0 ? usual[plane] : NULL;
}

static int
planes_open(struct daemon *daemon, struct daemon_failure *failure)
{
    struct secure_options options = {
        .loop = &daemon->loop,
        .identity = daemon->identity,
        .incarnation = daemon->facts.incarnation,
        .interfaces = {daemon_interface(daemon->options, PLANE_A),
                       daemon_interface(daemon->options, PLANE_B)},
        .port = (uint16_t)daemon->options->port,
        .datagram = input_datagram,
        .log = secure_log,
        .refused = secure_refused,
        .arg = daemon,
    };

    failure->stage = DAEMON_STAGE_NETWORK;
    if (options.interfaces[PLANE_A] == NULL &&
        options.interfaces[PLANE_B] == NULL) {
        daemon_logf(daemon, SEVERITY_NOTICE,
                    daemon->facts.alone
                        ? "a router of its own: no management plane"
                        : "no management plane (--plane-a, --plane-b, or "
                          "interfaces mgmt0, mgmt1): this box reaches no "
                          "other box");
        return 0;
    }
    return secure_open(&options, &daemon->secure, failure->message,
                       sizeof(failure->message));
}

static int
operators_open(struct daemon *daemon, struct daemon_failure *failure)
{
    struct socket_server_options options = {
        .loop = &daemon->loop,
        .path = daemon->options->socket,
        .request = query_request,
        .arg = daemon,
    };

    failure->stage = DAEMON_STAGE_FILES;
    return socket_server_open(&options, &daemon->server, failure->message,
                              sizeof(failure->message));
}

static int
recording_open(struct daemon *daemon, struct daemon_failure *failure)
{
    const char *path = daemon->options->record;
    char numbered[OPTION_PATH_MAX + 32];

    failure->stage = DAEMON_STAGE_FILES;
    if (path == NULL)
        return 0;
    if (access(path, F_OK) == 0) {
        (void)snprintf(numbered, sizeof(numbered), "%s.%llu", path,
                       (unsigned long long)daemon->facts.incarnation);
        path = numbered;
    }
    return record_open(path, &daemon->plat, &daemon->recorder,
                       failure->message, sizeof(failure->message));
}

static void
service_idle(void *arg, unsigned service)
{
    serve_ready(arg, service);
}

static void
service_ended(void *arg, unsigned service)
{
    /* Down already: somebody killed it before its process did. */
    (void)input_kill(arg, service);
}

/* Services in processes of their own, behind proxies. */
static int
processes_start(struct daemon *daemon)
{
    struct procs_options options = {
        .loop = &daemon->loop,
        .program = "/proc/self/exe",
        .door = &daemon->plat,
        .idle = service_idle,
        .ended = service_ended,
        .arg = daemon,
    };
    int error;

    options.kinds = node_kinds(daemon->facts.role, daemon->facts.alone,
                               &options.kind_count);
    error = procs_create(&options, &daemon->procs);
    if (error != 0)
        return error;
    return runtime_create(&daemon->plat, procs_kinds(daemon->procs),
                          options.kind_count, &daemon->runtime);
}

static int
nos_start(struct daemon *daemon, struct daemon_failure *failure)
{
    struct plat *plat = daemon->recorder != NULL
                            ? record_plat(daemon->recorder)
                            : &daemon->plat;
    int error;

    failure->stage = DAEMON_STAGE_START;
    daemon->boot_ns = daemon_now_ns();
    observe_ready(daemon);
    observe_links(daemon);
    daemon->inside = true;
    error = daemon->options->per_service ? processes_start(daemon)
                                         : node_create(plat, &daemon->runtime);
    daemon->inside = false;
    if (error != 0) {
        (void)snprintf(failure->message, sizeof(failure->message),
                       "the NOS does not start: %s", err_text(error));
        return error;
    }
    daemon_logf(daemon, SEVERITY_NOTICE,
                "box %016llx (%s, serial %s) up, incarnation %llu",
                (unsigned long long)daemon->facts.key,
                role_name(daemon->facts.role), daemon->facts.serial,
                (unsigned long long)daemon->facts.incarnation);
    watcher_flush(daemon->watcher);
    return 0;
}

typedef int open_step(struct daemon *daemon, struct daemon_failure *failure);

static int
serving_open(struct daemon *daemon, struct daemon_failure *failure)
{
    failure->stage = DAEMON_STAGE_START;
    return serve_open(daemon, failure->message, sizeof(failure->message));
}

int
daemon_create(const struct options *options, struct daemon **out,
              struct daemon_failure *failure)
{
    static open_step *const steps[] = {
        log_and_watch_open, join_first,     identity_open,  state_open,
        plan_open,          hardware_open,  fabric_open,    planes_open,
        authority_open,     operators_open, recording_open, serving_open,
        nos_start,
    };
    struct daemon *daemon = calloc(1, sizeof(*daemon));
    int error = 0;

    memset(failure, 0, sizeof(*failure));
    if (daemon == NULL)
        return ERR_NOMEM;
    daemon->plat.ops = &daemon_plat_ops;
    daemon->plat.hw = &daemon_hw_ops;
    daemon->plat.fwd = &daemon_fwd_ops;
    daemon->plat.facts = &daemon->facts;
    daemon->options = options;
    daemon->wall_offset_ns = options->wall_offset_ns;
    daemon->alarm.fd = -1;
    CHECK(uv_loop_init(&daemon->loop) == 0);
    for (size_t i = 0; i < ARRAY_COUNT(steps) && error == 0; i++)
        error = steps[i](daemon, failure);
    if (error != 0) {
        if (failure->message[0] == '\0')
            (void)snprintf(failure->message, sizeof(failure->message), "%s",
                           err_text(error));
        daemon_destroy(daemon);
        return error;
    }
    notify_send("READY=1");
    *out = daemon;
    return 0;
}

void
daemon_run(struct daemon *daemon, struct daemon_end *end)
{
    if (!daemon->ending)
        (void)uv_run(&daemon->loop, UV_RUN_DEFAULT);
    CHECK(daemon->ending);
    observe_exit(daemon, daemon->end.cause);
    daemon_logf(daemon, SEVERITY_NOTICE, "%s",
                daemon->end.restart ? "the box restarts" : "stopped");
    cause_keep(daemon->options->state, daemon->end.cause);
    notify_send("STOPPING=1");
    *end = daemon->end;
}

void
daemon_stop(struct daemon *daemon)
{
    struct daemon_end end = {.restart = false, .cause = REBOOT_OPERATOR};

    serve_end(daemon, &end);
}

static void
recording_close(struct daemon *daemon)
{
    char message[256];

    if (daemon->recorder == NULL)
        return;
    if (record_close(daemon->recorder, message, sizeof(message)) != 0)
        daemon_logf(daemon, SEVERITY_ERROR, "recording: %s", message);
}

void
daemon_destroy(struct daemon *daemon)
{
    if (daemon == NULL)
        return;
    daemon->ending = true;
    runtime_destroy(daemon->runtime);
    daemon->runtime = NULL;
    procs_destroy(daemon->procs);
    recording_close(daemon);
    serve_close(daemon);
    if (daemon->server != NULL)
        socket_server_close(daemon->server);
    enroll_server_close(daemon->enroll);
    if (daemon->secure != NULL)
        secure_close(daemon->secure);
    if (daemon->ports != NULL)
        ports_close(daemon->ports);
    if (daemon->hwtree != NULL)
        hwtree_close(daemon->hwtree);
    storage_close(daemon->storage);
    watcher_close(daemon->watcher);
    /* What closes, closes; an early end may have left a stop behind. */
    while (uv_run(&daemon->loop, UV_RUN_DEFAULT) != 0) {
    }
    CHECK(uv_loop_close(&daemon->loop) == 0);
    identity_destroy(daemon->identity);
    log_close(daemon->log);
    free(daemon->plan);
    free(daemon);
}
