/* SPDX-License-Identifier: Apache-2.0
 *
 * Verbs that change the cluster.
 */
#include "reference-nos/base/err.h"
#include "reference-nos/linux/refnos/refnos_priv.h"

#include <stdlib.h>
#include <string.h>

static const struct change {
    const char *name;
    enum operator_verb verb;
    int words;
} changes[] = {
    {"switchover", OPERATOR_SWITCHOVER, 0}, {"drain", OPERATOR_DRAIN, 1},
    {"undrain", OPERATOR_UNDRAIN, 1},       {"replace", OPERATOR_REPLACE, 2},
    {"remove", OPERATOR_REMOVE, 1},         {"locate", OPERATOR_LOCATE, 2},
};

static const struct change *
change_find(const char *name)
{
    for (size_t i = 0; i < ARRAY_COUNT(changes); i++)
        if (strcmp(changes[i].name, name) == 0)
            return &changes[i];
    abort(); /* The table of verbs names no other. */
}

/* The second word: of REPLACE a serial, of LOCATE on or off. */
static int
second_word(struct refnos *refnos, const struct verb *verb, const char *word,
            struct operator_req *req)
{
    if (req->verb == OPERATOR_REPLACE) {
        size_t size = strlen(word);

        if (size == 0 || size >= sizeof(req->serial))
            return refnos_misuse(refnos, verb,
                                 "a serial has 1 to %zu characters",
                                 sizeof(req->serial) - 1);
        memcpy(req->serial, word, size + 1);
        return 0;
    }
    if (strcmp(word, "on") != 0 && strcmp(word, "off") != 0)
        return refnos_misuse(refnos, verb, "\"%s\" is neither on nor off",
                             word);
    req->value = word[1] == 'n';
    return 0;
}

static int
report(struct refnos *refnos, const struct verb *verb,
       const struct operator_req *req, const struct operator_rep *rep)
{
    char name[MODULE_NAME_MAX];
    struct json json = {.bytes = NULL};

    module_name(req->module, name);
    if (!refnos->json) {
        if (req->module == MODULE_NONE)
            fprintf(refnos->out, "%s: under way\n", verb->name);
        else
            fprintf(refnos->out, "%s %s: done\n", verb->name, name);
        return 0;
    }
    json_begin(&json, NULL, '{');
    json_text(&json, "verb", verb->name);
    if (req->module != MODULE_NONE)
        json_text(&json, "module", name);
    json_text(&json, "status", "ok");
    json_number(&json, "term", rep->term);
    json_end(&json, '}');
    return print_done(refnos, &json);
}

int
change_run(struct refnos *refnos, const struct verb *verb, int count,
           char *const *words)
{
    const struct change *change = change_find(verb->name);
    struct operator_req req = {.verb = change->verb, .module = MODULE_NONE};
    struct answer answer;
    int code;

    if (count != change->words)
        return refnos_misuse(refnos, verb, "takes %d words, not %d",
                             change->words, count);
    if (count > 0 && module_parse(words[0], &req.module) != 0)
        return refnos_misuse(refnos, verb, "\"%s\" is no module: as in ncp-2",
                             words[0]);
    code = count > 1 ? second_word(refnos, verb, words[1], &req) : 0;
    if (code == 0)
        code = ask_operator(refnos, &req, &answer);
    if (code != 0)
        return code;
    code = answer.rep.status == 0
               ? report(refnos, verb, &req, &answer.rep)
               : ask_refused(refnos, verb->name, &req, &answer.rep);
    free(answer.bytes);
    return code;
}
