/* SPDX-License-Identifier: Apache-2.0
 *
 * The authority of a cluster: making it, issuing and revoking identities.
 */
#include "reference-nos/linux/secure/identity_priv.h"

#include <errno.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <openssl/err.h>
#include <openssl/x509v3.h>

static int
make_directory(const char *directory, struct message message)
{
    if (mkdir(directory, 0700) == 0 || errno == EEXIST)
        return 0;
    return message_fail(message, errno == EACCES ? ERR_PERMISSION : ERR_IO,
                        "%s: %s", directory, strerror(errno));
}

/* A key is never overwritten: what it signed could not be undone. */
static int
new_path(char *path, const char *directory, const char *file,
         struct message message)
{
    int error = cert_path(path, directory, file, message);

    if (error == 0 && access(path, F_OK) == 0)
        error = message_fail(message, ERR_EXISTS, "%s: exists already", path);
    return error;
}

static int
write_in(const char *directory, const char *file, X509 *certificate,
         struct message message)
{
    char path[CERT_PATH_MAX];
    int error = cert_path(path, directory, file, message);

    return error != 0 ? error : cert_write(path, certificate, message);
}

static X509_NAME *
authority_name(const char *name)
{
    X509_NAME *made = X509_NAME_new();

    if (made != NULL && X509_NAME_add_entry_by_txt(made, "CN", MBSTRING_UTF8,
                                                   (const unsigned char *)name,
                                                   -1, -1, 0) == 1)
        return made;
    X509_NAME_free(made);
    return NULL;
}

int
identity_authority_make(const char *directory, const char *name, unsigned days,
                        char *message, size_t message_size)
{
    struct message where = {message, message_size};
    char path[CERT_PATH_MAX];
    struct cert_order order = {.days = (int)days};
    X509 *certificate = NULL;
    X509_NAME *subject = NULL;
    int error;

    if (name[0] == '\0' || strlen(name) > 64 || days > 36500)
        return message_fail(where, ERR_RANGE,
                            "cluster name of 1 to 64 bytes and at most 36500 "
                            "days expected");
    error = make_directory(directory, where);
    if (error == 0)
        error = new_path(path, directory, IDENTITY_AUTHORITY_KEY_FILE, where);
    if (error != 0)
        return error;
    subject = authority_name(name);
    order.name = subject;
    order.key = cert_key_make();
    order.authority_key = order.key;
    error = subject == NULL || order.key == NULL
                ? ERR_INTERNAL
                : cert_sign(&order, &certificate);
    if (error == 0)
        error = cert_write_key(path, order.key, where);
    else
        error = message_fail(where, error, "%s: cannot sign", directory);
    if (error == 0)
        error =
            write_in(directory, IDENTITY_AUTHORITY_FILE, certificate, where);
    X509_NAME_free(subject);
    X509_free(certificate);
    EVP_PKEY_free(order.key);
    ERR_clear_error();
    return error;
}

/* What an identity needs of the authority, beside its own certificate. */
static int
copy_authority(const char *from, const char *to, X509 *authority,
               struct message message)
{
    char path[CERT_PATH_MAX];
    X509_CRL *crl = NULL;
    int error = write_in(to, IDENTITY_AUTHORITY_FILE, authority, message);

    if (error == 0)
        error = identity_read_crl(from, authority, &crl, message);
    if (error != 0 || crl == NULL)
        return error;
    error = cert_path(path, to, IDENTITY_CRL_FILE, message);
    if (error == 0)
        error = cert_write_crl(path, crl, message);
    X509_CRL_free(crl);
    return error;
}

static int
issue(const struct identity_request *request, struct cert_order *order,
      uint64_t *key, struct message message)
{
    char path[CERT_PATH_MAX];
    struct cert_subject subject;
    X509 *certificate = NULL;
    int error = new_path(path, request->directory, IDENTITY_KEY_FILE, message);

    if (error != 0)
        return error;
    error = cert_sign(order, &certificate);
    if (error == 0)
        error = cert_subject(certificate, &subject);
    if (error != 0)
        error = message_fail(message, error, "%s: cannot sign",
                             request->directory);
    else
        error = cert_write_key(path, order->key, message);
    if (error == 0)
        error = write_in(request->directory, IDENTITY_CERTIFICATE_FILE,
                         certificate, message);
    if (error == 0)
        error = copy_authority(request->authority, request->directory,
                               order->authority, message);
    X509_free(certificate);
    if (error == 0 && key != NULL)
        *key = subject.key;
    return error;
}

int
identity_issue(const struct identity_request *request, uint64_t *key,
               char *message, size_t message_size)
{
    struct message where = {message, message_size};
    struct cert_order order = {.days = request->days};
    X509_NAME *name;
    int error;

    if (!cert_serial_valid(request->serial) ||
        (unsigned)request->role >= ROLE_COUNT || request->days > 36500 ||
        request->days < -3650)
        return message_fail(where, ERR_RANGE,
                            "a serial of 1 to %d printable bytes, a role and "
                            "-3650 to 36500 days expected",
                            FACTS_SERIAL_MAX - 1);
    error = identity_read_authority(request->authority, &order.authority,
                                    &order.authority_key, where);
    if (error == 0)
        error = make_directory(request->directory, where);
    if (error != 0)
        goto out;
    name = cert_name(request->serial, request->role);
    order.name = name;
    order.key = cert_key_make();
    error = name == NULL || order.key == NULL
                ? message_fail(where, ERR_INTERNAL, "cannot make a key")
                : issue(request, &order, key, where);
    X509_NAME_free(name);

out:
    EVP_PKEY_free(order.key);
    EVP_PKEY_free(order.authority_key);
    X509_free(order.authority);
    ERR_clear_error();
    return error;
}

/* The certificate in 'directory', which must be of 'signer'. */
static int
read_signed(const char *directory, X509 *signer, const char *authority,
            X509 **certificate, struct message message)
{
    char path[CERT_PATH_MAX];
    int error = cert_path(path, directory, IDENTITY_CERTIFICATE_FILE, message);

    if (error == 0)
        error = cert_read(path, certificate, message);
    if (error == 0 && X509_verify(*certificate, X509_get0_pubkey(signer)) != 1)
        error =
            message_fail(message, ERR_REFUSED,
                         "%s: not of the authority in %s", path, authority);
    return error;
}

static int
sign_again(const char *directory, struct cert_order *order, X509 *former,
           struct message message)
{
    X509 *certificate = NULL;
    int error;

    if (X509_check_private_key(former, order->key) != 1)
        return message_fail(message, ERR_REFUSED, "%s/%s: not the key of %s",
                            directory, IDENTITY_KEY_FILE,
                            IDENTITY_CERTIFICATE_FILE);
    order->name = X509_get_subject_name(former);
    error = cert_sign(order, &certificate);
    if (error != 0)
        return message_fail(message, error, "%s: cannot sign", directory);
    error =
        write_in(directory, IDENTITY_CERTIFICATE_FILE, certificate, message);
    X509_free(certificate);
    return error;
}

int
identity_renew(const char *authority, const char *directory, int days,
               char *message, size_t message_size)
{
    struct message where = {message, message_size};
    struct cert_order order = {.days = days};
    char path[CERT_PATH_MAX];
    X509 *former = NULL;
    int error;

    if (days > 36500 || days < -3650)
        return message_fail(where, ERR_RANGE, "-3650 to 36500 days expected");
    error = identity_read_authority(authority, &order.authority,
                                    &order.authority_key, where);
    if (error == 0)
        error =
            read_signed(directory, order.authority, authority, &former, where);
    if (error == 0)
        error = cert_path(path, directory, IDENTITY_KEY_FILE, where);
    if (error == 0)
        error = cert_read_key(path, &order.key, where);
    if (error == 0)
        error = sign_again(directory, &order, former, where);
    if (error == 0)
        error = copy_authority(authority, directory, order.authority, where);
    X509_free(former);
    EVP_PKEY_free(order.key);
    EVP_PKEY_free(order.authority_key);
    X509_free(order.authority);
    ERR_clear_error();
    return error;
}

static bool
crl_dates(X509_CRL *crl)
{
    ASN1_TIME *now = X509_gmtime_adj(NULL, 0);
    ASN1_TIME *next = X509_gmtime_adj(NULL, 3650 * CERT_DAY_S);
    bool set = now != NULL && next != NULL &&
               X509_CRL_set1_lastUpdate(crl, now) == 1 &&
               X509_CRL_set1_nextUpdate(crl, next) == 1;

    ASN1_TIME_free(now);
    ASN1_TIME_free(next);
    return set;
}

/* One more than before (RFC 5280 section 5.2.3). */
static bool
crl_count(X509_CRL *crl)
{
    ASN1_INTEGER *number =
        X509_CRL_get_ext_d2i(crl, NID_crl_number, NULL, NULL);
    int64_t value = 0;
    bool set;

    if (number != NULL && ASN1_INTEGER_get_int64(&value, number) != 1)
        value = 0;
    if (number == NULL)
        number = ASN1_INTEGER_new();
    set = number != NULL && ASN1_INTEGER_set_int64(number, value + 1) == 1 &&
          X509_CRL_add1_ext_i2d(crl, NID_crl_number, number, 0,
                                X509V3_ADD_REPLACE) == 1;
    ASN1_INTEGER_free(number);
    return set;
}

static X509_CRL *
crl_new(X509 *authority)
{
    X509_CRL *crl = X509_CRL_new();

    if (crl != NULL && X509_CRL_set_version(crl, X509_CRL_VERSION_2) == 1 &&
        X509_CRL_set_issuer_name(crl, X509_get_subject_name(authority)) == 1)
        return crl;
    X509_CRL_free(crl);
    return NULL;
}

static bool
crl_add(X509_CRL *crl, X509 *certificate)
{
    X509_REVOKED *entry = NULL;
    ASN1_TIME *now;
    bool set;

    if (X509_CRL_get0_by_cert(crl, &entry, certificate) == 1)
        return true;
    entry = X509_REVOKED_new();
    now = X509_gmtime_adj(NULL, 0);
    set = entry != NULL && now != NULL &&
          X509_REVOKED_set_serialNumber(
              entry, X509_get_serialNumber(certificate)) == 1 &&
          X509_REVOKED_set_revocationDate(entry, now) == 1 &&
          X509_CRL_add0_revoked(crl, entry) == 1;
    if (!set)
        X509_REVOKED_free(entry);
    ASN1_TIME_free(now);
    return set;
}

static int
add_revoked(const char *directory, X509 *authority, EVP_PKEY *key,
            X509 *revoked, struct message message)
{
    char path[CERT_PATH_MAX];
    X509_CRL *crl = NULL;
    int error = identity_read_crl(directory, authority, &crl, message);

    if (error == 0 && crl == NULL)
        crl = crl_new(authority);
    if (error == 0)
        error = cert_path(path, directory, IDENTITY_CRL_FILE, message);
    if (error == 0) {
        if (crl != NULL && crl_dates(crl) && crl_count(crl) &&
            crl_add(crl, revoked) && X509_CRL_sort(crl) == 1 &&
            X509_CRL_sign(crl, key, EVP_sha256()) > 0)
            error = cert_write_crl(path, crl, message);
        else
            error =
                message_fail(message, ERR_INTERNAL, "%s: cannot sign", path);
    }
    X509_CRL_free(crl);
    return error;
}

int
identity_revoke(const char *authority, const char *directory, char *message,
                size_t message_size)
{
    struct message where = {message, message_size};
    X509 *signer = NULL;
    EVP_PKEY *key = NULL;
    X509 *revoked = NULL;
    int error = identity_read_authority(authority, &signer, &key, where);

    if (error == 0)
        error = read_signed(directory, signer, authority, &revoked, where);
    if (error == 0)
        error = add_revoked(authority, signer, key, revoked, where);
    X509_free(revoked);
    X509_free(signer);
    EVP_PKEY_free(key);
    ERR_clear_error();
    return error;
}
