/* SPDX-License-Identifier: Apache-2.0 */
#include "reference-nos/store/machine.h"

#include "reference-nos/base/check.h"
#include "reference-nos/base/err.h"

#include <string.h>

void
machine_init(struct machine *machine, struct rows *rows)
{
    memset(machine, 0, sizeof(*machine));
    machine->rows = rows;
}

/* Where 'client' is or belongs. */
static unsigned
client_place(const struct machine *machine, uint64_t client)
{
    unsigned low = 0;
    unsigned high = machine->client_count;

    while (low < high) {
        unsigned middle = (low + high) / 2;

        if (machine->clients[middle].client < client)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

const struct machine_client *
machine_client_find(const struct machine *machine, uint64_t client)
{
    unsigned place = client_place(machine, client);

    if (place == machine->client_count ||
        machine->clients[place].client != client)
        return NULL;
    return &machine->clients[place];
}

static void
client_remove(struct machine *machine, unsigned place)
{
    machine->client_count--;
    memmove(&machine->clients[place], &machine->clients[place + 1],
            (machine->client_count - place) * sizeof(machine->clients[0]));
}

/* Indexes of outcomes are unique, so the choice is the same everywhere. */
static void
client_forget_idlest(struct machine *machine)
{
    unsigned idlest = 0;

    for (unsigned i = 1; i < machine->client_count; i++)
        if (machine->clients[i].index < machine->clients[idlest].index)
            idlest = i;
    client_remove(machine, idlest);
}

static void
client_remember(struct machine *machine, const struct machine_client *outcome)
{
    unsigned place = client_place(machine, outcome->client);

    if (place < machine->client_count &&
        machine->clients[place].client == outcome->client) {
        machine->clients[place] = *outcome;
        return;
    }
    if (machine->client_count == MACHINE_CLIENTS) {
        client_forget_idlest(machine);
        place = client_place(machine, outcome->client);
    }
    memmove(&machine->clients[place + 1], &machine->clients[place],
            (machine->client_count - place) * sizeof(machine->clients[0]));
    machine->clients[place] = *outcome;
    machine->client_count++;
}

int
machine_check(const void *bytes, size_t size, struct store_txn *txn)
{
    struct wire_reader reader;
    struct store_op op;
    unsigned count = 0;
    int error;

    if (size > STORE_TXN_BYTES_MAX)
        return ERR_RANGE;
    wire_reader_init(&reader, bytes, size);
    error = store_txn_read(&reader, txn);
    while (error == 0) {
        error = store_op_read(&reader, &op);
        if (error != 0)
            break;
        if (op.row.table >= TABLE_CONF_END || op.row.owner != 0)
            return ERR_INVALID;
        if (++count > STORE_TXN_OPS_MAX)
            return ERR_RANGE;
    }
    return error == ERR_NOENT ? 0 : error;
}

/* Every EXPECT holds, and all PUTs fit whatever is there. */
static int
txn_judge(const struct machine *machine, struct wire_reader reader)
{
    const struct rows *rows = machine->rows;
    size_t count = rows->count;
    size_t bytes = rows->bytes;
    struct store_op op;

    while (store_op_read(&reader, &op) == 0) {
        const struct row *row;

        if (op.kind == STORE_OP_PUT) {
            count++;
            bytes += op.row.key_size + op.row.value_size;
        }
        if (op.kind != STORE_OP_EXPECT)
            continue;
        row = rows_find(rows, 0, op.row.table, op.row.key, op.row.key_size);
        if ((row == NULL ? 0 : row->version) != op.row.version)
            return ERR_CONFLICT;
    }
    return count > rows->count_max || bytes > rows->bytes_max ? ERR_FULL : 0;
}

static int
txn_perform(struct machine *machine, struct wire_reader reader, uint64_t index,
            unsigned *done)
{
    uint64_t stamp = index << MACHINE_STAMP_SHIFT;
    struct store_op op;

    while (store_op_read(&reader, &op) == 0) {
        int error;

        if (op.kind == STORE_OP_EXPECT)
            continue;
        op.row.version = index;
        error = rows_put(machine->rows, &op.row, ++stamp, 0);
        if (error != 0)
            return error;
        (*done)++;
    }
    return 0;
}

static int
apply_txn(struct machine *machine, const struct raft_entry *entry,
          unsigned *rows)
{
    struct machine_client outcome = {.index = entry->index,
                                     .term = entry->term};
    const struct machine_client *before;
    struct wire_reader reader;
    struct store_txn txn;
    int error = machine_check(entry->data, entry->size, &txn);

    if (error != 0) /* No honest leader proposes it; the same everywhere. */
        return 0;
    wire_reader_init(&reader, entry->data, entry->size);
    error = store_txn_read(&reader, &txn);
    CHECK(error == 0);
    before = machine_client_find(machine, txn.client);
    if (before != NULL && txn.sequence <= before->sequence)
        return 0;
    outcome.client = txn.client;
    outcome.sequence = txn.sequence;
    outcome.status = txn.term != 0 && txn.term != entry->term
                         ? ERR_STALE
                         : txn_judge(machine, reader);
    if (outcome.status == 0) {
        error = txn_perform(machine, reader, entry->index, rows);
        if (error != 0)
            return error;
    }
    client_remember(machine, &outcome);
    return 0;
}

/* Chains the entry and what became of it. */
static void
digest_entry(struct machine *machine, const struct raft_entry *entry,
             unsigned rows)
{
    struct digest128 data = digest_of(entry->data, entry->size);
    uint8_t bytes[80];
    struct wire_writer writer;

    wire_writer_init(&writer, bytes, sizeof(bytes));
    wire_write_u64(&writer, machine->digest.high);
    wire_write_u64(&writer, machine->digest.low);
    wire_write_u64(&writer, entry->index);
    wire_write_u64(&writer, entry->term);
    wire_write_u64(&writer, (uint64_t)entry->kind);
    wire_write_u64(&writer, data.high);
    wire_write_u64(&writer, data.low);
    wire_write_u64(&writer, rows);
    wire_write_u64(&writer, machine->rows->count);
    wire_write_u64(&writer, machine->rows->bytes);
    machine->digest = digest_of(bytes, wire_writer_size(&writer));
}

int
machine_apply(struct machine *machine, const struct raft_entry *entry,
              unsigned *rows)
{
    int error = 0;

    CHECK(entry->index == machine->applied + 1 && machine->loading == NULL);
    *rows = 0;
    if (entry->kind == RAFT_ENTRY_DATA)
        error = apply_txn(machine, entry, rows);
    if (error != 0)
        return error;
    digest_entry(machine, entry, *rows);
    machine->applied = entry->index;
    machine->applied_term = entry->term;
    return 0;
}
