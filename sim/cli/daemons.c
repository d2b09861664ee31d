/* SPDX-License-Identifier: Apache-2.0 */
#include "sim/cli/daemons.h"

#include <stdio.h>
#include <stdlib.h>

#include "reference-nos/base/check.h"
#include "reference-nos/schema/operator_msg.h"
#include "sim/cli/cli.h"

#define SEED 1u
#define STEP_MS 5u
#define BOOT_LIMIT_MS 60000u
#define CLIENT 0x62656e6368u
#define TOMBSTONE_S 1800u
/* An answer that is not there by then is asked for again. */
#define PATIENCE_MS 250u

static void
traced(struct daemons *daemons, const struct observation *seen)
{
    struct daemons_box *box = &daemons->boxes[seen->box];

    if (seen->trace.kind == TRACE_JOINED && box->joined.ps == 0)
        box->joined = seen->at;
    if (seen->trace.kind == TRACE_FORWARDING && seen->trace.a == 1 &&
        box->forwarding.ps == 0)
        box->forwarding = seen->at;
    if (seen->trace.kind == TRACE_ACTIVE)
        daemons->active = seen->box;
}

static void
ports_changed(struct daemons *daemons, const struct observation *seen)
{
    daemons->ports_in_service -= daemons->box_ports[seen->box];
    daemons->box_ports[seen->box] = (unsigned)seen->a;
    daemons->ports_in_service += (unsigned)seen->a;
    if (daemons->ports_in_service == daemons->ports &&
        daemons->in_service.ps == 0)
        daemons->in_service = seen->at;
}

static void
fabric_changed(struct daemons *daemons, const struct observation *seen)
{
    bool degraded = seen->a < seen->b;

    if (daemons->degraded[seen->box] == degraded)
        return;
    if (degraded && daemons->degraded_count++ == 0)
        daemons->degraded_at = seen->at;
    if (!degraded)
        daemons->degraded_count--;
    daemons->degraded[seen->box] = degraded;
}

static void
replied(struct daemons *daemons, const struct observation *seen)
{
    struct operator_rep rep;
    struct wire_reader reader;

    wire_reader_init(&reader, seen->bytes, seen->size);
    for (unsigned i = 0; i < DAEMONS_WRITES_MAX; i++) {
        if (daemons->under_way[i] != seen->a)
            continue;
        daemons->under_way[i] = 0;
        if (operator_rep_read(&reader, &rep) != 0 || rep.status != 0)
            return;
        daemons->acknowledged++;
        daemons->acknowledged_at = seen->at;
        return;
    }
}

static void
listen(void *context, const struct observation *seen)
{
    struct daemons *daemons = context;

    switch (seen->kind) {
    case OBSERVE_BOX_ON:
        daemons->boxes[seen->box] = (struct daemons_box){.on = seen->at};
        break;
    case OBSERVE_BOX_READY: daemons->boxes[seen->box].ready = seen->at; break;
    case OBSERVE_TRACE: traced(daemons, seen); break;
    case OBSERVE_PORTS: ports_changed(daemons, seen); break;
    case OBSERVE_FABRIC: fabric_changed(daemons, seen); break;
    case OBSERVE_REPLY: replied(daemons, seen); break;
    case OBSERVE_BOX_OFF:
    case OBSERVE_QUANTUM:
    case OBSERVE_BOUND:
    case OBSERVE_LANES:
    case OBSERVE_LEAK:
    case OBSERVE_LOG:
    case OBSERVATION_KIND_COUNT: break;
    }
}

int
daemons_create(const struct daemons_options *options, struct daemons **out,
               char *message, size_t message_size)
{
    struct cluster_options cluster = {.preset = options->preset};
    struct daemons *daemons = calloc(1, sizeof(*daemons));
    struct netns_options netns = {
        .seed = SEED,
        .meter = options->meter,
        .tombstone_s = TOMBSTONE_S,
        .listener = listen,
        .listener_context = daemons,
    };
    char data_dir[CLI_PATH_BYTES];
    char refnosd[CLI_PATH_BYTES];
    int err = ERR_NOENT;

    CHECK(daemons != NULL);
    if (!cli_data_dir(data_dir))
        (void)snprintf(message, message_size, "the models' data is not there");
    else if (!cli_refnosd(options->refnosd, refnosd))
        (void)snprintf(message, message_size, "no daemon at %s", refnosd);
    else
        err = cluster_plan_create(data_dir, &cluster, SEED, &daemons->plan,
                                  message, message_size);
    if (err != 0)
        goto out;
    netns.plan = daemons->plan;
    netns.refnosd = refnosd;
    for (unsigned i = 0; i < daemons->plan->box_count; i++)
        daemons->ports += daemons->plan->boxes[i].model->front_ports;
    daemons->active = daemons->plan->box_count;
    err = netns_create(&netns, &daemons->world, message, message_size);
    if (err != 0)
        cluster_plan_destroy(daemons->plan);
out:
    if (err != 0)
        free(daemons);
    else
        *out = daemons;
    return err;
}

void
daemons_destroy(struct daemons *daemons)
{
    daemons->world->ops->destroy(daemons->world);
    cluster_plan_destroy(daemons->plan);
    free(daemons);
}

void
daemons_power(struct daemons *daemons, unsigned box, bool on)
{
    struct world_fault fault = {
        .kind = on ? WORLD_BOX_POWER_ON : WORLD_BOX_POWER_OFF,
        .box = box,
    };
    int err = daemons->world->ops->inject(daemons->world, &fault);

    CHECK(err == 0);
}

void
daemons_pass(struct daemons *daemons, uint64_t span_ms)
{
    const struct world_ops *ops = daemons->world->ops;

    (void)ops->run_until(
        daemons->world,
        simtime_add(ops->now(daemons->world), simtime_from_ms(span_ms)));
}

/* One more write, in a free place. */
static void
write_send(struct daemons *daemons, unsigned place)
{
    const struct world_ops *ops = daemons->world->ops;
    uint64_t sequence = ++daemons->sequence;
    struct operator_req req = {
        .verb = OPERATOR_WRITE,
        .client = CLIENT + place,
        .sequence = sequence,
        .value = sequence,
        .module = MODULE_NONE,
    };
    uint8_t bytes[256];
    struct wire_writer writer;

    wire_writer_init(&writer, bytes, sizeof(bytes));
    operator_req_write(&writer, &req);
    if (ops->request(daemons->world, daemons->active, sequence, bytes,
                     wire_writer_size(&writer)) == 0)
        daemons->under_way[place] = sequence;
}

bool
daemons_write(struct daemons *daemons, unsigned at_once, uint64_t count,
              uint64_t limit_ms)
{
    const struct world_ops *ops = daemons->world->ops;
    struct simtime end =
        simtime_add(ops->now(daemons->world), simtime_from_ms(limit_ms));
    struct simtime asked[DAEMONS_WRITES_MAX] = {{0}};
    uint64_t wanted = daemons->acknowledged + count;

    CHECK(at_once <= DAEMONS_WRITES_MAX);
    for (unsigned i = 0; i < at_once; i++)
        daemons->under_way[i] = 0;
    while (daemons->acknowledged < wanted) {
        struct simtime now = ops->now(daemons->world);

        if (!simtime_before(now, end))
            return false;
        for (unsigned i = 0; i < at_once; i++) {
            if (daemons->under_way[i] != 0 &&
                simtime_before(
                    now, simtime_add(asked[i], simtime_from_ms(PATIENCE_MS))))
                continue;
            daemons->under_way[i] = 0;
            if (daemons->active < daemons->plan->box_count)
                write_send(daemons, i);
            asked[i] = now;
        }
        (void)ops->run_until(daemons->world,
                             simtime_add(now, simtime_from_us(100)));
    }
    return true;
}

bool
daemons_boot(struct daemons *daemons)
{
    for (unsigned i = 0; i < daemons->plan->box_count; i++)
        daemons_power(daemons, i, true);
    for (unsigned waited_ms = 0; daemons->in_service.ps == 0;
         waited_ms += STEP_MS) {
        if (waited_ms > BOOT_LIMIT_MS)
            return false;
        daemons_pass(daemons, STEP_MS);
    }
    return daemons_write(daemons, 1, 1, BOOT_LIMIT_MS);
}
