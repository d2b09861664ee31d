/* SPDX-License-Identifier: Apache-2.0 */
#include "reference-nos/raft/raft_testnet.h"

#include <stdlib.h>
#include <string.h>

#include "reference-nos/base/check.h"
#include "reference-nos/base/err.h"

/* --- Small things ------------------------------------------------------- */

static void
complain(struct net *net, const char *violation)
{
    if (!net->violation)
        net->violation = violation;
}

uint32_t
net_random(struct net *net)
{
    uint64_t x = net->random += 0x9e3779b97f4a7c15u;

    x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9u;
    x = (x ^ (x >> 27)) * 0x94d049bb133111ebu;
    return (uint32_t)(x >> 32);
}

static uint32_t
raft_random(void *arg)
{
    return net_random(arg);
}

static void *
counted_alloc(void *arg, size_t size)
{
    struct net *net = arg;

    if (net->allocs_left == 0)
        return NULL;
    if (net->allocs_left > 0)
        net->allocs_left--;
    net->allocs++;
    return malloc(size);
}

static void
counted_free(void *arg, void *ptr)
{
    struct net *net = arg;

    if (ptr)
        net->allocs--;
    free(ptr);
}

static uint64_t
mix(uint64_t digest, uint64_t word)
{
    digest = (digest ^ word) * 0xff51afd7ed558ccdu;
    return digest ^ (digest >> 29);
}

static struct net_entry
entry_copy(const struct raft_entry *entry)
{
    struct net_entry copy = {.term = entry->term,
                             .kind = entry->kind,
                             .size = entry->size,
                             .data = malloc(entry->size + 1)};

    if (entry->size)
        memcpy(copy.data, entry->data, entry->size);
    return copy;
}

/* --- Disk --------------------------------------------------------------- */

static void
disk_truncate(struct net_disk *disk, uint64_t index)
{
    while (disk->entry_count &&
           disk->snapshot.index + disk->entry_count >= index)
        free(disk->entries[--disk->entry_count].data);
}

static void
disk_compact(struct net_disk *disk, uint64_t index)
{
    size_t drop = 0;

    while (drop < disk->entry_count && disk->snapshot.index + drop < index)
        free(disk->entries[drop++].data);
    disk->entry_count -= drop;
    memmove(disk->entries, disk->entries + drop,
            disk->entry_count * sizeof(disk->entries[0]));
}

static void
disk_perform(struct net *net, struct net_disk *disk, struct net_write *write)
{
    switch (write->kind) {
    case RAFT_WRITE_VOTE:
        if (write->term < disk->term)
            complain(net, "a term fell");
        disk->term = write->term;
        disk->voted_for = write->voted_for;
        break;
    case RAFT_WRITE_ENTRIES:
        if (write->index != disk->snapshot.index + disk->entry_count + 1)
            complain(net, "written entries leave a gap");
        disk->entries =
            realloc(disk->entries, (disk->entry_count + write->entry_count) *
                                       sizeof(disk->entries[0]));
        memcpy(disk->entries + disk->entry_count, write->entries,
               write->entry_count * sizeof(disk->entries[0]));
        disk->entry_count += write->entry_count;
        write->entry_count = 0; /* Taken over. */
        break;
    case RAFT_WRITE_TRUNCATE: disk_truncate(disk, write->index); break;
    case RAFT_WRITE_SNAPSHOT:
        disk_truncate(disk, 0);
        disk->snapshot = write->snapshot;
        disk->snapshot_digest = write->snapshot_digest;
        break;
    case RAFT_WRITE_COMPACT:
        if (write->index > disk->snapshot.index + disk->entry_count)
            disk_truncate(disk, 0);
        else
            disk_compact(disk, write->index);
        disk->snapshot = write->snapshot;
        disk->snapshot_digest = write->snapshot_digest;
        break;
    }
}

static void
write_free(struct net_write *write)
{
    for (size_t i = 0; i < write->entry_count; i++)
        free(write->entries[i].data);
    free(write->entries);
    free(write);
}

static void
write_queue(struct net *net, struct net_server *server,
            const struct raft_write *from)
{
    struct net_write *write = calloc(1, sizeof(*write));

    write->id = from->id;
    write->kind = from->kind;
    write->term = from->term;
    write->voted_for = from->voted_for;
    write->index = from->index;
    write->due_ns = server->disk_ns == UINT64_MAX
                        ? UINT64_MAX
                        : net->now_ns + server->disk_ns;
    if (from->kind == RAFT_WRITE_SNAPSHOT ||
        from->kind == RAFT_WRITE_COMPACT) {
        write->snapshot = server->staged;
        write->snapshot_digest = server->staged_digest;
    }
    write->entries = calloc(from->entry_count + 1u, sizeof(write->entries[0]));
    for (unsigned i = 0; i < from->entry_count; i++)
        write->entries[write->entry_count++] = entry_copy(&from->entries[i]);
    *server->writes_tail = write;
    server->writes_tail = &write->next;
}

/* --- Network ------------------------------------------------------------ */

static void
message_insert(struct net *net, struct net_message *message)
{
    struct net_message **at = &net->messages;

    while (*at && (*at)->due_ns <= message->due_ns)
        at = &(*at)->next;
    message->next = *at;
    *at = message;
}

static void
message_put(struct net *net, const struct raft_message *message)
{
    static unsigned char bytes[RAFT_MESSAGE_BYTES_MAX];
    struct net_message *copy = calloc(1, sizeof(*copy));

    if (raft_message_encode(message, bytes, sizeof(bytes), &copy->size))
        complain(net, "a message cannot be encoded");
    copy->bytes = malloc(copy->size + 1);
    memcpy(copy->bytes, bytes, copy->size);
    copy->from = message->from;
    copy->to = message->to;
    copy->kind = message->kind;
    copy->due_ns = net->now_ns + net->latency_ns;
    if (net->jitter_ns)
        copy->due_ns += net_random(net) % net->jitter_ns;
    message_insert(net, copy);
}

void
net_inject(struct net *net, const struct raft_message *message)
{
    message_put(net, message);
}

unsigned
net_count(const struct net *net, uint64_t from, enum raft_message_kind kind,
          bool granted)
{
    static struct raft_entry entries[RAFT_APPEND_ENTRIES_MAX];
    unsigned count = 0;

    for (struct net_message *m = net->messages; m; m = m->next) {
        struct raft_message decoded;

        if (m->from != from || m->kind != kind ||
            raft_message_decode(m->bytes, m->size, entries, &decoded))
            continue;
        count += !granted || decoded.granted;
    }
    return count;
}

void
net_replay(struct net *net, uint64_t from)
{
    for (struct net_message *m = net->trash; m; m = m->next) {
        struct net_message *copy;

        if (m->from != from)
            continue;
        copy = malloc(sizeof(*copy));
        *copy = *m;
        copy->bytes = malloc(m->size + 1);
        memcpy(copy->bytes, m->bytes, m->size);
        copy->due_ns = net->now_ns + net_random(net) % NET_MS;
        message_insert(net, copy);
    }
}

static void
message_send(struct net *net, const struct raft_message *message)
{
    net->sent++;
    if (net->cut[message->from][message->to] ||
        net_random(net) % 100 < net->loss_pct)
        return;
    message_put(net, message);
    if (net_random(net) % 100 < net->double_pct)
        message_put(net, message);
}

static void
message_free(struct net_message *message)
{
    free(message->bytes);
    free(message);
}

void
net_drop_messages(struct net *net)
{
    while (net->messages) {
        struct net_message *message = net->messages;

        net->messages = message->next;
        message_free(message);
    }
}

/* --- Judge and state machine -------------------------------------------- */

static void
judge_leader(struct net *net, uint64_t id)
{
    const struct raft *raft = net->server[id].raft;
    uint64_t term = raft_term(raft);

    if (raft_role(raft) != RAFT_LEADER || term >= 4096)
        return;
    if (net->leader_of_term[term] && net->leader_of_term[term] != id)
        complain(net, "two leaders in one term");
    net->leader_of_term[term] = id;
}

static void
apply(struct net *net, struct net_server *server,
      const struct raft_entry *entry)
{
    uint64_t digest = mix(server->digest, entry->term);
    const unsigned char *byte = entry->data;

    if (entry->index != server->applied + 1)
        complain(net, "applied out of order");
    digest = mix(digest, entry->kind);
    for (size_t i = 0; i < entry->size; i++)
        digest = mix(digest, byte[i]);
    server->digest = digest;
    server->applied = entry->index;
    if (entry->index > net->history_count) {
        net->history_count = entry->index;
        net->history[entry->index].digest = digest;
        net->history[entry->index].term = entry->term;
    } else if (net->history[entry->index].digest != digest) {
        complain(net, "two state machines differ at one index");
    }
    if (!entry->context)
        return;
    server->applied_own++;
    server->last_context = entry->context;
    if (net->acknowledged < entry->index)
        net->acknowledged = entry->index;
}

static void
answer(struct net *net, struct net_server *server,
       const struct raft_read *read)
{
    if (read->status) {
        server->reads_refused++;
        return;
    }
    server->reads_ok++;
    if (server->applied < server->read_floor[read->context % 64])
        complain(net, "a read missed an acknowledged write");
}

static void carry_out(struct net *net, uint64_t id,
                      const struct raft_effects *effects);

static void
send_snapshot(struct net *net, uint64_t from, uint64_t to)
{
    struct net_server *source = &net->server[from];
    struct net_server *target = &net->server[to];
    bool fails = net->snapshot_fails || net->cut[from][to] || !target->raft ||
                 target->fatal;
    struct raft_event event = {.kind = RAFT_EVENT_SNAPSHOT_RECEIVED};
    struct raft_snapshot snapshot = source->disk.snapshot;

    /* Stands for a transfer that takes no time. */
    if (!fails) {
        target->staged = snapshot;
        target->staged_digest = source->disk.snapshot_digest;
        event.snapshot = &snapshot;
        CHECK(!net_step(net, to, &event));
    }
    event = (struct raft_event){.kind = RAFT_EVENT_SNAPSHOT_SENT,
                                .peer = to,
                                .status = fails ? ERR_UNREACHABLE : 0};
    CHECK(!net_step(net, from, &event));
}

static void
carry_out(struct net *net, uint64_t id, const struct raft_effects *effects)
{
    struct net_server *server = &net->server[id];
    struct raft_send_snapshot sends[RAFT_MEMBERS_MAX];
    size_t send_count = effects->send_snapshot_count;

    for (size_t i = 0; i < effects->write_count; i++)
        write_queue(net, server, &effects->writes[i]);
    for (size_t i = 0; i < effects->message_count; i++)
        message_send(net, &effects->messages[i]);
    if (effects->load_snapshot) {
        server->applied = server->staged.index;
        server->digest = server->staged_digest;
        if (net->history[server->applied].digest != server->digest)
            complain(net, "a snapshot differs from the history");
    }
    for (size_t i = 0; i < effects->apply_count; i++)
        apply(net, server, &effects->apply[i]);
    for (size_t i = 0; i < effects->read_count; i++)
        answer(net, server, &effects->reads[i]);
    server->stepped_down += effects->stepped_down;
    server->became_ready += effects->leader_ready;
    server->deadline_ns = effects->deadline_ns;
    judge_leader(net, id);
    memcpy(sends, effects->send_snapshots, send_count * sizeof(sends[0]));
    for (size_t i = 0; i < send_count; i++)
        send_snapshot(net, id, sends[i].peer);
}

int
net_step(struct net *net, uint64_t id, const struct raft_event *event)
{
    struct net_server *server = &net->server[id];
    struct raft_effects effects;
    int err;

    CHECK(server->raft);
    err = raft_step(server->raft, net->now_ns, event, &effects);
    carry_out(net, id, &effects);
    if (err == ERR_IO)
        server->fatal = true;
    return err;
}

/* --- Requests ----------------------------------------------------------- */

int
net_propose(struct net *net, uint64_t id, uint64_t value)
{
    struct raft_event event = {.kind = RAFT_EVENT_PROPOSE,
                               .data = &value,
                               .size = sizeof(value),
                               .context = value};

    return net_step(net, id, &event);
}

int
net_read(struct net *net, uint64_t id, uint64_t context)
{
    struct raft_event event = {.kind = RAFT_EVENT_READ, .context = context};

    net->server[id].read_floor[context % 64] = net->acknowledged;
    return net_step(net, id, &event);
}

int
net_members(struct net *net, uint64_t id, enum raft_members_op op,
            uint64_t peer)
{
    struct raft_event event = {.kind = RAFT_EVENT_PROPOSE_MEMBERS,
                               .op = op,
                               .peer = peer,
                               .context = 1};

    return net_step(net, id, &event);
}

int
net_transfer(struct net *net, uint64_t id, uint64_t target)
{
    struct raft_event event = {.kind = RAFT_EVENT_TRANSFER, .peer = target};

    return net_step(net, id, &event);
}

int
net_take_snapshot(struct net *net, uint64_t id)
{
    struct net_server *server = &net->server[id];
    struct raft_event event = {.kind = RAFT_EVENT_SNAPSHOT_TAKEN,
                               .index = server->applied};
    int err = raft_snapshot_at(server->raft, server->applied, &server->staged);

    if (err)
        return err;
    server->staged_digest = server->digest;
    return net_step(net, id, &event);
}

/* --- Life cycle --------------------------------------------------------- */

void
net_crash(struct net *net, uint64_t id)
{
    struct net_server *server = &net->server[id];

    raft_destroy(server->raft);
    server->raft = NULL;
    while (server->writes) {
        struct net_write *write = server->writes;

        server->writes = write->next;
        write_free(write);
    }
    server->writes_tail = &server->writes;
}

void
net_start(struct net *net, uint64_t id)
{
    struct net_server *server = &net->server[id];
    struct net_disk *disk = &server->disk;
    const struct raft_alloc alloc = {counted_alloc, counted_free, net};
    const struct raft_durable durable = {disk->term, disk->voted_for,
                                         disk->snapshot};
    struct raft_effects effects;

    server->config.incarnation = ++server->incarnation;
    server->config.mutation = net->mutation;
    server->config.random = raft_random;
    server->config.random_arg = net;
    server->fatal = false;
    server->applied = disk->snapshot.index;
    server->digest = disk->snapshot_digest;
    CHECK(!raft_create(&server->config, &alloc, &durable, &server->raft));
    for (size_t i = 0; i < disk->entry_count; i++) {
        const struct raft_entry entry = {
            .index = disk->snapshot.index + 1 + i,
            .term = disk->entries[i].term,
            .kind = disk->entries[i].kind,
            .size = disk->entries[i].size,
            .data = disk->entries[i].data,
        };

        CHECK(!raft_restore(server->raft, &entry));
    }
    raft_start(server->raft, net->now_ns, &effects);
    carry_out(net, id, &effects);
}

void
net_restart(struct net *net, uint64_t id)
{
    net_crash(net, id);
    net_start(net, id);
}

struct net *
net_create(unsigned count, unsigned voters, uint64_t seed)
{
    struct net *net = calloc(1, sizeof(*net));
    struct raft_members members = {.count = 0};

    net->count = count;
    net->random = seed;
    net->latency_ns = NET_MS / 2;
    net->allocs_left = -1;
    for (uint64_t id = 1; id <= voters; id++)
        members.member[members.count++] = (struct raft_member){id, RAFT_VOTER};
    for (uint64_t id = 1; id <= count; id++) {
        struct net_server *server = &net->server[id];

        raft_config_default(&server->config);
        server->config.self = id;
        server->disk_ns = NET_MS;
        server->writes_tail = &server->writes;
        if (id <= voters)
            server->disk.snapshot.members = members;
    }
    return net;
}

void
net_destroy(struct net *net)
{
    for (uint64_t id = 1; id <= net->count; id++) {
        net_crash(net, id);
        disk_truncate(&net->server[id].disk, 0);
        free(net->server[id].disk.entries);
    }
    net_drop_messages(net);
    net->messages = net->trash;
    net_drop_messages(net);
    CHECK(net->allocs == 0);
    free(net);
}

void
net_cut(struct net *net, uint64_t a, uint64_t b, bool cut)
{
    net->cut[a][b] = cut;
    net->cut[b][a] = cut;
}

void
net_isolate(struct net *net, uint64_t id, bool cut)
{
    for (uint64_t other = 1; other <= net->count; other++) {
        if (other != id)
            net_cut(net, id, other, cut);
    }
}

/* --- Running ------------------------------------------------------------ */

static void
deliver(struct net *net)
{
    static struct raft_entry entries[RAFT_APPEND_ENTRIES_MAX];
    struct net_message *message = net->messages;
    struct raft_event event = {.kind = RAFT_EVENT_MESSAGE};
    struct raft_message decoded;

    net->messages = message->next;
    if (net->server[message->to].raft &&
        !net->cut[message->from][message->to]) {
        if (raft_message_decode(message->bytes, message->size, entries,
                                &decoded))
            complain(net, "a message cannot be decoded");
        event.message = &decoded;
        (void)!net_step(net, message->to, &event);
    }
    if (net->keep_trash) {
        message->next = net->trash;
        net->trash = message;
        return;
    }
    message_free(message);
}

void
net_disk_unstick(struct net *net, uint64_t id)
{
    struct net_server *server = &net->server[id];

    server->disk_ns = NET_MS;
    for (struct net_write *w = server->writes; w; w = w->next)
        w->due_ns = net->now_ns + NET_MS;
}

static void
write_done(struct net *net, uint64_t id)
{
    struct net_server *server = &net->server[id];
    struct net_write *write = server->writes;
    struct raft_event event = {.kind = RAFT_EVENT_PERSISTED,
                               .write_id = write->id};

    server->writes = write->next;
    if (!server->writes)
        server->writes_tail = &server->writes;
    if (server->disk_fails)
        event.status = ERR_IO;
    else
        disk_perform(net, &server->disk, write);
    server->disk_fails = false;
    write_free(write);
    (void)!net_step(net, id, &event);
}

/* The server whose disk or timer is due first. */
static uint64_t
first_due(const struct net *net, uint64_t *due_ns, bool *disk)
{
    uint64_t first = 0;

    *due_ns = UINT64_MAX;
    for (uint64_t id = 1; id <= net->count; id++) {
        const struct net_server *server = &net->server[id];

        if (!server->raft || server->fatal)
            continue;
        if (server->writes && server->writes->due_ns < *due_ns) {
            *due_ns = server->writes->due_ns;
            *disk = true;
            first = id;
        }
        if (server->deadline_ns < *due_ns) {
            *due_ns = server->deadline_ns;
            *disk = false;
            first = id;
        }
    }
    return first;
}

static bool
run_one(struct net *net, uint64_t end_ns)
{
    const struct raft_event tick = {.kind = RAFT_EVENT_TICK};
    bool disk = false;
    uint64_t due_ns, id = first_due(net, &due_ns, &disk);

    if (net->messages && net->messages->due_ns <= due_ns) {
        if (net->messages->due_ns > end_ns)
            return false;
        if (net->now_ns < net->messages->due_ns)
            net->now_ns = net->messages->due_ns;
        deliver(net);
        return true;
    }
    if (!id || due_ns > end_ns)
        return false;
    if (net->now_ns < due_ns)
        net->now_ns = due_ns;
    if (disk)
        write_done(net, id);
    else
        (void)!net_step(net, id, &tick);
    return true;
}

void
net_run(struct net *net, uint64_t ns)
{
    uint64_t end_ns = net->now_ns + ns;

    while (run_one(net, end_ns))
        ;
    net->now_ns = end_ns;
}

uint64_t
net_leader(const struct net *net)
{
    uint64_t leader = 0;

    for (uint64_t id = 1; id <= net->count; id++) {
        const struct raft *raft = net->server[id].raft;

        if (!raft || !raft_is_ready(raft))
            continue;
        if (!leader || raft_term(raft) > raft_term(net->server[leader].raft))
            leader = id;
    }
    return leader;
}

uint64_t
net_run_leader(struct net *net, uint64_t id, uint64_t ns)
{
    uint64_t end_ns = net->now_ns + ns;

    for (;;) {
        uint64_t leader = net_leader(net);

        if (leader && (!id || leader == id))
            return leader;
        if (!run_one(net, end_ns))
            break;
    }
    net->now_ns = end_ns;
    return 0;
}

struct net_split
net_split_logs(struct net *net)
{
    struct net_split s = {.net = net};

    s.a = net_run_leader(net, 0, 2000 * NET_MS);
    net_run(net, 100 * NET_MS);
    s.b = s.a % 3 + 1;
    s.c = s.b % 3 + 1;
    net_isolate(net, s.a, true);
    CHECK(!net_propose(net, s.a, 0xaaaa));
    CHECK(!net_propose(net, s.a, 0xaaab));
    net_run(net, 5 * NET_MS);
    net_crash(net, s.a);
    /* b is elected by c; what it then appends stays alone. */
    while (raft_role(net->server[s.b].raft) != RAFT_LEADER) {
        net_run(net, NET_MS / 4);
        if (raft_role(net->server[s.c].raft) == RAFT_LEADER)
            net_restart(net, s.c);
    }
    net_isolate(net, s.b, true);
    net_drop_messages(net);
    CHECK(!net_propose(net, s.b, 0xbbbb));
    net_run(net, 5 * NET_MS);
    net_crash(net, s.b);
    net_isolate(net, s.a, false);
    net_isolate(net, s.b, false);
    return s;
}
