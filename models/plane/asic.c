/* SPDX-License-Identifier: Apache-2.0 */
#include "models/plane/asic.h"

#include <stdio.h>

#include "models/yaml/schema.h"
#include "reference-nos/base/check.h"

#define PPM UINT64_C(1000000)

struct raw_card {
    const struct ynode *node;
    uint64_t ingress_ps, egress_ps, voq_limit_ps;
    uint64_t onchip_bytes, hbm_bytes, hbm_bps, hbm_ps;
    uint64_t evict_packets, evict_bytes;
    uint64_t egress_bytes, egress_stop_ps;
    uint64_t wred_min_bytes, wred_max_bytes, wred_ppm;
    uint32_t weights[ASIC_CLASSES];
};

struct raw_credit {
    const struct ynode *node;
    uint64_t size_bytes, speedup_ppm, watchdog_ps, scheduler_ps, requests;
};

struct raw_cells {
    const struct ynode *node;
    uint64_t max_bytes, min_bytes, header_bytes, packet_header_bytes;
    uint64_t reassembly_ps;
};

struct raw_fabric {
    const struct ynode *node;
    uint64_t lane_nominal_bps, lane_raw_bps, lane_usable_bps;
    uint64_t fifo_bytes, crossbar_ps, queue_bytes, pause_bytes, resume_bytes;
    uint64_t reach_ps;
};

struct raw_asic {
    const struct ynode *node;
    uint32_t format;
    struct raw_card card;
    struct raw_credit credit;
    struct raw_cells cells;
    struct raw_fabric fabric;
};

static int
weights_parse(struct schema_reader *reader, const struct ynode *value,
              void *member)
{
    uint32_t *weights = member;
    int err = schema_want(reader, value, YNODE_LIST, "a list of weights");

    if (err == 0 && value->count != ASIC_CLASSES) {
        schema_error(reader, value, "%zu weights; a queue has %u classes",
                     value->count, ASIC_CLASSES);
        return ERR_INVALID;
    }
    for (size_t i = 0; err == 0 && i < ASIC_CLASSES; i++) {
        uint64_t weight = 0;

        err =
            schema_quantity(reader, QUANTITY_COUNT, value->items[i], &weight);
        if (err == 0 && weight > 1000) {
            schema_error(reader, value->items[i], "a weight above 1000");
            err = ERR_RANGE;
        }
        weights[i] = (uint32_t)weight;
    }
    return err;
}

#define VALUE(key_, kind_, type, member, low, high, doc_)                     \
    {                                                                         \
        .key = (key_), .kind = FIELD_QUANTITY, .quantity = (kind_),           \
        FIELD_AT(type, member), .required = true, .has_range = true,          \
        .min = (low), .max = (high), .doc = (doc_)                            \
    }
#define TIME(key, type, member, high, doc)                                    \
    VALUE(key, QUANTITY_DURATION, type, member, 0, high, doc)
#define SIZE(key, type, member, low, high, doc)                               \
    VALUE(key, QUANTITY_BYTES, type, member, low, high, doc)

#define STAGE_MAX (100 * PS_PER_US)
#define BUFFER_MAX (UINT64_C(1) << 40)

static const struct field card_fields[] = {
    TIME("ingress", struct raw_card, ingress_ps, STAGE_MAX,
         "Last bit in until queued."),
    TIME("egress", struct raw_card, egress_ps, STAGE_MAX,
         "Whole until at the egress queue."),
    TIME("queue-limit", struct raw_card, voq_limit_ps, PS_PER_S,
         "Drain time of a full queue at port rate."),
    SIZE("on-chip-buffer", struct raw_card, onchip_bytes, 10000, BUFFER_MAX,
         "Shared by the queues of a card."),
    SIZE("deep-buffer", struct raw_card, hbm_bytes, 0, BUFFER_MAX,
         "Memory beside the chip."),
    VALUE("deep-buffer-rate", QUANTITY_RATE, struct raw_card, hbm_bps, 1000000,
          UINT64_C(100000000000000), "Written, and the same read."),
    TIME("deep-buffer-latency", struct raw_card, hbm_ps, STAGE_MAX,
         "Extra time of what went through it."),
    VALUE("evict-packets", QUANTITY_COUNT, struct raw_card, evict_packets, 1,
          BUFFER_MAX, "A queue longer than this goes to the deep buffer."),
    SIZE("evict-bytes", struct raw_card, evict_bytes, 1, BUFFER_MAX,
         "A queue larger than this goes to the deep buffer."),
    SIZE("egress-buffer", struct raw_card, egress_bytes, 10000, BUFFER_MAX,
         "Shared by the egress queues of a card."),
    TIME("egress-stop", struct raw_card, egress_stop_ps, PS_PER_S,
         "An egress port with so much waiting grants nothing."),
    SIZE("wred-min", struct raw_card, wred_min_bytes, 0, BUFFER_MAX,
         "Early drops begin; 0: tail drop."),
    SIZE("wred-max", struct raw_card, wred_max_bytes, 0, BUFFER_MAX,
         "From here on everything is dropped."),
    VALUE("wred-drop", QUANTITY_PERCENT, struct raw_card, wred_ppm, 0, PPM,
          "Probability of a drop just below wred-max."),
    {.key = "weights",
     .kind = FIELD_CUSTOM,
     .parse = weights_parse,
     FIELD_AT(struct raw_card, weights),
     .required = true,
     .doc = "Of class 0 .. 7; 0 is strict."},
};

static const struct field credit_fields[] = {
    SIZE("size", struct raw_credit, size_bytes, 64, 1 << 20,
         "What one grant lets a queue send."),
    VALUE("speedup", QUANTITY_PERCENT, struct raw_credit, speedup_ppm, 0, PPM,
          "Granted above the port rate."),
    TIME("watchdog", struct raw_credit, watchdog_ps, 10 * PS_PER_S,
         "A queue without credit so long is emptied."),
    TIME("scheduler", struct raw_credit, scheduler_ps, STAGE_MAX,
         "Request in until grant out."),
    VALUE("requests", QUANTITY_COUNT, struct raw_credit, requests, 1, 4096,
          "Credits a queue may have asked for."),
};

static const struct field cells_fields[] = {
    SIZE("largest", struct raw_cells, max_bytes, 64, 512, "Header included."),
    SIZE("smallest", struct raw_cells, min_bytes, 1, 512, "Header included."),
    SIZE("header", struct raw_cells, header_bytes, 0, 32, "Of each cell."),
    SIZE("packet-header", struct raw_cells, packet_header_bytes, 0, 128,
         "Added to each packet on the fabric."),
    TIME("reassembly", struct raw_cells, reassembly_ps, PS_PER_S,
         "A packet that misses a cell so long is dropped."),
};

static const struct field fabric_fields[] = {
    VALUE("lane-nominal", QUANTITY_RATE, struct raw_fabric, lane_nominal_bps,
          1000000000, 1000 * UINT64_C(1000000000),
          "What the name of a port counts."),
    VALUE("lane-raw", QUANTITY_RATE, struct raw_fabric, lane_raw_bps,
          1000000000, 1000 * UINT64_C(1000000000), "Bits on the lane."),
    VALUE("lane-usable", QUANTITY_RATE, struct raw_fabric, lane_usable_bps,
          1000000000, 1000 * UINT64_C(1000000000),
          "What large packets get of it."),
    SIZE("fifo", struct raw_fabric, fifo_bytes, 512, 1 << 24,
         "Before each fabric link of a card."),
    TIME("crossbar", struct raw_fabric, crossbar_ps, STAGE_MAX,
         "Cell in until at its output queue."),
    SIZE("queue", struct raw_fabric, queue_bytes, 512, 1 << 28,
         "Per output link of a fabric box."),
    SIZE("pause", struct raw_fabric, pause_bytes, 0, 1 << 28,
         "Queue that asks the cards to stop."),
    SIZE("resume", struct raw_fabric, resume_bytes, 0, 1 << 28,
         "Queue that lets them go on."),
    TIME("reachability", struct raw_fabric, reach_ps, PS_PER_S,
         "Dead link until all cells avoid it."),
};

static const struct schema card_schema = SCHEMA(
    struct raw_card, "card", "The ASIC of a line card.", card_fields, node);
static const struct schema credit_schema =
    SCHEMA(struct raw_credit, "credit", "Credits.", credit_fields, node);
static const struct schema cells_schema =
    SCHEMA(struct raw_cells, "cells", "Cells.", cells_fields, node);
static const struct schema fabric_schema =
    SCHEMA(struct raw_fabric, "fabric", "Fabric links and boxes.",
           fabric_fields, node);

#define PIECE(key_, schema_, member, doc_)                                    \
    {                                                                         \
        .key = (key_), .kind = FIELD_MAP, .schema = &(schema_),               \
        FIELD_AT(struct raw_asic, member), .required = true, .doc = (doc_)    \
    }

static const struct field asic_fields[] = {
    VALUE("format", QUANTITY_COUNT, struct raw_asic, format, 1, 1,
          "Version of this format."),
    PIECE("card", card_schema, card, "The ASIC of a line card."),
    PIECE("credit", credit_schema, credit, "Credits."),
    PIECE("cells", cells_schema, cells, "Cells."),
    PIECE("fabric", fabric_schema, fabric, "Fabric links and boxes."),
};

static const struct schema asic_schema =
    SCHEMA(struct raw_asic, "ASIC file", "Figures of ASICs and the fabric.",
           asic_fields, node);

/* What no single key can say. */
static int
asic_check(struct schema_reader *reader, const struct raw_asic *raw)
{
    const struct raw_cells *cells = &raw->cells;
    const struct raw_fabric *fabric = &raw->fabric;

    if (cells->min_bytes > cells->max_bytes ||
        cells->header_bytes >= cells->min_bytes)
        schema_error(reader, cells->node,
                     "header < smallest <= largest does not hold");
    else if (raw->card.wred_min_bytes > raw->card.wred_max_bytes)
        schema_error(reader, raw->card.node, "wred-min is above wred-max");
    else if (fabric->resume_bytes > fabric->pause_bytes ||
             fabric->pause_bytes > fabric->queue_bytes)
        schema_error(reader, fabric->node,
                     "resume <= pause <= queue does not hold");
    else if (fabric->lane_usable_bps * cells->max_bytes >
             fabric->lane_raw_bps * (cells->max_bytes - cells->header_bytes))
        schema_error(reader, fabric->node,
                     "cells at lane-usable with their headers do not fit "
                     "into lane-raw");
    else
        return 0;
    return ERR_INVALID;
}

static uint64_t
ratio_ppm(uint64_t a, uint64_t b)
{
    __extension__ unsigned __int128 scaled = a;

    return (uint64_t)((scaled * PPM + b / 2) / b);
}

static void
card_fill(const struct raw_card *raw, struct asic *asic)
{
    asic->ingress_ps = raw->ingress_ps;
    asic->egress_ps = raw->egress_ps;
    asic->voq_limit_ps = raw->voq_limit_ps;
    asic->onchip_bytes = raw->onchip_bytes;
    asic->hbm_bytes = raw->hbm_bytes;
    asic->hbm_bps = raw->hbm_bps;
    asic->hbm_ps = raw->hbm_ps;
    asic->evict_packets = raw->evict_packets;
    asic->evict_bytes = raw->evict_bytes;
    asic->egress_bytes = raw->egress_bytes;
    asic->egress_stop_ps = raw->egress_stop_ps;
    asic->wred_min_bytes = raw->wred_min_bytes;
    asic->wred_max_bytes = raw->wred_max_bytes;
    asic->wred_ppm = (uint32_t)raw->wred_ppm;
    for (unsigned i = 0; i < ASIC_CLASSES; i++)
        asic->weights[i] = raw->weights[i];
}

static void
asic_fill(const struct raw_asic *raw, struct asic *asic)
{
    const struct raw_cells *cells = &raw->cells;
    const struct raw_fabric *fabric = &raw->fabric;

    card_fill(&raw->card, asic);
    asic->credit_bytes = raw->credit.size_bytes;
    asic->credit_speedup_ppm = (uint32_t)(PPM + raw->credit.speedup_ppm);
    asic->credit_watchdog_ps = raw->credit.watchdog_ps;
    asic->credit_ps = raw->credit.scheduler_ps;
    asic->credit_requests_max = (uint32_t)raw->credit.requests;
    asic->cell_max_bytes = (uint16_t)cells->max_bytes;
    asic->cell_min_bytes = (uint16_t)cells->min_bytes;
    asic->cell_header_bytes = (uint16_t)cells->header_bytes;
    asic->packet_header_bytes = (uint16_t)cells->packet_header_bytes;
    asic->reassembly_ps = cells->reassembly_ps;
    asic->fabric_raw_ppm =
        (uint32_t)ratio_ppm(fabric->lane_raw_bps, fabric->lane_nominal_bps);
    /* What large packets get is without the headers of cells, which the
     * model counts itself. */
    asic->fabric_rate_ppm = (uint32_t)ratio_ppm(
        fabric->lane_usable_bps * cells->max_bytes,
        fabric->lane_raw_bps * (cells->max_bytes - cells->header_bytes));
    asic->fabric_fifo_bytes = fabric->fifo_bytes;
    asic->ncf_ps = fabric->crossbar_ps;
    asic->ncf_queue_bytes = fabric->queue_bytes;
    asic->ncf_pause_bytes = fabric->pause_bytes;
    asic->ncf_resume_bytes = fabric->resume_bytes;
    asic->reach_ps = fabric->reach_ps;
}

uint64_t
asic_cell_bps(const struct asic *asic, uint64_t link_bps)
{
    __extension__ unsigned __int128 bps = link_bps;

    return (uint64_t)(bps * asic->fabric_raw_ppm * asic->fabric_rate_ppm /
                      (PPM * PPM));
}

int
asic_load(const char *data_dir, struct asic *asic, char *message,
          size_t message_size)
{
    struct arena *arena = arena_create();
    struct schema_reader reader = {.arena = arena, .diags = diag_create()};
    const char *path = arena_printf(arena, "%s/asic.yaml", data_dir);
    struct raw_asic raw = {.format = 0};
    struct ynode *root = NULL;
    int err = ytree_load(arena, reader.diags, path, NULL, &root);

    CHECK(asic != NULL);
    if (err == 0)
        err = schema_read(&reader, &asic_schema, root, &raw);
    if (err == 0)
        err = asic_check(&reader, &raw);
    if (err == 0)
        asic_fill(&raw, asic);
    else if (diag_kept(reader.diags) > 0)
        diag_format(reader.diags, 0, message, message_size);
    else
        (void)snprintf(message, message_size, "%s: %s", path, err_text(err));
    diag_destroy(reader.diags);
    arena_destroy(arena);
    return err;
}
