/* SPDX-License-Identifier: Apache-2.0
 *
 * Both sides of enrolment over libuv.
 */
#include "reference-nos/linux/secure/enroll.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "reference-nos/base/check.h"
#include "reference-nos/linux/secure/enroll_priv.h"
#include "reference-nos/linux/secure/link_priv.h"

#define TICK_MS 25u

#define LOOK_TICKS 40u /* a second: is the interface still the same? */

struct port {
    const char *interface;
    struct link link;
    bool open;
};

/* One side's interfaces in the loop; polled at each tick, for ports with so
 * little traffic. */
struct side {
    uv_timer_t timer;
    uint16_t number;
    struct port ports[PLANE_COUNT];
    const struct port *from; /* of the datagram in hand; NULL: none */
    unsigned ticks;
    struct link_batch batch;
    void (*input)(void *arg, uint64_t now_ns, const struct peer_address *from,
                  const void *bytes, size_t size);
    void (*tick)(void *arg, uint64_t now_ns);
    void (*closed)(void *arg);
    void *arg;
};

struct enroll_server {
    struct side side;
    struct enroll_desk *desk;
};

struct enroll_client {
    struct side side;
    struct enroll_guest *guest;
};

/* An answer leaves where the datagram in hand came from; what is said
 * unasked, on all planes: only one has the neighbour 'to'. */
static void
on_transmit(void *arg, const struct peer_address *to, const void *bytes,
            size_t size)
{
    const struct side *side = arg;

    for (unsigned i = 0; i < PLANE_COUNT; i++) {
        const struct port *port = &side->ports[i];

        if (port->open && (side->from == NULL || side->from == port))
            (void)link_send(&port->link, side->number, to, LANE_CONTROL, bytes,
                            size);
    }
}

static void
port_close(struct port *port)
{
    if (port->open) {
        close(port->link.unicast);
        close(port->link.group);
    }
    port->open = false;
}

static void
receive(struct side *side, const struct port *port, int fd, uint64_t now_ns)
{
    unsigned count = link_receive(fd, &side->batch);

    side->from = port;
    for (unsigned i = 0; i < count; i++)
        if (side->batch.size[i] > 0)
            side->input(side->arg, now_ns, &side->batch.from[i],
                        side->batch.bytes[i], side->batch.size[i]);
    side->from = NULL;
}

static void
port_tick(struct side *side, struct port *port, uint64_t now_ns)
{
    if (port->interface == NULL)
        return;
    if (port->open && side->ticks % LOOK_TICKS == 0 &&
        link_stale(&port->link, port->interface))
        port_close(port);
    if (!port->open)
        port->open = link_open(port->interface, side->number, &port->link,
                               (struct message){NULL, 0}) == 0;
    if (port->open)
        receive(side, port, port->link.unicast, now_ns);
    if (port->open) /* done() may have closed it */
        receive(side, port, port->link.group, now_ns);
}

static void
on_tick(uv_timer_t *timer)
{
    struct side *side = timer->data;
    uint64_t now_ns = uv_hrtime();

    side->ticks++;
    for (unsigned i = 0; i < PLANE_COUNT; i++)
        if (!uv_is_closing((uv_handle_t *)timer))
            port_tick(side, &side->ports[i], now_ns);
    if (!uv_is_closing((uv_handle_t *)timer))
        side->tick(side->arg, now_ns);
}

static void
on_timer_closed(uv_handle_t *handle)
{
    struct side *side = handle->data;

    side->closed(side->arg);
}

static int
ports_open(struct side *side, struct message message)
{
    for (unsigned i = 0; i < PLANE_COUNT; i++) {
        struct port *port = &side->ports[i];
        int error;

        if (port->interface == NULL)
            continue;
        error = link_open(port->interface, side->number, &port->link, message);
        if (error != 0 && error != ERR_BUSY)
            return error;
        port->open = error == 0;
    }
    return 0;
}

static void
ports_close(struct side *side)
{
    for (unsigned i = 0; i < PLANE_COUNT; i++)
        port_close(&side->ports[i]);
}

static int
side_open(struct side *side, uv_loop_t *loop,
          const char *const interfaces[PLANE_COUNT], uint16_t number,
          struct message message)
{
    int error;

    side->number = number == 0 ? ENROLL_PORT_DEFAULT : number;
    for (unsigned i = 0; i < PLANE_COUNT; i++)
        side->ports[i].interface = interfaces[i];
    error = ports_open(side, message);
    if (error != 0) {
        ports_close(side);
        return error;
    }
    side->timer.data = side;
    CHECK(uv_timer_init(loop, &side->timer) == 0);
    CHECK(uv_timer_start(&side->timer, on_tick, 0, TICK_MS) == 0);
    return 0;
}

static void
side_close(struct side *side)
{
    ports_close(side);
    uv_close((uv_handle_t *)&side->timer, on_timer_closed);
}

static void
server_input(void *arg, uint64_t now_ns, const struct peer_address *from,
             const void *bytes, size_t size)
{
    enroll_desk_input(((struct enroll_server *)arg)->desk, now_ns, from, bytes,
                      size);
}

static void
server_tick(void *arg, uint64_t now_ns)
{
    enroll_desk_tick(((struct enroll_server *)arg)->desk, now_ns);
}

int
enroll_server_open(const struct enroll_server_options *options,
                   struct enroll_server **out, char *message,
                   size_t message_size)
{
    struct message where = {message, message_size};
    struct enroll_server *server = calloc(1, sizeof(*server));
    int error;

    if (server == NULL)
        return message_fail(where, ERR_NOMEM, "no memory for enrolment");
    server->side.input = server_input;
    server->side.tick = server_tick;
    server->side.closed = free;
    server->side.arg = server;
    error = enroll_desk_create(options, on_transmit, &server->side,
                               uv_hrtime(), &server->desk, where);
    if (error == 0)
        error = side_open(&server->side, options->loop, options->interfaces,
                          options->port, where);
    if (error != 0) {
        enroll_desk_destroy(server->desk);
        free(server);
        return error;
    }
    *out = server;
    return 0;
}

void
enroll_server_close(struct enroll_server *server)
{
    if (server == NULL)
        return;
    enroll_desk_destroy(server->desk);
    side_close(&server->side);
}

unsigned
enroll_pending(const struct enroll_server *server, struct enroll_pending *out,
               unsigned capacity)
{
    return enroll_desk_pending(server->desk, uv_hrtime(), out, capacity);
}

int
enroll_approve(struct enroll_server *server, const char *serial,
               const uint64_t *key, char *message, size_t message_size)
{
    return enroll_desk_approve(server->desk, serial, key,
                               (struct message){message, message_size});
}

int
enroll_refuse(struct enroll_server *server, const char *serial,
              const uint64_t *key, char *message, size_t message_size)
{
    return enroll_desk_refuse(server->desk, serial, key,
                              (struct message){message, message_size});
}

static void
client_input(void *arg, uint64_t now_ns, const struct peer_address *from,
             const void *bytes, size_t size)
{
    enroll_guest_input(((struct enroll_client *)arg)->guest, now_ns, from,
                       bytes, size);
}

static void
client_tick(void *arg, uint64_t now_ns)
{
    enroll_guest_tick(((struct enroll_client *)arg)->guest, now_ns);
}

/* Not before: done() may have been called from inside the guest. */
static void
client_closed(void *arg)
{
    struct enroll_client *client = arg;

    enroll_guest_destroy(client->guest);
    free(client);
}

int
enroll_client_open(const struct enroll_client_options *options,
                   struct enroll_client **out, char *message,
                   size_t message_size)
{
    struct message where = {message, message_size};
    struct enroll_client *client = calloc(1, sizeof(*client));
    int error;

    if (client == NULL)
        return message_fail(where, ERR_NOMEM, "no memory for enrolment");
    client->side.input = client_input;
    client->side.tick = client_tick;
    client->side.closed = client_closed;
    client->side.arg = client;
    error = enroll_guest_create(options, on_transmit, &client->side,
                                &client->guest, where);
    if (error == 0)
        error = side_open(&client->side, options->loop, options->interfaces,
                          options->port, where);
    if (error != 0) {
        enroll_guest_destroy(client->guest);
        free(client);
        return error;
    }
    *out = client;
    return 0;
}

void
enroll_client_close(struct enroll_client *client)
{
    if (client != NULL)
        side_close(&client->side);
}
