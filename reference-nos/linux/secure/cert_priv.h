/* SPDX-License-Identifier: Apache-2.0
 *
 * What the room needs of X.509 (RFC 5280): reading and writing PEM files and
 * the subject of a box.
 *
 * Errors   a positive 'enum err'; 'message' (may be NULL) names the file and
 *          what was expected.
 */
#ifndef NOS_LINUX_SECURE_CERT_PRIV_H
#define NOS_LINUX_SECURE_CERT_PRIV_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <openssl/evp.h>
#include <openssl/x509.h>

#include "reference-nos/base/compiler.h"
#include "reference-nos/platform/facts.h"

#define CERT_FILE_MAX (64 * 1024) /* bytes of a PEM file */
#define CERT_PATH_MAX 512
#define CERT_DAY_S 86400L

/* Where a message for the operator goes. */
struct message {
    char *text;
    size_t size;
};
/* Writes the message and returns 'code'. */
MUST_USE int message_fail(struct message message, int code, const char *format,
                          ...) PRINTF_LIKE(3, 4);

/* Who a certificate or a request says it is of. */
struct cert_subject {
    char serial[FACTS_SERIAL_MAX];
    enum role role;
    uint64_t key; /* the box key */
};

/* ERR_MALFORMED when the name is not that of a box. */
MUST_USE int cert_subject_of_name(const X509_NAME *name, X509_PUBKEY *key,
                                  struct cert_subject *out);
MUST_USE int cert_subject(const X509 *certificate, struct cert_subject *out);
/* A name with serialNumber and OU; NULL: no memory. */
X509_NAME *cert_name(const char *serial, enum role role);
bool cert_serial_valid(const char *serial);
bool cert_role_parse(const char *text, enum role *out);

/* Box key of 'serial' and a public key; cluster id of an authority.  ERR_RANGE
 * when it falls on an address with a meaning of its own. */
MUST_USE int cert_box_key(const char *serial, X509_PUBKEY *key, uint64_t *out);
MUST_USE int cert_cluster_id(const X509 *authority, uint64_t *out);
/* SHA-256 over the SubjectPublicKeyInfo. */
MUST_USE int cert_fingerprint(const X509 *authority, uint8_t out[32]);

bool cert_key_is_p256(EVP_PKEY *key);
EVP_PKEY *cert_key_make(void);

MUST_USE int cert_path(char *out, const char *directory, const char *file,
                       struct message message);

MUST_USE int cert_read(const char *path, X509 **out, struct message message);
MUST_USE int cert_read_key(const char *path, EVP_PKEY **out,
                           struct message message);
MUST_USE int cert_read_crl(const char *path, X509_CRL **out,
                           struct message message);

/* Whole or not at all: written beside, synced, renamed. */
MUST_USE int cert_write_file(const char *path, unsigned mode,
                             const void *bytes, size_t size,
                             struct message message);
/* The bytes of a file of at most CERT_FILE_MAX; free() them. */
MUST_USE int cert_read_file(const char *path, uint8_t **bytes, size_t *size,
                            struct message message);
MUST_USE int cert_write(const char *path, X509 *certificate,
                        struct message message);
MUST_USE int cert_write_key(const char *path, EVP_PKEY *key,
                            struct message message);
MUST_USE int cert_write_crl(const char *path, X509_CRL *crl,
                            struct message message);

/* Signs a certificate for 'key' with 'name'; 'days' may be negative. */
struct cert_order {
    const X509_NAME *name;
    EVP_PKEY *key;   /* public half is enough */
    X509 *authority; /* NULL: self-signed authority */
    EVP_PKEY *authority_key;
    int days;
};
MUST_USE int cert_sign(const struct cert_order *order, X509 **out);

#endif
