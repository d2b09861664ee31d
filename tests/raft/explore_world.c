/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/raft/explore_world.h"

#include <stdlib.h>
#include <string.h>

#include "reference-nos/base/check.h"

/* With these numbers a leader that hears nobody survives one heartbeat and
 * steps down at the second, and a lease ends before the timer fires. */
enum { MIN_NS = 1000, MAX_NS = 1256, START_NS = 10000 };

static void *
core_alloc(void *arg, size_t size)
{
    void *ptr = malloc(size);

    (void)arg;
    CHECK(ptr);
    return ptr;
}

static void
core_free(void *arg, void *ptr)
{
    (void)arg;
    free(ptr);
}

static const struct raft_alloc core_memory = {core_alloc, core_free, NULL};

static uint32_t
no_chance(void *arg)
{
    (void)arg;
    return UINT32_MAX;
}

static void
complain(struct explore_world *world, const char *violation)
{
    if (!world->violation)
        world->violation = violation;
}

/* --- Cores, shared until written ---------------------------------------- */

static void
core_unref(struct explore_core *core)
{
    if (!core || --core->refs)
        return;
    raft_destroy(core->raft);
    free(core);
}

static struct raft *
core_own(struct explore_server *server)
{
    struct explore_core *old = server->core, *own;

    if (old->refs > 1) {
        own = core_alloc(NULL, sizeof(*own));
        own->refs = 1;
        CHECK(!raft_clone(old->raft, &core_memory, &own->raft));
        old->refs--;
        server->core = own;
    }
    server->core->hashed = false;
    return server->core->raft;
}

/* --- Effects ------------------------------------------------------------ */

static struct explore_entry
entry_small(const struct raft_entry *entry)
{
    const uint8_t *data = entry->data;

    return (struct explore_entry){
        .term = (uint8_t)entry->term,
        .kind = (uint8_t)entry->kind,
        .value = entry->size ? data[0] : 0,
    };
}

static struct raft_entry
entry_full(const struct explore_entry *entry, uint64_t index)
{
    return (struct raft_entry){
        .index = index,
        .term = entry->term,
        .kind = (enum raft_entry_kind)entry->kind,
        .size = entry->value ? 1 : 0,
        .data = entry->value ? &entry->value : NULL,
    };
}

static bool
entry_same(const struct explore_entry *a, const struct explore_entry *b)
{
    return a->term == b->term && a->kind == b->kind && a->value == b->value;
}

static void
take_write(struct explore_server *server, const struct raft_write *write)
{
    struct explore_write *copy = &server->writes[server->write_count];

    CHECK(server->write_count < QUEUE_MAX);
    CHECK(write->entry_count <= PAYLOAD_MAX);
    server->write_count++;
    memset(copy, 0, sizeof(*copy));
    copy->id = write->id;
    copy->kind = write->kind;
    copy->term = (uint8_t)write->term;
    copy->voted_for = (uint8_t)write->voted_for;
    copy->index = (uint8_t)write->index;
    copy->count = (uint8_t)write->entry_count;
    for (unsigned i = 0; i < write->entry_count; i++)
        copy->entries[i] = entry_small(&write->entries[i]);
}

static void
take_message(struct explore_world *world, const struct raft_message *message)
{
    struct explore_message *copy = &world->wire[world->wire_count];

    CHECK(message->entry_count <= PAYLOAD_MAX);
    if (world->wire_count >= world->limits->wire)
        return;
    world->wire_count++;
    memset(copy, 0, sizeof(*copy));
    copy->message = *message;
    copy->message.entries = NULL;
    for (unsigned i = 0; i < message->entry_count; i++)
        copy->entries[i] = entry_small(&message->entries[i]);
}

static void
take_apply(struct explore_world *world, unsigned s,
           const struct raft_entry *entry)
{
    struct explore_server *server = &world->server[s];
    struct explore_entry small = entry_small(entry);
    uint8_t index = (uint8_t)entry->index;

    CHECK(index <= ENTRIES_MAX);
    if (index != server->applied + 1)
        complain(world, "applied out of order");
    server->applied = index;
    if (index > world->history_count) {
        world->history_count = index;
        world->history[index] = small;
        world->commit_term[index] = (uint8_t)raft_term(server->core->raft);
    } else if (!entry_same(&small, &world->history[index])) {
        complain(world, "state machine safety: two servers applied different "
                        "entries at one index");
    }
    if (entry->context && world->promised < index)
        world->promised = index;
}

static void
take_read(struct explore_world *world, unsigned s,
          const struct raft_read *read)
{
    struct explore_server *server = &world->server[s];

    if (read->status)
        return;
    if (server->applied < world->read_floor[read->context - 1])
        complain(world, "linearizability: a read missed a finished write or "
                        "an earlier read");
    if (world->promised < server->applied)
        world->promised = server->applied;
}

static void
take_leader(struct explore_world *world, unsigned s)
{
    const struct raft *raft = world->server[s].core->raft;
    uint64_t term = raft_term(raft);

    CHECK(term < TERMS_MAX);
    if (raft_role(raft) != RAFT_LEADER)
        return;
    if (world->leader_of_term[term] && world->leader_of_term[term] != s + 1)
        complain(world, "election safety: two leaders in one term");
    world->leader_of_term[term] = (uint8_t)(s + 1);
}

static void
carry_out(struct explore_world *world, unsigned s,
          const struct raft_effects *effects)
{
    struct explore_server *server = &world->server[s];

    for (size_t i = 0; i < effects->write_count; i++)
        take_write(server, &effects->writes[i]);
    for (size_t i = 0; i < effects->message_count; i++)
        take_message(world, &effects->messages[i]);
    for (size_t i = 0; i < effects->apply_count; i++)
        take_apply(world, s, &effects->apply[i]);
    for (size_t i = 0; i < effects->read_count; i++)
        take_read(world, s, &effects->reads[i]);
    server->deadline_ns = effects->deadline_ns;
    take_leader(world, s);
}

static void
step(struct explore_world *world, unsigned s, const struct raft_event *event)
{
    struct explore_server *server = &world->server[s];
    struct raft_effects effects;

    (void)!raft_step(core_own(server), server->now_ns, event, &effects);
    carry_out(world, s, &effects);
}

/* --- Life cycle --------------------------------------------------------- */

static void
start(struct explore_world *world, unsigned s)
{
    struct explore_server *server = &world->server[s];
    struct raft_durable durable = {.term = server->term,
                                   .voted_for = server->voted_for};
    struct raft_effects effects;
    struct raft_config config;

    raft_config_default(&config);
    config.self = s + 1;
    config.incarnation = ++server->incarnation;
    config.random = no_chance;
    config.heartbeat_ns = MIN_NS;
    config.election_min_ns = MIN_NS;
    config.election_max_ns = MAX_NS;
    config.inflight_max = 1;
    config.append_entries_max = 1;
    config.eager_commit = false;
    config.mutation = world->limits->mutation;
    for (unsigned i = 0; i < world->limits->servers; i++)
        durable.snapshot.members.member[i] =
            (struct raft_member){i + 1, RAFT_VOTER};
    durable.snapshot.members.count = world->limits->servers;
    server->core = core_alloc(NULL, sizeof(*server->core));
    server->core->refs = 1;
    server->core->hashed = false;
    server->applied = 0;
    server->heard_ns = 0;
    CHECK(!raft_create(&config, &core_memory, &durable, &server->core->raft));
    for (unsigned i = 1; i <= server->entry_count; i++) {
        struct raft_entry entry = entry_full(&server->entries[i], i);

        CHECK(!raft_restore(server->core->raft, &entry));
    }
    raft_start(server->core->raft, server->now_ns, &effects);
    carry_out(world, s, &effects);
}

static void
crash(struct explore_world *world, unsigned s)
{
    struct explore_server *server = &world->server[s];

    core_unref(server->core);
    server->core = NULL;
    server->write_count = 0;
}

struct explore_world *
explore_create(const struct explore_limits *limits)
{
    struct explore_world *world = calloc(1, sizeof(*world));

    CHECK(world && limits->servers <= SERVERS_MAX);
    world->limits = limits;
    for (unsigned s = 0; s < limits->servers; s++) {
        world->server[s].now_ns = START_NS;
        start(world, s);
    }
    return world;
}

struct explore_world *
explore_copy(const struct explore_world *world)
{
    struct explore_world *copy = malloc(sizeof(*copy));

    CHECK(copy);
    *copy = *world;
    for (unsigned s = 0; s < SERVERS_MAX; s++) {
        if (copy->server[s].core)
            copy->server[s].core->refs++;
    }
    return copy;
}

void
explore_destroy(struct explore_world *world)
{
    for (unsigned s = 0; s < SERVERS_MAX; s++)
        core_unref(world->server[s].core);
    free(world);
}

/* --- Actions ------------------------------------------------------------ */

static void
deliver(struct explore_world *world, unsigned at, bool keep)
{
    struct explore_message copy = world->wire[at];
    struct raft_entry entries[PAYLOAD_MAX];
    struct raft_event event = {.kind = RAFT_EVENT_MESSAGE,
                               .message = &copy.message};
    unsigned s = (unsigned)copy.message.to - 1;
    const struct raft *raft;

    if (!keep)
        world->wire[at] = world->wire[--world->wire_count];
    for (unsigned i = 0; i < copy.message.entry_count; i++)
        entries[i] = entry_full(&copy.entries[i], copy.message.index + 1 + i);
    copy.message.entries = entries;
    step(world, s, &event);
    raft = world->server[s].core->raft;
    if (copy.message.kind == RAFT_APPEND &&
        raft_leader(raft) == copy.message.from &&
        raft_term(raft) == copy.message.term)
        world->server[s].heard_ns = world->server[s].now_ns;
}

static void
persist(struct explore_world *world, unsigned s)
{
    struct explore_server *server = &world->server[s];
    struct explore_write write = server->writes[0];
    struct raft_event event = {.kind = RAFT_EVENT_PERSISTED,
                               .write_id = write.id};

    memmove(server->writes, server->writes + 1,
            --server->write_count * sizeof(server->writes[0]));
    if (write.kind == RAFT_WRITE_VOTE) {
        server->term = write.term;
        server->voted_for = write.voted_for;
    } else if (write.kind == RAFT_WRITE_TRUNCATE) {
        if (server->entry_count >= write.index)
            server->entry_count = (uint8_t)(write.index - 1);
    } else {
        CHECK(write.kind == RAFT_WRITE_ENTRIES);
        if (write.index != server->entry_count + 1)
            complain(world, "written entries leave a gap");
        for (unsigned i = 0; i < write.count; i++)
            server->entries[++server->entry_count] = write.entries[i];
    }
    step(world, s, &event);
}

static void
timeout(struct explore_world *world, unsigned s)
{
    const struct raft_event tick = {.kind = RAFT_EVENT_TICK};

    if (!world->limits->free_timeouts)
        world->timeouts++;
    if (world->server[s].now_ns < world->server[s].deadline_ns)
        world->server[s].now_ns = world->server[s].deadline_ns;
    step(world, s, &tick);
}

static void
propose(struct explore_world *world, unsigned s)
{
    uint8_t value = ++world->proposals;
    const struct raft_event event = {.kind = RAFT_EVENT_PROPOSE,
                                     .data = &value,
                                     .size = 1,
                                     .context = value};

    step(world, s, &event);
}

static void
read_at(struct explore_world *world, unsigned s)
{
    const struct raft_event event = {.kind = RAFT_EVENT_READ,
                                     .context = ++world->reads};

    world->read_floor[world->reads - 1] = world->promised;
    step(world, s, &event);
}

void
explore_act(struct explore_world *world, struct explore_action action)
{
    unsigned at = action.at;

    switch ((enum explore_act)action.act) {
    case ACT_DELIVER: deliver(world, at, false); break;
    case ACT_DROP: world->wire[at] = world->wire[--world->wire_count]; break;
    case ACT_DOUBLE:
        world->doubles++;
        deliver(world, at, true);
        break;
    case ACT_PERSIST: persist(world, at); break;
    case ACT_TIMEOUT: timeout(world, at); break;
    case ACT_AGE:
        world->server[at].now_ns = world->server[at].heard_ns + MIN_NS;
        (void)core_own(&world->server[at]); /* Its digest changes. */
        break;
    case ACT_CRASH:
        world->crashes++;
        crash(world, at);
        break;
    case ACT_RESTART: start(world, at); break;
    case ACT_PROPOSE: propose(world, at); break;
    case ACT_READ: read_at(world, at); break;
    }
}

static unsigned
add(struct explore_action *actions, unsigned count, enum explore_act act,
    unsigned at)
{
    CHECK(count < ACTIONS_MAX);
    actions[count] = (struct explore_action){(uint8_t)act, (uint8_t)at};
    return count + 1;
}

static unsigned
wire_actions(struct explore_world *world, struct explore_action *actions,
             unsigned n)
{
    for (unsigned i = 0; i < world->wire_count; i++) {
        unsigned to = (unsigned)world->wire[i].message.to - 1;

        if (!world->limits->no_drops)
            n = add(actions, n, ACT_DROP, i);
        if (!world->server[to].core)
            continue;
        n = add(actions, n, ACT_DELIVER, i);
        if (world->doubles < world->limits->doubles)
            n = add(actions, n, ACT_DOUBLE, i);
    }
    return n;
}

/* Nothing was ever said: all servers look alike, the first may start. */
static bool
is_symmetric_start(const struct explore_world *world)
{
    for (unsigned s = 0; s < world->limits->servers; s++) {
        const struct explore_core *core = world->server[s].core;

        if (!core || raft_term(core->raft) ||
            world->server[s].now_ns != START_NS ||
            raft_role(core->raft) != RAFT_FOLLOWER)
            return false;
    }
    return world->crashes == 0;
}

static bool
may_time_out(struct explore_world *world, unsigned s)
{
    const struct explore_limits *limits = world->limits;
    const struct raft *raft = world->server[s].core->raft;

    if (world->server[s].deadline_ns == UINT64_MAX ||
        (s > 0 && is_symmetric_start(world)))
        return false;
    if (raft_term(raft) >= limits->max_term &&
        raft_role(raft) != RAFT_LEADER) {
        world->cut = true;
        return false;
    }
    if (limits->free_timeouts || world->timeouts < limits->timeouts)
        return true;
    world->cut = true;
    return false;
}

static unsigned
server_actions(struct explore_world *world, struct explore_action *actions,
               unsigned n, unsigned s)
{
    const struct explore_limits *limits = world->limits;
    struct explore_server *server = &world->server[s];
    bool leads;

    if (!server->core)
        return limits->no_restart ? n : add(actions, n, ACT_RESTART, s);
    leads = raft_role(server->core->raft) == RAFT_LEADER;
    if (server->write_count)
        n = add(actions, n, ACT_PERSIST, s);
    if (may_time_out(world, s) && server->write_count < QUEUE_MAX - 4)
        n = add(actions, n, ACT_TIMEOUT, s);
    if (!leads && server->heard_ns &&
        server->now_ns < server->heard_ns + MIN_NS)
        n = add(actions, n, ACT_AGE, s);
    if (world->crashes < limits->crashes)
        n = add(actions, n, ACT_CRASH, s);
    if (leads && world->proposals < limits->proposals)
        n = add(actions, n, ACT_PROPOSE, s);
    if (leads && world->reads < limits->reads &&
        raft_is_ready(server->core->raft))
        n = add(actions, n, ACT_READ, s);
    return n;
}

unsigned
explore_actions(struct explore_world *world,
                struct explore_action actions[ACTIONS_MAX])
{
    unsigned n = wire_actions(world, actions, 0);

    for (unsigned s = 0; s < world->limits->servers; s++)
        n = server_actions(world, actions, n, s);
    return n;
}

/* --- Judging ------------------------------------------------------------ */

enum raft_role
explore_role(const struct explore_world *world, unsigned s)
{
    const struct explore_core *core = world->server[s].core;

    return core ? raft_role(core->raft) : RAFT_FOLLOWER;
}

bool
explore_has_leader(const struct explore_world *world)
{
    for (unsigned s = 0; s < world->limits->servers; s++) {
        if (explore_role(world, s) == RAFT_LEADER)
            return true;
    }
    return false;
}

static void
judge_logs(struct explore_world *world, const struct raft *a,
           const struct raft *b)
{
    bool must_match = false;
    uint64_t last = raft_last_index(a);

    if (raft_last_index(b) < last)
        last = raft_last_index(b);
    for (uint64_t i = last; i > 0; i--) {
        struct explore_entry x = entry_small(raft_entry(a, i));
        struct explore_entry y = entry_small(raft_entry(b, i));

        if (x.term == y.term)
            must_match = true;
        if (must_match && !entry_same(&x, &y))
            complain(world, "log matching: same term at one index, another "
                            "entry below");
    }
}

static void
judge_completeness(struct explore_world *world, const struct raft *raft)
{
    for (unsigned i = 1; i <= world->history_count; i++) {
        const struct raft_entry *entry = raft_entry(raft, i);
        struct explore_entry small;

        if (world->commit_term[i] >= raft_term(raft))
            continue;
        if (entry)
            small = entry_small(entry);
        if (!entry || !entry_same(&small, &world->history[i]))
            complain(world, "leader completeness: a leader lacks a committed "
                            "entry");
    }
}

void
explore_judge(struct explore_world *world)
{
    for (unsigned s = 0; s < world->limits->servers; s++) {
        if (!world->server[s].core)
            continue;
        if (explore_role(world, s) == RAFT_LEADER)
            judge_completeness(world, world->server[s].core->raft);
        for (unsigned t = 0; t < s; t++) {
            if (world->server[t].core)
                judge_logs(world, world->server[s].core->raft,
                           world->server[t].core->raft);
        }
    }
}

/* --- Hash --------------------------------------------------------------- */

struct hash {
    uint64_t a, b;
};

static void
mix(void *arg, uint64_t word)
{
    struct hash *h = arg;

    h->a = (h->a ^ word) * 0xff51afd7ed558ccdu;
    h->a ^= h->a >> 32;
    h->b = (h->b + word) * 0xc4ceb9fe1a85ec53u;
    h->b ^= h->b >> 29;
}

static void
mix_entry(struct hash *h, const struct explore_entry *entry)
{
    mix(h, entry->term * 65536u + entry->kind * 256u + entry->value);
}

static void
core_hash(struct explore_server *server)
{
    struct explore_core *core = server->core;
    struct hash h = {1, 2};

    if (core->hashed)
        return;
    raft_visit(core->raft, server->now_ns, mix, &h);
    core->hash[0] = h.a;
    core->hash[1] = h.b;
    core->hashed = true;
}

static void
mix_server(struct hash *h, struct explore_server *server)
{
    mix(h, server->core != NULL);
    mix(h, server->incarnation * 256u + server->applied);
    mix(h, server->term * 65536u + server->voted_for * 256u +
               server->entry_count);
    for (unsigned i = 1; i <= server->entry_count; i++)
        mix_entry(h, &server->entries[i]);
    if (!server->core)
        return;
    core_hash(server);
    mix(h, server->core->hash[0]);
    mix(h, server->core->hash[1]);
    mix(h, server->write_count);
    for (unsigned i = 0; i < server->write_count; i++) {
        const struct explore_write *write = &server->writes[i];

        mix(h, write->kind * 65536u + write->term * 256u + write->voted_for);
        mix(h, write->index * 256u + write->count);
        for (unsigned j = 0; j < write->count; j++)
            mix_entry(h, &write->entries[j]);
    }
}

static void
mix_message(struct hash *h, const struct explore_message *m)
{
    mix(h, (uint64_t)m->message.kind << 32 | m->message.from << 24 |
               m->message.to << 16 | m->message.incarnation << 8 |
               m->message.term);
    mix(h, m->message.asked_term << 32 | m->message.index << 16 |
               m->message.index_term);
    mix(h, m->message.refused_index << 32 | m->message.commit << 16 |
               m->message.round);
    mix(h, m->message.granted * 512u + m->message.transfer * 256u +
               m->message.entry_count);
    for (unsigned i = 0; i < m->message.entry_count; i++)
        mix_entry(h, &m->entries[i]);
}

void
explore_hash(struct explore_world *world, uint64_t hash[2])
{
    struct hash h = {3, 4}, bag = {0, 0};

    mix(&h, world->timeouts | world->crashes << 8 | world->proposals << 16 |
                world->reads << 24 | (uint64_t)world->doubles << 32);
    for (unsigned s = 0; s < world->limits->servers; s++)
        mix_server(&h, &world->server[s]);
    for (unsigned i = 0; i < world->wire_count; i++) {
        struct hash one = {5, 6};

        mix_message(&one, &world->wire[i]);
        bag.a += one.a;
        bag.b += one.b;
    }
    mix(&h, bag.a);
    mix(&h, bag.b);
    for (unsigned i = 0; i < TERMS_MAX; i++)
        mix(&h, world->leader_of_term[i]);
    mix(&h, world->history_count * 256u + world->promised);
    for (unsigned i = 1; i <= world->history_count; i++) {
        mix_entry(&h, &world->history[i]);
        mix(&h, world->commit_term[i]);
    }
    for (unsigned i = 0; i < world->reads; i++)
        mix(&h, world->read_floor[i]);
    hash[0] = h.a;
    hash[1] = h.b;
}
