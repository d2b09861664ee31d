/* SPDX-License-Identifier: Apache-2.0
 *
 * What the files of the tool share.
 */
#ifndef NOS_LINUX_REFNOS_REFNOS_PRIV_H
#define NOS_LINUX_REFNOS_REFNOS_PRIV_H

#include "reference-nos/linux/json/json.h"
#include "reference-nos/linux/refnos/refnos.h"
#include "reference-nos/schema/operator_msg.h"

#define WORDS_MAX 64u
#define WAIT_MS 10000

struct refnos {
    FILE *out;
    FILE *err;
    const char *socket;
    bool json;
    bool allow_change; /* only looked at with 'remote' */
    bool remote;       /* the words came through SSH */
    char beside[512];  /* the socket beside an identity */
};

/* A verb: 'run' gets the words after it. */
struct verb {
    const char *name;
    const char *usage;
    const char *help;
    bool changes;
    bool files; /* works on files of this machine, not on the daemon */
    int (*run)(struct refnos *refnos, const struct verb *verb, int count,
               char *const *words);
};

/* refnos.c */

/* Says so, with the verb's usage; REFNOS_USAGE. */
int refnos_misuse(struct refnos *refnos, const struct verb *verb,
                  const char *format, ...) PRINTF_LIKE(3, 4);
/* "refnos: ..." to standard error. */
void refnos_say(struct refnos *refnos, const char *format, ...)
    PRINTF_LIKE(2, 3);

/* ask.c */

/* An answer of the operator service: 'rows' into 'bytes', which is
 * malloc'd. */
struct answer {
    struct operator_rep rep;
    struct wire_reader rows;
    uint8_t *bytes;
};
/* 0, or the exit code when there is no answer; it has been said. */
MUST_USE int ask_operator(struct refnos *refnos,
                          const struct operator_req *req,
                          struct answer *answer);
/* Free '*json' in any case. */
MUST_USE int ask_query(struct refnos *refnos, const char *words, char **json);
/* Says why the request was not done; the exit code. */
int ask_refused(struct refnos *refnos, const char *verb,
                const struct operator_req *req,
                const struct operator_rep *rep);

/* The daemon's own answer to 'words': printed, or what it says is wrong. */
int ask_and_print(struct refnos *refnos, const char *words);

/* show.c, change.c, approve.c, identities.c */

int show_run(struct refnos *refnos, const struct verb *verb, int count,
             char *const *words);
int change_run(struct refnos *refnos, const struct verb *verb, int count,
               char *const *words);
/* route.c */
int set_run(struct refnos *refnos, const struct verb *verb, int count,
            char *const *words);
int show_route(struct refnos *refnos);
/* The words behind "fib". */
int show_fib(struct refnos *refnos, const struct verb *verb, int count,
             char *const *words);
int approve_run(struct refnos *refnos, const struct verb *verb, int count,
                char *const *words);
int identities_run(struct refnos *refnos, const struct verb *verb, int count,
                   char *const *words);

/* module.c */

#define MODULE_NAME_MAX 16u
/* "ncp-2"; "-" for MODULE_NONE. */
void module_name(uint16_t id, char name[MODULE_NAME_MAX]);
/* "ncp-2", "NCP-2" or a system-wide id; ERR_INVALID. */
MUST_USE int module_parse(const char *text, uint16_t *id);
MUST_USE int role_parse(const char *text, enum role *role);

/* print.c */

/* Writes JSON text: as it is, or as tables for people.  ERR_MALFORMED when
 * it is no JSON; ERR_IO when it could not be written. */
MUST_USE int print_json(struct refnos *refnos, const char *json, size_t size);
/* Ends, prints and frees 'json'; the exit code. */
int print_done(struct refnos *refnos, struct json *json);

/* tree.c: JSON text as a tree */

enum tree_kind {
    TREE_NULL,
    TREE_FALSE,
    TREE_TRUE,
    TREE_NUMBER, /* 'text' as it was written */
    TREE_STRING,
    TREE_ARRAY,
    TREE_OBJECT
};
#define TREE_DEPTH_MAX 16u

struct json_tree {
    enum tree_kind kind;
    char *name; /* in an object */
    char *text; /* NUMBER; STRING: ASCII, the rest replaced by '?' */
    struct json_tree *first;
    struct json_tree *next;
};
MUST_USE int json_tree_parse(const char *text, size_t size,
                             struct json_tree **out);
void json_tree_free(struct json_tree *tree);

#endif
