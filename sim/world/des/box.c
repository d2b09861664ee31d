/* SPDX-License-Identifier: Apache-2.0
 *
 * Life of a simulated box: placed, powered, booting, running, gone.
 */
#include "sim/world/des/des_priv.h"

#include <stdlib.h>
#include <string.h>

enum { PURPOSE_BOOT = 0x626f6f74, PURPOSE_NOS = 0x6e6f7300 };

/* After which a NOS that did not start is started again. */
#define RESTART_PAUSE simtime_from_s(1)

static struct simtime
boot_time(struct des_box *box, bool warm)
{
    struct random_stream stream =
        random_stream_make(box->des->seed, box->index, PURPOSE_BOOT);
    const struct box_model *model = box->model;

    stream.n = box->facts.incarnation;
    return warm ? random_time_between(&stream, model->restart_min,
                                      model->restart_max)
                : random_time_between(&stream, model->boot_min,
                                      model->boot_max);
}

static void
boot_start(struct des_box *box, bool warm)
{
    box->facts.incarnation++;
    box->random =
        random_stream_make(box->des->seed, box->index,
                           PURPOSE_NOS + (uint32_t)box->facts.incarnation);
    box->restarting = false;
    des_observe_numbers(box, OBSERVE_BOX_ON, box->facts.incarnation, 0, 0, 0);
    des_schedule(
        box->des, &box->boot_event,
        simtime_add(kernel_now(box->des->kernel), boot_time(box, warm)));
}

static void
boot_fire(struct event *event, struct simtime now)
{
    struct des_box *box = CONTAINER_OF(event, struct des_box, boot_event);
    int err;

    if (!identity_start(box)) {
        des_schedule(box->des, &box->boot_event,
                     simtime_add(now, RESTART_PAUSE));
        return;
    }
    cpu_reset(box);
    des_observe_numbers(box, OBSERVE_BOX_READY, box->facts.incarnation,
                        box->facts.key, 0, 0);
    err = node_create(&box->plat, &box->runtime);
    CHECK(err == 0);
    /* What became ready while the runtime was being made. */
    cpu_fire(&box->cpu_event, now);
    fabric_box_up(box);
}

static void
timer_fire(struct event *event, struct simtime now)
{
    struct des_box *box = CONTAINER_OF(event, struct des_box, timer_event);

    (void)now;
    if (box->runtime != NULL)
        runtime_alarm(box->runtime);
}

/* Everything volatile of the NOS goes; storage keeps what is durable. */
static void
nos_stop(struct des_box *box)
{
    struct kernel *kernel = box->des->kernel;

    kernel_cancel(kernel, &box->boot_event);
    kernel_cancel(kernel, &box->timer_event);
    kernel_cancel(kernel, &box->restart_event);
    identity_stop(box);
    cpu_reset(box);
    disk_crash(box->disk);
    runtime_destroy(box->runtime);
    box->runtime = NULL;
    if (box->memory_bytes != 0)
        des_observe_numbers(box, OBSERVE_LEAK, box->memory_bytes, 0, 0, 0);
    box->memory_bytes = 0;
    box->died_at = kernel_now(kernel);
    fabric_box_down(box);
}

/* A management switch carries its plane as long as it has power. */
static void
plane_follow(struct des_box *box)
{
    const struct plan_box *planned = &box->des->plan->boxes[box->index];

    if (planned->role == ROLE_NCM && planned->number < PLANE_COUNT)
        mgmt_net_plane_power(box->des->net, planned->number, box->powered);
}

void
box_power_off(struct des_box *box, enum reboot_cause cause)
{
    if (!box->powered)
        return;
    box->powered = false;
    box->reboot_cause = cause;
    nos_stop(box);
    chassis_power(box->chassis, false);
    mgmt_net_box_power(box->des->net, box->index, false);
    plane_follow(box);
    des_observe_numbers(box, OBSERVE_BOX_OFF, cause, 0, 0, box->facts.key);
}

void
box_power_on(struct des_box *box)
{
    if (box->powered || !box->present)
        return;
    box->powered = true;
    chassis_power(box->chassis, true);
    mgmt_net_box_power(box->des->net, box->index, true);
    plane_follow(box);
    boot_start(box, false);
}

static void
restart_fire(struct event *event, struct simtime now)
{
    struct des_box *box = CONTAINER_OF(event, struct des_box, restart_event);

    (void)now;
    nos_stop(box);
    des_observe_numbers(box, OBSERVE_BOX_OFF, box->reboot_cause, 0, 0,
                        box->facts.key);
    boot_start(box, true);
}

/* May be asked by the NOS from inside a handler: happens right after. */
void
box_restart(struct des_box *box, enum reboot_cause cause)
{
    if (!box->powered || box->restarting)
        return;
    box->reboot_cause = cause;
    box->restarting = true;
    des_schedule(box->des, &box->restart_event, des_box_time(box));
}

void
box_identify(struct des_box *box, uint64_t key, const char *serial)
{
    size_t size = strlen(serial);

    CHECK(size < FACTS_SERIAL_MAX);
    box->facts.key = key;
    memset(box->facts.serial, 0, sizeof(box->facts.serial));
    memcpy(box->facts.serial, serial, size);
    mgmt_net_box_address(box->des->net, box->index, key);
}

/* Both must be off.  What belongs to a box moves: who it is, what is on its
 * disk, how often it booted; what belongs to the place stays. */
void
box_exchange(struct des_box *a, struct des_box *b)
{
    struct box_facts facts = a->facts;
    struct disk *disk = a->disk;
    struct des_identity identity = a->identity;

    box_power_off(a, REBOOT_REPLACED);
    box_power_off(b, REBOOT_REPLACED);
    a->facts = b->facts;
    b->facts = facts;
    a->disk = b->disk;
    b->disk = disk;
    a->identity = b->identity;
    b->identity = identity;
    disk_rebind(a->disk, a);
    disk_rebind(b->disk, b);
    mgmt_net_box_address(a->des->net, a->index, a->facts.key);
    mgmt_net_box_address(b->des->net, b->index, b->facts.key);
    identities_count(a->des);
}

static void
facts_init(struct des_box *box)
{
    const struct cluster_plan *plan = box->des->plan;
    const struct plan_box *planned = &plan->boxes[box->index];

    box->facts = (struct box_facts){
        .role = planned->role,
        .cluster_id = plan->seed ^ 0x5349584e494e4553u,
        .front_ports = planned->model->front_ports,
        .fabric_ports = planned->model->fabric_ports,
        .alone = planned->model->alone,
    };
    for (unsigned i = 0; i < plan->voter_count; i++) {
        if (plan->voters[i] != box->index)
            continue;
        box->facts.voter_count = plan->voter_count;
        box->facts.arbiter = planned->role == ROLE_NCM;
        for (unsigned j = 0; j < plan->voter_count; j++)
            box->facts.voters[j] = plan->boxes[plan->voters[j]].key;
    }
}

void
box_init(struct des *des, unsigned index)
{
    const struct plan_box *planned = &des->plan->boxes[index];
    struct des_box *box = &des->boxes[index];

    box->des = des;
    box->index = index;
    box->model = planned->model;
    box->present = index < des->plan->box_count - des->plan->spare_count;
    box->core_count = planned->model->cpu_cores < DES_CORES_MAX
                          ? planned->model->cpu_cores
                          : DES_CORES_MAX;
    box->reboot_cause = REBOOT_POWER_LOSS;
    box->plat.ops = &des_plat_ops;
    box->plat.hw = &des_hw_ops;
    box->plat.fwd = &des_fwd_ops;
    box->plat.facts = &box->facts;
    event_init(&box->boot_event, EVENT_CLASS_POWER, index, boot_fire);
    event_init(&box->restart_event, EVENT_CLASS_POWER, index, restart_fire);
    event_init(&box->timer_event, EVENT_CLASS_TIMER, index, timer_fire);
    event_init(&box->cpu_event, EVENT_CLASS_CPU, index, cpu_fire);
    identity_init(box);
    facts_init(box);
    box_identify(box, planned->key, planned->serial);
    cpu_reset(box);
}

void
box_fini(struct des_box *box)
{
    identity_fini(box);
    runtime_destroy(box->runtime);
    box->runtime = NULL;
}
