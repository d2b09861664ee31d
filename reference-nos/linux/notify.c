/* SPDX-License-Identifier: Apache-2.0 */
#include "reference-nos/linux/notify.h"

#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

void
notify_send(const char *text)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    const char *path = getenv("NOTIFY_SOCKET");
    size_t size;
    int fd;

    if (path == NULL || (*path != '/' && *path != '@'))
        return;
    size = strlen(path);
    if (size >= sizeof(address.sun_path))
        return;
    memcpy(address.sun_path, path, size);
    if (*path == '@')
        address.sun_path[0] = '\0'; /* abstract */
    fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    if (fd < 0)
        return;
    (void)sendto(fd, text, strlen(text), MSG_DONTWAIT | MSG_NOSIGNAL,
                 (struct sockaddr *)&address,
                 (socklen_t)(offsetof(struct sockaddr_un, sun_path) + size));
    (void)close(fd);
}

/* Half the time the manager waits, as sd_watchdog_enabled(3) advises. */
uint64_t
notify_watchdog_ms(void)
{
    const char *text = getenv("WATCHDOG_USEC");
    const char *pid = getenv("WATCHDOG_PID");

    if (text == NULL ||
        (pid != NULL && strtoull(pid, NULL, 10) != (uint64_t)getpid()))
        return 0;
    return strtoull(text, NULL, 10) / 2000;
}
