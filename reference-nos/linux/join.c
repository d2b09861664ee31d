/* SPDX-License-Identifier: Apache-2.0
 *
 * How the box gets its certificate when it has none, before anything else of
 * it runs; and how a controller that holds the authority gives them out.
 *
 * Joining has a loop of its own: nothing of the daemon is open yet but its
 * log, and nothing of it is left when the box goes on booting.
 */
#include "reference-nos/linux/daemon_priv.h"

#include "reference-nos/linux/notify.h"

#include <errno.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define STATUS_BYTES 320u
/* A service manager is asked for more time well before it runs out. */
#define EXTEND_MS 10000u
#define EXTEND_WORDS "EXTEND_TIMEOUT_USEC=60000000"
#define CERTIFICATE_DAYS 3650

struct join {
    struct daemon *daemon;
    uv_loop_t loop;
    uv_signal_t signals[2];
    uv_timer_t extend;
    struct enroll_client *client;
    bool done;
    int error;
    int signal; /* 0: none came */
};

/* Whether DIRECTORY/NAME is there; what cannot be looked at is left to those
 * who read it. */
static bool
is_there(const char *directory, const char *name)
{
    char path[OPTION_PATH_MAX + 32];

    (void)snprintf(path, sizeof(path), "%s/%s", directory, name);
    return access(path, F_OK) == 0 || errno != ENOENT;
}

static int refuse(struct daemon_failure *failure, int error,
                  const char *format, ...) PRINTF_LIKE(3, 4);

static int
refuse(struct daemon_failure *failure, int error, const char *format, ...)
{
    va_list args;

    va_start(args, format);
    (void)vsnprintf(failure->message, sizeof(failure->message), format, args);
    va_end(args);
    return error;
}

/* --- The box that joins -------------------------------------------------- */

static void
join_log(void *arg, enum severity severity, const char *text)
{
    struct join *join = arg;
    char status[STATUS_BYTES];

    daemon_log(join->daemon, SVC_NONE, severity, text);
    (void)snprintf(status, sizeof(status), "STATUS=%s", text);
    notify_send(status);
}

static void
join_done(void *arg, int error)
{
    struct join *join = arg;

    join->done = true;
    join->error = error;
    uv_stop(&join->loop);
}

static void
join_signalled(uv_signal_t *handle, int number)
{
    struct join *join = handle->data;

    join->signal = number;
    uv_stop(&join->loop);
}

static void
join_extend(uv_timer_t *timer)
{
    (void)timer;
    notify_send(EXTEND_WORDS);
}

static void
join_loop_open(struct join *join)
{
    static const int numbers[] = {SIGTERM, SIGINT};

    CHECK(uv_loop_init(&join->loop) == 0);
    CHECK(uv_timer_init(&join->loop, &join->extend) == 0);
    CHECK(uv_timer_start(&join->extend, join_extend, 0, EXTEND_MS) == 0);
    for (size_t i = 0; i < ARRAY_COUNT(numbers); i++) {
        CHECK(uv_signal_init(&join->loop, &join->signals[i]) == 0);
        join->signals[i].data = join;
        CHECK(uv_signal_start(&join->signals[i], join_signalled, numbers[i]) ==
              0);
    }
}

static void
join_loop_close(struct join *join)
{
    enroll_client_close(join->client);
    uv_close((uv_handle_t *)&join->extend, NULL);
    for (size_t i = 0; i < ARRAY_COUNT(join->signals); i++)
        uv_close((uv_handle_t *)&join->signals[i], NULL);
    while (uv_run(&join->loop, UV_RUN_DEFAULT) != 0) {
    }
    CHECK(uv_loop_close(&join->loop) == 0);
}

static int
join_end(struct join *join, struct daemon_failure *failure)
{
    const struct options *options = join->daemon->options;

    if (join->signal != 0) {
        daemon_logf(join->daemon, SEVERITY_NOTICE,
                    "signal %d: stopped before it was enrolled", join->signal);
        notify_send("STOPPING=1");
        failure->stopped = true;
        return ERR_INTERRUPTED;
    }
    if (join->error == ERR_REFUSED)
        return refuse(failure, ERR_REFUSED,
                      "serial %s is refused by the cluster", options->serial);
    if (join->error != 0)
        return refuse(failure, join->error,
                      "%s: cannot keep the certificate: %s", options->identity,
                      err_text(join->error));
    join_log(join, SEVERITY_NOTICE, "enrolment: the box has its certificate");
    return 0;
}

static int
join_by(struct daemon *daemon, const char *voucher,
        struct daemon_failure *failure)
{
    const struct options *options = daemon->options;
    struct join join = {.daemon = daemon};
    struct enroll_client_options client = {
        .loop = &join.loop,
        .directory = options->identity,
        .serial = options->serial,
        .role = options->role,
        .voucher = voucher,
        .interfaces = {daemon_interface(options, PLANE_A),
                       daemon_interface(options, PLANE_B)},
        .done = join_done,
        .log = join_log,
        .arg = &join,
    };
    int error;

    failure->stage = DAEMON_STAGE_NETWORK;
    if (client.interfaces[PLANE_A] == NULL &&
        client.interfaces[PLANE_B] == NULL)
        return refuse(failure, ERR_NOENT,
                      "%s: no box.crt, and no management plane to ask for one",
                      options->identity);
    failure->stage = DAEMON_STAGE_JOIN;
    join_loop_open(&join);
    error = enroll_client_open(&client, &join.client, failure->message,
                               sizeof(failure->message));
    if (error == 0) {
        char text[LOG_LINE_MAX];

        (void)snprintf(text, sizeof(text),
                       "enrolment: no certificate yet; asks for one as %s %s, "
                       "%s",
                       role_name(options->role), options->serial,
                       voucher != NULL ? "with a voucher"
                                       : "by an operator's approval");
        join_log(&join, SEVERITY_NOTICE, text);
        (void)uv_run(&join.loop, UV_RUN_DEFAULT);
    }
    join_loop_close(&join);
    return error != 0 ? error : join_end(&join, failure);
}

int
join_first(struct daemon *daemon, struct daemon_failure *failure)
{
    const struct options *options = daemon->options;
    char voucher[ENROLL_VOUCHER_MAX];
    int error;

    failure->stage = DAEMON_STAGE_IDENTITY;
    if (options->serial == NULL || is_there(options->identity, "box.crt"))
        return 0;
    if (options->role == ROLE_COUNT)
        return refuse(failure, ERR_INVALID,
                      "%s: no box.crt; to ask for one, --role is needed too",
                      options->identity);
    error = enroll_voucher_load(options->identity, options->serial,
                                options->role, voucher, failure->message,
                                sizeof(failure->message));
    if (error != 0 && error != ERR_NOENT)
        return error;
    if (error == ERR_NOENT && !is_there(options->identity, "cluster.crt"))
        return refuse(failure, ERR_NOENT,
                      "%s: no box.crt, and neither a voucher nor cluster.crt "
                      "to ask for one with",
                      options->identity);
    failure->message[0] = '\0';
    return join_by(daemon, error == 0 ? voucher : NULL, failure);
}

/* --- The controller ------------------------------------------------------ */

static void
authority_log(void *arg, enum severity severity, const char *text)
{
    daemon_log(arg, SVC_NONE, severity, text);
}

/* NULL: this box enrols nobody. */
static const char *
authority_folder(const struct daemon *daemon)
{
    const struct options *options = daemon->options;

    if (options->authority != NULL)
        return options->authority;
    return daemon->facts.role == ROLE_NCC &&
                   is_there(options->identity, "cluster.key")
               ? options->identity
               : NULL;
}

int
authority_open(struct daemon *daemon, struct daemon_failure *failure)
{
    struct enroll_server_options options = {
        .loop = &daemon->loop,
        .identity = daemon->identity,
        .authority = authority_folder(daemon),
        .interfaces = {daemon_interface(daemon->options, PLANE_A),
                       daemon_interface(daemon->options, PLANE_B)},
        .days = CERTIFICATE_DAYS,
        .log = authority_log,
        .arg = daemon,
    };
    int error;

    failure->stage = DAEMON_STAGE_AUTHORITY;
    if (options.authority == NULL)
        return 0;
    if (daemon->facts.role != ROLE_NCC)
        return refuse(failure, ERR_INVALID,
                      "--authority: %s: only a controller (ncc) enrols boxes",
                      options.authority);
    error = enroll_server_open(&options, &daemon->enroll, failure->message,
                               sizeof(failure->message));
    if (error == 0)
        daemon_logf(daemon, SEVERITY_NOTICE,
                    "enrolment: gives out certificates of %s",
                    options.authority);
    return error;
}
