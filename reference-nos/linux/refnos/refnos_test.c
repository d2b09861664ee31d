/* SPDX-License-Identifier: Apache-2.0
 *
 * The tool against a daemon's socket with answers of the test: the server
 * lives in a child.
 */
#define _GNU_SOURCE
#include "reference-nos/linux/refnos/refnos_priv.h"
#include "reference-nos/linux/secure/identity.h"
#include "reference-nos/linux/socket/socket.h"

#include "reference-nos/base/err.h"

#include <check.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

static uv_loop_t loop;
static struct socket_server *server;
static char folder[64], path[128];
static pid_t child;

/* What the last run wrote. */
static char *out_text, *err_text_seen;

/* --- The daemon of the test --------------------------------------------- */

static void
modules_answer(struct wire_writer *writer)
{
    struct operator_module module = {
        .module = module_id(ROLE_NCP, 2),
        .key = 0xC0FFEE,
        .serial = "S\x1b[31m\"2",
        .up = true,
    };

    operator_module_write(writer, &module);
}

static void
cluster_answer(struct wire_writer *writer)
{
    struct operator_cluster cluster = {
        .cluster_id = 7, .active = 0xA, .modules = {2, 4, 2, 1}};

    operator_cluster_write(writer, &cluster);
}

static void
alarms_answer(struct wire_writer *writer)
{
    struct operator_alarm away = {module_id(ROLE_NCC, 0),
                                  ALARM_MODULE_AWAY,
                                  module_id(ROLE_NCP, 1),
                                  SEVERITY_ERROR,
                                  0,
                                  1700000000000000000u};

    operator_alarm_write(writer, &away);
}

/* By module: 3 is drained, 4 has no leader, 5 is unknown. */
static int
status_of(const struct operator_req *req)
{
    if (req->verb == OPERATOR_UNDRAIN)
        return ERR_NOT_LEADER;
    if (req->module == module_id(ROLE_NCP, 5))
        return ERR_NOENT;
    if (req->verb == OPERATOR_REPLACE && strcmp(req->serial, "NEW-1") != 0)
        return ERR_INVALID;
    if (req->verb == OPERATOR_LOCATE && req->value != 1)
        return ERR_CONFLICT;
    return 0;
}

static void
operator_answer(uint64_t token, const void *bytes, size_t size)
{
    struct operator_rep rep = {.leader = 0xB0B, .value = 2, .term = 9};
    struct operator_req req;
    struct wire_reader reader;
    struct wire_writer writer;
    uint8_t answer[1024];

    wire_reader_init(&reader, bytes, size);
    rep.status = operator_req_read(&reader, &req);
    rep.verb = req.verb;
    if (rep.status == 0)
        rep.status = status_of(&req);
    rep.cut = req.verb == OPERATOR_SHOW_ALARMS;
    wire_writer_init(&writer, answer, sizeof(answer));
    operator_rep_write(&writer, &rep);
    if (req.verb == OPERATOR_SHOW_MODULES)
        modules_answer(&writer);
    else if (req.verb == OPERATOR_SHOW_CLUSTER)
        cluster_answer(&writer);
    else if (req.verb == OPERATOR_SHOW_ALARMS)
        alarms_answer(&writer);
    else if (req.verb == OPERATOR_SHOW_CONTROLLERS)
        wire_write_u8(&writer, 1); /* half a row */
    socket_server_answer(server, token, SOCKET_OPERATOR, answer,
                         wire_writer_size(&writer));
}

static void
take(void *arg, uint64_t token, enum socket_kind kind, const void *bytes,
     size_t size)
{
    static const char hardware[] =
        "[{\"kind\":\"fan\",\"index\":0,\"ok\":true,\"value\":9000},"
        "{\"kind\":\"psu\",\"index\":1,\"ok\":false,\"value\":null}]";
    static const char lines[] =
        "[{\"wall_ns\":1700000000000000000,\"service\":\"store\","
        "\"text\":\"\\u001b[2J hello\"}]";
    static const char pending[] =
        "{\"pending\":[{\"serial\":\"S-1\",\"role\":\"ncp\",\"key\":"
        "\"00000000000c0ffe\",\"waits_s\":7}]}";
    static const char approved[] = "{\"serial\":\"S-1\",\"approved\":true}";
    static const char error[] = "{\"error\":\"unknown question\"}";
    const char *text = error;

    (void)arg;
    if (kind == SOCKET_OPERATOR) {
        operator_answer(token, bytes, size);
        return;
    }
    if (size == 8 && memcmp(bytes, "hardware", 8) == 0)
        text = hardware;
    if (size == 5 && memcmp(bytes, "log 5", 5) == 0)
        text = lines;
    if (size == 5 && memcmp(bytes, "log 6", 5) == 0)
        text = "[]";
    if (size == 7 && memcmp(bytes, "pending", 7) == 0)
        text = pending;
    if ((size == 11 && memcmp(bytes, "approve S-1", 11) == 0) ||
        (size == 28 && memcmp(bytes, "approve S-1 00000000000c0ffe", 28) == 0))
        text = approved;
    if (size == 5 && memcmp(bytes, "peers", 5) == 0)
        text = "{not json";
    socket_server_answer(server, token, SOCKET_QUERY, text, strlen(text));
}

static void
setup(void)
{
    struct socket_server_options options = {&loop, path, take, NULL};
    char message[256];

    strcpy(folder, "/tmp/nos-refnos-XXXXXX");
    ck_assert_ptr_nonnull(mkdtemp(folder));
    (void)snprintf(path, sizeof(path), "%s/sock", folder);
    ck_assert_int_eq(uv_loop_init(&loop), 0);
    ck_assert_int_eq(
        socket_server_open(&options, &server, message, sizeof(message)), 0);
    ck_assert_int_eq(uv_loop_fork(&loop), 0);
    child = fork();
    if (child == 0) {
        (void)uv_loop_fork(&loop);
        (void)uv_run(&loop, UV_RUN_DEFAULT);
        _exit(0);
    }
}

static void
teardown(void)
{
    char command[128];

    (void)kill(child, SIGKILL);
    (void)waitpid(child, NULL, 0);
    socket_server_close(server);
    for (unsigned i = 0; i < 5; i++)
        (void)uv_run(&loop, UV_RUN_NOWAIT);
    (void)uv_loop_close(&loop);
    free(out_text);
    free(err_text_seen);
    out_text = err_text_seen = NULL;
    (void)snprintf(command, sizeof(command), "rm -rf %s", folder);
    ck_assert_int_eq(system(command), 0);
}

/* --- Runs --------------------------------------------------------------- */

static int
run_call(struct refnos_call *call)
{
    size_t out_size, err_size;
    int code;

    free(out_text);
    free(err_text_seen);
    call->out = open_memstream(&out_text, &out_size);
    call->err = open_memstream(&err_text_seen, &err_size);
    code = refnos_run(call);
    fclose(call->out);
    fclose(call->err);
    return code;
}

/* Words separated by blanks; the socket is the test's. */
static int
run(const char *line)
{
    char copy[256], *words[32];
    struct refnos_call call = {.words = words, .socket = path};

    strcpy(copy, line);
    for (char *word = strtok(copy, " "); word != NULL;
         word = strtok(NULL, " "))
        words[call.count++] = word;
    return run_call(&call);
}

/* As sshd runs it: the line of ForceCommand, and what the client asked. */
static int
ssh(bool allow, const char *command)
{
    char *words[] = {"--socket", path, "--allow-change"};
    struct refnos_call call = {.count = allow ? 3 : 2,
                               .words = words,
                               .ssh_command = command,
                               .json = "1"};

    return run_call(&call);
}

static void
json_must_parse(void)
{
    struct json_tree *tree;

    ck_assert_int_eq(json_tree_parse(out_text, strlen(out_text), &tree), 0);
    json_tree_free(tree);
}

START_TEST(modules_for_people_and_programs)
{
    ck_assert_int_eq(run("show modules"), 0);
    ck_assert_ptr_nonnull(strstr(out_text, "ncp-2"));
    ck_assert_ptr_nonnull(strstr(out_text, "0000000000c0ffee"));
    ck_assert_ptr_nonnull(strstr(out_text, "S?[31m\"2"));
    ck_assert_ptr_null(strchr(out_text, '\x1b'));
    ck_assert_int_eq(run("--json show modules"), 0);
    json_must_parse();
    ck_assert_ptr_nonnull(
        strstr(out_text, "\"serial\":\"S\\u001b[31m\\u00222\""));
    ck_assert_ptr_nonnull(strstr(out_text, "\"term\":9"));
    ck_assert_int_eq(run("show modules --json"), 0);
    json_must_parse();
}
END_TEST

START_TEST(cluster_and_alarms)
{
    ck_assert_int_eq(run("show cluster"), 0);
    ck_assert_ptr_nonnull(strstr(out_text, "active:"));
    ck_assert_ptr_nonnull(strstr(out_text, "ncf"));
    ck_assert_int_eq(run("show alarms"), 0);
    ck_assert_ptr_nonnull(strstr(out_text, "ncp-1"));
    ck_assert_ptr_nonnull(strstr(out_text, "2023-11-14T22:13:20Z"));
    ck_assert_ptr_nonnull(strstr(err_text_seen, "more than these"));
    ck_assert_int_eq(run("--json show alarms"), 0);
    json_must_parse();
    ck_assert_int_eq(run("show controllers"), REFNOS_IO); /* malformed */
}
END_TEST

START_TEST(the_box_itself)
{
    ck_assert_int_eq(run("show hardware"), 0);
    ck_assert_ptr_nonnull(strstr(out_text, "kind  index  ok   value\n"
                                           "fan   0      yes  9000\n"
                                           "psu   1      no   -\n"));
    ck_assert_int_eq(run("show log 5"), 0);
    ck_assert_str_eq(out_text, "time                  service  text\n"
                               "2023-11-14T22:13:20Z  store    ?[2J hello\n");
    ck_assert_int_eq(run("show log 6"), 0);
    ck_assert_str_eq(out_text, "none\n");
    ck_assert_int_eq(run("show services"), REFNOS_REFUSED);
    ck_assert_str_eq(err_text_seen, "refnos: unknown question\n");
    ck_assert_int_eq(run("show peers"), REFNOS_IO);
    ck_assert_int_eq(run("show log 0"), REFNOS_USAGE);
    ck_assert_int_eq(run("show log 5x"), REFNOS_USAGE);
    ck_assert_int_eq(run("show log 5 6"), REFNOS_USAGE);
    ck_assert_int_eq(run("show log 513"), REFNOS_USAGE);
}
END_TEST

START_TEST(boxes_that_wait)
{
    ck_assert_int_eq(run("show pending"), 0);
    ck_assert_ptr_nonnull(strstr(out_text, "S-1"));
    ck_assert_ptr_nonnull(strstr(out_text, "00000000000c0ffe"));
    ck_assert_int_eq(run("--json show pending"), 0);
    json_must_parse();
    ck_assert_int_eq(run("approve S-1"), 0);
    ck_assert_ptr_nonnull(strstr(out_text, "S-1"));
    ck_assert_int_eq(run("approve S-1 00000000000c0ffe --json"), 0);
    json_must_parse();
    ck_assert_int_eq(run("approve S-2"), REFNOS_REFUSED);
    ck_assert_int_eq(run("refuse S-1"), REFNOS_REFUSED);
}
END_TEST

START_TEST(changes_and_their_exit_codes)
{
    ck_assert_int_eq(run("drain ncp-3"), 0);
    ck_assert_str_eq(out_text, "drain ncp-3: done\n");
    ck_assert_int_eq(run("--json drain NCP-3"), 0);
    json_must_parse();
    ck_assert_int_eq(run("drain 66"), 0); /* a system-wide number */
    ck_assert_int_eq(run("switchover"), 0);
    ck_assert_int_eq(run("replace ncp-2 NEW-1"), 0);
    ck_assert_int_eq(run("locate ncp-2 on"), 0);
    ck_assert_int_eq(run("locate ncp-2 off"), REFNOS_REFUSED);
    ck_assert_int_eq(run("remove ncp-5"), REFNOS_REFUSED);
    ck_assert_ptr_nonnull(
        strstr(err_text_seen, "remove: there is no module ncp-5"));
    ck_assert_int_eq(run("undrain ncp-2"), REFNOS_INCONCLUSIVE);
    ck_assert_ptr_nonnull(strstr(err_text_seen, "0000000000000b0b"));
    ck_assert_int_eq(run("--json undrain ncp-2"), REFNOS_INCONCLUSIVE);
    json_must_parse();
    ck_assert_ptr_nonnull(strstr(out_text, "\"error\":\"not the leader\""));
    ck_assert_ptr_nonnull(strstr(out_text, "\"leader_module\":\"ncc-1\""));
}
END_TEST

static const char *const misuses[] = {
    "",
    "dance",
    "--dance",
    "--socket",
    "show",
    "show nothing",
    "show modules now",
    "drain",
    "drain ncp",
    "drain ncp-",
    "drain ncp-999",
    "drain xyz-1",
    "drain ncp-2 ncp-3",
    "drain 65535",
    "drain -1",
    "replace ncp-2",
    "replace ncp-2 a-serial-of-more-than-24-characters",
    "locate ncp-2",
    "locate ncp-2 maybe",
    "switchover now",
    "approve",
    "approve a-serial-of-more-than-24-characters",
    "approve S-1 0",
    "approve S-1 000000000000000x",
    "refuse",
    "refuse S-1 00000000000c0ffe 1",
    "show pending 1",
    "identity",
    "identity dance",
    "identity issue a b",
    "identity issue a b c king",
    "identity show",
    "identity show a --days",
    "identity show a --days x",
    "identity show a --hours 0",
    "identity show a --years 1",
    "identity voucher a b",
    "identity voucher a b c",
};

START_TEST(misuse_is_told)
{
    ck_assert_int_eq(run(misuses[_i]), REFNOS_USAGE);
    ck_assert_uint_gt(strlen(err_text_seen), 10);
    ck_assert_str_eq(out_text, "");
}
END_TEST

static const char *const helps[] = {
    "--help",        "-h",          "show --help",    "switchover --help",
    "drain --help",  "undrain -h",  "replace --help", "remove --help",
    "locate --help", "identity -h", "approve -h",     "refuse --help"};

START_TEST(every_verb_has_help)
{
    ck_assert_int_eq(run(helps[_i]), 0);
    ck_assert_int_eq(strncmp(out_text, "usage: refnos", 13), 0);
    ck_assert_str_eq(err_text_seen, "");
}
END_TEST

START_TEST(no_daemon_is_told)
{
    struct refnos_call call = {.count = 2, .socket = "/nonexistent/s"};
    char *words[] = {"show", "modules"};

    call.words = words;
    ck_assert_int_eq(run_call(&call), REFNOS_IO);
    ck_assert_ptr_nonnull(strstr(err_text_seen, "is refnosd running?"));
}
END_TEST

START_TEST(ssh_looks_but_does_not_touch)
{
    ck_assert_int_eq(ssh(false, "show modules"), 0);
    ck_assert_ptr_nonnull(strstr(out_text, "ncp-2"));
    ck_assert_int_ne(out_text[0], '{'); /* the session's environment */
    ck_assert_int_eq(ssh(false, "refnos  --json show modules "), 0);
    json_must_parse();
    ck_assert_int_eq(ssh(false, "--help"), 0);
    ck_assert_int_eq(ssh(false, "drain --help"), 0);
    ck_assert_int_eq(ssh(false, "drain ncp-3"), REFNOS_REFUSED);
    ck_assert_int_eq(ssh(false, "approve S-1"), REFNOS_REFUSED);
    ck_assert_int_eq(ssh(false, "refuse S-1"), REFNOS_REFUSED);
    ck_assert_int_eq(ssh(true, "drain ncp-3"), 0);
    ck_assert_int_eq(ssh(true, "approve S-1"), 0);
    ck_assert_int_eq(ssh(true, "identity show /etc"), REFNOS_REFUSED);
    ck_assert_int_eq(ssh(false, "identity authority x"), REFNOS_REFUSED);
}
END_TEST

static const char *const tricks[] = {
    "--allow-change drain ncp-3",
    "--socket /tmp/x show modules",
    "show modules; reboot",
    "show $(reboot)",
    "show `reboot`",
    "show \"modules\"",
    "show 'modules'",
    "show modules | cat",
    "show modules > x",
    "show\tmodules",
    "show\nmodules",
    "show mod*",
    "show \\modules",
    "show m\xc3\xb6",
    "",
    "   ",
    "refnos",
    "a b c d e f g h i j k l m n o p q r s t u v",
};

START_TEST(ssh_knows_words_only)
{
    ck_assert_int_eq(ssh(false, tricks[_i]), REFNOS_USAGE);
    ck_assert_str_eq(out_text, "");
}
END_TEST

START_TEST(ssh_commands_are_bounded)
{
    char *longer = malloc(100001);

    memset(longer, 'a', 100000);
    longer[100000] = '\0';
    ck_assert_int_eq(ssh(true, longer), REFNOS_USAGE);
    free(longer);
}
END_TEST

START_TEST(identities_are_made_and_shown)
{
    char line[256];

    (void)snprintf(line, sizeof(line), "identity authority %s/ca", folder);
    ck_assert_int_eq(run(line), 0);
    (void)snprintf(line, sizeof(line),
                   "--json identity issue %s/ca %s/box SER-1 ncp --days 30",
                   folder, folder);
    ck_assert_int_eq(run(line), 0);
    ck_assert_ptr_nonnull(strstr(out_text, "\"serial\":\"SER-1\""));
    json_must_parse();
    (void)snprintf(line, sizeof(line), "identity show %s/box", folder);
    ck_assert_int_eq(run(line), 0);
    ck_assert_ptr_nonnull(strstr(out_text, "SER-1"));
    (void)snprintf(line, sizeof(line),
                   "--json identity voucher %s/ca SER-2 ncf --hours 2",
                   folder);
    ck_assert_int_eq(run(line), 0);
    ck_assert_ptr_nonnull(strstr(out_text, "\"voucher\":\"v1:"));
    (void)snprintf(line, sizeof(line), "identity revoke %s/ca %s/box", folder,
                   folder);
    ck_assert_int_eq(run(line), 0);
    (void)snprintf(line, sizeof(line),
                   "--json identity renew %s/ca %s/box --days 30", folder,
                   folder);
    ck_assert_int_eq(run(line), 0);
    ck_assert_ptr_nonnull(strstr(out_text, "\"serial\":\"SER-1\""));
    (void)snprintf(line, sizeof(line), "identity renew %s/ca", folder);
    ck_assert_int_eq(run(line), REFNOS_USAGE);
    (void)snprintf(line, sizeof(line), "identity show %s/none", folder);
    ck_assert_int_ne(run(line), 0);
    ck_assert_uint_gt(strlen(err_text_seen), 10);
}
END_TEST

/* --- Trees -------------------------------------------------------------- */

static const char *const bad_json[] = {
    "",        "{",       "[",          "[1",    "[1,",
    "{\"a\"}", "{\"a\":", "{a:1}",      "\"a",   "\"\\",
    "\"\\u12", "\"\\x\"", "tru",        "nullx", "1x",
    "[] []",   "[,]",     "{\"a\":1,}", "]",     "\"\\u12g4\"",
};

START_TEST(bad_json_is_refused)
{
    struct json_tree *tree;

    ck_assert_int_ne(
        json_tree_parse(bad_json[_i], strlen(bad_json[_i]), &tree), 0);
}
END_TEST

START_TEST(text_ends_where_it_ends)
{
    char *digits = malloc(2); /* no zero after it */
    struct json_tree *tree;

    memcpy(digits, "12", 2);
    ck_assert_int_eq(json_tree_parse(digits, 2, &tree), 0);
    ck_assert_str_eq(tree->text, "12");
    json_tree_free(tree);
    free(digits);
}
END_TEST

START_TEST(nesting_is_bounded)
{
    char deep[64];
    struct json_tree *tree;

    memset(deep, '[', 32);
    memset(deep + 32, ']', 32);
    ck_assert_int_eq(json_tree_parse(deep, 64, &tree), ERR_RANGE);
    ck_assert_int_eq(json_tree_parse(deep + 20, 24, &tree), 0);
    json_tree_free(tree);
}
END_TEST

int
main(void)
{
    Suite *suite = suite_create("refnos");
    TCase *tcase = tcase_create("against a socket");
    TCase *trees = tcase_create("trees");
    SRunner *runner;
    int failed;

    tcase_add_checked_fixture(tcase, setup, teardown);
    tcase_add_test(tcase, modules_for_people_and_programs);
    tcase_add_test(tcase, cluster_and_alarms);
    tcase_add_test(tcase, the_box_itself);
    tcase_add_test(tcase, boxes_that_wait);
    tcase_add_test(tcase, changes_and_their_exit_codes);
    tcase_add_loop_test(tcase, misuse_is_told, 0, ARRAY_COUNT(misuses));
    tcase_add_loop_test(tcase, every_verb_has_help, 0, ARRAY_COUNT(helps));
    tcase_add_test(tcase, no_daemon_is_told);
    tcase_add_test(tcase, ssh_looks_but_does_not_touch);
    tcase_add_loop_test(tcase, ssh_knows_words_only, 0, ARRAY_COUNT(tricks));
    tcase_add_test(tcase, ssh_commands_are_bounded);
    tcase_add_test(tcase, identities_are_made_and_shown);
    tcase_add_loop_test(trees, bad_json_is_refused, 0, ARRAY_COUNT(bad_json));
    tcase_add_test(trees, text_ends_where_it_ends);
    tcase_add_test(trees, nesting_is_bounded);
    suite_add_tcase(suite, tcase);
    suite_add_tcase(suite, trees);
    runner = srunner_create(suite);
    srunner_run_all(runner, CK_NORMAL);
    failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
