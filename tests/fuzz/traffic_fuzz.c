/* SPDX-License-Identifier: Apache-2.0
 *
 * Three boxes of one cluster in memory, a controller, a line card and a
 * management switch that votes; what they say to each other is lost, doubled,
 * held back, or changed inside its frame, whose checksum is put right.
 *
 * Input    a byte per datagram says what becomes of it:
 *          0..127    it passes
 *          128..159  lost
 *          160..175  said twice
 *          176..191  held back until the next one
 *          else      up to 4 bytes of its payload are changed; two bytes of
 *                    input each: where and to what
 */
#include "reference-nos/node/testbox.h"

#include <stdlib.h>
#include <string.h>

#include "reference-nos/base/check.h"
#include "reference-nos/base/units.h"
#include "reference-nos/base/wire.h"
#include "reference-nos/bus/frame.h"

#define BOXES 3u
#define FIRST_KEY 7u
#define QUEUE 512u
#define STEPS 300u
#define STEP_NS (10 * NS_PER_MS)

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct datagram {
    unsigned from;
    uint64_t to;
    enum plane plane;
    enum lane lane;
    size_t size;
    uint8_t bytes[PLAT_DATAGRAM_MAX];
};

struct rig;

struct mouth {
    struct rig *rig;
    unsigned number;
};

struct rig {
    struct testbox *boxes[BOXES];
    struct mouth mouths[BOXES];
    struct wire_reader input;
    struct datagram queue[QUEUE];
    unsigned count;
    struct datagram held;
    bool holds;
};

static void
push(struct rig *rig, const struct datagram *datagram)
{
    if (rig->count < QUEUE)
        rig->queue[rig->count++] = *datagram;
}

/* Changes bytes of the payload and mends the frame. */
static void
change(struct rig *rig, struct datagram *datagram, unsigned changes)
{
    struct frame frame;
    uint8_t payload[PLAT_DATAGRAM_MAX];

    if (bus_frame_decode(datagram->bytes, datagram->size, &frame) != 0 ||
        frame.size == 0)
        return;
    memcpy(payload, frame.payload, frame.size);
    for (unsigned i = 0; i < changes; i++) {
        uint8_t where = wire_read_u8(&rig->input);

        payload[where % frame.size] = wire_read_u8(&rig->input);
    }
    frame.payload = payload;
    datagram->size = bus_frame_encode(&frame, datagram->bytes);
}

static void
said(void *arg, enum plane plane, uint64_t to, enum lane lane,
     const void *bytes, size_t size)
{
    const struct mouth *mouth = arg;
    struct rig *rig = mouth->rig;
    struct datagram datagram = {mouth->number, to, plane, lane, size, {0}};
    uint8_t fate = 0;

    memcpy(datagram.bytes, bytes, size);
    if (wire_reader_left(&rig->input) > 0)
        fate = wire_read_u8(&rig->input);
    if (fate >= 128 && fate < 160)
        return;
    if (fate >= 192)
        change(rig, &datagram, 1 + fate % 4);
    if (fate >= 176 && fate < 192 && !rig->holds) {
        rig->held = datagram;
        rig->holds = true;
        return;
    }
    push(rig, &datagram);
    if (fate >= 160 && fate < 176)
        push(rig, &datagram);
    if (rig->holds) {
        rig->holds = false;
        push(rig, &rig->held);
    }
}

static void
carry(struct rig *rig)
{
    unsigned count = rig->count;

    for (unsigned i = 0; i < count; i++) {
        const struct datagram datagram = rig->queue[i];

        for (unsigned k = 0; k < BOXES; k++)
            if (k != datagram.from && !rig->boxes[k]->restarting &&
                (datagram.to == PLAT_ADDRESS_ALL ||
                 datagram.to == FIRST_KEY + k))
                runtime_datagram(rig->boxes[k]->runtime, datagram.plane,
                                 FIRST_KEY + datagram.from, datagram.lane,
                                 datagram.bytes, datagram.size);
    }
    memmove(rig->queue, rig->queue + count,
            (rig->count - count) * sizeof(rig->queue[0]));
    rig->count -= count;
}

static void
rig_make(struct rig *rig)
{
    static const enum role roles[BOXES] = {ROLE_NCC, ROLE_NCP, ROLE_NCM};

    for (unsigned i = 0; i < BOXES; i++) {
        struct testbox *box = testbox_make(roles[i], FIRST_KEY + i);

        box->facts.fabric_ports = 0; /* else it waits for its cables */
        box->facts.serial[1] = (char)('0' + i);
        box->draws = i * 1000;
        rig->mouths[i] = (struct mouth){rig, i};
        box->datagram = said;
        box->arg = &rig->mouths[i];
        if (roles[i] != ROLE_NCP) {
            box->facts.voter_count = 2;
            box->facts.voters[0] = FIRST_KEY;
            box->facts.voters[1] = FIRST_KEY + 2;
            box->facts.arbiter = roles[i] == ROLE_NCM;
        }
        rig->boxes[i] = box;
    }
    for (unsigned i = 0; i < BOXES; i++)
        testbox_start(rig->boxes[i]);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct rig *rig = calloc(1, sizeof(*rig));

    CHECK(rig != NULL);
    wire_reader_init(&rig->input, data, size);
    rig_make(rig);
    for (unsigned step = 0; step < STEPS; step++) {
        carry(rig);
        for (unsigned i = 0; i < BOXES; i++)
            testbox_run(rig->boxes[i], STEP_NS);
    }
    for (unsigned i = 0; i < BOXES; i++)
        testbox_destroy(rig->boxes[i]);
    free(rig);
    return 0;
}
