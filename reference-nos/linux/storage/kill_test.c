/* SPDX-License-Identifier: Apache-2.0
 *
 * A writer killed at any moment loses nothing that it was told is durable,
 * and leaves a log that ends in at most one torn record.
 *
 * kill -9 keeps the page cache, so this is a test of order and atomicity; a
 * power cut is the simulator's (models/disk.h).
 */
#include "reference-nos/linux/storage/storage_test.h"

#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#define ROUNDS 30u
#define IN_FLIGHT_MAX 8u
#define META_EVERY 5u
#define ANEW_EVERY 40u
#define TOKEN_META (1ull << 32)

/* A record: its number, its length, and bytes that follow from both. */
struct record_head {
    uint64_t number;
    uint64_t size;
};

struct writer {
    uv_loop_t loop;
    struct storage *storage;
    int pipe;
    uint64_t number;
    unsigned in_flight;
};

static size_t
record_make(uint64_t number, uint8_t bytes[512])
{
    struct record_head head = {number, 16 + number * 37 % 400};

    memcpy(bytes, &head, sizeof(head));
    memset(bytes + sizeof(head), (int)(number & 0xff), head.size);
    return sizeof(head) + head.size;
}

static void
write_next(struct writer *writer)
{
    uint8_t bytes[512];
    uint64_t number = ++writer->number;
    size_t size = record_make(number, bytes);
    int error;

    if (number % ANEW_EVERY == 0) {
        error = storage_replace(writer->storage, STORAGE_LOG, bytes, size, 1,
                                number);
    } else {
        error = storage_append(writer->storage, STORAGE_LOG, bytes, size);
        if (error == 0)
            error = storage_sync(writer->storage, STORAGE_LOG, 1, number);
    }
    writer->in_flight++;
    if (error == 0 && number % META_EVERY == 0) {
        memset(bytes, (int)(number & 0xff), sizeof(bytes));
        memcpy(bytes, &number, sizeof(number));
        error = storage_replace(writer->storage, STORAGE_META, bytes,
                                sizeof(bytes), 1, TOKEN_META | number);
        writer->in_flight++;
    }
    if (error != 0)
        _exit(1);
}

static void
told(void *arg, unsigned service, uint64_t token, int status)
{
    struct writer *writer = arg;

    if (status != 0 || service != 1 ||
        write(writer->pipe, &token, sizeof(token)) != sizeof(token))
        _exit(1);
    writer->in_flight--;
    while (writer->in_flight < IN_FLIGHT_MAX)
        write_next(writer);
}

/* Writes until it is killed. */
static void
writer_run(const char *state, int pipe, uint64_t number)
{
    struct writer writer = {.pipe = pipe, .number = number};
    char message[256];

    if (uv_loop_init(&writer.loop) != 0 ||
        storage_open(&writer.loop, state, told, &writer, &writer.storage,
                     message, sizeof(message)) != 0)
        _exit(1);
    write_next(&writer);
    (void)uv_run(&writer.loop, UV_RUN_DEFAULT);
    _exit(1);
}

struct acknowledged {
    uint64_t number;
    uint64_t meta;
};

static void
note(struct acknowledged *acknowledged, uint64_t token)
{
    if (token & TOKEN_META)
        acknowledged->meta = token & ~TOKEN_META;
    else
        acknowledged->number = token;
}

/* Starts a writer and kills it after 'count' completions. */
static void
round_run(const struct lab *lab, unsigned count, uint64_t number,
          struct acknowledged *acknowledged)
{
    uint64_t token;
    int ends[2];
    int status;
    pid_t child;

    ck_assert_int_eq(pipe(ends), 0);
    child = fork();
    if (child == 0) {
        (void)close(ends[0]);
        writer_run(lab->state, ends[1], number);
    }
    (void)close(ends[1]);
    for (unsigned i = 0; i < count; i++) {
        ck_assert_int_eq(read(ends[0], &token, sizeof(token)), sizeof(token));
        note(acknowledged, token);
    }
    ck_assert_int_eq(kill(child, SIGKILL), 0);
    while (read(ends[0], &token, sizeof(token)) == sizeof(token))
        note(acknowledged, token);
    ck_assert_int_eq(waitpid(child, &status, 0), child);
    ck_assert(WIFSIGNALED(status));
    (void)close(ends[0]);
}

/* Walks the log; the last whole record, which none before it lacks.  Cuts
 * what is torn. */
static uint64_t
log_check(struct lab *lab)
{
    uint64_t size = 0;
    uint64_t at = 0;
    uint64_t last = 0;
    uint8_t *bytes;

    ck_assert_int_eq(storage_size(lab->storage, STORAGE_LOG, &size), 0);
    bytes = malloc(size + 1);
    ck_assert_int_eq(storage_read(lab->storage, STORAGE_LOG, 0, bytes, size),
                     0);
    while (at < size) {
        struct record_head head;
        uint8_t expected[512];
        size_t whole;

        if (size - at < sizeof(head))
            break;
        memcpy(&head, bytes + at, sizeof(head));
        ck_assert(last == 0 || head.number == last + 1);
        whole = record_make(head.number, expected);
        if (size - at < whole) {
            ck_assert_mem_eq(bytes + at, expected, size - at);
            break;
        }
        ck_assert_mem_eq(bytes + at, expected, whole);
        last = head.number;
        at += whole;
    }
    free(bytes);
    ck_assert_int_eq(storage_truncate(lab->storage, STORAGE_LOG, at), 0);
    ck_assert_int_eq(storage_size(lab->storage, STORAGE_LOG, &size), 0);
    return last;
}

/* META is old or new, never a mixture. */
static uint64_t
meta_check(struct lab *lab)
{
    uint8_t bytes[512];
    uint64_t size = 0;
    uint64_t number;

    ck_assert_int_eq(storage_size(lab->storage, STORAGE_META, &size), 0);
    if (size == 0)
        return 0;
    ck_assert_uint_eq(size, sizeof(bytes));
    ck_assert_int_eq(
        storage_read(lab->storage, STORAGE_META, 0, bytes, sizeof(bytes)), 0);
    memcpy(&number, bytes, sizeof(number));
    for (size_t i = sizeof(number); i < sizeof(bytes); i++)
        ck_assert_uint_eq(bytes[i], number & 0xff);
    return number;
}

START_TEST(test_kill)
{
    struct acknowledged acknowledged = {0, 0};
    struct lab lab;
    uint64_t last = 0;

    lab_init(&lab);
    for (unsigned i = 0; i < ROUNDS; i++) {
        round_run(&lab, i * 7 % 61, last, &acknowledged);
        lab_open(&lab);
        last = log_check(&lab);
        ck_assert_uint_ge(last, acknowledged.number);
        ck_assert_uint_ge(meta_check(&lab), acknowledged.meta);
        lab_close(&lab);
    }
    ck_assert_uint_gt(acknowledged.number, ROUNDS);
    lab_fini(&lab);
}
END_TEST

Suite *
kill_suite(void)
{
    Suite *suite = suite_create("storage kill");
    TCase *tests = tcase_create("kill");

    tcase_add_test(tests, test_kill);
    suite_add_tcase(suite, tests);
    return suite;
}
