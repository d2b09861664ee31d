/* SPDX-License-Identifier: Apache-2.0
 *
 * A stream over a network that loses, doubles and reorders.
 */
#include "reference-nos/store/store_testworld.h"
#include "reference-nos/store/stream.h"

#define KEYS 200u

struct pair {
    struct mem *mem;
    struct rows from;
    struct rows to;
    struct stream_out out;
    struct stream_in in;
    uint64_t runs;
    uint32_t generations;
    uint64_t now_ns;
    uint32_t random;
    bool asked; /* the receiver wants a snapshot */
};

static const struct stream_filter filter = {0, 0, 1ull << TABLE_MODULE};

static uint32_t
draw(struct pair *pair, uint32_t below)
{
    pair->random = pair->random * 1664525 + 1013904223;
    return (pair->random >> 8) % below;
}

static void
change(struct pair *pair)
{
    uint8_t key = (uint8_t)draw(pair, KEYS);
    uint8_t value[300];
    struct store_row row = {
        .table = draw(pair, 8) == 0 ? TABLE_PROBE : TABLE_MODULE,
        .deleted = draw(pair, 4) == 0,
        .version = pair->from.last + 1,
        .key = &key,
        .key_size = 1,
        .value = value,
    };

    memset(value, (int)draw(pair, 256), sizeof(value));
    row.value_size = row.deleted ? 0 : draw(pair, sizeof(value));
    ck_assert_int_eq(rows_put(&pair->from, &row, row.version, 0), 0);
}

static void
answer(struct pair *pair)
{
    struct stream_ack ack = {
        .run = pair->in.run,
        .watermark = pair->in.watermark,
        .credit = 40,
        .complete = pair->in.complete,
    };

    if (draw(pair, 5) != 0)
        stream_out_acked(&pair->out, &ack, pair->now_ns);
}

static void
sweep(struct pair *pair)
{
    struct row *next;

    for (struct row *row = rows_first(&pair->to); row != NULL; row = next) {
        next = rows_next(row);
        if (row->generation != pair->in.generation)
            rows_bury(&pair->to, row, row->version, pair->to.last + 1);
    }
}

static void
receive(struct pair *pair, const uint8_t *bytes, size_t size)
{
    struct stream_header header;
    struct wire_reader reader;
    struct store_row row;

    wire_reader_init(&reader, bytes, size);
    ck_assert_int_eq(stream_header_read(&reader, &header), 0);
    switch (stream_in_judge(&pair->in, &header, ++pair->generations)) {
    case STREAM_GAP: pair->asked = true; return;
    case STREAM_EARLY:
    case STREAM_OLD: answer(pair); return;
    case STREAM_TAKE: break;
    }
    while (store_row_read(&reader, &row) == 0)
        if (!rows_same(&pair->to, &row, pair->in.generation))
            ck_assert_int_eq(rows_put(&pair->to, &row, pair->to.last + 1,
                                      pair->in.generation),
                             0);
    if (stream_in_taken(&pair->in, &header))
        sweep(pair);
    answer(pair);
}

/* Up to 16 messages are on the way, in any order. */
struct air {
    unsigned count;
    size_t size[16];
    uint8_t bytes[16][1024];
};

static void
fly(struct pair *pair, struct air *air)
{
    struct stream_header proto = {0};
    struct wire_writer writer;
    uint8_t bytes[1024];

    if (stream_out_lost(&pair->out, &pair->from))
        stream_out_begin(&pair->out, ++pair->runs);
    wire_writer_init(&writer, bytes, sizeof(bytes));
    if (air->count < 16 &&
        stream_out_build(&pair->out, &pair->from, &filter, &proto, &writer)) {
        stream_out_sent(&pair->out, pair->now_ns);
        if (draw(pair, 10) != 0) {
            memcpy(air->bytes[air->count], bytes, sizeof(bytes));
            air->size[air->count++] = wire_writer_size(&writer);
        }
    }
    if (air->count > 0 && draw(pair, 3) != 0) {
        unsigned which = draw(pair, air->count);

        receive(pair, air->bytes[which], air->size[which]);
        if (draw(pair, 6) != 0) {
            air->count--;
            memcpy(air->bytes[which], air->bytes[air->count], 1024);
            air->size[which] = air->size[air->count];
        }
    }
}

static void
care(struct pair *pair)
{
    pair->now_ns += 10 * NS_PER_MS;
    if (pair->asked && draw(pair, 4) == 0) {
        pair->asked = false;
        stream_out_begin(&pair->out, ++pair->runs);
    }
    if (pair->out.deadline_ns <= pair->now_ns &&
        stream_out_timeout(&pair->out) != 0)
        stream_out_begin(&pair->out, ++pair->runs);
}

static void
check_equal(const struct pair *pair)
{
    size_t shown = 0;

    for (const struct row *row = rows_first(&pair->from); row != NULL;
         row = rows_next(row)) {
        const struct row *copy;

        if (row->table != TABLE_MODULE)
            continue;
        shown++;
        copy = rows_find(&pair->to, 0, TABLE_MODULE, row->bytes, 1);
        ck_assert_ptr_nonnull(copy);
        ck_assert_uint_eq(copy->version, row->version);
        ck_assert_mem_eq(copy->bytes, row->bytes,
                         (size_t)row->key_size + row->value_size);
    }
    ck_assert_uint_eq(pair->to.count, shown);
}

START_TEST(test_copies_become_equal)
{
    static struct air air;
    struct pair pair = {.random = (uint32_t)_i};

    air.count = 0;
    pair.mem = test_mem();
    rows_init(&pair.from, pair.mem, 1000, 1 << 20);
    rows_init(&pair.to, pair.mem, 1000, 1 << 20);
    for (unsigned i = 0; i < 300; i++)
        change(&pair);
    stream_out_begin(&pair.out, ++pair.runs);
    for (unsigned i = 0; i < 3000; i++) {
        if (draw(&pair, 4) == 0)
            change(&pair);
        if (draw(&pair, 500) == 0) /* The receiver restarts. */
            memset(&pair.in, 0, sizeof(pair.in));
        fly(&pair, &air);
        care(&pair);
        ck_assert_uint_le(pair.out.unacked_rows, STREAM_CREDIT_ROWS);
    }
    for (unsigned i = 0; i < 6000; i++) {
        fly(&pair, &air);
        care(&pair);
    }
    check_equal(&pair);
    mem_destroy(pair.mem);
}
END_TEST

/* More is deleted than the rows remember, while the receiver is away. */
START_TEST(test_forgotten_deletions_need_a_snapshot)
{
    static struct air air;
    struct pair pair = {.random = 1};
    uint64_t runs;

    air.count = 0;
    pair.mem = test_mem();
    rows_init(&pair.from, pair.mem, 1000, 1 << 20);
    rows_init(&pair.to, pair.mem, 1000, 1 << 20);
    stream_out_begin(&pair.out, ++pair.runs);
    for (unsigned i = 0; i < 300; i++)
        change(&pair);
    for (unsigned i = 0; i < 2000; i++) {
        fly(&pair, &air);
        care(&pair);
    }
    check_equal(&pair);
    runs = pair.runs;
    for (unsigned i = 0; i < 2 * ROWS_GRAVES; i++) {
        uint8_t key[2] = {(uint8_t)(i >> 8), (uint8_t)i};
        struct store_row row = {
            .table = TABLE_MODULE, .key = key, .key_size = i < KEYS ? 1 : 2};

        if (i < KEYS)
            key[0] = (uint8_t)i;
        row.version = pair.from.last + 1;
        ck_assert_int_eq(rows_put(&pair.from, &row, row.version, 0), 0);
        row.deleted = true;
        row.version = pair.from.last + 1;
        ck_assert_int_eq(rows_put(&pair.from, &row, row.version, 0), 0);
    }
    for (unsigned i = 0; i < 2000; i++) {
        fly(&pair, &air);
        care(&pair);
    }
    check_equal(&pair);
    ck_assert_uint_gt(pair.runs, runs);
    mem_destroy(pair.mem);
}
END_TEST

START_TEST(test_window_is_kept)
{
    struct pair pair = {.random = 1};
    struct stream_header proto = {0};
    unsigned messages = 0;
    uint8_t bytes[1024];
    struct wire_writer writer;

    pair.mem = test_mem();
    rows_init(&pair.from, pair.mem, 1000, 1 << 20);
    for (unsigned i = 0; i < 900; i++)
        change(&pair);
    stream_out_begin(&pair.out, 1);
    for (;;) {
        wire_writer_init(&writer, bytes, sizeof(bytes));
        if (!stream_out_build(&pair.out, &pair.from, &filter, &proto, &writer))
            break;
        stream_out_sent(&pair.out, 0);
        messages++;
    }
    ck_assert_uint_eq(messages, STREAM_WINDOW);
    mem_destroy(pair.mem);
}
END_TEST

START_TEST(test_silent_receiver_is_given_up)
{
    struct stream_out out;
    unsigned tries = 0;

    stream_out_begin(&out, 1);
    while (stream_out_timeout(&out) == 0)
        ck_assert_uint_lt(++tries, 100);
    ck_assert(!out.active);
}
END_TEST

Suite *
stream_suite(void)
{
    Suite *suite = suite_create("stream");
    TCase *tcase = tcase_create("stream");

    tcase_add_loop_test(tcase, test_copies_become_equal, 0, 100);
    tcase_add_test(tcase, test_forgotten_deletions_need_a_snapshot);
    tcase_add_test(tcase, test_window_is_kept);
    tcase_add_test(tcase, test_silent_receiver_is_given_up);
    tcase_set_timeout(tcase, 300);
    suite_add_tcase(suite, tcase);
    return suite;
}
