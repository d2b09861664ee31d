/* SPDX-License-Identifier: Apache-2.0
 *
 * Logarithms and exponentials in Q32.32 fixed point.
 *
 * Why      libm differs from CPU to CPU; these give the same bits everywhere
 *          (integer tables and integer polynomials).
 * Error    at most 4 units of the last place (2^-32) absolute for logarithms;
 *          for exponentials relative 2^-30 or one unit, whichever is larger.
 */
#ifndef SIM_KERNEL_FIXED_H
#define SIM_KERNEL_FIXED_H

#include <stdint.h>

#define FIXED_ONE (UINT64_C(1) << 32)
#define FIXED_LN2 UINT64_C(2977044472) /* ln 2 in Q32.32, rounded. */

/* log2(x) in Q32.32 of the integer x >= 1. */
uint64_t fixed_log2(uint64_t x);

/* ln(x) in Q32.32 of the integer x >= 1. */
uint64_t fixed_ln(uint64_t x);

/* -ln((u + 1) / 2^64) in Q32.32: 0 for the largest u, 64 ln 2 for 0. */
uint64_t fixed_minus_ln_u64(uint64_t u);

/* 2^-x and e^-x in Q32.32 for x in Q32.32; in [0, 1]. */
uint64_t fixed_exp2_minus(uint64_t x);
uint64_t fixed_exp_minus(uint64_t x);

/* 2^x in Q32.32 for x in Q32.32 below 32; UINT64_MAX from there on. */
uint64_t fixed_exp2(uint64_t x);

/* The integer part of the square root of x. */
uint32_t fixed_sqrt_u64(uint64_t x);

/* a * b / c without losing the high half; UINT64_MAX if it does not fit. */
uint64_t fixed_mul_div(uint64_t a, uint64_t b, uint64_t c);

#endif
