/* SPDX-License-Identifier: Apache-2.0
 *
 * Faults, done to the models.
 */
#include "sim/world/des/des_priv.h"

#include <string.h>

static int
inject_power(struct des_box *box, const struct world_fault *fault)
{
    if (fault->kind == WORLD_BOX_POWER_OFF) {
        box_power_off(box, REBOOT_POWER_LOSS);
    } else if (fault->kind == WORLD_BOX_POWER_ON) {
        box->present = true;
        box_power_on(box);
    } else if (fault->value >= REBOOT_CAUSE_COUNT) {
        return ERR_RANGE;
    } else if (!box->powered) {
        return ERR_UNREACHABLE;
    } else {
        box_restart(box, (enum reboot_cause)fault->value);
    }
    return 0;
}

/* Another box of the same kind, with an empty disk, in this slot. */
static void
stranger_place(struct des_box *box, const char *serial)
{
    struct random_stream stream = random_stream_make(
        box->des->seed, box->index, random_purpose("replacement"));

    box_power_off(box, REBOOT_REPLACED);
    identity_reset(box);
    disk_wipe(box->disk);
    chassis_renew(box->chassis);
    stream.n = box->strangers++;
    /* A stranger is no member of the first consensus group, unless it is a
     * group of its own. */
    box->facts.voter_count = 0;
    box_identify(box, random_bits(&stream) | 1, serial);
    if (box->facts.alone) {
        box->facts.voter_count = 1;
        box->facts.voters[0] = box->facts.key;
    }
    box->present = true;
}

static int
inject_replace(struct des_box *box, const struct world_fault *fault)
{
    if (memchr(fault->serial, '\0', sizeof(fault->serial)) == NULL)
        return ERR_INVALID;
    stranger_place(box, fault->serial);
    return 0;
}

/* The same serial; a key of its own, as every TPM has. */
static int
inject_clone(struct des_box *box, const struct des_box *original)
{
    char serial[FACTS_SERIAL_MAX];

    if (original == NULL || original == box || !original->present)
        return ERR_INVALID;
    memcpy(serial, original->facts.serial, sizeof(serial));
    stranger_place(box, serial);
    return 0;
}

/* A slot is a place: the boxes exchange their identities and disks. */
static int
inject_swap(struct des_box *a, struct des_box *b)
{
    if (b == NULL || a == b || a->facts.role != b->facts.role || !a->present ||
        !b->present)
        return ERR_INVALID;
    box_exchange(a, b);
    return 0;
}

static int
inject_service(struct des_box *box, const struct world_fault *fault)
{
    if (fault->item >= SVC_COUNT ||
        !node_has_service(box->facts.role, box->facts.alone, fault->item))
        return ERR_NOENT;
    if (box->runtime == NULL || box->restarting)
        return ERR_UNREACHABLE;
    if (fault->kind == WORLD_SERVICE_HANG) {
        cpu_hang(box, fault->item, fault->value != 0);
        return 0;
    }
    if (fault->kind == WORLD_SERVICE_SLOW) {
        box->threads[fault->item].slow_permille =
            fault->value == 0 ? 1000 : (uint32_t)fault->value;
        return 0;
    }
    box->threads[fault->item].busy_until = kernel_now(box->des->kernel);
    return runtime_kill(box->runtime, fault->item);
}

static int
inject_fabric(struct des_box *box, struct des_box *box2,
              const struct world_fault *fault)
{
    if (fault->item >= box->model->fabric_ports)
        return ERR_NOENT;
    if (fault->kind == WORLD_FABRIC_LINK) {
        fabric_link_fault(box, fault->item, fault->value == 0);
        return 0;
    }
    if (fault->kind == WORLD_FABRIC_LOSS) {
        box->ports[fault->item].loss_ppm = (uint32_t)fault->value;
        return 0;
    }
    if (box2 == NULL || fault->item2 >= box2->model->fabric_ports)
        return ERR_NOENT;
    return fabric_swap_ends(box, fault->item, box2, fault->item2);
}

static int
inject_mgmt(struct des_box *box, const struct world_fault *fault)
{
    struct mgmt_link link;

    if (fault->plane >= PLANE_COUNT)
        return ERR_NOENT;
    link = mgmt_net_link(box->des->net, box->index, fault->plane);
    if (fault->kind == WORLD_MGMT_LINK) {
        link.down = fault->value == 0;
    } else if (fault->kind == WORLD_MGMT_LOSS) {
        link.loss_ppm = (uint32_t)fault->value;
    } else if (fault->kind == WORLD_MGMT_DELAY) {
        link.added_delay = simtime_from_ns(fault->value);
    } else {
        link.mute = fault->value == 1;
        link.deaf = fault->value == 2;
    }
    mgmt_net_link_set(box->des->net, box->index, fault->plane, &link);
    return 0;
}

static int
inject_partition(struct des *des, const struct world_fault *fault)
{
    bool heals = fault->kind == WORLD_PARTITION_HEAL;
    unsigned planes = (unsigned)fault->value;

    if (heals && fault->value == 0) {
        mgmt_net_unblock_all(des->net);
        return 0;
    }
    if (fault->value == 0 || fault->value >= 1u << PLANE_COUNT)
        return ERR_RANGE;
    for (unsigned from = 0; from < des->box_count; from++) {
        for (unsigned to = 0; to < des->box_count; to++) {
            if (from == to || !box_set_has(&fault->from, from) ||
                !box_set_has(&fault->to, to))
                continue;
            if (heals)
                mgmt_net_unblock(des->net, from, to, planes);
            else
                mgmt_net_block(des->net, from, to, planes);
        }
    }
    return 0;
}

static int
inject_disk(struct des_box *box, const struct world_fault *fault)
{
    if (fault->kind == WORLD_DISK_STALL)
        disk_stall(box->disk, simtime_from_ns(fault->value));
    else if (fault->kind == WORLD_DISK_FULL)
        disk_set_full(box->disk, fault->value != 0);
    else if (fault->kind == WORLD_DISK_ERROR)
        disk_set_error(box->disk, fault->value != 0);
    else
        disk_set_lose_unsynced(box->disk, fault->value != 0);
    return 0;
}

static int
inject_clock(struct des_box *box, const struct world_fault *fault)
{
    if (fault->kind == WORLD_CLOCK_STEP)
        clock_step(&box->clock, (int64_t)fault->value);
    else
        clock_set_drift(&box->clock, kernel_now(box->des->kernel),
                        (int64_t)fault->value);
    return 0;
}

static int
inject_chassis(struct des_box *box, const struct world_fault *fault)
{
    int err;

    if (fault->kind == WORLD_PSU)
        err = chassis_fault_psu(box->chassis, fault->item, fault->value == 0);
    else if (fault->kind == WORLD_FAN)
        err = chassis_fault_fan(box->chassis, fault->item, fault->value == 0);
    else
        err = chassis_fault_sensor(box->chassis, fault->item,
                                   (unsigned)fault->value,
                                   (int32_t)fault->value2);
    return err;
}

int
des_inject(struct world *world, const struct world_fault *fault)
{
    struct des_box *box = des_box(world, fault->box);
    struct des_box *box2 = des_box(world, fault->box2);
    struct des *des;

    if (box == NULL)
        return ERR_NOENT;
    des = box->des;
    /* Some faults show only much later, or never: the digest has them all. */
    run_digest_feed_u64(des->digest,
                        ((uint64_t)fault->kind << 32) | fault->box);
    run_digest_feed_u64(des->digest, fault->value);
    switch (fault->kind) {
    case WORLD_BOX_POWER_OFF:
    case WORLD_BOX_POWER_ON:
    case WORLD_BOX_RESTART: return inject_power(box, fault);
    case WORLD_BOX_REPLACE: return inject_replace(box, fault);
    case WORLD_BOX_SWAP: return inject_swap(box, box2);
    case WORLD_BOX_CLONE: return inject_clone(box, box2);
    case WORLD_SERVICE_KILL:
    case WORLD_SERVICE_HANG:
    case WORLD_SERVICE_SLOW: return inject_service(box, fault);
    case WORLD_FABRIC_LINK:
    case WORLD_FABRIC_LOSS:
    case WORLD_FABRIC_CABLE: return inject_fabric(box, box2, fault);
    case WORLD_MGMT_LINK:
    case WORLD_MGMT_LOSS:
    case WORLD_MGMT_DELAY:
    case WORLD_MGMT_ONE_WAY: return inject_mgmt(box, fault);
    case WORLD_PLANE:
        if (fault->plane >= PLANE_COUNT)
            return ERR_NOENT;
        mgmt_net_plane_power(des->net, fault->plane, fault->value != 0);
        return 0;
    case WORLD_PARTITION:
    case WORLD_PARTITION_HEAL: return inject_partition(des, fault);
    case WORLD_DISK_STALL:
    case WORLD_DISK_FULL:
    case WORLD_DISK_ERROR:
    case WORLD_DISK_UNSYNCED_LOSS: return inject_disk(box, fault);
    case WORLD_CLOCK_STEP:
    case WORLD_CLOCK_DRIFT: return inject_clock(box, fault);
    case WORLD_PSU:
    case WORLD_FAN:
    case WORLD_SENSOR: return inject_chassis(box, fault);
    case WORLD_IDENTITY: return identity_change(box, fault->value);
    case WORLD_FAULT_KIND_COUNT: break;
    }
    return ERR_UNSUPPORTED;
}
