/* SPDX-License-Identifier: Apache-2.0 */
#include "reference-nos/linux/secure/cert_priv.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <openssl/ec.h>
#include <openssl/rand.h>
#include <openssl/sha.h>
#include <openssl/x509v3.h>

#include "reference-nos/base/err.h"
#include "reference-nos/platform/plat.h"

int
message_fail(struct message message, int code, const char *format, ...)
{
    va_list args;

    if (message.text == NULL || message.size == 0)
        return code;
    va_start(args, format);
    vsnprintf(message.text, message.size, format, args);
    va_end(args);
    return code;
}

bool
cert_serial_valid(const char *serial)
{
    size_t length = strlen(serial);

    if (length == 0 || length >= FACTS_SERIAL_MAX)
        return false;
    for (size_t i = 0; i < length; i++)
        if (serial[i] <= ' ' || serial[i] > '~')
            return false;
    return true;
}

bool
cert_role_parse(const char *text, enum role *out)
{
    for (unsigned role = 0; role < ROLE_COUNT; role++) {
        if (strcmp(text, role_name((enum role)role)) == 0) {
            *out = (enum role)role;
            return true;
        }
    }
    return false;
}

/* The only entry of 'nid'; false when there is none, several, or it does not
 * fit. */
static bool
name_text(const X509_NAME *name, int nid, char *out, size_t size)
{
    int at = X509_NAME_get_index_by_NID(name, nid, -1);
    const ASN1_STRING *value;
    int length;

    if (at < 0 || X509_NAME_get_index_by_NID(name, nid, at) >= 0)
        return false;
    value = X509_NAME_ENTRY_get_data(X509_NAME_get_entry(name, at));
    length = ASN1_STRING_length(value);
    if (length <= 0 || (size_t)length >= size)
        return false;
    memcpy(out, ASN1_STRING_get0_data(value), (size_t)length);
    out[length] = '\0';
    return strlen(out) == (size_t)length;
}

int
cert_subject_of_name(const X509_NAME *name, X509_PUBKEY *key,
                     struct cert_subject *out)
{
    struct cert_subject subject;
    char role[16];
    int error;

    memset(&subject, 0, sizeof(subject));
    if (!name_text(name, NID_serialNumber, subject.serial,
                   sizeof(subject.serial)) ||
        !cert_serial_valid(subject.serial) ||
        !name_text(name, NID_organizationalUnitName, role, sizeof(role)) ||
        !cert_role_parse(role, &subject.role))
        return ERR_MALFORMED;
    error = cert_box_key(subject.serial, key, &subject.key);
    if (error == 0)
        *out = subject;
    return error;
}

int
cert_subject(const X509 *certificate, struct cert_subject *out)
{
    return cert_subject_of_name(X509_get_subject_name(certificate),
                                X509_get_X509_PUBKEY(certificate), out);
}

static bool
name_add(X509_NAME *name, const char *field, const char *text)
{
    return X509_NAME_add_entry_by_txt(name, field, MBSTRING_ASC,
                                      (const unsigned char *)text, -1, -1,
                                      0) == 1;
}

X509_NAME *
cert_name(const char *serial, enum role role)
{
    X509_NAME *name = X509_NAME_new();

    if (name == NULL)
        return NULL;
    if (!name_add(name, "OU", role_name(role)) ||
        !name_add(name, "CN", serial) ||
        !name_add(name, "serialNumber", serial)) {
        X509_NAME_free(name);
        return NULL;
    }
    return name;
}

/* SHA-256 over 'prefix' with its final zero (when not NULL), then the key. */
static int
hash_key(const char *prefix, X509_PUBKEY *key, uint8_t out[32])
{
    unsigned char *der = NULL;
    int size = i2d_X509_PUBKEY(key, &der);
    EVP_MD_CTX *md = EVP_MD_CTX_new();
    int error = ERR_NOMEM;

    if (size > 0 && md != NULL && EVP_DigestInit_ex(md, EVP_sha256(), NULL) &&
        (prefix == NULL || EVP_DigestUpdate(md, prefix, strlen(prefix) + 1)) &&
        EVP_DigestUpdate(md, der, (size_t)size) &&
        EVP_DigestFinal_ex(md, out, NULL))
        error = 0;
    EVP_MD_CTX_free(md);
    OPENSSL_free(der);
    return error;
}

static uint64_t
first_u64(const uint8_t *hash)
{
    uint64_t value = 0;

    for (int i = 0; i < 8; i++)
        value = value << 8 | hash[i];
    return value;
}

int
cert_box_key(const char *serial, X509_PUBKEY *key, uint64_t *out)
{
    uint8_t hash[32];
    int error = hash_key(serial, key, hash);
    uint64_t value = first_u64(hash);

    if (error != 0)
        return error;
    if (value == 0 || value == PLAT_ADDRESS_ALL)
        return ERR_RANGE;
    *out = value;
    return 0;
}

int
cert_fingerprint(const X509 *authority, uint8_t out[32])
{
    return hash_key(NULL, X509_get_X509_PUBKEY(authority), out);
}

int
cert_cluster_id(const X509 *authority, uint64_t *out)
{
    uint8_t hash[32];
    int error = cert_fingerprint(authority, hash);

    if (error == 0)
        *out = first_u64(hash);
    return error;
}

bool
cert_key_is_p256(EVP_PKEY *key)
{
    char group[32] = "";

    return key != NULL && EVP_PKEY_is_a(key, "EC") &&
           EVP_PKEY_get_group_name(key, group, sizeof(group), NULL) == 1 &&
           strcmp(group, "prime256v1") == 0;
}

EVP_PKEY *
cert_key_make(void)
{
    return EVP_EC_gen("P-256");
}

static bool
add_extension(X509 *certificate, X509 *issuer, int nid, const char *value)
{
    X509V3_CTX context;
    X509_EXTENSION *extension;
    bool added;

    X509V3_set_ctx(&context, issuer, certificate, NULL, NULL, 0);
    extension = X509V3_EXT_conf_nid(NULL, &context, nid, value);
    if (extension == NULL)
        return false;
    added = X509_add_ext(certificate, extension, -1) == 1;
    X509_EXTENSION_free(extension);
    return added;
}

static bool
add_extensions(X509 *certificate, X509 *issuer)
{
    bool authority = certificate == issuer;

    return add_extension(certificate, issuer, NID_basic_constraints,
                         authority ? "critical,CA:TRUE,pathlen:0"
                                   : "critical,CA:FALSE") &&
           add_extension(certificate, issuer, NID_key_usage,
                         authority ? "critical,keyCertSign,cRLSign"
                                   : "critical,digitalSignature") &&
           add_extension(certificate, issuer, NID_subject_key_identifier,
                         "hash") &&
           (authority ||
            (add_extension(certificate, issuer, NID_authority_key_identifier,
                           "keyid:always") &&
             add_extension(certificate, issuer, NID_ext_key_usage,
                           "clientAuth,serverAuth")));
}

/* Random, positive, not zero (RFC 5280 section 4.1.2.2). */
static bool
set_number(X509 *certificate)
{
    uint8_t bytes[16];
    BIGNUM *number;
    bool set;

    if (RAND_bytes(bytes, sizeof(bytes)) != 1)
        return false;
    bytes[0] = (uint8_t)((bytes[0] & 0x7f) | 0x40);
    number = BN_bin2bn(bytes, sizeof(bytes), NULL);
    set =
        number != NULL &&
        BN_to_ASN1_INTEGER(number, X509_get_serialNumber(certificate)) != NULL;
    BN_free(number);
    return set;
}

/* One day before now, so that a box whose clock is a little behind can use
 * it; an expired one has been valid for a day. */
static bool
set_dates(X509 *certificate, int days)
{
    long start_s = days < 0 ? (days - 1L) * CERT_DAY_S : -CERT_DAY_S;

    return X509_gmtime_adj(X509_getm_notBefore(certificate), start_s) !=
               NULL &&
           X509_gmtime_adj(X509_getm_notAfter(certificate),
                           days * CERT_DAY_S) != NULL;
}

int
cert_sign(const struct cert_order *order, X509 **out)
{
    X509 *certificate = X509_new();
    X509 *issuer = order->authority != NULL ? order->authority : certificate;

    if (certificate == NULL)
        return ERR_NOMEM;
    if (!X509_set_version(certificate, X509_VERSION_3) ||
        !set_number(certificate) || !set_dates(certificate, order->days) ||
        !X509_set_subject_name(certificate, order->name) ||
        !X509_set_issuer_name(certificate, X509_get_subject_name(issuer)) ||
        !X509_set_pubkey(certificate, order->key) ||
        !add_extensions(certificate, issuer) ||
        !X509_sign(certificate, order->authority_key, EVP_sha256())) {
        X509_free(certificate);
        return ERR_INTERNAL;
    }
    *out = certificate;
    return 0;
}
