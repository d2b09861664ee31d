/* SPDX-License-Identifier: Apache-2.0
 *
 * Vouchers: "v1:role:expiry:fingerprint:mac:serial", the serial last because
 * it may hold any printable byte.
 */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>

#include <openssl/hmac.h>
#include <openssl/rand.h>

#include "reference-nos/base/err.h"
#include "reference-nos/linux/secure/enroll_priv.h"

#define SECRET_BYTES 32u
#define HEX_BYTES 64u /* of 32 bytes */

static void
to_hex(const uint8_t bytes[32], char out[HEX_BYTES + 1])
{
    for (unsigned i = 0; i < 32; i++)
        snprintf(out + (size_t)2 * i, 3, "%02x", bytes[i]);
}

static int
hex_digit(char digit)
{
    if (digit >= '0' && digit <= '9')
        return digit - '0';
    return digit >= 'a' && digit <= 'f' ? digit - 'a' + 10 : -1;
}

static bool
from_hex(const char *text, size_t length, uint8_t out[32])
{
    if (length != HEX_BYTES)
        return false;
    for (unsigned i = 0; i < 32; i++) {
        int high = hex_digit(text[(size_t)2 * i]);
        int low = hex_digit(text[(size_t)2 * i + 1]);

        if (high < 0 || low < 0)
            return false;
        out[i] = (uint8_t)(high << 4 | low);
    }
    return true;
}

static int
read_secret(const char *authority, uint8_t out[SECRET_BYTES],
            struct message message)
{
    char path[CERT_PATH_MAX];
    uint8_t *bytes;
    size_t size;
    bool good;
    int error = cert_path(path, authority, ENROLL_VOUCHER_KEY_FILE, message);

    if (error == 0)
        error = cert_read_file(path, &bytes, &size, message);
    if (error != 0)
        return error;
    good = size >= HEX_BYTES && from_hex((char *)bytes, HEX_BYTES, out);
    OPENSSL_cleanse(bytes, size);
    free(bytes);
    return good ? 0
                : message_fail(message, ERR_MALFORMED,
                               "%s: expected 64 hexadecimal digits", path);
}

static int
make_secret(const char *authority, uint8_t out[SECRET_BYTES],
            struct message message)
{
    char path[CERT_PATH_MAX], text[HEX_BYTES + 2];
    int error = read_secret(authority, out, message);

    if (error != ERR_NOENT)
        return error;
    if (RAND_bytes(out, SECRET_BYTES) != 1)
        return message_fail(message, ERR_INTERNAL, "no random bytes");
    to_hex(out, text);
    strcat(text, "\n");
    error = cert_path(path, authority, ENROLL_VOUCHER_KEY_FILE, message);
    if (error == 0)
        error = cert_write_file(path, 0600, text, strlen(text), message);
    OPENSSL_cleanse(text, sizeof(text));
    return error;
}

/* Over all but the mac itself. */
static bool
mac_of(const uint8_t secret[SECRET_BYTES],
       const struct enroll_voucher *voucher, uint8_t out[32])
{
    char text[ENROLL_VOUCHER_MAX], fingerprint[HEX_BYTES + 1];
    int size;

    to_hex(voucher->fingerprint, fingerprint);
    size = snprintf(text, sizeof(text), "v1:%s:%" PRIu64 ":%s:%s",
                    role_name(voucher->role), voucher->expiry_s, fingerprint,
                    voucher->serial);
    return HMAC(EVP_sha256(), secret, SECRET_BYTES,
                (const unsigned char *)text, (size_t)size, out, NULL) != NULL;
}

static int
authority_fingerprint(const char *authority, uint8_t out[32],
                      struct message message)
{
    char path[CERT_PATH_MAX];
    X509 *certificate;
    int error = cert_path(path, authority, IDENTITY_AUTHORITY_FILE, message);

    if (error == 0)
        error = cert_read(path, &certificate, message);
    if (error != 0)
        return error;
    error = cert_fingerprint(certificate, out);
    X509_free(certificate);
    return error;
}

int
enroll_voucher_make(const char *authority, const char *serial, enum role role,
                    unsigned hours, char out[ENROLL_VOUCHER_MAX],
                    char *message, size_t message_size)
{
    struct message where = {message, message_size};
    struct enroll_voucher voucher = {.role = role};
    uint8_t secret[SECRET_BYTES], mac[32];
    char fingerprint[HEX_BYTES + 1], mac_text[HEX_BYTES + 1];
    int error;

    if (!cert_serial_valid(serial) || (unsigned)role >= ROLE_COUNT ||
        hours == 0 || hours > 24 * 366)
        return message_fail(where, ERR_RANGE,
                            "a serial, a role and 1 to 8784 hours expected");
    strcpy(voucher.serial, serial);
    voucher.expiry_s = (uint64_t)time(NULL) + (uint64_t)hours * 3600;
    error = authority_fingerprint(authority, voucher.fingerprint, where);
    if (error == 0)
        error = make_secret(authority, secret, where);
    if (error != 0)
        return error;
    if (!mac_of(secret, &voucher, mac))
        return message_fail(where, ERR_INTERNAL, "cannot sign a voucher");
    OPENSSL_cleanse(secret, sizeof(secret));
    to_hex(voucher.fingerprint, fingerprint);
    to_hex(mac, mac_text);
    snprintf(out, ENROLL_VOUCHER_MAX, "v1:%s:%" PRIu64 ":%s:%s:%s",
             role_name(role), voucher.expiry_s, fingerprint, mac_text, serial);
    return 0;
}

/* The bytes up to the next colon; false when there is none. */
static bool
next_field(const char **at, const char **field, size_t *length)
{
    const char *colon = strchr(*at, ':');

    if (colon == NULL)
        return false;
    *field = *at;
    *length = (size_t)(colon - *at);
    *at = colon + 1;
    return true;
}

static bool
read_number(const char *text, size_t length, uint64_t *out)
{
    uint64_t value = 0;

    if (length == 0 || length > 12)
        return false;
    for (size_t i = 0; i < length; i++) {
        if (text[i] < '0' || text[i] > '9')
            return false;
        value = value * 10 + (uint64_t)(text[i] - '0');
    }
    *out = value;
    return true;
}

static int
read_text(const char *text, struct enroll_voucher *out, uint8_t mac[32])
{
    struct enroll_voucher voucher;
    const char *at = text, *field;
    char role[8];
    size_t length;

    memset(&voucher, 0, sizeof(voucher));
    if (strlen(text) >= ENROLL_VOUCHER_MAX ||
        !next_field(&at, &field, &length) || length != 2 ||
        memcmp(field, "v1", 2) != 0 || !next_field(&at, &field, &length) ||
        length >= sizeof(role))
        return ERR_MALFORMED;
    memcpy(role, field, length);
    role[length] = '\0';
    if (!cert_role_parse(role, &voucher.role) ||
        !next_field(&at, &field, &length) ||
        !read_number(field, length, &voucher.expiry_s) ||
        !next_field(&at, &field, &length) ||
        !from_hex(field, length, voucher.fingerprint) ||
        !next_field(&at, &field, &length) || !from_hex(field, length, mac) ||
        !cert_serial_valid(at))
        return ERR_MALFORMED;
    strcpy(voucher.serial, at);
    *out = voucher;
    return 0;
}

int
enroll_voucher_read(const char *text, struct enroll_voucher *out)
{
    uint8_t mac[32];

    return read_text(text, out, mac);
}

int
enroll_voucher_check(const char *authority, const char *text, uint64_t now_s,
                     struct enroll_voucher *out)
{
    struct message nowhere = {NULL, 0};
    struct enroll_voucher voucher;
    uint8_t mac[32], expected[32], secret[SECRET_BYTES], fingerprint[32];
    int error = read_text(text, &voucher, mac);

    if (error == 0)
        error = read_secret(authority, secret, nowhere);
    if (error == 0)
        error = authority_fingerprint(authority, fingerprint, nowhere);
    if (error != 0)
        return error;
    if (!mac_of(secret, &voucher, expected) ||
        CRYPTO_memcmp(mac, expected, sizeof(mac)) != 0 ||
        memcmp(fingerprint, voucher.fingerprint, sizeof(fingerprint)) != 0 ||
        now_s > voucher.expiry_s)
        error = ERR_REFUSED;
    OPENSSL_cleanse(secret, sizeof(secret));
    if (error == 0)
        *out = voucher;
    return error;
}

/* The first line of the file, which is all of it. */
static int
load_text(const char *path, char out[ENROLL_VOUCHER_MAX],
          struct message message)
{
    uint8_t *bytes = NULL;
    size_t size = 0;
    int error = cert_read_file(path, &bytes, &size, message);

    if (error != 0)
        return error;
    while (size > 0 && (bytes[size - 1] == '\n' || bytes[size - 1] == '\r'))
        size--;
    if (size == 0 || size >= ENROLL_VOUCHER_MAX ||
        memchr(bytes, '\0', size) != NULL) {
        error = message_fail(message, ERR_MALFORMED,
                             "%s: expected one line, a voucher", path);
    } else {
        memcpy(out, bytes, size);
        out[size] = '\0';
    }
    free(bytes);
    return error;
}

int
enroll_voucher_load(const char *directory, const char *serial, enum role role,
                    char out[ENROLL_VOUCHER_MAX], char *message,
                    size_t message_size)
{
    struct message where = {message, message_size};
    struct enroll_voucher voucher;
    char path[CERT_PATH_MAX];
    int error = cert_path(path, directory, ENROLL_VOUCHER_FILE, where);

    if (error == 0)
        error = load_text(path, out, where);
    if (error != 0)
        return error;
    if (enroll_voucher_read(out, &voucher) != 0)
        return message_fail(where, ERR_MALFORMED,
                            "%s: the voucher is malformed", path);
    if (strcmp(voucher.serial, serial) != 0 || voucher.role != role)
        return message_fail(where, ERR_REFUSED,
                            "%s: the voucher is for %s %s, not for %s %s",
                            path, role_name(voucher.role), voucher.serial,
                            role_name(role), serial);
    if ((uint64_t)time(NULL) > voucher.expiry_s)
        return message_fail(where, ERR_REFUSED,
                            "%s: the voucher has expired; is the clock right?",
                            path);
    return 0;
}
