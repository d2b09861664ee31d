/* SPDX-License-Identifier: Apache-2.0
 *
 * Where the addresses of next hops lead.  Each is looked up from the start
 * whenever something it may depend on has changed: the answer is a function
 * of CONF alone.
 */
#include "reference-nos/base/check.h"
#include "reference-nos/base/err.h"
#include "reference-nos/rib/routes_priv.h"

#include <string.h>

#define STEPS_PER_UNIT 8u

struct lookup {
    const struct rib *rib;
    const struct prefix *stack[RIB_DEPTH_MAX]; /* being resolved through */
    unsigned depth;
    unsigned steps;
    unsigned count;
    struct fwd_hop hops[FWD_HOPS_MAX];
};

static int
hop_compare(struct fwd_hop a, struct fwd_hop b)
{
    if (a.module != b.module)
        return a.module < b.module ? -1 : 1;
    return (a.port > b.port) - (a.port < b.port);
}

void
rib_hop_add(struct fwd_hop *hops, unsigned *count, struct fwd_hop hop)
{
    unsigned place = 0;

    while (place < *count && hop_compare(hops[place], hop) < 0)
        place++;
    if (place == FWD_HOPS_MAX ||
        (place < *count && hop_compare(hops[place], hop) == 0))
        return;
    if (*count == FWD_HOPS_MAX)
        --*count; /* The lowest ones stay, in whatever order they come. */
    memmove(&hops[place + 1], &hops[place],
            (*count - place) * sizeof(hops[0]));
    hops[place] = hop;
    ++*count;
}

void
rib_connected_hops(const struct rib *rib, const struct fwd_prefix *prefix,
                   struct fwd_hop *hops, unsigned *count)
{
    struct connected key = {.prefix = *prefix};
    struct tree_node *node = tree_lower_bound(&rib->connected, &key);

    for (unsigned i = 0; node != NULL && i < FWD_HOPS_MAX; i++) {
        const struct connected *connected =
            CONTAINER_OF(node, const struct connected, node);

        if (prefix_compare(&connected->prefix, prefix) != 0)
            return;
        rib_hop_add(hops, count, connected->hop);
        node = tree_next(node);
    }
}

static bool
on_stack(const struct lookup *lookup, const struct prefix *prefix)
{
    for (unsigned i = 0; i < lookup->depth; i++)
        if (lookup->stack[i] == prefix)
            return true;
    return false;
}

enum found { FOUND_NOTHING, FOUND_HOPS, FOUND_DISCARD };

static enum found look_up(struct lookup *lookup,
                          const struct fwd_prefix *address);

/* Through the static route at 'prefix'. */
static enum found
look_through(struct lookup *lookup, const struct prefix *prefix)
{
    enum found found = FOUND_NOTHING;

    if (prefix->fixed->discard)
        return FOUND_DISCARD;
    if (lookup->depth == RIB_DEPTH_MAX || on_stack(lookup, prefix))
        return FOUND_NOTHING;
    lookup->stack[lookup->depth++] = prefix;
    for (unsigned i = 0; i < prefix->fixed->count; i++)
        if (look_up(lookup, &prefix->fixed->uses[i].hop->address) ==
            FOUND_HOPS)
            found = FOUND_HOPS;
    lookup->depth--;
    return found;
}

static enum found
look_up(struct lookup *lookup, const struct fwd_prefix *address)
{
    const struct rib *rib = lookup->rib;
    unsigned length = address->length + 1u;

    while (length-- > 0) {
        const struct prefix *prefix;
        struct fwd_prefix cut;
        enum found found = FOUND_NOTHING;

        if (rib->lengths[address->family == 6][length] == 0)
            continue;
        if (lookup->steps++ >= RIB_STEPS_MAX)
            return FOUND_NOTHING;
        cut = prefix_cut(address, length);
        prefix = rib_prefix_find(rib, &cut);
        if (prefix == NULL)
            continue;
        if (prefix->connected > 0) {
            rib_connected_hops(rib, &cut, lookup->hops, &lookup->count);
            return FOUND_HOPS;
        }
        if (prefix->fixed != NULL)
            found = look_through(lookup, prefix);
        if (found != FOUND_NOTHING)
            return found;
    }
    return FOUND_NOTHING;
}

/* ---- next hops ---- */

static unsigned
resolve(const struct rib *rib, struct next_hop *hop, bool *moved)
{
    struct lookup lookup = {.rib = rib};

    (void)look_up(&lookup, &hop->address);
    *moved = hop->count != lookup.count ||
             memcmp(hop->hops, lookup.hops,
                    lookup.count * sizeof(lookup.hops[0])) != 0;
    hop->count = lookup.count;
    memcpy(hop->hops, lookup.hops, sizeof(hop->hops));
    return 1 + lookup.steps / STEPS_PER_UNIT;
}

int
rib_next_hop_get(struct rib *rib, const struct fwd_prefix *address,
                 struct next_hop **out)
{
    struct tree_node *node = tree_find(&rib->next_hops, address);
    struct next_hop *hop;
    bool moved;
    int error;

    if (node != NULL) {
        hop = CONTAINER_OF(node, struct next_hop, node);
    } else {
        hop = mem_zalloc(rib->mem, sizeof(*hop));
        if (hop == NULL)
            return ERR_NOMEM;
        hop->address = *address;
        list_init(&hop->users);
        error = tree_insert(&rib->next_hops, address, &hop->node);
        CHECK(error == 0);
        (void)resolve(rib, hop, &moved);
    }
    hop->user_count++;
    *out = hop;
    return 0;
}

void
rib_next_hop_release(struct rib *rib, struct next_hop *hop)
{
    if (--hop->user_count > 0)
        return;
    tree_remove(&rib->next_hops, &hop->node);
    mem_free(rib->mem, hop, sizeof(*hop));
}

void
rib_scan_begin(struct rib *rib, const struct fwd_prefix *prefix)
{
    struct fwd_prefix first = *prefix;
    struct tree_node *node;

    /* Nobody looks for anything in there. */
    first.length = (uint8_t)prefix_bits(prefix->family);
    node = tree_lower_bound(&rib->next_hops, &first);
    if (node == NULL ||
        !prefix_covers(prefix,
                       &CONTAINER_OF(node, struct next_hop, node)->address))
        return;
    rib->scan = (struct cursor){true, false};
}

void
rib_scan_step(struct rib *rib, unsigned *units)
{
    struct tree_node *node =
        rib->scan.started ? tree_upper_bound(&rib->next_hops, &rib->scan_at)
                          : tree_first(&rib->next_hops);
    struct next_hop *hop;
    bool moved;

    rib->scan.started = true;
    if (node == NULL) {
        rib->scan.active = false;
        return;
    }
    hop = CONTAINER_OF(node, struct next_hop, node);
    rib->scan_at = hop->address;
    *units = resolve(rib, hop, &moved);
    if (moved)
        list_append_all(&rib->moved, &hop->users);
}
