/* SPDX-License-Identifier: Apache-2.0
 *
 * Two worlds that ran the same scenario, side by side.
 */
#include "reports/campaign_priv.h"
#include "reports/db_priv.h"
#include "reports/page_priv.h"
#include "reports/report.h"

/* Columns of a query over comparison. */
enum {
    COLUMN_METRIC,
    COLUMN_UNIT,
    COLUMN_FIRST, /* runs, median, low, high, quantiles */
    COLUMN_SECOND = COLUMN_FIRST + 5,
    COLUMN_DIFFERENCE = COLUMN_SECOND + 5,
    COLUMN_BOUND,
    COLUMN_STATED,
    COLUMN_STATE,
    COLUMN_STAGE,
    COLUMN_FEW
};

#define COMPARISON_ROWS                                                       \
    "SELECT metric || CASE args WHEN '' THEN '' ELSE '(' || args || ')' "     \
    "END, unit, first_runs, first_median, first_low, first_high, "            \
    "first_quantiles, second_runs, second_median, second_low, second_high, "  \
    "second_quantiles, difference, bound, stated, state, "                    \
    "stage, " CAMPAIGN_FEW_RUNS                                               \
    " FROM comparison WHERE second=? AND (state='stage')="

static void
side_cell(struct page *page, sqlite3_stmt *query, int first)
{
    const char *unit = db_text(query, COLUMN_UNIT);
    int64_t runs = sqlite3_column_int64(query, first);

    page_markup(page, "<td class=\"n\">");
    if (runs == 0) {
        page_markup(page, "no value</td>");
        return;
    }
    text_value(&page->out, sqlite3_column_double(query, first + 1), unit);
    page_markup(page, "<br><small>");
    text_value(&page->out, sqlite3_column_double(query, first + 2), unit);
    page_markup(page, " to ");
    text_value(&page->out, sqlite3_column_double(query, first + 3), unit);
    text_addf(&page->out, "%s, %lld run%s</small></td>",
              sqlite3_column_int(query, first + 4) != 0 ? " (p5 to p95)" : "",
              (long long)runs, runs == 1 ? "" : "s");
}

static const char *
few_mark(sqlite3_stmt *query)
{
    return sqlite3_column_int(query, COLUMN_FEW) != 0
               ? "<br><small>few runs</small>"
               : "";
}

static void
difference_cell(struct page *page, sqlite3_stmt *query, bool bounded)
{
    if (sqlite3_column_type(query, COLUMN_DIFFERENCE) == SQLITE_NULL) {
        page_cell(page, "n", "none");
        return;
    }
    text_addf(&page->out, "<td class=\"n\">%+.1f %%%s</td>",
              100 * sqlite3_column_double(query, COLUMN_DIFFERENCE),
              bounded ? "" : few_mark(query));
}

static void
bound_cell(struct page *page, sqlite3_stmt *query)
{
    bool stated = sqlite3_column_int(query, COLUMN_STATED) != 0;

    text_addf(&page->out, "<td class=\"n\">%g %%%s</td>",
              100 * sqlite3_column_double(query, COLUMN_BOUND),
              stated ? ", stated" : "");
}

static void
state_cell(struct page *page, sqlite3_stmt *query)
{
    page_markup(page, "<td>");
    page_text(page, db_text(query, COLUMN_STATE));
    page_markup(page, few_mark(query));
    page_markup(page, "</td>");
}

static int
rows(struct page *page, const char *sql, const char *caption,
     const char *columns, bool bounded)
{
    sqlite3_stmt *query = db_query(page->db, sql, page->campaign);
    int count = 0;

    while (sqlite3_step(query) == SQLITE_ROW) {
        if (count++ == 0)
            page_table(page, caption, columns);
        page_markup(page, "<tr>");
        page_cell(page, "code", db_text(query, COLUMN_METRIC));
        side_cell(page, query, COLUMN_FIRST);
        side_cell(page, query, COLUMN_SECOND);
        difference_cell(page, query, bounded);
        if (bounded) {
            bound_cell(page, query);
            state_cell(page, query);
            page_cell(page, "prose", db_text(query, COLUMN_STAGE));
        }
        page_markup(page, "</tr>\n");
    }
    sqlite3_finalize(query);
    if (count > 0)
        page_table_end(page);
    return count;
}

static void
world_text(struct page *page, int64_t id)
{
    sqlite3_stmt *query =
        db_query(page->db,
                 "SELECT world, calibration, verdict, (SELECT count(*) FROM "
                 "run WHERE campaign=c.id) FROM campaign c WHERE id=?",
                 id);

    if (sqlite3_step(query) == SQLITE_ROW) {
        page_markup(page, "world <b>");
        page_text(page, db_text(query, 0));
        page_markup(page, "</b> (CPU calibration ");
        page_text(page, db_text(query, 1));
        text_addf(&page->out, ", %lld runs, ",
                  (long long)sqlite3_column_int64(query, 3));
        page_text(page, db_text(query, 2));
        page_markup(page, ")");
    }
    sqlite3_finalize(query);
}

void
page_comparison(struct page *page, int64_t first)
{
    if (first == 0)
        return;
    page_section(page, "comparison",
                 page->real ? "Simulated against real" : "Simulated twice");
    page_markup(page, "<p>First: ");
    world_text(page, first);
    page_markup(page, "; <a href=\"" REPORT_FIRST_PAGE "\">its page</a>. "
                      "Second, on this page: ");
    world_text(page, page->campaign);
    text_addf(&page->out,
              ". Medians over the runs; the difference is a share of the "
              "first.</p>\n<p><b>Few runs:</b> a side has fewer than %d. "
              "From %d runs on, the smallest and the largest value enclose "
              "the median with 95 %% confidence; with fewer, the median may "
              "lie outside of what was seen, and inside or outside of a "
              "bound is said of these runs only.</p>\n",
              STATS_MEDIAN_SAMPLES, STATS_MEDIAN_SAMPLES);
    (void)rows(page, COMPARISON_ROWS "0 ORDER BY rowid",
               "Metrics of both worlds",
               "Metric|#First|#Second|#Difference|#Bound|State|Stage that "
               "differs most",
               true);
    (void)rows(page, COMPARISON_ROWS "1 ORDER BY rowid",
               "Where they part: stages of each event, from the traces of "
               "both",
               "Stage|#First|#Second|#Difference", false);
    page_section_end(page);
}
