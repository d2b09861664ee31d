/* SPDX-License-Identifier: Apache-2.0
 *
 * The consensus core in its shell: recovery, and the effects of each step.
 */
#include "reference-nos/base/check.h"
#include "reference-nos/base/err.h"
#include "reference-nos/base/units.h"
#include "reference-nos/store/store_priv.h"

#include <string.h>

/* The arbiter waits this much longer before it stands for election. */
#define ARBITER_PATIENCE_PCT 200u

/* mem_free() wants the size back; the core does not remember it. */
#define ALLOC_HEAD_BYTES 16u

static void *
core_alloc(void *arg, size_t size)
{
    struct mem *mem = arg;
    uint8_t *block = mem_alloc(mem, size + ALLOC_HEAD_BYTES);

    if (block == NULL)
        return NULL;
    memcpy(block, &size, sizeof(size));
    return block + ALLOC_HEAD_BYTES;
}

static void
core_free(void *arg, void *ptr)
{
    struct mem *mem = arg;
    uint8_t *block = ptr;
    size_t size;

    if (ptr == NULL)
        return;
    block -= ALLOC_HEAD_BYTES;
    memcpy(&size, block, sizeof(size));
    mem_free(mem, block, size + ALLOC_HEAD_BYTES);
}

static uint32_t
core_random(void *arg)
{
    struct store *store = arg;

    return (uint32_t)(actor_random(store->self) >> 32);
}

/* --- Recovery ----------------------------------------------------------- */

static void
first_members(const struct box_facts *facts, struct raft_members *members)
{
    bool among = false;

    memset(members, 0, sizeof(*members));
    for (unsigned i = 0;
         i < facts->voter_count && facts->voter_count <= FACTS_VOTERS_MAX;
         i++) {
        members->member[i].id = facts->voters[i];
        members->member[i].role = RAFT_VOTER;
        among = among || facts->voters[i] == facts->key;
    }
    members->count = among ? facts->voter_count : 0;
}

static int
recover_snapshot(struct store *store, const struct disk_found *found,
                 struct raft_durable *durable)
{
    struct consensus *c = store->consensus;
    struct snapshot *snapshot;
    int error;

    if (found->snapshot == NULL) {
        first_members(store->facts, &durable->snapshot.members);
        return 0;
    }
    error = machine_snapshot_check(found->snapshot, found->snapshot_size,
                                   &durable->snapshot);
    if (error != 0)
        return error;
    snapshot = snapshot_create(store, found->snapshot_size);
    if (snapshot == NULL)
        return ERR_NOMEM;
    memcpy(snapshot->bytes, found->snapshot, found->snapshot_size);
    snapshot->meta = durable->snapshot;
    c->snapshot = snapshot;
    error = machine_load(&c->machine, snapshot->bytes, snapshot->size);
    actor_charge(store->self, COST_ROW, store->conf.count);
    return error;
}

static int
recover_entries(struct store *store, const struct disk_found *found)
{
    struct consensus *c = store->consensus;
    struct raft_entry entry;

    for (uint64_t index = c->machine.applied + 1;
         disk_found_entry(&c->disk, found, index, &entry) == 0; index++) {
        int error = raft_restore(c->raft, &entry);

        if (error != 0)
            return error;
    }
    store_charge_bytes(store, found->log_size);
    return 0;
}

static void
configure(struct store *store, struct raft_config *config)
{
    raft_config_default(config);
    config->self = store->facts->key;
    config->incarnation = store_incarnation(store);
    config->random = core_random;
    config->random_arg = store;
    config->log_bytes_max = STORE_LOG_BYTES_MAX;
    if (store->facts->arbiter || store->facts->role == ROLE_NCM) {
        config->election_scale_pct = ARBITER_PATIENCE_PCT;
        config->prefer_not_to_lead = true;
    }
}

static int
recover(struct store *store, const struct disk_found *found)
{
    struct consensus *c = store->consensus;
    struct raft_alloc alloc = {core_alloc, core_free, store->mem};
    struct raft_durable durable;
    struct raft_config config;
    int error;

    memset(&durable, 0, sizeof(durable));
    durable.term = found->term;
    durable.voted_for = found->voted_for;
    error = recover_snapshot(store, found, &durable);
    if (error == 0)
        error = disk_follow_snapshot(&c->disk, found, durable.snapshot.index,
                                     durable.snapshot.term);
    if (error != 0)
        return error;
    configure(store, &config);
    error = raft_create(&config, &alloc, &durable, &c->raft);
    if (error == 0)
        error = recover_entries(store, found);
    c->commit = c->machine.applied;
    return error == ERR_INVALID ? ERR_CORRUPT : error;
}

/* A voter with a damaged disk must not vote: it may have promised what it no
 * longer knows. */
static void
stay_out(struct store *store, int error)
{
    actor_log(store->self, SEVERITY_ERROR,
              "store: %s: this box does not vote until its disk is replaced",
              err_text(error));
    actor_trace(store->self, TRACE_ALARM, ALARM_STORAGE, 1, 0,
                (uint64_t)error);
    store->voter = false;
    store->outcast = true;
    store->consensus = NULL; /* What it took stays in the context, unused. */
    rows_init(&store->conf, store->mem, MACHINE_ROWS_MAX, MACHINE_BYTES_MAX);
}

static int carry_out(struct store *store, const struct raft_effects *effects);

bool
consensus_has_part(const struct store *store)
{
    struct plat *plat = store->plat;
    struct raft_members members;
    uint64_t size = 0;

    first_members(store->facts, &members);
    return members.count > 0 ||
           (plat->ops->storage_size(plat, STORAGE_META, &size) == 0 &&
            size > 0);
}

int
consensus_start(struct store *store)
{
    struct consensus *c = mem_zalloc(store->mem, sizeof(*c));
    struct raft_effects effects;
    struct disk_found found;
    int error;

    if (c == NULL)
        return ERR_NOMEM;
    store->consensus = c;
    c->armed_ns = TIME_NEVER_NS;
    machine_init(&c->machine, &store->conf);
    disk_init(&c->disk, store->plat, store->mem, actor_service(store->self),
              actor_life(store->self));
    c->disk.careless =
        mutation_awake(store->plat, MUTATION_IGNORE_STORAGE_ERROR);
    error = disk_open(&c->disk, &found);
    if (error == 0) {
        error = recover(store, &found);
        disk_found_free(&c->disk, &found);
    }
    if (error == ERR_CORRUPT || error == ERR_VERSION) {
        stay_out(store, error);
        return 0;
    }
    if (error != 0)
        return error;
    raft_start(c->raft, actor_now_ns(store->self), &effects);
    return carry_out(store, &effects);
}

/* --- Effects ------------------------------------------------------------ */

static int
do_writes(struct store *store, const struct raft_effects *effects)
{
    struct consensus *c = store->consensus;

    for (size_t i = 0; i < effects->write_count; i++) {
        const struct raft_write *write = &effects->writes[i];
        const struct snapshot *snapshot =
            write->kind == RAFT_WRITE_SNAPSHOT ? c->staged : c->snapshot;
        int error;

        error = disk_write(&c->disk, write, c->raft,
                           snapshot == NULL ? NULL : &snapshot->meta,
                           snapshot == NULL ? NULL : snapshot->bytes,
                           snapshot == NULL ? 0 : snapshot->size);
        if (error != 0)
            return error;
    }
    return disk_flush(&c->disk);
}

static enum lane
lane_of(const struct raft_message *message, size_t size)
{
    if (raft_message_is_small(message) && size <= ACTOR_BODY_LIVENESS_MAX)
        return LANE_LIVENESS;
    return size <= ACTOR_BODY_CONTROL_MAX ? LANE_CONTROL : LANE_BULK;
}

static void
do_messages(struct store *store, const struct raft_effects *effects)
{
    struct consensus *c = store->consensus;

    for (size_t i = 0; i < effects->message_count; i++) {
        const struct raft_message *message = &effects->messages[i];
        size_t size = 0;
        int error = raft_message_encode(message, c->message,
                                        sizeof(c->message), &size);

        CHECK(error == 0);
        /* What cannot be sent is lost: the core sends it again. */
        (void)store_send(store, message->to, lane_of(message, size), MSG_RAFT,
                         message->term, c->message, size);
    }
}

/* The rows follow in steps (load_next()). */
static int
do_load(struct store *store)
{
    struct consensus *c = store->consensus;
    int error;

    CHECK(c->staged != NULL);
    error = machine_load_begin(&c->machine, c->staged->bytes, c->staged->size);
    if (error != 0)
        return error;
    store_charge_bytes(store, c->staged->size);
    snapshot_unref(store, c->loading);
    c->loading = snapshot_ref(c->staged);
    snapshot_unref(store, c->snapshot);
    c->snapshot = snapshot_ref(c->staged);
    if (c->commit < c->staged->meta.index)
        c->commit = c->staged->meta.index;
    return 0;
}

static void
trace_role(struct store *store)
{
    struct consensus *c = store->consensus;
    enum raft_role role = raft_role(c->raft);
    uint64_t term = raft_term(c->raft);

    if ((role == RAFT_CANDIDATE || role == RAFT_LEADER) &&
        c->election_term != term) {
        c->election_term = term;
        actor_trace(store->self, TRACE_ELECTION, term, 0, 0, 0);
    }
    if (role == RAFT_LEADER && c->leading_term != term) {
        c->leading_term = term;
        actor_trace(store->self, TRACE_LEADER, term, 0, 0, 0);
    }
}

static void
step_down(struct store *store)
{
    struct consensus *c = store->consensus;

    actor_trace(store->self, TRACE_LEADER_LOST, c->leading_term, 0, 0, 0);
    c->leading_term = 0;
    c->ready_index = 0;
    client_fail_all(store);
    voter_fail(store);
    subscriber_drop_all(store);
}

static void
become_ready(struct store *store, const struct raft_effects *effects)
{
    struct consensus *c = store->consensus;
    uint64_t noop = 0;

    for (size_t i = 0; i < effects->apply_count; i++)
        if (effects->apply[i].kind == RAFT_ENTRY_NOOP &&
            effects->apply[i].term == raft_term(c->raft))
            noop = effects->apply[i].index;
    c->ready_index = raft_commit_index(c->raft);
    actor_trace(store->self, TRACE_LEADER_READY, raft_term(c->raft),
                noop == 0 ? c->ready_index : noop, 0, 0);
}

static void
do_roles(struct store *store, const struct raft_effects *effects)
{
    struct consensus *c = store->consensus;

    if (effects->stepped_down && c->leading_term != 0)
        step_down(store);
    if (effects->role_changed)
        trace_role(store);
    if (effects->leader_ready)
        become_ready(store, effects);
}

static void
arm(struct store *store, uint64_t deadline_ns)
{
    struct consensus *c = store->consensus;

    /* An early tick is harmless: a deadline that grew needs no new timer. */
    if (deadline_ns >= c->armed_ns)
        return;
    c->armed_ns = deadline_ns;
    actor_timer_set(store->self, TIMER_RAFT, deadline_ns);
}

/* O12 watches the log against its bound; a record for each new eighth. */
static void
trace_log_bound(struct store *store)
{
    struct consensus *c = store->consensus;
    size_t bytes = raft_log_bytes(c->raft);

    if (bytes < c->log_high_bytes + STORE_LOG_BYTES_MAX / 64)
        return;
    c->log_high_bytes = bytes;
    actor_trace(store->self, TRACE_BOUND, BOUND_RAFT_LOG, bytes,
                STORE_LOG_BYTES_MAX, 0);
}

static int
carry_out(struct store *store, const struct raft_effects *effects)
{
    struct consensus *c = store->consensus;
    int error = do_writes(store, effects);

    if (error != 0)
        return error;
    do_messages(store, effects);
    if (effects->load_snapshot) {
        error = do_load(store);
        if (error != 0)
            return error;
    }
    if (effects->apply_count > 0)
        c->commit = effects->apply[effects->apply_count - 1].index;
    do_roles(store, effects);
    for (size_t i = 0; i < effects->read_count; i++)
        client_read_confirmed(store, &effects->reads[i]);
    for (size_t i = 0; i < effects->send_snapshot_count; i++)
        snapshot_send_start(store, effects->send_snapshots[i].peer);
    arm(store, effects->deadline_ns);
    trace_log_bound(store);
    return 0;
}

int
consensus_step(struct store *store, const struct raft_event *event,
               struct consensus_answer *answer)
{
    struct consensus *c = store->consensus;
    struct raft_effects effects;
    int refused;

    actor_charge(store->self, COST_RAFT, 1);
    refused = raft_step(c->raft, actor_now_ns(store->self), event, &effects);
    if (refused == ERR_NOMEM || refused == ERR_IO)
        return refused;
    if (answer != NULL) {
        answer->refused = refused;
        answer->index = effects.proposed_index;
        answer->term = effects.proposed_term;
    }
    return carry_out(store, &effects);
}

/* --- Events ------------------------------------------------------------- */

int
consensus_message(struct store *store, const struct actor_message *message)
{
    struct raft_entry entries[RAFT_APPEND_ENTRIES_MAX];
    struct raft_message decoded;
    struct raft_event event = {.kind = RAFT_EVENT_MESSAGE,
                               .message = &decoded};

    if (raft_message_decode(message->body, message->size, entries, &decoded) !=
            0 ||
        decoded.from != message->from.box)
        return 0;
    store_charge_bytes(store, message->size);
    return consensus_step(store, &event, NULL);
}

static bool
may_join(const struct store *store)
{
    return !store->outcast &&
           (store->facts->role == ROLE_NCC || store->facts->role == ROLE_NCM);
}

int
consensus_join(struct store *store, const struct actor_message *message)
{
    struct raft_entry entries[RAFT_APPEND_ENTRIES_MAX];
    struct raft_message decoded;
    int error;

    if (!may_join(store) ||
        raft_message_decode(message->body, message->size, entries, &decoded) !=
            0 ||
        decoded.kind != RAFT_APPEND || decoded.to != store->facts->key ||
        decoded.from != message->from.box)
        return 0;
    actor_log(store->self, SEVERITY_NOTICE,
              "store: this box is to join the voters");
    rows_clear(&store->conf);
    watch_conf_reset(store);
    actor_timer_cancel(store->self, TIMER_SUBSCRIBE);
    store->voter = true;
    error = consensus_start(store);
    if (error != 0 || !store->voter)
        return error;
    return consensus_message(store, message);
}

int
consensus_storage(struct store *store, uint64_t token, int status)
{
    struct consensus *c = store->consensus;
    struct raft_event event = {.kind = RAFT_EVENT_PERSISTED};
    enum disk_token_kind kind;

    if (disk_token_read(&c->disk, token, &kind, &event.write_id) != 0)
        return 0;
    if (status != 0) {
        actor_log(store->self, SEVERITY_ERROR, "store: disk: %s",
                  err_text(status));
        if (!mutation_awake(store->plat, MUTATION_IGNORE_STORAGE_ERROR))
            return ERR_IO;
    }
    if (kind == DISK_TOKEN_SNAPSHOT)
        return snapshot_taken(store, event.write_id);
    return consensus_step(store, &event, NULL);
}

int
consensus_timer(struct store *store)
{
    struct raft_event event = {.kind = RAFT_EVENT_TICK};

    store->consensus->armed_ns = TIME_NEVER_NS;
    return consensus_step(store, &event, NULL);
}

bool
consensus_behind(const struct store *store)
{
    return store->voter &&
           store->consensus->machine.applied < store->consensus->commit;
}

static int
apply_next(struct store *store)
{
    struct consensus *c = store->consensus;
    const struct raft_entry *entry =
        raft_entry(c->raft, c->machine.applied + 1);
    unsigned rows = 0;
    int error;

    CHECK(entry != NULL);
    error = machine_apply(&c->machine, entry, &rows);
    if (error != 0)
        return error;
    actor_charge(store->self, COST_ROW, rows == 0 ? 1 : rows);
    actor_trace(store->self, TRACE_APPLIED, entry->index, entry->term,
                c->machine.digest.high, c->machine.digest.low);
    client_applied(store, entry);
    return 0;
}

static int
load_next(struct store *store)
{
    struct consensus *c = store->consensus;
    int error = machine_load_step(&c->machine, STORE_CHUNK_ROWS);

    actor_charge(store->self, COST_ROW, STORE_CHUNK_ROWS);
    if (error != 0 || c->machine.loading != NULL)
        return error;
    snapshot_unref(store, c->loading);
    c->loading = NULL;
    actor_trace(store->self, TRACE_APPLIED, c->machine.applied,
                c->machine.applied_term, c->machine.digest.high,
                c->machine.digest.low);
    return 0;
}

int
consensus_pump(struct store *store)
{
    struct consensus *c = store->consensus;

    while (consensus_behind(store)) {
        int error;

        if (actor_quantum_over(store->self))
            return 0;
        error =
            c->machine.loading != NULL ? load_next(store) : apply_next(store);
        if (error != 0)
            return error;
    }
    client_reads_answer(store);
    if (raft_leader(c->raft) != 0 &&
        c->machine.applied_term == raft_term(c->raft))
        c->caught_up = true;
    return snapshot_take_if_due(store);
}
