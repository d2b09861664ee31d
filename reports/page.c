/* SPDX-License-Identifier: Apache-2.0 */
#include "reports/page_priv.h"

#include <string.h>

void
page_text(struct page *page, const char *text)
{
    text_markup(&page->out, text);
}

void
page_markup(struct page *page, const char *markup)
{
    text_add(&page->out, markup);
}

void
page_section(struct page *page, const char *id, const char *heading)
{
    text_addf(&page->out, "<section id=\"%s\" aria-labelledby=\"%s-h\">\n", id,
              id);
    text_addf(&page->out, "<h2 id=\"%s-h\">", id);
    page_text(page, heading);
    page_markup(page, "</h2>\n");
}

void
page_section_end(struct page *page)
{
    page_markup(page, "</section>\n");
}

void
page_table(struct page *page, const char *caption, const char *columns)
{
    page_markup(page, "<div class=\"scroll\" role=\"region\" tabindex=\"0\" "
                      "aria-label=\"");
    page_text(page, caption);
    page_markup(page, "\"><table><caption>");
    page_text(page, caption);
    page_markup(page, "</caption>\n<thead><tr>");
    while (*columns != '\0') {
        size_t length = strcspn(columns, "|");
        bool numeric = *columns == '#';

        page_markup(page, numeric ? "<th scope=\"col\" class=\"n\">"
                                  : "<th scope=\"col\">");
        text_add_bytes(&page->out, columns + numeric, length - numeric);
        page_markup(page, "</th>");
        columns += length + (columns[length] == '|');
    }
    page_markup(page, "</tr></thead>\n<tbody>\n");
}

void
page_table_end(struct page *page)
{
    page_markup(page, "</tbody></table></div>\n");
}

static void
cell_begin(struct page *page, const char *class_name)
{
    if (class_name == NULL)
        page_markup(page, "<td>");
    else
        text_addf(&page->out, "<td class=\"%s\">", class_name);
}

void
page_cell(struct page *page, const char *class_name, const char *text)
{
    cell_begin(page, class_name);
    page_text(page, text);
    page_markup(page, "</td>");
}

void
page_cell_count(struct page *page, uint64_t count)
{
    cell_begin(page, "n");
    text_count(&page->out, count);
    page_markup(page, "</td>");
}

void
page_cell_time(struct page *page, double time_ps)
{
    cell_begin(page, "n");
    text_time_ps(&page->out, time_ps);
    page_markup(page, "</td>");
}

void
page_cell_verdict(struct page *page, enum verdict verdict)
{
    static const char *const classes[VERDICT_COUNT] = {"none", "pass", "fail",
                                                       "open", "na"};

    text_addf(&page->out, "<td><span class=\"badge %s\">%s</span></td>",
              classes[verdict],
              verdict == VERDICT_NONE ? "NOT JUDGED" : verdict_name(verdict));
}

const char *
page_run_word(const struct page *page)
{
    return page->real ? "repeat" : "seed";
}

const char *
page_time_word(const struct page *page)
{
    return page->real ? "time" : "simulated time";
}

void
page_replay(struct page *page, const char *token)
{
    if (page->real) {
        page_markup(page, "<p>This ran in real time: no two such runs are the "
                          "same, and none can be played again. What its "
                          "boxes recorded (<code>--record --keep DIR</code>) "
                          "can, box by box.</p>\n");
        return;
    }
    if (*token == '\0') {
        page_markup(page, "<p>The run did not end, so it has no replay "
                          "token.</p>\n");
        return;
    }
    /* Quoted for the shell: a token may hold '?' and '&'. */
    page_markup(page, "<pre>sixnines replay '");
    page_text(page, token);
    page_markup(page, "'</pre>\n");
}

/* Plots are drawn after the page is written; a mark that no escaped text can
 * hold stands for each. */
static void
plot_mark(struct page *page, const struct plot *plot, const char *class_name)
{
    int i;

    for (i = 0; i < page->plots.count && page->plots.items[i] != plot; i++)
        ;
    text_addf(&page->out, "<div class=\"%s\">\x01%d\x02</div>\n", class_name,
              i);
}

void
page_figure(struct page *page, const char *caption, const struct plot *wide,
            const struct plot *narrow)
{
    if (wide == NULL)
        return;
    page_markup(page, "<figure>\n");
    plot_mark(page, wide, narrow != NULL ? "plot wide" : "plot");
    if (narrow != NULL)
        plot_mark(page, narrow, "plot narrow");
    page_markup(page, "<figcaption>");
    page_text(page, caption);
    page_markup(page, "</figcaption></figure>\n");
}

struct time_axis
page_time_axis(double duration_ps)
{
    struct time_axis axis = {"s", 1e12, 1};

    if (duration_ps <= 0)
        return axis;
    if (duration_ps > 3 * 86400e12)
        axis = (struct time_axis){"days", 86400e12, 1};
    else if (duration_ps > 3 * 3600e12)
        axis = (struct time_axis){"h", 3600e12, 1};
    else if (duration_ps > 600e12)
        axis = (struct time_axis){"min", 60e12, 1};
    else if (duration_ps <= 1e9)
        axis = (struct time_axis){"\xc2\xb5s", 1e6, 1};
    else if (duration_ps <= 1e12)
        axis = (struct time_axis){"ms", 1e9, 1};
    axis.end = duration_ps / axis.unit_ps;
    return axis;
}
