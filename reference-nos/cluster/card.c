/* SPDX-License-Identifier: Apache-2.0 */
#include "reference-nos/cluster/card.h"

#include "reference-nos/base/check.h"
#include "reference-nos/base/digest.h"
#include "reference-nos/base/err.h"
#include "reference-nos/base/wire.h"

#define CARD_MAGIC 0x43415244u /* "CARD" */
#define CARD_SEED 0x6361u
#define SUM_BYTES 4u

void
card_encode(const struct card *card, uint8_t bytes[CARD_BYTES])
{
    struct wire_writer writer;

    wire_writer_init(&writer, bytes, CARD_BYTES);
    wire_write_u32(&writer, CARD_MAGIC);
    wire_write_u64(&writer, card->cluster_id);
    wire_write_u64(&writer, card->term);
    wire_write_u64(&writer, card->index);
    wire_write_u64(&writer, card->confirmed_boot);
    wire_write_u64(&writer, card->left_boot);
    wire_write_u16(&writer, card->number);
    wire_write_bool(&writer, card->drained);
    wire_write_u32(&writer,
                   checksum32(CARD_SEED, bytes, CARD_BYTES - SUM_BYTES));
    CHECK(wire_writer_finish(&writer) == 0);
}

int
card_decode(const uint8_t *bytes, size_t size, struct card *card)
{
    struct wire_reader reader;
    struct card read;
    uint32_t sum;

    if (size != CARD_BYTES)
        return ERR_CORRUPT;
    wire_reader_init(&reader, bytes, size);
    if (wire_read_u32(&reader) != CARD_MAGIC)
        return ERR_CORRUPT;
    read.cluster_id = wire_read_u64(&reader);
    read.term = wire_read_u64(&reader);
    read.index = wire_read_u64(&reader);
    read.confirmed_boot = wire_read_u64(&reader);
    read.left_boot = wire_read_u64(&reader);
    read.number = wire_read_u16(&reader);
    read.drained = wire_read_bool(&reader);
    sum = wire_read_u32(&reader);
    if (wire_reader_finish(&reader) != 0 ||
        sum != checksum32(CARD_SEED, bytes, CARD_BYTES - SUM_BYTES))
        return ERR_CORRUPT;
    *card = read;
    return 0;
}

uint64_t
card_proof(uint64_t key, uint64_t nonce)
{
    uint8_t bytes[8];
    struct wire_writer writer;

    wire_writer_init(&writer, bytes, sizeof(bytes));
    wire_write_u64(&writer, nonce);
    return hash64(key, bytes, sizeof(bytes));
}
