/* SPDX-License-Identifier: Apache-2.0 */
#include "reports/plot_priv.h"

#include <errno.h>
#include <fcntl.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "reference-nos/base/check.h"

const char *const plot_colours[PLOT_COLOURS] = {
    "#2563eb", "#0d9488", "#c2570c", "#7c3aed",
    "#db2777", "#65a30d", "#0891b2", "#64748b"};

/* As gnuplot writes them, and the CSS variable of report.css. */
static const struct {
    const char *from;
    const char *to;
} replacements[] = {
    {"rgb( 37,  99, 235)", "var(--c0)"},
    {"rgb( 13, 148, 136)", "var(--c1)"},
    {"rgb(194,  87,  12)", "var(--c2)"},
    {"rgb(124,  58, 237)", "var(--c3)"},
    {"rgb(219,  39, 119)", "var(--c4)"},
    {"rgb(101, 163,  13)", "var(--c5)"},
    {"rgb(  8, 145, 178)", "var(--c6)"},
    {"rgb(100, 116, 139)", "var(--c7)"},
    {"rgb(220,  38,  38)", "var(--bad)"},
    {"rgb( 22, 163,  74)", "var(--good)"},
    {"rgb(217, 119,   6)", "var(--warn)"},
    {"rgb(148, 163, 184)", "var(--axis)"},
    {"rgb(203, 213, 225)", "var(--grid)"},
    {"rgb(220,38,38)", "var(--bad)"},
    {"rgb(22,163,74)", "var(--good)"},
    {"rgb(217,119,6)", "var(--warn)"},
    {"fill=\"rgb(0,0,0)\"", "fill=\"currentColor\""},
    {" color=\"black\"", ""},
    {" color=\"gray\"", ""},
    {" stroke-linecap=\"butt\" stroke-linejoin=\"miter\"", ""},
    {" font-family=\"sans-serif\" ", " "},
    {"<tspan >", "<tspan>"},
    {"fill=\"black\"", "fill=\"currentColor\""},
    {"stroke=\"black\"", "stroke=\"currentColor\""},
    {"xlink:href", "href"},
};

void
plots_fini(struct plots *plots)
{
    int i;

    for (i = 0; i < plots->count; i++) {
        text_fini(&plots->items[i]->script);
        text_fini(&plots->items[i]->alt);
        text_fini(&plots->items[i]->svg);
        free(plots->items[i]);
    }
    plots->count = 0;
}

struct plot *
plots_new(struct plots *plots, int width, int height, const char *alt)
{
    struct plot *plot;

    if (plots->count == PLOTS_LIMIT)
        return NULL;
    plot = calloc(1, sizeof(*plot));
    CHECK(plot != NULL);
    plot->width = width;
    plot->height = height;
    text_markup(&plot->alt, alt);
    plots->items[plots->count++] = plot;
    return plot;
}

/* Letters gnuplot takes literally inside single quotes. */
static bool
is_plain(unsigned char letter)
{
    return letter >= 0x20 && letter < 0x7f && strchr("\\`\"", letter) == NULL;
}

static void
quote(struct text *script, const char *string, size_t limit, bool is_format)
{
    size_t i;

    text_add(script, "'");
    for (i = 0; string[i] != '\0' && i < limit; i++) {
        unsigned char letter = (unsigned char)string[i];

        if (letter == '\'' || (letter == '%' && is_format))
            text_addf(script, "%c%c", letter, letter);
        else if (is_plain(letter))
            text_add_bytes(script, &string[i], 1);
        else if (strncmp(&string[i], "\xc2\xb5", 2) == 0) /* Micro sign. */
            text_add_bytes(script, &string[i++], 2);
        else if ((letter & 0xc0) != 0x80)
            text_add(script, "?");
    }
    text_add(script, "'");
}

void
plot_quote(struct text *script, const char *string, size_t limit)
{
    quote(script, string, limit, false);
}

void
plot_tic(struct text *script, const char *string, size_t limit, int position)
{
    quote(script, string, limit, true);
    text_addf(script, " %d", position);
}

/* Defaults of every plot; 'fit' leaves the margins to gnuplot. */
static const char preamble[] =
    "reset\n"
    "set encoding utf8\n"
    "set border 3 lw 1 lc rgb \"" PLOT_AXIS "\"\n"
    "set tics nomirror scale 0.5 textcolor rgb \"#000000\"\n"
    "set grid x y back lc rgb \"" PLOT_FAINT "\" lw 1 dt 1\n"
    "set style fill solid 1.0 noborder\n"
    "set key outside top left horizontal Left reverse samplen 1.2 "
    "spacing 1.2 height 0.4 maxrows 3\n";

static void
scripts_join(const struct plots *plots, const char *dir, struct text *script)
{
    int i;

    for (i = 0; i < plots->count; i++) {
        const struct plot *plot = plots->items[i];

        text_addf(script,
                  "set terminal svg noenhanced size %d,%d dynamic font "
                  "\"sans-serif,12\" name \"p%d\"\n"
                  "set output \"%s/%d.svg\"\n%s",
                  plot->width, plot->height, i, dir, i, preamble);
        text_add(script, plot->script.data != NULL ? plot->script.data : "");
        text_add(script, "\nunset output\n");
    }
}

/* Runs 'gnuplot -d script' with nothing of the user's settings; 0 is well,
 * 127 is not found. */
static int
gnuplot_run(const char *gnuplot, char *script_path)
{
    char name[] = "gnuplot";
    char defaults[] = "-d";
    char locale[] = "LC_ALL=C";
    char *argv[] = {name, defaults, script_path, NULL};
    char *envp[] = {locale, NULL};
    posix_spawn_file_actions_t actions;
    pid_t child;
    int status = 0;
    int number;

    posix_spawn_file_actions_init(&actions);
    posix_spawn_file_actions_addopen(&actions, 0, "/dev/null", O_RDONLY, 0);
    posix_spawn_file_actions_addopen(&actions, 1, "/dev/null", O_WRONLY, 0);
    posix_spawn_file_actions_addopen(&actions, 2, "/dev/null", O_WRONLY, 0);
    number = posix_spawnp(&child, gnuplot, &actions, NULL, argv, envp);
    posix_spawn_file_actions_destroy(&actions);
    if (number != 0)
        return 127;
    while (waitpid(child, &status, 0) < 0) {
        if (errno != EINTR)
            return 126;
    }
    return WIFEXITED(status) ? WEXITSTATUS(status) : 126;
}

static bool
file_read(const char *path, struct text *text)
{
    char block[16384];
    size_t length;
    FILE *file = fopen(path, "rb");

    if (file == NULL)
        return false;
    while ((length = fread(block, 1, sizeof(block), file)) > 0)
        text_add_bytes(text, block, length);
    fclose(file);
    return text->length > 0;
}

/* Copies 'line' with colours, fonts and ids replaced. */
static void
line_clean(struct text *out, const char *line, size_t length, int index)
{
    size_t i = 0;

    while (i < length) {
        size_t r;

        if (strncmp(line + i, "'gp", 3) == 0 ||
            strncmp(line + i, "#gp", 3) == 0) {
            text_addf(out, "%cp%d-gp", line[i], index);
            i += 3;
            continue;
        }
        for (r = 0; r < ARRAY_COUNT(replacements); r++) {
            size_t from = strlen(replacements[r].from);

            if (from <= length - i &&
                memcmp(line + i, replacements[r].from, from) == 0) {
                text_add(out, replacements[r].to);
                i += from;
                break;
            }
        }
        if (r == ARRAY_COUNT(replacements))
            text_add_bytes(out, line + i++, 1);
    }
    text_add(out, "\n");
}

static bool
line_begins(const char *line, const char *prefix)
{
    while (*line == '\t' || *line == ' ')
        line++;
    return strncmp(line, prefix, strlen(prefix)) == 0;
}

/* Between the canvas group's tags: drops filters, unused symbols and the
 * many empty groups. */
static void
body_clean(struct plot *plot, const char *body, int index)
{
    bool symbols = strstr(body, "<use xlink:href='#gpPt6' transform") != NULL;
    bool in_defs = false;
    bool in_filter = false;

    while (*body != '\0' && !line_begins(body, "</svg>")) {
        size_t length = strcspn(body, "\n");
        const char *next = body + length + (body[length] == '\n');
        bool skip = length == 0;

        if (line_begins(body, "<defs>"))
            in_defs = true;
        if (line_begins(body, "<filter"))
            in_filter = true;
        if (in_filter || (in_defs && !symbols))
            skip = true;
        if (line_begins(body, "</filter>"))
            in_filter = false;
        if (line_begins(body, "</defs>"))
            in_defs = false;
        if (line_begins(body, "<g ") && line_begins(next, "</g>") &&
            body[length - 1] == '>' && strncmp(next, "</g>\n", 5) == 0) {
            body = next + 5;
            continue;
        }
        if (!skip)
            line_clean(&plot->svg, body, length, index);
        body = next;
    }
}

static void
svg_take(struct plot *plot, const char *svg, int index)
{
    const char *canvas = strstr(svg, "<g id=\"gnuplot_canvas\">");
    const char *body;

    if (canvas == NULL || strstr(canvas, "</svg>") == NULL)
        return;
    body = canvas + strcspn(canvas, "\n");
    text_addf(&plot->svg,
              "<svg viewBox=\"0 0 %d %d\" width=\"%d\" height=\"%d\" "
              "role=\"img\" aria-label=\"%s\">\n<g>\n",
              plot->width, plot->height, plot->width, plot->height,
              plot->alt.data != NULL ? plot->alt.data : "plot");
    body_clean(plot, body, index);
    text_add(&plot->svg, "</svg>\n");
}

static void
files_collect(struct plots *plots, const char *dir)
{
    char path[96];
    int i;

    for (i = 0; i < plots->count; i++) {
        struct text svg = {0};

        snprintf(path, sizeof(path), "%s/%d.svg", dir, i);
        if (file_read(path, &svg))
            svg_take(plots->items[i], svg.data, i);
        text_fini(&svg);
        unlink(path);
    }
}

void
plots_draw(struct plots *plots, const char *gnuplot)
{
    char dir[64] = "/tmp/sixnines-plots-XXXXXX";
    char script_path[80];
    struct text script = {0};
    char error[128];
    int status = 126;

    if (plots->count == 0)
        return;
    if (mkdtemp(dir) == NULL) {
        snprintf(plots->reason, sizeof(plots->reason),
                 "no temporary folder could be made in /tmp");
        return;
    }
    scripts_join(plots, dir, &script);
    snprintf(script_path, sizeof(script_path), "%s/plots.gp", dir);
    if (text_save(&script, script_path, error, sizeof(error)) == 0)
        status =
            gnuplot_run(gnuplot != NULL ? gnuplot : "gnuplot", script_path);
    files_collect(plots, dir);
    unlink(script_path);
    rmdir(dir);
    text_fini(&script);
    if (status == 127)
        snprintf(plots->reason, sizeof(plots->reason),
                 "the program gnuplot was not found");
    else if (status != 0)
        snprintf(plots->reason, sizeof(plots->reason),
                 "gnuplot ended with an error");
}
