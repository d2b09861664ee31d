/* SPDX-License-Identifier: Apache-2.0
 *
 * Each fault does to the models what it says, and no more.
 */
#include "sim/world/des/des_test.h"

#include <stdlib.h>
#include <string.h>

static struct small small;

static void
teardown(void)
{
    small_destroy(&small);
}

static uint64_t
frames(void)
{
    struct mgmt_net_stats stats;
    uint64_t count = 0;

    mgmt_net_stats(small.des->net, &stats);
    for (unsigned i = 0; i < LANE_COUNT; i++)
        count += stats.frames[i];
    return count;
}

/* One datagram to everyone, as if a handler had charged 'charged_ns'. */
static void
send(struct des_box *box, enum plane plane, uint64_t charged_ns)
{
    box->running = true;
    box->charged_ns = charged_ns;
    box->plat.ops->datagram_send(&box->plat, plane, PLAT_ADDRESS_ALL,
                                 LANE_CONTROL, "hello", 5);
    box->running = false;
}

/* ---- planes ---- */

START_TEST(plane_has_the_power_of_its_switch)
{
    struct des_box *box;

    small_make(&small, 1);
    box = small_box(&small, "ncp-0");
    INJECT(&small, "ncp-0", .kind = WORLD_BOX_POWER_ON);
    send(box, PLANE_A, 0);
    small_run_ms(&small, 10);
    ck_assert_uint_eq(frames(), 0);
    INJECT(&small, "ncm-a", .kind = WORLD_BOX_POWER_ON);
    send(box, PLANE_A, 0);
    send(box, PLANE_B, 0);
    small_run_ms(&small, 10);
    ck_assert_uint_eq(frames(), 1);
    INJECT(&small, "ncm-b", .kind = WORLD_BOX_POWER_ON);
    INJECT(&small, "ncm-a", .kind = WORLD_BOX_POWER_OFF);
    send(box, PLANE_A, 0);
    small_run_ms(&small, 10);
    ck_assert_uint_eq(frames(), 1);
    send(box, PLANE_B, 0);
    small_run_ms(&small, 10);
    ck_assert_uint_eq(frames(), 2);
    INJECT(&small, "ncm-b", .kind = WORLD_PLANE, .plane = PLANE_B);
    send(box, PLANE_B, 0);
    small_run_ms(&small, 10);
    ck_assert_uint_eq(frames(), 2);
    INJECT(&small, "ncm-b", .kind = WORLD_PLANE, .plane = PLANE_B, .value = 1);
    send(box, PLANE_B, 0);
    small_run_ms(&small, 10);
    ck_assert_uint_eq(frames(), 3);
}
END_TEST

/* What had not left when the power went was never sent. */
START_TEST(power_loss_drops_unsent_frames)
{
    struct des_box *box;

    small_make(&small, 1);
    box = small_box(&small, "ncp-0");
    INJECT(&small, "ncm-a", .kind = WORLD_BOX_POWER_ON);
    INJECT(&small, "ncp-0", .kind = WORLD_BOX_POWER_ON);
    small_run_ms(&small, 10);
    send(box, PLANE_A, 5000000);
    small_run_ms(&small, 1);
    if (_i == 1)
        INJECT(&small, "ncp-0", .kind = WORLD_BOX_POWER_OFF);
    small_run_ms(&small, 20);
    ck_assert_uint_eq(frames(), _i == 1 ? 0 : 1);
}
END_TEST

START_TEST(management_link_faults)
{
    static const struct world_fault faults[] = {
        {.kind = WORLD_MGMT_LINK, .value = 0},
        {.kind = WORLD_MGMT_LOSS, .value = 1000000},
        {.kind = WORLD_MGMT_ONE_WAY, .value = 1},
    };
    static const struct world_fault heals[] = {
        {.kind = WORLD_MGMT_LINK, .value = 1},
        {.kind = WORLD_MGMT_LOSS, .value = 0},
        {.kind = WORLD_MGMT_ONE_WAY, .value = 0},
    };
    struct des_box *box;

    small_make(&small, 1);
    box = small_box(&small, "ncp-0");
    INJECT(&small, "ncm-a", .kind = WORLD_BOX_POWER_ON);
    INJECT(&small, "ncp-0", .kind = WORLD_BOX_POWER_ON);
    ck_assert_int_eq(small_inject(&small, "ncp-0", faults[_i]), 0);
    send(box, PLANE_A, 0);
    small_run_ms(&small, 10);
    ck_assert_uint_eq(frames(), 0);
    ck_assert_int_eq(small_inject(&small, "ncp-0", heals[_i]), 0);
    send(box, PLANE_A, 0);
    small_run_ms(&small, 10);
    ck_assert_uint_eq(frames(), 1);
}
END_TEST

START_TEST(management_delay_is_added)
{
    struct des_box *box;

    small_make(&small, 1);
    box = small_box(&small, "ncp-0");
    INJECT(&small, "ncm-a", .kind = WORLD_BOX_POWER_ON);
    INJECT(&small, "ncp-0", .kind = WORLD_BOX_POWER_ON);
    INJECT(&small, "ncp-0", .kind = WORLD_MGMT_DELAY, .plane = PLANE_A,
           .value = 50000000);
    send(box, PLANE_A, 0);
    small_run_ms(&small, 49);
    ck_assert_uint_eq(frames(), 0);
    small_run_ms(&small, 2);
    ck_assert_uint_eq(frames(), 1);
}
END_TEST

static uint64_t
bus_events(const struct des_box *box)
{
    return box->load.events[SVC_BUS];
}

/* How many events the bus of ncp-0 gets in two seconds while
 * nothing passes from 'from' to 'to'. */
static uint64_t
heard_in_partition(bool to_it, bool from_it)
{
    struct des_box *box;
    struct world_fault fault = {.kind = WORLD_PARTITION, .value = 3};
    uint64_t before, heard;

    small_boot(&small, 12);
    box = small_box(&small, "ncp-0");
    for (unsigned i = 0; i < small.plan->box_count; i++) {
        if (i != box->index) {
            box_set_add(&fault.from, i);
            continue;
        }
        box_set_add(&fault.to, i);
    }
    if (to_it)
        ck_assert_int_eq(small_inject(&small, "ncp-0", fault), 0);
    if (from_it) {
        struct box_set set = fault.from;

        fault.from = fault.to;
        fault.to = set;
        ck_assert_int_eq(small_inject(&small, "ncp-0", fault), 0);
    }
    before = bus_events(box);
    small_run_ms(&small, 2000);
    heard = bus_events(box) - before;
    return heard;
}

START_TEST(partition_has_a_direction)
{
    uint64_t all, deaf, mute;

    all = heard_in_partition(false, false);
    small_destroy(&small);
    deaf = heard_in_partition(true, false);
    small_destroy(&small);
    mute = heard_in_partition(false, true);
    ck_assert_uint_gt(all, 20);
    ck_assert_uint_lt(deaf, all / 2);
    ck_assert_uint_gt(mute, deaf * 2);
}
END_TEST

START_TEST(partition_heals)
{
    struct world_fault fault = {.kind = WORLD_PARTITION, .value = 3};
    struct des_box *box;
    uint64_t before;

    small_boot(&small, 13);
    box = small_box(&small, "ncp-0");
    for (unsigned i = 0; i < small.plan->box_count; i++) {
        if (i != box->index)
            box_set_add(&fault.from, i);
    }
    box_set_add(&fault.to, box->index);
    ck_assert_int_eq(small_inject(&small, "ncp-0", fault), 0);
    small_run_ms(&small, 20000);
    ck_assert_uint_eq(small.traced_box[TRACE_HEADLESS], box->index);
    ck_assert_uint_eq(small.trace[TRACE_HEADLESS].a, 1);
    /* Headless, not isolated. */
    ck_assert(small_in_service(&small));
    before = small.traced[TRACE_HEADLESS];
    INJECT(&small, "ncp-0", .kind = WORLD_PARTITION_HEAL);
    small_run_ms(&small, 20000);
    ck_assert_uint_gt(small.traced[TRACE_HEADLESS], before);
    ck_assert_uint_eq(small.trace[TRACE_HEADLESS].a, 0);
    ck_assert(small_in_service(&small));
}
END_TEST

/* ---- services ---- */

START_TEST(killed_service_lives_again)
{
    struct des_box *box;
    uint64_t started;

    small_boot(&small, 2);
    box = small_box(&small, "ncp-0");
    started = small.traced[TRACE_SERVICE_STARTED];
    INJECT(&small, "ncp-0", .kind = WORLD_SERVICE_KILL, .item = SVC_FABRIC);
    small_run_ms(&small, 10000);
    ck_assert_uint_eq(small.traced[TRACE_SERVICE_DIED], 1);
    ck_assert_uint_eq(small.trace[TRACE_SERVICE_DIED].a, SVC_FABRIC);
    ck_assert_uint_eq(small.traced_box[TRACE_SERVICE_DIED], box->index);
    ck_assert_uint_eq(small.traced[TRACE_SERVICE_STARTED], started + 1);
    ck_assert(small_in_service(&small));
}
END_TEST

/* Takes chunks back without writing it down. */
static void
chunk_forget(struct plat *plat, void *chunk, size_t size)
{
    (void)plat;
    (void)size;
    free(chunk);
}

static bool
owns_all(const struct des_box *box)
{
    size_t lent = 0, owned = 0;

    small.world->ops->box_memory(small.world, box->index, &lent, &owned);
    ck_assert_uint_gt(lent, 0);
    ck_assert_uint_ge(lent, owned);
    return lent == owned;
}

/* Memory that a dead service did not give back has no owner, while all that
 * lives is known. */
START_TEST(dead_service_owns_nothing)
{
    struct plat_ops forgetful;
    struct des_box *box;

    small_boot(&small, 2);
    for (unsigned i = 0; i + 1 < small.plan->box_count; i++)
        ck_assert(owns_all(&small.des->boxes[i]));
    box = small_box(&small, "ncp-0");
    INJECT(&small, "ncp-0", .kind = WORLD_SERVICE_KILL, .item = SVC_FABRIC);
    ck_assert(owns_all(box)); /* while it is down */
    small_run_ms(&small, 10000);
    ck_assert(owns_all(box));
    forgetful = *box->plat.ops;
    forgetful.chunk_give = chunk_forget;
    box->plat.ops = &forgetful;
    INJECT(&small, "ncp-0", .kind = WORLD_SERVICE_KILL, .item = SVC_FABRIC);
    box->plat.ops = &des_plat_ops;
    small_run_ms(&small, 10000);
    ck_assert(!owns_all(box));
    ck_assert(owns_all(small_box(&small, "ncp-1")));
    ck_assert(small_in_service(&small));
    ck_assert_uint_eq(small.seen[OBSERVE_LEAK], 0);
    INJECT(&small, "ncp-0", .kind = WORLD_BOX_POWER_OFF);
    ck_assert_uint_eq(small.seen[OBSERVE_LEAK], 1);
    small.seen[OBSERVE_LEAK] = 0; /* ours */
}
END_TEST

START_TEST(hung_service_does_nothing)
{
    struct des_box *box;
    uint64_t before;

    small_boot(&small, 2);
    box = small_box(&small, "ncp-0");
    INJECT(&small, "ncp-0", .kind = WORLD_SERVICE_HANG, .item = SVC_HARDWARE,
           .value = 1);
    before = box->load.events[SVC_HARDWARE];
    small_run_ms(&small, 400);
    ck_assert_uint_eq(small.traced[TRACE_SERVICE_DIED], 0);
    ck_assert_uint_eq(box->load.events[SVC_HARDWARE], before);
    INJECT(&small, "ncp-0", .kind = WORLD_SERVICE_HANG, .item = SVC_HARDWARE);
    small_run_ms(&small, 5000);
    ck_assert_uint_gt(box->load.events[SVC_HARDWARE], before);
}
END_TEST

START_TEST(slow_service_takes_more_time)
{
    struct des_box *box;
    uint64_t before, normal, slow;

    small_boot(&small, 2);
    box = small_box(&small, "ncp-0");
    before = box->load.cpu_ns[SVC_BUS];
    small_run_ms(&small, 2000);
    normal = box->load.cpu_ns[SVC_BUS] - before;
    INJECT(&small, "ncp-0", .kind = WORLD_SERVICE_SLOW, .item = SVC_BUS,
           .value = 4000);
    before = box->load.cpu_ns[SVC_BUS];
    small_run_ms(&small, 2000);
    slow = box->load.cpu_ns[SVC_BUS] - before;
    ck_assert_uint_gt(slow, normal * 3);
    ck_assert_uint_lt(slow, normal * 5);
    INJECT(&small, "ncp-0", .kind = WORLD_SERVICE_SLOW, .item = SVC_BUS);
    before = box->load.cpu_ns[SVC_BUS];
    small_run_ms(&small, 2000);
    ck_assert_uint_lt(box->load.cpu_ns[SVC_BUS] - before, normal * 3 / 2);
}
END_TEST

/* ---- fabric ---- */

static bool
link_up(struct des_box *box, unsigned port)
{
    bool up = false;

    ck_assert_int_eq(box->plat.fwd->link_up(&box->plat, port, &up), 0);
    return up;
}

START_TEST(link_down_is_seen_on_both_ends)
{
    struct des_box *box, *far;
    unsigned far_port;

    small_boot(&small, 3);
    box = small_box(&small, "ncp-0");
    far = &small.des->boxes[box->ports[2].link->peer_box];
    far_port = box->ports[2].link->peer_port;
    ck_assert_int_eq(far->facts.role, ROLE_NCF);
    ck_assert(link_up(box, 2) && link_up(far, far_port));
    INJECT(&small, "ncp-0", .kind = WORLD_FABRIC_LINK, .item = 2);
    small_run_ms(&small, 2000);
    ck_assert(!link_up(box, 2) && !link_up(far, far_port));
    ck_assert(link_up(box, 3));
    ck_assert_uint_lt(box->truth->weakest_links, box->model->fabric_ports);
    ck_assert(small_in_service(&small));
    /* Mended from the other end. */
    INJECT(&small, small.plan->boxes[far->index].name,
           .kind = WORLD_FABRIC_LINK, .item = far_port, .value = 1);
    small_run_ms(&small, 20000);
    ck_assert(link_up(box, 2) && link_up(far, far_port));
    ck_assert_uint_eq(box->truth->weakest_links, box->model->fabric_ports);
}
END_TEST

START_TEST(all_links_down_is_an_outage)
{
    struct des_box *box;

    small_boot(&small, 3);
    box = small_box(&small, "ncp-0");
    for (unsigned i = 0; i < box->model->fabric_ports; i++)
        INJECT(&small, "ncp-0", .kind = WORLD_FABRIC_LINK, .item = i);
    small_run_ms(&small, 2000);
    ck_assert_uint_eq(small.ports[box->index], 0);
    for (unsigned i = 0; i < box->model->fabric_ports; i++)
        INJECT(&small, "ncp-0", .kind = WORLD_FABRIC_LINK, .item = i,
               .value = 1);
    small_run_ms(&small, 30000);
    ck_assert(small_in_service(&small));
}
END_TEST

START_TEST(lossy_link_loses_packets)
{
    struct des_box *box;

    small_boot(&small, 3);
    box = small_box(&small, "ncp-0");
    small_run_ms(&small, 100);
    ck_assert(list_empty(&small.des->flying_packets));
    INJECT(&small, "ncp-0", .kind = WORLD_FABRIC_LOSS, .item = 1,
           .value = 1000000);
    fabric_send(box, 1, "hello", 5);
    ck_assert(list_empty(&small.des->flying_packets));
    fabric_send(box, 2, "hello", 5);
    ck_assert(!list_empty(&small.des->flying_packets));
    small_run_ms(&small, 100);
    ck_assert(list_empty(&small.des->flying_packets));
    INJECT(&small, "ncp-0", .kind = WORLD_FABRIC_LOSS, .item = 1);
    fabric_send(box, 1, "hello", 5);
    ck_assert(!list_empty(&small.des->flying_packets));
    small_run_ms(&small, 100);
}
END_TEST

START_TEST(cable_swap_is_found)
{
    struct des_box *a, *b;
    unsigned far_a, far_b;

    small_boot(&small, 3);
    a = small_box(&small, "ncp-0");
    b = small_box(&small, "ncp-1");
    far_a = a->ports[0].link->peer_box;
    far_b = b->ports[1].link->peer_box;
    ck_assert_uint_ne(far_a, far_b);
    INJECT(&small, "ncp-0", .kind = WORLD_FABRIC_CABLE, .item = 0,
           .box2 = b->index, .item2 = 1);
    ck_assert_uint_eq(a->ports[0].link->peer_box, far_b);
    ck_assert_uint_eq(b->ports[1].link->peer_box, far_a);
    ck_assert(!link_up(a, 0) && !link_up(b, 1));
    small_run_ms(&small, 30000);
    ck_assert(link_up(a, 0) && link_up(b, 1));
    ck_assert_uint_ge(small.traced[TRACE_CABLE], 2);
    ck_assert_uint_eq(small.trace[TRACE_CABLE].c, CABLE_WRONG);
    INJECT(&small, "ncp-0", .kind = WORLD_FABRIC_CABLE, .item = 0,
           .box2 = b->index, .item2 = 1);
    ck_assert_uint_eq(a->ports[0].link->peer_box, far_a);
    small_run_ms(&small, 30000);
    ck_assert_uint_eq(small.trace[TRACE_CABLE].c, CABLE_OK);
    ck_assert(small_in_service(&small));
}
END_TEST

/* A broken cable that moves does not leave a dark port behind. */
START_TEST(swapped_cables_work)
{
    struct des_box *a, *b;

    small_boot(&small, 3);
    a = small_box(&small, "ncp-0");
    b = small_box(&small, "ncp-1");
    INJECT(&small, "ncp-0", .kind = WORLD_FABRIC_LINK, .item = 0);
    INJECT(&small, "ncp-0", .kind = WORLD_FABRIC_CABLE, .item = 0,
           .box2 = b->index, .item2 = 0);
    INJECT(&small, "ncp-0", .kind = WORLD_FABRIC_LINK, .item = 0, .value = 1);
    small_run_ms(&small, 30000);
    ck_assert(link_up(a, 0) && link_up(b, 0));
}
END_TEST

/* ---- disks, clocks ---- */

START_TEST(disk_faults)
{
    struct des_box *box;
    uint8_t byte;

    small_boot(&small, 4);
    box = small_box(&small, "ncm-b");
    INJECT(&small, "ncm-b", .kind = WORLD_DISK_FULL, .value = 1);
    ck_assert_int_eq(
        box->plat.ops->storage_append(&box->plat, STORAGE_LOG, "x", 1),
        ERR_NOSPACE);
    INJECT(&small, "ncm-b", .kind = WORLD_DISK_FULL);
    ck_assert_int_eq(
        box->plat.ops->storage_append(&box->plat, STORAGE_LOG, "x", 1), 0);
    INJECT(&small, "ncm-b", .kind = WORLD_DISK_ERROR, .value = 1);
    ck_assert_int_eq(
        box->plat.ops->storage_read(&box->plat, STORAGE_LOG, 0, &byte, 1),
        ERR_IO);
    INJECT(&small, "ncm-b", .kind = WORLD_DISK_ERROR);
    ck_assert_int_eq(
        box->plat.ops->storage_read(&box->plat, STORAGE_LOG, 0, &byte, 1), 0);
    /* Never synced, and this disk keeps nothing of it. */
    INJECT(&small, "ncm-b", .kind = WORLD_DISK_UNSYNCED_LOSS, .value = 1);
    INJECT(&small, "ncm-b", .kind = WORLD_BOX_POWER_OFF);
    ck_assert_int_eq(disk_read(box->disk, STORAGE_LOG, 0, &byte, 1),
                     ERR_TRUNCATED);
}
END_TEST

/* The disk of every voter stalls: nothing is acknowledged before it ends. */
START_TEST(stalled_disks_hold_back_the_log)
{
    static const char *const voters[] = {"ncc-0", "ncc-1", "ncm-a"};
    struct des_box *spare;

    small_boot(&small, 4);
    spare = small_box(&small, "ncp-4");
    for (unsigned i = 0; i < 3; i++)
        INJECT(&small, voters[i], .kind = WORLD_DISK_STALL,
               .value = 300000000000);
    /* A new member needs a number, and a number needs the log. */
    INJECT(&small, "ncp-4", .kind = WORLD_BOX_POWER_ON);
    small_run_ms(&small, 290000);
    ck_assert(spare->runtime != NULL);
    ck_assert_uint_eq(small.ports[spare->index], 0);
    small_run_ms(&small, 60000);
    ck_assert_uint_gt(small.ports[spare->index], 0);
}
END_TEST

START_TEST(clock_step_moves_the_wall_only)
{
    struct des_box *box;
    uint64_t mono, wall;

    small_make(&small, 5);
    box = small_box(&small, "ncc-0");
    small_run_ms(&small, 1000);
    mono = box->plat.ops->now_ns(&box->plat);
    wall = box->plat.ops->wall_ns(&box->plat);
    INJECT(&small, "ncc-0", .kind = WORLD_CLOCK_STEP,
           .value = (uint64_t)-3000000000);
    ck_assert_uint_eq(box->plat.ops->now_ns(&box->plat), mono);
    ck_assert_uint_eq(box->plat.ops->wall_ns(&box->plat), wall - 3000000000);
}
END_TEST

START_TEST(clock_drift_changes_the_rate)
{
    struct des_box *box;
    uint64_t from;

    small_make(&small, 5);
    box = small_box(&small, "ncc-0");
    small_run_ms(&small, 1000);
    from = box->plat.ops->now_ns(&box->plat);
    INJECT(&small, "ncc-0", .kind = WORLD_CLOCK_DRIFT,
           .value = (uint64_t)-100000);
    /* No jump. */
    ck_assert_uint_eq(box->plat.ops->now_ns(&box->plat), from);
    small_run_ms(&small, 10000);
    ck_assert_uint_eq(box->plat.ops->now_ns(&box->plat) - from, 9999000000);
}
END_TEST

/* ---- chassis ---- */

START_TEST(fan_sensor_and_supply)
{
    struct des_box *box;
    struct hw_reading reading;

    small_boot(&small, 6);
    box = small_box(&small, "ncp-0");
    INJECT(&small, "ncp-0", .kind = WORLD_FAN, .item = 1);
    ck_assert_int_eq(box->plat.hw->read(&box->plat, HW_FAN, 1, &reading), 0);
    ck_assert(!reading.ok);
    INJECT(&small, "ncp-0", .kind = WORLD_SENSOR, .item = 0, .value = 1);
    ck_assert_int_ne(box->plat.hw->read(&box->plat, HW_SENSOR, 0, &reading),
                     0);
    INJECT(&small, "ncp-0", .kind = WORLD_SENSOR, .item = 0, .value = 2,
           .value2 = -7000);
    ck_assert_int_eq(box->plat.hw->read(&box->plat, HW_SENSOR, 0, &reading),
                     0);
    ck_assert_int_eq(reading.value, -7000);
    INJECT(&small, "ncp-0", .kind = WORLD_PSU, .item = 0);
    ck_assert_int_eq(box->plat.hw->read(&box->plat, HW_PSU, 0, &reading), 0);
    ck_assert(!reading.ok);
    small_run_ms(&small, 20000);
    ck_assert(box->powered);
    ck_assert(small_in_service(&small));
    ck_assert_uint_ge(small.traced[TRACE_ALARM], 2);
    INJECT(&small, "ncp-0", .kind = WORLD_FAN, .item = 1, .value = 1);
    ck_assert_int_eq(box->plat.hw->read(&box->plat, HW_FAN, 1, &reading), 0);
    ck_assert(reading.ok);
}
END_TEST

START_TEST(no_supply_no_box)
{
    struct des_box *box;

    small_boot(&small, 6);
    box = small_box(&small, "ncp-0");
    for (unsigned i = 0; i < box->model->psu_count; i++)
        INJECT(&small, "ncp-0", .kind = WORLD_PSU, .item = i);
    small_run_ms(&small, 1000);
    ck_assert(!box->powered);
    ck_assert_uint_eq(small.off_cause[box->index], REBOOT_POWER_LOSS);
    ck_assert_uint_eq(small.ports[box->index], 0);
}
END_TEST

START_TEST(working_fans_make_the_duty)
{
    uint32_t percent = 0;
    struct des_box *box;

    small_boot(&small, 6);
    box = small_box(&small, "ncp-0");
    ck_assert_int_eq(
        small.world->ops->fan_duty(small.world, box->index, &percent), 0);
    ck_assert_uint_gt(percent, 0);
    ck_assert_uint_le(percent, 100);
    for (unsigned i = 0; i < box->model->fan_count; i++)
        INJECT(&small, "ncp-0", .kind = WORLD_FAN, .item = i);
    ck_assert_int_eq(
        small.world->ops->fan_duty(small.world, box->index, &percent),
        ERR_NOENT);
}
END_TEST

/* ---- what cannot be done ---- */

START_TEST(impossible_faults_are_refused)
{
    struct world_fault nowhere = {.kind = WORLD_BOX_POWER_OFF};
    struct world_fault unterminated = {.kind = WORLD_BOX_REPLACE};
    struct des_box *other;

    small_make(&small, 7);
    other = small_box(&small, "ncf-0");
    nowhere.box = small.plan->box_count;
    ck_assert_int_ne(small.world->ops->inject(small.world, &nowhere), 0);
    memset(unterminated.serial, 'x', sizeof(unterminated.serial));
    ck_assert_int_ne(small_inject(&small, "ncp-0", unterminated), 0);
    REFUSED(&small, "ncp-0", .kind = WORLD_FAULT_KIND_COUNT);
    REFUSED(&small, "ncp-0", .kind = WORLD_BOX_RESTART,
            .value = REBOOT_OPERATOR); /* it is off */
    REFUSED(&small, "ncp-0", .kind = WORLD_BOX_SWAP, .box2 = other->index);
    REFUSED(&small, "ncp-0", .kind = WORLD_BOX_SWAP,
            .box2 = small_box(&small, "ncp-0")->index);
    REFUSED(&small, "ncp-0", .kind = WORLD_BOX_SWAP,
            .box2 = small_box(&small, "ncp-4")->index); /* not there */
    REFUSED(&small, "ncp-0", .kind = WORLD_BOX_SWAP, .box2 = 9999);
    REFUSED(&small, "ncp-0", .kind = WORLD_BOX_CLONE, .box2 = 9999);
    REFUSED(&small, "ncp-0", .kind = WORLD_BOX_CLONE,
            .box2 = small_box(&small, "ncp-0")->index);
    REFUSED(&small, "ncp-0", .kind = WORLD_BOX_CLONE,
            .box2 = small_box(&small, "ncp-4")->index);
    REFUSED(&small, "ncp-0", .kind = WORLD_SERVICE_KILL, .item = SVC_BUS);
    REFUSED(&small, "ncp-0", .kind = WORLD_SERVICE_HANG, .item = SVC_BUS,
            .value = 1);
    REFUSED(&small, "ncp-0", .kind = WORLD_FABRIC_LINK, .item = 999);
    REFUSED(&small, "ncm-a", .kind = WORLD_FABRIC_LINK, .item = 0);
    REFUSED(&small, "ncp-0", .kind = WORLD_FABRIC_CABLE, .item = 0,
            .box2 = other->index, .item2 = 999);
    REFUSED(&small, "ncp-0", .kind = WORLD_FABRIC_CABLE, .item = 0,
            .box2 = 9999);
    /* A cable does not change places with itself. */
    REFUSED(&small, "ncp-0", .kind = WORLD_FABRIC_CABLE, .item = 0,
            .box2 = small_box(&small, "ncp-0")->ports[0].link->peer_box,
            .item2 = small_box(&small, "ncp-0")->ports[0].link->peer_port);
    REFUSED(&small, "ncp-0", .kind = WORLD_MGMT_LINK, .plane = PLANE_COUNT);
    REFUSED(&small, "ncp-0", .kind = WORLD_PLANE, .plane = PLANE_COUNT);
    REFUSED(&small, "ncp-0", .kind = WORLD_PARTITION);
    REFUSED(&small, "ncp-0", .kind = WORLD_PARTITION, .value = 4);
    REFUSED(&small, "ncp-0", .kind = WORLD_PSU, .item = 99);
    REFUSED(&small, "ncp-0", .kind = WORLD_FAN, .item = 99);
    REFUSED(&small, "ncp-0", .kind = WORLD_SENSOR, .item = 99);
    for (unsigned i = 0; i < OBSERVATION_KIND_COUNT; i++)
        ck_assert_uint_eq(small.seen[i], 0);
}
END_TEST

START_TEST(services_of_other_roles_are_refused)
{
    small_boot(&small, 7);
    REFUSED(&small, "ncp-0", .kind = WORLD_SERVICE_KILL, .item = SVC_CLUSTER);
    REFUSED(&small, "ncc-0", .kind = WORLD_SERVICE_KILL, .item = SVC_FABRIC);
    REFUSED(&small, "ncc-0", .kind = WORLD_SERVICE_KILL, .item = SVC_COUNT);
    REFUSED(&small, "ncc-0", .kind = WORLD_SERVICE_KILL, .item = SVC_NONE);
    REFUSED(&small, "ncc-0", .kind = WORLD_BOX_RESTART,
            .value = REBOOT_CAUSE_COUNT);
    ck_assert_uint_eq(small.traced[TRACE_SERVICE_DIED], 0);
}
END_TEST

static TCase *
cases(const char *name)
{
    TCase *tc = tcase_create(name);

    tcase_set_timeout(tc, 300);
    tcase_add_checked_fixture(tc, NULL, teardown);
    return tc;
}

Suite *
faults_suite(void)
{
    Suite *suite = suite_create("des faults");
    TCase *tc = cases("management");

    tcase_add_test(tc, plane_has_the_power_of_its_switch);
    tcase_add_loop_test(tc, power_loss_drops_unsent_frames, 0, 2);
    tcase_add_loop_test(tc, management_link_faults, 0, 3);
    tcase_add_test(tc, management_delay_is_added);
    tcase_add_test(tc, partition_has_a_direction);
    tcase_add_test(tc, partition_heals);
    suite_add_tcase(suite, tc);
    tc = cases("services");
    tcase_add_test(tc, killed_service_lives_again);
    tcase_add_test(tc, dead_service_owns_nothing);
    tcase_add_test(tc, hung_service_does_nothing);
    tcase_add_test(tc, slow_service_takes_more_time);
    suite_add_tcase(suite, tc);
    tc = cases("fabric");
    tcase_add_test(tc, link_down_is_seen_on_both_ends);
    tcase_add_test(tc, all_links_down_is_an_outage);
    tcase_add_test(tc, lossy_link_loses_packets);
    tcase_add_test(tc, cable_swap_is_found);
    tcase_add_test(tc, swapped_cables_work);
    suite_add_tcase(suite, tc);
    tc = cases("box");
    tcase_add_test(tc, disk_faults);
    tcase_add_test(tc, stalled_disks_hold_back_the_log);
    tcase_add_test(tc, clock_step_moves_the_wall_only);
    tcase_add_test(tc, clock_drift_changes_the_rate);
    tcase_add_test(tc, fan_sensor_and_supply);
    tcase_add_test(tc, no_supply_no_box);
    tcase_add_test(tc, working_fans_make_the_duty);
    tcase_add_test(tc, impossible_faults_are_refused);
    tcase_add_test(tc, services_of_other_roles_are_refused);
    suite_add_tcase(suite, tc);
    return suite;
}
