/* SPDX-License-Identifier: Apache-2.0
 *
 * What a service manager is told (sd_notify(3): a datagram to
 * NOTIFY_SOCKET).
 */
#ifndef NOS_LINUX_NOTIFY_H
#define NOS_LINUX_NOTIFY_H

#include <stdint.h>

/* "READY=1", "WATCHDOG=1", "STOPPING=1"; nothing when nobody asked. */
void notify_send(const char *text);
/* How often to send "WATCHDOG=1", in ms; 0: not at all. */
uint64_t notify_watchdog_ms(void);

#endif
