/* SPDX-License-Identifier: Apache-2.0 */
#include "reference-nos/store/store_testworld_priv.h"

uint64_t
world_key(unsigned box)
{
    return 0x1000u + box;
}

uint64_t
world_random(struct world *world)
{
    uint64_t z = (world->random += 0x9e3779b97f4a7c15ull);

    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9ull;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebull;
    return z ^ (z >> 31);
}

void
packet_add(struct world *world, struct packet *packet)
{
    struct packet **place = &world->packets;

    packet->sequence = world->sequence++;
    while (*place != NULL && (*place)->at_ns <= packet->at_ns)
        place = &(*place)->next;
    packet->next = *place;
    *place = packet;
}

/* --- Boxes -------------------------------------------------------------- */

struct world *
world_create(unsigned voters, unsigned members, uint64_t seed)
{
    struct world *world = calloc(1, sizeof(*world));

    world->random = seed;
    world->box_count = voters + members;
    world->delay_min_ns = 100 * NS_PER_US;
    world->delay_max_ns = 300 * NS_PER_US;
    world->applied = calloc(APPLIED_MAX, sizeof(*world->applied));
    for (unsigned i = 0; i < world->box_count; i++) {
        struct box *box = &world->boxes[i];

        box->world = world;
        box->plat.ops = &world_plat_ops;
        box->plat.facts = &box->facts;
        box->chunks_left = UINT64_MAX;
        box->fail_after = UINT64_MAX;
        box->disk_ns = 200 * NS_PER_US;
        box->wake_ns = UINT64_MAX;
        box->facts.key = world_key(i);
        box->facts.role = i < voters ? ROLE_NCC : ROLE_NCP;
        box->facts.voter_count = i < voters ? voters : 0;
        for (unsigned v = 0; i < voters && v < voters; v++)
            box->facts.voters[v] = world_key(v);
        if (voters == 3 && i == 2) {
            box->facts.role = ROLE_NCM;
            box->facts.arbiter = true;
        }
    }
    return world;
}

static void
box_off(struct box *box)
{
    runtime_destroy(box->runtime);
    box->runtime = NULL;
    box->pending = 0;
    box->wake_ns = UINT64_MAX;
    ck_assert_uint_eq(box->held_bytes, 0);
}

void
world_destroy(struct world *world)
{
    while (world->packets != NULL) {
        struct packet *packet = world->packets;

        world->packets = packet->next;
        free(packet);
    }
    for (unsigned i = 0; i < world->box_count; i++) {
        struct box *box = &world->boxes[i];

        box_off(box);
        while (box->ops != NULL) {
            struct file_op *op = box->ops;

            box->ops = op->next;
            op_free(op);
        }
        for (unsigned f = 0; f < STORAGE_FILE_COUNT; f++)
            free(box->files[f].bytes);
    }
    ck_assert_uint_eq(world->over_quantum, 0);
    free(world->applied);
    free(world);
}

void
world_boot(struct world *world, unsigned index)
{
    struct box *box = &world->boxes[index];

    ck_assert_ptr_null(box->runtime);
    box->lives++;
    box->facts.incarnation++;
    box->restart_asked = false;
    box->plat.mutation = world->mutation;
    ck_assert_int_eq(runtime_create(&box->plat, world_kinds, 3, &box->runtime),
                     0);
}

void
world_crash(struct world *world, unsigned index)
{
    struct box *box = &world->boxes[index];
    unsigned count = 0;
    unsigned keep;

    box_off(box);
    for (struct file_op *op = box->ops; op != NULL; op = op->next)
        count++;
    keep = box->forget ? 0 : (unsigned)(world_random(world) % (count + 1));
    box->forget = false;
    while (box->ops != NULL) {
        struct file_op *op = box->ops;

        box->ops = op->next;
        if (keep > 0) {
            file_apply(&box->files[op->file], op, op->size);
            if (--keep == 0 && box->ops != NULL && box->ops->kind == OP_APPEND)
                file_apply(&box->files[box->ops->file], box->ops,
                           world_random(world) % (box->ops->size + 1));
        }
        op_free(op);
    }
}

void
box_work(struct box *box)
{
    struct world *world = box->world;
    bool starting;

    while (box->runtime != NULL && box->pending != 0 && !box->restart_asked) {
        for (unsigned service = 0; service < SVC_COUNT; service++) {
            if ((box->pending >> service & 1) == 0)
                continue;
            box->pending &= ~(1u << service);
            if (runtime_pending(box->runtime, service) == LANE_COUNT)
                continue;
            starting = runtime_starting(box->runtime, service);
            runtime_dispatch(box->runtime, service);
            /* One quantum, and one unit of work begun at its end. */
            if (!starting && box->charged_ns > 2 * PLAT_QUANTUM_NS)
                world->over_quantum++;
            if (runtime_pending(box->runtime, service) != LANE_COUNT)
                box->pending |= 1u << service;
            box->clock_ns = box_now_ns(box);
            box->charged_ns = 0;
        }
    }
}

static void
deliver(struct world *world, struct packet *packet)
{
    struct box *box = &world->boxes[packet->to];

    if (packet->lane == LANE_COUNT) {
        if (box->disk_stalled && packet->from == box->lives) {
            packet->at_ns = world->now_ns + NS_PER_MS;
            packet_add(world, packet);
            return;
        }
        if (packet->from == box->lives && box->runtime != NULL)
            disk_done(box);
    } else if (box->runtime != NULL) {
        enum plane plane = packet->lane == LANE_LIVENESS ? PLANE_B : PLANE_A;

        runtime_datagram(box->runtime, plane, packet->from,
                         packet->lane == LANE_LIVENESS ? LANE_LIVENESS
                                                       : LANE_CONTROL,
                         packet->bytes, packet->size);
    }
    free(packet);
}

static uint64_t
next_event_ns(struct world *world)
{
    uint64_t next =
        world->packets == NULL ? UINT64_MAX : world->packets->at_ns;

    for (unsigned i = 0; i < world->box_count; i++)
        if (world->boxes[i].runtime != NULL && world->boxes[i].wake_ns < next)
            next = world->boxes[i].wake_ns;
    return next;
}

static void
step(struct world *world)
{
    uint64_t next = next_event_ns(world);

    if (next > world->now_ns)
        world->now_ns = next;
    for (unsigned i = 0; i < world->box_count; i++) {
        struct box *box = &world->boxes[i];

        if (box->runtime != NULL && box->wake_ns <= world->now_ns) {
            box->wake_ns = UINT64_MAX;
            runtime_alarm(box->runtime);
        }
    }
    while (world->packets != NULL && world->packets->at_ns <= world->now_ns) {
        struct packet *packet = world->packets;

        world->packets = packet->next;
        deliver(world, packet);
    }
    for (unsigned i = 0; i < world->box_count; i++) {
        struct box *box = &world->boxes[i];

        box_work(box);
        if (box->restart_asked && box->runtime != NULL) {
            world_crash(world, i);
            world_boot(world, i);
            box_work(box);
        }
    }
}

void
world_run(struct world *world, uint64_t duration_ns)
{
    uint64_t end = world->now_ns + duration_ns;

    for (unsigned i = 0; i < world->box_count; i++)
        box_work(&world->boxes[i]);
    while (next_event_ns(world) <= end)
        step(world);
    world->now_ns = end;
}

bool
world_run_until(struct world *world, bool (*done)(struct world *world),
                uint64_t limit_ns)
{
    uint64_t end = world->now_ns + limit_ns;

    for (unsigned i = 0; i < world->box_count; i++)
        box_work(&world->boxes[i]);
    while (!done(world)) {
        if (next_event_ns(world) > end)
            return false;
        step(world);
    }
    return true;
}
