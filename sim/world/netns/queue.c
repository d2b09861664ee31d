/* SPDX-License-Identifier: Apache-2.0
 *
 * What happened, in the order of time, to the listener.
 */
#define _GNU_SOURCE

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "sim/world/netns/netns_priv.h"

/* ---- a heap ---- */

static bool
before(const struct netns_item *a, const struct netns_item *b)
{
    return a->at_ns != b->at_ns ? a->at_ns < b->at_ns : a->order < b->order;
}

static void
exchange(struct netns_item *a, struct netns_item *b)
{
    struct netns_item item = *a;

    *a = *b;
    *b = item;
}

void
queue_push(struct netns *netns, struct netns_item *item)
{
    size_t at = netns->item_count;

    if (netns->item_count == netns->item_room) {
        netns->item_room = 2 * netns->item_room + 256;
        netns->items =
            realloc(netns->items, netns->item_room * sizeof(*netns->items));
        CHECK(netns->items != NULL);
    }
    item->order = netns->order++;
    netns->items[netns->item_count++] = *item;
    for (; at > 0 && before(&netns->items[at], &netns->items[(at - 1) / 2]);
         at = (at - 1) / 2)
        exchange(&netns->items[at], &netns->items[(at - 1) / 2]);
}

static struct netns_item
pop(struct netns *netns)
{
    struct netns_item first = netns->items[0];
    size_t at = 0;

    netns->items[0] = netns->items[--netns->item_count];
    for (;;) {
        size_t least = at;

        for (size_t child = 2 * at + 1;
             child <= 2 * at + 2 && child < netns->item_count; child++) {
            if (before(&netns->items[child], &netns->items[least]))
                least = child;
        }
        if (least == at)
            return first;
        exchange(&netns->items[at], &netns->items[least]);
        at = least;
    }
}

uint64_t
queue_next_ns(const struct netns *netns)
{
    uint64_t next_ns = UINT64_MAX;

    if (netns->item_count > 0)
        next_ns = netns->items[0].at_ns;
    if (netns->dirty && netns->dirty_ns + NETNS_STILL_NS < next_ns)
        next_ns = netns->dirty_ns + NETNS_STILL_NS;
    return next_ns;
}

void
queue_fini(struct netns *netns)
{
    for (size_t i = 0; i < netns->item_count; i++)
        free(netns->items[i].bytes);
    free(netns->items);
}

/* ---- what the world saw itself ---- */

void
queue_observe(struct netns_box *box, enum observation_kind kind, uint64_t a,
              uint64_t b, uint64_t d)
{
    struct netns_item item = {
        .at_ns = netns_now_ns(),
        .box = box->index,
        .u.seen = {.kind = kind, .a = a, .b = b, .d = d},
    };

    queue_push(box->netns, &item);
}

void
queue_log(struct netns_box *box, const char *format, ...)
{
    struct netns_item item = {
        .at_ns = netns_now_ns(),
        .box = box->index,
        .u.seen = {.kind = OBSERVE_LOG,
                   .service = SVC_NONE,
                   .a = SEVERITY_ERROR},
    };
    char text[256];
    va_list args;

    va_start(args, format);
    (void)vsnprintf(text, sizeof(text), format, args);
    va_end(args);
    item.bytes = (uint8_t *)strdup(text);
    CHECK(item.bytes != NULL);
    item.u.seen.size = strlen(text);
    queue_push(box->netns, &item);
}

/* ---- handing over ---- */

static void
hand_over(struct netns *netns, struct observation *seen)
{
    seen->at = simtime_from_ns(netns->last_ns - netns->origin_ns);
    netns->events++;
    run_digest_feed_u64(netns->digest,
                        ((uint64_t)seen->kind << 32) | seen->box);
    run_digest_feed_u64(netns->digest, seen->a);
    if (netns->world.listener != NULL)
        netns->world.listener(netns->world.listener_context, seen);
}

static void
truth_changed(void *context, unsigned box, enum observation_kind kind,
              unsigned value, unsigned nominal)
{
    struct observation seen = {
        .kind = kind, .box = box, .a = value, .b = nominal};

    hand_over(context, &seen);
}

static void
truth_judge(struct netns *netns)
{
    netns->dirty = false;
    ports_truth_judge(netns->truth, truth_changed, netns);
}

static void
truth_dirty(struct netns *netns)
{
    netns->dirty = true;
    netns->dirty_ns = netns->last_ns;
}

static void
load_note(struct netns_box *box, const struct watch_line *line)
{
    struct world_load *load = &box->load;
    const struct world_load *gone = &box->before;
    unsigned service = line->service;

    if (line->kind == WATCH_LANE && line->u.lane.lane < LANE_COUNT) {
        unsigned lane = line->u.lane.lane;

        load->messages[lane] = gone->messages[lane] + line->u.lane.messages;
        load->bytes[lane] = gone->bytes[lane] + line->u.lane.bytes;
    } else if (line->kind == WATCH_LOAD && service < SVC_COUNT) {
        load->cpu_ns[service] = gone->cpu_ns[service] + line->u.load.cpu_ns;
        load->events[service] = gone->events[service] + line->u.load.events;
        if (line->u.load.memory_bytes > load->memory_peak_bytes[service])
            load->memory_peak_bytes[service] = line->u.load.memory_bytes;
        if (line->u.load.mailbox_peak > load->mailbox_peak[service])
            load->mailbox_peak[service] = line->u.load.mailbox_peak;
    }
}

static void
ready_note(struct netns_box *box, const struct watch_line *line)
{
    struct observation seen = {
        .kind = OBSERVE_BOX_READY,
        .box = box->index,
        .a = line->u.ready.incarnation,
        .b = line->u.ready.key,
    };

    box->running = true;
    box->netns->truth->boxes[box->index].alive = true;
    truth_dirty(box->netns);
    hand_over(box->netns, &seen);
}

static void
entry_note(struct netns_box *box, const struct fwd_entry *entry)
{
    struct truth_box *truth = &box->netns->truth->boxes[box->index];
    bool valid = false;

    switch (entry->object) {
    case FWD_BOX:
        valid = entry->arg < FWD_MODULES_MAX || entry->value == 0;
        break;
    case FWD_REACH: valid = entry->id < FWD_MODULES_MAX; break;
    case FWD_FRONT: valid = entry->id < truth->front_ports; break;
    }
    if (!valid)
        return;
    ports_truth_entry(truth, entry);
    truth_dirty(box->netns);
}

static void
link_note(struct netns_box *box, const struct watch_line *line)
{
    struct truth_box *truth = &box->netns->truth->boxes[box->index];

    if (line->u.link.port >= truth->fabric_ports)
        return;
    truth->ports[line->u.link.port].up = line->u.link.up;
    truth_dirty(box->netns);
}

static void
line_note(struct netns_box *box, const struct netns_item *item)
{
    const struct watch_line *line = &item->u.line;
    struct observation seen = {.box = box->index, .service = line->service};

    switch (line->kind) {
    case WATCH_READY: ready_note(box, line); return;
    case WATCH_TRACE:
        seen.kind = OBSERVE_TRACE;
        seen.trace = line->u.trace;
        hand_over(box->netns, &seen);
        return;
    case WATCH_LOG:
        seen.kind = OBSERVE_LOG;
        seen.a = line->u.log.severity;
        seen.bytes = item->bytes;
        seen.size = strlen((const char *)item->bytes);
        hand_over(box->netns, &seen);
        return;
    case WATCH_FWD: entry_note(box, &line->u.fwd); return;
    case WATCH_LINK: link_note(box, line); return;
    case WATCH_LOAD:
    case WATCH_LANE: load_note(box, line); return;
    case WATCH_EXIT:
    case WATCH_LOST:
    case WATCH_KIND_COUNT: return;
    }
}

static void
seen_note(struct netns_box *box, struct netns_item *item)
{
    struct observation *seen = &item->u.seen;

    seen->box = box->index;
    seen->bytes = item->bytes;
    if (seen->kind == OBSERVE_BOX_OFF) {
        box->running = false;
        ports_truth_dead(&box->netns->truth->boxes[box->index]);
        truth_dirty(box->netns);
    }
    hand_over(box->netns, seen);
}

static void
late_note(struct netns *netns, uint64_t late_ns)
{
    netns->late++;
    if (late_ns > netns->latest_ns)
        netns->latest_ns = late_ns;
}

void
queue_deliver(struct netns *netns, uint64_t limit_ns)
{
    while (!netns->stopped && netns->item_count > 0 &&
           netns->items[0].at_ns <= limit_ns) {
        struct netns_item item;

        if (netns->dirty &&
            netns->items[0].at_ns > netns->dirty_ns + NETNS_STILL_NS)
            truth_judge(netns);
        item = pop(netns);
        if (item.at_ns < netns->last_ns)
            late_note(netns, netns->last_ns - item.at_ns);
        else
            netns->last_ns = item.at_ns;
        if (item.is_line)
            line_note(&netns->boxes[item.box], &item);
        else
            seen_note(&netns->boxes[item.box], &item);
        free(item.bytes);
    }
    if (netns->dirty && !netns->stopped &&
        limit_ns > netns->dirty_ns + NETNS_STILL_NS)
        truth_judge(netns);
}
