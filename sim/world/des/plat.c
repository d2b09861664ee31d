/* SPDX-License-Identifier: Apache-2.0
 *
 * The door (plat.h, hardware.h) over kernel and models.
 */
#include "sim/world/des/des_priv.h"

#include <stdlib.h>
#include <string.h>

static struct des_box *
box_of(struct plat *plat)
{
    return CONTAINER_OF(plat, struct des_box, plat);
}

static uint64_t
now_ns(struct plat *plat)
{
    struct des_box *box = box_of(plat);

    return clock_mono_ns(&box->clock, des_box_time(box));
}

static uint64_t
wall_ns(struct plat *plat)
{
    struct des_box *box = box_of(plat);

    return clock_wall_ns(&box->clock, des_box_time(box));
}

static uint64_t
random_u64(struct plat *plat)
{
    return random_bits(&box_of(plat)->random);
}

static void
wake_at(struct plat *plat, uint64_t deadline_ns)
{
    struct des_box *box = box_of(plat);
    struct simtime at;

    if (deadline_ns == UINT64_MAX) {
        kernel_cancel(box->des->kernel, &box->timer_event);
        return;
    }
    at = clock_when(&box->clock, deadline_ns);
    des_schedule(box->des, &box->timer_event,
                 simtime_max(at, des_box_time(box)));
}

static void
ready(struct plat *plat, unsigned service)
{
    cpu_ready(box_of(plat), service);
}

static void
charge(struct plat *plat, enum cost cost, uint64_t units)
{
    cpu_charge(box_of(plat), cost, units);
}

static void
datagram_send(struct plat *plat, enum plane plane, uint64_t to, enum lane lane,
              const void *bytes, size_t size)
{
    struct des_box *box = box_of(plat);

    CHECK(plane < PLANE_COUNT && lane < LANE_COUNT);
    CHECK(size <= PLAT_DATAGRAM_MAX);
    box->load.messages[lane]++;
    box->load.bytes[lane] += size;
    mgmt_net_send(box->des->net, box->index, plane, to, lane, bytes, size,
                  des_box_time(box));
}

static void
packet_send(struct plat *plat, unsigned fabric_port, const void *bytes,
            size_t size)
{
    fabric_send(box_of(plat), fabric_port, bytes, size);
}

static int
storage_append(struct plat *plat, enum storage_file file, const void *bytes,
               size_t size)
{
    return disk_append(box_of(plat)->disk, file, bytes, size);
}

static int
storage_truncate(struct plat *plat, enum storage_file file, uint64_t size)
{
    return disk_truncate(box_of(plat)->disk, file, size);
}

static int
storage_sync(struct plat *plat, enum storage_file file, unsigned service,
             uint64_t token)
{
    struct des_box *box = box_of(plat);

    return disk_sync(box->disk, file, des_box_time(box), service, token);
}

static int
storage_replace(struct plat *plat, enum storage_file file, const void *bytes,
                size_t size, unsigned service, uint64_t token)
{
    struct des_box *box = box_of(plat);

    return disk_replace(box->disk, file, bytes, size, des_box_time(box),
                        service, token);
}

static int
storage_size(struct plat *plat, enum storage_file file, uint64_t *size)
{
    return disk_size(box_of(plat)->disk, file, size);
}

static int
storage_read(struct plat *plat, enum storage_file file, uint64_t offset,
             void *bytes, size_t size)
{
    return disk_read(box_of(plat)->disk, file, offset, bytes, size);
}

static int
blob_get(struct plat *plat, const char *name, const void **bytes, size_t *size)
{
    struct des_box *box = box_of(plat);

    if (box->facts.role != ROLE_NCC || strcmp(name, "plan") != 0)
        return ERR_NOENT;
    *bytes = box->des->plan_blob;
    *size = box->des->plan_blob_size;
    return 0;
}

static void *
chunk_take(struct plat *plat, size_t size)
{
    struct des_box *box = box_of(plat);
    void *chunk = malloc(size);

    CHECK(chunk != NULL);
    box->memory_bytes += size;
    return chunk;
}

static void
chunk_give(struct plat *plat, void *chunk, size_t size)
{
    struct des_box *box = box_of(plat);

    CHECK(box->memory_bytes >= size);
    box->memory_bytes -= size;
    free(chunk);
}

static void
operator_reply(struct plat *plat, uint64_t token, const void *bytes,
               size_t size)
{
    struct observation seen = {
        .kind = OBSERVE_REPLY,
        .a = token,
        .bytes = bytes,
        .size = size,
    };

    des_observe(box_of(plat), &seen);
}

static void
log_line(struct plat *plat, unsigned service, enum severity severity,
         const char *text)
{
    struct observation seen = {
        .kind = OBSERVE_LOG,
        .service = service,
        .a = severity,
        .bytes = (const uint8_t *)text,
        .size = strlen(text),
    };

    des_observe(box_of(plat), &seen);
}

static void
trace(struct plat *plat, const struct trace_record *record)
{
    struct observation seen = {
        .kind = OBSERVE_TRACE,
        .service = record->service,
        .trace = *record,
    };

    /* A hang ends with the life that hung. */
    if (record->kind == TRACE_SERVICE_DIED && record->a < SVC_COUNT) {
        box_of(plat)->threads[record->a].hung = false;
        lanes_forget(box_of(plat), (unsigned)record->a);
    }
    des_observe(box_of(plat), &seen);
}

static void
restart(struct plat *plat, enum reboot_cause cause)
{
    box_restart(box_of(plat), cause);
}

const struct plat_ops des_plat_ops = {
    .now_ns = now_ns,
    .wall_ns = wall_ns,
    .random = random_u64,
    .wake_at = wake_at,
    .ready = ready,
    .charge = charge,
    .datagram_send = datagram_send,
    .packet_send = packet_send,
    .storage_append = storage_append,
    .storage_truncate = storage_truncate,
    .storage_sync = storage_sync,
    .storage_replace = storage_replace,
    .storage_size = storage_size,
    .storage_read = storage_read,
    .blob_get = blob_get,
    .chunk_take = chunk_take,
    .chunk_give = chunk_give,
    .operator_reply = operator_reply,
    .log = log_line,
    .trace = trace,
    .restart = restart,
};

static unsigned
hw_count(struct plat *plat, enum hw_kind kind)
{
    return chassis_count(box_of(plat)->chassis, kind);
}

static int
hw_describe(struct plat *plat, enum hw_kind kind, unsigned index,
            struct hw_description *description)
{
    return chassis_describe(box_of(plat)->chassis, kind, index, description);
}

static int
hw_read(struct plat *plat, enum hw_kind kind, unsigned index,
        struct hw_reading *reading)
{
    struct des_box *box = box_of(plat);

    cpu_charge(box, COST_DEVICE, 1);
    return chassis_read(box->chassis, kind, index, reading);
}

static int
hw_fan_set(struct plat *plat, unsigned index, unsigned duty_percent)
{
    return chassis_fan_set(box_of(plat)->chassis, index, duty_percent);
}

static int
hw_led_set(struct plat *plat, unsigned index, enum led_state state)
{
    return chassis_led_set(box_of(plat)->chassis, index, state);
}

static enum reboot_cause
hw_reboot_cause(struct plat *plat)
{
    return box_of(plat)->reboot_cause;
}

const struct hw_ops des_hw_ops = {
    .count = hw_count,
    .describe = hw_describe,
    .read = hw_read,
    .fan_set = hw_fan_set,
    .led_set = hw_led_set,
    .reboot_cause = hw_reboot_cause,
};
