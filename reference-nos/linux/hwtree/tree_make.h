/* SPDX-License-Identifier: Apache-2.0
 *
 * Makes and changes described hardware trees (hwtree.h), for machines without
 * hardware of their own and for tests.
 *
 * Every file is replaced whole: a reader sees the old or the new content.
 * Fans of a tree stand still in all but name: their rpm says top speed until
 * somebody writes another.
 */
#ifndef NOS_LINUX_HWTREE_TREE_MAKE_H
#define NOS_LINUX_HWTREE_TREE_MAKE_H

#include <stddef.h>
#include <stdint.h>

#include "reference-nos/base/compiler.h"
#include "reference-nos/base/err.h"

struct tree_options {
    unsigned fans;
    unsigned psus;
    unsigned sensors;
    unsigned leds;
    unsigned optics;
    uint32_t fan_max_rpm;
    uint32_t fan_duty_percent;
    uint32_t psu_output_mw; /* each */
    int32_t idle_mc;        /* what the sensors read */
    int32_t high_mc;
    int32_t critical_mc;
    const char *reboot_cause; /* NULL: "power-loss" */
};

/* 'folder' is made when it is missing; its parent must exist. */
MUST_USE int tree_make(const char *folder, const struct tree_options *options);
/* Removes what tree_make() makes, and 'folder' when nothing else is left in
 * it.  What is not there is no error. */
void tree_unmake(const char *folder);

/* 'file' is as "fan0/ok". */
MUST_USE int tree_number_put(const char *folder, const char *file,
                             int64_t value);
MUST_USE int tree_text_put(const char *folder, const char *file,
                           const char *text);
/* ERR_NOENT, or ERR_IO when it holds no number. */
MUST_USE int tree_number_get(const char *folder, const char *file,
                             int64_t *value);

#endif
