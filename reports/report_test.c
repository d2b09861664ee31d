/* SPDX-License-Identifier: Apache-2.0
 *
 * What is derived from a database: pages, XML, JSON, CSV, annotations.
 */
#include "reports/report.h"

#include <check.h>
#include <sqlite3.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "reference-nos/base/err.h"
#include "reports/markup.h"
#include "reports/paths.h"
#include "reports/samples.h"
#include "reports/suites.h"
#include "reports/text_priv.h"

static char folder[64];
static char db_path[96];
static char out_path[96];
static char error[512];

static void
folder_make(void)
{
    snprintf(folder, sizeof(folder), "/tmp/sixnines-report-XXXXXX");
    ck_assert_ptr_nonnull(mkdtemp(folder));
    snprintf(db_path, sizeof(db_path), "%s/results.db", folder);
    snprintf(out_path, sizeof(out_path), "%s/out", folder);
}

static void
folder_drop(void)
{
    char command[128];

    snprintf(command, sizeof(command), "rm -rf %s", folder);
    ck_assert_int_eq(system(command), 0);
}

static char *
file_load(const char *path)
{
    FILE *file = fopen(path, "rb");
    char *text;
    long size;

    ck_assert_msg(file != NULL, "%s is missing", path);
    fseek(file, 0, SEEK_END);
    size = ftell(file);
    rewind(file);
    text = calloc(1, (size_t)size + 1);
    ck_assert_int_eq(fread(text, 1, (size_t)size, file), (size_t)size);
    fclose(file);
    return text;
}

typedef int writer(const char *db, const char *out,
                   const struct report_options *options, char *message,
                   size_t size);

static char *
derive(writer *write, const struct report_options *options)
{
    int err = write(db_path, out_path, options, error, sizeof(error));

    ck_assert_msg(err == 0, "%s", error);
    return file_load(out_path);
}

static int
occurrences(const char *text, const char *word)
{
    int count = 0;

    while ((text = strstr(text, word)) != NULL) {
        count++;
        text += strlen(word);
    }
    return count;
}

static void
holds(const char *text, const char *word)
{
    ck_assert_msg(strstr(text, word) != NULL, "not there: %s", word);
}

static void
lacks(const char *text, const char *word)
{
    ck_assert_msg(strstr(text, word) == NULL, "is there: %s", word);
}

static bool
gnuplot_is_here(void)
{
    return system("command -v gnuplot >/dev/null 2>&1") == 0;
}

/* What holds for every page. */
static char *
page_of(void (*sample)(const char *path))
{
    char *page;

    sample(db_path);
    page = derive(report_html, NULL);
    markup_check(page, true);
    holds(page, "<html lang=\"en\">");
    holds(page, "<meta name=\"viewport\"");
    lacks(page, "http://");
    lacks(page, "https://");
    lacks(page, " src=");
    lacks(page, "url(");
    lacks(page, "<script");
    lacks(page, "gnuplot_canvas");
    if (gnuplot_is_here())
        lacks(page, "was not drawn");
    ck_assert_int_eq(occurrences(page, "<table>"),
                     occurrences(page, "<caption>"));
    return page;
}

START_TEST(quiet_page)
{
    char *page = page_of(samples_quiet);
    const char *word = strstr(page, "id=\"verdict-word\">PASS</h2>");

    ck_assert_ptr_nonnull(word);
    ck_assert(word < strstr(page, "id=\"evidence\""));
    holds(page, "All 4 judged expectations hold. 1 not applicable.");
    holds(page, "No port was out of service.");
    holds(page, "conditional on fault model <b>the faults of this "
                "timeline</b>, rates <b>as scheduled, not field rates</b>, "
                "build <b>0.1.0 (466d05b, release, gcc 12.2.0)</b>");
    holds(page, "sixnines replay 's9:1:controller-loss:1:");
    holds(page, "frozen-2026-01");
    lacks(page, "never exercised");
    lacks(page, "Over the seeds");
    if (gnuplot_is_here()) /* Timeline, bars, lanes, CPU; two widths each. */
        ck_assert_int_eq(occurrences(page, "role=\"img\""), 8);
    free(page);
}
END_TEST

START_TEST(failing_page)
{
    char *page = page_of(samples_failing);

    holds(page, "id=\"verdict-word\">FAIL</h2>");
    holds(page, "1 of 3 judged expectations failed.");
    holds(page, "Oracles saw 2 violations.");
    lacks(page, "No port was out of service");
    holds(page, "<b>Unplanned:</b> 14 intervals on 14 ports, 184.22 s");
    holds(page, "<b>Planned:</b> 4 intervals");
    holds(page, "fabric unreachable: ncf-2 lost while ncf-3 was drained");
    holds(page, "1 of 8 oracles never ran");
    holds(page, "this world models no BMC");
    holds(page, "still raised");
    if (gnuplot_is_here())
        ck_assert_int_eq(occurrences(page, "role=\"img\""), 12);
    free(page);
}
END_TEST

START_TEST(seeds_page)
{
    char *page = page_of(samples_seeds);

    holds(page, "Runs: 199 PASS, 1 FAIL, 0 INCONCLUSIVE, 0 not judged.");
    holds(page, "<b>Worst seed: 117</b>, FAIL, 1 expectation failed");
    holds(page, "sixnines replay 's9:1:controller-loss:117:");
    holds(page, "seed 117: 170 ms");
    holds(page, "<td class=\"n\">at least "); /* p99 of 200 is a bound. */
    holds(page, "1 of 200 runs had an unplanned outage: 0.5 %, interval at "
                "95 % from 0.0127 % to 2.75 %");
    holds(page, "The first 100 of 200 runs");
    lacks(page, "modules.renumbered</h3>"); /* The same everywhere. */
    free(page);
}
END_TEST

START_TEST(packets_page)
{
    char *page = page_of(samples_packets);

    holds(page, "<section id=\"packets\"");
    holds(page, "<td>before</td><td class=\"n\">4,140,021</td>");
    /* Of 2,400 packets p99.9 is a number, beyond it are bounds. */
    holds(page, "<td>background</td><td class=\"n\">2,400</td>");
    holds(page, "<td class=\"n\">at least<br>");
    holds(page, "<td>nobody</td><td class=\"n\">0</td><td class=\"n\">too "
                "few</td>");
    holds(page, "Where the time goes");
    holds(page, "How far seeds lie apart");
    holds(page, "Every packet is accounted for");
    holds(page, "<td>fabric box lost</td><td>fabric link dead</td><td "
                "class=\"n\">954</td>");
    holds(page, "<section id=\"search\"");
    /* The lowest of the seeds, and the highest. */
    holds(page, "<td class=\"n\">256 B</td><td class=\"n\">11</td><td "
                "class=\"n\">87.2 %<br><small>to 87.7 %</small></td>");
    holds(page, "<td class=\"n\">52,001</td><td class=\"n\">349.4 ");
    lacks(page, "No packet was lost");
    lacks(page, "<td>before</td><td>reassembly timeout"); /* none of it */
    free(page);
}
END_TEST

START_TEST(empty_interrupted_and_long_pages)
{
    char *page = page_of(samples_nothing);

    holds(page, "id=\"verdict-word\">INCONCLUSIVE</h2>");
    holds(page, "No expectation was judged");
    holds(page, "nothing can be said");
    holds(page, "This run recorded no load.");
    free(page);
    unlink(db_path);
    page = page_of(samples_interrupted);
    holds(page, "id=\"verdict-word\">NOT JUDGED</h2>");
    holds(page, "This campaign was interrupted.");
    free(page);
    unlink(db_path);
    page = page_of(samples_soak);
    holds(page, "The first 200 of 5000 events");
    ck_assert_int_lt(strlen(page), 1500000);
    free(page);
}
END_TEST

START_TEST(hostile_page)
{
    char *page = page_of(samples_hostile);

    holds(page, "&lt;script&gt;alert(1)&lt;/script&gt;");
    holds(page, "\xef\xbf\xbd");
    ck_assert_int_eq(access("id", F_OK), -1);
    free(page);
}
END_TEST

START_TEST(no_gnuplot_is_said_and_is_no_failure)
{
    struct report_options options = {.gnuplot = "/nonexistent/gnuplot"};
    char *page;

    samples_quiet(db_path);
    page = derive(report_html, &options);
    markup_check(page, true);
    holds(page, "This plot was not drawn: the program gnuplot was not found");
    holds(page, "id=\"verdict-word\">PASS</h2>");
    free(page);
    options.gnuplot = "/bin/false";
    page = derive(report_html, &options);
    holds(page, "This plot was not drawn: gnuplot ended with an error");
    free(page);
}
END_TEST

START_TEST(same_database_same_bytes)
{
    char *first;
    char *second;

    samples_failing(db_path);
    first = derive(report_html, NULL);
    second = derive(report_html, NULL);
    ck_assert_str_eq(first, second);
    free(first);
    free(second);
}
END_TEST

START_TEST(campaigns_are_chosen)
{
    struct report_options options = {.campaign = 1};
    char *page;

    samples_quiet(db_path);
    samples_failing(db_path);
    page = derive(report_html, NULL);
    holds(page, "id=\"verdict-word\">FAIL</h2>");
    holds(page, "Other campaigns in this file");
    free(page);
    page = derive(report_html, &options);
    holds(page, "id=\"verdict-word\">PASS</h2>");
    free(page);
    options.campaign = 3;
    ck_assert_int_eq(
        report_html(db_path, out_path, &options, error, sizeof(error)),
        ERR_NOENT);
    holds(error, "has no campaign 3");
}
END_TEST

START_TEST(junit)
{
    char *xml;

    samples_failing(db_path);
    xml = derive(report_junit, NULL);
    markup_check(xml, false);
    holds(xml, "<testsuites name=\"card-and-fabric-loss\" tests=\"13\" "
               "failures=\"3\" errors=\"0\" skipped=\"3\"");
    holds(xml, "<failure message=\"FAIL: measured 184.2 s\">14 ports: ncp-7");
    holds(xml, "<skipped message=\"INCONCLUSIVE: the run ended 3 s after");
    holds(xml, "<skipped message=\"NOT-APPLICABLE: this world models no BMC");
    holds(xml, "<failure message=\"FAIL: 2 violations\">ncp-3");
    free(xml);
    samples_hostile(db_path);
    xml = derive(report_junit, NULL);
    markup_check(xml, false);
    free(xml);
    samples_seeds(db_path);
    xml = derive(report_junit, NULL);
    markup_check(xml, false);
    ck_assert_int_eq(occurrences(xml, "<testsuite "), 202);
    free(xml);
    samples_interrupted(db_path);
    xml = derive(report_junit, NULL);
    holds(xml, "<error message=\"the run was interrupted\">");
    free(xml);
}
END_TEST

/* Brackets nest outside strings, strings end, nothing follows. */
static void
json_balanced(const char *json)
{
    char open[32];
    int depth = 0;
    bool string = false;

    for (; *json != '\0'; json++) {
        if (string) {
            ck_assert_int_ge((unsigned char)*json, 0x20);
            if (*json == '\\')
                json++;
            else if (*json == '"')
                string = false;
        } else if (*json == '"') {
            string = true;
        } else if (*json == '{' || *json == '[') {
            ck_assert_int_lt(depth, 32);
            open[depth++] = *json == '{' ? '}' : ']';
        } else if (*json == '}' || *json == ']') {
            ck_assert_int_gt(depth, 0);
            ck_assert_int_eq(*json, open[--depth]);
        }
    }
    ck_assert(!string && depth == 0);
}

START_TEST(json)
{
    char *text;

    samples_failing(db_path);
    text = derive(report_json, NULL);
    json_balanced(text);
    ck_assert_int_eq(strncmp(text, "{\"sixnines_run_version\":1,", 26), 0);
    holds(text, "\"seed\":\"42\"");
    holds(text, "\"verdict\":\"FAIL\",\"exit_code\":1");
    holds(text, "\"unplanned_outage_ps\":184220000000000");
    holds(text, "\"replay_token\":\"s9:1:");
    free(text);
    samples_hostile(db_path);
    text = derive(report_json, NULL);
    json_balanced(text);
    holds(text, "\"seed\":\"18446744073709551615\"");
    free(text);
}
END_TEST

/* Both worlds, and what lies between them, in every artefact. */
START_TEST(two_worlds)
{
    char path[128];
    char *text;

    samples_compared_as(db_path, VERDICT_PASS, VERDICT_PASS, false);
    text = derive(report_html, NULL);
    holds(text, "Simulated against real");
    holds(text, "href=\"report-first.html\"");
    holds(text, "+100.0 %");
    holds(text, "50 %, stated");
    holds(text, "elect: 1ms, 250ms");
    holds(text, "no value");
    holds(text, "This ran in real time");
    free(text);
    text = derive(report_json, NULL);
    json_balanced(text);
    holds(text, "\"comparison\":[");
    holds(text, "\"scenario\":\"compared\"");
    holds(text, "\"world\":\"netns\"");
    holds(text, "\"world\":\"des\"");
    holds(text, "\"difference\":null");
    free(text);
    text = derive(report_junit, NULL);
    holds(text, "<testsuite name=\"compared seed 1\"");
    holds(text, "<testsuite name=\"compared netns run 1\"");
    holds(text, "<testsuite name=\"compared between worlds\" tests=\"1\" "
                "failures=\"1\"");
    free(text);
    ck_assert_int_eq(report_csv(db_path, folder, NULL, error, sizeof(error)),
                     0);
    snprintf(path, sizeof(path), "%s/comparison.csv", folder);
    text = file_load(path);
    ck_assert_int_eq(occurrences(text, "\r\n"), 4);
    free(text);
    ck_assert_int_eq(report_all(folder, NULL, error, sizeof(error)), 0);
    snprintf(path, sizeof(path), "%s/" REPORT_FIRST_PAGE, folder);
    text = file_load(path);
    holds(text, "<dd>des</dd>");
    free(text);
}
END_TEST

/* The page, run.json and JUnit open with the worst of both worlds and of the
 * bounds between them. */
START_TEST(two_worlds_one_verdict)
{
    static const struct {
        enum verdict des, netns;
        bool inside;
        const char *overall, *between;
    } cases[] = {
        {VERDICT_PASS, VERDICT_PASS, true, "PASS", "PASS"},
        {VERDICT_FAIL, VERDICT_PASS, true, "FAIL", "PASS"},
        {VERDICT_PASS, VERDICT_FAIL, true, "FAIL", "PASS"},
        {VERDICT_PASS, VERDICT_PASS, false, "FAIL", "FAIL"},
        {VERDICT_INCONCLUSIVE, VERDICT_PASS, true, "INCONCLUSIVE", "PASS"},
        {VERDICT_INCONCLUSIVE, VERDICT_FAIL, true, "FAIL", "PASS"},
    };
    char word[160];

    for (size_t i = 0; i < ARRAY_COUNT(cases); i++) {
        char *text;

        samples_compared_as(db_path, cases[i].des, cases[i].netns,
                            cases[i].inside);
        text = derive(report_html, NULL);
        snprintf(word, sizeof(word), "id=\"verdict-word\">%s</h2>",
                 cases[i].overall);
        holds(text, word);
        snprintf(word, sizeof(word), "<title>%s: ", cases[i].overall);
        holds(text, word);
        snprintf(word, sizeof(word), "<b>First world, des: %s.</b>",
                 verdict_name(cases[i].des));
        holds(text, word);
        snprintf(word, sizeof(word), "<b>Second world, netns: %s.</b>",
                 verdict_name(cases[i].netns));
        holds(text, word);
        snprintf(word, sizeof(word), "<b>Between them: %s.</b>",
                 cases[i].between);
        holds(text, word);
        free(text);
        text = derive(report_json, NULL);
        snprintf(word, sizeof(word),
                 "{\"sixnines_run_version\":1,\"overall_verdict\":\"%s\"",
                 cases[i].overall);
        ck_assert_int_eq(strncmp(text, word, strlen(word)), 0);
        snprintf(word, sizeof(word),
                 ",\"verdict\":\"%s\",\"exit_code\":%d,"
                 "\"world_verdict\":\"%s\",",
                 cases[i].overall,
                 verdict_exit_code(verdict_from_name(cases[i].overall)),
                 verdict_name(cases[i].netns));
        holds(text, word);
        snprintf(word, sizeof(word), "\"compared_with\":{\"verdict\":\"%s\"",
                 verdict_name(cases[i].des));
        holds(text, word);
        free(text);
        text = derive(report_junit, NULL);
        snprintf(word, sizeof(word),
                 "<property name=\"overall-verdict\" value=\"%s\"/>",
                 cases[i].overall);
        ck_assert_int_eq(occurrences(text, word), 22);
        /* Both what failed and the whole; a gate is green only at PASS. */
        snprintf(word, sizeof(word), " failures=\"%d\" errors=\"%d\"",
                 2 * (strcmp(cases[i].overall, "FAIL") == 0),
                 strcmp(cases[i].overall, "INCONCLUSIVE") == 0);
        ck_assert_ptr_nonnull(strstr(text, word));
        ck_assert(strstr(text, word) < strstr(text, "<testsuite "));
        free(text);
        unlink(db_path);
    }
}
END_TEST

START_TEST(real_runs_are_repeats)
{
    struct report_options first = {.campaign = 1};
    char *text = page_of(samples_compared);

    holds(text, "judged expectation holds, over 2 repeats.");
    holds(text, "judged expectations failed, over 20 seeds.");
    holds(text, ">Over the repeats</h2>");
    holds(text, "A repeat that did not pass");
    holds(text, "<b>Worst repeat: ");
    lacks(text, "Worst seed");
    lacks(text, "worst seed");
    lacks(text, "seeds can");
    lacks(text, "Seeds");
    lacks(text, "simulated time");
    lacks(text, "did not end");
    lacks(text, "replay token");
    holds(text, "can, box by box");
    free(text);
    text = derive(report_html, &first);
    holds(text, "<b>Worst seed: 20</b>, FAIL");
    holds(text, "of world des alone");
    lacks(text, "repeats");
    free(text);
}
END_TEST

/* Two real runs do not tell where their median is; the mark says so. */
START_TEST(few_runs_are_marked)
{
    char *text;

    samples_compared_as(db_path, VERDICT_PASS, VERDICT_PASS, false);
    text = derive(report_html, NULL);
    holds(text, "<b>Few runs:</b> a side has fewer than 6.");
    ck_assert_int_eq(occurrences(text, "<small>few runs</small>"), 2);
    free(text);
    text = derive(report_json, NULL);
    ck_assert_int_eq(occurrences(text, "\"few_runs\":1"), 2);
    ck_assert_int_eq(occurrences(text, "\"few_runs\":0"), 1);
    free(text);
    text = derive(report_junit, NULL);
    holds(text, "message=\"difference 100.0 %, few runs\"");
    free(text);
}
END_TEST

START_TEST(csv)
{
    char path[128];
    char *text;

    samples_failing(db_path);
    ck_assert_int_eq(report_csv(db_path, folder, NULL, error, sizeof(error)),
                     0);
    snprintf(path, sizeof(path), "%s/outages.csv", folder);
    text = file_load(path);
    ck_assert_int_eq(occurrences(text, "\r\n"), 20);
    holds(text, "42,ncp-7,eth-0/0/0,12000000000000,27340000000000,0,0,0,");
    free(text);
}
END_TEST

/* Neither a run without packets nor a file of version 2 has the section. */
START_TEST(pages_without_packets)
{
    sqlite3 *db;
    char *page = page_of(samples_quiet);

    lacks(page, "id=\"packets\"");
    lacks(page, "id=\"search\"");
    free(page);
    ck_assert_int_eq(unlink(db_path), 0);
    samples_packets(db_path);
    ck_assert_int_eq(sqlite3_open(db_path, &db), SQLITE_OK);
    ck_assert_int_eq(
        sqlite3_exec(
            db,
            "DROP TABLE latency_part; DROP TABLE latency; DROP TABLE "
            "loss; DROP TABLE throughput; DROP TABLE search_load; DROP "
            "TABLE search; PRAGMA user_version=2",
            NULL, NULL, NULL),
        SQLITE_OK);
    sqlite3_close(db);
    page = derive(report_html, NULL);
    lacks(page, "id=\"packets\"");
    free(page);
    page = derive(report_json, NULL);
    json_balanced(page);
    lacks(page, "\"throughput\"");
    free(page);
}
END_TEST

START_TEST(packets_json_and_csv)
{
    char path[128];
    char *text;

    samples_packets(db_path);
    text = derive(report_json, NULL);
    json_balanced(text);
    holds(text, "{\"flow\":\"before\",\"stage\":\"total\",\"packets\":"
                "4140021,");
    holds(text, "\"p99.9999\":{\"ps\":");
    holds(text, "\"precision\":\"at least\"}");
    holds(text, "\"p50\":{\"precision\":\"unknown\"}");
    holds(text, "{\"seed\":\"1\",\"frame_bytes\":64,\"burst\":0,\"level\":"
                "1000000,");
    holds(text, "\"cause\":\"reassembly timeout\",\"packets\":318,");
    free(text);
    ck_assert_int_eq(report_csv(db_path, folder, NULL, error, sizeof(error)),
                     0);
    snprintf(path, sizeof(path), "%s/throughput.csv", folder);
    text = file_load(path);
    ck_assert_int_eq(occurrences(text, "\r\n"), 1 + 6 * 3);
    holds(text, "\n3,before,690043,249795566,690003,249781086,40,14480,"
                "2000000000\r\n");
    free(text);
    snprintf(path, sizeof(path), "%s/latency.csv", folder);
    text = file_load(path);
    holds(text, "\n1,before,total,2260000,2260991,");
    free(text);
}
END_TEST

START_TEST(annotations)
{
    FILE *file = fopen(out_path, "w+");
    char *text;

    samples_failing(db_path);
    ck_assert_int_eq(
        report_annotations(db_path, file, NULL, error, sizeof(error)), 0);
    fclose(file);
    text = file_load(out_path);
    ck_assert_int_eq(
        strncmp(text,
                "::error file=scenarios/failover/sample.yaml,line=20,title="
                "FAIL%3A ports.outage(unplanned) == 0s::measured 184.2 s with "
                "seed 42%0A14 ports",
                80),
        0);
    ck_assert_int_eq(occurrences(text, "::warning "), 1);
    ck_assert_int_eq(occurrences(text, "\n"), 3);
    free(text);
}
END_TEST

START_TEST(unreadable_and_unwritable)
{
    ck_assert_int_eq(
        report_html(db_path, out_path, NULL, error, sizeof(error)), ERR_NOENT);
    samples_quiet(db_path);
    ck_assert_int_eq(report_html(db_path, "/nowhere/at/all.html", NULL, error,
                                 sizeof(error)),
                     ERR_READONLY);
    holds(error, "/nowhere/at/all.html");
    ck_assert_int_eq(
        report_html(db_path, "/dev/full", NULL, error, sizeof(error)),
        ERR_NOSPACE);
    ck_assert_int_eq(access("/dev/full.new", F_OK), -1);
}
END_TEST

START_TEST(all_three_beside_the_database)
{
    char path[128];

    samples_quiet(db_path);
    ck_assert_int_eq(report_all(folder, NULL, error, sizeof(error)), 0);
    snprintf(path, sizeof(path), "%s/report.html", folder);
    free(file_load(path));
    snprintf(path, sizeof(path), "%s/junit.xml", folder);
    free(file_load(path));
    snprintf(path, sizeof(path), "%s/run.json", folder);
    free(file_load(path));
    snprintf(path, sizeof(path), "%s/run.json.new", folder);
    ck_assert_int_eq(access(path, F_OK), -1);
}
END_TEST

START_TEST(folders_and_latest)
{
    static const char stamp[] = "2026-03-01T12-30-05Z";
    char root[96];
    char link[160];
    char target[96];
    char path[PATHS_BYTES];
    ssize_t length;

    snprintf(root, sizeof(root), "%s/deep/results", folder);
    ck_assert_int_eq(paths_results_make(root, "boot-small", stamp, path, error,
                                        sizeof(error)),
                     0);
    holds(path, "/deep/results/boot-small/2026-03-01T12-30-05Z");
    ck_assert_int_eq(paths_results_make(root, "boot-small", stamp, path, error,
                                        sizeof(error)),
                     0);
    holds(path, "/boot-small/2026-03-01T12-30-05Z-2");
    ck_assert_int_eq(paths_latest_link(path, error, sizeof(error)), 0);
    ck_assert_int_eq(paths_latest_link(path, error, sizeof(error)), 0);
    snprintf(link, sizeof(link), "%s/boot-small/latest", root);
    length = readlink(link, target, sizeof(target) - 1);
    ck_assert_int_gt(length, 0);
    target[length] = '\0';
    ck_assert_str_eq(target, "2026-03-01T12-30-05Z-2");
    ck_assert_int_eq(paths_results_make(root, "a/../b c", stamp, path, error,
                                        sizeof(error)),
                     0);
    holds(path, "/results/a-..-b-c/");
    ck_assert_int_eq(
        paths_results_make(root, "..", stamp, path, error, sizeof(error)),
        ERR_RANGE);
    ck_assert_int_eq(
        paths_results_make(root, "", stamp, path, error, sizeof(error)),
        ERR_RANGE);
}
END_TEST

START_TEST(folder_that_cannot_be)
{
    char root[96];
    char path[PATHS_BYTES];

    fclose(fopen(out_path, "w"));
    ck_assert_int_eq(
        paths_results_make(out_path, "s", "t", path, error, sizeof(error)),
        ERR_READONLY);
    holds(error, out_path);
    snprintf(root, sizeof(root), "%s/locked", folder);
    ck_assert_int_eq(mkdir(root, 0555), 0);
    if (geteuid() == 0)
        ck_assert_int_eq(seteuid(65534), 0);
    ck_assert_int_eq(
        paths_results_make(root, "s", "t", path, error, sizeof(error)),
        ERR_READONLY);
    if (geteuid() != getuid())
        ck_assert_int_eq(seteuid(getuid()), 0);
}
END_TEST

static void
time_is(double time_ps, const char *expected)
{
    struct text text = {0};

    text_time_ps(&text, time_ps);
    ck_assert_str_eq(text.data, expected);
    text_fini(&text);
}

START_TEST(texts)
{
    struct text text = {0};

    time_is(0, "0 s");
    time_is(640, "640 ps");
    time_is(1.42e12, "1.42 s");
    time_is(312e9, "312 ms");
    time_is(47e6, "47 \xc2\xb5s");
    time_is(86400e12, "24 h");
    text_count(&text, 1234567);
    text_csv(&text, "=cmd()");
    text_csv(&text, "a \"b\", c");
    text_json(&text, "a\n\"\\\xff");
    ck_assert_str_eq(text.data, "1,234,567\"'=cmd()\"\"a \"\"b\"\", c\""
                                "\"a\\u000a\\\"\\\\\xef\xbf\xbd\"");
    text_fini(&text);
}
END_TEST

Suite *
report_suite(void)
{
    Suite *suite = suite_create("report");
    TCase *derived = tcase_create("derived");

    tcase_add_checked_fixture(derived, folder_make, folder_drop);
    tcase_set_timeout(derived, 240);
    tcase_add_test(derived, quiet_page);
    tcase_add_test(derived, failing_page);
    tcase_add_test(derived, seeds_page);
    tcase_add_test(derived, packets_page);
    tcase_add_test(derived, pages_without_packets);
    tcase_add_test(derived, packets_json_and_csv);
    tcase_add_test(derived, empty_interrupted_and_long_pages);
    tcase_add_test(derived, hostile_page);
    tcase_add_test(derived, no_gnuplot_is_said_and_is_no_failure);
    tcase_add_test(derived, same_database_same_bytes);
    tcase_add_test(derived, campaigns_are_chosen);
    tcase_add_test(derived, junit);
    tcase_add_test(derived, json);
    tcase_add_test(derived, csv);
    tcase_add_test(derived, two_worlds);
    tcase_add_test(derived, two_worlds_one_verdict);
    tcase_add_test(derived, real_runs_are_repeats);
    tcase_add_test(derived, few_runs_are_marked);
    tcase_add_test(derived, annotations);
    tcase_add_test(derived, unreadable_and_unwritable);
    tcase_add_test(derived, all_three_beside_the_database);
    tcase_add_test(derived, folders_and_latest);
    tcase_add_test(derived, folder_that_cannot_be);
    tcase_add_test(derived, texts);
    suite_add_tcase(suite, derived);
    return suite;
}
