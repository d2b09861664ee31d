/* SPDX-License-Identifier: Apache-2.0
 *
 * Who a box is: a folder with its private key and certificates.
 *
 *   box.key     private key, ECDSA P-256, mode 0600
 *   box.crt     certificate: subject serialNumber is the box's serial, OU its
 *               role ("ncc", "ncp", ...); after IEEE 802.1AR
 *   cluster.crt the cluster's certificate authority
 *   cluster.crl revoked certificates (optional; read again when it changes)
 *
 * The box key (bus address, struct box_facts) is the first 8 bytes, big
 * endian, of SHA-256(serial, 0, SubjectPublicKeyInfo); the cluster id those of
 * SHA-256(SubjectPublicKeyInfo of the authority).
 */
#ifndef NOS_LINUX_SECURE_IDENTITY_H
#define NOS_LINUX_SECURE_IDENTITY_H

#include "reference-nos/base/compiler.h"
#include "reference-nos/base/err.h"
#include "reference-nos/platform/facts.h"

struct identity; /* Opaque. */

/* Checks that key and certificate belong together, that the certificate is
 * the authority's and that the present time is inside it.  'message' names
 * the file and what was expected. */
MUST_USE int identity_load(const char *directory, struct identity **out,
                           char *message, size_t message_size);
void identity_destroy(struct identity *identity);

uint64_t identity_key(const struct identity *identity);
uint64_t identity_cluster_id(const struct identity *identity);
const char *identity_serial(const struct identity *identity);
enum role identity_role(const struct identity *identity);

/* Makes a cluster's authority: DIRECTORY/cluster.key and cluster.crt. */
MUST_USE int identity_authority_make(const char *directory, const char *name,
                                     unsigned days, char *message,
                                     size_t message_size);

struct identity_request {
    const char *authority; /* folder of cluster.key */
    const char *directory; /* of the new identity; made */
    const char *serial;
    enum role role;
    int days; /* may be negative: expired (tests) */
};
/* Makes a key and a certificate signed by the authority. */
MUST_USE int identity_issue(const struct identity_request *request,
                            uint64_t *key, char *message, size_t message_size);
/* Another certificate for the key in DIRECTORY, with the serial and role of
 * the one that is there, which the same authority signed; the box key stays.
 * 'days' as in a request.  A daemon takes it when it starts. */
MUST_USE int identity_renew(const char *authority, const char *directory,
                            int days, char *message, size_t message_size);
/* Adds the certificate of DIRECTORY to the authority's cluster.crl; copy that
 * file to the boxes. */
MUST_USE int identity_revoke(const char *authority, const char *directory,
                             char *message, size_t message_size);

#endif
