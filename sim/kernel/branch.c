/* SPDX-License-Identifier: Apache-2.0 */
#define _POSIX_C_SOURCE 200809L

#include "sim/kernel/branch.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/types.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "reference-nos/base/check.h"

#define LIVE_MAX 64

/* How a child that ran to its end says so, after its answer.  It cannot be
 * confused with the answer: it is always the last bytes of the pipe. */
struct trailer {
    uint64_t magic;
    int32_t code;
    int32_t overflow;
};

#define TRAILER_MAGIC UINT64_C(0x62726e6368656e64)

struct branch_writer {
    int fd;
    size_t room; /* Bytes still allowed. */
};

enum slot_state { SLOT_FREE, SLOT_RUNNING, SLOT_ENDED };

struct slot {
    enum slot_state state;
    uint64_t tag;
    uint64_t order; /* Number of the branch, for handing over in order. */
    uint64_t deadline_ms;
    bool timed_out;
    pid_t child;
    int fd;
    int wait_status;
    unsigned char *bytes;
    size_t size;
};

struct branches {
    struct branch_options options;
    void (*done)(void *context, const struct branch_result *result);
    void *context;
    uint64_t started_count;
    uint64_t handed_count;
    struct slot slots[LIVE_MAX];
};

/* Wall clock: it only decides when a hung child is killed, and that shows as
 * BRANCH_TIMEOUT, never as an outcome of the simulated world. */
static uint64_t
wall_ms(void)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
}

/* ---- in the child ------------------------------------------------------ */

static void
write_all(int fd, const void *bytes, size_t size)
{
    const unsigned char *from = bytes;

    while (size > 0) {
        ssize_t written = write(fd, from, size);

        if (written < 0 && errno == EINTR)
            continue;
        if (written <= 0)
            _exit(1); /* The parent is gone. */
        from += written;
        size -= (size_t)written;
    }
}

static NO_RETURN void
child_end(int fd, int code, bool overflow)
{
    struct trailer trailer = {TRAILER_MAGIC, code, overflow};

    write_all(fd, &trailer, sizeof(trailer));
    _exit(0);
}

void
branch_write(struct branch_writer *writer, const void *bytes, size_t size)
{
    if (size > writer->room)
        child_end(writer->fd, 0, true);
    writer->room -= size;
    write_all(writer->fd, bytes, size);
}

/* ---- in the parent ----------------------------------------------------- */

struct branches *
branches_create(const struct branch_options *options,
                void (*done)(void *context, const struct branch_result *),
                void *context)
{
    struct branches *branches = calloc(1, sizeof(*branches));

    CHECK(branches != NULL && done != NULL);
    CHECK(options->live_limit >= 1 && options->live_limit <= LIVE_MAX);
    branches->options = *options;
    branches->done = done;
    branches->context = context;
    for (unsigned i = 0; i < options->live_limit; i++) {
        branches->slots[i].fd = -1;
        branches->slots[i].bytes =
            malloc(options->result_limit + sizeof(struct trailer));
        CHECK(branches->slots[i].bytes != NULL);
    }
    return branches;
}

static void
reap(struct slot *slot)
{
    while (waitpid(slot->child, &slot->wait_status, 0) < 0 && errno == EINTR)
        ;
    close(slot->fd);
    slot->fd = -1;
    slot->state = SLOT_ENDED;
}

void
branches_destroy(struct branches *branches)
{
    if (branches == NULL)
        return;
    for (unsigned i = 0; i < branches->options.live_limit; i++) {
        struct slot *slot = &branches->slots[i];

        if (slot->state == SLOT_RUNNING) {
            kill(slot->child, SIGKILL);
            reap(slot);
        }
        free(slot->bytes);
    }
    free(branches);
}

static struct branch_result
judge(const struct slot *slot)
{
    struct branch_result result = {slot->tag, BRANCH_LOST, 0, NULL, 0};
    struct trailer trailer = {0, 0, 0};

    if (slot->timed_out) {
        result.end = BRANCH_TIMEOUT;
    } else if (WIFSIGNALED(slot->wait_status)) {
        result.end = BRANCH_SIGNALLED;
        result.code = WTERMSIG(slot->wait_status);
    } else if (slot->size >= sizeof(trailer)) {
        result.size = slot->size - sizeof(trailer);
        memcpy(&trailer, slot->bytes + result.size, sizeof(trailer));
        if (trailer.magic == TRAILER_MAGIC) {
            result.end = trailer.overflow ? BRANCH_OVERFLOW : BRANCH_DONE;
            result.code = trailer.code;
            result.bytes = slot->bytes;
        } else {
            result.size = 0;
        }
    }
    return result;
}

/* Hands over what has ended, as far as the order of starting allows. */
static void
hand_over(struct branches *branches)
{
    bool progress = true;

    while (progress) {
        progress = false;
        for (unsigned i = 0; i < branches->options.live_limit; i++) {
            struct slot *slot = &branches->slots[i];

            if (slot->state != SLOT_ENDED ||
                slot->order != branches->handed_count)
                continue;
            struct branch_result result = judge(slot);
            branches->done(branches->context, &result);
            slot->state = SLOT_FREE;
            branches->handed_count++;
            progress = true;
        }
    }
}

/* Reads what a child has sent; reaps it at the end of its pipe. */
static void
drain(struct branches *branches, struct slot *slot)
{
    size_t room =
        branches->options.result_limit + sizeof(struct trailer) - slot->size;
    unsigned char surplus;
    ssize_t got =
        read(slot->fd, room > 0 ? slot->bytes + slot->size : &surplus,
             room > 0 ? room : 1);

    if (got < 0 && (errno == EINTR || errno == EAGAIN))
        return;
    if (got > 0 && room > 0) {
        slot->size += (size_t)got;
        return;
    }
    if (got > 0)
        kill(slot->child, SIGKILL); /* It ignores the rules of the pipe. */
    reap(slot);
}

static int
poll_timeout_ms(const struct branches *branches)
{
    uint64_t now = branches->options.timeout_ms > 0 ? wall_ms() : 0;
    uint64_t least = UINT64_MAX;

    if (branches->options.timeout_ms == 0)
        return -1;
    for (unsigned i = 0; i < branches->options.live_limit; i++) {
        const struct slot *slot = &branches->slots[i];

        if (slot->state != SLOT_RUNNING || slot->timed_out)
            continue;
        uint64_t left = slot->deadline_ms > now ? slot->deadline_ms - now : 0;
        least = left < least ? left : least;
    }
    return least > 60000 ? 60000 : (int)least + 1;
}

static void
kill_overdue(struct branches *branches)
{
    if (branches->options.timeout_ms == 0)
        return;
    uint64_t now = wall_ms();
    for (unsigned i = 0; i < branches->options.live_limit; i++) {
        struct slot *slot = &branches->slots[i];

        if (slot->state == SLOT_RUNNING && !slot->timed_out &&
            now >= slot->deadline_ms) {
            slot->timed_out = true;
            kill(slot->child, SIGKILL);
        }
    }
}

/* Waits until some child has sent or ended. */
static void
wait_some(struct branches *branches)
{
    struct pollfd polls[LIVE_MAX];
    struct slot *slots[LIVE_MAX];
    nfds_t count = 0;

    for (unsigned i = 0; i < branches->options.live_limit; i++) {
        struct slot *slot = &branches->slots[i];

        if (slot->state != SLOT_RUNNING)
            continue;
        polls[count] = (struct pollfd){slot->fd, POLLIN, 0};
        slots[count++] = slot;
    }
    CHECK(count > 0);
    if (poll(polls, count, poll_timeout_ms(branches)) > 0) {
        for (nfds_t i = 0; i < count; i++) {
            if (polls[i].revents != 0)
                drain(branches, slots[i]);
        }
    }
    kill_overdue(branches);
    hand_over(branches);
}

static struct slot *
free_slot(struct branches *branches)
{
    for (unsigned i = 0; i < branches->options.live_limit; i++) {
        if (branches->slots[i].state == SLOT_FREE)
            return &branches->slots[i];
    }
    return NULL;
}

static NO_RETURN void
child_run(int fd, size_t room,
          int (*fn)(void *argument, struct branch_writer *writer),
          void *argument)
{
    struct branch_writer writer = {fd, room};
    int code = fn(argument, &writer);

    child_end(fd, code, false);
}

/* A branch does not outlive the process that waits for it, however that one
 * ends. */
static void
die_with(pid_t parent)
{
    (void)prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (getppid() != parent)
        _exit(1);
}

int
branches_start(struct branches *branches, uint64_t tag,
               int (*fn)(void *argument, struct branch_writer *writer),
               void *argument)
{
    struct slot *slot = free_slot(branches);
    int ends[2];

    while (slot == NULL) {
        wait_some(branches);
        slot = free_slot(branches);
    }
    fflush(NULL);
    if (pipe(ends) != 0)
        return ERR_IO;
    pid_t parent = getpid();
    pid_t child = fork();
    if (child < 0) {
        close(ends[0]);
        close(ends[1]);
        return ERR_IO;
    }
    if (child == 0) {
        close(ends[0]);
        die_with(parent);
        child_run(ends[1], branches->options.result_limit, fn, argument);
    }
    close(ends[1]);
    slot->state = SLOT_RUNNING;
    slot->tag = tag;
    slot->order = branches->started_count++;
    slot->timed_out = false;
    slot->child = child;
    slot->fd = ends[0];
    slot->size = 0;
    if (branches->options.timeout_ms > 0)
        slot->deadline_ms = wall_ms() + branches->options.timeout_ms;
    return 0;
}

void
branches_finish(struct branches *branches)
{
    while (branches->handed_count < branches->started_count)
        wait_some(branches);
}

struct single {
    void *answer;
    struct branch_result *result;
};

static void
single_done(void *context, const struct branch_result *result)
{
    struct single *single = context;

    *single->result = *result;
    if (result->size > 0)
        memcpy(single->answer, result->bytes, result->size);
    single->result->bytes = single->answer;
}

int
branch_run(int (*fn)(void *argument, struct branch_writer *writer),
           void *argument, void *answer, size_t size,
           struct branch_result *result)
{
    struct branch_options options = {1, size, 0};
    struct single single = {answer, result};
    struct branches *branches =
        branches_create(&options, single_done, &single);
    int error = branches_start(branches, 0, fn, argument);

    if (error == 0)
        branches_finish(branches);
    branches_destroy(branches);
    return error;
}
