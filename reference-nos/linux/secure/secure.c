/* SPDX-License-Identifier: Apache-2.0
 *
 * The planes over libuv: sockets, one timer, the revocation list.
 */
#include "reference-nos/linux/secure/secure.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "reference-nos/base/check.h"
#include "reference-nos/linux/secure/link_priv.h"
#include "reference-nos/linux/secure/peering_priv.h"

/* Batches read from one socket before the loop goes on. */
#define BATCHES_MAX 8u
#define OPEN_RETRY_NS (20 * NS_PER_MS)
#define OPEN_COMPLAIN_NS (2 * NS_PER_S)
/* A certificate that ends within so many days, and a tenth of its life, is
 * spoken of once a day. */
#define EXPIRY_DAYS 30
#define EXPIRY_NS (24 * 3600 * NS_PER_S)
#define LOOK_NS NS_PER_S /* at the interfaces and the revocation list */

struct edge; /* one plane */

/* A socket in the loop; outlives its plane until libuv let it go. */
struct poller {
    uv_poll_t poll;
    int fd;
    struct edge *edge;
};

struct edge {
    struct secure *secure;
    enum plane plane;
    char interface[64]; /* empty: plane not used */
    struct peering *peering;
    struct link link;
    bool open;
    uint64_t retry_ns;
    uint64_t complain_ns;
    struct poller *pollers[2];
};

struct secure {
    struct secure_options options;
    struct dtls_context *dtls;
    struct log_limit limit;
    struct secure_counters counters;
    struct edge edges[PLANE_COUNT];
    struct link_batch batch;
    uv_timer_t timer;
    uint64_t look_ns;
    uint64_t expiry_ns; /* look at our certificate's end again */
    bool closing;
    unsigned handles; /* that libuv still holds */
};

static void
release(struct secure *secure)
{
    if (!secure->closing || secure->handles > 0)
        return;
    dtls_context_destroy(secure->dtls);
    free(secure);
}

static bool
on_transmit(void *arg, enum plane plane, const struct peer_address *to,
            enum lane lane, const void *bytes, size_t size)
{
    struct secure *secure = arg;
    const struct edge *edge = &secure->edges[plane];

    return edge->open &&
           link_send(&edge->link, secure->options.port, to, lane, bytes, size);
}

static void rearm(struct secure *secure);

static void
receive(struct edge *edge, int fd)
{
    struct secure *secure = edge->secure;
    struct link_batch *batch = &secure->batch;

    for (unsigned round = 0; round < BATCHES_MAX; round++) {
        unsigned count = link_receive(fd, batch);
        uint64_t now_ns = uv_hrtime();

        for (unsigned i = 0; i < count; i++) {
            if (batch->size[i] == 0)
                secure->counters.malformed++;
            else
                peering_input(edge->peering, now_ns, &batch->from[i],
                              batch->bytes[i], batch->size[i]);
        }
        if (count < LINK_BATCH)
            break;
    }
}

static void
on_readable(uv_poll_t *poll, int status, int events)
{
    struct poller *poller = poll->data;

    (void)events;
    if (status != 0 || poller->edge == NULL)
        return;
    receive(poller->edge, poller->fd);
    rearm(poller->edge->secure);
}

static void
on_poller_closed(uv_handle_t *handle)
{
    struct poller *poller = handle->data;

    close(poller->fd);
    free(poller);
}

static void
poller_close(struct poller *poller)
{
    if (poller == NULL)
        return;
    poller->edge = NULL;
    uv_close((uv_handle_t *)&poller->poll, on_poller_closed);
}

/* Takes 'fd', also on failure. */
static struct poller *
poller_open(struct edge *edge, int fd)
{
    struct poller *poller = calloc(1, sizeof(*poller));

    if (poller == NULL ||
        uv_poll_init(edge->secure->options.loop, &poller->poll, fd) != 0) {
        close(fd);
        free(poller);
        return NULL;
    }
    poller->fd = fd;
    poller->edge = edge;
    poller->poll.data = poller;
    if (uv_poll_start(&poller->poll, UV_READABLE, on_readable) != 0) {
        poller_close(poller);
        return NULL;
    }
    return poller;
}

static void
edge_shut(struct edge *edge)
{
    edge->open = false;
    for (unsigned i = 0; i < ARRAY_COUNT(edge->pollers); i++) {
        poller_close(edge->pollers[i]);
        edge->pollers[i] = NULL;
    }
}

static int
edge_open(struct edge *edge, struct message message)
{
    struct secure *secure = edge->secure;
    int error =
        link_open(edge->interface, secure->options.port, &edge->link, message);

    if (error != 0)
        return error;
    edge->pollers[0] = poller_open(edge, edge->link.unicast);
    edge->pollers[1] = poller_open(edge, edge->link.group);
    if (edge->pollers[0] == NULL || edge->pollers[1] == NULL) {
        edge_shut(edge);
        return message_fail(message, ERR_NOMEM, "%s: cannot watch its socket",
                            edge->interface);
    }
    edge->open = true;
    peering_start(edge->peering, uv_hrtime(), &edge->link.own);
    return 0;
}

/* The interface may come up, get its address or be made again later. */
static void
edge_retry(struct edge *edge, uint64_t now_ns)
{
    struct secure *secure = edge->secure;
    char text[160];

    if (edge->open || now_ns < edge->retry_ns)
        return;
    edge->retry_ns = now_ns + OPEN_RETRY_NS;
    if (edge_open(edge, (struct message){text, sizeof(text)}) == 0) {
        edge->complain_ns = now_ns + OPEN_COMPLAIN_NS;
        return;
    }
    if (now_ns < edge->complain_ns)
        return;
    edge->retry_ns = now_ns + 10 * OPEN_RETRY_NS;
    log_limited(&secure->limit, now_ns, 20 + edge->plane, SEVERITY_WARNING,
                "plane %c: waits: %s", edge->plane == PLANE_A ? 'A' : 'B',
                text);
}

static void
look_at_revocations(struct secure *secure, uint64_t now_ns)
{
    char text[CERT_PATH_MAX + 64];
    bool changed;
    int error = dtls_context_reload(secure->dtls, &changed,
                                    (struct message){text, sizeof(text)});

    if (error != 0)
        log_limited(&secure->limit, now_ns, 22, SEVERITY_ERROR,
                    "the revocation list before stays in force: %s", text);
    if (!changed)
        return;
    log_limited(&secure->limit, now_ns, 24, SEVERITY_NOTICE,
                "the revocation list is read: it names %u certificate%s",
                dtls_context_revocations(secure->dtls),
                dtls_context_revocations(secure->dtls) == 1 ? "" : "s");
    for (unsigned plane = 0; plane < PLANE_COUNT; plane++)
        if (secure->edges[plane].peering != NULL)
            peering_revoke(secure->edges[plane].peering, now_ns);
}

static void
look_at_expiry(struct secure *secure, uint64_t now_ns)
{
    int left, life;

    if (now_ns < secure->expiry_ns)
        return;
    identity_days(secure->options.identity, &left, &life);
    secure->expiry_ns = now_ns + EXPIRY_NS;
    if (left < 0)
        log_limited(&secure->limit, now_ns, 23, SEVERITY_ERROR,
                    "this box's certificate has expired: what is associated "
                    "stays, nothing new comes; is the clock right?");
    else if (left < EXPIRY_DAYS && left < life / 10)
        log_limited(&secure->limit, now_ns, 23, SEVERITY_WARNING,
                    "this box's certificate expires in %d days", left);
}

static void
look(struct secure *secure, uint64_t now_ns)
{
    if (now_ns < secure->look_ns)
        return;
    secure->look_ns = now_ns + LOOK_NS;
    dtls_context_rotate(secure->dtls, now_ns);
    look_at_revocations(secure, now_ns);
    look_at_expiry(secure, now_ns);
    for (unsigned plane = 0; plane < PLANE_COUNT; plane++) {
        struct edge *edge = &secure->edges[plane];

        if (edge->open && link_stale(&edge->link, edge->interface)) {
            edge_shut(edge);
            edge->retry_ns = now_ns;
        }
    }
}

static void
on_timer(uv_timer_t *timer)
{
    struct secure *secure = timer->data;
    uint64_t now_ns = uv_hrtime();

    look(secure, now_ns);
    for (unsigned plane = 0; plane < PLANE_COUNT; plane++) {
        struct edge *edge = &secure->edges[plane];

        if (edge->peering == NULL)
            continue;
        edge_retry(edge, now_ns);
        peering_tick(edge->peering, now_ns);
    }
    rearm(secure);
}

static void
rearm(struct secure *secure)
{
    uint64_t now_ns = uv_hrtime();
    uint64_t deadline_ns = secure->look_ns;

    for (unsigned plane = 0; plane < PLANE_COUNT; plane++) {
        const struct edge *edge = &secure->edges[plane];
        uint64_t due_ns;

        if (edge->peering == NULL)
            continue;
        due_ns = peering_deadline_ns(edge->peering, now_ns);
        if (!edge->open && edge->retry_ns < due_ns)
            due_ns = edge->retry_ns;
        if (due_ns < deadline_ns)
            deadline_ns = due_ns;
    }
    uv_update_time(secure->options.loop);
    CHECK(uv_timer_start(&secure->timer, on_timer,
                         deadline_ns <= now_ns
                             ? 0
                             : (deadline_ns - now_ns) / NS_PER_MS + 1,
                         0) == 0);
}

static int
edge_create(struct secure *secure, enum plane plane, struct message message)
{
    struct edge *edge = &secure->edges[plane];
    const char *interface = secure->options.interfaces[plane];
    struct peering_options options = {.dtls = secure->dtls,
                                      .identity = secure->options.identity,
                                      .plane = plane,
                                      .incarnation =
                                          secure->options.incarnation,
                                      .limit = &secure->limit,
                                      .counters = &secure->counters,
                                      .transmit = on_transmit,
                                      .datagram = secure->options.datagram,
                                      .refused = secure->options.refused,
                                      .transmit_arg = secure,
                                      .datagram_arg = secure->options.arg};
    int error;

    edge->secure = secure;
    edge->plane = plane;
    if (interface == NULL)
        return 0;
    if (strlen(interface) >= sizeof(edge->interface))
        return message_fail(message, ERR_RANGE, "%s: no such interface",
                            interface);
    strcpy(edge->interface, interface);
    error = peering_create(&options, uv_hrtime(), &edge->peering);
    if (error != 0)
        return message_fail(message, error, "no memory for a plane");
    error = edge_open(edge, message);
    edge->complain_ns = uv_hrtime() + OPEN_COMPLAIN_NS;
    return error == ERR_BUSY ? 0 : error;
}

int
secure_open(const struct secure_options *options, struct secure **out,
            char *message, size_t message_size)
{
    struct message where = {message, message_size};
    struct secure *secure;
    int error;

    if (options->interfaces[PLANE_A] == NULL &&
        options->interfaces[PLANE_B] == NULL)
        return message_fail(where, ERR_INVALID,
                            "no interface for any management plane");
    secure = calloc(1, sizeof(*secure));
    if (secure == NULL)
        return message_fail(where, ERR_NOMEM, "no memory for the planes");
    secure->options = *options;
    if (options->port == 0)
        secure->options.port = SECURE_PORT_DEFAULT;
    log_limit_init(&secure->limit, options->log, options->arg);
    CHECK(uv_timer_init(options->loop, &secure->timer) == 0);
    secure->timer.data = secure;
    secure->handles = 1;
    secure->look_ns = uv_hrtime() + LOOK_NS;
    error = dtls_context_create(options->identity, uv_hrtime(), &secure->dtls,
                                where);
    for (unsigned plane = 0; error == 0 && plane < PLANE_COUNT; plane++)
        error = edge_create(secure, (enum plane)plane, where);
    if (error != 0) {
        secure_close(secure);
        return error;
    }
    rearm(secure);
    *out = secure;
    return 0;
}

static void
on_timer_closed(uv_handle_t *handle)
{
    struct secure *secure = handle->data;

    secure->handles--;
    release(secure);
}

void
secure_close(struct secure *secure)
{
    if (secure == NULL)
        return;
    CHECK(!secure->closing);
    secure->closing = true;
    for (unsigned plane = 0; plane < PLANE_COUNT; plane++) {
        peering_destroy(secure->edges[plane].peering);
        secure->edges[plane].peering = NULL;
        edge_shut(&secure->edges[plane]);
    }
    uv_close((uv_handle_t *)&secure->timer, on_timer_closed);
}

void
secure_send(struct secure *secure, enum plane plane, uint64_t to,
            enum lane lane, const void *bytes, size_t size)
{
    CHECK((unsigned)plane < PLANE_COUNT);
    if (secure->edges[plane].peering == NULL)
        secure->counters.unsent++;
    else
        peering_send(secure->edges[plane].peering, uv_hrtime(), to, lane,
                     bytes, size);
}

void
secure_counters(const struct secure *secure, struct secure_counters *out)
{
    *out = secure->counters;
}

unsigned
secure_peer_count(const struct secure *secure, enum plane plane)
{
    const struct peering *peering = secure->edges[plane].peering;

    return peering == NULL ? 0 : peering_count(peering);
}
