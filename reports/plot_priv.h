/* SPDX-License-Identifier: Apache-2.0
 *
 * Plots of one page: scripts gather, one gnuplot draws them all, each comes
 * back as SVG to put inline.
 *
 * Colours  the names below are replaced by CSS variables, so a page may
 *          follow the reader's light or dark setting.
 * Text     reaches gnuplot only through plot_quote(): a label cannot break
 *          out of its string.
 */
#ifndef REPORTS_PLOT_PRIV_H
#define REPORTS_PLOT_PRIV_H

#include <stdbool.h>
#include <stddef.h>

#include "reports/text_priv.h"

enum { PLOTS_LIMIT = 96, PLOT_POINTS_LIMIT = 1000 };

/* Series colours, in the order to use them. */
#define PLOT_COLOURS 8
extern const char *const plot_colours[PLOT_COLOURS];

#define PLOT_BAD "#dc2626"
#define PLOT_GOOD "#16a34a"
#define PLOT_WARN "#d97706"
#define PLOT_BLUE "#2563eb"
#define PLOT_AXIS "#94a3b8"
#define PLOT_FAINT "#cbd5e1"

struct plot {
    int width; /* Pixels of the drawing; it scales. */
    int height;
    struct text script;
    struct text alt; /* Escaped, for readers who cannot see it. */
    struct text svg; /* Empty until drawn. */
};

struct plots {
    struct plot *items[PLOTS_LIMIT];
    int count;
    char reason[160]; /* Why there are no plots, when there are none. */
};

void plots_fini(struct plots *plots);

/* A new plot; add commands to its script.  NULL when PLOTS_LIMIT is full. */
struct plot *plots_new(struct plots *plots, int width, int height,
                       const char *alt);

/* A gnuplot string; at most 'limit' bytes of it. */
void plot_quote(struct text *script, const char *string, size_t limit);

/* "'label' position" for a list of tics. */
void plot_tic(struct text *script, const char *string, size_t limit,
              int position);

/* Draws all; 'plots->reason' says why not. */
void plots_draw(struct plots *plots, const char *gnuplot);

#endif
