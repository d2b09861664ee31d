/* SPDX-License-Identifier: Apache-2.0 */
#include "sim/world/ns3/helper_priv.h"

#include "reference-nos/base/check.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#define FLUSH_BYTES 60000u
#define OUT_BYTES (NS3_MESSAGE_MAX + FLUSH_BYTES)

extern char **environ;

struct ns3_helper {
    int socket;
    pid_t pid;
    struct ns3_wire out;
    size_t begun; /* where the open message begins */
    uint8_t *in;
    size_t in_used;
    size_t answered; /* bytes of .in that the last answer took */
    struct ns3_wire answer;
    char version[32];
    char why[160]; /* broken; "": it works */
};

const char *
helper_broken(const struct ns3_helper *helper)
{
    return helper->why[0] != '\0' ? helper->why : NULL;
}

void
helper_break(struct ns3_helper *helper, const char *why)
{
    if (helper->why[0] == '\0')
        (void)snprintf(helper->why, sizeof(helper->why), "world ns3: %s", why);
}

/* ---- bytes ---- */

static bool
wait_for(struct ns3_helper *helper, short what)
{
    struct pollfd ready = {.fd = helper->socket, .events = what};
    int count;

    do
        count = poll(&ready, 1, NS3_ANSWER_MAX_S * 1000);
    while (count < 0 && errno == EINTR);
    if (count == 0)
        helper_break(helper, "the helper is silent");
    return count > 0;
}

static void
flush(struct ns3_helper *helper)
{
    size_t sent = 0;

    while (sent < helper->out.at && helper_broken(helper) == NULL) {
        ssize_t size;

        if (!wait_for(helper, POLLOUT))
            break;
        size = send(helper->socket, helper->out.bytes + sent,
                    helper->out.at - sent, MSG_NOSIGNAL);
        if (size < 0 && errno != EINTR)
            helper_break(helper, "the helper ended");
        else if (size > 0)
            sent += (size_t)size;
    }
    helper->out.at = 0;
}

/* Until 'size' bytes of the next answer are there. */
static bool
fill(struct ns3_helper *helper, size_t size)
{
    while (helper->in_used < size) {
        ssize_t got;

        if (!wait_for(helper, POLLIN))
            return false;
        got = recv(helper->socket, helper->in + helper->in_used,
                   NS3_MESSAGE_MAX + 4 - helper->in_used, 0);
        if (got == 0 || (got < 0 && errno != EINTR)) {
            helper_break(helper, "the helper ended");
            return false;
        }
        helper->in_used += got > 0 ? (size_t)got : 0;
    }
    return true;
}

/* ---- messages ---- */

struct ns3_wire *
helper_begin(struct ns3_helper *helper, enum ns3_message message)
{
    if (helper->out.at > FLUSH_BYTES)
        flush(helper);
    helper->begun = ns3_put_begin(&helper->out, message);
    return &helper->out;
}

void
helper_end(struct ns3_helper *helper)
{
    CHECK(!helper->out.bad);
    ns3_put_end(&helper->out, helper->begun);
}

static void
complaint_take(struct ns3_helper *helper, const struct ns3_wire *answer)
{
    char text[120];

    (void)snprintf(text, sizeof(text), "the helper says: %.*s",
                   (int)(answer->size - answer->at),
                   (const char *)answer->bytes + answer->at);
    helper_break(helper, text);
}

struct ns3_wire *
helper_ask(struct ns3_helper *helper, enum ns3_message message)
{
    struct ns3_wire head = {helper->in, 4, 0, false};
    unsigned kind;
    size_t length;

    flush(helper);
    helper->in_used -= helper->answered;
    memmove(helper->in, helper->in + helper->answered, helper->in_used);
    helper->answered = 0;
    if (helper_broken(helper) != NULL || !fill(helper, 4))
        return NULL;
    length = ns3_get_u32(&head);
    if (length < 1 || length > NS3_MESSAGE_MAX) {
        helper_break(helper, "an answer of the helper has no length");
        return NULL;
    }
    if (!fill(helper, 4 + length))
        return NULL;
    helper->answered = 4 + length;
    helper->answer = (struct ns3_wire){helper->in + 4, length, 0, false};
    kind = ns3_get_u8(&helper->answer);
    if (kind == (unsigned)message)
        return &helper->answer;
    if (kind == NS3_ERROR)
        complaint_take(helper, &helper->answer);
    else
        helper_break(helper, "the helper answers something else");
    return NULL;
}

/* ---- the process ---- */

static int
helper_spawn(struct ns3_helper *helper, const char *path)
{
    char *const argv[] = {(char[]){"sixnines-ns3"}, NULL};
    posix_spawn_file_actions_t actions;
    int ends[2];
    int err;

    if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) != 0)
        return errno;
    err = posix_spawn_file_actions_init(&actions);
    if (err == 0) {
        err = posix_spawn_file_actions_adddup2(&actions, ends[1], 0);
        if (err == 0)
            err = posix_spawn_file_actions_adddup2(&actions, ends[1], 1);
        if (err == 0)
            err =
                posix_spawn(&helper->pid, path, &actions, NULL, argv, environ);
        (void)posix_spawn_file_actions_destroy(&actions);
    }
    (void)close(ends[1]);
    if (err != 0)
        (void)close(ends[0]);
    else
        helper->socket = ends[0];
    return err;
}

static void
hello(struct ns3_helper *helper)
{
    struct ns3_wire *wire = helper_begin(helper, NS3_HELLO);
    size_t size;

    ns3_put_u32(wire, NS3_WIRE_VERSION);
    helper_end(helper);
    wire = helper_ask(helper, NS3_HELLO);
    if (wire == NULL)
        return;
    if (ns3_get_u32(wire) != NS3_WIRE_VERSION) {
        helper_break(helper, "the helper is of another build");
        return;
    }
    size = wire->size - wire->at;
    size = size < sizeof(helper->version) ? size : sizeof(helper->version) - 1;
    memcpy(helper->version, wire->bytes + wire->at, size);
}

int
ns3_helper_start(const char *path, struct ns3_helper **out, char *message,
                 size_t message_size)
{
    struct ns3_helper *helper;
    int err;

    if (access(path, X_OK) != 0) {
        (void)snprintf(message, message_size,
                       "no helper of world ns3 at %s; it is built where "
                       "libns3-dev is installed",
                       path);
        return ERR_UNSUPPORTED;
    }
    helper = calloc(1, sizeof(*helper));
    CHECK(helper != NULL);
    helper->out = (struct ns3_wire){malloc(OUT_BYTES), OUT_BYTES, 0, false};
    helper->in = malloc(NS3_MESSAGE_MAX + 4);
    CHECK(helper->out.bytes != NULL && helper->in != NULL);
    err = helper_spawn(helper, path);
    if (err != 0) {
        (void)snprintf(message, message_size, "cannot start %s: %s", path,
                       strerror(err));
        helper->socket = -1;
        ns3_helper_stop(helper);
        return ERR_UNSUPPORTED;
    }
    hello(helper);
    if (helper_broken(helper) != NULL) {
        (void)snprintf(message, message_size, "%s (%s)", helper->why, path);
        ns3_helper_stop(helper);
        return ERR_UNSUPPORTED;
    }
    *out = helper;
    return 0;
}

void
ns3_helper_stop(struct ns3_helper *helper)
{
    if (helper == NULL)
        return;
    if (helper->socket >= 0) {
        (void)close(helper->socket); /* it ends at the end of its input */
        if (helper_broken(helper) != NULL)
            (void)kill(helper->pid, SIGKILL);
        while (waitpid(helper->pid, NULL, 0) < 0 && errno == EINTR)
            ;
    }
    free(helper->out.bytes);
    free(helper->in);
    free(helper);
}

const char *
ns3_helper_version(const struct ns3_helper *helper)
{
    return helper->version;
}
