/* SPDX-License-Identifier: Apache-2.0
 *
 * The associations of one plane, sans-I/O: datagrams and time go in, datagrams
 * come out through transmit().
 *
 * Hints      what beacons said, one per address, the oldest forgotten first.
 * Half-open  handshakes under way; ours and those of others, whose cookie was
 *            good.  When full, one of others that is slow makes room.
 * Up         verified; one per key.  A second address with the same key is
 *            refused while the first is alive.
 */
#ifndef NOS_LINUX_SECURE_PEERING_PRIV_H
#define NOS_LINUX_SECURE_PEERING_PRIV_H

#include "reference-nos/base/list.h"
#include "reference-nos/base/tree.h"
#include "reference-nos/base/units.h"
#include "reference-nos/linux/secure/beacon_priv.h"
#include "reference-nos/linux/secure/dtls_priv.h"
#include "reference-nos/linux/secure/limit_priv.h"
#include "reference-nos/linux/secure/secure.h"

/* Longer datagrams are refused unread, so that one read of a record always
 * gives the whole of it. */
#define PEERING_INPUT_MAX 2048u
#define PEERING_HINTS_MAX 1024u
#define PEERING_BEACON_NS NS_PER_S
#define PEERING_SWEEP_NS (500 * NS_PER_MS)
#define PEERING_KEEPALIVE_NS NS_PER_S
/* Alive: heard of since.  Silent for longer than EXPIRE: dropped. */
#define PEERING_ALIVE_NS (3 * NS_PER_S)
#define PEERING_EXPIRE_NS (10 * NS_PER_S)
#define PEERING_HALF_OPEN_NS (5 * NS_PER_S)
/* A half-open handshake of others may be dropped for a new one after this. */
#define PEERING_SLOW_NS (100 * NS_PER_MS)
#define PEERING_RETRY_MIN_NS (100 * NS_PER_MS)
#define PEERING_RETRY_MAX_NS (5 * NS_PER_S)
/* Sealed datagrams that a half-open association gets. */
#define PEERING_EARLY_MAX 8u
/* AES-GCM keys wear out at 2^24.5 records (RFC 8446 section 5.5); DTLS 1.2 has
 * no key update, so the opener opens again, and once a day anyway. */
#define PEERING_REKEY_RECORDS (UINT64_C(1) << 23)
#define PEERING_REKEY_NS (24 * 3600 * NS_PER_S)

/* Handshakes begun for others, answers to hellos without a cookie, and
 * beacons answered, per plane: at once, and one more each so many ns. */
#define PEERING_ACCEPT_BURST 128u
#define PEERING_ACCEPT_NS (4 * NS_PER_MS)
#define PEERING_COOKIE_BURST 512u
#define PEERING_COOKIE_NS (NS_PER_MS / 2)
#define PEERING_ANSWER_BURST 256u
#define PEERING_ANSWER_NS (10 * NS_PER_MS)
#define PEERING_OPEN_BURST 512u
#define PEERING_OPEN_NS (4 * NS_PER_MS)

/* First byte of a record's content: a lane, or this and the incarnation of
 * the sender. */
#define PEERING_HELLO 0x40u
#define PEERING_HELLO_BYTES 9u

struct peering;

struct peering_options {
    struct dtls_context *dtls;
    const struct identity *identity;
    enum plane plane;
    uint64_t incarnation;
    struct log_limit *limit;
    struct secure_counters *counters;
    /* 'to' NULL: the group.  false: lost for want of room. */
    bool (*transmit)(void *arg, enum plane plane,
                     const struct peer_address *to, enum lane lane,
                     const void *bytes, size_t size);
    void (*datagram)(void *arg, enum plane plane, uint64_t from,
                     enum lane lane, const void *bytes, size_t size);
    /* secure_options.refused, with datagram_arg; may be NULL. */
    void (*refused)(void *arg, enum plane plane, uint64_t key,
                    enum identity_refusal why);
    void *transmit_arg;
    void *datagram_arg;
};

MUST_USE int peering_create(const struct peering_options *options,
                            uint64_t now_ns, struct peering **out);
/* Says goodbye to all. */
void peering_destroy(struct peering *peering);

/* Our own address on the plane is known: beacons begin (again). */
void peering_start(struct peering *peering, uint64_t now_ns,
                   const struct peer_address *own);
void peering_input(struct peering *peering, uint64_t now_ns,
                   const struct peer_address *from, const void *bytes,
                   size_t size);
void peering_tick(struct peering *peering, uint64_t now_ns);
uint64_t peering_deadline_ns(const struct peering *peering, uint64_t now_ns);
void peering_send(struct peering *peering, uint64_t now_ns, uint64_t to,
                  enum lane lane, const void *bytes, size_t size);
/* Tells of a refusal that was 'logged'. */
static inline void
peering_refused(const struct peering_options *options, bool logged,
                uint64_t key, enum identity_refusal why)
{
    if (logged && options->refused != NULL)
        options->refused(options->datagram_arg, options->plane, key, why);
}
/* The revocation list changed: ends what it names. */
void peering_revoke(struct peering *peering, uint64_t now_ns);
unsigned peering_count(const struct peering *peering);
unsigned peering_half_open(const struct peering *peering);
unsigned peering_hints(const struct peering *peering);

/* ---- inside ---- */

struct association {
    struct tree_node by_address; /* when up */
    struct tree_node by_key;     /* when up */
    struct list_node half_open;  /* else; or among the dead */
    struct peering *peering;
    struct dtls_end end;
    enum lane lane; /* of the record under way */
    bool lost;      /* the last datagram found no room */
    bool opener;
    bool dead;         /* waits to be reaped: a caller may stand on it */
    uint8_t nonce[32]; /* of its ClientHello, when we accepted */
    uint64_t since_ns; /* begun, then up */
    uint64_t heard_ns;
    uint64_t hello_ns; /* sent last */
    unsigned early;    /* sealed datagrams while half-open */
    uint64_t records;  /* both ways */
    bool told;         /* the peer has said its ... */
    uint64_t incarnation;
};

struct hint {
    struct tree_node by_address;
    struct list_node age; /* longest silent first */
    struct peer_address address;
    uint64_t key;
    uint64_t incarnation;
    uint64_t heard_ns;
    uint64_t retry_ns; /* not before */
    uint64_t pause_ns; /* grows with failures */
    struct bucket opens;
};

struct peering {
    struct peering_options options;
    struct peer_address own;
    bool started;
    uint64_t own_key;
    uint64_t cluster_id;
    struct tree up_by_address;
    struct tree up_by_key;
    struct list half_open;
    unsigned half_open_count;
    struct list dead;
    struct tree hints;
    struct list hints_by_age;
    struct association *listener; /* waits for a good cookie */
    struct bucket accepts, cookies, answers, opens;
    uint64_t beacon_ns;
    unsigned beacons_sent;
    uint64_t sweep_ns;
    uint64_t jitter; /* state of the spread */
};

/* association.c */
struct association *association_create(struct peering *peering,
                                       const struct peer_address *address,
                                       uint64_t expected_key, bool opener,
                                       uint64_t now_ns);
/* Unlinks; the memory stays until association_reap(). */
void association_drop(struct association *association);
void association_reap(struct peering *peering);
/* Makes room among the half-open ones: the oldest of others, when it is slow.
 * One that knows its own business needs a few ms. */
bool association_make_room(struct peering *peering, uint64_t now_ns);
/* Goes on with what came in (or with nothing, at first). */
void association_feed(struct association *association, uint64_t now_ns,
                      const void *bytes, size_t size);
void association_hello(struct association *association, uint64_t now_ns);
/* 'bytes' begin with the lane. */
bool association_write(struct association *association, uint64_t now_ns,
                       const void *bytes, size_t size);
struct association *association_by_address(const struct peering *peering,
                                           const struct peer_address *address);
struct association *association_by_key(const struct peering *peering,
                                       uint64_t key);

/* hint.c */
void hint_beacon(struct peering *peering, uint64_t now_ns,
                 const struct peer_address *from, const struct beacon *beacon);
void hint_failed(struct peering *peering, uint64_t now_ns,
                 const struct peer_address *address);
/* The box there said goodbye: only a new beacon counts. */
void hint_forget(struct peering *peering, const struct peer_address *address);
void hint_sweep(struct peering *peering, uint64_t now_ns);
struct hint *hint_find(const struct peering *peering,
                       const struct peer_address *address);
void hint_forget_all(struct peering *peering);

#endif
