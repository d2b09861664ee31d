/* SPDX-License-Identifier: Apache-2.0
 *
 * Life of boxes: power, boot, restart, exchange; and of the world as a
 * whole: its digest, its end.
 */
#include "sim/world/des/des_test.h"

#include <string.h>

static struct small small;

START_TEST(placed_and_dark)
{
    struct world_box box;

    small_make(&small, 1);
    small_run_ms(&small, 600000);
    for (unsigned i = 0; i < small.plan->box_count; i++) {
        small.world->ops->box(small.world, i, &box);
        ck_assert(!box.powered && !box.running && !box.forwarding);
        ck_assert_uint_eq(box.key, small.plan->boxes[i].key);
        ck_assert_str_eq(box.serial, small.plan->boxes[i].serial);
        ck_assert_int_eq(box.role, small.plan->boxes[i].role);
    }
    for (unsigned i = 0; i < OBSERVATION_KIND_COUNT; i++)
        ck_assert_uint_eq(small.seen[i], 0);
    ck_assert_uint_eq(small.world->ops->memory_bytes(small.world), 0);
    small_destroy(&small);
}
END_TEST

START_TEST(boot_times_in_range)
{
    bool differ = false;

    small_boot(&small, 100 + (uint64_t)_i);
    for (unsigned i = 0; i + 1 < small.plan->box_count; i++) {
        const struct box_model *model = small.plan->boxes[i].model;
        struct simtime boot = simtime_sub(small.ready_at[i], small.on_at[i]);

        ck_assert(!simtime_before(boot, model->boot_min));
        ck_assert(!simtime_before(model->boot_max, boot));
        differ |= small.ready_at[i].ps != small.ready_at[0].ps;
        ck_assert(small.des->boxes[i].runtime != NULL);
    }
    ck_assert(differ);
    /* The empty slot stayed empty. */
    ck_assert(!small_box(&small, "ncp-4")->powered);
    small_destroy(&small);
}
END_TEST

START_TEST(power_is_idempotent)
{
    struct des_box *box;

    small_make(&small, 1);
    box = small_box(&small, "ncp-0");
    INJECT(&small, "ncp-0", .kind = WORLD_BOX_POWER_OFF);
    ck_assert_uint_eq(small.seen[OBSERVE_BOX_OFF], 0);
    INJECT(&small, "ncp-0", .kind = WORLD_BOX_POWER_ON);
    INJECT(&small, "ncp-0", .kind = WORLD_BOX_POWER_ON);
    ck_assert_uint_eq(small.seen[OBSERVE_BOX_ON], 1);
    ck_assert_uint_eq(box->facts.incarnation, 1);
    /* Off while it boots: it never gets ready. */
    small_run_ms(&small, 1000);
    INJECT(&small, "ncp-0", .kind = WORLD_BOX_POWER_OFF);
    small_run_ms(&small, 600000);
    ck_assert_uint_eq(small.seen[OBSERVE_BOX_READY], 0);
    ck_assert_uint_eq(small.off_cause[box->index], REBOOT_POWER_LOSS);
    INJECT(&small, "ncp-0", .kind = WORLD_BOX_POWER_ON);
    small_run_ms(&small, 600000);
    ck_assert_uint_eq(small.seen[OBSERVE_BOX_READY], 1);
    ck_assert_uint_eq(box->facts.incarnation, 2);
    small_destroy(&small);
}
END_TEST

static uint64_t
card_read(struct des_box *box, uint8_t bytes[4096])
{
    uint64_t size = 0;

    ck_assert_int_eq(disk_size(box->disk, STORAGE_CARD, &size), 0);
    ck_assert_uint_le(size, 4096);
    ck_assert_int_eq(disk_read(box->disk, STORAGE_CARD, 0, bytes, size), 0);
    return size;
}

START_TEST(restart_is_warm_and_keeps_the_disk)
{
    static uint8_t before[4096], after[4096];
    struct des_box *box;
    struct simtime span;
    uint64_t size;

    small_boot(&small, 2);
    box = small_box(&small, "ncp-1");
    size = card_read(box, before);
    ck_assert_uint_gt(size, 0);
    INJECT(&small, "ncp-1", .kind = WORLD_BOX_RESTART,
           .value = REBOOT_OPERATOR);
    small_run_ms(&small, 1);
    ck_assert(box->powered && box->runtime == NULL);
    ck_assert_uint_eq(small.off_cause[box->index], REBOOT_OPERATOR);
    ck_assert_uint_eq(card_read(box, after), size);
    ck_assert_mem_eq(before, after, size);
    ck_assert_uint_eq(small.ports[box->index], 0);
    small_run_ms(&small, 600000);
    span = simtime_sub(small.ready_at[box->index], small.on_at[box->index]);
    ck_assert(!simtime_before(span, box->model->restart_min));
    ck_assert(!simtime_before(box->model->restart_max, span));
    ck_assert_uint_eq(box->facts.incarnation, 2);
    ck_assert_int_eq(box->plat.hw->reboot_cause(&box->plat), REBOOT_OPERATOR);
    ck_assert(small_in_service(&small));
    small_destroy(&small);
}
END_TEST

START_TEST(power_loss_takes_everything_volatile)
{
    struct des_box *box;

    small_boot(&small, 3);
    box = small_box(&small, "ncp-2");
    ck_assert(box->truth->tables.forwarding);
    ck_assert_uint_gt(box->memory_bytes, 0);
    INJECT(&small, "ncp-2", .kind = WORLD_BOX_POWER_OFF);
    ck_assert_uint_eq(box->memory_bytes, 0);
    ck_assert(!box->truth->tables.forwarding);
    ck_assert(box->runtime == NULL);
    ck_assert_int_eq(
        small.world->ops->request(small.world, box->index, 1, "x", 1),
        ERR_UNREACHABLE);
    small_run_ms(&small, 10);
    ck_assert_uint_eq(small.ports[box->index], 0);
    small_destroy(&small);
}
END_TEST

START_TEST(replaced_box_is_a_stranger)
{
    static uint8_t bytes[4096];
    struct des_box *box;
    uint64_t first, second;

    small_boot(&small, 4);
    box = small_box(&small, "ncp-1");
    first = box->facts.key;
    INJECT(&small, "ncp-1", .kind = WORLD_BOX_REPLACE, .serial = "RMA-1");
    ck_assert(!box->powered);
    ck_assert_uint_eq(small.off_cause[box->index], REBOOT_REPLACED);
    ck_assert_str_eq(box->facts.serial, "RMA-1");
    ck_assert_uint_eq(card_read(box, bytes), 0);
    second = box->facts.key;
    ck_assert_uint_ne(second, first);
    /* Twice without power between: yet another. */
    INJECT(&small, "ncp-1", .kind = WORLD_BOX_REPLACE, .serial = "RMA-2");
    ck_assert_uint_ne(box->facts.key, second);
    ck_assert_uint_ne(box->facts.key, first);
    ck_assert_uint_ne(box->facts.key, 0);
    small_destroy(&small);
}
END_TEST

/* What had failed goes with the box that had it. */
START_TEST(replaced_box_comes_without_failures)
{
    struct des_box *box;
    struct hw_reading reading;

    small_boot(&small, 4);
    box = small_box(&small, "ncp-1");
    INJECT(&small, "ncp-1", .kind = WORLD_FAN, .item = 0);
    INJECT(&small, "ncp-1", .kind = WORLD_DISK_FULL, .value = 1);
    INJECT(&small, "ncp-1", .kind = WORLD_BOX_REPLACE, .serial = "RMA-1");
    INJECT(&small, "ncp-1", .kind = WORLD_BOX_POWER_ON);
    ck_assert_int_eq(disk_append(box->disk, STORAGE_CARD, "x", 1), 0);
    ck_assert_int_eq(box->plat.hw->read(&box->plat, HW_FAN, 0, &reading), 0);
    ck_assert(reading.ok);
    small_destroy(&small);
}
END_TEST

START_TEST(replaced_voter_is_no_voter)
{
    struct des_box *box;

    small_make(&small, 4);
    box = small_box(&small, "ncc-1");
    ck_assert_uint_eq(box->facts.voter_count, 3);
    if (_i == 0)
        INJECT(&small, "ncc-1", .kind = WORLD_BOX_REPLACE, .serial = "RMA");
    else
        INJECT(&small, "ncc-1", .kind = WORLD_BOX_CLONE,
               .box2 = small_box(&small, "ncc-0")->index);
    ck_assert_uint_eq(box->facts.voter_count, 0);
    small_destroy(&small);
}
END_TEST

START_TEST(router_serves_alone)
{
    struct des_box *box;

    small_make_router(&small, 6);
    box = small_box(&small, "ncc-0");
    ck_assert(box->facts.alone);
    ck_assert_uint_eq(box->facts.voter_count, 1);
    INJECT(&small, "ncc-0", .kind = WORLD_BOX_POWER_ON);
    small_run_ms(&small, 200000);
    ck_assert_uint_eq(small.ports[0], box->model->front_ports);
    /* Its own services die: the ASIC goes on. */
    INJECT(&small, "ncc-0", .kind = WORLD_SERVICE_KILL, .item = SVC_STORE);
    INJECT(&small, "ncc-0", .kind = WORLD_SERVICE_KILL, .item = SVC_CLUSTER);
    INJECT(&small, "ncc-0", .kind = WORLD_SERVICE_KILL, .item = SVC_FABRIC);
    small_run_ms(&small, 20000);
    ck_assert_uint_eq(small.seen[OBSERVE_PORTS], 1);
    INJECT(&small, "ncc-0", .kind = WORLD_BOX_POWER_OFF);
    small_run_ms(&small, 1000);
    ck_assert_uint_eq(small.ports[0], 0);
    /* Another box in its place is a cluster of its own as well. */
    INJECT(&small, "ncc-0", .kind = WORLD_BOX_REPLACE, .serial = "RMA");
    INJECT(&small, "ncc-0", .kind = WORLD_BOX_POWER_ON);
    small_run_ms(&small, 200000);
    ck_assert_uint_eq(small.ports[0], box->model->front_ports);
    small_destroy(&small);
}
END_TEST

START_TEST(clone_has_the_serial_not_the_key)
{
    struct des_box *box, *original;
    uint64_t keys[3];

    small_make(&small, 5);
    box = small_box(&small, "ncp-4");
    original = small_box(&small, "ncp-0");
    keys[0] = box->facts.key;
    for (unsigned i = 1; i < 3; i++) {
        INJECT(&small, "ncp-4", .kind = WORLD_BOX_CLONE,
               .box2 = original->index);
        ck_assert_str_eq(box->facts.serial, original->facts.serial);
        keys[i] = box->facts.key;
        ck_assert_uint_ne(keys[i], original->facts.key);
        for (unsigned j = 0; j < i; j++)
            ck_assert_uint_ne(keys[i], keys[j]);
    }
    ck_assert(!box->powered);
    INJECT(&small, "ncp-4", .kind = WORLD_BOX_POWER_ON);
    ck_assert(box->powered);
    small_destroy(&small);
}
END_TEST

START_TEST(swap_exchanges_identity_and_disk)
{
    static uint8_t before_a[4096], before_b[4096], after[4096];
    struct des_box *a, *b;
    uint64_t size_a, size_b;

    small_boot(&small, 6);
    a = small_box(&small, "ncp-0");
    b = small_box(&small, "ncp-3");
    size_a = card_read(a, before_a);
    size_b = card_read(b, before_b);
    INJECT(&small, "ncp-0", .kind = WORLD_BOX_SWAP, .box2 = b->index);
    ck_assert(!a->powered && !b->powered);
    ck_assert_str_eq(a->facts.serial, small.plan->boxes[b->index].serial);
    ck_assert_str_eq(b->facts.serial, small.plan->boxes[a->index].serial);
    ck_assert_uint_eq(a->facts.key, small.plan->boxes[b->index].key);
    ck_assert_uint_eq(b->facts.key, small.plan->boxes[a->index].key);
    ck_assert_uint_eq(card_read(a, after), size_b);
    ck_assert_mem_eq(after, before_b, size_b);
    ck_assert_uint_eq(card_read(b, after), size_a);
    ck_assert_mem_eq(after, before_a, size_a);
    INJECT(&small, "ncp-0", .kind = WORLD_BOX_POWER_ON);
    INJECT(&small, "ncp-3", .kind = WORLD_BOX_POWER_ON);
    small_run_ms(&small, 600000);
    ck_assert(small_in_service(&small));
    small_destroy(&small);
}
END_TEST

START_TEST(spare_joins_when_powered)
{
    struct des_box *spare;

    small_boot(&small, 7);
    spare = small_box(&small, "ncp-4");
    INJECT(&small, "ncp-4", .kind = WORLD_BOX_POWER_ON);
    small_run_ms(&small, 600000);
    ck_assert_uint_eq(small.ports[spare->index], spare->model->front_ports);
    ck_assert(small_in_service(&small));
    small_destroy(&small);
}
END_TEST

/* ---- the world as a whole ---- */

static struct digest_value
digest_of(uint64_t seed, uint64_t kill_ms)
{
    struct digest_value value;

    small_boot(&small, seed);
    if (kill_ms > 0) {
        small_run_ms(&small, kill_ms);
        INJECT(&small, "ncc-0", .kind = WORLD_BOX_POWER_OFF);
    }
    small_run_ms(&small, 5000);
    value = small.world->ops->digest(small.world);
    small_destroy(&small);
    return value;
}

START_TEST(seed_and_faults_decide_the_digest)
{
    struct digest_value first = digest_of(8, 0);

    ck_assert(run_digest_equal(first, digest_of(8, 0)));
    ck_assert(!run_digest_equal(first, digest_of(9, 0)));
    first = digest_of(8, 100);
    ck_assert(run_digest_equal(first, digest_of(8, 100)));
    ck_assert(!run_digest_equal(first, digest_of(8, 101)));
}
END_TEST

static void
count_calls(void *context, const uint64_t units[COST_COUNT], uint64_t host_ns)
{
    uint64_t *calls = context;

    (void)host_ns;
    *calls += units[COST_DISPATCH] > 0;
}

/* In pieces or in one go, metered or not: the same run. */
START_TEST(how_it_is_driven_changes_nothing)
{
    struct digest_value value;
    uint64_t calls = 0;
    unsigned box, service;
    size_t count;

    small_boot(&small, 8);
    small_run_ms(&small, 2000);
    value = small.world->ops->digest(small.world);
    ck_assert_uint_gt(small.world->ops->events(small.world), 1000);
    ck_assert_ptr_nonnull(des_checkpoints(small.world, &count));
    ck_assert_uint_gt(count, 0);
    small_destroy(&small);

    small_boot(&small, 8);
    des_meter_set(small.world, count_calls, &calls);
    for (unsigned i = 0; i < 500; i++)
        small_run_ms(&small, 4);
    ck_assert(run_digest_equal(value, small.world->ops->digest(small.world)));
    ck_assert_uint_gt(calls, 100);
    des_forget_handler(small.world);
    ck_assert(!des_last_handler(small.world, &box, &service));
    while (!des_last_handler(small.world, &box, &service))
        ck_assert(des_step(small.world));
    ck_assert_uint_lt(box, small.plan->box_count);
    ck_assert(service > SVC_NONE && service < SVC_COUNT);
    small_destroy(&small);
}
END_TEST

/* Frames, packets, table writes, disk operations under way: nothing is lost
 * sight of (the sanitizer looks). */
START_TEST(ends_at_any_moment)
{
    struct simtime at;

    small_make(&small, 20 + (uint64_t)_i);
    for (unsigned i = 0; i + 1 < small.plan->box_count; i++)
        INJECT(&small, small.plan->boxes[i].name, .kind = WORLD_BOX_POWER_ON);
    /* From the first box that is ready to well after the last. */
    while (small.seen[OBSERVE_BOX_READY] == 0)
        ck_assert(des_step(small.world));
    at = simtime_add(small.world->ops->now(small.world),
                     simtime_from_ms((uint64_t)_i * _i * 997));
    ck_assert_int_eq(small.world->ops->run_until(small.world, at), 0);
    for (int i = 0; i < _i * 37; i++)
        ck_assert(des_step(small.world));
    small_destroy(&small);
}
END_TEST

/* The same moments, and then the lights go out box by box. */
START_TEST(dies_at_any_moment)
{
    small_boot(&small, 40);
    for (unsigned i = 0; i < 40; i++) {
        struct des_box *box = &small.des->boxes[i % 10];

        for (unsigned j = 0; j < 13 + 101 * i; j++)
            ck_assert(des_step(small.world));
        INJECT(&small, small.plan->boxes[i % 10].name,
               .kind = i % 3 == 0 ? WORLD_BOX_RESTART : WORLD_BOX_POWER_OFF,
               .value = REBOOT_WATCHDOG);
        ck_assert(des_step(small.world));
        box_power_off(box, REBOOT_POWER_LOSS);
        ck_assert_uint_eq(box->memory_bytes, 0);
        INJECT(&small, small.plan->boxes[i % 10].name,
               .kind = WORLD_BOX_POWER_ON);
        if (i % 10 == 9)
            small_run_ms(&small, 600000);
    }
    ck_assert(small_in_service(&small));
    small_destroy(&small);
}
END_TEST

static void
stop_at_first(void *context, const struct observation *seen)
{
    (void)seen;
    ((struct small *)context)
        ->world->ops->stop(((struct small *)context)->world);
}

START_TEST(listener_stops_it)
{
    small_make(&small, 1);
    small.world->listener = stop_at_first;
    small.world->listener_context = &small;
    INJECT(&small, "ncp-0", .kind = WORLD_BOX_POWER_ON);
    ck_assert_int_eq(
        small.world->ops->run_until(small.world, simtime_from_s(600)),
        ERR_INTERRUPTED);
    ck_assert(simtime_before(small.world->ops->now(small.world),
                             simtime_from_s(600)));
    small_destroy(&small);
}
END_TEST

Suite *
life_suite(void)
{
    Suite *suite = suite_create("des life");
    TCase *tc = tcase_create("life");

    tcase_set_timeout(tc, 300);
    tcase_add_test(tc, placed_and_dark);
    tcase_add_loop_test(tc, boot_times_in_range, 0, 3);
    tcase_add_test(tc, power_is_idempotent);
    tcase_add_test(tc, restart_is_warm_and_keeps_the_disk);
    tcase_add_test(tc, power_loss_takes_everything_volatile);
    tcase_add_test(tc, replaced_box_is_a_stranger);
    tcase_add_test(tc, replaced_box_comes_without_failures);
    tcase_add_loop_test(tc, replaced_voter_is_no_voter, 0, 2);
    tcase_add_test(tc, router_serves_alone);
    tcase_add_test(tc, clone_has_the_serial_not_the_key);
    tcase_add_test(tc, swap_exchanges_identity_and_disk);
    tcase_add_test(tc, spare_joins_when_powered);
    suite_add_tcase(suite, tc);
    tc = tcase_create("world");
    tcase_set_timeout(tc, 300);
    tcase_add_test(tc, seed_and_faults_decide_the_digest);
    tcase_add_test(tc, how_it_is_driven_changes_nothing);
    tcase_add_loop_test(tc, ends_at_any_moment, 0, 12);
    tcase_add_test(tc, dies_at_any_moment);
    tcase_add_test(tc, listener_stops_it);
    suite_add_tcase(suite, tc);
    return suite;
}
