/* SPDX-License-Identifier: Apache-2.0
 *
 * What lower lanes add to higher ones, on a box's CPU and on its frames.
 *
 * An event waits for what handlers of lower lanes were charged, in its own
 * service, from its arrival on.  The oldest event of each lane is marked when
 * it finds a handler of a lower lane at work, or is overtaken by one; those
 * behind it in its lane wait for less.
 */
#include "sim/world/des/des_priv.h"

static void
observe(struct des_box *box, unsigned service, enum lane_hop hop,
        const struct lane_wait *wait, struct simtime allowed)
{
    struct observation seen = {
        .kind = OBSERVE_LANES,
        .service = service,
        .a = hop,
        .b = wait->units,
        .c = wait->time.ps,
        .d = allowed.ps,
    };

    des_observe(box, &seen);
}

void
lanes_frame_waited(void *context, unsigned index, enum lane_hop hop,
                   const struct lane_wait *wait)
{
    struct des *des = context;

    observe(&des->boxes[index], SVC_NONE, hop, wait,
            mgmt_net_frame_longest(des->net));
}

/* Marks the oldest event of each of these lanes. */
static void
mark(struct des_thread *thread, unsigned lanes, struct simtime at)
{
    thread->marked |= lanes;
    for (; lanes != 0; lanes &= lanes - 1) {
        unsigned lane = (unsigned)__builtin_ctz(lanes);

        thread->mark[lane] = lane_meter_mark(&thread->meter, lane, at);
    }
}

/* The unmarked lanes above 'lane' in which something waits. */
static unsigned
waiting_above(const struct des_box *box, unsigned service, enum lane lane)
{
    return runtime_waiting(box->runtime, service) & ((1u << lane) - 1) &
           ~box->threads[service].marked;
}

/* What finds its service idle is marked when something overtakes it. */
void
lanes_arrived(struct des_box *box, unsigned service)
{
    struct des_thread *thread = &box->threads[service];
    struct simtime at = des_box_time(box);
    unsigned lanes;

    if (box->runtime == NULL || !lane_meter_serves(&thread->meter, at))
        return;
    lanes = waiting_above(box, service, thread->meter.serving);
    mark(thread, lanes, at);
    box->load.lanes[LANE_HOP_CPU].waited +=
        (unsigned)__builtin_popcount(lanes);
}

/* The longest that one handler of a lane below could last. */
static struct simtime
allowed(const struct des_thread *thread, enum lane lane)
{
    uint64_t longest_ns = PLAT_QUANTUM_NS;

    for (unsigned below = lane + 1; below < LANE_COUNT; below++) {
        if (thread->allowed_ns[below] > longest_ns)
            longest_ns = thread->allowed_ns[below];
    }
    return simtime_from_ns(longest_ns);
}

static void
measure(struct des_box *box, unsigned service, enum lane lane,
        struct simtime now)
{
    struct lane_account *account = &box->load.lanes[LANE_HOP_CPU];
    struct des_thread *thread = &box->threads[service];
    struct lane_wait wait =
        lane_meter_wait(&thread->meter, lane, thread->mark[lane], now);

    if (wait.units == 0)
        return;
    if (lane_account_worst(account, &wait) || wait.units > 1)
        observe(box, service, LANE_HOP_CPU, &wait, allowed(thread, lane));
}

void
lanes_begin(struct des_box *box, unsigned service, enum lane lane,
            uint64_t allowed_ns)
{
    struct des_thread *thread = &box->threads[service];
    struct simtime now = kernel_now(box->des->kernel);

    if (thread->marked & (1u << lane))
        measure(box, service, lane, now);
    if (lane > LANE_LIVENESS)
        mark(thread, waiting_above(box, service, lane), now);
    thread->allowed_ns[lane] = allowed_ns;
    lane_meter_begin(&thread->meter, lane, now, (struct simtime){UINT64_MAX});
}

void
lanes_end(struct des_box *box, unsigned service)
{
    struct des_thread *thread = &box->threads[service];

    lane_meter_end(&thread->meter, thread->busy_until);
    if (thread->marked != 0)
        thread->marked &= runtime_waiting(box->runtime, service);
}

void
lanes_forget(struct des_box *box, unsigned service)
{
    box->threads[service].marked = 0;
}
