/* SPDX-License-Identifier: Apache-2.0
 *
 * What happened in one run: the timeline and the outage ledger.
 */
#include <stdlib.h>
#include <string.h>

#include "reference-nos/base/check.h"
#include "reports/db_priv.h"
#include "reports/page_priv.h"

enum {
    LABELLED_EVENTS = 99,
    FOLDED_ROWS = 14,
    TIMELINE_ROWS = 200,
    LEDGER_ROWS = 100,
    GANTT_ROWS = 24,
    KINDS = 8
};

static double
run_duration_ps(struct page *page, int64_t run)
{
    return db_real(page->db,
                   "SELECT max((SELECT duration_ps FROM run WHERE id=?1),"
                   "coalesce((SELECT max(time_ps) FROM event WHERE run=?1),0),"
                   "coalesce((SELECT max(to_ps) FROM outage WHERE run=?1),0))",
                   run);
}

/* Rows of the timeline plot, bottom to top, and their colours. */
struct kinds {
    char names[KINDS][24];
    int count;
    bool labelled; /* Few enough events to number the marks. */
};

static const char *
kind_colour(const char *kind)
{
    if (strcmp(kind, "fault") == 0)
        return PLOT_BAD;
    if (strcmp(kind, "action") == 0)
        return PLOT_BLUE;
    return strcmp(kind, "state") == 0 ? plot_colours[3] : plot_colours[1];
}

static void
kinds_load(struct page *page, int64_t run, struct kinds *kinds)
{
    sqlite3_stmt *query = db_query(
        page->db,
        "SELECT kind FROM event WHERE run=? GROUP BY kind ORDER BY CASE kind "
        "WHEN 'fault' THEN 9 WHEN 'action' THEN 8 WHEN 'state' THEN 7 "
        "WHEN 'phase' THEN 6 ELSE 0 END, kind LIMIT 8",
        run);

    kinds->count = 0;
    while (kinds->count < KINDS && sqlite3_step(query) == SQLITE_ROW) {
        strncpy(kinds->names[kinds->count], db_text(query, 0), 23);
        kinds->names[kinds->count++][23] = '\0';
    }
    sqlite3_finalize(query);
}

/* Points of one kind, thinned to what a plot can show, and their numbers in
 * the table; numbers that would collide are joined ("3-5"). */
static void
kind_points(struct page *page, int64_t run, const struct kinds *kinds,
            int kind, struct time_axis axis, double gap, struct text *script)
{
    sqlite3_stmt *query = db_query(
        page->db,
        "SELECT time_ps, kind, row_number() OVER (ORDER BY time_ps, rowid) "
        "FROM event WHERE run=?1 ORDER BY time_ps, rowid",
        run);
    struct text labels = {0};
    double group_at = -1;
    double last_point = -1;
    int first = 0;
    int last = 0;
    int drawn = 0;

    text_addf(script, "$k%d << EOD\n", kind);
    while (sqlite3_step(query) == SQLITE_ROW) {
        double at = sqlite3_column_double(query, 0) / axis.unit_ps;
        int number = sqlite3_column_int(query, 2);

        if (strcmp(db_text(query, 1), kinds->names[kind]) != 0)
            continue;
        if (drawn < 2 || at - last_point > axis.end / PLOT_POINTS_LIMIT) {
            text_addf(script, "%.9g %d\n", at, kind + 1);
            last_point = at;
            drawn++;
        }
        if (group_at >= 0 && at - group_at < gap) {
            last = number;
            continue;
        }
        if (first == last && first > 0)
            text_addf(&labels, "%.9g %d %d\n", group_at, kind + 1, first);
        else if (first > 0)
            text_addf(&labels, "%.9g %d %d-%d\n", group_at, kind + 1, first,
                      last);
        group_at = at;
        first = number;
        last = number;
    }
    if (first > 0 && first == last)
        text_addf(&labels, "%.9g %d %d\n", group_at, kind + 1, first);
    else if (first > 0)
        text_addf(&labels, "%.9g %d %d-%d\n", group_at, kind + 1, first, last);
    text_addf(script, "EOD\n$l%d << EOD\n%sEOD\n", kind,
              labels.data != NULL && kinds->labelled ? labels.data : "");
    text_fini(&labels);
    sqlite3_finalize(query);
}

static struct plot *
timeline_plot(struct page *page, int64_t run, const struct kinds *kinds,
              struct time_axis axis, int width)
{
    struct plot *plot =
        plots_new(&page->plots, width, 90 + 42 * kinds->count,
                  "Timeline: a mark for each event, in a row per kind, over "
                  "time; the table below lists them.");
    struct text *s;
    int i;

    if (plot == NULL)
        return NULL;
    s = &plot->script;
    for (i = 0; i < kinds->count; i++)
        kind_points(page, run, kinds, i, axis,
                    axis.end * (width < 500 ? 0.09 : 0.035), s);
    text_addf(s,
              "unset key\nset xrange [%.9g:%.9g]\nset yrange [0.4:%d.7]\n"
              "set xlabel \"%s, %s\"\nset ytics scale 0 (",
              -axis.end * 0.015, axis.end * 1.02, kinds->count,
              page_time_word(page), axis.unit);
    for (i = 0; i < kinds->count; i++) {
        text_add(s, i > 0 ? "," : "");
        plot_tic(s, kinds->names[i], 12, i + 1);
    }
    text_add(s, ")\nplot ");
    for (i = 0; i < kinds->count; i++) {
        text_addf(s, "%s$k%d using 1:2 with points pt 7 ps 0.9 lc rgb \"%s\"",
                  i > 0 ? ", " : "", i, kind_colour(kinds->names[i]));
        if (kinds->labelled)
            text_addf(s,
                      ", $l%d using 1:2:3 with labels offset 0,0.9 "
                      "font \",10\"",
                      i);
    }
    return plot;
}

static void
timeline_table(struct page *page, int64_t run, int64_t count)
{
    sqlite3_stmt *query = db_query(
        page->db,
        "SELECT row_number() OVER (ORDER BY time_ps, rowid), time_ps, kind, "
        "name, target, text FROM event WHERE run=? ORDER BY time_ps, rowid "
        "LIMIT 200",
        run);

    page_table(page, "What happened, in order",
               "##|#Time|Kind|Name|Target|What");
    while (sqlite3_step(query) == SQLITE_ROW) {
        page_markup(page, "<tr>");
        page_cell(page, "n", db_text(query, 0));
        page_cell_time(page, sqlite3_column_double(query, 1));
        page_cell(page, NULL, db_text(query, 2));
        page_cell(page, "code", db_text(query, 3));
        page_cell(page, "code", db_text(query, 4));
        page_cell(page, "prose", db_text(query, 5));
        page_markup(page, "</tr>\n");
    }
    sqlite3_finalize(query);
    page_table_end(page);
    if (count > TIMELINE_ROWS)
        text_addf(&page->out,
                  "<p class=\"more\">The first %d of %lld events; the rest "
                  "are in <code>results.db</code>, table "
                  "<code>event</code>.</p>\n",
                  TIMELINE_ROWS, (long long)count);
}

void
page_timeline(struct page *page, int64_t run)
{
    struct time_axis axis = page_time_axis(run_duration_ps(page, run));
    int64_t count =
        db_integer(page->db, "SELECT count(*) FROM event WHERE run=?", run);
    struct kinds kinds;

    page_section(page, "timeline", "Timeline");
    if (count == 0) {
        page_markup(page, "<p>Nothing was planned and nothing was noted in "
                          "this run.</p>\n");
    } else {
        kinds_load(page, run, &kinds);
        kinds.labelled = count <= LABELLED_EVENTS;
        page_figure(page,
                    count > LABELLED_EVENTS
                        ? "Each mark is one event or several close together."
                        : "Numbers are rows of the table; a range stands for "
                          "several events close together.",
                    timeline_plot(page, run, &kinds, axis, WIDE_PIXELS),
                    timeline_plot(page, run, &kinds, axis, NARROW_PIXELS));
        if (count > FOLDED_ROWS)
            page_markup(page, "<details><summary>All events</summary>\n");
        timeline_table(page, run, count);
        if (count > FOLDED_ROWS)
            page_markup(page, "</details>\n");
    }
    page_section_end(page);
}

/* What one bar of the gantt plot stands for. */
static const char *const gantt_by_port =
    "SELECT box || ' ' || port AS who, sum(to_ps-from_ps) AS total, "
    "min(rowid) AS seq FROM outage WHERE run=? GROUP BY who "
    "ORDER BY total DESC, seq LIMIT 24";
static const char *const gantt_by_box =
    "SELECT box AS who, sum(to_ps-from_ps) AS total, min(rowid) AS seq "
    "FROM outage WHERE run=? GROUP BY who ORDER BY total DESC, seq LIMIT 24";

struct gantt {
    char *rows[GANTT_ROWS];
    int row_count;
    bool by_box;
};

static void
gantt_load(struct page *page, int64_t run, struct gantt *gantt)
{
    sqlite3_stmt *query;
    int64_t ports = db_integer(page->db,
                               "SELECT count(*) FROM (SELECT DISTINCT box, "
                               "port FROM outage WHERE run=?)",
                               run);

    gantt->by_box = ports > GANTT_ROWS;
    gantt->row_count = 0;
    query =
        db_query(page->db, gantt->by_box ? gantt_by_box : gantt_by_port, run);
    while (gantt->row_count < GANTT_ROWS && sqlite3_step(query) == SQLITE_ROW)
        gantt->rows[gantt->row_count++] = strdup(db_text(query, 0));
    sqlite3_finalize(query);
}

static int
gantt_row_find(const struct gantt *gantt, const char *name)
{
    int i;

    for (i = 0; i < gantt->row_count; i++) {
        if (strcmp(gantt->rows[i], name) == 0)
            return gantt->row_count - i;
    }
    return 0;
}

/* Bars of one kind: 0 unplanned, 1 planned, 2 degraded; the longest, once for
 * all ports of a box that were out together when rows are boxes.  A short
 * outage gets a bar that can still be seen. */
static bool
gantt_bars(struct page *page, int64_t run, const struct gantt *gantt,
           struct time_axis axis, int kind, struct text *script)
{
    static const char *const sql[] = {
        "SELECT from_ps, to_ps, box, port FROM outage WHERE run=?1 AND "
        "?2 = CASE WHEN degraded THEN 2 WHEN planned THEN 1 ELSE 0 END "
        "ORDER BY to_ps-from_ps DESC, rowid LIMIT 3000",
        "SELECT from_ps, to_ps, box FROM outage WHERE run=?1 AND "
        "?2 = CASE WHEN degraded THEN 2 WHEN planned THEN 1 ELSE 0 END "
        "GROUP BY box, from_ps, to_ps ORDER BY to_ps-from_ps DESC, "
        "min(rowid) LIMIT 3000"};
    sqlite3_stmt *query = db_query(page->db, sql[gantt->by_box], run);
    double least = axis.end * 0.004;
    int drawn = 0;

    sqlite3_bind_int(query, 2, kind);
    text_addf(script, "$b%d << EOD\n", kind);
    while (drawn < PLOT_POINTS_LIMIT && sqlite3_step(query) == SQLITE_ROW) {
        double from = sqlite3_column_double(query, 0) / axis.unit_ps;
        double to = sqlite3_column_double(query, 1) / axis.unit_ps;
        struct text name = {0};
        int row;

        text_add(&name, db_text(query, 2));
        if (!gantt->by_box)
            text_addf(&name, " %s", db_text(query, 3));
        row = gantt_row_find(gantt, name.data);
        text_fini(&name);
        if (row == 0)
            continue;
        to = to - from < least ? from + least : to;
        text_addf(script, "%.9g %d %.9g %.9g %.9g %.9g\n", from, row, from, to,
                  row - 0.32, row + 0.32);
        drawn++;
    }
    text_add(script, "EOD\n");
    sqlite3_finalize(query);
    return drawn > 0;
}

static struct plot *
gantt_plot(struct page *page, int64_t run, const struct gantt *gantt,
           struct time_axis axis, int width)
{
    static const char *const titles[] = {"unplanned", "planned",
                                         "degraded only"};
    static const char *const colours[] = {PLOT_BAD, PLOT_WARN, PLOT_BLUE};
    struct plot *plot =
        plots_new(&page->plots, width, 110 + 20 * gantt->row_count,
                  "Outages over time, a row per port or box, unplanned, "
                  "planned and degraded apart; the table below lists them.");
    bool any[3];
    struct text *s;
    const char *comma = "";
    int i;

    if (plot == NULL)
        return NULL;
    s = &plot->script;
    for (i = 0; i < 3; i++)
        any[i] = gantt_bars(page, run, gantt, axis, i, s);
    text_addf(s,
              "set xrange [0:%.9g]\nset yrange [0.4:%d.6]\n"
              "set xlabel \"%s, %s\"\nset ytics scale 0 (",
              axis.end * 1.01, gantt->row_count, page_time_word(page),
              axis.unit);
    for (i = 0; i < gantt->row_count; i++) {
        text_add(s, i > 0 ? "," : "");
        plot_tic(s, gantt->rows[i], width < 500 ? 16 : 28,
                 gantt->row_count - i);
    }
    text_add(s, width < 500 ? ")\nset key maxcols 1\nplot " : ")\nplot ");
    for (i = 0; i < 3; i++) {
        if (!any[i])
            continue;
        text_addf(s,
                  "%s$b%d using 1:2:3:4:5:6 with boxxyerror lc rgb \"%s\" "
                  "title '%s'",
                  comma, i, colours[i], titles[i]);
        comma = ", ";
    }
    return plot;
}

struct edge {
    double at;
    int change;
};

static int
edge_compare(const void *left, const void *right)
{
    const struct edge *a = left;
    const struct edge *b = right;

    if (a->at != b->at)
        return a->at < b->at ? -1 : 1;
    return a->change - b->change;
}

/* Starts and ends of all outages of a run, in order. */
static struct edge *
edges_load(struct page *page, int64_t run, size_t *count)
{
    int64_t rows = db_integer(
        page->db, "SELECT count(*) FROM outage WHERE run=? AND NOT degraded",
        run);
    struct edge *edges = calloc((size_t)rows * 2 + 1, sizeof(*edges));
    sqlite3_stmt *query = db_query(
        page->db,
        "SELECT from_ps, to_ps FROM outage WHERE run=? AND NOT degraded", run);
    size_t n = 0;

    CHECK(edges != NULL);
    while (n + 2 <= (size_t)rows * 2 && sqlite3_step(query) == SQLITE_ROW) {
        edges[n++] = (struct edge){sqlite3_column_double(query, 0), 1};
        edges[n++] = (struct edge){sqlite3_column_double(query, 1), -1};
    }
    sqlite3_finalize(query);
    qsort(edges, n, sizeof(*edges), edge_compare);
    *count = n;
    return edges;
}

/* All changes when a plot can show them, else the largest count of each of
 * 'PLOT_POINTS_LIMIT / 2' equal spans. */
static void
out_points(const struct edge *edges, size_t count, struct time_axis axis,
           struct text *s)
{
    bool thin = count > PLOT_POINTS_LIMIT;
    double span = axis.end / (PLOT_POINTS_LIMIT / 2);
    double next = 0;
    int out = 0;
    int peak = 0;
    int most = 0;
    size_t i;

    text_add(s, "$out << EOD\n0 0\n");
    for (i = 0; i < count; i++) {
        double at = edges[i].at / axis.unit_ps;

        for (; thin && at >= next + span; next += span) {
            text_addf(s, "%.9g %d\n", next, peak);
            peak = out;
        }
        out += edges[i].change;
        peak = out > peak ? out : peak;
        most = out > most ? out : most;
        if (!thin && (i + 1 == count || edges[i + 1].at > edges[i].at))
            text_addf(s, "%.9g %d\n", at, out);
    }
    if (thin)
        text_addf(s, "%.9g %d\n%.9g %d\n", next, peak, next + span, out);
    text_addf(s, "%.9g %d\nEOD\n", axis.end, out);
    if (most < 8)
        text_add(s, "set ytics 1\n");
}

static struct plot *
out_plot(struct page *page, const struct edge *edges, size_t count,
         struct time_axis axis, int width)
{
    struct plot *plot = plots_new(&page->plots, width, 220,
                                  "Number of ports out of service over time.");

    if (plot == NULL)
        return NULL;
    out_points(edges, count, axis, &plot->script);
    text_addf(&plot->script,
              "unset key\nset xrange [0:%.9g]\n"
              "set yrange [0:*]\nset offsets 0,0,graph 0.08,0\n"
              "set xlabel \"%s, %s\"\nset ylabel \"ports out\"\n"
              "plot $out using 1:2 with fillsteps lc rgb \"" PLOT_BAD
              "\" fs solid 0.25, $out using 1:2 with steps lw 1.5 lc rgb "
              "\"" PLOT_BAD "\"",
              axis.end * 1.01, page_time_word(page), axis.unit);
    return plot;
}

static void
ledger_plots(struct page *page, int64_t run)
{
    struct time_axis axis = page_time_axis(run_duration_ps(page, run));
    struct gantt gantt;
    struct edge *edges;
    size_t count;
    int i;

    gantt_load(page, run, &gantt);
    page_figure(page,
                gantt.by_box ? "Boxes with the most port time out of service, "
                               "at most 24, and their longest outages. A very "
                               "short one is drawn wide enough to be seen."
                             : "Every port that was out of service. A very "
                               "short outage is drawn wide enough to be seen.",
                gantt_plot(page, run, &gantt, axis, WIDE_PIXELS),
                gantt_plot(page, run, &gantt, axis, NARROW_PIXELS));
    for (i = 0; i < gantt.row_count; i++)
        free(gantt.rows[i]);
    edges = edges_load(page, run, &count);
    if (count > 0)
        page_figure(page,
                    count > PLOT_POINTS_LIMIT
                        ? "Ports out of service at one time; the largest "
                          "number in each of 500 equal spans."
                        : "Ports out of service at one time.",
                    out_plot(page, edges, count, axis, WIDE_PIXELS),
                    out_plot(page, edges, count, axis, NARROW_PIXELS));
    free(edges);
}

/* The ports of one ledger row: a name, or a count that opens. */
static void
ledger_ports(struct page *page, int count, const char *names)
{
    if (count == 1) {
        page_cell(page, "code", names);
        return;
    }
    text_addf(&page->out,
              "<td><details><summary>%d ports</summary>"
              "<span class=\"code prose\">",
              count);
    page_text(page, names);
    page_markup(page, "</span></details></td>");
}

static void
ledger_table(struct page *page, int64_t run)
{
    sqlite3_stmt *query = db_query(
        page->db,
        "SELECT box, count(*), group_concat(port, ', '), from_ps, to_ps, "
        "max(ongoing), CASE WHEN degraded THEN 'degraded only' WHEN planned "
        "THEN 'planned' ELSE 'unplanned' END AS kind, cause "
        "FROM (SELECT *, rowid AS seq FROM outage WHERE run=? ORDER BY rowid) "
        "GROUP BY box, from_ps, to_ps, kind, cause "
        "ORDER BY from_ps, min(seq)",
        run);
    int rows = 0;

    page_table(page, "Outage ledger: every interval and its cause",
               "Box|Port|#From|#Length|Kind|Cause");
    while (sqlite3_step(query) == SQLITE_ROW) {
        if (++rows > LEDGER_ROWS)
            continue;
        page_markup(page, "<tr>");
        page_cell(page, "code", db_text(query, 0));
        ledger_ports(page, sqlite3_column_int(query, 1), db_text(query, 2));
        page_cell_time(page, sqlite3_column_double(query, 3));
        page_markup(page, "<td class=\"n\">");
        text_time_ps(&page->out, sqlite3_column_double(query, 4) -
                                     sqlite3_column_double(query, 3));
        page_markup(page, sqlite3_column_int(query, 5)
                              ? "<br><small>not back at the end</small></td>"
                              : "</td>");
        page_cell(page, NULL, db_text(query, 6));
        page_cell(page, "prose", db_text(query, 7));
        page_markup(page, "</tr>\n");
    }
    sqlite3_finalize(query);
    page_table_end(page);
    if (rows > LEDGER_ROWS)
        text_addf(&page->out,
                  "<p class=\"more\">The first %d of %d rows; the rest are in "
                  "<code>results.db</code>, table <code>outage</code>.</p>\n",
                  LEDGER_ROWS, rows);
}

/* "12 unplanned on 12 ports: 34.2 s of port time, longest 3.1 s." */
static void
ledger_summary(struct page *page, int64_t run, const char *label,
               const char *where)
{
    struct text sql = {0};
    sqlite3_stmt *query;

    text_addf(&sql,
              "SELECT count(*), count(DISTINCT box || char(0) || port), "
              "total(to_ps-from_ps), max(to_ps-from_ps) FROM outage "
              "WHERE run=? AND %s",
              where);
    query = db_query(page->db, sql.data, run);
    if (sqlite3_step(query) == SQLITE_ROW &&
        sqlite3_column_int64(query, 0) > 0) {
        text_addf(&page->out, "<li><b>%s:</b> ", label);
        text_count(&page->out, (uint64_t)sqlite3_column_int64(query, 0));
        page_markup(page, sqlite3_column_int64(query, 0) == 1
                              ? " interval on "
                              : " intervals on ");
        text_count(&page->out, (uint64_t)sqlite3_column_int64(query, 1));
        page_markup(page, sqlite3_column_int64(query, 1) == 1 ? " port, "
                                                              : " ports, ");
        text_time_ps(&page->out, sqlite3_column_double(query, 2));
        page_markup(page, " of port time, the longest ");
        text_time_ps(&page->out, sqlite3_column_double(query, 3));
        page_markup(page, ".</li>\n");
    }
    sqlite3_finalize(query);
    text_fini(&sql);
}

void
page_ledger(struct page *page, int64_t run)
{
    int64_t ports =
        db_integer(page->db, "SELECT ports FROM run WHERE id=?", run);
    int64_t rows =
        db_integer(page->db, "SELECT count(*) FROM outage WHERE run=?", run);
    int64_t outages = db_integer(
        page->db, "SELECT count(*) FROM outage WHERE run=? AND NOT degraded",
        run);

    int64_t groups = db_integer(
        page->db,
        "SELECT count(*) FROM (SELECT DISTINCT box, from_ps, to_ps, cause "
        "FROM outage WHERE run=?)",
        run);
    bool fold;

    page_section(page, "ledger", "Outage ledger");
    if (outages == 0) {
        page_markup(page, "<p class=\"calm\"><b>No port was out of "
                          "service.</b> ");
        if (ports > 0) {
            text_count(&page->out, (uint64_t)ports);
            page_markup(page, " ports were watched from the first to the last "
                              "picosecond.");
        }
        page_markup(page, "</p>\n");
    }
    if (rows > 0) {
        page_markup(page, "<ul class=\"plain\">\n");
        ledger_summary(page, run, "Unplanned", "NOT planned AND NOT degraded");
        ledger_summary(page, run, "Planned", "planned AND NOT degraded");
        ledger_summary(page, run, "Degraded only, not an outage", "degraded");
        page_markup(page, "</ul>\n");
        ledger_plots(page, run);
        fold = groups > FOLDED_ROWS;
        if (fold)
            page_markup(page, "<details><summary>The ledger, row by row"
                              "</summary>\n");
        ledger_table(page, run);
        if (fold)
            page_markup(page, "</details>\n");
    }
    page_section_end(page);
}
