/* SPDX-License-Identifier: Apache-2.0
 *
 * The operator who writes all the time: one write under way, to whichever
 * controller answers, retried with the same sequence until acknowledged; a
 * linearizable read now and then shows whether what was acknowledged is
 * there (oracle O2).
 */
#include "reference-nos/schema/operator_msg.h"
#include "sim/run/run_priv.h"

#define PROBE_CLIENT 0x70726f6265u
#define PROBE_TIMEOUT_MS 250u
#define PROBE_RETRY_MS 5u
#define PROBE_READ_EVERY 50u /* writes */

void
probe_start(struct run *run)
{
    struct probe *probe = &run->probe;

    probe->every = run->scenario->probe.write_every;
    probe->client = PROBE_CLIENT;
    probe->sequence = 1;
    probe->next_at = run->world->ops->now(run->world);
    probe->controller = select_slot(run, ROLE_NCC, 0);
}

static void
other_controller(struct run *run)
{
    unsigned first = select_slot(run, ROLE_NCC, 0);
    unsigned second = select_slot(run, ROLE_NCC, 1);

    run->probe.controller =
        run->probe.controller == first && second < run->plan->box_count
            ? second
            : first;
}

static void
send_request(struct run *run, struct simtime now)
{
    struct probe *probe = &run->probe;
    struct operator_req req = {
        .verb = probe->reading ? OPERATOR_READ : OPERATOR_WRITE,
        .client = probe->client,
        .sequence = probe->sequence,
        .value = probe->sequence,
        .module = MODULE_NONE,
    };
    uint8_t bytes[256];
    struct wire_writer writer;

    wire_writer_init(&writer, bytes, sizeof(bytes));
    operator_req_write(&writer, &req);
    probe->token = ++probe->next_token;
    probe->answered = false;
    probe->sent_at = now;
    probe->deadline = simtime_add(now, simtime_from_ms(PROBE_TIMEOUT_MS));
    if (run->world->ops->request(run->world, probe->controller, probe->token,
                                 bytes, wire_writer_size(&writer)) != 0) {
        probe->token = 0;
        other_controller(run);
        probe->next_at = simtime_add(now, simtime_from_ms(PROBE_RETRY_MS));
    }
}

void
probe_observe(struct run *run, const struct observation *seen)
{
    struct probe *probe = &run->probe;
    struct operator_rep rep;
    struct wire_reader reader;

    if (seen->kind != OBSERVE_REPLY || probe->token == 0 ||
        seen->a != probe->token)
        return;
    wire_reader_init(&reader, seen->bytes, seen->size);
    if (operator_rep_read(&reader, &rep) != 0)
        return;
    probe->answered = true;
    probe->status = rep.status;
    probe->leader = rep.leader;
    probe->value = rep.value;
    if (rep.status == 0 && !probe->reading) {
        /* Time counts from the answer itself, not from when we look. */
        probe->last_ack_at = seen->at;
        for (size_t i = 0; i < run->scenario->event_count; i++) {
            struct event_state *event = &run->events[i];

            /* An answer that was under way tells nothing. */
            if (event->fired > 0 && !event->acked &&
                !simtime_before(probe->sent_at, event->first_at)) {
                event->acked = true;
                event->first_ack_at = seen->at;
            }
        }
    }
}

static void
write_done(struct run *run, struct simtime now)
{
    struct probe *probe = &run->probe;

    probe->acked++;
    if (run->oracles != NULL)
        oracles_acknowledged(run->oracles, probe->client, probe->sequence);
    probe->reading =
        probe->sequence % PROBE_READ_EVERY == 0 || probe->read_due;
    if (!probe->reading)
        probe->sequence++;
    probe->next_at =
        probe->reading
            ? now
            : simtime_max(now, simtime_add(probe->next_at, probe->every));
}

static void
read_done(struct run *run, struct simtime now)
{
    struct probe *probe = &run->probe;

    oracles_read_back(run->oracles, now, probe->client, probe->value);
    if (probe->value < probe->sequence)
        probe->lost += probe->sequence - probe->value;
    probe->reading = false;
    probe->read_due = false;
    probe->sequence++;
    probe->next_at = simtime_add(now, probe->every);
}

static void
not_done(struct run *run, struct simtime now)
{
    struct probe *probe = &run->probe;
    unsigned asked = probe->controller;

    if (probe->reading && probe->status == ERR_NOENT) {
        probe->value = 0;
        read_done(run, now);
        return;
    }
    for (unsigned i = 0; i < run->plan->box_count; i++) {
        if (run->watch.boxes[i].key == probe->leader && probe->leader != 0 &&
            run->plan->boxes[i].role == ROLE_NCC)
            probe->controller = i;
    }
    if (probe->controller == asked)
        other_controller(run);
    probe->next_at = simtime_add(now, simtime_from_ms(PROBE_RETRY_MS));
}

struct simtime
probe_step(struct run *run, struct simtime now)
{
    struct probe *probe = &run->probe;

    if (probe->every.ps == 0)
        return (struct simtime){UINT64_MAX};
    if (probe->token != 0 && probe->answered) {
        probe->token = 0;
        if (probe->status != 0)
            not_done(run, now);
        else if (probe->reading)
            read_done(run, now);
        else
            write_done(run, now);
    } else if (probe->token != 0 &&
               simtime_compare(probe->deadline, now) <= 0) {
        probe->token = 0;
        other_controller(run);
        probe->next_at = now;
    }
    if (probe->token == 0 && simtime_compare(probe->next_at, now) <= 0)
        send_request(run, now);
    if (probe->token != 0)
        return simtime_min(probe->deadline,
                           simtime_add(now, simtime_from_ms(PROBE_RETRY_MS)));
    return probe->next_at;
}
