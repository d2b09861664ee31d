/* SPDX-License-Identifier: Apache-2.0
 *
 * What both ends of the socket share.
 */
#ifndef NOS_LINUX_SOCKET_SOCKET_PRIV_H
#define NOS_LINUX_SOCKET_SOCKET_PRIV_H

#include "reference-nos/linux/socket/socket.h"

#include <sys/socket.h>
#include <sys/un.h>

/* The address of 'path'.  One that is too long for the kernel goes by a
 * descriptor of its folder, which the caller close()s when it is not -1. */
MUST_USE int socket_address(const char *path, struct sockaddr_un *address,
                            int *folder);

/* The enum err of an errno. */
int socket_error(int number);

#endif
