/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/daemons/writer.h"

#include <string.h>

#include "reference-nos/schema/operator_msg.h"

#define EVERY_MS 10u
#define PATIENCE_MS 250u
#define REPEAT_MS 5u
#define READ_EVERY 20u /* writes */

void
writer_init(struct writer *writer, struct world *world,
            struct oracles *oracles)
{
    unsigned found = 0;

    memset(writer, 0, sizeof(*writer));
    writer->world = world;
    writer->oracles = oracles;
    writer->sequence = 1;
    for (unsigned i = 0; i < world->plan->box_count && found < 2; i++)
        if (world->plan->boxes[i].role == ROLE_NCC)
            writer->controllers[found++] = i;
    writer->next_at = world->ops->now(world);
    writer->last_at = writer->next_at;
}

/* The same again, elsewhere. */
static void
repeat(struct writer *writer, struct simtime now)
{
    writer->token = 0;
    writer->at ^= 1;
    writer->repeated++;
    writer->next_at = simtime_add(now, simtime_from_ms(REPEAT_MS));
}

static void
write_done(struct writer *writer, struct simtime at)
{
    struct simtime gap = simtime_sub(at, writer->last_at);

    if (simtime_before(writer->longest, gap))
        writer->longest = gap;
    writer->last_at = at;
    writer->acknowledged++;
    writer->last_acknowledged = writer->sequence;
    oracles_acknowledged(writer->oracles, WRITER_CLIENT, writer->sequence);
    writer->reading = writer->sequence % READ_EVERY == 0 || writer->stopping;
    writer->sequence++;
}

static void
read_done(struct writer *writer, struct simtime at, uint64_t value)
{
    writer->reads++;
    writer->lost += value < writer->last_acknowledged;
    oracles_read_back(writer->oracles, at, WRITER_CLIENT, value);
    writer->reading = false;
}

void
writer_observe(struct writer *writer, const struct observation *seen)
{
    struct operator_rep rep;
    struct wire_reader reader;

    if (seen->kind != OBSERVE_REPLY || writer->token == 0 ||
        seen->a != writer->token)
        return;
    wire_reader_init(&reader, seen->bytes, seen->size);
    if (operator_rep_read(&reader, &rep) != 0 || rep.status != 0) {
        repeat(writer, seen->at);
        return;
    }
    writer->token = 0;
    writer->next_at = simtime_add(writer->sent_at, simtime_from_ms(EVERY_MS));
    if (writer->reading)
        read_done(writer, seen->at, rep.value);
    else
        write_done(writer, seen->at);
}

static void
ask(struct writer *writer, struct simtime now)
{
    struct operator_req req = {
        .verb = writer->reading ? OPERATOR_READ : OPERATOR_WRITE,
        .client = WRITER_CLIENT,
        .sequence = writer->sequence,
        .value = writer->sequence,
        .module = MODULE_NONE,
    };
    uint8_t bytes[256];
    struct wire_writer out;

    wire_writer_init(&out, bytes, sizeof(bytes));
    operator_req_write(&out, &req);
    writer->token = ++writer->last_token;
    writer->sent_at = now;
    if (writer->world->ops->request(
            writer->world, writer->controllers[writer->at], writer->token,
            bytes, wire_writer_size(&out)) != 0)
        repeat(writer, now);
}

void
writer_step(struct writer *writer)
{
    struct simtime now = writer->world->ops->now(writer->world);

    if (writer->token != 0 &&
        simtime_before(
            simtime_add(writer->sent_at, simtime_from_ms(PATIENCE_MS)), now))
        repeat(writer, now);
    if (writer->token == 0 && !simtime_before(now, writer->next_at) &&
        !(writer->stopping && !writer->reading))
        ask(writer, now);
}

void
writer_stop(struct writer *writer)
{
    writer->stopping = true;
    if (writer->token == 0)
        writer->reading = true;
}

bool
writer_idle(const struct writer *writer)
{
    return writer->stopping && writer->token == 0 && !writer->reading;
}
