/* SPDX-License-Identifier: Apache-2.0 */
#define _GNU_SOURCE
#include "tests/hostile/pen.h"

#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "reference-nos/linux/socket/socket.h"
#include "reference-nos/schema/operator_msg.h"
#include "tests/hostile/news.h"

#define CLIENT 0x70656eu
#define ANSWER_MS 300
#define READ_BACK_MS 10000u

/* One request to one controller: 0 and the answer, or not. */
static bool
ask(const struct lab *lab, unsigned controller, enum operator_verb verb,
    uint64_t sequence, struct operator_rep *rep)
{
    struct operator_req req = {.verb = verb,
                               .client = CLIENT,
                               .sequence = sequence,
                               .value = sequence,
                               .module = MODULE_NONE};
    struct wire_writer writer;
    struct wire_reader reader;
    enum socket_kind kind;
    uint8_t bytes[256];
    uint8_t *answer;
    size_t size;
    bool good = false;
    int fd;

    wire_writer_init(&writer, bytes, sizeof(bytes));
    operator_req_write(&writer, &req);
    if (socket_connect(lab->boxes[controller].socket, &fd) != 0)
        return false;
    if (socket_ask(fd, SOCKET_OPERATOR, bytes, wire_writer_size(&writer)) ==
            0 &&
        socket_answer(fd, ANSWER_MS, &kind, &answer, &size) == 0) {
        wire_reader_init(&reader, answer, size);
        good = operator_rep_read(&reader, rep) == 0 && rep->status == 0;
        free(answer);
    }
    (void)close(fd);
    return good;
}

/* Told to those who wait for news, too. */
static void
note(struct pen_account *account, int told)
{
    uint64_t now_ns = lab_now_ns();
    uint64_t gap_ns = now_ns - atomic_load(&account->last_ns);

    if (gap_ns > atomic_load(&account->longest_ns))
        atomic_store(&account->longest_ns, gap_ns);
    atomic_store(&account->last_ns, now_ns);
    (void)atomic_fetch_add(&account->acknowledged, 1);
    if (pwrite(told, &now_ns, sizeof(now_ns), 0) != sizeof(now_ns))
        _exit(1);
}

NO_RETURN static void
write_on(const struct lab *lab, struct pen_account *account)
{
    char path[LAB_PATH_MAX];
    struct operator_rep rep;
    unsigned controller = 0, refused = 0;
    int news = news_open(lab->folder), told;

    (void)prctl(PR_SET_PDEATHSIG, SIGKILL);
    (void)snprintf(path, sizeof(path), "%.100s/writes", lab->folder);
    told = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
    for (;;) {
        uint64_t sequence = atomic_load(&account->acknowledged) + 1;

        if (ask(lab, controller, OPERATOR_WRITE, sequence, &rep)) {
            note(account, told);
            refused = 0;
            continue;
        }
        controller ^= 1;
        /* Neither serves: one of them says so when it does. */
        if (++refused % LAB_CONTROLLERS == 0)
            news_next(news, ANSWER_MS);
    }
}

bool
pen_start(struct pen *pen, const struct lab *lab)
{
    pen->account = mmap(NULL, sizeof(*pen->account), PROT_READ | PROT_WRITE,
                        MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (pen->account == MAP_FAILED)
        return false;
    pen->lab = lab;
    atomic_store(&pen->account->last_ns, lab_now_ns());
    (void)fflush(stdout);
    pen->pid = fork();
    if (pen->pid == 0)
        write_on(lab, pen->account);
    return pen->pid > 0;
}

void
pen_stop(struct pen *pen)
{
    if (pen->pid <= 0)
        return;
    (void)kill(pen->pid, SIGKILL);
    (void)waitpid(pen->pid, NULL, 0);
    pen->pid = 0;
}

uint64_t
pen_count(const struct pen *pen)
{
    return atomic_load(&pen->account->acknowledged);
}

struct goal {
    const struct pen *pen;
    uint64_t count;
};

static bool
reached(void *arg)
{
    const struct goal *goal = arg;

    return pen_count(goal->pen) >= goal->count;
}

bool
pen_await(const struct pen *pen, uint64_t count, unsigned limit_ms)
{
    struct goal goal = {pen, count};

    return news_await(pen->lab->news, reached, &goal, limit_ms);
}

uint64_t
pen_longest_ns(struct pen *pen)
{
    uint64_t longest_ns = atomic_exchange(&pen->account->longest_ns, 0);
    uint64_t lasts_ns = lab_now_ns() - atomic_load(&pen->account->last_ns);

    return longest_ns > lasts_ns ? longest_ns : lasts_ns;
}

struct reading {
    const struct lab *lab;
    uint64_t value;
};

static bool
read_back(void *arg)
{
    struct reading *reading = arg;
    struct operator_rep rep;

    for (unsigned i = 0; i < LAB_CONTROLLERS; i++)
        if (ask(reading->lab, i, OPERATOR_READ, 0, &rep)) {
            reading->value = rep.value;
            return true;
        }
    return false;
}

uint64_t
pen_read_back(const struct lab *lab)
{
    struct reading reading = {lab, UINT64_MAX};

    (void)news_await(lab->news, read_back, &reading, READ_BACK_MS);
    return reading.value;
}
