/* SPDX-License-Identifier: Apache-2.0
 *
 * The world as a whole: made, driven, asked, removed.
 */
#define _GNU_SOURCE

#include "sim/world/netns/netns.h"

#include <errno.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "reference-nos/linux/secure/identity.h"
#include "reference-nos/node/node.h"
#include "reference-nos/runtime/runtime.h"
#include "sim/world/netns/netns_priv.h"
#include "sim/world/plan_blob.h"

#define EVENTS_AT_ONCE 64
#define ROUNDS_MAX 64u
#define SHIFT_MAX_S 1000000u

struct netns *
netns_of(struct world *world)
{
    return CONTAINER_OF(world, struct netns, world);
}

uint64_t
netns_now_ns(void)
{
    struct timespec now;

    (void)clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
}

int
netns_cannot(struct netns *netns, const char *why)
{
    (void)snprintf(netns->why, sizeof(netns->why), "%s", why);
    return ERR_UNSUPPORTED;
}

/* ---- time ---- */

static struct simtime
world_now(struct world *world)
{
    return simtime_from_ns(netns_now_ns() - netns_of(world)->origin_ns);
}

static void
take(struct netns *netns, const struct epoll_event *event)
{
    struct netns_box *box = &netns->boxes[event->data.u64 >> 16];
    unsigned what = event->data.u64 & 0xf00;

    if (what == 0x100)
        clients_read(box, event->data.u64 & 0xff);
    else if (what == 0x300 && box->pid > 0)
        slot_ended(box);
    else if (what == 0x200 && !lines_read(box) && box->watch_fd >= 0)
        (void)epoll_ctl(netns->epoll_fd, EPOLL_CTL_DEL, box->watch_fd, NULL);
}

/* Waits until 'until_ns' at the longest for something to happen, and takes
 * everything that has. */
static void
wait_and_take(struct netns *netns, uint64_t until_ns)
{
    struct epoll_event events[EVENTS_AT_ONCE];

    for (unsigned round = 0; round < ROUNDS_MAX; round++) {
        uint64_t now_ns = netns_now_ns();
        uint64_t left_ns =
            round == 0 && until_ns > now_ns ? until_ns - now_ns : 0;
        struct timespec left = {(time_t)(left_ns / 1000000000u),
                                (long)(left_ns % 1000000000u)};
        int count =
            epoll_pwait2(netns->epoll_fd, events, EVENTS_AT_ONCE, &left, NULL);

        if (count <= 0)
            return;
        for (int i = 0; i < count; i++)
            take(netns, &events[i]);
    }
}

static uint64_t
due_start(struct netns *netns)
{
    uint64_t now_ns = netns_now_ns();
    uint64_t next_ns = UINT64_MAX;

    for (unsigned i = 0; i < netns->box_count; i++) {
        struct netns_box *box = &netns->boxes[i];

        if (box->start_at_ns != 0 && box->start_at_ns <= now_ns)
            slot_start(box);
        if (box->start_at_ns != 0 && box->start_at_ns < next_ns)
            next_ns = box->start_at_ns;
    }
    return next_ns;
}

static int
world_run_until(struct world *world, struct simtime until)
{
    struct netns *netns = netns_of(world);
    uint64_t until_ns = netns->origin_ns + simtime_to_ns(until);

    netns->stopped = false;
    for (;;) {
        uint64_t wake_ns = queue_next_ns(netns);
        uint64_t start_ns = due_start(netns);
        uint64_t from_ns;

        wake_ns = wake_ns == UINT64_MAX ? until_ns : wake_ns + NETNS_HOLD_NS;
        wake_ns = wake_ns < until_ns ? wake_ns : until_ns;
        wake_ns = wake_ns < start_ns ? wake_ns : start_ns;
        wait_and_take(netns, wake_ns);
        /* What was told before this has arrived in the look after it. */
        from_ns = netns_now_ns();
        wait_and_take(netns, 0);
        queue_deliver(netns, from_ns - NETNS_HOLD_NS);
        if (netns->failed[0] != '\0')
            return ERR_IO;
        if (netns->stopped)
            return ERR_INTERRUPTED;
        if (netns_now_ns() >= until_ns)
            return 0;
    }
}

static void
world_stop(struct world *world)
{
    netns_of(world)->stopped = true;
}

/* ---- questions ---- */

static int
world_request(struct world *world, unsigned index, uint64_t token,
              const void *bytes, size_t size)
{
    struct netns *netns = netns_of(world);

    if (index >= netns->box_count || !netns->boxes[index].ready)
        return ERR_UNREACHABLE;
    return clients_ask(&netns->boxes[index], token, bytes, size);
}

static void
world_box_get(struct world *world, unsigned index, struct world_box *out)
{
    struct netns *netns = netns_of(world);
    const struct netns_box *box;
    const struct plan_box *planned;

    memset(out, 0, sizeof(*out));
    if (index >= netns->box_count)
        return;
    box = &netns->boxes[index];
    planned = &netns->plan->boxes[index];
    out->powered = box->powered;
    out->running = box->running && box->ready;
    out->forwarding = ports_truth_works(&netns->truth->boxes[index]);
    out->key = box->key;
    memcpy(out->serial, box->serial, sizeof(out->serial));
    out->role = planned->role;
    out->front_ports = planned->model->front_ports;
    out->fabric_ports = planned->model->fabric_ports;
    out->incarnation = box->incarnation;
}

static void
world_load_get(struct world *world, unsigned index, struct world_load *out)
{
    struct netns *netns = netns_of(world);

    memset(out, 0, sizeof(*out));
    if (index >= netns->box_count)
        return;
    *out = netns->boxes[index].load;
    out->mailbox_bound = RUNTIME_MAILBOX_MAX;
}

static int
world_fan_duty(struct world *world, unsigned index, uint32_t *percent)
{
    struct netns *netns = netns_of(world);

    return index < netns->box_count
               ? hardware_duty(&netns->boxes[index], percent)
               : ERR_NOENT;
}

static bool
world_has_service(struct world *world, unsigned box, unsigned service)
{
    const struct plan_box *planned = &netns_of(world)->plan->boxes[box];

    return node_has_service(planned->role, planned->model->alone, service);
}

static uint64_t
world_events(struct world *world)
{
    return netns_of(world)->events;
}

static struct digest_value
world_digest(struct world *world)
{
    return run_digest_value(netns_of(world)->digest);
}

static const char *
world_why_not(struct world *world)
{
    const struct netns *netns = netns_of(world);

    if (netns->failed[0] != '\0')
        return netns->failed;
    return netns->why[0] != '\0' ? netns->why : NULL;
}

/* ---- life ---- */

static void
world_destroy(struct world *world)
{
    struct netns *netns = netns_of(world);

    for (unsigned i = 0; i < netns->box_count; i++) {
        if (netns->boxes[i].pid > 0)
            (void)kill(-netns->boxes[i].pid, SIGKILL);
    }
    for (unsigned i = 0; i < netns->box_count; i++)
        slot_fini(&netns->boxes[i]);
    queue_fini(netns);
    net_close(netns->net);
    if (netns->rack.guardian > 0)
        rack_close(&netns->rack);
    ports_truth_destroy(netns->truth);
    run_digest_destroy(netns->digest);
    if (netns->epoll_fd >= 0)
        (void)close(netns->epoll_fd);
    free(netns->boxes);
    free(netns);
}

static const struct world_ops netns_ops = {
    .name = "netns",
    .branchable = false,
    .now = world_now,
    .run_until = world_run_until,
    .stop = world_stop,
    .inject = netns_inject,
    .request = world_request,
    .box = world_box_get,
    .load = world_load_get,
    .fan_duty = world_fan_duty,
    .has_service = world_has_service,
    .events = world_events,
    .digest = world_digest,
    .why_not = world_why_not,
    .destroy = world_destroy,
};

static int
paths_resolve(struct netns *netns, const struct netns_options *options,
              char *message, size_t message_size)
{
    char path[PATH_MAX];

    if (options->refnosd == NULL || realpath(options->refnosd, path) == NULL ||
        strlen(path) >= sizeof(netns->refnosd) || access(path, X_OK) != 0) {
        (void)snprintf(message, message_size,
                       "%s is no program: build target refnosd, or say where "
                       "it is",
                       options->refnosd != NULL ? options->refnosd
                                                : "refnosd");
        return ERR_UNSUPPORTED;
    }
    memcpy(netns->refnosd, path, strlen(path) + 1);
    if (options->keep_dir == NULL)
        return 0;
    if ((mkdir(options->keep_dir, 0755) != 0 && errno != EEXIST) ||
        realpath(options->keep_dir, path) == NULL ||
        strlen(path) >= sizeof(netns->keep_dir)) {
        (void)snprintf(message, message_size, "%s: %s", options->keep_dir,
                       strerror(errno));
        return ERR_IO;
    }
    memcpy(netns->keep_dir, path, strlen(path) + 1);
    return 0;
}

static int
plan_write(struct netns *netns, const struct netns_options *options)
{
    struct plan_blob_options blob = {
        .plan = netns->plan,
        .cluster_id = netns->cluster_id,
        .tombstone_s = options->tombstone_s,
        .unplanned = options->unplanned,
    };
    char path[NETNS_PATH_MAX];
    uint8_t *bytes;
    size_t size;
    FILE *file;
    bool written;

    memcpy(blob.pool_size, options->pool_size, sizeof(blob.pool_size));
    bytes = plan_blob_make(&blob, &size);
    (void)snprintf(path, sizeof(path), "%s/plan", netns->rack.dir);
    file = fopen(path, "we");
    written = file != NULL && fwrite(bytes, 1, size, file) == size;
    if (file != NULL && fclose(file) != 0)
        written = false;
    free(bytes);
    return written ? 0 : ERR_IO;
}

static int
cluster_id_read(struct netns *netns, char *message, size_t message_size)
{
    struct identity *identity;
    int err =
        identity_load(netns->boxes[0].home, &identity, message, message_size);

    if (err != 0)
        return err;
    netns->cluster_id = identity_cluster_id(identity);
    identity_destroy(identity);
    return 0;
}

static int
boxes_place(struct netns *netns, char *message, size_t message_size)
{
    struct cluster_plan *plan = netns->plan;
    char authority[NETNS_PATH_MAX];
    int err;

    (void)snprintf(authority, sizeof(authority), "%s/authority",
                   netns->rack.dir);
    err = identity_authority_make(authority, plan->preset, NETNS_IDENTITY_DAYS,
                                  message, message_size);
    for (unsigned i = 0; err == 0 && i < netns->box_count; i++) {
        struct netns_box *box = &netns->boxes[i];

        err = slot_place(box, plan->boxes[i].serial, message, message_size);
        plan->boxes[i].key = box->key;
        box->present = i < plan->box_count - plan->spare_count;
    }
    for (unsigned i = 0; err == 0 && i < plan->voter_count; i++)
        netns->boxes[plan->voters[i]].voter = true;
    return err == 0 ? cluster_id_read(netns, message, message_size) : err;
}

static void
boxes_init(struct netns *netns, const struct netns_options *options)
{
    netns->boxes = calloc(netns->box_count, sizeof(*netns->boxes));
    CHECK(netns->boxes != NULL);
    for (unsigned i = 0; i < netns->box_count; i++) {
        struct netns_box *box = &netns->boxes[i];
        struct random_stream stream = random_stream_make(
            options->seed, i, random_purpose("clock-shift"));

        box->netns = netns;
        box->index = i;
        box->pid_fd = -1;
        box->watch_fd = -1;
        box->cause = REBOOT_POWER_LOSS;
        if (options->shift_clocks)
            box->shift_ns =
                (1 + random_below(&stream, SHIFT_MAX_S)) * 1000000000u;
        for (unsigned j = 0; j < NETNS_CLIENTS_MAX; j++)
            box->clients[j].fd = -1;
    }
}

int
netns_pid(struct world *world, unsigned box)
{
    struct netns *netns = netns_of(world);

    CHECK(box < netns->box_count);
    return (int)netns->boxes[box].pid;
}

static struct netns *
netns_alloc(const struct netns_options *options)
{
    struct netns *netns = calloc(1, sizeof(*netns));

    CHECK(netns != NULL && options->plan->box_count <= WORLD_BOXES_MAX);
    netns->world = (struct world){&netns_ops, options->plan, options->listener,
                                  options->listener_context};
    netns->plan = options->plan;
    netns->box_count = options->plan->box_count;
    netns->seed = options->seed;
    netns->record = options->record && options->keep_dir != NULL;
    netns->per_service = options->per_service;
    netns->meter = options->meter;
    netns->small_disks = options->small_disks;
    netns->digest = run_digest_create(0);
    netns->truth = ports_truth_create(options->plan);
    netns->epoll_fd = epoll_create1(EPOLL_CLOEXEC);
    boxes_init(netns, options);
    return netns;
}

int
netns_create(const struct netns_options *options, struct world **out,
             char *message, size_t message_size)
{
    struct netns *netns = netns_alloc(options);
    int err = netns->epoll_fd < 0 ? ERR_IO : 0;

    message[0] = '\0';
    if (err == 0)
        err = paths_resolve(netns, options, message, message_size);
    if (err == 0)
        err = rack_open(&netns->rack, message, message_size);
    if (err == 0)
        err = net_open(&netns->rack, netns->plan, &netns->net, message,
                       message_size);
    if (err == 0)
        err = boxes_place(netns, message, message_size);
    if (err == 0)
        err = plan_write(netns, options);
    if (err != 0) {
        if (message[0] == '\0')
            (void)snprintf(message, message_size, "%s", err_text(err));
        world_destroy(&netns->world);
        return err;
    }
    netns->origin_ns = netns_now_ns();
    netns->last_ns = netns->origin_ns;
    *out = &netns->world;
    return 0;
}
