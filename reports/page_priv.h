/* SPDX-License-Identifier: Apache-2.0
 *
 * The HTML page while it is written, and its building blocks.
 */
#ifndef REPORTS_PAGE_PRIV_H
#define REPORTS_PAGE_PRIV_H

#include <sqlite3.h>
#include <stdbool.h>
#include <stdint.h>

#include "reports/plot_priv.h"
#include "reports/text_priv.h"
#include "reports/verdict.h"

enum { WIDE_PIXELS = 980, NARROW_PIXELS = 350, HALF_PIXELS = 470 };

struct page {
    sqlite3 *db;
    int64_t campaign;
    int64_t shown_run; /* The only run, or the worst; 0 when there is none. */
    int64_t run_count;
    bool real; /* Ran in real time. */
    struct text out;
    struct plots plots;
};

/* <section id> with its heading, and its end. */
void page_section(struct page *page, const char *id, const char *heading);
void page_section_end(struct page *page);

/* A table in its own scroll box.  'columns' are separated by '|'; '#' before
 * one makes it numeric. */
void page_table(struct page *page, const char *caption, const char *columns);
void page_table_end(struct page *page);

/* Cells; 'class_name' may be NULL. */
void page_cell(struct page *page, const char *class_name, const char *text);
void page_cell_count(struct page *page, uint64_t count);
void page_cell_time(struct page *page, double time_ps);
void page_cell_verdict(struct page *page, enum verdict verdict);

/* Adds escaped text, or markup as it is. */
void page_text(struct page *page, const char *text);
void page_markup(struct page *page, const char *markup);

/* What the runs are: "seed", or "repeat" in real time. */
const char *page_run_word(const struct page *page);
/* What a time axis shows. */
const char *page_time_word(const struct page *page);

/* The command that plays a run again; says why when there is none. */
void page_replay(struct page *page, const char *token);

/* A figure of one plot, or of a wide and a narrow one ('narrow' may be NULL);
 * the plots come in when they are drawn.  NULL plots are left out. */
void page_figure(struct page *page, const char *caption,
                 const struct plot *wide, const struct plot *narrow);

/* The unit a time axis of 'duration_ps' is drawn in. */
struct time_axis {
    const char *unit;
    double unit_ps;
    double end; /* 'duration_ps' in that unit, above 0. */
};
struct time_axis page_time_axis(double duration_ps);

/* Sections, in page order. */
void page_timeline(struct page *page, int64_t run);
void page_ledger(struct page *page, int64_t run);
void page_availability(struct page *page);
/* Nothing when 'first', the campaign compared with, is 0. */
void page_comparison(struct page *page, int64_t first);
/* Nothing when no packets were recorded. */
void page_packets(struct page *page);
/* Nothing when nothing was searched for. */
void page_search(struct page *page);
void page_seeds(struct page *page);
void page_seed_table(struct page *page);
void page_load(struct page *page, int64_t run);
void page_oracles(struct page *page);
void page_alarms(struct page *page, int64_t run);
void page_not_applicable(struct page *page);
void page_metrics(struct page *page, int64_t run);
void page_reproduce(struct page *page);

#endif
