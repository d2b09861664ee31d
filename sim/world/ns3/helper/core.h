/* SPDX-License-Identifier: GPL-2.0-only
 *
 * What the helper does with ns-3, for callers in C.  One network per process.
 *
 * Time     picoseconds; calls come in order of time.
 * Errors   calls that fail return a text, NULL is success.
 */
#ifndef SIM_WORLD_NS3_HELPER_CORE_H
#define SIM_WORLD_NS3_HELPER_CORE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "sim/world/ns3/wire.h"

#ifdef __cplusplus
extern "C" {
#endif

struct core_mgmt_options {
    uint32_t box_count;
    uint64_t link_bps;
    uint64_t link_delay_ps;
    uint64_t switch_latency_ps;
    uint32_t queue_bytes;
    uint64_t seed;
};

struct core_link {
    unsigned bits; /* NS3_LINK_ */
    uint32_t loss_ppm;
    uint64_t added_delay_ps;
};

struct core_frame {
    uint64_t departs_ps;
    uint32_t name;
    uint32_t box;
    unsigned plane;
    unsigned lane;
    uint64_t to;
    uint32_t wire_bytes;
};

struct core_delivery {
    uint64_t at_ps;
    uint32_t name;
    uint32_t box;
};

struct core_lane_stats {
    uint64_t frames;
    uint64_t dropped;
    uint32_t peak_bytes;
};

const char *core_ns3_version(void);

const char *core_mgmt_create(const struct core_mgmt_options *options);
/* Lets ns-3 run up to and including 'to_ps'. */
void core_run(uint64_t to_ps);
/* Nothing is delivered before the time returned. */
uint64_t core_quiet_until(void);
void core_address(uint32_t box, uint64_t address);
void core_box_power(uint32_t box, bool on);
void core_plane_power(unsigned plane, bool on);
void core_link_set(uint32_t box, unsigned plane, const struct core_link *link);
void core_block(uint32_t from, uint32_t to, unsigned planes, bool on);
void core_unblock_all(void);
void core_send(const struct core_frame *frame);
void core_stats(struct core_lane_stats stats[NS3_LANES]);

/* What was delivered, and which frames are no more on their way, since
 * core_forget(); borrowed. */
const struct core_delivery *core_deliveries(size_t *count);
const uint32_t *core_ended(size_t *count);
void core_forget(void);

/* ---- a leaf-spine ---- */

struct core_spine_link {
    uint64_t bps;
    uint64_t delay_ps;
    uint32_t queue_packets; /* 0: no bound that matters */
};

struct core_leaf_spine {
    uint32_t leaves, spines, hosts_per_leaf;
    struct core_spine_link host_link, spine_link;
};

struct core_packet {
    uint64_t due_ps;
    uint32_t number;
    uint32_t from, to;
    uint32_t wire_bytes;
};

struct core_arrival {
    uint32_t number;
    uint64_t latency_ps;
};

struct core_spine_totals {
    uint64_t sent, dropped, events;
};

const char *core_leaf_spine_create(const struct core_leaf_spine *shape);
const char *core_packet(const struct core_packet *packet);
void core_leaf_spine_totals(struct core_spine_totals *totals);
/* Delivered since core_arrivals_forget(); borrowed. */
const struct core_arrival *core_arrivals(size_t *count);
void core_arrivals_forget(void);

#ifdef __cplusplus
}
#endif

#endif
