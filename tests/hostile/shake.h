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
/* Until it is done or 'ms' have passed. */
bool shake_whole(struct shake *shake, unsigned ms);
/* The first flight of a handshake, its size. */
size_t shake_hello(uint8_t *bytes, size_t room);

#endif
