/* SPDX-License-Identifier: Apache-2.0
 *
 * The fabric service on real runtimes: two packet forwarders around a fabric
 * box, each with a member service and a store of a few lines.
 */
#include "reference-nos/fabric/service_test.h"

#include <stdlib.h>
#include <string.h>

#include "reference-nos/base/list.h"
#include "reference-nos/base/units.h"
#include "reference-nos/fabric/fabric.h"
#include "reference-nos/runtime/runtime.h"
#include "reference-nos/schema/cluster_msg.h"
#include "reference-nos/schema/store_msg.h"

#define BOXES 3u
#define HUB 2u
#define LINKS 4u
#define FRONTS 40u
#define DELAY_NS 1000u

struct box {
    struct plat plat;
    struct box_facts facts;
    struct runtime *runtime;
    struct world *world;
    unsigned index;
    uint16_t module;
    uint64_t wake_ns, charged_ns;
    bool ready[SVC_COUNT];
    bool light[FWD_FABRIC_PORTS_MAX];
    bool tell_restarted;
    uint64_t forwards, reach[FWD_MODULES_MAX], front[FRONTS];
    uint64_t longest_ns;
    bool seen[FWD_FABRIC_PORTS_MAX];
    unsigned puts, forwarding_traces;
};

struct work {
    struct list_node node;
    uint64_t at_ns;
    struct box *to;
    bool packet;
    unsigned port;
    uint64_t token;
    size_t size;
    uint8_t bytes[PLAT_PACKET_MAX];
};

struct world {
    uint64_t now_ns;
    struct list work; /* in order of time: every delay is the same */
    struct box boxes[BOXES];
};

static struct box *
box_of(struct plat *plat)
{
    return CONTAINER_OF(plat, struct box, plat);
}

static uint64_t
now_ns(struct plat *plat)
{
    return box_of(plat)->world->now_ns + box_of(plat)->charged_ns;
}

static uint64_t
random_draw(struct plat *plat)
{
    return box_of(plat)->index * 1000;
}

static void
wake_at(struct plat *plat, uint64_t deadline_ns)
{
    box_of(plat)->wake_ns = deadline_ns;
}

static void
ready(struct plat *plat, unsigned service)
{
    box_of(plat)->ready[service] = true;
}

static void
charge(struct plat *plat, enum cost cost, uint64_t units)
{
    box_of(plat)->charged_ns += units * cost_default_ns(cost);
}

static void
work_add(struct box *to, bool packet, unsigned port, uint64_t token,
         const void *bytes, size_t size)
{
    struct work *work = calloc(1, sizeof(*work));

    ck_assert_ptr_nonnull(work);
    work->at_ns = to->world->now_ns + DELAY_NS;
    work->to = to;
    work->packet = packet;
    work->port = port;
    work->token = token;
    work->size = size;
    if (size != 0)
        memcpy(work->bytes, bytes, size);
    list_push_back(&to->world->work, &work->node);
}

/* Port p of box i leads to port i * LINKS + p of the hub. */
static void
packet_send(struct plat *plat, unsigned port, const void *bytes, size_t size)
{
    struct box *box = box_of(plat);
    unsigned to = box->index == HUB ? port / LINKS : HUB;
    unsigned far =
        box->index == HUB ? port % LINKS : box->index * LINKS + port;

    if (box->light[port])
        work_add(&box->world->boxes[to], true, far, 0, bytes, size);
}

static void *
chunk_take(struct plat *plat, size_t size)
{
    (void)plat;
    return malloc(size);
}

static void
chunk_give(struct plat *plat, void *chunk, size_t size)
{
    (void)plat;
    (void)size;
    free(chunk);
}

static void
log_line(struct plat *plat, unsigned service, enum severity severity,
         const char *text)
{
    (void)plat;
    (void)service;
    (void)severity;
    (void)text;
}

static void
trace(struct plat *plat, const struct trace_record *record)
{
    box_of(plat)->forwarding_traces += record->kind == TRACE_FORWARDING;
}

static int
bulk_set(struct plat *plat, const struct fwd_entry *entries, size_t count,
         uint64_t token)
{
    struct box *box = box_of(plat);
    size_t i;

    for (i = 0; i < count; i++) {
        if (entries[i].object == FWD_BOX)
            box->forwards = entries[i].value != 0 ? entries[i].arg + 1u : 0;
        else if (entries[i].object == FWD_REACH)
            box->reach[entries[i].id] = entries[i].value;
        else
            box->front[entries[i].id] = entries[i].value;
    }
    work_add(box, false, 0, token, NULL, 0);
    return 0;
}

static int
dump(struct plat *plat, struct fwd_entry *entries, size_t room, size_t *count)
{
    struct box *box = box_of(plat);
    unsigned i;

    *count = 0;
    if (box->forwards != 0)
        entries[(*count)++] =
            (struct fwd_entry){.object = FWD_BOX,
                               .arg = (uint16_t)(box->forwards - 1),
                               .value = 1};
    for (i = 0; i < FWD_MODULES_MAX; i++)
        if (box->reach[i] != 0)
            entries[(*count)++] = (struct fwd_entry){.object = FWD_REACH,
                                                     .id = (uint16_t)i,
                                                     .value = box->reach[i]};
    for (i = 0; i < box->facts.front_ports; i++)
        if (box->front[i] != 0)
            entries[(*count)++] = (struct fwd_entry){
                .object = FWD_FRONT, .id = (uint16_t)i, .value = 1};
    ck_assert_uint_le(*count, room);
    return 0;
}

static int
link_up(struct plat *plat, unsigned port, bool *up)
{
    *up = box_of(plat)->light[port];
    return 0;
}

static const struct plat_ops ops = {.now_ns = now_ns,
                                    .wall_ns = now_ns,
                                    .random = random_draw,
                                    .wake_at = wake_at,
                                    .ready = ready,
                                    .charge = charge,
                                    .packet_send = packet_send,
                                    .chunk_take = chunk_take,
                                    .chunk_give = chunk_give,
                                    .log = log_line,
                                    .trace = trace};
static const struct fwd_ops fwd = {
    .bulk_set = bulk_set, .dump = dump, .link_up = link_up};

/* Store and member */

static int
stub_start(struct actor *self, void **state)
{
    *state = actor_mem(self);
    return 0;
}

static void
store_put(struct box *box, const struct actor_message *message)
{
    struct wire_reader reader;
    struct store_row row;
    uint16_t port;

    box->puts++;
    wire_reader_init(&reader, message->body, message->size);
    while (store_row_read(&reader, &row) == 0) {
        if (row.table != TABLE_SEEN)
            continue;
        ck_assert_int_eq(port_key_decode(row.key, row.key_size, &port), 0);
        box->seen[port] = !row.deleted;
    }
    ck_assert(wire_reader_ok(&reader));
}

static void
fabric_tell(struct actor *self, uint16_t type, const struct wire_writer *body)
{
    struct actor_address to = {.service = SVC_FABRIC};

    (void)!actor_send(self, to, LANE_CONTROL, type, 0, body->start,
                      wire_writer_size(body));
}

static int
store_handle(struct actor *self, void *state, const struct actor_event *event)
{
    struct box *box = box_of(actor_plat(self));
    struct store_role_change told = {.role = STORE_RESTARTED};
    struct wire_writer writer;
    uint8_t body[64];

    (void)state;
    wire_writer_init(&writer, body, sizeof(body));
    if (event->kind == EV_START && box->tell_restarted) {
        store_role_write(&writer, &told);
        fabric_tell(self, MSG_STORE_ROLE, &writer);
    }
    if (event->kind == EV_MESSAGE &&
        event->u.message.type == MSG_STORE_STATE_PUT)
        store_put(box, &event->u.message);
    return ACTOR_DONE;
}

static int
member_handle(struct actor *self, void *state, const struct actor_event *event)
{
    struct box *box = box_of(actor_plat(self));
    struct member_role role = {.module = box->module, .term = 1};
    struct wire_writer writer;
    uint8_t body[64];

    (void)state;
    if (event->kind != EV_MESSAGE || event->u.message.size != 0)
        return ACTOR_DONE;
    wire_writer_init(&writer, body, sizeof(body));
    member_role_write(&writer, &role);
    fabric_tell(self, MSG_MEMBER_ROLE, &writer);
    return ACTOR_DONE;
}

static const struct actor_kind store_kind = {.id = SVC_STORE,
                                             .memory_max_bytes = 65536,
                                             .start = stub_start,
                                             .handle = store_handle};
static const struct actor_kind member_kind = {.id = SVC_MEMBER,
                                              .memory_max_bytes = 65536,
                                              .start = stub_start,
                                              .handle = member_handle};

/* The world */

static bool
dispatch_one(struct box *box)
{
    unsigned service;

    for (service = 0; service < SVC_COUNT; service++) {
        if (!box->ready[service])
            continue;
        if (runtime_pending(box->runtime, service) == LANE_COUNT) {
            box->ready[service] = false;
            continue;
        }
        box->charged_ns = 0;
        runtime_dispatch(box->runtime, service);
        if (box->charged_ns > box->longest_ns)
            box->longest_ns = box->charged_ns;
        box->charged_ns = 0;
        return true;
    }
    return false;
}

static void
dispatch(struct world *world)
{
    unsigned i;
    bool more = true;

    while (more) {
        more = false;
        for (i = 0; i < BOXES; i++)
            while (dispatch_one(&world->boxes[i]))
                more = true;
    }
}

static void
work_do(struct world *world)
{
    struct work *work = CONTAINER_OF(world->work.root.next, struct work, node);
    struct fwd_change done = {.kind = FWD_DONE, .token = work->token};

    list_remove(&work->node);
    if (!work->packet)
        runtime_forwarding_changed(work->to->runtime, &done);
    else if (work->to->light[work->port])
        runtime_packet(work->to->runtime, work->port, work->bytes, work->size);
    free(work);
}

static void
run(struct world *world, uint64_t for_ns)
{
    uint64_t end_ns = world->now_ns + for_ns;
    struct box *alarm;
    unsigned i;

    for (;;) {
        uint64_t at_ns = TIME_NEVER_NS;

        dispatch(world);
        alarm = NULL;
        if (!list_empty(&world->work))
            at_ns =
                CONTAINER_OF(world->work.root.next, struct work, node)->at_ns;
        for (i = 0; i < BOXES; i++)
            if (world->boxes[i].wake_ns < at_ns) {
                alarm = &world->boxes[i];
                at_ns = alarm->wake_ns;
            }
        if (at_ns > end_ns)
            break;
        if (at_ns > world->now_ns)
            world->now_ns = at_ns;
        if (alarm != NULL) {
            alarm->wake_ns = TIME_NEVER_NS;
            runtime_alarm(alarm->runtime);
        } else {
            work_do(world);
        }
    }
    world->now_ns = end_ns;
}

static void
box_begin(struct world *world, unsigned index)
{
    static const struct actor_kind *const kinds[] = {&store_kind, &member_kind,
                                                     &fabric_kind};
    struct box *box = &world->boxes[index];
    unsigned port;

    box->world = world;
    box->index = index;
    box->plat.ops = &ops;
    box->plat.fwd = &fwd;
    box->plat.facts = &box->facts;
    box->facts.key = 100 + index;
    box->facts.cluster_id = 7;
    box->facts.incarnation = 1;
    box->facts.role = index == HUB ? ROLE_NCF : ROLE_NCP;
    box->facts.fabric_ports = index == HUB ? 2 * LINKS : LINKS;
    box->facts.front_ports = index == HUB ? 0 : FRONTS;
    box->module = (uint16_t)(20 + index);
    box->wake_ns = TIME_NEVER_NS;
    for (port = 0; port < box->facts.fabric_ports; port++)
        box->light[port] = true;
    ck_assert_int_eq(runtime_create(&box->plat, kinds, 3, &box->runtime), 0);
}

static void
world_begin(struct world *world)
{
    unsigned i;

    memset(world, 0, sizeof(*world));
    world->now_ns = NS_PER_S;
    list_init(&world->work);
    for (i = 0; i < BOXES; i++)
        box_begin(world, i);
    run(world, 3 * NS_PER_S);
}

static void
world_end(struct world *world)
{
    unsigned i;

    for (i = 0; i < BOXES; i++)
        runtime_destroy(world->boxes[i].runtime);
    while (!list_empty(&world->work)) {
        struct work *work =
            CONTAINER_OF(world->work.root.next, struct work, node);

        list_remove(&work->node);
        free(work);
    }
}

static void
assert_in_service(const struct world *world)
{
    unsigned i;

    for (i = 0; i < BOXES; i++)
        ck_assert_uint_eq(world->boxes[i].forwards,
                          world->boxes[i].module + 1u);
    ck_assert_uint_eq(world->boxes[0].reach[21], 0xf);
    ck_assert_uint_eq(world->boxes[1].reach[20], 0xf);
    ck_assert_uint_eq(world->boxes[HUB].reach[20], 0x0f);
    ck_assert_uint_eq(world->boxes[HUB].reach[21], 0xf0);
    for (i = 0; i < FRONTS; i++)
        ck_assert_uint_eq(world->boxes[0].front[i], 1);
}

START_TEST(comes_into_service)
{
    static struct world world;
    unsigned i;

    world_begin(&world);
    assert_in_service(&world);
    for (i = 0; i < LINKS; i++)
        ck_assert(world.boxes[0].seen[i]);
    ck_assert_uint_eq(world.boxes[0].forwarding_traces, 1);
    for (i = 0; i < BOXES; i++)
        world.boxes[i].longest_ns = 0;
    run(&world, 100 * NS_PER_S);
    for (i = 0; i < BOXES; i++)
        ck_assert_uint_le(world.boxes[i].longest_ns, 2 * PLAT_QUANTUM_NS);
    world_end(&world);
}
END_TEST

START_TEST(link_event_reaches_the_tables)
{
    static struct world world;
    struct fwd_change down = {.kind = FWD_LINK, .port = 1, .up = false};

    world_begin(&world);
    world.boxes[0].light[1] = false;
    runtime_forwarding_changed(world.boxes[0].runtime, &down);
    dispatch(&world);
    ck_assert_uint_eq(world.boxes[0].reach[21], 0xd);
    run(&world, NS_PER_S);
    ck_assert(!world.boxes[0].seen[1]);
    world_end(&world);
}
END_TEST

START_TEST(killed_service_changes_no_table)
{
    static struct world world;
    unsigned i, step;

    world_begin(&world);
    for (i = 0; i < BOXES; i++) {
        ck_assert_int_eq(runtime_kill(world.boxes[i].runtime, SVC_FABRIC), 0);
        for (step = 0; step < 600; step++) {
            run(&world, NS_PER_MS);
            assert_in_service(&world);
        }
    }
    run(&world, 40 * NS_PER_S);
    assert_in_service(&world);
    world_end(&world);
}
END_TEST

/* With member and store dead, a restarted service serves on. */
START_TEST(needs_nobody_to_go_on)
{
    static struct world world;
    unsigned i, step;

    world_begin(&world);
    for (i = 0; i < BOXES; i++) {
        world.boxes[i].module = MODULE_NONE;
        ck_assert_int_eq(runtime_kill(world.boxes[i].runtime, SVC_FABRIC), 0);
    }
    for (step = 0; step < 4; step++) {
        run(&world, NS_PER_S);
        ck_assert_uint_eq(world.boxes[0].reach[21], 0xf);
        ck_assert_uint_eq(world.boxes[0].forwards, 21);
    }
    world_end(&world);
}
END_TEST

START_TEST(restarted_store_gets_all_rows)
{
    static struct world world;
    unsigned i;

    world_begin(&world);
    memset(world.boxes[0].seen, 0, sizeof(world.boxes[0].seen));
    world.boxes[0].tell_restarted = true;
    ck_assert_int_eq(runtime_kill(world.boxes[0].runtime, SVC_STORE), 0);
    run(&world, NS_PER_S);
    for (i = 0; i < LINKS; i++)
        ck_assert(world.boxes[0].seen[i]);
    world_end(&world);
}
END_TEST

TCase *
service_tests(void)
{
    TCase *tests = tcase_create("service");

    tcase_add_test(tests, comes_into_service);
    tcase_add_test(tests, link_event_reaches_the_tables);
    tcase_add_test(tests, killed_service_changes_no_table);
    tcase_add_test(tests, needs_nobody_to_go_on);
    tcase_add_test(tests, restarted_store_gets_all_rows);
    return tests;
}
