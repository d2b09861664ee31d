/* SPDX-License-Identifier: Apache-2.0
 *
 * What a search by frame size found: the highest rate, or the longest burst,
 * without loss, and latency below it (RFC 2544, section 26).  Of many runs the
 * lowest rate, and the run that had it, are shown.
 */
#include <math.h>
#include <string.h>

#include "reports/db_priv.h"
#include "reports/page_priv.h"

/* Preamble, delimiter and gap between frames (IEEE 802.3). */
enum { L1_BYTES = 20, SIZES_LIMIT = 16 };

struct found {
    int64_t id; /* of the row of the lowest level */
    int64_t bytes;
    bool is_burst;
    double low, high; /* levels over the runs */
    int64_t trials;
    double port_bps;
};

struct found_list {
    struct found items[SIZES_LIMIT];
    size_t count;
};

static bool
has_search(sqlite3 *db)
{
    return db_integer(db,
                      "SELECT count(*) FROM sqlite_schema WHERE "
                      "name='search'",
                      0) > 0;
}

static void
found_load(struct page *page, struct found_list *list)
{
    sqlite3_stmt *query = db_query(
        page->db,
        "SELECT s.id, frame_bytes, burst, min(level), max(level), trials, "
        "port_bps FROM search s JOIN run r ON r.id=s.run WHERE r.campaign=? "
        "GROUP BY burst, frame_bytes ORDER BY burst, frame_bytes",
        page->campaign);

    list->count = 0;
    while (list->count < SIZES_LIMIT && sqlite3_step(query) == SQLITE_ROW)
        list->items[list->count++] = (struct found){
            .id = sqlite3_column_int64(query, 0),
            .bytes = sqlite3_column_int64(query, 1),
            .is_burst = sqlite3_column_int(query, 2) != 0,
            .low = sqlite3_column_double(query, 3),
            .high = sqlite3_column_double(query, 4),
            .trials = sqlite3_column_int64(query, 5),
            .port_bps = sqlite3_column_double(query, 6),
        };
    sqlite3_finalize(query);
}

/* The shares of the rate at which latency was measured, once each. */
struct shares {
    int64_t ppm[PLOT_COLOURS];
    size_t count;
};

static void
shares_load(struct page *page, struct shares *shares)
{
    sqlite3_stmt *query = db_query(
        page->db,
        "SELECT DISTINCT share_ppm FROM search_load l JOIN search s ON "
        "s.id=l.search JOIN run r ON r.id=s.run WHERE r.campaign=? ORDER BY "
        "share_ppm",
        page->campaign);

    shares->count = 0;
    while (shares->count < PLOT_COLOURS && sqlite3_step(query) == SQLITE_ROW)
        shares->ppm[shares->count++] = sqlite3_column_int64(query, 0);
    sqlite3_finalize(query);
}

/* Latency of a size at a share of its rate: smallest, mean, largest. */
static bool
latency_of(struct page *page, const struct found *found, int64_t share_ppm,
           double ps[3])
{
    sqlite3_stmt *query = db_query(page->db,
                                   "SELECT min_ps, mean_ps, max_ps FROM "
                                   "search_load WHERE search=?1 AND "
                                   "share_ppm=?2 AND packets > 0",
                                   found->id);
    bool any;

    sqlite3_bind_int64(query, 2, share_ppm);
    any = sqlite3_step(query) == SQLITE_ROW;
    for (int i = 0; any && i < 3; i++)
        ps[i] = sqlite3_column_double(query, i);
    sqlite3_finalize(query);
    return any;
}

/* Frames a second of the whole port. */
static double
port_rate(const struct found *found)
{
    return found->port_bps / (8.0 * (double)(found->bytes + L1_BYTES));
}

static void
level_cells(struct page *page, const struct found *found)
{
    if (found->is_burst) {
        page_cell_count(page, (uint64_t)found->low);
        page_cell_time(page, found->low / port_rate(found) * 1e12);
        return;
    }
    text_addf(&page->out, "<td class=\"n\">%.6g %%", found->low / 1e4);
    if (found->high > found->low)
        text_addf(&page->out, "<br><small>to %.6g %%</small>",
                  found->high / 1e4);
    text_addf(&page->out, "</td><td class=\"n\">%.5g M</td>",
              port_rate(found) * found->low / 1e12);
}

static void
latency_cell(struct page *page, const struct found *found, int64_t share_ppm)
{
    double ps[3];

    if (!latency_of(page, found, share_ppm, ps)) {
        page_cell(page, "n", "none");
        return;
    }
    page_markup(page, "<td class=\"n\">");
    text_time_ps(&page->out, ps[1]);
    if (ps[0] < ps[2]) {
        page_markup(page, "<br><small>");
        text_time_ps(&page->out, ps[0]);
        page_markup(page, "<br>to ");
        text_time_ps(&page->out, ps[2]);
        page_markup(page, "</small>");
    }
    page_markup(page, "</td>");
}

static void
table_begin(struct page *page, const struct shares *shares, bool bursts)
{
    struct text columns = {0};

    if (bursts) {
        page_table(page, "Longest burst without loss",
                   "#Frame|#Trials|#Frames|#Lasting");
        return;
    }
    text_add(&columns, "#Frame|#Trials|#Of the port|#Frames a second");
    for (size_t i = 0; i < shares->count; i++) {
        if (shares->ppm[i] == 0)
            text_add(&columns, "|#Alone");
        else
            text_addf(&columns, "|#At %.4g %%", (double)shares->ppm[i] / 1e4);
    }
    page_table(page,
               "Highest rate without loss; mean latency of single frames and "
               "at shares of that rate, smallest and largest",
               columns.data);
    text_fini(&columns);
}

static void
found_table(struct page *page, const struct found_list *list, bool bursts)
{
    struct shares shares;
    size_t rows = 0;

    shares_load(page, &shares);
    for (size_t i = 0; i < list->count; i++) {
        const struct found *found = &list->items[i];

        if (found->is_burst != bursts)
            continue;
        if (rows++ == 0)
            table_begin(page, &shares, bursts);
        text_addf(&page->out, "<tr><td class=\"n\">%lld B</td>",
                  (long long)found->bytes);
        page_cell_count(page, (uint64_t)found->trials);
        level_cells(page, found);
        for (size_t n = 0; !bursts && n < shares.count; n++)
            latency_cell(page, found, shares.ppm[n]);
        page_markup(page, "</tr>\n");
    }
    if (rows > 0)
        page_table_end(page);
}

static void
rates_only(const struct found_list *list, struct found_list *rates)
{
    rates->count = 0;
    for (size_t i = 0; i < list->count; i++) {
        if (!list->items[i].is_burst)
            rates->items[rates->count++] = list->items[i];
    }
}

static void
size_axis(struct text *s, const struct found_list *list)
{
    text_add(s, "set xtics (");
    for (size_t i = 0; i < list->count; i++)
        text_addf(s, "%s\"%lld\" %zu", i > 0 ? "," : "",
                  (long long)list->items[i].bytes, i + 1);
    text_addf(s, ")\nset xrange [0.5:%zu.5]\nset xlabel \"frame, bytes\"\n",
              list->count);
}

/* Found beside what the port could carry (RFC 2544, section 26.1). */
static struct plot *
rate_plot(struct page *page, const struct found_list *list)
{
    struct plot *plot = plots_new(
        &page->plots, HALF_PIXELS, 270,
        "Frames per second without loss by frame size, beside the port's.");
    struct text *s;

    if (plot == NULL)
        return NULL;
    s = &plot->script;
    text_add(s, "$r << EOD\n");
    for (size_t i = 0; i < list->count; i++) {
        const struct found *found = &list->items[i];

        text_addf(s, "%zu %.9g %.9g\n", i + 1,
                  port_rate(found) * found->low / 1e12,
                  port_rate(found) / 1e6);
    }
    text_add(s, "EOD\n");
    size_axis(s, list);
    text_add(s, "set yrange [0:*]\nset ylabel \"million frames a second\"\n"
                "set boxwidth 0.6\nplot $r using 1:2 with boxes lc rgb "
                "\"" PLOT_BLUE "\" title 'without loss', $r using "
                "($1-0.38):3:(0.76):(0) with vectors nohead lw 2 lc rgb "
                "\"" PLOT_WARN "\" title 'port'");
    return plot;
}

/* Rows of place, smallest, mean, largest, in microseconds. */
static void
share_data(struct page *page, const struct found_list *list,
           const struct shares *shares, size_t number, struct text *s)
{
    double middle = (double)(shares->count - 1) / 2;
    double offset = ((double)number - middle) * 0.16;
    double ps[3];

    text_addf(s, "$l%zu << EOD\n", number);
    for (size_t i = 0; i < list->count; i++) {
        if (latency_of(page, &list->items[i], shares->ppm[number], ps))
            text_addf(s, "%.4f %.6g %.6g %.6g\n", (double)(i + 1) + offset,
                      ps[0] / 1e6, ps[1] / 1e6, ps[2] / 1e6);
    }
    text_add(s, "EOD\n");
}

static struct plot *
latency_plot(struct page *page, const struct found_list *list)
{
    struct shares shares;
    struct plot *plot;
    struct text *s;

    shares_load(page, &shares);
    if (shares.count == 0)
        return NULL;
    plot = plots_new(&page->plots, HALF_PIXELS, 270,
                     "Latency by frame size and share of the rate found.");
    if (plot == NULL)
        return NULL;
    s = &plot->script;
    for (size_t n = 0; n < shares.count; n++)
        share_data(page, list, &shares, n, s);
    size_axis(s, list);
    text_add(s, "set yrange [0:*]\nset ylabel \"latency, \xc2\xb5s\"\nplot ");
    for (size_t n = 0; n < shares.count; n++)
        text_addf(s,
                  "%s$l%zu using 1:2:(0):($4-$2) with vectors nohead lw 2 lc "
                  "rgb \"%s\" notitle, $l%zu using ($1-0.07):3:(0.14):(0) "
                  "with vectors nohead lw 3 lc rgb \"%s\" title '%.4g %%'",
                  n > 0 ? ", " : "", n, plot_colours[n], n, plot_colours[n],
                  (double)shares.ppm[n] / 1e4);
    return plot;
}

void
page_search(struct page *page)
{
    struct found_list list;
    struct found_list rates;

    if (!has_search(page->db))
        return;
    found_load(page, &list);
    if (list.count == 0)
        return;
    rates_only(&list, &rates);
    page_section(page, "search",
                 rates.count > 0 ? "Throughput by frame size"
                                 : "Bursts by frame size");
    if (rates.count > 0) {
        page_markup(page, "<div class=\"pair\">\n");
        page_figure(page,
                    "Frames without loss beside what the port could carry.",
                    rate_plot(page, &rates), NULL);
        page_figure(page,
                    "Latency at shares of that rate: mean, and from the "
                    "smallest to the largest.",
                    latency_plot(page, &rates), NULL);
        page_markup(page, "</div>\n");
    }
    found_table(page, &list, false);
    found_table(page, &list, true);
    page_section_end(page);
}
