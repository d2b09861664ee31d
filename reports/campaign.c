/* SPDX-License-Identifier: Apache-2.0 */
#include "reports/campaign_priv.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "reference-nos/base/err.h"
#include "reports/db_priv.h"

static void
counts_load(sqlite3 *db, const char *sql, int64_t id,
            int64_t counts[VERDICT_COUNT])
{
    sqlite3_stmt *query = db_query(db, sql, id);

    while (sqlite3_step(query) == SQLITE_ROW)
        counts[verdict_from_name(db_text(query, 0))] +=
            sqlite3_column_int64(query, 1);
    sqlite3_finalize(query);
}

/* As worst_of() of sim/run/campaign.c: by verdict, failed expectations,
 * unplanned outage, the first metric that an expectation over seeds compares,
 * then seed order. */
static int64_t
worst_run_find(sqlite3 *db, int64_t id)
{
    return db_integer(
        db,
        "SELECT r.id FROM run r "
        "LEFT JOIN (SELECT run, count(*) AS failed FROM expectation WHERE "
        "campaign=?1 AND verdict='FAIL' GROUP BY run) f ON f.run=r.id "
        "LEFT JOIN (SELECT run, total(to_ps-from_ps) AS down FROM outage "
        "WHERE NOT planned AND NOT degraded GROUP BY run) o ON o.run=r.id "
        "LEFT JOIN (SELECT run, max(value) AS value FROM metric, (SELECT "
        "metric AS name, metric_args AS args FROM expectation WHERE "
        "campaign=?1 AND run IS NULL AND metric<>'' ORDER BY number LIMIT 1) "
        "w WHERE metric.name=w.name AND w.args IN ('', metric.args) GROUP BY "
        "run) m "
        "ON m.run=r.id WHERE r.campaign=?1 ORDER BY CASE r.verdict "
        "WHEN 'FAIL' THEN 0 WHEN 'NONE' THEN 1 WHEN 'INCONCLUSIVE' THEN 2 "
        "ELSE 3 END, coalesce(f.failed,0) DESC, coalesce(o.down,0) DESC, "
        "coalesce(m.value,0) DESC, r.id LIMIT 1",
        id);
}

static void
sums_load(struct campaign *campaign)
{
    sqlite3 *db = campaign->db;
    int64_t id = campaign->id;

    campaign->runs =
        db_integer(db, "SELECT count(*) FROM run WHERE campaign=?", id);
    campaign->worst_run = worst_run_find(db, id);
    counts_load(db,
                "SELECT CASE max(CASE e.verdict WHEN 'FAIL' THEN 4 WHEN "
                "'INCONCLUSIVE' THEN 3 WHEN 'NONE' THEN 2 WHEN 'PASS' THEN 1 "
                "ELSE 0 END) WHEN 4 THEN 'FAIL' WHEN 3 THEN 'INCONCLUSIVE' "
                "WHEN 2 THEN 'NONE' WHEN 1 THEN 'PASS' ELSE 'NOT-APPLICABLE' "
                "END, 1 FROM expectation e WHERE campaign=?1 "
                "AND (run IS NULL OR number NOT IN (SELECT number FROM "
                "expectation WHERE campaign=?1 AND run IS NULL)) "
                "GROUP BY run IS NULL, number",
                id, campaign->expectations);
    counts_load(db,
                "SELECT verdict, count(*) FROM run WHERE campaign=? GROUP BY "
                "verdict",
                id, campaign->run_verdicts);
    campaign->violations = db_integer(
        db,
        "SELECT total(violations) FROM oracle o JOIN run r ON r.id=o.run "
        "WHERE r.campaign=?",
        id);
}

static void
bounds_load(struct campaign *campaign)
{
    sqlite3_stmt *query;

    if (!campaign_db_compares(campaign->db))
        return;
    query = db_query(campaign->db,
                     "SELECT count(*), total(state='outside'), "
                     "total(state NOT IN ('inside', 'outside')) FROM "
                     "comparison WHERE second=? AND stated",
                     campaign->id);
    if (sqlite3_step(query) == SQLITE_ROW) {
        campaign->bounds.stated = sqlite3_column_int64(query, 0);
        campaign->bounds.outside = sqlite3_column_int64(query, 1);
        campaign->bounds.unknown = sqlite3_column_int64(query, 2);
    }
    sqlite3_finalize(query);
}

static void
row_take(struct campaign *campaign)
{
    sqlite3_stmt *row = campaign->row;
    const char **strings[] = {
        &campaign->scenario,    &campaign->scenario_file,
        &campaign->about,       &campaign->world,
        &campaign->preset,      &campaign->build,
        &campaign->calibration, &campaign->fault_model,
        &campaign->fault_rates, &campaign->command,
        &campaign->begun,       &campaign->state,
    };
    size_t i;

    for (i = 0; i < ARRAY_COUNT(strings); i++)
        *strings[i] = db_text(row, (int)i);
    campaign->verdict = verdict_from_name(db_text(row, 12));
    campaign->exit_code = sqlite3_column_type(row, 13) == SQLITE_NULL
                              ? -1
                              : sqlite3_column_int(row, 13);
    campaign->seeds_planned = sqlite3_column_int64(row, 14);
    campaign->id = sqlite3_column_int64(row, 15);
}

int
campaign_open(struct campaign *campaign, const char *db_path,
              const struct report_options *options, char *error,
              size_t error_size)
{
    int64_t asked = options != NULL ? options->campaign : 0;
    int err;

    memset(campaign, 0, sizeof(*campaign));
    err = db_open_read(db_path, &campaign->db, error, error_size);
    if (err != 0)
        return err;
    campaign->row = db_query(
        campaign->db,
        "SELECT scenario, scenario_file, about, world, preset, build, "
        "calibration, fault_model, fault_rates, command, begun, state, "
        "verdict, exit_code, seeds_planned, id FROM campaign WHERE "
        "?1=0 OR id=?1 ORDER BY id DESC LIMIT 1",
        asked);
    if (sqlite3_step(campaign->row) != SQLITE_ROW) {
        if (asked != 0)
            snprintf(error, error_size, "%s: has no campaign %" PRId64,
                     db_path, asked);
        else
            snprintf(error, error_size, "%s: holds no campaign", db_path);
        campaign_close(campaign);
        return ERR_NOENT;
    }
    row_take(campaign);
    sums_load(campaign);
    bounds_load(campaign);
    return 0;
}

void
campaign_close(struct campaign *campaign)
{
    sqlite3_finalize(campaign->row);
    sqlite3_close(campaign->db);
}

bool
campaign_db_compares(sqlite3 *db)
{
    return db_integer(db,
                      "SELECT count(*) FROM sqlite_schema WHERE "
                      "name='comparison'",
                      0) > 0;
}

int64_t
campaign_partner(const struct campaign *campaign)
{
    if (!campaign_db_compares(campaign->db))
        return 0;
    return db_integer(campaign->db,
                      "SELECT first FROM comparison WHERE second=? ORDER BY "
                      "rowid DESC LIMIT 1",
                      campaign->id);
}

bool
campaign_is_first(const struct campaign *campaign)
{
    return campaign_db_compares(campaign->db) &&
           db_integer(campaign->db,
                      "SELECT count(*) FROM comparison WHERE first=?",
                      campaign->id) > 0;
}

bool
campaign_real(const struct campaign *campaign)
{
    return strcmp(campaign->world, "des") != 0 &&
           strcmp(campaign->world, "ns3") != 0;
}

enum verdict
campaign_bounds_verdict(const struct campaign_bounds *bounds)
{
    if (bounds->stated == 0)
        return VERDICT_NOT_APPLICABLE;
    if (bounds->outside > 0)
        return VERDICT_FAIL;
    return bounds->unknown > 0 ? VERDICT_INCONCLUSIVE : VERDICT_PASS;
}

enum verdict
campaign_overall(const struct campaign *campaign, const struct campaign *first)
{
    enum verdict all[3] = {campaign->verdict};

    if (first == NULL)
        return campaign->verdict;
    all[1] = first->verdict;
    all[2] = campaign_bounds_verdict(&campaign->bounds);
    return verdict_overall(all, 3);
}

int
campaign_overall_exit(const struct campaign *campaign,
                      const struct campaign *first)
{
    static const int before[] = {-1, EXIT_VERDICT_INTERRUPTED,
                                 EXIT_VERDICT_INTERNAL};

    for (size_t i = 0; i < ARRAY_COUNT(before); i++)
        if (campaign->exit_code == before[i] ||
            (first != NULL && first->exit_code == before[i]))
            return before[i];
    return verdict_exit_code(campaign_overall(campaign, first));
}
