/* SPDX-License-Identifier: Apache-2.0
 *
 * The active controller's side of CONF: one stream per box.  Only what is
 * committed is in the rows, and only a leader whose first entry is committed
 * streams them.
 */
#include "reference-nos/base/check.h"
#include "reference-nos/base/err.h"
#include "reference-nos/base/units.h"
#include "reference-nos/store/store_priv.h"

#include <string.h>

#define RETRY_NS (50 * NS_PER_MS)

static struct subscriber *
of_node(struct tree_node *node)
{
    return node == NULL ? NULL : CONTAINER_OF(node, struct subscriber, node);
}

static int
compare(const void *key, const struct tree_node *node)
{
    uint64_t box = *(const uint64_t *)key;
    uint64_t other = CONTAINER_OF(node, const struct subscriber, node)->box;

    return (box > other) - (box < other);
}

void
subscriber_init(struct store *store)
{
    tree_init(&store->subscribers, compare);
}

static void
drop(struct store *store, struct subscriber *subscriber)
{
    tree_remove(&store->subscribers, &subscriber->node);
    mem_free(store->mem, subscriber, sizeof(*subscriber));
}

void
subscriber_drop_all(struct store *store)
{
    struct tree_node *node;

    while ((node = tree_first(&store->subscribers)) != NULL)
        drop(store, of_node(node));
    store->subscribers_dirty = true;
}

static int
find_or_add(struct store *store, uint64_t box, struct subscriber **out)
{
    struct subscriber *subscriber =
        of_node(tree_find(&store->subscribers, &box));
    int error;

    if (subscriber == NULL) {
        if (store->subscribers.count == STORE_SUBSCRIBERS_MAX)
            return ERR_FULL;
        subscriber = mem_zalloc(store->mem, sizeof(*subscriber));
        if (subscriber == NULL)
            return ERR_NOMEM;
        subscriber->box = box;
        error = tree_insert(&store->subscribers, &subscriber->box,
                            &subscriber->node);
        CHECK(error == 0);
    }
    *out = subscriber;
    return 0;
}

/* Can the box go on from 'watermark' with deltas alone? */
static bool
can_resume(const struct store *store, uint64_t watermark)
{
    return watermark != 0 && watermark >= store->consensus->machine.base &&
           watermark >= store->conf.floor && watermark <= store->conf.last;
}

int
subscriber_ask(struct store *store, const struct actor_message *message)
{
    struct subscriber *subscriber;
    struct wire_reader reader;
    struct stream_ask ask;
    int error;

    wire_reader_init(&reader, message->body, message->size);
    if (stream_ask_read(&reader, &ask) != 0 || store_leads(store) == 0 ||
        ask.term > store_term(store))
        return 0;
    error = find_or_add(store, message->from.box, &subscriber);
    if (error != 0)
        return error == ERR_FULL ? 0 : error;
    store->subscribers_dirty = true;
    subscriber->filter = (struct stream_filter){0, 0, ask.tables};
    subscriber->unfenced = can_resume(store, ask.watermark) &&
                           mutation_awake(store->plat, MUTATION_NO_FENCING);
    if (can_resume(store, ask.watermark)) {
        stream_out_resume(&subscriber->out, ask.run, ask.watermark);
        return 0;
    }
    if (store->runs <= ask.run)
        store->runs = ask.run;
    stream_out_begin(&subscriber->out, ++store->runs);
    return 0;
}

int
subscriber_ack(struct store *store, const struct actor_message *message)
{
    struct subscriber *subscriber =
        of_node(tree_find(&store->subscribers, &message->from.box));
    struct wire_reader reader;
    struct stream_ack ack;

    wire_reader_init(&reader, message->body, message->size);
    if (subscriber == NULL || stream_ack_read(&reader, &ack) != 0)
        return 0;
    store->subscribers_dirty = true;
    if (ack.term > store_term(store)) {
        drop(store, subscriber); /* It obeys a later leader. */
        return 0;
    }
    stream_out_acked(&subscriber->out, &ack, actor_now_ns(store->self));
    return 0;
}

/* False when nothing went out. */
static bool
send_one(struct store *store, struct subscriber *subscriber)
{
    uint64_t term = subscriber->unfenced ? 0 : store_leads(store);
    struct stream_header proto = {
        .term = term,
        .index = store->consensus->machine.applied,
    };
    struct stream_out *out = &subscriber->out;
    struct wire_writer writer;
    int error;

    if (stream_out_lost(out, &store->conf))
        stream_out_begin(out, ++store->runs);
    wire_writer_init(&writer, store->chunk, sizeof(store->chunk));
    if (!stream_out_build(out, &store->conf, &subscriber->filter, &proto,
                          &writer))
        return false;
    error = store_send(store, subscriber->box,
                       out->snapshot ? LANE_BULK : LANE_CONTROL, MSG_CONF_ROWS,
                       term, writer.start, wire_writer_size(&writer));
    if (error != 0) {
        out->deadline_ns = actor_now_ns(store->self) + RETRY_NS;
        return false;
    }
    actor_charge(store->self, COST_WATCH, out->built_rows);
    stream_out_sent(out, actor_now_ns(store->self));
    return true;
}

bool
subscriber_pump(struct store *store)
{
    struct tree_node *node;

    if (!store->subscribers_dirty &&
        store->subscribers_conf == store->conf.last)
        return true;
    store->subscribers_dirty = true; /* Until all are served. */
    TREE_FOR_EACH(node, &store->subscribers)
    {
        while (!actor_quantum_over(store->self))
            if (!send_one(store, of_node(node)))
                break;
        if (actor_quantum_over(store->self))
            return false;
    }
    store->subscribers_dirty = false;
    store->subscribers_conf = store->conf.last;
    return true;
}

void
subscriber_timeouts(struct store *store, uint64_t now_ns)
{
    struct tree_node *node = tree_first(&store->subscribers);

    store->subscribers_dirty = true;
    while (node != NULL) {
        struct subscriber *subscriber = of_node(node);

        node = tree_next(node);
        if (subscriber->out.deadline_ns <= now_ns &&
            stream_out_timeout(&subscriber->out) != 0)
            drop(store, subscriber);
    }
}

uint64_t
subscriber_deadline_ns(const struct store *store)
{
    uint64_t next_ns = TIME_NEVER_NS;
    struct tree_node *node;

    TREE_FOR_EACH(node, &store->subscribers)
    {
        uint64_t deadline_ns = of_node(node)->out.deadline_ns;

        if (deadline_ns < next_ns)
            next_ns = deadline_ns;
    }
    return next_ns;
}
