/* SPDX-License-Identifier: Apache-2.0
 *
 * Availability against six nines, with what the data can and cannot say.
 */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "reference-nos/base/check.h"
#include "reports/db_priv.h"
#include "reports/page_priv.h"
#include "reports/stats.h"

#define CONFIDENCE 0.95
#define YEAR_S (365 * 86400.0)
#define NINES_MAX 9.0

enum { ROUGH_EPISODES = 100 };

struct exposure {
    double port_time_ps;    /* Ports times simulated time, all runs. */
    double cluster_time_ps; /* Simulated time, all runs. */
    double unplanned_ps;    /* Port time out of service. */
    double planned_ps;
    uint64_t episodes; /* Unplanned, overlapping ones merged. */
    uint64_t runs;
    uint64_t runs_with_outage;
    uint64_t ports; /* Largest of the runs. */
    uint64_t dual_homed;
};

/* Outages of one run that overlap or touch are one episode: ports that fall
 * together do not count as independent. */
static uint64_t
episodes_count(struct page *page)
{
    sqlite3_stmt *query = db_query(
        page->db,
        "SELECT o.run, o.from_ps, o.to_ps FROM outage o JOIN run r ON "
        "r.id=o.run WHERE r.campaign=? AND NOT o.planned AND NOT o.degraded "
        "ORDER BY o.run, o.from_ps",
        page->campaign);
    int64_t run = -1;
    int64_t end = -1;
    uint64_t episodes = 0;

    while (sqlite3_step(query) == SQLITE_ROW) {
        int64_t from = sqlite3_column_int64(query, 1);
        int64_t to = sqlite3_column_int64(query, 2);

        if (sqlite3_column_int64(query, 0) != run || from > end) {
            run = sqlite3_column_int64(query, 0);
            end = to;
            episodes++;
        }
        end = to > end ? to : end;
    }
    sqlite3_finalize(query);
    return episodes;
}

static struct exposure
exposure_load(struct page *page)
{
    struct exposure e = {0};
    sqlite3_stmt *query = db_query(
        page->db,
        "SELECT total(1.0*ports*duration_ps), total(duration_ps), count(*), "
        "coalesce(max(ports),0), coalesce(max(dual_homed_ports),0) FROM run "
        "WHERE campaign=? AND duration_ps > 0",
        page->campaign);

    if (sqlite3_step(query) == SQLITE_ROW) {
        e.port_time_ps = sqlite3_column_double(query, 0);
        e.cluster_time_ps = sqlite3_column_double(query, 1);
        e.runs = (uint64_t)sqlite3_column_int64(query, 2);
        e.ports = (uint64_t)sqlite3_column_int64(query, 3);
        e.dual_homed = (uint64_t)sqlite3_column_int64(query, 4);
    }
    sqlite3_finalize(query);
    query = db_query(
        page->db,
        "SELECT total(CASE WHEN planned THEN 0 ELSE to_ps-from_ps END), "
        "total(CASE WHEN planned THEN to_ps-from_ps ELSE 0 END), "
        "count(DISTINCT CASE WHEN planned THEN NULL ELSE run END) "
        "FROM outage WHERE NOT degraded AND run IN "
        "(SELECT id FROM run WHERE campaign=? AND duration_ps > 0)",
        page->campaign);
    if (sqlite3_step(query) == SQLITE_ROW) {
        e.unplanned_ps = sqlite3_column_double(query, 0);
        e.planned_ps = sqlite3_column_double(query, 1);
        e.runs_with_outage = (uint64_t)sqlite3_column_int64(query, 2);
    }
    sqlite3_finalize(query);
    e.episodes = episodes_count(page);
    return e;
}

/* One bar: nines from 0 to 'to', labelled. */
struct bar {
    char label[64];
    double nines;
    const char *colour;
};

static double
nines_clamp(double unavailability)
{
    double nines = unavailability >= 1 ? 0 : stats_nines(unavailability);

    return nines > NINES_MAX ? NINES_MAX : nines;
}

/* Lengths of outages that were not seen but cannot be excluded. */
static const struct {
    const char *label;
    double seconds;
} unseen[] = {{"shown if one lasts 2 s", 2},
              {"shown if one lasts 30 s", 30},
              {"shown if one lasts 5 min", 300}};
enum { UNSEEN_30_S = 1 };

/* Upper limit at 95 % of what outages of this length, of all ports, add:
 * none was seen in the cluster time. */
static double
unseen_unavailability(const struct exposure *e, size_t which)
{
    return stats_poisson_upper(0, CONFIDENCE) * unseen[which].seconds /
           (e->cluster_time_ps / 1e12);
}

static void
bar_set(struct bar *bar, const char *label, double unavailability,
        const char *colour)
{
    snprintf(bar->label, sizeof(bar->label), "%s", label);
    bar->nines = nines_clamp(unavailability);
    bar->colour = colour;
}

/* Outages were seen: the estimate, and what is left to show it. */
static int
bars_of_outages(const struct exposure *e, struct bar *bars)
{
    double u = e->unplanned_ps / e->port_time_ps;
    double high =
        u * stats_poisson_upper(e->episodes, CONFIDENCE) / (double)e->episodes;
    double all = high + unseen_unavailability(e, UNSEEN_30_S);

    bar_set(&bars[0], "measured, unplanned", u,
            u > 1e-6 ? PLOT_BAD : PLOT_BLUE);
    bar_set(&bars[1], "shown, kinds seen", high, plot_colours[7]);
    bar_set(&bars[2], "shown, unseen 30 s too", all,
            all <= 1e-6 ? PLOT_GOOD : plot_colours[7]);
    return 3;
}

static int
bars_make(const struct exposure *e, struct bar *bars)
{
    size_t i;

    if (e->unplanned_ps > 0)
        return bars_of_outages(e, bars);
    for (i = 0; i < ARRAY_COUNT(unseen); i++) {
        double u = unseen_unavailability(e, i);

        bar_set(&bars[i], unseen[i].label, u,
                u <= 1e-6 ? PLOT_GOOD : plot_colours[7]);
    }
    return (int)ARRAY_COUNT(unseen);
}

static struct plot *
bars_plot(struct page *page, const struct bar *bars, int count, int width)
{
    struct plot *plot =
        plots_new(&page->plots, width, 100 + 38 * count,
                  "Availability in nines, a bar per statement, against a line "
                  "at six nines; the text below gives the numbers.");
    struct text *s;
    int i;

    if (plot == NULL)
        return NULL;
    s = &plot->script;
    for (i = 0; i < count; i++)
        text_addf(s,
                  "$b%d << EOD\n0 %d 0 %.6g %.6g %.6g\nEOD\n"
                  "set label \" %.2f\" at %.6g,%d left offset 0.3,0\n",
                  i, count - i, bars[i].nines, count - i - 0.3,
                  count - i + 0.3, bars[i].nines, bars[i].nines, count - i);
    text_addf(s,
              "unset key\nunset grid\nset grid x back lc rgb \"" PLOT_FAINT
              "\" lw 1 dt 1\nset xrange [0:%g]\nset yrange [0.4:%d.6]\n"
              "set xtics 1\nset xlabel \"%s\"\nset tmargin 2\n"
              "set arrow from 6,graph 0 to 6,graph 1.0 nohead lw 2 lc rgb "
              "\"" PLOT_WARN "\" front\n"
              "set label \"six nines\" at 6,graph 1.08 center\n"
              "set ytics scale 0 (",
              NINES_MAX, count,
              width < 500
                  ? "nines (log scale)"
                  : "nines of availability (log scale of unavailability)");
    for (i = 0; i < count; i++) {
        text_add(s, i > 0 ? "," : "");
        plot_tic(s, bars[i].label, 40, count - i);
    }
    text_add(s, ")\nplot ");
    for (i = 0; i < count; i++)
        text_addf(s, "%s$b%d using 1:2:3:4:5:6 with boxxyerror lc rgb \"%s\"",
                  i > 0 ? ", " : "", i, bars[i].colour);
    return plot;
}

static void
measured_text(struct page *page, const struct exposure *e)
{
    double u = e->unplanned_ps / e->port_time_ps;
    double low = stats_poisson_lower(e->episodes, 0.975) / (double)e->episodes;
    double high =
        stats_poisson_upper(e->episodes, 0.975) / (double)e->episodes;

    text_addf(
        &page->out,
        "<p>Measured unplanned unavailability <b>%.3g</b> (%.2f nines): ", u,
        stats_nines(u));
    text_time_ps(&page->out, e->unplanned_ps);
    page_markup(page, " of port time out of ");
    text_time_ps(&page->out, e->port_time_ps);
    text_addf(
        &page->out,
        ". Interval at 95 %%: %.2g to %.2g, from %llu independent "
        "episode%s (ports that fell together count once; Poisson counts, "
        "durations as measured%s). Six nines is 1e-6, 31.5 s in a "
        "year.</p>\n",
        u * low, fmin(1, u * high), (unsigned long long)e->episodes,
        e->episodes == 1 ? "" : "s",
        e->episodes < ROUGH_EPISODES
            ? "; with fewer than 100 episodes the interval is rough"
            : "");
    page_markup(page,
                "<p>The lower bars are what is shown with 95 % confidence: "
                "from outages of the kinds seen, and with an outage of all "
                "ports for 30 s that was not seen but cannot be excluded in "
                "so little time.</p>\n");
}

static void
zero_text(struct page *page, const struct exposure *e)
{
    double expected = stats_poisson_upper(0, CONFIDENCE);
    double needed_years = expected * 30 / 1e-6 / YEAR_S;

    page_markup(page, "<p>No unplanned outage in ");
    text_time_ps(&page->out, e->cluster_time_ps);
    page_markup(page, page->real ? " of cluster time ("
                                 : " of simulated cluster time (");
    text_time_ps(&page->out, e->port_time_ps);
    text_addf(&page->out,
              " of port time). That is an observation, not six nines: with "
              "95 %% confidence there is less than one outage every ");
    text_time_ps(&page->out, e->cluster_time_ps / expected);
    text_addf(&page->out,
              ", and the bars turn this into nines for outages of a stated "
              "length. Showing six nines with outages of 30 s takes %.3g "
              "years without one.</p>\n",
              needed_years);
}

static void
condition_text(struct page *page)
{
    sqlite3_stmt *query = db_query(
        page->db,
        "SELECT fault_model, fault_rates, build FROM campaign WHERE id=?",
        page->campaign);

    if (sqlite3_step(query) == SQLITE_ROW) {
        page_markup(page, "<p class=\"condition\">Every figure here is "
                          "conditional on fault model <b>");
        page_text(page, db_text(query, 0));
        page_markup(page, "</b>, rates <b>");
        page_text(page, db_text(query, 1));
        page_markup(page, "</b>, build <b>");
        page_text(page, db_text(query, 2));
        page_markup(page, "</b>.</p>\n");
    }
    sqlite3_finalize(query);
}

static void
ports_text(struct page *page, const struct exposure *e)
{
    page_markup(page, "<p class=\"more\">");
    text_count(&page->out, e->ports);
    page_markup(page, " ports judged; ");
    text_count(&page->out, e->dual_homed);
    page_markup(page, " of them belong to dual-homed services. Each port is "
                      "judged by itself, as single-homed.");
    if (e->planned_ps > 0) {
        page_markup(page, " Planned windows took another ");
        text_time_ps(&page->out, e->planned_ps);
        page_markup(page, " of port time and are not in the bars.");
    }
    page_markup(page, "</p>\n");
    if (e->runs > 1) {
        struct stats_interval interval =
            stats_binomial_interval(e->runs_with_outage, e->runs, CONFIDENCE);

        text_addf(&page->out,
                  "<p>%llu of %llu runs had an unplanned outage: %.3g %%, "
                  "interval at 95 %% from %.3g %% to %.3g %% "
                  "(Clopper-Pearson).</p>\n",
                  (unsigned long long)e->runs_with_outage,
                  (unsigned long long)e->runs,
                  100.0 * (double)e->runs_with_outage / (double)e->runs,
                  100 * interval.low, 100 * interval.high);
    }
}

void
page_availability(struct page *page)
{
    struct exposure e = exposure_load(page);
    struct bar bars[4];
    int count;

    page_section(page, "availability", "Availability against six nines");
    if (e.port_time_ps <= 0) {
        page_markup(page, "<p>No port was watched over any time, so "
                          "nothing can be said.</p>\n");
    } else {
        count = bars_make(&e, bars);
        page_figure(page,
                    "Nines of availability; longer is better, the line is the "
                    "promise.",
                    bars_plot(page, bars, count, WIDE_PIXELS),
                    bars_plot(page, bars, count, NARROW_PIXELS));
        if (e.unplanned_ps > 0)
            measured_text(page, &e);
        else
            zero_text(page, &e);
        ports_text(page, &e);
    }
    condition_text(page);
    page_section_end(page);
}
