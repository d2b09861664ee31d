/* SPDX-License-Identifier: Apache-2.0
 *
 * The UNIX socket of a box for operators and programs (SOCK_SEQPACKET, mode
 * 0660): the daemon's end and the client's.
 *
 * Request  one packet: u8 SOCKET_OPERATOR then a struct operator_req as
 *          operator_req_write() makes it, or u8 SOCKET_QUERY then words:
 *          "box", "hardware", "services", "peers", "costs", "log N", or
 *          "kill SERVICE".
 * Answer   packets: u8 kind, u8 more (1: another follows), bytes: a struct
 *          operator_rep and its rows, or JSON text.
 * Bounds   a client's next request is read when the one before was answered
 *          and the answer taken.  When all places are taken, the client that
 *          was silent longest makes room; when all wait, the newcomer goes.
 * File     a socket left by a dead daemon is replaced; a live daemon's and
 *          what is no socket stay, and opening is refused (ERR_EXISTS).
 */
#ifndef NOS_LINUX_SOCKET_SOCKET_H
#define NOS_LINUX_SOCKET_SOCKET_H

#include <uv.h>

#include "reference-nos/base/compiler.h"
#include "reference-nos/base/err.h"

#include <stddef.h>
#include <stdint.h>

#define SOCKET_CLIENTS_MAX 32u
#define SOCKET_PACKET_MAX 65000u
#define SOCKET_ANSWER_MAX ((size_t)1 << 20)
/* A client that takes an answer slower than this is dropped. */
#define SOCKET_PATIENCE_MS 5000u

enum socket_kind { SOCKET_OPERATOR = 1, SOCKET_QUERY = 2 };

struct socket_server;

struct socket_server_options {
    uv_loop_t *loop;
    const char *path;
    /* A request came; answer it, now or later, by socket_server_answer() with
     * this token.  The bytes are lent for the call. */
    void (*request)(void *arg, uint64_t token, enum socket_kind kind,
                    const void *bytes, size_t size);
    void *arg;
};

MUST_USE int socket_server_open(const struct socket_server_options *options,
                                struct socket_server **out, char *message,
                                size_t message_size);
/* Accepts NULL.  The memory goes when the loop ran once more. */
void socket_server_close(struct socket_server *server);
/* How many clients are connected. */
unsigned socket_server_clients(const struct socket_server *server);
/* Cuts into packets; a client that went away is forgotten.  More than
 * SOCKET_ANSWER_MAX bytes are a programmer's mistake. */
void socket_server_answer(struct socket_server *server, uint64_t token,
                          enum socket_kind kind, const void *bytes,
                          size_t size);

/* The client's end: a connected descriptor, close() it. */
MUST_USE int socket_connect(const char *path, int *fd);
MUST_USE int socket_ask(int fd, enum socket_kind kind, const void *bytes,
                        size_t size);
/* Waits up to 'wait_ms' (-1: for ever) for a whole answer; malloc'd, with a
 * zero after its end. */
MUST_USE int socket_answer(int fd, int wait_ms, enum socket_kind *kind,
                           uint8_t **bytes, size_t *size);

#endif
