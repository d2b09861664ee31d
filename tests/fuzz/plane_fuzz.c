/* SPDX-License-Identifier: Apache-2.0
 *
 * A box of the cluster that has gone bad, inside its association: records of
 * any content, which decrypt and verify.
 *
 * Input    records: u16 size, bytes.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "reference-nos/base/check.h"
#include "reference-nos/base/wire.h"
#include "reference-nos/linux/secure/peering_testwire.h"

#define CONTENT_MAX 1700u

int LLVMFuzzerInitialize(int *argc, char ***argv);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
char *mkdtemp(char *name);

static char root[] = "/dev/shm/plane-fuzz-XXXXXX";
static struct wire *wire;
static struct node *victim, *bad;

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
    char path[64], message[256];

    (void)argc;
    (void)argv;
    CHECK(mkdtemp(root) != NULL && atexit(clean) == 0);
    CHECK(identity_authority_make(root, "fuzz", 10, message, 256) == 0);
    wire = calloc(1, sizeof(*wire));
    CHECK(wire != NULL);
    wire_init(wire);
    for (unsigned i = 0; i < 2; i++) {
        struct identity_request request = {root, path, "S", ROLE_NCP, 10};
        struct identity *identity;

        (void)snprintf(path, sizeof(path), "%s/%u", root, i);
        CHECK(identity_issue(&request, NULL, message, 256) == 0);
        CHECK(identity_load(path, &identity, message, 256) == 0);
        node_start(wire_add(wire, identity), 1);
    }
    victim = &wire->nodes[0];
    bad = &wire->nodes[1];
    wire_run(wire, NS_PER_S);
    CHECK(peering_count(victim->peering) == 1);
    return 0;
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    uint64_t key = identity_key(victim->identity);
    struct wire_reader reader;

    wire_reader_init(&reader, data, size);
    while (wire_reader_left(&reader) > 2) {
        struct association *association =
            association_by_key(bad->peering, key);
        size_t length = wire_read_u16(&reader) % CONTENT_MAX;

        if (length > wire_reader_left(&reader))
            length = wire_reader_left(&reader);
        CHECK(association != NULL);
        if (length > 0)
            (void)association_write(association, wire->now_ns,
                                    wire_read_bytes(&reader, length), length);
        wire_run(wire, NS_PER_MS);
    }
    CHECK(peering_count(victim->peering) == 1);
    CHECK(victim->last_size <= PLAT_DATAGRAM_MAX);
    victim->log_size = 0;
    bad->log_size = 0;
    return 0;
}
