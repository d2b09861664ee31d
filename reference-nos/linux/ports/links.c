/* SPDX-License-Identifier: Apache-2.0
 *
 * Which interfaces there are and which have light, as rtnetlink tells.
 *
 * A dump is asked for at the start and whenever the kernel had to drop news
 * (ENOBUFS); news and dump come in one order, so that a port that a whole
 * dump did not name is gone.
 */
#include "reference-nos/linux/ports/ports_priv.h"

#include <errno.h>
#include <poll.h>
#include <string.h>
#include <unistd.h>

#include <sys/socket.h>

#include <linux/netlink.h>
#include <linux/rtnetlink.h>

#include "reference-nos/base/check.h"

#define NEWS_BYTES 32768u /* the kernel's largest piece of a dump */
#define READ_BUDGET 32u   /* messages in one turn of the loop */
#define START_WAIT_MS 2000
#define START_READS_MAX 4096u
#define AGAIN_MS 100u

static void
port_light(struct port *port, bool up)
{
    struct ports *ports = port->ports;
    struct fwd_change change = {
        .kind = FWD_LINK, .port = port->index, .up = up};

    if (port->up == up)
        return;
    port->up = up;
    if (ports->told && !ports->closing)
        ports->options.changed(ports->options.arg, &change);
}

static void
port_lose(struct port *port)
{
    port->ifindex = 0;
    port_light(port, false);
}

/* The port that is named "<prefix><number>", or NULL. */
static struct port *
port_named(struct ports *ports, const char *name)
{
    size_t length = strlen(ports->prefix);
    unsigned number = 0;
    const char *digit = name + length;

    if (strncmp(name, ports->prefix, length) != 0 || *digit == '\0' ||
        (digit[0] == '0' && digit[1] != '\0'))
        return NULL;
    for (; *digit != '\0'; digit++) {
        if (*digit < '0' || *digit > '9' || number >= FWD_FABRIC_PORTS_MAX)
            return NULL;
        number = number * 10 + (unsigned)(*digit - '0');
    }
    return number < ports->port_count ? &ports->ports[number] : NULL;
}

/* Every port that had the interface, 'except' one, has it no longer. */
static void
interface_leave(struct ports *ports, int ifindex, const struct port *except)
{
    for (unsigned i = 0; i < ports->port_count && !ports->closing; i++) {
        struct port *port = &ports->ports[i];

        if (port->ifindex == ifindex && port != except)
            port_lose(port);
    }
}

static void
interface_present(struct ports *ports, const struct link_news *news)
{
    struct port *port = port_named(ports, news->name);

    interface_leave(ports, news->ifindex, port);
    if (port == NULL || ports->closing)
        return;
    port->seen = true;
    if (port->ifindex != news->ifindex) {
        port_lose(port);
        if (ports->closing || port_bind(port, news->ifindex) != 0)
            return;
        port->ifindex = news->ifindex;
    }
    port_light(port, news->up);
}

static void
dump_end(struct ports *ports)
{
    ports->dumping = false;
    /* A torn dump is no proof that something is gone; another follows. */
    if (ports->dump_wanted)
        return;
    for (unsigned i = 0; i < ports->port_count && !ports->closing; i++) {
        if (!ports->ports[i].seen && ports->ports[i].ifindex != 0)
            port_lose(&ports->ports[i]);
    }
}

static bool
news_told(void *arg, const struct link_news *news)
{
    struct ports *ports = arg;

    switch (news->kind) {
    case LINK_NEWS_PRESENT: interface_present(ports, news); break;
    case LINK_NEWS_GONE: interface_leave(ports, news->ifindex, NULL); break;
    case LINK_NEWS_DUMP_END: dump_end(ports); break;
    case LINK_NEWS_DUMP_FAILED:
        ports->dumping = false;
        ports->dump_wanted = true;
        break;
    case LINK_NEWS_DUMP_TORN: ports->dump_wanted = true; break;
    case LINK_NEWS_KIND_COUNT: break;
    }
    return !ports->closing;
}

static int
dump_ask(struct ports *ports)
{
    struct {
        struct nlmsghdr header;
        struct ifinfomsg info;
    } ask = {.header = {.nlmsg_len = sizeof(ask),
                        .nlmsg_type = RTM_GETLINK,
                        .nlmsg_flags = NLM_F_REQUEST | NLM_F_DUMP,
                        .nlmsg_seq = ++ports->sequence},
             .info = {.ifi_family = AF_UNSPEC}};
    struct sockaddr_nl kernel = {.nl_family = AF_NETLINK};

    for (unsigned i = 0; i < ports->port_count; i++)
        ports->ports[i].seen = false;
    if (sendto(ports->netlink_fd, &ask, sizeof(ask), MSG_DONTWAIT,
               (struct sockaddr *)&kernel,
               sizeof(kernel)) != (ssize_t)sizeof(ask))
        return ERR_IO;
    ports->dumping = true;
    ports->dump_wanted = false;
    return 0;
}

/* One message.  ERR_BUSY when none waits. */
static int
news_read(struct ports *ports)
{
    _Alignas(struct nlmsghdr) uint8_t bytes[NEWS_BYTES];
    struct sockaddr_nl from = {.nl_pid = UINT32_MAX};
    socklen_t from_size = sizeof(from);
    ssize_t size = recvfrom(ports->netlink_fd, bytes, sizeof(bytes),
                            MSG_DONTWAIT | MSG_TRUNC, (struct sockaddr *)&from,
                            &from_size);

    if (size < 0 && (errno == EAGAIN || errno == EWOULDBLOCK))
        return ERR_BUSY;
    if (size < 0 && errno == EINTR)
        return 0;
    if (size < 0 || (size_t)size > sizeof(bytes)) {
        ports->dump_wanted = true;
        return size < 0 && errno != ENOBUFS ? ERR_IO : 0;
    }
    /* Any process may send to the socket; only the kernel is believed. */
    if (from_size == sizeof(from) && from.nl_pid == 0)
        link_news_parse(bytes, (size_t)size, ports->sequence, news_told,
                        ports);
    return 0;
}

static void
again_fire(uv_timer_t *timer)
{
    links_read(timer->data);
}

void
links_read(struct ports *ports)
{
    int error = 0;

    for (unsigned i = 0; i < READ_BUDGET && error == 0; i++) {
        error = news_read(ports);
        if (ports->closing)
            return;
    }
    if (error == 0 || !ports->dump_wanted)
        return;
    /* An answer to a question that failed does not come. */
    if (error == ERR_IO)
        ports->dumping = false;
    if (ports->dumping)
        return;
    ports->counts.resyncs++;
    if (dump_ask(ports) != 0)
        CHECK(uv_timer_start(&ports->again, again_fire, AGAIN_MS, 0) == 0);
}

/* Reads until the whole dump is there. */
static int
dump_wait(struct ports *ports)
{
    struct pollfd fd = {.fd = ports->netlink_fd, .events = POLLIN};

    for (unsigned i = 0; i < START_READS_MAX; i++) {
        if (!ports->dumping && !ports->dump_wanted)
            return 0;
        if (!ports->dumping && dump_ask(ports) != 0)
            return ERR_IO;
        if (poll(&fd, 1, START_WAIT_MS) == 0)
            return ERR_TIMEOUT;
        if (news_read(ports) == ERR_IO)
            return ERR_IO;
    }
    return ERR_TIMEOUT;
}

int
links_open(struct ports *ports)
{
    struct sockaddr_nl address = {.nl_family = AF_NETLINK,
                                  .nl_groups = RTMGRP_LINK};

    ports->netlink_fd = socket(
        AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC | SOCK_NONBLOCK, NETLINK_ROUTE);
    if (ports->netlink_fd < 0 ||
        bind(ports->netlink_fd, (struct sockaddr *)&address,
             sizeof(address)) != 0)
        return ERR_IO;
    ports->dump_wanted = true;
    return dump_wait(ports);
}

static void
netlink_ready(uv_poll_t *poll, int status, int events)
{
    struct ports *ports = poll->data;

    (void)events;
    links_read(ports);
    /* libuv stops watching after an error such as ENOBUFS. */
    if (status < 0 && !ports->closing)
        CHECK(uv_poll_start(poll, UV_READABLE, netlink_ready) == 0);
}

int
links_watch(struct ports *ports)
{
    if (uv_poll_init(ports->options.loop, &ports->netlink,
                     ports->netlink_fd) != 0)
        return ERR_IO;
    ports->netlink.data = ports;
    ports->handles++;
    CHECK(uv_poll_start(&ports->netlink, UV_READABLE, netlink_ready) == 0);
    return 0;
}
