/* SPDX-License-Identifier: Apache-2.0
 *
 * CHECK: programmer mistakes, never compiled out.
 *
 * Bytes from peers, files, devices or operators never meet a CHECK; they
 * return errors.  The core cannot end the world by itself: check_failed() is
 * given by whoever links it (reference-nos/linux/panic.c prints and aborts;
 * the simulator ends the run with its virtual time).
 */
#ifndef NOS_BASE_CHECK_H
#define NOS_BASE_CHECK_H

#include "reference-nos/base/compiler.h"

NO_RETURN void check_failed(const char *file, int line, const char *condition);

#define CHECK(condition)                                                      \
    do {                                                                      \
        if (UNLIKELY(!(condition)))                                           \
            check_failed(__FILE__, __LINE__, #condition);                     \
    } while (0)

#endif
