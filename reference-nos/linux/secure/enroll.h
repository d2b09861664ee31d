/* SPDX-License-Identifier: Apache-2.0
 *
 * How a box without a certificate gets one from its cluster, in the spirit of
 * RFC 8995 (bootstrapping a key infrastructure) and RFC 7030 (a request for a
 * certificate inside an association where only the server is known), with
 * vouchers after RFC 8366.
 *
 * The box makes its key, finds a controller that holds the authority by a
 * multicast question, and opens DTLS 1.2 to it.  It trusts the authority whose
 * certificate lies in its folder (cluster.crt) or whose fingerprint stands in
 * its voucher, and nobody else.  It asks with a certificate request (PKCS #10,
 * RFC 2986), which proves that it has the key.
 *
 * Voucher   "v1:role:expiry:fingerprint:mac:serial": the cluster's word that
 *           this serial may join once, with whatever key, until then.  The
 *           mac is HMAC-SHA-256 under voucher.key in the authority's folder.
 *           A good one is answered with a certificate at once; a second key
 *           under the same serial waits for approval; a bad one is refused.
 * Approval  without a voucher the box waits in a list until an operator
 *           approves its serial.
 * Bounds    sessions, waiting boxes, questions per second.
 */
#ifndef NOS_LINUX_SECURE_ENROLL_H
#define NOS_LINUX_SECURE_ENROLL_H

#include <uv.h>

#include "reference-nos/linux/secure/identity.h"
#include "reference-nos/platform/plat.h"

#define ENROLL_PORT_DEFAULT 6998
#define ENROLL_PENDING_MAX 32u
#define ENROLL_SESSIONS_MAX 16u
#define ENROLL_VOUCHER_MAX 256        /* with the final zero */
#define ENROLL_VOUCHER_FILE "voucher" /* in the folder of the box */

/* Makes voucher.key when there is none yet. */
MUST_USE int enroll_voucher_make(const char *authority, const char *serial,
                                 enum role role, unsigned hours,
                                 char out[ENROLL_VOUCHER_MAX], char *message,
                                 size_t message_size);

/* The voucher in DIRECTORY, which must be of this serial and role and not
 * expired.  ERR_NOENT: there is none; ERR_MALFORMED; ERR_REFUSED; 'message'
 * names the file and what is wrong. */
MUST_USE int enroll_voucher_load(const char *directory, const char *serial,
                                 enum role role, char out[ENROLL_VOUCHER_MAX],
                                 char *message, size_t message_size);

/* ---- the controller ---- */

struct enroll_server;

/* What the options point to outlives the server, or the client. */
struct enroll_server_options {
    uv_loop_t *loop;
    const struct identity *identity;     /* of this controller */
    const char *authority;               /* folder of cluster.key */
    const char *interfaces[PLANE_COUNT]; /* NULL: not that plane */
    uint16_t port;                       /* 0: ENROLL_PORT_DEFAULT */
    int days;                            /* life of a certificate */
    void (*log)(void *arg, enum severity severity, const char *text);
    void *arg;
};

/* ERR_REFUSED: the folder's authority is not that of the identity. */
MUST_USE int enroll_server_open(const struct enroll_server_options *options,
                                struct enroll_server **out, char *message,
                                size_t message_size);
/* The loop must run once more. */
void enroll_server_close(struct enroll_server *server);

struct enroll_pending {
    char serial[FACTS_SERIAL_MAX];
    enum role role;
    uint64_t key;
    uint64_t age_ns;
};
/* Those that wait, oldest first; how many were written. */
unsigned enroll_pending(const struct enroll_server *server,
                        struct enroll_pending *out, unsigned capacity);
/* A 'key' that is given must be the one that waits, whatever it is; NULL: none
 * is given.  ERR_NOENT: does not wait; ERR_CONFLICT: several keys wait under
 * this serial and none is given. */
MUST_USE int enroll_approve(struct enroll_server *server, const char *serial,
                            const uint64_t *key, char *message,
                            size_t message_size);
MUST_USE int enroll_refuse(struct enroll_server *server, const char *serial,
                           const uint64_t *key, char *message,
                           size_t message_size);

/* ---- the box that joins ---- */

struct enroll_client;

struct enroll_client_options {
    uv_loop_t *loop;
    const char *directory; /* of the identity; box.key is made if missing */
    const char *serial;
    enum role role;
    const char *voucher; /* NULL: pinned cluster.crt, and approval */
    const char *interfaces[PLANE_COUNT]; /* NULL: not that plane */
    uint16_t port;
    /* 0: the folder holds a whole identity now; else ERR_REFUSED or what went
     * wrong with the folder.  Called once; close it afterwards. */
    void (*done)(void *arg, int error);
    void (*log)(void *arg, enum severity severity, const char *text);
    void *arg;
};

MUST_USE int enroll_client_open(const struct enroll_client_options *options,
                                struct enroll_client **out, char *message,
                                size_t message_size);
void enroll_client_close(struct enroll_client *client);

#endif
