/* SPDX-License-Identifier: Apache-2.0 */
#include "reports/paths.h"

#include <ctype.h>
#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "reference-nos/base/err.h"

enum { SAME_STAMP_LIMIT = 99 };

int
paths_errno_code(int number)
{
    switch (number) {
    case ENOSPC:
    case EDQUOT:
    case EFBIG: return ERR_NOSPACE;
    case EROFS:
    case EACCES:
    case EPERM:
    case EISDIR:
    case ENOENT:
    case ENOTDIR: return ERR_READONLY;
    case EEXIST: return ERR_EXISTS;
    default: return ERR_IO;
    }
}

static int
path_fail(const char *path, int number, char *error, size_t error_size)
{
    snprintf(error, error_size, "%s: %s", path, strerror(number));
    return paths_errno_code(number);
}

/* Appends "/name" with unsafe letters replaced. */
static int
path_append(char path[PATHS_BYTES], const char *name)
{
    size_t length = strlen(path);

    if (length + 1 + strlen(name) + 1 > PATHS_BYTES || *name == '\0')
        return ERR_RANGE;
    path[length++] = '/';
    for (; *name != '\0'; name++) {
        unsigned char letter = (unsigned char)*name;
        bool plain = letter < 0x80 && (isalnum(letter) || letter == '_' ||
                                       letter == '-' || letter == '.');

        path[length++] = plain ? (char)letter : '-';
    }
    path[length] = '\0';
    if (strcmp(strrchr(path, '/'), "/.") == 0 ||
        strcmp(strrchr(path, '/'), "/..") == 0)
        return ERR_RANGE;
    return 0;
}

/* Makes 'path' and its parents; an existing folder is fine.  What cannot be
 * made may exist all the same, so the reason counts only at the end. */
static int
folders_make(const char *path)
{
    char part[PATHS_BYTES];
    int refused = 0;
    size_t i;

    for (i = 1;; i++) {
        if (path[i] != '/' && path[i] != '\0')
            continue;
        memcpy(part, path, i);
        part[i] = '\0';
        if (mkdir(part, 0777) != 0 && errno != EEXIST && errno != EISDIR) {
            if (errno != EROFS)
                return errno;
            refused = EROFS;
        }
        if (path[i] == '\0')
            break;
    }
    if (access(path, W_OK) == 0)
        return 0;
    return refused != 0 ? refused : errno;
}

static int
stamped_make(char path[PATHS_BYTES], const char *stamp)
{
    size_t base = strlen(path);
    char name[PATHS_BYTES];
    int i;

    for (i = 1; i <= SAME_STAMP_LIMIT; i++) {
        path[base] = '\0';
        if (i == 1)
            snprintf(name, sizeof(name), "%s", stamp);
        else
            snprintf(name, sizeof(name), "%.900s-%d", stamp, i);
        if (path_append(path, name) != 0)
            return ENAMETOOLONG;
        if (mkdir(path, 0777) == 0)
            return 0;
        if (errno != EEXIST)
            return errno;
    }
    return EEXIST;
}

int
paths_results_make(const char *root, const char *scenario, const char *stamp,
                   char path[PATHS_BYTES], char *error, size_t error_size)
{
    char made[PATHS_BYTES];
    int number;

    if (*root == '\0' || strlen(root) >= sizeof(made)) {
        snprintf(error, error_size, "results folder: name empty or too long");
        return ERR_RANGE;
    }
    snprintf(made, sizeof(made), "%s", root);
    if (path_append(made, scenario) != 0) {
        snprintf(error, error_size, "%s: cannot name a folder after '%s'",
                 root, scenario);
        return ERR_RANGE;
    }
    number = folders_make(made);
    if (number == 0)
        number = stamped_make(made, stamp);
    if (number == ENAMETOOLONG) {
        snprintf(error, error_size, "%s: path too long", made);
        return ERR_RANGE;
    }
    if (number != 0)
        return path_fail(made, number, error, error_size);
    memcpy(path, made, sizeof(made));
    return 0;
}

int
paths_latest_link(const char *path, char *error, size_t error_size)
{
    char fresh[PATHS_BYTES + 16];
    char link[PATHS_BYTES + 16];
    const char *name = strrchr(path, '/');
    int base;

    name = name != NULL ? name + 1 : path;
    base = (int)(name - path);
    snprintf(link, sizeof(link), "%.*slatest", base, path);
    snprintf(fresh, sizeof(fresh), "%.*s.latest.new", base, path);
    if ((unlink(fresh) != 0 && errno != ENOENT) || symlink(name, fresh) != 0 ||
        rename(fresh, link) != 0) {
        int number = errno;

        unlink(fresh);
        return path_fail(link, number, error, error_size);
    }
    return 0;
}
