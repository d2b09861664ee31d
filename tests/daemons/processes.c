/* SPDX-License-Identifier: Apache-2.0 */
#define _GNU_SOURCE
#include "tests/daemons/processes.h"

#include <dirent.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define PREFIX "refnosd-"
#define GENERATIONS_MAX 8u

/* The start of a file in /proc, with a zero behind it. */
static bool
read_start(pid_t pid, const char *file, char *text, size_t room)
{
    char path[64];
    ssize_t size;
    int fd;

    (void)snprintf(path, sizeof(path), "/proc/%d/%s", (int)pid, file);
    fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return false;
    size = read(fd, text, room - 1);
    (void)close(fd);
    text[size > 0 ? size : 0] = '\0';
    return size > 0;
}

static pid_t
parent_of(pid_t pid)
{
    char text[512];
    const char *end;
    int parent = 0;

    /* proc_pid_stat(5): the name in brackets may hold anything. */
    if (!read_start(pid, "stat", text, sizeof(text)) ||
        (end = strrchr(text, ')')) == NULL ||
        sscanf(end, ") %*c %d", &parent) != 1)
        return 0;
    return parent;
}

static bool
is_ours(pid_t pid)
{
    for (unsigned i = 0; i < GENERATIONS_MAX && pid > 1; i++) {
        if (pid == getpid())
            return true;
        pid = parent_of(pid);
    }
    return false;
}

unsigned
processes_of_services(struct service_process *list, unsigned room)
{
    DIR *folder = opendir("/proc");
    const struct dirent *entry;
    unsigned count = 0;

    while (folder != NULL && count < room &&
           (entry = readdir(folder)) != NULL) {
        struct service_process *found = &list[count];

        found->pid = (pid_t)strtol(entry->d_name, NULL, 10);
        if (found->pid > 0 &&
            read_start(found->pid, "cmdline", found->name,
                       sizeof(found->name)) &&
            strncmp(found->name, PREFIX, strlen(PREFIX)) == 0 &&
            is_ours(found->pid))
            count++;
    }
    if (folder != NULL)
        (void)closedir(folder);
    return count;
}
