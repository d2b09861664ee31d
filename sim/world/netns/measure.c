/* SPDX-License-Identifier: Apache-2.0
 *
 * Frames of our own through the net, to see what it does to them.
 */
#define _GNU_SOURCE

#include <arpa/inet.h>
#include <linux/if_packet.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "sim/world/netns/net_priv.h"

#define PROBE_ETHERTYPE 0x88b6
#define PROBE_MAGIC 0x73697839u
#define QUIET_NS 5000000u /* a frame that takes longer is taken as dropped */
#define LOSS_FRAMES_MAX 6000u
#define DELAY_SLACK_NS 30000000u
#define PAIRS_MAX 64u
#define REACH_TRIES 400u

struct probe_frame {
    uint8_t to[6], from[6];
    uint16_t type;
    uint32_t magic;
    uint32_t number;
    uint64_t sent_ns;
    uint8_t rest[40]; /* to the smallest frame */
} __attribute__((packed));

static uint64_t
now_ns(void)
{
    struct timespec now;

    (void)clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
}

static void
mac_of(unsigned box, unsigned plane, uint8_t mac[6])
{
    const uint8_t address[6] = {
        0x02, 0x53, 0x39, (uint8_t)plane, (uint8_t)(box >> 8), (uint8_t)box};

    memcpy(mac, address, sizeof(address));
}

static void
receive(int fd, uint32_t magic, struct net_measure *out)
{
    struct probe_frame frame;
    struct sockaddr_ll from;
    socklen_t size = sizeof(from);

    while (recvfrom(fd, &frame, sizeof(frame), MSG_DONTWAIT,
                    (struct sockaddr *)&from, &size) > 0) {
        uint64_t delay_ns = now_ns() - frame.sent_ns;

        size = sizeof(from);
        if (from.sll_pkttype == PACKET_OTHERHOST || frame.magic != magic)
            continue;
        out->received++;
        if (delay_ns < out->delay_min_ns)
            out->delay_min_ns = delay_ns;
        if (delay_ns > out->delay_max_ns)
            out->delay_max_ns = delay_ns;
    }
}

/* Frames from socket to socket; 'frame' has the addresses. */
static void
measure(int send_fd, int receive_fd, struct probe_frame *frame, unsigned count,
        uint64_t wait_ns, struct net_measure *out)
{
    struct net_measure stale = {.delay_min_ns = UINT64_MAX};
    struct pollfd polled = {.fd = receive_fd, .events = POLLIN};
    uint64_t end_ns;

    *out = (struct net_measure){.sent = count, .delay_min_ns = UINT64_MAX};
    receive(receive_fd, 0, &stale);
    /* Frames of a measurement before do not count. */
    frame->type = htons(PROBE_ETHERTYPE);
    frame->magic = PROBE_MAGIC ^ (uint32_t)now_ns();
    for (unsigned i = 0; i < count; i++) {
        frame->number = i;
        frame->sent_ns = now_ns();
        (void)!send(send_fd, frame, sizeof(*frame), 0);
        if (i % 16 == 15)
            receive(receive_fd, frame->magic, out);
    }
    end_ns = now_ns() + wait_ns;
    for (;;) {
        uint64_t now = now_ns();
        struct timespec left;

        receive(receive_fd, frame->magic, out);
        if (out->received >= count || now >= end_ns)
            return;
        left.tv_sec = (time_t)((end_ns - now) / 1000000000u);
        left.tv_nsec = (long)((end_ns - now) % 1000000000u);
        (void)ppoll(&polled, 1, &left, NULL);
    }
}

void
net_measure(struct net *net, enum plane plane, unsigned from, unsigned to,
            unsigned count, uint64_t wait_ns, struct net_measure *out)
{
    struct probe_frame frame = {.type = 0};

    mac_of(to, plane, frame.to);
    mac_of(from, plane, frame.from);
    measure(net->boxes[from].legs[plane].probe,
            net->boxes[to].legs[plane].probe, &frame, count, wait_ns, out);
}

bool
net_reaches(struct net *net, enum plane plane, unsigned from, unsigned to)
{
    for (unsigned i = 0; i < REACH_TRIES; i++) {
        struct net_measure measure;

        net_measure(net, plane, from, to, 1, QUIET_NS, &measure);
        if (measure.received > 0)
            return true;
    }
    return false;
}

static bool
leg_whole(const struct net *net, enum plane plane, unsigned box)
{
    const struct net_leg *leg = &net->boxes[box].legs[plane];

    return leg->cabled && !leg->down && !leg->mute && !leg->deaf;
}

bool
net_measurable(const struct net *net, enum plane plane, unsigned from,
               unsigned to)
{
    return from != to && net->powered[plane] && leg_whole(net, plane, from) &&
           leg_whole(net, plane, to);
}

/* ---- one leg ---- */

/* Another box whose own leg adds nothing, with a free way both ways. */
static unsigned
witness_find(const struct net *net, enum plane plane, unsigned box)
{
    for (unsigned i = 0; i < net->count; i++) {
        const struct net_leg *leg = &net->boxes[i].legs[plane];

        if (i != box && leg_whole(net, plane, i) && leg->loss_ppm == 0 &&
            leg->delay_ns == 0 &&
            net->blocks[plane][i * net->count + box] == 0 &&
            net->blocks[plane][box * net->count + i] == 0)
            return i;
    }
    return net->count;
}

/* Within six standard deviations of a binomial, and three frames. */
static bool
loss_fits(const struct net_measure *measure, uint32_t loss_ppm)
{
    uint64_t lost = measure->sent - measure->received;
    uint64_t expected_ppm = (uint64_t)measure->sent * loss_ppm;
    uint64_t expected = expected_ppm / 1000000;
    uint64_t variance =
        expected_ppm / 1000 * (1000000 - loss_ppm) / 1000000 / 1000 + 1;
    uint64_t apart = lost > expected ? lost - expected : expected - lost;

    return apart <= 3 || (apart - 3) * (apart - 3) <= 36 * variance;
}

static bool
delay_fits(const struct net_measure *measure, uint64_t delay_ns)
{
    return measure->received > 0 &&
           measure->delay_min_ns >= delay_ns - delay_ns / 20 &&
           measure->delay_min_ns <= delay_ns + delay_ns / 5 + DELAY_SLACK_NS;
}

static int
way_verify(struct net *net, enum plane plane, unsigned from, unsigned to,
           const struct net_leg *leg, bool closed)
{
    uint64_t wait_ns = leg->delay_ns + leg->delay_ns / 2 + QUIET_NS;
    unsigned count = leg->loss_ppm > 0 ? LOSS_FRAMES_MAX : 8;
    struct net_measure measure;
    bool fits;

    if (!closed && leg->loss_ppm == 0)
        wait_ns += 4 * DELAY_SLACK_NS;
    net_measure(net, plane, from, to, count, wait_ns, &measure);
    if (closed)
        fits = measure.received == 0;
    else
        fits = loss_fits(&measure, leg->loss_ppm) &&
               (measure.received == 0 || delay_fits(&measure, leg->delay_ns));
    if (fits)
        return 0;
    (void)snprintf(net->why, sizeof(net->why),
                   "measured from %s to %s: %u of %u frames, %llu us",
                   net->plan->boxes[from].name, net->plan->boxes[to].name,
                   measure.received, measure.sent,
                   measure.received > 0
                       ? (unsigned long long)measure.delay_min_ns / 1000
                       : 0);
    return ERR_UNSUPPORTED;
}

int
net_leg_verify(struct net *net, unsigned box, enum plane plane)
{
    const struct net_leg *leg = &net->boxes[box].legs[plane];
    unsigned witness = witness_find(net, plane, box);
    int err;

    if (witness == net->count || !leg->cabled || !net->powered[plane])
        return 0;
    err = way_verify(net, plane, box, witness, leg, leg->down || leg->mute);
    if (err == 0)
        err =
            way_verify(net, plane, witness, box, leg, leg->down || leg->deaf);
    return err;
}

/* ---- partitions ---- */

int
net_blocks_verify(struct net *net, const struct box_set *from,
                  const struct box_set *to, enum plane plane)
{
    unsigned pairs = 0;

    for (unsigned i = 0; i < net->count; i++) {
        for (unsigned j = 0; j < net->count && pairs < PAIRS_MAX; j++) {
            struct net_measure measure;
            bool closed = net->blocks[plane][i * net->count + j] > 0;

            if (!box_set_has(from, i) || !box_set_has(to, j) ||
                !net_measurable(net, plane, i, j) ||
                net->boxes[i].legs[plane].loss_ppm > 0 ||
                net->boxes[j].legs[plane].loss_ppm > 0 ||
                net->boxes[i].legs[plane].delay_ns > 0 ||
                net->boxes[j].legs[plane].delay_ns > 0)
                continue;
            pairs++;
            net_measure(net, plane, i, j, 2,
                        closed ? QUIET_NS / 10 : DELAY_SLACK_NS, &measure);
            if ((measure.received == 0) == closed)
                continue;
            (void)snprintf(net->why, sizeof(net->why),
                           "measured from %s to %s: %u of %u frames",
                           net->plan->boxes[i].name, net->plan->boxes[j].name,
                           measure.received, measure.sent);
            return ERR_UNSUPPORTED;
        }
    }
    return 0;
}

/* ---- planes and fabric links ---- */

int
net_plane_verify(struct net *net, enum plane plane)
{
    struct net_measure measure;

    for (unsigned i = 0; i < net->count; i++) {
        unsigned other = witness_find(net, plane, i);

        if (!leg_whole(net, plane, i) || other == net->count ||
            net->boxes[i].legs[plane].loss_ppm > 0 ||
            net->boxes[i].legs[plane].delay_ns > 0)
            continue;
        if (net->powered[plane] && net_reaches(net, plane, i, other))
            return 0;
        net_measure(net, plane, i, other, 2, QUIET_NS, &measure);
        if (!net->powered[plane] && measure.received == 0)
            return 0;
        (void)snprintf(net->why, sizeof(net->why),
                       "plane %c: measured %u of %u frames", 'a' + (int)plane,
                       measure.received, measure.sent);
        return ERR_UNSUPPORTED;
    }
    return 0;
}

static int
port_socket(struct net *net, unsigned box, unsigned port, int *fd)
{
    struct sockaddr_ll address = {
        .sll_family = AF_PACKET,
        .sll_protocol = htons(PROBE_ETHERTYPE),
    };
    char name[16];
    int err =
        rack_socket(net->rack, net->boxes[box].ns, AF_PACKET,
                    SOCK_RAW | SOCK_NONBLOCK, htons(PROBE_ETHERTYPE), fd);

    if (err != 0)
        return err;
    (void)snprintf(name, sizeof(name), "fab%u", port);
    address.sll_ifindex = (int)interface_index(net->boxes[box].control, name);
    return bind(*fd, (struct sockaddr *)&address, sizeof(address)) == 0
               ? 0
               : ERR_IO;
}

int
net_fabric_verify(struct net *net, unsigned from, unsigned from_port,
                  unsigned to, unsigned to_port)
{
    uint32_t loss_ppm = net->boxes[to].fabric_loss[to_port];
    struct probe_frame frame = {.to = {0xff, 0xff, 0xff, 0xff, 0xff, 0xff}};
    unsigned count = loss_ppm > 0 ? LOSS_FRAMES_MAX : 8;
    int send_fd = -1, receive_fd = -1;
    struct net_measure found;
    int err;

    if (!net->boxes[from].cabled || !net->boxes[to].cabled ||
        net->boxes[from].fabric_down[from_port])
        return 0;
    err = port_socket(net, from, from_port, &send_fd);
    if (err == 0)
        err = port_socket(net, to, to_port, &receive_fd);
    if (err == 0) {
        measure(send_fd, receive_fd, &frame, count, QUIET_NS, &found);
        if (!loss_fits(&found, loss_ppm)) {
            (void)snprintf(net->why, sizeof(net->why),
                           "fabric link: measured %u of %u frames",
                           found.received, found.sent);
            err = ERR_UNSUPPORTED;
        }
    }
    if (send_fd >= 0)
        (void)close(send_fd);
    if (receive_fd >= 0)
        (void)close(receive_fd);
    return err;
}
