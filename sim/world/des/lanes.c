/* SPDX-License-Identifier: Apache-2.0
 *
 * What lower lanes add to higher ones, on a box's CPU and on its frames.
 *
 * An event waits for what handlers of lower lanes were charged, in its own
 * service, from its arrival on.  Marks are kept for the oldest event of each
 * lane; those behind it waited for less.
 */
#include "sim/world/des/des_priv.h"

#include <string.h>

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

/* 'at': when what is new has come. */
static void
look(struct des_box *box, unsigned service, struct simtime at)
{
    struct lane_account *account = &box->load.lanes[LANE_HOP_CPU];
    struct des_thread *thread = &box->threads[service];
    unsigned waiting[LANE_COUNT];

    runtime_waiting(box->runtime, service, waiting);
    for (unsigned lane = 0; lane < LANE_COUNT; lane++) {
        unsigned before = thread->waiting[lane];

        thread->waiting[lane] = waiting[lane];
        if (waiting[lane] <= before)
            continue;
        if (before == 0)
            thread->mark[lane] = lane_meter_mark(&thread->meter, lane, at);
        if (lane_meter_below(&thread->meter, lane, at))
            account->waited += waiting[lane] - before;
    }
}

/* Before the runtime stands nothing waits behind anything. */
void
lanes_arrived(struct des_box *box, unsigned service)
{
    if (box->runtime != NULL)
        look(box, service, des_box_time(box));
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

    if (thread->waiting[lane] > 0) {
        measure(box, service, lane, now);
        thread->waiting[lane]--;
    }
    thread->allowed_ns[lane] = allowed_ns;
    lane_meter_begin(&thread->meter, lane, now, (struct simtime){UINT64_MAX});
}

/* What the handler left to itself, it left at its end. */
void
lanes_end(struct des_box *box, unsigned service)
{
    struct des_thread *thread = &box->threads[service];

    lane_meter_end(&thread->meter, thread->busy_until);
    look(box, service, thread->busy_until);
}

void
lanes_forget(struct des_box *box, unsigned service)
{
    memset(box->threads[service].waiting, 0,
           sizeof(box->threads[service].waiting));
}
