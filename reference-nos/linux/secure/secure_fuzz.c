/* SPDX-License-Identifier: Apache-2.0
 *
 * Datagrams from the management network.
 *
 * Input    u8 scene: odd: the box has one association; then steps of u8 who,
 *          u16 size, bytes: from the peer, from a box of the cluster that is
 *          not up, from a stranger, to the enrolment desk, or a step of time.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "reference-nos/base/check.h"
#include "reference-nos/base/wire.h"
#include "reference-nos/linux/secure/enroll_priv.h"
#include "reference-nos/linux/secure/peering_testwire.h"

int LLVMFuzzerInitialize(int *argc, char ***argv);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define BOXES 3u

static struct identity *identities[BOXES];
static struct dtls_context *contexts[BOXES];
static char root[] = "/tmp/secure-fuzz-XXXXXX";

int
LLVMFuzzerInitialize(int *argc, char ***argv)
{
    char path[64], message[256];

    (void)argc;
    (void)argv;
    CHECK(mkdtemp(root) != NULL);
    CHECK(identity_authority_make(root, "fuzz", 10, message, 256) == 0);
    for (unsigned i = 0; i < BOXES; i++) {
        struct identity_request request = {root, path, "S", ROLE_NCC, 10};

        snprintf(path, sizeof(path), "%s/%u", root, i);
        CHECK(identity_issue(&request, NULL, message, 256) == 0);
        CHECK(identity_load(path, &identities[i], message, 256) == 0);
        CHECK(dtls_context_create(identities[i], 0, &contexts[i],
                                  (struct message){message, 256}) == 0);
    }
    return 0;
}

static void
on_transmit(void *arg, const struct peer_address *to, const void *bytes,
            size_t size)
{
    (void)arg;
    (void)to;
    (void)bytes;
    (void)size;
}

/* Made when it is first needed: it reads files. */
static struct enroll_desk *
desk_of(const struct wire *wire, struct enroll_desk **desk)
{
    struct enroll_server_options options = {
        .identity = identities[0], .authority = root, .days = 1};
    char message[256];

    if (*desk == NULL)
        CHECK(enroll_desk_create(&options, on_transmit, NULL, wire->now_ns,
                                 desk, (struct message){message, 256}) == 0);
    return *desk;
}

static void
one_step(struct wire *wire, struct enroll_desk **desk,
         struct wire_reader *reader)
{
    uint8_t who = wire_read_u8(reader) % 5;
    size_t size = wire_read_u16(reader) % 2200;
    const uint8_t *bytes;
    struct peer_address from = wire_address(who + 2u);

    if (size > wire_reader_left(reader))
        size = wire_reader_left(reader);
    bytes = wire_read_bytes(reader, size);
    if (who == 4)
        wire_run(wire, size * NS_PER_MS);
    else if (who == 3)
        enroll_desk_input(desk_of(wire, desk), wire->now_ns, &from, bytes,
                          size);
    else
        peering_input(wire->nodes[0].peering, wire->now_ns, &from, bytes,
                      size);
}

static void
let_go(struct wire *wire)
{
    for (unsigned i = 0; i < wire->count; i++) {
        node_stop(&wire->nodes[i]);
        wire->nodes[i].identity = NULL;
        wire->nodes[i].dtls = NULL;
    }
    wire_fini(wire);
    free(wire);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct wire *wire = malloc(sizeof(*wire));
    struct enroll_desk *desk = NULL;
    struct wire_reader reader;
    bool peer;

    CHECK(wire != NULL);
    wire_init(wire);
    wire_reader_init(&reader, data, size);
    peer = wire_read_u8(&reader) % 2 == 1;
    for (unsigned i = 0; i < BOXES; i++)
        wire_add_with(wire, identities[i], contexts[i]);
    node_start(&wire->nodes[0], 1);
    if (peer)
        node_start(&wire->nodes[1], 1);
    wire_run(wire, NS_PER_MS);
    while (wire_reader_left(&reader) > 0 && wire_reader_ok(&reader))
        one_step(wire, &desk, &reader);
    CHECK(peering_half_open(wire->nodes[0].peering) <= SECURE_HALF_OPEN_MAX);
    CHECK(peering_hints(wire->nodes[0].peering) <= PEERING_HINTS_MAX);
    enroll_desk_destroy(desk);
    let_go(wire);
    return 0;
}
