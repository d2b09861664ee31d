/* SPDX-License-Identifier: Apache-2.0
 *
 * What is to be done next, most urgent first: tables, packets, traces, rows.
 */
#include "reference-nos/fabric/reach_priv.h"

#include <string.h>

/* Destinations recomputed in one piece. */
#define RECOMPUTE_MOST 64u

static void
packet_begin(const struct reach *reach, const struct link *link,
             enum fabric_packet_type type, struct fabric_packet *packet)
{
    memset(packet, 0, sizeof(*packet));
    packet->type = type;
    packet->cluster_id = reach->config.cluster_id;
    packet->key = reach->config.key;
    packet->from = reach->config.life;
    if (link->peer_known && !link->silent) {
        packet->to_key = link->peer.key;
        packet->to = link->peer.life;
    }
}

static void
ident_build(struct reach *reach, unsigned port, struct fabric_packet *packet,
            uint64_t now_ns)
{
    struct link *link = &reach->links[port];

    packet_begin(reach, link, FABRIC_IDENT, packet);
    packet->u.ident.sequence = ++link->ident_sent;
    packet->u.ident.role = reach->config.role;
    packet->u.ident.port = (uint16_t)port;
    packet->u.ident.module = reach->module;
    packet->u.ident.confirmed = link->state == LINK_UP;
    reach_link_ident_sent(reach, port, now_ns);
}

static void
announce_build(struct reach *reach, unsigned port,
               struct fabric_packet *packet, uint64_t now_ns)
{
    struct link *link = &reach->links[port];
    struct fabric_announce *announce = &packet->u.announce;

    packet_begin(reach, link, FABRIC_ANNOUNCE, packet);
    if (link->fresh)
        link->sent++;
    announce->sequence = link->sent;
    announce->term = reach->term;
    announce->module = reach->module;
    announce->forwarding = reach->advertised;
    if (reach->config.role == ROLE_NCF)
        memcpy(announce->links, reach->advert, sizeof(announce->links));
    reach_link_sent(reach, port, now_ns);
}

static void
ack_build(struct reach *reach, unsigned port, struct fabric_packet *packet)
{
    const struct link *link = &reach->links[port];

    packet_begin(reach, link, FABRIC_ACK, packet);
    packet->u.acknowledged = link->heard_sequence;
    reach->ack_mask &= ~reach_bit(port);
}

/* The lowest port whose announcement's time has come, or PORTS_MAX. */
static unsigned
announce_port(const struct reach *reach, uint64_t now_ns)
{
    unsigned port = 0;

    for (;;) {
        port =
            reach_bit_next(&reach->announce_mask, port, FWD_FABRIC_PORTS_MAX);
        if (port == FWD_FABRIC_PORTS_MAX ||
            now_ns >= reach->links[port].due_ns)
            return port;
        port++;
    }
}

static bool
send_build(struct reach *reach, uint64_t now_ns, struct reach_effect *effect)
{
    struct fabric_packet packet;
    unsigned port;

    if (reach->ident_mask != 0) {
        port = (unsigned)__builtin_ctzll(reach->ident_mask);
        ident_build(reach, port, &packet, now_ns);
    } else if ((port = announce_port(reach, now_ns)) != FWD_FABRIC_PORTS_MAX) {
        announce_build(reach, port, &packet, now_ns);
        if (reach->config.role == ROLE_NCF)
            reach_held(reach, now_ns);
    } else if (reach->ack_mask != 0) {
        port = (unsigned)__builtin_ctzll(reach->ack_mask);
        ack_build(reach, port, &packet);
    } else {
        return false;
    }
    effect->kind = REACH_SEND;
    effect->u.send.port = port;
    effect->u.send.size = fabric_packet_encode(&packet, effect->u.send.bytes);
    return true;
}

static bool
work_build(struct reach *reach, uint64_t now_ns, struct reach_effect *effect)
{
    if (now_ns < reach->dirty_due_ns)
        return false;
    effect->kind = REACH_WORK;
    effect->u.recomputed = reach_recompute(reach, RECOMPUTE_MOST, now_ns);
    return effect->u.recomputed != 0;
}

static uint64_t
deadline_find(const struct reach *reach)
{
    uint64_t deadline_ns = reach->refresh_at_ns;
    unsigned port;

    reach_earlier(&deadline_ns, reach->dirty_due_ns);
    reach_earlier(&deadline_ns, reach->write_overdue_ns);
    reach_earlier(&deadline_ns, reach->write_retry_ns);
    reach_earlier(&deadline_ns, reach->grace_end_ns);
    reach_earlier(&deadline_ns, reach->forget_at_ns);
    reach_earlier(&deadline_ns, reach->box_at_ns);
    reach_earlier(&deadline_ns, reach->alarm_at_ns);
    reach_earlier(&deadline_ns, reach->rows_due_ns);
    reach_earlier(&deadline_ns, reach->reach_rows_due_ns);
    for (port = 0; port < reach->config.fabric_ports; port++) {
        const struct link *link = &reach->links[port];

        reach_earlier(&deadline_ns, reach_link_deadline_ns(link));
        if ((reach->announce_mask & reach_bit(port)) != 0)
            reach_earlier(&deadline_ns, link->due_ns);
    }
    return deadline_ns;
}

bool
reach_next(struct reach *reach, uint64_t now_ns, struct reach_effect *effect)
{
    if (work_build(reach, now_ns, effect) ||
        reach_write_build(reach, now_ns, effect) ||
        send_build(reach, now_ns, effect) ||
        reach_trace_build(reach, effect) ||
        reach_row_build(reach, now_ns, effect))
        return true;
    reach->deadline_ns = deadline_find(reach);
    return false;
}

uint64_t
reach_deadline_ns(const struct reach *reach)
{
    return reach->deadline_ns;
}
