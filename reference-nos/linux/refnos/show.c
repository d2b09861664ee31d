/* SPDX-License-Identifier: Apache-2.0
 *
 * What operators look at: the cluster's rows as JSON, and the box's own
 * answers as they come.
 */
#define _POSIX_C_SOURCE 200809L
#include "reference-nos/base/err.h"
#include "reference-nos/linux/refnos/refnos_priv.h"
#include "reference-nos/runtime/service_ids.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>

#define NS_IN_S 1000000000u
#define LOG_LINES 20u
#define LOG_LINES_MAX 512u

/* --- Rows as JSON ------------------------------------------------------- */

static void
put_module(struct json *json, const char *name, uint16_t id)
{
    char text[MODULE_NAME_MAX];

    module_name(id, text);
    json_text(json, name, text);
}

static const char *
how_name(enum module_how how)
{
    static const char *const names[] = {"known key", "planned serial",
                                        "planned position", "lowest free",
                                        "removed"};

    return (size_t)how < ARRAY_COUNT(names) ? names[how] : "?";
}

static int
modules_put(struct json *json, struct wire_reader *rows)
{
    struct operator_module row;
    int error;

    json_begin(json, "modules", '[');
    while ((error = operator_module_read(rows, &row)) == 0) {
        json_begin(json, NULL, '{');
        put_module(json, "module", row.module);
        json_number(json, "id", row.module);
        json_text(json, "serial", row.serial);
        json_key(json, "key", row.key);
        json_bool(json, "up", row.up);
        json_bool(json, "forwarding", row.forwarding);
        json_bool(json, "drained", row.drained);
        json_bool(json, "removed", row.removed);
        json_bool(json, "locate", row.locate);
        json_text(json, "numbered_by", how_name(row.how));
        json_end(json, '}');
    }
    json_end(json, ']');
    return error;
}

static const char *
state_name(enum operator_controller_state state)
{
    static const char *const names[] = {"active", "standby", "arbiter",
                                        "away"};

    return state < CONTROLLER_STATE_COUNT ? names[state] : "?";
}

static int
controllers_put(struct json *json, struct wire_reader *rows)
{
    struct operator_controller row;
    int error;

    json_begin(json, "controllers", '[');
    while ((error = operator_controller_read(rows, &row)) == 0) {
        json_begin(json, NULL, '{');
        put_module(json, "module", row.module);
        json_number(json, "id", row.module);
        json_text(json, "serial", row.serial);
        json_key(json, "key", row.key);
        json_text(json, "state", state_name(row.state));
        json_end(json, '}');
    }
    json_end(json, ']');
    return error;
}

static const char *
severity_text(enum severity severity)
{
    if (severity == SEVERITY_ERROR)
        return "error";
    return severity == SEVERITY_WARNING ? "warning" : "notice";
}

/* Whether the item of an alarm is a module. */
static bool
item_is_module(enum alarm_code code)
{
    return code == ALARM_CABLING || code == ALARM_FABRIC_DEGRADED ||
           code == ALARM_MODULE_AWAY || code == ALARM_DUPLICATE_SERIAL;
}

static void
item_put(struct json *json, const struct operator_alarm *row)
{
    char text[16];

    if (item_is_module(row->code)) {
        put_module(json, "item", row->item);
        return;
    }
    if (row->code == ALARM_MANAGEMENT_PLANE && row->item < PLANE_COUNT)
        (void)snprintf(text, sizeof(text), "plane %c", 'A' + row->item);
    else if (row->code == ALARM_SERVICE && row->item < SVC_COUNT)
        (void)snprintf(text, sizeof(text), "%s", service_name(row->item));
    else if (row->code == ALARM_POOL_EXHAUSTED && row->item < ROLE_COUNT)
        (void)snprintf(text, sizeof(text), "%s",
                       role_name((enum role)row->item));
    else
        (void)snprintf(text, sizeof(text), "%u", row->item);
    json_text(json, "item", text);
}

static void
time_put(struct json *json, uint64_t wall_ns)
{
    time_t seconds = (time_t)(wall_ns / NS_IN_S);
    struct tm broken;
    char text[32];

    if (wall_ns == 0 || gmtime_r(&seconds, &broken) == NULL ||
        strftime(text, sizeof(text), "%Y-%m-%dT%H:%M:%SZ", &broken) == 0)
        (void)snprintf(text, sizeof(text), "-");
    json_text(json, "since", text);
}

static int
alarms_put(struct json *json, struct wire_reader *rows)
{
    struct operator_alarm row;
    int error;

    json_begin(json, "alarms", '[');
    while ((error = operator_alarm_read(rows, &row)) == 0) {
        json_begin(json, NULL, '{');
        json_text(json, "severity", severity_text(row.severity));
        json_text(json, "alarm", alarm_name(row.code));
        put_module(json, "raised_by", row.module);
        item_put(json, &row);
        json_signed(json, "value", row.value);
        time_put(json, row.since_wall_ns);
        json_end(json, '}');
    }
    json_end(json, ']');
    return error;
}

static void
roles_put(struct json *json, const struct operator_cluster *row)
{
    json_begin(json, "roles", '[');
    for (unsigned role = 0; role < ROLE_COUNT; role++) {
        json_begin(json, NULL, '{');
        json_text(json, "role", role_name((enum role)role));
        json_number(json, "modules", row->modules[role]);
        json_number(json, "up", row->up[role]);
        json_number(json, "pool", row->pool_size[role]);
        json_end(json, '}');
    }
    json_end(json, ']');
}

static int
cluster_put(struct json *json, struct wire_reader *rows)
{
    struct operator_cluster row;
    int error = operator_cluster_read(rows, &row);

    if (error != 0)
        return error;
    json_key(json, "cluster", row.cluster_id);
    json_key(json, "active", row.active);
    if (row.standby != 0)
        json_key(json, "standby", row.standby);
    else
        json_text(json, "standby", "-");
    json_number(json, "forwarding", row.forwarding);
    json_number(json, "drained", row.drained);
    roles_put(json, &row);
    return ERR_NOENT;
}

/* --- Requests ----------------------------------------------------------- */

static const struct view {
    const char *name;
    enum operator_verb verb;
    int (*put)(struct json *json, struct wire_reader *rows);
} views[] = {
    {"modules", OPERATOR_SHOW_MODULES, modules_put},
    {"controllers", OPERATOR_SHOW_CONTROLLERS, controllers_put},
    {"alarms", OPERATOR_SHOW_ALARMS, alarms_put},
    {"cluster", OPERATOR_SHOW_CLUSTER, cluster_put},
};

static int
view_print(struct refnos *refnos, const struct view *view,
           struct answer *answer)
{
    struct json json = {.bytes = NULL};

    json_begin(&json, NULL, '{');
    json_number(&json, "term", answer->rep.term);
    if (view->put(&json, &answer->rows) != ERR_NOENT) {
        free(json.bytes);
        refnos_say(refnos, "%s: %s", refnos->socket, err_text(ERR_MALFORMED));
        return REFNOS_IO;
    }
    if (refnos->json)
        json_bool(&json, "cut", answer->rep.cut);
    json_end(&json, '}');
    if (answer->rep.cut)
        refnos_say(refnos, "there are more than these");
    return print_done(refnos, &json);
}

static int
show_view(struct refnos *refnos, const struct view *view)
{
    struct operator_req req = {.verb = view->verb, .module = MODULE_NONE};
    struct answer answer;
    int code = ask_operator(refnos, &req, &answer);

    if (code != 0)
        return code;
    code = answer.rep.status == 0
               ? view_print(refnos, view, &answer)
               : ask_refused(refnos, "show", &req, &answer.rep);
    free(answer.bytes);
    return code;
}

/* The daemon says what is wrong in the member "error". */
static int
query_code(struct refnos *refnos, const struct json_tree *tree)
{
    const struct json_tree *first = tree->first;

    if (tree->kind != TREE_OBJECT || first == NULL ||
        first->kind != TREE_STRING || strcmp(first->name, "error") != 0)
        return 0;
    refnos_say(refnos, "%s", first->text);
    return REFNOS_REFUSED;
}

static int
query_print(struct refnos *refnos, const char *json)
{
    struct json_tree *tree;
    int error = json_tree_parse(json, strlen(json), &tree), code = 0;

    if (error == 0) {
        code = query_code(refnos, tree);
        json_tree_free(tree);
        if (code == 0 || refnos->json)
            error = print_json(refnos, json, strlen(json));
    }
    if (error == 0)
        return code;
    refnos_say(refnos, "%s: %s", refnos->socket, err_text(error));
    return REFNOS_IO;
}

int
ask_and_print(struct refnos *refnos, const char *words)
{
    char *json = NULL;
    int code = ask_query(refnos, words, &json);

    if (code == 0)
        code = query_print(refnos, json);
    free(json);
    return code;
}

static int
show_log(struct refnos *refnos, const struct verb *verb, int count,
         char *const *words)
{
    unsigned long lines = LOG_LINES;
    char query[32], *end = NULL;

    if (count > 0)
        lines = strtoul(words[0], &end, 10);
    if (count > 1 || (end != NULL && (*end != '\0' || end == words[0])) ||
        lines == 0 || lines > LOG_LINES_MAX)
        return refnos_misuse(refnos, verb, "log takes a number from 1 to %u",
                             LOG_LINES_MAX);
    (void)snprintf(query, sizeof(query), "log %lu", lines);
    return ask_and_print(refnos, query);
}

int
show_run(struct refnos *refnos, const struct verb *verb, int count,
         char *const *words)
{
    static const char *const queries[] = {"hardware", "services", "box",
                                          "peers", "pending"};

    if (count == 0)
        return refnos_misuse(refnos, verb, "what?");
    if (strcmp(words[0], "log") == 0)
        return show_log(refnos, verb, count - 1, words + 1);
    if (strcmp(words[0], "fib") == 0)
        return show_fib(refnos, verb, count - 1, words + 1);
    if (count > 1)
        return refnos_misuse(refnos, verb, "\"%s\" is too much", words[1]);
    if (strcmp(words[0], "route") == 0)
        return show_route(refnos);
    for (size_t i = 0; i < ARRAY_COUNT(views); i++)
        if (strcmp(words[0], views[i].name) == 0)
            return show_view(refnos, &views[i]);
    for (size_t i = 0; i < ARRAY_COUNT(queries); i++)
        if (strcmp(words[0], queries[i]) == 0)
            return ask_and_print(refnos, queries[i]);
    return refnos_misuse(refnos, verb, "there is no \"%s\" to show", words[0]);
}
