/* SPDX-License-Identifier: Apache-2.0
 *
 * Faults, done for real.
 */
#define _GNU_SOURCE

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "reference-nos/node/node.h"
#include "sim/world/netns/netns_priv.h"

static int
inject_power(struct netns_box *box, const struct world_fault *fault)
{
    if (fault->kind == WORLD_BOX_POWER_OFF) {
        slot_power_off(box, REBOOT_POWER_LOSS);
    } else if (fault->kind == WORLD_BOX_POWER_ON) {
        box->present = true;
        slot_power_on(box);
    } else if (fault->value >= REBOOT_CAUSE_COUNT) {
        return ERR_RANGE;
    } else if (!box->powered) {
        return ERR_UNREACHABLE;
    } else {
        slot_restart(box, (enum reboot_cause)fault->value);
    }
    return 0;
}

/* Another box of the same kind, with an empty disk, in this slot. */
static int
stranger_place(struct netns_box *box, const char *serial)
{
    char text[FACTS_SERIAL_MAX];
    char message[160] = "";
    int err;

    memcpy(text, serial, sizeof(text));
    slot_power_off(box, REBOOT_REPLACED);
    err = slot_place(box, text, message, sizeof(message));
    if (err != 0)
        queue_log(box, "cannot place another box: %s", message);
    box->present = err == 0;
    return err;
}

static int
inject_replace(struct netns_box *box, const struct world_fault *fault)
{
    if (memchr(fault->serial, '\0', sizeof(fault->serial)) == NULL)
        return ERR_INVALID;
    return stranger_place(box, fault->serial);
}

static int
inject_clone(struct netns_box *box, const struct netns_box *original)
{
    if (original == NULL || original == box || !original->present)
        return ERR_INVALID;
    return stranger_place(box, original->serial);
}

static int
inject_swap(struct netns_box *a, struct netns_box *b)
{
    const struct plan_box *boxes = a->netns->plan->boxes;

    if (b == NULL || a == b || boxes[a->index].role != boxes[b->index].role ||
        !a->present || !b->present)
        return ERR_INVALID;
    slot_power_off(a, REBOOT_REPLACED);
    slot_power_off(b, REBOOT_REPLACED);
    slot_exchange(a, b);
    return 0;
}

/* A service that is a process of its own: as the rack numbers them. */
static int
process_find(struct netns_box *box, unsigned service, pid_t *pid)
{
    char name[48];
    char *answer = NULL, *at;
    int err = netns_ask(&box->netns->world, box->index, "services", &answer);

    if (err != 0)
        return err;
    (void)snprintf(name, sizeof(name), "\"service\":\"%s\"",
                   service_name(service));
    at = strstr(answer, name);
    if (at != NULL)
        at = strstr(at, "\"pid\":");
    *pid = at != NULL ? (pid_t)strtol(at + 6, NULL, 10) : 0;
    free(answer);
    /* Not process 1, not every one of them. */
    return *pid > 1 ? 0 : ERR_NOENT;
}

struct blow {
    pid_t pid;
    int signal;
};

/* In the rack, whose numbers of processes are meant. */
static int
strike(void *arg)
{
    const struct blow *blow = arg;

    return kill(blow->pid, blow->signal);
}

static int
signal_service(struct netns_box *box, const struct world_fault *fault)
{
    struct blow blow = {.signal = fault->kind == WORLD_SERVICE_KILL ? SIGKILL
                                  : fault->value != 0               ? SIGSTOP
                                                                    : SIGCONT};
    int err = process_find(box, fault->item, &blow.pid);

    return err == 0 ? rack_call(&box->netns->rack, box->netns->rack.net_ns,
                                strike, &blow)
                    : err;
}

static int
inject_service(struct netns_box *box, const struct world_fault *fault)
{
    const struct plan_box *planned = &box->netns->plan->boxes[box->index];
    char words[64];
    int err;

    if (fault->item >= SVC_COUNT ||
        !node_has_service(planned->role, planned->model->alone, fault->item))
        return ERR_NOENT;
    if (!box->ready)
        return ERR_UNREACHABLE;
    if (fault->kind == WORLD_SERVICE_SLOW)
        return netns_cannot(box->netns, "a real CPU cannot be slowed down "
                                        "for one service");
    if (box->netns->per_service)
        return signal_service(box, fault);
    if (fault->kind == WORLD_SERVICE_KILL)
        (void)snprintf(words, sizeof(words), "kill %s",
                       service_name(fault->item));
    else
        (void)snprintf(words, sizeof(words), "hang %s %u",
                       service_name(fault->item), fault->value != 0);
    err = clients_query(box, words);
    return err == ERR_UNSUPPORTED
               ? netns_cannot(box->netns,
                              "this refnosd cannot make one service hang")
               : err;
}

/* ---- cables ---- */

static const struct plan_cable *
cable_find(const struct cluster_plan *plan, unsigned box, unsigned port)
{
    for (unsigned i = 0; i < plan->cable_count; i++) {
        const struct plan_cable *cable = &plan->cables[i];

        if ((cable->ncp_box == box && cable->ncp_port == port) ||
            (cable->ncf_box == box && cable->ncf_port == port))
            return cable;
    }
    return NULL;
}

static int
inject_fabric(struct netns_box *box, const struct world_fault *fault)
{
    struct netns *netns = box->netns;
    const struct plan_cable *cable =
        cable_find(netns->plan, box->index, fault->item);
    struct truth_box *boxes = netns->truth->boxes;
    unsigned far, far_port;
    int err;

    if (cable == NULL)
        return ERR_NOENT;
    if (fault->kind == WORLD_FABRIC_LINK) {
        net_fabric_link(netns->net, cable, fault->value != 0);
        boxes[cable->ncp_box].ports[cable->ncp_port].faulted =
            fault->value == 0;
        boxes[cable->ncf_box].ports[cable->ncf_port].faulted =
            fault->value == 0;
        if (!netns->dirty) {
            netns->dirty = true;
            netns->dirty_ns = netns_now_ns();
        }
        return 0;
    }
    far = cable->ncp_box == box->index ? cable->ncf_box : cable->ncp_box;
    far_port =
        cable->ncp_box == box->index ? cable->ncf_port : cable->ncp_port;
    err = net_fabric_loss(netns->net, far, far_port, (uint32_t)fault->value);
    if (err == 0)
        err = net_fabric_verify(netns->net, box->index, fault->item, far,
                                far_port);
    return err == 0 ? 0 : netns_cannot(netns, netns->net->why);
}

static int
inject_mgmt(struct netns_box *box, const struct world_fault *fault)
{
    struct netns *netns = box->netns;
    struct net_leg *leg;
    int err;

    if (fault->plane >= PLANE_COUNT)
        return ERR_NOENT;
    leg = &netns->net->boxes[box->index].legs[fault->plane];
    if (fault->kind == WORLD_MGMT_DELAY) {
        err =
            net_leg_delay(netns->net, box->index, fault->plane, fault->value);
    } else {
        if (fault->kind == WORLD_MGMT_LINK) {
            leg->down = fault->value == 0;
        } else if (fault->kind == WORLD_MGMT_LOSS) {
            leg->loss_ppm = (uint32_t)fault->value;
        } else {
            leg->mute = fault->value == 1;
            leg->deaf = fault->value == 2;
        }
        err = net_leg_apply(netns->net, box->index, fault->plane);
    }
    return err == 0 ? 0 : netns_cannot(netns, netns->net->why);
}

static int
partition_apply(struct netns *netns, const struct world_fault *fault,
                unsigned planes)
{
    struct net *net = netns->net;
    int err = net_rules_apply(net);

    for (unsigned plane = 0; err == 0 && plane < PLANE_COUNT; plane++) {
        if ((planes >> plane) & 1)
            err = net_blocks_verify(net, &fault->from, &fault->to,
                                    (enum plane)plane);
    }
    return err == 0 ? 0 : netns_cannot(netns, net->why);
}

static int
inject_partition(struct netns *netns, const struct world_fault *fault)
{
    bool heals = fault->kind == WORLD_PARTITION_HEAL;
    unsigned planes = (unsigned)fault->value;

    if (heals && fault->value == 0) {
        net_unblock_all(netns->net);
        return partition_apply(netns, fault, 0);
    }
    if (fault->value == 0 || fault->value >= 1u << PLANE_COUNT)
        return ERR_RANGE;
    for (unsigned from = 0; from < netns->box_count; from++) {
        for (unsigned to = 0; to < netns->box_count; to++) {
            if (from == to || !box_set_has(&fault->from, from) ||
                !box_set_has(&fault->to, to))
                continue;
            for (unsigned plane = 0; plane < PLANE_COUNT; plane++) {
                if ((planes >> plane) & 1)
                    net_block(netns->net, (enum plane)plane, from, to, !heals);
            }
        }
    }
    return partition_apply(netns, fault, planes);
}

static int
inject_plane(struct netns *netns, const struct world_fault *fault)
{
    if (fault->plane >= PLANE_COUNT)
        return ERR_NOENT;
    net_plane_power(netns->net, fault->plane, fault->value != 0);
    return net_plane_verify(netns->net, fault->plane) == 0
               ? 0
               : netns_cannot(netns, netns->net->why);
}

/* ---- inside a box ---- */

static int
inject_disk(struct netns_box *box, const struct world_fault *fault)
{
    struct netns *netns = box->netns;

    switch ((int)fault->kind) {
    case WORLD_DISK_FULL:
        if (!netns->small_disks)
            return netns_cannot(netns, "this run has no small file systems");
        return small_disk_fill(box, fault->value != 0);
    case WORLD_DISK_STALL:
        return netns_cannot(netns, "a real disk cannot be made to stall");
    case WORLD_DISK_ERROR:
        return netns_cannot(netns, "a real disk cannot be made to fail");
    default:
        return netns_cannot(netns,
                            "the kernel keeps unsynced bytes of a killed "
                            "process");
    }
}

static int
inject_clock(struct netns_box *box, const struct world_fault *fault)
{
    char words[64];
    int err;

    if (fault->kind == WORLD_CLOCK_DRIFT)
        return netns_cannot(box->netns,
                            "a real clock cannot be made to drift");
    box->wall_offset_ns += (int64_t)fault->value;
    if (!box->ready)
        return 0;
    (void)snprintf(words, sizeof(words), "wall-offset %lld",
                   (long long)box->wall_offset_ns);
    err = clients_query(box, words);
    return err == ERR_UNSUPPORTED
               ? netns_cannot(box->netns, "this refnosd cannot step its wall "
                                          "clock while it runs")
               : err;
}

int
netns_inject(struct world *world, const struct world_fault *fault)
{
    struct netns *netns = netns_of(world);
    struct netns_box *box, *box2;

    netns->why[0] = '\0';
    if (fault->box >= netns->box_count)
        return ERR_NOENT;
    box = &netns->boxes[fault->box];
    box2 = fault->box2 < netns->box_count ? &netns->boxes[fault->box2] : NULL;
    run_digest_feed_u64(netns->digest,
                        ((uint64_t)fault->kind << 32) | fault->box);
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
    case WORLD_FABRIC_LOSS: return inject_fabric(box, fault);
    case WORLD_FABRIC_CABLE:
        return netns_cannot(netns, "a veth pair cannot be cabled anew while "
                                   "its daemons run");
    case WORLD_MGMT_LINK:
    case WORLD_MGMT_LOSS:
    case WORLD_MGMT_DELAY:
    case WORLD_MGMT_ONE_WAY: return inject_mgmt(box, fault);
    case WORLD_PLANE: return inject_plane(netns, fault);
    case WORLD_PARTITION:
    case WORLD_PARTITION_HEAL: return inject_partition(netns, fault);
    case WORLD_DISK_STALL:
    case WORLD_DISK_FULL:
    case WORLD_DISK_ERROR:
    case WORLD_DISK_UNSYNCED_LOSS: return inject_disk(box, fault);
    case WORLD_CLOCK_STEP:
    case WORLD_CLOCK_DRIFT: return inject_clock(box, fault);
    case WORLD_PSU:
    case WORLD_FAN:
    case WORLD_SENSOR: return hardware_fault(box, fault);
    case WORLD_IDENTITY: return identity_fault(box, fault->value);
    case WORLD_FAULT_KIND_COUNT: break;
    }
    return ERR_UNSUPPORTED;
}
