/* SPDX-License-Identifier: Apache-2.0
 *
 * Fans, power supplies, temperatures, lights and optics of one box.
 *
 * Thermal   first order, integers: the equilibrium rises with power and falls
 *           with total fan speed; temperatures follow with one time constant
 *           and are computed when asked for, so that a steady box costs no
 *           events.
 * Power     a box whose working supplies are fewer than needed goes dark when
 *           their hold-up time is over: 'brown_out' is called then.
 * Changes   failures and recoveries of fans, supplies and optics are told by
 *           'changed' at once; sensors are read.
 */
#ifndef MODELS_CHASSIS_H
#define MODELS_CHASSIS_H

#include "models/cluster.h"
#include "reference-nos/platform/hardware.h"
#include "sim/kernel/kernel.h"

struct chassis; /* Opaque. */

struct chassis_options {
    const struct box_model *model;
    uint64_t seed;
    uint32_t entity;
    int32_t ambient_mc; /* milli-degrees Celsius */
    void (*changed)(void *context, const struct hw_change *change);
    void (*brown_out)(void *context);
    void *context;
};

struct chassis *chassis_create(struct kernel *kernel,
                               const struct chassis_options *options);
void chassis_destroy(struct chassis *chassis);

void chassis_power(struct chassis *chassis, bool on);

/* Another box stands here now: cold, and without a failure. */
void chassis_renew(struct chassis *chassis);

/* As in struct hw_ops. */
unsigned chassis_count(const struct chassis *chassis, enum hw_kind kind);
MUST_USE int chassis_describe(const struct chassis *chassis, enum hw_kind kind,
                              unsigned index,
                              struct hw_description *description);
MUST_USE int chassis_read(struct chassis *chassis, enum hw_kind kind,
                          unsigned index, struct hw_reading *reading);
MUST_USE int chassis_fan_set(struct chassis *chassis, unsigned index,
                             unsigned duty_percent);
MUST_USE int chassis_led_set(struct chassis *chassis, unsigned index,
                             enum led_state state);

/* Faults: ERR_NOENT for no such item. */
MUST_USE int chassis_fault_fan(struct chassis *chassis, unsigned index,
                               bool failed);
MUST_USE int chassis_fault_psu(struct chassis *chassis, unsigned index,
                               bool failed);
/* No light arrives; the module itself stays present. */
MUST_USE int chassis_fault_optic(struct chassis *chassis, unsigned index,
                                 bool failed);
/* 0 tells the truth, 1 does not answer, 2 reads 'value_mc'. */
MUST_USE int chassis_fault_sensor(struct chassis *chassis, unsigned index,
                                  unsigned mode, int32_t value_mc);

#endif
