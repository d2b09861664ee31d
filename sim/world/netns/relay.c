/* SPDX-License-Identifier: Apache-2.0
 *
 * Delays frames where the kernel has no netem: a process that copies what
 * arrives at each of two interfaces to the other one, later.
 */
#define _GNU_SOURCE

#include <arpa/inet.h>
#include <errno.h>
#include <linux/if_ether.h>
#include <linux/if_packet.h>
#include <net/if.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "sim/world/netns/net_priv.h"

#define FRAMES_MAX 2048u /* on their way in one direction */
#define FRAME_BYTES 2048u

struct frame {
    uint64_t due_ns;
    size_t size;
    uint8_t bytes[FRAME_BYTES];
};

/* One direction: a ring of frames, due in the order they came. */
struct way {
    int from, to;
    unsigned first, count;
    struct frame frames[FRAMES_MAX];
};

static uint64_t
now_ns(void)
{
    struct timespec now;

    (void)clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
}

static int
open_on(const char *name)
{
    struct sockaddr_ll address = {
        .sll_family = AF_PACKET,
        .sll_protocol = htons(ETH_P_ALL),
        .sll_ifindex = (int)if_nametoindex(name),
    };
    int one = 1;
    int fd = socket(AF_PACKET, SOCK_RAW | SOCK_NONBLOCK, 0);

    if (fd < 0 || address.sll_ifindex == 0 ||
        setsockopt(fd, SOL_PACKET, PACKET_IGNORE_OUTGOING, &one,
                   sizeof(one)) != 0 ||
        bind(fd, (struct sockaddr *)&address, sizeof(address)) != 0)
        _exit(1);
    return fd;
}

/* What does not fit is lost, as in any queue. */
static void
take(struct way *way, uint64_t delay_ns)
{
    while (way->count < FRAMES_MAX) {
        struct frame *frame =
            &way->frames[(way->first + way->count) % FRAMES_MAX];
        ssize_t size = recv(way->from, frame->bytes, FRAME_BYTES, 0);

        if (size <= 0)
            return;
        frame->size = (size_t)size;
        frame->due_ns = now_ns() + delay_ns;
        way->count++;
    }
}

static uint64_t
give(struct way *way)
{
    while (way->count > 0) {
        struct frame *frame = &way->frames[way->first];

        if (frame->due_ns > now_ns())
            return frame->due_ns;
        (void)!send(way->to, frame->bytes, frame->size, 0);
        way->first = (way->first + 1) % FRAMES_MAX;
        way->count--;
    }
    return UINT64_MAX;
}

NO_RETURN void
relay_main(const char *first, const char *second, uint64_t delay_ns)
{
    static struct way ways[2];

    (void)close_range(3, ~0u, 0);
    ways[0].from = ways[1].to = open_on(first);
    ways[0].to = ways[1].from = open_on(second);
    for (;;) {
        struct pollfd polls[2] = {{.fd = ways[0].from, .events = POLLIN},
                                  {.fd = ways[1].from, .events = POLLIN}};
        uint64_t due_ns = UINT64_MAX;
        struct timespec wait;

        for (unsigned i = 0; i < 2; i++) {
            uint64_t next_ns = give(&ways[i]);

            due_ns = next_ns < due_ns ? next_ns : due_ns;
        }
        if (due_ns != UINT64_MAX) {
            uint64_t now = now_ns();
            uint64_t left = due_ns > now ? due_ns - now : 0;

            wait.tv_sec = (time_t)(left / 1000000000u);
            wait.tv_nsec = (long)(left % 1000000000u);
        }
        if (ppoll(polls, 2, due_ns == UINT64_MAX ? NULL : &wait, NULL) < 0 &&
            errno != EINTR)
            _exit(1);
        for (unsigned i = 0; i < 2; i++)
            take(&ways[i], delay_ns);
    }
}
