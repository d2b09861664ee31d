/* SPDX-License-Identifier: Apache-2.0
 *
 * Folders with keys and certificates, on the administrator's machine.
 */
#define _POSIX_C_SOURCE 200809L
#include "reference-nos/base/err.h"
#include "reference-nos/linux/refnos/refnos_priv.h"
#include "reference-nos/linux/secure/enroll.h"
#include "reference-nos/linux/secure/identity.h"

#include <stdlib.h>
#include <string.h>

#define MESSAGE_BYTES 512u
#define DAYS_AUTHORITY 7300
#define DAYS_BOX 3650
#define DAYS_MAX 36500
#define HOURS_VOUCHER 24

/* The words of a verb: its own, and what --days, --hours and --name say. */
struct given {
    int count;
    const char *words[WORDS_MAX];
    const char *name;
    int days; /* 0: not given */
    int hours;
};

static int
number_parse(const char *text, int *number)
{
    char *end;
    long value = strtol(text, &end, 10);

    if (*text == '\0' || *end != '\0' || value == 0 || value < -DAYS_MAX ||
        value > DAYS_MAX)
        return ERR_INVALID;
    *number = (int)value;
    return 0;
}

/* The option at words[0]. */
static int
option_take(struct refnos *refnos, const struct verb *verb, int count,
            char *const *words, struct given *given)
{
    bool days = strcmp(words[0], "--days") == 0;

    if (!days && strcmp(words[0], "--hours") != 0 &&
        strcmp(words[0], "--name") != 0)
        return refnos_misuse(refnos, verb, "no option \"%s\"", words[0]);
    if (count < 2)
        return refnos_misuse(refnos, verb, "%s needs a value", words[0]);
    if (strcmp(words[0], "--name") == 0)
        given->name = words[1];
    else if (number_parse(words[1], days ? &given->days : &given->hours) != 0)
        return refnos_misuse(refnos, verb, "%s: \"%s\" is no such number",
                             words[0], words[1]);
    return 0;
}

static int
given_parse(struct refnos *refnos, const struct verb *verb, int count,
            char *const *words, struct given *given)
{
    *given = (struct given){.count = 0};
    for (int i = 0; i < count; i++) {
        int code;

        if (words[i][0] != '-') {
            given->words[given->count++] = words[i];
            continue;
        }
        code = option_take(refnos, verb, count - i, words + i, given);
        if (code != 0)
            return code;
        i++;
    }
    return 0;
}

static int
failed(struct refnos *refnos, int error, const char *message)
{
    refnos_say(refnos, "%s", message[0] == '\0' ? err_text(error) : message);
    switch (error) {
    case ERR_IO:
    case ERR_NOSPACE:
    case ERR_READONLY:
    case ERR_PERMISSION: return REFNOS_CANNOT_WRITE;
    case ERR_NOMEM:
    case ERR_INTERNAL: return REFNOS_INTERNAL;
    default: return REFNOS_REFUSED;
    }
}

static int
identity_print(struct refnos *refnos, const char *directory)
{
    struct identity *identity;
    struct json json = {.bytes = NULL};
    char message[MESSAGE_BYTES] = "";
    int error = identity_load(directory, &identity, message, sizeof(message));

    if (error != 0)
        return failed(refnos, error, message);
    json_begin(&json, NULL, '{');
    json_text(&json, "serial", identity_serial(identity));
    json_text(&json, "role", role_name(identity_role(identity)));
    json_key(&json, "key", identity_key(identity));
    json_key(&json, "cluster", identity_cluster_id(identity));
    json_end(&json, '}');
    identity_destroy(identity);
    return print_done(refnos, &json);
}

static int
authority(struct refnos *refnos, const struct verb *verb,
          const struct given *given)
{
    char message[MESSAGE_BYTES] = "";
    int days = given->days == 0 ? DAYS_AUTHORITY : given->days;
    int error;

    if (given->count != 1 || days < 0)
        return refnos_misuse(refnos, verb, "authority takes a folder");
    error = identity_authority_make(
        given->words[0], given->name == NULL ? "cluster" : given->name,
        (unsigned)days, message, sizeof(message));
    return error == 0 ? 0 : failed(refnos, error, message);
}

static int
voucher(struct refnos *refnos, const struct verb *verb,
        const struct given *given)
{
    int hours = given->hours == 0 ? HOURS_VOUCHER : given->hours;
    char text[ENROLL_VOUCHER_MAX], message[MESSAGE_BYTES] = "";
    struct json json = {.bytes = NULL};
    enum role role;
    int error;

    if (given->count != 3 || hours < 0 ||
        role_parse(given->words[2], &role) != 0)
        return refnos_misuse(refnos, verb,
                             "voucher takes the authority's folder, a serial "
                             "and a role (ncc, ncp, ncf or ncm)");
    error =
        enroll_voucher_make(given->words[0], given->words[1], role,
                            (unsigned)hours, text, message, sizeof(message));
    if (error != 0)
        return failed(refnos, error, message);
    json_begin(&json, NULL, '{');
    json_text(&json, "serial", given->words[1]);
    json_text(&json, "role", role_name(role));
    json_text(&json, "voucher", text);
    json_end(&json, '}');
    return print_done(refnos, &json);
}

static int
issue(struct refnos *refnos, const struct verb *verb,
      const struct given *given)
{
    struct identity_request request = {
        .authority = given->words[0],
        .directory = given->words[1],
        .serial = given->words[2],
        .days = given->days == 0 ? DAYS_BOX : given->days,
    };
    struct json json = {.bytes = NULL};
    char message[MESSAGE_BYTES] = "";
    uint64_t key;
    int error;

    if (given->count != 4 || role_parse(given->words[3], &request.role) != 0)
        return refnos_misuse(
            refnos, verb,
            "issue takes the authority's folder, a new one, a serial and a "
            "role (ncc, ncp, ncf or ncm)");
    error = identity_issue(&request, &key, message, sizeof(message));
    if (error != 0)
        return failed(refnos, error, message);
    json_begin(&json, NULL, '{');
    json_text(&json, "serial", request.serial);
    json_text(&json, "role", role_name(request.role));
    json_key(&json, "key", key);
    json_end(&json, '}');
    return print_done(refnos, &json);
}

static int
revoke(struct refnos *refnos, const struct verb *verb,
       const struct given *given)
{
    char message[MESSAGE_BYTES] = "";
    int error;

    if (given->count != 2)
        return refnos_misuse(refnos, verb,
                             "revoke takes the authority's folder and the "
                             "box's");
    error = identity_revoke(given->words[0], given->words[1], message,
                            sizeof(message));
    return error == 0 ? 0 : failed(refnos, error, message);
}

static int
renew(struct refnos *refnos, const struct verb *verb,
      const struct given *given)
{
    char message[MESSAGE_BYTES] = "";
    int error;

    if (given->count != 2)
        return refnos_misuse(refnos, verb,
                             "renew takes the authority's folder and the "
                             "box's");
    error = identity_renew(given->words[0], given->words[1],
                           given->days == 0 ? DAYS_BOX : given->days, message,
                           sizeof(message));
    return error == 0 ? identity_print(refnos, given->words[1])
                      : failed(refnos, error, message);
}

static int
look(struct refnos *refnos, const struct verb *verb, const struct given *given)
{
    if (given->count != 1)
        return refnos_misuse(refnos, verb, "show takes a folder");
    return identity_print(refnos, given->words[0]);
}

int
identities_run(struct refnos *refnos, const struct verb *verb, int count,
               char *const *words)
{
    static const struct {
        const char *name;
        int (*run)(struct refnos *refnos, const struct verb *verb,
                   const struct given *given);
    } parts[] = {{"authority", authority}, {"issue", issue},
                 {"voucher", voucher},     {"renew", renew},
                 {"revoke", revoke},       {"show", look}};
    struct given given;
    int code;

    if (count == 0)
        return refnos_misuse(refnos, verb, "what?");
    for (size_t i = 0; i < ARRAY_COUNT(parts); i++) {
        if (strcmp(words[0], parts[i].name) != 0)
            continue;
        code = given_parse(refnos, verb, count - 1, words + 1, &given);
        return code != 0 ? code : parts[i].run(refnos, verb, &given);
    }
    return refnos_misuse(refnos, verb, "cannot \"%s\"", words[0]);
}
