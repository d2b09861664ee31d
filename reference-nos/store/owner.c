/* SPDX-License-Identifier: Apache-2.0
 *
 * STATE rows of other boxes, as the controllers keep them: one copy per
 * owner, replaced by a higher epoch (incarnation, life) of the owner, expired
 * when its lease ends.
 */
#include "reference-nos/base/check.h"
#include "reference-nos/base/err.h"
#include "reference-nos/base/units.h"
#include "reference-nos/store/store_priv.h"

#include <string.h>

#define ROWS_PER_OWNER_MAX 2048u
#define ASK_NS (1 * NS_PER_S)
#define RESTART_CALLS 3u

static struct owner *
of_node(struct tree_node *node)
{
    return node == NULL ? NULL : CONTAINER_OF(node, struct owner, node);
}

static int
compare(const void *key, const struct tree_node *node)
{
    uint64_t box = *(const uint64_t *)key;
    uint64_t other = CONTAINER_OF(node, const struct owner, node)->box;

    return (box > other) - (box < other);
}

void
owner_init(struct store *store)
{
    tree_init(&store->owners, compare);
}

/* Makes room by forgetting an owner whose lease ended: it has no rows. */
static void
forget_one(struct store *store)
{
    struct tree_node *node;

    TREE_FOR_EACH(node, &store->owners)
    {
        struct owner *owner = of_node(node);

        if (!owner->down)
            continue;
        tree_remove(&store->owners, &owner->node);
        mem_free(store->mem, owner, sizeof(*owner));
        return;
    }
}

static int
find_or_add(struct store *store, uint64_t box, struct owner **out)
{
    struct owner *owner = of_node(tree_find(&store->owners, &box));
    int error;

    if (owner == NULL) {
        if (store->owners.count == STORE_OWNERS_MAX)
            forget_one(store);
        if (store->owners.count == STORE_OWNERS_MAX)
            return ERR_FULL;
        owner = mem_zalloc(store->mem, sizeof(*owner));
        if (owner == NULL)
            return ERR_NOMEM;
        owner->box = box;
        error = tree_insert(&store->owners, &owner->box, &owner->node);
        CHECK(error == 0);
    }
    *out = owner;
    return 0;
}

static bool
is_controller(const struct store *store)
{
    return store->facts->role == ROLE_NCC;
}

/* --- Asking ------------------------------------------------------------- */

static void
call(struct store *store, uint64_t box, enum lane lane, bool missing)
{
    uint8_t bytes[16];
    struct wire_writer writer;

    wire_writer_init(&writer, bytes, sizeof(bytes));
    wire_write_u64(&writer, store->facts->incarnation);
    wire_write_u32(&writer, actor_life(store->self));
    wire_write_bool(&writer, missing);
    (void)store_send(store, box, lane, MSG_STATE_RESYNC, 0, bytes,
                     wire_writer_size(&writer));
}

static void
ask(struct store *store, struct owner *owner)
{
    uint64_t now_ns = actor_now_ns(store->self);

    owner->wanted = true;
    if (owner->asked_ns != 0 && now_ns < owner->asked_ns + ASK_NS)
        return;
    owner->asked_ns = now_ns;
    call(store, owner->box, LANE_CONTROL, true);
    actor_timer_set(store->self, TIMER_RESYNC, now_ns + ASK_NS);
}

/* Boxes with nothing new to say would not notice that a controller's store
 * lost their rows, so it says so itself, to all. */
void
owner_start(struct store *store)
{
    if (!is_controller(store) || actor_life(store->self) <= 1)
        return;
    store->restart_calls = RESTART_CALLS;
    owner_timer(store);
}

static bool
is_complete(const struct owner *owner)
{
    return owner->in[STREAM_URGENT].complete &&
           owner->in[STREAM_REST].complete;
}

void
owner_timer(struct store *store)
{
    uint64_t now_ns = actor_now_ns(store->self);
    struct tree_node *node;
    bool again = false;

    if (store->restart_calls > 0 && now_ns >= store->restart_call_ns) {
        store->restart_calls--;
        store->restart_call_ns = now_ns + ASK_NS;
        call(store, PLAT_ADDRESS_ALL, LANE_LIVENESS, false);
    }
    TREE_FOR_EACH(node, &store->owners)
    {
        struct owner *owner = of_node(node);

        if (owner->wanted && is_complete(owner))
            owner->wanted = false;
        if (!owner->wanted || owner->down)
            continue;
        again = true;
        ask(store, owner);
    }
    if (again || store->restart_calls > 0)
        actor_timer_set(store->self, TIMER_RESYNC, now_ns + ASK_NS);
}

/* --- Rows --------------------------------------------------------------- */

static void
acknowledge(struct store *store, const struct owner *owner,
            enum stream_class class)
{
    const struct stream_in *in = &owner->in[class];
    struct stream_ack ack = {
        .incarnation = store->facts->incarnation,
        .life = actor_life(store->self),
        .class = class,
        .run = in->run,
        .watermark = in->watermark,
        .credit = STREAM_CREDIT_ROWS,
        .complete = in->complete,
    };
    uint8_t bytes[64];
    struct wire_writer writer;

    wire_writer_init(&writer, bytes, sizeof(bytes));
    stream_ack_write(&writer, &ack);
    (void)store_send(store, owner->box, state_lane(class), MSG_STATE_ACK, 0,
                     bytes, wire_writer_size(&writer));
}

static bool
in_class(const struct store_row *row, enum stream_class class)
{
    return row->table >= TABLE_CONF_END &&
           (state_tables(class) >> (row->table - TABLE_CONF_END) & 1) != 0;
}

static bool
rows_are_good(struct wire_reader reader, uint64_t owner,
              enum stream_class class)
{
    struct store_row row;
    int error;

    while ((error = store_row_read(&reader, &row)) == 0)
        if (!in_class(&row, class) || row.owner != owner)
            return false;
    return error == ERR_NOENT;
}

static int
put(struct store *store, struct owner *owner, const struct store_row *row,
    uint32_t generation)
{
    size_t count = store->state.count;
    int error;

    actor_charge(store->self, COST_ROW, 1);
    if (rows_same(&store->state, row, generation))
        return 0;
    if (!row->deleted && owner->row_count >= ROWS_PER_OWNER_MAX)
        return ERR_FULL;
    error = rows_put(&store->state, row, store->state.last + 1, generation);
    owner->row_count += store->state.count - count;
    return error;
}

static int
apply_rows(struct store *store, struct owner *owner, struct wire_reader reader,
           uint32_t generation)
{
    struct store_row row;

    while (store_row_read(&reader, &row) == 0) {
        int error = put(store, owner, &row, generation);

        if (error == ERR_FULL)
            actor_log(store->self, SEVERITY_ERROR,
                      "store: no room for a STATE row of box %llx",
                      (unsigned long long)owner->box);
        else if (error != 0)
            return error;
    }
    return 0;
}

/* Drops rows of 'owner' that 'tables' holds and 'generation' did not show. */
static void
sweep(struct store *store, struct owner *owner, uint64_t tables,
      uint32_t generation)
{
    struct row *row = rows_first_of(&store->state, owner->box);

    while (row != NULL && row->owner == owner->box) {
        struct row *next = rows_next(row);

        if (row->generation != generation &&
            (tables >> (row->table - TABLE_CONF_END) & 1) != 0) {
            rows_bury(&store->state, row, row->version, store->state.last + 1);
            owner->row_count--;
        }
        row = next;
    }
}

/* False: of a former life. */
static bool
epoch_check(struct owner *owner, const struct stream_header *header)
{
    if (header->incarnation < owner->incarnation ||
        (header->incarnation == owner->incarnation &&
         header->life < owner->life))
        return false;
    if (header->incarnation == owner->incarnation &&
        header->life == owner->life)
        return true;
    owner->incarnation = header->incarnation;
    owner->life = header->life;
    memset(owner->in, 0, sizeof(owner->in));
    return true;
}

static int
take(struct store *store, struct owner *owner,
     const struct stream_header *header, struct wire_reader reader)
{
    struct stream_in *in = &owner->in[header->class];
    int error = apply_rows(store, owner, reader, in->generation);

    if (error != 0)
        return error;
    if (stream_in_taken(in, header))
        sweep(store, owner, state_tables(header->class), in->generation);
    return 0;
}

int
owner_rows(struct store *store, const struct actor_message *message)
{
    struct stream_header header;
    struct wire_reader reader;
    struct owner *owner;
    enum stream_verdict verdict;
    int error;

    wire_reader_init(&reader, message->body, message->size);
    if (!is_controller(store) || message->from.box == store->facts->key ||
        stream_header_read(&reader, &header) != 0 ||
        !rows_are_good(reader, message->from.box, header.class))
        return 0;
    error = find_or_add(store, message->from.box, &owner);
    if (error != 0)
        return error == ERR_FULL ? 0 : error;
    if (owner->down || !epoch_check(owner, &header))
        return 0;
    store_charge_bytes(store, message->size);
    verdict = stream_in_judge(&owner->in[header.class], &header,
                              ++store->generations);
    if (verdict == STREAM_GAP) {
        ask(store, owner);
        return 0;
    }
    if (verdict == STREAM_TAKE)
        error = take(store, owner, &header, reader);
    acknowledge(store, owner, header.class);
    return error;
}

/* --- Leases ------------------------------------------------------------- */

int
owner_peer(struct store *store, const struct store_peer *peer)
{
    struct owner *owner;
    int error;

    if (!is_controller(store) || peer->box == store->facts->key)
        return 0;
    error = find_or_add(store, peer->box, &owner);
    if (error != 0)
        return error == ERR_FULL ? 0 : error;
    owner->down = !peer->up;
    if (!peer->up) {
        sweep(store, owner, UINT64_MAX, ++store->generations);
        memset(owner->in, 0, sizeof(owner->in));
        owner->wanted = false;
    } else if (!is_complete(owner)) {
        ask(store, owner);
    }
    return 0;
}
