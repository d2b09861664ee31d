/* SPDX-License-Identifier: Apache-2.0 */
#define _POSIX_C_SOURCE 200809L

#include "models/cluster.h"

#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "models/models_test.h"

const char *test_data_dir = TEST_DATA_DIR;

static struct cluster_plan *
plan_make(const struct cluster_options *options, uint64_t seed)
{
    struct cluster_plan *plan = NULL;
    char message[512] = "";

    ck_assert_msg(cluster_plan_create(test_data_dir, options, seed, &plan,
                                      message, sizeof(message)) == 0,
                  "%s", message);
    return plan;
}

static void
refused(const char *data_dir, const struct cluster_options *options,
        const char *words)
{
    struct cluster_plan *plan = NULL;
    char message[512] = "";

    ck_assert_int_ne(cluster_plan_create(data_dir, options, 1, &plan, message,
                                         sizeof(message)),
                     0);
    ck_assert_ptr_null(plan);
    ck_assert_msg(strstr(message, words) != NULL, "\"%s\" not in \"%s\"",
                  words, message);
}

/* Each port has one cable, both ends fit their boxes, and link k of an NCP
 * goes to NCF k mod n. */
static void
check_cables(const struct cluster_plan *plan)
{
    static unsigned char used[256][64];
    unsigned ncf_count =
        cluster_plan_find(plan, "ncp-0") - cluster_plan_find(plan, "ncf-0");

    memset(used, 0, sizeof(used));
    for (unsigned i = 0; i < plan->cable_count; i++) {
        const struct plan_cable *cable = &plan->cables[i];
        const struct plan_box *ncp = &plan->boxes[cable->ncp_box];
        const struct plan_box *ncf = &plan->boxes[cable->ncf_box];

        ck_assert_int_eq(ncp->role, ROLE_NCP);
        ck_assert_int_eq(ncf->role, ROLE_NCF);
        ck_assert_uint_lt(cable->ncp_port, ncp->model->fabric_ports);
        ck_assert_uint_lt(cable->ncf_port, ncf->model->fabric_ports);
        ck_assert(!used[cable->ncp_box][cable->ncp_port]++);
        ck_assert(!used[cable->ncf_box][cable->ncf_port]++);
        ck_assert_uint_eq(ncf->number, cable->ncp_port % ncf_count);
    }
}

static const struct {
    const char *preset;
    unsigned boxes, ncp, ncf;
} presets[] = {{"ddc-small", 10, 4, 2},
               {"ddc-medium", 35, 24, 7},
               {"ddc-large", 65, 48, 13}};

START_TEST(presets_are_as_documented)
{
    struct cluster_options options = {.preset = presets[_i].preset};
    struct cluster_plan *plan = plan_make(&options, 1);
    unsigned roles[ROLE_COUNT] = {0};

    ck_assert_uint_eq(plan->box_count, presets[_i].boxes);
    ck_assert_uint_eq(plan->cable_count, presets[_i].ncp * 13);
    ck_assert_uint_eq(plan->mgmt_link_bps, 1000000000);
    for (unsigned i = 0; i < plan->box_count; i++) {
        const struct plan_box *box = &plan->boxes[i];

        ck_assert_uint_eq(box->number, roles[box->role]++);
        ck_assert_uint_eq(cluster_plan_find(plan, box->name), i);
        ck_assert_int_eq(box->model->role, box->role);
        ck_assert_uint_ne(box->key, 0);
        for (unsigned j = 0; j < i; j++) {
            ck_assert_uint_ne(box->key, plan->boxes[j].key);
            ck_assert_str_ne(box->serial, plan->boxes[j].serial);
        }
    }
    ck_assert_uint_eq(roles[ROLE_NCC], 2);
    ck_assert_uint_eq(roles[ROLE_NCM], 2);
    ck_assert_uint_eq(roles[ROLE_NCF], presets[_i].ncf);
    ck_assert_uint_eq(roles[ROLE_NCP], presets[_i].ncp);
    ck_assert_uint_eq(plan->voters[2], cluster_plan_find(plan, "ncm-a"));
    ck_assert_uint_eq(cluster_plan_find(plan, "nobody"), plan->box_count);
    check_cables(plan);
    cluster_plan_destroy(plan);
}
END_TEST

START_TEST(a_router_stands_alone)
{
    struct cluster_options options = {.preset = "router"};
    struct cluster_plan *plan = plan_make(&options, 1);

    ck_assert_uint_eq(plan->box_count, 1);
    ck_assert_uint_eq(plan->cable_count, 0);
    ck_assert_str_eq(plan->boxes[0].name, "ncc-0");
    ck_assert_int_eq(plan->boxes[0].role, ROLE_NCC);
    ck_assert(plan->boxes[0].model->alone);
    ck_assert_uint_eq(plan->boxes[0].model->front_ports, 10);
    ck_assert_uint_eq(plan->boxes[0].model->fabric_ports, 0);
    ck_assert_uint_eq(plan->voter_count, 1);
    ck_assert_uint_eq(plan->voters[0], 0);
    cluster_plan_destroy(plan);
}
END_TEST

START_TEST(identity_follows_from_the_seed)
{
    struct cluster_options options = {.preset = "ddc-small"};
    struct cluster_plan *a = plan_make(&options, 5);
    struct cluster_plan *b = plan_make(&options, 5);
    struct cluster_plan *c = plan_make(&options, 6);

    for (unsigned i = 0; i < a->box_count; i++) {
        ck_assert_uint_eq(a->boxes[i].key, b->boxes[i].key);
        ck_assert_str_eq(a->boxes[i].serial, b->boxes[i].serial);
        ck_assert_uint_ne(a->boxes[i].key, c->boxes[i].key);
    }
    cluster_plan_destroy(a);
    cluster_plan_destroy(b);
    cluster_plan_destroy(c);
}
END_TEST

START_TEST(spares_come_last_with_cables)
{
    struct cluster_options options = {
        .preset = "ddc-large", .ncp_count = 40, .spare_ncp_count = 8};
    struct cluster_plan *plan = plan_make(&options, 1);

    ck_assert_uint_eq(plan->box_count, 65);
    ck_assert_uint_eq(plan->spare_count, 8);
    ck_assert_str_eq(plan->boxes[64].name, "ncp-47");
    ck_assert_uint_eq(plan->cables[plan->cable_count - 1].ncp_box, 64);
    check_cables(plan);
    cluster_plan_destroy(plan);
}
END_TEST

START_TEST(contradictions_are_refused)
{
    static const struct {
        struct cluster_options options;
        const char *words;
    } cases[] = {
        {{.preset = "ddc-huge"}, "no preset called \"ddc-huge\""},
        {{.preset = NULL}, "needs counts"},
        {{.ncp_count = 4}, "needs counts"},
        {{.preset = "ddc-large", .spare_ncp_count = 1}, "49 ports"},
        {{.preset = "ddc-small", .fabric_links_per_ncp = 14}, "has 13 ports"},
        {{.preset = "ddc-small", .ncp_model = "NCF-48D"}, "role ncf"},
        {{.preset = "ddc-small", .ncp_model = "NCP-9"}, "no box called"},
        {{.ncp_count = 250, .ncf_count = 13}, "too many"},
        {{.preset = "ddc-small", .spare_ncp_count = UINT32_MAX}, "too many"},
        {{.preset = "ddc-small", .ncp_count = UINT32_MAX}, "too many"},
        {{.preset = "router", .ncp_count = 1}, "a cluster of one box"},
        {{.preset = "router", .spare_ncp_count = 1}, "without spares"},
        {{.preset = "ddc-small", .ncp_model = "ROUTER-10CD"}, "role router"},
    };

    refused(test_data_dir, &cases[_i].options, cases[_i].words);
}
END_TEST

static void
write_file(const char *folder, const char *name, const char *text)
{
    char path[256];

    snprintf(path, sizeof(path), "%s/%s", folder, name);
    FILE *file = fopen(path, "w");
    ck_assert_ptr_nonnull(file);
    fputs(text, file);
    fclose(file);
}

#define GOOD_BOX BOX_OF("ncp")
#define ROUTER_WITH_FABRIC BOX_OF("router")
#define BOX_OF(role)                                                          \
    "format: 1\nboxes:\n  B:\n    role: " role "\n    front-ports: 1\n"       \
    "    fabric-ports: 1\n    cpu-cores: 1\n    fans: 1\n"                    \
    "    fans-needed: 1\n    fan-max-rpm: 100\n    psus: 1\n"                 \
    "    psus-needed: 1\n    sensors: 1\n    power: 1W\n"                     \
    "    sensor-high: 80C\n    sensor-critical: 90C\n"                        \
    "    restart: [1s, 2s]\n"

START_TEST(errors_have_a_place)
{
    static const struct {
        const char *text;
        const char *words;
    } cases[] = {
        {"format: 2\nboxes: {}\n", "boxes.yaml:1:9"},
        {GOOD_BOX "    boot: [3s, 2s]\n", "boxes.yaml:18:11"},
        {GOOD_BOX "    boot: [3s]\n", "[least, most]"},
        {GOOD_BOX "    boot: 3s\n", "boxes.yaml:18:11"},
        {GOOD_BOX "    boot: [3, 4s]\n", "not a duration"},
        {ROUTER_WITH_FABRIC "    boot: [3s, 4s]\n",
         "a router has no fabric ports"},
        {GOOD_BOX "    boto: [3s, 4s]\n", "did you mean \"boot\""},
        {GOOD_BOX "    boot: [3s, 4s]\n", "clusters.yaml: error"},
    };
    char folder[] = "/tmp/sixnines-cluster-XXXXXX";
    char path[256];
    struct cluster_options options = {.preset = "ddc-small"};

    ck_assert_ptr_nonnull(mkdtemp(folder));
    write_file(folder, "boxes.yaml", cases[_i].text);
    refused(folder, &options, cases[_i].words);
    snprintf(path, sizeof(path), "%s/boxes.yaml", folder);
    unlink(path);
    rmdir(folder);
}
END_TEST

START_TEST(parts_are_read)
{
    struct cluster_options options = {.preset = "ddc-small"};
    struct cluster_plan *plan = plan_make(&options, 1);

    ck_assert_uint_eq(plan->parts.disk_sync_min.ps, simtime_from_us(50).ps);
    ck_assert_uint_eq(plan->parts.disk_bytes_per_s, 500000000);
    ck_assert_uint_eq(plan->parts.switch_queue_bytes, 262144);
    ck_assert_uint_eq(plan->parts.link_train.ps, simtime_from_ms(50).ps);
    ck_assert_uint_eq(plan->parts.asic_write.ps, simtime_from_us(37).ps);
    ck_assert_uint_eq(plan->parts.clock_drift_max_ppb, 1000);
    ck_assert_int_eq(plan->parts.ambient_mc, 25000);
    ck_assert_uint_eq(plan->rates.mtbf_h[RATE_BOX_POWER_LOSS], 100000);
    ck_assert_uint_eq(plan->rates.mtbf_h[RATE_DISK_STALL], 20000);
    cluster_plan_destroy(plan);
}
END_TEST

#define GOOD_PARTS                                                            \
    "format: 1\ndisk: { sync: [1us, 2us], write-rate: 1Gbps, "                \
    "capacity: 1GiB }\nmanagement-switch: { latency: 1us, queue: 1MiB }\n"    \
    "fabric-link: { detect: 1us, train: 1ms }\n"                              \
    "packet-asic: { write: 1us, routes: 10, groups: 10 }\n"

START_TEST(bad_parts_have_a_place)
{
    static const struct {
        const char *text;
        const char *words;
    } cases[] = {
        {GOOD_PARTS "clock: { drift-max: 1ppm, offset-max: 0s }\n"
                    "room: { ambient: 99C }\n",
         "parts.yaml:7:7"},
        {GOOD_PARTS "clock: { drift-max: -1ppm, offset-max: 0s }\n"
                    "room: { ambient: 25C }\n",
         "parts.yaml:6:8"},
        {GOOD_PARTS "room: { ambient: 25C }\n", "clock"},
        {"format: 1\ndisk: { sync: [2us, 1us] }\n", "parts.yaml:2:15"},
    };
    char folder[] = "/tmp/sixnines-parts-XXXXXX";
    char path[256];
    char message[512] = "";
    struct parts parts;

    ck_assert_ptr_nonnull(mkdtemp(folder));
    write_file(folder, "parts.yaml", cases[_i].text);
    ck_assert_int_ne(parts_load(folder, &parts, message, sizeof(message)), 0);
    ck_assert_msg(strstr(message, cases[_i].words) != NULL, "%s", message);
    snprintf(path, sizeof(path), "%s/parts.yaml", folder);
    unlink(path);
    rmdir(folder);
}
END_TEST

START_TEST(bad_rates_have_a_place)
{
    char folder[] = "/tmp/sixnines-rates-XXXXXX";
    char path[256];
    char message[512] = "";
    struct rates rates;

    ck_assert_ptr_nonnull(mkdtemp(folder));
    write_file(folder, "rates.yaml",
               "format: 1\nmean-time-between-failures:\n  fan-fail: 0h\n");
    ck_assert_int_ne(rates_load(folder, &rates, message, sizeof(message)), 0);
    ck_assert_msg(strstr(message, "rates.yaml:3:13") != NULL, "%s", message);
    snprintf(path, sizeof(path), "%s/rates.yaml", folder);
    unlink(path);
    rmdir(folder);
}
END_TEST

Suite *
cluster_suite(void)
{
    Suite *suite = suite_create("cluster");
    TCase *tcase = tcase_create("cluster");

    tcase_set_timeout(tcase, 300);
    tcase_add_loop_test(tcase, presets_are_as_documented, 0, 3);
    tcase_add_test(tcase, a_router_stands_alone);
    tcase_add_test(tcase, identity_follows_from_the_seed);
    tcase_add_test(tcase, spares_come_last_with_cables);
    tcase_add_loop_test(tcase, contradictions_are_refused, 0, 13);
    tcase_add_loop_test(tcase, errors_have_a_place, 0, 8);
    tcase_add_test(tcase, parts_are_read);
    tcase_add_test(tcase, bad_rates_have_a_place);
    tcase_add_loop_test(tcase, bad_parts_have_a_place, 0, 4);
    suite_add_tcase(suite, tcase);
    return suite;
}

int
main(int argc, char **argv)
{
    if (argc > 1)
        test_data_dir = argv[1];
    SRunner *runner = srunner_create(cluster_suite());
    srunner_add_suite(runner, costs_suite());
    srunner_add_suite(runner, disk_suite());
    srunner_add_suite(runner, box_suite());
    srunner_add_suite(runner, mgmt_net_suite());
    srunner_run_all(runner, CK_NORMAL);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed == 0 ? 0 : 1;
}
