/* SPDX-License-Identifier: Apache-2.0
 *
 * Routes: what is configured, what the controllers make of it, and what each
 * card does.
 */
#define _POSIX_C_SOURCE 200809L
#include <arpa/inet.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "reference-nos/base/err.h"
#include "reference-nos/linux/refnos/refnos_priv.h"
#include "reference-nos/schema/store_msg.h"

#define ADDRESS_TEXT 64u
#define HOPS_TEXT ((size_t)FWD_HOPS_MAX * 24)

/* ---- words ---- */

/* "10.0.0.1" or "2001:db8::1", and behind a slash the bits that count; all
 * of them when there is no slash. */
static int
address_parse(const char *text, struct fwd_prefix *whole, unsigned *length)
{
    const char *slash = strchr(text, '/');
    size_t size = slash != NULL ? (size_t)(slash - text) : strlen(text);
    char address[ADDRESS_TEXT], *end;
    unsigned long bits;

    if (size >= sizeof(address))
        return ERR_INVALID;
    memcpy(address, text, size);
    address[size] = '\0';
    memset(whole, 0, sizeof(*whole));
    whole->family = strchr(address, ':') != NULL ? 6 : 4;
    whole->length = (uint8_t)prefix_bits(whole->family);
    if (inet_pton(whole->family == 6 ? AF_INET6 : AF_INET, address,
                  whole->bytes) != 1)
        return ERR_INVALID;
    *length = whole->length;
    if (slash == NULL)
        return 0;
    bits = strtoul(slash + 1, &end, 10);
    if (slash[1] < '0' || slash[1] > '9' || *end != '\0' ||
        bits > whole->length)
        return ERR_INVALID;
    *length = (unsigned)bits;
    return 0;
}

static void
prefix_text(const struct fwd_prefix *prefix, char text[ADDRESS_TEXT])
{
    char address[INET6_ADDRSTRLEN] = "?";

    (void)inet_ntop(prefix->family == 6 ? AF_INET6 : AF_INET, prefix->bytes,
                    address, sizeof(address));
    (void)snprintf(text, ADDRESS_TEXT, "%s/%u", address, prefix->length);
}

/* "ncp-2/5" */
static int
port_parse(const char *text, struct interface_key *key)
{
    const char *slash = strchr(text, '/');
    char module[MODULE_NAME_MAX], *end;
    unsigned long port;

    if (slash == NULL || (size_t)(slash - text) >= sizeof(module) ||
        slash[1] < '0' || slash[1] > '9')
        return ERR_INVALID;
    memcpy(module, text, (size_t)(slash - text));
    module[slash - text] = '\0';
    port = strtoul(slash + 1, &end, 10);
    if (*end != '\0' || port >= INTERFACE_PORTS_MAX)
        return ERR_INVALID;
    key->port = (uint16_t)port;
    return module_parse(module, &key->module);
}

/* ---- set ---- */

static void
row_add(struct wire_writer *rows, enum table table,
        const struct key_bytes *key, const struct row_bytes *value)
{
    struct store_row row = {.table = table,
                            .deleted = value == NULL,
                            .key = key->bytes,
                            .key_size = key->size,
                            .value = value != NULL ? value->bytes : NULL,
                            .value_size = value != NULL ? value->size : 0};

    store_row_add(rows, &row);
}

static bool
is_none(int count, char *const *words)
{
    return count == 1 && strcmp(words[0], "none") == 0;
}

/* interface PORT ADDRESS/LENGTH... | none */
static int
interface_words(struct refnos *refnos, const struct verb *verb, int count,
                char *const *words, struct wire_writer *rows)
{
    struct interface_row row = {.count = 0};
    struct interface_key key;
    struct key_bytes key_bytes;
    struct row_bytes value;

    if (count < 2 || port_parse(words[0], &key) != 0)
        return refnos_misuse(refnos, verb,
                             "interface takes a port as in ncp-2/5, then "
                             "addresses or none");
    interface_key_encode(&key, &key_bytes);
    if (is_none(count - 1, words + 1)) {
        row_add(rows, TABLE_INTERFACE, &key_bytes, NULL);
        return 0;
    }
    if (count - 1 > (int)INTERFACE_ADDRESSES_MAX)
        return refnos_misuse(refnos, verb, "a port has at most %u addresses",
                             INTERFACE_ADDRESSES_MAX);
    for (int i = 1; i < count; i++) {
        struct interface_address *address = &row.addresses[row.count++];
        unsigned length;

        if (address_parse(words[i], &address->ip, &length) != 0 || length == 0)
            return refnos_misuse(refnos, verb,
                                 "\"%s\" is no address with its length",
                                 words[i]);
        address->length = (uint8_t)length;
    }
    interface_row_encode(&row, &value);
    row_add(rows, TABLE_INTERFACE, &key_bytes, &value);
    return 0;
}

/* The next hops, in the order in which rows keep them. */
static int
hops_words(struct refnos *refnos, const struct verb *verb, int count,
           char *const *words, struct static_row *row)
{
    for (int i = 0; i < count; i++) {
        struct fwd_prefix hop;
        unsigned length, at = 0;

        if (address_parse(words[i], &hop, &length) != 0 ||
            length != hop.length || row->count == FWD_HOPS_MAX)
            return refnos_misuse(refnos, verb,
                                 "\"%s\" is no next hop, or one too many",
                                 words[i]);
        while (at < row->count && prefix_compare(&row->hops[at], &hop) < 0)
            at++;
        if (at < row->count && prefix_compare(&row->hops[at], &hop) == 0)
            continue;
        memmove(&row->hops[at + 1], &row->hops[at],
                (row->count - at) * sizeof(hop));
        row->hops[at] = hop;
        row->count++;
    }
    return 0;
}

/* route PREFIX via ADDRESS... | discard | none */
static int
route_words(struct refnos *refnos, const struct verb *verb, int count,
            char *const *words, struct wire_writer *rows)
{
    struct static_row row = {.discard = false};
    struct fwd_prefix prefix;
    struct key_bytes key;
    struct row_bytes value;
    unsigned length = 0;
    int code = 0;

    if (count < 2 || address_parse(words[0], &prefix, &length) != 0)
        return refnos_misuse(refnos, verb,
                             "route takes a prefix as in 10.0.0.0/8, then "
                             "via and addresses, discard or none");
    prefix = prefix_cut(&prefix, length);
    prefix_key_encode(&prefix, &key);
    if (is_none(count - 1, words + 1)) {
        row_add(rows, TABLE_ROUTE, &key, NULL);
        return 0;
    }
    if (count == 2 && strcmp(words[1], "discard") == 0)
        row.discard = true;
    else if (count > 2 && strcmp(words[1], "via") == 0)
        code = hops_words(refnos, verb, count - 2, words + 2, &row);
    else
        return refnos_misuse(
            refnos, verb, "\"%s\" is neither via, discard nor none", words[1]);
    if (code != 0)
        return code;
    if (row.count > 0 && row.hops[0].family != prefix.family)
        return refnos_misuse(refnos, verb,
                             "prefix and next hops are of one family");
    static_row_encode(&row, &value);
    row_add(rows, TABLE_ROUTE, &key, &value);
    return 0;
}

static int
set_words(struct refnos *refnos, const struct verb *verb, int count,
          char *const *words, struct wire_writer *rows)
{
    if (count > 0 && strcmp(words[0], "interface") == 0)
        return interface_words(refnos, verb, count - 1, words + 1, rows);
    if (count > 0 && strcmp(words[0], "route") == 0)
        return route_words(refnos, verb, count - 1, words + 1, rows);
    return refnos_misuse(refnos, verb, "interface or route?");
}

/* "and" stands between what is to be done in one transaction. */
static int
set_all(struct refnos *refnos, const struct verb *verb, int count,
        char *const *words, struct wire_writer *rows)
{
    int from = 0;

    for (int i = 0; i <= count; i++) {
        int code;

        if (i < count && strcmp(words[i], "and") != 0)
            continue;
        code = set_words(refnos, verb, i - from, words + from, rows);
        if (code != 0)
            return code;
        from = i + 1;
    }
    return 0;
}

/* Whoever asks is a client of its own, so nothing of it is ever repeated. */
static uint64_t
client_make(void)
{
    struct timespec now = {0};

    (void)clock_gettime(CLOCK_REALTIME, &now);
    return ((uint64_t)now.tv_sec << 30) ^ (uint64_t)now.tv_nsec ^
           UINT64_C(0x5e70000000000000);
}

static int
set_done(struct refnos *refnos, const struct operator_rep *rep)
{
    struct json json = {.bytes = NULL};

    if (!refnos->json) {
        fprintf(refnos->out, "set: done\n");
        return 0;
    }
    json_begin(&json, NULL, '{');
    json_text(&json, "verb", "set");
    json_text(&json, "status", "ok");
    json_number(&json, "term", rep->term);
    json_end(&json, '}');
    return print_done(refnos, &json);
}

int
set_run(struct refnos *refnos, const struct verb *verb, int count,
        char *const *words)
{
    static uint8_t bytes[OPERATOR_ROWS_MAX];
    struct operator_req req = {.verb = OPERATOR_EDIT,
                               .client = client_make(),
                               .sequence = 1,
                               .module = MODULE_NONE,
                               .rows = bytes};
    struct wire_writer rows;
    struct answer answer;
    int code;

    wire_writer_init(&rows, bytes, sizeof(bytes));
    code = set_all(refnos, verb, count, words, &rows);
    if (code != 0)
        return code;
    req.rows_size = wire_writer_size(&rows);
    code = ask_operator(refnos, &req, &answer);
    if (code != 0)
        return code;
    code = answer.rep.status == 0
               ? set_done(refnos, &answer.rep)
               : ask_refused(refnos, "set", &req, &answer.rep);
    free(answer.bytes);
    return code;
}

/* ---- show route, show fib module N ---- */

static void
hops_put(struct json *json, const struct fwd_group *group)
{
    char text[HOPS_TEXT] = "", name[MODULE_NAME_MAX];
    size_t used = 0;

    for (unsigned i = 0; i < group->count; i++) {
        module_name(group->hops[i].module, name);
        used += (size_t)snprintf(text + used, sizeof(text) - used, "%s%s/%u",
                                 i > 0 ? " " : "", name, group->hops[i].port);
    }
    json_text(json, "to", group->count > 0 ? text : "discard");
}

/* One answer's routes; the last one's prefix goes into 'after'. */
static int
routes_put(struct json *json, struct wire_reader *rows, bool controller,
           struct fwd_prefix *after)
{
    struct operator_route row;
    char text[ADDRESS_TEXT];
    int error;

    while ((error = operator_route_read(rows, &row)) == 0) {
        prefix_text(&row.prefix, text);
        json_begin(json, NULL, '{');
        json_text(json, "prefix", text);
        if (controller)
            json_text(json, "from", row.connected ? "connected" : "static");
        else
            json_number(json, "group", row.group.id);
        hops_put(json, &row.group);
        json_end(json, '}');
        *after = row.prefix;
    }
    return error == ERR_NOENT ? 0 : error;
}

static int
broken(struct refnos *refnos, struct json *json)
{
    free(json->bytes);
    refnos_say(refnos, "%s: %s", refnos->socket, err_text(ERR_MALFORMED));
    return REFNOS_IO;
}

static int
routes_show(struct refnos *refnos, struct operator_req *req)
{
    struct json json = {.bytes = NULL};
    struct fwd_prefix after = {.family = 0};
    uint8_t place[32];
    bool more = true;

    json_begin(&json, NULL, '{');
    json_begin(&json, "routes", '[');
    while (more) {
        struct wire_writer writer;
        struct answer answer;
        int code = ask_operator(refnos, req, &answer);
        int error;

        if (code == 0 && answer.rep.status != 0) {
            code = ask_refused(refnos, "show", req, &answer.rep);
            free(answer.bytes);
        }
        if (code != 0) {
            free(json.bytes);
            return code;
        }
        error = routes_put(&json, &answer.rows,
                           req->verb == OPERATOR_SHOW_ROUTES, &after);
        more = answer.rep.cut && after.family != 0;
        free(answer.bytes);
        if (error != 0)
            return broken(refnos, &json);
        wire_writer_init(&writer, place, sizeof(place));
        prefix_write(&writer, &after);
        req->rows = place;
        req->rows_size = wire_writer_size(&writer);
    }
    json_end(&json, ']');
    json_end(&json, '}');
    return print_done(refnos, &json);
}

int
show_route(struct refnos *refnos)
{
    struct operator_req req = {.verb = OPERATOR_SHOW_ROUTES,
                               .module = MODULE_NONE};

    return routes_show(refnos, &req);
}

/* ---- show fib ---- */

static const char *
fib_state(const struct operator_fib *row)
{
    static const char *const names[] = {"consistent", "behind", "different",
                                        "silent"};

    if (row->module == MODULE_NONE)
        return "the table";
    return row->state < FIB_STATE_COUNT ? names[row->state] : "?";
}

static void
fib_put(struct json *json, const struct operator_fib *row)
{
    char name[MODULE_NAME_MAX];

    module_name(row->module, name);
    json_begin(json, NULL, '{');
    json_text(json, "module", row->module == MODULE_NONE ? "rib" : name);
    json_text(json, "state", fib_state(row));
    json_number(json, "routes", row->fib.routes);
    json_number(json, "groups", row->fib.groups);
    json_key(json, "hash", row->fib.hash);
    json_number(json, "asic_routes", row->asic.routes);
    json_key(json, "asic_hash", row->asic.hash);
    json_number(json, "pending", row->pending);
    json_number(json, "failed", row->failed);
    json_end(json, '}');
}

/* The worst of all cards decides the exit code of "consistency". */
static int
fib_print(struct refnos *refnos, struct answer *answer, bool judge)
{
    struct json json = {.bytes = NULL};
    struct operator_fib row;
    int error, code, verdict = 0;

    json_begin(&json, NULL, '{');
    json_begin(&json, "cards", '[');
    while ((error = operator_fib_read(&answer->rows, &row)) == 0) {
        fib_put(&json, &row);
        if (row.module == MODULE_NONE || row.state == FIB_CONSISTENT)
            continue;
        if (row.state == FIB_DIFFERENT)
            verdict = REFNOS_REFUSED;
        else if (verdict == 0)
            verdict = REFNOS_INCONCLUSIVE;
    }
    if (error != ERR_NOENT)
        return broken(refnos, &json);
    json_end(&json, ']');
    json_end(&json, '}');
    code = print_done(refnos, &json);
    return code != 0 || !judge ? code : verdict;
}

int
show_fib(struct refnos *refnos, const struct verb *verb, int count,
         char *const *words)
{
    struct operator_req req = {.verb = OPERATOR_SHOW_FIB,
                               .module = MODULE_NONE};
    bool judge = count == 1 && strcmp(words[0], "consistency") == 0;
    struct answer answer;
    int code;

    if (count == 2 && strcmp(words[0], "module") == 0) {
        if (module_parse(words[1], &req.module) != 0)
            return refnos_misuse(refnos, verb,
                                 "\"%s\" is no module: as in ncp-2", words[1]);
        return routes_show(refnos, &req);
    }
    if (count > 0 && !judge)
        return refnos_misuse(refnos, verb,
                             "fib takes nothing, consistency or module N");
    code = ask_operator(refnos, &req, &answer);
    if (code != 0)
        return code;
    code = answer.rep.status == 0
               ? fib_print(refnos, &answer, judge)
               : ask_refused(refnos, "show", &req, &answer.rep);
    free(answer.bytes);
    return code;
}
