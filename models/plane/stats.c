/* SPDX-License-Identifier: Apache-2.0
 *
 * What became of packets.  Each part counts for itself; plane_flow() adds.
 * Taps and drops are noted while parts run, and told between runs in an order
 * that depends on no thread.
 */
#include <stdlib.h>
#include <string.h>

#include "models/plane/plane_priv.h"

/* ---- counting ----------------------------------------------------------- */

static struct hist *
hist_make(void)
{
    void *storage = calloc(1, hist_size_bytes(PLANE_HIST_BITS));

    CHECK(storage != NULL);
    return hist_init(storage, PLANE_HIST_BITS);
}

static void
hists_make(struct plane_flow_stats *stats)
{
    stats->latency = hist_make();
    for (unsigned i = 0; i < PLANE_STAGE_COUNT; i++)
        stats->stages[i] = hist_make();
}

static void
hists_fini(struct plane_flow_stats *stats)
{
    free(stats->latency);
    for (unsigned i = 0; i < PLANE_STAGE_COUNT; i++)
        free(stats->stages[i]);
}

void
plane_count_sent(struct plane_part *part, const struct packet *packet)
{
    struct plane_flow_stats *stats = &part->flows[packet->spec].stats;

    stats->sent++;
    stats->sent_bytes += packet->bytes;
}

static struct plane_tap_packet
tap_packet(const struct packet *packet, uint64_t at_ps)
{
    return (struct plane_tap_packet){
        .at_ps = at_ps,
        .due_ps = packet->due_ps,
        .number = packet->number,
        .from = packet->from,
        .to = packet->to,
        .bytes = packet->bytes,
        .flow = packet->flow,
        .ttl = packet->ttl,
        .traffic_class = packet->traffic_class,
    };
}

static void
record_add(struct plane_part *part, const struct record *record)
{
    if (part->record_count == part->record_room) {
        part->record_room = part->record_room * 2 + 256;
        part->records =
            realloc(part->records, part->record_room * sizeof(*part->records));
        CHECK(part->records != NULL);
    }
    part->records[part->record_count++] = *record;
}

void
plane_record_tap(struct plane_part *part, unsigned end, bool out,
                 uint64_t at_ps, const struct packet *packet)
{
    struct record record = {
        .at_ps = at_ps,
        .place = end,
        .kind = out ? RECORD_OUT : RECORD_IN,
        .packet = tap_packet(packet, at_ps),
    };

    record_add(part, &record);
}

void
plane_drop_packet(struct plane_part *part, unsigned box, uint32_t ref,
                  enum plane_drop cause)
{
    struct packet *packet = plane_packet(part->plane, ref);
    struct plane_flow_stats *stats = &part->flows[packet->spec].stats;

    CHECK(packet->state == PACKET_LIVE);
    stats->dropped[cause]++;
    stats->dropped_bytes += packet->bytes;
    stats->dropped_bytes_of[cause] += packet->bytes;
    if (part->plane->listener != NULL) {
        uint64_t now_ps = engine_now_ps(part->engine);
        struct record record = {
            .at_ps = now_ps,
            .place = box,
            .kind = RECORD_DROP,
            .cause = (uint8_t)cause,
            .packet = tap_packet(packet, now_ps),
        };

        record_add(part, &record);
    }
    if (packet->cells == 0 ||
        (packet->passed && packet->got + packet->lost == packet->cells))
        plane_packet_free(part, ref);
    else
        packet->state = PACKET_COUNTED;
}

/* ---- order within a flow ------------------------------------------------ */

static struct order_slot *
order_find(struct order_slot *slots, size_t room, uint64_t key)
{
    size_t at =
        (size_t)((key * UINT64_C(0x9e3779b97f4a7c15)) >> 32) & (room - 1);

    while (slots[at].key != 0 && slots[at].key != key)
        at = (at + 1) & (room - 1);
    return &slots[at];
}

static void
order_grow(struct plane_part *part)
{
    size_t room = part->order_room > 0 ? part->order_room * 2 : 1024;
    struct order_slot *slots = calloc(room, sizeof(*slots));

    CHECK(slots != NULL);
    for (size_t i = 0; i < part->order_room; i++) {
        if (part->order[i].key != 0)
            *order_find(slots, room, part->order[i].key) = part->order[i];
    }
    free(part->order);
    part->order = slots;
    part->order_room = room;
}

/* Was a later packet of the same sender, receiver, flow and spec delivered
 * before?  At the same exit: another exit is another place. */
static bool
order_broken(struct plane_part *part, const struct packet *packet)
{
    uint64_t key =
        1 + ((uint64_t)packet->from | (uint64_t)packet->to << 16 |
             (uint64_t)packet->flow << 32 | (uint64_t)packet->spec << 48);
    struct order_slot *slot;

    if ((part->order_count + 1) * 2 > part->order_room)
        order_grow(part);
    slot = order_find(part->order, part->order_room, key);
    if (slot->key == 0) {
        slot->key = key;
        part->order_count++;
    } else if (packet->number < slot->number) {
        return true;
    }
    slot->number = packet->number;
    return false;
}

void
plane_deliver(struct plane_part *part, uint32_t ref)
{
    const struct packet *packet = plane_packet(part->plane, ref);
    struct plane_flow_stats *stats = &part->flows[packet->spec].stats;
    uint64_t now_ps = engine_now_ps(part->engine);
    struct hist **stages = stats->stages;

    if (stats->latency == NULL)
        hists_make(stats);
    if (stats->delivered++ == 0)
        stats->first_ps = now_ps;
    stats->last_ps = now_ps;
    stats->delivered_bytes += packet->bytes;
    hist_add(stats->latency, now_ps - packet->due_ps, 1);
    hist_add(stages[PLANE_STAGE_INGRESS], packet->queued_ps - packet->due_ps,
             1);
    hist_add(stages[PLANE_STAGE_QUEUE], packet->asked_ps - packet->queued_ps,
             1);
    hist_add(stages[PLANE_STAGE_CREDIT], packet->sent_ps - packet->asked_ps,
             1);
    hist_add(stages[PLANE_STAGE_FABRIC], packet->whole_ps - packet->sent_ps,
             1);
    hist_add(stages[PLANE_STAGE_REASSEMBLY],
             packet->ready_ps - packet->whole_ps, 1);
    hist_add(stages[PLANE_STAGE_EGRESS], now_ps - packet->ready_ps, 1);
    if (part->plane->ordering && order_broken(part, packet))
        stats->reordered++;
    plane_packet_free(part, ref);
}

/* ---- flows -------------------------------------------------------------- */

void
plane_flow_add(struct data_plane *plane)
{
    unsigned count = plane->flow_count + 1;

    for (unsigned i = 0; i < plane->part_count; i++) {
        struct plane_part *part = &plane->parts[i];

        part->flows = realloc(part->flows, count * sizeof(*part->flows));
        CHECK(part->flows != NULL);
        memset(&part->flows[count - 1], 0, sizeof(*part->flows));
    }
    plane->merged = realloc(plane->merged, count * sizeof(*plane->merged));
    CHECK(plane->merged != NULL);
    memset(&plane->merged[count - 1], 0, sizeof(*plane->merged));
    hists_make(&plane->merged[count - 1]);
    plane->flow_count = count;
}

static void
hists_clear(struct plane_flow_stats *stats)
{
    if (stats->latency == NULL)
        return;
    hist_clear(stats->latency);
    for (unsigned i = 0; i < PLANE_STAGE_COUNT; i++)
        hist_clear(stats->stages[i]);
}

static void
counts_clear(struct plane_flow_stats *stats)
{
    struct plane_flow_stats kept = *stats;

    memset(stats, 0, sizeof(*stats));
    stats->latency = kept.latency;
    memcpy(stats->stages, kept.stages, sizeof(stats->stages));
    hists_clear(stats);
}

static void
hists_add(struct plane_flow_stats *to, const struct plane_flow_stats *from)
{
    int err;

    if (from->latency == NULL)
        return;
    err = hist_merge(to->latency, from->latency);
    for (unsigned i = 0; err == 0 && i < PLANE_STAGE_COUNT; i++)
        err = hist_merge(to->stages[i], from->stages[i]);
    CHECK(err == 0);
}

static void
counts_add(struct plane_flow_stats *to, const struct plane_flow_stats *from)
{
    if (from->delivered > 0 &&
        (to->delivered == 0 || from->first_ps < to->first_ps))
        to->first_ps = from->first_ps;
    if (from->delivered > 0 && from->last_ps > to->last_ps)
        to->last_ps = from->last_ps;
    to->sent += from->sent;
    to->sent_bytes += from->sent_bytes;
    to->delivered += from->delivered;
    to->delivered_bytes += from->delivered_bytes;
    to->dropped_bytes += from->dropped_bytes;
    to->reordered += from->reordered;
    for (unsigned i = 0; i < PLANE_DROP_COUNT; i++) {
        to->dropped[i] += from->dropped[i];
        to->dropped_bytes_of[i] += from->dropped_bytes_of[i];
    }
}

const struct plane_flow_stats *
plane_flow(struct data_plane *plane, unsigned flow)
{
    struct plane_flow_stats *stats;

    CHECK(flow < plane->flow_count);
    stats = &plane->merged[flow];
    counts_clear(stats);
    for (unsigned i = 0; i < plane->part_count; i++) {
        counts_add(stats, &plane->parts[i].flows[flow].stats);
        hists_add(stats, &plane->parts[i].flows[flow].stats);
    }
    return stats;
}

void
plane_stats_clear(struct data_plane *plane)
{
    for (unsigned i = 0; i < plane->part_count; i++) {
        for (unsigned j = 0; j < plane->flow_count; j++)
            counts_clear(&plane->parts[i].flows[j].stats);
    }
}

void
plane_stats_fini(struct data_plane *plane)
{
    for (unsigned i = 0; i < plane->part_count; i++) {
        struct plane_part *part = &plane->parts[i];

        for (unsigned j = 0; j < plane->flow_count; j++)
            hists_fini(&part->flows[j].stats);
        free(part->flows);
        free(part->records);
        free(part->order);
    }
    for (unsigned j = 0; j < plane->flow_count; j++)
        hists_fini(&plane->merged[j]);
    free(plane->merged);
}

/* ---- totals ------------------------------------------------------------- */

/* Counts packets one by one, so that it is a check on what was counted. */
static void
held_count(const struct data_plane *plane, bool all, unsigned flow,
           uint64_t *packets, uint64_t *bytes)
{
    *packets = 0;
    *bytes = 0;
    for (unsigned i = 0; i < plane->pool.chunk_count; i++) {
        const struct packet *chunk = plane->pool.chunks[i];

        for (unsigned j = 0; j < POOL_CHUNK; j++) {
            if (chunk[j].state != PACKET_LIVE ||
                (!all && chunk[j].spec != flow))
                continue;
            ++*packets;
            *bytes += chunk[j].bytes;
        }
    }
}

void
plane_flow_held(const struct data_plane *plane, unsigned flow,
                uint64_t *packets, uint64_t *bytes)
{
    held_count(plane, false, flow, packets, bytes);
}

void
plane_totals(const struct data_plane *plane, struct plane_totals *totals)
{
    memset(totals, 0, sizeof(*totals));
    for (unsigned i = 0; i < plane->part_count; i++) {
        const struct plane_part *part = &plane->parts[i];

        totals->cells += part->cells;
        totals->credits += part->credits;
        totals->hbm_packets += part->deep_packets;
        totals->paused_ps += part->paused_ps;
    }
    for (unsigned i = 0; i < plane->card_count; i++) {
        if (plane->cards[i].buffer_peak_bytes > totals->buffer_peak_bytes)
            totals->buffer_peak_bytes = plane->cards[i].buffer_peak_bytes;
    }
    held_count(plane, true, 0, &totals->held, &totals->held_bytes);
    totals->events = engine_events(plane->engine);
    totals->memory_bytes = plane_memory(plane);
}

struct digest_value
plane_digest(const struct data_plane *plane)
{
    struct run_digest *digest = run_digest_create(0);
    struct digest_value value = engine_digest(plane->engine);

    run_digest_feed_u64(digest, value.low);
    run_digest_feed_u64(digest, value.high);
    for (unsigned i = 0; i < plane->flow_count; i++) {
        struct plane_flow_stats sum = {.sent = 0};

        for (unsigned j = 0; j < plane->part_count; j++)
            counts_add(&sum, &plane->parts[j].flows[i].stats);
        run_digest_feed_u64(digest, sum.sent);
        run_digest_feed_u64(digest, sum.delivered);
        run_digest_feed_u64(digest, sum.delivered_bytes);
        run_digest_feed_u64(digest, sum.reordered);
        for (unsigned j = 0; j < PLANE_DROP_COUNT; j++)
            run_digest_feed_u64(digest, sum.dropped[j]);
    }
    value = run_digest_value(digest);
    run_digest_destroy(digest);
    return value;
}

/* ---- telling ------------------------------------------------------------ */

static int
record_compare(const void *left, const void *right)
{
    const struct record *a = left, *b = right;

    if (a->at_ps != b->at_ps)
        return a->at_ps < b->at_ps ? -1 : 1;
    if (a->place != b->place)
        return a->place < b->place ? -1 : 1;
    if (a->kind != b->kind)
        return a->kind < b->kind ? -1 : 1;
    if (a->packet.number != b->packet.number)
        return a->packet.number < b->packet.number ? -1 : 1;
    return 0;
}

static void
record_tell(const struct data_plane *plane, const struct record *record)
{
    if (record->kind == RECORD_DROP) {
        if (plane->listener != NULL)
            plane->listener(plane->listener_context, record->at_ps,
                            record->place, (enum plane_drop)record->cause,
                            &record->packet);
        return;
    }
    for (const struct end_tap *tap = plane->ends[record->place].taps;
         tap != NULL; tap = tap->next)
        tap->tap(tap->context, record->place, record->kind == RECORD_OUT,
                 &record->packet);
}

/* All records of all parts, in order; the caller frees. */
static struct record *
records_gather(struct data_plane *plane, size_t *count)
{
    struct record *all;
    size_t used = 0;

    *count = 0;
    for (unsigned i = 0; i < plane->part_count; i++)
        *count += plane->parts[i].record_count;
    if (*count == 0)
        return NULL;
    all = malloc(*count * sizeof(*all));
    CHECK(all != NULL);
    for (unsigned i = 0; i < plane->part_count; i++) {
        struct plane_part *part = &plane->parts[i];

        if (part->record_count == 0)
            continue;
        memcpy(all + used, part->records, part->record_count * sizeof(*all));
        used += part->record_count;
        part->record_count = 0;
    }
    qsort(all, *count, sizeof(*all), record_compare);
    return all;
}

void
plane_records_tell(struct data_plane *plane, uint64_t until_ps)
{
    size_t count = 0;
    struct record *all = records_gather(plane, &count);

    for (size_t i = 0; i < count; i++) {
        if (all[i].at_ps <= until_ps)
            record_tell(plane, &all[i]);
        else
            record_add(&plane->parts[0], &all[i]);
    }
    free(all);
}
