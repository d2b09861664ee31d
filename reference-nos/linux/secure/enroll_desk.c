/* SPDX-License-Identifier: Apache-2.0
 *
 * The controller's side of enrolment.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <openssl/err.h>

#include "reference-nos/base/digest.h"
#include "reference-nos/base/err.h"
#include "reference-nos/base/list.h"
#include "reference-nos/base/wire.h"
#include "reference-nos/linux/secure/enroll_priv.h"

struct session {
    struct list_node node; /* oldest first */
    struct enroll_desk *desk;
    struct dtls_end end;
    bool up;
    uint64_t since_ns;
};

/* A box that asked. */
struct entry {
    bool used;
    enum enroll_state state;
    struct cert_subject subject;
    EVP_PKEY *key;     /* public */
    X509 *certificate; /* when issued */
    uint64_t voucher;  /* digest of the last one judged */
    uint64_t since_ns;
    uint64_t heard_ns;
};

struct enroll_desk {
    struct enroll_server_options options;
    enroll_transmit_fn *transmit;
    void *arg;
    struct dtls_context *dtls;
    struct log_limit limit;
    struct list sessions;
    unsigned session_count;
    struct session *listener;
    struct bucket questions, hellos, requests;
    struct entry entries[ENROLL_PENDING_MAX];
};

static void
on_out(struct dtls_end *end, const void *bytes, size_t size)
{
    const struct session *session = end->arg;

    session->desk->transmit(session->desk->arg, &end->address, bytes, size);
}

static struct session *
session_create(struct enroll_desk *desk)
{
    struct session *session = calloc(1, sizeof(*session));

    if (session == NULL)
        return NULL;
    session->desk = desk;
    session->end.out = on_out;
    session->end.arg = session;
    if (dtls_end_init(&session->end, desk->dtls, true) == 0)
        return session;
    free(session);
    return NULL;
}

static void
session_drop(struct session *session)
{
    if (session == NULL)
        return;
    if (list_linked(&session->node)) {
        list_remove(&session->node);
        session->desk->session_count--;
    }
    dtls_end_fini(&session->end);
    free(session);
}

static void
entry_clear(struct entry *entry)
{
    EVP_PKEY_free(entry->key);
    X509_free(entry->certificate);
    memset(entry, 0, sizeof(*entry));
}

int
enroll_desk_create(const struct enroll_server_options *options,
                   enroll_transmit_fn *transmit, void *arg, uint64_t now_ns,
                   struct enroll_desk **out, struct message message)
{
    struct enroll_desk *desk;
    X509 *authority = NULL;
    EVP_PKEY *key = NULL;
    int error =
        identity_read_authority(options->authority, &authority, &key, message);

    if (error == 0 && X509_cmp(authority, options->identity->authority) != 0)
        error = message_fail(message, ERR_REFUSED,
                             "%s: not the authority of this box's certificate",
                             options->authority);
    X509_free(authority);
    EVP_PKEY_free(key);
    if (error != 0)
        return error;
    desk = calloc(1, sizeof(*desk));
    if (desk == NULL)
        return message_fail(message, ERR_NOMEM, "no memory for enrolment");
    desk->options = *options;
    desk->transmit = transmit;
    desk->arg = arg;
    list_init(&desk->sessions);
    bucket_init(&desk->questions, 10 * NS_PER_MS, 100);
    bucket_init(&desk->hellos, 10 * NS_PER_MS, 100);
    bucket_init(&desk->requests, 10 * NS_PER_MS, 100);
    log_limit_init(&desk->limit, options->log, options->arg);
    error = dtls_context_create_open(options->identity, now_ns, &desk->dtls,
                                     message);
    if (error != 0) {
        free(desk);
        return error;
    }
    *out = desk;
    return 0;
}

void
enroll_desk_destroy(struct enroll_desk *desk)
{
    struct list_node *node;

    if (desk == NULL)
        return;
    while ((node = list_first(&desk->sessions)) != NULL)
        session_drop(CONTAINER_OF(node, struct session, node));
    session_drop(desk->listener);
    for (unsigned i = 0; i < ENROLL_PENDING_MAX; i++)
        entry_clear(&desk->entries[i]);
    dtls_context_destroy(desk->dtls);
    free(desk);
}

/* The key that has a certificate under 'serial'; 0: none. */
static int
issued_to(const struct enroll_desk *desk, const char *serial, uint64_t *key)
{
    char path[CERT_PATH_MAX], pattern[FACTS_SERIAL_MAX + 3];
    struct message nowhere = {NULL, 0};
    uint8_t *bytes;
    size_t size;
    const char *at;
    int error =
        cert_path(path, desk->options.authority, ENROLL_ISSUED_FILE, nowhere);

    *key = 0;
    if (error == 0)
        error = cert_read_file(path, &bytes, &size, nowhere);
    if (error != 0)
        return error == ERR_NOENT ? 0 : error;
    snprintf(pattern, sizeof(pattern), "\n%s ", serial);
    for (at = (char *)bytes; (at = strstr(at, pattern)) != NULL;) {
        at += strlen(pattern);
        *key = strtoull(at, NULL, 16);
    }
    free(bytes);
    return 0;
}

/* One more line; the file begins with a comment, so each has a newline before
 * it. */
static int
note_issued(const struct enroll_desk *desk, const struct cert_subject *subject)
{
    char path[CERT_PATH_MAX];
    struct message nowhere = {NULL, 0};
    uint8_t *before = NULL;
    size_t size = 0;
    char *text;
    int length;
    int error =
        cert_path(path, desk->options.authority, ENROLL_ISSUED_FILE, nowhere);

    if (error == 0)
        error = cert_read_file(path, &before, &size, nowhere);
    if (error != 0 && error != ERR_NOENT)
        return error;
    text = malloc(size + 128);
    if (text == NULL) {
        free(before);
        return ERR_NOMEM;
    }
    length = snprintf(text, size + 128, "%s%s %016" PRIx64 "\n",
                      size > 0 ? (char *)before : "# serial key\n",
                      subject->serial, subject->key);
    error = length > CERT_FILE_MAX
                ? ERR_FULL
                : cert_write_file(path, 0600, text, (size_t)length, nowhere);
    free(before);
    free(text);
    return error;
}

static int
issue(struct enroll_desk *desk, struct entry *entry, struct message message)
{
    struct cert_order order = {.key = entry->key, .days = desk->options.days};
    X509_NAME *name = cert_name(entry->subject.serial, entry->subject.role);
    int error =
        identity_read_authority(desk->options.authority, &order.authority,
                                &order.authority_key, message);

    order.name = name;
    if (error == 0 && name == NULL)
        error = ERR_NOMEM;
    if (error == 0)
        error = note_issued(desk, &entry->subject);
    if (error == 0)
        error = cert_sign(&order, &entry->certificate);
    if (error == 0)
        entry->state = ENROLL_ISSUED;
    else
        error = message_fail(message, error, "cannot issue to %s: %s",
                             entry->subject.serial, err_text(error));
    X509_NAME_free(name);
    X509_free(order.authority);
    EVP_PKEY_free(order.authority_key);
    ERR_clear_error();
    return error;
}

static struct entry *
entry_find(struct enroll_desk *desk, uint64_t key)
{
    for (unsigned i = 0; i < ENROLL_PENDING_MAX; i++)
        if (desk->entries[i].used && desk->entries[i].subject.key == key)
            return &desk->entries[i];
    return NULL;
}

/* A free one, else the oldest that has been answered.  Those that wait stay,
 * unless a voucher asks for room. */
static struct entry *
entry_add(struct enroll_desk *desk, const struct cert_subject *subject,
          EVP_PKEY *key, uint64_t now_ns, bool voucher)
{
    struct entry *chosen = NULL;

    for (unsigned i = 0; i < ENROLL_PENDING_MAX; i++) {
        struct entry *entry = &desk->entries[i];

        if (!entry->used) {
            chosen = entry;
            break;
        }
        if ((entry->state != ENROLL_WAITS || voucher) &&
            (chosen == NULL || entry->heard_ns < chosen->heard_ns))
            chosen = entry;
    }
    if (chosen == NULL)
        return NULL;
    entry_clear(chosen);
    chosen->used = true;
    chosen->state = ENROLL_WAITS;
    chosen->subject = *subject;
    chosen->since_ns = now_ns;
    chosen->heard_ns = now_ns;
    if (EVP_PKEY_up_ref(key) == 1)
        chosen->key = key;
    return chosen;
}

/* What a voucher decides. */
static void
judge(struct enroll_desk *desk, struct entry *entry, const char *voucher,
      uint64_t now_ns)
{
    struct enroll_voucher granted;
    char text[256] = "";
    uint64_t before = 0;
    uint64_t what;

    entry->state = ENROLL_WAITS;
    entry->voucher = hash64(1, voucher, strlen(voucher));
    what = hash64(entry->voucher, &entry->subject.key, sizeof(uint64_t));
    if (voucher[0] == '\0') {
        log_limited(&desk->limit, now_ns, what, SEVERITY_NOTICE,
                    "enrolment: %s %s (key %016" PRIx64 ") waits for approval",
                    role_name(entry->subject.role), entry->subject.serial,
                    entry->subject.key);
        return;
    }
    if (enroll_voucher_check(desk->options.authority, voucher,
                             (uint64_t)time(NULL), &granted) != 0 ||
        strcmp(granted.serial, entry->subject.serial) != 0 ||
        granted.role != entry->subject.role) {
        entry->state = ENROLL_REFUSED;
        log_limited(&desk->limit, now_ns, what, SEVERITY_WARNING,
                    "enrolment: refused %s %s: its voucher is not good for it",
                    role_name(entry->subject.role), entry->subject.serial);
        return;
    }
    if (issued_to(desk, entry->subject.serial, &before) != 0 || before != 0) {
        log_limited(&desk->limit, now_ns, what, SEVERITY_WARNING,
                    "enrolment: %s %s used its voucher before (key %016" PRIx64
                    "); waits for approval",
                    role_name(entry->subject.role), entry->subject.serial,
                    before);
        return;
    }
    if (issue(desk, entry, (struct message){text, sizeof(text)}) != 0)
        log_limited(&desk->limit, now_ns, 2, SEVERITY_ERROR, "enrolment: %s",
                    text);
    else
        log_limited(&desk->limit, now_ns, what, SEVERITY_NOTICE,
                    "enrolment: %s %s has joined by voucher",
                    role_name(entry->subject.role), entry->subject.serial);
}

/* The request itself: signed by its own key, on P-256, named as a box is. */
static int
read_request(const uint8_t *bytes, size_t size, struct cert_subject *subject,
             EVP_PKEY **key)
{
    const unsigned char *at = bytes;
    X509_REQ *request = d2i_X509_REQ(NULL, &at, (long)size);
    EVP_PKEY *own = request == NULL ? NULL : X509_REQ_get_pubkey(request);
    int error = ERR_MALFORMED;

    if (own != NULL && cert_key_is_p256(own) &&
        X509_REQ_verify(request, own) == 1)
        error =
            cert_subject_of_name(X509_REQ_get_subject_name(request),
                                 X509_REQ_get_X509_PUBKEY(request), subject);
    X509_REQ_free(request);
    ERR_clear_error();
    if (error == 0)
        *key = own;
    else
        EVP_PKEY_free(own);
    return error;
}

static void
write_der(struct wire_writer *writer, X509 *certificate)
{
    unsigned char *der = NULL;
    int size = certificate == NULL ? 0 : i2d_X509(certificate, &der);

    wire_write_blob(writer, der, size > 0 ? (size_t)size : 0);
    OPENSSL_free(der);
}

static void
reply(struct session *session, enum enroll_state state, X509 *certificate)
{
    const struct enroll_desk *desk = session->desk;
    uint8_t bytes[ENROLL_RECORD_MAX];
    struct wire_writer writer;

    wire_writer_init(&writer, bytes, sizeof(bytes));
    wire_write_u8(&writer, ENROLL_REPLY);
    wire_write_u8(&writer, (uint8_t)state);
    write_der(&writer, certificate);
    write_der(&writer,
              certificate == NULL ? NULL : desk->options.identity->authority);
    if (wire_writer_finish(&writer) == 0)
        (void)dtls_write(&session->end, bytes, wire_writer_size(&writer));
}

static bool
voucher_is_good(const struct enroll_desk *desk, const char *voucher)
{
    struct enroll_voucher granted;

    return voucher[0] != '\0' &&
           enroll_voucher_check(desk->options.authority, voucher,
                                (uint64_t)time(NULL), &granted) == 0;
}

static struct entry *
first_request(struct enroll_desk *desk, const struct cert_subject *subject,
              EVP_PKEY *key, const char *voucher, uint64_t now_ns)
{
    struct entry *entry =
        entry_add(desk, subject, key, now_ns, voucher_is_good(desk, voucher));

    if (entry != NULL)
        judge(desk, entry, voucher, now_ns);
    else
        log_limited(&desk->limit, now_ns, 3, SEVERITY_WARNING,
                    "enrolment: %u boxes wait already", ENROLL_PENDING_MAX);
    return entry;
}

/* One that waits, or was refused, may come back with a good voucher. */
static void
next_request(struct enroll_desk *desk, struct entry *entry,
             const char *voucher, uint64_t now_ns)
{
    if (entry->state != ENROLL_ISSUED &&
        entry->voucher != hash64(1, voucher, strlen(voucher)) &&
        voucher_is_good(desk, voucher))
        judge(desk, entry, voucher, now_ns);
}

static void
on_request(struct session *session, uint64_t now_ns, const uint8_t *bytes,
           size_t size)
{
    struct enroll_desk *desk = session->desk;
    struct wire_reader reader;
    char voucher[ENROLL_VOUCHER_MAX];
    struct cert_subject subject;
    struct entry *entry;
    EVP_PKEY *key;
    const uint8_t *request;
    size_t request_size;

    wire_reader_init(&reader, bytes, size);
    if (wire_read_u8(&reader) != ENROLL_REQUEST ||
        !bucket_take(&desk->requests, now_ns))
        return;
    request = wire_read_blob(&reader, &request_size);
    wire_read_string(&reader, voucher, sizeof(voucher));
    if (wire_reader_finish(&reader) != 0 ||
        read_request(request, request_size, &subject, &key) != 0) {
        reply(session, ENROLL_REFUSED, NULL);
        return;
    }
    entry = entry_find(desk, subject.key);
    if (entry != NULL)
        next_request(desk, entry, voucher, now_ns);
    else
        entry = first_request(desk, &subject, key, voucher, now_ns);
    EVP_PKEY_free(key);
    if (entry == NULL) {
        reply(session, ENROLL_WAITS, NULL);
        return;
    }
    entry->heard_ns = now_ns;
    reply(session, entry->state, entry->certificate);
}

static void
feed(struct session *session, uint64_t now_ns, const void *bytes, size_t size)
{
    uint8_t content[ENROLL_RECORD_MAX];
    enum dtls_status status = DTLS_DONE;
    size_t got = 0;

    session->end.in = bytes;
    session->end.in_size = size;
    if (!session->up) {
        status = dtls_handshake(&session->end);
        session->up = status == DTLS_DONE;
    }
    while (status == DTLS_DONE) {
        status = dtls_read(&session->end, content, sizeof(content), &got);
        if (status == DTLS_DONE)
            on_request(session, now_ns, content, got);
    }
    session->end.in = NULL;
    if (status == DTLS_CLOSED || status == DTLS_FAILED) {
        (void)dtls_reason();
        session_drop(session);
    }
}

static struct session *
session_find(const struct enroll_desk *desk, const struct peer_address *from)
{
    struct list_node *node;

    LIST_FOR_EACH(node, &desk->sessions)
    {
        struct session *session = CONTAINER_OF(node, struct session, node);

        if (peer_address_compare(&session->end.address, from) == 0)
            return session;
    }
    return NULL;
}

static bool
make_room(struct enroll_desk *desk, uint64_t now_ns)
{
    struct session *oldest;

    if (desk->session_count < ENROLL_SESSIONS_MAX)
        return true;
    oldest = CONTAINER_OF(list_first(&desk->sessions), struct session, node);
    if (now_ns - oldest->since_ns < ENROLL_SLOW_NS)
        return false;
    session_drop(oldest);
    return true;
}

static void
accept_new(struct enroll_desk *desk, uint64_t now_ns,
           const struct peer_address *from)
{
    struct session *session = desk->listener;

    desk->listener = NULL;
    session_drop(session_find(desk, from));
    if (!make_room(desk, now_ns)) {
        session_drop(session);
        return;
    }
    session->since_ns = now_ns;
    list_push_back(&desk->sessions, &session->node);
    desk->session_count++;
    feed(session, now_ns, NULL, 0);
}

static void
on_hello(struct enroll_desk *desk, uint64_t now_ns,
         const struct peer_address *from, const void *bytes, size_t size)
{
    struct session *listener;
    enum dtls_status status;

    if (!bucket_take(&desk->hellos, now_ns))
        return;
    if (desk->listener == NULL)
        desk->listener = session_create(desk);
    listener = desk->listener;
    if (listener == NULL)
        return;
    listener->end.address = *from;
    listener->end.in = bytes;
    listener->end.in_size = size;
    status = dtls_listen(&listener->end);
    if (status == DTLS_DONE) {
        accept_new(desk, now_ns, from);
    } else if (status != DTLS_AGAIN) {
        session_drop(listener);
        desk->listener = NULL;
    }
}

void
enroll_desk_input(struct enroll_desk *desk, uint64_t now_ns,
                  const struct peer_address *from, const void *bytes,
                  size_t size)
{
    static const uint8_t answer[] = {ENROLL_ANSWER, ENROLL_VERSION};
    const uint8_t *byte = bytes;
    struct dtls_datagram datagram;
    struct session *session;

    if (size == ENROLL_HINT_BYTES && byte[0] == ENROLL_QUESTION &&
        byte[1] == ENROLL_VERSION) {
        if (bucket_take(&desk->questions, now_ns))
            desk->transmit(desk->arg, from, answer, sizeof(answer));
        return;
    }
    if (size > ENROLL_RECORD_MAX ||
        !dtls_datagram_read(bytes, size, &datagram))
        return;
    session = session_find(desk, from);
    if (datagram.client_hello)
        on_hello(desk, now_ns, from, bytes, size);
    else if (session != NULL)
        feed(session, now_ns, bytes, size);
}

void
enroll_desk_tick(struct enroll_desk *desk, uint64_t now_ns)
{
    struct list_node *node, *spare;
    uint64_t left_ns;

    dtls_context_rotate(desk->dtls, now_ns);
    LIST_FOR_EACH_SAFE(node, spare, &desk->sessions)
    {
        struct session *session = CONTAINER_OF(node, struct session, node);
        bool failed = now_ns - session->since_ns > ENROLL_SESSION_NS;

        if (!failed && !session->up && dtls_timeout(&session->end, &left_ns) &&
            left_ns == 0)
            failed = dtls_retransmit(&session->end) == DTLS_FAILED;
        if (failed)
            session_drop(session);
    }
    for (unsigned i = 0; i < ENROLL_PENDING_MAX; i++)
        if (desk->entries[i].used &&
            now_ns - desk->entries[i].heard_ns > ENROLL_FORGET_NS)
            entry_clear(&desk->entries[i]);
}

unsigned
enroll_desk_pending(const struct enroll_desk *desk, uint64_t now_ns,
                    struct enroll_pending *out, unsigned capacity)
{
    unsigned count = 0;

    for (unsigned i = 0; i < ENROLL_PENDING_MAX && count < capacity; i++) {
        const struct entry *entry = &desk->entries[i];
        struct enroll_pending pending = {.role = entry->subject.role,
                                         .key = entry->subject.key,
                                         .age_ns = now_ns - entry->since_ns};
        unsigned at = count;

        if (!entry->used || entry->state != ENROLL_WAITS)
            continue;
        strcpy(pending.serial, entry->subject.serial);
        for (; at > 0 && out[at - 1].age_ns < pending.age_ns; at--)
            out[at] = out[at - 1];
        out[at] = pending;
        count++;
    }
    return count;
}

static int
find_waiting(struct enroll_desk *desk, const char *serial, const uint64_t *key,
             struct entry **out, struct message message)
{
    *out = NULL;
    for (unsigned i = 0; i < ENROLL_PENDING_MAX; i++) {
        struct entry *entry = &desk->entries[i];

        if (!entry->used || entry->state != ENROLL_WAITS ||
            strcmp(entry->subject.serial, serial) != 0 ||
            (key != NULL && entry->subject.key != *key))
            continue;
        if (*out != NULL)
            return message_fail(message, ERR_CONFLICT,
                                "%s: several keys wait, name one", serial);
        *out = entry;
    }
    return *out != NULL
               ? 0
               : message_fail(message, ERR_NOENT,
                              "%s: does not wait for approval%s", serial,
                              key != NULL ? " with that key" : "");
}

int
enroll_desk_approve(struct enroll_desk *desk, const char *serial,
                    const uint64_t *key, struct message message)
{
    struct entry *entry;
    int error = find_waiting(desk, serial, key, &entry, message);

    return error != 0 ? error : issue(desk, entry, message);
}

int
enroll_desk_refuse(struct enroll_desk *desk, const char *serial,
                   const uint64_t *key, struct message message)
{
    struct entry *entry;
    int error = find_waiting(desk, serial, key, &entry, message);

    if (error == 0)
        entry->state = ENROLL_REFUSED;
    return error;
}

unsigned
enroll_desk_sessions(const struct enroll_desk *desk)
{
    return desk->session_count;
}
