/* SPDX-License-Identifier: Apache-2.0 */
#define _GNU_SOURCE /* unshare */
#include "reports/results.h"

#include <check.h>
#include <sched.h>
#include <signal.h>
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "reference-nos/base/err.h"
#include "reports/samples.h"
#include "reports/suites.h"

static char folder[64];
static char db_path[96];
static char error[RESULTS_ERROR_BYTES];

static void
folder_make(void)
{
    snprintf(folder, sizeof(folder), "/tmp/sixnines-results-XXXXXX");
    ck_assert_ptr_nonnull(mkdtemp(folder));
    snprintf(db_path, sizeof(db_path), "%s/results.db", folder);
    error[0] = '\0';
}

static void
folder_drop(void)
{
    char command[160];

    snprintf(command, sizeof(command), "chmod -R u+rwx %s; rm -rf %s", folder,
             folder);
    ck_assert_int_eq(system(command), 0);
}

/* First value of a query, as text in a static buffer. */
static const char *
value(const char *sql)
{
    static char text[256];
    sqlite3 *db;
    sqlite3_stmt *query;

    text[0] = '\0';
    ck_assert_int_eq(sqlite3_open_v2(db_path, &db, SQLITE_OPEN_READONLY, NULL),
                     SQLITE_OK);
    ck_assert_msg(sqlite3_prepare_v2(db, sql, -1, &query, NULL) == SQLITE_OK,
                  "%s", sqlite3_errmsg(db));
    if (sqlite3_step(query) == SQLITE_ROW &&
        sqlite3_column_text(query, 0) != NULL)
        snprintf(text, sizeof(text), "%s",
                 (const char *)sqlite3_column_text(query, 0));
    sqlite3_finalize(query);
    sqlite3_close(db);
    return text;
}

static void
execute(const char *sql)
{
    sqlite3 *db;

    ck_assert_int_eq(sqlite3_open(db_path, &db), SQLITE_OK);
    ck_assert_int_eq(sqlite3_exec(db, sql, NULL, NULL, NULL), SQLITE_OK);
    sqlite3_close(db);
}

static bool
exists(const char *suffix)
{
    char path[128];

    snprintf(path, sizeof(path), "%s%s", db_path, suffix);
    return access(path, F_OK) == 0;
}

static struct results *
open_ok(void)
{
    struct results *results = NULL;

    ck_assert_msg(results_open(db_path, &results, error, sizeof(error)) == 0,
                  "%s", error);
    return results;
}

static int64_t
begin(struct results *results, int64_t *run)
{
    struct results_campaign campaign = {.scenario = "s", .seeds_planned = 1};
    struct results_run row = {.seed = UINT64_MAX};
    int64_t id = 0;

    ck_assert_int_eq(results_campaign_begin(results, &campaign, &id), 0);
    ck_assert_int_eq(results_run_begin(results, id, &row, run), 0);
    return id;
}

START_TEST(a_run_is_kept_in_one_file)
{
    samples_quiet(db_path);
    ck_assert(exists(""));
    ck_assert(!exists("-wal") && !exists("-shm") && !exists("-journal"));
    ck_assert_str_eq(value("PRAGMA user_version"), "3");
    ck_assert_str_eq(value("PRAGMA journal_mode"), "delete");
    ck_assert_str_eq(value("PRAGMA integrity_check"), "ok");
    ck_assert_str_eq(value("SELECT state||verdict||exit_code FROM campaign"),
                     "completePASS0");
    ck_assert_str_eq(value("SELECT seed||' '||boxes||' '||ports FROM run"),
                     "1 65 1920");
    ck_assert_str_eq(value("SELECT count(*) FROM expectation"), "5");
    ck_assert_str_eq(value("SELECT time_ps FROM event WHERE kind='fault'"),
                     "10000000000000");
    ck_assert_str_eq(value("SELECT count(*) FROM load"), "780");
    ck_assert_str_eq(value("SELECT cleared_ps FROM alarm"), "58210000000000");
    ck_assert_str_eq(value("SELECT limit_value IS NULL FROM expectation"),
                     "1");
}
END_TEST

START_TEST(more_runs_are_appended)
{
    samples_quiet(db_path);
    samples_failing(db_path);
    ck_assert_str_eq(value("SELECT group_concat(verdict) FROM campaign"),
                     "PASS,FAIL");
    ck_assert_str_eq(value("SELECT count(DISTINCT run) FROM load"), "2");
    ck_assert_str_eq(value("SELECT count(*) FROM expectation WHERE "
                           "campaign=2 AND run=2"),
                     "4");
}
END_TEST

START_TEST(largest_seed_and_time_survive)
{
    struct results_event event = {.time_ps = INT64_MAX, .kind = "note"};
    struct results *results = open_ok();
    int64_t run;

    begin(results, &run);
    ck_assert_int_eq(results_add_event(results, run, &event), 0);
    event.time_ps++;
    ck_assert_int_eq(results_add_event(results, run, &event), ERR_RANGE);
    ck_assert_ptr_nonnull(strstr(results_error(results), "does not fit"));
    ck_assert_int_eq(
        results_finish(results, RESULTS_COMPLETE, error, sizeof(error)), 0);
    ck_assert_str_eq(value("SELECT seed FROM run"), "18446744073709551615");
    ck_assert_str_eq(value("SELECT max(time_ps) FROM event"),
                     "9223372036854775807");
}
END_TEST

START_TEST(many_rows_cross_batches)
{
    struct results_event event = {.kind = "note"};
    struct results *results = open_ok();
    int64_t run;
    int i;

    begin(results, &run);
    for (i = 0; i < 25000; i++)
        ck_assert_int_eq(results_add_event(results, run, &event), 0);
    ck_assert_str_eq(value("SELECT count(*) >= 19999 FROM event"), "1");
    ck_assert_int_eq(
        results_finish(results, RESULTS_COMPLETE, error, sizeof(error)), 0);
    ck_assert_str_eq(value("SELECT count(*) FROM event"), "25000");
}
END_TEST

START_TEST(interrupted_leaves_a_valid_file)
{
    samples_interrupted(db_path);
    ck_assert(!exists("-wal") && !exists("-shm"));
    ck_assert_str_eq(value("PRAGMA integrity_check"), "ok");
    ck_assert_str_eq(value("SELECT state||verdict FROM campaign"),
                     "interruptedNONE");
    ck_assert_str_eq(value("SELECT group_concat(state) FROM run"),
                     "complete,interrupted");
    ck_assert_str_eq(value("SELECT count(*) FROM event WHERE run=2"), "1");
}
END_TEST

/* What was committed survives kill -9, and the file can be appended to. */
START_TEST(killed_program_loses_only_the_open_batch)
{
    pid_t child = fork();
    int status;

    if (child == 0) {
        struct results *results = open_ok();
        struct results_event event = {.kind = "note"};
        int64_t run;

        begin(results, &run);
        if (results_add_event(results, run, &event) != 0 ||
            results_flush(results) != 0 ||
            results_add_event(results, run, &event) != 0)
            _exit(1);
        kill(getpid(), SIGKILL);
    }
    ck_assert_int_eq(waitpid(child, &status, 0), child);
    ck_assert(WIFSIGNALED(status));
    ck_assert_str_eq(value("SELECT count(*) FROM event"), "1");
    ck_assert_str_eq(value("SELECT state FROM campaign"), "running");
    samples_quiet(db_path);
    ck_assert_str_eq(value("SELECT group_concat(state) FROM campaign"),
                     "running,complete");
    ck_assert(!exists("-wal"));
}
END_TEST

/* Tests run in a child of their own, so the user may be changed. */
static void
become_nobody(void)
{
    if (geteuid() == 0)
        ck_assert_int_eq(seteuid(65534), 0);
}

START_TEST(read_only_folder_is_told)
{
    struct results *results = NULL;

    ck_assert_int_eq(chmod(folder, 0555), 0);
    become_nobody();
    ck_assert_int_eq(results_open(db_path, &results, error, sizeof(error)),
                     ERR_READONLY);
    ck_assert_ptr_nonnull(strstr(error, db_path));
    ck_assert_ptr_nonnull(strstr(error, "folder cannot be written"));
    ck_assert_ptr_null(results);
    ck_assert(!exists(""));
    if (geteuid() != getuid())
        ck_assert_int_eq(seteuid(getuid()), 0);
}
END_TEST

START_TEST(read_only_file_is_told)
{
    struct results *results = NULL;

    samples_quiet(db_path);
    ck_assert_int_eq(chmod(db_path, 0444), 0);
    ck_assert_int_eq(chmod(folder, 0555), 0);
    become_nobody();
    ck_assert_int_eq(results_open(db_path, &results, error, sizeof(error)),
                     ERR_READONLY);
    ck_assert_str_eq(value("SELECT count(*) FROM campaign"), "1");
    if (geteuid() != getuid())
        ck_assert_int_eq(seteuid(getuid()), 0);
}
END_TEST

START_TEST(missing_folder_is_told)
{
    struct results *results = NULL;

    ck_assert_int_eq(
        results_open("/nowhere/at/all.db", &results, error, sizeof(error)),
        ERR_NOENT);
    ck_assert_ptr_nonnull(strstr(error, "no such file or folder"));
}
END_TEST

START_TEST(newer_schema_is_refused)
{
    struct results *results = NULL;

    samples_quiet(db_path);
    execute("PRAGMA user_version=4");
    ck_assert_int_eq(results_open(db_path, &results, error, sizeof(error)),
                     ERR_VERSION);
    ck_assert_ptr_nonnull(strstr(error, "newer program"));
    ck_assert_ptr_nonnull(strstr(error, "version 4"));
    ck_assert_str_eq(value("PRAGMA user_version"), "4");
    ck_assert(!exists("-wal"));
}
END_TEST

static const struct results_comparison compared = {
    .metric = "switchover.write-outage",
    .args = "pull",
    .unit = "s",
    .sides = {{20, 0.26, 0.2, 0.31, true}, {3, 0.4, 0.39, 0.52, false}},
    .has_difference = true,
    .difference = 0.538,
    .bound = 0.2,
    .state = "outside",
    .stage = "elect: 10ms, 150ms",
};

static void
write_packets(struct results *results, int64_t run)
{
    static uint64_t storage[8192];
    const struct results_loss loss = {"one-terabit", "tail-drop", 3, 4554};
    const struct results_throughput throughput = {
        "one-terabit", 1000, 361833, 990, 358000, 7, 2500, 1000000000};
    struct hist *hist = hist_init(storage, 7);

    ck_assert_uint_le(hist_size_bytes(7), sizeof(storage));
    hist_add(hist, 1001, 10);
    hist_add(hist, 5000000, 980);
    ck_assert_int_eq(results_add_latency(results, run, "one-terabit",
                                         RESULTS_STAGE_TOTAL, hist),
                     0);
    hist_clear(hist);
    ck_assert_int_eq(
        results_add_latency(results, run, "none", RESULTS_STAGE_TOTAL, hist),
        0);
    ck_assert_int_eq(results_add_loss(results, run, &loss), 0);
    ck_assert_int_eq(results_add_throughput(results, run, &throughput), 0);
}

static void
check_packets(void)
{
    ck_assert_str_eq(value("SELECT group_concat(flow||' '||stage||' '||packets"
                           "||' '||sum_ps,', ') FROM latency"),
                     "one-terabit total 990 4900010010.0, none total 0 0.0");
    /* The first part begins at the smallest value, the last ends at the
     * largest. */
    ck_assert_str_eq(value("SELECT group_concat(low_ps||'-'||high_ps||' '||"
                           "p.packets,', ') FROM latency_part p JOIN latency l"
                           " ON l.id=p.latency AND l.flow='one-terabit'"),
                     "1001-1003 10, 4980736-5000000 980");
    ck_assert_str_eq(value("SELECT flow||cause||packets||bytes FROM loss"),
                     "one-terabittail-drop34554");
    ck_assert_str_eq(value("SELECT offered_packets||' '||offered_bytes||' '||"
                           "delivered_packets||' '||delivered_bytes||' '||"
                           "queued_packets||' '||queued_bytes||' '||"
                           "duration_ps FROM throughput"),
                     "1000 361833 990 358000 7 2500 1000000000");
}

START_TEST(searches_are_kept)
{
    static const struct results_search_load loads[] = {
        {0, 1, 10, 10, 10}, {900000, 5000, 10, 12, 40}};
    const struct results_search row = {.frame_bytes = 64,
                                       .level = 980000,
                                       .resolution_ppm = 1000,
                                       .trials = 5,
                                       .trial_ps = 1000000000,
                                       .port_bps = UINT64_C(100000000000),
                                       .loads = loads,
                                       .load_count = 2};
    struct results *results = NULL;

    /* A file from before searches were kept. */
    samples_quiet(db_path);
    execute("DROP TABLE search_load; DROP TABLE search");
    ck_assert_int_eq(results_open(db_path, &results, error, sizeof(error)), 0);
    ck_assert_int_eq(results_add_search(results, 1, &row), 0);
    ck_assert_int_eq(
        results_finish(results, RESULTS_COMPLETE, error, sizeof(error)), 0);
    ck_assert_str_eq(value("SELECT frame_bytes||' '||burst||' '||level||' '||"
                           "resolution_ppm||' '||trials||' '||trial_ps||' '||"
                           "port_bps FROM search"),
                     "64 0 980000 1000 5 1000000000 100000000000");
    ck_assert_str_eq(value("SELECT group_concat(share_ppm||' '||packets||' '"
                           "||min_ps||' '||mean_ps||' '||max_ps,', ') FROM "
                           "search_load"),
                     "0 1 10 10 10, 900000 5000 10 12 40");
}
END_TEST

START_TEST(parts_are_kept)
{
    static const struct results_part parts[] = {{1001, 1003, 10},
                                                {4980736, 5000000, 980}};
    struct results *results = NULL;
    int64_t run;

    ck_assert_int_eq(results_open(db_path, &results, error, sizeof(error)), 0);
    begin(results, &run);
    ck_assert_int_eq(results_add_latency_parts(results, run, "f", "egress",
                                               parts, 2, 4900010010.0),
                     0);
    ck_assert_int_eq(
        results_add_latency_parts(results, run, "g", "egress", NULL, 0, 0), 0);
    ck_assert_int_eq(
        results_finish(results, RESULTS_COMPLETE, error, sizeof(error)), 0);
    ck_assert_str_eq(value("SELECT group_concat(flow||' '||packets||' '||"
                           "sum_ps,', ') FROM latency"),
                     "f 990 4900010010.0, g 0 0.0");
    ck_assert_str_eq(value("SELECT group_concat(low_ps||'-'||high_ps||' '||"
                           "packets,', ') FROM latency_part"),
                     "1001-1003 10, 4980736-5000000 980");
}
END_TEST

START_TEST(packets_are_kept)
{
    struct results *results = NULL;
    int64_t run;

    ck_assert_int_eq(results_open(db_path, &results, error, sizeof(error)), 0);
    begin(results, &run);
    write_packets(results, run);
    ck_assert_int_eq(
        results_finish(results, RESULTS_COMPLETE, error, sizeof(error)), 0);
    check_packets();
}
END_TEST

/* Version 2 had no packets. */
START_TEST(version_2_is_upgraded)
{
    struct results *results = NULL;

    samples_quiet(db_path);
    execute("DROP TABLE latency_part; DROP TABLE latency; DROP TABLE loss;"
            "DROP TABLE throughput; DROP TABLE search_load; DROP TABLE "
            "search; PRAGMA user_version=2");
    ck_assert_int_eq(results_open(db_path, &results, error, sizeof(error)), 0);
    write_packets(results, 1);
    ck_assert_int_eq(
        results_finish(results, RESULTS_COMPLETE, error, sizeof(error)), 0);
    ck_assert_str_eq(value("PRAGMA user_version"), "3");
    ck_assert_str_eq(value("PRAGMA integrity_check"), "ok");
    check_packets();
}
END_TEST

/* A file of version 1 is brought up when it is written to. */
START_TEST(older_schema_is_upgraded)
{
    struct results *results = NULL;

    samples_quiet(db_path);
    execute("DROP TABLE comparison; DROP TABLE search_load;"
            "DROP TABLE search; DROP TABLE latency_part;"
            "DROP TABLE latency; DROP TABLE loss; DROP TABLE throughput;"
            "PRAGMA user_version=1");
    ck_assert_int_eq(results_open(db_path, &results, error, sizeof(error)), 0);
    ck_assert_int_eq(results_add_comparison(results, 1, 1, &compared), 0);
    write_packets(results, 1);
    ck_assert_int_eq(
        results_finish(results, RESULTS_COMPLETE, error, sizeof(error)), 0);
    check_packets();
    ck_assert_str_eq(value("PRAGMA user_version"), "3");
    ck_assert_str_eq(value("SELECT metric||args||first_runs||second_runs||"
                           "round(difference,3)||state FROM comparison"),
                     "switchover.write-outagepull2030.538outside");
    ck_assert_str_eq(value("PRAGMA integrity_check"), "ok");
}
END_TEST

START_TEST(no_difference_is_null)
{
    struct results_comparison row = compared;
    struct results *results = NULL;

    samples_quiet(db_path);
    row.has_difference = false;
    ck_assert_int_eq(results_open(db_path, &results, error, sizeof(error)), 0);
    ck_assert_int_eq(results_add_comparison(results, 1, 1, &row), 0);
    ck_assert_int_eq(
        results_finish(results, RESULTS_COMPLETE, error, sizeof(error)), 0);
    ck_assert_str_eq(
        value("SELECT difference IS NULL AND bound=0.2 AND stated=0 AND "
              "state='outside' AND stage LIKE 'elect%' FROM comparison"),
        "1");
}
END_TEST

START_TEST(foreign_files_are_refused)
{
    struct results *results = NULL;
    FILE *file = fopen(db_path, "w");

    fputs("a letter that somebody will miss, long enough to be read as a "
          "header of a database, which it is not at all, is it?\n",
          file);
    fclose(file);
    ck_assert_int_eq(results_open(db_path, &results, error, sizeof(error)),
                     ERR_CORRUPT);
    unlink(db_path);
    execute("CREATE TABLE song (title TEXT)");
    ck_assert_int_eq(results_open(db_path, &results, error, sizeof(error)),
                     ERR_CORRUPT);
    ck_assert_ptr_nonnull(strstr(error, "not a Sixnines results file"));
    ck_assert_str_eq(value("SELECT count(*) FROM sqlite_schema"), "1");
}
END_TEST

/* Writes until it fails; the error and its sentence are checked. */
static void
fill_the_disk(struct results *results, int64_t run)
{
    struct results_event event = {
        .kind = "note",
        .text = "a long enough text to fill what little space there is left"};
    int err = 0;
    int i;

    for (i = 0; i < 200000 && err == 0; i++)
        err = results_add_event(results, run, &event);
    ck_assert_int_eq(err, ERR_NOSPACE);
    ck_assert_ptr_nonnull(strstr(results_error(results), "disk is full"));
    ck_assert_int_eq(results_add_event(results, run, &event), ERR_NOSPACE);
}

static void
full_disk_check(void)
{
    struct results_run_end end = {.state = RESULTS_COMPLETE,
                                  .verdict = VERDICT_PASS};
    struct results *results = open_ok();
    int64_t campaign;
    int64_t first;
    int64_t second;
    struct results_run run = {.seed = 2};

    campaign = begin(results, &first);
    ck_assert_int_eq(results_run_end(results, first, &end), 0);
    ck_assert_int_eq(results_run_begin(results, campaign, &run, &second), 0);
    fill_the_disk(results, second);
    ck_assert_int_eq(
        results_finish(results, RESULTS_COMPLETE, error, sizeof(error)),
        ERR_NOSPACE);
    ck_assert_ptr_nonnull(strstr(error, "disk is full"));
}

START_TEST(full_disk_keeps_what_was_there_quota)
{
    struct rlimit limit;

    signal(SIGXFSZ, SIG_IGN);
    ck_assert_int_eq(getrlimit(RLIMIT_FSIZE, &limit), 0);
    limit.rlim_cur = 600000;
    ck_assert_int_eq(setrlimit(RLIMIT_FSIZE, &limit), 0);
    full_disk_check();
    limit.rlim_cur = limit.rlim_max;
    ck_assert_int_eq(setrlimit(RLIMIT_FSIZE, &limit), 0);
    ck_assert_str_eq(value("PRAGMA integrity_check"), "ok");
    ck_assert_str_eq(value("SELECT state||verdict FROM run WHERE id=1"),
                     "completePASS");
    samples_quiet(db_path);
    ck_assert_str_eq(value("SELECT count(*) FROM campaign"), "2");
}
END_TEST

/* A real full file system, where the test may mount one. */
START_TEST(full_disk_keeps_what_was_there_tmpfs)
{
    if (unshare(CLONE_NEWNS) != 0 ||
        mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) != 0 ||
        mount("tmpfs", folder, "tmpfs", 0, "size=768k") != 0)
        return; /* Not allowed here; the quota test stands. */
    full_disk_check();
    ck_assert_str_eq(value("PRAGMA integrity_check"), "ok");
    ck_assert_str_eq(value("SELECT state||verdict FROM run WHERE id=1"),
                     "completePASS");
    umount(folder);
}
END_TEST

START_TEST(unknown_run_is_a_programmer_mistake)
{
    struct results_expectation row = {.text = "x", .verdict = VERDICT_PASS};
    struct results *results = NULL;

    ck_assert_int_eq(results_open(":memory:", &results, error, sizeof(error)),
                     0);
    (void)!results_add_expectation(results, 12345, &row);
}
END_TEST

START_TEST(a_rule_over_verdicts)
{
    static const enum verdict pass[] = {VERDICT_PASS, VERDICT_NOT_APPLICABLE};
    static const enum verdict fail[] = {VERDICT_INCONCLUSIVE, VERDICT_FAIL,
                                        VERDICT_PASS};
    static const enum verdict open[] = {VERDICT_PASS, VERDICT_INCONCLUSIVE};
    static const enum verdict none[] = {VERDICT_PASS, VERDICT_NONE};

    ck_assert_int_eq(verdict_overall(pass, 2), VERDICT_PASS);
    ck_assert_int_eq(verdict_overall(pass + 1, 1), VERDICT_INCONCLUSIVE);
    ck_assert_int_eq(verdict_overall(pass, 0), VERDICT_INCONCLUSIVE);
    ck_assert_int_eq(verdict_overall(fail, 3), VERDICT_FAIL);
    ck_assert_int_eq(verdict_overall(open, 2), VERDICT_INCONCLUSIVE);
    ck_assert_int_eq(verdict_overall(none, 2), VERDICT_INCONCLUSIVE);
    ck_assert_int_eq(verdict_exit_code(VERDICT_PASS), 0);
    ck_assert_int_eq(verdict_exit_code(VERDICT_FAIL), 1);
    ck_assert_int_eq(verdict_exit_code(VERDICT_INCONCLUSIVE), 2);
    ck_assert_int_eq(verdict_from_name("NOT-APPLICABLE"),
                     VERDICT_NOT_APPLICABLE);
    ck_assert_int_eq(verdict_from_name("MAYBE"), VERDICT_NONE);
}
END_TEST

Suite *
results_suite(void)
{
    Suite *suite = suite_create("results");
    TCase *store = tcase_create("store");
    TCase *mistakes = tcase_create("mistakes");

    tcase_add_checked_fixture(store, folder_make, folder_drop);
    tcase_set_timeout(store, 120);
    tcase_add_test(store, a_run_is_kept_in_one_file);
    tcase_add_test(store, more_runs_are_appended);
    tcase_add_test(store, largest_seed_and_time_survive);
    tcase_add_test(store, many_rows_cross_batches);
    tcase_add_test(store, interrupted_leaves_a_valid_file);
    tcase_add_test(store, killed_program_loses_only_the_open_batch);
    tcase_add_test(store, read_only_folder_is_told);
    tcase_add_test(store, read_only_file_is_told);
    tcase_add_test(store, missing_folder_is_told);
    tcase_add_test(store, newer_schema_is_refused);
    tcase_add_test(store, older_schema_is_upgraded);
    tcase_add_test(store, version_2_is_upgraded);
    tcase_add_test(store, packets_are_kept);
    tcase_add_test(store, parts_are_kept);
    tcase_add_test(store, searches_are_kept);
    tcase_add_test(store, no_difference_is_null);
    tcase_add_test(store, foreign_files_are_refused);
    tcase_add_test(store, full_disk_keeps_what_was_there_quota);
    tcase_add_test(store, full_disk_keeps_what_was_there_tmpfs);
    tcase_add_test_raise_signal(mistakes, unknown_run_is_a_programmer_mistake,
                                SIGABRT);
    tcase_add_test(store, a_rule_over_verdicts);
    suite_add_tcase(suite, store);
    suite_add_tcase(suite, mistakes);
    return suite;
}
