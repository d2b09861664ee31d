/* SPDX-License-Identifier: Apache-2.0
 *
 * Oracles, alarms, what was not applicable, metrics, how to reproduce.
 */
#include <inttypes.h>
#include <string.h>

#include "reports/db_priv.h"
#include "reports/page_priv.h"

void
page_oracles(struct page *page)
{
    sqlite3_stmt *query = db_query(
        page->db,
        "SELECT oracle, title, sum(exercised), sum(violations), "
        "coalesce(max(CASE WHEN violations > 0 THEN ?2 || ' ' || seed || "
        "': ' || first END),'') FROM oracle o JOIN run r ON r.id=o.run "
        "WHERE r.campaign=?1 GROUP BY oracle ORDER BY min(o.rowid)",
        page->campaign);
    int idle = 0;
    int rows = 0;

    sqlite3_bind_text(query, 2, page_run_word(page), -1, SQLITE_STATIC);
    page_section(page, "oracles", "Oracles");
    page_table(page, "Properties that were watched in every event",
               "Oracle|Property|#Exercised|#Violations|Remark");
    while (sqlite3_step(query) == SQLITE_ROW) {
        bool never = sqlite3_column_int64(query, 2) == 0;
        bool broken = sqlite3_column_int64(query, 3) > 0;

        rows++;
        idle += never;
        page_markup(page, broken  ? "<tr class=\"broken\">"
                          : never ? "<tr class=\"idle\">"
                                  : "<tr>");
        page_cell(page, "code", db_text(query, 0));
        page_cell(page, "prose", db_text(query, 1));
        page_cell_count(page, (uint64_t)sqlite3_column_int64(query, 2));
        page_cell_count(page, (uint64_t)sqlite3_column_int64(query, 3));
        page_cell(page, "prose",
                  broken  ? db_text(query, 4)
                  : never ? "never exercised: proves nothing here"
                          : "held");
        page_markup(page, "</tr>\n");
    }
    sqlite3_finalize(query);
    page_table_end(page);
    if (rows == 0)
        page_markup(page, "<p>No oracle was attached to this run.</p>\n");
    if (idle > 0)
        text_addf(&page->out,
                  "<p class=\"note\"><b>%d of %d oracles never ran.</b> "
                  "Nothing in this scenario gave them anything to judge; "
                  "their silence is no evidence.</p>\n",
                  idle, rows);
    page_section_end(page);
}

void
page_alarms(struct page *page, int64_t run)
{
    int64_t count =
        db_integer(page->db, "SELECT count(*) FROM alarm WHERE run=?", run);
    sqlite3_stmt *query;

    if (count == 0)
        return;
    page_section(page, "alarms", "Alarms");
    query = db_query(page->db,
                     "SELECT raised_ps, cleared_ps, box, severity, name, text "
                     "FROM alarm WHERE run=? ORDER BY raised_ps, rowid LIMIT "
                     "100",
                     run);
    page_table(page, "Alarms raised by the NOS",
               "#Raised|#Cleared|Box|Severity|Alarm|Text");
    while (sqlite3_step(query) == SQLITE_ROW) {
        page_markup(page, "<tr>");
        page_cell_time(page, sqlite3_column_double(query, 0));
        if (sqlite3_column_type(query, 1) == SQLITE_NULL)
            page_cell(page, "n", "still raised");
        else
            page_cell_time(page, sqlite3_column_double(query, 1));
        page_cell(page, "code", db_text(query, 2));
        page_cell(page, NULL, db_text(query, 3));
        page_cell(page, "code", db_text(query, 4));
        page_cell(page, "prose", db_text(query, 5));
        page_markup(page, "</tr>\n");
    }
    sqlite3_finalize(query);
    page_table_end(page);
    if (count > 100)
        text_addf(&page->out,
                  "<p class=\"more\">The first 100 of %" PRId64
                  " alarms; the rest are in <code>results.db</code>.</p>\n",
                  count);
    page_section_end(page);
}

void
page_not_applicable(struct page *page)
{
    sqlite3_stmt *query = db_query(
        page->db,
        "SELECT text, reason, count(*) FROM not_applicable n JOIN run r ON "
        "r.id=n.run WHERE r.campaign=? GROUP BY text, reason ORDER BY "
        "min(n.rowid)",
        page->campaign);
    int rows = 0;

    page_section(page, "not-applicable", "Not applicable");
    while (sqlite3_step(query) == SQLITE_ROW) {
        if (rows++ == 0)
            page_table(page, "Asked for, but not possible in this world",
                       "What|Why not");
        page_markup(page, "<tr>");
        page_cell(page, "code prose", db_text(query, 0));
        page_cell(page, "prose", db_text(query, 1));
        page_markup(page, "</tr>\n");
    }
    sqlite3_finalize(query);
    if (rows > 0)
        page_table_end(page);
    else
        page_markup(page, "<p>Nothing: this world could do everything the "
                          "scenario asks for.</p>\n");
    page_section_end(page);
}

void
page_metrics(struct page *page, int64_t run)
{
    sqlite3_stmt *query = db_query(
        page->db,
        "SELECT name, args, value, unit, bound, samples FROM metric WHERE "
        "run=? ORDER BY rowid LIMIT 400",
        run);
    int rows = 0;

    while (sqlite3_step(query) == SQLITE_ROW) {
        int bound = sqlite3_column_int(query, 4);

        if (rows++ == 0) {
            page_section(page, "metrics", "Metrics");
            page_markup(page, "<details><summary>Every metric of the run"
                              "</summary>\n");
            page_table(page,
                       "Metrics; `sixnines describe metrics` explains "
                       "them",
                       "Metric|#Value|#Samples");
        }
        page_markup(page, "<tr><td class=\"code\">");
        page_text(page, db_text(query, 0));
        if (*db_text(query, 1) != '\0') {
            page_markup(page, "(");
            page_text(page, db_text(query, 1));
            page_markup(page, ")");
        }
        page_markup(page, "</td><td class=\"n\">");
        page_markup(page, bound > 0   ? "at most "
                          : bound < 0 ? "at least "
                                      : "");
        text_value(&page->out, sqlite3_column_double(query, 2),
                   db_text(query, 3));
        page_markup(page, "</td>");
        if (sqlite3_column_int64(query, 5) > 0)
            page_cell_count(page, (uint64_t)sqlite3_column_int64(query, 5));
        else
            page_cell(page, "n", "exact");
        page_markup(page, "</tr>\n");
    }
    sqlite3_finalize(query);
    if (rows > 0) {
        page_table_end(page);
        page_markup(page, "</details>\n");
        page_section_end(page);
    }
}

static void
fact(struct page *page, const char *name, const char *value)
{
    if (*value == '\0')
        return;
    page_markup(page, "<div><dt>");
    page_text(page, name);
    page_markup(page, "</dt><dd class=\"code\">");
    page_text(page, value);
    page_markup(page, "</dd></div>\n");
}

void
page_reproduce(struct page *page)
{
    sqlite3_stmt *query = db_query(
        page->db,
        "SELECT c.calibration, c.build, c.command, c.scenario_file, c.begun, "
        "r.replay_token, r.digest, r.seed FROM campaign c LEFT JOIN run r ON "
        "r.id=?1 WHERE c.id=(SELECT campaign FROM run WHERE id=?1)",
        page->shown_run);

    if (sqlite3_step(query) == SQLITE_ROW) {
        page_section(page, "reproduce", "Play it again");
        if (!page->real)
            page_markup(page,
                        "<p>The same sources, data, scenario and seed give "
                        "the same digest on any machine.</p>\n");
        page_replay(page, db_text(query, 5));
        page_markup(page, "<dl class=\"facts\">\n");
        fact(page, page->real ? "Repeat" : "Seed", db_text(query, 7));
        fact(page, "Digest", db_text(query, 6));
        fact(page, "CPU calibration", db_text(query, 0));
        fact(page, "Build", db_text(query, 1));
        fact(page, "Scenario file", db_text(query, 3));
        fact(page, "Command", db_text(query, 2));
        fact(page, "Begun", db_text(query, 4));
        page_markup(page, "</dl>\n");
        page_section_end(page);
    }
    sqlite3_finalize(query);
}
