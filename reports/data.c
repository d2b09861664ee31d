/* SPDX-License-Identifier: Apache-2.0
 *
 * run.json and the CSV files: results for other programs.
 */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "reference-nos/base/err.h"
#include "reports/campaign_priv.h"
#include "reports/db_priv.h"
#include "reports/packets_priv.h"
#include "reports/paths.h"
#include "reports/report.h"
#include "reports/text_priv.h"

/* A column as JSON. */
static void
json_value(struct text *out, sqlite3_stmt *query, int column)
{
    switch (sqlite3_column_type(query, column)) {
    case SQLITE_INTEGER: text_add(out, db_text(query, column)); break;
    case SQLITE_FLOAT:
        text_json_number(out, sqlite3_column_double(query, column));
        break;
    case SQLITE_NULL: text_add(out, "null"); break;
    default: text_json(out, db_text(query, column));
    }
}

/* The row as members, without braces; names are those of the query. */
static void
json_members(struct text *out, sqlite3_stmt *query, int first)
{
    int columns = sqlite3_column_count(query);
    int i;

    for (i = first; i < columns; i++) {
        text_add(out, i > first ? "," : "");
        text_json(out, sqlite3_column_name(query, i));
        text_add(out, ":");
        json_value(out, query, i);
    }
}

/* ,"name":[{...},...] */
static void
json_array(struct text *out, sqlite3 *db, const char *name, const char *sql,
           int64_t id)
{
    sqlite3_stmt *query = db_query(db, sql, id);
    const char *separator = "\n";

    text_addf(out, ",\"%s\":[", name);
    while (sqlite3_step(query) == SQLITE_ROW) {
        text_add(out, separator);
        text_add(out, "{");
        json_members(out, query, 0);
        text_add(out, "}");
        separator = ",\n";
    }
    text_add(out, "]");
    sqlite3_finalize(query);
}

static void
json_runs(struct text *out, sqlite3 *db, int64_t campaign)
{
    sqlite3_stmt *query = db_query(
        db,
        "SELECT r.id, r.seed, r.state, r.verdict, r.exit_code, r.boxes, "
        "r.ports, r.duration_ps, r.boot_ps, r.events, r.wall_ns, r.digest, "
        "r.replay_token, r.note, (SELECT count(*) FROM outage WHERE run=r.id "
        "AND NOT planned AND NOT degraded) AS unplanned_outages, (SELECT "
        "coalesce(sum(to_ps-from_ps),0) FROM outage WHERE run=r.id AND NOT "
        "planned AND NOT degraded) AS unplanned_outage_ps, (SELECT "
        "coalesce(sum(to_ps-from_ps),0) FROM outage WHERE run=r.id AND "
        "planned AND NOT degraded) AS planned_outage_ps FROM run r WHERE "
        "campaign=? ORDER BY r.id",
        campaign);
    const char *separator = "\n";

    text_add(out, ",\"runs\":[");
    while (sqlite3_step(query) == SQLITE_ROW) {
        int64_t run = sqlite3_column_int64(query, 0);

        text_add(out, separator);
        text_add(out, "{");
        json_members(out, query, 1);
        json_array(out, db, "expectations",
                   "SELECT number, text, verdict, measured, evidence, file, "
                   "line FROM expectation WHERE run=? ORDER BY number",
                   run);
        json_array(
            out, db, "metrics",
            "SELECT name, args, value, unit, CASE bound WHEN 1 THEN "
            "'at most' WHEN -1 THEN 'at least' ELSE 'exact' END AS precision, "
            "samples FROM metric WHERE run=? ORDER BY rowid",
            run);
        json_array(out, db, "oracles",
                   "SELECT oracle, title, exercised, violations, first FROM "
                   "oracle WHERE run=? ORDER BY rowid",
                   run);
        json_array(out, db, "not_applicable",
                   "SELECT text, reason FROM not_applicable WHERE run=? ORDER "
                   "BY rowid",
                   run);
        text_add(out, "}");
        separator = ",\n";
    }
    text_add(out, "]");
    sqlite3_finalize(query);
}

/* A quantile as members; what the samples cannot support is a bound. */
static void
json_quantile(struct text *out, const struct latency *latency, unsigned which)
{
    struct stats_quantile q = latency_quantile_of(
        latency, latency_quantiles[which], LATENCY_CONFIDENCE);

    text_addf(out, "\"%s\":{", latency_names[which]);
    switch (q.support) {
    case STATS_NUMBER:
        text_addf(out,
                  "\"ps\":%.0f,\"low_ps\":%.0f,\"high_ps\":%.0f,"
                  "\"precision\":\"exact\"}",
                  q.value, q.interval.low, q.interval.high);
        return;
    case STATS_UPPER_BOUND:
    case STATS_LOWER_BOUND:
        text_addf(out, "\"ps\":%.0f,\"precision\":\"%s\"}", q.value,
                  q.support == STATS_UPPER_BOUND ? "at most" : "at least");
        return;
    case STATS_NOTHING: text_add(out, "\"precision\":\"unknown\"}"); return;
    }
}

static void
json_series(struct text *out, const struct packets_series *series)
{
    text_add(out, "{\"flow\":");
    text_json(out, series->flow);
    text_add(out, ",\"stage\":");
    text_json(out, series->stage);
    text_addf(out,
              ",\"packets\":%" PRIu64 ",\"sum_ps\":", series->latency.samples);
    text_json_number(out, series->latency.sum_ps);
    text_addf(out, ",\"max_ps\":%" PRIu64, latency_max_ps(&series->latency));
    for (unsigned q = 0; q < LATENCY_QUANTILES; q++) {
        text_add(out, ",");
        json_quantile(out, &series->latency, q);
    }
    text_add(out, "}");
}

/* Over all runs; nothing when no packets were recorded. */
static void
json_packets(struct text *out, const struct campaign *campaign)
{
    struct packets packets;

    if (!packets_any(campaign->db, campaign->id))
        return;
    packets_load(&packets, campaign->db, campaign->id);
    text_add(out, ",\"latency\":[");
    for (size_t i = 0; i < packets.count; i++) {
        text_add(out, i > 0 ? ",\n" : "\n");
        json_series(out, &packets.series[i]);
    }
    text_add(out, "]");
    packets_fini(&packets);
    json_array(out, campaign->db, "throughput", PACKETS_THROUGHPUT_SQL,
               campaign->id);
    json_array(out, campaign->db, "loss", PACKETS_LOSS_SQL, campaign->id);
}

/* A row for each size and load, of each run; nothing without a search. */
static void
json_search(struct text *out, const struct campaign *campaign)
{
    if (db_integer(campaign->db,
                   "SELECT count(*) FROM sqlite_schema WHERE name='search'",
                   0) == 0 ||
        db_integer(campaign->db,
                   "SELECT EXISTS (SELECT 1 FROM search s JOIN run r ON "
                   "r.id=s.run WHERE r.campaign=?)",
                   campaign->id) == 0)
        return;
    json_array(out, campaign->db, "search",
               "SELECT r.seed, frame_bytes, burst, level, resolution_ppm, "
               "trials, trial_ps, port_bps, share_ppm, packets, min_ps, "
               "mean_ps, max_ps FROM search s JOIN run r ON r.id=s.run LEFT "
               "JOIN search_load l ON l.search=s.id WHERE r.campaign=? ORDER "
               "BY s.id, l.rowid",
               campaign->id);
}

/* Members of a campaign, without braces. */
static void
json_campaign(struct text *out, const struct campaign *campaign)
{
    sqlite3_stmt *query = db_query(
        campaign->db,
        "SELECT scenario, scenario_file, about, world, preset, build, "
        "calibration, fault_model, fault_rates, command, begun, "
        "seeds_planned, state FROM campaign WHERE id=?",
        campaign->id);

    if (sqlite3_step(query) == SQLITE_ROW)
        json_members(out, query, 0);
    sqlite3_finalize(query);
    json_array(out, campaign->db, "worst_run",
               "SELECT seed, verdict, replay_token FROM run WHERE id=?",
               campaign->worst_run);
    json_array(out, campaign->db, "expectations_over_seeds",
               "SELECT number, text, verdict, measured, evidence, file, line "
               "FROM expectation WHERE campaign=? AND run IS NULL ORDER BY "
               "number",
               campaign->id);
    json_packets(out, campaign);
    json_search(out, campaign);
    json_runs(out, campaign->db, campaign->id);
}

static void
json_verdict(struct text *out, const char *prefix, enum verdict verdict,
             int exit_code)
{
    text_addf(out, "\"%sverdict\":\"%s\",\"%sexit_code\":", prefix,
              verdict_name(verdict), prefix);
    if (exit_code >= 0)
        text_addf(out, "%d,", exit_code);
    else
        text_add(out, "null,");
}

/* Where two worlds ran the scenario: how far they are apart, and the other
 * campaign. */
static void
json_compared(struct text *out, const struct campaign *campaign,
              const struct campaign *first)
{
    json_array(out, campaign->db, "comparison",
               "SELECT metric, args, unit, first_runs, first_median, "
               "first_low, first_high, first_quantiles, second_runs, "
               "second_median, second_low, second_high, second_quantiles, "
               "difference, bound, stated, state, stage, " CAMPAIGN_FEW_RUNS
               " AS few_runs FROM comparison WHERE second=? ORDER BY rowid",
               campaign->id);
    text_add(out, ",\"compared_with\":{");
    json_verdict(out, "", first->verdict, first->exit_code);
    json_campaign(out, first);
    text_add(out, "}");
}

static int
json_write(const struct campaign *campaign, const struct campaign *first,
           const char *out_path, char *error, size_t error_size)
{
    struct text out = {0};
    enum verdict overall = campaign_overall(campaign, first);
    int err;

    text_addf(&out, "{\"sixnines_run_version\":%d,\"overall_verdict\":\"%s\",",
              REPORT_JSON_VERSION, verdict_name(overall));
    json_verdict(&out, "", overall, campaign_overall_exit(campaign, first));
    if (first != NULL)
        json_verdict(&out, "world_", campaign->verdict, campaign->exit_code);
    json_campaign(&out, campaign);
    if (first != NULL)
        json_compared(&out, campaign, first);
    text_add(&out, "}\n");
    err = text_save(&out, out_path, error, error_size);
    text_fini(&out);
    return err;
}

int
report_json(const char *db_path, const char *out_path,
            const struct report_options *options, char *error,
            size_t error_size)
{
    struct report_options partner = {0};
    struct campaign campaign;
    struct campaign first;
    int err = campaign_open(&campaign, db_path, options, error, error_size);

    if (err != 0)
        return err;
    partner.campaign = campaign_partner(&campaign);
    if (partner.campaign == 0) {
        err = json_write(&campaign, NULL, out_path, error, error_size);
    } else {
        err = campaign_open(&first, db_path, &partner, error, error_size);
        if (err == 0) {
            err = json_write(&campaign, &first, out_path, error, error_size);
            campaign_close(&first);
        }
    }
    campaign_close(&campaign);
    return err;
}

#define RUNS_OF "JOIN run r ON r.id=x.run WHERE r.campaign=? ORDER BY x.rowid"

enum csv_when { CSV_ALWAYS, CSV_COMPARED, CSV_PACKETS };

static const struct {
    const char *file;
    const char *sql;
    enum csv_when when;
} csv_files[] = {
    {"runs.csv",
     "SELECT seed, state, verdict, exit_code, boxes, ports, "
     "duration_ps, boot_ps, events, wall_ns, digest, "
     "replay_token FROM run WHERE campaign=? ORDER BY id",
     CSV_ALWAYS},
    {"expectations.csv",
     "SELECT r.seed, number, text, x.verdict, measured, evidence, file, line "
     "FROM expectation x LEFT JOIN run r ON r.id=x.run WHERE x.campaign=? "
     "ORDER BY x.rowid",
     CSV_ALWAYS},
    {"outages.csv",
     "SELECT r.seed, box, port, from_ps, to_ps, ongoing, "
     "planned, degraded, cause FROM outage x " RUNS_OF,
     CSV_ALWAYS},
    {"metrics.csv",
     "SELECT r.seed, name, args, value, unit, bound, samples "
     "FROM metric x " RUNS_OF,
     CSV_ALWAYS},
    {"load.csv",
     "SELECT r.seed, box, role, kind, name, messages, bytes, "
     "cpu_ns FROM load x " RUNS_OF,
     CSV_ALWAYS},
    {"latency.csv",
     "SELECT r.seed, x.flow, x.stage, p.low_ps, p.high_ps, p.packets FROM "
     "latency_part p JOIN latency x ON x.id=p.latency JOIN run r ON "
     "r.id=x.run WHERE r.campaign=? ORDER BY p.rowid",
     CSV_PACKETS},
    {"loss.csv",
     "SELECT r.seed, flow, cause, packets, bytes FROM loss "
     "x " RUNS_OF,
     CSV_PACKETS},
    {"throughput.csv",
     "SELECT r.seed, flow, offered_packets, offered_bytes, "
     "delivered_packets, delivered_bytes, queued_packets, queued_bytes, "
     "x.duration_ps FROM throughput x " RUNS_OF,
     CSV_PACKETS},
    {"comparison.csv",
     "SELECT * FROM comparison WHERE second=? ORDER BY "
     "rowid",
     CSV_COMPARED},
};

static bool
csv_applies(const struct campaign *campaign, enum csv_when when)
{
    switch (when) {
    case CSV_ALWAYS: return true;
    case CSV_COMPARED: return campaign_partner(campaign) != 0;
    case CSV_PACKETS: return packets_any(campaign->db, campaign->id);
    }
    return true;
}

static void
csv_rows(struct text *out, sqlite3_stmt *query)
{
    int columns = sqlite3_column_count(query);
    int i;

    for (i = 0; i < columns; i++)
        text_addf(out, "%s%s", i > 0 ? "," : "",
                  sqlite3_column_name(query, i));
    text_add(out, "\r\n");
    while (sqlite3_step(query) == SQLITE_ROW) {
        for (i = 0; i < columns; i++) {
            text_add(out, i > 0 ? "," : "");
            if (sqlite3_column_type(query, i) == SQLITE_FLOAT)
                text_addf(out, "%.17g", sqlite3_column_double(query, i));
            else if (sqlite3_column_type(query, i) == SQLITE_INTEGER)
                text_add(out, db_text(query, i));
            else
                text_csv(out, db_text(query, i));
        }
        text_add(out, "\r\n");
    }
}

int
report_csv(const char *db_path, const char *dir,
           const struct report_options *options, char *error,
           size_t error_size)
{
    struct campaign campaign;
    size_t i;
    int err = campaign_open(&campaign, db_path, options, error, error_size);

    if (err != 0)
        return err;
    for (i = 0; err == 0 && i < ARRAY_COUNT(csv_files); i++) {
        struct text out = {0};
        struct text path = {0};
        sqlite3_stmt *query;

        if (!csv_applies(&campaign, csv_files[i].when))
            continue;
        query = db_query(campaign.db, csv_files[i].sql, campaign.id);
        csv_rows(&out, query);
        text_addf(&path, "%s/%s", dir, csv_files[i].file);
        err = text_save(&out, path.data, error, error_size);
        text_fini(&path);
        text_fini(&out);
        sqlite3_finalize(query);
    }
    campaign_close(&campaign);
    return err;
}

/* The page of the campaign this one was compared with. */
static int
partner_page(const char *dir, const char *db,
             const struct report_options *options, char *error,
             size_t error_size)
{
    struct report_options partner = {0};
    char out[PATHS_BYTES + 24];
    struct campaign campaign;
    int err = campaign_open(&campaign, db, options, error, error_size);

    if (err != 0)
        return err;
    if (options != NULL)
        partner = *options;
    partner.campaign = campaign_partner(&campaign);
    campaign_close(&campaign);
    if (partner.campaign == 0)
        return 0;
    snprintf(out, sizeof(out), "%s/" REPORT_FIRST_PAGE, dir);
    return report_html(db, out, &partner, error, error_size);
}

int
report_all(const char *dir, const struct report_options *options, char *error,
           size_t error_size)
{
    static const struct {
        const char *file;
        int (*write)(const char *db_path, const char *out_path,
                     const struct report_options *options, char *error,
                     size_t error_size);
    } artefacts[] = {{"junit.xml", report_junit},
                     {"run.json", report_json},
                     {"report.html", report_html}};
    char db[PATHS_BYTES + 16];
    char out[PATHS_BYTES + 16];
    size_t i;
    int err = 0;

    if (strlen(dir) >= PATHS_BYTES) {
        snprintf(error, error_size, "%.80s...: path too long", dir);
        return ERR_RANGE;
    }
    snprintf(db, sizeof(db), "%s/results.db", dir);
    for (i = 0; err == 0 && i < ARRAY_COUNT(artefacts); i++) {
        snprintf(out, sizeof(out), "%s/%s", dir, artefacts[i].file);
        err = artefacts[i].write(db, out, options, error, error_size);
    }
    return err != 0 ? err : partner_page(dir, db, options, error, error_size);
}
