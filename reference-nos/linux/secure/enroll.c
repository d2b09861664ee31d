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

/* One interface in the loop; polled at each tick, for a port with so little
 * traffic. */
struct port {
    uv_timer_t timer;
    char interface[64];
    uint16_t number;
    struct link link;
    bool open;
    struct link_batch batch;
    void (*input)(void *arg, uint64_t now_ns, const struct peer_address *from,
                  const void *bytes, size_t size);
    void (*tick)(void *arg, uint64_t now_ns);
    void (*closed)(void *arg);
    void *arg;
};

struct enroll_server {
    struct port port;
    struct enroll_desk *desk;
};

struct enroll_client {
    struct port port;
    struct enroll_guest *guest;
};

static void
on_transmit(void *arg, const struct peer_address *to, const void *bytes,
            size_t size)
{
    const struct port *port = arg;

    if (port->open)
        (void)link_send(&port->link, port->number, to, LANE_CONTROL, bytes,
                        size);
}

static void
receive(struct port *port, int fd, uint64_t now_ns)
{
    unsigned count = link_receive(fd, &port->batch);

    for (unsigned i = 0; i < count; i++)
        if (port->batch.size[i] > 0)
            port->input(port->arg, now_ns, &port->batch.from[i],
                        port->batch.bytes[i], port->batch.size[i]);
}

static void
on_tick(uv_timer_t *timer)
{
    struct port *port = timer->data;
    uint64_t now_ns = uv_hrtime();

    if (!port->open)
        port->open = link_open(port->interface, port->number, &port->link,
                               (struct message){NULL, 0}) == 0;
    if (port->open) {
        receive(port, port->link.unicast, now_ns);
        if (port->open) /* done() may have closed it */
            receive(port, port->link.group, now_ns);
    }
    port->tick(port->arg, now_ns);
}

static void
on_timer_closed(uv_handle_t *handle)
{
    struct port *port = handle->data;

    port->closed(port->arg);
}

static int
port_open(struct port *port, uv_loop_t *loop, const char *interface,
          uint16_t number, struct message message)
{
    int error;

    port->number = number == 0 ? ENROLL_PORT_DEFAULT : number;
    if (strlen(interface) >= sizeof(port->interface))
        return message_fail(message, ERR_RANGE, "%s: no such interface",
                            interface);
    strcpy(port->interface, interface);
    error = link_open(interface, port->number, &port->link, message);
    if (error != 0 && error != ERR_BUSY)
        return error;
    port->open = error == 0;
    port->timer.data = port;
    CHECK(uv_timer_init(loop, &port->timer) == 0);
    CHECK(uv_timer_start(&port->timer, on_tick, 0, TICK_MS) == 0);
    return 0;
}

static void
port_close(struct port *port)
{
    if (port->open) {
        close(port->link.unicast);
        close(port->link.group);
    }
    port->open = false;
    uv_close((uv_handle_t *)&port->timer, on_timer_closed);
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
    server->port.input = server_input;
    server->port.tick = server_tick;
    server->port.closed = free;
    server->port.arg = server;
    error = enroll_desk_create(options, on_transmit, &server->port,
                               uv_hrtime(), &server->desk, where);
    if (error == 0)
        error = port_open(&server->port, options->loop, options->interface,
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
    port_close(&server->port);
}

unsigned
enroll_pending(const struct enroll_server *server, struct enroll_pending *out,
               unsigned capacity)
{
    return enroll_desk_pending(server->desk, uv_hrtime(), out, capacity);
}

int
enroll_approve(struct enroll_server *server, const char *serial, uint64_t key,
               char *message, size_t message_size)
{
    return enroll_desk_approve(server->desk, serial, key,
                               (struct message){message, message_size});
}

int
enroll_refuse(struct enroll_server *server, const char *serial, uint64_t key)
{
    return enroll_desk_refuse(server->desk, serial, key);
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
    client->port.input = client_input;
    client->port.tick = client_tick;
    client->port.closed = client_closed;
    client->port.arg = client;
    error = enroll_guest_create(options, on_transmit, &client->port,
                                &client->guest, where);
    if (error == 0)
        error = port_open(&client->port, options->loop, options->interface,
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
        port_close(&client->port);
}
