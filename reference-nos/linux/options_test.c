/* SPDX-License-Identifier: Apache-2.0 */
#include "reference-nos/linux/options.h"

#include "reference-nos/base/compiler.h"
#include "reference-nos/linux/linux_test.h"

#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define WORDS_MAX 24

/* Splits at spaces and parses. */
static int
parse(const char *line, struct options *options, char message[256])
{
    static char copies[2048];
    char *words[WORDS_MAX] = {"refnosd"};
    int count = 1;

    (void)strcpy(copies, line);
    for (char *word = strtok(copies, " "); word != NULL;
         word = strtok(NULL, " "))
        words[count++] = word;
    message[0] = '\0';
    return options_parse(count, words, options, message, 256);
}

START_TEST(test_defaults)
{
    struct options options;
    char message[256];

    ck_assert_int_eq(parse("--identity /id", &options, message), 0);
    ck_assert_str_eq(options.identity, "/id");
    ck_assert_str_eq(options.state, "/id/state");
    ck_assert_str_eq(options.socket, "/id/refnos.sock");
    ck_assert_str_eq(options.fabric_prefix, "fab");
    ck_assert_int_eq(options.role, ROLE_COUNT);
    ck_assert(options.fabric_ports == OPTION_UNSET);
    ck_assert(options.watch_fd == OPTION_UNSET);
    ck_assert_uint_eq(options.voter_count, 0);
    ck_assert_ptr_null(options.serial);
    ck_assert_ptr_null(options.authority);
    ck_assert(!options.arbiter && !options.per_service && !options.no_restart);
}
END_TEST

START_TEST(test_everything)
{
    struct options options;
    char message[256];

    ck_assert_int_eq(
        parse("--identity=/id --state /s --role ncp --plane-a m0 --plane-b=m1 "
              "--port 7000 --fabric-ports 13 --serial SN:1 --authority /ca",
              &options, message),
        0);
    ck_assert_str_eq(options.serial, "SN:1");
    ck_assert_str_eq(options.authority, "/ca");
    ck_assert_str_eq(options.state, "/s");
    ck_assert_int_eq(options.role, ROLE_NCP);
    ck_assert_str_eq(options.interfaces[PLANE_A], "m0");
    ck_assert_str_eq(options.interfaces[PLANE_B], "m1");
    ck_assert_uint_eq(options.port, 7000);
    ck_assert_uint_eq(options.fabric_ports, 13);
    ck_assert_int_eq(parse("--identity /id --voters 00c0ffee00c0ffee,SELF",
                           &options, message),
                     ERR_INVALID);
    ck_assert_int_eq(parse("--identity /id --voters "
                           "00c0ffee00c0ffee,self --arbiter --watch-fd 3 "
                           "--no-restart --wall-offset-ns -5",
                           &options, message),
                     0);
    ck_assert_uint_eq(options.voter_count, 2);
    ck_assert(options.voters[0] == 0x00c0ffee00c0ffee);
    ck_assert(options.voters[1] == 0);
    ck_assert(options.arbiter && options.no_restart);
    ck_assert_uint_eq(options.watch_fd, 3);
    ck_assert_int_eq(options.wall_offset_ns, -5);
}
END_TEST

START_TEST(test_alone)
{
    static const char *const contradictions[] = {
        "--fabric-ports 1", "--voters 00c0ffee00c0ffee,self",
        "--voters 00c0ffee00c0ffee", "--arbiter", "--role ncp"};
    struct options options;
    char message[256];
    char line[128];

    ck_assert_int_eq(parse("--identity /id --alone", &options, message), 0);
    ck_assert(options.alone);
    ck_assert_int_eq(options.role, ROLE_NCC);
    ck_assert_uint_eq(options.fabric_ports, 0);
    ck_assert_uint_eq(options.voter_count, 1);
    ck_assert(options.voters[0] == 0);
    ck_assert_int_eq(parse("--identity /id --alone --role ncc --voters self "
                           "--fabric-ports 0 --front-ports 4",
                           &options, message),
                     0);
    for (size_t i = 0; i < ARRAY_COUNT(contradictions); i++) {
        (void)snprintf(line, sizeof(line), "--identity /id --alone %s",
                       contradictions[i]);
        ck_assert_int_eq(parse(line, &options, message), ERR_INVALID);
        ck_assert_ptr_nonnull(strstr(message, "--alone"));
    }
}
END_TEST

START_TEST(test_environment)
{
    struct options options;
    char message[256];

    (void)setenv("REFNOSD_IDENTITY", "/env", 1);
    (void)setenv("REFNOSD_PLANE_A", "eth7", 1);
    (void)setenv("REFNOSD_ARBITER", "yes", 1);
    ck_assert_int_eq(parse("", &options, message), 0);
    ck_assert_str_eq(options.identity, "/env");
    ck_assert_str_eq(options.interfaces[PLANE_A], "eth7");
    ck_assert(options.arbiter);
    ck_assert_int_eq(parse("--plane-a eth8 --arbiter=no", &options, message),
                     0);
    ck_assert_str_eq(options.interfaces[PLANE_A], "eth8");
    ck_assert(!options.arbiter);
    (void)setenv("REFNOSD_PORT", "many", 1);
    ck_assert_int_eq(parse("", &options, message), ERR_INVALID);
    ck_assert_ptr_nonnull(strstr(message, "--port: \"many\""));
}
END_TEST

struct mistake {
    const char *line;
    const char *says;
};

static const struct mistake mistakes[] = {
    {"", "--identity DIR is needed"},
    {"--identity", "--identity wants DIR"},
    {"--identity=", "--identity: \"\" is not DIR"},
    {"--identitty /id", "\"--identitty\" is no option"},
    {"/id", "\"/id\" is no option"},
    {"-i /id", "\"-i\" is no option"},
    {"--identity /id --role router", "ncc, ncp, ncf or ncm"},
    {"--identity /id --port 65536", "from 0 to 65535"},
    {"--identity /id --port -1", "from 0 to 65535"},
    {"--identity /id --port 0x10", "from 0 to 65535"},
    {"--identity /id --fabric-ports 65", "from 0 to 64"},
    {"--identity /id --fabric-ports 18446744073709551615", "from 0 to 64"},
    {"--identity /id --voters x", "a list of box keys"},
    {"--identity /id --voters 0", "a list of box keys"},
    {"--identity /id --voters 1,", "a list of box keys"},
    {"--identity /id --voters 00c0ffee00c0ffee1", "a list of box keys"},
    {"--identity /id --voters 1,2,3,4,5,6", "at most 5"},
    {"--identity /id --arbiter=perhaps", "yes or no"},
    {"--identity /id --wall-offset-ns 1s", "a whole number"},
    {"--identity /id --wall-offset-ns 9223372036854775808", "whole number"},
    {"--identity /id --watch x --watch-fd 3", "exclude each other"},
    {"--identity /id --record x --per-service", "exclude each other"},
};

START_TEST(test_mistakes)
{
    struct options options = {.port = 4711};
    char message[256];

    ck_assert_int_eq(parse(mistakes[_i].line, &options, message), ERR_INVALID);
    ck_assert_msg(strstr(message, mistakes[_i].says) != NULL, "%s: %s",
                  mistakes[_i].line, message);
    ck_assert_uint_eq(options.port, 4711);
}
END_TEST

int
main(void)
{
    Suite *suite = suite_create("linux");
    TCase *tests = tcase_create("options");
    SRunner *runner;
    int failed;

    tcase_add_test(tests, test_defaults);
    tcase_add_test(tests, test_everything);
    tcase_add_test(tests, test_alone);
    tcase_add_test(tests, test_environment);
    tcase_add_loop_test(tests, test_mistakes, 0, (int)ARRAY_COUNT(mistakes));
    suite_add_tcase(suite, tests);
    suite_add_tcase(suite, log_tests());
    suite_add_tcase(suite, voters_tests());
    runner = srunner_create(suite);
    srunner_run_all(runner, CK_NORMAL);
    failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed == 0 ? 0 : 1;
}
