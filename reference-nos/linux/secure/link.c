/* SPDX-License-Identifier: Apache-2.0 */
#include "reference-nos/linux/secure/link_priv.h"

#include <arpa/inet.h>
#include <errno.h>
#include <ifaddrs.h>
#include <net/if.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "reference-nos/base/err.h"

#define SEND_BYTES (1024 * 1024)
#define RECEIVE_BYTES (4 * 1024 * 1024) /* rides out a flood's burst */
#define CONTROL_BYTES 64
#define HOP_LIMIT 255

/* Code points of the lanes (RFC 4594: network control, signalling,
 * high-throughput data; RFC 8622: lower effort). */
static const uint8_t lane_dscp[LANE_COUNT] = {48, 40, 10, 1};

/* The link-local address of 'interface'. */
static bool
find_address(const char *interface, struct sockaddr_in6 *out)
{
    struct ifaddrs *all;
    bool found = false;

    if (getifaddrs(&all) != 0)
        return false;
    for (struct ifaddrs *at = all; at != NULL && !found; at = at->ifa_next) {
        if (at->ifa_addr == NULL || at->ifa_addr->sa_family != AF_INET6 ||
            strcmp(at->ifa_name, interface) != 0)
            continue;
        memcpy(out, at->ifa_addr, sizeof(*out));
        found = IN6_IS_ADDR_LINKLOCAL(&out->sin6_addr);
    }
    freeifaddrs(all);
    return found;
}

static bool
set_number(int fd, int level, int option, int value)
{
    return setsockopt(fd, level, option, &value, sizeof(value)) == 0;
}

/* As large as allowed; the forced form needs a capability. */
static void
set_buffers(int fd)
{
    if (!set_number(fd, SOL_SOCKET, SO_RCVBUFFORCE, RECEIVE_BYTES))
        (void)set_number(fd, SOL_SOCKET, SO_RCVBUF, RECEIVE_BYTES);
    if (!set_number(fd, SOL_SOCKET, SO_SNDBUFFORCE, SEND_BYTES))
        (void)set_number(fd, SOL_SOCKET, SO_SNDBUF, SEND_BYTES);
}

static bool
set_options(int fd, const char *interface, unsigned index)
{
    set_buffers(fd);
    return setsockopt(fd, SOL_SOCKET, SO_BINDTODEVICE, interface,
                      (socklen_t)strlen(interface)) == 0 &&
           set_number(fd, IPPROTO_IPV6, IPV6_V6ONLY, 1) &&
           set_number(fd, IPPROTO_IPV6, IPV6_UNICAST_HOPS, HOP_LIMIT) &&
           set_number(fd, IPPROTO_IPV6, IPV6_MULTICAST_HOPS, HOP_LIMIT) &&
           set_number(fd, IPPROTO_IPV6, IPV6_MULTICAST_LOOP, 0) &&
           set_number(fd, IPPROTO_IPV6, IPV6_MULTICAST_IF, (int)index) &&
           set_number(fd, IPPROTO_IPV6, IPV6_RECVHOPLIMIT, 1);
}

static int
open_socket(const char *interface, const struct sockaddr_in6 *address)
{
    int fd = socket(AF_INET6, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    int number;

    if (fd < 0)
        return -1;
    if (set_options(fd, interface, address->sin6_scope_id) &&
        bind(fd, (const struct sockaddr *)address, sizeof(*address)) == 0)
        return fd;
    number = errno;
    close(fd);
    errno = number;
    return -1;
}

static bool
join(int fd, const struct in6_addr *group, unsigned index)
{
    struct ipv6_mreq request = {.ipv6mr_multiaddr = *group,
                                .ipv6mr_interface = index};

    return setsockopt(fd, IPPROTO_IPV6, IPV6_JOIN_GROUP, &request,
                      sizeof(request)) == 0;
}

static int
open_fail(const char *interface, const char *what, struct message message)
{
    int code = errno == EADDRNOTAVAIL || errno == ENETDOWN ? ERR_BUSY
               : errno == EPERM || errno == EACCES         ? ERR_PERMISSION
               : errno == EADDRINUSE                       ? ERR_EXISTS
               : errno == ENODEV                           ? ERR_NOENT
                                                           : ERR_IO;

    return message_fail(message, code, "%s: %s: %s", interface, what,
                        strerror(errno));
}

int
link_open(const char *interface, uint16_t port, struct link *out,
          struct message message)
{
    struct link link = {.index = if_nametoindex(interface)};
    struct sockaddr_in6 own, group = {.sin6_family = AF_INET6};
    int error;

    if (link.index == 0)
        return message_fail(message, ERR_NOENT, "%s: no such interface",
                            interface);
    if (!find_address(interface, &own))
        return message_fail(message, ERR_BUSY,
                            "%s: has no IPv6 link-local address", interface);
    own.sin6_port = htons(port);
    own.sin6_scope_id = link.index;
    memcpy(link.own.ip, &own.sin6_addr, sizeof(link.own.ip));
    link.own.port = port;
    link.unicast = open_socket(interface, &own);
    if (link.unicast < 0)
        return open_fail(interface, "its link-local address", message);
    inet_pton(AF_INET6, LINK_GROUP, &group.sin6_addr);
    group.sin6_port = htons(port);
    group.sin6_scope_id = link.index;
    link.group = open_socket(interface, &group);
    if (link.group < 0 || !join(link.group, &group.sin6_addr, link.index)) {
        error = open_fail(interface, "group " LINK_GROUP, message);
        if (link.group >= 0)
            close(link.group);
        close(link.unicast);
        return error;
    }
    *out = link;
    return 0;
}

bool
link_stale(const struct link *link, const char *interface)
{
    unsigned index = if_nametoindex(interface);
    struct sockaddr_in6 own;

    if (index == 0)
        return false;
    if (index != link->index)
        return true;
    return find_address(interface, &own) &&
           memcmp(&own.sin6_addr, link->own.ip, sizeof(link->own.ip)) != 0;
}

static bool
came_from_link(const struct msghdr *header, const struct sockaddr_in6 *from)
{
    struct msghdr copy = *header;
    int hops = 0;

    for (struct cmsghdr *item = CMSG_FIRSTHDR(&copy); item != NULL;
         item = CMSG_NXTHDR(&copy, item))
        if (item->cmsg_level == IPPROTO_IPV6 &&
            item->cmsg_type == IPV6_HOPLIMIT)
            memcpy(&hops, CMSG_DATA(item), sizeof(hops));
    return hops == HOP_LIMIT && from->sin6_family == AF_INET6 &&
           IN6_IS_ADDR_LINKLOCAL(&from->sin6_addr) &&
           (header->msg_flags & MSG_TRUNC) == 0;
}

unsigned
link_receive(int socket, struct link_batch *batch)
{
    struct mmsghdr headers[LINK_BATCH];
    struct iovec parts[LINK_BATCH];
    struct sockaddr_in6 from[LINK_BATCH];
    _Alignas(struct cmsghdr) uint8_t control[LINK_BATCH][CONTROL_BYTES];
    int got;

    memset(headers, 0, sizeof(headers));
    for (unsigned i = 0; i < LINK_BATCH; i++) {
        parts[i].iov_base = batch->bytes[i];
        parts[i].iov_len = LINK_DATAGRAM_MAX;
        headers[i].msg_hdr.msg_iov = &parts[i];
        headers[i].msg_hdr.msg_iovlen = 1;
        headers[i].msg_hdr.msg_name = &from[i];
        headers[i].msg_hdr.msg_namelen = sizeof(from[i]);
        headers[i].msg_hdr.msg_control = control[i];
        headers[i].msg_hdr.msg_controllen = CONTROL_BYTES;
    }
    got = recvmmsg(socket, headers, LINK_BATCH, MSG_DONTWAIT, NULL);
    for (int i = 0; i < got; i++) {
        memcpy(batch->from[i].ip, &from[i].sin6_addr, 16);
        batch->from[i].port = ntohs(from[i].sin6_port);
        batch->size[i] = came_from_link(&headers[i].msg_hdr, &from[i])
                             ? headers[i].msg_len
                             : 0;
    }
    return got < 0 ? 0 : (unsigned)got;
}

bool
link_send(const struct link *link, uint16_t port,
          const struct peer_address *to, enum lane lane, const void *bytes,
          size_t size)
{
    struct sockaddr_in6 address = {.sin6_family = AF_INET6,
                                   .sin6_port = htons(port),
                                   .sin6_scope_id = link->index};
    _Alignas(struct cmsghdr) uint8_t control[CMSG_SPACE(sizeof(int))] = {0};
    struct iovec part = {(void *)(uintptr_t)bytes, size};
    struct msghdr header = {.msg_name = &address,
                            .msg_namelen = sizeof(address),
                            .msg_iov = &part,
                            .msg_iovlen = 1,
                            .msg_control = control,
                            .msg_controllen = sizeof(control)};
    struct cmsghdr *item = CMSG_FIRSTHDR(&header);
    int class = lane_dscp[lane] << 2;

    if (to == NULL) {
        inet_pton(AF_INET6, LINK_GROUP, &address.sin6_addr);
    } else {
        memcpy(&address.sin6_addr, to->ip, sizeof(to->ip));
        address.sin6_port = htons(to->port);
    }
    item->cmsg_level = IPPROTO_IPV6;
    item->cmsg_type = IPV6_TCLASS;
    item->cmsg_len = CMSG_LEN(sizeof(class));
    memcpy(CMSG_DATA(item), &class, sizeof(class));
    return sendmsg(link->unicast, &header, MSG_DONTWAIT) == (ssize_t)size;
}
