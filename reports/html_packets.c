/* SPDX-License-Identifier: Apache-2.0
 *
 * Packets: latency by flow and by stage, throughput, loss and its cause, over
 * all runs of the campaign.
 */
#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "reference-nos/base/check.h"
#include "reports/db_priv.h"
#include "reports/packets_priv.h"
#include "reports/page_priv.h"
#include "reports/results.h"

enum { FLOW_ROWS = 40, SEEDS_SHOWN = 100, LABEL_BYTES = 26 };

/* A curve keeps a point each time it has fallen by this factor. */
#define CURVE_STEP 0.94

/* Where there is no room for two names beside each other. */
#define KEY_COLUMN "set key maxcols 1 maxrows 8\n"

#define COUNT(query, column) ((uint64_t)sqlite3_column_int64(query, column))

/* The unit of an axis that begins at 'low_ps'. */
static const char *
axis_unit(double low_ps, double *unit_ps)
{
    *unit_ps = low_ps >= 1e9 ? 1e9 : low_ps >= 1e5 ? 1e6 : 1e3;
    return *unit_ps == 1e9 ? "ms" : *unit_ps == 1e6 ? "\xc2\xb5s" : "ns";
}

static void
time_cell(struct page *page, uint64_t samples, double time_ps)
{
    if (samples == 0)
        page_cell(page, "n", "none");
    else
        page_cell_time(page, time_ps);
}

static void
quantile_cell(struct page *page, const struct latency *latency, double p)
{
    struct stats_quantile q =
        latency_quantile_of(latency, p, LATENCY_CONFIDENCE);

    page_markup(page, "<td class=\"n\">");
    switch (q.support) {
    case STATS_NUMBER:
        text_time_ps(&page->out, q.value);
        if (q.interval.low == q.interval.high)
            break;
        page_markup(page, "<br><small>");
        text_time_ps(&page->out, q.interval.low);
        page_markup(page, "<br>to ");
        text_time_ps(&page->out, q.interval.high);
        page_markup(page, "</small>");
        break;
    case STATS_UPPER_BOUND:
        page_markup(page, "at most<br>");
        text_time_ps(&page->out, q.value);
        break;
    case STATS_LOWER_BOUND:
        page_markup(page, "at least<br>");
        text_time_ps(&page->out, q.value);
        break;
    case STATS_NOTHING: page_markup(page, "too few"); break;
    }
    page_markup(page, "</td>");
}

static size_t
flow_count(const struct packets *packets)
{
    size_t flows = 0;

    for (size_t i = 0; i < packets->count; i++)
        flows += packets->series[i].is_total;
    return flows;
}

static void
more_flows(struct page *page, size_t flows)
{
    if (flows > FLOW_ROWS)
        text_addf(&page->out,
                  "<p class=\"more\">The first %d of %zu flows; the rest are "
                  "in <code>results.db</code>.</p>\n",
                  FLOW_ROWS, flows);
}

static void
flow_table(struct page *page, const struct packets *packets)
{
    size_t rows = 0;

    page_table(page,
               "From the time a packet was meant to be sent to its last bit "
               "at the receiver",
               "Flow|#Packets|#p50|#p90|#p99|#p99.9|#p99.99|#p99.999|"
               "#p99.9999|#Largest");
    for (size_t i = 0; i < packets->count && rows < FLOW_ROWS; i++) {
        const struct packets_series *series = &packets->series[i];

        if (!series->is_total)
            continue;
        rows++;
        page_markup(page, "<tr>");
        page_cell(page, NULL, series->flow);
        page_cell_count(page, series->latency.samples);
        for (unsigned q = 0; q < LATENCY_QUANTILES; q++)
            quantile_cell(page, &series->latency, latency_quantiles[q]);
        time_cell(page, series->latency.samples,
                  (double)latency_max_ps(&series->latency));
        page_markup(page, "</tr>\n");
    }
    page_table_end(page);
    more_flows(page, flow_count(packets));
    page_markup(page,
                "<p class=\"more\">Small: the 95 % interval from order "
                "statistics, with no shape assumed. It takes packets as "
                "independent; those that met in one queue are not, so only "
                "other seeds show the rest.</p>\n");
}

/* Ticks at 1, 2, 5 of each decade. */
static void
log_tics(struct text *s, double low, double high)
{
    static const double steps[] = {1, 2, 5};
    double decade = pow(10, floor(log10(low)));
    const char *separator = "";

    text_add(s, "set xtics (");
    for (; decade <= high; decade *= 10) {
        for (size_t i = 0; i < 3; i++) {
            double at = decade * steps[i];

            if (at < low || at > high)
                continue;
            text_addf(s, "%s\"%.9g\" %.9g", separator, at, at);
            separator = ",";
        }
    }
    text_add(s, ")\n");
}

/* From a little below the smallest latency drawn to above the largest. */
static void
curve_range(const struct packets_series *const *curves, size_t count,
            double *low_ps, double *high_ps)
{
    *low_ps = HUGE_VAL;
    *high_ps = 0;
    for (size_t i = 0; i < count; i++) {
        const struct latency *latency = &curves[i]->latency;

        *low_ps = fmin(*low_ps, (double)latency->parts[0].low_ps);
        *high_ps = fmax(*high_ps, (double)latency_max_ps(latency));
    }
    *low_ps = fmax(*low_ps, 1) / 1.1;
    *high_ps = fmax(*high_ps, *low_ps * 2) * 1.1;
}

/* Steps: so many took longer than this; the last is one packet. */
static void
curve_data(struct text *s, size_t number, const struct latency *latency,
           double unit_ps)
{
    double last = 1;
    uint64_t above = latency->samples;
    double low_ps = fmax((double)latency->parts[0].low_ps, 1);

    text_addf(s, "$c%zu << EOD\n%.9g 1\n", number, low_ps / unit_ps);
    for (size_t i = 0; i + 1 < latency->part_count; i++) {
        double share;

        above -= latency->parts[i].count;
        share = (double)above / (double)latency->samples;
        if (share > last * CURVE_STEP && i + 2 < latency->part_count)
            continue;
        text_addf(s, "%.9g %.6g\n",
                  fmax((double)latency->parts[i].high_ps, 1) / unit_ps, share);
        last = share;
    }
    low_ps = fmax((double)latency_max_ps(latency), 1);
    text_addf(s, "%.9g %.6g\n%.9g %.6g\nEOD\n", low_ps / unit_ps, last,
              low_ps / unit_ps, 1 / (double)latency->samples);
}

/* A bar across each quantile that is a number. */
static void
interval_data(struct text *s, size_t number, const struct latency *latency,
              double unit_ps)
{
    text_addf(s, "$i%zu << EOD\n", number);
    for (unsigned q = 1; q < LATENCY_QUANTILES; q++) {
        double p = latency_quantiles[q];
        struct stats_quantile is =
            latency_quantile_of(latency, p, LATENCY_CONFIDENCE);

        if (is.support == STATS_NUMBER)
            text_addf(s, "%.9g %.6g\n%.9g %.6g\n\n",
                      fmax(is.interval.low, 1) / unit_ps, 1 - p,
                      fmax(is.interval.high, 1) / unit_ps, 1 - p);
    }
    text_add(s, "EOD\n");
}

static struct plot *
curve_plot(struct page *page, const struct packets_series *const *curves,
           size_t count, bool narrow)
{
    struct plot *plot = plots_new(
        &page->plots, narrow ? NARROW_PIXELS : WIDE_PIXELS,
        narrow ? 300 + 17 * (int)count : 380,
        "Share of packets that took longer, by latency, on logarithmic axes.");
    struct text *s;
    double low_ps, high_ps, unit_ps;
    double least = 1e-3;
    const char *unit;

    if (plot == NULL)
        return NULL;
    s = &plot->script;
    curve_range(curves, count, &low_ps, &high_ps);
    for (size_t i = 0; i < count; i++)
        least = fmin(least, 0.5 / (double)curves[i]->latency.samples);
    unit = axis_unit(low_ps, &unit_ps);
    for (size_t i = 0; i < count; i++) {
        curve_data(s, i, &curves[i]->latency, unit_ps);
        interval_data(s, i, &curves[i]->latency, unit_ps);
    }
    text_addf(s, "set logscale xy\nset xrange [%.9g:%.9g]\n", low_ps / unit_ps,
              high_ps / unit_ps);
    log_tics(s, low_ps / unit_ps, high_ps / unit_ps);
    text_addf(
        s,
        "set yrange [%.3g:1]\nset ytics (\"all\" 1, \"p90\" 0.1, "
        "\"p99\" 0.01, \"p99.9\" 1e-3, \"p99.99\" 1e-4, \"p99.999\" "
        "1e-5, \"p99.9999\" 1e-6, \"1 in 10 M\" 1e-7, \"1 in 100 M\" "
        "1e-8, \"1 in 1 G\" 1e-9)\n"
        "set xlabel \"latency, %s\"\nset ylabel \"took longer\"\n%splot ",
        least, unit, narrow ? KEY_COLUMN : "");
    for (size_t i = 0; i < count; i++) {
        const char *colour = plot_colours[i % PLOT_COLOURS];

        text_addf(s, "%s$c%zu using 1:2 with steps lw 2 lc rgb \"%s\" title ",
                  i > 0 ? ", " : "", i, colour);
        plot_quote(s, curves[i]->flow, LABEL_BYTES);
        text_addf(s, ", $i%zu using 1:2 with lines lw 5 lc rgb \"%s\" notitle",
                  i, colour);
    }
    return plot;
}

static void
curves(struct page *page, const struct packets *packets)
{
    const struct packets_series *drawn[PLOT_COLOURS];
    size_t count = 0;

    for (size_t i = 0; i < packets->count && count < PLOT_COLOURS; i++) {
        const struct packets_series *series = &packets->series[i];

        if (series->is_total && series->latency.samples > 0)
            drawn[count++] = series;
    }
    if (count > 0)
        page_figure(page,
                    "How many packets took longer than a given time. Thick: "
                    "the 95 % interval of each quantile that the samples "
                    "support.",
                    curve_plot(page, drawn, count, false),
                    curve_plot(page, drawn, count, true));
}

/* Mean times of the stages of the flows that have stages. */
struct stages {
    const struct packets_series *flows[PLOT_COLOURS];
    size_t flow_count;
    const char *names[PLOT_COLOURS];
    size_t name_count;
    double mean_ps[PLOT_COLOURS][PLOT_COLOURS]; /* flow, stage */
};

static size_t
stage_find(struct stages *stages, const char *name)
{
    size_t i = 0;

    while (i < stages->name_count && strcmp(stages->names[i], name) != 0)
        i++;
    if (i == stages->name_count && i < PLOT_COLOURS)
        stages->names[stages->name_count++] = name;
    return i < PLOT_COLOURS ? i : PLOT_COLOURS - 1;
}

static void
stages_gather(const struct packets *packets, struct stages *stages)
{
    const struct packets_series *flow = NULL;

    *stages = (struct stages){0};
    for (size_t i = 0; i < packets->count; i++) {
        const struct packets_series *series = &packets->series[i];
        bool first = flow == NULL || strcmp(flow->flow, series->flow) != 0;

        if (series->is_total || series->latency.sum_ps <= 0)
            continue; /* Nor do stages without any time show. */
        if (first && stages->flow_count == PLOT_COLOURS)
            return;
        if (first)
            stages->flows[stages->flow_count++] = flow = series;
        stages->mean_ps[stages->flow_count - 1]
                       [stage_find(stages, series->stage)] +=
            series->latency.sum_ps / (double)series->latency.samples;
    }
}

/* Of the longest bar. */
static double
stages_longest(const struct stages *stages)
{
    double longest = 0;

    for (size_t f = 0; f < stages->flow_count; f++) {
        double sum = 0;

        for (size_t n = 0; n < stages->name_count; n++)
            sum += stages->mean_ps[f][n];
        longest = fmax(longest, sum);
    }
    return longest;
}

static void
stage_data(const struct stages *stages, double unit_ps, struct text *s)
{
    double from[PLOT_COLOURS] = {0};

    for (size_t n = 0; n < stages->name_count; n++) {
        text_addf(s, "$s%zu << EOD\n", n);
        for (size_t f = 0; f < stages->flow_count; f++) {
            double to = from[f] + stages->mean_ps[f][n] / unit_ps;

            text_addf(s, "%.9g %zu %.9g %.9g %zu.66 %zu.34\n",
                      (from[f] + to) / 2, f + 1, from[f], to, f, f + 1);
            from[f] = to;
        }
        text_add(s, "EOD\n");
    }
}

static struct plot *
stage_plot(struct page *page, const struct stages *stages, bool narrow)
{
    int height = 110 + 38 * (int)stages->flow_count +
                 (narrow ? 17 * (int)stages->name_count : 0);
    struct plot *plot =
        plots_new(&page->plots, narrow ? NARROW_PIXELS : WIDE_PIXELS, height,
                  "Mean time of packets in each stage, stacked, by flow.");
    double longest_ps = stages_longest(stages);
    double unit_ps;
    const char *unit = axis_unit(longest_ps, &unit_ps);
    struct text *s;

    if (plot == NULL)
        return NULL;
    s = &plot->script;
    stage_data(stages, unit_ps, s);
    text_add(s, "set ytics scale 0 (");
    for (size_t f = 0; f < stages->flow_count; f++) {
        text_add(s, f > 0 ? "," : "");
        plot_tic(s, stages->flows[f]->flow, narrow ? 12 : LABEL_BYTES,
                 (int)f + 1);
    }
    text_addf(s,
              ")\nunset grid\nset grid x back lc rgb \"" PLOT_FAINT "\" lw 1 "
              "dt 1\nset yrange [%zu.5:0.5]\nset xrange [0:%.9g]\nset xlabel "
              "\"mean time, %s\"\n%splot ",
              stages->flow_count, fmax(longest_ps, 1) * 1.03 / unit_ps, unit,
              narrow ? KEY_COLUMN : "");
    for (size_t n = 0; n < stages->name_count; n++) {
        text_addf(s,
                  "%s$s%zu using 1:2:3:4:5:6 with boxxyerror lc rgb \"%s\" "
                  "title ",
                  n > 0 ? ", " : "", n, plot_colours[n]);
        plot_quote(s, stages->names[n], 18);
    }
    return plot;
}

static void
stage_table(struct page *page, const struct packets *packets)
{
    size_t rows = 0;

    page_markup(page, "<details><summary>Quantiles of each stage</summary>\n");
    page_table(page, "Time of packets in each stage",
               "Flow|Stage|#Packets|#Mean|#p50|#p99|#p99.99|#p99.9999|"
               "#Largest");
    for (size_t i = 0; i < packets->count && rows < 4 * FLOW_ROWS; i++) {
        const struct packets_series *series = &packets->series[i];
        const struct latency *latency = &series->latency;

        rows++;
        page_markup(page, "<tr>");
        page_cell(page, NULL, series->flow);
        page_cell(page, NULL, series->stage);
        page_cell_count(page, latency->samples);
        time_cell(page, latency->samples,
                  latency->sum_ps / (double)latency->samples);
        for (unsigned q = 0; q < LATENCY_QUANTILES; q += 2)
            quantile_cell(page, latency, latency_quantiles[q]);
        time_cell(page, latency->samples, (double)latency_max_ps(latency));
        page_markup(page, "</tr>\n");
    }
    page_table_end(page);
    page_markup(page, "</details>\n");
}

static void
stages(struct page *page, const struct packets *packets)
{
    struct stages stages;

    stages_gather(packets, &stages);
    if (stages.flow_count == 0)
        return;
    page_figure(page,
                "Where the time goes: means, because those of the stages add "
                "up to that of the whole way; quantiles do not.",
                stage_plot(page, &stages, false),
                stage_plot(page, &stages, true));
    stage_table(page, packets);
}

/* Quantiles of single runs, as far as each supports them. */
struct seed_values {
    double values[LATENCY_QUANTILES][SEEDS_SHOWN];
    size_t counts[LATENCY_QUANTILES];
};

static void
seed_add(struct seed_values *seeds, const struct latency *latency)
{
    for (unsigned q = 0; q < LATENCY_QUANTILES; q++) {
        struct stats_quantile is = latency_quantile_of(
            latency, latency_quantiles[q], LATENCY_CONFIDENCE);

        if (is.support == STATS_NUMBER)
            seeds->values[q][seeds->counts[q]++] = is.value;
    }
}

static void
seeds_load(struct page *page, const char *flow, struct seed_values *seeds)
{
    sqlite3_stmt *query =
        db_query(page->db, "SELECT id FROM run WHERE campaign=? ORDER BY id",
                 page->campaign);

    memset(seeds->counts, 0, sizeof(seeds->counts));
    for (size_t run = 0;
         run < SEEDS_SHOWN && sqlite3_step(query) == SQLITE_ROW; run++) {
        struct latency latency;

        if (packets_of_run(page->db, sqlite3_column_int64(query, 0), flow,
                           RESULTS_STAGE_TOTAL, &latency))
            seed_add(seeds, &latency);
        latency_fini(&latency);
    }
    sqlite3_finalize(query);
}

static void
seeds_rows(struct page *page, const char *flow, struct seed_values *seeds)
{
    seeds_load(page, flow, seeds);
    for (unsigned q = 0; q < LATENCY_QUANTILES; q++) {
        size_t count = seeds->counts[q];
        double *values = seeds->values[q];

        if (count == 0)
            continue;
        stats_sort(values, count);
        page_markup(page, "<tr>");
        page_cell(page, NULL, flow);
        page_cell(page, NULL, latency_names[q]);
        page_cell_time(page, values[0]);
        page_cell_time(page, values[(count - 1) / 2]);
        page_cell_time(page, values[count - 1]);
        page_cell_count(page, count);
        page_markup(page, "</tr>\n");
    }
}

static void
seeds(struct page *page, const struct packets *packets)
{
    struct seed_values *seeds = calloc(1, sizeof(*seeds));
    size_t flows = 0;

    CHECK(seeds != NULL);
    page_markup(page, "<details><summary>How far ");
    page_text(page, page_run_word(page));
    page_markup(page, "s lie apart</summary>\n");
    page_table(page, "Quantiles of single runs",
               "Flow|Quantile|#Smallest|#Middle|#Largest|#Runs that "
               "support it");
    for (size_t i = 0; i < packets->count && flows < PLOT_COLOURS; i++) {
        if (!packets->series[i].is_total)
            continue;
        flows++;
        seeds_rows(page, packets->series[i].flow, seeds);
    }
    page_table_end(page);
    if (page->run_count > SEEDS_SHOWN)
        text_addf(&page->out,
                  "<p class=\"more\">Of the first %d of %" PRId64
                  " runs.</p>\n",
                  SEEDS_SHOWN, page->run_count);
    page_markup(page, "</details>\n");
    free(seeds);
}

static void
rate_add(struct text *out, double bytes, double duration_ps)
{
    static const char *const units[] = {"bit/s", "kb/s", "Mb/s", "Gb/s",
                                        "Tb/s"};
    double rate = bytes * 8e12 / duration_ps;
    size_t unit = 0;

    while (rate >= 1000 && unit + 1 < ARRAY_COUNT(units)) {
        rate /= 1000;
        unit++;
    }
    text_addf(out, "%.4g %s", rate, units[unit]);
}

static void
packets_cell(struct page *page, uint64_t packets, double bytes,
             double duration_ps)
{
    page_markup(page, "<td class=\"n\">");
    text_count(&page->out, packets);
    if (duration_ps > 0) {
        page_markup(page, "<br><small>");
        rate_add(&page->out, bytes, duration_ps);
        page_markup(page, "</small>");
    }
    page_markup(page, "</td>");
}

/* With the share that could have been lost unseen. */
static void
lost_cell(struct page *page, uint64_t lost, uint64_t offered)
{
    page_markup(page, "<td class=\"n\">");
    text_count(&page->out, lost);
    if (offered > 0 && lost <= offered)
        text_addf(&page->out, "<br><small>share at most %.3g</small>",
                  stats_binomial_upper(lost, offered, LATENCY_CONFIDENCE));
    page_markup(page, "</td>");
}

static void
throughput_row(struct page *page, sqlite3_stmt *query, int64_t *unaccounted)
{
    uint64_t offered = COUNT(query, 1);
    uint64_t delivered = COUNT(query, 3);
    uint64_t lost = COUNT(query, 5);
    uint64_t queued = COUNT(query, 6);
    double duration_ps = sqlite3_column_double(query, 7);
    int64_t rest = (int64_t)offered - (int64_t)(delivered + lost + queued);

    *unaccounted += rest < 0 ? -rest : rest;
    page_markup(page, "<tr>");
    page_cell(page, NULL, db_text(query, 0));
    packets_cell(page, offered, sqlite3_column_double(query, 2), duration_ps);
    packets_cell(page, delivered, sqlite3_column_double(query, 4),
                 duration_ps);
    lost_cell(page, lost, offered);
    page_cell_count(page, queued);
    page_markup(page, "</tr>\n");
}

static void
throughput(struct page *page)
{
    sqlite3_stmt *query =
        db_query(page->db, PACKETS_THROUGHPUT_SQL, page->campaign);
    int64_t unaccounted = 0;
    size_t rows = 0;

    while (sqlite3_step(query) == SQLITE_ROW) {
        if (rows++ == 0)
            page_table(page, "Throughput, in frames with their FCS",
                       "Flow|#Offered|#Delivered|#Lost|#In a queue at the "
                       "end");
        throughput_row(page, query, &unaccounted);
    }
    sqlite3_finalize(query);
    if (rows == 0)
        return;
    page_table_end(page);
    if (unaccounted == 0)
        page_markup(page,
                    "<p class=\"calm\">Every packet is accounted for: "
                    "delivered, lost with a cause, or in a queue.</p>\n");
    else
        text_addf(&page->out,
                  "<p class=\"note\"><b>%" PRId64 " packets are not accounted "
                  "for.</b> They are neither delivered nor lost with a cause "
                  "nor in a queue.</p>\n",
                  unaccounted);
}

/* Some causes are only known by packet. */
static void
bytes_cell(struct page *page, double bytes)
{
    if (bytes <= 0) {
        page_cell(page, "n", "not counted");
        return;
    }
    page_markup(page, "<td class=\"n\">");
    text_size(&page->out, bytes);
    page_markup(page, "</td>");
}

static void
losses(struct page *page)
{
    sqlite3_stmt *query = db_query(page->db, PACKETS_LOSS_SQL, page->campaign);
    size_t rows = 0;

    while (sqlite3_step(query) == SQLITE_ROW) {
        double offered = sqlite3_column_double(query, 4);

        if (rows++ == 0)
            page_table(page, "Loss by cause",
                       page->real ? "Flow|Cause|#Packets|#Bytes|#Of those "
                                    "offered|#Repeats"
                                  : "Flow|Cause|#Packets|#Bytes|#Of those "
                                    "offered|#Seeds");
        page_markup(page, "<tr>");
        page_cell(page, NULL, db_text(query, 0));
        page_cell(page, NULL, db_text(query, 1));
        page_cell_count(page, COUNT(query, 2));
        bytes_cell(page, sqlite3_column_double(query, 3));
        if (offered > 0)
            text_addf(&page->out, "<td class=\"n\">%.3g</td>",
                      sqlite3_column_double(query, 2) / offered);
        else
            page_cell(page, "n", "unknown");
        page_cell_count(page, COUNT(query, 5));
        page_markup(page, "</tr>\n");
    }
    sqlite3_finalize(query);
    if (rows > 0)
        page_table_end(page);
    else
        page_markup(page, "<p class=\"calm\">No packet was lost.</p>\n");
}

void
page_packets(struct page *page)
{
    struct packets packets;

    if (!packets_any(page->db, page->campaign))
        return;
    packets_load(&packets, page->db, page->campaign);
    page_section(page, "packets", "Latency, throughput and loss");
    if (packets.count > 0) {
        flow_table(page, &packets);
        curves(page, &packets);
        stages(page, &packets);
    }
    if (page->run_count > 1 && packets.count > 0)
        seeds(page, &packets);
    throughput(page);
    losses(page);
    page_section_end(page);
    packets_fini(&packets);
}
