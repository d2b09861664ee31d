/* SPDX-License-Identifier: Apache-2.0
 *
 * Measurements of the simulator itself, as rates.
 *
 * Workloads  are those everybody uses, so that figures compare: HOLD (each of
 *            N pending events reschedules itself) and PHOLD (processes send
 *            each other events; Fujimoto 1990); a leaf-spine of queues (LS).
 * Clock      CPU time of this process; each figure is the median of three.
 * Compare    ratios of one run; absolute rates drift from machine to machine.
 */
#ifndef SIM_CLI_BENCH_H
#define SIM_CLI_BENCH_H

#include <stddef.h>
#include <stdio.h>

#include "reference-nos/base/compiler.h"

#define BENCH_RESULTS_MAX 128
#define BENCH_NAME_MAX 48

struct bench_result {
    char name[BENCH_NAME_MAX]; /* "hold.1000.kernel" */
    double value;
    const char *unit; /* "M/s", "x", "MB" */
};

struct bench_results {
    size_t count;
    struct bench_result rows[BENCH_RESULTS_MAX];
};

/* Each fills 'results' and prints lines for people to 'out' (NULL: none).
 * 0, or an error of reference-nos/base/err.h. */
int bench_hold(struct bench_results *results, FILE *out);
int bench_phold(struct bench_results *results, FILE *out);
int bench_cluster(struct bench_results *results, FILE *out);
int bench_fabric(struct bench_results *results, FILE *out);
int bench_flows(struct bench_results *results, FILE *out);
int bench_ls(struct bench_results *results, FILE *out);
int bench_daemon(struct bench_results *results, FILE *out);

/* printf-like name. */
void bench_add(struct bench_results *results, double value, const char *unit,
               const char *format, ...) PRINTF_LIKE(4, 5);

/* [{"name": ..., "value": ..., "unit": ...}, ...] and a newline. */
void bench_print_json(const struct bench_results *results, FILE *out);

/* CPU seconds of this process, and its largest resident size in MB. */
double bench_cpu_s(void);
double bench_peak_mb(void);

double bench_median3(const double values[3]);

#endif
