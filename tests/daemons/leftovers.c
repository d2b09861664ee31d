/* SPDX-License-Identifier: Apache-2.0 */
#define _GNU_SOURCE
#include "tests/daemons/leftovers.h"

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

static unsigned
entries_count(const char *path)
{
    DIR *folder = opendir(path);
    const struct dirent *entry;
    unsigned count = 0;

    if (folder == NULL)
        return 0;
    while ((entry = readdir(folder)) != NULL)
        count += entry->d_name[0] != '.';
    (void)closedir(folder);
    return count;
}

/* Namespaces that mounts of ours hold. */
static unsigned
mounts_count(void)
{
    FILE *file = fopen("/proc/self/mounts", "re");
    char line[1024];
    unsigned count = 0;

    if (file == NULL)
        return 0;
    while (fgets(line, sizeof(line), file) != NULL)
        count += strncmp(line, "nsfs ", 5) == 0;
    (void)fclose(file);
    return count;
}

bool
leftovers_open(struct leftovers *leftovers)
{
    strcpy(leftovers->folder, "/tmp/kill-rounds-XXXXXX");
    if (mkdtemp(leftovers->folder) == NULL ||
        setenv("TMPDIR", leftovers->folder, 1) != 0 ||
        prctl(PR_SET_CHILD_SUBREAPER, 1) != 0)
        return false;
    leftovers->descriptors = entries_count("/proc/self/fd");
    leftovers->mounts = mounts_count();
    return true;
}

/* Ended ones are only waited for. */
static bool
process_lives(void)
{
    pid_t pid;

    do
        pid = waitpid(-1, NULL, WNOHANG);
    while (pid > 0);
    return pid == 0;
}

bool
leftovers_close(struct leftovers *leftovers)
{
    bool process = process_lives();
    unsigned descriptors = entries_count("/proc/self/fd");
    unsigned files = entries_count(leftovers->folder);
    unsigned mounts = mounts_count();
    bool good = !process && descriptors == leftovers->descriptors &&
                files == 0 && mounts <= leftovers->mounts;

    printf("left: %s processes, %u files, %d descriptors, %d mounts\n",
           process ? "living" : "no", files,
           (int)descriptors - (int)leftovers->descriptors,
           (int)mounts - (int)leftovers->mounts);
    (void)rmdir(leftovers->folder);
    return good;
}
