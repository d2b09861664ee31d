/* SPDX-License-Identifier: Apache-2.0
 *
 * Tables of fixed.c.  Private to sim/kernel.
 */
#ifndef SIM_KERNEL_FIXED_PRIV_H
#define SIM_KERNEL_FIXED_PRIV_H

#include <stdint.h>

extern const uint32_t fixed_inverse_table[256];
extern const uint64_t fixed_log_table[256];
extern const uint64_t fixed_exp_table[256];

#endif
