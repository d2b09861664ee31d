/* SPDX-License-Identifier: Apache-2.0 */
#include "reference-nos/schema/operator_msg.h"

#include "reference-nos/schema/codec_priv.h"

static bool
has_rows(enum operator_verb verb)
{
    return verb == OPERATOR_EDIT || verb == OPERATOR_SHOW_ROUTES ||
           verb == OPERATOR_SHOW_FIB;
}

void
operator_req_write(struct wire_writer *writer, const struct operator_req *req)
{
    wire_write_u8(writer, (uint8_t)req->verb);
    wire_write_u64(writer, req->client);
    wire_write_u64(writer, req->sequence);
    wire_write_u64(writer, req->value);
    wire_write_u16(writer, req->module);
    wire_write_string(writer, req->serial);
    if (has_rows(req->verb))
        wire_write_bytes(writer, req->rows, req->rows_size);
}

int
operator_req_read(struct wire_reader *reader, struct operator_req *req)
{
    struct operator_req read = {.client = 0};
    int error;

    read.verb = (enum operator_verb)codec_read_between(reader, OPERATOR_WRITE,
                                                       OPERATOR_VERB_END - 1);
    read.client = wire_read_u64(reader);
    read.sequence = wire_read_u64(reader);
    read.value = wire_read_u64(reader);
    read.module = wire_read_u16(reader);
    wire_read_string(reader, read.serial, sizeof(read.serial));
    if (has_rows(read.verb) && wire_reader_ok(reader)) {
        read.rows_size = wire_reader_left(reader);
        read.rows = wire_read_bytes(reader, read.rows_size);
    }
    if (read.rows_size > OPERATOR_ROWS_MAX)
        wire_reader_fail(reader, ERR_RANGE);
    error = wire_reader_finish(reader);
    if (error == 0)
        *req = read;
    return error;
}

void
operator_rep_write(struct wire_writer *writer, const struct operator_rep *rep)
{
    wire_write_u8(writer, (uint8_t)rep->status);
    wire_write_u8(writer, (uint8_t)rep->verb);
    wire_write_u64(writer, rep->leader);
    wire_write_u64(writer, rep->value);
    wire_write_u64(writer, rep->term);
    wire_write_bool(writer, rep->cut);
}

/* Rows may follow, so the end of the input is not asked for here.  A request
 * that could not be read is answered with verb 0. */
int
operator_rep_read(struct wire_reader *reader, struct operator_rep *rep)
{
    struct operator_rep read;

    read.status = codec_read_enum(reader, ERR_COUNT);
    read.verb = (enum operator_verb)codec_read_between(reader, 0,
                                                       OPERATOR_VERB_END - 1);
    read.leader = wire_read_u64(reader);
    read.value = wire_read_u64(reader);
    read.term = wire_read_u64(reader);
    read.cut = wire_read_bool(reader);
    if (!wire_reader_ok(reader))
        return reader->error;
    *rep = read;
    return 0;
}

static bool
at_end(const struct wire_reader *reader)
{
    return wire_reader_ok(reader) && wire_reader_left(reader) == 0;
}

void
operator_module_write(struct wire_writer *writer,
                      const struct operator_module *module)
{
    wire_write_u16(writer, module->module);
    wire_write_u64(writer, module->key);
    wire_write_string(writer, module->serial);
    wire_write_bool(writer, module->up);
    wire_write_bool(writer, module->forwarding);
    wire_write_bool(writer, module->drained);
    wire_write_bool(writer, module->removed);
    wire_write_bool(writer, module->locate);
    wire_write_u8(writer, (uint8_t)module->how);
}

int
operator_module_read(struct wire_reader *reader,
                     struct operator_module *module)
{
    struct operator_module read = {.module = 0};

    if (at_end(reader))
        return ERR_NOENT;
    read.module = wire_read_u16(reader);
    read.key = wire_read_u64(reader);
    wire_read_string(reader, read.serial, sizeof(read.serial));
    read.up = wire_read_bool(reader);
    read.forwarding = wire_read_bool(reader);
    read.drained = wire_read_bool(reader);
    read.removed = wire_read_bool(reader);
    read.locate = wire_read_bool(reader);
    read.how = (enum module_how)codec_read_enum(reader, MODULE_REMOVED + 1u);
    if (!wire_reader_ok(reader))
        return reader->error;
    *module = read;
    return 0;
}

static void
counts_write(struct wire_writer *writer, const uint16_t counts[ROLE_COUNT])
{
    for (unsigned role = 0; role < ROLE_COUNT; role++)
        wire_write_u16(writer, counts[role]);
}

static void
counts_read(struct wire_reader *reader, uint16_t counts[ROLE_COUNT])
{
    for (unsigned role = 0; role < ROLE_COUNT; role++)
        counts[role] = wire_read_u16(reader);
}

void
operator_cluster_write(struct wire_writer *writer,
                       const struct operator_cluster *cluster)
{
    wire_write_u64(writer, cluster->cluster_id);
    wire_write_u64(writer, cluster->active);
    wire_write_u64(writer, cluster->standby);
    counts_write(writer, cluster->modules);
    counts_write(writer, cluster->up);
    counts_write(writer, cluster->pool_size);
    wire_write_u16(writer, cluster->forwarding);
    wire_write_u16(writer, cluster->drained);
}

int
operator_cluster_read(struct wire_reader *reader,
                      struct operator_cluster *cluster)
{
    struct operator_cluster read;

    if (at_end(reader))
        return ERR_NOENT;
    read.cluster_id = wire_read_u64(reader);
    read.active = wire_read_u64(reader);
    read.standby = wire_read_u64(reader);
    counts_read(reader, read.modules);
    counts_read(reader, read.up);
    counts_read(reader, read.pool_size);
    read.forwarding = wire_read_u16(reader);
    read.drained = wire_read_u16(reader);
    if (!wire_reader_ok(reader))
        return reader->error;
    *cluster = read;
    return 0;
}

void
operator_controller_write(struct wire_writer *writer,
                          const struct operator_controller *controller)
{
    wire_write_u16(writer, controller->module);
    wire_write_u64(writer, controller->key);
    wire_write_string(writer, controller->serial);
    wire_write_u8(writer, (uint8_t)controller->state);
}

int
operator_controller_read(struct wire_reader *reader,
                         struct operator_controller *controller)
{
    struct operator_controller read;

    if (at_end(reader))
        return ERR_NOENT;
    read.module = wire_read_u16(reader);
    read.key = wire_read_u64(reader);
    wire_read_string(reader, read.serial, sizeof(read.serial));
    read.state = (enum operator_controller_state)codec_read_enum(
        reader, CONTROLLER_STATE_COUNT);
    if (!wire_reader_ok(reader))
        return reader->error;
    *controller = read;
    return 0;
}

void
operator_alarm_write(struct wire_writer *writer,
                     const struct operator_alarm *alarm)
{
    wire_write_u16(writer, alarm->module);
    wire_write_u8(writer, (uint8_t)alarm->code);
    wire_write_u16(writer, alarm->item);
    wire_write_u8(writer, (uint8_t)alarm->severity);
    wire_write_u64(writer, (uint64_t)alarm->value);
    wire_write_u64(writer, alarm->since_wall_ns);
}

int
operator_alarm_read(struct wire_reader *reader, struct operator_alarm *alarm)
{
    struct operator_alarm read;

    if (at_end(reader))
        return ERR_NOENT;
    read.module = wire_read_u16(reader);
    read.code = (enum alarm_code)codec_read_enum(reader, ALARM_COUNT);
    read.item = wire_read_u16(reader);
    read.severity = (enum severity)codec_read_between(reader, SEVERITY_ERROR,
                                                      SEVERITY_DEBUG);
    read.value = (int64_t)wire_read_u64(reader);
    read.since_wall_ns = wire_read_u64(reader);
    if (!wire_reader_ok(reader))
        return reader->error;
    *alarm = read;
    return 0;
}

void
operator_route_write(struct wire_writer *writer,
                     const struct operator_route *route)
{
    prefix_write(writer, &route->prefix);
    wire_write_bool(writer, route->connected);
    wire_write_u32(writer, route->group.id);
    wire_write_u8(writer, route->group.count);
    for (unsigned i = 0; i < route->group.count; i++) {
        wire_write_u16(writer, route->group.hops[i].module);
        wire_write_u16(writer, route->group.hops[i].port);
    }
}

int
operator_route_read(struct wire_reader *reader, struct operator_route *route)
{
    struct operator_route read = {.connected = false};

    if (at_end(reader))
        return ERR_NOENT;
    prefix_read(reader, &read.prefix);
    read.connected = wire_read_bool(reader);
    read.group.id = wire_read_u32(reader);
    read.group.count = codec_read_between(reader, 0, FWD_HOPS_MAX);
    for (unsigned i = 0; i < read.group.count; i++) {
        read.group.hops[i].module = wire_read_u16(reader);
        read.group.hops[i].port = wire_read_u16(reader);
    }
    if (!wire_reader_ok(reader))
        return reader->error;
    *route = read;
    return 0;
}

void
operator_fib_write(struct wire_writer *writer, const struct operator_fib *fib)
{
    wire_write_u16(writer, fib->module);
    wire_write_u8(writer, (uint8_t)fib->state);
    fib_sum_write(writer, &fib->fib);
    fib_sum_write(writer, &fib->asic);
    wire_write_u64(writer, fib->pending);
    wire_write_u64(writer, fib->failed);
}

int
operator_fib_read(struct wire_reader *reader, struct operator_fib *fib)
{
    struct operator_fib read;

    if (at_end(reader))
        return ERR_NOENT;
    read.module = wire_read_u16(reader);
    read.state =
        (enum operator_fib_state)codec_read_enum(reader, FIB_STATE_COUNT);
    fib_sum_read(reader, &read.fib);
    fib_sum_read(reader, &read.asic);
    read.pending = wire_read_u64(reader);
    read.failed = wire_read_u64(reader);
    if (!wire_reader_ok(reader))
        return reader->error;
    *fib = read;
    return 0;
}
