/* SPDX-License-Identifier: Apache-2.0
 *
 * A hint for operators: lost when it cannot be written.
 */
#include "reference-nos/linux/daemon_priv.h"

#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>

static void
cause_path(const char *state, char path[OPTION_PATH_MAX + 32])
{
    (void)snprintf(path, OPTION_PATH_MAX + 32, "%s/reboot-cause", state);
}

void
cause_keep(const char *state, enum reboot_cause cause)
{
    char path[OPTION_PATH_MAX + 32];
    char text = (char)('0' + (int)cause);
    int fd;

    cause_path(state, path);
    fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    if (fd < 0)
        return;
    if (write(fd, &text, 1) != 1)
        (void)unlink(path);
    (void)close(fd);
}

bool
cause_take(const char *state, enum reboot_cause *cause)
{
    char path[OPTION_PATH_MAX + 32];
    char text;
    ssize_t got;
    int fd;

    cause_path(state, path);
    fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return false;
    got = read(fd, &text, 1);
    (void)close(fd);
    (void)unlink(path);
    if (got != 1 || text < '0' || text >= '0' + (int)REBOOT_CAUSE_COUNT)
        return false;
    *cause = (enum reboot_cause)(text - '0');
    return true;
}
