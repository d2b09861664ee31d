/* SPDX-License-Identifier: Apache-2.0
 *
 * DTLS handshakes of an attacker, by OpenSSL alone.
 */
#ifndef TESTS_HOSTILE_SHAKE_H
#define TESTS_HOSTILE_SHAKE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "tests/hostile/tap.h"

struct shake;

/* A handshake with the box at 'to', over its own socket on the bridge.
 * 'identity' is a folder with a key and a certificate, or NULL. */
struct shake *shake_begin(const struct tap *tap, const struct tap_host *to,
                          const char *identity);
void shake_end(struct shake *shake);
/* Goes on with what came in; true: done, the box took us in. */
bool shake_go_on(struct shake *shake);
/* Until it is done; false: refused, or not within 'limit_ms'. */
bool shake_whole(struct shake *shake, unsigned limit_ms);
/* One that is done: until the box ends it; false: not within 'limit_ms'. */
bool shake_ended(struct shake *shake, unsigned limit_ms);
/* Goes on with each of 'count' as the box's first answer comes to it, until
 * 'enough' had one; false: not within 'limit_ms'. */
bool shake_answered(struct shake *const *shakes, unsigned count,
                    unsigned enough, unsigned limit_ms);
/* The first flight of a handshake, its size. */
size_t shake_hello(uint8_t *bytes, size_t room);

#endif
