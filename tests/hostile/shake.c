/* SPDX-License-Identifier: Apache-2.0 */
#define _GNU_SOURCE
#include "tests/hostile/shake.h"

#include <arpa/inet.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <openssl/err.h>
#include <openssl/ssl.h>

#include "reference-nos/base/check.h"
#include "tests/hostile/lab.h"

#define MTU 1400
#define RETRANSMIT_MS 1000 /* RFC 6347 section 4.2.4.1 */
#define SHAKES_MAX 512u

struct shake {
    SSL_CTX *context;
    SSL *ssl;
    int fd;
};

static SSL_CTX *
context_make(const char *identity)
{
    SSL_CTX *context = SSL_CTX_new(DTLS_client_method());
    char path[LAB_PATH_MAX + 16];

    if (context == NULL)
        return NULL;
    SSL_CTX_set_options(context, SSL_OP_NO_QUERY_MTU);
    if (identity == NULL)
        return context;
    (void)snprintf(path, sizeof(path), "%s/box.crt", identity);
    if (SSL_CTX_use_certificate_file(context, path, SSL_FILETYPE_PEM) == 1) {
        (void)snprintf(path, sizeof(path), "%s/box.key", identity);
        if (SSL_CTX_use_PrivateKey_file(context, path, SSL_FILETYPE_PEM) == 1)
            return context;
    }
    SSL_CTX_free(context);
    return NULL;
}

static int
socket_to(const struct tap *tap, const struct tap_host *to)
{
    struct sockaddr_in6 address = {.sin6_family = AF_INET6,
                                   .sin6_port = htons(to->port),
                                   .sin6_scope_id = (uint32_t)tap->index};
    int hops = 255;
    int fd = socket(AF_INET6, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);

    memcpy(&address.sin6_addr, to->ip, 16);
    if (fd >= 0 &&
        setsockopt(fd, IPPROTO_IPV6, IPV6_UNICAST_HOPS, &hops, sizeof(hops)) ==
            0 &&
        connect(fd, (const struct sockaddr *)&address, sizeof(address)) == 0)
        return fd;
    if (fd >= 0)
        (void)close(fd);
    return -1;
}

struct shake *
shake_begin(const struct tap *tap, const struct tap_host *to,
            const char *identity)
{
    struct shake *shake = calloc(1, sizeof(*shake));
    BIO *bio;

    if (shake == NULL)
        return NULL;
    shake->fd = socket_to(tap, to);
    shake->context = context_make(identity);
    if (shake->fd >= 0 && shake->context != NULL)
        shake->ssl = SSL_new(shake->context);
    if (shake->ssl == NULL) {
        shake_end(shake);
        return NULL;
    }
    bio = BIO_new_dgram(shake->fd, BIO_NOCLOSE);
    SSL_set_bio(shake->ssl, bio, bio);
    (void)SSL_set_mtu(shake->ssl, MTU);
    (void)shake_go_on(shake);
    return shake;
}

void
shake_end(struct shake *shake)
{
    if (shake == NULL)
        return;
    SSL_free(shake->ssl);
    SSL_CTX_free(shake->context);
    if (shake->fd >= 0)
        (void)close(shake->fd);
    free(shake);
}

bool
shake_go_on(struct shake *shake)
{
    bool done = SSL_connect(shake->ssl) == 1;

    ERR_clear_error();
    return done;
}

/* Until the handshake's own timer says its flight again. */
static int
again_ms(const struct shake *shake)
{
    struct timeval left;

    if (DTLSv1_get_timeout(shake->ssl, &left) != 1)
        return RETRANSMIT_MS;
    return (int)(left.tv_sec * 1000 + left.tv_usec / 1000 + 1);
}

bool
shake_whole(struct shake *shake, unsigned limit_ms)
{
    uint64_t end_ns = lab_now_ns() + (uint64_t)limit_ms * 1000000u;

    while (lab_now_ns() < end_ns) {
        struct pollfd item = {.fd = shake->fd, .events = POLLIN};
        int code = SSL_connect(shake->ssl);
        int error = SSL_get_error(shake->ssl, code);

        ERR_clear_error();
        if (code == 1)
            return true;
        if (error != SSL_ERROR_WANT_READ)
            return false;
        if (poll(&item, 1, again_ms(shake)) == 0)
            (void)DTLSv1_handle_timeout(shake->ssl);
    }
    return false;
}

bool
shake_ended(struct shake *shake, unsigned limit_ms)
{
    uint64_t end_ns = lab_now_ns() + (uint64_t)limit_ms * 1000000u;
    uint64_t now_ns;
    uint8_t bytes[2048];

    while ((now_ns = lab_now_ns()) < end_ns) {
        struct pollfd item = {.fd = shake->fd, .events = POLLIN};
        int code = SSL_read(shake->ssl, bytes, sizeof(bytes));
        int error = SSL_get_error(shake->ssl, code);

        ERR_clear_error();
        if (code <= 0 && error != SSL_ERROR_WANT_READ)
            return true;
        if (code <= 0)
            (void)poll(&item, 1, (int)((end_ns - now_ns) / 1000000u) + 1);
    }
    return false;
}

bool
shake_answered(struct shake *const *shakes, unsigned count, unsigned enough,
               unsigned limit_ms)
{
    uint64_t end_ns = lab_now_ns() + (uint64_t)limit_ms * 1000000u;
    struct pollfd items[SHAKES_MAX];
    unsigned answered = 0;

    CHECK(count <= SHAKES_MAX);
    for (unsigned i = 0; i < count; i++)
        items[i] = (struct pollfd){shakes[i]->fd, POLLIN, 0};
    while (answered < enough && lab_now_ns() < end_ns) {
        if (poll(items, count, again_ms(shakes[0])) < 0)
            return false;
        for (unsigned i = 0; i < count; i++) {
            if (items[i].fd < 0)
                continue;
            if (items[i].revents == 0) {
                (void)DTLSv1_handle_timeout(shakes[i]->ssl);
                continue;
            }
            (void)shake_go_on(shakes[i]);
            items[i].fd = -1;
            answered++;
        }
    }
    return answered >= enough;
}

size_t
shake_hello(uint8_t *bytes, size_t room)
{
    SSL_CTX *context = context_make(NULL);
    SSL *ssl = SSL_new(context);
    BIO *in = BIO_new(BIO_s_mem()), *out = BIO_new(BIO_s_mem());
    int size;

    SSL_set_bio(ssl, in, out);
    (void)SSL_set_mtu(ssl, MTU);
    (void)SSL_connect(ssl);
    size = BIO_read(out, bytes, (int)room);
    ERR_clear_error();
    SSL_free(ssl);
    SSL_CTX_free(context);
    return size > 0 ? (size_t)size : 0;
}
