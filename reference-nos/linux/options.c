/* SPDX-License-Identifier: Apache-2.0 */
#include "reference-nos/linux/options.h"

#include "reference-nos/base/check.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define ENVIRONMENT "REFNOSD_"
#define NAME_BYTES 64u
#define PORTS_FRONT_OPTION_MAX 256u

enum kind { TEXT, FLAG, NUMBER, SIGNED, ROLE, VOTERS, PATH };

struct row {
    const char *name;
    enum kind kind;
    size_t offset; /* in struct options */
    uint64_t max;  /* of a NUMBER */
    const char *value;
    const char *about;
};

#define AT(member) offsetof(struct options, member)

static const struct row rows[] = {
    {"identity", TEXT, AT(identity), 0, "DIR",
     "folder of box.key, box.crt and cluster.crt (needed)"},
    {"state", PATH, AT(state), 0, "DIR",
     "what the box keeps; default: state in the identity"},
    {"role", ROLE, AT(role), 0, "ROLE",
     "ncc, ncp, ncf or ncm; default: as in the certificate"},
    {"serial", TEXT, AT(serial), 0, "SERIAL",
     "of a box without box.crt, which asks for one first"},
    {"authority", TEXT, AT(authority), 0, "DIR",
     "folder of cluster.key, to enrol boxes (ncc); default: --identity"},
    {"plane-a", TEXT, AT(interfaces[PLANE_A]), 0, "IFACE",
     "management plane A; default: mgmt0 when there is one"},
    {"plane-b", TEXT, AT(interfaces[PLANE_B]), 0, "IFACE",
     "management plane B; default: mgmt1 when there is one"},
    {"port", NUMBER, AT(port), UINT16_MAX, "N",
     "UDP port of the planes; default 6999"},
    {"fabric-prefix", TEXT, AT(fabric_prefix), 0, "NAME",
     "fabric port 0 is interface NAME0, and so on; default fab"},
    {"fabric-ports", NUMBER, AT(fabric_ports), FWD_FABRIC_PORTS_MAX, "N",
     "how many; default: as there are interfaces"},
    {"front-ports", NUMBER, AT(front_ports), PORTS_FRONT_OPTION_MAX, "N",
     "how many; default 0"},
    {"hardware", TEXT, AT(hardware), 0, "DIR",
     "described tree of fans, sensors and lights; default: /sys"},
    {"plan", TEXT, AT(plan), 0, "FILE", "cabling plan (controllers)"},
    {"voters", VOTERS, AT(voters), 0, "KEY,...",
     "first boot: the voters, 16 hexadecimal digits each, or: self"},
    {"arbiter", FLAG, AT(arbiter), 0, NULL,
     "votes, but never acts as a controller"},
    {"alone", FLAG, AT(alone), 0, NULL,
     "a stand-alone router: controller and forwarder, its own voter"},
    {"socket", PATH, AT(socket), 0, "PATH",
     "for operators; default: refnos.sock in the identity"},
    {"watch-fd", NUMBER, AT(watch_fd), 65535, "N",
     "tell observations to this descriptor"},
    {"watch", TEXT, AT(watch), 0, "FILE", "tell observations to this file"},
    {"record", TEXT, AT(record), 0, "FILE",
     "record every input; FILE.INCARNATION when there is one already"},
    {"log", TEXT, AT(log), 0, "WHERE",
     "a file, or: journal; default: standard error"},
    {"wall-offset-ns", SIGNED, AT(wall_offset_ns), 0, "N",
     "shift the wall clock (tests)"},
    {"per-service", FLAG, AT(per_service), 0, NULL,
     "each service is a process of its own"},
    {"meter", FLAG, AT(meter), 0, NULL,
     "keep what handlers charge and take, for calibration"},
    {"no-restart", FLAG, AT(no_restart), 0, NULL,
     "exit with 75 when the box is to restart"},
    {"help", FLAG, AT(help), 0, NULL, "this text"},
    {"version", FLAG, AT(version), 0, NULL, "name and version"},
};

struct parser {
    struct options *options;
    char *message;
    size_t message_size;
};

static const struct row *
row_find(const char *name, size_t size)
{
    for (size_t i = 0; i < ARRAY_COUNT(rows); i++)
        if (strlen(rows[i].name) == size &&
            strncmp(rows[i].name, name, size) == 0)
            return &rows[i];
    return NULL;
}

static int
refuse(struct parser *parser, const struct row *row, const char *text,
       const char *expected)
{
    (void)snprintf(parser->message, parser->message_size,
                   "--%s: \"%.100s\" is not %s", row->name, text, expected);
    return ERR_INVALID;
}

/* Digits and nothing else, at most 'max'. */
static bool
read_number(const char *text, int base, uint64_t max, uint64_t *value)
{
    char *end;

    if (strspn(text, base == 10 ? "0123456789" : "0123456789abcdefABCDEF") !=
            strlen(text) ||
        *text == '\0' || strlen(text) > 20)
        return false;
    *value = strtoull(text, &end, base);
    return *value <= max && *value != UINT64_MAX;
}

static int
set_number(struct parser *parser, const struct row *row, const char *text,
           uint64_t *value)
{
    char expected[64];

    (void)snprintf(expected, sizeof(expected),
                   "a whole number from 0 to %" PRIu64, row->max);
    return read_number(text, 10, row->max, value)
               ? 0
               : refuse(parser, row, text, expected);
}

static int
set_signed(struct parser *parser, const struct row *row, const char *text,
           int64_t *value)
{
    uint64_t size;

    if (!read_number(text + (*text == '-'), 10, INT64_MAX, &size))
        return refuse(parser, row, text, "a whole number");
    *value = *text == '-' ? -(int64_t)size : (int64_t)size;
    return 0;
}

static int
set_flag(struct parser *parser, const struct row *row, const char *text,
         bool *value)
{
    static const char *const yes[] = {"", "1", "yes", "true"};
    static const char *const no[] = {"0", "no", "false"};

    for (size_t i = 0; i < ARRAY_COUNT(yes); i++)
        if (strcmp(text, yes[i]) == 0) {
            *value = true;
            return 0;
        }
    for (size_t i = 0; i < ARRAY_COUNT(no); i++)
        if (strcmp(text, no[i]) == 0) {
            *value = false;
            return 0;
        }
    return refuse(parser, row, text, "yes or no");
}

static int
set_role(struct parser *parser, const struct row *row, const char *text,
         enum role *value)
{
    for (unsigned role = 0; role < ROLE_COUNT; role++)
        if (strcmp(text, role_name((enum role)role)) == 0) {
            *value = (enum role)role;
            return 0;
        }
    return refuse(parser, row, text, "ncc, ncp, ncf or ncm");
}

/* "self" stands as key 0 until the identity is known. */
static int
set_voters(struct parser *parser, const struct row *row, const char *text)
{
    struct options *options = parser->options;
    const char *at = text;

    options->voter_count = 0;
    for (;;) {
        char word[24] = "";
        size_t size = strcspn(at, ",");
        uint64_t key = 0;

        if (size < sizeof(word))
            memcpy(word, at, size);
        if (strcmp(word, "self") != 0 &&
            (size > 16 || !read_number(word, 16, UINT64_MAX, &key) ||
             key == 0))
            return refuse(parser, row, text,
                          "a list of box keys, as 00c0ffee00c0ffee,...");
        if (options->voter_count == FACTS_VOTERS_MAX)
            return refuse(parser, row, text, "a list of at most 5 box keys");
        options->voters[options->voter_count++] = key;
        if (at[size] == '\0')
            return 0;
        at += size + 1;
    }
}

static int
set_path(struct parser *parser, const struct row *row, const char *text,
         char *path)
{
    if (*text == '\0' || strlen(text) >= OPTION_PATH_MAX)
        return refuse(parser, row, text, "a path");
    (void)snprintf(path, OPTION_PATH_MAX, "%s", text);
    return 0;
}

static int
set(struct parser *parser, const struct row *row, const char *text)
{
    void *member = (char *)parser->options + row->offset;

    switch (row->kind) {
    case TEXT:
        if (*text == '\0')
            return refuse(parser, row, text, row->value);
        *(const char **)member = text;
        return 0;
    case FLAG: return set_flag(parser, row, text, member);
    case NUMBER: return set_number(parser, row, text, member);
    case SIGNED: return set_signed(parser, row, text, member);
    case ROLE: return set_role(parser, row, text, member);
    case VOTERS: return set_voters(parser, row, text);
    case PATH: return set_path(parser, row, text, member);
    }
    return ERR_INTERNAL;
}

static int
read_environment(struct parser *parser)
{
    for (size_t i = 0; i < ARRAY_COUNT(rows); i++) {
        char name[NAME_BYTES] = ENVIRONMENT;
        size_t at = strlen(name);
        const char *text;
        int error;

        for (const char *c = rows[i].name; *c != '\0'; c++)
            name[at++] = *c == '-'   ? '_'
                         : *c >= 'a' ? (char)(*c - 'a' + 'A')
                                     : *c;
        name[at] = '\0';
        text = getenv(name);
        if (text == NULL)
            continue;
        error = set(parser, &rows[i], text);
        if (error != 0)
            return error;
    }
    return 0;
}

static int
unknown(struct parser *parser, const char *word)
{
    (void)snprintf(parser->message, parser->message_size,
                   "\"%.100s\" is no option; --help lists them", word);
    return ERR_INVALID;
}

static int
read_words(struct parser *parser, int count, char *const *words)
{
    for (int i = 1; i < count; i++) {
        const char *word = words[i];
        const struct row *row = NULL;
        size_t size = 0;
        const char *text = "";
        int error;

        if (strncmp(word, "--", 2) == 0) {
            size = strcspn(word + 2, "=");
            row = row_find(word + 2, size);
        }
        if (row == NULL)
            return unknown(parser, word);
        if (word[2 + size] == '=') {
            text = word + 3 + size;
        } else if (row->kind != FLAG) {
            if (++i == count) {
                (void)snprintf(parser->message, parser->message_size,
                               "--%s wants %s", row->name, row->value);
                return ERR_INVALID;
            }
            text = words[i];
        }
        error = set(parser, row, text);
        if (error != 0)
            return error;
    }
    return 0;
}

/* DIRECTORY/NAME, when the path was not given. */
static int
default_path(struct parser *parser, char *path, const char *name)
{
    const char *directory = parser->options->identity;

    if (*path != '\0')
        return 0;
    if (strlen(directory) + strlen(name) + 2 > OPTION_PATH_MAX) {
        (void)snprintf(parser->message, parser->message_size,
                       "--identity: too long a path");
        return ERR_INVALID;
    }
    (void)snprintf(path, OPTION_PATH_MAX, "%s/%s", directory, name);
    return 0;
}

/* A router of its own needs nothing but an identity. */
static int
complete_alone(struct parser *parser)
{
    struct options *options = parser->options;
    bool fabric =
        options->fabric_ports != OPTION_UNSET && options->fabric_ports > 0;
    bool self = options->voter_count == 0 ||
                (options->voter_count == 1 && options->voters[0] == 0);

    if (!options->alone)
        return 0;
    if (fabric || !self || options->arbiter ||
        (options->role != ROLE_COUNT && options->role != ROLE_NCC)) {
        (void)snprintf(parser->message, parser->message_size,
                       "--alone: a box of its own has no fabric ports, no "
                       "voter but itself and no other role");
        return ERR_INVALID;
    }
    options->role = ROLE_NCC;
    options->fabric_ports = 0;
    options->voter_count = 1;
    options->voters[0] = 0;
    return 0;
}

static int
complete(struct parser *parser)
{
    struct options *options = parser->options;
    int error;

    if (options->help || options->version)
        return 0;
    if (options->identity == NULL) {
        (void)snprintf(parser->message, parser->message_size,
                       "--identity DIR is needed");
        return ERR_INVALID;
    }
    if (options->watch != NULL && options->watch_fd != OPTION_UNSET) {
        (void)snprintf(parser->message, parser->message_size,
                       "--watch and --watch-fd exclude each other");
        return ERR_INVALID;
    }
    if (options->record != NULL && options->per_service) {
        (void)snprintf(parser->message, parser->message_size,
                       "--record and --per-service exclude each other");
        return ERR_INVALID;
    }
    error = complete_alone(parser);
    if (error == 0)
        error = default_path(parser, options->state, "state");
    if (error == 0)
        error = default_path(parser, options->socket, "refnos.sock");
    return error;
}

int
options_parse(int count, char *const *words, struct options *out,
              char *message, size_t message_size)
{
    struct options options = {
        .role = ROLE_COUNT,
        .fabric_prefix = "fab",
        .fabric_ports = OPTION_UNSET,
        .watch_fd = OPTION_UNSET,
    };
    struct parser parser = {&options, message, message_size};
    int error = read_environment(&parser);

    if (error == 0)
        error = read_words(&parser, count, words);
    if (error == 0)
        error = complete(&parser);
    if (error == 0)
        *out = options;
    return error;
}

void
options_help(void)
{
    (void)printf("usage: refnosd --identity DIR [OPTION...]\n"
                 "One box of a Sixnines cluster, on Linux.\n\n");
    for (size_t i = 0; i < ARRAY_COUNT(rows); i++) {
        char name[NAME_BYTES];

        (void)snprintf(name, sizeof(name), "--%s %s", rows[i].name,
                       rows[i].value == NULL ? "" : rows[i].value);
        (void)printf("  %-24s %s\n", name, rows[i].about);
    }
    (void)printf("\nA box without box.crt that knows its --serial and --role "
                 "waits until a\ncontroller enrols it: at once by DIR/voucher "
                 "(refnos identity voucher), else,\nwith DIR/cluster.crt, "
                 "when an operator approves (refnos approve SERIAL).\n");
    (void)printf("\nEach option may stand in the environment, --plane-a as "
                 "REFNOSD_PLANE_A.\n"
                 "Exit codes: 0 stopped, 64 usage, identity or voucher, 70 "
                 "internal, 73 state or\nidentity cannot be written, 74 input "
                 "or output error, 75 the box is to restart,\n77 no "
                 "permission, or the cluster refused the box.\n");
}
