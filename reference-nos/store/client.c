/* SPDX-License-Identifier: Apache-2.0
 *
 * Transactions and linearizable reads of the services of this box.
 */
#include "reference-nos/base/check.h"
#include "reference-nos/base/err.h"
#include "reference-nos/store/store_priv.h"

#include <string.h>

static bool
is_local(const struct actor_message *message)
{
    return message->from.box == 0 && message->from.service < SVC_COUNT;
}

static uint64_t
leader_hint(const struct store *store)
{
    if (store->voter)
        return raft_leader(store->consensus->raft);
    return store->known.active;
}

/* A lost answer is asked for again by the client, with its sequence. */
static void
answer_txn(struct store *store, uint8_t service, struct store_txn_done *done)
{
    uint8_t bytes[64];
    struct wire_writer writer;

    if (done->status != 0)
        done->leader = leader_hint(store);
    wire_writer_init(&writer, bytes, sizeof(bytes));
    store_txn_done_write(&writer, done);
    if (done->status == 0)
        actor_trace(store->self, TRACE_ACKNOWLEDGED, done->client,
                    done->sequence, done->index, done->term);
    (void)store_tell(store, service, MSG_STORE_TXN_DONE, done->term, &writer);
}

static void
refuse_txn(struct store *store, uint8_t service, const struct store_txn *txn,
           int status)
{
    struct store_txn_done done = {
        .client = txn->client,
        .sequence = txn->sequence,
        .status = status,
    };

    answer_txn(store, service, &done);
}

/* Answers from what is remembered; false if nothing is. */
static bool
answer_again(struct store *store, uint8_t service, uint64_t client,
             uint64_t sequence)
{
    const struct machine_client *before =
        machine_client_find(&store->consensus->machine, client);
    struct store_txn_done done = {.client = client, .sequence = sequence};

    if (before == NULL || sequence > before->sequence)
        return false;
    done.status = ERR_STALE;
    if (sequence == before->sequence) {
        done.status = before->status;
        done.index = before->index;
        done.term = before->term;
    }
    answer_txn(store, service, &done);
    return true;
}

static struct pending_txn *
txn_find(struct consensus *c, uint64_t client, uint64_t sequence)
{
    for (unsigned i = 0; i < STORE_TXNS_MAX; i++)
        if (c->txns[i].used && c->txns[i].client == client &&
            c->txns[i].sequence == sequence)
            return &c->txns[i];
    return NULL;
}

static void
txn_remember(struct consensus *c, uint8_t service, const struct store_txn *txn,
             const struct consensus_answer *answer)
{
    for (unsigned i = 0; i < STORE_TXNS_MAX; i++) {
        if (c->txns[i].used)
            continue;
        c->txns[i] = (struct pending_txn){
            .used = true,
            .service = service,
            .client = txn->client,
            .sequence = txn->sequence,
            .index = answer->index,
            .term = answer->term,
        };
        c->txn_count++;
        return;
    }
}

static int
propose(struct store *store, uint8_t service, const struct store_txn *txn,
        const struct actor_message *message)
{
    struct consensus *c = store->consensus;
    struct raft_event event = {.kind = RAFT_EVENT_PROPOSE,
                               .data = message->body,
                               .size = message->size,
                               .context = ++c->read_context};
    struct consensus_answer answer;
    int error;

    store_charge_bytes(store, message->size);
    error = consensus_step(store, &event, &answer);
    if (error != 0)
        return error;
    if (answer.refused != 0) {
        /* A full log empties with the next snapshot. */
        refuse_txn(store, service, txn,
                   answer.refused == ERR_FULL ? ERR_BUSY : answer.refused);
        return 0;
    }
    if (mutation_awake(store->plat, MUTATION_ACK_BEFORE_DURABLE)) {
        struct store_txn_done done = {.client = txn->client,
                                      .sequence = txn->sequence,
                                      .index = answer.index,
                                      .term = answer.term};

        answer_txn(store, service, &done);
        return 0;
    }
    txn_remember(c, service, txn, &answer);
    return 0;
}

/* Why the transaction is not even tried, or 0. */
static int
txn_obstacle(const struct store *store, const struct store_txn *txn)
{
    const struct consensus *c = store->consensus;

    if (!store->voter || raft_role(c->raft) != RAFT_LEADER)
        return ERR_NOT_LEADER;
    if (txn->term != 0 && txn->term != raft_term(c->raft))
        return ERR_STALE;
    return c->txn_count == STORE_TXNS_MAX ? ERR_BUSY : 0;
}

int
client_txn(struct store *store, const struct actor_message *message)
{
    struct store_txn txn = {0};
    struct pending_txn *pending;
    uint8_t service = message->from.service;
    int error;

    if (!is_local(message))
        return 0;
    error = machine_check(message->body, message->size, &txn);
    if (error == 0)
        error = txn_obstacle(store, &txn);
    if (error != 0) {
        refuse_txn(store, service, &txn, error);
        return 0;
    }
    if (answer_again(store, service, txn.client, txn.sequence))
        return 0;
    pending = txn_find(store->consensus, txn.client, txn.sequence);
    if (pending != NULL) {
        pending->service = service;
        return 0;
    }
    return propose(store, service, &txn, message);
}

void
client_applied(struct store *store, const struct raft_entry *entry)
{
    struct consensus *c = store->consensus;

    if (c->txn_count == 0)
        return;
    for (unsigned i = 0; i < STORE_TXNS_MAX; i++) {
        struct pending_txn txn = c->txns[i];

        if (!txn.used || txn.index != entry->index)
            continue;
        c->txns[i].used = false;
        c->txn_count--;
        if (txn.term != entry->term ||
            !answer_again(store, txn.service, txn.client, txn.sequence)) {
            struct store_txn lost = {txn.client, txn.sequence, 0};

            refuse_txn(store, txn.service, &lost, ERR_TIMEOUT);
        }
    }
}

void
client_fail_all(struct store *store)
{
    struct consensus *c = store->consensus;

    for (unsigned i = 0; i < STORE_TXNS_MAX; i++) {
        struct store_txn lost = {c->txns[i].client, c->txns[i].sequence, 0};

        if (!c->txns[i].used)
            continue;
        c->txns[i].used = false;
        refuse_txn(store, c->txns[i].service, &lost, ERR_TIMEOUT);
    }
    c->txn_count = 0;
}

/* --- Reads -------------------------------------------------------------- */

static void
answer_read(struct store *store, uint8_t service, struct store_read_done *done)
{
    struct wire_writer writer;

    if (done->status != 0 && done->status != ERR_NOENT)
        done->leader = leader_hint(store);
    wire_writer_init(&writer, store->chunk, sizeof(store->chunk));
    store_read_done_write(&writer, done);
    (void)store_tell(store, service, MSG_STORE_READ_DONE, 0, &writer);
}

static void
refuse_read(struct store *store, uint8_t service, uint64_t sequence,
            int status)
{
    struct store_read_done done = {.sequence = sequence, .status = status};

    answer_read(store, service, &done);
}

static struct pending_read *
read_free(struct consensus *c)
{
    for (unsigned i = 0; i < STORE_READS_MAX; i++)
        if (c->reads[i].context == 0)
            return &c->reads[i];
    return NULL;
}

static void
read_end(struct consensus *c, struct pending_read *pending)
{
    pending->context = 0;
    c->read_count--;
}

static int
ask(struct store *store, struct pending_read *pending, uint8_t service,
    const struct store_read *read)
{
    struct consensus *c = store->consensus;
    struct raft_event event = {.kind = RAFT_EVENT_READ,
                               .context = ++c->read_context};
    struct consensus_answer answer;
    int error;

    /* Noted first: the core may confirm within the step. */
    c->read_count++;
    pending->context = event.context;
    pending->confirmed = false;
    pending->service = service;
    pending->read = *read;
    error = consensus_step(store, &event, &answer);
    if (error != 0 || answer.refused == 0)
        return error;
    read_end(c, pending);
    refuse_read(store, service, read->sequence,
                answer.refused == ERR_NOT_LEADER ? ERR_NOT_LEADER
                                                 : ERR_TIMEOUT);
    return 0;
}

int
client_read(struct store *store, const struct actor_message *message)
{
    struct pending_read *pending;
    struct wire_reader reader;
    struct store_read read;

    if (!is_local(message))
        return 0;
    wire_reader_init(&reader, message->body, message->size);
    if (store_read_read(&reader, &read) != 0)
        return 0;
    if (!store->voter || raft_role(store->consensus->raft) != RAFT_LEADER) {
        refuse_read(store, message->from.service, read.sequence,
                    ERR_NOT_LEADER);
        return 0;
    }
    pending = read_free(store->consensus);
    if (pending == NULL) {
        refuse_read(store, message->from.service, read.sequence, ERR_TIMEOUT);
        return 0;
    }
    return ask(store, pending, message->from.service, &read);
}

void
client_read_confirmed(struct store *store, const struct raft_read *read)
{
    struct consensus *c = store->consensus;

    for (unsigned i = 0; i < STORE_READS_MAX; i++) {
        struct pending_read *pending = &c->reads[i];

        if (pending->context != read->context)
            continue;
        if (read->status == 0) {
            /* All that is committed, as the core asks. */
            pending->confirmed = true;
            pending->index = c->commit > read->index ? c->commit : read->index;
            return;
        }
        read_end(c, pending);
        refuse_read(store, pending->service, pending->read.sequence,
                    ERR_NOT_LEADER);
    }
}

static void
read_now(struct store *store, const struct pending_read *pending)
{
    const struct store_read *read = &pending->read;
    const struct row *row = rows_find(&store->conf, 0, read->table,
                                      read->key.bytes, read->key.size);
    struct store_read_done done = {.sequence = read->sequence,
                                   .status = ERR_NOENT};

    if (row != NULL) {
        struct store_row view = row_view(row);

        done.status = 0;
        done.version = row->version;
        done.value = view.value;
        done.value_size = view.value_size;
    }
    answer_read(store, pending->service, &done);
}

void
client_reads_answer(struct store *store)
{
    struct consensus *c = store->consensus;

    for (unsigned i = 0; i < STORE_READS_MAX && c->read_count > 0; i++) {
        struct pending_read *pending = &c->reads[i];

        if (pending->context == 0 || !pending->confirmed ||
            pending->index > c->machine.applied)
            continue;
        read_now(store, pending);
        read_end(c, pending);
    }
}

/* --- Leadership --------------------------------------------------------- */

static void
answer_transfer(struct store *store, uint8_t service, int status)
{
    struct store_voter_done done = {status};
    uint8_t bytes[8];
    struct wire_writer writer;

    wire_writer_init(&writer, bytes, sizeof(bytes));
    store_voter_done_write(&writer, &done);
    (void)store_tell(store, service, MSG_STORE_TRANSFER_DONE,
                     store_term(store), &writer);
}

int
client_transfer(struct store *store, const struct actor_message *message)
{
    struct raft_event event = {.kind = RAFT_EVENT_TRANSFER};
    struct consensus_answer answer = {.refused = ERR_NOT_LEADER};
    struct wire_reader reader;
    int error = 0;

    wire_reader_init(&reader, message->body, message->size);
    event.peer = wire_read_u64(&reader);
    if (!is_local(message) || wire_reader_finish(&reader) != 0)
        return 0;
    if (store->voter)
        error = consensus_step(store, &event, &answer);
    if (error != 0)
        return error;
    if (answer.refused != 0)
        actor_log(store->self, SEVERITY_WARNING, "store: transfer: %s",
                  err_text(answer.refused));
    answer_transfer(store, message->from.service, answer.refused);
    return 0;
}
