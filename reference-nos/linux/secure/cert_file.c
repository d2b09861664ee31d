/* SPDX-License-Identifier: Apache-2.0
 *
 * Certificates, keys and revocation lists as files.
 */
#include "reference-nos/linux/secure/cert_priv.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <openssl/err.h>
#include <openssl/pem.h>

#include "reference-nos/base/err.h"

static int
code_of_errno(int number)
{
    switch (number) {
    case ENOENT:
    case ENOTDIR: return ERR_NOENT;
    case EACCES:
    case EPERM: return ERR_PERMISSION;
    case EROFS: return ERR_READONLY;
    case ENOSPC:
    case EDQUOT: return ERR_NOSPACE;
    case ENOMEM: return ERR_NOMEM;
    default: return ERR_IO;
    }
}

static int
file_fail(struct message message, const char *path, int number)
{
    return message_fail(message, code_of_errno(number), "%s: %s", path,
                        strerror(number));
}

int
cert_path(char *out, const char *directory, const char *file,
          struct message message)
{
    int size = snprintf(out, CERT_PATH_MAX, "%s/%s", directory, file);

    if (size < 0 || size >= CERT_PATH_MAX)
        return message_fail(message, ERR_RANGE, "%s: path is too long",
                            directory);
    return 0;
}

/* Up to 'capacity' bytes; -1 with errno. */
static ssize_t
read_all(int fd, uint8_t *bytes, size_t capacity)
{
    size_t size = 0;

    while (size < capacity) {
        ssize_t got = read(fd, bytes + size, capacity - size);

        if (got < 0 && errno == EINTR)
            continue;
        if (got < 0)
            return -1;
        if (got == 0)
            break;
        size += (size_t)got;
    }
    return (ssize_t)size;
}

int
cert_read_file(const char *path, uint8_t **bytes, size_t *size,
               struct message message)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    uint8_t *room;
    ssize_t got;

    if (fd < 0)
        return file_fail(message, path, errno);
    room = malloc(CERT_FILE_MAX + 1);
    if (room == NULL) {
        close(fd);
        return message_fail(message, ERR_NOMEM, "%s: no memory", path);
    }
    got = read_all(fd, room, CERT_FILE_MAX + 1);
    if (got < 0 || got > CERT_FILE_MAX) {
        int number = got < 0 ? errno : EFBIG;

        close(fd);
        free(room);
        return file_fail(message, path, number);
    }
    close(fd);
    room[got] = '\0';
    *bytes = room;
    *size = (size_t)got;
    return 0;
}

/* Never asks for a pass phrase. */
static int
no_phrase(char *buffer, int size, int rwflag, void *arg)
{
    (void)buffer;
    (void)size;
    (void)rwflag;
    (void)arg;
    return 0;
}

enum kind { KIND_CERTIFICATE, KIND_KEY, KIND_CRL };

static void *
parse_pem(BIO *bio, enum kind kind)
{
    switch (kind) {
    case KIND_CERTIFICATE:
        return PEM_read_bio_X509(bio, NULL, no_phrase, NULL);
    case KIND_KEY: return PEM_read_bio_PrivateKey(bio, NULL, no_phrase, NULL);
    case KIND_CRL: return PEM_read_bio_X509_CRL(bio, NULL, no_phrase, NULL);
    }
    return NULL;
}

static int
read_pem(const char *path, enum kind kind, const char *expected, void **out,
         struct message message)
{
    uint8_t *bytes;
    size_t size;
    BIO *bio;
    int error = cert_read_file(path, &bytes, &size, message);

    if (error != 0)
        return error;
    bio = BIO_new_mem_buf(bytes, (int)size);
    *out = bio == NULL ? NULL : parse_pem(bio, kind);
    BIO_free(bio);
    OPENSSL_cleanse(bytes, size);
    free(bytes);
    ERR_clear_error();
    if (*out == NULL)
        return message_fail(message, ERR_MALFORMED, "%s: expected %s in PEM",
                            path, expected);
    return 0;
}

int
cert_read(const char *path, X509 **out, struct message message)
{
    void *read = NULL;
    int error =
        read_pem(path, KIND_CERTIFICATE, "a certificate", &read, message);

    if (error == 0)
        *out = read;
    return error;
}

int
cert_read_key(const char *path, EVP_PKEY **out, struct message message)
{
    struct stat status;
    void *read = NULL;
    int error;

    if (stat(path, &status) == 0 && (status.st_mode & 077) != 0)
        return message_fail(message, ERR_PERMISSION,
                            "%s: open to others (mode %04o), expected 0600",
                            path, (unsigned)(status.st_mode & 07777));
    error = read_pem(path, KIND_KEY, "a private key", &read, message);
    if (error != 0)
        return error;
    if (!cert_key_is_p256(read)) {
        EVP_PKEY_free(read);
        return message_fail(message, ERR_MALFORMED,
                            "%s: expected an ECDSA key on P-256", path);
    }
    *out = read;
    return 0;
}

int
cert_read_crl(const char *path, X509_CRL **out, struct message message)
{
    void *read = NULL;
    int error = read_pem(path, KIND_CRL, "a revocation list", &read, message);

    if (error == 0)
        *out = read;
    return error;
}

static bool
write_all(int fd, const uint8_t *bytes, size_t size)
{
    while (size > 0) {
        ssize_t wrote = write(fd, bytes, size);

        if (wrote < 0 && errno == EINTR)
            continue;
        if (wrote < 0)
            return false;
        bytes += wrote;
        size -= (size_t)wrote;
    }
    return true;
}

int
cert_write_file(const char *path, unsigned mode, const void *bytes,
                size_t size, struct message message)
{
    char beside[CERT_PATH_MAX + 8];
    int fd;
    int number;

    snprintf(beside, sizeof(beside), "%s.new", path);
    if (unlink(beside) != 0 && errno != ENOENT)
        return file_fail(message, beside, errno);
    fd = open(beside, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, mode);
    if (fd < 0)
        return file_fail(message, beside, errno);
    if (!write_all(fd, bytes, size) || fsync(fd) != 0) {
        number = errno;
        close(fd);
        unlink(beside);
        return file_fail(message, beside, number);
    }
    close(fd);
    if (rename(beside, path) != 0) {
        number = errno;
        unlink(beside);
        return file_fail(message, path, number);
    }
    return 0;
}

static int
write_pem(const char *path, unsigned mode, BIO *bio, bool encoded,
          struct message message)
{
    char *bytes = NULL;
    long size = encoded ? BIO_get_mem_data(bio, &bytes) : 0;

    if (size <= 0)
        return message_fail(message, ERR_INTERNAL, "%s: cannot encode", path);
    return cert_write_file(path, mode, bytes, (size_t)size, message);
}

int
cert_write(const char *path, X509 *certificate, struct message message)
{
    BIO *bio = BIO_new(BIO_s_mem());
    bool encoded = bio != NULL && PEM_write_bio_X509(bio, certificate) == 1;
    int error = write_pem(path, 0644, bio, encoded, message);

    BIO_free(bio);
    return error;
}

int
cert_write_key(const char *path, EVP_PKEY *key, struct message message)
{
    BIO *bio = BIO_new(BIO_s_secmem());
    bool encoded = bio != NULL && PEM_write_bio_PKCS8PrivateKey(
                                      bio, key, NULL, NULL, 0, NULL, NULL);
    int error = write_pem(path, 0600, bio, encoded, message);

    BIO_free(bio);
    return error;
}

int
cert_write_crl(const char *path, X509_CRL *crl, struct message message)
{
    BIO *bio = BIO_new(BIO_s_mem());
    bool encoded = bio != NULL && PEM_write_bio_X509_CRL(bio, crl) == 1;
    int error = write_pem(path, 0644, bio, encoded, message);

    BIO_free(bio);
    return error;
}
