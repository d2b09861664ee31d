/* SPDX-License-Identifier: Apache-2.0 */
#define _POSIX_C_SOURCE 200809L

#include "models/cluster.h"
#include "models/costs.h"

#include <check.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "models/models_test.h"

/* The frozen file and the defaults of the door agree. */
START_TEST(frozen_costs_are_complete)
{
    struct costs costs;
    char message[256] = "";

    ck_assert_msg(
        costs_load(test_data_dir, NULL, &costs, message, sizeof(message)) == 0,
        "%s", message);
    for (int cost = 0; cost < COST_COUNT; cost++)
        ck_assert_uint_eq(costs.ns[cost], cost_default_ns((enum cost)cost));
}
END_TEST

/* Writes costs and one more line, and reads it all back. */
static int
reread(struct costs *costs, const char *line, char message[256])
{
    char path[] = "/tmp/sixnines-costs-XXXXXX";
    int fd = mkstemp(path);
    FILE *file = fdopen(fd, "w");

    ck_assert_ptr_nonnull(file);
    costs_print(costs, "a test", file);
    fputs(line, file);
    fclose(file);
    int err = costs_load(test_data_dir, path, costs, message, 256);
    unlink(path);
    return err;
}

START_TEST(printed_costs_are_read_back)
{
    struct costs costs = {.name = "mine"};
    struct costs again = {.name = "mine"};
    char message[256] = "";

    for (int cost = 0; cost < COST_COUNT; cost++)
        costs.ns[cost] = (uint32_t)cost * 7 + 1;
    again = costs;
    ck_assert_msg(reread(&again, "", message) == 0, "%s", message);
    ck_assert_str_eq(again.name, "mine");
    ck_assert_mem_eq(again.ns, costs.ns, sizeof(costs.ns));
}
END_TEST

START_TEST(measured_figures_take_the_models_place)
{
    const struct measured measured = {
        .given = true,
        .disk_sync_min = simtime_from_us(30),
        .disk_sync_max = simtime_from_us(900),
        .disk_replace_min = simtime_from_us(80),
        .disk_replace_max = simtime_from_us(2000),
        .boot_min = simtime_from_us(21000),
        .boot_max = simtime_from_us(48000),
        .restart_pause = simtime_from_s(1),
        .link_detect = simtime_from_us(7000),
        .link_train = simtime_from_us(8000),
    };
    struct cluster_options options = {.preset = "ddc-small"};
    struct costs costs = {.name = "mine", .measured = measured};
    struct cluster_plan *plan;
    char message[256] = "";

    ck_assert_msg(reread(&costs, "", message) == 0, "%s", message);
    ck_assert(costs.measured.given);
    ck_assert_int_eq(cluster_plan_create(test_data_dir, &options, 1, &plan,
                                         message, sizeof(message)),
                     0);
    cluster_plan_measured(plan, &costs.measured);
    ck_assert_uint_eq(plan->parts.disk_sync_max.ps, simtime_from_us(900).ps);
    ck_assert_uint_eq(plan->parts.disk_replace_max.ps,
                      simtime_from_us(2000).ps);
    ck_assert_uint_eq(plan->parts.link_train.ps, simtime_from_us(8000).ps);
    for (unsigned i = 0; i < plan->box_count; i++) {
        ck_assert_uint_eq(plan->boxes[i].model->boot_max.ps,
                          simtime_from_us(48000).ps);
        ck_assert_uint_eq(plan->boxes[i].model->restart_min.ps,
                          simtime_from_us(1021000).ps);
    }
    cluster_plan_destroy(plan);
    costs.measured.boot_min = simtime_from_us(50000);
    ck_assert_int_ne(reread(&costs, "", message), 0); /* not in order */
    ck_assert_ptr_nonnull(strstr(message, ":23:"));   /* the line of "boot" */
}
END_TEST

START_TEST(bad_costs_have_a_place)
{
    struct costs costs = {.name = "mine"};
    char message[256] = "";

    ck_assert_int_ne(reread(&costs, "  no-such-work: 1us\n", message), 0);
    ck_assert_ptr_nonnull(strstr(message, "no-such-work"));
    ck_assert_ptr_nonnull(strstr(message, ":20:3:"));
    ck_assert_int_ne(
        costs_load(test_data_dir, "/nowhere/c.yaml", &costs, message, 256), 0);
    ck_assert_ptr_nonnull(strstr(message, "/nowhere/c.yaml"));
}
END_TEST

Suite *
costs_suite(void)
{
    Suite *suite = suite_create("costs");
    TCase *tcase = tcase_create("costs");

    tcase_add_test(tcase, frozen_costs_are_complete);
    tcase_add_test(tcase, printed_costs_are_read_back);
    tcase_add_test(tcase, measured_figures_take_the_models_place);
    tcase_add_test(tcase, bad_costs_have_a_place);
    suite_add_tcase(suite, tcase);
    return suite;
}
