/* SPDX-License-Identifier: Apache-2.0 */
#define _GNU_SOURCE
#include "reference-nos/base/check.h"
#include "reference-nos/linux/socket/socket_priv.h"

#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#define BACKLOG 16
#define FILE_MODE 0660
#define HEADER_BYTES 2u

struct client {
    struct socket_server *server;
    uv_poll_t poll;
    int fd;           /* -1: the place is free */
    bool closing;     /* the place is free when libuv let go of it */
    uint64_t token;   /* of the request that waits for its answer, or 0 */
    uint64_t seen;    /* grows with every request: who was silent longest */
    uint64_t slow_ms; /* when patience ends; with 'answer' */
    uint8_t kind;     /* of 'answer' */
    uint8_t *answer;  /* not sent yet, or NULL */
    size_t answer_size;
    size_t answer_sent;
};

struct socket_server {
    uv_loop_t *loop;
    uv_poll_t poll;
    uv_timer_t timer; /* runs while answers wait */
    int fd;
    unsigned handles; /* that libuv still holds */
    bool closing;
    char *path;
    dev_t device; /* of the socket's file */
    ino_t inode;
    void (*request)(void *arg, uint64_t token, enum socket_kind kind,
                    const void *bytes, size_t size);
    void *arg;
    uint64_t last_token;
    uint64_t last_seen;
    struct client clients[SOCKET_CLIENTS_MAX];
    uint8_t packet[SOCKET_PACKET_MAX];
};

/* --- Clients ------------------------------------------------------------ */

static void
handle_gone(struct socket_server *server)
{
    CHECK(server->handles > 0);
    if (--server->handles > 0 || !server->closing)
        return;
    free(server->path);
    free(server);
}

static void
client_gone(uv_handle_t *handle)
{
    struct client *client = handle->data;

    client->closing = false;
    handle_gone(client->server);
}

static void
client_drop(struct client *client)
{
    CHECK(client->fd >= 0 && !client->closing);
    uv_close((uv_handle_t *)&client->poll, client_gone);
    (void)close(client->fd);
    client->fd = -1;
    client->token = 0;
    free(client->answer);
    client->answer = NULL;
    client->closing = true;
}

static void client_ready(uv_poll_t *poll, int status, int events);

/* Listens to what the client may do next.  Its leaving is always seen. */
static void
client_listen(struct client *client)
{
    int events = UV_DISCONNECT;

    if (client->answer != NULL)
        events |= UV_WRITABLE;
    else if (client->token == 0)
        events |= UV_READABLE;
    if (uv_poll_start(&client->poll, events, client_ready) != 0)
        client_drop(client);
}

/* --- Answers ------------------------------------------------------------ */

/* The next packet of the answer; 0, or an errno. */
static int
packet_send(struct client *client)
{
    size_t left = client->answer_size - client->answer_sent;
    size_t size = left < SOCKET_PACKET_MAX - HEADER_BYTES
                      ? left
                      : SOCKET_PACKET_MAX - HEADER_BYTES;
    uint8_t head[HEADER_BYTES] = {client->kind, size < left};
    struct iovec parts[2] = {{head, sizeof(head)},
                             {client->answer + client->answer_sent, size}};
    struct msghdr message = {.msg_iov = parts, .msg_iovlen = 2};

    if (sendmsg(client->fd, &message, MSG_NOSIGNAL | MSG_DONTWAIT) < 0)
        return errno;
    client->answer_sent += size;
    if (!head[1]) {
        free(client->answer);
        client->answer = NULL;
    }
    return 0;
}

static void timer_start(struct socket_server *server, uint64_t wait_ms);

static void
answer_send(struct client *client)
{
    int error = 0;

    while (client->answer != NULL && error == 0)
        error = packet_send(client);
    if (error != 0 && error != EAGAIN && error != EINTR && error != ENOBUFS) {
        client_drop(client);
        return;
    }
    client_listen(client);
}

static void
timer_fires(uv_timer_t *timer)
{
    struct socket_server *server = timer->data;
    uint64_t now_ms = uv_now(server->loop), next_ms = 0;

    for (unsigned i = 0; i < SOCKET_CLIENTS_MAX; i++) {
        struct client *client = &server->clients[i];

        if (client->fd < 0 || client->answer == NULL)
            continue;
        if (client->slow_ms <= now_ms)
            client_drop(client);
        else if (next_ms == 0 || client->slow_ms < next_ms)
            next_ms = client->slow_ms;
    }
    if (next_ms != 0)
        timer_start(server, next_ms - now_ms);
}

static void
timer_start(struct socket_server *server, uint64_t wait_ms)
{
    /* Fails only on a handle that closes. */
    (void)uv_timer_start(&server->timer, timer_fires, wait_ms, 0);
}

static void
answer_set(struct client *client, enum socket_kind kind, const void *bytes,
           size_t size)
{
    struct socket_server *server = client->server;

    CHECK(client->answer == NULL);
    client->token = 0;
    client->answer = malloc(size + 1);
    if (client->answer == NULL) {
        client_drop(client);
        return;
    }
    if (size > 0)
        memcpy(client->answer, bytes, size);
    client->kind = (uint8_t)kind;
    client->answer_size = size;
    client->answer_sent = 0;
    client->slow_ms = uv_now(server->loop) + SOCKET_PATIENCE_MS;
    answer_send(client);
    if (client->answer != NULL && !uv_is_active((uv_handle_t *)&server->timer))
        timer_start(server, SOCKET_PATIENCE_MS);
}

void
socket_server_answer(struct socket_server *server, uint64_t token,
                     enum socket_kind kind, const void *bytes, size_t size)
{
    CHECK(size <= SOCKET_ANSWER_MAX);
    CHECK(kind == SOCKET_OPERATOR || kind == SOCKET_QUERY);
    if (token == 0 || server->closing)
        return;
    for (unsigned i = 0; i < SOCKET_CLIENTS_MAX; i++) {
        struct client *client = &server->clients[i];

        if (client->fd < 0 || client->token != token)
            continue;
        answer_set(client, kind, bytes, size);
        return;
    }
}

/* --- Requests ----------------------------------------------------------- */

static void
request_take(struct client *client, const uint8_t *packet, size_t size)
{
    static const char unknown[] = "{\"error\":\"no such request\"}";
    struct socket_server *server = client->server;

    client->seen = ++server->last_seen;
    if (packet[0] != SOCKET_OPERATOR && packet[0] != SOCKET_QUERY) {
        answer_set(client, SOCKET_QUERY, unknown, sizeof(unknown) - 1);
        return;
    }
    client->token = ++server->last_token;
    client_listen(client);
    if (client->fd < 0)
        return;
    server->request(server->arg, client->token, (enum socket_kind)packet[0],
                    packet + 1, size - 1);
}

static void
client_read(struct client *client)
{
    struct socket_server *server = client->server;
    ssize_t size = recv(client->fd, server->packet, sizeof(server->packet),
                        MSG_DONTWAIT | MSG_TRUNC);

    if (size < 0 && (errno == EAGAIN || errno == EINTR))
        return;
    if (size <= 0 || (size_t)size > sizeof(server->packet)) {
        client_drop(client);
        return;
    }
    request_take(client, server->packet, (size_t)size);
}

static void
client_ready(uv_poll_t *poll, int status, int events)
{
    struct client *client = poll->data;

    if (status < 0 || client->fd < 0) {
        if (client->fd >= 0)
            client_drop(client);
        return;
    }
    if (client->answer != NULL && (events & UV_WRITABLE) != 0)
        answer_send(client);
    else if (client->answer == NULL && client->token == 0 &&
             (events & UV_READABLE) != 0)
        client_read(client);
    else if ((events & UV_DISCONNECT) != 0)
        client_drop(client);
}

/* --- Newcomers ---------------------------------------------------------- */

static struct client *
place_find(struct socket_server *server)
{
    struct client *silent = NULL;

    for (unsigned i = 0; i < SOCKET_CLIENTS_MAX; i++) {
        struct client *client = &server->clients[i];

        if (client->closing)
            continue;
        if (client->fd < 0)
            return client;
        if (client->token == 0 && client->answer == NULL &&
            (silent == NULL || client->seen < silent->seen))
            silent = client;
    }
    /* Its place is free when the loop comes round; the newcomer waits in the
     * backlog so long. */
    if (silent != NULL)
        client_drop(silent);
    return NULL;
}

static bool
place_comes(const struct socket_server *server)
{
    for (unsigned i = 0; i < SOCKET_CLIENTS_MAX; i++)
        if (server->clients[i].closing)
            return true;
    return false;
}

static void
client_add(struct socket_server *server, struct client *client, int fd)
{
    if (uv_poll_init(server->loop, &client->poll, fd) != 0) {
        (void)close(fd);
        return;
    }
    server->handles++;
    client->fd = fd;
    client->poll.data = client;
    client->token = 0;
    client->seen = ++server->last_seen;
    client_listen(client);
}

static void
server_ready(uv_poll_t *poll, int status, int events)
{
    struct socket_server *server = poll->data;
    struct client *place;
    int fd;

    (void)events;
    if (status < 0)
        return;
    place = place_find(server);
    if (place == NULL && place_comes(server))
        return;
    fd = accept4(server->fd, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
    if (fd < 0)
        return;
    if (place == NULL)
        (void)close(fd);
    else
        client_add(server, place, fd);
}

/* --- The file ----------------------------------------------------------- */

PRINTF_LIKE(3, 4)
static int
fail(char *message, size_t message_size, const char *format, ...)
{
    int number = errno;
    va_list list;

    va_start(list, format);
    (void)vsnprintf(message, message_size, format, list);
    va_end(list);
    return socket_error(number);
}

/* Removes the socket that a dead daemon left; ERR_EXISTS if it lives. */
static int
stale_remove(const char *path, const struct sockaddr_un *address,
             char *message, size_t message_size)
{
    struct stat status;
    int fd, number;

    if (lstat(path, &status) != 0)
        return errno == ENOENT ? 0
                               : fail(message, message_size, "%s: %s", path,
                                      strerror(errno));
    errno = EEXIST;
    if (!S_ISSOCK(status.st_mode))
        return fail(message, message_size, "%s: is there and no socket", path);
    fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (fd < 0)
        return fail(message, message_size, "socket: %s", strerror(errno));
    number =
        connect(fd, (const struct sockaddr *)address, sizeof(*address)) == 0
            ? 0
            : errno;
    (void)close(fd);
    errno = EEXIST;
    /* A full backlog (EAGAIN) is a sign of life too. */
    if (number != ECONNREFUSED)
        return fail(message, message_size, "%s: another daemon answers there",
                    path);
    if (unlink(path) != 0 && errno != ENOENT)
        return fail(message, message_size, "%s: %s", path, strerror(errno));
    return 0;
}

static int
file_make(struct socket_server *server, const struct sockaddr_un *address,
          char *message, size_t message_size)
{
    struct stat status;
    int error = stale_remove(server->path, address, message, message_size);

    if (error != 0)
        return error;
    /* Never, not for a moment, more open than FILE_MODE. */
    if (fchmod(server->fd, FILE_MODE) != 0 ||
        bind(server->fd, (const struct sockaddr *)address, sizeof(*address)) !=
            0)
        return fail(message, message_size, "%s: %s", server->path,
                    strerror(errno));
    if (chmod(server->path, FILE_MODE) != 0 ||
        lstat(server->path, &status) != 0 ||
        listen(server->fd, BACKLOG) != 0) {
        error = fail(message, message_size, "%s: %s", server->path,
                     strerror(errno));
        (void)unlink(server->path);
        return error;
    }
    server->device = status.st_dev;
    server->inode = status.st_ino;
    return 0;
}

static int
folder_open(const char *path)
{
    const char *slash = strrchr(path, '/');
    char *parent;
    int fd;

    if (slash == NULL)
        return open(".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    parent = strndup(path, slash == path ? 1 : (size_t)(slash - path));
    if (parent == NULL)
        return -1;
    fd = open(parent, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    free(parent);
    return fd;
}

/* Two daemons that start at once look one after the other: the folder is
 * locked meanwhile. */
static int
listener_make(struct socket_server *server, char *message, size_t message_size)
{
    struct sockaddr_un address;
    int error, folder, lock;

    error = socket_address(server->path, &address, &folder);
    if (error != 0) {
        (void)snprintf(message, message_size, "%s: %s", server->path,
                       err_text(error));
        return error;
    }
    lock = folder_open(server->path);
    if (lock < 0 || flock(lock, LOCK_EX) != 0)
        error = fail(message, message_size, "folder of %s: %s", server->path,
                     strerror(errno));
    else
        error = file_make(server, &address, message, message_size);
    if (lock >= 0)
        (void)close(lock);
    if (folder >= 0)
        (void)close(folder);
    return error;
}

static void
file_remove(const struct socket_server *server)
{
    struct stat status;

    if (lstat(server->path, &status) == 0 && status.st_dev == server->device &&
        status.st_ino == server->inode)
        (void)unlink(server->path);
}

/* --- Life --------------------------------------------------------------- */

static int
handles_start(struct socket_server *server, char *message, size_t message_size)
{
    int error = uv_timer_init(server->loop, &server->timer);

    CHECK(error == 0); /* cannot fail */
    server->timer.data = server;
    server->handles = 1;
    error = uv_poll_init(server->loop, &server->poll, server->fd);
    if (error == 0) {
        server->poll.data = server;
        server->handles++;
        error = uv_poll_start(&server->poll, UV_READABLE, server_ready);
    }
    if (error == 0)
        return 0;
    (void)snprintf(message, message_size, "%s: %s", server->path,
                   uv_strerror(error));
    return ERR_IO;
}

int
socket_server_open(const struct socket_server_options *options,
                   struct socket_server **out, char *message,
                   size_t message_size)
{
    struct socket_server *server = calloc(1, sizeof(*server));
    int error = ERR_NOMEM;

    if (server == NULL || (server->path = strdup(options->path)) == NULL) {
        (void)snprintf(message, message_size, "%s", err_text(error));
        free(server);
        return error;
    }
    server->loop = options->loop;
    server->request = options->request;
    server->arg = options->arg;
    for (unsigned i = 0; i < SOCKET_CLIENTS_MAX; i++) {
        server->clients[i].server = server;
        server->clients[i].fd = -1;
    }
    server->fd =
        socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (server->fd < 0)
        error = fail(message, message_size, "socket: %s", strerror(errno));
    else
        error = listener_make(server, message, message_size);
    if (error != 0) {
        if (server->fd >= 0)
            (void)close(server->fd);
        free(server->path);
        free(server);
        return error;
    }
    error = handles_start(server, message, message_size);
    if (error != 0)
        socket_server_close(server);
    else
        *out = server;
    return error;
}

static void
server_gone(uv_handle_t *handle)
{
    handle_gone(handle->data);
}

void
socket_server_close(struct socket_server *server)
{
    if (server == NULL || server->closing)
        return;
    server->closing = true;
    file_remove(server);
    for (unsigned i = 0; i < SOCKET_CLIENTS_MAX; i++)
        if (server->clients[i].fd >= 0)
            client_drop(&server->clients[i]);
    if (server->poll.data != NULL)
        uv_close((uv_handle_t *)&server->poll, server_gone);
    uv_close((uv_handle_t *)&server->timer, server_gone);
    (void)close(server->fd);
    server->fd = -1;
}

unsigned
socket_server_clients(const struct socket_server *server)
{
    unsigned count = 0;

    for (unsigned i = 0; i < SOCKET_CLIENTS_MAX; i++)
        count += server->clients[i].fd >= 0;
    return count;
}
