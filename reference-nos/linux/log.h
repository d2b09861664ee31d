/* SPDX-License-Identifier: Apache-2.0
 *
 * Log lines of a box: to standard error, a file or journald, and the last
 * ones in memory for operators.
 *
 * Rate     LOG_BURST lines at once and LOG_RATE a second after that; what is
 *          more is counted, and told when lines flow again.
 */
#ifndef NOS_LINUX_LOG_H
#define NOS_LINUX_LOG_H

#include "reference-nos/base/err.h"
#include "reference-nos/platform/plat.h"

#define LOG_BURST 500u
#define LOG_RATE 100u
#define LOG_TAIL_MAX 512u
#define LOG_LINE_MAX 300u

struct log;

struct log_line {
    uint64_t wall_ns;
    unsigned service;
    enum severity severity;
    char text[LOG_LINE_MAX];
};

/* 'where': NULL standard error, "journal", else a file. */
MUST_USE int log_open(const char *where, struct log **out, char *message,
                      size_t message_size);
void log_close(struct log *log);

/* 'now_ns' is monotonic, for the rate. */
void log_write(struct log *log, uint64_t now_ns, uint64_t wall_ns,
               unsigned service, enum severity severity, const char *text);

/* The line 'back' places before the last; NULL: no longer there. */
const struct log_line *log_tail(const struct log *log, unsigned back);

const char *severity_name(enum severity severity);

#endif
