/* SPDX-License-Identifier: Apache-2.0
 *
 * The items of a box, and how their changes are noticed.
 */
#include "reference-nos/linux/hwtree/hwtree.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "reference-nos/base/check.h"
#include "reference-nos/linux/hwtree/hwtree_priv.h"
#include "reference-nos/linux/hwtree/parse.h"

#define POLL_MS (HWTREE_POLL_NS / 1000000u)

struct item *
item_add(struct hwtree *tree, enum hw_kind kind, const char *folder)
{
    struct item *item;

    if (tree->counts[kind] == HWTREE_ITEMS_MAX)
        return NULL;
    /* All at once: the items are handles and must not move. */
    if (tree->items[kind] == NULL)
        tree->items[kind] = calloc(HWTREE_ITEMS_MAX, sizeof(struct item));
    if (tree->items[kind] == NULL)
        return NULL;
    item = &tree->items[kind][tree->counts[kind]];
    item->tree = tree;
    item->kind = kind;
    item->index = (uint16_t)tree->counts[kind]++;
    item->divisor = 1;
    item->full = 1;
    item->ok_most = 1;
    snprintf(item->folder, sizeof(item->folder), "%s", folder);
    return item;
}

static struct item *
item_get(struct hwtree *tree, enum hw_kind kind, unsigned index)
{
    if ((unsigned)kind >= HW_KIND_COUNT || index >= tree->counts[kind])
        return NULL;
    return &tree->items[kind][index];
}

/* ---- changes ---- */

static void
item_check(struct item *item, bool unreadable_counts)
{
    struct hwtree *tree = item->tree;
    struct hw_change change = {item->kind, item->index};
    enum item_state state = item_look(item);

    if (state == item->state ||
        (state == ITEM_UNREADABLE && !unreadable_counts))
        return;
    item->state = state;
    if (tree->options.changed != NULL)
        tree->options.changed(tree->options.arg, &change);
}

static void
poll_fire(uv_timer_t *timer)
{
    struct hwtree *tree = timer->data;

    for (unsigned kind = 0; kind < HW_KIND_COUNT; kind++) {
        if (kind == HW_LED)
            continue;
        for (unsigned i = 0; i < tree->counts[kind] && !tree->closing; i++)
            item_check(&tree->items[kind][i], true);
    }
}

static void
event_fire(uv_fs_event_t *event, const char *name, int events, int status)
{
    struct item *item = event->data;

    (void)events;
    /* Who writes may be half-way: the next event or poll knows better. */
    if (status == 0 && !item->tree->closing &&
        (name == NULL || strcmp(name, item->files[FILE_PRESENT]) == 0 ||
         strcmp(name, item->files[FILE_OK]) == 0))
        item_check(item, false);
}

/* What cannot be watched is polled. */
static void
item_watch(struct hwtree *tree, struct item *item)
{
    char path[PATH_BYTES_MAX];

    snprintf(path, sizeof(path), "%s/%s", tree->root, item->folder);
    CHECK(uv_fs_event_init(tree->options.loop, &item->event) == 0);
    item->event.data = item;
    tree->handles++;
    (void)uv_fs_event_start(&item->event, event_fire, path, 0);
}

static void
watch_start(struct hwtree *tree)
{
    for (unsigned kind = 0; kind < HW_KIND_COUNT; kind++) {
        if (kind == HW_LED)
            continue;
        for (unsigned i = 0; i < tree->counts[kind]; i++) {
            struct item *item = &tree->items[kind][i];

            item->state = item_look(item);
            if (tree->described)
                item_watch(tree, item);
        }
    }
    CHECK(uv_timer_start(&tree->poll, poll_fire, POLL_MS, POLL_MS) == 0);
}

/* ---- operations ---- */

unsigned
hwtree_count(struct hwtree *tree, enum hw_kind kind)
{
    if (kind == HW_LED && tree->lamp_count > 0)
        return LED_COUNT;
    return (unsigned)kind < HW_KIND_COUNT ? tree->counts[kind] : 0;
}

int
hwtree_describe(struct hwtree *tree, enum hw_kind kind, unsigned index,
                struct hw_description *description)
{
    const struct item *item = item_get(tree, kind, index);

    if (index >= hwtree_count(tree, kind))
        return ERR_NOENT;
    if (item != NULL)
        return item_describe(item, description);
    *description = (struct hw_description){.max_rpm = 0};
    snprintf(description->name, sizeof(description->name), "%s",
             led_name(index));
    return 0;
}

int
hwtree_read(struct hwtree *tree, enum hw_kind kind, unsigned index,
            struct hw_reading *reading)
{
    const struct item *item = item_get(tree, kind, index);

    if (index >= hwtree_count(tree, kind))
        return ERR_NOENT;
    if (item != NULL)
        return item_read(item, reading);
    *reading = (struct hw_reading){
        .present = true, .ok = true, .value = (int32_t)tree->leds[index]};
    return 0;
}

int
hwtree_fan_set(struct hwtree *tree, unsigned index, unsigned duty_percent)
{
    const struct item *fan = item_get(tree, HW_FAN, index);
    char text[16];

    if (fan == NULL)
        return ERR_NOENT;
    if (duty_percent > 100)
        return ERR_RANGE;
    if (fan->files[FILE_SECONDARY][0] == '\0')
        return ERR_UNSUPPORTED;
    /* Once by hand, always by hand; not every driver has the choice. */
    if (fan->files[FILE_ENABLE][0] != '\0')
        (void)!file_write(tree, fan->folder, fan->files[FILE_ENABLE], "1\n");
    snprintf(text, sizeof(text), "%u\n",
             (duty_percent * (unsigned)fan->full + 50) / 100);
    return file_write(tree, fan->folder, fan->files[FILE_SECONDARY], text);
}

int
hwtree_led_set(struct hwtree *tree, unsigned index, enum led_state state)
{
    const struct item *led = item_get(tree, HW_LED, index);
    char text[16];

    if (index >= hwtree_count(tree, HW_LED))
        return ERR_NOENT;
    if ((unsigned)state > LED_BLUE_BLINK)
        return ERR_RANGE;
    if (led == NULL)
        return sysfs_led_set(tree, (enum led)index, state);
    snprintf(text, sizeof(text), "%s\n", parse_led_word(state));
    return file_write(tree, led->folder, led->files[FILE_VALUE], text);
}

enum reboot_cause
hwtree_reboot_cause(struct hwtree *tree)
{
    enum reboot_cause cause = REBOOT_POWER_LOSS;
    char bytes[FILE_BYTES_MAX];
    size_t size;

    if (!tree->described)
        return sysfs_reboot_cause(tree);
    if (file_read(tree, ".", "reboot-cause", bytes, sizeof(bytes), &size) != 0)
        return REBOOT_POWER_LOSS;
    /* Nonsense is as good as nothing. */
    (void)!parse_reboot_cause(bytes, size, &cause);
    return cause;
}

/* ---- life ---- */

static void
handle_done(struct hwtree *tree)
{
    if (--tree->handles > 0)
        return;
    for (unsigned kind = 0; kind < HW_KIND_COUNT; kind++)
        free(tree->items[kind]);
    free(tree);
}

static void
poll_closed(uv_handle_t *handle)
{
    handle_done(handle->data);
}

static void
event_closed(uv_handle_t *handle)
{
    const struct item *item = handle->data;

    handle_done(item->tree);
}

void
hwtree_close(struct hwtree *tree)
{
    if (tree == NULL || tree->closing)
        return;
    tree->closing = true;
    for (unsigned kind = 0; kind < HW_KIND_COUNT; kind++) {
        for (unsigned i = 0; i < tree->counts[kind]; i++) {
            struct item *item = &tree->items[kind][i];

            if (item->event.data != NULL)
                uv_close((uv_handle_t *)&item->event, event_closed);
        }
    }
    uv_close((uv_handle_t *)&tree->poll, poll_closed);
}

static int
root_set(struct hwtree *tree)
{
    const struct hwtree_options *options = &tree->options;
    const char *root = options->described;

    tree->described = root != NULL;
    if (root == NULL)
        root = options->sysfs != NULL ? options->sysfs : "/sys";
    if (strlen(root) >= sizeof(tree->root))
        return ERR_RANGE;
    snprintf(tree->root, sizeof(tree->root), "%s", root);
    return tree->described ? described_scan(tree) : sysfs_scan(tree);
}

int
hwtree_open(const struct hwtree_options *options, struct hwtree **out,
            char *message, size_t message_size)
{
    struct hwtree *tree = calloc(1, sizeof(*tree));
    int error;

    CHECK(options->loop != NULL);
    if (tree == NULL) {
        snprintf(message, message_size, "hardware: %s", err_text(ERR_NOMEM));
        return ERR_NOMEM;
    }
    tree->options = *options;
    CHECK(uv_timer_init(options->loop, &tree->poll) == 0);
    tree->poll.data = tree;
    tree->handles = 1;
    error = root_set(tree);
    if (error != 0) {
        snprintf(message, message_size, "hardware tree %s: %s",
                 options->described != NULL ? options->described : tree->root,
                 err_text(error));
        hwtree_close(tree);
        return error;
    }
    watch_start(tree);
    *out = tree;
    return 0;
}
