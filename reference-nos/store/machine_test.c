/* SPDX-License-Identifier: Apache-2.0 */
#include "reference-nos/store/machine.h"
#include "reference-nos/store/store_testworld.h"

struct fixture {
    struct mem *mem;
    struct rows rows;
    struct machine machine;
};

static void
setup(struct fixture *fixture)
{
    fixture->mem = test_mem();
    rows_init(&fixture->rows, fixture->mem, MACHINE_ROWS_MAX,
              MACHINE_BYTES_MAX);
    machine_init(&fixture->machine, &fixture->rows);
}

struct op {
    enum store_op_kind kind;
    uint8_t key;
    uint8_t value;
    uint64_t version;
};

static size_t
txn_make(uint8_t *bytes, size_t size, uint64_t client, uint64_t sequence,
         const struct op *ops, unsigned count)
{
    struct store_txn txn = {client, sequence, 0};
    struct wire_writer writer;

    wire_writer_init(&writer, bytes, size);
    store_txn_begin(&writer, &txn);
    for (unsigned i = 0; i < count; i++) {
        struct key_bytes key = {1, {ops[i].key}};
        struct row_bytes value = {.size = 1, .bytes = {ops[i].value}};

        store_txn_add(&writer, ops[i].kind, TABLE_MODULE, &key, &value,
                      ops[i].version);
    }
    return wire_writer_size(&writer);
}

static int
apply(struct machine *machine, uint64_t client, uint64_t sequence,
      const struct op *ops, unsigned count)
{
    uint8_t bytes[4096];
    struct raft_entry entry = {
        .index = machine->applied + 1,
        .term = 3,
        .kind = RAFT_ENTRY_DATA,
        .size = txn_make(bytes, sizeof(bytes), client, sequence, ops, count),
        .data = bytes,
    };
    unsigned rows;

    ck_assert_int_eq(machine_apply(machine, &entry, &rows), 0);
    return machine_client_find(machine, client)->status;
}

static int
value_of(const struct machine *machine, uint8_t key)
{
    const struct row *row = rows_find(machine->rows, 0, TABLE_MODULE, &key, 1);

    return row == NULL ? -1 : row->bytes[1];
}

START_TEST(test_transactions)
{
    struct fixture f;
    struct op put = {STORE_OP_PUT, 1, 10, 0};
    struct op guarded[2] = {{STORE_OP_EXPECT, 1, 0, 1},
                            {STORE_OP_PUT, 1, 11, 0}};
    struct op absent[2] = {{STORE_OP_EXPECT, 2, 0, 0},
                           {STORE_OP_PUT, 2, 20, 0}};
    struct op delete = {STORE_OP_DELETE, 1, 0, 0};

    setup(&f);
    ck_assert_int_eq(apply(&f.machine, 1, 1, &put, 1), 0);
    ck_assert_int_eq(value_of(&f.machine, 1), 10);
    ck_assert_int_eq(apply(&f.machine, 1, 2, guarded, 2), 0);
    ck_assert_int_eq(value_of(&f.machine, 1), 11);
    ck_assert_int_eq(apply(&f.machine, 1, 3, guarded, 2), ERR_CONFLICT);
    ck_assert_int_eq(apply(&f.machine, 1, 4, absent, 2), 0);
    ck_assert_int_eq(apply(&f.machine, 1, 5, absent, 2), ERR_CONFLICT);
    ck_assert_int_eq(apply(&f.machine, 1, 6, &delete, 1), 0);
    ck_assert_int_eq(value_of(&f.machine, 1), -1);
    /* Again: answered, not done. */
    ck_assert_int_eq(apply(&f.machine, 1, 6, &put, 1), 0);
    ck_assert_int_eq(value_of(&f.machine, 1), -1);
    mem_destroy(f.mem);
}
END_TEST

START_TEST(test_conflict_does_nothing_at_all)
{
    struct fixture f;
    struct op ops[3] = {{STORE_OP_PUT, 1, 1, 0},
                        {STORE_OP_EXPECT, 9, 0, 77},
                        {STORE_OP_PUT, 2, 2, 0}};

    setup(&f);
    ck_assert_int_eq(apply(&f.machine, 1, 1, ops, 3), ERR_CONFLICT);
    ck_assert_uint_eq(f.rows.count, 0);
    mem_destroy(f.mem);
}
END_TEST

START_TEST(test_idlest_client_is_forgotten)
{
    struct fixture f;
    struct op put = {STORE_OP_PUT, 1, 10, 0};

    setup(&f);
    for (uint64_t client = 0; client < MACHINE_CLIENTS; client++)
        apply(&f.machine, 1000 - client, 1, &put, 1);
    apply(&f.machine, 1000, 2, &put, 1);
    apply(&f.machine, 5, 1, &put, 1);
    ck_assert_uint_eq(f.machine.client_count, MACHINE_CLIENTS);
    ck_assert_ptr_nonnull(machine_client_find(&f.machine, 1000));
    ck_assert_ptr_null(machine_client_find(&f.machine, 999));
    ck_assert_ptr_nonnull(machine_client_find(&f.machine, 998));
    mem_destroy(f.mem);
}
END_TEST

static size_t
save(const struct machine *machine, uint8_t *bytes, size_t capacity)
{
    struct raft_snapshot meta = {
        .index = machine->applied,
        .term = machine->applied_term,
        .members = {.count = 1, .member = {{7, RAFT_VOTER}}},
    };
    size_t size = 0;

    ck_assert_uint_le(machine_save_bytes(machine), capacity);
    ck_assert_int_eq(machine_save(machine, &meta, bytes,
                                  machine_save_bytes(machine), &size),
                     0);
    return size;
}

static void
apply_random(struct machine *machine, uint32_t *random)
{
    struct op ops[4];

    for (unsigned i = 0; i < 4; i++) {
        *random = *random * 1664525 + 1013904223;
        ops[i].kind = *random >> 30 == 0 ? STORE_OP_DELETE : STORE_OP_PUT;
        ops[i].key = (uint8_t)(*random >> 24 & 31);
        ops[i].value = (uint8_t)(*random >> 16);
        ops[i].version = 0;
    }
    apply(machine, *random >> 8 & 7, machine->applied + 1, ops, 4);
}

static void
check_equal(const struct machine *a, const struct machine *b)
{
    ck_assert(digest_equal(a->digest, b->digest));
    ck_assert_uint_eq(a->applied, b->applied);
    ck_assert_uint_eq(a->rows->count, b->rows->count);
    ck_assert_uint_eq(a->rows->bytes, b->rows->bytes);
    for (unsigned key = 0; key < 256; key++)
        ck_assert_int_eq(value_of(a, (uint8_t)key), value_of(b, (uint8_t)key));
}

/* A machine that was left behind at any index and loads a snapshot is as the
 * other, and a reader that followed it sees the differences alone. */
START_TEST(test_snapshot_catches_up_from_anywhere)
{
    static uint8_t bytes[1 << 20];

    for (unsigned behind = 0; behind < 60; behind += 3) {
        struct fixture ahead;
        struct fixture late;
        uint32_t random = 42;
        int seen[256];
        uint64_t at = 0;
        const struct row *row;
        size_t size;

        setup(&ahead);
        setup(&late);
        for (unsigned i = 0; i < 60; i++) {
            uint32_t same = random;

            apply_random(&ahead.machine, &random);
            if (i < behind)
                apply_random(&late.machine, &same);
        }
        memset(seen, 0xff, sizeof(seen));
        for (; (row = rows_changed(&late.rows, at)) != NULL; at = row->stamp)
            seen[row->bytes[0]] = row->deleted ? -1 : row->bytes[1];
        size = save(&ahead.machine, bytes, sizeof(bytes));
        ck_assert_int_eq(machine_load(&late.machine, bytes, size), 0);
        check_equal(&ahead.machine, &late.machine);
        for (; (row = rows_changed(&late.rows, at)) != NULL; at = row->stamp)
            seen[row->bytes[0]] = row->deleted ? -1 : row->bytes[1];
        for (unsigned key = 0; key < 256; key++)
            ck_assert_int_eq(seen[key], value_of(&ahead.machine, key));
        /* And both go on alike. */
        for (unsigned i = 0; i < 20; i++) {
            uint32_t same = random;

            apply_random(&ahead.machine, &random);
            apply_random(&late.machine, &same);
        }
        check_equal(&ahead.machine, &late.machine);
        mem_destroy(ahead.mem);
        mem_destroy(late.mem);
    }
}
END_TEST

START_TEST(test_snapshot_flips_and_cuts_are_seen)
{
    static uint8_t bytes[1 << 20];
    struct raft_snapshot meta;
    struct fixture f;
    uint32_t random = 1;
    size_t size;

    setup(&f);
    for (unsigned i = 0; i < 20; i++)
        apply_random(&f.machine, &random);
    size = save(&f.machine, bytes, sizeof(bytes));
    ck_assert_int_eq(machine_snapshot_check(bytes, size, &meta), 0);
    for (size_t cut = 0; cut < size; cut++)
        ck_assert_int_ne(machine_snapshot_check(bytes, cut, &meta), 0);
    for (size_t bit = 0; bit < size * 8; bit++) {
        bytes[bit / 8] ^= (uint8_t)(1u << bit % 8);
        ck_assert_int_ne(machine_snapshot_check(bytes, size, &meta), 0);
        bytes[bit / 8] ^= (uint8_t)(1u << bit % 8);
    }
    mem_destroy(f.mem);
}
END_TEST

START_TEST(test_full_is_an_outcome)
{
    struct fixture f;
    struct op put[2] = {{STORE_OP_PUT, 1, 10, 0}, {STORE_OP_PUT, 2, 10, 0}};

    setup(&f);
    f.rows.count_max = 1;
    ck_assert_int_eq(apply(&f.machine, 1, 1, put, 2), ERR_FULL);
    ck_assert_uint_eq(f.rows.count, 0);
    ck_assert_int_eq(apply(&f.machine, 1, 2, put, 1), 0);
    mem_destroy(f.mem);
}
END_TEST

START_TEST(test_bad_transactions_are_refused)
{
    uint8_t bytes[256];
    struct store_txn txn;
    struct op put = {STORE_OP_PUT, 1, 10, 0};
    size_t size = txn_make(bytes, sizeof(bytes), 1, 1, &put, 1);
    size_t table = 24 + 1;

    ck_assert_int_eq(machine_check(bytes, size, &txn), 0);
    /* The first 24 bytes alone are a transaction that does nothing. */
    for (size_t cut = 0; cut < size; cut++)
        if (cut != 24)
            ck_assert_int_ne(machine_check(bytes, cut, &txn), 0);
    bytes[table] = TABLE_SEEN;
    ck_assert_int_eq(machine_check(bytes, size, &txn), ERR_INVALID);
    bytes[table] = 0;
    ck_assert_int_eq(machine_check(bytes, size, &txn), ERR_RANGE);
}
END_TEST

Suite *
machine_suite(void)
{
    Suite *suite = suite_create("machine");
    TCase *tcase = tcase_create("machine");

    tcase_add_test(tcase, test_transactions);
    tcase_add_test(tcase, test_conflict_does_nothing_at_all);
    tcase_add_test(tcase, test_idlest_client_is_forgotten);
    tcase_add_test(tcase, test_snapshot_catches_up_from_anywhere);
    tcase_add_test(tcase, test_snapshot_flips_and_cuts_are_seen);
    tcase_add_test(tcase, test_full_is_an_outcome);
    tcase_add_test(tcase, test_bad_transactions_are_refused);
    tcase_set_timeout(tcase, 300);
    suite_add_tcase(suite, tcase);
    return suite;
}
