/* SPDX-License-Identifier: Apache-2.0 */
#define _GNU_SOURCE

#include "sim/world/netns/rack_priv.h"

#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "reference-nos/base/check.h"

#define LIFE_FD 3
#define TOLD_FD 4

/* What the guardian tells the harness once. */
struct told {
    pid_t init;
    int error; /* errno; 0: all is well */
    char step[32];
};

/* ---- guardian and process 1 ---- */

NO_RETURN static void
tell_and_exit(struct told *told, const char *step)
{
    told->error = errno != 0 ? errno : EIO;
    (void)snprintf(told->step, sizeof(told->step), "%s", step);
    (void)!write(TOLD_FD, told, sizeof(*told));
    _exit(1);
}

static int
entry_remove(const char *path, const struct stat *status, int kind,
             struct FTW *at)
{
    (void)status;
    (void)kind;
    (void)at;
    (void)remove(path);
    return 0;
}

static void
ignore_signals(void)
{
    static const int signals[] = {SIGINT, SIGTERM, SIGHUP, SIGPIPE, SIGQUIT};

    for (size_t i = 0; i < ARRAY_COUNT(signals); i++)
        (void)signal(signals[i], SIG_IGN);
}

/* Process 1: owns the namespaces and buries what others leave behind. */
NO_RETURN static void
init_main(struct told *told)
{
    (void)prctl(PR_SET_PDEATHSIG, SIGKILL);
    (void)signal(SIGCHLD, SIG_IGN);
    errno = 0;
    if (unshare(CLONE_NEWNS | CLONE_NEWNET) != 0)
        tell_and_exit(told, "unshare mount and network");
    if (mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) != 0)
        tell_and_exit(told, "private mounts");
    if (mount("proc", "/proc", "proc", 0, NULL) != 0)
        tell_and_exit(told, "mount /proc");
    if (mount("tmpfs", "/run", "tmpfs", 0, "mode=755") != 0)
        tell_and_exit(told, "mount /run");
    if (mkdir("/run/netns", 0755) != 0)
        tell_and_exit(told, "make /run/netns");
    (void)!write(TOLD_FD, told, sizeof(*told));
    (void)close(TOLD_FD);
    (void)close(LIFE_FD);
    for (;;)
        (void)pause();
}

static void
keep_two_descriptors(int life_fd, int told_fd)
{
    int life = fcntl(life_fd, F_DUPFD, 10);
    int told = fcntl(told_fd, F_DUPFD, 10);
    int null = open("/dev/null", O_RDWR);

    for (int fd = 0; fd < 3; fd++)
        (void)dup2(null, fd);
    (void)dup2(life, LIFE_FD);
    (void)dup2(told, TOLD_FD);
    (void)close_range(TOLD_FD + 1, ~0u, 0);
}

NO_RETURN static void
guardian_main(const char *dir, int life_fd, int told_fd)
{
    struct told told = {0};
    struct pollfd life = {.fd = LIFE_FD};

    keep_two_descriptors(life_fd, told_fd);
    (void)setsid();
    (void)prctl(PR_SET_NAME, "netns-guardian");
    (void)!chdir("/");
    ignore_signals();
    (void)signal(SIGCHLD, SIG_DFL);
    errno = 0;
    if (unshare(CLONE_NEWPID) != 0)
        tell_and_exit(&told, "unshare processes");
    told.init = fork();
    if (told.init == 0)
        init_main(&told);
    if (told.init < 0)
        tell_and_exit(&told, "fork");
    (void)!write(TOLD_FD, &told, sizeof(told));
    (void)close(TOLD_FD);
    /* The end of the pipe is an event that is always asked for. */
    while (poll(&life, 1, -1) < 0 && errno == EINTR) {
    }
    (void)kill(told.init, SIGKILL);
    while (waitpid(told.init, NULL, 0) < 0 && errno == EINTR) {
    }
    (void)nftw(dir, entry_remove, 32, FTW_DEPTH | FTW_PHYS);
    _exit(0);
}

/* ---- the harness's side ---- */

static int
namespace_open(pid_t pid, const char *which, int *fd)
{
    char path[48];

    (void)snprintf(path, sizeof(path), "/proc/%d/ns/%s", (int)pid, which);
    *fd = open(path, O_RDONLY | O_CLOEXEC);
    return *fd < 0 ? ERR_IO : 0;
}

/* Two messages: the guardian tells who process 1 is, which tells that it is
 * ready; in either order. */
static int
hear(struct rack *rack, int told_fd, char *message, size_t message_size)
{
    struct told told;

    for (unsigned i = 0; i < 2; i++) {
        ssize_t size = read(told_fd, &told, sizeof(told));

        if (size != (ssize_t)sizeof(told)) {
            (void)snprintf(message, message_size,
                           "the guardian of the namespaces died");
            return ERR_IO;
        }
        if (told.error != 0) {
            (void)snprintf(message, message_size, "%s: %s", told.step,
                           strerror(told.error));
            return told.error == EPERM || told.error == EACCES
                       ? ERR_PERMISSION
                       : ERR_UNSUPPORTED;
        }
        if (told.init != 0)
            rack->init = told.init;
    }
    return 0;
}

static int
folder_make(struct rack *rack, char *message, size_t message_size)
{
    const char *tmp = getenv("TMPDIR");
    int size;

    if (tmp == NULL || tmp[0] != '/' || strlen(tmp) > RACK_PATH_MAX / 2)
        tmp = "/tmp";
    size = snprintf(rack->dir, sizeof(rack->dir), "%s/s9-%d-XXXXXX", tmp,
                    (int)getpid());
    CHECK(size > 0 && (size_t)size < sizeof(rack->dir));
    if (mkdtemp(rack->dir) != NULL)
        return 0;
    (void)snprintf(message, message_size, "%s: %s", rack->dir,
                   strerror(errno));
    return ERR_IO;
}

static int
guardian_start(struct rack *rack, char *message, size_t message_size)
{
    int life[2], told[2];
    int err;

    if (pipe2(life, O_CLOEXEC) != 0)
        return ERR_IO;
    if (pipe2(told, O_CLOEXEC) != 0) {
        (void)close(life[0]);
        (void)close(life[1]);
        return ERR_IO;
    }
    rack->guardian = fork();
    if (rack->guardian == 0)
        guardian_main(rack->dir, life[0], told[1]);
    (void)close(life[0]);
    (void)close(told[1]);
    rack->life_fd = life[1];
    err = rack->guardian < 0 ? ERR_IO
                             : hear(rack, told[0], message, message_size);
    (void)close(told[0]);
    return err;
}

/* The root folder of a process in the rack. */
static int
root_open(pid_t pid, int *fd)
{
    char path[64];

    (void)snprintf(path, sizeof(path), "/proc/%d/root", (int)pid);
    *fd = open(path, O_PATH | O_DIRECTORY | O_CLOEXEC);
    return *fd >= 0 ? 0 : ERR_IO;
}

int
rack_open(struct rack *rack, char *message, size_t message_size)
{
    int err;

    *rack = (struct rack){.life_fd = -1,
                          .net_ns = -1,
                          .mnt_ns = -1,
                          .pid_ns = -1,
                          .root = -1,
                          .home_net_ns = -1,
                          .home_pid_ns = -1};
    if (geteuid() != 0) {
        (void)snprintf(message, message_size,
                       "network namespaces need root (CAP_SYS_ADMIN and "
                       "CAP_NET_ADMIN)");
        return ERR_PERMISSION;
    }
    err = folder_make(rack, message, message_size);
    if (err != 0)
        return err;
    err = guardian_start(rack, message, message_size);
    if (err == 0)
        err = namespace_open(rack->init, "net", &rack->net_ns);
    if (err == 0)
        err = namespace_open(rack->init, "mnt", &rack->mnt_ns);
    if (err == 0)
        err = namespace_open(rack->init, "pid", &rack->pid_ns);
    if (err == 0)
        err = root_open(rack->init, &rack->root);
    if (err == 0)
        err = namespace_open(getpid(), "net", &rack->home_net_ns);
    if (err == 0)
        err = namespace_open(getpid(), "pid", &rack->home_pid_ns);
    if (err != 0)
        rack_close(rack);
    return err;
}

void
rack_close(struct rack *rack)
{
    int fds[] = {rack->net_ns, rack->mnt_ns,      rack->pid_ns,
                 rack->root,   rack->home_net_ns, rack->home_pid_ns};

    for (size_t i = 0; i < ARRAY_COUNT(fds); i++) {
        if (fds[i] >= 0)
            (void)close(fds[i]);
    }
    if (rack->life_fd >= 0)
        (void)close(rack->life_fd);
    if (rack->guardian > 0)
        (void)rack_wait(rack->guardian);
    /* The guardian that never was, or failed early, removed nothing. */
    (void)nftw(rack->dir, entry_remove, 32, FTW_DEPTH | FTW_PHYS);
    *rack = (struct rack){.life_fd = -1};
}

/* ---- processes ---- */

pid_t
rack_fork(const struct rack *rack, int net_ns)
{
    pid_t pid;

    if (setns(rack->pid_ns, CLONE_NEWPID) != 0)
        return -1;
    pid = fork();
    if (pid == 0) {
        /* Only the harness may hold it: its end is what the guardian hears. */
        (void)close(rack->life_fd);
        (void)prctl(PR_SET_PDEATHSIG, SIGKILL);
        (void)setsid();
        if (setns(rack->mnt_ns, CLONE_NEWNS) != 0 || fchdir(rack->root) != 0 ||
            chroot(".") != 0 || setns(net_ns, CLONE_NEWNET) != 0)
            _exit(126);
        return 0;
    }
    CHECK(setns(rack->home_pid_ns, CLONE_NEWPID) == 0);
    return pid;
}

int
rack_wait(pid_t pid)
{
    int status;

    while (waitpid(pid, &status, 0) < 0) {
        if (errno != EINTR)
            return 127;
    }
    return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

/* A file in memory that holds 'text', read from its start. */
static int
memory_file(const char *text)
{
    int fd = memfd_create("netns", MFD_CLOEXEC);
    size_t size = strlen(text);

    if (fd >= 0 && (write(fd, text, size) != (ssize_t)size ||
                    lseek(fd, 0, SEEK_SET) != 0)) {
        (void)close(fd);
        fd = -1;
    }
    return fd;
}

/* For exec: the arrays of the callers are constant, argv of execvp is not. */
NO_RETURN static void
program_exec(const char *const *argv, int in, int out)
{
    char *copy[32];
    size_t count = 0;

    for (; argv[count] != NULL && count < ARRAY_COUNT(copy) - 1; count++)
        copy[count] = strdup(argv[count]);
    copy[count] = NULL;
    (void)dup2(in, 0);
    (void)dup2(out, 1);
    (void)dup2(out, 2);
    (void)close_range(3, ~0u, 0);
    (void)signal(SIGPIPE, SIG_DFL);
    (void)execvp(copy[0], copy);
    _exit(127);
}

static void
output_read(int fd, char *output)
{
    ssize_t size = pread(fd, output, RACK_OUTPUT_MAX - 1, 0);

    output[size > 0 ? size : 0] = '\0';
    while (size > 0 && (output[size - 1] == '\n' || output[size - 1] == ' '))
        output[--size] = '\0';
}

int
rack_program(const struct rack *rack, int net_ns, const char *const *argv,
             const char *input, char *output)
{
    int in = memory_file(input != NULL ? input : "");
    int out = memory_file("");
    int err = ERR_IO;
    pid_t pid;
    int code;

    output[0] = '\0';
    if (in < 0 || out < 0)
        goto done;
    pid = rack_fork(rack, net_ns);
    if (pid == 0)
        program_exec(argv, in, out);
    code = pid < 0 ? 127 : rack_wait(pid);
    output_read(out, output);
    err = code == 0 ? 0 : code == 127 ? ERR_NOENT : ERR_IO;
    if (code != 0 && output[0] == '\0')
        (void)snprintf(output, RACK_OUTPUT_MAX, "%s ended with %d", argv[0],
                       code);
done:
    if (in >= 0)
        (void)close(in);
    if (out >= 0)
        (void)close(out);
    return err;
}

int
rack_call(const struct rack *rack, int net_ns, int (*call)(void *arg),
          void *arg)
{
    pid_t pid = rack_fork(rack, net_ns);

    if (pid == 0)
        _exit(call(arg) == 0 ? 0 : 1);
    return pid > 0 && rack_wait(pid) == 0 ? 0 : ERR_IO;
}

/* ---- small things ---- */

int
rack_namespace(const struct rack *rack, const char *name, int *fd)
{
    char path[96];

    (void)snprintf(path, sizeof(path), "/proc/%d/root/run/netns/%s",
                   (int)rack->init, name);
    *fd = open(path, O_RDONLY | O_CLOEXEC);
    return *fd < 0 ? ERR_NOENT : 0;
}

int
rack_socket(const struct rack *rack, int net_ns, int domain, int type,
            int protocol, int *fd)
{
    if (setns(net_ns, CLONE_NEWNET) != 0)
        return ERR_IO;
    *fd = socket(domain, type | SOCK_CLOEXEC, protocol);
    CHECK(setns(rack->home_net_ns, CLONE_NEWNET) == 0);
    return *fd < 0 ? ERR_IO : 0;
}

int
rack_file_write(const char *path, const char *text)
{
    int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
    size_t size = strlen(text);
    int err = 0;

    if (fd < 0)
        return ERR_IO;
    if (write(fd, text, size) != (ssize_t)size)
        err = ERR_IO;
    if (close(fd) != 0)
        err = ERR_IO;
    return err;
}
