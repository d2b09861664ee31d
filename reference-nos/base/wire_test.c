/* SPDX-License-Identifier: Apache-2.0 */
#include "reference-nos/base/wire.h"

#include "reference-nos/base/base_test.h"
#include "reference-nos/base/err.h"

#include <string.h>

static size_t
write_sample(void *bytes, size_t size, int *error)
{
    struct wire_writer writer;

    wire_writer_init(&writer, bytes, size);
    wire_write_u8(&writer, 0x12);
    wire_write_u16(&writer, 0x3456);
    wire_write_u32(&writer, 0);
    wire_write_u64(&writer, UINT64_C(0x0123456789abcdef));
    wire_write_bool(&writer, true);
    wire_write_string(&writer, "fan 3");
    wire_write_blob(&writer, "\0\1", 2);
    wire_write_bytes(&writer, "xyz", 3);
    wire_write_u32_at(&writer, 3, 0x789abcde);
    *error = wire_writer_finish(&writer);
    return wire_writer_size(&writer);
}

/* Reads the sample; counts on the error being sticky. */
static int
read_sample(const void *bytes, size_t size)
{
    struct wire_reader reader;
    char text[6];
    char raw[3];
    size_t blob_size;
    uint64_t sum = 0;

    wire_reader_init(&reader, bytes, size);
    sum += wire_read_u8(&reader) == 0x12;
    sum += wire_read_u16(&reader) == 0x3456;
    sum += wire_read_u32(&reader) == 0x789abcde;
    sum += wire_read_u64(&reader) == UINT64_C(0x0123456789abcdef);
    sum += wire_read_bool(&reader);
    wire_read_string(&reader, text, sizeof(text));
    sum += strcmp(text, "fan 3") == 0;
    wire_read_blob(&reader, &blob_size);
    sum += blob_size == 2;
    wire_read_copy(&reader, raw, sizeof(raw));
    sum += memcmp(raw, "xyz", 3) == 0;
    if (wire_reader_finish(&reader) == 0)
        ck_assert_uint_eq(sum, 8);
    return wire_reader_finish(&reader);
}

START_TEST(what_is_written_is_read)
{
    static const uint8_t start[] = {0x12, 0x34, 0x56, 0x78, 0x9a, 0xbc, 0xde};
    uint8_t bytes[64];
    int error;
    size_t size = write_sample(bytes, sizeof(bytes), &error);

    ck_assert_int_eq(error, 0);
    ck_assert_uint_eq(size, 1 + 2 + 4 + 8 + 1 + 7 + 6 + 3);
    ck_assert_mem_eq(bytes, start, sizeof(start));
    ck_assert_int_eq(read_sample(bytes, size), 0);
    ck_assert_int_eq(read_sample(bytes, size + 1), ERR_MALFORMED);
}
END_TEST

START_TEST(every_cut_is_noticed)
{
    uint8_t bytes[64];
    uint8_t small[64];
    int error;
    size_t size = write_sample(bytes, sizeof(bytes), &error);

    for (size_t cut = 0; cut < size; cut++) {
        uint8_t after = 0x77;

        ck_assert_int_eq(read_sample(bytes, cut), ERR_TRUNCATED);
        memset(small, after, sizeof(small));
        ck_assert_uint_le(write_sample(small, cut, &error), cut);
        ck_assert_int_eq(error, ERR_FULL);
        ck_assert_uint_eq(small[cut], after);
    }
}
END_TEST

START_TEST(bad_values_are_refused)
{
    struct wire_reader reader;
    char text[4] = "old";

    wire_reader_init(&reader, "\2", 1);
    ck_assert(!wire_read_bool(&reader));
    ck_assert_int_eq(wire_reader_finish(&reader), ERR_MALFORMED);
    wire_reader_init(&reader, "\0\4abcd", 6);
    wire_read_string(&reader, text, sizeof(text));
    ck_assert_int_eq(wire_reader_finish(&reader), ERR_RANGE);
    ck_assert_str_eq(text, "");
    wire_reader_init(&reader, "\0\3a\0c", 5);
    wire_read_string(&reader, text, sizeof(text));
    ck_assert_int_eq(wire_reader_finish(&reader), ERR_MALFORMED);
    wire_reader_init(&reader, "\377\377\377\377x", 5);
    size_t size = 9;
    ck_assert_ptr_null(wire_read_blob(&reader, &size));
    ck_assert_uint_eq(size, 0);
    wire_reader_fail(&reader, ERR_RANGE);
    ck_assert_int_eq(wire_reader_finish(&reader), ERR_TRUNCATED);
}
END_TEST

START_TEST(no_buffer_is_an_empty_buffer)
{
    struct wire_reader reader;
    struct wire_writer writer;

    wire_reader_init(&reader, NULL, 0);
    ck_assert_int_eq(wire_reader_finish(&reader), 0);
    ck_assert_ptr_nonnull(wire_read_bytes(&reader, 0));
    ck_assert_uint_eq(wire_read_u8(&reader), 0);
    ck_assert_int_eq(wire_reader_finish(&reader), ERR_TRUNCATED);
    wire_writer_init(&writer, NULL, 0);
    wire_write_bytes(&writer, NULL, 0);
    ck_assert_int_eq(wire_writer_finish(&writer), 0);
    wire_write_u8(&writer, 1);
    ck_assert_int_eq(wire_writer_finish(&writer), ERR_FULL);
}
END_TEST

Suite *
wire_suite(void)
{
    Suite *suite = suite_create("wire");
    TCase *tcase = tcase_create("wire");

    tcase_add_test(tcase, what_is_written_is_read);
    tcase_add_test(tcase, every_cut_is_noticed);
    tcase_add_test(tcase, bad_values_are_refused);
    tcase_add_test(tcase, no_buffer_is_an_empty_buffer);
    suite_add_tcase(suite, tcase);
    return suite;
}
