/* SPDX-License-Identifier: Apache-2.0
 *
 * The attacker's ear and mouth on the plane: whole Ethernet frames, with any
 * source address.
 */
#ifndef TESTS_HOSTILE_TAP_H
#define TESTS_HOSTILE_TAP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define TAP_PORT 6999u
#define TAP_PAYLOAD_MAX 1400u
#define TAP_CAPTURED_MAX 512u
#define TAP_VICTIMS_MAX 8u
#define TAP_BEACON_BYTE 0x53u

struct tap_host {
    uint8_t mac[6];
    uint8_t ip[16];
    uint16_t port;
};

struct tap_victim {
    struct tap_host host;
    uint64_t key; /* as its beacon says */
};

struct tap_captured {
    struct tap_host from, to;
    size_t size;
    uint8_t bytes[TAP_PAYLOAD_MAX];
};

struct tap {
    int fd; /* on the bridge */
    int index;
    uint64_t draws;
    uint64_t sent;
    unsigned victim_count;
    struct tap_victim victims[TAP_VICTIMS_MAX];
    unsigned captured_count; /* a ring */
    struct tap_captured captured[TAP_CAPTURED_MAX];
    uint8_t beacon[64]; /* a good one */
    size_t beacon_size;
};

bool tap_open(struct tap *tap, const char *interface, uint64_t seed);
void tap_close(struct tap *tap);
/* Listens until heard(arg), and finds victims by their beacons; false: not
 * within 'limit_ms'. */
bool tap_listen(struct tap *tap, bool (*heard)(void *arg), void *arg,
                unsigned limit_ms);
const struct tap_victim *tap_find(const struct tap *tap, uint64_t key);

uint64_t tap_draw(struct tap *tap);
/* Address 'number' of those that nobody has. */
struct tap_host tap_nobody(unsigned number);
void tap_send(struct tap *tap, const struct tap_host *from,
              const struct tap_host *to, const void *bytes, size_t size);
/* A frame of any type to all. */
void tap_send_frame(struct tap *tap, uint16_t ethertype, const void *bytes,
                    size_t size);

#endif
