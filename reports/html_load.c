/* SPDX-License-Identifier: Apache-2.0
 *
 * Messages and CPU per box, by lane and by service.
 */
#include <stdlib.h>
#include <string.h>

#include "reference-nos/base/check.h"
#include "reports/db_priv.h"
#include "reports/page_priv.h"

enum { PARTS_LIMIT = PLOT_COLOURS, WIDE_BOXES = 100, NARROW_BOXES = 14 };

/* Boxes by parts (lanes or services). */
struct matrix {
    char **boxes;
    size_t box_count;
    char *parts[PARTS_LIMIT];
    size_t part_count;
    double *cells; /* box * PARTS_LIMIT + part */
};

static void
matrix_fini(struct matrix *matrix)
{
    size_t i;

    for (i = 0; i < matrix->box_count; i++)
        free(matrix->boxes[i]);
    for (i = 0; i < matrix->part_count; i++)
        free(matrix->parts[i]);
    free(matrix->boxes);
    free(matrix->cells);
}

/* The largest parts first named; what does not fit becomes "other". */
static void
parts_load(struct page *page, int64_t run, const char *kind,
           const char *column, struct matrix *matrix)
{
    struct text sql = {0};
    sqlite3_stmt *query;

    text_addf(&sql,
              "SELECT name FROM load WHERE run=? AND kind='%s' GROUP BY name "
              "HAVING total(%s) > 0 ORDER BY %s LIMIT %d",
              kind, column,
              strcmp(kind, "lane") == 0 ? "min(rowid)" : "total(cpu_ns) DESC",
              PARTS_LIMIT);
    query = db_query(page->db, sql.data, run);
    while (matrix->part_count < PARTS_LIMIT &&
           sqlite3_step(query) == SQLITE_ROW)
        matrix->parts[matrix->part_count++] = strdup(db_text(query, 0));
    sqlite3_finalize(query);
    text_fini(&sql);
    if (matrix->part_count == PARTS_LIMIT) {
        free(matrix->parts[PARTS_LIMIT - 1]);
        matrix->parts[PARTS_LIMIT - 1] = strdup("other");
    }
}

static size_t
part_find(const struct matrix *matrix, const char *name)
{
    size_t i;

    for (i = 0; i + 1 < matrix->part_count; i++) {
        if (strcmp(matrix->parts[i], name) == 0)
            break;
    }
    return i;
}

static void
matrix_load(struct page *page, int64_t run, const char *kind,
            const char *column, struct matrix *matrix)
{
    struct text sql = {0};
    sqlite3_stmt *query;
    size_t boxes = (size_t)db_integer(
        page->db, "SELECT count(DISTINCT box) FROM load WHERE run=?", run);

    memset(matrix, 0, sizeof(*matrix));
    parts_load(page, run, kind, column, matrix);
    matrix->boxes = calloc(boxes + 1, sizeof(*matrix->boxes));
    matrix->cells = calloc((boxes + 1) * PARTS_LIMIT, sizeof(double));
    CHECK(matrix->boxes != NULL && matrix->cells != NULL);
    text_addf(&sql,
              "SELECT l.box, l.name, total(l.%s) FROM load l JOIN (SELECT "
              "box, min(rowid) AS seq FROM load WHERE run=?1 GROUP BY box) o "
              "ON o.box=l.box WHERE l.run=?1 AND l.kind='%s' "
              "GROUP BY o.seq, l.name ORDER BY o.seq",
              column, kind);
    query = db_query(page->db, sql.data, run);
    while (sqlite3_step(query) == SQLITE_ROW) {
        const char *box = db_text(query, 0);
        size_t n = matrix->box_count;

        if (n == 0 || strcmp(matrix->boxes[n - 1], box) != 0) {
            if (n == boxes)
                break;
            matrix->boxes[matrix->box_count++] = strdup(box);
            n = matrix->box_count;
        }
        matrix->cells[(n - 1) * PARTS_LIMIT +
                      part_find(matrix, db_text(query, 1))] +=
            sqlite3_column_double(query, 2);
    }
    sqlite3_finalize(query);
    text_fini(&sql);
}

static double
box_total(const struct matrix *matrix, size_t box)
{
    double total = 0;
    size_t part;

    for (part = 0; part < matrix->part_count; part++)
        total += matrix->cells[box * PARTS_LIMIT + part];
    return total;
}

/* The box whose total is the n-th largest is drawn if it is within 'limit';
 * ties go to the earlier box. */
static bool
box_is_busy(const struct matrix *matrix, size_t box, size_t limit)
{
    double total = box_total(matrix, box);
    size_t before = 0;
    size_t i;

    for (i = 0; i < matrix->box_count; i++) {
        double other = box_total(matrix, i);

        before += other > total || (other == total && i < box);
    }
    return before < limit;
}

static size_t
matrix_data(const struct matrix *matrix, double scale, size_t limit,
            struct text *s)
{
    size_t shown = 0;
    size_t box;
    size_t part;

    text_add(s, "$d << EOD\n");
    for (box = 0; box < matrix->box_count; box++) {
        if (!box_is_busy(matrix, box, limit))
            continue;
        text_addf(s, "%zu", ++shown);
        for (part = 0; part < matrix->part_count; part++)
            text_addf(s, " %.6g",
                      matrix->cells[box * PARTS_LIMIT + part] * scale);
        text_add(s, "\n");
    }
    text_add(s, "EOD\nset xtics scale 0 rotate by 90 right font \",10\" (");
    shown = 0;
    for (box = 0; box < matrix->box_count; box++) {
        if (!box_is_busy(matrix, box, limit))
            continue;
        text_add(s, shown > 0 ? "," : "");
        plot_tic(s, matrix->boxes[box], 12, (int)++shown);
    }
    text_add(s, ")\n");
    return shown;
}

static struct plot *
matrix_plot(struct page *page, const struct matrix *matrix, const char *alt,
            const char *axis, double scale, bool narrow)
{
    struct plot *plot =
        plots_new(&page->plots, narrow ? NARROW_PIXELS : WIDE_PIXELS,
                  narrow ? 320 : 340, alt);
    struct text *s;
    size_t shown;
    size_t part;

    if (plot == NULL)
        return NULL;
    s = &plot->script;
    shown = matrix_data(matrix, scale, narrow ? NARROW_BOXES : WIDE_BOXES, s);
    if (narrow)
        text_add(s, "set key maxcols 2\n");
    text_addf(s,
              "set boxwidth 0.8\nunset grid\nset grid y back lc rgb "
              "\"" PLOT_FAINT "\" lw 1 dt 1\n"
              "set xrange [0.4:%zu.6]\nset yrange [0:*]\nset ylabel \"%s\"\n"
              "plot ",
              shown, axis);
    for (part = matrix->part_count; part-- > 0;) {
        size_t i;

        /* Boxes from zero to the sum so far; larger sums first. */
        text_add(s, "$d using 1:(0");
        for (i = 0; i <= part; i++)
            text_addf(s, "+$%zu", i + 2);
        text_addf(s, ") with boxes lc rgb \"%s\" title ", plot_colours[part]);
        plot_quote(s, matrix->parts[part], 14);
        text_add(s, part > 0 ? ", " : "");
    }
    return plot;
}

static bool
matrix_figure(struct page *page, int64_t run, const char *kind,
              const char *column, double scale, const char *axis,
              const char *alt, const char *caption)
{
    struct matrix matrix;
    struct text full = {0};
    bool any;

    matrix_load(page, run, kind, column, &matrix);
    any = matrix.part_count > 0 && matrix.box_count > 0;
    if (any) {
        text_add(&full, caption);
        if (matrix.box_count > WIDE_BOXES)
            text_addf(&full, " The %d busiest of %zu boxes.", WIDE_BOXES,
                      matrix.box_count);
        else if (matrix.box_count > NARROW_BOXES)
            text_addf(&full, " A narrow screen shows the %d busiest.",
                      NARROW_BOXES);
        page_figure(page, full.data,
                    matrix_plot(page, &matrix, alt, axis, scale, false),
                    matrix_plot(page, &matrix, alt, axis, scale, true));
        text_fini(&full);
    }
    matrix_fini(&matrix);
    return any;
}

/* Per role and lane or service: totals, and the busiest box. */
static void
role_table(struct page *page, int64_t run, const char *kind,
           const char *caption, const char *columns, const char *by)
{
    bool lane = strcmp(kind, "lane") == 0;
    struct text sql = {0};
    sqlite3_stmt *query;

    text_addf(&sql,
              "SELECT role, name, total(messages), total(bytes), "
              "total(cpu_ns), count(DISTINCT box), max(%s), box FROM load l "
              "WHERE run=?1 AND kind='%s' GROUP BY role, name "
              "HAVING total(messages) + total(cpu_ns) > 0 ORDER BY (SELECT "
              "min(rowid) FROM load o WHERE o.run=?1 AND o.kind=l.kind AND "
              "o.role=l.role AND o.name=l.name)",
              by, kind);
    query = db_query(page->db, sql.data, run);
    page_markup(page, "<details><summary>");
    page_text(page, caption);
    page_markup(page, "</summary>\n");
    page_table(page, caption, columns);
    while (sqlite3_step(query) == SQLITE_ROW) {
        page_markup(page, "<tr>");
        page_cell(page, NULL, db_text(query, 0));
        page_cell(page, NULL, db_text(query, 1));
        page_cell_count(page, (uint64_t)sqlite3_column_int64(query, 5));
        page_cell_count(page, (uint64_t)sqlite3_column_int64(query, 2));
        page_markup(page, "<td class=\"n\">");
        if (lane)
            text_size(&page->out, sqlite3_column_double(query, 3));
        else
            text_time_ps(&page->out, sqlite3_column_double(query, 4) * 1e3);
        page_markup(page, "</td><td class=\"code\">");
        page_text(page, db_text(query, 7));
        page_markup(page, "</td><td class=\"n\">");
        if (lane)
            text_count(&page->out, (uint64_t)sqlite3_column_int64(query, 6));
        else
            text_time_ps(&page->out, sqlite3_column_double(query, 6) * 1e3);
        page_markup(page, "</td></tr>\n");
    }
    sqlite3_finalize(query);
    text_fini(&sql);
    page_table_end(page);
    page_markup(page, "</details>\n");
}

void
page_load(struct page *page, int64_t run)
{
    double seconds = db_real(
        page->db, "SELECT (duration_ps + boot_ps) / 1e12 FROM run WHERE id=?",
        run);
    double per_second = seconds > 0 ? 1 / seconds : 1;
    bool lanes;
    bool services;

    page_section(page, "load", "Message and CPU load");
    lanes = matrix_figure(
        page, run, "lane", "messages", per_second, "messages per second",
        "Messages sent per second by each box, stacked by lane.",
        "Messages sent between boxes, by sender and lane, averaged over the "
        "run.");
    services = matrix_figure(
        page, run, "service", "cpu_ns", per_second / 1e7, "% of one core",
        "CPU time charged to each box, stacked by service, in percent of one "
        "core.",
        "CPU time charged by the model, by box and service, averaged over the "
        "run.");
    if (!lanes && !services)
        page_markup(page, "<p>This run recorded no load.</p>\n");
    if (lanes)
        role_table(page, run, "lane", "Messages by role and lane",
                   "Role|Lane|#Boxes|#Messages|#Bytes|Busiest box|#Its "
                   "messages",
                   "messages");
    if (services)
        role_table(page, run, "service", "CPU time by role and service",
                   "Role|Service|#Boxes|#Messages|#CPU time|Busiest box|#Its "
                   "CPU time",
                   "cpu_ns");
    page_section_end(page);
}
