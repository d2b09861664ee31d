/* SPDX-License-Identifier: Apache-2.0
 *
 * A campaign: one scenario over one seed or many, and its results.
 */
#ifndef SIM_RUN_CAMPAIGN_H
#define SIM_RUN_CAMPAIGN_H

#include "sim/run/run.h"

#define CAMPAIGN_SEEDS_MAX 100000u
#define CAMPAIGN_TOKEN_BYTES 1024

struct campaign_options {
    struct run_options run; /* its seed is the first one */
    unsigned seed_count;    /* at least 1; repeats in real worlds */
    unsigned jobs;          /* processes at a time, 1-64 */
    /* For the token. */
    const char *const *sets;
    size_t set_count;
    /* Called in the parent after each of many seeds. */
    void (*seed_done)(void *context, unsigned done, unsigned all,
                      const struct outcome *outcome);
};

struct campaign_expect {
    enum verdict verdict;
    char evidence[EXPR_EVIDENCE_BYTES];
};

struct campaign {
    struct outcome *outcomes; /* by seed; those that ran */
    unsigned count;
    unsigned lost;      /* seeds whose process ended abnormally */
    uint64_t lost_seed; /* the first of them */
    unsigned worst;     /* index of the outcome to look at first */
    bool interrupted;
    enum verdict verdict;
    struct campaign_expect *over_seeds; /* by expectation; or NULL */
};

/* 'interrupted' is polled; when true no further seed is started. */
MUST_USE int campaign_run(const struct campaign_options *options,
                          const volatile int *interrupted,
                          struct campaign *campaign, char *message,
                          size_t message_size);
void campaign_fini(struct campaign *campaign);

/* 0, 1, 2, 70 (a seed's process ended abnormally) or 130. */
int campaign_exit_code(const struct campaign *campaign);

/* "FILE@SEED/DIGEST?set=..&costs=..": all that a replay needs.  Empty for a
 * run in real time, which nothing can repeat, and for one that was cut: its
 * digest is of the moment of the interruption. */
void campaign_token(const struct campaign_options *options,
                    const struct outcome *outcome,
                    char token[CAMPAIGN_TOKEN_BYTES]);

struct campaign_record {
    const char *db_path;
    const char *build;       /* version of the program */
    const char *calibration; /* name of the costs */
    const char *begun;       /* wall time */
    const char *command;
    int64_t id; /* out: of the campaign in the file */
};

/* Writes everything to results.db, beside what is there. */
MUST_USE int campaign_record(const struct campaign_options *options,
                             const struct campaign *campaign,
                             struct campaign_record *record, char *message,
                             size_t message_size);

#endif
