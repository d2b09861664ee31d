/* SPDX-License-Identifier: Apache-2.0
 *
 * From a plan to cards, fabric boxes, cables, lines and timers.
 *
 * Parts     cards and fabric boxes are dealt in turn to a number of parts
 *           that depends on the plan alone.  Lines that are never queued
 *           (requests, grants, pipelines) exist once per pair of parts, so
 *           that few heads are pending.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "models/plane/plane_priv.h"
#include "sim/kernel/random.h"

#define PARTS_WANTED 8u

_Static_assert(sizeof(struct packet) == 128, "two cache lines");
_Static_assert(sizeof(struct voq) == 64, "a cache line");
_Static_assert(sizeof(struct egress_port) % 64 == 0, "cache lines");
#define PS_PER_S_ UINT64_C(1000000000000)

/* ---- boxes and cables --------------------------------------------------- */

static bool
is_card(const struct plan_box *box)
{
    return box->role == ROLE_NCP || box->model->alone;
}

static void
card_make(struct data_plane *plane, unsigned box)
{
    const struct box_model *model = plane->plan->boxes[box].model;
    struct card *card = &plane->cards[plane->card_count];

    card->box = box;
    card->index = plane->card_count++;
    card->part = card->index % plane->part_count;
    card->first_end = plane->end_count;
    card->ports = model->front_ports;
    card->links = model->fabric_ports;
    card->alive = true;
    card->epoch = 1;
    card->tx_at_ps = UINT64_MAX;
    card->reach_last_ps = UINT64_MAX;
    card->open_head = PLANE_NONE;
    card->open_tail = PLANE_NONE;
    card->link = plane_alloc(plane, card->links, sizeof(*card->link));
    for (unsigned i = 0; i < card->links; i++)
        card->link[i].ncf = UINT16_MAX;
    card->egress = aligned_alloc(64, card->ports * sizeof(*card->egress));
    CHECK(card->egress != NULL);
    memset(card->egress, 0, card->ports * sizeof(*card->egress));
    plane->own_bytes += card->ports * sizeof(*card->egress);
    plane->end_count += card->ports;
    plane->card_of_box[box] = (uint16_t)card->index;
}

static void
ncf_make(struct data_plane *plane, unsigned box)
{
    struct ncf *ncf = &plane->ncfs[plane->ncf_count];

    ncf->box = box;
    ncf->index = plane->ncf_count++;
    ncf->part = ncf->index % plane->part_count;
    ncf->links = plane->plan->boxes[box].model->fabric_ports;
    ncf->alive = true;
    ncf->link = plane_alloc(plane, ncf->links, sizeof(*ncf->link));
    plane->ncf_of_box[box] = (uint16_t)ncf->index;
}

static void
boxes_make(struct data_plane *plane)
{
    const struct cluster_plan *plan = plane->plan;
    unsigned cards = 0, ncfs = 0;

    for (unsigned i = 0; i < plan->box_count; i++) {
        cards += is_card(&plan->boxes[i]);
        ncfs += plan->boxes[i].role == ROLE_NCF;
    }
    plane->part_count = cards < PARTS_WANTED ? cards : PARTS_WANTED;
    if (ncfs == 0)
        plane->part_count = 1;
    plane->cards = plane_alloc(plane, cards, sizeof(*plane->cards));
    plane->ncfs = plane_alloc(plane, ncfs, sizeof(*plane->ncfs));
    plane->card_of_box = plane_alloc(plane, plan->box_count, sizeof(uint16_t));
    plane->ncf_of_box = plane_alloc(plane, plan->box_count, sizeof(uint16_t));
    for (unsigned i = 0; i < plan->box_count; i++) {
        plane->card_of_box[i] = UINT16_MAX;
        plane->ncf_of_box[i] = UINT16_MAX;
        if (is_card(&plan->boxes[i]))
            card_make(plane, i);
        else if (plan->boxes[i].role == ROLE_NCF)
            ncf_make(plane, i);
    }
}

static void
cables_lay(struct data_plane *plane)
{
    const struct cluster_plan *plan = plane->plan;

    plane->cables =
        plane_alloc(plane, plan->cable_count, sizeof(*plane->cables));
    for (unsigned i = 0; i < plan->cable_count; i++) {
        const struct plan_cable *from = &plan->cables[i];
        struct cable *cable = &plane->cables[i];
        struct card_link *up;
        struct ncf_link *down;

        *cable = (struct cable){
            .card = plane->card_of_box[from->ncp_box],
            .card_port = from->ncp_port,
            .ncf = plane->ncf_of_box[from->ncf_box],
            .ncf_port = from->ncf_port,
            .card_light = true,
            .ncf_light = true,
            .lit = true,
            .was_lit = true,
        };
        up = &plane->cards[cable->card].link[cable->card_port];
        up->ncf = cable->ncf;
        up->ncf_port = cable->ncf_port;
        up->cable = i;
        down = &plane->ncfs[cable->ncf].link[cable->ncf_port];
        down->card = cable->card;
        down->card_port = cable->card_port;
        down->cabled = true;
        down->cable = i;
    }
}

/* ---- figures ------------------------------------------------------------ */

static uint64_t
span_of(uint64_t bytes, uint64_t bps)
{
    return traffic_wire_ps(bytes, bps);
}

static void
cells_prepare(struct data_plane *plane, uint64_t cell_bps)
{
    const struct asic *asic = plane->asic;
    unsigned room = asic->cell_max_bytes - asic->cell_header_bytes;

    for (unsigned i = 0; i <= asic->cell_max_bytes; i++)
        plane->cell_ps[i] = (uint32_t)span_of(i, cell_bps);
    for (unsigned i = 0; i < PLANE_FRAME_SIZES; i++) {
        unsigned bytes = i + asic->packet_header_bytes;
        unsigned cells = (bytes + room - 1) / room;
        unsigned last = bytes - (cells - 1) * room + asic->cell_header_bytes;

        CHECK(cells <= UINT8_MAX);
        plane->cell_count[i] = (uint8_t)cells;
        plane->cell_last[i] =
            (uint16_t)(last > asic->cell_min_bytes ? last
                                                   : asic->cell_min_bytes);
    }
    plane->fifo_ps = span_of(asic->fabric_fifo_bytes, cell_bps);
    plane->ncf_queue_ps = span_of(asic->ncf_queue_bytes, cell_bps);
    plane->ncf_pause_ps = span_of(asic->ncf_pause_bytes, cell_bps);
    plane->ncf_resume_ps = span_of(asic->ncf_resume_bytes, cell_bps);
}

/* 0 when a box with fabric ports does not say their rate. */
static uint64_t
link_rate(const struct cluster_plan *plan)
{
    uint64_t bps = UINT64_MAX;

    for (unsigned i = 0; i < plan->box_count; i++) {
        const struct box_model *model = plan->boxes[i].model;

        if (model->fabric_ports > 0 && model->fabric_port_bps < bps)
            bps = model->fabric_port_bps;
    }
    return bps;
}

static void
links_prepare(struct data_plane *plane)
{
    plane->link_ps = plane->plan->fabric_link_delay.ps;
    plane->way_ps = 2 * plane->link_ps + plane->asic->ncf_ps;
    if (plane->ncf_count > 0)
        cells_prepare(plane,
                      asic_cell_bps(plane->asic, link_rate(plane->plan)));
}

/* ---- ends --------------------------------------------------------------- */

static void
port_make(struct data_plane *plane, struct card *card, unsigned index)
{
    const struct asic *asic = plane->asic;
    struct egress_port *port = &card->egress[index];
    unsigned end = card->first_end + index;
    __extension__ unsigned __int128 bits = plane->port_bps;
    struct engine *engine = plane->engine;

    plane->ends[end] = (struct end){
        .bps = plane->port_bps,
        .wire_ps = plane->wire_ps,
        .timer = engine_timer_add(engine, card->part, plane_end_due, end),
        .picked = -1,
        .port = (uint16_t)index,
        .card = (uint8_t)card->index,
    };
    port->credit_span_ps =
        span_of(asic->credit_bytes * 1000000, plane->port_bps) /
        asic->credit_speedup_ppm;
    port->stop_bytes = (uint64_t)(bits * asic->egress_stop_ps / 8 / PS_PER_S_);
    port->sending = PLANE_NONE;
    port->credit_timer =
        engine_timer_add(engine, card->part, plane_credit_due, end);
    port->send_timer =
        engine_timer_add(engine, card->part, plane_send_done, end);
    for (unsigned i = 0; i < ASIC_CLASSES; i++) {
        port->classes[i].head = PLANE_NONE;
        port->classes[i].tail = PLANE_NONE;
        port->classes[i].ring_head = UINT16_MAX;
        port->classes[i].ring_tail = UINT16_MAX;
    }
}

static void
address_make(struct fwd_prefix *address, unsigned end)
{
    *address = (struct fwd_prefix){
        .family = 4,
        .length = 32,
        .bytes = {10, (uint8_t)(end / 256), (uint8_t)(end % 256), 2}};
}

static void
ends_make(struct data_plane *plane)
{
    plane->ends = plane_alloc(plane, plane->end_count, sizeof(*plane->ends));
    plane->addresses =
        plane_alloc(plane, plane->end_count, sizeof(*plane->addresses));
    plane->routed = plane_alloc(plane, plane->end_count, sizeof(bool));
    plane->wire_ps =
        plane_alloc(plane, PLANE_FRAME_SIZES, sizeof(*plane->wire_ps));
    for (unsigned i = 0; i < PLANE_FRAME_SIZES; i++)
        plane->wire_ps[i] =
            (uint32_t)span_of(i + PLANE_L1_BYTES, plane->port_bps);
    for (unsigned i = 0; i < plane->end_count; i++)
        address_make(&plane->addresses[i], i);
    for (unsigned i = 0; i < plane->card_count; i++) {
        struct card *card = &plane->cards[i];

        card->answers =
            plane_alloc(plane, plane->end_count, sizeof(*card->answers));
        for (unsigned j = 0; j < card->ports; j++)
            port_make(plane, card, j);
    }
}

/* ---- lines and timers --------------------------------------------------- */

static void
parts_wire(struct data_plane *plane)
{
    struct engine *engine = plane->engine;

    for (unsigned i = 0; i < plane->part_count; i++) {
        struct plane_part *part = &plane->parts[i];

        part->egress_line =
            engine_line_add(engine, i, i, plane_egress_arrive, i, 256);
        part->return_line =
            engine_line_add(engine, i, i, plane_return_arrive, i, 16);
        for (unsigned j = 0; j < plane->part_count; j++) {
            part->request_lines[j] =
                engine_line_add(engine, i, j, plane_request_arrive, j, 64);
            part->grant_lines[j] =
                engine_line_add(engine, i, j, plane_grant_arrive, j, 64);
            part->news_lines[j] =
                engine_line_add(engine, i, j, plane_news_arrive, j, 16);
        }
    }
}

static void
card_wire(struct data_plane *plane, struct card *card)
{
    struct engine *engine = plane->engine;
    unsigned part = card->part, index = card->index;

    card->tx_timer = engine_timer_add(engine, part, plane_tx_due, index);
    card->watch_timer = engine_timer_add(engine, part, plane_watch_due, index);
    card->open_timer = engine_timer_add(engine, part, plane_open_due, index);
    card->reach_line =
        engine_line_add(engine, part, part, plane_reach_due, index, 4);
    card->deep_line =
        engine_line_add(engine, part, part, plane_deep_read, index, 4);
    card->local_line =
        engine_line_add(engine, part, part, plane_local_grant, index, 4);
    card->ways = plane_alloc(plane, plane->card_count, sizeof(*card->ways));
    for (unsigned i = 0; i < plane->card_count; i++) {
        card->ways[i].ready_head = PLANE_NONE;
        card->ways[i].ready_tail = PLANE_NONE;
    }
    if (card->links > 0)
        card->spray = (unsigned)(random_draw(plane->seed, index,
                                             random_purpose("spray"), 0) %
                                 card->links);
}

static void
ncf_wire(struct data_plane *plane, struct ncf *ncf)
{
    ncf->ways = plane_alloc(plane, plane->card_count, sizeof(*ncf->ways));
    for (unsigned i = 0; i < plane->card_count; i++)
        ncf->ways[i].timer =
            engine_timer_add(plane->engine, ncf->part, plane_ncf_resume,
                             ncf->index * plane->card_count + i);
}

static void
cables_wire(struct data_plane *plane)
{
    for (unsigned i = 0; i < plane->plan->cable_count; i++) {
        const struct cable *cable = &plane->cables[i];
        struct card *card = &plane->cards[cable->card];
        struct ncf *ncf = &plane->ncfs[cable->ncf];

        card->link[cable->card_port].line =
            engine_line_add(plane->engine, card->part, ncf->part,
                            plane_ncf_cell, ncf->index, 64);
        ncf->link[cable->ncf_port].line =
            engine_line_add(plane->engine, ncf->part, card->part,
                            plane_card_cell, card->index, 64);
    }
}

static int
engine_make(struct data_plane *plane, unsigned threads)
{
    struct engine_options options = {
        .parts = plane->part_count,
        .threads = threads > 0 ? threads : 1,
        .window_ps = plane->part_count > 1 ? plane->link_ps : 0,
        .digest = true,
    };
    int err = engine_create(&options, &plane->engine);

    for (unsigned i = 0; err == 0 && i < plane->part_count; i++) {
        struct plane_part *part = &plane->parts[i];

        part->plane = plane;
        part->index = i;
        part->engine = engine_part(plane->engine, i);
        engine_context_set(plane->engine, i, part);
    }
    return err;
}

/* ---- the whole ---------------------------------------------------------- */

/* All line cards of a plan are of one model; the rate of their ports. */
static uint64_t
port_rate(const struct data_plane *plane)
{
    uint64_t bps = 0;

    for (unsigned i = 0; i < plane->card_count; i++) {
        const struct box_model *model =
            plane->plan->boxes[plane->cards[i].box].model;

        CHECK(bps == 0 || bps == model->front_port_bps);
        bps = model->front_port_bps;
    }
    return bps;
}

/* Times on a wire are kept in 32 bits. */
#define RATE_MIN UINT64_C(1000000000)

static int
rates_check(struct data_plane *plane, char *message, size_t message_size)
{
    plane->port_bps = port_rate(plane);
    if (plane->port_bps < RATE_MIN) {
        (void)snprintf(message, message_size,
                       "front ports of %llu bit/s are too slow for the plane",
                       (unsigned long long)plane->port_bps);
        return ERR_INVALID;
    }
    if (plane->ncf_count > 0 && link_rate(plane->plan) < RATE_MIN) {
        (void)snprintf(message, message_size,
                       "fabric ports of %llu bit/s are too slow for the plane",
                       (unsigned long long)link_rate(plane->plan));
        return ERR_INVALID;
    }
    return 0;
}

int
plane_build(struct data_plane *plane, unsigned threads, char *message,
            size_t message_size)
{
    int err;

    plane_pool_init(&plane->pool);
    boxes_make(plane);
    if (plane->card_count == 0 || plane->end_count == 0) {
        (void)snprintf(message, message_size,
                       "the plan has no box with front ports");
        return ERR_INVALID;
    }
    err = rates_check(plane, message, message_size);
    if (err != 0)
        return err;
    if (plane->ncf_count > 0 && plane->plan->fabric_link_delay.ps == 0)
        plane->part_count = 1;
    for (unsigned i = 0; i < plane->card_count; i++)
        plane->cards[i].part = i % plane->part_count;
    for (unsigned i = 0; i < plane->ncf_count; i++)
        plane->ncfs[i].part = i % plane->part_count;
    links_prepare(plane);
    err = engine_make(plane, threads);
    if (err != 0) {
        (void)snprintf(message, message_size, "packet engine: %s",
                       err_text(err));
        return err;
    }
    cables_lay(plane);
    ends_make(plane);
    parts_wire(plane);
    for (unsigned i = 0; i < plane->card_count; i++)
        card_wire(plane, &plane->cards[i]);
    for (unsigned i = 0; i < plane->ncf_count; i++)
        ncf_wire(plane, &plane->ncfs[i]);
    cables_wire(plane);
    plane_update_all(plane);
    return 0;
}

/* ---- the end ------------------------------------------------------------ */

static void
card_fini(struct card *card)
{
    for (unsigned i = 0; card->egress != NULL && i < card->ports; i++) {
        for (unsigned j = 0; j < ASIC_CLASSES; j++)
            free(card->egress[i].classes[j].streams);
    }
    for (unsigned i = 0; i < ASIC_CLASSES; i++)
        free(card->voq_of[i]);
    plane_fib_clear(&card->fib);
    plane_groups_clear(&card->groups);
    free(card->voqs);
    free(card->egress);
    free(card->answers);
    free(card->link);
    free(card->ways);
}

static void
end_fini(struct end *end)
{
    while (end->taps != NULL) {
        struct end_tap *tap = end->taps;

        end->taps = tap->next;
        free(tap);
    }
    free(end->sources);
}

void
plane_unbuild(struct data_plane *plane)
{
    for (unsigned i = 0; plane->ends != NULL && i < plane->end_count; i++)
        end_fini(&plane->ends[i]);
    for (unsigned i = 0; i < plane->card_count; i++)
        card_fini(&plane->cards[i]);
    for (unsigned i = 0; i < plane->ncf_count; i++) {
        free(plane->ncfs[i].link);
        free(plane->ncfs[i].ways);
    }
    engine_destroy(plane->engine);
    plane_pool_fini(&plane->pool);
    free(plane->cards);
    free(plane->ncfs);
    free(plane->cables);
    free(plane->ends);
    free(plane->addresses);
    free(plane->routed);
    free(plane->wire_ps);
    free(plane->card_of_box);
    free(plane->ncf_of_box);
}

size_t
plane_memory(const struct data_plane *plane)
{
    size_t bytes = plane->own_bytes + engine_memory_bytes(plane->engine);

    bytes +=
        (size_t)plane->pool.chunk_count * POOL_CHUNK * sizeof(struct packet);
    bytes += plane->pool.spare_room * sizeof(uint32_t);
    for (unsigned i = 0; i < plane->card_count; i++) {
        const struct card *card = &plane->cards[i];

        bytes += card->voq_room * sizeof(struct voq) +
                 card->fib.room * sizeof(struct fib_slot) +
                 card->groups.room * sizeof(struct group);
        for (unsigned j = 0; j < ASIC_CLASSES; j++) {
            if (card->voq_of[j] != NULL)
                bytes += plane->end_count * sizeof(uint32_t);
            for (unsigned k = 0; k < card->ports; k++) {
                if (card->egress[k].classes[j].streams != NULL)
                    bytes += plane->card_count * sizeof(struct stream);
            }
        }
    }
    for (unsigned i = 0; i < plane->part_count; i++) {
        bytes += plane->parts[i].record_room * sizeof(struct record) +
                 plane->parts[i].order_room * sizeof(struct order_slot);
        for (unsigned j = 0; j < plane->flow_count; j++) {
            if (plane->parts[i].flows[j].stats.latency != NULL)
                bytes +=
                    (1 + PLANE_STAGE_COUNT) * hist_size_bytes(PLANE_HIST_BITS);
        }
    }
    return bytes;
}
