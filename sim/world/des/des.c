/* SPDX-License-Identifier: Apache-2.0
 *
 * The world as a whole: its boxes, its clock, its listener.
 */
#include "sim/world/des/des_priv.h"

#include <stdlib.h>
#include <string.h>

static struct des *
des_of(struct world *world)
{
    return CONTAINER_OF(world, struct des, world);
}

struct des_box *
des_box(struct world *world, unsigned index)
{
    struct des *des = des_of(world);

    return index < des->box_count ? &des->boxes[index] : NULL;
}

/* Past the longest run nothing fires any more. */
void
des_schedule(struct des *des, struct event *event, struct simtime at)
{
    int err = kernel_add(des->kernel, event, at);

    CHECK(err == 0 || err == ERR_RANGE);
}

void
des_observe(struct des_box *box, struct observation *seen)
{
    struct des *des = box->des;

    seen->at = des_box_time(box);
    seen->box = box->index;
    run_digest_feed_u64(des->digest, ((uint64_t)seen->kind << 32) | seen->box);
    if (seen->kind == OBSERVE_TRACE) {
        run_digest_feed_u64(des->digest, seen->trace.kind);
        run_digest_feed_u64(des->digest, seen->trace.a);
        run_digest_feed_u64(des->digest, seen->trace.b);
        run_digest_feed_u64(des->digest, seen->trace.c);
        run_digest_feed_u64(des->digest, seen->trace.d);
    } else {
        run_digest_feed_u64(des->digest, seen->a);
        run_digest_feed_u64(des->digest, seen->b);
    }
    if (seen->size > 0)
        run_digest_feed_bytes(des->digest, seen->bytes, seen->size);
    if (des->world.listener != NULL)
        des->world.listener(des->world.listener_context, seen);
}

void
des_observe_numbers(struct des_box *box, enum observation_kind kind,
                    uint64_t a, uint64_t b, uint64_t c, uint64_t d)
{
    struct observation seen = {.kind = kind, .a = a, .b = b, .c = c, .d = d};

    des_observe(box, &seen);
}

static void
deliver(void *context, unsigned index, enum plane plane, uint64_t from,
        enum lane lane, const void *bytes, size_t size)
{
    struct des *des = context;
    struct des_box *box = &des->boxes[index];

    if ((des->wrong_count > 0 || size == 0) &&
        !identity_admits(box, from, plane, size))
        return;
    if (box->runtime != NULL && !box->restarting)
        runtime_datagram(box->runtime, plane, from, lane, bytes, size);
}

static void
disk_done(void *context, unsigned service, uint64_t token, int status)
{
    struct des_box *box = context;

    if (box->runtime != NULL && !box->restarting)
        runtime_storage_done(box->runtime, service, token, status);
}

static void
chassis_changed(void *context, const struct hw_change *change)
{
    struct des_box *box = context;

    if (box->runtime != NULL && !box->restarting)
        runtime_hardware_changed(box->runtime, change);
}

static void
brown_out(void *context)
{
    struct des_box *box = context;

    box_power_off(box, REBOOT_POWER_LOSS);
}

void
des_after_handler(struct des_box *box, unsigned service)
{
    box->des->last_box = box->index;
    box->des->last_service = service;
}

/* Uniform in -'most' to 'most'. */
static int64_t
random_either_way(struct random_stream *stream, uint64_t most)
{
    return (int64_t)random_below(stream, 2 * most + 1) - (int64_t)most;
}

static void
box_models_create(struct des_box *box)
{
    struct des *des = box->des;
    const struct parts *parts = &des->plan->parts;
    struct disk_options disk = {
        .sync_min = parts->disk_sync_min,
        .sync_max = parts->disk_sync_max,
        .replace_min = parts->disk_replace_min,
        .replace_max = parts->disk_replace_max,
        .bytes_per_s = parts->disk_bytes_per_s,
        .capacity_bytes = parts->disk_capacity_bytes,
        .seed = des->seed,
        .entity = box->index,
        .done = disk_done,
        .context = box,
    };
    struct chassis_options chassis = {
        .model = box->model,
        .seed = des->seed,
        .entity = box->index,
        .ambient_mc = parts->ambient_mc,
        .changed = chassis_changed,
        .brown_out = brown_out,
        .context = box,
    };
    struct random_stream clock =
        random_stream_make(des->seed, box->index, random_purpose("clock"));

    box->disk = disk_create(des->kernel, &disk);
    box->chassis = chassis_create(des->kernel, &chassis);
    /* One draw per statement: the order of arguments is not defined. */
    int64_t drift_ppb = random_either_way(&clock, parts->clock_drift_max_ppb);
    int64_t offset_ns = random_either_way(&clock, parts->clock_offset_max_ns);
    clock_init(&box->clock, offset_ns, drift_ppb);
}

static struct simtime
world_now(struct world *world)
{
    return kernel_now(des_of(world)->kernel);
}

static void
before_event(void *context, const struct event *event)
{
    struct des *des = context;

    if (des->plane != NULL || des->flows != NULL)
        packets_advance(des, event->at);
    run_digest_event(des->digest, event);
}

static int
world_run_until(struct world *world, struct simtime until)
{
    struct des *des = des_of(world);

    des->stopped = false;
    (void)kernel_run_until(des->kernel, until);
    if (des->plane != NULL || des->flows != NULL)
        packets_advance(des, kernel_now(des->kernel));
    if (mgmt_net_broken(des->net) != NULL)
        return ERR_IO;
    return des->stopped ? ERR_INTERRUPTED : 0;
}

static void
world_stop(struct world *world)
{
    struct des *des = des_of(world);

    des->stopped = true;
    kernel_stop(des->kernel);
}

static int
world_request(struct world *world, unsigned index, uint64_t token,
              const void *bytes, size_t size)
{
    struct des_box *box = des_box(world, index);

    if (box == NULL || box->runtime == NULL || box->restarting)
        return ERR_UNREACHABLE;
    runtime_operator(box->runtime, token, bytes, size);
    return 0;
}

static void
world_box_get(struct world *world, unsigned index, struct world_box *out)
{
    const struct des_box *box = des_box(world, index);

    memset(out, 0, sizeof(*out));
    if (box == NULL)
        return;
    out->powered = box->powered;
    out->running = box->runtime != NULL && !box->restarting;
    out->forwarding = ports_truth_works(box->truth);
    out->key = box->facts.key;
    memcpy(out->serial, box->facts.serial, sizeof(out->serial));
    out->role = box->facts.role;
    out->front_ports = box->facts.front_ports;
    out->fabric_ports = box->facts.fabric_ports;
    out->incarnation = box->facts.incarnation;
}

static void
world_load_get(struct world *world, unsigned index, struct world_load *out)
{
    struct des_box *box = des_box(world, index);

    memset(out, 0, sizeof(*out));
    if (box == NULL)
        return;
    *out = box->load;
    out->mailbox_bound = RUNTIME_MAILBOX_MAX;
    for (unsigned hop = 0; hop < LANE_HOP_CPU; hop++)
        out->lanes[hop] = *mgmt_net_lanes(box->des->net, index, hop);
    for (unsigned i = 0; i < SVC_COUNT && box->runtime != NULL; i++) {
        struct runtime_service_stats stats;

        if (runtime_stats(box->runtime, i, &stats) != 0)
            continue;
        out->memory_peak_bytes[i] = stats.memory_peak_bytes;
        out->mailbox_peak[i] = stats.mailbox_peak;
    }
}

static int
world_fan_duty(struct world *world, unsigned index, uint32_t *percent)
{
    struct des_box *box = des_box(world, index);
    uint32_t lowest = UINT32_MAX;

    for (unsigned i = 0; box != NULL && i < box->model->fan_count; i++) {
        struct hw_reading reading;

        if (chassis_read(box->chassis, HW_FAN, i, &reading) == 0 &&
            reading.present && reading.ok &&
            (uint32_t)reading.secondary < lowest)
            lowest = (uint32_t)reading.secondary;
    }
    if (lowest == UINT32_MAX)
        return ERR_NOENT;
    *percent = lowest;
    return 0;
}

static bool
world_has_service(struct world *world, unsigned box, unsigned service)
{
    const struct plan_box *planned = &des_of(world)->plan->boxes[box];

    return node_has_service(planned->role, planned->model->alone, service);
}

static uint64_t
world_events(struct world *world)
{
    return kernel_fired_count(des_of(world)->kernel);
}

static struct digest_value
world_digest(struct world *world)
{
    return packets_digest(des_of(world));
}

static void
world_destroy(struct world *world)
{
    struct des *des = des_of(world);

    for (unsigned i = 0; i < des->box_count; i++) {
        box_fini(&des->boxes[i]);
        disk_destroy(des->boxes[i].disk);
        chassis_destroy(des->boxes[i].chassis);
    }
    mgmt_net_destroy(des->net);
    kernel_destroy(des->kernel);
    fabric_fini(des);
    asic_fini(des);
    plane_destroy(des->plane);
    flows_destroy(des->flows);
    run_digest_destroy(des->digest);
    free(des->plan_blob);
    free(des->boxes);
    free(des);
}

static size_t
world_memory_bytes(struct world *world)
{
    const struct des *des = des_of(world);
    size_t bytes = 0;

    for (unsigned i = 0; i < des->box_count; i++)
        bytes += des->boxes[i].memory_bytes;
    return bytes;
}

static size_t
world_live_bytes(struct world *world)
{
    const struct des *des = des_of(world);
    size_t bytes = 0;

    for (unsigned i = 0; i < des->box_count; i++) {
        for (unsigned j = 0; j < SVC_COUNT; j++) {
            struct runtime_service_stats stats;

            if (des->boxes[i].runtime != NULL &&
                runtime_stats(des->boxes[i].runtime, j, &stats) == 0)
                bytes += stats.memory_bytes;
        }
    }
    return bytes;
}

static void
world_box_memory(struct world *world, unsigned index, size_t *lent_bytes,
                 size_t *owned_bytes)
{
    const struct des_box *box = &des_of(world)->boxes[index];

    *lent_bytes = box->memory_bytes;
    *owned_bytes = box->runtime != NULL ? runtime_held_bytes(box->runtime) : 0;
}

static const char *
world_why_not(struct world *world)
{
    return mgmt_net_broken(des_of(world)->net);
}

static struct data_plane *
world_plane(struct world *world)
{
    return des_of(world)->plane;
}

static struct flows *
world_flows(struct world *world)
{
    return des_of(world)->flows;
}

static const struct world_ops des_ops = {
    .name = "des",
    .branchable = true,
    .now = world_now,
    .run_until = world_run_until,
    .stop = world_stop,
    .inject = des_inject,
    .request = world_request,
    .box = world_box_get,
    .load = world_load_get,
    .fan_duty = world_fan_duty,
    .memory_bytes = world_memory_bytes,
    .live_bytes = world_live_bytes,
    .box_memory = world_box_memory,
    .has_service = world_has_service,
    .events = world_events,
    .digest = world_digest,
    .why_not = world_why_not,
    .plane = world_plane,
    .flows = world_flows,
    .destroy = world_destroy,
};

static void
net_failed(void *context)
{
    struct des *des = context;

    kernel_stop(des->kernel);
}

static void
net_create(struct des *des, const struct des_options *made)
{
    struct mgmt_net_options options = {
        .box_count = des->box_count,
        .link_bps = des->plan->mgmt_link_bps,
        .link_delay = des->plan->mgmt_link_delay,
        .switch_latency = des->plan->parts.switch_latency,
        .queue_bytes = des->plan->parts.switch_queue_bytes,
        .seed = des->seed,
        .deliver = deliver,
        .waited = lanes_frame_waited,
        .failed = net_failed,
        .context = des,
    };

    des->net = made->net_create != NULL
                   ? made->net_create(made->net_context, des->kernel, &options)
                   : mgmt_net_create(des->kernel, &options);
    mgmt_net_plane_power(des->net, PLANE_A, false);
    mgmt_net_plane_power(des->net, PLANE_B, false);
}

static void
blob_make(struct des *des, const struct des_options *options)
{
    struct plan_blob_options blob = {
        .plan = des->plan,
        .cluster_id = des->boxes[0].facts.cluster_id,
        .tombstone_s = options->tombstone_s,
        .unplanned = options->unplanned,
    };

    memcpy(blob.pool_size, options->pool_size, sizeof(blob.pool_size));
    des->plan_blob = plan_blob_make(&blob, &des->plan_blob_size);
}

/* Of the units that come one by one; a start is the price of a life. */
static uint32_t
longest_unit_ns(const struct des *des)
{
    uint32_t longest_ns = DES_QUANTUM_SLACK_NS;

    for (unsigned cost = 0; cost < COST_COUNT; cost++) {
        if (cost != COST_SERVICE_START && des->costs_ns[cost] > longest_ns)
            longest_ns = des->costs_ns[cost];
    }
    return longest_ns;
}

int
des_create(const struct des_options *options, struct world **out)
{
    struct des *des;
    int err;

    if (options->plan->box_count > WORLD_BOXES_MAX)
        return ERR_RANGE;
    des = calloc(1, sizeof(*des));
    CHECK(des != NULL);
    des->ops = des_ops;
    if (options->name != NULL) {
        des->ops.name = options->name;
        des->ops.branchable = false;
    }
    des->world.ops = &des->ops;
    des->world.plan = options->plan;
    des->world.listener = options->listener;
    des->world.listener_context = options->listener_context;
    des->plan = options->plan;
    des->seed = options->seed;
    memcpy(des->costs_ns, options->costs_ns, sizeof(des->costs_ns));
    des->slack_ns = longest_unit_ns(des);
    des->kernel = kernel_create();
    des->digest = run_digest_create(options->checkpoint_events);
    kernel_observe(des->kernel, before_event, des);
    des->box_count = options->plan->box_count;
    des->boxes = calloc(des->box_count, sizeof(*des->boxes));
    CHECK(des->boxes != NULL);
    net_create(des, options);
    for (unsigned i = 0; i < des->box_count; i++) {
        box_init(des, i);
        des->boxes[i].plat.mutation = options->mutation;
        box_models_create(&des->boxes[i]);
    }
    fabric_init(des);
    asic_init(des);
    blob_make(des, options);
    err = packets_init(des, options);
    if (err != 0) {
        world_destroy(&des->world);
        return err;
    }
    *out = &des->world;
    return 0;
}

bool
des_last_handler(struct world *world, unsigned *box, unsigned *service)
{
    const struct des *des = des_of(world);

    *box = des->last_box;
    *service = des->last_service;
    return des->last_service != SVC_NONE;
}

void
des_forget_handler(struct world *world)
{
    des_of(world)->last_service = SVC_NONE;
}

void
des_meter_set(struct world *world, des_meter *meter, void *context)
{
    des_of(world)->meter = meter;
    des_of(world)->meter_context = context;
}

bool
des_step(struct world *world)
{
    return kernel_step(des_of(world)->kernel);
}

const struct digest_checkpoint *
des_checkpoints(struct world *world, size_t *count)
{
    const struct des *des = des_of(world);

    return run_digest_checkpoints(des->digest, count);
}
