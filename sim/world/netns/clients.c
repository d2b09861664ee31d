/* SPDX-License-Identifier: Apache-2.0
 *
 * An operator at the socket of every box: one connection per request that is
 * under way, kept for the next one.
 */
#define _GNU_SOURCE

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "reference-nos/linux/socket/socket.h"
#include "sim/world/netns/netns_priv.h"

#define ANSWER_MAX (1024u * 1024u)
#define QUERY_WAIT_MS 500

void
netns_socket_path(const struct netns_box *box, char path[NETNS_PATH_MAX])
{
    (void)snprintf(path, NETNS_PATH_MAX, "%s/%u.sock", box->netns->rack.dir,
                   box->index);
}

static void
client_close(struct netns_client *client)
{
    if (client->fd >= 0)
        (void)close(client->fd);
    free(client->answer);
    *client = (struct netns_client){.fd = -1};
}

void
clients_close(struct netns_box *box)
{
    for (unsigned i = 0; i < NETNS_CLIENTS_MAX; i++)
        client_close(&box->clients[i]);
}

/* An idle one, else an unused place, else that of the oldest question, whose
 * answer nobody will wait for any more. */
static struct netns_client *
client_choose(struct netns_box *box)
{
    struct netns_client *unused = NULL, *oldest = &box->clients[0];

    for (unsigned i = 0; i < NETNS_CLIENTS_MAX; i++) {
        struct netns_client *client = &box->clients[i];

        if (client->fd >= 0 && !client->busy)
            return client;
        if (client->fd < 0 && unused == NULL)
            unused = client;
        if (client->asked_order < oldest->asked_order)
            oldest = client;
    }
    if (unused != NULL)
        return unused;
    client_close(oldest);
    return oldest;
}

static int
client_connect(struct netns_box *box, struct netns_client *client)
{
    char path[NETNS_PATH_MAX];
    struct epoll_event event = {.events = EPOLLIN};
    int err;

    netns_socket_path(box, path);
    err = socket_connect(path, &client->fd);
    if (err != 0) {
        client->fd = -1;
        return err;
    }
    (void)fcntl(client->fd, F_SETFL, O_NONBLOCK);
    (void)fcntl(client->fd, F_SETFD, FD_CLOEXEC);
    event.data.u64 = ((uint64_t)box->index << 16) | 0x100u |
                     (uint64_t)(client - box->clients);
    return epoll_ctl(box->netns->epoll_fd, EPOLL_CTL_ADD, client->fd,
                     &event) == 0
               ? 0
               : ERR_IO;
}

int
clients_ask(struct netns_box *box, uint64_t token, const void *bytes,
            size_t size)
{
    struct netns_client *client = client_choose(box);
    int err = 0;

    if (client->fd < 0)
        err = client_connect(box, client);
    if (err == 0)
        err = socket_ask(client->fd, SOCKET_OPERATOR, bytes, size);
    if (err != 0) {
        client_close(client);
        return ERR_UNREACHABLE;
    }
    client->busy = true;
    client->token = token;
    client->asked_order = ++box->netns->asked;
    return 0;
}

static void
answer_done(struct netns_box *box, struct netns_client *client)
{
    struct netns_item item = {
        .at_ns = netns_now_ns(),
        .box = box->index,
        .u.seen = {.kind = OBSERVE_REPLY,
                   .a = client->token,
                   .size = client->size},
        .bytes = client->answer,
    };

    queue_push(box->netns, &item);
    client->answer = NULL;
    client->size = 0;
    client->busy = false;
}

/* One packet: kind, more, bytes.  False: the connection is over. */
static bool
packet_take(struct netns_box *box, struct netns_client *client,
            const uint8_t *packet, size_t size)
{
    if (size < 2 || packet[0] != SOCKET_OPERATOR || !client->busy ||
        client->size + size > ANSWER_MAX)
        return false;
    client->answer = realloc(client->answer, client->size + size);
    CHECK(client->answer != NULL);
    memcpy(client->answer + client->size, packet + 2, size - 2);
    client->size += size - 2;
    if (packet[1] == 0)
        answer_done(box, client);
    return true;
}

void
clients_read(struct netns_box *box, unsigned index)
{
    static uint8_t packet[SOCKET_PACKET_MAX + 2];
    struct netns_client *client = &box->clients[index];

    while (client->fd >= 0) {
        ssize_t size = recv(client->fd, packet, sizeof(packet), MSG_DONTWAIT);

        if (size < 0 && (errno == EAGAIN || errno == EINTR))
            return;
        if (size <= 0 || !packet_take(box, client, packet, (size_t)size))
            client_close(client);
    }
}

/* The whole answer, malloc'd. */
static int
whole_answer(struct netns_box *box, const char *words, char **answer)
{
    char path[NETNS_PATH_MAX];
    enum socket_kind kind;
    uint8_t *bytes = NULL;
    size_t size;
    int fd;
    int err;

    netns_socket_path(box, path);
    err = socket_connect(path, &fd);
    if (err != 0)
        return ERR_UNREACHABLE;
    err = socket_ask(fd, SOCKET_QUERY, words, strlen(words));
    if (err == 0)
        err = socket_answer(fd, QUERY_WAIT_MS, &kind, &bytes, &size);
    (void)close(fd);
    *answer = (char *)bytes;
    return err;
}

int
clients_query(struct netns_box *box, const char *words)
{
    char *answer = NULL;
    int err = whole_answer(box, words, &answer);

    if (err == 0 && strncmp(answer, "{\"error\"", 8) == 0)
        err = strstr(answer, "unknown") != NULL ? ERR_UNSUPPORTED : ERR_NOENT;
    free(answer);
    return err;
}

int
netns_ask(struct world *world, unsigned box, const char *words, char **answer)
{
    struct netns *netns = netns_of(world);

    CHECK(box < netns->box_count);
    if (netns->boxes[box].pid == 0)
        return ERR_UNREACHABLE;
    return whole_answer(&netns->boxes[box], words, answer);
}
