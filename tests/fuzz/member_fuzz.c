/* SPDX-License-Identifier: Apache-2.0
 *
 * A box of the cluster that has gone bad: it speaks the bus as it should, and
 * says anything to any service.
 *
 * Input    u8 role of the victim; then steps: u8 what, and
 *          0: u8 lane and peer, u8 service, u8 type, u8 size, bytes: a message
 *          1: u8 time
 *          2: u8 port, u8 size, bytes: a packet on a fabric port
 *          3: u8 plane and peer, u8 size, bytes: a datagram of no bus
 */
#include "reference-nos/node/testbox.h"

#include <stdlib.h>
#include <string.h>

#include "reference-nos/base/check.h"
#include "reference-nos/base/units.h"
#include "reference-nos/base/wire.h"
#include "reference-nos/bus/bus.h"

#define VICTIM 7u
#define PEERS 2u /* keys VICTIM + 1 ... */
#define STEPS_MAX 100u
#define QUEUE 256u

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct datagram {
    unsigned peer; /* that says or hears it */
    enum plane plane;
    enum lane lane;
    size_t size;
    uint8_t bytes[PLAT_DATAGRAM_MAX];
};

struct rig;

struct peer {
    struct rig *rig;
    unsigned number;
    struct bus *bus;
};

struct rig {
    struct testbox *box;
    struct mem *mem;
    struct peer peers[PEERS];
    struct datagram *in, *out; /* of the victim */
    unsigned in_count, out_count;
};

/* ---- the peers' side ---- */

static void
push(struct datagram *queue, unsigned *count, unsigned peer, enum plane plane,
     enum lane lane, const void *bytes, size_t size)
{
    struct datagram *datagram;

    if (*count == QUEUE)
        return;
    datagram = &queue[(*count)++];
    datagram->peer = peer;
    datagram->plane = plane;
    datagram->lane = lane;
    datagram->size = size;
    memcpy(datagram->bytes, bytes, size);
}

static void
transmit(void *arg, enum plane plane, uint64_t to, enum lane lane,
         const void *bytes, size_t size)
{
    struct peer *peer = arg;

    if (to == VICTIM || to == PLAT_ADDRESS_ALL)
        push(peer->rig->in, &peer->rig->in_count, peer->number, plane, lane,
             bytes, size);
}

static int
deliver(void *arg, const struct bus_message *message)
{
    (void)arg, (void)message;
    return 0;
}

static void
session(void *arg, uint64_t peer, uint64_t incarnation, bool up)
{
    (void)arg, (void)peer, (void)incarnation, (void)up;
}

static uint64_t
wall_ns(void *arg)
{
    const struct peer *peer = arg;

    return 1000000u * NS_PER_S + peer->rig->box->now_ns;
}

static void *
take(void *arg, size_t size)
{
    (void)arg;
    return malloc(size);
}

static void
give(void *arg, void *chunk, size_t size)
{
    (void)arg, (void)size;
    free(chunk);
}

/* What the victim says. */
static void
heard(void *arg, enum plane plane, uint64_t to, enum lane lane,
      const void *bytes, size_t size)
{
    struct rig *rig = arg;

    for (unsigned i = 0; i < PEERS; i++)
        if (to == PLAT_ADDRESS_ALL || to == VICTIM + 1 + i)
            push(rig->out, &rig->out_count, i, plane, lane, bytes, size);
}

/* Carries what waits, both ways, for a while. */
static void
carry(struct rig *rig, uint64_t span_ns)
{
    for (unsigned turn = 0; turn < 4; turn++) {
        unsigned in_count = rig->in_count, out_count = rig->out_count;

        for (unsigned i = 0; i < PEERS; i++)
            if (bus_deadline_ns(rig->peers[i].bus) <= rig->box->now_ns)
                bus_tick(rig->peers[i].bus, rig->box->now_ns);
        in_count = rig->in_count;
        for (unsigned i = 0; i < in_count; i++)
            runtime_datagram(rig->box->runtime, rig->in[i].plane,
                             VICTIM + 1 + rig->in[i].peer, rig->in[i].lane,
                             rig->in[i].bytes, rig->in[i].size);
        rig->in_count = 0;
        testbox_run(rig->box, span_ns / 4);
        if (rig->box->restarting)
            return;
        out_count = rig->out_count;
        for (unsigned i = 0; i < out_count; i++)
            bus_datagram(rig->peers[rig->out[i].peer].bus, rig->box->now_ns,
                         rig->out[i].plane, VICTIM, rig->out[i].bytes,
                         rig->out[i].size);
        rig->out_count = 0;
    }
}

/* ---- steps ---- */

static size_t
take_bytes(struct wire_reader *reader, uint8_t *bytes)
{
    size_t size = wire_read_u8(reader);

    if (size > wire_reader_left(reader))
        size = wire_reader_left(reader);
    wire_read_copy(reader, bytes, size);
    return size;
}

static void
say(struct rig *rig, struct wire_reader *reader)
{
    uint8_t lane = wire_read_u8(reader);
    uint8_t service = wire_read_u8(reader);
    uint8_t bytes[256];
    struct bus_message message = {
        .peer = VICTIM,
        .lane = (enum lane)(lane % LANE_COUNT),
        .from_service = service >> 4,
        .to_service = service & 15,
        .type = wire_read_u8(reader) % 64,
        .epoch = lane >> 4,
        .body = bytes,
    };

    message.size = take_bytes(reader, bytes);
    (void)!bus_send(rig->peers[lane / 4 % PEERS].bus, rig->box->now_ns,
                    &message);
}

static void
step(struct rig *rig, struct wire_reader *reader)
{
    uint8_t what = wire_read_u8(reader);
    uint8_t bytes[256];
    uint8_t where;
    size_t size;

    switch (what % 4) {
    case 0: say(rig, reader); break;
    case 1:
        where = wire_read_u8(reader);
        carry(rig, (uint64_t)where * where * NS_PER_MS / 8);
        return;
    case 2:
        where = wire_read_u8(reader);
        size = take_bytes(reader, bytes);
        if (rig->box->facts.fabric_ports > 0)
            runtime_packet(rig->box->runtime,
                           where % rig->box->facts.fabric_ports, bytes, size);
        break;
    case 3:
        where = wire_read_u8(reader);
        size = take_bytes(reader, bytes);
        runtime_datagram(rig->box->runtime, (enum plane)(where & 1),
                         VICTIM + 1 + where / 2 % PEERS,
                         (enum lane)(where >> 6), bytes, size);
        break;
    }
    if (what & 16)
        carry(rig, NS_PER_MS);
}

/* ---- the whole ---- */

static void
rig_make(struct rig *rig, uint8_t first)
{
    static const struct bus_ops ops = {transmit, deliver, session, wall_ns};
    static struct mem_source source = {take, give, NULL};
    enum role role = (enum role)(first % ROLE_COUNT);

    rig->box = testbox_make(role, VICTIM);
    rig->box->datagram = heard;
    rig->box->arg = rig;
    if (role == ROLE_NCC || role == ROLE_NCM) {
        rig->box->facts.voter_count = first & 16 ? 3 : 1;
        for (unsigned i = 0; i < rig->box->facts.voter_count; i++)
            rig->box->facts.voters[i] = VICTIM + i;
        rig->box->facts.arbiter = role == ROLE_NCM;
    }
    rig->in = calloc(QUEUE, sizeof(*rig->in));
    rig->out = calloc(QUEUE, sizeof(*rig->out));
    rig->mem = mem_create(&source, MEM_NO_LIMIT);
    CHECK(rig->in != NULL && rig->out != NULL && rig->mem != NULL);
    for (unsigned i = 0; i < PEERS; i++) {
        rig->peers[i].rig = rig;
        rig->peers[i].number = i;
        CHECK(bus_create(rig->mem, &ops, &rig->peers[i], VICTIM + 1 + i, 1,
                         &rig->peers[i].bus) == 0);
    }
    testbox_start(rig->box);
    carry(rig, NS_PER_S);
}

static void
rig_free(struct rig *rig)
{
    testbox_destroy(rig->box);
    mem_destroy(rig->mem);
    free(rig->in);
    free(rig->out);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct wire_reader reader;
    struct rig rig = {.in_count = 0};

    if (size == 0)
        return 0;
    wire_reader_init(&reader, data, size);
    rig_make(&rig, wire_read_u8(&reader));
    for (unsigned i = 0; i < STEPS_MAX && wire_reader_left(&reader) > 0 &&
                         !rig.box->restarting;
         i++)
        step(&rig, &reader);
    if (!rig.box->restarting)
        carry(&rig, NS_PER_S);
    rig_free(&rig);
    return 0;
}
