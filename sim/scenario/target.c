/* SPDX-License-Identifier: Apache-2.0 */
#include "sim/scenario/target.h"

#include "reference-nos/base/check.h"
#include "reference-nos/base/err.h"
#include "reference-nos/runtime/service_ids.h"
#include "sim/scenario/metrics.h"

#include <ctype.h>
#include <stdarg.h>
#include <string.h>

#define TERM_MAX 128
#define TARGET_TEXT_MAX 512

/* A target on its way from text to struct. */
struct parse {
    struct schema_reader *reader;
    const struct target_scope *scope;
    const struct ynode *node;
    const char *text; /* Whole text, zero-terminated. */
    size_t offset;    /* Of 'text' in the scalar. */
    struct target *target;
};

static const char *const role_words[] = {"ncc", "ncp", "ncf", "ncm", NULL};
static const char *const plane_words[] = {"a", "b", NULL};
static const char *const state_words[] = {
#define STATE_WORD(name, word, doc) word,
    TARGET_STATE_TABLE(STATE_WORD)
#undef STATE_WORD
        NULL,
};
static const char *const key_words[] = {"role",   "number", "state", "service",
                                        "serial", "link",   "plane", NULL};

const char *
target_state_word(enum target_state state)
{
    CHECK(state < TARGET_STATE_COUNT);
    return state_words[state];
}

const char *
target_state_doc(enum target_state state)
{
    static const char *const docs[] = {
#define STATE_DOC(name, word, doc) doc,
        TARGET_STATE_TABLE(STATE_DOC)
#undef STATE_DOC
    };

    CHECK(state < TARGET_STATE_COUNT);
    return docs[state];
}

const char *
target_kind_text(enum target_kind kind)
{
    switch (kind) {
    case TARGET_BOX: return "boxes";
    case TARGET_SERVICE: return "a service";
    case TARGET_FABRIC_LINK: return "a fabric link";
    case TARGET_MANAGEMENT_LINK: return "a management link";
    case TARGET_PLANE: return "a management plane";
    case TARGET_EVENT: return "an earlier event's target";
    }
    CHECK(false);
    return "";
}

/* Reports at 'word', a piece of the target's text. */
static void report(const struct parse *parse, const char *word,
                   const char *format, ...) PRINTF_LIKE(3, 4);

static void
report(const struct parse *parse, const char *word, const char *format, ...)
{
    size_t offset = parse->offset + (size_t)(word - parse->text);
    char text[DIAG_TEXT_BYTES];
    va_list args;

    va_start(args, format);
    vsnprintf(text, sizeof(text), format, args);
    va_end(args);
    diag_error(parse->reader->diags, ynode_mark_at(parse->node, offset), "%s",
               text);
}

static int
report_word(const struct parse *parse, const char *place, const char *word,
            const char *what, struct words words)
{
    size_t offset = parse->offset + (size_t)(place - parse->text);

    schema_unknown(parse->reader, parse->node,
                   ynode_mark_at(parse->node, offset), what, word, "", words);
    return ERR_INVALID;
}

static int
word_index(const char *const *words, const char *word)
{
    for (int i = 0; words[i] != NULL; i++) {
        if (strcmp(words[i], word) == 0)
            return i;
    }
    return -1;
}

/* Whole 'text' as a small number. */
static bool
read_number(const char *text, uint32_t *number)
{
    uint64_t value = 0;

    if (*text == '\0')
        return false;
    for (; *text != '\0'; text++) {
        if (!isdigit((unsigned char)*text))
            return false;
        value = value * 10 + (uint64_t)(*text - '0');
        if (value > UINT32_MAX)
            return false;
    }
    *number = (uint32_t)value;
    return true;
}

static int
check_number(const struct parse *parse, const char *place, enum role role,
             uint32_t number)
{
    uint32_t slots = parse->scope->slots[role];
    uint32_t all = 0;

    for (int i = 0; i < ROLE_COUNT; i++)
        all += parse->scope->slots[i];
    if (all == 0 || number < slots)
        return 0;
    if (slots == 0)
        report(parse, place, "impossible target: the cluster has no %s",
               role_words[role]);
    else if (slots == 1)
        report(parse, place,
               "impossible target: there is no %s-%u; the only one is %s-0",
               role_words[role], number, role_words[role]);
    else
        report(parse, place,
               "impossible target: there is no %s-%u; they run from %s-0 to "
               "%s-%u",
               role_words[role], number, role_words[role], role_words[role],
               slots - 1);
    return ERR_INVALID;
}

/* "ncp-7", "ncm-a": is it the name of a slot? */
static bool
read_slot(const char *word, enum role *role, uint32_t *number)
{
    for (unsigned i = 0; i < ROLE_COUNT; i++) {
        size_t length = strlen(role_words[i]);

        if (strncmp(word, role_words[i], length) != 0 || word[length] != '-')
            continue;
        *role = (enum role)i;
        if (i == ROLE_NCM && (strcmp(word + length + 1, "a") == 0 ||
                              strcmp(word + length + 1, "b") == 0)) {
            *number = (uint32_t)(word[length + 1] - 'a');
            return true;
        }
        return read_number(word + length + 1, number);
    }
    return false;
}

static int
set_slot(const struct parse *parse, const char *place, enum role role,
         uint32_t number)
{
    struct target *target = parse->target;

    if (target->has_role || target->has_number) {
        report(parse, place, "the target names a box twice");
        return ERR_INVALID;
    }
    target->is_slot = true;
    target->has_role = true;
    target->has_number = true;
    target->role = role;
    target->number = number;
    return check_number(parse, place, role, number);
}

static int
set_role(const struct parse *parse, const char *place, const char *value)
{
    int index = word_index(role_words, value);

    if (index < 0)
        return report_word(parse, place, value, "role", words_of(role_words));
    if (parse->target->has_role) {
        report(parse, place, "the target names a role twice");
        return ERR_INVALID;
    }
    parse->target->has_role = true;
    parse->target->role = (enum role)index;
    return check_number(parse, place, (enum role)index, 0);
}

static int
set_number(const struct parse *parse, const char *place, const char *value)
{
    if (!read_number(value, &parse->target->number)) {
        report(parse, place, "\"%.*s\" is no module number", DIAG_WORD_MAX,
               value);
        return ERR_INVALID;
    }
    parse->target->has_number = true;
    return 0;
}

static int
set_state(const struct parse *parse, const char *place, const char *value)
{
    int index = word_index(state_words, value);

    if (index < 0)
        return report_word(parse, place, value, "state",
                           words_of(state_words));
    parse->target->states |= 1u << index;
    return 0;
}

static int
set_service(const struct parse *parse, const char *place, const char *value)
{
    const char *const *services = metric_argument_words(ARGUMENT_SERVICE);
    int index = word_index(services, value);

    /* Number 0 is no service. */
    if (index <= 0)
        return report_word(parse, place, value, "service",
                           words_of(services + 1));
    parse->target->kind = TARGET_SERVICE;
    parse->target->service = (unsigned)index;
    return 0;
}

static int
set_serial(const struct parse *parse, const char *place, const char *value)
{
    if (value[0] == '\0' || strlen(value) >= FACTS_SERIAL_MAX) {
        report(parse, place, "a serial has 1 to %d characters",
               FACTS_SERIAL_MAX - 1);
        return ERR_INVALID;
    }
    parse->target->has_serial = true;
    parse->target->serial =
        arena_copy(parse->reader->arena, value, strlen(value));
    return 0;
}

static int
set_plane(const struct parse *parse, const char *place, const char *value)
{
    int index = word_index(plane_words, value);

    if (index < 0)
        return report_word(parse, place, value, "plane",
                           words_of(plane_words));
    parse->target->kind = TARGET_PLANE;
    parse->target->plane = index == 0 ? PLANE_A : PLANE_B;
    return 0;
}

static int
check_port(const struct parse *parse, const char *place)
{
    const struct target *target = parse->target;
    uint32_t ports = parse->scope->fabric_ports;

    if (target->role != ROLE_NCP && target->role != ROLE_NCF) {
        report(parse, place,
               "impossible target: only ncp and ncf boxes have fabric links");
        return ERR_INVALID;
    }
    if (target->role == ROLE_NCP && ports != 0 && target->port >= ports) {
        report(parse, place,
               "impossible target: %s-%u has no fab-%u; its fabric ports run "
               "from fab-0 to fab-%u",
               role_words[target->role], target->number, target->port,
               ports - 1);
        return ERR_INVALID;
    }
    return 0;
}

/* "ncp-3/fab-2" or "mgmt-a/ncp-3". */
static int
set_link(const struct parse *parse, const char *place, char *value)
{
    struct target *target = parse->target;
    char *slash = strchr(value, '/');
    char *right = slash == NULL ? NULL : slash + 1;
    const char *right_place = slash == NULL ? place : place + (right - value);
    enum role role;
    uint32_t number;

    if (slash != NULL)
        *slash = '\0';
    if (right != NULL && strncmp(value, "mgmt-", 5) == 0 &&
        word_index(plane_words, value + 5) >= 0 &&
        read_slot(right, &role, &number)) {
        target->plane = value[5] == 'a' ? PLANE_A : PLANE_B;
        target->kind = TARGET_MANAGEMENT_LINK;
        return set_slot(parse, right_place, role, number);
    }
    if (right != NULL && read_slot(value, &role, &number) &&
        strncmp(right, "fab-", 4) == 0 &&
        read_number(right + 4, &target->port)) {
        target->kind = TARGET_FABRIC_LINK;
        if (set_slot(parse, place, role, number) != 0)
            return ERR_INVALID;
        return check_port(parse, right_place);
    }
    report(parse, place,
           "a link is written as ncp-3/fab-2 or as mgmt-a/ncp-3");
    return ERR_INVALID;
}

static int
set_pair(const struct parse *parse, const char *place, const char *key,
         char *value)
{
    const char *value_place = place + (value - key);

    switch (word_index(key_words, key)) {
    case 0: return set_role(parse, value_place, value);
    case 1: return set_number(parse, value_place, value);
    case 2: return set_state(parse, value_place, value);
    case 3: return set_service(parse, value_place, value);
    case 4: return set_serial(parse, value_place, value);
    case 5: return set_link(parse, value_place, value);
    case 6: return set_plane(parse, value_place, value);
    default:
        return report_word(parse, place, key, "word", words_of(key_words));
    }
}

/* Suggests a state, a role's box or a key for a lone word. */
static int
report_lone_word(const struct parse *parse, const char *place,
                 const char *word)
{
    if (word_index(role_words, word) >= 0)
        report(parse, place,
               "\"%s\" is a role; write role=%s, or %s-0 for one box", word,
               word, word);
    else if (*word == '\0')
        report(parse, place, "a target is missing");
    else
        return report_word(parse, place, word, "target",
                           words_of(state_words));
    return ERR_INVALID;
}

/* One piece between commas, at 'place' of the text. */
static int
parse_term(const struct parse *parse, const char *place, size_t bytes)
{
    char term[TERM_MAX];
    char *equals;
    enum role role;
    uint32_t number;

    if (bytes >= sizeof(term)) {
        report(parse, place, "a word of the target is too long");
        return ERR_INVALID;
    }
    memcpy(term, place, bytes);
    term[bytes] = '\0';
    equals = strchr(term, '=');
    if (equals != NULL) {
        *equals = '\0';
        return set_pair(parse, place, term, equals + 1);
    }
    if (read_slot(term, &role, &number))
        return set_slot(parse, place, role, number);
    if (word_index(state_words, term) >= 0)
        return set_state(parse, place, term);
    return report_lone_word(parse, place, term);
}

static int
parse_terms(const struct parse *parse, const char *text)
{
    for (;;) {
        size_t length;

        text += strspn(text, " ");
        length = strcspn(text, ",");
        while (length > 0 && text[length - 1] == ' ')
            length--;
        if (parse_term(parse, text, length) != 0)
            return ERR_INVALID;
        text = strchr(text, ',');
        if (text == NULL)
            return 0;
        text++;
    }
}

/* "random", "random 3": how many to draw. */
static int
parse_random(const struct parse *parse, const char **text)
{
    const char *place = *text + strlen("random");
    char digits[16];
    size_t length;

    place += strspn(place, " ");
    length = strspn(place, "0123456789");
    parse->target->random = 1;
    *text = place;
    if (length == 0 || (place[length] != ' ' && place[length] != '\0'))
        return 0;
    if (length < sizeof(digits)) {
        memcpy(digits, place, length);
        digits[length] = '\0';
    }
    if (length >= sizeof(digits) ||
        !read_number(digits, &parse->target->random) ||
        parse->target->random == 0) {
        report(parse, place, "a random target draws at least one box");
        return ERR_INVALID;
    }
    *text = place + length + strspn(place + length, " ");
    return 0;
}

static int
parse_event(const struct parse *parse, size_t name_bytes)
{
    char name[TERM_MAX];
    int index;

    if (name_bytes >= sizeof(name)) {
        report(parse, parse->text, "the event's name is too long");
        return ERR_INVALID;
    }
    memcpy(name, parse->text, name_bytes);
    name[name_bytes] = '\0';
    index = parse->scope->event_find == NULL
                ? -1
                : parse->scope->event_find(parse->scope->arg, name);
    if (index < 0)
        return report_word(parse, parse->text, name, "event",
                           parse->scope->event_names);
    parse->target->kind = TARGET_EVENT;
    parse->target->event = (uint32_t)index;
    return 0;
}

/* Words that do not go together. */
static int
check_whole(const struct parse *parse)
{
    const struct target *target = parse->target;
    bool selects = target->has_role || target->has_number ||
                   target->has_serial || target->states != 0;
    unsigned controller_states =
        1u << TARGET_STATE_ACTIVE | 1u << TARGET_STATE_STANDBY;

    if (target->kind == TARGET_PLANE && selects) {
        report(parse, parse->text,
               "a plane stands alone; a box's link to it is written as "
               "link=mgmt-a/ncp-3");
        return ERR_INVALID;
    }
    if (target->kind == TARGET_SERVICE && !selects) {
        report(parse, parse->text,
               "a service needs its boxes, as in service=store,role=ncc");
        return ERR_INVALID;
    }
    if (target->has_number && !target->has_role) {
        report(parse, parse->text,
               "a number needs a role, as in role=ncp,number=7");
        return ERR_INVALID;
    }
    if (target->has_number && !target->is_slot &&
        check_number(parse, parse->text, target->role, target->number) != 0)
        return ERR_INVALID;
    if ((target->states & controller_states) != 0 && target->has_role &&
        target->role != ROLE_NCC) {
        report(parse, parse->text,
               "impossible target: only ncc boxes are active or standby");
        return ERR_INVALID;
    }
    return 0;
}

static int
check_random(const struct parse *parse)
{
    const struct target *target = parse->target;
    uint32_t slots;

    if (target->random == 0)
        return 0;
    if (target->kind != TARGET_BOX && target->kind != TARGET_SERVICE) {
        report(parse, parse->text, "only boxes and services can be random");
        return ERR_INVALID;
    }
    slots = target->has_role ? parse->scope->slots[target->role] : 0;
    if (slots != 0 && target->random > slots) {
        report(parse, parse->text,
               "impossible target: %u of %u %s boxes cannot be drawn",
               target->random, slots, role_words[target->role]);
        return ERR_INVALID;
    }
    return 0;
}

int
target_parse(struct schema_reader *reader, const struct target_scope *scope,
             const struct ynode *node, size_t offset, const char *text,
             size_t bytes, struct target *target)
{
    struct target parsed = {.kind = TARGET_BOX};
    struct parse parse = {reader, scope, node, NULL, offset, &parsed};
    const char *suffix = ".target";
    const char *rest;

    if (bytes > TARGET_TEXT_MAX) {
        diag_error(reader->diags, ynode_mark_at(node, offset),
                   "a target of more than %d characters", TARGET_TEXT_MAX);
        return ERR_INVALID;
    }
    parse.text = arena_copy(reader->arena, text, bytes);
    parsed.text = parse.text;
    parsed.mark = ynode_mark_at(node, offset);
    rest = parse.text + strspn(parse.text, " ");
    bytes = strlen(rest);
    if (rest == parse.text && bytes > strlen(suffix) &&
        strcmp(rest + bytes - strlen(suffix), suffix) == 0) {
        if (parse_event(&parse, bytes - strlen(suffix)) != 0)
            return ERR_INVALID;
        *target = parsed;
        return 0;
    }
    if (strncmp(rest, "random", 6) == 0 && (rest[6] == ' ' || !rest[6]) &&
        parse_random(&parse, &rest) != 0)
        return ERR_INVALID;
    if (parse_terms(&parse, rest) != 0 || check_whole(&parse) != 0 ||
        check_random(&parse) != 0)
        return ERR_INVALID;
    *target = parsed;
    return 0;
}

int
target_list_parse(struct schema_reader *reader,
                  const struct target_scope *scope, const struct ynode *node,
                  struct target_list *list)
{
    size_t count = node->kind == YNODE_LIST ? node->count : 1;
    struct target *targets;
    int error = 0;

    if (node->kind == YNODE_MAP || count == 0) {
        schema_error(reader, node, "a target is text, or a list of texts");
        return ERR_INVALID;
    }
    targets = arena_array(reader->arena, count, sizeof(*targets));
    for (size_t i = 0; i < count; i++) {
        const struct ynode *item =
            node->kind == YNODE_LIST ? node->items[i] : node;

        if (schema_want(reader, item, YNODE_SCALAR, "a target") != 0 ||
            target_parse(reader, scope, item, 0, item->text,
                         strlen(item->text), &targets[i]) != 0)
            error = ERR_INVALID;
    }
    list->items = targets;
    list->count = count;
    return error;
}
