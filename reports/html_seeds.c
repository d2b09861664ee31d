/* SPDX-License-Identifier: Apache-2.0
 *
 * Campaigns of many seeds: distributions, the worst seed, the table of runs.
 */
#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "reference-nos/base/check.h"
#include "reports/db_priv.h"
#include "reports/page_priv.h"
#include "reports/stats.h"

enum { METRICS_LIMIT = 12, BINS = 24, SEED_ROWS = 100 };

#define CONFIDENCE 0.95

struct sample {
    char *name; /* "switchover.write-outage(pull)". */
    char *metric;
    char *args;
    char *unit;
    double *values; /* Sorted. */
    size_t count;
    bool has_limit;
    double limit;
};

static void
sample_fini(struct sample *sample)
{
    free(sample->name);
    free(sample->metric);
    free(sample->args);
    free(sample->unit);
    free(sample->values);
}

/* Values over the seeds, only exact ones: a bound is no sample. */
static void
sample_values(struct page *page, struct sample *sample)
{
    sqlite3_stmt *query =
        db_query(page->db,
                 "SELECT m.value FROM metric m JOIN run r ON r.id=m.run WHERE "
                 "r.campaign=?1 AND m.name=?2 AND m.args=?3 AND m.bound=0 "
                 "ORDER BY m.rowid",
                 page->campaign);

    sqlite3_bind_text(query, 2, sample->metric, -1, SQLITE_STATIC);
    sqlite3_bind_text(query, 3, sample->args, -1, SQLITE_STATIC);
    sample->values =
        calloc((size_t)page->run_count + 1, sizeof(*sample->values));
    CHECK(sample->values != NULL);
    while (sample->count < (size_t)page->run_count &&
           sqlite3_step(query) == SQLITE_ROW)
        sample->values[sample->count++] = sqlite3_column_double(query, 0);
    sqlite3_finalize(query);
    stats_sort(sample->values, sample->count);
}

/* The metrics worth a distribution: those an expectation over seeds compares
 * come first, then those that differ between seeds. */
static size_t
samples_load(struct page *page, struct sample *samples)
{
    sqlite3_stmt *query = db_query(
        page->db,
        "SELECT m.name, m.args, min(m.unit), max(e.limit_value), "
        "count(e.rowid) AS asked FROM metric m JOIN run r ON r.id=m.run "
        "LEFT JOIN (SELECT min(rowid) AS rowid, metric, metric_args, "
        "limit_value FROM expectation WHERE campaign=?1 AND run IS NULL GROUP "
        "BY metric, metric_args) e ON e.metric=m.name AND "
        "e.metric_args IN ('', m.args) WHERE r.campaign=?1 AND m.bound=0 "
        "GROUP BY m.name, m.args HAVING asked > 0 OR "
        "min(m.value) < max(m.value) ORDER BY asked > 0 DESC, min(m.rowid) "
        "LIMIT 12",
        page->campaign);
    size_t count = 0;

    while (count < METRICS_LIMIT && sqlite3_step(query) == SQLITE_ROW) {
        struct sample *sample = &samples[count++];
        struct text name = {0};

        memset(sample, 0, sizeof(*sample));
        sample->metric = strdup(db_text(query, 0));
        sample->args = strdup(db_text(query, 1));
        sample->unit = strdup(db_text(query, 2));
        sample->has_limit = sqlite3_column_type(query, 3) != SQLITE_NULL;
        sample->limit = sqlite3_column_double(query, 3);
        text_add(&name, sample->metric);
        if (*sample->args != '\0')
            text_addf(&name, "(%s)", sample->args);
        sample->name = name.data;
        sample_values(page, sample);
    }
    sqlite3_finalize(query);
    return count;
}

/* Seconds are drawn in a unit that fits their size. */
static double
display_unit(const struct sample *sample, const char **unit)
{
    double largest = sample->values[sample->count - 1];

    *unit = sample->unit;
    if (strcmp(sample->unit, "s") != 0)
        return 1;
    if (sample->has_limit)
        largest = fmax(largest, sample->limit);
    if (largest < 1e-3)
        *unit = "\xc2\xb5s";
    else if (largest < 1)
        *unit = "ms";
    return largest < 1e-3 ? 1e6 : largest < 1 ? 1e3 : 1;
}

static void
limit_draw(const struct sample *sample, double scale, struct text *s)
{
    if (!sample->has_limit)
        return;
    text_addf(s,
              "set arrow from %.9g,graph 0 to %.9g,graph 1 nohead lw 1.5 dt 2 "
              "lc rgb \"" PLOT_WARN "\" front\n"
              "set label \"limit \" at %.9g,graph 0.94 right front\n",
              sample->limit * scale, sample->limit * scale,
              sample->limit * scale);
}

/* From below the smallest to above the largest of values and limit. */
static void
range_draw(const struct sample *sample, double scale, const char *unit,
           struct text *s)
{
    double low = sample->values[0] * scale;
    double high = sample->values[sample->count - 1] * scale;
    struct text label = {0};
    double margin;

    text_addf(&label, "%.40s%s%s", sample->name, *unit != '\0' ? ", " : "",
              unit);
    if (sample->has_limit) {
        low = fmin(low, sample->limit * scale);
        high = fmax(high, sample->limit * scale);
    }
    margin = high > low ? (high - low) * 0.05 : fmax(fabs(high), 1) * 0.1;
    text_addf(s,
              "unset key\nset xrange [%.9g:%.9g]\nset xtics autofreq\n"
              "set xlabel ",
              low >= 0 && low < margin ? 0 : low - margin, high + margin);
    plot_quote(s, label.data, 52);
    text_add(s, "\n");
    text_fini(&label);
}

static struct plot *
ecdf_plot(struct page *page, const struct sample *sample)
{
    struct text alt = {0};
    struct plot *plot;
    struct text *s;
    const char *unit;
    double scale = display_unit(sample, &unit);
    size_t step = sample->count / PLOT_POINTS_LIMIT + 1;
    size_t i;

    text_addf(&alt, "Share of %ss whose %s is at most the value below.",
              page_run_word(page), sample->name);
    plot = plots_new(&page->plots, HALF_PIXELS, 250, alt.data);
    text_fini(&alt);
    if (plot == NULL)
        return NULL;
    s = &plot->script;
    text_addf(s, "$e << EOD\n%.9g 0\n", sample->values[0] * scale);
    for (i = step - 1; i < sample->count; i += step)
        text_addf(s, "%.9g %.6g\n", sample->values[i] * scale,
                  (double)(i + 1) / (double)sample->count);
    text_add(s, "EOD\n");
    range_draw(sample, scale, unit, s);
    limit_draw(sample, scale, s);
    text_addf(s,
              "set yrange [0:1.03]\nset ylabel \"share of %ss\"\n"
              "plot $e using 1:2 with steps lw 2 lc rgb \"" PLOT_BLUE "\"",
              page_run_word(page));
    return plot;
}

static struct plot *
histogram_plot(struct page *page, const struct sample *sample)
{
    struct text alt = {0};
    struct plot *plot;
    struct text *s;
    const char *unit;
    double scale = display_unit(sample, &unit);
    double low = sample->values[0];
    double width = (sample->values[sample->count - 1] - low) / BINS;
    size_t bins[BINS] = {0};
    size_t i;

    text_addf(&alt, "Number of %ss by %s.", page_run_word(page), sample->name);
    plot = plots_new(&page->plots, HALF_PIXELS, 250, alt.data);
    text_fini(&alt);
    if (plot == NULL)
        return NULL;
    s = &plot->script;
    if (width <= 0) {
        width = fmax(fabs(low), 1) * 0.02;
        low -= width / 2;
    }
    for (i = 0; i < sample->count; i++) {
        double at = (sample->values[i] - low) / width;

        bins[at >= BINS ? BINS - 1 : (size_t)at]++;
    }
    text_add(s, "$h << EOD\n");
    for (i = 0; i < BINS; i++)
        text_addf(s, "%.9g %zu\n", (low + width * ((double)i + 0.5)) * scale,
                  bins[i]);
    text_add(s, "EOD\n");
    range_draw(sample, scale, unit, s);
    limit_draw(sample, scale, s);
    text_addf(s,
              "set boxwidth %.9g\nset yrange [0:*]\nset ylabel \"%ss\"\n"
              "plot $h using 1:2 with boxes lc rgb \"" PLOT_BLUE "\"",
              width * scale * 0.94, page_run_word(page));
    return plot;
}

/* "1.2 s (1.1 s to 1.3 s)", "at least 1.2 s", "too few seeds". */
static void
quantile_cell(struct page *page, const struct sample *sample, double p)
{
    struct stats_quantile q =
        stats_quantile(sample->values, sample->count, p, CONFIDENCE);

    page_markup(page, "<td class=\"n\">");
    switch (q.support) {
    case STATS_NUMBER:
        text_value(&page->out, q.value, sample->unit);
        page_markup(page, "<br><small>");
        text_value(&page->out, q.interval.low, sample->unit);
        page_markup(page, " to ");
        text_value(&page->out, q.interval.high, sample->unit);
        page_markup(page, "</small>");
        break;
    case STATS_UPPER_BOUND:
        page_markup(page, "at most ");
        text_value(&page->out, q.value, sample->unit);
        break;
    case STATS_LOWER_BOUND:
        page_markup(page, "at least ");
        text_value(&page->out, q.value, sample->unit);
        break;
    case STATS_NOTHING:
        text_addf(&page->out, "too few %ss", page_run_word(page));
        break;
    }
    page_markup(page, "</td>");
}

static void
sample_row(struct page *page, const struct sample *sample)
{
    struct stats_mean mean =
        stats_mean(sample->values, sample->count, CONFIDENCE);

    page_markup(page, "<tr>");
    page_cell(page, "code", sample->name);
    page_cell_count(page, sample->count);
    page_markup(page, "<td class=\"n\">");
    text_value(&page->out, mean.mean, sample->unit);
    if (mean.has_interval) {
        page_markup(page, "<br><small>");
        text_value(&page->out, mean.interval.low, sample->unit);
        page_markup(page, " to ");
        text_value(&page->out, mean.interval.high, sample->unit);
        page_markup(page, "</small>");
    }
    page_markup(page, "</td>");
    quantile_cell(page, sample, 0.5);
    quantile_cell(page, sample, 0.9);
    quantile_cell(page, sample, 0.99);
    page_markup(page, "<td class=\"n\">");
    text_value(&page->out, sample->values[sample->count - 1], sample->unit);
    page_markup(page, "</td></tr>\n");
}

static void
distributions(struct page *page)
{
    struct sample samples[METRICS_LIMIT];
    size_t count = samples_load(page, samples);
    size_t i;

    if (count == 0) {
        text_addf(&page->out,
                  "<p>Every metric had the same value with every %s.</p>\n",
                  page_run_word(page));
        return;
    }
    for (i = 0; i < count; i++) {
        text_add(&page->out, "<h3 class=\"code\">");
        page_text(page, samples[i].name);
        page_markup(page, "</h3>\n<div class=\"pair\">\n");
        page_figure(page,
                    page->real ? "Share of repeats at or below a value."
                               : "Share of seeds at or below a value.",
                    ecdf_plot(page, &samples[i]), NULL);
        page_figure(page, page->real ? "Repeats by value." : "Seeds by value.",
                    histogram_plot(page, &samples[i]), NULL);
        page_markup(page, "</div>\n");
    }
    page_table(page,
               "Small print is the 95 % interval, and a quantile that the "
               "runs cannot support is only a bound",
               page->real ? "Metric|#Repeats|#Mean|#p50|#p90|#p99|#Largest"
                          : "Metric|#Seeds|#Mean|#p50|#p90|#p99|#Largest");
    for (i = 0; i < count; i++) {
        sample_row(page, &samples[i]);
        sample_fini(&samples[i]);
    }
    page_table_end(page);
}

static void
worst_seed(struct page *page)
{
    sqlite3_stmt *query = db_query(
        page->db,
        "SELECT seed, verdict, replay_token, (SELECT count(*) FROM "
        "expectation WHERE run=?1 AND verdict='FAIL'), (SELECT "
        "total(to_ps-from_ps) FROM outage WHERE run=?1 AND NOT planned AND "
        "NOT degraded) FROM run WHERE id=?1",
        page->shown_run);

    if (sqlite3_step(query) == SQLITE_ROW) {
        int failed = sqlite3_column_int(query, 3);

        text_addf(&page->out, "<div class=\"callout\"><p><b>Worst %s: ",
                  page_run_word(page));
        page_text(page, db_text(query, 0));
        page_markup(page, "</b>, ");
        page_text(page, db_text(query, 1));
        if (failed > 0)
            text_addf(&page->out, ", %d expectation%s failed", failed,
                      failed == 1 ? "" : "s");
        page_markup(page, ", unplanned outage ");
        text_time_ps(&page->out, sqlite3_column_double(query, 4));
        page_markup(page, " of port time.</p>\n");
        page_replay(page, db_text(query, 2));
        page_markup(page, "</div>\n");
    }
    sqlite3_finalize(query);
}

void
page_seeds(struct page *page)
{
    page_section(page, "seeds",
                 page->real ? "Over the repeats" : "Over the seeds");
    worst_seed(page);
    distributions(page);
    page_section_end(page);
}

void
page_seed_table(struct page *page)
{
    sqlite3_stmt *query = db_query(
        page->db,
        "SELECT r.seed, r.verdict, r.state, coalesce(o.down,0), r.events, "
        "r.digest, r.replay_token FROM run r LEFT JOIN (SELECT run, "
        "total(to_ps-from_ps) AS down FROM outage WHERE NOT planned AND NOT "
        "degraded GROUP BY run) o ON o.run=r.id WHERE r.campaign=? ORDER BY "
        "CASE r.verdict WHEN 'FAIL' THEN 0 WHEN 'NONE' THEN 1 WHEN "
        "'INCONCLUSIVE' THEN 2 ELSE 3 END, coalesce(o.down,0) DESC, r.id "
        "LIMIT 100",
        page->campaign);

    page_section(page, "runs", "Every run");
    page_markup(
        page, page->real ? "<details><summary>Repeats, worst first</summary>\n"
                         : "<details><summary>Seeds, worst first</summary>\n");
    page_table(page, "Runs of this campaign, worst first",
               page->real ? "#Repeat|Verdict|State|#Unplanned outage|"
                            "#Observations|Digest"
                          : "#Seed|Verdict|State|#Unplanned outage|#Events|"
                            "Digest|Replay token");
    while (sqlite3_step(query) == SQLITE_ROW) {
        page_markup(page, "<tr>");
        page_cell(page, "n", db_text(query, 0));
        page_cell_verdict(page, verdict_from_name(db_text(query, 1)));
        page_cell(page, NULL, db_text(query, 2));
        page_cell_time(page, sqlite3_column_double(query, 3));
        page_cell_count(page, (uint64_t)sqlite3_column_int64(query, 4));
        page_cell(page, "code", db_text(query, 5));
        if (!page->real)
            page_cell(page, "code", db_text(query, 6));
        page_markup(page, "</tr>\n");
    }
    sqlite3_finalize(query);
    page_table_end(page);
    if (page->run_count > SEED_ROWS)
        text_addf(&page->out,
                  "<p class=\"more\">The first %d of %" PRId64
                  " runs; the rest are in <code>results.db</code>.</p>\n",
                  SEED_ROWS, page->run_count);
    page_markup(page, "</details>\n");
    page_section_end(page);
}
