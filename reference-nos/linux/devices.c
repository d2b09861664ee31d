/* SPDX-License-Identifier: Apache-2.0
 *
 * The doors to hardware (hardware.h) and forwarding (forwarding.h).
 */
#include "reference-nos/linux/daemon_priv.h"

static struct daemon *
daemon_of(struct plat *plat)
{
    return CONTAINER_OF(plat, struct daemon, plat);
}

static unsigned
hw_count(struct plat *plat, enum hw_kind kind)
{
    return hwtree_count(daemon_of(plat)->hwtree, kind);
}

static int
hw_describe(struct plat *plat, enum hw_kind kind, unsigned index,
            struct hw_description *description)
{
    return hwtree_describe(daemon_of(plat)->hwtree, kind, index, description);
}

static int
hw_read(struct plat *plat, enum hw_kind kind, unsigned index,
        struct hw_reading *reading)
{
    struct daemon *daemon = daemon_of(plat);

    daemon->cost_units[COST_DEVICE]++;
    return hwtree_read(daemon->hwtree, kind, index, reading);
}

static int
hw_fan_set(struct plat *plat, unsigned index, unsigned duty_percent)
{
    return hwtree_fan_set(daemon_of(plat)->hwtree, index, duty_percent);
}

static int
hw_led_set(struct plat *plat, unsigned index, enum led_state state)
{
    return hwtree_led_set(daemon_of(plat)->hwtree, index, state);
}

static enum reboot_cause
hw_reboot_cause(struct plat *plat)
{
    return daemon_of(plat)->boot_cause;
}

const struct hw_ops daemon_hw_ops = {
    .count = hw_count,
    .describe = hw_describe,
    .read = hw_read,
    .fan_set = hw_fan_set,
    .led_set = hw_led_set,
    .reboot_cause = hw_reboot_cause,
};

static int
fwd_bulk_set(struct plat *plat, const struct fwd_entry *entries, size_t count,
             uint64_t token)
{
    return ports_bulk_set(daemon_of(plat)->ports, entries, count, token);
}

static int
fwd_dump(struct plat *plat, struct fwd_entry *entries, size_t room,
         size_t *count)
{
    return ports_dump(daemon_of(plat)->ports, entries, room, count);
}

static int
fwd_link_up(struct plat *plat, unsigned fabric_port, bool *up)
{
    return ports_link_up(daemon_of(plat)->ports, fabric_port, up);
}

static int
fwd_groups_set(struct plat *plat, const struct fwd_group *groups, size_t count,
               uint64_t token)
{
    return ports_groups_set(daemon_of(plat)->ports, groups, count, token);
}

static int
fwd_routes_set(struct plat *plat, const struct fwd_route *routes, size_t count,
               uint64_t token)
{
    return ports_routes_set(daemon_of(plat)->ports, routes, count, token);
}

static int
fwd_groups_dump(struct plat *plat, uint32_t after, struct fwd_group *groups,
                size_t room, size_t *count)
{
    *count = ports_groups_dump(daemon_of(plat)->ports, after, groups, room);
    return 0;
}

static int
fwd_routes_dump(struct plat *plat, const struct fwd_prefix *after,
                struct fwd_route *routes, size_t room, size_t *count)
{
    *count = ports_routes_dump(daemon_of(plat)->ports, after, routes, room);
    return 0;
}

const struct fwd_ops daemon_fwd_ops = {
    .bulk_set = fwd_bulk_set,
    .dump = fwd_dump,
    .link_up = fwd_link_up,
    .groups_set = fwd_groups_set,
    .routes_set = fwd_routes_set,
    .groups_dump = fwd_groups_dump,
    .routes_dump = fwd_routes_dump,
};
