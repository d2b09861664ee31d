/* SPDX-License-Identifier: Apache-2.0
 *
 * What the files of hwtree share: an item is a folder and the names of its
 * files, in sysfs as in a described tree.
 */
#ifndef NOS_LINUX_HWTREE_HWTREE_PRIV_H
#define NOS_LINUX_HWTREE_HWTREE_PRIV_H

#include "reference-nos/linux/hwtree/hwtree.h"

#define FILE_BYTES_MAX 128u /* of content */
#define PATH_BYTES_MAX 512u
#define FOLDER_BYTES_MAX 64u
#define FILE_NAME_MAX 32u
#define LAMPS_MAX 64u

/* What the files of an item tell; an empty name: there is none such. */
enum item_file {
    FILE_PRESENT, /* 1 or 0 */
    FILE_OK,      /* not 0: well */
    FILE_FAULT,   /* not 0: failed */
    FILE_ALARM,   /* the same */
    FILE_VALUE,
    FILE_SECONDARY,
    FILE_ENABLE, /* fans: 1 is written before the duty */
    FILE_MAX,    /* fans */
    FILE_HIGH,   /* sensors */
    FILE_CRITICAL,
    FILE_NAME,
    FILE_COUNT
};

enum item_state { ITEM_ABSENT, ITEM_FAILED, ITEM_WELL, ITEM_UNREADABLE };

struct item {
    uv_fs_event_t event;
    struct hwtree *tree;
    enum hw_kind kind;
    uint16_t index;
    enum item_state state;         /* as told last */
    int32_t divisor;               /* of FILE_VALUE */
    int32_t full;                  /* duty of 100 % as written */
    int64_t ok_most;               /* the largest sensible FILE_OK */
    char folder[FOLDER_BYTES_MAX]; /* below the root */
    char files[FILE_COUNT][FILE_NAME_MAX];
};

/* An LED of one colour in sysfs. */
struct lamp {
    enum led led;
    enum led_state colour; /* LED_OFF: not said */
    int64_t brightness;    /* when on */
    char folder[FOLDER_BYTES_MAX];
};

struct hwtree {
    struct hwtree_options options;
    char root[PATH_BYTES_MAX / 2];
    bool described;
    bool closing;
    unsigned handles; /* of libuv, still open */
    uv_timer_t poll;
    unsigned counts[HW_KIND_COUNT];
    struct item *items[HW_KIND_COUNT];
    unsigned lamp_count;
    struct lamp lamps[LAMPS_MAX];
    enum led_state leds[LED_COUNT]; /* as set last, sysfs */
};

/* ---- files.c: all of them small and bounded ---- */

/* ERR_IO when the file cannot be read or holds more than 'room' bytes. */
MUST_USE int file_read(const struct hwtree *tree, const char *folder,
                       const char *name, char *bytes, size_t room,
                       size_t *size);
MUST_USE int file_number(const struct hwtree *tree, const char *folder,
                         const char *name, int64_t least, int64_t most,
                         int64_t *value);
bool file_exists(const struct hwtree *tree, const char *folder,
                 const char *name);
/* Replaces a file of a described tree; writes into one of sysfs. */
MUST_USE int file_write(const struct hwtree *tree, const char *folder,
                        const char *name, const char *text);

/* ---- described.c, sysfs.c: which items there are ---- */

MUST_USE int described_scan(struct hwtree *tree);
MUST_USE int sysfs_scan(struct hwtree *tree);

/* One more item of the kind, empty; NULL when there are too many or no
 * memory. */
struct item *item_add(struct hwtree *tree, enum hw_kind kind,
                      const char *folder);

MUST_USE int sysfs_led_set(struct hwtree *tree, enum led led,
                           enum led_state state);
enum reboot_cause sysfs_reboot_cause(const struct hwtree *tree);

/* ---- items.c: what an item says ---- */

MUST_USE int item_read(const struct item *item, struct hw_reading *reading);
MUST_USE int item_describe(const struct item *item,
                           struct hw_description *description);
enum item_state item_look(const struct item *item);
const char *led_name(unsigned index);

#endif
