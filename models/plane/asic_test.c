/* SPDX-License-Identifier: Apache-2.0 */
#define _POSIX_C_SOURCE 200809L

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "models/plane/plane_test.h"

START_TEST(shipped)
{
    struct asic asic;
    char message[256] = "";

    ck_assert_msg(asic_load(TEST_DATA_DIR, &asic, message, sizeof(message)) ==
                      0,
                  "%s", message);
    ck_assert_uint_eq(asic.credit_bytes, 4096);
    ck_assert_uint_eq(asic.credit_speedup_ppm, 1020000);
    ck_assert_uint_eq(asic.fabric_raw_ppm, 1062500);
    /* 45.8 of 53.125, the header of each cell given back: 256 / 248. */
    ck_assert_uint_eq(asic.fabric_rate_ppm, 889928);
    ck_assert_uint_eq(asic_cell_bps(&asic, UINT64_C(400000000000)),
                      UINT64_C(378219400000));
    ck_assert_uint_eq(asic.weights[7], 0);
    ck_assert_uint_eq(asic.weights[5], 8);
}
END_TEST

/* The shipped file with one line changed. */
static void
refused(const char *line, const char *instead, const char *words)
{
    char folder[] = "/tmp/asic-test-XXXXXX";
    char path[64], text[8192], message[512] = "";
    struct asic asic;
    FILE *file;
    char *at;
    size_t size;

    ck_assert_ptr_nonnull(mkdtemp(folder));
    file = fopen(TEST_DATA_DIR "/asic.yaml", "r");
    ck_assert_ptr_nonnull(file);
    size = fread(text, 1, sizeof(text) - 1, file);
    text[size] = '\0';
    fclose(file);
    at = strstr(text, line);
    ck_assert_ptr_nonnull(at);
    snprintf(path, sizeof(path), "%s/asic.yaml", folder);
    file = fopen(path, "w");
    ck_assert_ptr_nonnull(file);
    fprintf(file, "%.*s%s%s", (int)(at - text), text, instead,
            at + strlen(line));
    fclose(file);
    ck_assert_int_ne(asic_load(folder, &asic, message, sizeof(message)), 0);
    ck_assert_msg(strstr(message, words) != NULL, "\"%s\" not in \"%s\"",
                  words, message);
    unlink(path);
    rmdir(folder);
}

START_TEST(bad_files)
{
    refused("smallest: 64B", "smallest: 8B", "header < smallest");
    refused("pause: 64KiB", "pause: 2MiB", "resume <= pause <= queue");
    refused("weights: [1, ", "weights: [", "7 weights");
    refused("lane-usable: 45.8Gbps", "lane-usable: 53Gbps", "do not fit");
    refused("ingress: 1800ns", "ingress: 1s", "ingress");
    refused("  scheduler: 400ns", "  sheduler: 400ns", "sheduler");
    refused("wred-min: 0B", "wred-min: 1B", "wred-min is above");
}
END_TEST

START_TEST(no_file)
{
    struct asic asic;
    char message[256] = "";

    ck_assert_int_ne(asic_load("/nowhere", &asic, message, sizeof(message)),
                     0);
    ck_assert_ptr_nonnull(strstr(message, "/nowhere/asic.yaml"));
}
END_TEST

Suite *
asic_suite(void)
{
    Suite *suite = suite_create("asic");
    TCase *tcase = tcase_create("file");

    tcase_add_test(tcase, shipped);
    tcase_add_test(tcase, bad_files);
    tcase_add_test(tcase, no_file);
    suite_add_tcase(suite, tcase);
    return suite;
}
