/* SPDX-License-Identifier: Apache-2.0
 *
 * Fans, power supplies, sensors, LEDs and optics of a Linux box: from a
 * described tree of files when one is named, else from hwmon and the LED
 * class in sysfs.
 *
 * Described tree, one number or word per file:
 *
 *   fan0/{present,ok,rpm,duty,max_rpm}    duty is written
 *   psu0/{present,ok,output_mw}
 *   temp0/{present,ok,input_mc,high_mc,critical_mc,name}
 *   led0/state     written: off green amber red blue-blink
 *   optic0/{present,ok,rx_cdbm,tx_cdbm}
 *   reboot-cause   power-loss operator service-budget thermal watchdog
 *                  replaced
 *
 * Items     count from 0 without gaps, and are counted at open.
 * Errors    a file that is missing or does not parse is ERR_IO for its item:
 *           a sensor that cannot be read is not a cold sensor.  Of an absent
 *           item only 'present' is read.
 * Writes    replace the file, so that a reader never sees half of it; who
 *           changes a tree should do the same (tree_make.h).
 * Changes   presence and failure are looked at every HWTREE_POLL_NS and by
 *           inotify, and told as they change; that an item can no longer be
 *           read is told by the former alone.
 * Sysfs     README.md says what is taken for what.  A machine without hwmon
 *           has no items.
 * Life      hwtree_close() returns at once, nothing is called back after it;
 *           the loop must run on for the memory to be given back, after a
 *           failed open too.
 */
#ifndef NOS_LINUX_HWTREE_HWTREE_H
#define NOS_LINUX_HWTREE_HWTREE_H

#include <uv.h>

#include "reference-nos/base/err.h"
#include "reference-nos/platform/plat.h"

#define HWTREE_POLL_NS 1000000000ull
#define HWTREE_ITEMS_MAX 256u /* of a kind */

struct hwtree;

struct hwtree_options {
    uv_loop_t *loop;
    const char *described; /* folder, or NULL: sysfs */
    const char *sysfs;     /* NULL: "/sys" */
    void (*changed)(void *arg, const struct hw_change *change);
    void *arg;
};

/* ERR_NOENT for no such folder, ERR_RANGE for more than HWTREE_ITEMS_MAX of a
 * kind; 'message' says why. */
MUST_USE int hwtree_open(const struct hwtree_options *options,
                         struct hwtree **out, char *message,
                         size_t message_size);
void hwtree_close(struct hwtree *tree);

/* As in struct hw_ops. */
unsigned hwtree_count(struct hwtree *tree, enum hw_kind kind);
MUST_USE int hwtree_describe(struct hwtree *tree, enum hw_kind kind,
                             unsigned index,
                             struct hw_description *description);
MUST_USE int hwtree_read(struct hwtree *tree, enum hw_kind kind,
                         unsigned index, struct hw_reading *reading);
MUST_USE int hwtree_fan_set(struct hwtree *tree, unsigned index,
                            unsigned duty_percent);
MUST_USE int hwtree_led_set(struct hwtree *tree, unsigned index,
                            enum led_state state);
enum reboot_cause hwtree_reboot_cause(struct hwtree *tree);

#endif
