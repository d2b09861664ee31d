/* SPDX-License-Identifier: Apache-2.0 */
#include "reports/results.h"

#include <inttypes.h>
#include <sqlite3.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "reference-nos/base/check.h"
#include "reference-nos/base/err.h"
#include "reports/db_priv.h"
#include "reports/schema_sql.h"

enum { ROWS_PER_TRANSACTION = 10000, BUSY_TIMEOUT_MS = 3000 };

enum statement {
    ST_CAMPAIGN,
    ST_CAMPAIGN_END,
    ST_RUN,
    ST_RUN_END,
    ST_EXPECTATION,
    ST_SEEDS_EXPECTATION,
    ST_EVENT,
    ST_OUTAGE,
    ST_METRIC,
    ST_LOAD,
    ST_ALARM,
    ST_ORACLE,
    ST_NOT_APPLICABLE,
    ST_COMPARISON,
    ST_LATENCY,
    ST_LATENCY_PART,
    ST_LOSS,
    ST_THROUGHPUT,
    ST_SEARCH,
    ST_SEARCH_LOAD,
    ST_COUNT
};

static const char *const statement_sql[ST_COUNT] = {
    [ST_CAMPAIGN] = "INSERT INTO campaign VALUES (NULL,?,?,?,?,?,?,?,?,?,?,?,"
                    "?,'running','NONE',NULL)",
    [ST_CAMPAIGN_END] = "UPDATE campaign SET state=?,verdict=?,exit_code=? "
                        "WHERE id=?",
    [ST_RUN] = "INSERT INTO run(campaign,seed,begun,boxes,ports,"
               "dual_homed_ports,state,verdict) "
               "VALUES (?,?,?,?,?,?,'running','NONE')",
    [ST_RUN_END] = "UPDATE run SET state=?,verdict=?,exit_code=?,"
                   "duration_ps=?,boot_ps=?,events=?,wall_ns=?,digest=?,"
                   "replay_token=?,note=? WHERE id=?",
    [ST_EXPECTATION] = "INSERT INTO expectation SELECT campaign,id,?,?,?,?,?,"
                       "?,?,?,?,? FROM run WHERE id=?",
    [ST_SEEDS_EXPECTATION] = "INSERT INTO expectation SELECT id,NULL,?,?,?,?,"
                             "?,?,?,?,?,? FROM campaign WHERE id=?",
    [ST_EVENT] = "INSERT INTO event VALUES (?,?,?,?,?,?)",
    [ST_OUTAGE] = "INSERT INTO outage VALUES (?,?,?,?,?,?,?,?,?)",
    [ST_METRIC] = "INSERT INTO metric VALUES (?,?,?,?,?,?,?)",
    [ST_LOAD] = "INSERT INTO load VALUES (?,?,?,?,?,?,?,?)",
    [ST_ALARM] = "INSERT INTO alarm VALUES (?,?,?,?,?,?,?)",
    [ST_ORACLE] = "INSERT INTO oracle VALUES (?,?,?,?,?,?)",
    [ST_NOT_APPLICABLE] = "INSERT INTO not_applicable VALUES (?,?,?)",
    [ST_COMPARISON] = "INSERT INTO comparison VALUES (?,?,?,?,?,?,?,?,?,?,?,"
                      "?,?,?,?,?,?,?,?,?)",
    [ST_LATENCY] = "INSERT INTO latency VALUES (NULL,?,?,?,?,?)",
    [ST_LATENCY_PART] = "INSERT INTO latency_part VALUES (?,?,?,?)",
    [ST_LOSS] = "INSERT INTO loss VALUES (?,?,?,?,?)",
    [ST_SEARCH] = "INSERT INTO search VALUES (NULL,?,?,?,?,?,?,?,?)",
    [ST_SEARCH_LOAD] = "INSERT INTO search_load VALUES (?,?,?,?,?,?)",
    [ST_THROUGHPUT] = "INSERT INTO throughput VALUES (?,?,?,?,?,?,?,?,?)",
};

struct results {
    sqlite3 *db;
    sqlite3_stmt *statements[ST_COUNT];
    char *path;
    uint32_t pending_rows;
    int failed;                /* First error; later writes return it. */
    int64_t first_campaign_id; /* Smallest id this store made, 0 if none. */
    char error[RESULTS_ERROR_BYTES];
};

static const char *
state_name(enum results_state state)
{
    switch (state) {
    case RESULTS_RUNNING: return "running";
    case RESULTS_COMPLETE: return "complete";
    case RESULTS_INTERRUPTED: return "interrupted";
    }
    return "running";
}

/* Remembers the first failure and its sentence. */
static int
results_fail(struct results *results)
{
    int code = db_error(results->db, results->path, results->error,
                        RESULTS_ERROR_BYTES);

    if (results->failed == 0)
        results->failed = code;
    return code;
}

static int
results_exec(struct results *results, const char *sql)
{
    if (sqlite3_exec(results->db, sql, NULL, NULL, NULL) != SQLITE_OK)
        return results_fail(results);
    return 0;
}

static int
range_error(struct results *results, const char *what)
{
    snprintf(results->error, sizeof(results->error),
             "%s: %s does not fit the results store", results->path, what);
    return ERR_RANGE;
}

static int
prepare_get(struct results *results, enum statement which,
            sqlite3_stmt **statement)
{
    if (results->failed != 0)
        return results->failed;
    if (results->statements[which] == NULL &&
        sqlite3_prepare_v3(results->db, statement_sql[which], -1,
                           SQLITE_PREPARE_PERSISTENT,
                           &results->statements[which], NULL) != SQLITE_OK)
        return results_fail(results);
    *statement = results->statements[which];
    return 0;
}

/* Binds by 'types': t text, u uint64_t, i int64_t, d double, n NULL. */
static int
bind_all(struct results *results, sqlite3_stmt *statement, const char *types,
         va_list args)
{
    int column = 0;

    for (; *types != '\0'; types++) {
        const char *text;
        uint64_t number;

        column++;
        switch (*types) {
        case 't':
            text = va_arg(args, const char *);
            sqlite3_bind_text(statement, column, text != NULL ? text : "", -1,
                              SQLITE_TRANSIENT);
            break;
        case 'u':
            number = va_arg(args, uint64_t);
            if (number > INT64_MAX)
                return range_error(results, "a time or count");
            sqlite3_bind_int64(statement, column, (int64_t)number);
            break;
        case 'i':
            sqlite3_bind_int64(statement, column, va_arg(args, int64_t));
            break;
        case 'd':
            sqlite3_bind_double(statement, column, va_arg(args, double));
            break;
        case 'n': sqlite3_bind_null(statement, column); break;
        default: CHECK(*types == 'n'); /* No such type. */
        }
    }
    CHECK(column == sqlite3_bind_parameter_count(statement));
    return 0;
}

/* Writes one row inside the open transaction. */
static int
write_row(struct results *results, enum statement which, const char *types,
          ...)
{
    sqlite3_stmt *statement = NULL;
    va_list args;
    int err = prepare_get(results, which, &statement);

    if (err != 0)
        return err;
    va_start(args, types);
    err = bind_all(results, statement, types, args);
    va_end(args);
    if (err != 0)
        return err;
    if (sqlite3_get_autocommit(results->db)) {
        err = results_exec(results, "BEGIN IMMEDIATE");
        if (err != 0)
            return err;
    }
    if (sqlite3_step(statement) != SQLITE_DONE)
        err = results_fail(results);
    sqlite3_reset(statement);
    if (err != 0)
        return err;
    if (++results->pending_rows >= ROWS_PER_TRANSACTION)
        return results_flush(results);
    return 0;
}

int
results_flush(struct results *results)
{
    if (results->failed != 0)
        return results->failed;
    results->pending_rows = 0;
    if (sqlite3_get_autocommit(results->db))
        return 0;
    return results_exec(results, "COMMIT");
}

const char *
results_error(const struct results *results)
{
    return results->error;
}

static int
schema_create(struct results *results)
{
    char pragmas[96];
    int err;

    snprintf(pragmas, sizeof(pragmas),
             "PRAGMA application_id=%d;PRAGMA user_version=%d",
             DB_APPLICATION_ID, RESULTS_SCHEMA_VERSION);
    err = results_exec(results, "BEGIN IMMEDIATE");
    if (err == 0)
        err = results_exec(results, schema_sql);
    if (err == 0)
        err = results_exec(results, pragmas);
    if (err == 0)
        err = results_exec(results, "COMMIT");
    return err;
}

static bool
has_table(struct results *results, const char *name)
{
    char sql[96];

    snprintf(sql, sizeof(sql),
             "SELECT count(*) FROM sqlite_schema WHERE name='%s'", name);
    return db_integer(results->db, sql, 0) > 0;
}

/* What an older file lacks stands last in the schema. */
static int
upgrade(struct results *results)
{
    const char *added = NULL;

    if (!has_table(results, "comparison"))
        added = strstr(schema_sql, "CREATE TABLE comparison");
    else if (!has_table(results, "latency"))
        added = strstr(schema_sql, "CREATE TABLE latency");
    else if (!has_table(results, "search"))
        added = strstr(schema_sql, "CREATE TABLE search");
    return added != NULL ? results_exec(results, added) : 0;
}

/* An existing file gets a write that must succeed; an older one also what it
 * lacks. */
static int
write_probe(struct results *results)
{
    char sql[80];
    int err = results_exec(results, "BEGIN IMMEDIATE");

    if (err == 0)
        err = upgrade(results);
    snprintf(sql, sizeof(sql), "PRAGMA user_version=%d;COMMIT",
             RESULTS_SCHEMA_VERSION);
    return err != 0 ? err : results_exec(results, sql);
}

static int
results_prepare_file(struct results *results)
{
    bool is_new = false;
    int err = db_check_version(results->db, results->path, &is_new,
                               results->error, sizeof(results->error));

    if (err != 0)
        return err;
    err = results_exec(results, "PRAGMA journal_mode=WAL;"
                                "PRAGMA synchronous=NORMAL");
    if (err == 0)
        err = is_new ? schema_create(results) : write_probe(results);
    return err;
}

static void
results_free(struct results *results)
{
    int i;

    for (i = 0; i < ST_COUNT; i++)
        sqlite3_finalize(results->statements[i]);
    sqlite3_close(results->db);
    free(results->path);
    free(results);
}

/* Opening a file that cannot be made tells "not there"; with a folder that is
 * there, it is the folder that cannot be written. */
static int
open_fail(struct results *opened)
{
    const char *slash = strrchr(opened->path, '/');
    char folder[1024];
    int err = results_fail(opened);

    snprintf(folder, sizeof(folder), "%.*s",
             slash != NULL ? (int)(slash - opened->path + 1) : 1,
             slash != NULL ? opened->path : ".");
    if (err == ERR_NOENT && access(folder, F_OK) == 0) {
        snprintf(opened->error, sizeof(opened->error),
                 "%s: the folder cannot be written; choose another place "
                 "with --results",
                 opened->path);
        err = ERR_READONLY;
    }
    return err;
}

int
results_open(const char *path, struct results **results, char *error,
             size_t error_size)
{
    struct results *opened = calloc(1, sizeof(*opened));
    int err;

    CHECK(opened != NULL);
    opened->path = strdup(path);
    CHECK(opened->path != NULL);
    if (sqlite3_open_v2(path, &opened->db,
                        SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE,
                        NULL) != SQLITE_OK)
        err = open_fail(opened);
    else {
        sqlite3_busy_timeout(opened->db, BUSY_TIMEOUT_MS);
        err = results_prepare_file(opened);
    }
    if (err != 0) {
        snprintf(error, error_size, "%s", opened->error);
        results_free(opened);
        return err;
    }
    *results = opened;
    return 0;
}

int
results_campaign_begin(struct results *results,
                       const struct results_campaign *campaign,
                       int64_t *campaign_id)
{
    int err = write_row(
        results, ST_CAMPAIGN, "tttttttttttu", campaign->scenario,
        campaign->scenario_file, campaign->about, campaign->world,
        campaign->preset, campaign->build, campaign->calibration,
        campaign->fault_model, campaign->fault_rates, campaign->command,
        campaign->begun, (uint64_t)campaign->seeds_planned);

    if (err != 0)
        return err;
    *campaign_id = sqlite3_last_insert_rowid(results->db);
    if (results->first_campaign_id == 0)
        results->first_campaign_id = *campaign_id;
    return results_flush(results);
}

int
results_campaign_end(struct results *results, int64_t campaign_id,
                     const struct results_campaign_end *end)
{
    int err = write_row(results, ST_CAMPAIGN_END, "ttii",
                        state_name(end->state), verdict_name(end->verdict),
                        (int64_t)end->exit_code, campaign_id);

    return err != 0 ? err : results_flush(results);
}

int
results_run_begin(struct results *results, int64_t campaign_id,
                  const struct results_run *run, int64_t *run_id)
{
    char seed[24];
    int err;

    snprintf(seed, sizeof(seed), "%" PRIu64, run->seed);
    err = write_row(results, ST_RUN, "ittuuu", campaign_id, seed, run->begun,
                    (uint64_t)run->boxes, (uint64_t)run->ports,
                    (uint64_t)run->dual_homed_ports);
    if (err == 0)
        *run_id = sqlite3_last_insert_rowid(results->db);
    return err;
}

int
results_run_end(struct results *results, int64_t run_id,
                const struct results_run_end *end)
{
    int err =
        write_row(results, ST_RUN_END, "ttiuuuuttti", state_name(end->state),
                  verdict_name(end->verdict), (int64_t)end->exit_code,
                  end->duration_ps, end->boot_ps, end->events, end->wall_ns,
                  end->digest, end->replay_token, end->note, run_id);

    return err != 0 ? err : results_flush(results);
}

static int
expectation_write(struct results *results, enum statement which, int64_t id,
                  const struct results_expectation *row)
{
    uint64_t number = row->index;
    uint64_t line = row->line;
    const char *verdict = verdict_name(row->verdict);
    int err;

    if (row->has_limit)
        err = write_row(results, which, "ututtttttdi", number, row->file, line,
                        row->text, verdict, row->measured, row->evidence,
                        row->metric, row->metric_args, row->limit, id);
    else
        err = write_row(results, which, "ututtttttni", number, row->file, line,
                        row->text, verdict, row->measured, row->evidence,
                        row->metric, row->metric_args, id);
    if (err == 0)
        CHECK(sqlite3_changes(results->db) == 1); /* The id exists. */
    return err;
}

int
results_add_expectation(struct results *results, int64_t run_id,
                        const struct results_expectation *row)
{
    return expectation_write(results, ST_EXPECTATION, run_id, row);
}

int
results_add_seeds_expectation(struct results *results, int64_t campaign_id,
                              const struct results_expectation *row)
{
    return expectation_write(results, ST_SEEDS_EXPECTATION, campaign_id, row);
}

int
results_add_event(struct results *results, int64_t run_id,
                  const struct results_event *row)
{
    return write_row(results, ST_EVENT, "iutttt", run_id, row->time_ps,
                     row->kind, row->name, row->target, row->text);
}

int
results_add_outage(struct results *results, int64_t run_id,
                   const struct results_outage *row)
{
    CHECK(row->from_ps <= row->to_ps);
    return write_row(results, ST_OUTAGE, "ittuuiiit", run_id, row->port,
                     row->box, row->from_ps, row->to_ps, (int64_t)row->ongoing,
                     (int64_t)row->planned, (int64_t)row->degraded_only,
                     row->cause);
}

int
results_add_metric(struct results *results, int64_t run_id,
                   const struct results_metric *row)
{
    int64_t bound = !row->is_bound ? 0 : row->is_bound_below ? -1 : 1;

    return write_row(results, ST_METRIC, "ittdtiu", run_id, row->name,
                     row->args, row->value, row->unit, bound,
                     row->sample_count);
}

int
results_add_load(struct results *results, int64_t run_id,
                 const struct results_load *row)
{
    const char *kind = row->kind == RESULTS_LOAD_LANE ? "lane" : "service";

    return write_row(results, ST_LOAD, "ittttuuu", run_id, row->box, row->role,
                     kind, row->name, row->messages, row->bytes, row->cpu_ns);
}

int
results_add_alarm(struct results *results, int64_t run_id,
                  const struct results_alarm *row)
{
    if (!row->cleared)
        return write_row(results, ST_ALARM, "ittttun", run_id, row->box,
                         row->name, row->severity, row->text, row->raised_ps);
    return write_row(results, ST_ALARM, "ittttuu", run_id, row->box, row->name,
                     row->severity, row->text, row->raised_ps,
                     row->cleared_ps);
}

int
results_add_oracle(struct results *results, int64_t run_id,
                   const struct results_oracle *row)
{
    return write_row(results, ST_ORACLE, "ittuut", run_id, row->id, row->title,
                     row->exercised, row->violations, row->first);
}

int
results_add_not_applicable(struct results *results, int64_t run_id,
                           const struct results_not_applicable *row)
{
    return write_row(results, ST_NOT_APPLICABLE, "itt", run_id, row->text,
                     row->reason);
}

int
results_add_comparison(struct results *results, int64_t first_campaign,
                       int64_t second_campaign,
                       const struct results_comparison *row)
{
    const struct results_side *a = &row->sides[0], *b = &row->sides[1];
    const char *types =
        row->has_difference ? "iitttudddiudddidditt" : "iitttudddiudddinditt";

    if (row->has_difference)
        return write_row(
            results, ST_COMPARISON, types, first_campaign, second_campaign,
            row->metric, row->args, row->unit, a->count, a->median, a->low,
            a->high, (int64_t)a->quantiles, b->count, b->median, b->low,
            b->high, (int64_t)b->quantiles, row->difference, row->bound,
            (int64_t)row->stated, row->state, row->stage);
    return write_row(results, ST_COMPARISON, types, first_campaign,
                     second_campaign, row->metric, row->args, row->unit,
                     a->count, a->median, a->low, a->high,
                     (int64_t)a->quantiles, b->count, b->median, b->low,
                     b->high, (int64_t)b->quantiles, row->bound,
                     (int64_t)row->stated, row->state, row->stage);
}

static int
latency_begin(struct results *results, int64_t run_id, const char *flow,
              const char *stage, uint64_t packets, double sum_ps,
              int64_t *latency_id)
{
    int err = write_row(results, ST_LATENCY, "ittud", run_id, flow, stage,
                        packets, sum_ps);

    if (err == 0)
        *latency_id = sqlite3_last_insert_rowid(results->db);
    return err;
}

static int
part_write(struct results *results, int64_t latency_id, uint64_t low_ps,
           uint64_t high_ps, uint64_t packets)
{
    return write_row(results, ST_LATENCY_PART, "iuuu", latency_id, low_ps,
                     high_ps, packets);
}

/* The first part begins at the smallest value, the last ends at the largest.
 */
int
results_add_latency(struct results *results, int64_t run_id, const char *flow,
                    const char *stage, const struct hist *hist)
{
    size_t cursor = 0;
    uint64_t low, high, count;
    int64_t id;
    int err = latency_begin(results, run_id, flow, stage, hist_count(hist),
                            (double)hist_sum(hist), &id);

    while (err == 0 && (count = hist_next(hist, &cursor, &low, &high)) > 0) {
        low = low > hist_min(hist) ? low : hist_min(hist);
        high = high < hist_max(hist) ? high : hist_max(hist);
        err = part_write(results, id, low, high, count);
    }
    return err;
}

int
results_add_latency_parts(struct results *results, int64_t run_id,
                          const char *flow, const char *stage,
                          const struct results_part *parts, size_t count,
                          double sum_ps)
{
    uint64_t packets = 0;
    int64_t id;

    for (size_t i = 0; i < count; i++) {
        CHECK(parts[i].low_ps <= parts[i].high_ps);
        packets += parts[i].packets;
    }
    int err =
        latency_begin(results, run_id, flow, stage, packets, sum_ps, &id);

    for (size_t i = 0; i < count && err == 0; i++)
        err = part_write(results, id, parts[i].low_ps, parts[i].high_ps,
                         parts[i].packets);
    return err;
}

int
results_add_loss(struct results *results, int64_t run_id,
                 const struct results_loss *row)
{
    return write_row(results, ST_LOSS, "ittuu", run_id, row->flow, row->cause,
                     row->packets, row->bytes);
}

int
results_add_throughput(struct results *results, int64_t run_id,
                       const struct results_throughput *row)
{
    return write_row(results, ST_THROUGHPUT, "ituuuuuuu", run_id, row->flow,
                     row->offered_packets, row->offered_bytes,
                     row->delivered_packets, row->delivered_bytes,
                     row->queued_packets, row->queued_bytes, row->duration_ps);
}

int
results_add_search(struct results *results, int64_t run_id,
                   const struct results_search *row)
{
    int64_t id;
    int err = write_row(results, ST_SEARCH, "iuiuuuuu", run_id,
                        (uint64_t)row->frame_bytes, (int64_t)row->is_burst,
                        (uint64_t)row->level, (uint64_t)row->resolution_ppm,
                        (uint64_t)row->trials, row->trial_ps, row->port_bps);

    if (err != 0)
        return err;
    id = sqlite3_last_insert_rowid(results->db);
    for (size_t i = 0; i < row->load_count && err == 0; i++) {
        const struct results_search_load *load = &row->loads[i];

        err = write_row(results, ST_SEARCH_LOAD, "iuuuuu", id,
                        (uint64_t)load->share_ppm, load->packets, load->min_ps,
                        load->mean_ps, load->max_ps);
    }
    return err;
}

/* What this store began and did not end gets 'state'. */
static int
open_rows_close(struct results *results, enum results_state state)
{
    char sql[320];

    if (results->first_campaign_id == 0)
        return 0;
    snprintf(sql, sizeof(sql),
             "UPDATE run SET state='%s' WHERE state='running' AND "
             "campaign>=%" PRId64 ";"
             "UPDATE campaign SET state='%s' WHERE state='running' AND "
             "id>=%" PRId64,
             state_name(state), results->first_campaign_id, state_name(state),
             results->first_campaign_id);
    return results_exec(results, sql);
}

/* Readers ask by run; made last, as inserting into an index is slower. */
static int
indexes_make(struct results *results)
{
    return results_exec(
        results, "CREATE INDEX IF NOT EXISTS expectation_run ON "
                 "expectation(run);"
                 "CREATE INDEX IF NOT EXISTS event_run ON event(run);"
                 "CREATE INDEX IF NOT EXISTS outage_run ON outage(run);"
                 "CREATE INDEX IF NOT EXISTS metric_run ON metric(run);"
                 "CREATE INDEX IF NOT EXISTS load_run ON load(run);"
                 "CREATE INDEX IF NOT EXISTS oracle_run ON oracle(run);"
                 "CREATE INDEX IF NOT EXISTS latency_run ON latency(run);"
                 "CREATE INDEX IF NOT EXISTS latency_parts ON "
                 "latency_part(latency)");
}

/* Folds the log in: one plain file, readable from a read-only place. */
static int
log_fold(struct results *results)
{
    int err = results_exec(results, "PRAGMA wal_checkpoint(TRUNCATE)");

    return err != 0 ? err
                    : results_exec(results, "PRAGMA journal_mode=DELETE");
}

int
results_finish(struct results *results, enum results_state state, char *error,
               size_t error_size)
{
    int first;
    int err;
    int i;

    if (results == NULL)
        return 0;
    first = results_flush(results);
    if (first != 0) /* The open transaction is lost; end what is there. */
        sqlite3_exec(results->db, "ROLLBACK", NULL, NULL, NULL);
    for (i = 0; i < ST_COUNT; i++) {
        sqlite3_finalize(results->statements[i]);
        results->statements[i] = NULL;
    }
    err = open_rows_close(results, first != 0 ? RESULTS_INTERRUPTED : state);
    if (first == 0)
        first = err;
    err = first == 0 ? indexes_make(results) : 0;
    if (first == 0)
        first = err;
    err = log_fold(results);
    if (first == 0)
        first = err;
    if (first != 0)
        snprintf(error, error_size, "%s", results->error);
    results_free(results);
    return first;
}
