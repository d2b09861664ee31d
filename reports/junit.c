/* SPDX-License-Identifier: Apache-2.0
 *
 * JUnit XML and annotations: what continuous integration reads.
 */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "reference-nos/base/err.h"
#include "reports/campaign_priv.h"
#include "reports/db_priv.h"
#include "reports/report.h"
#include "reports/text_priv.h"

static void
attribute(struct text *out, const char *name, const char *value)
{
    text_addf(out, " %s=\"", name);
    text_markup(out, value);
    text_add(out, "\"");
}

static void
property(struct text *out, const char *name, const char *value)
{
    text_add(out, "<property");
    attribute(out, "name", name);
    attribute(out, "value", value);
    text_add(out, "/>\n");
}

/* An element of a case with a message and, as its text, the evidence. */
static void
outcome(struct text *out, const char *element, const char *message,
        const char *body)
{
    text_addf(out, "<%s", element);
    attribute(out, "message", message);
    text_add(out, ">");
    text_markup(out, body);
    text_addf(out, "</%s>\n", element);
}

static void
case_begin(struct text *out, const char *class_name, const char *name,
           const char *file, int64_t line)
{
    text_add(out, "<testcase");
    attribute(out, "classname", class_name);
    attribute(out, "name", name);
    if (file != NULL && *file != '\0')
        attribute(out, "file", file);
    if (line > 0)
        text_addf(out, " line=\"%" PRId64 "\"", line);
    text_add(out, ">\n");
}

struct suite_counts {
    int tests;
    int failures;
    int errors;
    int skipped;
};

/* Columns: text, verdict, measured, evidence, file, line. */
static void
expectation_case(struct text *out, const char *scenario, sqlite3_stmt *query,
                 struct suite_counts *counts)
{
    enum verdict verdict = verdict_from_name(db_text(query, 1));
    struct text message = {0};

    case_begin(out, scenario, db_text(query, 0), db_text(query, 4),
               sqlite3_column_int64(query, 5));
    counts->tests++;
    text_addf(&message, "%s: measured %s", verdict_name(verdict),
              *db_text(query, 2) != '\0' ? db_text(query, 2) : "nothing");
    switch (verdict) {
    case VERDICT_FAIL:
        outcome(out, "failure", message.data, db_text(query, 3));
        counts->failures++;
        break;
    case VERDICT_NONE:
    case VERDICT_INCONCLUSIVE:
    case VERDICT_NOT_APPLICABLE:
    case VERDICT_COUNT:
        text_fini(&message);
        text_addf(&message, "%s: %s",
                  verdict == VERDICT_NONE ? "not judged"
                                          : verdict_name(verdict),
                  db_text(query, 3));
        text_add(out, "<skipped");
        attribute(out, "message", message.data);
        text_add(out, "/>\n");
        counts->skipped++;
        break;
    case VERDICT_PASS: break;
    }
    text_fini(&message);
    text_add(out, "</testcase>\n");
}

static void
expectation_cases(const struct campaign *campaign, const char *where,
                  int64_t id, struct text *out, struct suite_counts *counts)
{
    struct text sql = {0};
    sqlite3_stmt *query;

    text_addf(&sql,
              "SELECT text, verdict, measured, evidence, file, line FROM "
              "expectation WHERE %s ORDER BY number",
              where);
    query = db_query(campaign->db, sql.data, id);
    while (sqlite3_step(query) == SQLITE_ROW)
        expectation_case(out, campaign->scenario, query, counts);
    sqlite3_finalize(query);
    text_fini(&sql);
}

static void
oracle_cases(const struct campaign *campaign, int64_t run, struct text *out,
             struct suite_counts *counts)
{
    sqlite3_stmt *query = db_query(
        campaign->db,
        "SELECT 'oracle ' || oracle || ': ' || title, exercised, violations, "
        "first FROM oracle WHERE run=? ORDER BY rowid",
        run);

    while (sqlite3_step(query) == SQLITE_ROW) {
        struct text message = {0};

        counts->tests++;
        case_begin(out, campaign->scenario, db_text(query, 0), NULL, 0);
        if (sqlite3_column_int64(query, 2) > 0) {
            text_addf(&message, "FAIL: %lld violations",
                      sqlite3_column_int64(query, 2));
            outcome(out, "failure", message.data, db_text(query, 3));
            counts->failures++;
        } else if (sqlite3_column_int64(query, 1) == 0) {
            text_add(out, "<skipped message=\"never exercised\"/>\n");
            counts->skipped++;
        }
        text_fini(&message);
        text_add(out, "</testcase>\n");
    }
    sqlite3_finalize(query);
}

static void
state_case(const struct campaign *campaign, const char *state,
           const char *note, struct text *out, struct suite_counts *counts)
{
    if (strcmp(state, "complete") == 0)
        return;
    counts->tests++;
    counts->errors++;
    case_begin(out, campaign->scenario, "the run ends", NULL, 0);
    outcome(out, "error",
            strcmp(state, "interrupted") == 0 ? "the run was interrupted"
                                              : "the run has not ended",
            note);
    text_add(out, "</testcase>\n");
}

static void
suite_write(struct text *out, const char *name, double wall_s,
            const struct suite_counts *counts, const struct text *properties,
            const struct text *cases)
{
    text_add(out, "<testsuite");
    attribute(out, "name", name);
    text_addf(out,
              " tests=\"%d\" failures=\"%d\" errors=\"%d\" skipped=\"%d\" "
              "time=\"%.3f\">\n",
              counts->tests, counts->failures, counts->errors, counts->skipped,
              wall_s);
    if (properties->length > 0) {
        text_add(out, "<properties>\n");
        text_add_bytes(out, properties->data, properties->length);
        text_add(out, "</properties>\n");
    }
    if (cases->length > 0)
        text_add_bytes(out, cases->data, cases->length);
    text_add(out, "</testsuite>\n");
}

static void
counts_add(struct suite_counts *total, const struct suite_counts *part)
{
    total->tests += part->tests;
    total->failures += part->failures;
    total->errors += part->errors;
    total->skipped += part->skipped;
}

static void
run_suites(const struct campaign *campaign, enum verdict overall,
           struct text *out, struct suite_counts *total)
{
    sqlite3_stmt *query = db_query(
        campaign->db,
        "SELECT id, seed, state, wall_ns / 1e9, digest, replay_token, note, "
        "verdict FROM run WHERE campaign=? ORDER BY id",
        campaign->id);

    while (sqlite3_step(query) == SQLITE_ROW) {
        struct suite_counts counts = {0};
        struct text properties = {0};
        struct text cases = {0};
        struct text name = {0};
        int64_t run = sqlite3_column_int64(query, 0);

        if (!campaign_real(campaign))
            text_addf(&name, "%s seed %s", campaign->scenario,
                      db_text(query, 1));
        else
            text_addf(&name, "%s %s run %s", campaign->scenario,
                      campaign->world, db_text(query, 1));
        property(&properties, "verdict", db_text(query, 7));
        property(&properties, "overall-verdict", verdict_name(overall));
        property(&properties, "seed", db_text(query, 1));
        property(&properties, "digest", db_text(query, 4));
        property(&properties, "replay-token", db_text(query, 5));
        property(&properties, "calibration", campaign->calibration);
        property(&properties, "build", campaign->build);
        expectation_cases(campaign, "run=?", run, &cases, &counts);
        oracle_cases(campaign, run, &cases, &counts);
        state_case(campaign, db_text(query, 2), db_text(query, 6), &cases,
                   &counts);
        suite_write(out, name.data, sqlite3_column_double(query, 3), &counts,
                    &properties, &cases);
        counts_add(total, &counts);
        text_fini(&properties);
        text_fini(&cases);
        text_fini(&name);
    }
    sqlite3_finalize(query);
}

static void
seeds_suite(const struct campaign *campaign, struct text *out,
            struct suite_counts *total)
{
    struct suite_counts counts = {0};
    struct text properties = {0};
    struct text cases = {0};
    struct text name = {0};

    expectation_cases(campaign, "campaign=? AND run IS NULL", campaign->id,
                      &cases, &counts);
    if (counts.tests > 0) {
        text_addf(&name, "%s over seeds", campaign->scenario);
        suite_write(out, name.data, 0, &counts, &properties, &cases);
        counts_add(total, &counts);
    }
    text_fini(&cases);
    text_fini(&name);
}

/* A case for each bound that the scenario states. */
static void
compare_suite(const struct campaign *campaign, struct text *out,
              struct suite_counts *total)
{
    struct suite_counts counts = {0};
    struct text properties = {0};
    struct text cases = {0};
    struct text name = {0};
    sqlite3_stmt *query = db_query(
        campaign->db,
        "SELECT metric || CASE args WHEN '' THEN '' ELSE '(' || args || ')' "
        "END || ' within ' || round(100 * bound, 3) || ' %', state, "
        "CASE WHEN difference IS NULL THEN 'no difference to measure' ELSE "
        "'difference ' || round(100 * difference, 1) || ' %' END || CASE "
        "WHEN " CAMPAIGN_FEW_RUNS " THEN ', few runs' ELSE '' END, stage FROM "
        "comparison WHERE second=? AND stated ORDER BY rowid",
        campaign->id);

    while (sqlite3_step(query) == SQLITE_ROW) {
        const char *state = db_text(query, 1);

        counts.tests++;
        case_begin(&cases, campaign->scenario, db_text(query, 0), NULL, 0);
        if (strcmp(state, "outside") == 0) {
            counts.failures++;
            outcome(&cases, "failure", db_text(query, 2), db_text(query, 3));
        } else if (strcmp(state, "inside") != 0) {
            counts.errors++;
            outcome(&cases, "error", state, db_text(query, 2));
        }
        text_add(&cases, "</testcase>\n");
    }
    sqlite3_finalize(query);
    if (counts.tests > 0) {
        text_addf(&name, "%s between worlds", campaign->scenario);
        suite_write(out, name.data, 0, &counts, &properties, &cases);
        counts_add(total, &counts);
    }
    text_fini(&cases);
    text_fini(&name);
}

/* The last suite: what the program ended with.  An expectation that is
 * INCONCLUSIVE is a skipped case, which a gate shows green; the run as a whole
 * is not. */
static void
overall_suite(const struct campaign *campaign, const struct campaign *first,
              struct text *out, struct suite_counts *total)
{
    enum verdict overall = campaign_overall(campaign, first);
    struct suite_counts counts = {.tests = 1};
    struct text properties = {0};
    struct text cases = {0};
    struct text name = {0};
    struct text message = {0};

    text_addf(&name, "%s overall", campaign->scenario);
    text_addf(&message, "%s", verdict_name(overall));
    case_begin(&cases, campaign->scenario, "overall", NULL, 0);
    if (overall == VERDICT_FAIL) {
        counts.failures++;
        outcome(&cases, "failure", message.data, "exit code 1");
    } else if (overall != VERDICT_PASS) {
        counts.errors++;
        outcome(&cases, "error", message.data,
                "nothing failed, and it is not known to pass");
    }
    text_add(&cases, "</testcase>\n");
    suite_write(out, name.data, 0, &counts, &properties, &cases);
    counts_add(total, &counts);
    text_fini(&message);
    text_fini(&cases);
    text_fini(&name);
}

static void
campaign_suites(const struct campaign *campaign, enum verdict overall,
                struct text *out, struct suite_counts *total, double *wall_s)
{
    run_suites(campaign, overall, out, total);
    seeds_suite(campaign, out, total);
    *wall_s += db_real(campaign->db,
                       "SELECT total(wall_ns) / 1e9 FROM run WHERE campaign=?",
                       campaign->id);
}

/* The suites of a campaign, and of the one it was compared with. */
static int
suites_of(const struct campaign *campaign, const char *db_path,
          struct text *out, struct suite_counts *total, double *wall_s,
          char *error, size_t error_size)
{
    struct report_options options = {.campaign = campaign_partner(campaign)};
    enum verdict overall;
    struct campaign first;
    int err;

    if (options.campaign == 0) {
        campaign_suites(campaign, campaign->verdict, out, total, wall_s);
        overall_suite(campaign, NULL, out, total);
        return 0;
    }
    err = campaign_open(&first, db_path, &options, error, error_size);
    if (err != 0)
        return err;
    overall = campaign_overall(campaign, &first);
    campaign_suites(&first, overall, out, total, wall_s);
    campaign_suites(campaign, overall, out, total, wall_s);
    compare_suite(campaign, out, total);
    overall_suite(campaign, &first, out, total);
    campaign_close(&first);
    return 0;
}

int
report_junit(const char *db_path, const char *out_path,
             const struct report_options *options, char *error,
             size_t error_size)
{
    struct suite_counts total = {0};
    struct campaign campaign;
    struct text suites = {0};
    struct text out = {0};
    double wall_s = 0;
    int err = campaign_open(&campaign, db_path, options, error, error_size);

    if (err != 0)
        return err;
    err = suites_of(&campaign, db_path, &suites, &total, &wall_s, error,
                    error_size);
    text_add(&out, "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<testsuites");
    attribute(&out, "name", campaign.scenario);
    text_addf(&out,
              " tests=\"%d\" failures=\"%d\" errors=\"%d\" skipped=\"%d\" "
              "time=\"%.3f\">\n",
              total.tests, total.failures, total.errors, total.skipped,
              wall_s);
    if (suites.length > 0)
        text_add_bytes(&out, suites.data, suites.length);
    text_add(&out, "</testsuites>\n");
    if (err == 0)
        err = text_save(&out, out_path, error, error_size);
    text_fini(&suites);
    text_fini(&out);
    campaign_close(&campaign);
    return err;
}

/* Escapes of GitHub's workflow commands. */
static void
command_text(FILE *out, const char *text, bool is_property)
{
    for (; *text != '\0'; text++) {
        if (*text == '%' || *text == '\r' || *text == '\n' ||
            (is_property && (*text == ':' || *text == ',')))
            fprintf(out, "%%%02X", (unsigned)*text);
        else
            fputc(*text, out);
    }
}

static void
annotation(FILE *out, const char *level, const char *file, int64_t line,
           const char *title, const char *message)
{
    fprintf(out, "::%s ", level);
    if (*file != '\0') {
        fputs("file=", out);
        command_text(out, file, true);
        if (line > 0)
            fprintf(out, ",line=%" PRId64, line);
        fputc(',', out);
    }
    fputs("title=", out);
    command_text(out, title, true);
    fputs("::", out);
    command_text(out, message, false);
    fputc('\n', out);
}

/* One line per expectation, of the worst seed it has. */
static void
annotations_of(const struct campaign *campaign, FILE *out)
{
    sqlite3_stmt *query = db_query(
        campaign->db,
        "SELECT CASE max(CASE e.verdict WHEN 'FAIL' THEN 2 ELSE 1 END) WHEN 2 "
        "THEN 'error' ELSE 'warning' END, e.file, e.line, e.verdict || ': ' "
        "|| text, 'measured ' || measured || CASE WHEN r.seed IS NULL THEN "
        "' over the seeds' ELSE ?2 || r.seed END || CASE WHEN "
        "evidence='' THEN '' ELSE char(10) || evidence END FROM expectation e "
        "LEFT JOIN run r ON r.id=e.run WHERE e.campaign=?1 AND e.verdict IN "
        "('FAIL','INCONCLUSIVE') GROUP BY e.run IS NULL, number, text "
        "ORDER BY e.run IS NULL, number",
        campaign->id);

    sqlite3_bind_text(query, 2,
                      campaign_real(campaign) ? " in repeat " : " with seed ",
                      -1, SQLITE_STATIC);
    while (sqlite3_step(query) == SQLITE_ROW)
        annotation(out, db_text(query, 0), db_text(query, 1),
                   sqlite3_column_int64(query, 2), db_text(query, 3),
                   db_text(query, 4));
    sqlite3_finalize(query);
    query = db_query(campaign->db,
                     "SELECT oracle || ': ' || title, first, seed, "
                     "max(violations) FROM oracle o JOIN run r ON r.id=o.run "
                     "WHERE r.campaign=? AND violations > 0 GROUP BY oracle "
                     "ORDER BY oracle",
                     campaign->id);
    while (sqlite3_step(query) == SQLITE_ROW) {
        struct text title = {0};

        text_addf(&title, "Oracle %s, %s %s", db_text(query, 0),
                  campaign_real(campaign) ? "repeat" : "seed",
                  db_text(query, 2));
        annotation(out, "error", campaign->scenario_file, 0, title.data,
                   db_text(query, 1));
        text_fini(&title);
    }
    sqlite3_finalize(query);
}

/* Bounds between worlds that the scenario states. */
static void
annotations_compared(const struct campaign *campaign, FILE *out)
{
    sqlite3_stmt *query = db_query(
        campaign->db,
        "SELECT CASE state WHEN 'outside' THEN 'error' ELSE 'warning' END, "
        "metric || CASE args WHEN '' THEN '' ELSE '(' || args || ')' END || "
        "': ' || state, coalesce('difference ' || round(100 * difference, 1) "
        "|| ' %', 'no difference') || CASE WHEN " CAMPAIGN_FEW_RUNS
        " THEN ', few runs' ELSE '' END || CASE stage WHEN '' THEN '' ELSE '; "
        "' "
        "|| stage END FROM comparison WHERE second=? AND stated AND "
        "state<>'inside' ORDER BY rowid",
        campaign->id);

    while (sqlite3_step(query) == SQLITE_ROW)
        annotation(out, db_text(query, 0), campaign->scenario_file, 0,
                   db_text(query, 1), db_text(query, 2));
    sqlite3_finalize(query);
}

int
report_annotations(const char *db_path, FILE *out,
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
    if (partner.campaign != 0 &&
        campaign_open(&first, db_path, &partner, error, error_size) == 0) {
        annotations_of(&first, out);
        campaign_close(&first);
        annotations_compared(&campaign, out);
    }
    annotations_of(&campaign, out);
    campaign_close(&campaign);
    if (ferror(out)) {
        snprintf(error, error_size, "annotations: cannot be written");
        return ERR_IO;
    }
    return 0;
}
