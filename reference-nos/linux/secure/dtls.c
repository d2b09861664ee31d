/* SPDX-License-Identifier: Apache-2.0 */
#include "reference-nos/linux/secure/dtls_priv.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include <openssl/err.h>
#include <openssl/hmac.h>
#include <openssl/rand.h>

#define SECRET_BYTES 32

/* What tells that a file is another one. */
struct stamp {
    ino_t inode;
    off_t size;
    struct timespec changed;
};

struct dtls_context {
    const struct identity *identity;
    SSL_CTX *ssl;
    BIO_METHOD *method;
    X509_CRL *crl; /* or NULL */
    struct stamp crl_stamp;
    uint64_t secret_until_ns;
    uint8_t secret[2][SECRET_BYTES]; /* present and former */
    uint8_t fingerprint[32];         /* a guest's: of the authority */
};

void
peer_address_text(const struct peer_address *address, char *out)
{
    char ip[INET6_ADDRSTRLEN] = "?";

    inet_ntop(AF_INET6, address->ip, ip, sizeof(ip));
    snprintf(out, PEER_ADDRESS_TEXT_MAX, "[%s]:%u", ip,
             (unsigned)address->port);
}

int
peer_address_compare(const struct peer_address *a,
                     const struct peer_address *b)
{
    int order = memcmp(a->ip, b->ip, sizeof(a->ip));

    return order != 0 ? order : (int)a->port - (int)b->port;
}

/* One write is one datagram; a memory BIO would melt them. */
static int
bio_write(BIO *bio, const char *bytes, int size)
{
    struct dtls_end *end = BIO_get_data(bio);

    if (size > 0)
        end->out(end, bytes, (size_t)size);
    return size;
}

static int
bio_read(BIO *bio, char *bytes, int capacity)
{
    struct dtls_end *end = BIO_get_data(bio);
    size_t size = end->in_size;

    BIO_clear_retry_flags(bio);
    if (end->in == NULL || capacity < 0) {
        BIO_set_retry_read(bio);
        return -1;
    }
    if (size > (size_t)capacity)
        size = (size_t)capacity;
    memcpy(bytes, end->in, size);
    end->in = NULL;
    return (int)size;
}

static long
bio_ctrl(BIO *bio, int command, long number, void *pointer)
{
    (void)bio;
    (void)number;
    (void)pointer;
    switch (command) {
    case BIO_CTRL_FLUSH: return 1;
    case BIO_CTRL_DGRAM_QUERY_MTU:
    case BIO_CTRL_DGRAM_GET_FALLBACK_MTU: return DTLS_HANDSHAKE_MTU;
    default: return 0;
    }
}

static int
bio_create(BIO *bio)
{
    BIO_set_init(bio, 1);
    return 1;
}

static BIO_METHOD *
method_new(void)
{
    BIO_METHOD *method = BIO_meth_new(BIO_TYPE_SOURCE_SINK, "datagram");

    if (method != NULL && BIO_meth_set_write(method, bio_write) &&
        BIO_meth_set_read(method, bio_read) &&
        BIO_meth_set_ctrl(method, bio_ctrl) &&
        BIO_meth_set_create(method, bio_create))
        return method;
    BIO_meth_free(method);
    return NULL;
}

static bool
cookie_of(const struct dtls_end *end, unsigned secret,
          uint8_t out[DTLS_COOKIE_BYTES])
{
    uint8_t input[18];
    uint8_t hash[EVP_MAX_MD_SIZE];

    memcpy(input, end->address.ip, 16);
    input[16] = (uint8_t)(end->address.port >> 8);
    input[17] = (uint8_t)end->address.port;
    if (HMAC(EVP_sha256(), end->context->secret[secret], SECRET_BYTES, input,
             sizeof(input), hash, NULL) == NULL)
        return false;
    memcpy(out, hash, DTLS_COOKIE_BYTES);
    return true;
}

static int
cookie_make(SSL *ssl, unsigned char *cookie, unsigned *size)
{
    if (!cookie_of(SSL_get_app_data(ssl), 0, cookie))
        return 0;
    *size = DTLS_COOKIE_BYTES;
    return 1;
}

static int
cookie_verify(SSL *ssl, const unsigned char *cookie, unsigned size)
{
    uint8_t expected[DTLS_COOKIE_BYTES];

    if (size != DTLS_COOKIE_BYTES)
        return 0;
    for (unsigned secret = 0; secret < 2; secret++)
        if (cookie_of(SSL_get_app_data(ssl), secret, expected) &&
            CRYPTO_memcmp(cookie, expected, DTLS_COOKIE_BYTES) == 0)
            return 1;
    return 0;
}

static const char *
judge_subject(const struct dtls_end *end)
{
    uint64_t own = end->context->identity->subject.key;

    if (!end->peer_known)
        return "no box in its subject";
    if (end->peer.key == own)
        return "has our own identity";
    if (end->expected_key != 0 && end->peer.key != end->expected_key)
        return "another box than its beacon said";
    if (end->expected_key == 0 && end->peer.key > own)
        return "opens, though its key is the higher one";
    return NULL;
}

static void
refuse(struct dtls_end *end, enum identity_refusal why, const char *text)
{
    end->refusal = text;
    end->identity_bad = true;
    end->identity_why = why;
}

static enum identity_refusal
refusal_of(int error)
{
    switch (error) {
    case X509_V_ERR_CERT_HAS_EXPIRED:
    case X509_V_ERR_CERT_NOT_YET_VALID: return IDENTITY_EXPIRED;
    default: return IDENTITY_STRANGER;
    }
}

static int
verify(X509_STORE_CTX *store, void *arg)
{
    const struct dtls_context *context = arg;
    SSL *ssl = X509_STORE_CTX_get_ex_data(
        store, SSL_get_ex_data_X509_STORE_CTX_idx());
    struct dtls_end *end = SSL_get_app_data(ssl);
    X509 *certificate = X509_STORE_CTX_get0_cert(store);

    end->peer_known = cert_subject(certificate, &end->peer) == 0;
    if (X509_verify_cert(store) <= 0) {
        int error = X509_STORE_CTX_get_error(store);

        refuse(end, refusal_of(error), X509_verify_cert_error_string(error));
        return 0;
    }
    if (dtls_context_revoked(context, certificate)) {
        X509_STORE_CTX_set_error(store, X509_V_ERR_CERT_REVOKED);
        refuse(end, IDENTITY_REVOKED, "certificate revoked");
        return 0;
    }
    end->refusal = judge_subject(end);
    if (end->refusal != NULL) {
        X509_STORE_CTX_set_error(store, X509_V_ERR_APPLICATION_VERIFICATION);
        return 0;
    }
    return 1;
}

static X509 *
find_pinned(const struct dtls_context *context, X509_STORE_CTX *store)
{
    STACK_OF(X509) *chain = X509_STORE_CTX_get0_untrusted(store);
    uint8_t fingerprint[32];

    for (int i = 0; i < sk_X509_num(chain); i++) {
        X509 *certificate = sk_X509_value(chain, i);

        if (cert_fingerprint(certificate, fingerprint) == 0 &&
            memcmp(fingerprint, context->fingerprint, 32) == 0)
            return certificate;
    }
    return NULL;
}

/* A guest's: the pinned authority and a controller under it. */
static int
verify_pinned(X509_STORE_CTX *store, void *arg)
{
    SSL *ssl = X509_STORE_CTX_get_ex_data(
        store, SSL_get_ex_data_X509_STORE_CTX_idx());
    struct dtls_end *end = SSL_get_app_data(ssl);
    X509 *pinned = find_pinned(arg, store);
    STACK_OF(X509) *trusted = sk_X509_new_null();
    int good = 0;

    end->peer_known =
        cert_subject(X509_STORE_CTX_get0_cert(store), &end->peer) == 0;
    end->refusal = "not of the authority that is pinned";
    if (pinned != NULL && trusted != NULL && sk_X509_push(trusted, pinned)) {
        X509_STORE_CTX_set0_trusted_stack(store, trusted);
        good = X509_verify_cert(store) > 0;
        if (good && (!end->peer_known || end->peer.role != ROLE_NCC)) {
            end->refusal = "not a controller";
            good = 0;
        }
    }
    sk_X509_free(trusted);
    if (good)
        end->refusal = NULL;
    else if (X509_STORE_CTX_get_error(store) == X509_V_OK)
        X509_STORE_CTX_set_error(store, X509_V_ERR_APPLICATION_VERIFICATION);
    return good;
}

static bool
set_identity(SSL_CTX *ssl, const struct identity *identity)
{
    X509_STORE *store = SSL_CTX_get_cert_store(ssl);

    return SSL_CTX_use_certificate(ssl, identity->certificate) == 1 &&
           SSL_CTX_use_PrivateKey(ssl, identity->key) == 1 &&
           X509_STORE_add_cert(store, identity->authority) == 1;
}

static bool
set_protocol(SSL_CTX *ssl)
{
    SSL_CTX_set_options(ssl, SSL_OP_NO_TICKET | SSL_OP_NO_RENEGOTIATION |
                                 SSL_OP_NO_COMPRESSION | SSL_OP_NO_QUERY_MTU |
                                 SSL_OP_CIPHER_SERVER_PREFERENCE);
    SSL_CTX_set_session_cache_mode(ssl, SSL_SESS_CACHE_OFF);
    SSL_CTX_set_security_level(ssl, 2);
    SSL_CTX_set_mode(ssl, SSL_MODE_NO_AUTO_CHAIN);
    SSL_CTX_set_max_cert_list(ssl, DTLS_CERTIFICATE_MAX);
    return SSL_CTX_set_min_proto_version(ssl, DTLS1_2_VERSION) == 1 &&
           SSL_CTX_set_max_proto_version(ssl, DTLS1_2_VERSION) == 1 &&
           SSL_CTX_set_max_send_fragment(ssl, PLAT_DATAGRAM_MAX + 8) == 1 &&
           SSL_CTX_set_cipher_list(ssl,
                                   "ECDHE-ECDSA-AES128-GCM-SHA256:"
                                   "ECDHE-ECDSA-AES256-GCM-SHA384:"
                                   "ECDHE-ECDSA-CHACHA20-POLY1305") == 1 &&
           SSL_CTX_set1_groups_list(ssl, "X25519:P-256") == 1 &&
           SSL_CTX_set1_sigalgs_list(ssl, "ECDSA+SHA256") == 1;
}

static int
context_fill(struct dtls_context *context, struct message message)
{
    context->method = method_new();
    context->ssl = SSL_CTX_new(DTLS_method());
    if (context->method == NULL || context->ssl == NULL ||
        RAND_bytes(context->secret[0], sizeof(context->secret)) != 1 ||
        !set_protocol(context->ssl) ||
        !set_identity(context->ssl, context->identity))
        return message_fail(message, ERR_INTERNAL, "cannot set up DTLS: %s",
                            dtls_reason());
    SSL_CTX_set_verify(
        context->ssl, SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT, NULL);
    SSL_CTX_set_cert_verify_callback(context->ssl, verify, context);
    SSL_CTX_set_cookie_generate_cb(context->ssl, cookie_make);
    SSL_CTX_set_cookie_verify_cb(context->ssl, cookie_verify);
    return 0;
}

int
dtls_context_create(const struct identity *identity, uint64_t now_ns,
                    struct dtls_context **out, struct message message)
{
    struct dtls_context *context = calloc(1, sizeof(*context));
    bool changed;
    int error;

    if (context == NULL)
        return message_fail(message, ERR_NOMEM, "no memory for DTLS");
    context->identity = identity;
    context->secret_until_ns = now_ns + DTLS_COOKIE_LIFE_NS;
    error = context_fill(context, message);
    if (error == 0)
        error = dtls_context_reload(context, &changed, message);
    if (error != 0) {
        dtls_context_destroy(context);
        return error;
    }
    *out = context;
    return 0;
}

int
dtls_context_create_open(const struct identity *identity, uint64_t now_ns,
                         struct dtls_context **out, struct message message)
{
    int error = dtls_context_create(identity, now_ns, out, message);

    if (error != 0)
        return error;
    SSL_CTX_set_verify((*out)->ssl, SSL_VERIFY_NONE, NULL);
    if (SSL_CTX_add1_chain_cert((*out)->ssl, identity->authority) == 1)
        return 0;
    dtls_context_destroy(*out);
    return message_fail(message, ERR_INTERNAL, "cannot set up DTLS: %s",
                        dtls_reason());
}

int
dtls_context_create_guest(const uint8_t fingerprint[32],
                          struct dtls_context **out, struct message message)
{
    struct dtls_context *context = calloc(1, sizeof(*context));

    if (context == NULL)
        return message_fail(message, ERR_NOMEM, "no memory for DTLS");
    memcpy(context->fingerprint, fingerprint, sizeof(context->fingerprint));
    context->method = method_new();
    context->ssl = SSL_CTX_new(DTLS_method());
    if (context->method == NULL || context->ssl == NULL ||
        !set_protocol(context->ssl)) {
        dtls_context_destroy(context);
        return message_fail(message, ERR_INTERNAL, "cannot set up DTLS: %s",
                            dtls_reason());
    }
    SSL_CTX_set_verify(context->ssl, SSL_VERIFY_PEER, NULL);
    SSL_CTX_set_cert_verify_callback(context->ssl, verify_pinned, context);
    *out = context;
    return 0;
}

void
dtls_context_destroy(struct dtls_context *context)
{
    if (context == NULL)
        return;
    SSL_CTX_free(context->ssl);
    BIO_meth_free(context->method);
    X509_CRL_free(context->crl);
    OPENSSL_cleanse(context->secret, sizeof(context->secret));
    free(context);
}

static bool
stamp_equal(const struct stamp *a, const struct stamp *b)
{
    return a->inode == b->inode && a->size == b->size &&
           a->changed.tv_sec == b->changed.tv_sec &&
           a->changed.tv_nsec == b->changed.tv_nsec;
}

int
dtls_context_reload(struct dtls_context *context, bool *changed,
                    struct message message)
{
    const struct identity *identity = context->identity;
    char path[CERT_PATH_MAX];
    struct stat status;
    struct stamp stamp;
    X509_CRL *crl = NULL;
    int error =
        cert_path(path, identity->directory, IDENTITY_CRL_FILE, message);

    *changed = false;
    if (error != 0)
        return error;
    if (stat(path, &status) != 0)
        return 0;
    stamp.inode = status.st_ino;
    stamp.size = status.st_size;
    stamp.changed = status.st_ctim;
    if (stamp_equal(&stamp, &context->crl_stamp))
        return 0;
    context->crl_stamp = stamp;
    error = identity_read_crl(identity->directory, identity->authority, &crl,
                              message);
    if (error != 0 || crl == NULL)
        return error;
    X509_CRL_free(context->crl);
    context->crl = crl;
    *changed = true;
    return 0;
}

unsigned
dtls_context_revocations(const struct dtls_context *context)
{
    STACK_OF(X509_REVOKED) *list =
        context->crl != NULL ? X509_CRL_get_REVOKED(context->crl) : NULL;

    return list != NULL ? (unsigned)sk_X509_REVOKED_num(list) : 0;
}

void
dtls_context_rotate(struct dtls_context *context, uint64_t now_ns)
{
    uint8_t fresh[SECRET_BYTES];

    if (now_ns < context->secret_until_ns ||
        RAND_bytes(fresh, sizeof(fresh)) != 1)
        return;
    memcpy(context->secret[1], context->secret[0], SECRET_BYTES);
    memcpy(context->secret[0], fresh, SECRET_BYTES);
    OPENSSL_cleanse(fresh, sizeof(fresh));
    context->secret_until_ns = now_ns + DTLS_COOKIE_LIFE_NS;
}

bool
dtls_context_revoked(const struct dtls_context *context, X509 *certificate)
{
    X509_REVOKED *entry = NULL;

    return context->crl != NULL &&
           X509_CRL_get0_by_cert(context->crl, &entry, certificate) == 1;
}

static unsigned
retransmit_us(SSL *ssl, unsigned before_us)
{
    (void)ssl;
    if (before_us == 0)
        return DTLS_RETRANSMIT_FIRST_US;
    if (before_us >= DTLS_RETRANSMIT_MAX_US / 2)
        return DTLS_RETRANSMIT_MAX_US;
    return 2 * before_us;
}

int
dtls_end_init(struct dtls_end *end, struct dtls_context *context, bool server)
{
    BIO *bio = BIO_new(context->method);

    end->context = context;
    end->in = NULL;
    end->in_size = 0;
    end->peer_known = false;
    end->refusal = NULL;
    end->ssl = SSL_new(context->ssl);
    if (bio == NULL || end->ssl == NULL) {
        BIO_free(bio);
        SSL_free(end->ssl);
        end->ssl = NULL;
        ERR_clear_error();
        return ERR_NOMEM;
    }
    SSL_set_bio(end->ssl, bio, bio);
    BIO_set_data(bio, end);
    SSL_set_app_data(end->ssl, end);
    SSL_set_mtu(end->ssl, DTLS_HANDSHAKE_MTU);
    DTLS_set_timer_cb(end->ssl, retransmit_us);
    if (server) {
        SSL_set_options(end->ssl, SSL_OP_COOKIE_EXCHANGE);
        SSL_set_accept_state(end->ssl);
    } else {
        SSL_set_connect_state(end->ssl);
    }
    return 0;
}

void
dtls_end_fini(struct dtls_end *end)
{
    SSL_free(end->ssl);
    end->ssl = NULL;
}

static enum dtls_status
status_of(struct dtls_end *end, int result)
{
    int error = SSL_get_error(end->ssl, result);

    switch (error) {
    case SSL_ERROR_NONE: return DTLS_DONE;
    case SSL_ERROR_WANT_READ:
    case SSL_ERROR_WANT_WRITE: ERR_clear_error(); return DTLS_AGAIN;
    case SSL_ERROR_ZERO_RETURN: return DTLS_CLOSED;
    default: return DTLS_FAILED;
    }
}

enum dtls_status
dtls_listen(struct dtls_end *end)
{
    BIO_ADDR *unused = BIO_ADDR_new();
    int result;

    if (unused == NULL)
        return DTLS_FAILED;
    ERR_clear_error();
    result = DTLSv1_listen(end->ssl, unused);
    BIO_ADDR_free(unused);
    end->in = NULL;
    ERR_clear_error();
    if (result > 0)
        return DTLS_DONE;
    return result == 0 ? DTLS_AGAIN : DTLS_FAILED;
}

enum dtls_status
dtls_handshake(struct dtls_end *end)
{
    ERR_clear_error();
    return status_of(end, SSL_do_handshake(end->ssl));
}

enum dtls_status
dtls_read(struct dtls_end *end, void *bytes, size_t capacity, size_t *size)
{
    int result;

    ERR_clear_error();
    if (SSL_alloc_buffers(end->ssl) != 1)
        return DTLS_FAILED;
    result = SSL_read(end->ssl, bytes, (int)capacity);
    if (result > 0) {
        *size = (size_t)result;
        return DTLS_DONE;
    }
    return status_of(end, result);
}

enum dtls_status
dtls_write(struct dtls_end *end, const void *bytes, size_t size)
{
    ERR_clear_error();
    if (SSL_alloc_buffers(end->ssl) != 1)
        return DTLS_FAILED;
    return status_of(end, SSL_write(end->ssl, bytes, (int)size));
}

void
dtls_goodbye(struct dtls_end *end)
{
    ERR_clear_error();
    if (SSL_is_init_finished(end->ssl) && SSL_alloc_buffers(end->ssl) == 1)
        (void)SSL_shutdown(end->ssl);
    ERR_clear_error();
}

/* SSL_MODE_RELEASE_BUFFERS does nothing in DTLS; and SSL_write() wants them
 * back before. */
void
dtls_rest(struct dtls_end *end)
{
    (void)SSL_free_buffers(end->ssl);
}

bool
dtls_timeout(struct dtls_end *end, uint64_t *left_ns)
{
    struct timeval left;

    if (DTLSv1_get_timeout(end->ssl, &left) != 1)
        return false;
    *left_ns =
        (uint64_t)left.tv_sec * 1000000000u + (uint64_t)left.tv_usec * 1000u;
    return true;
}

enum dtls_status
dtls_retransmit(struct dtls_end *end)
{
    ERR_clear_error();
    return DTLSv1_handle_timeout(end->ssl) < 0 ? DTLS_FAILED : DTLS_AGAIN;
}

const char *
dtls_reason(void)
{
    unsigned long code = ERR_peek_last_error();
    const char *text = code == 0 ? NULL : ERR_reason_error_string(code);

    ERR_clear_error();
    return text != NULL ? text : "the other end gave up";
}

#define RECORD_HEADER 13u
#define HANDSHAKE_HEADER 12u
#define HELLO_NONCE_AT (RECORD_HEADER + HANDSHAKE_HEADER + 2u)
#define SEALED_MIN 25u /* explicit nonce, a byte, tag (RFC 5288) */
#define RECORD_FIRST 20u
#define RECORD_LAST 23u /* no heartbeats */
#define RECORD_HANDSHAKE 22u
#define CLIENT_HELLO 1u

/* Size of the record at 'byte', header included; 0: none. */
static size_t
record_size(const uint8_t *byte, size_t left, bool *sealed)
{
    size_t size;

    if (left < RECORD_HEADER || byte[0] < RECORD_FIRST ||
        byte[0] > RECORD_LAST || byte[1] != 0xfe ||
        (byte[2] != 0xfd && byte[2] != 0xff))
        return 0;
    size = (size_t)byte[11] << 8 | byte[12];
    *sealed = (byte[3] | byte[4]) != 0;
    if (size > left - RECORD_HEADER || (*sealed && size < SEALED_MIN))
        return 0;
    return RECORD_HEADER + size;
}

bool
dtls_datagram_read(const void *bytes, size_t size, struct dtls_datagram *out)
{
    const uint8_t *byte = bytes;
    struct dtls_datagram datagram = {0};
    size_t at = 0;

    if (size == 0)
        return false;
    do {
        bool sealed = false;
        size_t record = record_size(byte + at, size - at, &sealed);

        if (record == 0)
            return false;
        at += record;
        datagram.sealed |= sealed;
    } while (at < size);
    if (byte[0] == RECORD_HANDSHAKE && (byte[3] | byte[4]) == 0 &&
        size >= HELLO_NONCE_AT + 32 && byte[RECORD_HEADER] == CLIENT_HELLO) {
        datagram.client_hello = true;
        datagram.nonce = byte + HELLO_NONCE_AT;
    }
    *out = datagram;
    return true;
}
