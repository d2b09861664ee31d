/* SPDX-License-Identifier: Apache-2.0
 *
 * A daemon: its command line, its namespaces, its descriptors.
 */
#define _GNU_SOURCE

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/pidfd.h>
#include <sys/resource.h>
#include <unistd.h>

#include "sim/world/netns/netns_priv.h"

#define WATCH_FD 3
#define PIPE_BYTES (1024 * 1024)
#define PRIORITY (-10)
#define PRIORITY_TEXT "-10"
#define WORDS_MAX 48u
#define WORD_BYTES 400u

/* The words of a command line, as execve() wants them. */
struct words {
    char text[WORDS_MAX][WORD_BYTES];
    char *argv[WORDS_MAX + 1];
    unsigned count;
};

static void PRINTF_LIKE(2, 3)
    word(struct words *words, const char *format, ...)
{
    va_list args;

    CHECK(words->count < WORDS_MAX);
    va_start(args, format);
    (void)vsnprintf(words->text[words->count], WORD_BYTES, format, args);
    va_end(args);
    words->argv[words->count] = words->text[words->count];
    words->argv[++words->count] = NULL;
}

static void
voter_words(const struct netns_box *box, struct words *words)
{
    const struct cluster_plan *plan = box->netns->plan;
    char keys[FACTS_VOTERS_MAX * 17 + 1];
    size_t size = 0;

    if (!box->voter)
        return;
    for (unsigned i = 0; i < plan->voter_count; i++)
        size += (size_t)snprintf(
            keys + size, sizeof(keys) - size, "%s%016llx", i > 0 ? "," : "",
            (unsigned long long)plan->boxes[plan->voters[i]].key);
    word(words, "--voters");
    word(words, "%s", keys);
    if (plan->boxes[box->index].role == ROLE_NCM)
        word(words, "--arbiter");
}

static void
daemon_words(const struct netns_box *box, struct words *words)
{
    const struct netns *netns = box->netns;
    const struct plan_box *planned = &netns->plan->boxes[box->index];
    char path[NETNS_PATH_MAX];

    word(words, "%s", netns->refnosd);
    word(words, "--identity");
    word(words, "%s", box->home);
    word(words, "--plane-a");
    word(words, "mgmt0");
    word(words, "--plane-b");
    word(words, "mgmt1");
    word(words, "--fabric-prefix");
    word(words, "fab");
    word(words, "--fabric-ports");
    word(words, "%u", planned->model->fabric_ports);
    word(words, "--front-ports");
    word(words, "%u", planned->model->front_ports);
    word(words, "--hardware");
    hardware_path(box, path);
    word(words, "%s", path);
    word(words, "--socket");
    netns_socket_path(box, path);
    word(words, "%s", path);
    word(words, "--watch-fd");
    word(words, "%d", WATCH_FD);
    word(words, "--no-restart");
    if (planned->role == ROLE_NCC) {
        word(words, "--plan");
        word(words, "%s/plan", netns->rack.dir);
    }
    if (planned->model->alone)
        word(words, "--alone"); /* its own voter */
    else
        voter_words(box, words);
    if (netns->per_service)
        word(words, "--per-service");
    if (netns->meter)
        word(words, "--meter");
    if (box->wall_offset_ns != 0)
        word(words, "--wall-offset-ns=%lld", (long long)box->wall_offset_ns);
    if (netns->record) {
        word(words, "--record");
        word(words, "%s/%s-%llu.rec", netns->keep_dir, planned->name,
             (unsigned long long)box->starts);
    }
}

/* ---- in the child ---- */

/* A time namespace whose monotonic clock is ahead. */
static void
clock_shift(uint64_t shift_ns)
{
    char text[64];
    int fd;

    if (shift_ns == 0)
        return;
    (void)snprintf(text, sizeof(text), "monotonic %llu %llu\n",
                   (unsigned long long)(shift_ns / 1000000000u),
                   (unsigned long long)(shift_ns % 1000000000u));
    if (unshare(CLONE_NEWTIME) != 0 ||
        rack_file_write("/proc/self/timens_offsets", text) != 0)
        _exit(125);
    fd = open("/proc/self/ns/time_for_children", O_RDONLY | O_CLOEXEC);
    if (fd < 0 || setns(fd, CLONE_NEWTIME) != 0)
        _exit(125);
}

/* A box has its CPUs for itself: what else this machine does should not stop
 * the heart of its NOS.  A new session may be a scheduling group of its own,
 * in which niceness counts for nothing; then the group gets it. */
static void
priority_raise(void)
{
    (void)setpriority(PRIO_PROCESS, 0, PRIORITY);
    if (access("/proc/self/autogroup", W_OK) == 0)
        (void)!rack_file_write("/proc/self/autogroup", PRIORITY_TEXT);
}

/* Only what a daemon may need to know of where we came from. */
static char **
environment(void)
{
    static const char *const names[] = {"PATH", "TMPDIR", "ASAN_OPTIONS",
                                        "UBSAN_OPTIONS", "LSAN_OPTIONS"};
    static char text[ARRAY_COUNT(names)][512];
    static char *list[ARRAY_COUNT(names) + 1];
    size_t count = 0;

    for (size_t i = 0; i < ARRAY_COUNT(names); i++) {
        const char *value = getenv(names[i]);

        if (value == NULL || strlen(value) > 400)
            continue;
        (void)snprintf(text[count], sizeof(text[count]), "%s=%s", names[i],
                       value);
        list[count] = text[count];
        count++;
    }
    list[count] = NULL;
    return list;
}

NO_RETURN static void
daemon_exec(const struct netns_box *box, const struct words *words,
            int watch_fd, int log_fd)
{
    static const int signals[] = {SIGINT,  SIGTERM, SIGHUP,
                                  SIGPIPE, SIGQUIT, SIGCHLD};
    int null = open("/dev/null", O_RDONLY | O_CLOEXEC);
    sigset_t none;

    for (size_t i = 0; i < ARRAY_COUNT(signals); i++)
        (void)signal(signals[i], SIG_DFL);
    (void)sigemptyset(&none);
    (void)sigprocmask(SIG_SETMASK, &none, NULL);
    priority_raise();
    clock_shift(box->shift_ns);
    watch_fd = fcntl(watch_fd, F_DUPFD, 10);
    log_fd = fcntl(log_fd, F_DUPFD, 10);
    (void)dup2(null, 0);
    (void)dup2(log_fd, 1);
    (void)dup2(log_fd, 2);
    (void)dup2(watch_fd, WATCH_FD);
    (void)close_range(WATCH_FD + 1, ~0u, 0);
    (void)execve(words->argv[0], words->argv, environment());
    fprintf(stderr, "%s: %s\n", words->argv[0], strerror(errno));
    _exit(127);
}

/* ---- in the harness ---- */

static int
log_open(const struct netns_box *box)
{
    const struct netns *netns = box->netns;
    char path[2 * NETNS_PATH_MAX];

    (void)snprintf(path, sizeof(path), "%s/%s.log",
                   netns->keep_dir[0] != '\0' ? netns->keep_dir
                                              : netns->rack.dir,
                   netns->plan->boxes[box->index].name);
    return open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0644);
}

static int
watch_for(struct netns_box *box, int fd, unsigned what)
{
    struct epoll_event event = {
        .events = EPOLLIN,
        .data.u64 = ((uint64_t)box->index << 16) | what,
    };

    return epoll_ctl(box->netns->epoll_fd, EPOLL_CTL_ADD, fd, &event) == 0
               ? 0
               : ERR_IO;
}

static int
adopt(struct netns_box *box, pid_t pid, int watch_fd)
{
    int err;

    box->pid = pid;
    box->watch_fd = watch_fd;
    box->pid_fd = pidfd_open(pid, 0);
    err = box->pid_fd < 0 ? ERR_IO : watch_for(box, box->watch_fd, 0x200);
    return err == 0 ? watch_for(box, box->pid_fd, 0x300) : err;
}

int
daemon_spawn(struct netns_box *box)
{
    struct netns *netns = box->netns;
    struct words *words = calloc(1, sizeof(*words));
    int log_fd = log_open(box);
    int fds[2] = {-1, -1};
    pid_t pid = -1;

    CHECK(words != NULL);
    daemon_words(box, words);
    if (log_fd >= 0 && pipe2(fds, O_CLOEXEC) == 0) {
        (void)fcntl(fds[0], F_SETPIPE_SZ, PIPE_BYTES);
        (void)fcntl(fds[0], F_SETFL, O_NONBLOCK);
        pid = rack_fork(&netns->rack, netns->net->boxes[box->index].ns);
        if (pid == 0)
            daemon_exec(box, words, fds[1], log_fd);
        (void)close(fds[1]);
    }
    free(words);
    if (log_fd >= 0)
        (void)close(log_fd);
    if (pid > 0)
        return adopt(box, pid, fds[0]);
    if (fds[0] >= 0)
        (void)close(fds[0]);
    return ERR_IO;
}
