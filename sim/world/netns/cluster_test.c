/* SPDX-License-Identifier: Apache-2.0
 *
 * Clusters of real daemons.
 */
#define _GNU_SOURCE

#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/pidfd.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "reference-nos/schema/operator_msg.h"
#include "sim/world/netns/netns.h"
#include "sim/world/netns/netns_priv.h"
#include "sim/world/netns/netns_test.h"

#define LIMIT_S 120u

struct cluster {
    struct cluster_plan *plan;
    struct world *world;
    bool joined[WORLD_BOXES_MAX];
    bool active[WORLD_BOXES_MAX];
    unsigned ports[WORLD_BOXES_MAX];
    struct simtime last;
    unsigned backwards; /* observations out of order */
    unsigned traced[TRACE_KIND_COUNT];
    bool answered;
    int status;
};

static void
listen(void *context, const struct observation *seen)
{
    struct cluster *cluster = context;
    struct wire_reader reader;
    struct operator_rep rep;

    if (simtime_before(seen->at, cluster->last))
        cluster->backwards++;
    cluster->last = seen->at;
    if (seen->kind == OBSERVE_TRACE) {
        cluster->traced[seen->trace.kind]++;
        if (seen->trace.kind == TRACE_JOINED)
            cluster->joined[seen->box] = true;
        else if (seen->trace.kind == TRACE_ACTIVE)
            cluster->active[seen->box] = true;
        else if (seen->trace.kind == TRACE_PASSIVE)
            cluster->active[seen->box] = false;
    } else if (seen->kind == OBSERVE_BOX_OFF) {
        cluster->joined[seen->box] = false;
        cluster->active[seen->box] = false;
    } else if (seen->kind == OBSERVE_PORTS) {
        cluster->ports[seen->box] = (unsigned)seen->a;
    } else if (seen->kind == OBSERVE_REPLY && seen->a == 42) {
        wire_reader_init(&reader, seen->bytes, seen->size);
        cluster->answered = operator_rep_read(&reader, &rep) == 0;
        cluster->status = rep.status;
    }
}

#ifdef TEST_REFNOSD

static void
cluster_open_with(struct cluster *cluster, const char *refnosd, bool small,
                  bool per_service)
{
    struct cluster_options options = {.preset = "ddc-small"};
    struct netns_options netns = {
        .seed = 1,
        .refnosd = refnosd,
        .keep_dir = getenv("NETNS_TEST_KEEP"),
        .tombstone_s = 1800,
        .shift_clocks = true,
        .small_disks = small,
        .per_service = per_service,
        .listener = listen,
        .listener_context = cluster,
    };
    char message[512] = "";
    int err;

    memset(cluster, 0, sizeof(*cluster));
    if (small)
        options = (struct cluster_options){.ncp_count = 2,
                                           .ncf_count = 1,
                                           .ncp_model = "NCP-10CD",
                                           .ncf_model = "NCF-48D",
                                           .fabric_links_per_ncp = 2};
    err = cluster_plan_create(TEST_DATA_DIR, &options, 1, &cluster->plan,
                              message, sizeof(message));
    ck_assert_msg(err == 0, "%s", message);
    netns.plan = cluster->plan;
    err = netns_create(&netns, &cluster->world, message, sizeof(message));
    ck_assert_msg(err == 0, "%s", message);
}

static void
cluster_open_as(struct cluster *cluster, bool small, bool per_service)
{
    cluster_open_with(cluster, TEST_REFNOSD, small, per_service);
}

static void
cluster_open(struct cluster *cluster, bool small)
{
    cluster_open_as(cluster, small, false);
}

static void
cluster_close(struct cluster *cluster)
{
    struct netns *netns = CONTAINER_OF(cluster->world, struct netns, world);
    char dir[RACK_PATH_MAX];
    struct stat status;

    memcpy(dir, netns->rack.dir, sizeof(dir));
    ck_assert_uint_eq(cluster->backwards, 0);
    if (getenv("NETNS_TEST_LATE") != NULL)
        printf("%llu of %llu late, by %llu us\n",
               (unsigned long long)netns->late,
               (unsigned long long)netns->events,
               (unsigned long long)netns->latest_ns / 1000);
    cluster->world->ops->destroy(cluster->world);
    ck_assert_int_ne(stat(dir, &status), 0);
    cluster_plan_destroy(cluster->plan);
}

static void
inject(struct cluster *cluster, const struct world_fault *fault)
{
    int err = cluster->world->ops->inject(cluster->world, fault);

    ck_assert_msg(err == 0, "%s: %s", world_fault_name(fault->kind),
                  err_text(err));
}

#define INJECT(cluster, ...)                                                  \
    inject((cluster), &(struct world_fault){__VA_ARGS__})

static bool
whole(struct cluster *cluster)
{
    unsigned active = 0;

    for (unsigned i = 0; i < cluster->plan->box_count; i++) {
        struct world_box box;

        cluster->world->ops->box(cluster->world, i, &box);
        active += cluster->active[i];
        if (!box.powered)
            continue;
        if (!box.running || !cluster->joined[i])
            return false;
        if (box.role == ROLE_NCP &&
            (!box.forwarding || cluster->ports[i] != box.front_ports))
            return false;
    }
    return active == 1;
}

/* Runs until the cluster is whole; how long it took, ms. */
static unsigned
run_until_whole(struct cluster *cluster)
{
    struct simtime from = cluster->world->ops->now(cluster->world);
    struct simtime limit = simtime_add(from, simtime_from_s(LIMIT_S));
    struct simtime now = from;

    do {
        ck_assert_int_eq(
            cluster->world->ops->run_until(
                cluster->world, simtime_add(now, simtime_from_ms(10))),
            0);
        now = cluster->world->ops->now(cluster->world);
    } while (!whole(cluster) && simtime_before(now, limit));
    ck_assert_msg(whole(cluster), "not whole after %u s", LIMIT_S);
    return (unsigned)(simtime_to_ns(simtime_sub(now, from)) / 1000000);
}

static void
run_for_ms(struct cluster *cluster, unsigned ms)
{
    struct simtime now = cluster->world->ops->now(cluster->world);

    ck_assert_int_eq(
        cluster->world->ops->run_until(cluster->world,
                                       simtime_add(now, simtime_from_ms(ms))),
        0);
}

static void
power_on(struct cluster *cluster)
{
    for (unsigned i = 0; i < cluster->plan->box_count; i++)
        INJECT(cluster, .kind = WORLD_BOX_POWER_ON, .box = i);
}

static unsigned
active(const struct cluster *cluster)
{
    for (unsigned i = 0; i < cluster->plan->box_count; i++) {
        if (cluster->active[i])
            return i;
    }
    return WORLD_BOXES_MAX;
}

static unsigned
ms_since(uint64_t from_ns)
{
    return (unsigned)((netns_now_ns() - from_ns) / 1000000);
}

START_TEST(small_cluster_boots_and_fails_over)
{
    struct cluster cluster;
    uint64_t from_ns = netns_now_ns();
    unsigned first, ms;

    cluster_open(&cluster, false);
    printf("ddc-small: laid in %u ms\n", ms_since(from_ns));
    power_on(&cluster);
    ms = run_until_whole(&cluster);
    printf("ddc-small: whole %u ms after power-on\n", ms);
    first = active(&cluster);
    INJECT(&cluster, .kind = WORLD_BOX_POWER_OFF, .box = first);
    ms = run_until_whole(&cluster);
    printf("ddc-small: whole %u ms after the controller died\n", ms);
    ck_assert_uint_ne(active(&cluster), first);
    INJECT(&cluster, .kind = WORLD_BOX_POWER_ON, .box = first);
    ms = run_until_whole(&cluster);
    printf("ddc-small: whole %u ms after it came back\n", ms);
    from_ns = netns_now_ns();
    cluster_close(&cluster);
    printf("ddc-small: removed in %u ms\n", ms_since(from_ns));
    fflush(stdout);
}
END_TEST

START_TEST(writes_are_answered)
{
    struct cluster cluster;
    struct operator_req req = {.verb = OPERATOR_WRITE,
                               .client = 7,
                               .sequence = 1,
                               .value = 1,
                               .module = MODULE_NONE};
    struct wire_writer writer;
    struct world_load load = {.events = {0}};
    uint8_t bytes[256];

    cluster_open(&cluster, true);
    power_on(&cluster);
    (void)run_until_whole(&cluster);
    wire_writer_init(&writer, bytes, sizeof(bytes));
    operator_req_write(&writer, &req);
    ck_assert_int_eq(cluster.world->ops->request(cluster.world,
                                                 active(&cluster), 42, bytes,
                                                 wire_writer_size(&writer)),
                     0);
    for (unsigned i = 0; i < 500 && !cluster.answered; i++)
        run_for_ms(&cluster, 10);
    ck_assert(cluster.answered);
    ck_assert_int_eq(cluster.status, 0);
    /* Daemons tell their load once a second. */
    for (unsigned i = 0; i < 500 && load.events[SVC_STORE] == 0; i++) {
        run_for_ms(&cluster, 10);
        cluster.world->ops->load(cluster.world, active(&cluster), &load);
    }
    ck_assert_uint_gt(load.events[SVC_STORE], 0);
    ck_assert_uint_gt(load.cpu_ns[SVC_STORE], 0);
    ck_assert_uint_gt(load.memory_peak_bytes[SVC_STORE], 0);
    run_for_ms(&cluster, 100);
    cluster.world->ops->load(cluster.world, active(&cluster), &load);
    ck_assert_uint_gt(load.messages[LANE_LIVENESS], 0);
    ck_assert_uint_gt(load.bytes[LANE_CONTROL], 0);
    cluster_close(&cluster);
}
END_TEST

/* A box with another serial stands where one was; the number is kept for
 * who comes back, and the whole is whole without. */
START_TEST(boxes_come_and_go)
{
    struct cluster cluster;
    unsigned card;

    cluster_open(&cluster, true);
    power_on(&cluster);
    (void)run_until_whole(&cluster);
    card = cluster_plan_find(cluster.plan, "ncp-1");
    INJECT(&cluster, .kind = WORLD_BOX_RESTART, .box = card,
           .value = REBOOT_OPERATOR);
    ck_assert_int_ne(run_until_whole(&cluster), 0);
    INJECT(&cluster, .kind = WORLD_FABRIC_LINK, .box = card, .item = 0);
    INJECT(&cluster, .kind = WORLD_FABRIC_LINK, .box = card, .item = 1);
    for (unsigned i = 0; i < 500 && cluster.ports[card] != 0; i++)
        run_for_ms(&cluster, 10);
    ck_assert_uint_eq(cluster.ports[card], 0);
    INJECT(&cluster, .kind = WORLD_FABRIC_LINK, .box = card, .item = 0,
           .value = 1);
    (void)run_until_whole(&cluster);
    INJECT(&cluster, .kind = WORLD_BOX_POWER_OFF, .box = card);
    run_for_ms(&cluster, 50);
    ck_assert_uint_eq(cluster.ports[card], 0);
    cluster_close(&cluster);
}
END_TEST

static unsigned
named(const struct cluster *cluster, const char *name)
{
    unsigned box = cluster_plan_find(cluster->plan, name);

    ck_assert_uint_lt(box, cluster->plan->box_count);
    return box;
}

/* Runs until 'count' of what 'kind' names was traced; false: never. */
static bool
run_until_traced(struct cluster *cluster, enum trace_kind kind, unsigned count)
{
    for (unsigned i = 0; i < 2000 && cluster->traced[kind] < count; i++)
        run_for_ms(cluster, 10);
    return cluster->traced[kind] >= count;
}

START_TEST(controller_behind_a_partition_steps_down)
{
    struct cluster cluster;
    struct world_fault cut = {.kind = WORLD_PARTITION, .value = 3};
    unsigned first;

    cluster_open(&cluster, true);
    power_on(&cluster);
    (void)run_until_whole(&cluster);
    first = active(&cluster);
    box_set_add(&cut.from, first);
    for (unsigned i = 0; i < cluster.plan->box_count; i++) {
        if (i != first)
            box_set_add(&cut.to, i);
    }
    inject(&cluster, &cut);
    for (unsigned i = 0; i < 2000 && cluster.active[first]; i++)
        run_for_ms(&cluster, 10);
    ck_assert(!cluster.active[first]);
    cut.kind = WORLD_PARTITION_HEAL;
    inject(&cluster, &cut);
    (void)run_until_whole(&cluster);
    cluster_close(&cluster);
}
END_TEST

static void
die_and_hang(struct cluster *cluster)
{
    unsigned box;

    power_on(cluster);
    (void)run_until_whole(cluster);
    box = named(cluster, "ncp-0");
    cluster->traced[TRACE_SERVICE_DIED] = 0;
    INJECT(cluster, .kind = WORLD_SERVICE_KILL, .box = box,
           .item = SVC_HARDWARE);
    ck_assert(run_until_traced(cluster, TRACE_SERVICE_DIED, 1));
    /* Killed for it by its supervisor. */
    INJECT(cluster, .kind = WORLD_SERVICE_HANG, .box = box, .item = SVC_MEMBER,
           .value = 1);
    ck_assert(run_until_traced(cluster, TRACE_SERVICE_DIED, 2));
    (void)run_until_whole(cluster);
    cluster_close(cluster);
}

START_TEST(service_dies_and_hangs)
{
    struct cluster cluster;

    cluster_open(&cluster, true);
    die_and_hang(&cluster);
}
END_TEST

START_TEST(service_process_dies_and_hangs)
{
    struct cluster cluster;

    cluster_open_as(&cluster, true, true);
    die_and_hang(&cluster);
}
END_TEST

START_TEST(hardware_breaks)
{
    struct cluster cluster;
    struct world_box seen;
    uint32_t duty;
    unsigned box;

    cluster_open(&cluster, true);
    power_on(&cluster);
    (void)run_until_whole(&cluster);
    box = named(&cluster, "ncp-0");
    cluster.traced[TRACE_ALARM] = 0;
    INJECT(&cluster, .kind = WORLD_FAN, .box = box, .item = 0);
    ck_assert(run_until_traced(&cluster, TRACE_ALARM, 1));
    ck_assert_int_eq(cluster.world->ops->fan_duty(cluster.world, box, &duty),
                     0);
    INJECT(&cluster, .kind = WORLD_PSU, .box = box, .item = 0);
    ck_assert(run_until_traced(&cluster, TRACE_ALARM, 2));
    INJECT(&cluster, .kind = WORLD_PSU, .box = box, .item = 1);
    cluster.world->ops->box(cluster.world, box, &seen);
    ck_assert(!seen.powered);
    cluster_close(&cluster);
}
END_TEST

/* The number of a planned serial stays with the place that gets another
 * box only if the operator plans it: a stranger is refused or waits. */
START_TEST(stranger_is_another_box)
{
    struct cluster cluster;
    struct world_box before, after;
    unsigned box;

    cluster_open(&cluster, true);
    power_on(&cluster);
    (void)run_until_whole(&cluster);
    box = named(&cluster, "ncp-1");
    cluster.world->ops->box(cluster.world, box, &before);
    INJECT(&cluster, .kind = WORLD_BOX_REPLACE, .box = box,
           .serial = "SN-OTHER");
    INJECT(&cluster, .kind = WORLD_BOX_POWER_ON, .box = box);
    (void)run_until_whole(&cluster);
    cluster.world->ops->box(cluster.world, box, &after);
    ck_assert_uint_ne(before.key, after.key);
    ck_assert_str_eq(after.serial, "SN-OTHER");
    ck_assert_uint_eq(after.incarnation, 1);
    cluster_close(&cluster);
}
END_TEST

static void
identity(struct cluster *cluster, unsigned box, enum world_identity change)
{
    INJECT(cluster, .kind = WORLD_IDENTITY, .box = box, .value = change);
}

static void
start_again(struct cluster *cluster, unsigned box)
{
    INJECT(cluster, .kind = WORLD_BOX_RESTART, .box = box,
           .value = REBOOT_OPERATOR);
}

/* Starts again with what it has now, and is or is not let in. */
static void
tries(struct cluster *cluster, unsigned box, bool runs)
{
    struct world_box seen;

    start_again(cluster, box);
    run_for_ms(cluster, 5000);
    cluster->world->ops->box(cluster->world, box, &seen);
    ck_assert(seen.powered);
    ck_assert_int_eq(seen.running, runs);
    ck_assert(!cluster->joined[box]);
}

static void
renew(struct cluster *cluster, unsigned box)
{
    identity(cluster, box, WORLD_IDENTITY_RENEW);
    start_again(cluster, box);
    run_for_ms(cluster, 100); /* It is off. */
    (void)run_until_whole(cluster);
}

START_TEST(wrong_certificates_stay_outside)
{
    struct cluster cluster;
    struct world_box before, seen;
    unsigned *refused = &cluster.traced[TRACE_IDENTITY_REFUSED];
    unsigned box;

    cluster_open(&cluster, true);
    power_on(&cluster);
    (void)run_until_whole(&cluster);
    box = named(&cluster, "ncp-1");
    cluster.world->ops->box(cluster.world, box, &before);
    ck_assert_uint_eq(*refused, 0);
    identity(&cluster, box, WORLD_IDENTITY_REVOKE);
    run_for_ms(&cluster, 3000);
    ck_assert_uint_gt(*refused, 0);
    tries(&cluster, box, true);
    renew(&cluster, box);

    *refused = 0;
    identity(&cluster, box, WORLD_IDENTITY_EXPIRE);
    run_for_ms(&cluster, 3000);
    ck_assert(whole(&cluster));
    ck_assert_uint_eq(*refused, 0);
    tries(&cluster, box, false);
    ck_assert_uint_gt(*refused, 0);
    renew(&cluster, box);

    *refused = 0;
    identity(&cluster, box, WORLD_IDENTITY_STRANGER);
    run_for_ms(&cluster, 1000);
    ck_assert(whole(&cluster));
    ck_assert_uint_eq(*refused, 0);
    tries(&cluster, box, true);
    ck_assert_uint_gt(*refused, 0);
    cluster.world->ops->box(cluster.world, box, &seen);
    ck_assert_uint_ne(seen.key, before.key);
    ck_assert_str_eq(seen.serial, before.serial);
    renew(&cluster, box);
    cluster.world->ops->box(cluster.world, box, &seen);
    ck_assert_uint_eq(seen.key, before.key);
    cluster_close(&cluster);
}
END_TEST

START_TEST(full_disk_empties_again)
{
    struct cluster cluster;
    unsigned box;

    cluster_open(&cluster, true);
    power_on(&cluster);
    (void)run_until_whole(&cluster);
    box = active(&cluster);
    INJECT(&cluster, .kind = WORLD_DISK_FULL, .box = box, .value = 1);
    run_for_ms(&cluster, 500);
    INJECT(&cluster, .kind = WORLD_DISK_FULL, .box = box);
    (void)run_until_whole(&cluster);
    cluster_close(&cluster);
}
END_TEST

/* What a harness that will be killed tells before. */
struct will {
    char dir[RACK_PATH_MAX];
    pid_t guardian;
    pid_t daemons[3];
};

NO_RETURN static void
doomed_harness(int fd)
{
    struct cluster cluster;
    struct netns *netns;
    struct will will = {.guardian = 0};

    cluster_open(&cluster, false);
    power_on(&cluster);
    (void)run_until_whole(&cluster);
    netns = CONTAINER_OF(cluster.world, struct netns, world);
    memcpy(will.dir, netns->rack.dir, sizeof(will.dir));
    will.guardian = netns->rack.guardian;
    for (unsigned i = 0; i < 3; i++)
        will.daemons[i] = netns->boxes[i].pid;
    (void)!write(fd, &will, sizeof(will));
    for (;;)
        (void)pause();
}

static void
must_end(int pid_fd)
{
    struct pollfd end = {.fd = pid_fd, .events = POLLIN};

    ck_assert_int_ge(pid_fd, 0);
    ck_assert_int_eq(poll(&end, 1, 60000), 1);
    (void)close(pid_fd);
}

START_TEST(killed_harness_leaves_no_daemon)
{
    struct will will;
    struct stat status;
    int fds[2], ends[4];
    pid_t harness;

    ck_assert_int_eq(pipe(fds), 0);
    harness = fork();
    if (harness == 0)
        doomed_harness(fds[1]);
    ck_assert_int_eq(read(fds[0], &will, sizeof(will)), sizeof(will));
    for (unsigned i = 0; i < 3; i++)
        ends[i] = pidfd_open(will.daemons[i], 0);
    ends[3] = pidfd_open(will.guardian, 0);
    ck_assert_int_eq(stat(will.dir, &status), 0);
    ck_assert_int_eq(kill(harness, SIGKILL), 0);
    ck_assert_int_eq(waitpid(harness, NULL, 0), harness);
    for (unsigned i = 0; i < 4; i++)
        must_end(ends[i]);
    ck_assert_int_ne(stat(will.dir, &status), 0);
    (void)close(fds[0]);
    (void)close(fds[1]);
}
END_TEST

/* Programs that end at once, one well and one by a signal. */
START_TEST(daemon_that_dies_at_once_is_named)
{
    static const struct {
        const char *script, *said;
    } cases[] = {
        {"#!/bin/sh\nexit 0\n", "refnosd exited with 0 before it was up"},
        {"#!/bin/sh\nexit 64\n", "refnosd exited with 64 before it was up"},
        {"#!/bin/sh\nkill -SEGV $$\n", "was ended by signal 11 before"},
    };
    char path[] = "/tmp/sixnines-netns-test-XXXXXX";
    int fd = mkstemp(path);
    struct cluster cluster;
    const char *why;

    ck_assert_int_ge(fd, 0);
    (void)close(fd);
    ck_assert_int_eq(rack_file_write(path, cases[_i].script), 0);
    ck_assert_int_eq(chmod(path, 0700), 0);
    cluster_open_with(&cluster, path, true, false);
    power_on(&cluster);
    ck_assert_int_eq(
        cluster.world->ops->run_until(cluster.world, simtime_from_s(LIMIT_S)),
        ERR_IO);
    /* Also after others were asked for something. */
    INJECT(&cluster, .kind = WORLD_BOX_POWER_OFF, .box = 0);
    why = cluster.world->ops->why_not(cluster.world);
    ck_assert_ptr_nonnull(why);
    ck_assert_ptr_nonnull(strstr(why, cases[_i].said));
    ck_assert_int_eq(strncmp(why, "box nc", 6), 0);
    cluster_close(&cluster);
    (void)unlink(path);
}
END_TEST

START_TEST(what_cannot_be_done_is_said)
{
    struct cluster cluster;
    struct world_fault fault = {.kind = WORLD_CLOCK_DRIFT, .value = 1000};

    cluster_open(&cluster, true);
    ck_assert_int_eq(cluster.world->ops->inject(cluster.world, &fault),
                     ERR_UNSUPPORTED);
    ck_assert_ptr_nonnull(cluster.world->ops->why_not(cluster.world));
    cluster_close(&cluster);
}
END_TEST

#endif

TCase *
cluster_tcase(void)
{
    TCase *tcase = tcase_create("cluster");

    tcase_set_timeout(tcase, 240);
#ifdef TEST_REFNOSD
    tcase_add_test(tcase, small_cluster_boots_and_fails_over);
    tcase_add_test(tcase, writes_are_answered);
    tcase_add_test(tcase, boxes_come_and_go);
    tcase_add_test(tcase, controller_behind_a_partition_steps_down);
    tcase_add_test(tcase, service_dies_and_hangs);
    tcase_add_test(tcase, service_process_dies_and_hangs);
    tcase_add_test(tcase, hardware_breaks);
    tcase_add_test(tcase, stranger_is_another_box);
    tcase_add_test(tcase, wrong_certificates_stay_outside);
    tcase_add_test(tcase, full_disk_empties_again);
    tcase_add_test(tcase, killed_harness_leaves_no_daemon);
    tcase_add_loop_test(tcase, daemon_that_dies_at_once_is_named, 0, 3);
    tcase_add_test(tcase, what_cannot_be_done_is_said);
#else
    (void)listen;
#endif
    return tcase;
}
