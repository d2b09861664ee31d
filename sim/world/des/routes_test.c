/* SPDX-License-Identifier: Apache-2.0
 *
 * From an operator's rows to what every ASIC does with a packet.  The truth
 * is worked out here from the rows that were acknowledged, address by
 * address, by another way than the NOS's.
 */
#include "sim/world/des/des_test.h"

#include <stdlib.h>
#include <string.h>

#include "reference-nos/platform/mutation.h"
#include "reference-nos/schema/operator_msg.h"
#include "reference-nos/schema/store_msg.h"

#define PORTS 6u    /* front ports that ever have an address */
#define STATICS 24u /* prefixes that ever have a static route */
#define CLIENT 77u

/* CONF as it was acknowledged. */
struct conf {
    bool address[4][PORTS]; /* module, port: 10.module.port.1/24 */
    struct {
        bool used;
        struct fwd_prefix prefix;
        struct static_row row;
    } statics[STATICS];
};

static struct small small;
static struct conf conf;
static uint64_t sequence;
static uint8_t rows_bytes[OPERATOR_ROWS_MAX];
static struct wire_writer rows;
static uint64_t state;

static uint64_t
draw(uint64_t below)
{
    state = state * UINT64_C(6364136223846793005) + 1442695040888963407u;
    return (state >> 33) % below;
}

static struct fwd_prefix
v4(unsigned a, unsigned b, unsigned c, unsigned d, unsigned length)
{
    struct fwd_prefix whole = {
        .family = 4,
        .length = 32,
        .bytes = {(uint8_t)a, (uint8_t)b, (uint8_t)c, (uint8_t)d}};

    return prefix_cut(&whole, length);
}

static uint16_t
module_of(unsigned ncp)
{
    return module_id(ROLE_NCP, (uint16_t)ncp);
}

/* ---- edits ---- */

static void
row_add(enum table table, const struct key_bytes *key,
        const struct row_bytes *value)
{
    struct store_row row = {.table = table,
                            .deleted = value == NULL,
                            .key = key->bytes,
                            .key_size = key->size,
                            .value = value != NULL ? value->bytes : NULL,
                            .value_size = value != NULL ? value->size : 0};

    store_row_add(&rows, &row);
}

static void
edit_address(unsigned ncp, unsigned port, bool there)
{
    struct interface_key key = {module_of(ncp), (uint16_t)port};
    struct interface_row row = {
        .count = 1,
        .addresses = {{v4(10, ncp, port, 1, 32), 24}},
    };
    struct key_bytes key_bytes;
    struct row_bytes value;

    interface_key_encode(&key, &key_bytes);
    interface_row_encode(&row, &value);
    row_add(TABLE_INTERFACE, &key_bytes, there ? &value : NULL);
    conf.address[ncp][port] = there;
}

static void
edit_static(unsigned place, const struct fwd_prefix *prefix,
            const struct static_row *row)
{
    struct key_bytes key;
    struct row_bytes value;

    prefix_key_encode(prefix, &key);
    if (row != NULL)
        static_row_encode(row, &value);
    row_add(TABLE_ROUTE, &key, row != NULL ? &value : NULL);
    conf.statics[place].used = row != NULL;
    conf.statics[place].prefix = *prefix;
    if (row != NULL)
        conf.statics[place].row = *row;
}

static void
edit_begin(void)
{
    wire_writer_init(&rows, rows_bytes, sizeof(rows_bytes));
}

static unsigned
leader(void)
{
    for (unsigned i = 0; i < 2; i++) {
        struct des_box *box = small_box(&small, i == 0 ? "ncc-0" : "ncc-1");

        if (box->runtime != NULL &&
            small.traced_box[TRACE_LEADER_READY] == box->index)
            return box->index;
    }
    return small_box(&small, "ncc-0")->index;
}

/* Until it is acknowledged, whoever leads meanwhile. */
static void
edit_send(void)
{
    static uint8_t bytes[OPERATOR_REQ_MAX + OPERATOR_ROWS_MAX];
    struct operator_req req = {
        .verb = OPERATOR_EDIT,
        .client = CLIENT,
        .sequence = ++sequence,
        .module = MODULE_NONE,
        .rows = rows.start,
        .rows_size = wire_writer_size(&rows),
    };
    struct wire_writer writer;

    ck_assert_int_eq(wire_writer_finish(&rows), 0);
    wire_writer_init(&writer, bytes, sizeof(bytes));
    operator_req_write(&writer, &req);
    ck_assert_int_eq(wire_writer_finish(&writer), 0);
    for (unsigned i = 0; i < 200; i++) {
        uint64_t before = small.traced[TRACE_ACKNOWLEDGED];

        (void)small.world->ops->request(small.world, leader(), 1000 + i, bytes,
                                        wire_writer_size(&writer));
        small_run_ms(&small, 50);
        if (small.traced[TRACE_ACKNOWLEDGED] > before &&
            small.trace[TRACE_ACKNOWLEDGED].a == CLIENT &&
            small.trace[TRACE_ACKNOWLEDGED].b == sequence)
            return;
    }
    ck_abort_msg("an edit is not acknowledged");
}

/* ---- truth ---- */

#define DEPTH 3u /* static routes between a next hop and an interface */

static bool
hop_less(struct fwd_hop a, struct fwd_hop b)
{
    return a.module != b.module ? a.module < b.module : a.port < b.port;
}

static void
hop_put(struct fwd_group *group, struct fwd_hop hop)
{
    unsigned at = 0;

    while (at < group->count && hop_less(group->hops[at], hop))
        at++;
    if (at < group->count && !hop_less(hop, group->hops[at]))
        return;
    memmove(&group->hops[at + 1], &group->hops[at],
            (group->count - at) * sizeof(hop));
    group->hops[at] = hop;
    group->count++;
}

/* The interface on whose subnet 'address' is. */
static bool
on_link(const struct fwd_prefix *address, struct fwd_group *group)
{
    const uint8_t *bytes = address->bytes;

    if (bytes[0] != 10 || bytes[1] >= 4 || bytes[2] >= PORTS ||
        !conf.address[bytes[1]][bytes[2]])
        return false;
    hop_put(group, (struct fwd_hop){module_of(bytes[1]), bytes[2]});
    return true;
}

/* The static route of exactly 'length' bits that covers 'address'. */
static int
static_of(const struct fwd_prefix *address, int length)
{
    for (int i = 0; i < (int)STATICS; i++)
        if (conf.statics[i].used && conf.statics[i].prefix.length == length &&
            prefix_covers(&conf.statics[i].prefix, address))
            return i;
    return -1;
}

enum truth { NOWHERE, SOMEWHERE, DROPPED };

/* Adds where 'address' leads.  'skip': statics on the way here. */
static enum truth
resolve(const struct fwd_prefix *address, uint32_t skip, unsigned depth,
        struct fwd_group *group)
{
    for (int length = 32; length >= 0; length--) {
        enum truth truth = NOWHERE;
        int i;

        if (length == 24 && on_link(address, group))
            return SOMEWHERE;
        i = static_of(address, length);
        if (i < 0)
            continue;
        if (conf.statics[i].row.discard)
            return DROPPED;
        if ((skip >> i & 1) != 0 || depth == DEPTH)
            continue;
        for (unsigned j = 0; j < conf.statics[i].row.count; j++)
            if (resolve(&conf.statics[i].row.hops[j], skip | 1u << i,
                        depth + 1, group) == SOMEWHERE)
                truth = SOMEWHERE;
        if (truth != NOWHERE)
            return truth;
    }
    return NOWHERE;
}

/* What becomes of a packet to 'address'. */
static enum truth
forward(const struct fwd_prefix *address, struct fwd_group *group)
{
    for (int length = 32; length >= 0; length--) {
        int i;

        if (length == 24 && on_link(address, group))
            return SOMEWHERE;
        i = static_of(address, length);
        if (i < 0)
            continue;
        if (conf.statics[i].row.discard)
            return DROPPED;
        for (unsigned j = 0; j < conf.statics[i].row.count; j++)
            (void)resolve(&conf.statics[i].row.hops[j], 0, 0, group);
        if (group->count > 0)
            return SOMEWHERE;
    }
    return NOWHERE;
}

static void
check_address(const struct fwd_table *table, const struct fwd_prefix *address)
{
    struct fwd_group want = {.id = 0};
    enum truth truth = forward(address, &want);
    const struct fwd_group *has = NULL;
    uint32_t id = FWD_GROUP_NONE;

    if (table != NULL)
        has = fwd_table_lookup(table, address, &id);
    ck_assert_msg((has != NULL) == (truth == SOMEWHERE),
                  "%u.%u.%u.%u: group %u, truth %d", address->bytes[0],
                  address->bytes[1], address->bytes[2], address->bytes[3], id,
                  (int)truth);
    ck_assert((truth == DROPPED) == (id == FWD_GROUP_DISCARD));
    if (has == NULL)
        return;
    ck_assert_uint_eq(has->count, want.count);
    ck_assert_mem_eq(has->hops, want.hops, want.count * sizeof(want.hops[0]));
}

/* Every card does with every address what CONF says. */
static void
check_cards(void)
{
    for (unsigned i = 0; i < small.plan->box_count; i++) {
        const struct des_box *box = &small.des->boxes[i];
        const struct fwd_table *table = des_routes(small.world, i);

        if (box->facts.role != ROLE_NCP || box->runtime == NULL)
            continue;
        for (unsigned j = 0; j < 4 * PORTS; j++) {
            struct fwd_prefix address = v4(10, j / PORTS, j % PORTS, 7, 32);

            check_address(table, &address);
        }
        for (unsigned j = 0; j < 64; j++) {
            struct fwd_prefix address = v4(20, j / 16, j % 16, 9, 32);

            check_address(table, &address);
        }
    }
}

/* ---- tests ---- */

static struct static_row
via(const struct fwd_prefix *a, const struct fwd_prefix *b)
{
    struct static_row row = {.count = b != NULL ? 2 : 1};

    row.hops[0] = *a;
    if (b != NULL)
        row.hops[1] = *b;
    return row;
}

static void
begin(uint64_t seed)
{
    memset(&conf, 0, sizeof(conf));
    sequence = 0;
    state = seed * 977 + 5;
    small_boot(&small, seed);
}

START_TEST(rows_reach_every_asic)
{
    struct fwd_prefix a = v4(10, 0, 1, 9, 32), b = v4(10, 2, 3, 9, 32);
    struct fwd_prefix net = v4(20, 0, 0, 0, 16), all = v4(0, 0, 0, 0, 0);
    struct static_row row = via(&a, &b), drop = {.discard = true};

    begin(11);
    edit_begin();
    edit_address(0, 1, true);
    edit_address(2, 3, true);
    edit_static(0, &net, &row);
    edit_static(1, &all, &drop);
    edit_send();
    small_run_ms(&small, 2000);
    check_cards();
    ck_assert_uint_eq(fwd_table_route_count(des_routes(
                          small.world, small_box(&small, "ncp-3")->index)),
                      4);
    /* A subnet less: its hop leaves the group. */
    edit_begin();
    edit_address(0, 1, false);
    edit_send();
    small_run_ms(&small, 2000);
    check_cards();
    small_destroy(&small);
}
END_TEST

/* ---- what is written, and when ---- */

/* 1,000 front ports with two subnets each, and a route behind each. */
static void
port_row(unsigned i)
{
    struct interface_key key = {module_of(i % 4), (uint16_t)(i / 4)};
    struct interface_row row = {
        .count = 2,
        .addresses = {{v4(11, i % 4, i / 4, 1, 32), 24},
                      {v4(12, i % 4, i / 4, 1, 32), 24}},
    };
    struct fwd_prefix net = v4(40, i % 4, i / 4, 0, 24);
    struct static_row behind = {.count = 1,
                                .hops = {v4(11, i % 4, i / 4, 9, 32)}};
    struct key_bytes key_bytes;
    struct row_bytes value;

    interface_key_encode(&key, &key_bytes);
    interface_row_encode(&row, &value);
    row_add(TABLE_INTERFACE, &key_bytes, &value);
    prefix_key_encode(&net, &key_bytes);
    static_row_encode(&behind, &value);
    row_add(TABLE_ROUTE, &key_bytes, &value);
}

START_TEST(thousands_of_routes_arrive_at_the_asics_pace)
{
    const struct fwd_table *table;
    unsigned waited_ms = 0;

    begin(15);
    for (unsigned i = 0; i < 1000;) {
        edit_begin();
        for (unsigned j = 0; j < 40 && i < 1000; j++)
            port_row(i++);
        edit_send();
    }
    for (;; waited_ms += 10) {
        unsigned whole = 0;

        for (unsigned i = 0; i < small.plan->box_count; i++) {
            table = des_routes(small.world, i);
            whole += table != NULL && fwd_table_route_count(table) == 3000;
        }
        if (whole == 4)
            break;
        ck_assert_uint_lt(waited_ms, 2000);
        small_run_ms(&small, 10);
    }
    /* A card that lost power gets all of it: 3,000 routes and 1,000 groups
     * at 37 us each are 148 ms. */
    INJECT(&small, "ncp-1", .kind = WORLD_BOX_RESTART,
           .value = REBOOT_OPERATOR);
    small_run_ms(&small, 300000);
    table = des_routes(small.world, small_box(&small, "ncp-1")->index);
    ck_assert_uint_eq(fwd_table_route_count(table), 3000);
    ck_assert_uint_eq(fwd_table_group_count(table), 1000);
    ck_assert_uint_eq(small.traced[TRACE_QUANTUM], 0);
    small_destroy(&small);
}
END_TEST

static unsigned written;

static void
count_written(void *context, const struct des_programmed *programmed)
{
    (void)context;
    written += programmed->group != NULL || programmed->route != NULL;
}

START_TEST(what_stays_is_never_touched)
{
    struct fwd_prefix a = v4(10, 0, 1, 9, 32), b = v4(10, 2, 3, 9, 32);
    struct fwd_prefix net = v4(20, 0, 0, 0, 16);
    struct static_row row = via(&a, &b);
    unsigned active;

    begin(12);
    edit_begin();
    edit_address(0, 1, true);
    edit_address(2, 3, true);
    edit_static(0, &net, &row);
    edit_send();
    small_run_ms(&small, 2000);
    des_on_programmed(small.world, count_written, NULL);
    /* Services of a card come back. */
    for (unsigned i = 0; i < 4; i++) {
        char name[] = "ncp-0";

        name[4] = (char)('0' + i);
        INJECT(&small, name, .kind = WORLD_SERVICE_KILL, .item = SVC_FIB);
    }
    small_run_ms(&small, 5000);
    ck_assert_uint_eq(written, 0);
    /* The other controller takes over. */
    active = leader();
    INJECT(&small, small.plan->boxes[active].name,
           .kind = WORLD_BOX_POWER_OFF);
    small_run_ms(&small, 20000);
    ck_assert_uint_ne(leader(), active);
    ck_assert_uint_eq(written, 0);
    check_cards();
    /* Then a route is changed: its new group, itself, its old group. */
    row = via(&a, NULL);
    edit_begin();
    edit_static(0, &net, &row);
    edit_send();
    small_run_ms(&small, 2000);
    check_cards();
    /* The group of 10.0.1.0/24 is the new one already. */
    ck_assert_uint_eq(written, 4 * 2);
    written = 0;
    small_destroy(&small);
}
END_TEST

static struct fwd_prefix watched;
static unsigned holes;

/* The address leads somewhere in 'box' after each entry. */
static void
watch_hole(void *context, const struct des_programmed *programmed)
{
    const struct fwd_table *table = des_routes(small.world, programmed->box);
    uint32_t id;

    (void)context;
    if (fwd_table_lookup(table, &watched, &id) == NULL)
        holes++;
}

/* Replaces routes in every way; how often there was nothing between. */
static unsigned
replace_routes(unsigned mutation)
{
    struct fwd_prefix hops[2] = {v4(10, 0, 1, 9, 32), v4(10, 2, 3, 9, 32)};
    struct fwd_prefix net = v4(20, 0, 0, 0, 16), low = v4(20, 0, 0, 0, 17),
                      high = v4(20, 0, 128, 0, 17);
    struct static_row row = via(&hops[0], &hops[1]);

    begin(13);
    holes = 0;
    for (unsigned i = 0; i < small.plan->box_count; i++) {
        small.des->boxes[i].plat.mutation = mutation;
        (void)small_inject(
            &small, small.plan->boxes[i].name,
            (struct world_fault){.kind = WORLD_SERVICE_KILL, .item = SVC_FIB});
    }
    small_run_ms(&small, 5000);
    edit_begin();
    edit_address(0, 1, true);
    edit_address(2, 3, true);
    edit_static(0, &net, &row);
    edit_send();
    small_run_ms(&small, 2000);
    watched = v4(20, 0, 1, 1, 32);
    des_on_programmed(small.world, watch_hole, NULL);
    for (unsigned i = 0; i < 10; i++) {
        row = via(&hops[i % 2], NULL);
        edit_begin();
        edit_static(0, &net, &row);
        edit_send();
    }
    /* One prefix is replaced by its halves, deleted first in the text. */
    edit_begin();
    edit_static(0, &net, NULL);
    edit_static(1, &low, &row);
    edit_static(2, &high, &row);
    edit_send();
    small_run_ms(&small, 2000);
    check_cards();
    small_destroy(&small);
    return holes;
}

START_TEST(make_before_break)
{
    ck_assert_uint_eq(replace_routes(MUTATION_NONE), 0);
}
END_TEST

/* Only in a build that has it. */
START_TEST(delete_then_add_is_seen)
{
    unsigned seen = replace_routes(MUTATION_DELETE_THEN_ADD);

    ck_assert(MUTATIONS_BUILT ? seen >= 10 : seen == 0);
}
END_TEST

/* ---- operators ---- */

static struct operator_fib cards_seen[16];
static unsigned cards_count;

static void
hear_reply(void *context, const struct observation *seen)
{
    struct operator_rep rep;
    struct wire_reader reader;

    (void)context;
    if (seen->kind != OBSERVE_REPLY || seen->a != 4711)
        return;
    wire_reader_init(&reader, seen->bytes, seen->size);
    ck_assert_int_eq(operator_rep_read(&reader, &rep), 0);
    ck_assert_int_eq(rep.status, 0);
    cards_count = 0;
    while (operator_fib_read(&reader, &cards_seen[cards_count]) == 0)
        ck_assert_uint_lt(++cards_count, 16);
}

static void
ask_consistency(void)
{
    struct operator_req req = {.verb = OPERATOR_SHOW_FIB,
                               .module = MODULE_NONE};
    struct wire_writer writer;
    uint8_t bytes[OPERATOR_REQ_MAX];

    wire_writer_init(&writer, bytes, sizeof(bytes));
    operator_req_write(&writer, &req);
    small.hears = hear_reply;
    ck_assert_int_eq(small.world->ops->request(small.world, leader(), 4711,
                                               bytes,
                                               wire_writer_size(&writer)),
                     0);
    small_run_ms(&small, 3000);
}

START_TEST(consistency_is_read_from_the_asic)
{
    struct fwd_prefix a = v4(10, 0, 1, 9, 32), net = v4(20, 0, 0, 0, 16);
    struct static_row row = via(&a, NULL);
    struct fwd_route wrong = {.prefix = net, .group = FWD_GROUP_DISCARD};

    begin(14);
    edit_begin();
    edit_address(0, 1, true);
    edit_static(0, &net, &row);
    edit_send();
    small_run_ms(&small, 2000);
    ask_consistency();
    ck_assert_uint_eq(cards_count, 1 + 4);
    ck_assert_uint_eq(cards_seen[0].fib.routes, 2);
    ck_assert_uint_eq(cards_seen[0].fib.groups, 1);
    for (unsigned i = 1; i < cards_count; i++) {
        ck_assert_int_eq(cards_seen[i].state, FIB_CONSISTENT);
        ck_assert_uint_eq(cards_seen[i].module, module_of(i - 1));
    }
    /* A bit flips in one ASIC, and a card falls silent. */
    ck_assert_int_eq(fwd_table_route(small_box(&small, "ncp-2")->asic, &wrong),
                     0);
    INJECT(&small, "ncp-3", .kind = WORLD_SERVICE_HANG, .item = SVC_FIB,
           .value = 1);
    ask_consistency();
    ck_assert_uint_eq(cards_count, 1 + 4);
    ck_assert_int_eq(cards_seen[2].state, FIB_CONSISTENT);
    ck_assert_int_eq(cards_seen[3].state, FIB_DIFFERENT);
    ck_assert_int_eq(cards_seen[4].state, FIB_SILENT);
    small_destroy(&small);
}
END_TEST

/* ---- anything at any time ---- */

static struct fwd_prefix
some_hop(void)
{
    if (draw(4) == 0)
        return v4(20, (unsigned)draw(4), (unsigned)draw(16), 1, 32);
    return v4(10, (unsigned)draw(4), (unsigned)draw(PORTS), 9, 32);
}

static void
random_static(void)
{
    unsigned place = (unsigned)draw(STATICS);
    struct fwd_prefix prefix = v4(20, (place / 8) % 4, place % 16, place,
                                  place < 8 ? 14 + place / 2 : 24);
    struct fwd_prefix a = some_hop(), b = some_hop();
    int order = prefix_compare(&a, &b);
    struct static_row row = via(order <= 0 ? &a : &b, NULL);

    if (place == 0)
        prefix = v4(0, 0, 0, 0, 0);
    if (order != 0 && draw(2) == 0)
        row = order < 0 ? via(&a, &b) : via(&b, &a);
    if (draw(8) == 0)
        row = (struct static_row){.discard = true};
    /* One place for each prefix. */
    for (unsigned i = 0; i < STATICS; i++)
        if (i != place && conf.statics[i].used &&
            prefix_compare(&conf.statics[i].prefix, &prefix) == 0)
            return;
    if (conf.statics[place].used &&
        prefix_compare(&conf.statics[place].prefix, &prefix) != 0)
        return;
    edit_static(place, &prefix, draw(3) == 0 ? NULL : &row);
}

static void
random_edit(void)
{
    edit_begin();
    edit_address((unsigned)draw(4), (unsigned)draw(PORTS), draw(3) != 0);
    for (uint64_t i = draw(12); i > 0; i--) {
        if (draw(3) == 0)
            edit_address((unsigned)draw(4), (unsigned)draw(PORTS),
                         draw(3) != 0);
        else
            random_static();
    }
    edit_send();
}

/* Something dies, sometimes.  True: it takes long to come back. */
static bool
random_fault(void)
{
    static const char *const boxes[] = {"ncp-0", "ncp-1", "ncp-2",
                                        "ncp-3", "ncc-0", "ncc-1"};
    static const unsigned services[] = {SVC_RIB,   SVC_FIB,    SVC_FIB,
                                        SVC_STORE, SVC_MEMBER, SVC_BUS};
    const char *name = boxes[draw(6)];

    if (draw(24) != 0) {
        if (draw(2) == 0)
            return false;
        (void)small_inject(&small, name,
                           (struct world_fault){.kind = WORLD_SERVICE_KILL,
                                                .item = services[draw(6)]});
        return false;
    }
    (void)small_inject(&small, name,
                       (struct world_fault){.kind = WORLD_BOX_RESTART,
                                            .value = REBOOT_OPERATOR});
    /* The voters must stay in majority. */
    if (name[2] == 'c')
        small_run_ms(&small, 300000);
    return true;
}

START_TEST(cards_agree_with_conf_whatever_dies)
{
    begin(500 + (uint64_t)_i);
    for (unsigned round = 0; round < 16; round++) {
        bool restarted = false;

        for (uint64_t i = draw(4); i > 0; i--) {
            random_edit();
            small_run_ms(&small, draw(40));
            restarted |= random_fault();
        }
        small_run_ms(&small, restarted ? 300000 : 15000);
        check_cards();
    }
    small_destroy(&small);
}
END_TEST

Suite *
routes_suite(void)
{
    Suite *suite = suite_create("routes");
    TCase *tcase = tcase_create("routes");

    tcase_add_test(tcase, rows_reach_every_asic);
    tcase_add_test(tcase, thousands_of_routes_arrive_at_the_asics_pace);
    tcase_add_test(tcase, what_stays_is_never_touched);
    tcase_add_test(tcase, make_before_break);
    tcase_add_test(tcase, delete_then_add_is_seen);
    tcase_add_test(tcase, consistency_is_read_from_the_asic);
    tcase_add_loop_test(tcase, cards_agree_with_conf_whatever_dies, 0, 5);
    suite_add_tcase(suite, tcase);
    return suite;
}
