/* SPDX-License-Identifier: Apache-2.0
 *
 * A box boots from any files.  Checksums are put right on demand, so that
 * what lies behind them is reached.  It may refuse, restart or come up; it
 * may not fall, nor run without end, nor lose what it had acknowledged to a
 * second boot.
 *
 * Input    u8 role and voters; then for META, LOG, SNAPSHOT, CARD: u8 how
 *          (0: as it is, else built from fields), u16 size, bytes.
 */
#include "reference-nos/node/testbox.h"

#include <string.h>

#include "reference-nos/base/check.h"
#include "reference-nos/base/digest.h"
#include "reference-nos/base/units.h"
#include "reference-nos/base/wire.h"
#include "reference-nos/cluster/card.h"
#include "reference-nos/store/disk_priv.h"

#define KEY 7u
#define LIFE_NS (3 * NS_PER_S)
#define DATA_MAX 200u
#define SNAPSHOT_HEAD 16u

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void
put(struct testbox *box, enum storage_file file, const void *bytes,
    size_t size)
{
    if (size > 0)
        memcpy(box->files[file], bytes, size);
    box->sizes[file] = size;
}

static void
build_meta(struct testbox *box, struct wire_reader *from)
{
    uint8_t bytes[DISK_META_BYTES];
    uint64_t term = wire_read_u8(from);

    disk_meta_encode(term, wire_read_u8(from) % 10, bytes);
    put(box, STORAGE_META, bytes, sizeof(bytes));
}

/* Records that follow one another unless the input says otherwise. */
static void
build_log(struct testbox *box, struct wire_reader *from)
{
    uint8_t *file = box->files[STORAGE_LOG];
    uint64_t index = wire_read_u8(from), term = wire_read_u8(from);
    size_t end = DISK_HEAD_BYTES;

    disk_head_encode(index, term, file);
    while (wire_reader_left(from) > 4) {
        uint8_t step = wire_read_u8(from);
        struct raft_entry entry = {.kind = wire_read_u8(from) % 4};

        entry.size = wire_read_u8(from);
        if (entry.size > wire_reader_left(from))
            entry.size = wire_reader_left(from);
        entry.data = wire_read_bytes(from, entry.size);
        index += step < 240 ? 1u : step - 240u;
        term += step % 16 == 15;
        entry.index = index;
        entry.term = term;
        disk_record_encode(&entry, file + end);
        end += DISK_RECORD_BYTES + entry.size;
        CHECK(end < TESTBOX_FILE_MAX / 2);
    }
    box->sizes[STORAGE_LOG] = end;
}

/* Magic, version, size, checksum, then what the input says. */
static void
build_snapshot(struct testbox *box, struct wire_reader *from)
{
    uint8_t *file = box->files[STORAGE_SNAPSHOT];
    size_t left = wire_reader_left(from);
    struct wire_writer writer;

    memcpy(file + SNAPSHOT_HEAD, wire_read_bytes(from, left), left);
    wire_writer_init(&writer, file, SNAPSHOT_HEAD);
    wire_write_bytes(&writer, "NOSS\0\0\0\1", 8);
    wire_write_u32(&writer, (uint32_t)(SNAPSHOT_HEAD + left));
    wire_write_u32(&writer,
                   checksum32(0x534e4150u, file + SNAPSHOT_HEAD, left));
    box->sizes[STORAGE_SNAPSHOT] = SNAPSHOT_HEAD + left;
}

static void
build_card(struct testbox *box, struct wire_reader *from)
{
    uint8_t bytes[CARD_BYTES];
    struct card card = {.cluster_id = 0xc1};

    card.term = wire_read_u8(from);
    card.index = wire_read_u8(from);
    card.confirmed_boot = wire_read_u8(from);
    card.left_boot = wire_read_u8(from);
    card.number = wire_read_u16(from);
    card.drained = wire_read_u8(from) & 1;
    card_encode(&card, bytes);
    put(box, STORAGE_CARD, bytes, sizeof(bytes));
}

static void
one_file(struct testbox *box, enum storage_file file,
         struct wire_reader *input)
{
    static void (*const build[STORAGE_FILE_COUNT])(
        struct testbox *, struct wire_reader *) = {build_meta, build_log,
                                                   build_snapshot, build_card};
    uint8_t how = wire_read_u8(input);
    size_t size = wire_read_u16(input);
    struct wire_reader part;
    const uint8_t *bytes;

    if (size > wire_reader_left(input))
        size = wire_reader_left(input);
    bytes = wire_read_bytes(input, size);
    if (how % 4 == 0 && size <= TESTBOX_FILE_MAX) {
        put(box, file, bytes, size);
    } else if (size > 0) {
        wire_reader_init(&part, bytes, size);
        build[file](box, &part);
        if (how % 4 == 3) /* torn */
            box->sizes[file] -= how / 4 % (box->sizes[file] + 1);
    }
}

/* What came up and acted must come up again from what it left. */
static void
boot_again(const struct testbox *first, enum role role)
{
    struct testbox *again = testbox_make(role, KEY);

    again->facts = first->facts;
    again->facts.incarnation++;
    for (unsigned i = 0; i < STORAGE_FILE_COUNT; i++)
        put(again, (enum storage_file)i, first->files[i], first->sizes[i]);
    testbox_start(again);
    testbox_run(again, LIFE_NS);
    CHECK(!again->restarting && again->active);
    CHECK(again->applied >= first->applied);
    testbox_destroy(again);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct wire_reader input;
    struct testbox *box;
    enum role role;
    uint8_t first;

    if (size < 2 || size > 65536)
        return 0;
    wire_reader_init(&input, data, size);
    first = wire_read_u8(&input);
    role = (enum role)(first % ROLE_COUNT);
    box = testbox_make(role, KEY);
    if (role == ROLE_NCC || role == ROLE_NCM) {
        box->facts.voter_count = first & 16 ? 3 : 1;
        for (unsigned i = 0; i < box->facts.voter_count; i++)
            box->facts.voters[i] = KEY + i;
        box->facts.arbiter = role == ROLE_NCM;
    }
    for (unsigned i = 0; i < STORAGE_FILE_COUNT && wire_reader_ok(&input); i++)
        one_file(box, (enum storage_file)i, &input);
    testbox_start(box);
    testbox_run(box, LIFE_NS);
    if (!box->restarting && box->active)
        boot_again(box, role);
    testbox_destroy(box);
    return 0;
}
