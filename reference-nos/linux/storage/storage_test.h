/* SPDX-License-Identifier: Apache-2.0
 *
 * A state directory, a loop and the completions that came.
 */
#ifndef NOS_LINUX_STORAGE_STORAGE_TEST_H
#define NOS_LINUX_STORAGE_STORAGE_TEST_H

#include "reference-nos/linux/storage/storage.h"

#include <check.h>

#define LAB_DONE_MAX 512u

struct lab_done {
    unsigned service;
    uint64_t token;
    int status;
};

struct lab {
    char root[64];
    char state[96];
    uv_loop_t loop;
    struct storage *storage;
    unsigned done_count;
    struct lab_done done[LAB_DONE_MAX];
};

/* A fresh directory; nothing is open yet. */
void lab_init(struct lab *lab);
void lab_init_in(struct lab *lab, const char *parent);
void lab_fini(struct lab *lab);
void lab_open(struct lab *lab);
void lab_close(struct lab *lab);
/* Runs the loop until 'count' completions have come in all. */
void lab_wait(struct lab *lab, unsigned count);

void lab_append(struct lab *lab, enum storage_file file, const char *text);
/* Is this what the file holds, and nothing else? */
void lab_expect(struct lab *lab, enum storage_file file, const char *text);

Suite *queue_suite(void);
Suite *kill_suite(void);
Suite *store_suite(void);

#endif
