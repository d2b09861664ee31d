/* SPDX-License-Identifier: Apache-2.0
 *
 * Enrolment with strangers on the other side.
 *
 * Input    u8 what, then bytes:
 *          0: the text of a voucher
 *          1: datagrams to the desk, u16 size before each
 *          2: records to the desk inside an association, u16 size before each
 *          3: the same to a guest, from a controller of its authority
 */
#define _GNU_SOURCE
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "reference-nos/base/check.h"
#include "reference-nos/base/err.h"
#include "reference-nos/base/wire.h"
#include "reference-nos/linux/secure/enroll_priv.h"

#define DAYS 10
#define TURNS_MAX 40u
#define QUEUE 64u

int LLVMFuzzerInitialize(int *argc, char ***argv);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct datagram {
    size_t size;
    uint8_t bytes[2048];
};

struct queue {
    unsigned count;
    struct datagram items[QUEUE];
};

static char root[] = "/dev/shm/enroll-fuzz-XXXXXX";
static char home[64], guest_home[64];
static struct identity *controller;
static struct dtls_context *guest_dtls, *desk_dtls;
static char text[512];
static const struct message where = {text, sizeof(text)};
static const struct peer_address stranger = {{0xfe, 0x80, [15] = 9}, 6998};
static uint64_t now_ns = NS_PER_S;

static void
heard(void *arg, enum severity severity, const char *line)
{
    (void)arg, (void)severity, (void)line;
}

static void
push(struct queue *queue, const void *bytes, size_t size)
{
    CHECK(size <= 2048);
    if (queue->count == QUEUE)
        return;
    queue->items[queue->count].size = size;
    memcpy(queue->items[queue->count++].bytes, bytes, size);
}

static void
clean(void)
{
    char command[96];

    (void)snprintf(command, sizeof(command), "rm -rf %s", root);
    (void)!system(command);
}

int
LLVMFuzzerInitialize(int *argc, char ***argv)
{
    struct identity_request request = {root, home, "C", ROLE_NCC, DAYS};
    char path[CERT_PATH_MAX];
    uint8_t fingerprint[32];
    X509 *authority;
    uint8_t *bytes;
    size_t size;

    (void)argc;
    (void)argv;
    CHECK(mkdtemp(root) != NULL && atexit(clean) == 0);
    (void)snprintf(home, sizeof(home), "%s/c", root);
    (void)snprintf(guest_home, sizeof(guest_home), "%s/g", root);
    CHECK(identity_authority_make(root, "fuzz", DAYS, text, 512) == 0);
    CHECK(identity_issue(&request, NULL, text, 512) == 0);
    request.directory = guest_home;
    CHECK(identity_issue(&request, NULL, text, 512) == 0);
    CHECK(identity_load(home, &controller, text, 512) == 0);
    CHECK(cert_path(path, root, IDENTITY_AUTHORITY_FILE, where) == 0);
    CHECK(cert_read(path, &authority, where) == 0);
    CHECK(cert_fingerprint(authority, fingerprint) == 0);
    X509_free(authority);
    CHECK(cert_read_file(path, &bytes, &size, where) == 0);
    free(bytes);
    CHECK(dtls_context_create_guest(fingerprint, &guest_dtls, where) == 0);
    CHECK(dtls_context_create_open(controller, now_ns, &desk_dtls, where) ==
          0);
    return 0;
}

/* The next piece of the input; false at its end. */
static bool
piece(struct wire_reader *reader, const uint8_t **bytes, size_t *size)
{
    if (wire_reader_left(reader) < 2)
        return false;
    *size = wire_read_u16(reader) % ENROLL_RECORD_MAX;
    if (*size > wire_reader_left(reader))
        *size = wire_reader_left(reader);
    *bytes = wire_read_bytes(reader, *size);
    return true;
}

/* ---- 0 ---- */

static void
fuzz_voucher(const uint8_t *bytes, size_t size)
{
    char *line = strndup((const char *)bytes, size);
    struct enroll_voucher voucher;

    CHECK(line != NULL);
    if (enroll_voucher_read(line, &voucher) == 0) {
        CHECK((unsigned)voucher.role < ROLE_COUNT);
        CHECK(memchr(voucher.serial, '\0', sizeof(voucher.serial)) != NULL);
    }
    CHECK(enroll_voucher_check(root, line, 1000, &voucher) != 0);
    free(line);
}

/* ---- 1, 2 ---- */

static void
from_desk(void *arg, const struct peer_address *to, const void *bytes,
          size_t size)
{
    (void)to;
    push(arg, bytes, size);
}

static struct enroll_desk *
desk_make(struct queue *out)
{
    static struct enroll_server_options options = {
        .authority = root, .interfaces = {"none"}, .days = 1, .log = heard};
    struct enroll_desk *desk = NULL;

    options.identity = controller;
    CHECK(enroll_desk_create(&options, from_desk, out, now_ns, &desk, where) ==
          0);
    return desk;
}

static void
end_out(struct dtls_end *end, const void *bytes, size_t size)
{
    push(end->arg, bytes, size);
}

static void
fuzz_desk_raw(struct wire_reader *reader)
{
    struct queue *out = calloc(1, sizeof(*out));
    struct enroll_desk *desk = desk_make(out);
    struct peer_address from = stranger;
    const uint8_t *bytes;
    size_t size;

    while (piece(reader, &bytes, &size)) {
        from.ip[15] = (uint8_t)(size % 4);
        enroll_desk_input(desk, now_ns += NS_PER_MS, &from, bytes, size);
        enroll_desk_tick(desk, now_ns);
        out->count = 0;
    }
    CHECK(enroll_desk_sessions(desk) <= ENROLL_SESSIONS_MAX);
    enroll_desk_destroy(desk);
    free(out);
}

static void
fuzz_desk_records(struct wire_reader *reader)
{
    struct queue *in = calloc(1, sizeof(*in)), *out = calloc(1, sizeof(*out));
    struct enroll_desk *desk = desk_make(out);
    struct dtls_end end = {.address = stranger, .out = end_out, .arg = in};
    enum dtls_status status = DTLS_AGAIN;
    const uint8_t *bytes;
    size_t size;

    CHECK(dtls_end_init(&end, guest_dtls, false) == 0);
    for (unsigned i = 0; i < TURNS_MAX && status == DTLS_AGAIN; i++) {
        struct queue got = *out;

        out->count = 0;
        if (got.count == 0)
            status = dtls_handshake(&end);
        for (unsigned k = 0; k < got.count && status == DTLS_AGAIN; k++) {
            end.in = got.items[k].bytes;
            end.in_size = got.items[k].size;
            status = dtls_handshake(&end);
        }
        for (unsigned k = 0; k < in->count; k++)
            enroll_desk_input(desk, now_ns, &stranger, in->items[k].bytes,
                              in->items[k].size);
        in->count = 0;
    }
    while (status == DTLS_DONE && piece(reader, &bytes, &size)) {
        if (size == 0)
            continue;
        (void)dtls_write(&end, bytes, size);
        for (unsigned k = 0; k < in->count; k++)
            enroll_desk_input(desk, now_ns += 100 * NS_PER_MS, &stranger,
                              in->items[k].bytes, in->items[k].size);
        in->count = out->count = 0;
    }
    dtls_end_fini(&end);
    enroll_desk_destroy(desk);
    free(in);
    free(out);
}

/* ---- 3 ---- */

static void
finished(void *arg, int error)
{
    (void)arg;
    CHECK(error != 0); /* nobody has the authority's key */
}

/* The controller's end: what it hears is 'in'. */
static bool
controller_turn(struct dtls_end *end, struct queue *in, bool *listening)
{
    bool up = false;

    for (unsigned k = 0; k < in->count; k++) {
        enum dtls_status status = DTLS_DONE;

        end->in = in->items[k].bytes;
        end->in_size = in->items[k].size;
        if (*listening) {
            status = dtls_listen(end);
            *listening = status != DTLS_DONE;
        }
        if (status == DTLS_DONE)
            up = dtls_handshake(end) == DTLS_DONE;
    }
    in->count = 0;
    return up;
}

static void
guest_hears(struct enroll_guest *guest, struct queue *out)
{
    struct queue got = *out;

    out->count = 0;
    for (unsigned k = 0; k < got.count; k++)
        enroll_guest_input(guest, now_ns, &stranger, got.items[k].bytes,
                           got.items[k].size);
}

static void
fuzz_guest(struct wire_reader *reader)
{
    static const uint8_t answer[] = {ENROLL_ANSWER, ENROLL_VERSION};
    struct enroll_client_options options = {.directory = guest_home,
                                            .serial = "G",
                                            .role = ROLE_NCP,
                                            .interfaces = {"none"},
                                            .done = finished,
                                            .log = heard};
    struct queue *in = calloc(1, sizeof(*in)), *out = calloc(1, sizeof(*out));
    struct dtls_end end = {.address = stranger, .out = end_out, .arg = out};
    struct enroll_guest *guest = NULL;
    bool listening = true, up = false;
    const uint8_t *bytes;
    size_t size;

    CHECK(enroll_guest_create(&options, from_desk, in, &guest, where) == 0);
    CHECK(dtls_end_init(&end, desk_dtls, true) == 0);
    enroll_guest_input(guest, now_ns, &stranger, answer, sizeof(answer));
    for (unsigned i = 0; i < TURNS_MAX && !up; i++) {
        up = controller_turn(&end, in, &listening);
        guest_hears(guest, out);
    }
    while (up && piece(reader, &bytes, &size)) {
        if (size > 0)
            (void)dtls_write(&end, bytes, size);
        guest_hears(guest, out);
        enroll_guest_tick(guest, now_ns += NS_PER_S);
        in->count = 0;
    }
    dtls_end_fini(&end);
    enroll_guest_destroy(guest);
    free(in);
    free(out);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct wire_reader reader;

    if (size == 0)
        return 0;
    wire_reader_init(&reader, data + 1, size - 1);
    switch (data[0] % 4) {
    case 0: fuzz_voucher(data + 1, size - 1); break;
    case 1: fuzz_desk_raw(&reader); break;
    case 2: fuzz_desk_records(&reader); break;
    default: fuzz_guest(&reader); break;
    }
    return 0;
}
