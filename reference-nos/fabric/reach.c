/* SPDX-License-Identifier: Apache-2.0
 *
 * Which fabric ports lead to which module.
 */
#include "reference-nos/fabric/reach_priv.h"

#include <string.h>

#include "reference-nos/base/check.h"
#include "reference-nos/base/err.h"

unsigned
reach_bit_next(const uint64_t *words, unsigned from, unsigned count)
{
    while (from < count) {
        uint64_t word = words[from / 64] >> (from % 64);

        if (word != 0) {
            from += (unsigned)__builtin_ctzll(word);
            return from < count ? from : count;
        }
        from = (from / 64 + 1) * 64;
    }
    return count;
}

static void
links_init(struct reach *reach)
{
    unsigned port;

    for (port = 0; port < FWD_FABRIC_PORTS_MAX; port++) {
        struct link *link = &reach->links[port];

        link->ident_at_ns = TIME_NEVER_NS;
        link->retry_at_ns = TIME_NEVER_NS;
        link->info_until_ns = TIME_NEVER_NS;
        link->module = MODULE_NONE;
    }
}

int
reach_create(struct mem *mem, const struct reach_config *config,
             uint64_t now_ns, struct reach **out)
{
    struct reach *reach;

    CHECK(config->fabric_ports <= FWD_FABRIC_PORTS_MAX);
    CHECK(config->front_ports <= REACH_FRONT_PORTS_MAX);
    CHECK(config->role == ROLE_NCP || config->role == ROLE_NCF);
    reach = mem_zalloc(mem, sizeof(*reach));
    if (reach == NULL)
        return ERR_NOMEM;
    reach->config = *config;
    reach->started_ns = now_ns;
    reach->module = MODULE_NONE;
    reach->hold_ns = REACH_HOLD_NS;
    reach->refresh_at_ns = now_ns + REACH_REFRESH_NS + config->phase_ns;
    reach->dirty_due_ns = TIME_NEVER_NS;
    reach->write_overdue_ns = TIME_NEVER_NS;
    reach->write_retry_ns = TIME_NEVER_NS;
    reach->grace_end_ns = TIME_NEVER_NS;
    reach->forget_at_ns = TIME_NEVER_NS;
    reach->box_at_ns = TIME_NEVER_NS;
    reach->alarm_at_ns = TIME_NEVER_NS;
    reach->rows_due_ns = TIME_NEVER_NS;
    reach->reach_rows_due_ns = TIME_NEVER_NS;
    links_init(reach);
    *out = reach;
    return 0;
}

void
reach_touch(struct reach *reach, uint16_t module, uint64_t due_ns)
{
    if (module >= FWD_MODULES_MAX)
        return;
    reach_bit_set(reach->dirty, module);
    reach_earlier(&reach->dirty_due_ns, due_ns);
}

void
reach_touch_link(struct reach *reach, const struct link *link, uint64_t due_ns)
{
    unsigned module;

    if (reach->config.role == ROLE_NCF) {
        reach_touch(reach, link->module, due_ns);
        return;
    }
    for (module = 0; module < FWD_MODULES_MAX; module++)
        if (link->links[module] != 0)
            reach_touch(reach, (uint16_t)module, due_ns);
}

/* A link's group is the lowest port with info that leads to the same box. */
void
reach_regroup(struct reach *reach)
{
    unsigned port, other;

    memset(reach->group_size, 0, sizeof(reach->group_size));
    for (port = 0; port < reach->config.fabric_ports; port++) {
        struct link *link = &reach->links[port];

        if (!link->info)
            continue;
        for (other = 0; other < port; other++)
            if (reach->links[other].info &&
                reach->links[other].peer.key == link->peer.key)
                break;
        link->group = (uint8_t)other;
        reach->group_size[other]++;
    }
}

void
reach_release(struct reach *reach, unsigned port, uint64_t now_ns)
{
    uint64_t bit = reach_bit(port);
    unsigned module;

    if ((reach->kept_ports & bit) == 0)
        return;
    reach->kept_ports &= ~bit;
    for (module = 0; module < FWD_MODULES_MAX; module++)
        if ((reach->kept[module] & bit) != 0 || reach->kept_ports == 0)
            reach_touch(reach, (uint16_t)module, now_ns);
}

static unsigned
ncp_ports(const struct reach *reach, unsigned module, uint64_t *ports)
{
    uint8_t best[FWD_FABRIC_PORTS_MAX] = {0};
    unsigned port, links = 0;

    for (port = 0; port < reach->config.fabric_ports; port++) {
        const struct link *link = &reach->links[port];

        if (!link->info || link->links[module] == 0)
            continue;
        *ports |= reach_bit(port);
        if (link->links[module] > best[link->group])
            best[link->group] = link->links[module];
    }
    for (port = 0; port < reach->config.fabric_ports; port++)
        links += best[port] < reach->group_size[port]
                     ? best[port]
                     : reach->group_size[port];
    return links;
}

static bool
claims(const struct link *link, unsigned module)
{
    return link->info && link->forwarding && link->module == module;
}

/* Two boxes may claim one number for a moment: a replaced one that has not
 * noticed.  The higher term wins, then the later claim. */
static void
ncf_ports(const struct reach *reach, unsigned module, uint64_t *ports)
{
    const struct link *winner = NULL;
    unsigned port;

    for (port = 0; port < reach->config.fabric_ports; port++) {
        const struct link *link = &reach->links[port];

        if (claims(link, module) &&
            (winner == NULL || link->term > winner->term ||
             (link->term == winner->term && link->claim > winner->claim)))
            winner = link;
    }
    if (winner == NULL)
        return;
    for (port = 0; port < reach->config.fabric_ports; port++)
        if (claims(&reach->links[port], module) &&
            reach->links[port].peer.key == winner->peer.key)
            *ports |= reach_bit(port);
}

static void
recompute(struct reach *reach, unsigned module, uint64_t now_ns)
{
    uint64_t ports = 0;
    unsigned links = 0;

    if (reach->config.role == ROLE_NCF)
        ncf_ports(reach, module, &ports);
    else if (module != reach->module)
        links = ncp_ports(reach, module, &ports);
    if (module != reach->module)
        ports |= reach->kept[module] & reach->kept_ports;
    reach_want(reach, module, ports);
    if (reach->config.role == ROLE_NCF)
        reach_advertise(reach, module, now_ns);
    else if (reach->kept_ports == 0)
        reach_capacity_update(reach, module, links, now_ns);
}

unsigned
reach_recompute(struct reach *reach, unsigned most, uint64_t now_ns)
{
    unsigned module = 0, count = 0;

    while (count < most) {
        module = reach_bit_next(reach->dirty, module, FWD_MODULES_MAX);
        if (module == FWD_MODULES_MAX) {
            reach->dirty_due_ns = TIME_NEVER_NS;
            break;
        }
        reach_bit_clear(reach->dirty, module);
        recompute(reach, module, now_ns);
        count++;
    }
    return count;
}

void
reach_announce_all(struct reach *reach, uint64_t due_ns)
{
    unsigned port;

    for (port = 0; port < reach->config.fabric_ports; port++)
        reach_link_announce(reach, port, due_ns);
}

static void
grace_end(struct reach *reach, uint64_t now_ns)
{
    unsigned port;

    reach->grace_end_ns = TIME_NEVER_NS;
    for (port = 0; port < reach->config.fabric_ports; port++)
        reach_release(reach, port, now_ns);
    reach_grace_rows(reach, now_ns);
}

/* Heals state that was lost in silence, and finds links that died so. */
static void
refresh(struct reach *reach, uint64_t now_ns)
{
    unsigned port;

    reach->refresh_at_ns = now_ns + REACH_REFRESH_NS;
    reach->poll_due = true;
    for (port = 0; port < reach->config.fabric_ports; port++)
        if (now_ns - reach->links[port].sent_at_ns >= REACH_REFRESH_NS / 2)
            reach_link_announce(reach, port, now_ns);
}

void
reach_time(struct reach *reach, uint64_t now_ns)
{
    unsigned port;

    if (now_ns < reach->deadline_ns)
        return;
    for (port = 0; port < reach->config.fabric_ports; port++)
        reach_link_time(reach, port, now_ns);
    reach_table_time(reach, now_ns);
    if (now_ns >= reach->grace_end_ns)
        grace_end(reach, now_ns);
    if (now_ns >= reach->refresh_at_ns)
        refresh(reach, now_ns);
    reach_capacity_time(reach, now_ns);
    reach_box_step(reach, now_ns);
}

bool
reach_poll_due(struct reach *reach)
{
    bool due = reach->poll_due;

    reach->poll_due = false;
    return due;
}

bool
reach_member_known(const struct reach *reach)
{
    return reach->member_known;
}

uint64_t
reach_ports_to(const struct reach *reach, uint16_t module)
{
    return module < FWD_MODULES_MAX ? reach->slots[module].wanted : 0;
}

bool
reach_link_works(const struct reach *reach, unsigned port)
{
    return port < reach->config.fabric_ports &&
           reach->links[port].state == LINK_UP;
}

unsigned
reach_links_to(const struct reach *reach, uint16_t module, unsigned *nominal)
{
    if (module >= FWD_MODULES_MAX) {
        *nominal = 0;
        return 0;
    }
    *nominal = reach->capacity[module].nominal;
    return reach->capacity[module].links;
}
