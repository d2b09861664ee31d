/* SPDX-License-Identifier: Apache-2.0
 *
 * Any bytes into every decoder of members, operators, tables and the plan.
 * The first byte chooses the decoder.  What a decoder accepts must come out
 * of its encoder as the same bytes.
 */
#include "reference-nos/base/check.h"
#include "reference-nos/schema/cluster_msg.h"
#include "reference-nos/schema/fib_msg.h"
#include "reference-nos/schema/operator_msg.h"
#include "reference-nos/schema/plan.h"

#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define MESSAGE(name)                                                         \
    static void fuzz_##name(const uint8_t *bytes, size_t size)                \
    {                                                                         \
        struct wire_reader reader;                                            \
        struct wire_writer writer;                                            \
        struct name message;                                                  \
        uint8_t again[65536];                                                 \
                                                                              \
        wire_reader_init(&reader, bytes, size);                               \
        if (name##_read(&reader, &message) != 0)                              \
            return;                                                           \
        wire_writer_init(&writer, again, sizeof(again));                      \
        name##_write(&writer, &message);                                      \
        CHECK(wire_writer_finish(&writer) == 0);                              \
        CHECK(wire_writer_size(&writer) <= size);                             \
        CHECK(memcmp(again, bytes, wire_writer_size(&writer)) == 0);          \
    }

#define ROW(name)                                                             \
    static void fuzz_##name(const uint8_t *bytes, size_t size)                \
    {                                                                         \
        struct row_bytes again;                                               \
        struct name row;                                                      \
                                                                              \
        if (name##_decode(bytes, size, &row) != 0)                            \
            return;                                                           \
        name##_encode(&row, &again);                                          \
        CHECK(again.size == size && memcmp(again.bytes, bytes, size) == 0);   \
    }

MESSAGE(beacon)
MESSAGE(join_req)
MESSAGE(join_challenge)
MESSAGE(join_proof)
MESSAGE(join_offer)
MESSAGE(join_ack)
MESSAGE(join_reject)
MESSAGE(hello)
MESSAGE(hello_ack)
MESSAGE(member_role)
MESSAGE(operator_req)
MESSAGE(operator_rep)
MESSAGE(operator_module)
MESSAGE(operator_cluster)
MESSAGE(operator_controller)
MESSAGE(operator_alarm)
MESSAGE(operator_route)
MESSAGE(operator_fib)
MESSAGE(fib_offer)
MESSAGE(fib_resync)
MESSAGE(fib_ask)
MESSAGE(fib_tell)
ROW(interface_row)
ROW(static_row)
ROW(cluster_row)
ROW(plan_row)
ROW(cable_row)
ROW(module_row)
ROW(active_row)
ROW(seen_row)
ROW(alarm_row)
ROW(health_row)
ROW(reach_row)

static void
fuzz_keys(const uint8_t *bytes, size_t size)
{
    struct module_key module;
    struct cable_key cable;
    struct key_bytes again;
    uint16_t port, item;
    enum alarm_code code;

    if (module_key_decode(bytes, size, &module) == 0) {
        module_key_encode(&module, &again);
        CHECK(again.size == size && memcmp(again.bytes, bytes, size) == 0);
    }
    if (cable_key_decode(bytes, size, &cable) == 0) {
        cable_key_encode(&cable, &again);
        CHECK(again.size == size && memcmp(again.bytes, bytes, size) == 0);
    }
    if (port_key_decode(bytes, size, &port) == 0)
        port_key_encode(port, &again);
    if (alarm_key_decode(bytes, size, &code, &item) == 0)
        alarm_key_encode(code, item, &again);
}

static void
fuzz_routes(const uint8_t *bytes, size_t size)
{
    struct interface_key interface;
    struct fwd_prefix prefix;
    struct fwd_group group;
    struct key_bytes key;
    struct row_bytes row;
    uint64_t name;

    if (interface_key_decode(bytes, size, &interface) == 0) {
        interface_key_encode(&interface, &key);
        CHECK(key.size == size && memcmp(key.bytes, bytes, size) == 0);
    }
    if (prefix_key_decode(bytes, size, &prefix) == 0) {
        prefix_key_encode(&prefix, &key);
        CHECK(key.size == size && memcmp(key.bytes, bytes, size) == 0);
    }
    if (group_row_decode(bytes, size, &group) == 0) {
        group_row_encode(&group, &row);
        CHECK(row.size == size && memcmp(row.bytes, bytes, size) == 0);
    }
    if (name_key_decode(bytes, size, &name) == 0) {
        name_key_encode(name, &key);
        CHECK(key.size == size && memcmp(key.bytes, bytes, size) == 0);
    }
}

/* A table, a length of key, then key and value. */
static void
fuzz_route_conf(const uint8_t *bytes, size_t size)
{
    size_t key_size;

    if (size < 2)
        return;
    key_size = bytes[1] < size - 2 ? bytes[1] : size - 2;
    (void)!route_conf_check((enum table)bytes[0], bytes + 2, key_size,
                            bytes + 2 + key_size, size - 2 - key_size, false);
}

static void
fuzz_plan(const uint8_t *bytes, size_t size)
{
    struct wire_reader reader;
    struct cluster_row cluster;
    struct module_key module_key;
    struct plan_row plan_row;
    struct cable_key cable_key;
    struct cable_row cable_row;
    unsigned modules, cables;

    wire_reader_init(&reader, bytes, size);
    if (plan_read(&reader, &cluster, &modules, &cables) != 0)
        return;
    for (unsigned i = 0; i < modules; i++)
        if (plan_module_read(&reader, &module_key, &plan_row) != 0)
            return;
    for (unsigned i = 0; i < cables; i++)
        if (plan_cable_read(&reader, &cable_key, &cable_row) != 0)
            return;
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static void (*const targets[])(const uint8_t *, size_t) = {
        fuzz_beacon,
        fuzz_join_req,
        fuzz_join_challenge,
        fuzz_join_proof,
        fuzz_join_offer,
        fuzz_join_ack,
        fuzz_join_reject,
        fuzz_hello,
        fuzz_hello_ack,
        fuzz_member_role,
        fuzz_operator_req,
        fuzz_operator_rep,
        fuzz_operator_module,
        fuzz_cluster_row,
        fuzz_plan_row,
        fuzz_cable_row,
        fuzz_module_row,
        fuzz_active_row,
        fuzz_seen_row,
        fuzz_alarm_row,
        fuzz_health_row,
        fuzz_reach_row,
        fuzz_keys,
        fuzz_plan,
        fuzz_operator_cluster,
        fuzz_operator_controller,
        fuzz_operator_alarm,
        fuzz_fib_offer,
        fuzz_fib_resync,
        fuzz_fib_ask,
        fuzz_fib_tell,
        fuzz_interface_row,
        fuzz_static_row,
        fuzz_routes,
        fuzz_operator_route,
        fuzz_operator_fib,
        fuzz_route_conf,
    };

    if (size == 0)
        return 0;
    targets[data[0] % ARRAY_COUNT(targets)](data + 1, size - 1);
    return 0;
}
