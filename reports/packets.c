/* SPDX-License-Identifier: Apache-2.0 */
#include "reports/packets_priv.h"

#include <stdlib.h>
#include <string.h>

#include "reference-nos/base/check.h"
#include "reports/db_priv.h"
#include "reports/results.h"

bool
packets_any(sqlite3 *db, int64_t campaign)
{
    return db_integer(db,
                      "SELECT count(*) FROM sqlite_schema WHERE "
                      "name='latency'",
                      0) > 0 &&
           db_integer(db,
                      "SELECT EXISTS (SELECT 1 FROM latency l JOIN run r ON "
                      "r.id=l.run WHERE r.campaign=?1) OR EXISTS (SELECT 1 "
                      "FROM throughput t JOIN run r ON r.id=t.run WHERE "
                      "r.campaign=?1) OR EXISTS (SELECT 1 FROM loss l JOIN "
                      "run r ON r.id=l.run WHERE r.campaign=?1)",
                      campaign) != 0;
}

/* Runs with the same precision have the same parts, but for the ends. */
static void
parts_load(sqlite3 *db, int64_t campaign, struct packets_series *series)
{
    sqlite3_stmt *query = db_query(
        db,
        "SELECT low_ps, high_ps, sum(p.packets) FROM latency l JOIN run r ON "
        "r.id=l.run JOIN latency_part p ON p.latency=l.id WHERE r.campaign=?1 "
        "AND l.flow=?2 AND l.stage=?3 GROUP BY low_ps, high_ps",
        campaign);

    sqlite3_bind_text(query, 2, series->flow, -1, SQLITE_STATIC);
    sqlite3_bind_text(query, 3, series->stage, -1, SQLITE_STATIC);
    while (sqlite3_step(query) == SQLITE_ROW)
        latency_add(&series->latency, (uint64_t)sqlite3_column_int64(query, 0),
                    (uint64_t)sqlite3_column_int64(query, 1),
                    (uint64_t)sqlite3_column_int64(query, 2));
    sqlite3_finalize(query);
    latency_sort(&series->latency);
}

static void
series_add(struct packets *packets, sqlite3_stmt *query)
{
    struct packets_series *series;

    packets->series = realloc(packets->series,
                              (packets->count + 1) * sizeof(*packets->series));
    CHECK(packets->series != NULL);
    series = &packets->series[packets->count++];
    *series = (struct packets_series){
        .flow = strdup(db_text(query, 0)),
        .stage = strdup(db_text(query, 1)),
        .runs = sqlite3_column_int64(query, 2),
    };
    CHECK(series->flow != NULL && series->stage != NULL);
    series->latency.sum_ps = sqlite3_column_double(query, 3);
    series->is_total = strcmp(series->stage, RESULTS_STAGE_TOTAL) == 0;
}

void
packets_load(struct packets *packets, sqlite3 *db, int64_t campaign)
{
    sqlite3_stmt *query = db_query(
        db,
        "WITH mine AS (SELECT l.id AS id, l.run AS run, flow, stage, sum_ps "
        "FROM latency l JOIN run r ON r.id=l.run WHERE r.campaign=?1) "
        "SELECT m.flow, m.stage, count(DISTINCT run), total(sum_ps) FROM mine "
        "m JOIN (SELECT flow, min(id) AS first FROM mine GROUP BY flow) f ON "
        "f.flow=m.flow GROUP BY m.flow, m.stage ORDER BY f.first, "
        "m.stage<>'" RESULTS_STAGE_TOTAL "', min(m.id)",
        campaign);

    *packets = (struct packets){0};
    while (sqlite3_step(query) == SQLITE_ROW)
        series_add(packets, query);
    sqlite3_finalize(query);
    for (size_t i = 0; i < packets->count; i++)
        parts_load(db, campaign, &packets->series[i]);
}

void
packets_fini(struct packets *packets)
{
    for (size_t i = 0; i < packets->count; i++) {
        free(packets->series[i].flow);
        free(packets->series[i].stage);
        latency_fini(&packets->series[i].latency);
    }
    free(packets->series);
    *packets = (struct packets){0};
}

bool
packets_of_run(sqlite3 *db, int64_t run, const char *flow, const char *stage,
               struct latency *latency)
{
    sqlite3_stmt *query = db_query(
        db,
        "SELECT low_ps, high_ps, p.packets FROM latency l JOIN latency_part p "
        "ON p.latency=l.id WHERE l.run=?1 AND l.flow=?2 AND l.stage=?3",
        run);

    *latency = (struct latency){0};
    sqlite3_bind_text(query, 2, flow, -1, SQLITE_STATIC);
    sqlite3_bind_text(query, 3, stage, -1, SQLITE_STATIC);
    while (sqlite3_step(query) == SQLITE_ROW)
        latency_add(latency, (uint64_t)sqlite3_column_int64(query, 0),
                    (uint64_t)sqlite3_column_int64(query, 1),
                    (uint64_t)sqlite3_column_int64(query, 2));
    sqlite3_finalize(query);
    latency_sort(latency);
    return latency->samples > 0;
}
