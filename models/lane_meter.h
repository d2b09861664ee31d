/* SPDX-License-Identifier: Apache-2.0
 *
 * What lower lanes add to a higher one, measured at one place of service: a
 * sending end, or the CPU of one service.
 *
 * Independent  of the server: the meter hears when something arrives and what
 *              is served from when to when; what the server ought to have
 *              chosen it does not know.
 * Marks        are taken at an arrival and read when that arrival is served;
 *              between them lie the units of lower lanes it waited for: the
 *              one that was in service, and every one that overtook it.
 * Memory       the caller's; all zero is an idle meter.
 */
#ifndef MODELS_LANE_METER_H
#define MODELS_LANE_METER_H

#include "reference-nos/platform/plat.h"
#include "sim/kernel/simtime.h"

enum lane_hop {
    LANE_HOP_NIC,    /* a box's sending end */
    LANE_HOP_SWITCH, /* a management switch's port to a box */
    LANE_HOP_CPU,    /* the handlers of one service */
    LANE_HOP_COUNT
};

/* Units of lower lanes, up to some moment. */
struct lane_mark {
    uint64_t units; /* ended */
    uint64_t ps;    /* of service, ended or not */
};

struct lane_meter {
    struct simtime from, until; /* the last unit */
    enum lane serving;
    struct lane_mark below[LANE_COUNT]; /* of lanes below; without the last */
};

/* What one arrival waited for. */
struct lane_wait {
    enum lane lane;
    uint64_t units;
    struct simtime time;
};

/* Over many arrivals. */
struct lane_account {
    uint64_t waited; /* how many waited behind a lower lane */
    uint64_t units;  /* most that one of them waited for */
    struct simtime time;
};

/* A unit is served from 'from', after the one before it has ended.  Who does
 * not know the end yet says so later, by lane_meter_end(). */
static inline void
lane_meter_begin(struct lane_meter *meter, enum lane lane, struct simtime from,
                 struct simtime until)
{
    for (unsigned above = 0; above < meter->serving; above++) {
        meter->below[above].units++;
        meter->below[above].ps += meter->until.ps - meter->from.ps;
    }
    meter->serving = lane;
    meter->from = from;
    meter->until = until;
}

static inline void
lane_meter_end(struct lane_meter *meter, struct simtime until)
{
    meter->until = until;
}

/* Is a unit in service at 'at'? */
static inline bool
lane_meter_serves(const struct lane_meter *meter, struct simtime at)
{
    return at.ps >= meter->from.ps && at.ps < meter->until.ps;
}

/* 'at' is not before the last unit but one ended. */
static inline struct lane_mark
lane_meter_mark(const struct lane_meter *meter, enum lane lane,
                struct simtime at)
{
    struct lane_mark mark = meter->below[lane];

    if (meter->serving <= lane || at.ps < meter->from.ps)
        return mark;
    if (at.ps >= meter->until.ps) {
        mark.units++;
        at = meter->until;
    }
    mark.ps += at.ps - meter->from.ps;
    return mark;
}

/* What arrived at 'mark' is served at 'at'; before lane_meter_begin(). */
static inline struct lane_wait
lane_meter_wait(const struct lane_meter *meter, enum lane lane,
                struct lane_mark mark, struct simtime at)
{
    struct lane_mark now = lane_meter_mark(meter, lane, at);

    return (struct lane_wait){lane, now.units - mark.units,
                              simtime_from_ps(now.ps - mark.ps)};
}

/* Keeps the worst; says whether this is it. */
static inline bool
lane_account_worst(struct lane_account *account, const struct lane_wait *wait)
{
    bool worst =
        wait->units > account->units || wait->time.ps > account->time.ps;

    if (wait->units > account->units)
        account->units = wait->units;
    account->time = simtime_max(account->time, wait->time);
    return worst;
}

#endif
