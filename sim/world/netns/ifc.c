/* SPDX-License-Identifier: Apache-2.0 */
#define _GNU_SOURCE

#include <linux/ethtool.h>
#include <linux/sockios.h>
#include <net/if.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>

#include "sim/world/netns/net_priv.h"

static struct ifreq
request_for(const char *name)
{
    struct ifreq request;

    memset(&request, 0, sizeof(request));
    (void)snprintf(request.ifr_name, sizeof(request.ifr_name), "%s", name);
    return request;
}

void
interface_set(int control, const char *name, bool up)
{
    struct ifreq request = request_for(name);

    if (ioctl(control, SIOCGIFFLAGS, &request) != 0)
        return;
    if (up)
        request.ifr_flags |= IFF_UP;
    else
        request.ifr_flags = (short)(request.ifr_flags & ~IFF_UP);
    (void)ioctl(control, SIOCSIFFLAGS, &request);
}

bool
interface_running(int control, const char *name)
{
    struct ifreq request = request_for(name);

    return ioctl(control, SIOCGIFFLAGS, &request) == 0 &&
           (request.ifr_flags & IFF_RUNNING) != 0;
}

unsigned
interface_index(int control, const char *name)
{
    struct ifreq request = request_for(name);

    return ioctl(control, SIOCGIFINDEX, &request) == 0
               ? (unsigned)request.ifr_ifindex
               : 0;
}

void
interface_mac(int control, const char *name, uint8_t mac[6])
{
    struct ifreq request = request_for(name);

    memset(mac, 0, 6);
    if (ioctl(control, SIOCGIFHWADDR, &request) == 0)
        memcpy(mac, request.ifr_hwaddr.sa_data, 6);
}

int
interface_enslave(int control, const char *bridge, const char *name, bool in)
{
    unsigned index = interface_index(control, name);
    struct ifreq request = request_for(bridge);

    request.ifr_ifindex = (int)index;
    return ioctl(control, in ? SIOCBRADDIF : SIOCBRDELIF, &request) == 0
               ? 0
               : ERR_IO;
}

void
interface_checksums(int control, const char *name)
{
    struct ifreq request = request_for(name);
    struct ethtool_value value = {.cmd = ETHTOOL_STXCSUM, .data = 0};

    request.ifr_data = (void *)&value;
    (void)ioctl(control, SIOCETHTOOL, &request);
}
