/* SPDX-License-Identifier: Apache-2.0
 *
 * JSON (RFC 8259) as a tree.  The bytes come from the daemon, and what is
 * inside them from anybody: nesting is bounded, and text is made safe for a
 * terminal.
 */
#define _POSIX_C_SOURCE 200809L
#include "reference-nos/base/err.h"
#include "reference-nos/linux/refnos/refnos_priv.h"

#include <stdlib.h>
#include <string.h>

struct parser {
    const char *at;
    const char *end;
    unsigned depth;
    int error;
};

void
json_tree_free(struct json_tree *tree)
{
    while (tree != NULL) {
        struct json_tree *next = tree->next;

        json_tree_free(tree->first);
        free(tree->name);
        free(tree->text);
        free(tree);
        tree = next;
    }
}

static int
fail(struct parser *parser, int error)
{
    if (parser->error == 0)
        parser->error = error;
    return parser->error;
}

static void
skip_space(struct parser *parser)
{
    while (parser->at < parser->end &&
           memchr(" \t\r\n", *parser->at, 4) != NULL)
        parser->at++;
}

/* The next character that is no space, or 0. */
static char
peek(struct parser *parser)
{
    skip_space(parser);
    return parser->at < parser->end ? *parser->at : '\0';
}

static bool
take(struct parser *parser, char c)
{
    if (peek(parser) != c)
        return false;
    parser->at++;
    return true;
}

static int
hex_digit(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    if (c >= 'a' && c <= 'f')
        return c - 'a' + 10;
    return c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

static unsigned
take_hex(struct parser *parser)
{
    unsigned value = 0;

    for (unsigned i = 0; i < 4; i++) {
        int digit = parser->at < parser->end ? hex_digit(*parser->at) : -1;

        if (digit < 0) {
            (void)fail(parser, ERR_MALFORMED);
            return 0;
        }
        parser->at++;
        value = value * 16 + (unsigned)digit;
    }
    return value;
}

/* What follows a backslash. */
static unsigned
take_escape(struct parser *parser)
{
    static const char from[] = "\"\\/bfnrt", to[] = "\"\\/\b\f\n\r\t";
    const char *found;
    char c;

    if (parser->at == parser->end) {
        (void)fail(parser, ERR_TRUNCATED);
        return 0;
    }
    c = *parser->at++;
    if (c == 'u')
        return take_hex(parser);
    found = c == '\0' ? NULL : strchr(from, c);
    if (found == NULL) {
        (void)fail(parser, ERR_MALFORMED);
        return 0;
    }
    return (unsigned char)to[found - from];
}

/* A string, made ASCII; NULL on failure. */
static char *
take_string(struct parser *parser)
{
    char *text, *to;

    if (!take(parser, '"')) {
        (void)fail(parser, ERR_MALFORMED);
        return NULL;
    }
    text = to = malloc((size_t)(parser->end - parser->at) + 1);
    if (text == NULL) {
        (void)fail(parser, ERR_NOMEM);
        return NULL;
    }
    while (parser->error == 0 && parser->at < parser->end &&
           *parser->at != '"') {
        unsigned c = (unsigned char)*parser->at++;

        if (c == '\\')
            c = take_escape(parser);
        *to++ = c >= ' ' && c <= '~' ? (char)c : '?';
    }
    *to = '\0';
    if (parser->error == 0 && parser->at == parser->end)
        (void)fail(parser, ERR_TRUNCATED);
    if (parser->error != 0) {
        free(text);
        return NULL;
    }
    parser->at++;
    to = realloc(text, (size_t)(to - text) + 1);
    return to == NULL ? text : to;
}

static struct json_tree *take_value(struct parser *parser);

static void
take_members(struct parser *parser, struct json_tree *tree, char close)
{
    struct json_tree **link = &tree->first;

    parser->at++;
    if (take(parser, close))
        return;
    do {
        char *name = NULL;

        if (tree->kind == TREE_OBJECT) {
            name = take_string(parser);
            if (name != NULL && !take(parser, ':'))
                (void)fail(parser, ERR_MALFORMED);
        }
        if (parser->error == 0)
            *link = take_value(parser);
        if (*link == NULL || parser->error != 0) {
            free(name);
            return;
        }
        (*link)->name = name;
        link = &(*link)->next;
    } while (take(parser, ','));
    if (!take(parser, close))
        (void)fail(parser, ERR_MALFORMED);
}

static bool
is_number(const char *text, size_t size)
{
    for (size_t i = 0; i < size; i++)
        if (memchr("0123456789+-.eE", text[i], 15) == NULL)
            return false;
    return size > 0;
}

static void
take_plain(struct parser *parser, struct json_tree *tree)
{
    static const char *const words[] = {"null", "false", "true"};
    size_t size = 0;

    while (parser->at + size < parser->end &&
           memchr(" \t\r\n,]}:\"[{", parser->at[size], 11) == NULL)
        size++;
    for (unsigned i = 0; i < ARRAY_COUNT(words); i++)
        if (size == strlen(words[i]) &&
            memcmp(parser->at, words[i], size) == 0) {
            tree->kind = (enum tree_kind)i;
            parser->at += size;
            return;
        }
    if (!is_number(parser->at, size)) {
        (void)fail(parser, ERR_MALFORMED);
        return;
    }
    tree->kind = TREE_NUMBER;
    tree->text = strndup(parser->at, size);
    if (tree->text == NULL)
        (void)fail(parser, ERR_NOMEM);
    parser->at += size;
}

static struct json_tree *
take_value(struct parser *parser)
{
    struct json_tree *tree = calloc(1, sizeof(*tree));
    char c = peek(parser);

    if (tree == NULL || parser->depth >= TREE_DEPTH_MAX) {
        (void)fail(parser, tree == NULL ? ERR_NOMEM : ERR_RANGE);
        return tree;
    }
    parser->depth++;
    if (c == '{' || c == '[') {
        tree->kind = c == '{' ? TREE_OBJECT : TREE_ARRAY;
        take_members(parser, tree, c == '{' ? '}' : ']');
    } else if (c == '"') {
        tree->kind = TREE_STRING;
        tree->text = take_string(parser);
    } else {
        take_plain(parser, tree);
    }
    parser->depth--;
    return tree;
}

int
json_tree_parse(const char *text, size_t size, struct json_tree **out)
{
    struct parser parser = {.at = text, .end = text + size};
    struct json_tree *tree = take_value(&parser);

    skip_space(&parser);
    if (parser.error == 0 && parser.at != parser.end)
        (void)fail(&parser, ERR_MALFORMED);
    if (parser.error != 0)
        json_tree_free(tree);
    else
        *out = tree;
    return parser.error;
}
