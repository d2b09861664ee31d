/* SPDX-License-Identifier: Apache-2.0
 *
 * Enrolment, sans-I/O: both sides take datagrams and time.
 */
#ifndef NOS_LINUX_SECURE_ENROLL_PRIV_H
#define NOS_LINUX_SECURE_ENROLL_PRIV_H

#include "reference-nos/base/units.h"
#include "reference-nos/linux/secure/dtls_priv.h"
#include "reference-nos/linux/secure/enroll.h"
#include "reference-nos/linux/secure/limit_priv.h"

/* Two datagrams outside DTLS, told apart by their first byte as beacons are:
 * "who enrols?" to the group, and "I do" back. */
#define ENROLL_QUESTION 0x54u
#define ENROLL_ANSWER 0x55u
#define ENROLL_VERSION 1u
#define ENROLL_HINT_BYTES 2u

/* Inside DTLS, one record each:
 *   request  u8 ENROLL_REQUEST, blob PKCS #10, string voucher
 *   reply    u8 ENROLL_REPLY, u8 enum enroll_state, blob certificate,
 *            blob authority */
#define ENROLL_REQUEST 1u
#define ENROLL_REPLY 2u
#define ENROLL_RECORD_MAX 2048u

enum enroll_state { ENROLL_ISSUED, ENROLL_WAITS, ENROLL_REFUSED };

#define ENROLL_ASK_NS (500 * NS_PER_MS)
#define ENROLL_SESSION_NS (60 * NS_PER_S)
#define ENROLL_SLOW_NS (500 * NS_PER_MS)
/* A box that has not asked for so long no longer waits. */
#define ENROLL_FORGET_NS (600 * NS_PER_S)

#define ENROLL_VOUCHER_KEY_FILE "voucher.key"
#define ENROLL_ISSUED_FILE "issued" /* "serial key" lines */

struct enroll_voucher {
    char serial[FACTS_SERIAL_MAX];
    enum role role;
    uint64_t expiry_s;
    uint8_t fingerprint[32];
};
/* Reads the text alone; ERR_MALFORMED. */
MUST_USE int enroll_voucher_read(const char *text, struct enroll_voucher *out);
/* ERR_REFUSED: not this cluster's, or its time has passed. */
MUST_USE int enroll_voucher_check(const char *authority, const char *text,
                                  uint64_t now_s, struct enroll_voucher *out);

/* How either side sends; 'to' NULL: the group. */
typedef void enroll_transmit_fn(void *arg, const struct peer_address *to,
                                const void *bytes, size_t size);

struct enroll_desk; /* the server without its sockets */

MUST_USE int enroll_desk_create(const struct enroll_server_options *options,
                                enroll_transmit_fn *transmit, void *arg,
                                uint64_t now_ns, struct enroll_desk **out,
                                struct message message);
void enroll_desk_destroy(struct enroll_desk *desk);
void enroll_desk_input(struct enroll_desk *desk, uint64_t now_ns,
                       const struct peer_address *from, const void *bytes,
                       size_t size);
/* To be called about every 50 ms. */
void enroll_desk_tick(struct enroll_desk *desk, uint64_t now_ns);
unsigned enroll_desk_pending(const struct enroll_desk *desk, uint64_t now_ns,
                             struct enroll_pending *out, unsigned capacity);
MUST_USE int enroll_desk_approve(struct enroll_desk *desk, const char *serial,
                                 const uint64_t *key, struct message message);
MUST_USE int enroll_desk_refuse(struct enroll_desk *desk, const char *serial,
                                const uint64_t *key, struct message message);
unsigned enroll_desk_sessions(const struct enroll_desk *desk);

struct enroll_guest; /* the client without its sockets */

MUST_USE int enroll_guest_create(const struct enroll_client_options *options,
                                 enroll_transmit_fn *transmit, void *arg,
                                 struct enroll_guest **out,
                                 struct message message);
void enroll_guest_destroy(struct enroll_guest *guest);
void enroll_guest_input(struct enroll_guest *guest, uint64_t now_ns,
                        const struct peer_address *from, const void *bytes,
                        size_t size);
void enroll_guest_tick(struct enroll_guest *guest, uint64_t now_ns);

#endif
