/* SPDX-License-Identifier: Apache-2.0
 *
 * The CPU of a simulated box: cores, services as threads, charged time.
 *
 * A handler runs on the host at the instant its service gets a core; what it
 * charges keeps service and core busy from there on, and its effects (frames,
 * disk operations, local messages) leave when they were charged for.
 */
#define _POSIX_C_SOURCE 200809L

#include "sim/world/des/des_priv.h"

#include <string.h>
#include <time.h>

/* Local messages of one instant: what came before 'not_before' is older. */
void
cpu_ready(struct des_box *box, unsigned service)
{
    struct des_thread *thread = &box->threads[service];
    struct simtime now = kernel_now(box->des->kernel);
    struct simtime at;

    /* The mark may be stale: a killed service leaves it behind. */
    if ((box->ready_mask & (1u << service)) == 0) {
        box->ready_mask |= 1u << service;
        thread->not_before = des_box_time(box);
    }
    if (lanes_lower(thread, now))
        lanes_arrived(box, service);
    if (thread->hung)
        return;
    at = simtime_max(thread->not_before, thread->busy_until);
    at = simtime_max(at, now);
    if (event_pending(&box->cpu_event) &&
        simtime_compare(box->cpu_event.at, at) <= 0)
        return;
    des_schedule(box->des, &box->cpu_event, at);
}

static bool
runnable_at(const struct des_thread *thread, struct simtime now)
{
    return !thread->hung && !simtime_before(now, thread->not_before) &&
           !simtime_before(now, thread->busy_until);
}

/* The ready service with the most urgent event, and its lane; SVC_COUNT:
 * none. */
static unsigned
most_urgent(struct des_box *box, struct simtime now, enum lane *best_lane)
{
    unsigned best = SVC_COUNT;

    *best_lane = LANE_COUNT;
    for (unsigned mask = box->ready_mask; mask != 0; mask &= mask - 1) {
        unsigned service = (unsigned)__builtin_ctz(mask);
        enum lane lane;

        if (!runnable_at(&box->threads[service], now))
            continue;
        lane = runtime_pending(box->runtime, service);
        if (lane == LANE_COUNT) {
            box->ready_mask &= ~(1u << service);
        } else if (lane < *best_lane) {
            *best_lane = lane;
            best = service;
        }
    }
    return best;
}

static unsigned
free_core(const struct des_box *box, struct simtime now)
{
    for (unsigned core = 0; core < box->core_count; core++) {
        if (!simtime_before(now, box->core_free[core]))
            return core;
    }
    return box->core_count;
}

static uint64_t
host_ns(void)
{
    struct timespec now;

    (void)clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
}

/* Lets the service handle one event, and times it when asked to. */
static void
dispatch(struct des_box *box, unsigned service)
{
    struct des *des = box->des;
    uint64_t from_ns;

    if (des->meter == NULL) {
        runtime_dispatch(box->runtime, service);
        return;
    }
    memset(des->metered, 0, sizeof(des->metered));
    from_ns = host_ns();
    runtime_dispatch(box->runtime, service);
    des->meter(des->meter_context, des->metered, host_ns() - from_ns);
}

/* A service made slow by a fault ends its last unit of work that much later:
 * that is the fault's doing. */
static uint64_t
allowed_ns(const struct des *des, const struct des_thread *thread)
{
    uint64_t slack_ns = des->slack_ns;

    if (thread->slow_permille > 1000)
        slack_ns = slack_ns * thread->slow_permille / 1000;
    return PLAT_QUANTUM_NS + slack_ns;
}

static void
run_one(struct des_box *box, unsigned service, enum lane lane, unsigned core,
        struct simtime now)
{
    struct des_thread *thread = &box->threads[service];
    bool starting = runtime_starting(box->runtime, service);
    uint64_t charged_ns;

    box->running = true;
    box->running_service = service;
    box->charged_ns = 0;
    if (!lanes_idle(thread, lane))
        lanes_begin(box, service, lane, allowed_ns(box->des, thread));
    dispatch(box, service);
    box->running = false;
    charged_ns = box->charged_ns;
    thread->busy_until = simtime_add(now, simtime_from_ns(charged_ns));
    box->core_free[core] = thread->busy_until;
    box->load.cpu_ns[service] += charged_ns;
    box->load.events[service]++;
    if (!lanes_idle(thread, lane))
        lanes_end(box, service);
    /* The first event of a life is the price of a start. */
    if (!starting && charged_ns > allowed_ns(box->des, thread))
        des_observe_numbers(box, OBSERVE_QUANTUM, service,
                            charged_ns - PLAT_QUANTUM_NS, lane, 0);
    if (runtime_pending(box->runtime, service) == LANE_COUNT)
        box->ready_mask &= ~(1u << service);
    des_after_handler(box, service);
}

/* When can a ready service run next? */
static void
schedule_next(struct des_box *box)
{
    struct simtime core_at = {UINT64_MAX};
    struct simtime next = {UINT64_MAX};

    for (unsigned mask = box->ready_mask; mask != 0; mask &= mask - 1) {
        const struct des_thread *thread =
            &box->threads[(unsigned)__builtin_ctz(mask)];

        if (thread->hung)
            continue;
        next = simtime_min(
            next, simtime_max(thread->not_before, thread->busy_until));
    }
    if (next.ps == UINT64_MAX)
        return;
    /* The first core to be free; one that is free by then will do. */
    for (unsigned core = 0;
         core < box->core_count && simtime_before(next, core_at); core++)
        core_at = simtime_min(core_at, box->core_free[core]);
    des_schedule(box->des, &box->cpu_event, simtime_max(next, core_at));
}

void
cpu_fire(struct event *event, struct simtime now)
{
    struct des_box *box = CONTAINER_OF(event, struct des_box, cpu_event);

    while (box->runtime != NULL && !box->restarting) {
        enum lane lane;
        unsigned service = most_urgent(box, now, &lane);
        unsigned core;

        if (service == SVC_COUNT)
            break;
        core = free_core(box, now);
        if (core == box->core_count)
            break;
        run_one(box, service, lane, core, now);
    }
    if (box->runtime != NULL && !box->restarting)
        schedule_next(box);
}

void
cpu_charge(struct des_box *box, enum cost cost, uint64_t units)
{
    uint64_t ns = units * box->des->costs_ns[cost];

    if (!box->running)
        return;
    box->des->metered[cost] += units;
    box->charged_ns +=
        ns * box->threads[box->running_service].slow_permille / 1000;
}

void
cpu_hang(struct des_box *box, unsigned service, bool on)
{
    box->threads[service].hung = on;
    if (!on && box->runtime != NULL && (box->ready_mask & (1u << service)))
        des_schedule(box->des, &box->cpu_event, kernel_now(box->des->kernel));
}

void
cpu_reset(struct des_box *box)
{
    kernel_cancel(box->des->kernel, &box->cpu_event);
    box->ready_mask = 0;
    box->running = false;
    memset(box->core_free, 0, sizeof(box->core_free));
    for (unsigned i = 0; i < SVC_COUNT; i++) {
        memset(&box->threads[i], 0, sizeof(box->threads[i]));
        box->threads[i].slow_permille = 1000;
    }
}
