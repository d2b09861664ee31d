/* SPDX-License-Identifier: Apache-2.0 */
#define _GNU_SOURCE

#include "sim/world/netns/rack_priv.h"

#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/pidfd.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "sim/world/netns/netns_test.h"

#define PATIENCE_MS 60000

static bool
exists(const char *path)
{
    struct stat status;

    return stat(path, &status) == 0;
}

static void
must_open(struct rack *rack)
{
    char message[256] = "";
    int err = rack_open(rack, message, sizeof(message));

    ck_assert_msg(err == 0, "%s", message);
}

START_TEST(rack_leaves_nothing)
{
    static const char *const echo[] = {"sh", "-c", "cat; exit 3", NULL};
    char output[RACK_OUTPUT_MAX];
    struct rack rack;
    char dir[RACK_PATH_MAX];
    pid_t init;

    must_open(&rack);
    memcpy(dir, rack.dir, sizeof(dir));
    init = rack.init;
    ck_assert(exists(dir));
    ck_assert_int_eq(
        rack_program(&rack, rack.net_ns, echo, "a word\n", output), ERR_IO);
    ck_assert_str_eq(output, "a word");
    rack_close(&rack);
    ck_assert(!exists(dir));
    ck_assert_int_ne(kill(init, 0), 0);
}
END_TEST

START_TEST(missing_program_is_told)
{
    static const char *const none[] = {"no-such-program-here", NULL};
    char output[RACK_OUTPUT_MAX];
    struct rack rack;

    must_open(&rack);
    ck_assert_int_eq(rack_program(&rack, rack.net_ns, none, NULL, output),
                     ERR_NOENT);
    rack_close(&rack);
}
END_TEST

static int
only_loopback(void *arg)
{
    (void)arg;
    return exists("/proc/sys/net/ipv6/conf/lo") &&
                   !exists("/proc/sys/net/ipv6/conf/eth0") && getppid() == 0
               ? 0
               : ERR_INVALID;
}

START_TEST(child_is_in_the_rack)
{
    struct rack rack;

    must_open(&rack);
    ck_assert_int_eq(rack_call(&rack, rack.net_ns, only_loopback, NULL), 0);
    rack_close(&rack);
}
END_TEST

/* What a harness that will be killed tells before. */
struct will {
    struct rack rack;
    pid_t child;
};

static void
doomed_harness(int fd)
{
    struct will will;
    int ready[2];
    char byte;

    must_open(&will.rack);
    ck_assert_int_eq(pipe(ready), 0);
    will.child = rack_fork(&will.rack, will.rack.net_ns);
    if (will.child == 0) {
        /* It would outlive us by itself; only then we may be killed. */
        (void)prctl(PR_SET_PDEATHSIG, 0);
        (void)!write(ready[1], "", 1);
        for (;;)
            (void)pause();
    }
    ck_assert_int_eq(read(ready[0], &byte, 1), 1);
    (void)!write(fd, &will, sizeof(will));
    for (;;)
        (void)pause();
}

static void
wait_gone(int pid_fd)
{
    struct pollfd gone = {.fd = pid_fd, .events = POLLIN};

    ck_assert_int_ge(pid_fd, 0);
    ck_assert_int_eq(poll(&gone, 1, PATIENCE_MS), 1);
    (void)close(pid_fd);
}

/* kill -9 of the harness: the guardian ends everything. */
START_TEST(killed_harness_leaves_nothing)
{
    int fds[2];
    struct will will;
    pid_t harness;
    int guardian, child;

    ck_assert_int_eq(pipe(fds), 0);
    harness = fork();
    if (harness == 0)
        doomed_harness(fds[1]);
    ck_assert_int_eq(read(fds[0], &will, sizeof(will)), sizeof(will));
    guardian = pidfd_open(will.rack.guardian, 0);
    child = pidfd_open(will.child, 0);
    ck_assert(exists(will.rack.dir));
    ck_assert_int_eq(kill(harness, SIGKILL), 0);
    ck_assert_int_eq(waitpid(harness, NULL, 0), harness);
    wait_gone(child);
    wait_gone(guardian);
    ck_assert(!exists(will.rack.dir));
    (void)close(fds[0]);
    (void)close(fds[1]);
}
END_TEST

TCase *
rack_tcase(void)
{
    TCase *tcase = tcase_create("rack");

    tcase_add_test(tcase, rack_leaves_nothing);
    tcase_add_test(tcase, missing_program_is_told);
    tcase_add_test(tcase, child_is_in_the_rack);
    tcase_add_test(tcase, killed_harness_leaves_nothing);
    return tcase;
}
