/* SPDX-License-Identifier: Apache-2.0
 *
 * Datagrams from the management network into a box that has one association
 * and one handshake under way.
 *
 * Input    [u8 who, u16 length, bytes]...: from the peer, from the one that
 *          shakes hands, from a stranger, or a step of time.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "reference-nos/base/check.h"
#include "reference-nos/base/wire.h"
#include "reference-nos/linux/secure/peering_testwire.h"

int LLVMFuzzerInitialize(int *argc, char ***argv);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static struct identity *identities[3];

int
LLVMFuzzerInitialize(int *argc, char ***argv)
{
    char root[] = "/tmp/secure-fuzz-XXXXXX", path[64], message[256];

    (void)argc;
    (void)argv;
    CHECK(mkdtemp(root) != NULL);
    CHECK(identity_authority_make(root, "fuzz", 10, message, 256) == 0);
    for (unsigned i = 0; i < 3; i++) {
        struct identity_request request = {root, path, "S", ROLE_NCP, 10};

        snprintf(path, sizeof(path), "%s/%u", root, i);
        CHECK(identity_issue(&request, NULL, message, 256) == 0);
        CHECK(identity_load(path, &identities[i], message, 256) == 0);
    }
    return 0;
}

static void
one_step(struct wire *wire, struct wire_reader *reader)
{
    uint8_t who = wire_read_u8(reader) % 4;
    size_t size = wire_read_u16(reader) % 2200;
    const uint8_t *bytes;
    struct peer_address from = wire_address(who + 2u);

    if (size > wire_reader_left(reader))
        size = wire_reader_left(reader);
    bytes = wire_read_bytes(reader, size);
    if (who == 3)
        wire_run(wire, size * NS_PER_MS);
    else
        peering_input(wire->nodes[0].peering, wire->now_ns, &from, bytes,
                      size);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct wire *wire = malloc(sizeof(*wire));
    struct wire_reader reader;

    CHECK(wire != NULL);
    wire_init(wire);
    for (unsigned i = 0; i < 3; i++)
        node_start(wire_add(wire, identities[i]), 1);
    node_kill(&wire->nodes[2]);
    wire_run(wire, NS_PER_MS);
    wire_reader_init(&reader, data, size);
    while (wire_reader_left(&reader) > 0 && wire_reader_ok(&reader))
        one_step(wire, &reader);
    CHECK(peering_half_open(wire->nodes[0].peering) <= SECURE_HALF_OPEN_MAX);
    CHECK(peering_hints(wire->nodes[0].peering) <= PEERING_HINTS_MAX);
    for (unsigned i = 0; i < wire->count; i++)
        wire->nodes[i].identity = NULL;
    wire_fini(wire);
    free(wire);
    return 0;
}
