/* SPDX-License-Identifier: Apache-2.0
 *
 * Names for the numbers between units.  Times in the NOS are unsigned 64-bit
 * nanoseconds and end in _ns; sizes are bytes.
 */
#ifndef NOS_BASE_UNITS_H
#define NOS_BASE_UNITS_H

#include <stdint.h>

#define NS_PER_US UINT64_C(1000)
#define NS_PER_MS UINT64_C(1000000)
#define NS_PER_S UINT64_C(1000000000)
#define NS_PER_MIN (60 * NS_PER_S)
#define NS_PER_HOUR (3600 * NS_PER_S)
#define NS_PER_DAY (86400 * NS_PER_S)

/* A time that never comes. */
#define TIME_NEVER_NS UINT64_MAX

#define KIB ((size_t)1024)
#define MIB ((size_t)1024 * 1024)

#endif
