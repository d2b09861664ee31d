/* SPDX-License-Identifier: Apache-2.0
 *
 * One request to the daemon of this box, one answer.
 */
#define _POSIX_C_SOURCE 200809L
#include "reference-nos/base/err.h"
#include "reference-nos/linux/refnos/refnos_priv.h"
#include "reference-nos/linux/socket/socket.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define REQUEST_BYTES (OPERATOR_REQ_MAX + OPERATOR_ROWS_MAX)
#define WHY_BYTES 96u

static int
cannot(struct refnos *refnos, int error)
{
    if (error == ERR_TIMEOUT) {
        refnos_say(refnos, "%s: no answer in %d s", refnos->socket,
                   WAIT_MS / 1000);
        return REFNOS_INCONCLUSIVE;
    }
    if (error == ERR_NOENT || error == ERR_UNREACHABLE)
        refnos_say(refnos,
                   "%s: no daemon answers there; is refnosd running? "
                   "(--identity DIR as refnosd has it, or --socket PATH)",
                   refnos->socket);
    else
        refnos_say(refnos, "%s: %s", refnos->socket, err_text(error));
    return REFNOS_IO;
}

static int
ask(struct refnos *refnos, enum socket_kind kind, const void *bytes,
    size_t size, uint8_t **answer, size_t *answer_size)
{
    enum socket_kind answered = kind;
    int fd, error;

    error = socket_connect(refnos->socket, &fd);
    if (error != 0)
        return cannot(refnos, error);
    error = socket_ask(fd, kind, bytes, size);
    if (error == 0)
        error = socket_answer(fd, WAIT_MS, &answered, answer, answer_size);
    (void)close(fd);
    if (error == 0 && answered != kind) {
        free(*answer);
        *answer = NULL;
        error = ERR_MALFORMED;
    }
    return error == 0 ? 0 : cannot(refnos, error);
}

int
ask_operator(struct refnos *refnos, const struct operator_req *req,
             struct answer *answer)
{
    static uint8_t bytes[REQUEST_BYTES];
    struct wire_writer writer;
    size_t size;
    int code;

    wire_writer_init(&writer, bytes, sizeof(bytes));
    operator_req_write(&writer, req);
    answer->bytes = NULL;
    if (wire_writer_finish(&writer) != 0)
        return cannot(refnos, ERR_RANGE);
    code = ask(refnos, SOCKET_OPERATOR, bytes, wire_writer_size(&writer),
               &answer->bytes, &size);
    if (code != 0)
        return code;
    wire_reader_init(&answer->rows, answer->bytes, size);
    if (operator_rep_read(&answer->rows, &answer->rep) == 0 &&
        (answer->rep.verb == req->verb || answer->rep.status != 0))
        return 0;
    free(answer->bytes);
    answer->bytes = NULL;
    return cannot(refnos, ERR_MALFORMED);
}

int
ask_query(struct refnos *refnos, const char *words, char **json)
{
    uint8_t *bytes = NULL;
    size_t size;
    int code = ask(refnos, SOCKET_QUERY, words, strlen(words), &bytes, &size);

    *json = (char *)bytes;
    return code;
}

static int
exit_of(int status)
{
    switch (status) {
    case ERR_NOT_LEADER:
    case ERR_NO_QUORUM:
    case ERR_BUSY:
    case ERR_TIMEOUT:
    case ERR_UNREACHABLE: return REFNOS_INCONCLUSIVE;
    case ERR_INTERNAL: return REFNOS_INTERNAL;
    default: return REFNOS_REFUSED;
    }
}

static void
say_leader(struct refnos *refnos, const char *verb,
           const struct operator_rep *rep)
{
    char name[MODULE_NAME_MAX] = "-";

    if (rep->value > 0 && rep->value <= MODULE_NONE)
        module_name((uint16_t)(rep->value - 1), name);
    refnos_say(refnos,
               "%s: this box does not lead; ask %s (key %016" PRIx64
               ", term %" PRIu64 ")",
               verb, name[0] == '-' ? "the box that does" : name, rep->leader,
               rep->term);
}

static bool
changes_module(const struct operator_req *req)
{
    return req->verb == OPERATOR_DRAIN || req->verb == OPERATOR_UNDRAIN ||
           req->verb == OPERATOR_REPLACE || req->verb == OPERATOR_REMOVE ||
           req->verb == OPERATOR_LOCATE;
}

/* What a status means of this very request, as a sentence; false: no more
 * than its text. */
static bool
sentence(const struct operator_req *req, int status, char text[WHY_BYTES])
{
    char name[MODULE_NAME_MAX];

    module_name(req->module, name);
    if (req->verb == OPERATOR_SWITCHOVER && status == ERR_UNREACHABLE)
        (void)snprintf(text, WHY_BYTES,
                       "no standby: there is no other controller that could "
                       "lead");
    else if (req->verb == OPERATOR_REMOVE && status == ERR_REFUSED)
        (void)snprintf(text, WHY_BYTES,
                       "%s is the active controller: switch over first", name);
    else if (changes_module(req) && status == ERR_NOENT)
        (void)snprintf(text, WHY_BYTES, "there is no module %s", name);
    else
        return false;
    return true;
}

static void
say_why(struct refnos *refnos, const char *verb,
        const struct operator_req *req, const struct operator_rep *rep)
{
    char text[WHY_BYTES];

    if (sentence(req, rep->status, text))
        refnos_say(refnos, "%s: %s", verb, text);
    else if (rep->status != ERR_NOT_LEADER)
        refnos_say(refnos, "%s: %s", verb, err_text(rep->status));
    else if (rep->leader == 0)
        refnos_say(refnos, "%s: this box leads nothing and knows no leader",
                   verb);
    else
        say_leader(refnos, verb, rep);
}

static void
leader_put(struct json *json, const struct operator_rep *rep)
{
    char name[MODULE_NAME_MAX];

    if (rep->status != ERR_NOT_LEADER || rep->leader == 0)
        return;
    json_key(json, "leader", rep->leader);
    if (rep->value == 0 || rep->value > MODULE_NONE)
        return;
    module_name((uint16_t)(rep->value - 1), name);
    json_text(json, "leader_module", name);
}

int
ask_refused(struct refnos *refnos, const char *verb,
            const struct operator_req *req, const struct operator_rep *rep)
{
    struct json json = {.bytes = NULL};
    char why[WHY_BYTES];
    int code;

    say_why(refnos, verb, req, rep);
    if (!refnos->json)
        return exit_of(rep->status);
    json_begin(&json, NULL, '{');
    json_text(&json, "verb", verb);
    json_text(&json, "error", err_text(rep->status));
    if (sentence(req, rep->status, why))
        json_text(&json, "why", why);
    leader_put(&json, rep);
    json_number(&json, "term", rep->term);
    json_end(&json, '}');
    code = print_done(refnos, &json);
    return code != 0 ? code : exit_of(rep->status);
}
