/* SPDX-License-Identifier: Apache-2.0
 *
 * For tests of sim/kernel alone.
 */
#ifndef SIM_KERNEL_KERNEL_PRIV_H
#define SIM_KERNEL_KERNEL_PRIV_H

#include <stdint.h>

struct kernel;

/* Pretends that 'sequence' adds were made; only on an empty kernel. */
void kernel_sequence_set(struct kernel *kernel, uint32_t sequence);

#endif
