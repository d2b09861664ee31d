/* SPDX-License-Identifier: Apache-2.0 */
#define _GNU_SOURCE
#include "tests/hostile/attacks.h"

#include <arpa/inet.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "reference-nos/linux/ports/ports.h"
#include "reference-nos/linux/socket/socket.h"
#include "tests/hostile/news.h"

/* Deadlines of what comes sooner. */
#define LISTEN_MS 10000u
#define ATTACK_MS 60000u
#define SHAKE_MS 5000u
#define LIST_MS 5000u /* below the life of a silent association */
#define NOTICED_MS 30000u
/* Attempts. */
#define RANDOM 10000u
#define CAPTURED 2500u /* four times */
#define BEACONS 10000u
#define FLOOD 180000u
#define HELLOS 2500u
#define COOKIES 100u /* among ATTACK_HALF_OPEN; a box may be down */
#define PACKETS 15000u
#define BURST 50u          /* between questions whether each box is there */
#define FLOOD_BURST 10000u /* the same, in a flood */
#define HEARD_FIRST 100u   /* datagrams before the first attack */
#define HEARD_AGAIN 64u    /* between attacks with what was heard */
/* Addresses that a box is made to answer: each costs the kernels of all boxes
 * a place in their neighbour tables, which is not ours to test. */
#define ANSWERED_MAX 200u
#define CLIENTS 64u
#define OVERSIZE 9000u

static bool
knows_all(void *arg)
{
    const struct attacker *attacker = arg;
    unsigned known = 0;

    for (unsigned i = 0; i < LAB_BOXES; i++)
        known += tap_find(&attacker->tap, attacker->lab->boxes[i].key) != NULL;
    return known == LAB_BOXES && attacker->tap.captured_count > HEARD_FIRST;
}

bool
attacker_open(struct attacker *attacker, struct lab *lab,
              const struct pen *pen, uint64_t seed)
{
    attacker->lab = lab;
    attacker->pen = pen;
    return tap_open(&attacker->tap, LAB_BRIDGE, seed) &&
           tap_listen(&attacker->tap, knows_all, attacker, LISTEN_MS);
}

struct move {
    const struct attacker *attacker;
    struct tap_host from;
};

static bool
moved(void *arg)
{
    const struct move *move = arg;
    const struct attacker *attacker = move->attacker;
    const struct tap_victim *card =
        tap_find(&attacker->tap, attacker->lab->boxes[LAB_CARD].key);

    return memcmp(card->host.ip, move->from.ip, sizeof(card->host.ip)) != 0;
}

bool
attacker_hears_card_move(struct attacker *attacker)
{
    struct move move = {
        attacker,
        tap_find(&attacker->tap, attacker->lab->boxes[LAB_CARD].key)->host};

    return tap_listen(&attacker->tap, moved, &move, LISTEN_MS);
}

void
attacker_close(struct attacker *attacker)
{
    attack_half_open_end(attacker);
    tap_close(&attacker->tap);
}

/* ---- means ---- */

/* Calls 'one' at least 'count' times, until the writer has been served often
 * enough meanwhile.  After each 'burst' every box answers an operator. */
static bool
repeat(struct attacker *attacker, unsigned count, unsigned burst,
       void (*one)(struct attacker *attacker))
{
    uint64_t end_ns = lab_now_ns() + (uint64_t)ATTACK_MS * 1000000u;
    uint64_t writes = pen_count(attacker->pen) + ATTACK_WRITES;

    for (unsigned sent = 0;
         sent < count || pen_count(attacker->pen) < writes;) {
        if (lab_now_ns() > end_ns)
            return false;
        for (unsigned i = 0; i < burst; i++, sent++)
            one(attacker);
        if (!lab_all_answer(attacker->lab))
            return false;
    }
    return true;
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
    return repeat(attacker, RANDOM, BURST, one_random) && good;
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

struct hearing {
    const struct tap *tap;
    unsigned count;
};

static bool
heard(void *arg)
{
    const struct hearing *hearing = arg;

    return hearing->tap->captured_count >= hearing->count;
}

bool
attack_captured(struct attacker *attacker)
{
    struct tap *tap = &attacker->tap;
    bool good = true;

    for (unsigned i = 0; good && i < 4; i++) {
        struct hearing hearing = {tap, tap->captured_count + HEARD_AGAIN};

        good = tap_listen(tap, heard, &hearing, LISTEN_MS) &&
               repeat(attacker, CAPTURED, BURST, one_captured);
    }
    return good;
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
    return repeat(attacker, BEACONS, BURST, one_beacon);
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
    return repeat(attacker, FLOOD, FLOOD_BURST, one_of_flood);
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

/* There is a bound of cookies: not each hello gets one. */
static bool
half_open(struct attacker *attacker)
{
    unsigned begun = 0;

    for (unsigned i = 0; i < ATTACK_HALF_OPEN; i++) {
        attacker->half_open[i] =
            shake_begin(&attacker->tap, any_victim(attacker), NULL);
        begun += attacker->half_open[i] != NULL;
    }
    return begun == ATTACK_HALF_OPEN &&
           shake_answered(attacker->half_open, begun, COOKIES, SHAKE_MS);
}

bool
attack_half_open_begin(struct attacker *attacker)
{
    return repeat(attacker, HELLOS, BURST, one_hello) && half_open(attacker);
}

bool
attack_half_open_again(struct attacker *attacker)
{
    attack_half_open_end(attacker);
    for (unsigned i = 0; i < HELLOS; i++) {
        one_hello(attacker);
        if (i % BURST == 0) /* the card may be on its way */
            (void)lab_all_answer(attacker->lab);
    }
    return half_open(attacker);
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

/* NULL for 'name': without a certificate. */
static struct shake *
shake_as(const struct attacker *attacker, unsigned box, const char *name)
{
    const struct tap_victim *victim =
        tap_find(&attacker->tap, attacker->lab->boxes[box].key);
    char identity[LAB_PATH_MAX + 32];

    (void)snprintf(identity, sizeof(identity), "%s/%s", attacker->lab->folder,
                   name == NULL ? "" : name);
    return shake_begin(&attacker->tap, &victim->host,
                       name == NULL ? NULL : identity);
}

/* Each box takes in who has a good certificate, and ends it when it has read
 * that it is revoked. */
static bool
all_throw_out(struct attacker *attacker, const char *name)
{
    struct shake *shakes[LAB_BOXES];
    bool good = true;

    for (unsigned i = 0; i < LAB_BOXES; i++) {
        shakes[i] = shake_as(attacker, i, name);
        if (shakes[i] == NULL || !shake_whole(shakes[i], SHAKE_MS)) {
            printf("%s did not take in one who is not yet %s\n",
                   attacker->lab->boxes[i].name, name);
            good = false;
        }
    }
    good = good && lab_revoke(attacker->lab, name);
    for (unsigned i = 0; i < LAB_BOXES; i++) {
        if (good && !shake_ended(shakes[i], LIST_MS)) {
            printf("%s keeps one who is %s\n", attacker->lab->boxes[i].name,
                   name);
            good = false;
        }
        shake_end(shakes[i]);
    }
    return good;
}

static bool
all_refuse(struct attacker *attacker, const char *name)
{
    bool refused = true;

    for (unsigned i = 0; i < LAB_BOXES; i++) {
        struct shake *shake = shake_as(attacker, i, name);

        if (shake == NULL || shake_whole(shake, SHAKE_MS)) {
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
        !lab_issue_low(lab, "revoked"))
        return false;
    refused = all_throw_out(attacker, "revoked");
    for (size_t i = 0; i < ARRAY_COUNT(names); i++)
        refused = all_refuse(attacker, names[i]) && refused;
    return refused;
}

/* ---- two boxes with one identity ---- */

struct theft {
    const struct lab *lab;
    unsigned owner;
    unsigned said; /* before */
};

/* How often the owner said that another one has its key. */
static unsigned
said_by_owner(const struct theft *theft)
{
    char text[64];

    (void)snprintf(text, sizeof(text), "(key %016" PRIx64 "), which is this",
                   theft->lab->boxes[theft->owner].key);
    return lab_log_count(theft->lab, theft->owner, text);
}

static bool
noticed(void *arg)
{
    const struct theft *theft = arg;

    return said_by_owner(theft) > theft->said;
}

/* Of two keys the lower one opens an association with the other. */
static bool
refused_by_some(void *arg)
{
    const struct lab *lab = arg;
    unsigned count = 0;

    for (unsigned i = 0; i < LAB_PLACES; i++)
        count += lab_log_count(lab, i, "which is refused");
    return count > 0;
}

bool
attack_stolen(struct attacker *attacker)
{
    struct lab *lab = attacker->lab;
    struct theft voter = {lab, LAB_CONTROLLERS - 1, 0};
    struct theft card = {lab, LAB_CARD, 0};
    bool good;

    voter.said = said_by_owner(&voter);
    card.said = said_by_owner(&card);
    if (!lab_steal(lab, voter.owner, LAB_BOXES) ||
        !lab_steal(lab, card.owner, LAB_BOXES + 1) ||
        !lab_start(lab, LAB_BOXES) || !lab_start(lab, LAB_BOXES + 1))
        return false;
    good = news_await(lab->news, noticed, &voter, NOTICED_MS) &&
           news_await(lab->news, noticed, &card, NOTICED_MS) &&
           news_await(lab->news, refused_by_some, lab, NOTICED_MS) &&
           pen_await(attacker->pen, pen_count(attacker->pen) + ATTACK_WRITES,
                     ATTACK_MS);
    lab_kill(lab, LAB_BOXES);
    lab_kill(lab, LAB_BOXES + 1);
    return good;
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

    if (good) {
        good = repeat(attacker, PACKETS, BURST, one_packet);
        tap_close(&attacker->tap);
    }
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

/* Nobody takes the answers; an operator among them gets his. */
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
        good = lab_all_answer(attacker->lab) && good;
        for (unsigned i = 0; i < CLIENTS; i++)
            if (fds[i] >= 0)
                (void)close(fds[i]);
    }
    return good;
}
