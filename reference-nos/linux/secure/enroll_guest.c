/* SPDX-License-Identifier: Apache-2.0
 *
 * The joining box's side of enrolment.
 */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include <openssl/err.h>

#include "reference-nos/base/digest.h"
#include "reference-nos/base/err.h"
#include "reference-nos/base/wire.h"
#include "reference-nos/linux/secure/enroll_priv.h"

#define ENROLL_ASKED_LONG 10u

struct enroll_guest {
    struct enroll_client_options options;
    enroll_transmit_fn *transmit;
    void *arg;
    struct dtls_context *dtls;
    struct log_limit limit;
    uint8_t fingerprint[32];
    EVP_PKEY *key;
    uint8_t request[ENROLL_RECORD_MAX];
    size_t request_size;
    struct dtls_end end;
    bool open; /* 'end' is in use */
    bool up;
    bool finished;
    bool told;       /* that it waits for approval */
    unsigned asked;  /* questions without an answer */
    uint64_t number; /* the box key */
    uint64_t since_ns;
    uint64_t next_ns; /* ask again */
};

static void
on_out(struct dtls_end *end, const void *bytes, size_t size)
{
    const struct enroll_guest *guest = end->arg;

    guest->transmit(guest->arg, &end->address, bytes, size);
}

static void
shut(struct enroll_guest *guest)
{
    if (guest->open)
        dtls_end_fini(&guest->end);
    guest->open = false;
    guest->up = false;
}

static int
pin(struct enroll_guest *guest, struct message message)
{
    struct enroll_voucher voucher;
    char path[CERT_PATH_MAX];
    X509 *authority;
    int error;

    if (guest->options.voucher != NULL) {
        if (enroll_voucher_read(guest->options.voucher, &voucher) != 0)
            return message_fail(message, ERR_MALFORMED,
                                "the voucher is malformed");
        memcpy(guest->fingerprint, voucher.fingerprint, 32);
        return 0;
    }
    error = cert_path(path, guest->options.directory, IDENTITY_AUTHORITY_FILE,
                      message);
    if (error == 0)
        error = cert_read(path, &authority, message);
    if (error != 0)
        return error;
    error = cert_fingerprint(authority, guest->fingerprint);
    X509_free(authority);
    return error;
}

static int
get_key(struct enroll_guest *guest, struct message message)
{
    char path[CERT_PATH_MAX];
    int error;

    if (mkdir(guest->options.directory, 0700) != 0 && errno != EEXIST)
        return message_fail(message, ERR_IO, "%s: %s",
                            guest->options.directory, strerror(errno));
    error =
        cert_path(path, guest->options.directory, IDENTITY_KEY_FILE, message);
    if (error == 0)
        error = cert_read_key(path, &guest->key, message);
    if (error != ERR_NOENT)
        return error;
    guest->key = cert_key_make();
    if (guest->key == NULL)
        return message_fail(message, ERR_INTERNAL, "cannot make a key");
    return cert_write_key(path, guest->key, message);
}

static bool
sign_request(struct enroll_guest *guest, X509_REQ *request)
{
    X509_NAME *name = cert_name(guest->options.serial, guest->options.role);
    bool made = name != NULL &&
                X509_REQ_set_version(request, X509_REQ_VERSION_1) == 1 &&
                X509_REQ_set_subject_name(request, name) == 1 &&
                X509_REQ_set_pubkey(request, guest->key) == 1 &&
                X509_REQ_sign(request, guest->key, EVP_sha256()) > 0;

    X509_NAME_free(name);
    return made;
}

static int
make_request(struct enroll_guest *guest, struct message message)
{
    X509_REQ *request = X509_REQ_new();
    struct wire_writer writer;
    unsigned char *der = NULL;
    int size = -1;

    if (request != NULL && sign_request(guest, request))
        size = i2d_X509_REQ(request, &der);
    if (size > 0 &&
        cert_box_key(guest->options.serial, X509_REQ_get_X509_PUBKEY(request),
                     &guest->number) != 0)
        size = -1;
    X509_REQ_free(request);
    wire_writer_init(&writer, guest->request, sizeof(guest->request));
    wire_write_u8(&writer, ENROLL_REQUEST);
    wire_write_blob(&writer, der, size > 0 ? (size_t)size : 0);
    wire_write_string(
        &writer, guest->options.voucher != NULL ? guest->options.voucher : "");
    OPENSSL_free(der);
    ERR_clear_error();
    guest->request_size = wire_writer_size(&writer);
    if (size <= 0 || wire_writer_finish(&writer) != 0)
        return message_fail(message, ERR_INTERNAL, "cannot make a request");
    return 0;
}

int
enroll_guest_create(const struct enroll_client_options *options,
                    enroll_transmit_fn *transmit, void *arg,
                    struct enroll_guest **out, struct message message)
{
    struct enroll_guest *guest;
    int error;

    if (!cert_serial_valid(options->serial) ||
        (unsigned)options->role >= ROLE_COUNT)
        return message_fail(message, ERR_RANGE,
                            "a serial of 1 to %d printable bytes and a role "
                            "expected",
                            FACTS_SERIAL_MAX - 1);
    guest = calloc(1, sizeof(*guest));
    if (guest == NULL)
        return message_fail(message, ERR_NOMEM, "no memory for enrolment");
    guest->options = *options;
    guest->transmit = transmit;
    guest->arg = arg;
    log_limit_init(&guest->limit, options->log, options->arg);
    error = pin(guest, message);
    if (error == 0)
        error = get_key(guest, message);
    if (error == 0)
        error = make_request(guest, message);
    if (error == 0)
        error = dtls_context_create_guest(guest->fingerprint, &guest->dtls,
                                          message);
    if (error != 0) {
        enroll_guest_destroy(guest);
        return error;
    }
    *out = guest;
    return 0;
}

void
enroll_guest_destroy(struct enroll_guest *guest)
{
    if (guest == NULL)
        return;
    shut(guest);
    dtls_context_destroy(guest->dtls);
    EVP_PKEY_free(guest->key);
    free(guest);
}

static void
finish(struct enroll_guest *guest, int error)
{
    guest->finished = true;
    guest->options.done(guest->options.arg, error);
}

static X509 *
read_der(const uint8_t *bytes, size_t size)
{
    const unsigned char *at = bytes;

    return size == 0 ? NULL : d2i_X509(NULL, &at, (long)size);
}

/* The certificate is ours and the authority's, and the authority is the one
 * that is pinned. */
static bool
good_answer(const struct enroll_guest *guest, X509 *certificate,
            X509 *authority)
{
    uint8_t fingerprint[32];
    struct cert_subject subject;

    return certificate != NULL && authority != NULL &&
           cert_fingerprint(authority, fingerprint) == 0 &&
           memcmp(fingerprint, guest->fingerprint, 32) == 0 &&
           X509_verify(certificate, X509_get0_pubkey(authority)) == 1 &&
           X509_check_private_key(certificate, guest->key) == 1 &&
           cert_subject(certificate, &subject) == 0 &&
           strcmp(subject.serial, guest->options.serial) == 0 &&
           subject.role == guest->options.role;
}

/* The box's certificate last: the folder is whole once it is there. */
static int
keep(struct enroll_guest *guest, X509 *certificate, X509 *authority)
{
    char path[CERT_PATH_MAX], text[CERT_PATH_MAX + 64] = "";
    struct message message = {text, sizeof(text)};
    const char *directory = guest->options.directory;
    int error = cert_path(path, directory, IDENTITY_AUTHORITY_FILE, message);

    if (error == 0)
        error = cert_write(path, authority, message);
    if (error == 0)
        error = cert_path(path, directory, IDENTITY_CERTIFICATE_FILE, message);
    if (error == 0)
        error = cert_write(path, certificate, message);
    if (error != 0)
        log_limited(&guest->limit, guest->since_ns, 1, SEVERITY_ERROR,
                    "enrolment: %s", text);
    return error;
}

static void
on_issued(struct enroll_guest *guest, struct wire_reader *reader)
{
    size_t size = 0;
    const uint8_t *bytes = wire_read_blob(reader, &size);
    X509 *certificate = read_der(bytes, size);
    X509 *authority;

    bytes = wire_read_blob(reader, &size);
    authority = read_der(bytes, size);
    if (wire_reader_finish(reader) == 0 &&
        good_answer(guest, certificate, authority))
        finish(guest, keep(guest, certificate, authority));
    X509_free(certificate);
    X509_free(authority);
    ERR_clear_error();
}

/* Once: it may take days. */
static void
say_waits(struct enroll_guest *guest, uint64_t now_ns)
{
    if (!guest->told)
        log_limited(&guest->limit, now_ns, 2, SEVERITY_NOTICE,
                    "enrolment: waiting for approval of serial %s (key "
                    "%016" PRIx64 ")",
                    guest->options.serial, guest->number);
    guest->told = true;
}

static void
on_reply(struct enroll_guest *guest, uint64_t now_ns, const uint8_t *bytes,
         size_t size)
{
    struct wire_reader reader;
    uint8_t state;

    wire_reader_init(&reader, bytes, size);
    if (wire_read_u8(&reader) != ENROLL_REPLY)
        return;
    state = wire_read_u8(&reader);
    if (!wire_reader_ok(&reader))
        return;
    if (state == ENROLL_ISSUED) {
        on_issued(guest, &reader);
    } else if (state == ENROLL_WAITS) {
        say_waits(guest, now_ns);
    } else if (state == ENROLL_REFUSED) {
        log_limited(&guest->limit, now_ns, 3, SEVERITY_ERROR,
                    "enrolment: serial %s is refused by the cluster",
                    guest->options.serial);
        finish(guest, ERR_REFUSED);
    }
}

static void
feed(struct enroll_guest *guest, uint64_t now_ns, const void *bytes,
     size_t size)
{
    uint8_t content[ENROLL_RECORD_MAX];
    char where[PEER_ADDRESS_TEXT_MAX];
    enum dtls_status status = DTLS_DONE;
    size_t got = 0;

    guest->end.in = bytes;
    guest->end.in_size = size;
    if (!guest->up) {
        status = dtls_handshake(&guest->end);
        guest->up = status == DTLS_DONE;
        if (guest->up)
            guest->next_ns = now_ns;
    }
    while (status == DTLS_DONE && !guest->finished) {
        status = dtls_read(&guest->end, content, sizeof(content), &got);
        if (status == DTLS_DONE)
            on_reply(guest, now_ns, content, got);
    }
    guest->end.in = NULL;
    if (status == DTLS_DONE || status == DTLS_AGAIN)
        return;
    peer_address_text(&guest->end.address, where);
    log_limited(&guest->limit, now_ns, hash64(4, guest->end.address.ip, 16),
                SEVERITY_WARNING, "enrolment: not with %s: %s", where,
                guest->end.refusal != NULL ? guest->end.refusal
                                           : dtls_reason());
    (void)dtls_reason();
    shut(guest);
}

static void
open_to(struct enroll_guest *guest, uint64_t now_ns,
        const struct peer_address *to)
{
    memset(&guest->end, 0, sizeof(guest->end));
    guest->end.address = *to;
    guest->end.out = on_out;
    guest->end.arg = guest;
    if (dtls_end_init(&guest->end, guest->dtls, false) != 0)
        return;
    guest->open = true;
    guest->asked = 0;
    guest->since_ns = now_ns;
    feed(guest, now_ns, NULL, 0);
}

void
enroll_guest_input(struct enroll_guest *guest, uint64_t now_ns,
                   const struct peer_address *from, const void *bytes,
                   size_t size)
{
    const uint8_t *byte = bytes;
    struct dtls_datagram datagram;

    if (guest->finished)
        return;
    if (size == ENROLL_HINT_BYTES && byte[0] == ENROLL_ANSWER &&
        byte[1] == ENROLL_VERSION) {
        if (!guest->open)
            open_to(guest, now_ns, from);
        return;
    }
    if (size <= ENROLL_RECORD_MAX && guest->open &&
        peer_address_compare(from, &guest->end.address) == 0 &&
        dtls_datagram_read(bytes, size, &datagram))
        feed(guest, now_ns, bytes, size);
}

static void
ask(struct enroll_guest *guest, uint64_t now_ns)
{
    static const uint8_t question[] = {ENROLL_QUESTION, ENROLL_VERSION};

    guest->transmit(guest->arg, NULL, question, sizeof(question));
    if (++guest->asked == ENROLL_ASKED_LONG)
        log_limited(&guest->limit, now_ns, 5, SEVERITY_NOTICE,
                    "enrolment: no controller answers that enrols; serial %s "
                    "goes on asking",
                    guest->options.serial);
}

void
enroll_guest_tick(struct enroll_guest *guest, uint64_t now_ns)
{
    uint64_t left_ns;

    if (guest->finished)
        return;
    if (guest->open && now_ns - guest->since_ns >
                           (guest->up ? ENROLL_SESSION_NS / 2 : 5 * NS_PER_S))
        shut(guest);
    if (guest->open && !guest->up && dtls_timeout(&guest->end, &left_ns) &&
        left_ns == 0 && dtls_retransmit(&guest->end) == DTLS_FAILED)
        shut(guest);
    if (now_ns < guest->next_ns)
        return;
    guest->next_ns = now_ns + ENROLL_ASK_NS;
    if (guest->up)
        (void)dtls_write(&guest->end, guest->request, guest->request_size);
    else if (!guest->open)
        ask(guest, now_ns);
}
