/* SPDX-License-Identifier: Apache-2.0 */
#define _GNU_SOURCE
#include "tests/hostile/lab.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "reference-nos/linux/secure/identity.h"
#include "reference-nos/linux/socket/socket.h"
#include "reference-nos/schema/plan.h"
#include "tests/hostile/news.h"

#define CANNOT 77
#define COMMAND_MAX 512
#define ANSWER_MS 2000
#define DAYS 2
#define KEY_TRIES 1000u

static const char *const names[LAB_PLACES] = {"ncc-0", "ncc-1",    "ncm-a",
                                              "ncp-0", "stolen-0", "stolen-1"};
static const enum role roles[LAB_BOXES] = {ROLE_NCC, ROLE_NCC, ROLE_NCM,
                                           ROLE_NCP};

uint64_t
lab_now_ns(void)
{
    struct timespec now;

    (void)clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
}

/* Of our own making all words of it. */
static bool PRINTF_LIKE(1, 2) shell(const char *format, ...)
{
    char command[COMMAND_MAX];
    va_list args;

    va_start(args, format);
    (void)vsnprintf(command, sizeof(command), format, args);
    va_end(args);
    return system(command) == 0;
}

/* ---- identities ---- */

static void
path_of(const struct lab *lab, const char *name, char path[LAB_PATH_MAX])
{
    (void)snprintf(path, LAB_PATH_MAX, "%.64s/%.40s", lab->folder, name);
}

static bool
issue(const struct lab *lab, const char *authority, const char *name, int days,
      uint64_t *key)
{
    char from[LAB_PATH_MAX], to[LAB_PATH_MAX], message[256];
    struct identity_request request = {from, to, name, ROLE_NCP, days};

    path_of(lab, authority, from);
    path_of(lab, name, to);
    if (access(from, F_OK) != 0 &&
        identity_authority_make(from, authority, DAYS, message,
                                sizeof(message)) != 0)
        return false;
    return identity_issue(&request, key, message, sizeof(message)) == 0;
}

bool
lab_issue(const struct lab *lab, const char *authority, const char *name,
          int days)
{
    uint64_t key;

    return issue(lab, authority, name, days, &key);
}

bool
lab_issue_low(const struct lab *lab, const char *name)
{
    uint64_t lowest = UINT64_MAX, key;

    for (unsigned i = 0; i < LAB_BOXES; i++)
        if (lab->boxes[i].key < lowest)
            lowest = lab->boxes[i].key;
    /* One of five keys is. */
    for (unsigned tries = 0; tries < KEY_TRIES; tries++) {
        if (!shell("rm -rf %s/%s", lab->folder, name) ||
            !issue(lab, "authority", name, 1, &key))
            return false;
        if (key < lowest)
            return true;
    }
    return false;
}

bool
lab_revoke(const struct lab *lab, const char *name)
{
    char from[LAB_PATH_MAX], of[LAB_PATH_MAX], message[256];
    bool good;

    path_of(lab, "authority", from);
    path_of(lab, name, of);
    good = identity_revoke(from, of, message, sizeof(message)) == 0;
    for (unsigned i = 0; good && i < LAB_BOXES; i++)
        good = shell("cp %s/cluster.crl %s/cluster.crl.new && "
                     "mv %s/cluster.crl.new %s/cluster.crl",
                     from, lab->boxes[i].home, lab->boxes[i].home,
                     lab->boxes[i].home);
    return good;
}

static void
box_name(struct lab *lab, unsigned place)
{
    struct lab_box *box = &lab->boxes[place];

    box->name = names[place];
    path_of(lab, box->name, box->home);
    (void)snprintf(box->socket, sizeof(box->socket), "%.100s.sock", box->home);
    (void)snprintf(box->log, sizeof(box->log), "%.100s.log", box->home);
}

static bool
box_issue(struct lab *lab, unsigned place)
{
    struct lab_box *box = &lab->boxes[place];
    char from[LAB_PATH_MAX], message[256];
    struct identity_request request = {from, box->home, box->name,
                                       roles[place], DAYS};

    path_of(lab, "authority", from);
    box->role = roles[place];
    return identity_issue(&request, &box->key, message, sizeof(message)) == 0;
}

bool
lab_steal(struct lab *lab, unsigned box, unsigned place)
{
    struct lab_box *thief = &lab->boxes[place];

    thief->role = lab->boxes[box].role;
    thief->key = lab->boxes[box].key;
    return shell("mkdir %s && cp -p %s/box.* %s/cluster.crt %s", thief->home,
                 lab->boxes[box].home, lab->boxes[box].home, thief->home);
}

/* A plan that names no box: who comes gets the lowest free number. */
static bool
plan_make(const struct lab *lab)
{
    char home[LAB_PATH_MAX], path[LAB_PATH_MAX], message[256];
    struct cluster_row cluster = {.tombstone_s = 1800};
    struct identity *identity;
    struct wire_writer writer;
    uint8_t bytes[256];
    FILE *file;
    bool good;

    path_of(lab, names[0], home);
    if (identity_load(home, &identity, message, sizeof(message)) != 0)
        return false;
    cluster.cluster_id = identity_cluster_id(identity);
    identity_destroy(identity);
    cluster.pool_size[ROLE_NCC] = MODULE_POOL_NCC;
    cluster.pool_size[ROLE_NCP] = MODULE_POOL_NCP;
    cluster.pool_size[ROLE_NCF] = MODULE_POOL_NCF;
    cluster.pool_size[ROLE_NCM] = MODULE_POOL_NCM;
    wire_writer_init(&writer, bytes, sizeof(bytes));
    plan_begin(&writer, &cluster, 0, 0);
    path_of(lab, "plan", path);
    file = fopen(path, "wbe");
    if (file == NULL)
        return false;
    good = fwrite(bytes, 1, wire_writer_size(&writer), file) > 0;
    return fclose(file) == 0 && good;
}

/* ---- daemons ---- */

NO_RETURN static void
daemon_exec(const struct lab *lab, const struct lab_box *box)
{
    char voters[3 * 17 + 1], plan[LAB_PATH_MAX];
    const char *words[24] = {
        lab->refnosd,
        "--identity",
        box->home,
        "--plane-a",
        "mgmt0",
        "--socket",
        box->socket,
        "--log",
        box->log,
        "--fabric-prefix",
        "fab",
        "--fabric-ports",
        box->role == ROLE_NCP ? "1" : "0",
        "--front-ports",
        box->role == ROLE_NCP ? "4" : "0",
    };
    unsigned count = 15;

    (void)snprintf(voters, sizeof(voters), "%016llx,%016llx,%016llx",
                   (unsigned long long)lab->boxes[0].key,
                   (unsigned long long)lab->boxes[1].key,
                   (unsigned long long)lab->boxes[2].key);
    path_of(lab, "plan", plan);
    if (box->role != ROLE_NCP) {
        words[count++] = "--voters";
        words[count++] = voters;
    }
    if (box->role == ROLE_NCM)
        words[count++] = "--arbiter";
    if (box->role == ROLE_NCC) {
        words[count++] = "--plan";
        words[count++] = plan;
    }
    words[count] = NULL;
    (void)execv(words[0], (char *const *)(uintptr_t)words);
    perror(words[0]);
    _exit(127);
}

/* In the child: a namespace, then the far end of its cable, then refnosd. */
NO_RETURN static void
daemon_begin(const struct lab *lab, const struct lab_box *box, int told,
             int go)
{
    char byte = 0;

    (void)prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (unshare(CLONE_NEWNET) != 0 || write(told, &byte, 1) != 1 ||
        read(go, &byte, 1) != 1)
        _exit(126);
    (void)close(told);
    (void)close(go);
    if (!shell("echo 0 >/proc/sys/net/ipv6/conf/mgmt0/accept_dad; "
               "ip link set lo up; ip link set mgmt0 up; "
               "ip link set fab0 up 2>/dev/null || true"))
        _exit(125);
    daemon_exec(lab, box);
}

/* The cable of place N is called pN on the bridge. */
static bool
cable(const struct lab *lab, unsigned place)
{
    pid_t pid = lab->boxes[place].pid;

    (void)shell("ip link del p%u 2>/dev/null", place);
    if (place == LAB_CARD) {
        (void)shell("ip link del " LAB_FABRIC " 2>/dev/null");
        if (!shell("ip link add " LAB_FABRIC
                   " type veth peer name fab0 netns %d && "
                   "ip link set " LAB_FABRIC " up",
                   (int)pid))
            return false;
    }
    return shell("ip link add p%u type veth peer name mgmt0 netns %d && "
                 "ip link set p%u master " LAB_BRIDGE " && "
                 "ip link set p%u up",
                 place, (int)pid, place, place);
}

bool
lab_start(struct lab *lab, unsigned place)
{
    struct lab_box *box = &lab->boxes[place];
    int told[2], go[2];
    char byte = 0;
    bool good;

    if (pipe2(told, O_CLOEXEC) != 0 || pipe2(go, O_CLOEXEC) != 0)
        return false;
    (void)fflush(stdout);
    box->pid = fork();
    if (box->pid == 0)
        daemon_begin(lab, box, told[1], go[0]);
    good = box->pid > 0 && read(told[0], &byte, 1) == 1 && cable(lab, place) &&
           write(go[1], &byte, 1) == 1;
    (void)close(told[0]);
    (void)close(told[1]);
    (void)close(go[0]);
    (void)close(go[1]);
    return good;
}

void
lab_kill(struct lab *lab, unsigned place)
{
    struct lab_box *box = &lab->boxes[place];

    if (box->pid <= 0)
        return;
    (void)kill(box->pid, SIGKILL);
    (void)waitpid(box->pid, NULL, 0);
    box->pid = 0;
}

bool
lab_lives(struct lab *lab, unsigned place)
{
    struct lab_box *box = &lab->boxes[place];
    int status;

    if (box->pid <= 0)
        return false;
    if (waitpid(box->pid, &status, WNOHANG) == 0)
        return true;
    printf("%s ended: %s %d\n", box->name,
           WIFSIGNALED(status) ? "signal" : "exit code",
           WIFSIGNALED(status) ? WTERMSIG(status) : WEXITSTATUS(status));
    box->pid = 0;
    return false;
}

/* ---- questions ---- */

uint64_t
lab_ask(const struct lab *lab, unsigned place, const char *words,
        const char *field)
{
    char name[64];
    enum socket_kind kind;
    uint64_t value = UINT64_MAX;
    uint8_t *bytes;
    const char *at;
    size_t size;
    int fd;

    if (socket_connect(lab->boxes[place].socket, &fd) != 0)
        return value;
    if (socket_ask(fd, SOCKET_QUERY, words, strlen(words)) == 0 &&
        socket_answer(fd, ANSWER_MS, &kind, &bytes, &size) == 0) {
        (void)snprintf(name, sizeof(name), "\"%s\":", field);
        at = strstr((const char *)bytes, name);
        if (at != NULL)
            value = strtoull(at + strlen(name), NULL, 10);
        free(bytes);
    }
    (void)close(fd);
    return value;
}

bool
lab_all_answer(const struct lab *lab)
{
    bool good = true;

    for (unsigned i = 0; i < LAB_BOXES; i++)
        good = lab_ask(lab, i, "peers", "received") != UINT64_MAX && good;
    return good;
}

uint64_t
lab_memory_kib(const struct lab *lab, unsigned place)
{
    char path[64], line[256];
    uint64_t value = 0;
    FILE *file;

    (void)snprintf(path, sizeof(path), "/proc/%d/status",
                   (int)lab->boxes[place].pid);
    file = fopen(path, "re");
    if (file == NULL)
        return 0;
    while (fgets(line, sizeof(line), file) != NULL)
        if (strncmp(line, "VmRSS:", 6) == 0)
            value = strtoull(line + 6, NULL, 10);
    (void)fclose(file);
    return value;
}

unsigned
lab_log_count(const struct lab *lab, unsigned place, const char *text)
{
    FILE *file = fopen(lab->boxes[place].log, "re");
    char line[1024];
    unsigned count = 0;

    if (file == NULL)
        return 0;
    while (fgets(line, sizeof(line), file) != NULL)
        count += strstr(line, text) != NULL;
    (void)fclose(file);
    return count;
}

/* ---- the whole ---- */

static bool
network_make(void)
{
    return shell("echo 0 >/proc/sys/net/ipv6/conf/default/accept_dad; "
                 "ip link set lo up && "
                 "ip link add " LAB_BRIDGE " type bridge mcast_snooping 0 && "
                 "ip link set " LAB_BRIDGE " up promisc on");
}

static bool
boxes_make(struct lab *lab)
{
    char authority[LAB_PATH_MAX], message[256];

    path_of(lab, "authority", authority);
    if (identity_authority_make(authority, "hostile", DAYS, message,
                                sizeof(message)) != 0)
        return false;
    for (unsigned i = 0; i < LAB_PLACES; i++)
        box_name(lab, i);
    for (unsigned i = 0; i < LAB_BOXES; i++)
        if (!box_issue(lab, i))
            return false;
    return plan_make(lab);
}

int
lab_open(struct lab *lab, const char *refnosd, char *message,
         size_t message_size)
{
    memset(lab, 0, sizeof(*lab));
    lab->refnosd = refnosd;
    lab->news = -1;
    if (unshare(CLONE_NEWNET) != 0) {
        (void)snprintf(message, message_size, "a network namespace: %s",
                       strerror(errno));
        return CANNOT;
    }
    if (!network_make()) {
        (void)snprintf(message, message_size, "no bridge can be made here");
        return CANNOT;
    }
    strcpy(lab->folder, "/tmp/hostile-XXXXXX");
    if (mkdtemp(lab->folder) != NULL)
        lab->news = news_open(lab->folder);
    if (lab->news < 0 || !boxes_make(lab)) {
        (void)snprintf(message, message_size, "%s: cannot be filled",
                       lab->folder);
        return 1;
    }
    for (unsigned i = 0; i < LAB_BOXES; i++)
        if (!lab_start(lab, i)) {
            (void)snprintf(message, message_size, "%s does not start",
                           names[i]);
            return 1;
        }
    return 0;
}

void
lab_close(struct lab *lab)
{
    for (unsigned i = 0; i < LAB_PLACES; i++)
        lab_kill(lab, i);
    if (lab->news >= 0)
        (void)close(lab->news);
    if (lab->folder[0] != '\0')
        (void)shell("rm -rf %s", lab->folder);
}
