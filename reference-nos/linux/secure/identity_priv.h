/* SPDX-License-Identifier: Apache-2.0
 *
 * What an identity holds.
 */
#ifndef NOS_LINUX_SECURE_IDENTITY_PRIV_H
#define NOS_LINUX_SECURE_IDENTITY_PRIV_H

#include "reference-nos/linux/secure/cert_priv.h"
#include "reference-nos/linux/secure/identity.h"

#define IDENTITY_KEY_FILE "box.key"
#define IDENTITY_CERTIFICATE_FILE "box.crt"
#define IDENTITY_AUTHORITY_FILE "cluster.crt"
#define IDENTITY_AUTHORITY_KEY_FILE "cluster.key"
#define IDENTITY_CRL_FILE "cluster.crl"

struct identity {
    EVP_PKEY *key;
    X509 *certificate;
    X509 *authority;
    struct cert_subject subject;
    uint64_t cluster_id;
    char directory[CERT_PATH_MAX];
};

/* Whole days until the box's certificate expires (negative: it has) and of
 * its whole life. */
void identity_days(const struct identity *identity, int *left, int *life);

/* The revocation list of 'directory', signed by 'authority'; NULL with 0 when
 * there is no such file. */
MUST_USE int identity_read_crl(const char *directory, X509 *authority,
                               X509_CRL **out, struct message message);
/* Certificate and key of the authority in 'directory'. */
MUST_USE int identity_read_authority(const char *directory, X509 **authority,
                                     EVP_PKEY **key, struct message message);

#endif
