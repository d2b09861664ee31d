/* SPDX-License-Identifier: Apache-2.0 */
#include "sim/scenario/expr.h"

#include "reference-nos/base/check.h"
#include "reference-nos/base/err.h"

#include <stdarg.h>
#include <string.h>

#define WORD_BYTES 64
#define EXPR_TEXT_MAX 2048

/* An expression on its way from text to struct. */
struct parse {
    struct schema_reader *reader;
    const struct target_scope *scope;
    const struct ynode *node;
    const char *at; /* Where reading goes on, in node->text. */
    bool over_seeds;
};

static const char *const op_texts[] = {"==", "!=", "<", "<=", ">", ">=", NULL};
static const char *const aggregate_texts[] = {"",     "p50", "p90", "p99",
                                              "mean", "min", "max", NULL};

const char *
expr_op_text(enum expr_op op)
{
    CHECK(op <= OP_GE);
    return op_texts[op];
}

const char *
aggregate_text(enum aggregate aggregate)
{
    CHECK(aggregate <= AGGREGATE_MAX);
    return aggregate_texts[aggregate];
}

static int report(const struct parse *parse, const char *place,
                  const char *format, ...) PRINTF_LIKE(3, 4);

static int
report(const struct parse *parse, const char *place, const char *format, ...)
{
    size_t offset = (size_t)(place - parse->node->text);
    char text[DIAG_TEXT_BYTES];
    va_list args;

    va_start(args, format);
    vsnprintf(text, sizeof(text), format, args);
    va_end(args);
    diag_error(parse->reader->diags, ynode_mark_at(parse->node, offset), "%s",
               text);
    return ERR_INVALID;
}

static int
report_word(const struct parse *parse, const char *place, const char *what,
            const char *word, struct words words)
{
    size_t offset = (size_t)(place - parse->node->text);

    schema_unknown(parse->reader, parse->node,
                   ynode_mark_at(parse->node, offset), what, word, "", words);
    return ERR_INVALID;
}

static void
skip_spaces(struct parse *parse)
{
    parse->at += strspn(parse->at, " \n\t");
}

/* Reads "[a-z0-9.-]*" into 'word'. */
static int
read_word(struct parse *parse, char word[WORD_BYTES], const char **place)
{
    size_t length;

    skip_spaces(parse);
    *place = parse->at;
    length = strspn(parse->at,
                    "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
                    "0123456789.-_");
    if (length >= WORD_BYTES)
        return report(parse, parse->at, "this word is too long");
    memcpy(word, parse->at, length);
    word[length] = '\0';
    parse->at += length;
    return 0;
}

static int
argument_event(struct parse *parse, const char *place, const char *text,
               struct metric_ref *ref)
{
    int index = parse->scope->event_find == NULL
                    ? -1
                    : parse->scope->event_find(parse->scope->arg, text);

    if (index < 0)
        return report_word(parse, place, "event", text,
                           parse->scope->event_names);
    ref->event = (uint32_t)index;
    return 0;
}

static int
argument_traffic(struct parse *parse, const char *place, const char *text,
                 struct metric_ref *ref)
{
    int index = parse->scope->traffic_find == NULL
                    ? -1
                    : parse->scope->traffic_find(parse->scope->arg, text);

    if (index < 0)
        return report_word(parse, place, "traffic", text,
                           parse->scope->traffic_names);
    ref->traffic = (uint32_t)index;
    return 0;
}

static int
argument_size(struct parse *parse, const char *place, const char *text,
              struct metric_ref *ref)
{
    const struct target_scope *scope = parse->scope;
    uint64_t bytes = 0;
    char why[QUANTITY_WHY_BYTES];

    if (quantity_parse(QUANTITY_COUNT, text, &bytes, why, sizeof(why)) != 0)
        return report(parse, place, "%s", why);
    for (size_t i = 0; i < scope->search_size_count; i++) {
        if (scope->search_sizes[i] == bytes) {
            ref->word = (unsigned)bytes;
            return 0;
        }
    }
    return report(parse, place, "no search tries frames of %.*s bytes",
                  DIAG_WORD_MAX, text);
}

static int
argument_word(struct parse *parse, const char *place, const char *text,
              struct metric_ref *ref)
{
    enum metric_argument argument = ref->metric->argument;
    const char *const *words = metric_argument_words(argument);
    /* The word "none" is number 0 where it exists, and is not for users. */
    unsigned skip =
        argument == ARGUMENT_ORACLE || argument == ARGUMENT_SERVICE ? 1 : 0;

    for (unsigned i = skip; words[i] != NULL; i++) {
        if (strcmp(words[i], text) == 0) {
            ref->word = i;
            return 0;
        }
    }
    return report_word(parse, place, metric_argument_text(argument), text,
                       words_of(words + skip));
}

static int
argument_set(struct parse *parse, const char *place, const char *text,
             struct metric_ref *ref)
{
    ref->has_argument = true;
    switch (ref->metric->argument) {
    case ARGUMENT_NONE:
        return report(parse, place, "\"%s\" takes no argument",
                      ref->metric->name);
    case ARGUMENT_EVENT: return argument_event(parse, place, text, ref);
    case ARGUMENT_TARGET:
        return target_parse(parse->reader, parse->scope, parse->node,
                            (size_t)(place - parse->node->text), text,
                            strlen(text), &ref->target);
    case ARGUMENT_TRAFFIC: return argument_traffic(parse, place, text, ref);
    case ARGUMENT_SIZE: return argument_size(parse, place, text, ref);
    case ARGUMENT_CAUSE:
    case ARGUMENT_ALARM:
    case ARGUMENT_REASON:
    case ARGUMENT_ORACLE:
    case ARGUMENT_DROP:
    case ARGUMENT_SERVICE: return argument_word(parse, place, text, ref);
    }
    CHECK(false);
    return ERR_INTERNAL;
}

/* "(argument)", or nothing. */
static int
parse_argument(struct parse *parse, struct metric_ref *ref)
{
    const char *place, *end;
    size_t length;

    if (*parse->at != '(') {
        if (ref->metric->argument == ARGUMENT_NONE ||
            ref->metric->argument_optional)
            return 0;
        return report(parse, parse->at, "\"%s\" needs its %s in brackets",
                      ref->metric->name,
                      metric_argument_text(ref->metric->argument));
    }
    place = parse->at + 1;
    place += strspn(place, " ");
    end = strchr(place, ')');
    if (end == NULL)
        return report(parse, parse->at, "no \")\" closes this bracket");
    length = (size_t)(end - place);
    while (length > 0 && place[length - 1] == ' ')
        length--;
    parse->at = end + 1;
    return argument_set(parse, place,
                        arena_copy(parse->reader->arena, place, length), ref);
}

static int
parse_metric(struct parse *parse, const char *word, const char *place,
             struct metric_ref *ref)
{
    ref->metric = metric_find(word);
    if (ref->metric == NULL && *word == '\0')
        return report(parse, place, "expected a metric here");
    if (ref->metric == NULL)
        return report_word(parse, place, "metric", word, metric_names());
    ref->mark =
        ynode_mark_at(parse->node, (size_t)(place - parse->node->text));
    if (parse_argument(parse, ref) != 0)
        return ERR_INVALID;
    ref->text =
        arena_copy(parse->reader->arena, place, (size_t)(parse->at - place));
    return 0;
}

static enum aggregate
aggregate_find(const char *word)
{
    for (int i = 1; aggregate_texts[i] != NULL; i++) {
        if (strcmp(aggregate_texts[i], word) == 0)
            return (enum aggregate)i;
    }
    return AGGREGATE_NONE;
}

/* "p99(metric(argument))" or "metric(argument)". */
static int
parse_subject(struct parse *parse, struct expr_term *term)
{
    char word[WORD_BYTES];
    const char *place, *first;

    if (read_word(parse, word, &place) != 0)
        return ERR_INVALID;
    first = place;
    term->aggregate = aggregate_find(word);
    if (term->aggregate != AGGREGATE_NONE && *parse->at == '(') {
        if (!parse->over_seeds)
            return report(parse, first,
                          "\"%s\" looks at many runs; add over: seeds", word);
        parse->at++;
        if (read_word(parse, word, &place) != 0 ||
            parse_metric(parse, word, place, &term->ref) != 0)
            return ERR_INVALID;
        skip_spaces(parse);
        if (*parse->at != ')')
            return report(parse, parse->at, "expected \")\" here");
        parse->at++;
        return 0;
    }
    if (parse_metric(parse, word, place, &term->ref) != 0)
        return ERR_INVALID;
    if (parse->over_seeds)
        return report(parse, first,
                      "over: seeds needs one of p50, p90, p99, mean, min, max "
                      "around \"%s\"",
                      term->ref.metric->name);
    return 0;
}

static bool
ends_term(const char *at)
{
    return *at == '\0' ||
           (strncmp(at, "and", 3) == 0 && (at[3] == ' ' || at[3] == '\n'));
}

static int
parse_op(struct parse *parse, enum expr_op *op)
{
    static const enum expr_op order[] = {OP_EQ, OP_NE, OP_LE,
                                         OP_GE, OP_LT, OP_GT};

    for (size_t i = 0; i < ARRAY_COUNT(order); i++) {
        const char *text = op_texts[order[i]];

        if (strncmp(parse->at, text, strlen(text)) == 0) {
            parse->at += strlen(text);
            *op = order[i];
            return 0;
        }
    }
    return report(parse, parse->at,
                  "expected one of ==, !=, <, <=, >, >= here");
}

static int
parse_bound(struct parse *parse, struct expr_term *term)
{
    enum quantity_kind kind = metric_quantity(term->ref.metric->unit);
    char why[QUANTITY_WHY_BYTES];
    const char *place;
    size_t length;

    skip_spaces(parse);
    place = parse->at;
    length = strcspn(place, " \n\t");
    parse->at += length;
    if (quantity_parse(kind, arena_copy(parse->reader->arena, place, length),
                       &term->bound, why, sizeof(why)) != 0)
        return report(parse, place, "%s", why);
    return 0;
}

static int
check_quantile(struct parse *parse, const char *place,
               const struct expr_term *term)
{
    bool quantile = (term->aggregate >= AGGREGATE_P50 &&
                     term->aggregate <= AGGREGATE_P99) ||
                    (term->aggregate == AGGREGATE_NONE &&
                     metric_is_quantile(term->ref.metric));

    if (quantile && (term->op == OP_EQ || term->op == OP_NE))
        return report(parse, place, "a quantile compares by <, <=, > or >=");
    return 0;
}

static int
parse_term(struct parse *parse, struct expr_term *term)
{
    bool predicate;
    const char *start, *place;

    skip_spaces(parse);
    start = parse->at;
    if (parse_subject(parse, term) != 0)
        return ERR_INVALID;
    skip_spaces(parse);
    place = parse->at;
    predicate = term->ref.metric->unit == UNIT_PREDICATE &&
                term->aggregate == AGGREGATE_NONE;
    if (ends_term(place) && !predicate)
        return report(parse, place,
                      "\"%s\" needs a comparison, such as == 0%s",
                      term->ref.metric->name,
                      term->ref.metric->unit == UNIT_DURATION ? "s" : "");
    if (!ends_term(place) && predicate)
        return report(parse, place, "\"%s\" is a predicate and stands alone",
                      term->ref.metric->name);
    term->is_predicate = predicate;
    if (!predicate && (parse_op(parse, &term->op) != 0 ||
                       check_quantile(parse, place, term) != 0 ||
                       parse_bound(parse, term) != 0))
        return ERR_INVALID;
    place = parse->at;
    while (place > start && strchr(" \n\t", place[-1]) != NULL)
        place--;
    term->text =
        arena_copy(parse->reader->arena, start, (size_t)(place - start));
    return 0;
}

int
expr_parse(struct schema_reader *reader, const struct target_scope *scope,
           const struct ynode *node, bool over_seeds, struct expr *expr)
{
    struct parse parse = {.reader = reader,
                          .scope = scope,
                          .node = node,
                          .at = node->text,
                          .over_seeds = over_seeds};

    if (schema_want(reader, node, YNODE_SCALAR, "an expression") != 0)
        return ERR_INVALID;
    if (strlen(node->text) > EXPR_TEXT_MAX) {
        schema_error(reader, node, "an expression of more than %d characters",
                     EXPR_TEXT_MAX);
        return ERR_INVALID;
    }
    *expr = (struct expr){.text = node->text};
    for (;;) {
        if (expr->count == EXPR_TERMS_MAX)
            return report(&parse, parse.at, "more than %d terms",
                          EXPR_TERMS_MAX);
        if (parse_term(&parse, &expr->terms[expr->count]) != 0)
            return ERR_INVALID;
        expr->count++;
        skip_spaces(&parse);
        if (*parse.at == '\0')
            return 0;
        if (!ends_term(parse.at))
            return report(&parse, parse.at, "expected \"and\" or the end");
        parse.at += 3;
    }
}

int
expr_parse_metric(struct schema_reader *reader,
                  const struct target_scope *scope, const struct ynode *node,
                  struct metric_ref *ref)
{
    struct parse parse = {
        .reader = reader, .scope = scope, .node = node, .at = node->text};
    char word[WORD_BYTES];
    const char *place;

    if (schema_want(reader, node, YNODE_SCALAR, "a metric") != 0)
        return ERR_INVALID;
    if (read_word(&parse, word, &place) != 0 ||
        parse_metric(&parse, word, place, ref) != 0)
        return ERR_INVALID;
    skip_spaces(&parse);
    return *parse.at == '\0'
               ? 0
               : report(&parse, parse.at, "expected the end of the metric");
}
