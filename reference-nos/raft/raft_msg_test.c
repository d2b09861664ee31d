/* SPDX-License-Identifier: Apache-2.0 */
#include "reference-nos/raft/raft_test.h"

#include <string.h>

#include "reference-nos/base/err.h"
#include "reference-nos/raft/raft_msg.h"

static struct raft_entry place[RAFT_APPEND_ENTRIES_MAX];
static unsigned char bytes[RAFT_MESSAGE_BYTES_MAX];

static size_t
encode_sample(void)
{
    static const struct raft_entry entries[] = {
        {.index = 8, .term = 3, .kind = RAFT_ENTRY_NOOP},
        {.index = 9,
         .term = 4,
         .kind = RAFT_ENTRY_DATA,
         .size = 3,
         .data = "abc"},
    };
    const struct raft_message message = {
        .kind = RAFT_APPEND,
        .from = 1,
        .to = UINT64_MAX,
        .incarnation = 3,
        .term = 4,
        .asked_term = 5,
        .index = 7,
        .index_term = 2,
        .refused_index = 11,
        .commit = 12,
        .round = 13,
        .granted = true,
        .entry_count = 2,
        .entries = entries,
    };
    size_t size = 0;

    ck_assert_int_eq(
        raft_message_encode(&message, bytes, sizeof(bytes), &size), 0);
    return size;
}

START_TEST(message_comes_back)
{
    size_t size = encode_sample();
    struct raft_message m;

    ck_assert_int_eq(raft_message_decode(bytes, size, place, &m), 0);
    ck_assert_int_eq(m.kind, RAFT_APPEND);
    ck_assert_uint_eq(m.from, 1);
    ck_assert_uint_eq(m.to, UINT64_MAX);
    ck_assert_uint_eq(m.incarnation, 3);
    ck_assert_uint_eq(m.term, 4);
    ck_assert_uint_eq(m.asked_term, 5);
    ck_assert_uint_eq(m.index, 7);
    ck_assert_uint_eq(m.index_term, 2);
    ck_assert_uint_eq(m.refused_index, 11);
    ck_assert_uint_eq(m.commit, 12);
    ck_assert_uint_eq(m.round, 13);
    ck_assert(m.granted && !m.transfer);
    ck_assert_uint_eq(m.entry_count, 2);
    ck_assert_uint_eq(m.entries[1].index, 9);
    ck_assert_uint_eq(m.entries[1].term, 4);
    ck_assert_mem_eq(m.entries[1].data, "abc", 3);
    ck_assert(!raft_message_is_small(&m));
}
END_TEST

START_TEST(every_cut_is_an_error)
{
    size_t size = encode_sample();
    struct raft_message m;

    for (size_t cut = 0; cut < size; cut++)
        ck_assert_int_ne(raft_message_decode(bytes, cut, place, &m), 0);
    bytes[size] = 0;
    ck_assert_int_eq(raft_message_decode(bytes, size + 1, place, &m),
                     ERR_MALFORMED);
    bytes[0] = 9;
    ck_assert_int_eq(raft_message_decode(bytes, size, place, &m), ERR_VERSION);
}
END_TEST

START_TEST(any_byte_gives_message_or_error)
{
    size_t size = encode_sample();
    struct raft_message m;

    for (size_t at = 0; at < size; at++) {
        unsigned char was = bytes[at];

        for (unsigned value = 0; value < 256; value++) {
            bytes[at] = (unsigned char)value;
            if (raft_message_decode(bytes, size, place, &m))
                continue;
            ck_assert_uint_le(m.entry_count, RAFT_APPEND_ENTRIES_MAX);
            ck_assert(m.kind >= RAFT_PREVOTE && m.kind <= RAFT_TIMEOUT_NOW);
        }
        bytes[at] = was;
    }
}
END_TEST

START_TEST(absurd_numbers_are_refused)
{
    size_t size = encode_sample();
    struct raft_message m;

    bytes[4 + 3 * 8] = 0x80; /* Term. */
    ck_assert_int_eq(raft_message_decode(bytes, size, place, &m), ERR_RANGE);
    size = encode_sample();
    bytes[4 + 5 * 8] = 0x80; /* Index. */
    ck_assert_int_eq(raft_message_decode(bytes, size, place, &m), ERR_RANGE);
}
END_TEST

START_TEST(small_buffer_is_refused)
{
    size_t size = encode_sample(), again;
    struct raft_message m;
    static unsigned char small[64];

    ck_assert_int_eq(raft_message_decode(bytes, size, place, &m), 0);
    ck_assert_int_eq(raft_message_encode(&m, small, sizeof(small), &again),
                     ERR_FULL);
}
END_TEST

START_TEST(members_come_back)
{
    const struct raft_members members = {
        .count = 2, .member = {{7, RAFT_VOTER}, {UINT64_MAX, RAFT_LEARNER}}};
    struct raft_members again;
    uint8_t wire[RAFT_MEMBERS_BYTES_MAX];
    size_t size = raft_members_encode(&members, wire);

    ck_assert_uint_eq(size, 19);
    ck_assert_int_eq(raft_members_decode(wire, size, &again), 0);
    ck_assert_uint_eq(again.count, 2);
    ck_assert_uint_eq(again.member[1].id, UINT64_MAX);
    ck_assert_int_eq(again.member[1].role, RAFT_LEARNER);
    ck_assert_int_ne(raft_members_decode(wire, size - 1, &again), 0);
    wire[9] = 3;
    ck_assert_int_eq(raft_members_decode(wire, size, &again), ERR_MALFORMED);
    wire[0] = RAFT_MEMBERS_MAX + 1;
    ck_assert_int_eq(raft_members_decode(wire, size, &again), ERR_RANGE);
}
END_TEST

START_TEST(one_member_twice_is_malformed)
{
    const struct raft_members members = {
        .count = 2, .member = {{7, RAFT_VOTER}, {7, RAFT_LEARNER}}};
    struct raft_members again;
    uint8_t wire[RAFT_MEMBERS_BYTES_MAX];
    size_t size = raft_members_encode(&members, wire);

    ck_assert_int_eq(raft_members_decode(wire, size, &again), ERR_MALFORMED);
}
END_TEST

Suite *
raft_msg_suite(void)
{
    Suite *suite = suite_create("raft-msg");
    TCase *tcase = tcase_create("all");

    tcase_add_test(tcase, message_comes_back);
    tcase_add_test(tcase, every_cut_is_an_error);
    tcase_add_test(tcase, any_byte_gives_message_or_error);
    tcase_add_test(tcase, absurd_numbers_are_refused);
    tcase_add_test(tcase, small_buffer_is_refused);
    tcase_add_test(tcase, members_come_back);
    tcase_add_test(tcase, one_member_twice_is_malformed);
    suite_add_tcase(suite, tcase);
    return suite;
}
