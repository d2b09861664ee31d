/* SPDX-License-Identifier: Apache-2.0 */
#ifndef NOS_LINUX_WATCH_WATCH_PRIV_H
#define NOS_LINUX_WATCH_WATCH_PRIV_H

#include "reference-nos/linux/watch/watch.h"

/* "ready", "trace", ... */
const char *watch_kind_name(unsigned kind);

#endif
