/* SPDX-License-Identifier: Apache-2.0 */
#define _GNU_SOURCE
#include "reference-nos/linux/socket/socket_priv.h"

#include <errno.h>
#include <poll.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define HEADER_BYTES 2u

int
socket_connect(const char *path, int *fd)
{
    struct sockaddr_un address;
    int folder, opened, error;

    error = socket_address(path, &address, &folder);
    if (error != 0)
        return error;
    opened = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);
    if (opened < 0)
        error = socket_error(errno);
    else if (connect(opened, (const struct sockaddr *)&address,
                     sizeof(address)) != 0)
        error = socket_error(errno);
    if (folder >= 0)
        (void)close(folder);
    if (error == 0)
        *fd = opened;
    else if (opened >= 0)
        (void)close(opened);
    return error;
}

int
socket_ask(int fd, enum socket_kind kind, const void *bytes, size_t size)
{
    uint8_t head = (uint8_t)kind;
    /* sendmsg() reads only; the cast is its interface's. */
    struct iovec parts[2] = {{&head, 1}, {NULL, size}};
    struct msghdr message = {.msg_iov = parts, .msg_iovlen = 2};
    ssize_t sent;

    if (size > SOCKET_PACKET_MAX - 1)
        return ERR_RANGE;
    memcpy(&parts[1].iov_base, &bytes, sizeof(bytes));
    do
        sent = sendmsg(fd, &message, MSG_NOSIGNAL);
    while (sent < 0 && errno == EINTR);
    return sent < 0 ? socket_error(errno) : 0;
}

static int64_t
now_ms(void)
{
    struct timespec now;

    (void)clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

/* Until something can be read; 'end_ms' -1: for ever. */
static int
wait_until(int fd, int64_t end_ms)
{
    struct pollfd item = {.fd = fd, .events = POLLIN};

    for (;;) {
        int64_t left_ms = end_ms < 0 ? -1 : end_ms - now_ms();
        int count;

        if (end_ms >= 0 && left_ms < 0)
            left_ms = 0;
        count = poll(&item, 1, (int)left_ms);
        if (count > 0)
            return 0;
        if (count == 0)
            return ERR_TIMEOUT;
        if (errno != EINTR)
            return socket_error(errno);
    }
}

/* An answer while its packets come in. */
struct whole {
    uint8_t kind;
    uint8_t *bytes;
    size_t size;
};

/* One packet; '*more' tells whether another follows. */
static int
packet_take(int fd, struct whole *whole, bool *more)
{
    uint8_t *grown = realloc(whole->bytes, whole->size + SOCKET_PACKET_MAX);
    ssize_t got;

    if (grown == NULL)
        return ERR_NOMEM;
    whole->bytes = grown;
    /* The two bytes of the head go over the end of what is there. */
    do
        got = recv(fd, grown + whole->size, SOCKET_PACKET_MAX, MSG_TRUNC);
    while (got < 0 && errno == EINTR);
    if (got < 0)
        return socket_error(errno);
    if (got == 0)
        return ERR_UNREACHABLE;
    if ((size_t)got > SOCKET_PACKET_MAX || (size_t)got < HEADER_BYTES)
        return ERR_MALFORMED;
    grown += whole->size;
    if (grown[1] > 1 || (whole->kind != 0 && grown[0] != whole->kind) ||
        (grown[0] != SOCKET_OPERATOR && grown[0] != SOCKET_QUERY))
        return ERR_MALFORMED;
    whole->kind = grown[0];
    *more = grown[1] != 0;
    memmove(grown, grown + HEADER_BYTES, (size_t)got - HEADER_BYTES);
    whole->size += (size_t)got - HEADER_BYTES;
    return whole->size > SOCKET_ANSWER_MAX ? ERR_FULL : 0;
}

int
socket_answer(int fd, int wait_ms, enum socket_kind *kind, uint8_t **bytes,
              size_t *size)
{
    int64_t end_ms = wait_ms < 0 ? -1 : now_ms() + wait_ms;
    struct whole whole = {0};
    bool more = true;
    int error = 0;

    while (error == 0 && more) {
        error = wait_until(fd, end_ms);
        if (error == 0)
            error = packet_take(fd, &whole, &more);
    }
    if (error != 0) {
        free(whole.bytes);
        return error;
    }
    whole.bytes[whole.size] = 0; /* there is room: the head's */
    *kind = (enum socket_kind)whole.kind;
    *bytes = whole.bytes;
    *size = whole.size;
    return 0;
}
