/* SPDX-License-Identifier: Apache-2.0 */
#include "reference-nos/linux/secure/identity_priv.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <openssl/err.h>
#include <openssl/x509v3.h>

/* "Nov 21 07:35:00 2026 GMT" into 'out'. */
static void
print_time(const ASN1_TIME *time, char *out, size_t size)
{
    BIO *bio = BIO_new(BIO_s_mem());
    int got = 0;

    if (bio != NULL && ASN1_TIME_print(bio, time) == 1)
        got = BIO_read(bio, out, (int)size - 1);
    out[got > 0 ? got : 0] = '\0';
    BIO_free(bio);
}

static int
check_dates(const X509 *certificate, const char *directory, const char *file,
            struct message message)
{
    const ASN1_TIME *from = X509_get0_notBefore(certificate);
    const ASN1_TIME *to = X509_get0_notAfter(certificate);
    char text[40];

    if (X509_cmp_current_time(from) > 0) {
        print_time(from, text, sizeof(text));
        return message_fail(message, ERR_REFUSED,
                            "%s/%s: not valid before %s; is the clock right?",
                            directory, file, text);
    }
    if (X509_cmp_current_time(to) < 0) {
        print_time(to, text, sizeof(text));
        return message_fail(message, ERR_REFUSED,
                            "%s/%s: expired at %s; is the clock right?",
                            directory, file, text);
    }
    return 0;
}

static int
check_chain(const struct identity *identity, struct message message)
{
    EVP_PKEY *signer = X509_get0_pubkey(identity->authority);

    if (X509_check_ca(identity->authority) == 0)
        return message_fail(message, ERR_MALFORMED,
                            "%s/%s: expected a certificate authority",
                            identity->directory, IDENTITY_AUTHORITY_FILE);
    if (signer == NULL || X509_verify(identity->certificate, signer) != 1)
        return message_fail(message, ERR_REFUSED,
                            "%s/%s: not signed by the authority in %s",
                            identity->directory, IDENTITY_CERTIFICATE_FILE,
                            IDENTITY_AUTHORITY_FILE);
    if (X509_check_private_key(identity->certificate, identity->key) != 1)
        return message_fail(
            message, ERR_REFUSED, "%s/%s: does not belong to the key in %s",
            identity->directory, IDENTITY_CERTIFICATE_FILE, IDENTITY_KEY_FILE);
    return 0;
}

static int
check_revoked(const struct identity *identity, struct message message)
{
    X509_CRL *crl = NULL;
    X509_REVOKED *entry = NULL;
    int error = identity_read_crl(identity->directory, identity->authority,
                                  &crl, message);

    if (error != 0 || crl == NULL)
        return error;
    if (X509_CRL_get0_by_cert(crl, &entry, identity->certificate) == 1)
        error = message_fail(message, ERR_REFUSED, "%s/%s: is revoked by %s",
                             identity->directory, IDENTITY_CERTIFICATE_FILE,
                             IDENTITY_CRL_FILE);
    X509_CRL_free(crl);
    return error;
}

static int
check(struct identity *identity, struct message message)
{
    int error = check_chain(identity, message);

    if (error == 0)
        error = check_dates(identity->authority, identity->directory,
                            IDENTITY_AUTHORITY_FILE, message);
    if (error == 0)
        error = check_dates(identity->certificate, identity->directory,
                            IDENTITY_CERTIFICATE_FILE, message);
    if (error == 0)
        error = check_revoked(identity, message);
    if (error != 0)
        return error;
    if (cert_subject(identity->certificate, &identity->subject) != 0)
        return message_fail(message, ERR_MALFORMED,
                            "%s/%s: expected serialNumber and OU (ncc, ncp, "
                            "ncf or ncm) in its subject",
                            identity->directory, IDENTITY_CERTIFICATE_FILE);
    return cert_cluster_id(identity->authority, &identity->cluster_id);
}

static int
read_files(struct identity *identity, struct message message)
{
    char path[CERT_PATH_MAX];
    int error =
        cert_path(path, identity->directory, IDENTITY_KEY_FILE, message);

    if (error == 0)
        error = cert_read_key(path, &identity->key, message);
    if (error == 0)
        error = cert_path(path, identity->directory, IDENTITY_CERTIFICATE_FILE,
                          message);
    if (error == 0)
        error = cert_read(path, &identity->certificate, message);
    if (error == 0)
        error = cert_path(path, identity->directory, IDENTITY_AUTHORITY_FILE,
                          message);
    if (error == 0)
        error = cert_read(path, &identity->authority, message);
    return error;
}

int
identity_load(const char *directory, struct identity **out, char *message,
              size_t message_size)
{
    struct message where = {message, message_size};
    struct identity *identity = calloc(1, sizeof(*identity));
    int error;

    if (identity == NULL)
        return message_fail(where, ERR_NOMEM, "%s: no memory", directory);
    if (strlen(directory) >= sizeof(identity->directory) - 16) {
        error =
            message_fail(where, ERR_RANGE, "%s: path is too long", directory);
        goto fail;
    }
    strcpy(identity->directory, directory);
    error = read_files(identity, where);
    if (error == 0)
        error = check(identity, where);
    ERR_clear_error();
    if (error != 0)
        goto fail;
    *out = identity;
    return 0;

fail:
    identity_destroy(identity);
    return error;
}

void
identity_destroy(struct identity *identity)
{
    if (identity == NULL)
        return;
    EVP_PKEY_free(identity->key);
    X509_free(identity->certificate);
    X509_free(identity->authority);
    free(identity);
}

void
identity_days(const struct identity *identity, int *left, int *life)
{
    const ASN1_TIME *from = X509_get0_notBefore(identity->certificate);
    const ASN1_TIME *to = X509_get0_notAfter(identity->certificate);
    int seconds = 0;

    *left = *life = 0;
    if (ASN1_TIME_diff(left, &seconds, NULL, to) == 1 && seconds < 0)
        *left -= 1;
    (void)ASN1_TIME_diff(life, &seconds, from, to);
}

int
identity_read_crl(const char *directory, X509 *authority, X509_CRL **out,
                  struct message message)
{
    char path[CERT_PATH_MAX];
    X509_CRL *crl = NULL;
    int error = cert_path(path, directory, IDENTITY_CRL_FILE, message);

    if (error == 0)
        error = cert_read_crl(path, &crl, message);
    if (error == ERR_NOENT) {
        *out = NULL;
        return 0;
    }
    if (error != 0)
        return error;
    if (X509_CRL_verify(crl, X509_get0_pubkey(authority)) != 1) {
        X509_CRL_free(crl);
        return message_fail(message, ERR_REFUSED,
                            "%s: not signed by the authority", path);
    }
    *out = crl;
    return 0;
}

int
identity_read_authority(const char *directory, X509 **authority,
                        EVP_PKEY **key, struct message message)
{
    char path[CERT_PATH_MAX];
    X509 *certificate = NULL;
    EVP_PKEY *private = NULL;
    int error = cert_path(path, directory, IDENTITY_AUTHORITY_FILE, message);

    if (error == 0)
        error = cert_read(path, &certificate, message);
    if (error == 0)
        error =
            cert_path(path, directory, IDENTITY_AUTHORITY_KEY_FILE, message);
    if (error == 0)
        error = cert_read_key(path, &private, message);
    if (error == 0 && X509_check_private_key(certificate, private) != 1)
        error = message_fail(message, ERR_REFUSED, "%s: not the key of %s",
                             path, IDENTITY_AUTHORITY_FILE);
    if (error != 0) {
        X509_free(certificate);
        EVP_PKEY_free(private);
        return error;
    }
    *authority = certificate;
    *key = private;
    return 0;
}

uint64_t
identity_key(const struct identity *identity)
{
    return identity->subject.key;
}

uint64_t
identity_cluster_id(const struct identity *identity)
{
    return identity->cluster_id;
}

const char *
identity_serial(const struct identity *identity)
{
    return identity->subject.serial;
}

enum role
identity_role(const struct identity *identity)
{
    return identity->subject.role;
}
