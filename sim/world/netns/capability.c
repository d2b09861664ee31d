/* SPDX-License-Identifier: Apache-2.0
 *
 * What this machine can do for world "netns": each thing tried out on a plan
 * of two boxes, in a rack of its own.
 */
#define _GNU_SOURCE

#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "sim/world/netns/net_priv.h"
#include "sim/world/netns/netns.h"

#define DELAY_NS 5000000u
#define LOSS_PPM 300000u

/* Answers live as long as the program: the reasons are of few kinds. */
struct trial {
    struct netns_capability *list;
    size_t room, count;
    char message[256];
    struct rack rack;
    struct net *net;
};

static void
add(struct trial *trial, const char *name, bool there, const char *how)
{
    if (trial->count == trial->room)
        return;
    trial->list[trial->count++] = (struct netns_capability){name, there, how};
}

/* Two boxes with a fabric cable between them. */
static void
plan_of_two(struct cluster_plan *plan, struct plan_box boxes[2],
            struct box_model models[2], struct plan_cable *cable)
{
    memset(models, 0, 2 * sizeof(*models));
    models[0].fabric_ports = models[1].fabric_ports = 1;
    *plan = (struct cluster_plan){
        .box_count = 2, .boxes = boxes, .cable_count = 1, .cables = cable};
    for (unsigned i = 0; i < 2; i++) {
        memset(&boxes[i], 0, sizeof(boxes[i]));
        (void)snprintf(boxes[i].name, sizeof(boxes[i].name), "box-%u", i);
        boxes[i].model = &models[i];
    }
    *cable = (struct plan_cable){.ncp_box = 0, .ncf_box = 1};
}

/* ---- one thing each ---- */

static bool
program_runs(struct trial *trial, const char *const *argv)
{
    char output[RACK_OUTPUT_MAX];

    return rack_program(&trial->rack, trial->rack.net_ns, argv, NULL,
                        output) == 0;
}

static void
try_loss(struct trial *trial)
{
    struct net_leg *leg = &trial->net->boxes[0].legs[PLANE_A];
    bool there;

    leg->loss_ppm = LOSS_PPM;
    there = net_leg_apply(trial->net, 0, PLANE_A) == 0;
    add(trial, "loss", there,
        there ? "nftables, measured" : "nftables cannot, or drops too few");
    leg->loss_ppm = 0;
    (void)!net_leg_apply(trial->net, 0, PLANE_A);
}

static void
try_partition(struct trial *trial)
{
    struct box_set from = {{1}}, to = {{2}};
    bool there;

    net_block(trial->net, PLANE_A, 0, 1, true);
    there = net_rules_apply(trial->net) == 0 &&
            net_blocks_verify(trial->net, &from, &to, PLANE_A) == 0;
    net_block(trial->net, PLANE_A, 0, 1, false);
    there = there && net_rules_apply(trial->net) == 0 &&
            net_blocks_verify(trial->net, &from, &to, PLANE_A) == 0;
    add(trial, "partition", there,
        there ? "nftables, measured" : "nftables has no bridge family here");
}

static void
try_delay(struct trial *trial)
{
    const struct net_leg *leg = &trial->net->boxes[0].legs[PLANE_A];
    bool there = net_leg_delay(trial->net, 0, PLANE_A, DELAY_NS) == 0;

    add(trial, "delay", there,
        !there        ? "neither netem nor a relay delays frames"
        : leg->shaped ? "netem, measured"
                      : "relay process, measured (no netem)");
    (void)!net_leg_delay(trial->net, 0, PLANE_A, 0);
}

static void
try_rate(struct trial *trial)
{
    static const char *const argv[] = {
        "tc",   "qdisc",   "add",   "dev",  "l0-0",    "root", "tbf",
        "rate", "100mbit", "burst", "64kb", "latency", "50ms", NULL};
    bool there = program_runs(trial, argv);

    add(trial, "rate", there, there ? "tbf" : "tc has no tbf here");
}

static void
try_fabric_loss(struct trial *trial)
{
    bool there = net_fabric_loss(trial->net, 1, 0, LOSS_PPM) == 0 &&
                 net_fabric_verify(trial->net, 0, 0, 1, 0) == 0;

    add(trial, "fabric loss", there,
        there ? "nftables, measured" : "nftables has no netdev family here");
}

static int
time_shift(void *arg)
{
    int fd;

    (void)arg;
    if (unshare(CLONE_NEWTIME) != 0)
        return ERR_UNSUPPORTED;
    fd = rack_file_write("/proc/self/timens_offsets", "monotonic 1000 0\n");
    return fd;
}

static void
try_time(struct trial *trial)
{
    bool there =
        rack_call(&trial->rack, trial->rack.net_ns, time_shift, NULL) == 0;

    add(trial, "monotonic clock offset", there,
        there ? "time namespaces" : "no time namespaces");
}

static void
try_net(struct trial *trial)
{
    struct cluster_plan plan;
    struct plan_box boxes[2];
    struct box_model models[2];
    struct plan_cable cable;
    int err;

    plan_of_two(&plan, boxes, models, &cable);
    err = net_open(&trial->rack, &plan, &trial->net, trial->message,
                   sizeof(trial->message));
    add(trial, "veth and bridges", err == 0,
        err == 0 ? "ip, measured" : "ip (iproute2) cannot make them here");
    if (err != 0)
        return;
    net_box_cable(trial->net, 0, true);
    net_box_cable(trial->net, 1, true);
    (void)net_reaches(trial->net, PLANE_A, 0, 1);
    try_partition(trial);
    try_loss(trial);
    try_delay(trial);
    try_rate(trial);
    try_fabric_loss(trial);
    net_close(trial->net);
}

size_t
netns_capabilities(struct netns_capability *list, size_t room)
{
    struct trial trial = {.list = list, .room = room};
    int err = rack_open(&trial.rack, trial.message, sizeof(trial.message));

    add(&trial, "privilege", err != ERR_PERMISSION,
        err != ERR_PERMISSION ? "root"
                              : "needs root (CAP_SYS_ADMIN, CAP_NET_ADMIN)");
    if (err == ERR_PERMISSION)
        return trial.count;
    add(&trial, "namespaces", err == 0,
        err == 0 ? "process, mount and network"
                 : "the kernel refuses process, mount or network namespaces");
    if (err != 0)
        return trial.count;
    try_net(&trial);
    try_time(&trial);
    add(&trial, "disk full", true, "small tmpfs under the state");
    add(&trial, "fans, supplies, sensors", true, "described files");
    add(&trial, "disk stall and errors", false, "no device of ours below");
    add(&trial, "clock drift", false, "no clock of ours below");
    add(&trial, "slow service", false, "no CPU of ours below");
    add(&trial, "cable swap", false, "a veth pair cannot be cabled anew");
    rack_close(&trial.rack);
    return trial.count;
}
