/* SPDX-License-Identifier: Apache-2.0
 *
 * Three voters, with and without trouble.
 */
#include "reference-nos/platform/mutation.h"
#include "reference-nos/store/store_testworld.h"

#define CONF_ALL 0x7full

static void
boot_all(struct world *world)
{
    for (unsigned i = 0; i < world->box_count; i++) {
        world_boot(world, i);
        world_watch(world, i, CONF_ALL, UINT64_MAX);
    }
}

static bool
has_leader(struct world *world)
{
    return world_leader(world) >= 0;
}

static bool
all_done(struct world *world)
{
    int leader = world_leader(world);

    return leader >= 0 && world->boxes[leader].probe.dones > 0;
}

START_TEST(test_one_voter_commits)
{
    struct world *world = world_create(1, 0, 1);

    boot_all(world);
    ck_assert(world_run_until(world, has_leader, NS_PER_S));
    world_put(world, 0, 7, 1, TABLE_PROBE, 1, 42);
    ck_assert(world_run_until(world, all_done, NS_PER_S));
    ck_assert_int_eq(world->boxes[0].probe.done.status, 0);
    world_run(world, NS_PER_MS);
    ck_assert_int_eq(world_mirror(world, 0, 0, TABLE_PROBE, 1), 42);
    world_destroy(world);
}
END_TEST

START_TEST(test_three_voters_commit_and_watch)
{
    struct world *world = world_create(3, 0, 2);
    int leader;

    boot_all(world);
    ck_assert(world_run_until(world, has_leader, 2 * NS_PER_S));
    leader = world_leader(world);
    world_put(world, (unsigned)leader, 7, 1, TABLE_PROBE, 1, 42);
    ck_assert(world_run_until(world, all_done, NS_PER_S));
    ck_assert_int_eq(world->boxes[leader].probe.done.status, 0);
    world_run(world, 200 * NS_PER_MS);
    for (unsigned i = 0; i < 3; i++) {
        ck_assert_int_eq(world_mirror(world, i, 0, TABLE_PROBE, 1), 42);
        ck_assert_uint_eq(world->boxes[i].probe.lasts, 1);
    }
    ck_assert_uint_eq(world->divergences, 0);
    world_destroy(world);
}
END_TEST

/* --- Clients that retry ------------------------------------------------- */

#define CLIENT 7

struct writer {
    uint64_t sequence; /* of the transaction under way */
    uint64_t asked_ns;
    unsigned asked_box;
    unsigned dones;
    uint64_t committed;
};

/* Writes 'sequence' at key sequence % 16; asks again, elsewhere, if told so
 * or not answered. */
static void
writer_step(struct world *world, struct writer *writer)
{
    int leader = world_leader(world);
    struct probe *probe = &world->boxes[writer->asked_box].probe;

    if (writer->asked_ns != 0 && probe->dones != writer->dones &&
        probe->done.sequence == writer->sequence) {
        if (probe->done.status == 0) {
            writer->committed = writer->sequence++;
            writer->asked_ns = 0;
            return;
        } else if (world->now_ns > writer->asked_ns + 20 * NS_PER_MS) {
            writer->asked_ns = 0;
        }
    }
    if (writer->asked_ns != 0 &&
        world->now_ns > writer->asked_ns + 500 * NS_PER_MS)
        writer->asked_ns = 0;
    if (writer->asked_ns != 0 || leader < 0)
        return;
    writer->asked_ns = world->now_ns;
    writer->asked_box = (unsigned)leader;
    writer->dones = world->boxes[leader].probe.dones;
    world_put(world, (unsigned)leader, CLIENT, writer->sequence, TABLE_PROBE,
              (uint32_t)writer->sequence % 16, (uint32_t)writer->sequence);
}

static void
write_some(struct world *world, struct writer *writer, uint64_t count)
{
    uint64_t end = writer->committed + count;
    uint64_t limit_ns = world->now_ns + 60 * NS_PER_S;

    while (writer->committed < end && world->now_ns < limit_ns) {
        writer_step(world, writer);
        world_run(world, NS_PER_MS / 2);
    }
    ck_assert_uint_ge(writer->committed, end);
}

/* What was acknowledged is there, on all voters. */
static void
check_rows(struct world *world, const struct writer *writer, unsigned boxes)
{
    for (uint32_t key = 0; key < 16; key++) {
        uint64_t last = 0;

        for (uint64_t n = 1; n <= writer->committed; n++)
            if (n % 16 == key)
                last = n;
        for (unsigned box = 0; box < boxes && last != 0; box++) {
            int64_t have = world_mirror(world, box, 0, TABLE_PROBE, key);

            /* The one under way may be there, too. */
            if (writer->sequence % 16 == key &&
                have == (int64_t)writer->sequence)
                continue;
            ck_assert_int_eq(have, (int64_t)last);
        }
    }
    ck_assert_uint_eq(world->divergences, 0);
}

START_TEST(test_retries_are_answered_not_repeated)
{
    struct world *world = world_create(3, 0, 3);
    struct writer writer = {.sequence = 1};
    unsigned leader;
    uint64_t index;

    boot_all(world);
    write_some(world, &writer, 3);
    leader = (unsigned)world_leader(world);
    index = world->boxes[leader].probe.done.index;
    world_put(world, leader, CLIENT, 3, TABLE_PROBE, 3, 999);
    world_run(world, 50 * NS_PER_MS);
    ck_assert_int_eq(world->boxes[leader].probe.done.status, 0);
    ck_assert_uint_eq(world->boxes[leader].probe.done.index, index);
    ck_assert_int_eq(world_mirror(world, leader, 0, TABLE_PROBE, 3), 3);
    world_put(world, leader, CLIENT, 2, TABLE_PROBE, 3, 999);
    world_run(world, 50 * NS_PER_MS);
    ck_assert_int_eq(world->boxes[leader].probe.done.status, ERR_STALE);
    world_destroy(world);
}
END_TEST

START_TEST(test_only_the_leader_takes_transactions)
{
    struct world *world = world_create(3, 0, 4);
    unsigned other;
    int leader;

    boot_all(world);
    ck_assert(world_run_until(world, has_leader, 2 * NS_PER_S));
    world_run(world, 100 * NS_PER_MS);
    leader = world_leader(world);
    other = leader == 0 ? 1 : 0;
    world_put(world, other, CLIENT, 1, TABLE_PROBE, 1, 1);
    world_run(world, 10 * NS_PER_MS);
    ck_assert_int_eq(world->boxes[other].probe.done.status, ERR_NOT_LEADER);
    ck_assert_uint_eq(world->boxes[other].probe.done.leader,
                      world_key((unsigned)leader));
    world_destroy(world);
}
END_TEST

START_TEST(test_leader_lost_fails_over_and_keeps_rows)
{
    struct world *world = world_create(3, 0, 5);
    struct writer writer = {.sequence = 1};
    unsigned first;

    boot_all(world);
    write_some(world, &writer, 20);
    first = (unsigned)world_leader(world);
    ck_assert_uint_ne(first, 2); /* The arbiter had better not lead. */
    world_crash(world, first);
    world->boxes[first].probe.ready_term = 0;
    write_some(world, &writer, 20);
    ck_assert_uint_ne((unsigned)world_leader(world), first);
    world_boot(world, first);
    world_watch(world, first, CONF_ALL, 0);
    write_some(world, &writer, 20);
    world_run(world, 500 * NS_PER_MS);
    check_rows(world, &writer, 3);
    world_destroy(world);
}
END_TEST

START_TEST(test_no_quorum_no_commit)
{
    struct world *world = world_create(3, 0, 6);
    struct writer writer = {.sequence = 1};
    unsigned leader;

    boot_all(world);
    write_some(world, &writer, 1);
    leader = (unsigned)world_leader(world);
    world_cut(world, leader, true);
    world_put(world, leader, CLIENT, 2, TABLE_PROBE, 1, 2);
    world_run(world, NS_PER_S);
    /* It stepped down: the outcome is unknown. */
    ck_assert_uint_eq(world->boxes[leader].probe.ready_term, 0);
    ck_assert_int_eq(world->boxes[leader].probe.done.status, ERR_TIMEOUT);
    world_destroy(world);
}
END_TEST

START_TEST(test_linearizable_read)
{
    struct world *world = world_create(3, 0, 7);
    struct writer writer = {.sequence = 1};
    struct store_read read = {.sequence = 5, .table = TABLE_PROBE};
    uint8_t bytes[64];
    struct wire_writer body;
    unsigned leader;
    struct probe *probe;

    boot_all(world);
    write_some(world, &writer, 3);
    leader = (unsigned)world_leader(world);
    probe = &world->boxes[leader].probe;
    read.key = (struct key_bytes){4, {0, 0, 0, 3}};
    wire_writer_init(&body, bytes, sizeof(bytes));
    store_read_write(&body, &read);
    world_tell(world, leader, MSG_STORE_READ, &body);
    world_run(world, 50 * NS_PER_MS);
    ck_assert_uint_eq(probe->reads, 1);
    ck_assert_int_eq(probe->read.status, 0);
    ck_assert_uint_eq(probe->read_value[3], 3);
    /* Cut off, it must not answer from what may be old. */
    world_cut(world, leader, true);
    world_tell(world, leader, MSG_STORE_READ, &body);
    world_run(world, NS_PER_S);
    ck_assert_uint_eq(probe->reads, 2);
    ck_assert_int_eq(probe->read.status, ERR_NOT_LEADER);
    world_destroy(world);
}
END_TEST

START_TEST(test_planned_transfer)
{
    struct world *world = world_create(3, 0, 8);
    struct writer writer = {.sequence = 1};
    uint8_t bytes[8];
    struct wire_writer body;
    unsigned leader;
    uint64_t began_ns;

    boot_all(world);
    write_some(world, &writer, 3);
    leader = (unsigned)world_leader(world);
    wire_writer_init(&body, bytes, sizeof(bytes));
    wire_write_u64(&body, world_key(1 - leader));
    world_tell(world, leader, MSG_STORE_TRANSFER, &body);
    began_ns = world->now_ns;
    world_run(world, 30 * NS_PER_MS);
    ck_assert_int_eq(world_leader(world), (int)(1 - leader));
    write_some(world, &writer, 1);
    ck_assert_uint_lt(world->now_ns - began_ns, 200 * NS_PER_MS);
    world_destroy(world);
}
END_TEST

/* --- Snapshots and voters ----------------------------------------------- */

START_TEST(test_lagging_voter_gets_a_snapshot)
{
    struct world *world = world_create(3, 0, 9);
    struct writer writer = {.sequence = 1};
    unsigned lagging;

    boot_all(world);
    write_some(world, &writer, 10);
    lagging = 1u - (unsigned)world_leader(world);
    world_cut(world, lagging, true);
    write_some(world, &writer, 1500);
    world_cut(world, lagging, false);
    write_some(world, &writer, 10);
    world_run(world, NS_PER_S);
    check_rows(world, &writer, 3);
    ck_assert_uint_eq(world->boxes[lagging].probe.lasts, 1);
    /* And it recovers from what it was given. */
    world_crash(world, lagging);
    world_boot(world, lagging);
    world_watch(world, lagging, CONF_ALL, 0);
    world_run(world, NS_PER_S);
    check_rows(world, &writer, 3);
    ck_assert_uint_eq(world->boxes[lagging].alarms, 0);
    world_destroy(world);
}
END_TEST

START_TEST(test_log_is_compacted)
{
    struct world *world = world_create(1, 0, 10);
    struct writer writer = {.sequence = 1};

    boot_all(world);
    write_some(world, &writer, 3000);
    ck_assert_uint_lt(world->boxes[0].files[STORAGE_LOG].size, 100000);
    ck_assert_uint_gt(world->boxes[0].files[STORAGE_SNAPSHOT].size, 0);
    world_crash(world, 0);
    world_boot(world, 0);
    world_watch(world, 0, CONF_ALL, 0);
    world_run(world, NS_PER_S);
    check_rows(world, &writer, 1);
    world_destroy(world);
}
END_TEST

/* The fourth box is a controller that nobody knows yet; it has a replica,
 * then a vote. */
START_TEST(test_voter_is_replaced)
{
    struct world *world = world_create(3, 1, 11);
    struct writer writer = {.sequence = 1};
    struct store_voter voter;
    uint8_t bytes[32];
    struct wire_writer body;
    unsigned leader;
    unsigned old;

    world->boxes[3].facts.role = ROLE_NCC;
    boot_all(world);
    write_some(world, &writer, 700);
    leader = (unsigned)world_leader(world);
    old = 1 - leader;
    world_put(world, leader, 8, 1, TABLE_MODULE, 1, 11);
    world_run(world, 100 * NS_PER_MS);
    world_upstream(world, 3, (int)leader, -1,
                   world->boxes[leader].probe.ready_term);
    world_state_put(world, 3, TABLE_HEALTH, 1, 5, false);
    world_run(world, 100 * NS_PER_MS);
    ck_assert_int_eq(world_mirror(world, 3, 0, TABLE_MODULE, 1), 11);
    world_crash(world, old);
    world->boxes[old].probe.ready_term = 0;
    voter = (struct store_voter){world_key(old), world_key(3)};
    wire_writer_init(&body, bytes, sizeof(bytes));
    store_voter_write(&body, &voter);
    world_tell(world, leader, MSG_STORE_VOTER, &body);
    world_run(world, 3 * NS_PER_S);
    ck_assert_uint_eq(world->boxes[leader].probe.voters, 1);
    ck_assert_int_eq(world->boxes[leader].probe.voter.status, 0);
    ck_assert_uint_eq(world->boxes[3].probe.lasts, 2);
    ck_assert_int_eq(world_mirror(world, 3, 0, TABLE_MODULE, 1), 11);
    ck_assert_int_eq(world_mirror(world, 3, world_key(3), TABLE_HEALTH, 1), 5);
    /* It stays one after a boot, and with the arbiter makes a quorum. */
    world_crash(world, 3);
    world_boot(world, 3);
    world_watch(world, 3, CONF_ALL, 0);
    world_run(world, NS_PER_S);
    world_crash(world, leader);
    world->boxes[leader].probe.ready_term = 0;
    write_some(world, &writer, 10);
    ck_assert_int_eq(world_leader(world), 3);
    ck_assert_uint_eq(world->divergences, 0);
    world_destroy(world);
}
END_TEST

/* --- Disks -------------------------------------------------------------- */

START_TEST(test_disk_error_ends_the_service_alone)
{
    struct world *world = world_create(3, 0, 12);
    struct writer writer = {.sequence = 1};
    unsigned other;

    boot_all(world);
    write_some(world, &writer, 10);
    other = 1u - (unsigned)world_leader(world);
    world->boxes[other].disk_error = ERR_IO;
    write_some(world, &writer, 5);
    world->boxes[other].disk_error = 0;
    ck_assert_uint_gt(world->boxes[other].deaths, 0);
    write_some(world, &writer, 10);
    world_run(world, NS_PER_S);
    world_watch(world, other, CONF_ALL, 0);
    world_run(world, NS_PER_S);
    check_rows(world, &writer, 3);
    world_destroy(world);
}
END_TEST

START_TEST(test_corrupt_log_keeps_the_box_from_voting)
{
    struct world *world = world_create(3, 0, 13);
    struct writer writer = {.sequence = 1};
    unsigned other;
    struct file *log;

    boot_all(world);
    write_some(world, &writer, 50);
    other = 1u - (unsigned)world_leader(world);
    world_crash(world, other);
    log = &world->boxes[other].files[STORAGE_LOG];
    log->bytes[log->size / 2] ^= 1;
    world_boot(world, other);
    world_run(world, 2 * NS_PER_S);
    ck_assert_uint_eq(world->boxes[other].alarms, 1);
    /* Without it there is no quorum once the arbiter is gone. */
    world_crash(world, 2);
    world_run(world, 2 * NS_PER_S);
    ck_assert_int_eq(world_leader(world), -1);
    world_destroy(world);
}
END_TEST

START_TEST(test_stalled_disk_of_a_leader)
{
    struct world *world = world_create(3, 0, 14);
    struct writer writer = {.sequence = 1};
    unsigned leader;

    boot_all(world);
    write_some(world, &writer, 10);
    leader = (unsigned)world_leader(world);
    world->boxes[leader].disk_stalled = true;
    /* The other two hold a quorum, so it commits without its own disk. */
    write_some(world, &writer, 10);
    world->boxes[leader].disk_stalled = false;
    write_some(world, &writer, 10);
    world_run(world, NS_PER_S);
    check_rows(world, &writer, 3);
    world_destroy(world);
}
END_TEST

/* --- Bounds, and watchers ------------------------------------------------ */

START_TEST(test_busy_when_too_many_wait)
{
    struct world *world = world_create(3, 0, 16);
    unsigned leader;

    boot_all(world);
    ck_assert(world_run_until(world, has_leader, 2 * NS_PER_S));
    leader = (unsigned)world_leader(world);
    for (unsigned i = 0; i < 3; i++)
        world->boxes[i].disk_stalled = true;
    for (uint64_t client = 1; client <= 256; client++)
        world_put(world, leader, client, 1, TABLE_PROBE, 1, 1);
    ck_assert_uint_eq(world->boxes[leader].probe.dones, 0);
    world_put(world, leader, 257, 1, TABLE_PROBE, 1, 1);
    ck_assert_int_eq(world->boxes[leader].probe.done.status, ERR_BUSY);
    for (unsigned i = 0; i < 3; i++)
        world->boxes[i].disk_stalled = false;
    world_run(world, NS_PER_S);
    ck_assert_uint_eq(world->boxes[leader].probe.dones, 257);
    ck_assert_int_eq(world->boxes[leader].probe.done.status, 0);
    world_destroy(world);
}
END_TEST

/* Snapshots of many messages, while rows come and go. */
START_TEST(test_large_snapshot_to_a_watcher)
{
    struct world *world = world_create(1, 0, 17);
    struct writer writer = {.sequence = 1};
    static uint8_t bytes[60000];
    unsigned deltas;

    boot_all(world);
    write_some(world, &writer, 16);
    for (uint64_t n = 1; n <= 33; n++) {
        struct store_txn txn = {50 + n, 1, 0};
        struct wire_writer body;

        wire_writer_init(&body, bytes, sizeof(bytes));
        store_txn_begin(&body, &txn);
        for (unsigned i = 0; i < 90; i++) {
            struct key_bytes key = {
                3, {(uint8_t)n, (uint8_t)(i >> 8), (uint8_t)i}};
            struct row_bytes value = {.size = 20};

            store_txn_add(&body, STORE_OP_PUT, TABLE_PLAN, &key, &value, 0);
        }
        world_tell(world, 0, MSG_STORE_TXN, &body);
        world_run(world, 10 * NS_PER_MS);
        ck_assert_int_eq(world->boxes[0].probe.done.status, 0);
    }
    deltas = world->boxes[0].probe.deltas;
    world_watch(world, 0, CONF_ALL, 0);
    world_run(world, 50 * NS_PER_MS);
    ck_assert_uint_eq(world->boxes[0].probe.row_count, 33 * 90 + 16);
    ck_assert_uint_gt(world->boxes[0].probe.deltas, deltas + 5);
    check_rows(world, &writer, 1);
    world_destroy(world);
}
END_TEST

/* --- Planted bugs ------------------------------------------------------- */

/* The leader answers, and a power loss of all takes what it answered for. */
START_TEST(test_planted_ack_before_durable)
{
    struct world *world = world_create(3, 0, 18);
    struct writer writer = {.sequence = 1};
    bool lost;
    unsigned leader;

    world->mutation = MUTATION_ACK_BEFORE_DURABLE;
    boot_all(world);
    write_some(world, &writer, 5);
    world_run(world, 100 * NS_PER_MS);
    leader = (unsigned)world_leader(world);
    for (unsigned i = 0; i < 3; i++)
        world->boxes[i].disk_stalled = true;
    writer_step(world, &writer);
    world_run(world, 5 * NS_PER_MS);
    writer_step(world, &writer);
    ck_assert_int_eq(writer.committed == 6, MUTATIONS_BUILT);
    for (unsigned i = 0; i < 3; i++) {
        struct box *box = &world->boxes[i];

        /* Nothing of the queue survives. */
        box->forget = true;
        world_crash(world, i);
        box->disk_stalled = false;
        box->probe.ready_term = 0;
        world_boot(world, i);
        world_watch(world, i, CONF_ALL, 0);
    }
    world_run(world, 2 * NS_PER_S);
    lost = world_mirror(world, leader, 0, TABLE_PROBE, 6) != 6;
    ck_assert(lost);
    world_destroy(world);
}
END_TEST

/* The disk of the only voter fails, the store goes on. */
START_TEST(test_planted_ignore_storage_error)
{
    struct world *world = world_create(1, 0, 19);
    struct writer writer = {.sequence = 1};

    world->mutation = MUTATION_IGNORE_STORAGE_ERROR;
    boot_all(world);
    write_some(world, &writer, 5);
    world->boxes[0].disk_error = ERR_IO;
    for (unsigned i = 0; i < 20; i++) {
        writer_step(world, &writer);
        world_run(world, 5 * NS_PER_MS);
    }
    ck_assert_int_eq(writer.committed > 5, MUTATIONS_BUILT);
    world_destroy(world);
}
END_TEST

/* --- Chaos -------------------------------------------------------------- */

static void
revive(struct world *world, unsigned box)
{
    world_cut(world, box, false);
    world->boxes[box].disk_error = 0;
    world->boxes[box].disk_stalled = false;
    if (world->boxes[box].runtime == NULL)
        world_boot(world, box);
    world_watch(world, box, CONF_ALL, 0);
}

static void
trouble(struct world *world, unsigned box)
{
    struct box *victim = &world->boxes[box];

    switch (world_random(world) % 6) {
    case 0:
        world_crash(world, box);
        victim->probe.ready_term = 0;
        break;
    case 1: world_cut(world, box, true); break;
    case 2: victim->disk_error = ERR_IO; break;
    case 3: victim->disk_stalled = true; break;
    case 4: (void)runtime_kill(victim->runtime, SVC_STORE); break;
    default:
        world->cut[box][(box + 1) % 3] = true; /* One way. */
        break;
    }
}

START_TEST(test_chaos)
{
    struct world *world = world_create(3, 0, 1000 + (uint64_t)_i);
    struct writer writer = {.sequence = 1};

    world->drop_percent = 10;
    boot_all(world);
    for (unsigned round = 0; round < 12; round++) {
        unsigned box = (unsigned)(world_random(world) % 3);
        uint64_t end_ns;

        trouble(world, box);
        end_ns = world->now_ns + world_random(world) % (600 * NS_PER_MS);
        while (world->now_ns < end_ns) {
            writer_step(world, &writer);
            world_run(world, NS_PER_MS);
        }
        revive(world, box);
        end_ns = world->now_ns + world_random(world) % (400 * NS_PER_MS);
        while (world->now_ns < end_ns) {
            writer_step(world, &writer);
            world_run(world, NS_PER_MS);
        }
    }
    for (unsigned box = 0; box < 3; box++)
        revive(world, box);
    write_some(world, &writer, 5);
    world_run(world, 2 * NS_PER_S);
    for (unsigned box = 0; box < 3; box++)
        world_watch(world, box, CONF_ALL, 0);
    world_run(world, 2 * NS_PER_S);
    check_rows(world, &writer, 3);
    for (unsigned box = 0; box < 3; box++)
        ck_assert_uint_eq(world->boxes[box].alarms, 0);
    world_destroy(world);
}
END_TEST

/* Every allocation of the store of one voter fails once; it lives again and
 * all is as if nothing had been. */
START_TEST(test_every_allocation_fails)
{
    bool more = true;

    for (uint64_t n = 0; more; n++) {
        struct world *world = world_create(3, 0, 15);
        struct writer writer = {.sequence = 1};

        world->boxes[0].fail_after = n;
        boot_all(world);
        write_some(world, &writer, 30);
        more = world->boxes[0].deaths > 0;
        world_run(world, 500 * NS_PER_MS);
        world_watch(world, 0, CONF_ALL, 0);
        world_run(world, NS_PER_S);
        check_rows(world, &writer, 3);
        world_destroy(world);
        n += n / 16; /* Later ones repeat themselves. */
    }
}
END_TEST

Suite *
cluster_suite(void)
{
    Suite *suite = suite_create("cluster");
    TCase *tcase = tcase_create("cluster");

    tcase_add_test(tcase, test_one_voter_commits);
    tcase_add_test(tcase, test_three_voters_commit_and_watch);
    tcase_add_test(tcase, test_retries_are_answered_not_repeated);
    tcase_add_test(tcase, test_only_the_leader_takes_transactions);
    tcase_add_test(tcase, test_leader_lost_fails_over_and_keeps_rows);
    tcase_add_test(tcase, test_no_quorum_no_commit);
    tcase_add_test(tcase, test_linearizable_read);
    tcase_add_test(tcase, test_planned_transfer);
    tcase_add_test(tcase, test_lagging_voter_gets_a_snapshot);
    tcase_add_test(tcase, test_log_is_compacted);
    tcase_add_test(tcase, test_voter_is_replaced);
    tcase_add_test(tcase, test_disk_error_ends_the_service_alone);
    tcase_add_test(tcase, test_corrupt_log_keeps_the_box_from_voting);
    tcase_add_test(tcase, test_stalled_disk_of_a_leader);
    tcase_add_test(tcase, test_busy_when_too_many_wait);
    tcase_add_test(tcase, test_large_snapshot_to_a_watcher);
    tcase_add_test(tcase, test_planted_ack_before_durable);
    tcase_add_test(tcase, test_planted_ignore_storage_error);
    tcase_add_loop_test(tcase, test_chaos, 0, 30);
    tcase_add_test(tcase, test_every_allocation_fails);
    tcase_set_timeout(tcase, 300);
    suite_add_tcase(suite, tcase);
    return suite;
}
