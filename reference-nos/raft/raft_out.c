/* SPDX-License-Identifier: Apache-2.0 */
#include "reference-nos/raft/raft_priv.h"

#include <string.h>

void
raft_out_begin(struct raft *raft)
{
    memset(&raft->out, 0, offsetof(struct raft_out, writes));
}

void
raft_out_finish(struct raft *raft, struct raft_effects *effects)
{
    struct raft_out *out = &raft->out;

    memset(effects, 0, sizeof(*effects));
    effects->write_count = out->write_count;
    effects->writes = out->writes;
    effects->message_count = out->message_count;
    effects->messages = out->messages;
    effects->load_snapshot = out->load_snapshot;
    if (raft->commit > raft->applied) {
        effects->apply_count = (size_t)(raft->commit - raft->applied);
        effects->apply = raft_log_at(&raft->log, raft->applied + 1);
        CHECK(effects->apply);
        raft->applied = raft->commit;
    }
    effects->read_count = out->read_count;
    effects->reads = out->reads;
    effects->send_snapshot_count = out->send_snapshot_count;
    effects->send_snapshots = out->send_snapshots;
    effects->leader_ready = out->leader_ready;
    effects->stepped_down = out->stepped_down;
    effects->members_changed = out->members_changed;
    effects->proposed_index = out->proposed_index;
    effects->proposed_term = out->proposed_term;
    effects->deadline_ns = raft->dead ? UINT64_MAX : raft->deadline_ns;
}

/* --- Messages ----------------------------------------------------------- */

struct raft_message
raft_message_to(const struct raft *raft, uint64_t to,
                enum raft_message_kind kind)
{
    return (struct raft_message){
        .kind = kind,
        .from = raft->config.self,
        .to = to,
        .incarnation = raft->config.incarnation,
        .term = raft->term,
    };
}

/* Beyond the bound a message counts as lost. */
void
raft_send(struct raft *raft, const struct raft_message *message)
{
    struct raft_out *out = &raft->out;

    if (out->message_count < RAFT_OUT_MESSAGES_MAX)
        out->messages[out->message_count++] = *message;
}

void
raft_send_after_vote(struct raft *raft, const struct raft_message *message)
{
    CHECK(message->entry_count == 0);
    if (raft->persisted >= raft->vote_write_id) {
        raft_send(raft, message);
        return;
    }
    if (raft->held_count == RAFT_HELD_MAX)
        return;
    raft->held[raft->held_count++] = (struct raft_held){
        .needs = raft->vote_write_id,
        .message = *message,
    };
}

static void
held_release(struct raft *raft)
{
    size_t kept = 0;

    for (size_t i = 0; i < raft->held_count; i++) {
        if (raft->held[i].needs <= raft->persisted)
            raft_send(raft, &raft->held[i].message);
        else
            raft->held[kept++] = raft->held[i];
    }
    raft->held_count = kept;
}

/* --- Writes ------------------------------------------------------------- */

/* When the list is full the newest element stands for two writes: it counts
 * only when the later one is durable, so nothing is promised too early. */
static void
pending_add(struct raft *raft, uint64_t log_index)
{
    struct raft_pending *last;

    if (raft->pending_count < RAFT_PENDING_MAX) {
        raft->pending[raft->pending_count++] = (struct raft_pending){
            .id = raft->write_id,
            .log_index = log_index,
        };
        return;
    }
    last = &raft->pending[RAFT_PENDING_MAX - 1];
    last->id = raft->write_id;
    if (log_index)
        last->log_index = log_index;
}

static struct raft_write *
write_add(struct raft *raft, enum raft_write_kind kind, uint64_t log_index)
{
    struct raft_out *out = &raft->out;
    struct raft_write *write;

    CHECK(out->write_count < RAFT_OUT_WRITES_MAX);
    write = &out->writes[out->write_count++];
    memset(write, 0, sizeof(*write));
    write->id = ++raft->write_id;
    write->kind = kind;
    pending_add(raft, log_index);
    return write;
}

void
raft_write_vote(struct raft *raft)
{
    struct raft_write *write = write_add(raft, RAFT_WRITE_VOTE, 0);

    write->term = raft->term;
    write->voted_for = raft->voted_for;
    raft->vote_write_id = write->id;
}

void
raft_write_entries(struct raft *raft, uint64_t index)
{
    uint64_t last = raft_log_last_index(&raft->log);
    struct raft_write *write = write_add(raft, RAFT_WRITE_ENTRIES, last);

    write->index = index;
    write->entry_count = (unsigned)(last - index + 1);
    write->entries = raft_log_at(&raft->log, index);
    CHECK(write->entries);
}

void
raft_write_truncate(struct raft *raft, uint64_t index)
{
    raft_durable_clamp(raft, index - 1);
    write_add(raft, RAFT_WRITE_TRUNCATE, 0)->index = index;
}

void
raft_write_snapshot(struct raft *raft, uint64_t index)
{
    write_add(raft, RAFT_WRITE_SNAPSHOT, index)->index = index;
}

void
raft_write_compact(struct raft *raft, uint64_t index)
{
    write_add(raft, RAFT_WRITE_COMPACT, 0)->index = index;
}

void
raft_durable_clamp(struct raft *raft, uint64_t index)
{
    if (raft->durable > index)
        raft->durable = index;
    for (size_t i = 0; i < raft->pending_count; i++) {
        if (raft->pending[i].log_index > index)
            raft->pending[i].log_index = index;
    }
}

void
raft_out_persisted(struct raft *raft, uint64_t write_id)
{
    size_t done = 0;

    CHECK(write_id <= raft->write_id);
    if (write_id <= raft->persisted)
        return;
    raft->persisted = write_id;
    while (done < raft->pending_count && raft->pending[done].id <= write_id) {
        if (raft->durable < raft->pending[done].log_index)
            raft->durable = raft->pending[done].log_index;
        done++;
    }
    raft->pending_count -= done;
    memmove(raft->pending, raft->pending + done,
            raft->pending_count * sizeof(raft->pending[0]));
    held_release(raft);
}
