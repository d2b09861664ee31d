/* SPDX-License-Identifier: Apache-2.0 */
#include "reports/markup.h"

#include <check.h>
#include <ctype.h>
#include <stdio.h>
#include <string.h>

struct markup {
    const char *at;
    char open[64][24];
    int depth;
    char ids[400][40];
    int id_count;
    bool html;
};

static void
markup_name(struct markup *m, char name[24])
{
    int n = 0;

    while (isalnum((unsigned char)*m->at) || strchr("-_:", *m->at) != NULL) {
        ck_assert_int_lt(n, 23);
        name[n++] = *m->at++;
    }
    name[n] = '\0';
    ck_assert_msg(n > 0, "no name at: %.60s", m->at);
}

static void
markup_id(struct markup *m, const char *id, size_t length)
{
    int i;

    ck_assert(length < 40 && m->id_count < 400);
    snprintf(m->ids[m->id_count], 40, "%.*s", (int)length, id);
    for (i = 0; i < m->id_count; i++)
        ck_assert_msg(strcmp(m->ids[i], m->ids[m->id_count]) != 0,
                      "id %s twice", m->ids[i]);
    m->id_count++;
}

/* Returns true for a tag that closes itself. */
static bool
markup_attributes(struct markup *m)
{
    char name[24];

    for (;;) {
        const char *value;
        char quote;

        while (isspace((unsigned char)*m->at))
            m->at++;
        if (*m->at == '>')
            return false;
        if (*m->at == '/' && m->at[1] == '>') {
            m->at++;
            return true;
        }
        markup_name(m, name);
        while (*m->at == ' ')
            m->at++;
        ck_assert_msg(*m->at++ == '=', "bare attribute %s", name);
        while (*m->at == ' ')
            m->at++;
        quote = *m->at++;
        ck_assert(quote == '"' || quote == '\'');
        value = m->at;
        m->at += strcspn(m->at, quote == '"' ? "\"<" : "'<");
        ck_assert_msg(*m->at == quote, "attribute %s runs on", name);
        if (strcmp(name, "id") == 0)
            markup_id(m, value, (size_t)(m->at - value));
        m->at++;
    }
}

static bool
is_void(const char *name)
{
    return strcmp(name, "meta") == 0 || strcmp(name, "br") == 0;
}

static void
markup_tag(struct markup *m)
{
    char name[24];

    if (*m->at == '!' || *m->at == '?') {
        m->at += strcspn(m->at, ">");
    } else if (*m->at == '/') {
        m->at++;
        markup_name(m, name);
        ck_assert_int_gt(m->depth, 0);
        ck_assert_str_eq(name, m->open[m->depth - 1]);
        m->depth--;
    } else {
        markup_name(m, name);
        if (!markup_attributes(m) && !(m->html && is_void(name))) {
            ck_assert_int_lt(m->depth, 64);
            strcpy(m->open[m->depth++], name);
        }
    }
    ck_assert_int_eq(*m->at, '>');
    m->at++;
}

void
markup_check(const char *text, bool html)
{
    static struct markup m;

    memset(&m, 0, sizeof(m));
    m.html = html;
    m.at = text;
    while (*m.at != '\0') {
        if (*m.at == '<') {
            m.at++;
            markup_tag(&m);
        } else if (*m.at == '&') {
            size_t length = strcspn(m.at, ";");

            ck_assert_msg(length < 8, "bare ampersand: %.40s", m.at);
            m.at += length;
        } else {
            unsigned char letter = (unsigned char)*m.at;

            ck_assert_msg(letter >= 0x20 || isspace(letter), "control %d",
                          letter);
            m.at++;
        }
    }
    ck_assert_int_eq(m.depth, 0);
    if (html)
        ck_assert_int_gt(m.id_count, 0);
}
