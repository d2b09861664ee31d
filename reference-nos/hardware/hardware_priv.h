/* SPDX-License-Identifier: Apache-2.0
 *
 * Inside of the hardware service: polling (hardware.c) and what it tells
 * (report.c).
 */
#ifndef NOS_HARDWARE_HARDWARE_PRIV_H
#define NOS_HARDWARE_HARDWARE_PRIV_H

#include "reference-nos/base/units.h"
#include "reference-nos/base/wire.h"
#include "reference-nos/hardware/alarms.h"
#include "reference-nos/hardware/hardware.h"
#include "reference-nos/schema/tables.h"

/* Items of one kind beyond these are not looked at. */
#define FANS_MAX 32u
#define PSUS_MAX 16u
#define SENSORS_MAX THERMAL_SENSORS_MAX
#define OPTICS_MAX 384u
#define ITEMS_MAX OPTICS_MAX
#define ITEM_WORDS ((ITEMS_MAX + 63) / 64)

/* The alarms this service judges are the first ones of enum alarm_code;
 * others it is told (EV_ALARM). */
#define CODE_COUNT (ALARM_OPTIC + 1)

#define REPORT_BYTES 2048u

struct item_set {
    uint64_t words[ITEM_WORDS];
};

/* The items of one kind of device. */
struct items {
    unsigned count;
    struct item_set due;         /* to be read */
    struct hw_reading *readings; /* the last good ones */
    bool *seen;                  /* read at least once since start */
    bool *was_present;           /* optics: present at some time */
};

struct hardware {
    struct items items[HW_KIND_COUNT];
    uint32_t fan_max_rpm[FANS_MAX];
    struct thermal_sensor sensors[SENSORS_MAX];
    struct thermal thermal;
    unsigned duty_percent; /* wanted; 0: not yet known */
    unsigned fans_set;     /* so many fans run at it */
    bool poll_over;        /* sensors were read: regulate */
    uint64_t poll_at_ns;
    uint64_t slow_at_ns;

    /* Alarms by code, then item. */
    struct alarm *alarms[ALARM_COUNT];
    unsigned alarm_count[ALARM_COUNT];
    bool member_known;
    bool watching;
    bool rebuilding; /* waiting for the alarms of the life before */

    enum led_state leds[LED_COUNT];
    bool led_known[LED_COUNT];

    uint16_t number; /* of this box within its role, or MODULE_NONE */
    bool locate[FWD_MODULES_MAX]; /* by number, of this box's role */

    struct health_row health;
    bool health_sent;
    bool rows_retry; /* a message to the store was refused */
    enum reboot_cause reboot_cause;

    struct wire_writer rows;
    uint8_t rows_bytes[REPORT_BYTES];
};

static inline bool
item_due(const struct item_set *set, unsigned index)
{
    return (set->words[index / 64] >> (index % 64) & 1) != 0;
}

static inline void
item_set_due(struct item_set *set, unsigned index, bool due)
{
    set->words[index / 64] &= ~(UINT64_C(1) << (index % 64));
    set->words[index / 64] |= (uint64_t)due << (index % 64);
}

/* report.c */
void report_alarms(struct actor *self, struct hardware *hardware);
/* False when the quantum ended first. */
bool report_leds(struct actor *self, struct hardware *hardware);
void report_health(struct actor *self, struct hardware *hardware);
void report_flush(struct actor *self, struct hardware *hardware);
/* The store has nothing of ours: tell it everything. */
void report_again(struct actor *self, struct hardware *hardware);
/* A row of the life before. */
void report_alarm_found(struct actor *self, struct hardware *hardware,
                        enum alarm_code code, uint16_t item,
                        const struct alarm_row *row);
/* An alarm that others judge: its row is ours to keep. */
void report_alarm_told(struct actor *self, struct hardware *hardware,
                       enum alarm_code code, unsigned item, bool raised,
                       uint64_t value);

#endif
