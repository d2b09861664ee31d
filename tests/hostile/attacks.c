/* SPDX-License-Identifier: Apache-2.0 */
#define _GNU_SOURCE
#include "tests/hostile/attacks.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "reference-nos/linux/ports/ports.h"
#include "reference-nos/linux/socket/socket.h"

#define LISTEN_MS 10000u
#define SECOND_NS 1000000000u
#define PER_PACE 50u /* datagrams between looks at the clock */
#define RATE_LOW 5000u
#define RATE_HIGH 60000u
/* Addresses that a box is made to answer: each costs the kernels of all boxes
 * a place in their neighbour tables, which is not ours to test. */
#define ANSWERED_MAX 200u
#define CLIENTS 64u
#define OVERSIZE 9000u

bool
attacker_open(struct attacker *attacker, struct lab *lab, uint64_t seed)
{
    attacker->lab = lab;
    if (!tap_open(&attacker->tap, LAB_BRIDGE, seed))
        return false;
    for (unsigned ms = 0; ms < LISTEN_MS; ms += 500) {
        unsigned known = 0;

        tap_listen(&attacker->tap, 500);
        for (unsigned i = 0; i < LAB_BOXES; i++)
            known += tap_find(&attacker->tap, lab->boxes[i].key) != NULL;
        if (known == LAB_BOXES && attacker->tap.captured_count > 100)
            return true;
    }
    return false;
}

void
attacker_close(struct attacker *attacker)
{
    attack_half_open_end(attacker);
    tap_close(&attacker->tap);
}

/* ---- means ---- */

/* Calls 'one' at 'rate' per second, or as fast as it goes, for 'ms'. */
static void
pace(struct attacker *attacker, unsigned rate, unsigned ms,
     void (*one)(struct attacker *attacker))
{
    uint64_t from_ns = lab_now_ns();
    uint64_t end_ns = from_ns + (uint64_t)ms * 1000000u;
    uint64_t count = 0, now_ns;

    while ((now_ns = lab_now_ns()) < end_ns) {
        uint64_t due = (now_ns - from_ns) * rate / SECOND_NS;

        for (unsigned i = 0; i < PER_PACE && count <= due; i++, count++)
            one(attacker);
        if (count > due)
            lab_pause_ms(1);
    }
}

static const struct tap_host *
any_victim(struct attacker *attacker)
{
    struct tap *tap = &attacker->tap;

    return &tap->victims[tap_draw(tap) % tap->victim_count].host;
}

/* A box's own address, one of a few that nobody has, or any. */
static struct tap_host
any_source(struct attacker *attacker)
{
    uint64_t draw = tap_draw(&attacker->tap);

    if (draw % 3 == 0)
        return *any_victim(attacker);
    return tap_nobody(draw % 3 == 1 ? (unsigned)(draw >> 8) % ANSWERED_MAX
                                    : (unsigned)(draw >> 8));
}

static size_t
random_bytes(struct attacker *attacker, uint8_t *bytes, size_t room)
{
    size_t size = tap_draw(&attacker->tap) % room;

    for (size_t i = 0; i < size; i += 8) {
        uint64_t draw = tap_draw(&attacker->tap);

        memcpy(bytes + i, &draw, size - i < 8 ? size - i : 8);
    }
    return size;
}

/* ---- random bytes ---- */

/* Half of them begin like something. */
static void
one_random(struct attacker *attacker)
{
    static const uint8_t record[] = {22, 0xfe, 0xfd, 0, 0, 0,
                                     0,  0,    0,    0, 0, 0};
    uint8_t bytes[TAP_PAYLOAD_MAX + 8] = {0};
    struct tap_host from = any_source(attacker);
    size_t size = random_bytes(attacker, bytes, TAP_PAYLOAD_MAX);
    uint64_t draw = tap_draw(&attacker->tap);

    if (draw % 2 == 0 && size > 16) {
        memcpy(bytes, record, sizeof(record));
        bytes[0] = (uint8_t)(20 + draw / 2 % 4);
        bytes[4] = draw / 8 % 2;
        bytes[11] = (uint8_t)((size - 13) >> 8);
        bytes[12] = (uint8_t)(size - 13);
    }
    tap_send(&attacker->tap, &from, any_victim(attacker), bytes, size);
}

/* Longer than any frame: the kernel cuts it into fragments. */
static bool
send_oversize(struct attacker *attacker, const struct tap_host *to,
              size_t size)
{
    static uint8_t bytes[65000] = {22, 0xfe, 0xfd};
    struct sockaddr_in6 address = {.sin6_family = AF_INET6,
                                   .sin6_port = htons(TAP_PORT),
                                   .sin6_scope_id =
                                       (uint32_t)attacker->tap.index};
    int hops = 255;
    int fd = socket(AF_INET6, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    bool good;

    memcpy(&address.sin6_addr, to->ip, 16);
    (void)setsockopt(fd, IPPROTO_IPV6, IPV6_UNICAST_HOPS, &hops, sizeof(hops));
    good = sendto(fd, bytes, size, 0, (const struct sockaddr *)&address,
                  sizeof(address)) == (ssize_t)size;
    (void)close(fd);
    return good;
}

bool
attack_random(struct attacker *attacker)
{
    bool good = true;

    for (unsigned i = 0; i < attacker->tap.victim_count; i++) {
        const struct tap_host *to = &attacker->tap.victims[i].host;

        good = send_oversize(attacker, to, OVERSIZE) &&
               send_oversize(attacker, to, 65000) &&
               send_oversize(attacker, to, 2048) && good;
    }
    pace(attacker, RATE_LOW, 2000, one_random);
    return good;
}

/* ---- what was heard ---- */

static void
change(struct attacker *attacker, struct tap_captured *captured)
{
    uint64_t draw = tap_draw(&attacker->tap);

    switch (draw % 4) {
    case 0: break;
    case 1: captured->size = (size_t)(draw >> 8) % captured->size; break;
    case 2:
        captured->bytes[(draw >> 8) % captured->size] ^=
            (uint8_t)(1u << (draw >> 4) % 8);
        break;
    case 3:
        for (unsigned i = 0; i < 8; i++)
            captured->bytes[tap_draw(&attacker->tap) % captured->size] =
                (uint8_t)(draw >> (8 * i));
        break;
    }
}

static void
one_captured(struct attacker *attacker)
{
    struct tap *tap = &attacker->tap;
    unsigned count = tap->captured_count < TAP_CAPTURED_MAX
                         ? tap->captured_count
                         : TAP_CAPTURED_MAX;
    struct tap_captured captured = tap->captured[tap_draw(tap) % count];

    change(attacker, &captured);
    if (tap_draw(tap) % 4 == 0)
        captured.from = any_source(attacker);
    if (tap_draw(tap) % 4 == 0)
        captured.to = *any_victim(attacker);
    tap_send(tap, &captured.from, &captured.to, captured.bytes, captured.size);
}

bool
attack_captured(struct attacker *attacker)
{
    for (unsigned i = 0; i < 4; i++) {
        tap_listen(&attacker->tap, 100);
        pace(attacker, RATE_LOW, 500, one_captured);
    }
    return true;
}

/* ---- beacons ---- */

/* Of keys that exist and of keys that do not, from where they are not. */
static void
one_beacon(struct attacker *attacker)
{
    struct tap *tap = &attacker->tap;
    uint8_t bytes[64];
    uint64_t draw = tap_draw(tap);
    struct tap_host from = tap_nobody((unsigned)(draw >> 8) % ANSWERED_MAX);

    memcpy(bytes, tap->beacon, tap->beacon_size);
    for (unsigned i = 0; i < 8; i++) {
        if (draw % 8 < 6) /* another key */
            bytes[12 + i] = draw % 8 < 2 ? 0xff : (uint8_t)tap_draw(tap);
        if (draw % 8 == 7) /* another cluster */
            bytes[4 + i] = (uint8_t)tap_draw(tap);
    }
    tap_send(tap, &from, any_victim(attacker), bytes, tap->beacon_size);
}

bool
attack_beacons(struct attacker *attacker)
{
    pace(attacker, RATE_LOW, 2000, one_beacon);
    return true;
}

/* ---- floods ---- */

static void
one_of_flood(struct attacker *attacker)
{
    static uint8_t hello[512];
    static size_t hello_size;
    uint64_t draw = tap_draw(&attacker->tap);
    struct tap_host from = tap_nobody((unsigned)(draw >> 8) % ANSWERED_MAX);

    if (hello_size == 0)
        hello_size = shake_hello(hello, sizeof(hello));
    if (draw % 4 == 0)
        tap_send(&attacker->tap, &from, any_victim(attacker), hello,
                 hello_size);
    else if (draw % 4 == 1)
        one_captured(attacker);
    else
        one_random(attacker);
}

bool
attack_flood(struct attacker *attacker)
{
    pace(attacker, RATE_HIGH, 3000, one_of_flood);
    return true;
}

/* ---- half-open handshakes ---- */

static void
one_hello(struct attacker *attacker)
{
    uint8_t hello[512];
    size_t size = shake_hello(hello, sizeof(hello));
    struct tap_host from =
        tap_nobody((unsigned)tap_draw(&attacker->tap) % ANSWERED_MAX);

    tap_send(&attacker->tap, &from, any_victim(attacker), hello, size);
}

bool
attack_half_open_begin(struct attacker *attacker)
{
    unsigned begun = 0;

    pace(attacker, RATE_LOW, 500, one_hello);
    for (unsigned i = 0; i < ATTACK_HALF_OPEN; i++) {
        attacker->half_open[i] =
            shake_begin(&attacker->tap, any_victim(attacker), NULL);
        begun += attacker->half_open[i] != NULL;
    }
    lab_pause_ms(20);
    for (unsigned i = 0; i < ATTACK_HALF_OPEN; i++)
        if (attacker->half_open[i] != NULL)
            (void)shake_go_on(attacker->half_open[i]);
    return begun == ATTACK_HALF_OPEN;
}

void
attack_half_open_again(struct attacker *attacker)
{
    attack_half_open_end(attacker);
    (void)attack_half_open_begin(attacker);
}

void
attack_half_open_end(struct attacker *attacker)
{
    for (unsigned i = 0; i < ATTACK_HALF_OPEN; i++) {
        shake_end(attacker->half_open[i]);
        attacker->half_open[i] = NULL;
    }
}

/* ---- wrong certificates ---- */

static bool
all_refuse(struct attacker *attacker, const char *name)
{
    char identity[LAB_PATH_MAX + 32];
    bool refused = true;

    (void)snprintf(identity, sizeof(identity), "%s/%s", attacker->lab->folder,
                   name == NULL ? "" : name);
    for (unsigned i = 0; i < LAB_BOXES; i++) {
        const struct tap_victim *victim =
            tap_find(&attacker->tap, attacker->lab->boxes[i].key);
        struct shake *shake = shake_begin(&attacker->tap, &victim->host,
                                          name == NULL ? NULL : identity);

        if (shake == NULL || shake_whole(shake, 1000)) {
            printf("%s took in one who is %s\n", attacker->lab->boxes[i].name,
                   name == NULL ? "nobody" : name);
            refused = false;
        }
        shake_end(shake);
    }
    return refused;
}

bool
attack_certificates(struct attacker *attacker)
{
    static const char *const names[] = {"stranger", "expired", "revoked",
                                        NULL};
    const struct lab *lab = attacker->lab;
    bool refused = true;

    if (!lab_issue(lab, "other", "stranger", 1) ||
        !lab_issue(lab, "authority", "expired", -1) ||
        !lab_issue(lab, "authority", "revoked", 1) ||
        !lab_revoke(lab, "revoked"))
        return false;
    lab_pause_ms(1500); /* boxes look at the list once a second */
    for (size_t i = 0; i < ARRAY_COUNT(names); i++)
        refused = all_refuse(attacker, names[i]) && refused;
    return refused;
}

/* ---- two boxes with one identity ---- */

bool
attack_stolen(struct attacker *attacker)
{
    struct lab *lab = attacker->lab;

    if (!lab_steal(lab, LAB_CONTROLLERS - 1, LAB_BOXES) ||
        !lab_steal(lab, LAB_CARD, LAB_BOXES + 1) ||
        !lab_start(lab, LAB_BOXES) || !lab_start(lab, LAB_BOXES + 1))
        return false;
    lab_pause_ms(4000);
    lab_kill(lab, LAB_BOXES);
    lab_kill(lab, LAB_BOXES + 1);
    return true;
}

/* ---- a fabric port ---- */

static void
one_packet(struct attacker *attacker)
{
    uint8_t bytes[512];
    size_t size = random_bytes(attacker, bytes + 2, sizeof(bytes) - 2);
    uint64_t draw = tap_draw(&attacker->tap);

    bytes[0] = draw % 2 == 0 ? (uint8_t)(size >> 8) : (uint8_t)(draw >> 8);
    bytes[1] = draw % 2 == 0 ? (uint8_t)size : (uint8_t)(draw >> 16);
    tap_send_frame(&attacker->tap, PORTS_ETHERTYPE, bytes, size + 2);
}

bool
attack_fabric(struct attacker *attacker)
{
    struct tap plane = attacker->tap;
    bool good = tap_open(&attacker->tap, LAB_FABRIC, 2);

    if (good)
        pace(attacker, 2 * RATE_LOW, 1500, one_packet);
    if (good)
        tap_close(&attacker->tap);
    plane.sent = attacker->tap.sent;
    attacker->tap = plane;
    return good;
}

/* ---- the operators' socket ---- */

static bool
clients_open(struct attacker *attacker, int *fds)
{
    bool good = true;

    for (unsigned i = 0; i < CLIENTS; i++)
        if (socket_connect(attacker->lab->boxes[i % LAB_BOXES].socket,
                           &fds[i]) != 0) {
            fds[i] = -1;
            good = false;
        }
    return good;
}

static void
send_garbage(struct attacker *attacker, int fd, unsigned round)
{
    uint8_t bytes[TAP_PAYLOAD_MAX + 8];
    size_t size = random_bytes(attacker, bytes, TAP_PAYLOAD_MAX);

    if (size > 0 && round % 2 == 0)
        bytes[0] = (uint8_t)(1 + round / 2 % 2);
    if (send(fd, bytes, size, MSG_DONTWAIT | MSG_NOSIGNAL) >= 0)
        attacker->tap.sent++;
}

/* Nobody takes the answers. */
bool
attack_socket(struct attacker *attacker)
{
    int fds[CLIENTS];
    bool good = true;

    for (unsigned round = 0; round < 20; round++) {
        good = clients_open(attacker, fds) && good;
        for (unsigned k = 0; k < 10; k++)
            for (unsigned i = 0; i < CLIENTS; i++)
                if (fds[i] >= 0)
                    send_garbage(attacker, fds[i], round + k);
        lab_pause_ms(50);
        for (unsigned i = 0; i < CLIENTS; i++)
            if (fds[i] >= 0)
                (void)close(fds[i]);
    }
    return good;
}
