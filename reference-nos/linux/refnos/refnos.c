/* SPDX-License-Identifier: Apache-2.0
 *
 * Words, options, and which verb they mean.
 */
#include "reference-nos/linux/refnos/refnos_priv.h"

#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#define SSH_BYTES_MAX 1024u

static const struct verb verbs[] = {
    {"show", "show WHAT",
     "  Of the cluster, on the controller that leads it:\n"
     "    cluster       who leads, how many modules of each role\n"
     "    modules       every module number and who holds it\n"
     "    controllers   active, standby, arbiter\n"
     "    alarms        what is raised, and since when\n"
     "    route         the routing table\n"
     "    fib [consistency]   of every card: does its table, read back from "
     "the\n"
     "                  ASIC, agree with it?  (consistency: exit code 1 if "
     "not)\n"
     "    fib module N  what one card forwards by\n"
     "  Of this box:\n"
     "    box           who it is, whether it is a member\n"
     "    hardware      fans, power, temperatures, lights, optics\n"
     "    services      lives, memory, CPU time\n"
     "    peers         sessions to other boxes\n"
     "    log [N]       the last N lines (20)\n"
     "    pending       boxes that wait for approval, where it holds the "
     "authority\n",
     false, false, show_run},
    {"set", "set interface|route ... [and interface|route ...]",
     "  In one transaction, on the controller that leads:\n"
     "    interface PORT ADDRESS/LENGTH...   addresses of a front port, as "
     "in\n"
     "                  ncp-2/5 10.0.0.1/24; they replace those before\n"
     "    interface PORT none\n"
     "    route PREFIX via ADDRESS...        equal-cost next hops, up to 16\n"
     "    route PREFIX discard\n"
     "    route PREFIX none\n",
     true, false, set_run},
    {"switchover", "switchover",
     "  Hands leadership to the other controller, in order.  Answers when "
     "the\n  transfer is under way or refused.\n",
     true, false, change_run},
    {"drain", "drain MODULE", "  Takes a module out of service, in order.\n",
     true, false, change_run},
    {"undrain", "undrain MODULE", "  Puts a drained module into service.\n",
     true, false, change_run},
    {"replace", "replace MODULE SERIAL",
     "  The box with that serial will get the module's number when the "
     "present\n  holder is gone.\n",
     true, false, change_run},
    {"remove", "remove MODULE",
     "  Takes the number away from its holder; it rests before it is used "
     "again.\n  Not from the active controller: switch over first.\n",
     true, false, change_run},
    {"locate", "locate MODULE on|off",
     "  Lets the module's locate light blink.\n", true, false, change_run},
    {"approve", "approve SERIAL [KEY]",
     "  Lets a box that waits (show pending) join the cluster: it gets its\n"
     "  certificate.  KEY, 16 hexadecimal digits as the box itself logs "
     "them:\n  with another key it is not approved, so that you need not "
     "compare.\n  Asks the controller that holds the authority.\n",
     true, false, approve_run},
    {"refuse", "refuse SERIAL [KEY]", "  Turns away a box that waits.\n", true,
     false, approve_run},
    {"identity", "identity authority|issue|renew|revoke|voucher|show ...",
     "  Keys and certificates, in folders of this machine:\n"
     "    authority DIR [--name NAME] [--days N]   a cluster's authority\n"
     "    issue AUTHORITY DIR SERIAL ROLE [--days N]   a box's identity\n"
     "    revoke AUTHORITY DIR   adds the box to the authority's "
     "cluster.crl\n"
     "    renew AUTHORITY DIR [--days N]   another certificate for its key\n"
     "    voucher AUTHORITY SERIAL ROLE [--hours N]   lets a box join once\n"
     "    show DIR   whose it is, once it has been checked\n",
     true, true, identities_run},
};

void
refnos_say(struct refnos *refnos, const char *format, ...)
{
    va_list list;

    fputs("refnos: ", refnos->err);
    va_start(list, format);
    (void)vfprintf(refnos->err, format, list);
    va_end(list);
    fputc('\n', refnos->err);
}

int
refnos_misuse(struct refnos *refnos, const struct verb *verb,
              const char *format, ...)
{
    va_list list;

    fprintf(refnos->err, "refnos: %s: ", verb->name);
    va_start(list, format);
    (void)vfprintf(refnos->err, format, list);
    va_end(list);
    fprintf(refnos->err, "\nusage: refnos [option...] %s\n", verb->usage);
    return REFNOS_USAGE;
}

/* --- Help --------------------------------------------------------------- */

static int
help(struct refnos *refnos)
{
    fputs("usage: refnos [option...] VERB [word...]\n"
          "  Looks at and changes a cluster, by the daemon of this box.\n\n",
          refnos->out);
    for (size_t i = 0; i < ARRAY_COUNT(verbs); i++)
        fprintf(refnos->out, "  %s\n", verbs[i].usage);
    fputs("\n  A module is written ncp-2, or as its system-wide number.\n\n"
          "  -h, --help       this text; after a verb, that verb's\n"
          "      --json       JSON for programs (REFNOS_JSON=1)\n"
          "      --socket PATH   the daemon's socket (REFNOS_SOCKET; else\n"
          "                   " REFNOS_SOCKET ")\n"
          "      --identity DIR  of a daemon started by hand with the same:\n"
          "                   its socket is DIR/refnos.sock\n"
          "      --allow-change  in an SSH ForceCommand: the words that come\n"
          "                   through SSH may change things too\n"
          "  Exit codes: 0 done, 1 refused, 2 not known or not now (no "
          "leader,\n  busy, no answer in time), 64 usage, 73 cannot write a "
          "file, 74 no\n  daemon or broken off.\n",
          refnos->out);
    return REFNOS_DONE;
}

static int
verb_help(struct refnos *refnos, const struct verb *verb)
{
    fprintf(refnos->out, "usage: refnos [option...] %s\n%s", verb->usage,
            verb->help);
    return REFNOS_DONE;
}

static bool
is_help(const char *word)
{
    return strcmp(word, "--help") == 0 || strcmp(word, "-h") == 0;
}

/* --- Words -------------------------------------------------------------- */

static const struct verb *
verb_find(const char *name)
{
    for (size_t i = 0; i < ARRAY_COUNT(verbs); i++)
        if (strcmp(verbs[i].name, name) == 0)
            return &verbs[i];
    return NULL;
}

/* What SSH may not do. */
static int
remote_check(struct refnos *refnos, const struct verb *verb)
{
    if (!refnos->remote || (!verb->files && !verb->changes) ||
        (!verb->files && refnos->allow_change))
        return 0;
    refnos_say(refnos, "%s: not allowed through SSH%s", verb->name,
               verb->files ? "" : " (looking is)");
    return REFNOS_REFUSED;
}

/* --json may stand after the verb too; the rest are its words. */
static int
verb_run(struct refnos *refnos, int count, char *const *words)
{
    const struct verb *verb = verb_find(words[0]);
    char *rest[WORDS_MAX];
    int rest_count = 0, code;

    if (verb == NULL) {
        refnos_say(refnos, "no verb \"%s\"; refnos --help lists them",
                   words[0]);
        return REFNOS_USAGE;
    }
    if (count > (int)WORDS_MAX)
        return refnos_misuse(refnos, verb, "too many words");
    for (int i = 1; i < count; i++) {
        if (is_help(words[i]))
            return verb_help(refnos, verb);
        if (strcmp(words[i], "--json") == 0)
            refnos->json = true;
        else
            rest[rest_count++] = words[i];
    }
    code = remote_check(refnos, verb);
    return code != 0 ? code : verb->run(refnos, verb, rest_count, rest);
}

/* The socket of "refnosd --identity DIR" without --socket. */
static bool
identity_take(struct refnos *refnos, const char *directory)
{
    int size = snprintf(refnos->beside, sizeof(refnos->beside),
                        "%s/refnos.sock", directory);

    refnos->socket = refnos->beside;
    if (size > 0 && (size_t)size < sizeof(refnos->beside))
        return true;
    refnos_say(refnos, "--identity: too long a path");
    return false;
}

/* Options before the verb; '*used' words of them.  -1: go on. */
static int
options_take(struct refnos *refnos, int count, char *const *words, int *used)
{
    int i = 0;

    for (; i < count && words[i][0] == '-'; i++) {
        const char *word = words[i];

        if (is_help(word))
            return help(refnos);
        if (strcmp(word, "--json") == 0) {
            refnos->json = true;
        } else if (!refnos->remote && strcmp(word, "--allow-change") == 0) {
            refnos->allow_change = true;
        } else if (!refnos->remote && strcmp(word, "--socket") == 0 &&
                   i + 1 < count) {
            refnos->socket = words[++i];
        } else if (!refnos->remote && strcmp(word, "--identity") == 0 &&
                   i + 1 < count) {
            if (!identity_take(refnos, words[++i]))
                return REFNOS_USAGE;
        } else {
            refnos_say(refnos, "option \"%s\" is unknown%s", word,
                       refnos->remote ? " here" : " or lacks its value");
            return REFNOS_USAGE;
        }
    }
    *used = i;
    return -1;
}

/* --- SSH ---------------------------------------------------------------- */

static bool
is_word_character(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
           (c >= '0' && c <= '9') ||
           (c != '\0' && strchr("_.:/@%+=,-", c) != NULL);
}

/* Cuts 'text' in place; the number of words, or -1. */
static int
words_cut(char *text, char *words[WORDS_MAX])
{
    unsigned count = 0;
    bool inside = false;

    for (char *c = text; *c != '\0'; c++) {
        if (*c == ' ') {
            *c = '\0';
            inside = false;
            continue;
        }
        if (!is_word_character(*c))
            return -1;
        if (!inside && count == WORDS_MAX)
            return -1;
        if (!inside)
            words[count++] = c;
        inside = true;
    }
    return (int)count;
}

static int
remote_run(struct refnos *refnos, const char *command)
{
    char text[SSH_BYTES_MAX], *cut[WORDS_MAX];
    char **words = cut;
    int count = -1, used = 0, code;

    refnos->remote = true;
    if (strlen(command) < sizeof(text)) {
        memcpy(text, command, strlen(command) + 1);
        count = words_cut(text, cut);
    }
    if (count < 0) {
        refnos_say(refnos, "the command is not made of plain words");
        return REFNOS_USAGE;
    }
    if (count > 0 && strcmp(words[0], "refnos") == 0) {
        words++;
        count--;
    }
    code = options_take(refnos, count, words, &used);
    if (code >= 0)
        return code;
    if (used == count) {
        refnos_say(refnos, "no verb; --help lists them");
        return REFNOS_USAGE;
    }
    return verb_run(refnos, count - used, words + used);
}

/* --- Run ---------------------------------------------------------------- */

static bool
is_set(const char *value)
{
    return value != NULL && value[0] != '\0' && strcmp(value, "0") != 0 &&
           strcmp(value, "no") != 0 && strcmp(value, "false") != 0;
}

/* What the environment of an SSH session says counts for nothing. */
static void
defaults_set(struct refnos *refnos, const struct refnos_call *call)
{
    bool remote = call->ssh_command != NULL;

    refnos->out = call->out;
    refnos->err = call->err;
    refnos->socket =
        call->socket == NULL || remote ? REFNOS_SOCKET : call->socket;
    refnos->json = !remote && is_set(call->json);
}

int
refnos_run(const struct refnos_call *call)
{
    struct refnos refnos = {.remote = false};
    int used = 0, code;

    defaults_set(&refnos, call);
    code = options_take(&refnos, call->count, call->words, &used);
    if (code < 0 && used < call->count)
        code = verb_run(&refnos, call->count - used, call->words + used);
    else if (code < 0 && call->ssh_command != NULL)
        code = remote_run(&refnos, call->ssh_command);
    if (code < 0) {
        refnos_say(&refnos, "no verb; refnos --help lists them");
        code = REFNOS_USAGE;
    }
    if (fflush(call->out) != 0 || ferror(call->out))
        return REFNOS_IO;
    return code;
}
