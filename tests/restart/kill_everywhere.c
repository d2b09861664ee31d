/* SPDX-License-Identifier: Apache-2.0
 *
 * Any service may be killed at any event.
 *
 * Boots ddc-small, then takes consecutive events: EVENTS at rest, half as
 * many from the moment on when an operator sets interfaces and routes, and
 * half as many from the moment on when the active controller's store dies.
 * After each, in a branch of its own, the service that handled it is killed.
 * The branch must become whole again, with no port out of service, no oracle
 * violated, the same routes in every ASIC, and nothing left behind when the
 * box is powered off.
 *
 * Seen to fail: runtime_destroy() of reference-nos/runtime/runtime.c without
 * its loop over the services (memory left behind); supervisor_bury() without
 * restart_ns (the cluster is not whole again); offer_take() of
 * reference-nos/fib/fib.c without its comparison of sums (cards have different
 * routes).
 *
 * usage: kill_everywhere DATA_DIR [EVENTS]
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "faults/ledger.h"
#include "faults/oracles.h"
#include "models/costs.h"
#include "reference-nos/base/check.h"
#include "reference-nos/schema/operator_msg.h"
#include "reference-nos/schema/store_msg.h"
#include "sim/kernel/branch.h"
#include "sim/run/watch.h"
#include "sim/world/des/des.h"

#define BOOT_LIMIT_S 600u
#define RECOVERY_S 15u
#define ANSWER_BYTES 256
#define ROUTES 4u /* of ddc-small's edit: a subnet on each NCP */

struct rig {
    struct cluster_plan *plan;
    struct world *world;
    struct watch watch;
    struct ledger *ledger;
    struct oracles *oracles;
    uint64_t leaks;
    unsigned box, service; /* to kill in this branch */
};

struct tally {
    uint64_t started;
    unsigned done;
    unsigned failed;
    unsigned killed[SVC_COUNT];
    struct rig *rig;
};

static void
listen(void *context, const struct observation *seen)
{
    struct rig *rig = context;

    watch_observe(&rig->watch, seen);
    ledger_observe(rig->ledger, seen);
    oracles_observe(rig->oracles, seen);
    rig->leaks += seen->kind == OBSERVE_LEAK;
}

static bool
whole(struct rig *rig)
{
    if (watch_active_count(&rig->watch) != 1)
        return false;
    for (unsigned i = 0; i < rig->plan->box_count; i++) {
        struct world_box box;

        rig->world->ops->box(rig->world, i, &box);
        if (!box.running || !rig->watch.boxes[i].joined ||
            rig->watch.boxes[i].headless ||
            (box.role == ROLE_NCP && !box.forwarding))
            return false;
    }
    return ledger_ports_in_service(rig->ledger) == ledger_ports(rig->ledger);
}

static bool
boot(struct rig *rig)
{
    for (unsigned i = 0; i < rig->plan->box_count; i++) {
        struct world_fault on = {.kind = WORLD_BOX_POWER_ON, .box = i};

        if (rig->world->ops->inject(rig->world, &on) != 0)
            return false;
    }
    for (unsigned s = 1; s <= BOOT_LIMIT_S; s++) {
        if (rig->world->ops->run_until(rig->world, simtime_from_s(s)) != 0)
            return false;
        if (whole(rig))
            return rig->world->ops->run_until(rig->world,
                                              simtime_from_s(s + 2)) == 0;
    }
    return false;
}

static void
rig_make(struct rig *rig, const char *data_dir)
{
    struct cluster_options options = {.preset = "ddc-small"};
    struct des_options des = {.seed = 1, .tombstone_s = 1800};
    struct costs costs;
    char message[256];

    memset(rig, 0, sizeof(*rig));
    if (costs_load(data_dir, NULL, &costs, message, sizeof(message)) != 0 ||
        cluster_plan_create(data_dir, &options, 1, &rig->plan, message,
                            sizeof(message)) != 0) {
        fprintf(stderr, "%s\n", message);
        exit(1);
    }
    memcpy(des.costs_ns, costs.ns, sizeof(des.costs_ns));
    des.plan = rig->plan;
    des.listener = listen;
    des.listener_context = rig;
    watch_init(&rig->watch, rig->plan);
    rig->ledger = ledger_create(rig->plan);
    rig->oracles = oracles_create(rig->plan, simtime_from_s(1800));
    CHECK(des_create(&des, &rig->world) == 0);
}

static void
rig_free(struct rig *rig)
{
    rig->world->ops->destroy(rig->world);
    oracles_destroy(rig->oracles);
    ledger_destroy(rig->ledger);
    watch_fini(&rig->watch);
    cluster_plan_destroy(rig->plan);
}

/* The edit may be lost with who carried it, but not on some cards only. */
static bool
cards_agree(struct rig *rig)
{
    size_t least = SIZE_MAX, most = 0;

    for (unsigned i = 0; i < rig->plan->box_count; i++) {
        const struct fwd_table *table = des_routes(rig->world, i);
        size_t count = table == NULL ? 0 : fwd_table_route_count(table);

        if (rig->plan->boxes[i].role != ROLE_NCP)
            continue;
        least = count < least ? count : least;
        most = count > most ? count : most;
    }
    return least == most && (most == 0 || most == ROUTES);
}

static void
complain(struct branch_writer *writer, const struct rig *rig, const char *what)
{
    char text[ANSWER_BYTES];

    (void)snprintf(text, sizeof(text), "%s of %s killed: %s",
                   service_name(rig->service), rig->plan->boxes[rig->box].name,
                   what);
    branch_write(writer, text, strlen(text) + 1);
}

/* The child: kill, recover, look, power off, look again. */
static int
branch(void *argument, struct branch_writer *writer)
{
    struct rig *rig = argument;
    const struct world_ops *ops = rig->world->ops;
    struct world_fault kill = {
        .kind = WORLD_SERVICE_KILL, .box = rig->box, .item = rig->service};
    struct world_fault off = {.kind = WORLD_BOX_POWER_OFF, .box = rig->box};
    struct simtime end =
        simtime_add(ops->now(rig->world), simtime_from_s(RECOVERY_S));
    bool ok = true;

    ledger_open(rig->ledger, ops->now(rig->world));
    if (ops->inject(rig->world, &kill) != 0 ||
        ops->run_until(rig->world, end) != 0 || !whole(rig)) {
        complain(writer, rig, "the cluster is not whole again");
        ok = false;
    }
    if (ok && ledger_longest(rig->ledger, LEDGER_ALL, end, NULL).ps > 0) {
        complain(writer, rig, "ports went out of service");
        ok = false;
    }
    if (ok && !cards_agree(rig)) {
        complain(writer, rig, "cards have different routes");
        ok = false;
    }
    if (ok && ops->inject(rig->world, &off) != 0)
        ok = false;
    if (ok && (rig->leaks > 0 || oracles_violations(rig->oracles) > 0)) {
        const char *what = "memory was left behind";

        for (unsigned i = 0; i < ORACLE_COUNT; i++) {
            const struct oracle_result *result =
                oracles_result(rig->oracles, i);

            if (result->violations > 0)
                what = result->first;
        }
        complain(writer, rig, what);
        ok = false;
    }
    return ok ? 0 : 1;
}

static void
branch_done(void *context, const struct branch_result *result)
{
    struct tally *tally = context;

    tally->done++;
    if (result->end == BRANCH_DONE && result->code == 0)
        return;
    if (tally->failed++ < 10)
        printf("event %" PRIu64 ": %s (end %d, code %d)\n", result->tag,
               result->size > 0 ? (const char *)result->bytes : "died",
               (int)result->end, result->code);
}

/* Each of the next 'count' events that a service handles gets a branch. */
static void
branch_at_each(struct rig *rig, struct branches *branches, unsigned count,
               struct tally *tally)
{
    for (unsigned i = 0; i < count; i++) {
        do {
            des_forget_handler(rig->world);
            CHECK(des_step(rig->world));
        } while (!des_last_handler(rig->world, &rig->box, &rig->service));
        tally->killed[rig->service]++;
        CHECK(branches_start(branches, tally->started++, branch, rig) == 0);
    }
}

static void
interface_row(struct wire_writer *rows, unsigned ncp)
{
    struct interface_key key = {module_id(ROLE_NCP, (uint16_t)ncp), 1};
    struct interface_row row = {
        .count = 1,
        .addresses =
            {{{.family = 4, .length = 32, .bytes = {10, (uint8_t)ncp, 0, 1}},
              24}},
    };
    struct store_row out = {.table = TABLE_INTERFACE};
    struct key_bytes key_bytes;
    struct row_bytes value;

    interface_key_encode(&key, &key_bytes);
    interface_row_encode(&row, &value);
    out.key = key_bytes.bytes;
    out.key_size = key_bytes.size;
    out.value = value.bytes;
    out.value_size = value.size;
    store_row_add(rows, &out);
}

/* An operator gives a front port of every card a subnet. */
static void
edit(struct rig *rig)
{
    uint8_t rows_bytes[1024], bytes[sizeof(rows_bytes) + OPERATOR_REQ_MAX];
    struct operator_req req = {.verb = OPERATOR_EDIT,
                               .client = 5,
                               .sequence = 1,
                               .module = MODULE_NONE,
                               .rows = rows_bytes};
    struct wire_writer rows, writer;

    wire_writer_init(&rows, rows_bytes, sizeof(rows_bytes));
    for (unsigned i = 0; i < ROUTES; i++)
        interface_row(&rows, i);
    req.rows_size = wire_writer_size(&rows);
    wire_writer_init(&writer, bytes, sizeof(bytes));
    operator_req_write(&writer, &req);
    CHECK(wire_writer_finish(&writer) == 0);
    CHECK(rig->world->ops->request(rig->world, watch_active(&rig->watch), 1,
                                   bytes, wire_writer_size(&writer)) == 0);
}

/* The active controller's store dies: an election follows. */
static void
disturb(struct rig *rig)
{
    struct world_fault kill = {
        .kind = WORLD_SERVICE_KILL,
        .box = watch_active(&rig->watch),
        .item = SVC_STORE,
    };

    CHECK(rig->world->ops->inject(rig->world, &kill) == 0);
}

int
main(int argc, char **argv)
{
    struct branch_options options = {
        .live_limit = 2,
        .result_limit = ANSWER_BYTES,
        .timeout_ms = 60000,
    };
    unsigned wanted = argc > 2 ? (unsigned)strtoul(argv[2], NULL, 10) : 1000;
    struct tally tally = {.done = 0};
    struct branches *branches;
    struct rig rig;

    if (argc < 2) {
        fputs("usage: kill_everywhere DATA_DIR [EVENTS]\n", stderr);
        return 64;
    }
    rig_make(&rig, argv[1]);
    if (!boot(&rig)) {
        puts("the cluster did not come up");
        return 1;
    }
    branches = branches_create(&options, branch_done, &tally);
    branch_at_each(&rig, branches, wanted, &tally);
    edit(&rig);
    branch_at_each(&rig, branches, wanted / 2, &tally);
    disturb(&rig);
    branch_at_each(&rig, branches, wanted / 2, &tally);
    branches_finish(branches);
    branches_destroy(branches);
    printf("%u branches, %u failed; killed:", tally.done, tally.failed);
    for (unsigned i = 0; i < SVC_COUNT; i++) {
        if (tally.killed[i] > 0)
            printf(" %s %u", service_name(i), tally.killed[i]);
    }
    printf("\n%u passed, %u failed\n", tally.done - tally.failed,
           tally.failed);
    rig_free(&rig);
    return tally.failed == 0 && tally.done == tally.started ? 0 : 1;
}
