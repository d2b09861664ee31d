/* SPDX-License-Identifier: Apache-2.0 */
#define _GNU_SOURCE

#include "sim/world/netns/net_priv.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <linux/if_packet.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "reference-nos/base/check.h"

/* IEEE 802, local experimental 2: frames of our own. */
#define PROBE_ETHERTYPE 0x88b6

/* Interfaces get indices that differ at the two ends of a cable: the kernel
 * tells the carrier of a pair with equal ones up to a second late. */
enum {
    INDEX_LEG = 10,        /* in a box, + plane */
    INDEX_RACK_LEG = 1000, /* in the rack, + box, + 1000 per plane */
    INDEX_NCP = 100,       /* + port */
    INDEX_NCF = 300        /* + port */
};

static const char *const ip_batch[] = {"ip", "-batch", "-", NULL};

/* ---- making it ---- */

/* What the namespaces of the boxes, and of interfaces made in them from now
 * on, are told; in a child. */
struct setting {
    const struct net *net;
    const char *path, *value;
};

static int
setting_make(void *arg)
{
    const struct setting *setting = arg;

    for (unsigned i = 0; i < setting->net->count; i++) {
        if (setns(setting->net->boxes[i].ns, CLONE_NEWNET) != 0 ||
            rack_file_write(setting->path, setting->value) != 0)
            return ERR_IO;
    }
    return 0;
}

static int
set_everywhere(struct net *net, const char *path, const char *value)
{
    struct setting setting = {net, path, value};

    return rack_call(net->rack, net->rack->net_ns, setting_make, &setting);
}

static int
quiet_rack(void *arg)
{
    (void)arg;
    return rack_file_write("/proc/sys/net/ipv6/conf/default/disable_ipv6",
                           "1");
}

static int
batch(struct net *net, struct script *script)
{
    char output[RACK_OUTPUT_MAX];
    int err = rack_program(net->rack, net->rack->net_ns, ip_batch,
                           script->text, output);

    if (err != 0)
        (void)snprintf(net->why, sizeof(net->why), "ip: %.140s", output);
    script_fini(script);
    return err;
}

static int
namespaces_make(struct net *net)
{
    struct script script = {0};
    int err = 0;

    for (unsigned plane = 0; plane < PLANE_COUNT; plane++)
        script_add(&script,
                   "link add br%u type bridge stp_state 0 forward_delay 0 "
                   "mcast_snooping 0\nlink set br%u up\n",
                   plane, plane);
    for (unsigned i = 0; i < net->count; i++)
        script_add(&script, "netns add b%u\n", i);
    err = batch(net, &script);
    for (unsigned i = 0; err == 0 && i < net->count; i++) {
        struct net_box *box = &net->boxes[i];
        char name[16];

        (void)snprintf(name, sizeof(name), "b%u", i);
        err = rack_namespace(net->rack, name, &box->ns);
        if (err == 0)
            err = rack_socket(net->rack, box->ns, AF_INET, SOCK_DGRAM, 0,
                              &box->control);
    }
    return err;
}

/* Addresses must be usable at once: no duplicate address detection. */
static int
legs_make(struct net *net)
{
    static const char *const settings[][2] = {
        {"/proc/sys/net/ipv6/conf/all/accept_dad", "0"},
        {"/proc/sys/net/ipv6/conf/default/accept_dad", "0"},
        {"/proc/sys/net/ipv6/conf/default/dad_transmits", "0"},
        {"/proc/sys/net/ipv6/conf/default/accept_ra", "0"},
        {"/proc/sys/net/ipv6/conf/default/router_solicitations", "0"},
    };
    struct script script = {0};
    int err = 0;

    for (size_t i = 0; err == 0 && i < ARRAY_COUNT(settings); i++)
        err = set_everywhere(net, settings[i][0], settings[i][1]);
    if (err != 0)
        return err;
    for (unsigned i = 0; i < net->count; i++) {
        for (unsigned plane = 0; plane < PLANE_COUNT; plane++)
            script_add(&script,
                       "link add name l%u-%u index %u type veth peer name "
                       "mgmt%u netns b%u index %u address "
                       "02:53:39:%02x:%02x:%02x\n"
                       "link set l%u-%u master br%u\n",
                       plane, i, INDEX_RACK_LEG * (1 + plane) + i, plane, i,
                       INDEX_LEG + plane, plane, i >> 8, i & 0xff, plane, i,
                       plane);
    }
    return batch(net, &script);
}

static int
fabric_make(struct net *net)
{
    struct script script = {0};
    int err = set_everywhere(
        net, "/proc/sys/net/ipv6/conf/default/disable_ipv6", "1");

    if (err != 0)
        return err;
    for (unsigned i = 0; i < net->plan->cable_count; i++) {
        const struct plan_cable *cable = &net->plan->cables[i];

        script_add(&script,
                   "link add name fab%u netns b%u index %u type veth peer "
                   "name fab%u netns b%u index %u\n",
                   cable->ncp_port, cable->ncp_box,
                   INDEX_NCP + cable->ncp_port, cable->ncf_port,
                   cable->ncf_box, INDEX_NCF + cable->ncf_port);
    }
    script_add(&script, "link show br0\n");
    return batch(net, &script);
}

static int
probe_open(struct net *net, unsigned index, unsigned plane)
{
    struct net_box *box = &net->boxes[index];
    struct sockaddr_ll address = {
        .sll_family = AF_PACKET,
        .sll_protocol = htons(PROBE_ETHERTYPE),
        .sll_ifindex = INDEX_LEG + (int)plane,
    };
    int err =
        rack_socket(net->rack, box->ns, AF_PACKET, SOCK_RAW | SOCK_NONBLOCK,
                    htons(PROBE_ETHERTYPE), &box->legs[plane].probe);

    if (err == 0 && bind(box->legs[plane].probe, (struct sockaddr *)&address,
                         sizeof(address)) != 0)
        err = ERR_IO;
    return err;
}

static int
legs_open(struct net *net)
{
    int err = 0;

    for (unsigned i = 0; err == 0 && i < net->count; i++) {
        int control = net->boxes[i].control;

        interface_set(control, "lo", true);
        for (unsigned plane = 0; err == 0 && plane < PLANE_COUNT; plane++) {
            char name[16];

            (void)snprintf(name, sizeof(name), "mgmt%u", plane);
            interface_checksums(control, name);
            interface_set(control, name, true);
            err = probe_open(net, i, plane);
        }
    }
    return err;
}

/* One frame through every leg: what the run stands on is there. */
static int
base_verify(struct net *net)
{
    int err = 0;

    for (unsigned i = 0; i < net->count; i++)
        net_box_cable(net, i, true);
    for (unsigned i = 0; err == 0 && net->count > 1 && i < net->count; i++) {
        for (unsigned plane = 0; err == 0 && plane < PLANE_COUNT; plane++) {
            unsigned to = (i + 1) % net->count;

            if (net_reaches(net, plane, i, to))
                continue;
            (void)snprintf(net->why, sizeof(net->why),
                           "plane %c carries no frame from %s to %s",
                           'a' + (int)plane, net->plan->boxes[i].name,
                           net->plan->boxes[to].name);
            err = ERR_UNSUPPORTED;
        }
    }
    for (unsigned i = 0; i < net->count; i++)
        net_box_cable(net, i, false);
    return err;
}

static struct net *
net_alloc(const struct rack *rack, const struct cluster_plan *plan)
{
    struct net *net = calloc(1, sizeof(*net));

    CHECK(net != NULL);
    net->rack = rack;
    net->plan = plan;
    net->count = plan->box_count;
    net->control = -1;
    net->boxes = calloc(net->count, sizeof(*net->boxes));
    CHECK(net->boxes != NULL);
    for (unsigned i = 0; i < net->count; i++) {
        struct net_box *box = &net->boxes[i];
        size_t ports = plan->boxes[i].model->fabric_ports + 1u;

        box->ns = -1;
        box->control = -1;
        box->legs[PLANE_A].probe = -1;
        box->legs[PLANE_B].probe = -1;
        box->fabric_down = calloc(ports, sizeof(*box->fabric_down));
        box->fabric_loss = calloc(ports, sizeof(*box->fabric_loss));
        CHECK(box->fabric_down != NULL && box->fabric_loss != NULL);
    }
    for (unsigned plane = 0; plane < PLANE_COUNT; plane++) {
        net->blocks[plane] =
            calloc((size_t)net->count * net->count, sizeof(uint16_t));
        CHECK(net->blocks[plane] != NULL);
        net->powered[plane] = true;
    }
    return net;
}

int
net_open(const struct rack *rack, const struct cluster_plan *plan,
         struct net **out, char *message, size_t message_size)
{
    struct net *net = net_alloc(rack, plan);
    int err =
        rack_socket(rack, rack->net_ns, AF_INET, SOCK_DGRAM, 0, &net->control);

    if (err == 0)
        err = rack_call(rack, rack->net_ns, quiet_rack, NULL);
    if (err == 0)
        err = namespaces_make(net);
    if (err == 0)
        err = legs_make(net);
    if (err == 0)
        err = fabric_make(net);
    if (err == 0)
        err = legs_open(net);
    if (err == 0)
        err = base_verify(net);
    if (err != 0) {
        (void)snprintf(message, message_size, "cannot lay the cables: %s",
                       net->why[0] != '\0' ? net->why : err_text(err));
        net_close(net);
        return err == ERR_PERMISSION ? err : ERR_UNSUPPORTED;
    }
    *out = net;
    return 0;
}

static void
close_known(int fd)
{
    if (fd >= 0)
        (void)close(fd);
}

void
net_close(struct net *net)
{
    if (net == NULL)
        return;
    for (unsigned i = 0; i < net->count; i++) {
        struct net_box *box = &net->boxes[i];

        for (unsigned plane = 0; plane < PLANE_COUNT; plane++) {
            if (box->legs[plane].relay > 0) {
                (void)kill(box->legs[plane].relay, SIGKILL);
                (void)rack_wait(box->legs[plane].relay);
            }
            close_known(box->legs[plane].probe);
        }
        close_known(box->ns);
        close_known(box->control);
        free(box->fabric_down);
        free(box->fabric_loss);
    }
    close_known(net->control);
    free(net->blocks[PLANE_A]);
    free(net->blocks[PLANE_B]);
    free(net->boxes);
    free(net);
}

/* ---- carrier ---- */

static void
leg_carrier(struct net *net, unsigned box, enum plane plane)
{
    const struct net_leg *leg = &net->boxes[box].legs[plane];
    char name[16];

    (void)snprintf(name, sizeof(name), "l%u-%u", (unsigned)plane, box);
    interface_set(net->control, name, leg->cabled && !leg->down);
}

static void
port_carrier(struct net *net, unsigned box, unsigned port)
{
    const struct net_box *it = &net->boxes[box];
    char name[16];

    (void)snprintf(name, sizeof(name), "fab%u", port);
    interface_set(it->control, name, it->cabled && !it->fabric_down[port]);
}

void
net_box_cable(struct net *net, unsigned box, bool on)
{
    net->boxes[box].cabled = on;
    for (unsigned port = 0; port < net->plan->boxes[box].model->fabric_ports;
         port++)
        port_carrier(net, box, port);
    for (unsigned plane = 0; plane < PLANE_COUNT; plane++) {
        net->boxes[box].legs[plane].cabled = on;
        leg_carrier(net, box, plane);
    }
}

void
net_fabric_link(struct net *net, const struct plan_cable *cable, bool up)
{
    net->boxes[cable->ncp_box].fabric_down[cable->ncp_port] = !up;
    net->boxes[cable->ncf_box].fabric_down[cable->ncf_port] = !up;
    port_carrier(net, cable->ncp_box, cable->ncp_port);
    port_carrier(net, cable->ncf_box, cable->ncf_port);
}

void
net_plane_power(struct net *net, enum plane plane, bool on)
{
    net->powered[plane] = on;
    interface_set(net->control, plane == PLANE_A ? "br0" : "br1", on);
}

/* ---- rules of the bridges ---- */

void
net_block(struct net *net, enum plane plane, unsigned from, unsigned to,
          bool on)
{
    uint16_t *count = &net->blocks[plane][from * net->count + to];

    if (on && *count < UINT16_MAX)
        ++*count;
    else if (!on && *count > 0)
        --*count;
}

void
net_unblock_all(struct net *net)
{
    for (unsigned plane = 0; plane < PLANE_COUNT; plane++)
        memset(net->blocks[plane], 0,
               (size_t)net->count * net->count * sizeof(uint16_t));
}

/* The bridge port that leads to the box: a delayed leg stands behind its
 * relay. */
static const char *
port_name(const struct net *net, unsigned plane, unsigned box, char name[16])
{
    const struct net_leg *leg = &net->boxes[box].legs[plane];

    (void)snprintf(name, 16, "%c%u-%u", leg->relay > 0 ? 'q' : 'l', plane,
                   box);
    return name;
}

static void
leg_rules(const struct net *net, struct script *script, unsigned plane,
          unsigned box)
{
    const struct net_leg *leg = &net->boxes[box].legs[plane];
    char name[16];

    port_name(net, plane, box, name);
    if (leg->mute)
        script_add(script, "iifname \"%s\" drop\n", name);
    if (leg->deaf)
        script_add(script, "oifname \"%s\" drop\n", name);
    if (leg->loss_ppm > 0)
        script_add(script,
                   "iifname \"%s\" numgen random mod 1000000 < %u drop\n"
                   "oifname \"%s\" numgen random mod 1000000 < %u drop\n",
                   name, leg->loss_ppm, name, leg->loss_ppm);
}

static void
block_rules(const struct net *net, struct script *script, unsigned plane)
{
    bool any = false;
    char from[16], to[16];

    for (unsigned i = 0; i < net->count * net->count; i++) {
        if (net->blocks[plane][i] == 0)
            continue;
        script_add(script, "%s\"%s\" . \"%s\"",
                   any ? ", " : "iifname . oifname { ",
                   port_name(net, plane, i / net->count, from),
                   port_name(net, plane, i % net->count, to));
        any = true;
    }
    if (any)
        script_add(script, " } drop\n");
}

static int
rules_load(struct net *net, int net_ns, struct script *script)
{
    static const char *const nft[] = {"nft", "-f", "-", NULL};
    char output[RACK_OUTPUT_MAX];
    int err = rack_program(net->rack, net_ns, nft, script->text, output);

    if (err != 0) {
        char *end = strchr(output, '\n');

        if (end != NULL)
            *end = '\0';
        (void)snprintf(net->why, sizeof(net->why), "nft: %.140s", output);
    }
    script_fini(script);
    return err == 0 ? 0 : ERR_UNSUPPORTED;
}

int
net_rules_apply(struct net *net)
{
    struct script script = {0};

    script_add(&script, "add table bridge s9\ndelete table bridge s9\n"
                        "table bridge s9 {\nchain pass {\n"
                        "type filter hook forward priority 0\n");
    for (unsigned plane = 0; plane < PLANE_COUNT; plane++) {
        for (unsigned i = 0; i < net->count; i++)
            leg_rules(net, &script, plane, i);
        block_rules(net, &script, plane);
    }
    script_add(&script, "}\n}\n");
    return rules_load(net, net->rack->net_ns, &script);
}

int
net_leg_apply(struct net *net, unsigned box, enum plane plane)
{
    int err = net_rules_apply(net);

    leg_carrier(net, box, plane);
    return err == 0 ? net_leg_verify(net, box, plane) : err;
}

/* Loss is where the packets arrive. */
int
net_fabric_loss(struct net *net, unsigned box, unsigned port,
                uint32_t loss_ppm)
{
    struct net_box *it = &net->boxes[box];
    struct script script = {0};

    it->fabric_loss[port] = loss_ppm;
    script_add(&script, "add table netdev s9\ndelete table netdev s9\n"
                        "table netdev s9 {\n");
    for (unsigned i = 0; i < net->plan->boxes[box].model->fabric_ports; i++) {
        if (it->fabric_loss[i] == 0)
            continue;
        script_add(&script,
                   "chain fab%u {\ntype filter hook ingress device \"fab%u\" "
                   "priority 0\nnumgen random mod 1000000 < %u drop\n}\n",
                   i, i, it->fabric_loss[i]);
    }
    script_add(&script, "}\n");
    return rules_load(net, it->ns, &script);
}

/* ---- delay ---- */

/* Where the kernel has netem, at both ends of the cable. */
static int
netem_set(struct net *net, unsigned box, unsigned plane, uint64_t delay_ns)
{
    char leg[16], mgmt[16], delay[32], output[RACK_OUTPUT_MAX];
    const char *argv[] = {"tc",    "qdisc", delay_ns > 0 ? "replace" : "del",
                          "dev",   leg,     "root",
                          "netem", "delay", delay,
                          NULL};
    int err;

    (void)snprintf(leg, sizeof(leg), "l%u-%u", plane, box);
    (void)snprintf(mgmt, sizeof(mgmt), "mgmt%u", plane);
    (void)snprintf(delay, sizeof(delay), "%lluns",
                   (unsigned long long)delay_ns);
    if (delay_ns == 0)
        argv[6] = NULL;
    err = rack_program(net->rack, net->rack->net_ns, argv, NULL, output);
    argv[4] = mgmt;
    if (err == 0)
        err = rack_program(net->rack, net->boxes[box].ns, argv, NULL, output);
    net->boxes[box].legs[plane].shaped = err == 0 && delay_ns > 0;
    return err;
}

static void
relay_stop(struct net *net, unsigned box, unsigned plane)
{
    struct net_leg *leg = &net->boxes[box].legs[plane];
    struct script script = {0};
    char name[16], bridge[16];

    if (leg->relay <= 0)
        return;
    (void)kill(leg->relay, SIGKILL);
    (void)rack_wait(leg->relay);
    leg->relay = 0;
    script_add(&script, "link del r%u-%u\n", plane, box);
    (void)batch(net, &script);
    (void)snprintf(name, sizeof(name), "l%u-%u", plane, box);
    (void)snprintf(bridge, sizeof(bridge), "br%u", plane);
    (void)!interface_enslave(net->control, bridge, name, true);
}

/* box -- leg -- [relay] r -- q -- bridge */
static int
relay_start(struct net *net, unsigned box, unsigned plane, uint64_t delay_ns)
{
    struct net_leg *leg = &net->boxes[box].legs[plane];
    struct script script = {0};
    char name[16], far[16], bridge[16];
    int err;

    (void)snprintf(name, sizeof(name), "l%u-%u", plane, box);
    (void)snprintf(far, sizeof(far), "r%u-%u", plane, box);
    (void)snprintf(bridge, sizeof(bridge), "br%u", plane);
    script_add(&script,
               "link add name r%u-%u type veth peer name q%u-%u\n"
               "link set r%u-%u up\nlink set q%u-%u master br%u up\n",
               plane, box, plane, box, plane, box, plane, box, plane);
    err = batch(net, &script);
    if (err == 0)
        err = interface_enslave(net->control, bridge, name, false);
    if (err != 0)
        return err;
    leg->relay = rack_fork(net->rack, net->rack->net_ns);
    if (leg->relay == 0)
        relay_main(name, far, delay_ns);
    return leg->relay > 0 ? 0 : ERR_IO;
}

int
net_leg_delay(struct net *net, unsigned box, enum plane plane,
              uint64_t delay_ns)
{
    struct net_leg *leg = &net->boxes[box].legs[plane];
    int err = 0;

    relay_stop(net, box, plane);
    leg->delay_ns = delay_ns;
    if (leg->shaped || delay_ns > 0)
        err = netem_set(net, box, plane, delay_ns);
    if (err != 0)
        err = relay_start(net, box, plane, delay_ns);
    if (err == 0)
        err = net_rules_apply(net);
    return err == 0 ? net_leg_verify(net, box, plane) : ERR_UNSUPPORTED;
}
