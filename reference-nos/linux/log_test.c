/* SPDX-License-Identifier: Apache-2.0
 *
 * Log lines and watch lines: bounds, and what a reader can trust.
 */
#include "reference-nos/linux/linux_test.h"
#include "reference-nos/linux/log.h"
#include "reference-nos/linux/watcher.h"

#include "reference-nos/base/units.h"

#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static size_t
slurp(int fd, char *text, size_t room)
{
    size_t size = 0;
    ssize_t got;

    while (size < room - 1 &&
           (got = read(fd, text + size, room - 1 - size)) > 0)
        size += (size_t)got;
    text[size] = '\0';
    return size;
}

static struct log *
log_start(char path[32])
{
    struct log *log = NULL;
    char message[128] = "";
    int fd;

    (void)strcpy(path, "/tmp/nos-log-XXXXXX");
    fd = mkstemp(path);
    ck_assert_int_ge(fd, 0);
    (void)close(fd);
    ck_assert_int_eq(log_open(path, &log, message, sizeof(message)), 0);
    return log;
}

START_TEST(test_log_line)
{
    char path[32];
    char text[512];
    struct log *log = log_start(path);
    int fd;

    log_write(log, 1, 1700000000 * NS_PER_S + 1234567, SVC_STORE,
              SEVERITY_WARNING, "first\n2023 forged: line");
    log_write(log, 2, 0, SVC_NONE, SEVERITY_NOTICE, "second");
    fd = open(path, O_RDONLY);
    (void)slurp(fd, text, sizeof(text));
    ck_assert_str_eq(text, "2023-11-14T22:13:20.001234Z warning store: "
                           "first 2023 forged: line\n"
                           "1970-01-01T00:00:00.000000Z notice refnosd: "
                           "second\n");
    ck_assert_str_eq(log_tail(log, 0)->text, "second");
    ck_assert_str_eq(log_tail(log, 1)->text, "first 2023 forged: line");
    ck_assert_ptr_null(log_tail(log, 2));
    (void)close(fd);
    log_close(log);
    (void)unlink(path);
}
END_TEST

START_TEST(test_log_rate)
{
    char path[32];
    struct log *log = log_start(path);
    uint64_t now_ns = 5 * NS_PER_S;

    for (unsigned i = 0; i < LOG_BURST + 50; i++) {
        char text[32];

        (void)snprintf(text, sizeof(text), "line %u", i);
        log_write(log, now_ns, 0, SVC_BUS, SEVERITY_INFO, text);
    }
    ck_assert_str_eq(log_tail(log, 0)->text, "line 499");
    now_ns += NS_PER_S / LOG_RATE;
    log_write(log, now_ns, 0, SVC_BUS, SEVERITY_INFO, "again");
    ck_assert_str_eq(log_tail(log, 0)->text, "again");
    ck_assert_str_eq(log_tail(log, 1)->text, "50 lines suppressed");
    log_write(log, now_ns, 0, SVC_BUS, SEVERITY_INFO, "too soon");
    ck_assert_str_eq(log_tail(log, 0)->text, "again");
    ck_assert_ptr_null(log_tail(log, LOG_TAIL_MAX));
    log_close(log);
    (void)unlink(path);
}
END_TEST

static struct watcher *
watcher_start(uv_loop_t *loop, int ends[2])
{
    struct watcher *watcher = NULL;
    char message[128] = "";

    ck_assert_int_eq(uv_loop_init(loop), 0);
    ck_assert_int_eq(pipe(ends), 0);
    ck_assert_int_eq(fcntl(ends[0], F_SETFL, O_NONBLOCK), 0);
    ck_assert_int_eq(
        watcher_open(loop, ends[1], &watcher, message, sizeof(message)), 0);
    return watcher;
}

/* A reader that does not read loses lines, is told how many, and the daemon
 * never waits for it. */
START_TEST(test_watcher_loss)
{
    static char text[2 * WATCHER_BUFFER_MAX];
    unsigned told = 100000;
    uint64_t lost = 0;
    uint64_t seen = 0;
    uint64_t next = 0;
    uv_loop_t loop;
    int ends[2];
    struct watcher *watcher = watcher_start(&loop, ends);
    struct watch_line line = {.kind = WATCH_EXIT};

    for (unsigned i = 0; i < told; i++) {
        line.at_ns = i;
        line.u.cause = i;
        watcher_tell(watcher, &line);
        watcher_flush(watcher);
    }
    for (size_t size = 0, more = 1; more > 0; size += more) {
        more = slurp(ends[0], text + size, sizeof(text) - size);
        (void)uv_run(&loop, UV_RUN_NOWAIT);
    }
    for (char *at = strtok(text, "\n"); at != NULL; at = strtok(NULL, "\n")) {
        ck_assert_int_eq(watch_parse(at, &line), 0);
        if (line.kind == WATCH_LOST) {
            lost += line.u.lost;
            next += line.u.lost;
        } else {
            ck_assert_uint_eq(line.u.cause, next++);
            seen++;
        }
    }
    ck_assert_uint_gt(seen, WATCHER_BUFFER_MAX / 64);
    ck_assert_uint_gt(lost, 0);
    ck_assert_uint_eq(seen + lost, told);
    watcher_close(watcher);
    (void)uv_run(&loop, UV_RUN_DEFAULT);
    ck_assert_int_eq(uv_loop_close(&loop), 0);
}
END_TEST

/* A reader that went away is no reason to end. */
START_TEST(test_watcher_broken)
{
    struct watch_line line = {.kind = WATCH_EXIT};
    uv_loop_t loop;
    int ends[2];
    struct watcher *watcher = watcher_start(&loop, ends);

    (void)signal(SIGPIPE, SIG_IGN);
    (void)close(ends[0]);
    for (unsigned i = 0; i < 10; i++) {
        watcher_tell(watcher, &line);
        watcher_flush(watcher);
        (void)uv_run(&loop, UV_RUN_NOWAIT);
    }
    watcher_close(watcher);
    (void)uv_run(&loop, UV_RUN_DEFAULT);
    ck_assert_int_eq(uv_loop_close(&loop), 0);
}
END_TEST

TCase *
log_tests(void)
{
    TCase *tests = tcase_create("log");

    tcase_add_test(tests, test_log_line);
    tcase_add_test(tests, test_log_rate);
    tcase_add_test(tests, test_watcher_loss);
    tcase_add_test(tests, test_watcher_broken);
    return tests;
}
