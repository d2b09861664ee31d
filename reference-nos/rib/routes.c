/* SPDX-License-Identifier: Apache-2.0 */
#include "reference-nos/rib/routes.h"

#include "reference-nos/base/check.h"
#include "reference-nos/base/err.h"
#include "reference-nos/rib/routes_priv.h"

#define SWEEP_STEP 64u

static int
interface_compare(const void *left, const struct tree_node *node)
{
    const struct interface_key *key = left;
    const struct interface_key *other =
        &CONTAINER_OF(node, const struct interface, node)->key;

    if (key->module != other->module)
        return key->module < other->module ? -1 : 1;
    return (key->port > other->port) - (key->port < other->port);
}

static int
connected_compare(const void *left, const struct tree_node *node)
{
    const struct connected *key = left;
    const struct connected *other =
        CONTAINER_OF(node, const struct connected, node);
    int order = prefix_compare(&key->prefix, &other->prefix);

    if (order != 0)
        return order;
    if (key->hop.module != other->hop.module)
        return key->hop.module < other->hop.module ? -1 : 1;
    return (key->hop.port > other->hop.port) -
           (key->hop.port < other->hop.port);
}

static int
compare(const void *left, const struct tree_node *node)
{
    return prefix_compare(
        left, &CONTAINER_OF(node, const struct prefix, node)->prefix);
}

static int
next_hop_compare(const void *left, const struct tree_node *node)
{
    return prefix_compare(
        left, &CONTAINER_OF(node, const struct next_hop, node)->address);
}

int
rib_create(struct mem *mem, struct rib **out)
{
    struct rib *rib = mem_zalloc(mem, sizeof(*rib));

    if (rib == NULL)
        return ERR_NOMEM;
    rib->mem = mem;
    tree_init(&rib->interfaces, interface_compare);
    tree_init(&rib->connected, connected_compare);
    tree_init(&rib->prefixes, compare);
    tree_init(&rib->next_hops, next_hop_compare);
    rib_groups_init(rib);
    rows_init(&rib->rows, mem, RIB_ROWS_MAX, RIB_BYTES_MAX);
    list_init(&rib->moved);
    list_init(&rib->changed);
    list_init(&rib->leaving);
    list_init(&rib->idle);
    rib->leave_ns = TIME_NEVER_NS;
    *out = rib;
    return 0;
}

/* ---- prefixes ---- */

struct prefix *
rib_prefix_find(const struct rib *rib, const struct fwd_prefix *prefix)
{
    struct tree_node *node = tree_find(&rib->prefixes, prefix);

    return node == NULL ? NULL : CONTAINER_OF(node, struct prefix, node);
}

static bool
in_use(const struct prefix *prefix)
{
    return prefix->connected > 0 || prefix->fixed != NULL;
}

static int
prefix_get(struct rib *rib, const struct fwd_prefix *key, struct prefix **out)
{
    struct prefix *prefix = rib_prefix_find(rib, key);
    int error;

    if (prefix == NULL) {
        prefix = mem_zalloc(rib->mem, sizeof(*prefix));
        if (prefix == NULL)
            return ERR_NOMEM;
        prefix->prefix = *key;
        error = tree_insert(&rib->prefixes, key, &prefix->node);
        CHECK(error == 0);
    }
    *out = prefix;
    return 0;
}

void
rib_prefix_drop(struct rib *rib, struct prefix *prefix)
{
    if (in_use(prefix) || prefix->installed || list_linked(&prefix->todo))
        return;
    tree_remove(&rib->prefixes, &prefix->node);
    mem_free(rib->mem, prefix, sizeof(*prefix));
}

/* CONF says something else about it. */
static void
prefix_changed(struct rib *rib, struct prefix *prefix, bool was_in_use)
{
    size_t *length =
        &rib->lengths[prefix->prefix.family == 6][prefix->prefix.length];

    if (in_use(prefix) && !was_in_use)
        ++*length;
    else if (!in_use(prefix) && was_in_use)
        --*length;
    list_remove(&prefix->todo);
    list_push_back(&rib->changed, &prefix->todo);
    rib_scan_begin(rib, &prefix->prefix);
}

/* ---- interfaces ---- */

static int
subnet_add(struct rib *rib, const struct connected *key)
{
    struct tree_node *node = tree_find(&rib->connected, key);
    struct connected *connected;
    struct prefix *prefix;
    bool was;
    int error;

    if (node != NULL) {
        CONTAINER_OF(node, struct connected, node)->addresses++;
        return 0;
    }
    error = prefix_get(rib, &key->prefix, &prefix);
    if (error != 0)
        return error;
    connected = mem_zalloc(rib->mem, sizeof(*connected));
    if (connected == NULL)
        return ERR_NOMEM;
    *connected = *key;
    connected->addresses = 1;
    error = tree_insert(&rib->connected, key, &connected->node);
    CHECK(error == 0);
    was = in_use(prefix);
    prefix->connected++;
    prefix_changed(rib, prefix, was);
    return 0;
}

static void
subnet_remove(struct rib *rib, const struct connected *key)
{
    struct tree_node *node = tree_find(&rib->connected, key);
    struct prefix *prefix = rib_prefix_find(rib, &key->prefix);
    struct connected *connected;

    CHECK(node != NULL && prefix != NULL && prefix->connected > 0);
    connected = CONTAINER_OF(node, struct connected, node);
    if (--connected->addresses > 0)
        return;
    tree_remove(&rib->connected, node);
    mem_free(rib->mem, connected, sizeof(*connected));
    prefix->connected--;
    prefix_changed(rib, prefix, true);
}

static struct connected
subnet_of(const struct interface *interface, unsigned i)
{
    struct connected key = {
        .prefix = interface_subnet(&interface->row.addresses[i]),
        .hop = {interface->key.module, interface->key.port},
    };

    return key;
}

static void
subnets_remove(struct rib *rib, const struct interface *interface)
{
    for (unsigned i = 0; i < interface->row.count; i++) {
        struct connected key = subnet_of(interface, i);

        subnet_remove(rib, &key);
    }
}

static int
subnets_add(struct rib *rib, const struct interface *interface)
{
    for (unsigned i = 0; i < interface->row.count; i++) {
        struct connected key = subnet_of(interface, i);
        int error = subnet_add(rib, &key);

        if (error != 0)
            return error;
    }
    return 0;
}

static struct interface *
interface_find(const struct rib *rib, const struct interface_key *key)
{
    struct tree_node *node = tree_find(&rib->interfaces, key);

    return node == NULL ? NULL : CONTAINER_OF(node, struct interface, node);
}

static void
interface_drop(struct rib *rib, struct interface *interface)
{
    subnets_remove(rib, interface);
    tree_remove(&rib->interfaces, &interface->node);
    mem_free(rib->mem, interface, sizeof(*interface));
}

static int
interface_add(struct rib *rib, const struct interface_key *key,
              struct interface **out)
{
    struct interface *interface = mem_zalloc(rib->mem, sizeof(*interface));
    int error;

    if (interface == NULL)
        return ERR_NOMEM;
    interface->key = *key;
    error = tree_insert(&rib->interfaces, key, &interface->node);
    CHECK(error == 0);
    *out = interface;
    return 0;
}

static bool
same_addresses(const struct interface_row *a, const struct interface_row *b)
{
    if (a->count != b->count)
        return false;
    for (unsigned i = 0; i < a->count; i++)
        if (a->addresses[i].length != b->addresses[i].length ||
            prefix_compare(&a->addresses[i].ip, &b->addresses[i].ip) != 0)
            return false;
    return true;
}

int
rib_interface_set(struct rib *rib, const struct interface_key *key,
                  const struct interface_row *row)
{
    struct interface *interface = interface_find(rib, key);
    struct interface old;
    int error = 0;

    if (row == NULL) {
        if (interface != NULL)
            interface_drop(rib, interface);
        return 0;
    }
    if (interface == NULL)
        error = interface_add(rib, key, &interface);
    if (error != 0)
        return error;
    interface->generation = rib->generation;
    if (same_addresses(&interface->row, row))
        return 0;
    /* The new ones first: a subnet that stays does not change. */
    old = *interface;
    interface->row = *row;
    error = subnets_add(rib, interface);
    if (error == 0)
        subnets_remove(rib, &old);
    return error;
}

/* ---- static routes ---- */

static size_t
fixed_bytes(unsigned count)
{
    return sizeof(struct fixed) + count * sizeof(struct use);
}

static void
fixed_drop(struct rib *rib, struct fixed *fixed)
{
    if (fixed == NULL)
        return;
    for (unsigned i = 0; i < fixed->count; i++) {
        list_remove(&fixed->uses[i].node);
        rib_next_hop_release(rib, fixed->uses[i].hop);
    }
    mem_free(rib->mem, fixed, fixed_bytes(fixed->count));
}

static int
fixed_make(struct rib *rib, struct prefix *prefix,
           const struct static_row *row, struct fixed **out)
{
    struct fixed *fixed = mem_zalloc(rib->mem, fixed_bytes(row->count));
    int error = fixed == NULL ? ERR_NOMEM : 0;

    for (unsigned i = 0; i < row->count && error == 0; i++) {
        struct use *use = &fixed->uses[i];

        error = rib_next_hop_get(rib, &row->hops[i], &use->hop);
        if (error != 0)
            break;
        use->route = prefix;
        list_push_back(&use->hop->users, &use->node);
        fixed->count++;
    }
    if (error != 0)
        return error;
    fixed->discard = row->discard;
    fixed->generation = rib->generation;
    *out = fixed;
    return 0;
}

static bool
same_static(const struct fixed *fixed, const struct static_row *row)
{
    if (fixed == NULL || fixed->discard != row->discard ||
        fixed->count != row->count)
        return false;
    for (unsigned i = 0; i < row->count; i++)
        if (prefix_compare(&fixed->uses[i].hop->address, &row->hops[i]) != 0)
            return false;
    return true;
}

static void
static_delete(struct rib *rib, struct prefix *prefix)
{
    struct fixed *old;

    if (prefix == NULL || prefix->fixed == NULL)
        return;
    old = prefix->fixed;
    prefix->fixed = NULL;
    prefix_changed(rib, prefix, true);
    fixed_drop(rib, old);
}

int
rib_static_set(struct rib *rib, const struct fwd_prefix *key,
               const struct static_row *row)
{
    struct prefix *prefix;
    struct fixed *fixed, *old;
    bool was;
    int error;

    if (row == NULL) {
        static_delete(rib, rib_prefix_find(rib, key));
        return 0;
    }
    error = prefix_get(rib, key, &prefix);
    if (error != 0)
        return error;
    if (same_static(prefix->fixed, row)) {
        prefix->fixed->generation = rib->generation;
        return 0;
    }
    error = fixed_make(rib, prefix, row, &fixed);
    if (error != 0)
        return error;
    was = in_use(prefix);
    old = prefix->fixed;
    prefix->fixed = fixed;
    prefix_changed(rib, prefix, was);
    fixed_drop(rib, old);
    return 0;
}

/* ---- snapshots of CONF ---- */

void
rib_sync_begin(struct rib *rib)
{
    rib->generation++;
    rib->sweep_interfaces = (struct cursor){false, false};
    rib->sweep_statics = (struct cursor){false, false};
}

void
rib_sync_end(struct rib *rib)
{
    rib->sweep_interfaces = (struct cursor){true, false};
    rib->sweep_statics = (struct cursor){true, false};
}

/* The node behind 'key', or the first of all; moves the cursor. */
static struct tree_node *
cursor_next(struct cursor *cursor, const struct tree *tree, const void *key)
{
    struct tree_node *node =
        cursor->started ? tree_upper_bound(tree, key) : tree_first(tree);

    cursor->started = true;
    if (node == NULL)
        cursor->active = false;
    return node;
}

static void
sweep_interfaces(struct rib *rib)
{
    for (unsigned i = 0; i < SWEEP_STEP; i++) {
        struct tree_node *node = cursor_next(
            &rib->sweep_interfaces, &rib->interfaces, &rib->sweep_interface);
        struct interface *interface;

        if (node == NULL)
            return;
        interface = CONTAINER_OF(node, struct interface, node);
        rib->sweep_interface = interface->key;
        if (interface->generation != rib->generation)
            interface_drop(rib, interface);
    }
}

static void
sweep_statics(struct rib *rib)
{
    for (unsigned i = 0; i < SWEEP_STEP; i++) {
        struct tree_node *node = cursor_next(
            &rib->sweep_statics, &rib->prefixes, &rib->sweep_static);
        struct prefix *prefix;

        if (node == NULL)
            return;
        prefix = CONTAINER_OF(node, struct prefix, node);
        rib->sweep_static = prefix->prefix;
        if (prefix->fixed != NULL &&
            prefix->fixed->generation != rib->generation)
            static_delete(rib, prefix);
    }
}

/* ---- work ---- */

static bool
busy_before_leaving(const struct rib *rib)
{
    return rib->sweep_interfaces.active || rib->sweep_statics.active ||
           rib->scan.active || !list_empty(&rib->moved) ||
           !list_empty(&rib->changed);
}

bool
rib_busy(const struct rib *rib, uint64_t now_ns)
{
    if (busy_before_leaving(rib))
        return true;
    return rib->leave_ns <= now_ns;
}

uint64_t
rib_deadline_ns(const struct rib *rib)
{
    return rib->leave_ns;
}

static void
use_follow(struct rib *rib)
{
    struct use *use =
        CONTAINER_OF(list_pop_front(&rib->moved), struct use, node);

    list_push_back(&use->hop->users, &use->node);
    list_remove(&use->route->todo);
    list_push_back(&rib->changed, &use->route->todo);
}

static int
leave_step(struct rib *rib)
{
    struct list_node *node = list_pop_front(&rib->leaving);
    int error;

    if (node != NULL)
        return rib_withdraw(rib, CONTAINER_OF(node, struct prefix, todo));
    node = list_pop_front(&rib->idle);
    error =
        node == NULL
            ? 0
            : rib_group_withdraw(rib, CONTAINER_OF(node, struct group, idle));
    if (list_empty(&rib->idle))
        rib->leave_ns = TIME_NEVER_NS;
    return error;
}

int
rib_step(struct rib *rib, uint64_t now_ns, unsigned *units)
{
    *units = 1;
    if (rib->sweep_interfaces.active)
        sweep_interfaces(rib);
    else if (rib->sweep_statics.active)
        sweep_statics(rib);
    else if (rib->scan.active)
        rib_scan_step(rib, units);
    else if (!list_empty(&rib->moved))
        use_follow(rib);
    else if (!list_empty(&rib->changed))
        return rib_judge(
            rib,
            CONTAINER_OF(list_pop_front(&rib->changed), struct prefix, todo),
            now_ns);
    else if (rib->leave_ns <= now_ns)
        return leave_step(rib);
    else
        *units = 0;
    return 0;
}

const struct rows *
rib_rows(const struct rib *rib)
{
    return &rib->rows;
}

struct fib_sum
rib_sum(const struct rib *rib)
{
    return rib->sum;
}

int
rib_next(const struct rib *rib, const struct fwd_prefix *after,
         struct rib_route *route)
{
    struct tree_node *node = after == NULL
                                 ? tree_first(&rib->prefixes)
                                 : tree_upper_bound(&rib->prefixes, after);

    for (; node != NULL; node = tree_next(node)) {
        const struct prefix *prefix =
            CONTAINER_OF(node, const struct prefix, node);

        if (!prefix->installed)
            continue;
        *route = (struct rib_route){.prefix = prefix->prefix,
                                    .source = prefix->source,
                                    .discard = prefix->group == NULL};
        if (prefix->group != NULL)
            route->group = prefix->group->group;
        return 0;
    }
    return ERR_NOENT;
}
