/* SPDX-License-Identifier: Apache-2.0
 *
 * DTLS 1.2 (RFC 6347) as this room speaks it: ECDHE with AES-GCM only,
 * certificates on both sides, cookies before state, no tickets, no
 * renegotiation, no compression.
 *
 * Context  what all associations of a box share: keys, the authority, the
 *          revocation list, the cookie secret.
 * End      one side of one association.  It is sans-I/O: the owner puts one
 *          datagram in and gets datagrams back through 'out'.
 */
#ifndef NOS_LINUX_SECURE_DTLS_PRIV_H
#define NOS_LINUX_SECURE_DTLS_PRIV_H

#include <openssl/ssl.h>

#include "reference-nos/linux/secure/identity_priv.h"
#include "reference-nos/platform/plat.h"

#define DTLS_HANDSHAKE_MTU 1400 /* bytes of UDP payload */
#define DTLS_RETRANSMIT_FIRST_US 100000u
#define DTLS_RETRANSMIT_MAX_US 400000u
/* Of the other end's certificate message; also bounds what OpenSSL gathers. */
#define DTLS_CERTIFICATE_MAX 4096
#define DTLS_COOKIE_BYTES 16u
#define DTLS_COOKIE_LIFE_NS (60 * UINT64_C(1000000000))

/* An IPv6 link-local address on a plane. */
struct peer_address {
    uint8_t ip[16];
    uint16_t port;
};

#define PEER_ADDRESS_TEXT_MAX 64
void peer_address_text(const struct peer_address *address, char *out);
int peer_address_compare(const struct peer_address *a,
                         const struct peer_address *b);

struct dtls_context;

MUST_USE int dtls_context_create(const struct identity *identity,
                                 uint64_t now_ns, struct dtls_context **out,
                                 struct message message);
/* For enrolment: a server that asks for no certificate and shows the
 * authority's with its own; a client without one, which trusts the authority
 * with this fingerprint and a controller's certificate under it. */
MUST_USE int dtls_context_create_open(const struct identity *identity,
                                      uint64_t now_ns,
                                      struct dtls_context **out,
                                      struct message message);
MUST_USE int dtls_context_create_guest(const uint8_t fingerprint[32],
                                       struct dtls_context **out,
                                       struct message message);
void dtls_context_destroy(struct dtls_context *context);
/* Reads the revocation list when its file changed; '*changed' says whether
 * there is a new one.  On failure the list before stays. */
MUST_USE int dtls_context_reload(struct dtls_context *context, bool *changed,
                                 struct message message);
/* How many certificates the list names. */
unsigned dtls_context_revocations(const struct dtls_context *context);
void dtls_context_rotate(struct dtls_context *context, uint64_t now_ns);
bool dtls_context_revoked(const struct dtls_context *context,
                          X509 *certificate);

struct dtls_end {
    SSL *ssl;
    struct dtls_context *context;
    struct peer_address address; /* of the other end */
    const uint8_t *in;           /* the datagram to be read, or NULL */
    size_t in_size;
    void (*out)(struct dtls_end *end, const void *bytes, size_t size);
    void *arg;
    uint64_t expected_key; /* of the other end; 0: any lower than ours */
    struct cert_subject peer;
    bool peer_known;     /* 'peer' is filled; verified once up */
    const char *refusal; /* why the certificate was refused, or NULL */
    bool identity_bad;   /* ... for what it is, not for who comes with it */
    enum identity_refusal identity_why;
};

/* The caller has set 'address', 'out', 'arg' and 'expected_key'. */
MUST_USE int dtls_end_init(struct dtls_end *end, struct dtls_context *context,
                           bool server);
void dtls_end_fini(struct dtls_end *end);

enum dtls_status {
    DTLS_AGAIN, /* waits for the other end */
    DTLS_DONE,
    DTLS_CLOSED, /* the other end said so */
    DTLS_FAILED
};

/* The stateless part of a server, RFC 6347 section 4.2.1: DTLS_DONE when the
 * ClientHello in 'in' carried a good cookie, and 'end' goes on from it. */
enum dtls_status dtls_listen(struct dtls_end *end);
enum dtls_status dtls_handshake(struct dtls_end *end);
/* One record's content into 'bytes'. */
enum dtls_status dtls_read(struct dtls_end *end, void *bytes, size_t capacity,
                           size_t *size);
enum dtls_status dtls_write(struct dtls_end *end, const void *bytes,
                            size_t size);
void dtls_goodbye(struct dtls_end *end);
/* Gives back the buffers of records, 18 KB, until the next call; for one that
 * is up. */
void dtls_rest(struct dtls_end *end);
/* Time until the next retransmission; false: none. */
bool dtls_timeout(struct dtls_end *end, uint64_t *left_ns);
enum dtls_status dtls_retransmit(struct dtls_end *end);
/* A word for what OpenSSL found wrong last, never NULL; clears it. */
const char *dtls_reason(void);

/* What a datagram is made of. */
struct dtls_datagram {
    bool sealed;          /* has a record after epoch 0 */
    bool client_hello;    /* begins with the whole of one */
    const uint8_t *nonce; /* of the ClientHello, 32 bytes */
};
/* False when it is not a chain of whole DTLS records, or when one that should
 * be sealed is too short for it: OpenSSL 3.0 would take the latter for an
 * internal error and end the association, whoever sent it. */
bool dtls_datagram_read(const void *bytes, size_t size,
                        struct dtls_datagram *out);

#endif
