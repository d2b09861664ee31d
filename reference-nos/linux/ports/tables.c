/* SPDX-License-Identifier: Apache-2.0 */
#include "reference-nos/linux/ports/ports_priv.h"

#include "reference-nos/base/check.h"

static bool
entry_valid(const struct tables *tables, const struct fwd_entry *entry)
{
    switch (entry->object) {
    case FWD_BOX:
        return entry->id == 0 &&
               (entry->arg < FWD_MODULES_MAX || entry->value == 0);
    case FWD_REACH: return entry->id < FWD_MODULES_MAX;
    case FWD_FRONT: return entry->id < tables->front;
    }
    return false;
}

int
tables_check(const struct tables *tables, const struct fwd_entry *entries,
             size_t count)
{
    for (size_t i = 0; i < count; i++) {
        if (!entry_valid(tables, &entries[i]))
            return ERR_RANGE;
    }
    return 0;
}

static void
entry_set(struct tables *tables, const struct fwd_entry *entry)
{
    CHECK(entry_valid(tables, entry));
    switch (entry->object) {
    case FWD_BOX:
        tables->forwarding = entry->value != 0;
        tables->module = entry->arg;
        break;
    case FWD_REACH: tables->reach[entry->id] = entry->value; break;
    case FWD_FRONT: tables->front_up[entry->id] = entry->value != 0; break;
    }
}

void
tables_set(struct tables *tables, const struct fwd_entry *entries,
           size_t count)
{
    for (size_t i = 0; i < count; i++)
        entry_set(tables, &entries[i]);
}

size_t
tables_dump(const struct tables *tables, struct fwd_entry *entries,
            size_t room)
{
    size_t used = 0;

    if (tables->forwarding && used < room)
        entries[used++] = (struct fwd_entry){
            .object = FWD_BOX, .arg = tables->module, .value = 1};
    for (unsigned i = 0; i < FWD_MODULES_MAX && used < room; i++) {
        if (tables->reach[i] != 0)
            entries[used++] = (struct fwd_entry){.object = FWD_REACH,
                                                 .id = (uint16_t)i,
                                                 .value = tables->reach[i]};
    }
    for (unsigned i = 0; i < tables->front && used < room; i++) {
        if (tables->front_up[i])
            entries[used++] = (struct fwd_entry){
                .object = FWD_FRONT, .id = (uint16_t)i, .value = 1};
    }
    return used;
}
