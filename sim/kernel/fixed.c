/* SPDX-License-Identifier: Apache-2.0
 *
 * Method: split off the exponent and eight leading bits of the mantissa, look
 * both up, and finish what is left (below 2^-8) by its Taylor polynomial in
 * Q40.
 */
#include "sim/kernel/fixed.h"

#include "reference-nos/base/check.h"
#include "sim/kernel/fixed_priv.h"

__extension__ typedef unsigned __int128 u128;

#define Q40_ONE (INT64_C(1) << 40)
#define LN2_Q40 UINT64_C(762123384786)
#define LOG2E_Q30 INT64_C(1549082005)
#define LOG2E_Q32 UINT64_C(6196328019)

/* The high part of a product of Q40 numbers. */
static int64_t
multiply_q40(int64_t a, int64_t b)
{
    return (a * b) >> 40;
}

static uint64_t
log2_q40(uint64_t x)
{
    CHECK(x > 0);
    unsigned exponent = 63 - (unsigned)__builtin_clzll(x);
    uint64_t mantissa = x << (63 - exponent); /* Q63, in [1, 2) */
    unsigned index = (unsigned)(mantissa >> 55) & 0xff;
    /* mantissa = (1 + rest) / inverse, |rest| < 2^-8 */
    uint64_t product = (mantissa >> 17) * fixed_inverse_table[index];
    int64_t rest = (int64_t)(product - (UINT64_C(1) << 62)) >> 22;
    int64_t rest2 = multiply_q40(rest, rest);
    int64_t rest3 = multiply_q40(rest2, rest);
    int64_t rest4 = multiply_q40(rest3, rest);
    int64_t log = rest - rest2 / 2 + rest3 / 3 - rest4 / 4;

    int64_t sum = ((int64_t)exponent << 40) + (int64_t)fixed_log_table[index] +
                  ((log * LOG2E_Q30) >> 30);
    return sum > 0 ? (uint64_t)sum : 0; /* Rounding of log2(1). */
}

uint64_t
fixed_log2(uint64_t x)
{
    return (log2_q40(x) + (1 << 7)) >> 8;
}

uint64_t
fixed_ln(uint64_t x)
{
    return (uint64_t)(((u128)log2_q40(x) * LN2_Q40 + ((u128)1 << 47)) >> 48);
}

uint64_t
fixed_minus_ln_u64(uint64_t u)
{
    const uint64_t whole = (uint64_t)(((u128)LN2_Q40 * 64 + (1 << 7)) >> 8);

    if (u == UINT64_MAX)
        return 0;
    uint64_t log = fixed_ln(u + 1);
    return log < whole ? whole - log : 0;
}

/* 2^-f in Q40 for a fraction f in Q32. */
static uint64_t
exp2_minus_q40(uint32_t fraction)
{
    unsigned index = fraction >> 24;
    uint64_t rest = fraction & 0xffffff; /* Q32, below 2^-8 */
    int64_t y = (int64_t)((rest * LN2_Q40) >> 32);
    int64_t y2 = multiply_q40(y, y);
    int64_t y3 = multiply_q40(y2, y);
    int64_t y4 = multiply_q40(y3, y);
    int64_t power = Q40_ONE - y + y2 / 2 - y3 / 6 + y4 / 24;

    return (uint64_t)(((u128)fixed_exp_table[index] * (uint64_t)power) >> 40);
}

uint64_t
fixed_exp2_minus(uint64_t x)
{
    uint64_t whole = x >> 32;

    if (whole > 33)
        return 0;
    unsigned shift = (unsigned)whole + 8;
    return (exp2_minus_q40((uint32_t)x) + (UINT64_C(1) << (shift - 1))) >>
           shift;
}

uint64_t
fixed_exp_minus(uint64_t x)
{
    if (x >> 38 != 0)
        return 0;
    return fixed_exp2_minus((uint64_t)(((u128)x * LOG2E_Q32) >> 32));
}

uint64_t
fixed_exp2(uint64_t x)
{
    uint64_t whole = x >> 32;
    uint32_t fraction = (uint32_t)x;

    if (whole >= 32)
        return UINT64_MAX;
    if (fraction == 0)
        return FIXED_ONE << whole;
    /* 2^x = 2^(whole + 1) * 2^-(1 - fraction) */
    uint64_t power = exp2_minus_q40((uint32_t)(FIXED_ONE - fraction));
    return whole >= 7 ? power << (whole - 7) : power >> (7 - whole);
}

uint32_t
fixed_sqrt_u64(uint64_t x)
{
    uint64_t root = 0;

    for (uint64_t bit = UINT64_C(1) << 62; bit != 0; bit >>= 2) {
        if (x >= root + bit) {
            x -= root + bit;
            root = (root >> 1) + bit;
        } else {
            root >>= 1;
        }
    }
    return (uint32_t)root;
}

uint64_t
fixed_mul_div(uint64_t a, uint64_t b, uint64_t c)
{
    CHECK(c > 0);
    u128 quotient = (u128)a * b / c;

    return quotient > UINT64_MAX ? UINT64_MAX : (uint64_t)quotient;
}
