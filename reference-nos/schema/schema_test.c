/* SPDX-License-Identifier: Apache-2.0
 *
 * Codecs: what is written comes back, what is cut or broken is refused.
 */
#include "reference-nos/base/err.h"
#include "reference-nos/schema/cluster_msg.h"
#include "reference-nos/schema/operator_msg.h"
#include "reference-nos/schema/plan.h"

#include <check.h>
#include <stdlib.h>
#include <string.h>

START_TEST(module_ids_are_dense_and_unique)
{
    bool used[FWD_MODULES_MAX] = {false};
    unsigned count = 0;

    for (unsigned role = 0; role < ROLE_COUNT; role++) {
        for (unsigned number = 0; number < 300; number++) {
            uint16_t id = module_id((enum role)role, (uint16_t)number);
            enum role back_role;
            uint16_t back_number;

            if (id == MODULE_NONE)
                continue;
            ck_assert_uint_lt(id, FWD_MODULES_MAX);
            ck_assert(!used[id]);
            used[id] = true;
            count++;
            ck_assert_int_eq(module_of_id(id, &back_role, &back_number), 0);
            ck_assert_uint_eq(back_role, role);
            ck_assert_uint_eq(back_number, number);
        }
    }
    ck_assert_uint_eq(count, MODULE_POOL_NCC + MODULE_POOL_NCM +
                                 MODULE_POOL_NCF + MODULE_POOL_NCP);
}
END_TEST

START_TEST(no_module_outside_the_pools)
{
    enum role role = ROLE_NCP;
    uint16_t number = 7;

    ck_assert_uint_eq(module_id(ROLE_NCC, MODULE_POOL_NCC), MODULE_NONE);
    ck_assert_uint_eq(module_id(ROLE_COUNT, 0), MODULE_NONE);
    ck_assert_int_eq(module_of_id(MODULE_NONE, &role, &number), ERR_RANGE);
    ck_assert_uint_eq(role, ROLE_NCP);
    ck_assert_uint_eq(number, 7);
}
END_TEST

/* Encodes 'in', decodes it, and asks for the same bytes when it is encoded
 * again; every shorter input and one byte more must be refused. */
#define ROW_ROUND_TRIP(name, ...)                                             \
    do {                                                                      \
        struct name in = __VA_ARGS__, out;                                    \
        struct row_bytes bytes, again;                                        \
                                                                              \
        name##_encode(&in, &bytes);                                           \
        ck_assert_int_eq(name##_decode(bytes.bytes, bytes.size, &out), 0);    \
        name##_encode(&out, &again);                                          \
        ck_assert_uint_eq(again.size, bytes.size);                            \
        ck_assert_mem_eq(again.bytes, bytes.bytes, bytes.size);               \
        for (size_t size = 0; size < bytes.size; size++)                      \
            ck_assert_int_ne(name##_decode(bytes.bytes, size, &out), 0);      \
        bytes.bytes[bytes.size] = 0;                                          \
        ck_assert_int_eq(name##_decode(bytes.bytes, bytes.size + 1u, &out),   \
                         ERR_MALFORMED);                                      \
    } while (0)

START_TEST(rows_come_back)
{
    ROW_ROUND_TRIP(
        cluster_row,
        {.cluster_id = 77, .tombstone_s = 3600, .pool_size = {2, 48, 13, 2}});
    ROW_ROUND_TRIP(plan_row, {.serial = "WBOX-0001"});
    ROW_ROUND_TRIP(plan_row, {.serial = ""});
    ROW_ROUND_TRIP(cable_row, {.ncf_number = 12, .ncf_port = 47});
    ROW_ROUND_TRIP(module_row, {.key = UINT64_MAX - 1,
                                .serial = "12345678901234567890123",
                                .how = MODULE_REMOVED,
                                .drained = true,
                                .locate = true});
    ROW_ROUND_TRIP(active_row, {.key = 5, .term = 9});
    ROW_ROUND_TRIP(seen_row,
                   {.peer_key = 8, .peer_port = 3, .peer_role = ROLE_NCM});
    ROW_ROUND_TRIP(alarm_row, {.severity = SEVERITY_WARNING,
                               .value = -40000,
                               .since_wall_ns = 12345});
    ROW_ROUND_TRIP(health_row, {.forwarding = true,
                                .fabric_links_up = 13,
                                .fan_rpm_percent = 60,
                                .hottest_mc = -5000,
                                .reboot_cause = REBOOT_REPLACED,
                                .service_restarts = 3});
    ROW_ROUND_TRIP(reach_row, {.links = 12, .nominal = 13});
}
END_TEST

START_TEST(row_fields_survive)
{
    struct alarm_row alarm = {SEVERITY_ERROR, -1, 5}, alarm_out;
    struct module_row module = {.key = 4, .serial = "abc", .removed = true};
    struct module_row module_out;
    struct row_bytes bytes;

    alarm_row_encode(&alarm, &bytes);
    ck_assert_int_eq(alarm_row_decode(bytes.bytes, bytes.size, &alarm_out), 0);
    ck_assert_int_eq(alarm_out.value, -1);
    ck_assert_uint_eq(alarm_out.since_wall_ns, 5);
    module_row_encode(&module, &bytes);
    ck_assert_int_eq(module_row_decode(bytes.bytes, bytes.size, &module_out),
                     0);
    ck_assert_str_eq(module_out.serial, "abc");
    ck_assert(module_out.removed && !module_out.drained);
}
END_TEST

START_TEST(values_out_of_range_are_refused)
{
    struct cluster_row cluster = {.pool_size = {1, 1, 1, 1}};
    struct cable_row cable = {.ncf_number = MODULE_POOL_NCF};
    struct module_key key = {ROLE_NCC, MODULE_POOL_NCC}, key_out;
    struct row_bytes bytes;
    struct key_bytes key_bytes;

    cluster.pool_size[ROLE_NCP] = MODULE_POOL_NCP + 1;
    cluster_row_encode(&cluster, &bytes);
    ck_assert_int_eq(cluster_row_decode(bytes.bytes, bytes.size, &cluster),
                     ERR_RANGE);
    cable_row_encode(&cable, &bytes);
    ck_assert_int_eq(cable_row_decode(bytes.bytes, bytes.size, &cable),
                     ERR_RANGE);
    module_key_encode(&key, &key_bytes);
    ck_assert_int_eq(
        module_key_decode(key_bytes.bytes, key_bytes.size, &key_out),
        ERR_RANGE);
}
END_TEST

START_TEST(keys_come_back)
{
    struct module_key module = {ROLE_NCP, 191}, module_out;
    struct cable_key cable = {47, 12}, cable_out;
    enum alarm_code code;
    struct key_bytes bytes;
    uint16_t item, port;

    module_key_encode(&module, &bytes);
    ck_assert_int_eq(module_key_decode(bytes.bytes, bytes.size, &module_out),
                     0);
    ck_assert_uint_eq(module_out.role, ROLE_NCP);
    ck_assert_uint_eq(module_out.number, 191);
    cable_key_encode(&cable, &bytes);
    ck_assert_int_eq(cable_key_decode(bytes.bytes, bytes.size, &cable_out), 0);
    ck_assert_uint_eq(cable_out.ncp_number, 47);
    ck_assert_uint_eq(cable_out.ncp_port, 12);
    port_key_encode(700, &bytes);
    ck_assert_int_eq(port_key_decode(bytes.bytes, bytes.size, &port), 0);
    ck_assert_uint_eq(port, 700);
    alarm_key_encode(ALARM_OPTIC, 31, &bytes);
    ck_assert_int_eq(alarm_key_decode(bytes.bytes, bytes.size, &code, &item),
                     0);
    ck_assert_uint_eq(code, ALARM_OPTIC);
    ck_assert_uint_eq(item, 31);
    ck_assert_int_eq(port_key_decode(bytes.bytes, 1, &port), ERR_TRUNCATED);
}
END_TEST

#define MESSAGE_ROUND_TRIP(name, in)                                          \
    do {                                                                      \
        static struct name out;                                               \
        struct wire_writer writer;                                            \
        struct wire_reader reader;                                            \
        uint8_t bytes[2048], again[2048];                                     \
        size_t whole;                                                         \
                                                                              \
        wire_writer_init(&writer, bytes, sizeof(bytes));                      \
        name##_write(&writer, (in));                                          \
        ck_assert_int_eq(wire_writer_finish(&writer), 0);                     \
        whole = wire_writer_size(&writer);                                    \
        wire_reader_init(&reader, bytes, whole);                              \
        ck_assert_int_eq(name##_read(&reader, &out), 0);                      \
        wire_writer_init(&writer, again, sizeof(again));                      \
        name##_write(&writer, &out);                                          \
        ck_assert_uint_eq(wire_writer_size(&writer), whole);                  \
        ck_assert_mem_eq(bytes, again, whole);                                \
        for (size_t cut = 0; cut < whole; cut++) {                            \
            wire_reader_init(&reader, bytes, cut);                            \
            ck_assert_int_ne(name##_read(&reader, &out), 0);                  \
        }                                                                     \
    } while (0)

START_TEST(member_messages_come_back)
{
    struct join_req req = {.cluster_id = 1,
                           .key = 2,
                           .incarnation = 3,
                           .role = ROLE_NCF,
                           .serial = "F-7",
                           .front_ports = 40,
                           .fabric_ports = 48,
                           .number = MODULE_NONE,
                           .cable_count = CABLES_SEEN_MAX};

    for (unsigned i = 0; i < CABLES_SEEN_MAX; i++)
        req.cables[i] =
            (struct cable_seen){(uint16_t)i, (uint16_t)(i * 3), 1000 + i};
    MESSAGE_ROUND_TRIP(beacon, (&(struct beacon){1, 2, 3}));
    MESSAGE_ROUND_TRIP(join_req, &req);
    MESSAGE_ROUND_TRIP(join_challenge, (&(struct join_challenge){9}));
    MESSAGE_ROUND_TRIP(join_proof, (&(struct join_proof){9, 10}));
    MESSAGE_ROUND_TRIP(join_offer,
                       (&(struct join_offer){3, 9, 4, MODULE_LOWEST_FREE}));
    MESSAGE_ROUND_TRIP(join_ack, (&(struct join_ack){3, 4}));
    MESSAGE_ROUND_TRIP(join_reject, (&(struct join_reject){ERR_FULL, 500}));
    MESSAGE_ROUND_TRIP(hello, (&(struct hello){1, 2, true, 99}));
    MESSAGE_ROUND_TRIP(hello_ack, (&(struct hello_ack){7, 2000, true}));
    MESSAGE_ROUND_TRIP(member_role,
                       (&(struct member_role){64, 0, 7, 8, true}));
}
END_TEST

START_TEST(a_join_request_fits_one_datagram)
{
    struct join_req req = {.cable_count = CABLES_SEEN_MAX};
    struct wire_writer writer;
    uint8_t bytes[1300];

    memset(req.serial, 'x', sizeof(req.serial) - 1);
    wire_writer_init(&writer, bytes, sizeof(bytes));
    join_req_write(&writer, &req);
    ck_assert_int_eq(wire_writer_finish(&writer), 0);
}
END_TEST

START_TEST(a_join_request_names_a_real_box)
{
    struct join_req req = {.key = PLAT_ADDRESS_ALL}, out;
    struct wire_writer writer;
    struct wire_reader reader;
    uint8_t bytes[1300];

    wire_writer_init(&writer, bytes, sizeof(bytes));
    join_req_write(&writer, &req);
    wire_reader_init(&reader, bytes, wire_writer_size(&writer));
    ck_assert_int_eq(join_req_read(&reader, &out), ERR_RANGE);
}
END_TEST

START_TEST(operator_messages_come_back)
{
    MESSAGE_ROUND_TRIP(operator_req,
                       (&(struct operator_req){OPERATOR_REPLACE, 1, 2, 3, 64,
                                               "NEW-SERIAL", NULL, 0}));
    MESSAGE_ROUND_TRIP(operator_rep,
                       (&(struct operator_rep){ERR_NOT_LEADER, OPERATOR_READ,
                                               5, 6, 7, true}));
    MESSAGE_ROUND_TRIP(
        operator_module,
        (&(struct operator_module){64, 2, "S", true, true, false, true, false,
                                   MODULE_PLANNED_SERIAL}));
    MESSAGE_ROUND_TRIP(
        operator_cluster,
        (&(struct operator_cluster){
            1, 2, 3, {4, 5, 6, 7}, {8, 9, 10, 11}, {12, 13, 14, 15}, 16, 17}));
    MESSAGE_ROUND_TRIP(operator_controller, (&(struct operator_controller){
                                                1, 2, "S", CONTROLLER_AWAY}));
    MESSAGE_ROUND_TRIP(
        operator_alarm,
        (&(struct operator_alarm){64, ALARM_PSU, 3, SEVERITY_ERROR, -5, 6}));
}
END_TEST

START_TEST(operator_rows_end)
{
    struct operator_controller controller;
    struct operator_cluster cluster;
    struct operator_module module;
    struct operator_alarm alarm;
    struct wire_reader reader;

    wire_reader_init(&reader, NULL, 0);
    ck_assert_int_eq(operator_module_read(&reader, &module), ERR_NOENT);
    ck_assert_int_eq(operator_controller_read(&reader, &controller),
                     ERR_NOENT);
    ck_assert_int_eq(operator_cluster_read(&reader, &cluster), ERR_NOENT);
    ck_assert_int_eq(operator_alarm_read(&reader, &alarm), ERR_NOENT);
}
END_TEST

START_TEST(a_plan_comes_back)
{
    struct cluster_row cluster = {
        .cluster_id = 5, .tombstone_s = 60, .pool_size = {2, 4, 2, 2}};
    struct module_key module = {ROLE_NCP, 3};
    struct plan_row plan = {.serial = "P-3"};
    struct cable_key cable = {3, 1};
    struct cable_row far = {1, 9};
    unsigned modules = 0, cables = 0;
    struct wire_writer writer;
    struct wire_reader reader;
    uint8_t bytes[256];

    wire_writer_init(&writer, bytes, sizeof(bytes));
    plan_begin(&writer, &cluster, 1, 1);
    plan_module_write(&writer, &module, &plan);
    plan_cable_write(&writer, &cable, &far);
    ck_assert_int_eq(wire_writer_finish(&writer), 0);
    memset(&cluster, 0, sizeof(cluster));
    memset(&module, 0, sizeof(module));
    memset(&plan, 0, sizeof(plan));
    memset(&cable, 0, sizeof(cable));
    memset(&far, 0, sizeof(far));
    wire_reader_init(&reader, bytes, wire_writer_size(&writer));
    ck_assert_int_eq(plan_read(&reader, &cluster, &modules, &cables), 0);
    ck_assert_uint_eq(modules, 1);
    ck_assert_uint_eq(cables, 1);
    ck_assert_uint_eq(cluster.pool_size[ROLE_NCP], 4);
    ck_assert_int_eq(plan_module_read(&reader, &module, &plan), 0);
    ck_assert_uint_eq(module.number, 3);
    ck_assert_str_eq(plan.serial, "P-3");
    ck_assert_int_eq(plan_cable_read(&reader, &cable, &far), 0);
    ck_assert_uint_eq(cable.ncp_port, 1);
    ck_assert_uint_eq(far.ncf_port, 9);
    ck_assert_int_eq(wire_reader_finish(&reader), 0);
}
END_TEST

START_TEST(a_broken_plan_is_refused)
{
    struct cluster_row cluster = {.cluster_id = 5};
    unsigned modules, cables;
    struct wire_writer writer;
    struct wire_reader reader;
    uint8_t bytes[256];
    size_t whole;

    wire_writer_init(&writer, bytes, sizeof(bytes));
    plan_begin(&writer, &cluster, FWD_MODULES_MAX + 1, 0);
    whole = wire_writer_size(&writer);
    wire_reader_init(&reader, bytes, whole);
    ck_assert_int_eq(plan_read(&reader, &cluster, &modules, &cables),
                     ERR_RANGE);
    for (size_t cut = 0; cut < whole; cut++) {
        wire_reader_init(&reader, bytes, cut);
        ck_assert_int_ne(plan_read(&reader, &cluster, &modules, &cables), 0);
    }
    bytes[0] ^= 1;
    wire_reader_init(&reader, bytes, whole);
    ck_assert_int_eq(plan_read(&reader, &cluster, &modules, &cables),
                     ERR_MALFORMED);
}
END_TEST

int
main(void)
{
    Suite *suite = suite_create("schema");
    TCase *tcase = tcase_create("codecs");
    SRunner *runner;
    int failed;

    tcase_add_test(tcase, module_ids_are_dense_and_unique);
    tcase_add_test(tcase, no_module_outside_the_pools);
    tcase_add_test(tcase, rows_come_back);
    tcase_add_test(tcase, row_fields_survive);
    tcase_add_test(tcase, values_out_of_range_are_refused);
    tcase_add_test(tcase, keys_come_back);
    tcase_add_test(tcase, member_messages_come_back);
    tcase_add_test(tcase, a_join_request_fits_one_datagram);
    tcase_add_test(tcase, a_join_request_names_a_real_box);
    tcase_add_test(tcase, operator_messages_come_back);
    tcase_add_test(tcase, operator_rows_end);
    tcase_add_test(tcase, a_plan_comes_back);
    tcase_add_test(tcase, a_broken_plan_is_refused);
    suite_add_tcase(suite, tcase);
    runner = srunner_create(suite);
    srunner_run_all(runner, CK_NORMAL);
    failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
