/* SPDX-License-Identifier: Apache-2.0
 *
 * Outcomes as bytes, checkpoints as files, campaigns as sums of runs.
 */
#include "reports/report.h"
#include "sim/run/checkpoints.h"
#include "sim/run/run_test.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

struct bytes {
    char *at;
    size_t size;
};

static void
gather(void *context, const void *bytes, size_t size)
{
    struct bytes *all = context;

    all->at = realloc(all->at, all->size + size);
    ck_assert_ptr_nonnull(all->at);
    memcpy(all->at + all->size, bytes, size);
    all->size += size;
}

/* One row of each kind, two of some. */
static void
fill(struct outcome *outcome)
{
    struct outcome_event *event;
    struct digest_checkpoint *point;

    outcome_init(outcome);
    outcome->seed = 42;
    outcome->events = 1000;
    outcome->digest = (struct digest_value){7, 9};
    outcome_text(outcome->note, sizeof(outcome->note), "a note");
    ((struct outcome_expect *)rows_add(&outcome->expects))->index = 5;
    event = rows_add(&outcome->timeline);
    outcome_text(event->name, sizeof(event->name), "first");
    event = rows_add(&outcome->timeline);
    outcome_text(event->name, sizeof(event->name), "second");
    ((struct outcome_outage *)rows_add(&outcome->outages))->ports = 40;
    ((struct outcome_metric *)rows_add(&outcome->metrics))->value = 11;
    ((struct outcome_load *)rows_add(&outcome->loads))->cpu_ns = 12;
    ((struct outcome_alarm *)rows_add(&outcome->alarms))->code = 3;
    ((struct outcome_oracle *)rows_add(&outcome->oracles))->exercised = 13;
    outcome_text(((struct outcome_skip *)rows_add(&outcome->skips))->text,
                 OUTCOME_NAME_BYTES, "skipped");
    for (uint64_t i = 1; i <= 3; i++) {
        point = rows_add(&outcome->checkpoints);
        *point = (struct digest_checkpoint){
            .event_index = i * 100, .at = {i * 1000}, .value = {i, ~i}};
    }
}

START_TEST(round_trip)
{
    struct outcome outcome, copy;
    struct bytes all = {0};

    fill(&outcome);
    outcome_write(&outcome, gather, &all);
    ck_assert_int_eq(outcome_read(&copy, all.at, all.size), 0);
    free(all.at);
    ck_assert_uint_eq(copy.seed, 42);
    ck_assert_str_eq(copy.note, "a note");
    ck_assert_uint_eq(copy.timeline.count, 2);
    ck_assert_str_eq(line_of(&copy, "", "second", 0)->name, "second");
    ck_assert_uint_eq(expect_of(&copy, 0)->index, 5);
    ck_assert_uint_eq(ROWS_GET(&copy.outages, struct outcome_outage, 0)->ports,
                      40);
    ck_assert_uint_eq(ROWS_GET(&copy.metrics, struct outcome_metric, 0)->value,
                      11);
    ck_assert_uint_eq(ROWS_GET(&copy.loads, struct outcome_load, 0)->cpu_ns,
                      12);
    ck_assert_uint_eq(ROWS_GET(&copy.alarms, struct outcome_alarm, 0)->code,
                      3);
    ck_assert_uint_eq(
        ROWS_GET(&copy.oracles, struct outcome_oracle, 0)->exercised, 13);
    ck_assert_str_eq(ROWS_GET(&copy.skips, struct outcome_skip, 0)->text,
                     "skipped");
    ck_assert_uint_eq(copy.checkpoints.count, 3);
    /* The copy has its own rows, and grows like any other. */
    outcome_fini(&outcome);
    (void)rows_add(&copy.timeline);
    outcome_fini(&copy);
}
END_TEST

START_TEST(truncated_at_every_byte)
{
    struct outcome outcome, copy;
    struct bytes all = {0};

    fill(&outcome);
    outcome_write(&outcome, gather, &all);
    outcome_fini(&outcome);
    for (size_t size = 0; size < all.size; size++) {
        /* A copy of exactly that size, so that a sanitizer sees more read. */
        char *cut = malloc(size + 1);
        int err;

        memcpy(cut, all.at, size);
        cut = realloc(cut, size > 0 ? size : 1);
        err = outcome_read(&copy, cut, size);
        ck_assert(err == ERR_TRUNCATED || err == ERR_MALFORMED);
        free(cut);
    }
    free(all.at);
}
END_TEST

START_TEST(absurd_counts_are_refused)
{
    struct outcome outcome, head, copy;
    struct bytes all = {0};
    char zeros[64] = {0};

    fill(&outcome);
    head = outcome;
    if (_i == 0)
        head.expects.count = SIZE_MAX / 2;
    else if (_i == 1)
        head.timeline.row_bytes++;
    else
        head.checkpoints.count = 1 << 20;
    gather(&all, &head, sizeof(head));
    gather(&all, zeros, sizeof(zeros));
    ck_assert_int_eq(outcome_read(&copy, all.at, all.size), ERR_MALFORMED);
    free(all.at);
    outcome_fini(&outcome);
}
END_TEST

TCase *
outcome_cases(void)
{
    TCase *tc = tcase_create("outcome");

    tcase_add_test(tc, round_trip);
    tcase_add_test(tc, truncated_at_every_byte);
    tcase_add_loop_test(tc, absurd_counts_are_refused, 0, 3);
    return tc;
}

/* ---- checkpoints ---- */

static char dir[64];
static char path[128];

static void
dir_make(void)
{
    (void)snprintf(dir, sizeof(dir), "/tmp/run_test.XXXXXX");
    ck_assert_ptr_nonnull(mkdtemp(dir));
    (void)snprintf(path, sizeof(path), "%s/checkpoints-42.csv", dir);
}

static void
dir_remove(void)
{
    (void)unlink(path);
    (void)rmdir(dir);
}

START_TEST(checkpoints_round_trip)
{
    struct outcome outcome;
    struct rows rows;
    char message[256];

    fill(&outcome);
    outcome.boot = simtime_from_s(100);
    outcome.duration = simtime_from_s(60);
    ck_assert_int_eq(
        checkpoints_write(dir, &outcome, message, sizeof(message)), 0);
    ck_assert_int_eq(checkpoints_read(path, &rows), 0);
    ck_assert_uint_eq(rows.count, 4);
    for (unsigned i = 0; i < 3; i++) {
        const struct digest_checkpoint *point =
            ROWS_GET(&rows, struct digest_checkpoint, i);

        ck_assert_uint_eq(point->event_index, (i + 1) * 100);
        ck_assert_uint_eq(point->at.ps, (i + 1) * 1000);
        ck_assert(run_digest_equal(
            point->value, (struct digest_value){i + 1, ~(uint64_t)(i + 1)}));
    }
    ck_assert(run_digest_equal(
        ROWS_GET(&rows, struct digest_checkpoint, 3)->value, outcome.digest));
    ck_assert_uint_eq(
        ROWS_GET(&rows, struct digest_checkpoint, 3)->event_index, 1000);
    free(rows.items);
    outcome_fini(&outcome);
}
END_TEST

static const char *const bad_files[] = {
    "",
    "events,time_ps,digest\n",
    "events,time_ps,digest\n1,2\n",
    "events,time_ps,digest\n1,2,00000000000000000000000000000zzz\n",
    "events,time_ps,digest\n1,2,0000\n",
    "events,time_ps,digest\n1,2,00000000000000000000000000000001\nx\n",
    "events,time_ps,digest\n\n",
};

START_TEST(bad_checkpoints_are_refused)
{
    struct rows rows;
    FILE *file = fopen(path, "w");

    ck_assert_ptr_nonnull(file);
    (void)fputs(bad_files[_i], file);
    (void)fclose(file);
    ck_assert_int_eq(checkpoints_read(path, &rows), ERR_MALFORMED);
}
END_TEST

START_TEST(no_checkpoints)
{
    struct outcome outcome;
    struct rows rows;
    char message[256] = "";

    ck_assert_int_eq(checkpoints_read(path, &rows), ERR_NOENT);
    fill(&outcome);
    ck_assert_int_eq(
        checkpoints_write("/nonexistent", &outcome, message, sizeof(message)),
        ERR_READONLY);
    ck_assert_ptr_nonnull(strstr(message, "/nonexistent/checkpoints-42.csv"));
    outcome_fini(&outcome);
}
END_TEST

TCase *
checkpoints_cases(void)
{
    TCase *tc = tcase_create("checkpoints");

    tcase_add_checked_fixture(tc, dir_make, dir_remove);
    tcase_add_test(tc, checkpoints_round_trip);
    tcase_add_loop_test(tc, bad_checkpoints_are_refused, 0,
                        sizeof(bad_files) / sizeof(bad_files[0]));
    tcase_add_test(tc, no_checkpoints);
    return tc;
}

/* ---- campaigns ---- */

#define SHORT                                                                 \
    SMALL "timeline:\n"                                                       \
          "  - { at: 1s, fault: box.power-loss, target: \"role=ncc,active\"," \
          " name: pull }\n"                                                   \
          "expect:\n"                                                         \
          "  - { that: \"ports.outage == 0s\" }\n"                            \
          "  - { over: seeds, that: "                                         \
          "\"max(switchover.write-outage(pull)) < 5s\" }\n"                   \
          "ends: 8s\n"

static void
count_done(void *context, unsigned done, unsigned all,
           const struct outcome *outcome)
{
    unsigned *count = context;

    ck_assert_uint_eq(all, 3);
    ck_assert_uint_eq(done, ++*count);
    ck_assert(outcome->seed >= 3 && outcome->seed <= 5);
}

START_TEST(three_seeds_are_three_runs)
{
    struct scenario *scenario = scenario_of(SHORT);
    unsigned done = 0;
    struct campaign_options options = {
        .run = {.scenario = scenario,
                .seed = 3,
                .data_dir = TEST_DATA_DIR,
                .context = &done},
        .seed_count = 3,
        .jobs = 1 + (unsigned)_i * 2,
        .seed_done = count_done,
    };
    const volatile int interrupted = 0;
    struct campaign campaign;
    char message[256] = "";
    uint64_t longest = 0;

    ck_assert_msg(campaign_run(&options, &interrupted, &campaign, message,
                               sizeof(message)) == 0,
                  "%s", message);
    ck_assert_uint_eq(campaign.count, 3);
    ck_assert_uint_eq(campaign.lost, 0);
    ck_assert_uint_eq(done, 3);
    ck_assert_int_eq(campaign.verdict, VERDICT_PASS);
    ck_assert_int_eq(campaign_exit_code(&campaign), 0);
    ck_assert_int_eq(campaign.over_seeds[1].verdict, VERDICT_PASS);
    for (unsigned i = 0; i < 3; i++) {
        struct run_options run = options.run;
        struct outcome alone;
        const struct outcome *here = &campaign.outcomes[i];

        run.seed = 3 + i;
        outcome_init(&alone);
        ck_assert_int_eq(run_scenario(&run, &alone, message, sizeof(message)),
                         0);
        ck_assert_uint_eq(here->seed, 3 + i);
        ck_assert(run_digest_equal(here->digest, alone.digest));
        ck_assert_uint_eq(here->events, alone.events);
        ck_assert_uint_eq(here->timeline.count, alone.timeline.count);
        ck_assert_mem_eq(here->timeline.items, alone.timeline.items,
                         alone.timeline.count * alone.timeline.row_bytes);
        ck_assert_uint_eq(expect_of(here, 1)->sample[0],
                          expect_of(&alone, 1)->sample[0]);
        if (expect_of(here, 1)->sample[0] > longest) {
            longest = expect_of(here, 1)->sample[0];
            ck_assert_uint_ge(
                expect_of(&campaign.outcomes[campaign.worst], 1)->sample[0],
                longest);
        }
        outcome_fini(&alone);
    }
    ck_assert_uint_gt(longest, 0);
    campaign_fini(&campaign);
    scenario_destroy(scenario);
}
END_TEST

/* Half of the seeds pull the standby, and nothing is detected: to judge the
 * others alone would flatter. */
START_TEST(runs_without_a_value_leave_doubt)
{
    struct scenario *scenario =
        scenario_of(SMALL "timeline:\n"
                          "  - { at: 1s, fault: box.power-loss, target: "
                          "\"random role=ncc\", name: pull }\n"
                          "expect:\n"
                          "  - { that: \"ports.outage == 0s\" }\n"
                          "  - { over: seeds, that: "
                          "\"max(switchover.detect(pull)) < 5s\" }\n"
                          "ends: 8s\n");
    struct campaign_options options = {
        .run = {.scenario = scenario, .seed = 3, .data_dir = TEST_DATA_DIR},
        .seed_count = 6,
        .jobs = 2,
    };
    const volatile int interrupted = 0;
    struct campaign campaign;
    char message[256] = "";
    unsigned without = 0;

    ck_assert_int_eq(campaign_run(&options, &interrupted, &campaign, message,
                                  sizeof(message)),
                     0);
    for (unsigned i = 0; i < campaign.count; i++)
        without +=
            expect_of(&campaign.outcomes[i], 1)->sample_err[0] == ERR_NOENT;
    ck_assert(without > 0 && without < campaign.count);
    ck_assert_int_eq(campaign.over_seeds[1].verdict, VERDICT_INCONCLUSIVE);
    ck_assert_ptr_nonnull(
        strstr(campaign.over_seeds[1].evidence, "have no value"));
    ck_assert_int_eq(campaign_exit_code(&campaign), 2);
    campaign_fini(&campaign);
    scenario_destroy(scenario);
}
END_TEST

/* The run to look at first is the same on the terminal and in what is derived
 * from results.db, here the one that was longest without its ports. */
START_TEST(worst_run_is_the_one_recorded)
{
    struct scenario *scenario =
        scenario_of(SMALL "timeline:\n"
                          "  - { at: 1s, fault: box.restart, target: "
                          "\"random role=ncp\", name: pull }\n"
                          "expect:\n"
                          "  - { that: \"modules.duplicate == 0\" }\n"
                          "ends: 90s\n");
    struct campaign_options options = {
        .run = {.scenario = scenario, .seed = 3, .data_dir = TEST_DATA_DIR},
        .seed_count = 6,
        .jobs = 2,
    };
    const volatile int interrupted = 0;
    char dir[] = "/tmp/sixnines-campaign-XXXXXX";
    char db[64], json[64], message[256] = "", text[4096] = "", wanted[64];
    struct campaign_record record = {.db_path = db,
                                     .build = "b",
                                     .calibration = "c",
                                     .begun = "t",
                                     .command = "x"};
    struct campaign campaign;
    FILE *file;

    ck_assert_ptr_nonnull(mkdtemp(dir));
    (void)snprintf(db, sizeof(db), "%s/results.db", dir);
    (void)snprintf(json, sizeof(json), "%s/run.json", dir);
    ck_assert_int_eq(campaign_run(&options, &interrupted, &campaign, message,
                                  sizeof(message)),
                     0);
    ck_assert_int_eq(campaign.verdict, VERDICT_PASS);
    ck_assert_uint_gt(campaign.outcomes[campaign.worst].outages.count, 0);
    ck_assert_uint_gt(campaign.worst, 0);
    ck_assert_int_eq(campaign_record(&options, &campaign, &record, message,
                                     sizeof(message)),
                     0);
    ck_assert_int_eq(report_json(db, json, NULL, message, sizeof(message)), 0);
    file = fopen(json, "r");
    ck_assert_ptr_nonnull(file);
    ck_assert_uint_gt(fread(text, 1, sizeof(text) - 1, file), 0);
    ck_assert_int_eq(fclose(file), 0);
    (void)snprintf(wanted, sizeof(wanted),
                   "\"worst_run\":[\n{\"seed\":\"%llu\",",
                   (unsigned long long)campaign.outcomes[campaign.worst].seed);
    ck_assert_ptr_nonnull(strstr(text, wanted));
    campaign_fini(&campaign);
    scenario_destroy(scenario);
    (void)unlink(json);
    (void)unlink(db);
    (void)rmdir(dir);
}
END_TEST

START_TEST(interrupted_before_the_first)
{
    struct scenario *scenario = scenario_of(SHORT);
    struct campaign_options options = {
        .run = {.scenario = scenario, .seed = 3, .data_dir = TEST_DATA_DIR},
        .seed_count = 3,
        .jobs = 1,
    };
    const volatile int interrupted = 1;
    struct campaign campaign;
    char message[256] = "";

    ck_assert_int_eq(campaign_run(&options, &interrupted, &campaign, message,
                                  sizeof(message)),
                     0);
    ck_assert_uint_eq(campaign.count, 0);
    ck_assert(campaign.interrupted);
    ck_assert_int_eq(campaign_exit_code(&campaign), 130);
    campaign_fini(&campaign);
    scenario_destroy(scenario);
}
END_TEST

START_TEST(bad_seed_stops_the_campaign)
{
    struct scenario *scenario = scenario_of(SHORT);
    struct campaign_options options = {
        .run = {.scenario = scenario, .data_dir = "/nonexistent"},
        .seed_count = 3,
        .jobs = 2,
    };
    const volatile int interrupted = 0;
    struct campaign campaign;
    char message[256] = "";

    ck_assert_int_ne(campaign_run(&options, &interrupted, &campaign, message,
                                  sizeof(message)),
                     0);
    ck_assert_ptr_nonnull(strstr(message, "/nonexistent"));
    scenario_destroy(scenario);
}
END_TEST

START_TEST(tokens)
{
    static const char *const sets[] = {"params.boxes=ddc-small", "seed=9"};
    struct scenario scenario = {.path = "a.yaml"};
    struct campaign_options options = {
        .run = {.scenario = &scenario, .costs_file = "c.yaml"},
        .sets = sets,
        .set_count = 2,
    };
    struct outcome outcome;
    char token[CAMPAIGN_TOKEN_BYTES];

    outcome_init(&outcome);
    outcome.seed = 9;
    outcome.digest = (struct digest_value){.low = 2, .high = 1};
    campaign_token(&options, &outcome, token);
    ck_assert_str_eq(token, "a.yaml@9/00000000000000010000000000000002"
                            "?set=params.boxes=ddc-small&set=seed=9"
                            "&costs=c.yaml");
    outcome.interrupted = true;
    campaign_token(&options, &outcome, token);
    ck_assert_str_eq(token, "");
}
END_TEST

TCase *
campaign_cases(void)
{
    TCase *tc = tcase_create("campaign");

    tcase_set_timeout(tc, 300);
    tcase_add_loop_test(tc, three_seeds_are_three_runs, 0, 2);
    tcase_add_test(tc, worst_run_is_the_one_recorded);
    tcase_add_test(tc, interrupted_before_the_first);
    tcase_add_test(tc, runs_without_a_value_leave_doubt);
    tcase_add_test(tc, bad_seed_stops_the_campaign);
    tcase_add_test(tc, tokens);
    return tc;
}
