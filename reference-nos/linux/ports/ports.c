/* SPDX-License-Identifier: Apache-2.0
 *
 * Packet sockets, one for each port for as long as the ports are open; table
 * writes; life.
 */
#include "reference-nos/linux/ports/ports.h"

#include <arpa/inet.h>
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <sys/socket.h>

#include <linux/if_ether.h>
#include <linux/if_packet.h>

#include "reference-nos/base/check.h"
#include "reference-nos/linux/ports/ports_priv.h"

#define SIZE_BYTES 2u
#define FRAME_BYTES (SIZE_BYTES + PLAT_PACKET_MAX)
#define READ_BUDGET 32u /* packets of a port in one turn of the loop */
#define SOCKET_BUFFER_BYTES (256 * 1024)

/* ---- packets ---- */

int
port_bind(struct port *port, int ifindex)
{
    struct sockaddr_ll address = {.sll_family = AF_PACKET,
                                  .sll_protocol = htons(PORTS_ETHERTYPE),
                                  .sll_ifindex = ifindex};

    if (bind(port->fd, (struct sockaddr *)&address, sizeof(address)) != 0)
        return ERR_NOENT;
    return 0;
}

/* The size of the packet inside, or 0 for a frame that holds none. */
static size_t
frame_check(const uint8_t *frame, size_t size)
{
    size_t inner;

    if (size < SIZE_BYTES)
        return 0;
    inner = (size_t)frame[0] << 8 | frame[1];
    if (inner > PLAT_PACKET_MAX || inner > size - SIZE_BYTES)
        return 0;
    return inner;
}

static void
frame_take(struct port *port, const uint8_t *frame, size_t size,
           const struct sockaddr_ll *from)
{
    struct ports *ports = port->ports;
    size_t inner;

    if (from->sll_pkttype == PACKET_OUTGOING)
        return;
    /* The packet may have overtaken the news of its light. */
    if (!port->up)
        links_read(ports);
    if (ports->closing)
        return;
    inner = frame_check(frame, size);
    if (!port->up || from->sll_ifindex != port->ifindex || inner == 0) {
        ports->counts.receive_dropped++;
        return;
    }
    ports->counts.received++;
    ports->options.packet(ports->options.arg, port->index, frame + SIZE_BYTES,
                          inner);
}

static void
port_read(struct port *port)
{
    uint8_t frame[FRAME_BYTES];

    for (unsigned i = 0; i < READ_BUDGET && !port->ports->closing; i++) {
        struct sockaddr_ll from = {.sll_ifindex = 0};
        socklen_t from_size = sizeof(from);
        ssize_t size = recvfrom(port->fd, frame, sizeof(frame), MSG_DONTWAIT,
                                (struct sockaddr *)&from, &from_size);

        if (size < 0)
            return;
        frame_take(port, frame, (size_t)size, &from);
    }
}

static void
port_ready(uv_poll_t *poll, int status, int events)
{
    struct port *port = poll->data;
    int code;
    socklen_t size = sizeof(code);

    (void)events;
    if (status >= 0) {
        port_read(port);
        return;
    }
    /* The interface went down or away: the error is taken off the socket,
     * and libuv, which stopped watching, watches on. */
    (void)getsockopt(port->fd, SOL_SOCKET, SO_ERROR, &code, &size);
    CHECK(uv_poll_start(poll, UV_READABLE, port_ready) == 0);
}

void
ports_packet_send(struct ports *ports, unsigned port, const void *bytes,
                  size_t size)
{
    struct sockaddr_ll to = {.sll_family = AF_PACKET,
                             .sll_protocol = htons(PORTS_ETHERTYPE),
                             .sll_halen = ETH_ALEN,
                             .sll_addr = {255, 255, 255, 255, 255, 255}};
    uint8_t frame[FRAME_BYTES];
    const struct port *from;

    CHECK(size <= PLAT_PACKET_MAX);
    if (port >= ports->port_count)
        return;
    from = &ports->ports[port];
    to.sll_ifindex = from->ifindex;
    frame[0] = (uint8_t)(size >> 8);
    frame[1] = (uint8_t)size;
    if (size > 0)
        memcpy(frame + SIZE_BYTES, bytes, size);
    if (from->up && sendto(from->fd, frame, SIZE_BYTES + size, MSG_DONTWAIT,
                           (struct sockaddr *)&to, sizeof(to)) >= 0)
        ports->counts.sent++;
    else
        ports->counts.send_dropped++;
}

int
ports_link_up(struct ports *ports, unsigned port, bool *up)
{
    if (port >= ports->port_count)
        return ERR_NOENT;
    *up = ports->ports[port].up;
    return 0;
}

void
ports_counts_get(const struct ports *ports, struct ports_counts *counts)
{
    *counts = ports->counts;
}

/* ---- tables ---- */

/* Each takes effect by itself; the first error. */
static int
routes_write(struct ports *ports, const struct table_write *write)
{
    int first = 0;

    for (size_t i = 0; i < write->count; i++) {
        int error = write->kind == WRITE_GROUPS
                        ? fwd_table_group(ports->routes, &write->u.groups[i])
                        : fwd_table_route(ports->routes, &write->u.routes[i]);

        if (first == 0)
            first = error;
    }
    return first;
}

static void
write_complete(struct ports *ports)
{
    struct table_write *write = ports->first;
    struct fwd_change done = {.kind = FWD_ROUTES_DONE, .token = write->token};

    ports->first = write->next;
    if (ports->first == NULL)
        ports->last = &ports->first;
    ports->write_count--;
    if (write->kind == WRITE_ENTRIES) {
        done.kind = FWD_DONE;
        tables_set(&ports->tables, write->u.entries, write->count);
        if (ports->options.written != NULL)
            ports->options.written(ports->options.arg, write->u.entries,
                                   write->count);
    } else {
        done.status = routes_write(ports, write);
    }
    if (!ports->closing)
        ports->options.changed(ports->options.arg, &done);
    free(write);
}

/* What is written from inside waits for the next turn. */
static void
completions_fire(uv_idle_t *idle)
{
    struct ports *ports = idle->data;

    for (unsigned left = ports->write_count; left > 0 && !ports->closing;
         left--)
        write_complete(ports);
    if (!ports->closing && ports->write_count == 0)
        CHECK(uv_idle_stop(idle) == 0);
}

/* 'size' bytes of what was checked wait for their turn. */
static int
write_queue(struct ports *ports, enum write_kind kind, const void *bytes,
            size_t size, size_t count, uint64_t token)
{
    struct table_write *write;

    if (ports->write_count == PORTS_WRITES_MAX)
        return ERR_BUSY;
    write = malloc(sizeof(*write) + size);
    if (write == NULL)
        return ERR_NOMEM;
    write->next = NULL;
    write->kind = kind;
    write->token = token;
    write->count = count;
    if (size > 0)
        memcpy(&write->u, bytes, size);
    *ports->last = write;
    ports->last = &write->next;
    ports->write_count++;
    CHECK(uv_idle_start(&ports->completions, completions_fire) == 0);
    return 0;
}

int
ports_bulk_set(struct ports *ports, const struct fwd_entry *entries,
               size_t count, uint64_t token)
{
    if (count > PORTS_WRITE_ENTRIES_MAX ||
        tables_check(&ports->tables, entries, count) != 0)
        return ERR_RANGE;
    return write_queue(ports, WRITE_ENTRIES, entries, count * sizeof(*entries),
                       count, token);
}

int
ports_groups_set(struct ports *ports, const struct fwd_group *groups,
                 size_t count, uint64_t token)
{
    int error = fwd_groups_check(groups, count);

    if (error != 0)
        return error;
    return write_queue(ports, WRITE_GROUPS, groups, count * sizeof(*groups),
                       count, token);
}

int
ports_routes_set(struct ports *ports, const struct fwd_route *routes,
                 size_t count, uint64_t token)
{
    int error = fwd_routes_check(routes, count);

    if (error != 0)
        return error;
    return write_queue(ports, WRITE_ROUTES, routes, count * sizeof(*routes),
                       count, token);
}

size_t
ports_groups_dump(const struct ports *ports, uint32_t after,
                  struct fwd_group *groups, size_t room)
{
    return fwd_table_groups_dump(ports->routes, after, groups, room);
}

size_t
ports_routes_dump(const struct ports *ports, const struct fwd_prefix *after,
                  struct fwd_route *routes, size_t room)
{
    return fwd_table_routes_dump(ports->routes, after, routes, room);
}

int
ports_dump(struct ports *ports, struct fwd_entry *entries, size_t room,
           size_t *count)
{
    *count = tables_dump(&ports->tables, entries, room);
    return 0;
}

/* ---- life ---- */

PRINTF_LIKE(4, 5)
static int
fail(int error, char *message, size_t message_size, const char *format, ...)
{
    va_list args;

    va_start(args, format);
    vsnprintf(message, message_size, format, args);
    va_end(args);
    return error;
}

static int
options_check(const struct ports_options *options, char *message,
              size_t message_size)
{
    size_t length =
        options->prefix != NULL ? strlen(options->prefix) : SIZE_MAX;

    if (options->front > PORTS_FRONT_MAX)
        return fail(ERR_RANGE, message, message_size,
                    "%u front ports: at most %u", options->front,
                    PORTS_FRONT_MAX);
    if (options->prefix == NULL)
        return 0;
    if (options->count > FWD_FABRIC_PORTS_MAX)
        return fail(ERR_RANGE, message, message_size,
                    "%u fabric ports: at most %d", options->count,
                    FWD_FABRIC_PORTS_MAX);
    /* Two digits and the end follow. */
    if (length == 0 || length > IFNAMSIZ - 3)
        return fail(ERR_RANGE, message, message_size,
                    "fabric prefix \"%s\": 1 to %d characters",
                    options->prefix, IFNAMSIZ - 3);
    return 0;
}

static int
port_open(struct ports *ports, struct port *port, char *message,
          size_t message_size)
{
    int bytes = SOCKET_BUFFER_BYTES;

    /* Protocol 0: nothing arrives before bind() names the interface. */
    port->fd = socket(AF_PACKET, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (port->fd < 0)
        return fail(errno == EPERM ? ERR_PERMISSION : ERR_IO, message,
                    message_size, "packet socket: %s", strerror(errno));
    (void)setsockopt(port->fd, SOL_SOCKET, SO_RCVBUF, &bytes, sizeof(bytes));
    (void)setsockopt(port->fd, SOL_SOCKET, SO_SNDBUF, &bytes, sizeof(bytes));
    if (uv_poll_init(ports->options.loop, &port->poll, port->fd) != 0)
        return fail(ERR_IO, message, message_size, "packet socket: %s",
                    "it cannot be watched");
    port->poll.data = port;
    ports->handles++;
    CHECK(uv_poll_start(&port->poll, UV_READABLE, port_ready) == 0);
    return 0;
}

static int
fabric_open(struct ports *ports, char *message, size_t message_size)
{
    unsigned wanted = ports->options.count;
    int error;

    snprintf(ports->prefix, sizeof(ports->prefix), "%s",
             ports->options.prefix);
    for (unsigned i = 0; i < wanted; i++) {
        struct port *port = &ports->ports[i];

        port->ports = ports;
        port->index = (uint16_t)i;
        port->fd = -1;
        ports->port_count++;
        error = port_open(ports, port, message, message_size);
        if (error != 0)
            return error;
    }
    error = links_open(ports);
    if (error == 0)
        error = links_watch(ports);
    if (error != 0)
        return fail(error, message, message_size, "links by rtnetlink: %s",
                    err_text(error));
    return 0;
}

static void
handle_closed(uv_handle_t *handle)
{
    struct ports *ports = handle->data;
    struct table_write *write;

    if (--ports->handles > 0)
        return;
    while ((write = ports->first) != NULL) {
        ports->first = write->next;
        free(write);
    }
    mem_destroy(ports->mem);
    free(ports);
}

static void
port_closed(uv_handle_t *handle)
{
    struct port *port = handle->data;

    handle->data = port->ports;
    handle_closed(handle);
}

void
ports_close(struct ports *ports)
{
    if (ports == NULL || ports->closing)
        return;
    ports->closing = true;
    for (unsigned i = 0; i < ports->port_count; i++) {
        struct port *port = &ports->ports[i];

        if (port->poll.data != NULL)
            uv_close((uv_handle_t *)&port->poll, port_closed);
        if (port->fd >= 0)
            close(port->fd);
    }
    if (ports->netlink.data != NULL)
        uv_close((uv_handle_t *)&ports->netlink, handle_closed);
    if (ports->netlink_fd >= 0)
        close(ports->netlink_fd);
    uv_close((uv_handle_t *)&ports->again, handle_closed);
    uv_close((uv_handle_t *)&ports->completions, handle_closed);
}

static void
handles_open(struct ports *ports)
{
    uv_loop_t *loop = ports->options.loop;

    CHECK(uv_timer_init(loop, &ports->again) == 0);
    CHECK(uv_idle_init(loop, &ports->completions) == 0);
    ports->again.data = ports;
    ports->completions.data = ports;
    ports->handles = 2;
}

static void *
chunk_take(void *arg, size_t size)
{
    (void)arg;
    return malloc(size);
}

static void
chunk_give(void *arg, void *chunk, size_t size)
{
    (void)arg, (void)size;
    free(chunk);
}

static int
routes_open(struct ports *ports)
{
    static const struct mem_source source = {chunk_take, chunk_give, NULL};

    ports->mem = mem_create(&source, MEM_NO_LIMIT);
    if (ports->mem == NULL)
        return ERR_NOMEM;
    return fwd_table_create(ports->mem, PORTS_GROUPS_MAX, PORTS_ROUTES_MAX,
                            &ports->routes);
}

int
ports_open(const struct ports_options *options, struct ports **out,
           char *message, size_t message_size)
{
    int error = options_check(options, message, message_size);
    struct ports *ports;

    CHECK(options->loop != NULL && options->changed != NULL);
    if (error != 0)
        return error;
    ports = calloc(1, sizeof(*ports));
    if (ports == NULL)
        return fail(ERR_NOMEM, message, message_size, "fabric ports: %s",
                    err_text(ERR_NOMEM));
    ports->options = *options;
    ports->netlink_fd = -1;
    ports->last = &ports->first;
    ports->tables.front =
        options->front != 0 ? options->front : PORTS_FRONT_MAX;
    handles_open(ports);
    error = routes_open(ports);
    if (error != 0)
        (void)fail(error, message, message_size, "forwarding tables: %s",
                   err_text(error));
    if (error == 0 && options->prefix != NULL && options->count > 0) {
        CHECK(options->packet != NULL);
        error = fabric_open(ports, message, message_size);
    }
    if (error != 0) {
        ports_close(ports);
        return error;
    }
    ports->told = true;
    *out = ports;
    return 0;
}
