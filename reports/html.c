/* SPDX-License-Identifier: Apache-2.0
 *
 * report.html: verdict first, then its evidence.
 */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "reference-nos/base/check.h"
#include "reference-nos/base/err.h"
#include "reports/campaign_priv.h"
#include "reports/db_priv.h"
#include "reports/page_priv.h"
#include "reports/report.h"
#include "reports/report_css.h"

/* How each verdict looks and what it says, beside its colour. */
static const struct {
    const char *class_name;
    const char *word;
    const char *icon; /* Path in a 24 x 24 box. */
} verdict_looks[VERDICT_COUNT] = {
    [VERDICT_NONE] = {"open", "NOT JUDGED", "M12 6v7M12 17v.5"},
    [VERDICT_PASS] = {"pass", "PASS", "M5 12.5l4.5 4.5L19 7.5"},
    [VERDICT_FAIL] = {"fail", "FAIL", "M6.5 6.5l11 11M17.5 6.5l-11 11"},
    [VERDICT_INCONCLUSIVE] = {"open", "INCONCLUSIVE",
                              "M8.5 9a3.5 3.5 0 1 1 5 3.2c-1 .5-1.5 1-1.5 "
                              "2.3M12 18v.5"},
    [VERDICT_NOT_APPLICABLE] = {"open", "NOT APPLICABLE", "M6 12h12"},
};

static void
head(struct page *page, const struct campaign *campaign, enum verdict verdict)
{
    page_markup(page, "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n"
                      "<meta charset=\"utf-8\">\n<meta name=\"viewport\" "
                      "content=\"width=device-width, initial-scale=1\">\n"
                      "<meta name=\"color-scheme\" content=\"light dark\">\n"
                      "<meta name=\"generator\" content=\"sixnines\">\n"
                      "<title>");
    page_markup(page, verdict_looks[verdict].word);
    page_markup(page, ": ");
    page_text(page, campaign->scenario);
    page_markup(page, " - Sixnines</title>\n<style>\n");
    page_markup(page, report_css);
    page_markup(page, "</style>\n</head>\n<body>\n<a class=\"skip\" "
                      "href=\"#verdict\">To the verdict</a>\n<header>\n"
                      "<p class=\"brand\">Sixnines</p>\n<h1>");
    page_text(page, campaign->scenario);
    page_markup(page, "</h1>\n<p class=\"about\">");
    page_text(page, campaign->about);
    page_markup(page, "</p>\n</header>\n<main>\n");
}

/* How the expectations of one campaign came out. */
static void
expectations_sentence(struct page *page, const struct campaign *campaign)
{
    const int64_t *n = campaign->expectations;
    int64_t judged = n[VERDICT_PASS] + n[VERDICT_FAIL] +
                     n[VERDICT_INCONCLUSIVE] + n[VERDICT_NONE];

    if (n[VERDICT_FAIL] > 0)
        text_addf(&page->out,
                  "%" PRId64 " of %" PRId64 " judged expectations failed",
                  n[VERDICT_FAIL], judged);
    else if (judged == 0)
        page_markup(page, "No expectation was judged");
    else if (n[VERDICT_PASS] == judged)
        text_addf(&page->out,
                  judged == 1 ? "The one judged expectation holds"
                              : "All %" PRId64 " judged expectations hold",
                  judged);
    else
        text_addf(&page->out,
                  "%" PRId64 " of %" PRId64
                  " judged expectations hold, %" PRId64
                  " could not be decided",
                  n[VERDICT_PASS], judged, judged - n[VERDICT_PASS]);
    if (campaign->runs > 1)
        text_addf(&page->out, ", over %" PRId64 " %ss", campaign->runs,
                  campaign_real(campaign) ? "repeat" : "seed");
    page_markup(page, ".");
    if (campaign->violations > 0)
        text_addf(&page->out, " <b>Oracles saw %" PRId64 " violation%s.</b>",
                  campaign->violations, campaign->violations == 1 ? "" : "s");
    if (n[VERDICT_NOT_APPLICABLE] > 0)
        text_addf(&page->out, " %" PRId64 " not applicable.",
                  n[VERDICT_NOT_APPLICABLE]);
    if (campaign->runs > 1)
        text_addf(&page->out,
                  " Runs: %" PRId64 " PASS, %" PRId64 " FAIL, %" PRId64
                  " INCONCLUSIVE, %" PRId64 " not judged.",
                  campaign->run_verdicts[VERDICT_PASS],
                  campaign->run_verdicts[VERDICT_FAIL],
                  campaign->run_verdicts[VERDICT_INCONCLUSIVE],
                  campaign->run_verdicts[VERDICT_NONE]);
}

static void
bounds_sentence(struct page *page, const struct campaign_bounds *bounds)
{
    if (bounds->stated == 0) {
        page_markup(page, "The scenario states no bound between them.");
        return;
    }
    text_addf(&page->out, "<b>Between them: %s.</b> ",
              verdict_looks[campaign_bounds_verdict(bounds)].word);
    text_addf(&page->out, "%" PRId64 " of %" PRId64 " stated bound%s exceeded",
              bounds->outside, bounds->stated, bounds->stated == 1 ? "" : "s");
    if (bounds->unknown > 0)
        text_addf(&page->out, ", %" PRId64 " could not be decided",
                  bounds->unknown);
    page_markup(page, ".");
}

static void
world_sentence(struct page *page, const char *which,
               const struct campaign *campaign)
{
    text_addf(&page->out, "<b>%s world, ", which);
    page_text(page, campaign->world);
    text_addf(&page->out, ": %s.</b> ", verdict_looks[campaign->verdict].word);
    expectations_sentence(page, campaign);
}

/* The sentences under the word; the word is the worst of what they say. */
static void
verdict_sentences(struct page *page, const struct campaign *campaign,
                  const struct campaign *first)
{
    if (first == NULL) {
        expectations_sentence(page, campaign);
        if (campaign_is_first(campaign)) {
            page_markup(page, " This page is of world ");
            page_text(page, campaign->world);
            page_markup(page, " alone, the first of two.");
        }
        return;
    }
    world_sentence(page, "First", first);
    page_markup(page, " <a href=\"" REPORT_FIRST_PAGE
                      "#evidence\">Its evidence</a>.</p>\n<p>");
    world_sentence(page, "Second", campaign);
    page_markup(page, "</p>\n<p>");
    bounds_sentence(page, &campaign->bounds);
}

static void
state_note(struct page *page, const struct campaign *campaign)
{
    if (strcmp(campaign->state, "interrupted") == 0)
        page_markup(page, "<p class=\"note\"><b>This campaign was "
                          "interrupted.</b> What follows is what it had "
                          "written by then.</p>\n");
    else if (strcmp(campaign->state, "running") == 0)
        page_markup(page, "<p class=\"note\"><b>This campaign has not "
                          "ended.</b> It is still running, or was killed. "
                          "What follows is what it had written.</p>\n");
}

static void
fact_begin(struct page *page, const char *name)
{
    text_addf(&page->out, "<div><dt>%s</dt><dd>", name);
}

static void
fact_text(struct page *page, const char *name, const char *value)
{
    if (*value == '\0')
        return;
    fact_begin(page, name);
    page_text(page, value);
    page_markup(page, "</dd></div>\n");
}

/* Sums over the seeds; token and size of the run that is shown. */
static void
run_facts(struct page *page)
{
    bool many = page->run_count > 1;
    bool real = page->real;
    sqlite3_stmt *query = db_query(
        page->db,
        "SELECT seed, boxes, ports, total(a.duration_ps), total(a.events), "
        "total(a.wall_ns), boot_ps, replay_token FROM (SELECT seed, boxes, "
        "ports, boot_ps, replay_token, campaign FROM run WHERE id=?) s JOIN "
        "(SELECT campaign, duration_ps, events, wall_ns FROM run) a ON "
        "a.campaign=s.campaign GROUP BY s.campaign",
        page->shown_run);

    if (sqlite3_step(query) == SQLITE_ROW) {
        fact_begin(page, "Boxes");
        text_count(&page->out, (uint64_t)sqlite3_column_int64(query, 1));
        page_markup(page, ", ");
        text_count(&page->out, (uint64_t)sqlite3_column_int64(query, 2));
        page_markup(page, " ports</dd></div>\n");
        fact_begin(page, real ? "Ran" : "Simulated");
        if (many)
            text_addf(&page->out, "%" PRId64 " %ss, ", page->run_count,
                      page_run_word(page));
        text_time_ps(&page->out, sqlite3_column_double(query, 3));
        if (!many && sqlite3_column_double(query, 6) > 0) {
            page_markup(page, ", after a boot of ");
            text_time_ps(&page->out, sqlite3_column_double(query, 6));
        }
        page_markup(page, "</dd></div>\n");
        fact_begin(page, real ? "Observations" : "Events");
        text_count(&page->out, (uint64_t)sqlite3_column_int64(query, 4));
        if (sqlite3_column_double(query, 5) > 0) {
            page_markup(page, " in ");
            text_time_ps(&page->out, sqlite3_column_double(query, 5) * 1e3);
        }
        page_markup(page, "</dd></div>\n");
        if (!many)
            fact_text(page, real ? "Repeat" : "Seed", db_text(query, 0));
        if (*db_text(query, 7) != '\0') {
            fact_begin(page,
                       many ? "Replay token, worst seed" : "Replay token");
            page_markup(page, "<code>");
            page_text(page, db_text(query, 7));
            page_markup(page, "</code></dd></div>\n");
        }
    }
    sqlite3_finalize(query);
}

static void
world_fact(struct page *page, const struct campaign *campaign,
           const struct campaign *first)
{
    fact_begin(page, "World");
    page_text(page, campaign->world);
    if (first != NULL) {
        page_markup(page, ", after ");
        page_text(page, first->world);
    }
    page_markup(page, "</dd></div>\n");
}

static void
verdict_banner(struct page *page, const struct campaign *campaign,
               const struct campaign *first)
{
    enum verdict verdict = campaign_overall(campaign, first);

    text_addf(&page->out,
              "<section id=\"verdict\" class=\"banner %s\" "
              "aria-labelledby=\"verdict-word\">\n<div class=\"word\">"
              "<svg class=\"icon\" viewBox=\"0 0 24 24\" width=\"56\" "
              "height=\"56\" aria-hidden=\"true\"><circle cx=\"12\" cy=\"12\" "
              "r=\"11\"/><path d=\"%s\"/></svg>\n"
              "<div><h2 id=\"verdict-word\">%s</h2><p>",
              verdict_looks[verdict].class_name, verdict_looks[verdict].icon,
              verdict_looks[verdict].word);
    verdict_sentences(page, campaign, first);
    page_markup(page, "</p></div></div>\n<dl class=\"facts\">\n");
    world_fact(page, campaign, first);
    fact_text(page, "Cluster", campaign->preset);
    run_facts(page);
    fact_text(page, "CPU calibration", campaign->calibration);
    fact_text(page, "Build", campaign->build);
    fact_text(page, "Begun", campaign->begun);
    page_markup(page, "</dl>\n</section>\n");
    state_note(page, campaign);
}

static void
place_cell(struct page *page, const char *file, int64_t line)
{
    page_markup(page, "<td class=\"code\">");
    page_text(page, file);
    if (line > 0)
        text_addf(&page->out, ":%" PRId64, line);
    page_markup(page, "</td>");
}

static void
evidence_rows(struct page *page, const char *sql, int64_t id)
{
    sqlite3_stmt *query = db_query(page->db, sql, id);

    while (sqlite3_step(query) == SQLITE_ROW) {
        page_markup(page, "<tr>");
        page_cell_verdict(page, verdict_from_name(db_text(query, 0)));
        page_cell(page, "code prose", db_text(query, 1));
        page_cell(page, "n short", db_text(query, 2));
        page_cell(page, "prose lines", db_text(query, 3));
        place_cell(page, db_text(query, 4), sqlite3_column_int64(query, 5));
        page_markup(page, "</tr>\n");
    }
    sqlite3_finalize(query);
}

/* One row per expectation: how many seeds ended how, and the worst of them. */
static void
evidence_of_seeds(struct page *page)
{
    sqlite3_stmt *query = db_query(
        page->db,
        "SELECT text, sum(e.verdict='PASS'), sum(e.verdict='FAIL'), "
        "sum(e.verdict='INCONCLUSIVE' OR e.verdict='NONE'), "
        "sum(e.verdict='NOT-APPLICABLE'), max(CASE e.verdict WHEN 'FAIL' THEN "
        "3 WHEN 'INCONCLUSIVE' THEN 2 WHEN 'NONE' THEN 2 ELSE 0 END), "
        "?2 || ' ' || r.seed || ': ' || e.measured || CASE WHEN e.evidence='' "
        "THEN '' ELSE char(10) || e.evidence END, e.file, e.line "
        "FROM expectation e JOIN run r ON r.id=e.run WHERE e.campaign=?1 "
        "AND e.number NOT IN (SELECT number FROM expectation WHERE "
        "campaign=?1 AND run IS NULL) GROUP BY e.number, text ORDER BY "
        "e.number",
        page->campaign);

    sqlite3_bind_text(query, 2, page_run_word(page), -1, SQLITE_STATIC);
    page_table(page, "Expectations of every run",
               page->real ? "Verdict|Expectation|#PASS|#FAIL|#Open|A repeat "
                            "that did not pass|Where"
                          : "Verdict|Expectation|#PASS|#FAIL|#Open|A seed "
                            "that did not pass|Where");
    while (sqlite3_step(query) == SQLITE_ROW) {
        enum verdict verdict = VERDICT_NOT_APPLICABLE;

        if (sqlite3_column_int(query, 2) > 0)
            verdict = VERDICT_FAIL;
        else if (sqlite3_column_int(query, 3) > 0)
            verdict = VERDICT_INCONCLUSIVE;
        else if (sqlite3_column_int(query, 1) > 0)
            verdict = VERDICT_PASS;
        page_markup(page, "<tr>");
        page_cell_verdict(page, verdict);
        page_cell(page, "code prose", db_text(query, 0));
        page_cell_count(page, (uint64_t)sqlite3_column_int64(query, 1));
        page_cell_count(page, (uint64_t)sqlite3_column_int64(query, 2));
        page_cell_count(page, (uint64_t)sqlite3_column_int64(query, 3));
        page_cell(page, "prose lines",
                  verdict == VERDICT_FAIL || verdict == VERDICT_INCONCLUSIVE
                      ? db_text(query, 6)
                      : "");
        place_cell(page, db_text(query, 7), sqlite3_column_int64(query, 8));
        page_markup(page, "</tr>\n");
    }
    sqlite3_finalize(query);
    page_table_end(page);
}

static void
evidence(struct page *page, const struct campaign *campaign,
         const struct campaign *first)
{
    bool over_seeds = db_integer(page->db,
                                 "SELECT count(*) FROM expectation WHERE "
                                 "campaign=? AND run IS NULL",
                                 page->campaign) > 0;

    page_section(page, "evidence", "Evidence");
    if (first != NULL) {
        page_markup(page, "<p>Of the second world, ");
        page_text(page, campaign->world);
        page_markup(page, "; that of the first, ");
        page_text(page, first->world);
        page_markup(page, ", is on <a href=\"" REPORT_FIRST_PAGE
                          "#evidence\">its own page</a>.</p>\n");
    }
    page_markup(page, "<div class=\"stack\">\n");
    if (over_seeds) {
        page_table(page, "Expectations over all seeds",
                   "Verdict|Expectation|#Measured|Evidence|Where");
        evidence_rows(page,
                      "SELECT verdict, text, measured, evidence, file, line "
                      "FROM expectation WHERE campaign=? AND run IS NULL "
                      "ORDER BY number",
                      page->campaign);
        page_table_end(page);
    }
    if (page->run_count <= 1) {
        page_table(page, "Expectations of the scenario",
                   "Verdict|Expectation|#Measured|Evidence|Where");
        evidence_rows(page,
                      "SELECT verdict, text, measured, evidence, file, line "
                      "FROM expectation WHERE run=? ORDER BY number",
                      page->shown_run);
        page_table_end(page);
    }
    page_markup(page, "</div>\n");
    if (page->run_count > 1)
        evidence_of_seeds(page);
    page_section_end(page);
}

static void
other_campaigns(struct page *page)
{
    sqlite3_stmt *query = db_query(
        page->db,
        "SELECT id, scenario, verdict, state, begun, (SELECT count(*) FROM "
        "run WHERE campaign=c.id) FROM campaign c WHERE id<>? ORDER BY id "
        "DESC LIMIT 50",
        page->campaign);
    int rows = 0;

    while (sqlite3_step(query) == SQLITE_ROW) {
        if (rows++ == 0) {
            page_section(page, "others", "Other campaigns in this file");
            page_table(page,
                       "Show one with `sixnines report results.db "
                       "--campaign N`",
                       "#N|Scenario|Verdict|State|#Runs|Begun");
        }
        page_markup(page, "<tr>");
        page_cell(page, "n", db_text(query, 0));
        page_cell(page, NULL, db_text(query, 1));
        page_cell_verdict(page, verdict_from_name(db_text(query, 2)));
        page_cell(page, NULL, db_text(query, 3));
        page_cell(page, "n", db_text(query, 5));
        page_cell(page, NULL, db_text(query, 4));
        page_markup(page, "</tr>\n");
    }
    sqlite3_finalize(query);
    if (rows > 0) {
        page_table_end(page);
        page_section_end(page);
    }
}

static void
body(struct page *page, const struct campaign *campaign,
     const struct campaign *first)
{
    bool many = page->run_count > 1;

    verdict_banner(page, campaign, first);
    page_markup(page, "\x01nav\x02");
    evidence(page, campaign, first);
    page_comparison(page, first != NULL ? first->id : 0);
    page_search(page);
    page_packets(page);
    if (many)
        page_seeds(page);
    if (many)
        page_availability(page);
    if (page->shown_run != 0) {
        if (many) {
            text_addf(&page->out,
                      "<p class=\"divider\">The worst %s in detail</p>\n",
                      page_run_word(page));
        }
        page_timeline(page, page->shown_run);
        page_ledger(page, page->shown_run);
        if (!many)
            page_availability(page);
        page_load(page, page->shown_run);
        page_alarms(page, page->shown_run);
        page_metrics(page, page->shown_run);
    }
    if (many)
        page_markup(page, "<p class=\"divider\">The whole campaign</p>\n");
    page_oracles(page);
    page_not_applicable(page);
    if (many)
        page_seed_table(page);
    page_reproduce(page);
    other_campaigns(page);
    page_markup(page, "</main>\n<footer><p>Derived from <code>results.db"
                      "</code>, the source of truth.</p></footer>\n</body>\n"
                      "</html>\n");
}

/* Links to every section, from the page itself. */
static void
nav_add(const char *page, struct text *out)
{
    const char *at = page;

    text_add(out, "<nav aria-label=\"Sections\"><ul>\n");
    while ((at = strstr(at, "<section id=\"")) != NULL) {
        const char *id = at + strlen("<section id=\"");
        const char *heading = strstr(id, "<h2 id=\"");
        const char *end = strchr(id, '"');

        at = id;
        if (heading == NULL || strncmp(id, "verdict", 7) == 0)
            continue;
        heading = strchr(heading, '>') + 1;
        text_addf(out, "<li><a href=\"#%.*s\">%.*s</a></li>\n",
                  (int)(end - id), id, (int)strcspn(heading, "<"), heading);
    }
    text_add(out, "</ul></nav>\n");
}

static void
plot_add(const struct plots *plots, int index, struct text *out)
{
    if (index < plots->count && plots->items[index]->svg.length > 0) {
        text_add(out, plots->items[index]->svg.data);
        return;
    }
    text_add(out, "<p class=\"missing\">This plot was not drawn: ");
    text_markup(out, plots->reason[0] != '\0' ? plots->reason
                                              : "gnuplot gave no drawing");
    text_add(out, ".</p>\n");
}

/* Puts plots and links where the marks stand. */
static void
marks_fill(const struct page *page, struct text *out)
{
    const char *rest = page->out.data;

    while (*rest != '\0') {
        size_t plain = strcspn(rest, "\x01");
        const char *end = strchr(rest + plain, '\x02');

        text_add_bytes(out, rest, plain);
        rest += plain;
        if (*rest == '\0')
            break;
        CHECK(end != NULL); /* Escaped text holds no marks. */
        if (strncmp(rest + 1, "nav", 3) == 0)
            nav_add(page->out.data, out);
        else
            plot_add(&page->plots, atoi(rest + 1), out);
        rest = end + 1;
    }
}

static int
page_write(const struct campaign *campaign, const struct campaign *first,
           const char *out_path, const struct report_options *options,
           char *error, size_t error_size)
{
    struct page page = {
        .db = campaign->db,
        .campaign = campaign->id,
        .run_count = campaign->runs,
        .shown_run = campaign->worst_run,
        .real = campaign_real(campaign),
    };
    struct text whole = {0};
    int err;

    head(&page, campaign, campaign_overall(campaign, first));
    body(&page, campaign, first);
    plots_draw(&page.plots, options != NULL ? options->gnuplot : NULL);
    marks_fill(&page, &whole);
    err = text_save(&whole, out_path, error, error_size);
    text_fini(&whole);
    text_fini(&page.out);
    plots_fini(&page.plots);
    return err;
}

int
report_html(const char *db_path, const char *out_path,
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
        err =
            page_write(&campaign, NULL, out_path, options, error, error_size);
    } else {
        err = campaign_open(&first, db_path, &partner, error, error_size);
        if (err == 0) {
            err = page_write(&campaign, &first, out_path, options, error,
                             error_size);
            campaign_close(&first);
        }
    }
    campaign_close(&campaign);
    return err;
}
