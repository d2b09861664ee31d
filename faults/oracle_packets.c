/* SPDX-License-Identifier: Apache-2.0
 *
 * O4 and O5, judged on packets: no forwarding loop, and no black hole, longer
 * than the stated time.
 *
 * Reference  which end a destination belongs to follows from the prefixes
 *            that operators configured, by the longest match (RFC 1812,
 *            section 5.2.4.3), computed here bit by bit; whether a packet had
 *            a right to arrive, from the front ports that are in service.
 * Hole       between an ingress box and a destination: from the first packet
 *            that should have been forwarded and was not, until the next one
 *            that arrives.
 */
#include "faults/oracles_priv.h"
#include "reference-nos/base/check.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#define NO_END UINT32_MAX

/* Between one ingress box and one destination. */
struct oracle_path {
    uint64_t hole_since_ps, loop_since_ps; /* with .hole, .loop */
    bool hole, loop;
};

struct oracle_connected {
    struct fwd_prefix prefix;
    uint32_t end;
    bool anywhere; /* packets to it may leave by any port */
};

struct oracle_packets {
    unsigned end_count, box_count;
    struct oracle_end *ends;
    uint32_t *owner; /* of each end's address: an end, or NO_END */
    bool *anywhere;
    struct oracle_path *paths; /* box_count x end_count */
    struct oracle_connected *connected;
    size_t connected_count;
};

void
oracles_packets_begin(struct oracles *oracles, const struct oracle_end *ends,
                      unsigned count)
{
    struct oracle_packets *packets = calloc(1, sizeof(*packets));

    CHECK(packets != NULL && oracles->packets == NULL && count > 0);
    packets->end_count = count;
    packets->box_count = oracles->plan->box_count;
    packets->ends = calloc(count, sizeof(*packets->ends));
    packets->owner = calloc(count, sizeof(*packets->owner));
    packets->anywhere = calloc(count, sizeof(*packets->anywhere));
    packets->paths =
        calloc((size_t)count * packets->box_count, sizeof(*packets->paths));
    CHECK(packets->ends != NULL && packets->owner != NULL &&
          packets->anywhere != NULL && packets->paths != NULL);
    memcpy(packets->ends, ends, count * sizeof(*ends));
    for (unsigned i = 0; i < count; i++)
        packets->owner[i] = NO_END;
    oracles->packets = packets;
}

void
oracle_packets_destroy(struct oracle_packets *packets)
{
    if (packets == NULL)
        return;
    free(packets->ends);
    free(packets->owner);
    free(packets->anywhere);
    free(packets->paths);
    free(packets->connected);
    free(packets);
}

static bool
prefix_holds(const struct fwd_prefix *prefix, const struct fwd_prefix *host)
{
    if (prefix->family != host->family)
        return false;
    for (unsigned bit = 0; bit < prefix->length; bit++) {
        unsigned mask = 0x80u >> (bit % 8);

        if ((prefix->bytes[bit / 8] & mask) != (host->bytes[bit / 8] & mask))
            return false;
    }
    return true;
}

static void
prefix_add(struct oracles *oracles, unsigned end,
           const struct fwd_prefix *prefix, bool anywhere)
{
    struct oracle_packets *packets = oracles->packets;

    CHECK(packets != NULL && end < packets->end_count);
    packets->connected =
        realloc(packets->connected,
                (packets->connected_count + 1) * sizeof(*packets->connected));
    CHECK(packets->connected != NULL);
    packets->connected[packets->connected_count++] =
        (struct oracle_connected){*prefix, end, anywhere};
}

void
oracles_connected(struct oracles *oracles, unsigned end,
                  const struct fwd_prefix *prefix)
{
    prefix_add(oracles, end, prefix, false);
}

void
oracles_routed(struct oracles *oracles, unsigned end,
               const struct fwd_prefix *prefix)
{
    prefix_add(oracles, end, prefix, true);
}

void
oracles_addressed(struct oracles *oracles, unsigned end,
                  const struct fwd_prefix *host)
{
    struct oracle_packets *packets = oracles->packets;
    int longest = -1;

    CHECK(packets != NULL && end < packets->end_count);
    packets->owner[end] = NO_END;
    for (size_t i = 0; i < packets->connected_count; i++) {
        const struct oracle_connected *row = &packets->connected[i];

        if ((int)row->prefix.length <= longest ||
            !prefix_holds(&row->prefix, host))
            continue;
        longest = row->prefix.length;
        packets->owner[end] = row->end;
        packets->anywhere[end] = row->anywhere;
    }
}

void
oracle_packets_service(struct oracles *oracles, const struct observation *seen)
{
    oracles->in_service[seen->box] = seen->a > 0;
}

static struct oracle_path *
path_of(const struct oracle_packets *packets, unsigned from, unsigned to)
{
    return &packets
                ->paths[(size_t)packets->ends[from].box * packets->end_count +
                        to];
}

/* Must a packet between these arrive?  Then the end where. */
static uint32_t
due_end(const struct oracles *oracles, unsigned from, unsigned to)
{
    const struct oracle_packets *packets = oracles->packets;
    uint32_t owner;

    if (packets == NULL || from >= packets->end_count ||
        to >= packets->end_count)
        return NO_END;
    owner = packets->owner[to];
    if (owner == NO_END || !oracles->in_service[packets->ends[from].box] ||
        !oracles->in_service[packets->ends[owner].box])
        return NO_END;
    return owner;
}

static const char *
end_box(const struct oracles *oracles, unsigned end)
{
    return oracles->plan->boxes[oracles->packets->ends[end].box].name;
}

static void
hole_seen(struct oracles *oracles, uint64_t at_ps, unsigned from, unsigned to,
          const char *what)
{
    struct oracle_path *path = path_of(oracles->packets, from, to);

    if (!path->hole) {
        path->hole = true;
        path->hole_since_ps = at_ps;
    }
    if (at_ps - path->hole_since_ps <= ORACLE_HOLE_PS)
        return;
    oracle_violated(
        oracles, ORACLE_O5, simtime_from_ps(at_ps),
        "packets from %s to %s/%u, both in service, %s for %" PRIu64 " ns",
        end_box(oracles, from), end_box(oracles, to),
        oracles->packets->ends[to].port, what,
        (at_ps - path->hole_since_ps) / 1000);
}

static void
loop_seen(struct oracles *oracles, uint64_t at_ps, unsigned from, unsigned to)
{
    struct oracle_path *path = path_of(oracles->packets, from, to);

    oracle_exercised(oracles, ORACLE_O4);
    if (!path->loop) {
        path->loop = true;
        path->loop_since_ps = at_ps;
    }
    if (at_ps - path->loop_since_ps <= ORACLE_HOLE_PS)
        return;
    oracle_violated(oracles, ORACLE_O4, simtime_from_ps(at_ps),
                    "packets from %s to %s/%u went round until their time to "
                    "live was over, for %" PRIu64 " ns",
                    end_box(oracles, from), end_box(oracles, to),
                    oracles->packets->ends[to].port,
                    (at_ps - path->loop_since_ps) / 1000);
}

void
oracles_packet_out(struct oracles *oracles, uint64_t at_ps, unsigned end,
                   unsigned from, unsigned to)
{
    uint32_t due = due_end(oracles, from, to);
    struct oracle_path *path;

    if (due == NO_END)
        return;
    oracle_exercised(oracles, ORACLE_O4);
    oracle_exercised(oracles, ORACLE_O5);
    if (end != due && !oracles->packets->anywhere[to]) {
        hole_seen(oracles, at_ps, from, to, "left at another port");
        return;
    }
    path = path_of(oracles->packets, from, to);
    path->hole = false;
    path->loop = false;
}

/* What a wrong or missing table does; the rest is load, or a cable. */
static bool
is_hole(enum plane_drop cause)
{
    return cause == PLANE_DROP_NO_ROUTE || cause == PLANE_DROP_DISCARD ||
           cause == PLANE_DROP_NEXT_HOP || cause == PLANE_DROP_BOX_DOWN ||
           cause == PLANE_DROP_PORT_DOWN || cause == PLANE_DROP_STRAY;
}

void
oracles_packet_dropped(struct oracles *oracles, uint64_t at_ps,
                       enum plane_drop cause, unsigned from, unsigned to)
{
    if (due_end(oracles, from, to) == NO_END)
        return;
    if (cause == PLANE_DROP_TTL) {
        loop_seen(oracles, at_ps, from, to);
    } else if (is_hole(cause)) {
        oracle_exercised(oracles, ORACLE_O5);
        hole_seen(oracles, at_ps, from, to, plane_drop_text(cause));
    }
}
