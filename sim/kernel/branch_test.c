/* SPDX-License-Identifier: Apache-2.0 */
#define _POSIX_C_SOURCE 200809L

#include "sim/kernel/branch.h"

#include <check.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "sim/kernel/kernel_test.h"

enum deed { RETURN, RAISE, EXIT, HANG, TOO_MUCH, LONG_ANSWER };

#define LONG_BYTES 300000 /* Several pipes full. */

struct order {
    enum deed deed;
    int number;
};

static int
child(void *argument, struct branch_writer *writer)
{
    struct order *order = argument;
    static unsigned char block[1000];

    order->number++; /* Only in the copy. */
    switch (order->deed) {
    case RETURN: branch_write(writer, &order->number, sizeof(int)); return 7;
    case RAISE:
        signal(SIGABRT, SIG_DFL);
        raise(SIGKILL);
        return 0;
    case EXIT: _exit(3);
    case HANG:
        for (;;)
            pause();
    case TOO_MUCH:
        for (;;)
            branch_write(writer, block, sizeof(block));
    case LONG_ANSWER:
        for (int i = 0; i < LONG_BYTES / 1000; i++)
            branch_write(writer, block, sizeof(block));
        return 0;
    }
    return 0;
}

struct tally {
    uint64_t next_tag;
    int count;
    int answer;
    struct branch_result last;
};

static void
on_done(void *context, const struct branch_result *result)
{
    struct tally *tally = context;

    ck_assert_uint_eq(result->tag, tally->next_tag);
    tally->next_tag++;
    tally->count++;
    tally->last = *result;
    if (result->size == sizeof(int))
        memcpy(&tally->answer, result->bytes, sizeof(int));
}

START_TEST(many_answer_in_order)
{
    struct branch_options options = {4, 64, 0};
    struct tally tally = {0};
    struct branches *branches = branches_create(&options, on_done, &tally);

    for (int i = 0; i < 200; i++) {
        struct order order = {RETURN, i};

        ck_assert_int_eq(branches_start(branches, (uint64_t)i, child, &order),
                         0);
        ck_assert_int_eq(order.number, i);
    }
    branches_finish(branches);
    ck_assert_int_eq(tally.count, 200);
    ck_assert_int_eq(tally.answer, 200);
    ck_assert_int_eq(tally.last.end, BRANCH_DONE);
    ck_assert_int_eq(tally.last.code, 7);
    branches_destroy(branches);
}
END_TEST

START_TEST(abnormal_ends_are_results)
{
    static const struct {
        enum deed deed;
        enum branch_end end;
        size_t size;
    } cases[] = {{RAISE, BRANCH_SIGNALLED, 0},
                 {EXIT, BRANCH_LOST, 0},
                 {HANG, BRANCH_TIMEOUT, 0},
                 {TOO_MUCH, BRANCH_OVERFLOW, LONG_BYTES},
                 {LONG_ANSWER, BRANCH_DONE, LONG_BYTES}};
    struct branch_options options = {2, LONG_BYTES,
                                     cases[_i].deed == HANG ? 20 : 0};
    struct tally tally = {0};
    struct branches *branches = branches_create(&options, on_done, &tally);
    struct order order = {cases[_i].deed, 0};

    ck_assert_int_eq(branches_start(branches, 0, child, &order), 0);
    branches_finish(branches);
    ck_assert_int_eq(tally.last.end, cases[_i].end);
    ck_assert_uint_eq(tally.last.size, cases[_i].size);
    branches_destroy(branches);
}
END_TEST

START_TEST(destroy_ends_what_runs)
{
    struct branch_options options = {3, 10, 0};
    struct tally tally = {0};
    struct branches *branches = branches_create(&options, on_done, &tally);
    struct order order = {HANG, 0};

    for (int i = 0; i < 3; i++)
        ck_assert_int_eq(branches_start(branches, 0, child, &order), 0);
    branches_destroy(branches);
    ck_assert_int_eq(tally.count, 0);
}
END_TEST

START_TEST(one_at_once)
{
    struct order order = {RETURN, 41};
    struct branch_result result;
    int answer = 0;

    ck_assert_int_eq(
        branch_run(child, &order, &answer, sizeof(answer), &result), 0);
    ck_assert_int_eq(result.end, BRANCH_DONE);
    ck_assert_int_eq(answer, 42);
    ck_assert_int_eq(order.number, 41);
}
END_TEST

/* Says on a pipe that it runs, then hangs with the pipe open. */
static int
hold_pipe(void *argument, struct branch_writer *writer)
{
    const int *end = argument;
    struct order order = {HANG, 0};

    if (write(*end, "x", 1) != 1)
        return 1;
    return child(&order, writer);
}

/* The branch has the only writing end left: it is gone when reading ends. */
START_TEST(killed_parent_takes_its_branches_along)
{
    struct branch_options options = {1, 10, 0};
    int ends[2];
    char byte;

    ck_assert_int_eq(pipe(ends), 0);
    pid_t parent = fork();
    if (parent == 0) {
        struct tally tally = {0};
        struct branches *branches = branches_create(&options, on_done, &tally);

        if (branches_start(branches, 0, hold_pipe, &ends[1]) != 0)
            _exit(1);
        close(ends[1]);
        branches_finish(branches);
        _exit(0);
    }
    close(ends[1]);
    ck_assert_int_eq(read(ends[0], &byte, 1), 1);
    ck_assert_int_eq(kill(parent, SIGKILL), 0);
    struct pollfd look = {.fd = ends[0], .events = POLLIN};
    ck_assert_int_eq(poll(&look, 1, 30000), 1);
    ck_assert_int_eq(read(ends[0], &byte, 1), 0);
    ck_assert_int_eq(waitpid(parent, NULL, 0), parent);
    close(ends[0]);
}
END_TEST

Suite *
branch_suite(void)
{
    Suite *suite = suite_create("branch");
    TCase *tcase = tcase_create("branch");

    tcase_set_timeout(tcase, 60);
    tcase_add_test(tcase, many_answer_in_order);
    tcase_add_loop_test(tcase, abnormal_ends_are_results, 0, 5);
    tcase_add_test(tcase, destroy_ends_what_runs);
    tcase_add_test(tcase, one_at_once);
    tcase_add_test(tcase, killed_parent_takes_its_branches_along);
    suite_add_tcase(suite, tcase);
    return suite;
}
