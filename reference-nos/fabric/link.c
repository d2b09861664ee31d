/* SPDX-License-Identifier: Apache-2.0
 *
 * One fabric link: who is at the far end, does it work both ways, and the
 * reliable exchange of announcements.  The handshake is that of IS-IS
 * point-to-point adjacencies (RFC 5303): a link is up when the far end names
 * us.
 */
#include "reference-nos/fabric/reach_priv.h"

#include <string.h>

#include "reference-nos/base/err.h"

static int
life_compare(const struct fabric_life *a, const struct fabric_life *b)
{
    if (a->incarnation != b->incarnation)
        return a->incarnation < b->incarnation ? -1 : 1;
    if (a->life != b->life)
        return a->life < b->life ? -1 : 1;
    return 0;
}

static bool
names_us(const struct reach *reach, const struct fabric_packet *packet)
{
    return packet->to_key == reach->config.key &&
           life_compare(&packet->to, &reach->config.life) == 0;
}

static bool
from_peer(const struct link *link, const struct fabric_packet *packet)
{
    return link->peer_known && !link->silent &&
           packet->key == link->peer.key &&
           life_compare(&packet->from, &link->peer.life) == 0;
}

/* Asks for an IDENT now, and for quick ones until it is answered. */
static void
ident_hurry(struct reach *reach, unsigned port)
{
    struct link *link = &reach->links[port];

    reach->ident_mask |= reach_bit(port);
    link->ident_gap_ns = REACH_RETRY_NS;
    link->ident_tries = 0;
}

static void
info_drop(struct reach *reach, unsigned port, uint64_t now_ns)
{
    struct link *link = &reach->links[port];

    if (!link->info)
        return;
    reach_touch_link(reach, link, now_ns);
    link->info = false;
    link->info_until_ns = TIME_NEVER_NS;
    reach_regroup(reach);
}

static void
announce_stop(struct reach *reach, unsigned port)
{
    struct link *link = &reach->links[port];

    reach->announce_mask &= ~reach_bit(port);
    reach->ack_mask &= ~reach_bit(port);
    link->retry_at_ns = TIME_NEVER_NS;
    link->tries = 0;
}

/* From UP to LIT: what we announced no longer counts as delivered. */
static void
link_fall(struct reach *reach, unsigned port)
{
    struct link *link = &reach->links[port];

    link->state = LINK_LIT;
    link->heard = false;
    announce_stop(reach, port);
    ident_hurry(reach, port);
}

static void
link_confirm(struct reach *reach, unsigned port, uint64_t now_ns)
{
    struct link *link = &reach->links[port];

    if (link->state != LINK_LIT)
        return;
    link->state = LINK_UP;
    link->ident_at_ns = TIME_NEVER_NS;
    reach_link_announce(reach, port, now_ns);
}

static void
foreign_set(struct reach *reach, unsigned port, uint64_t key, uint64_t now_ns)
{
    struct link *link = &reach->links[port];
    bool foreign = key != 0;

    if (link->foreign == foreign)
        return;
    link->foreign = foreign;
    link->foreign_key = key;
    reach_cable_changed(reach, port, now_ns);
}

static void
link_darken(struct reach *reach, unsigned port, uint64_t now_ns)
{
    struct link *link = &reach->links[port];

    info_drop(reach, port, now_ns);
    reach_release(reach, port, now_ns);
    foreign_set(reach, port, 0, now_ns);
    announce_stop(reach, port);
    reach->ident_mask &= ~reach_bit(port);
    link->state = LINK_DARK;
    link->ident_at_ns = TIME_NEVER_NS;
    link->heard = false;
    link->silent = false;
    link->peer_known = false;
    reach_seen_changed(reach, port, now_ns);
}

void
reach_light(struct reach *reach, unsigned port, bool up, uint64_t now_ns)
{
    struct link *link;

    if (port >= reach->config.fabric_ports)
        return;
    link = &reach->links[port];
    if (!up)
        reach_release(reach, port, now_ns);
    if (up == (link->state != LINK_DARK))
        return;
    if (up) {
        link->state = LINK_LIT;
        ident_hurry(reach, port);
    } else {
        link_darken(reach, port, now_ns);
    }
    reach_box_step(reach, now_ns);
}

/* A box, or a new life of it, at the far end. */
static void
peer_take(struct reach *reach, unsigned port,
          const struct fabric_packet *packet, uint64_t now_ns)
{
    struct link *link = &reach->links[port];
    bool restarted = link->peer_known && link->peer.key == packet->key &&
                     link->peer.life.incarnation == packet->from.incarnation;

    if (restarted) {
        /* Its tables outlive its service: keep using them for a while. */
        if (link->info && link->info_until_ns == TIME_NEVER_NS)
            link->info_until_ns = now_ns + REACH_GRACE_NS;
    } else {
        info_drop(reach, port, now_ns);
        if (link->peer_known)
            reach_release(reach, port, now_ns);
    }
    if (link->state == LINK_UP)
        link_fall(reach, port);
    link->heard = false;
    link->heard_sequence = 0;
    link->peer_known = true;
    link->peer.key = packet->key;
    link->peer.life = packet->from;
}

static int
ident_take(struct reach *reach, unsigned port,
           const struct fabric_packet *packet, uint64_t now_ns)
{
    const struct fabric_ident *ident = &packet->u.ident;
    struct link *link = &reach->links[port];
    bool same_box = link->peer_known && link->peer.key == packet->key;
    int order = same_box ? life_compare(&packet->from, &link->peer.life) : 1;
    bool fresh = link->silent || !same_box || order > 0 ||
                 link->peer.port != ident->port ||
                 link->peer.role != ident->role;

    if (order < 0 || (order == 0 && ident->sequence <= link->ident_heard))
        return ERR_STALE;
    if (order > 0)
        peer_take(reach, port, packet, now_ns);
    link->ident_heard = ident->sequence;
    link->peer.port = ident->port;
    link->peer.role = ident->role;
    link->silent = false;
    if (fresh)
        reach_seen_changed(reach, port, now_ns);
    if (names_us(reach, packet)) {
        link_confirm(reach, port, now_ns);
        if (!ident->confirmed)
            reach->ident_mask |= reach_bit(port);
        return 0;
    }
    if (link->state == LINK_UP) {
        /* The far end has stopped hearing us. */
        link_fall(reach, port);
        info_drop(reach, port, now_ns);
    }
    ident_hurry(reach, port);
    return 0;
}

/* Only a fabric box and a packet forwarder have something to tell. */
static bool
pair_matters(const struct reach *reach, const struct link *link)
{
    return (reach->config.role == ROLE_NCP && link->peer.role == ROLE_NCF) ||
           (reach->config.role == ROLE_NCF && link->peer.role == ROLE_NCP);
}

static void
ncf_info_take(struct reach *reach, struct link *link,
              const struct fabric_announce *announce, uint64_t now_ns)
{
    uint64_t hold_ns = now_ns + REACH_HOLD_NS;
    unsigned module;

    for (module = 0; module < FWD_MODULES_MAX; module++) {
        uint8_t before = link->info ? link->links[module] : 0;
        uint8_t after = announce->forwarding ? announce->links[module] : 0;

        if (before != after)
            reach_touch(reach, (uint16_t)module, after ? hold_ns : now_ns);
        link->links[module] = after;
    }
}

static void
ncp_info_take(struct reach *reach, struct link *link,
              const struct fabric_announce *announce, uint64_t now_ns)
{
    bool before = link->info && link->forwarding;

    if (before && (!announce->forwarding || link->module != announce->module))
        reach_touch(reach, link->module, now_ns);
    if (announce->forwarding && (!before || link->module != announce->module))
        link->claim = ++reach->claims;
    if (announce->forwarding && (!before || link->module != announce->module ||
                                 link->term != announce->term))
        reach_touch(reach, announce->module, now_ns + REACH_HOLD_NS);
}

static void
info_take(struct reach *reach, unsigned port,
          const struct fabric_announce *announce, uint64_t now_ns)
{
    struct link *link = &reach->links[port];
    bool had_info = link->info;

    if (link->peer.role == ROLE_NCF)
        ncf_info_take(reach, link, announce, now_ns);
    else
        ncp_info_take(reach, link, announce, now_ns);
    link->info = true;
    link->info_until_ns = TIME_NEVER_NS;
    link->module = announce->module;
    link->term = announce->term;
    link->forwarding = announce->forwarding;
    if (!had_info)
        reach_regroup(reach);
    reach_release(reach, port, now_ns);
}

static bool
module_valid(uint16_t module)
{
    return module < FWD_MODULES_MAX || module == MODULE_NONE;
}

static int
announce_take(struct reach *reach, unsigned port,
              const struct fabric_packet *packet, uint64_t now_ns)
{
    const struct fabric_announce *announce = &packet->u.announce;
    struct link *link = &reach->links[port];

    if (!module_valid(announce->module))
        return ERR_RANGE;
    if (!from_peer(link, packet) || !names_us(reach, packet))
        return ERR_STALE;
    link_confirm(reach, port, now_ns);
    reach->ack_mask |= reach_bit(port);
    if (announce->sequence <= link->heard_sequence)
        return 0;
    link->heard_sequence = announce->sequence;
    link->heard = true;
    if (pair_matters(reach, link))
        info_take(reach, port, announce, now_ns);
    return 0;
}

static int
ack_take(struct reach *reach, unsigned port,
         const struct fabric_packet *packet, uint64_t now_ns)
{
    struct link *link = &reach->links[port];

    if (!from_peer(link, packet) || !names_us(reach, packet) ||
        link->state != LINK_UP)
        return ERR_STALE;
    if (packet->u.acknowledged > link->sent)
        return ERR_MALFORMED;
    if (packet->u.acknowledged <= link->acked)
        return 0;
    link->acked = packet->u.acknowledged;
    link->tries = 0;
    link->retry_gap_ns = REACH_RETRY_NS;
    link->retry_at_ns = link->acked == link->sent
                            ? TIME_NEVER_NS
                            : now_ns + link->retry_gap_ns;
    return 0;
}

int
reach_packet(struct reach *reach, unsigned port, const void *bytes,
             size_t size, uint64_t now_ns)
{
    struct fabric_packet packet;
    int error;

    if (port >= reach->config.fabric_ports)
        return ERR_RANGE;
    if (reach->links[port].state == LINK_DARK)
        return ERR_UNREACHABLE;
    error = fabric_packet_decode(bytes, size, &packet);
    if (error != 0)
        return error;
    if (packet.cluster_id != reach->config.cluster_id ||
        packet.key == reach->config.key) {
        foreign_set(reach, port, packet.key, now_ns);
        return ERR_REFUSED;
    }
    foreign_set(reach, port, 0, now_ns);
    switch (packet.type) {
    case FABRIC_IDENT: error = ident_take(reach, port, &packet, now_ns); break;
    case FABRIC_ANNOUNCE:
        error = announce_take(reach, port, &packet, now_ns);
        break;
    case FABRIC_ACK: error = ack_take(reach, port, &packet, now_ns); break;
    }
    reach_box_step(reach, now_ns);
    return error;
}

void
reach_link_announce(struct reach *reach, unsigned port, uint64_t due_ns)
{
    struct link *link = &reach->links[port];

    if (link->state != LINK_UP)
        return;
    if ((reach->announce_mask & reach_bit(port)) == 0)
        link->due_ns = due_ns;
    else
        reach_earlier(&link->due_ns, due_ns);
    link->fresh = true;
    reach->announce_mask |= reach_bit(port);
}

void
reach_link_sent(struct reach *reach, unsigned port, uint64_t now_ns)
{
    struct link *link = &reach->links[port];

    reach->announce_mask &= ~reach_bit(port);
    link->fresh = false;
    link->sent_at_ns = now_ns;
    if (link->retry_at_ns != TIME_NEVER_NS)
        return;
    link->retry_gap_ns = REACH_RETRY_NS;
    link->retry_at_ns = now_ns + link->retry_gap_ns;
}

void
reach_link_ident_sent(struct reach *reach, unsigned port, uint64_t now_ns)
{
    struct link *link = &reach->links[port];

    reach->ident_mask &= ~reach_bit(port);
    if (link->state != LINK_LIT)
        return;
    link->ident_at_ns = now_ns + link->ident_gap_ns;
    link->ident_tries++;
    if (link->ident_tries > REACH_TRIES_MAX)
        link->ident_gap_ns = REACH_IDENT_SLOW_NS;
    else if (link->ident_gap_ns * 2 < REACH_RETRY_MAX_NS)
        link->ident_gap_ns *= 2;
    else
        link->ident_gap_ns = REACH_RETRY_MAX_NS;
}

/* Nothing comes back: the link is dead until its far end identifies again. */
static void
give_up(struct reach *reach, unsigned port, uint64_t now_ns)
{
    link_fall(reach, port);
    reach->links[port].silent = true;
    info_drop(reach, port, now_ns);
    reach_release(reach, port, now_ns);
    reach_seen_changed(reach, port, now_ns);
}

static void
retry(struct reach *reach, unsigned port, uint64_t now_ns)
{
    struct link *link = &reach->links[port];

    link->tries++;
    if (link->tries > REACH_TRIES_MAX) {
        give_up(reach, port, now_ns);
        return;
    }
    if ((reach->announce_mask & reach_bit(port)) == 0)
        link->due_ns = now_ns;
    reach->announce_mask |= reach_bit(port);
    link->retry_gap_ns = link->retry_gap_ns * 2 < REACH_RETRY_MAX_NS
                             ? link->retry_gap_ns * 2
                             : REACH_RETRY_MAX_NS;
    link->retry_at_ns = now_ns + link->retry_gap_ns;
}

void
reach_link_time(struct reach *reach, unsigned port, uint64_t now_ns)
{
    struct link *link = &reach->links[port];

    if (now_ns >= link->ident_at_ns) {
        link->ident_at_ns = TIME_NEVER_NS;
        reach->ident_mask |= reach_bit(port);
    }
    if (now_ns >= link->retry_at_ns)
        retry(reach, port, now_ns);
    if (now_ns >= link->info_until_ns)
        info_drop(reach, port, now_ns);
}

uint64_t
reach_link_deadline_ns(const struct link *link)
{
    uint64_t deadline_ns = link->ident_at_ns;

    reach_earlier(&deadline_ns, link->retry_at_ns);
    reach_earlier(&deadline_ns, link->info_until_ns);
    return deadline_ns;
}
