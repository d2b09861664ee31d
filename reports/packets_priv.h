/* SPDX-License-Identifier: Apache-2.0
 *
 * Latency, loss and throughput of a campaign, merged over its runs.
 */
#ifndef REPORTS_PACKETS_PRIV_H
#define REPORTS_PACKETS_PRIV_H

#include <sqlite3.h>
#include <stdbool.h>
#include <stdint.h>

#include "reports/latency.h"

/* Latency of a flow in a stage. */
struct packets_series {
    char *flow;
    char *stage;
    bool is_total;
    int64_t runs;
    struct latency latency; /* Sorted; of all runs. */
};

/* By flow, in the order first written; within it the whole way first. */
struct packets {
    struct packets_series *series;
    size_t count;
};

/* Does the campaign hold anything about packets?  Files before version 3 do
 * not. */
bool packets_any(sqlite3 *db, int64_t campaign);

void packets_load(struct packets *packets, sqlite3 *db, int64_t campaign);
void packets_fini(struct packets *packets);

/* Of one run; false when it has no such latency. */
bool packets_of_run(sqlite3 *db, int64_t run, const char *flow,
                    const char *stage, struct latency *latency);

/* Sums over the runs, by flow: 'lost' is the sum of the causes.  The
 * parameter is the campaign. */
#define PACKETS_THROUGHPUT_SQL                                                \
    "SELECT t.flow AS flow, sum(offered_packets) AS offered_packets, "        \
    "sum(offered_bytes) AS offered_bytes, sum(delivered_packets) AS "         \
    "delivered_packets, sum(delivered_bytes) AS delivered_bytes, (SELECT "    \
    "coalesce(sum(l.packets),0) FROM loss l JOIN run x ON x.id=l.run WHERE "  \
    "x.campaign=?1 AND l.flow=t.flow) AS lost_packets, sum(queued_packets) "  \
    "AS queued_packets, sum(t.duration_ps) AS duration_ps FROM throughput t " \
    "JOIN run r ON r.id=t.run WHERE r.campaign=?1 GROUP BY t.flow ORDER BY "  \
    "min(t.rowid)"

#define PACKETS_LOSS_SQL                                                      \
    "SELECT l.flow AS flow, cause, sum(packets) AS packets, sum(bytes) AS "   \
    "bytes, (SELECT coalesce(sum(t.offered_packets),0) FROM throughput t "    \
    "JOIN run x ON x.id=t.run WHERE x.campaign=?1 AND t.flow=l.flow) AS "     \
    "offered_packets, count(DISTINCT l.run) AS runs FROM loss l JOIN run r "  \
    "ON r.id=l.run WHERE r.campaign=?1 GROUP BY l.flow, cause HAVING "        \
    "sum(packets) > 0 ORDER BY (SELECT min(rowid) FROM loss o WHERE "         \
    "o.flow=l.flow), sum(packets) DESC, cause"

#endif
