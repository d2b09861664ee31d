/* SPDX-License-Identifier: Apache-2.0
 *
 * The door to fans, power, temperatures, lights and optics.
 *
 * Items     are enumerated by kind and index, 0 <= index < count(kind); the
 *           tree does not change while the box runs, presence does.
 * Changes   (presence, failure) arrive as events (struct hw_change); slow
 *           values (temperature, power) are read.
 * Errors    ERR_NOENT for no such item, ERR_IO when the device does not
 *           answer: a sensor that cannot be read is not a cold sensor.
 * After     the platform API 2.0 of SONiC and OCP's platform terms.
 */
#ifndef NOS_PLATFORM_HARDWARE_H
#define NOS_PLATFORM_HARDWARE_H

#include <stdbool.h>
#include <stdint.h>

struct plat;

enum hw_kind {
    HW_FAN,
    HW_PSU,
    HW_SENSOR, /* temperature */
    HW_LED,
    HW_OPTIC,
    HW_KIND_COUNT
};

enum led_state { LED_OFF, LED_GREEN, LED_AMBER, LED_RED, LED_BLUE_BLINK };

/* Indices of the LEDs every box has. */
enum led { LED_STATUS, LED_LOCATE, LED_PSU, LED_FAN, LED_COUNT };

enum reboot_cause {
    REBOOT_POWER_LOSS,
    REBOOT_OPERATOR,
    REBOOT_SERVICE_BUDGET, /* a service used up its restart budget */
    REBOOT_THERMAL,
    REBOOT_WATCHDOG,
    REBOOT_REPLACED,
    REBOOT_CAUSE_COUNT
};

/* "power-loss", "operator", ... */
const char *reboot_cause_name(enum reboot_cause cause);

struct hw_description {
    char name[24];
    int32_t high_mc;     /* sensors: warning, milli-degrees Celsius */
    int32_t critical_mc; /* sensors: shut down above */
    uint32_t max_rpm;    /* fans */
};

struct hw_reading {
    bool present;
    bool ok;           /* the device's own verdict */
    int32_t value;     /* fan: rpm; PSU: output mW / 1000; sensor: milli-C;
                          optic: receive power, 0.01 dBm; LED: led_state */
    int32_t secondary; /* fan: duty %; optic: transmit power, 0.01 dBm */
};

struct hw_change {
    enum hw_kind kind;
    uint16_t index;
};

struct hw_ops {
    unsigned (*count)(struct plat *plat, enum hw_kind kind);
    int (*describe)(struct plat *plat, enum hw_kind kind, unsigned index,
                    struct hw_description *description);
    int (*read)(struct plat *plat, enum hw_kind kind, unsigned index,
                struct hw_reading *reading);
    int (*fan_set)(struct plat *plat, unsigned index, unsigned duty_percent);
    int (*led_set)(struct plat *plat, unsigned index, enum led_state state);
    /* Why the box booted last. */
    enum reboot_cause (*reboot_cause)(struct plat *plat);
};

#endif
