/* SPDX-License-Identifier: Apache-2.0
 *
 * A controller that is its own only voter, behind a door made by hand; its
 * recording must replay to the same outputs, and a changed one must not.
 */
#define _POSIX_C_SOURCE 200809L

#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "reference-nos/base/digest.h"
#include "reference-nos/base/units.h"
#include "reference-nos/linux/record/record.h"
#include "reference-nos/linux/record/record_priv.h"
#include "reference-nos/linux/record/tape.h"
#include "reference-nos/node/testbox.h"
#include "reference-nos/schema/operator_msg.h"

#define KEY 0x4711u
#define RECORDING_MAX ((size_t)1 << 23)

struct hand {
    struct testbox *box;
    struct recorder *recorder;
    unsigned replies;
    struct operator_rep reply;
};

/* ---- what the recorder is told, and the hand hears ---- */

static void
before(void *arg, enum testbox_input input, unsigned service, uint64_t token)
{
    struct recorder *recorder = ((struct hand *)arg)->recorder;

    switch (input) {
    case TESTBOX_ALARM: record_alarm(recorder); break;
    case TESTBOX_DISPATCH: record_dispatch(recorder, service); break;
    case TESTBOX_STORAGE_DONE:
        record_storage_done(recorder, service, token, 0);
        break;
    case TESTBOX_ROUTES_DONE:
        record_forwarding_changed(
            recorder,
            &(struct fwd_change){.kind = FWD_ROUTES_DONE, .token = token});
        break;
    }
}

static void
replied(void *arg, const void *bytes, size_t size)
{
    struct hand *hand = arg;
    struct wire_reader reader;

    wire_reader_init(&reader, bytes, size);
    ck_assert_int_eq(operator_rep_read(&reader, &hand->reply), 0);
    hand->replies++;
}

/* One fan that slows down a little at every look. */
static unsigned
hw_count(struct plat *plat, enum hw_kind kind)
{
    (void)plat;
    return kind == HW_FAN;
}

static int
hw_describe(struct plat *plat, enum hw_kind kind, unsigned index,
            struct hw_description *description)
{
    (void)plat, (void)kind, (void)index;
    *description = (struct hw_description){.name = "fan", .max_rpm = 9000};
    return 0;
}

static int
hw_read(struct plat *plat, enum hw_kind kind, unsigned index,
        struct hw_reading *reading)
{
    (void)kind, (void)index;
    *reading = (struct hw_reading){
        .present = true,
        .ok = true,
        .value =
            (int32_t)(8000 -
                      CONTAINER_OF(plat, struct testbox, plat)->now_ns % 100),
    };
    return 0;
}

static int
fan_set(struct plat *plat, unsigned index, unsigned duty_percent)
{
    (void)plat, (void)index, (void)duty_percent;
    return 0;
}

static int
led_set(struct plat *plat, unsigned index, enum led_state state)
{
    (void)plat, (void)index, (void)state;
    return 0;
}

static enum reboot_cause
reboot_cause(struct plat *plat)
{
    (void)plat;
    return REBOOT_OPERATOR;
}

static const struct hw_ops hw = {hw_count, hw_describe, hw_read,
                                 fan_set,  led_set,     reboot_cause};

/* ---- driving it ---- */

static void
write_probe(struct hand *hand, uint64_t value)
{
    struct operator_req req = {
        .verb = OPERATOR_WRITE,
        .client = 1,
        .sequence = value,
        .value = value,
    };
    uint8_t bytes[128];
    struct wire_writer writer;

    wire_writer_init(&writer, bytes, sizeof(bytes));
    operator_req_write(&writer, &req);
    record_operator(hand->recorder, value, bytes, wire_writer_size(&writer));
    runtime_operator(hand->box->runtime, value, bytes,
                     wire_writer_size(&writer));
}

static struct hand *
hand_make(const char *path)
{
    struct hand *hand = calloc(1, sizeof(*hand));
    struct testbox *box = testbox_make(ROLE_NCC, KEY);
    char message[256];

    hand->box = box;
    box->facts.voter_count = 1;
    box->facts.voters[0] = KEY;
    box->look_ns = 137; /* as a real clock: never the same */
    box->plat.hw = &hw;
    box->before = before;
    box->reply = replied;
    box->arg = hand;
    ck_assert_int_eq(record_open(path, &box->plat, &hand->recorder, message,
                                 sizeof(message)),
                     0);
    box->door = record_plat(hand->recorder);
    testbox_start(box);
    return hand;
}

static void
hand_end(struct hand *hand)
{
    char message[256];

    ck_assert(!hand->box->restarting);
    testbox_destroy(hand->box);
    ck_assert_int_eq(record_close(hand->recorder, message, sizeof(message)),
                     0);
    free(hand);
}

/* Boots, writes ten rows, loses its store service once, stops. */
static void
record_one(const char *path, bool orderly)
{
    struct hand *hand = hand_make(path);

    testbox_run(hand->box, 5 * NS_PER_S);
    for (uint64_t value = 1; value <= 10; value++) {
        write_probe(hand, value);
        testbox_run(hand->box, 100 * NS_PER_MS);
        ck_assert_uint_eq(hand->replies, value);
        ck_assert_int_eq(hand->reply.status, 0);
        if (value == 5) {
            record_kill(hand->recorder, SVC_STORE);
            ck_assert_int_eq(runtime_kill(hand->box->runtime, SVC_STORE), 0);
            testbox_run(hand->box, 5 * NS_PER_S);
        }
    }
    hand_end(hand);
    if (!orderly) {
        FILE *file = fopen(path, "r+b");

        fseek(file, 0, SEEK_END);
        ck_assert_int_eq(ftruncate(fileno(file), ftell(file) - 7), 0);
        fclose(file);
    }
}

static char path[] = "/tmp/record-test-XXXXXX";

static void
make(bool orderly)
{
    int fd = mkstemp(path);

    ck_assert_int_ge(fd, 0);
    close(fd);
    unlink(path);
    record_one(path, orderly);
}

static void
clean(void)
{
    unlink(path);
    memcpy(path + sizeof(path) - 7, "XXXXXX", 6);
}

static uint32_t
be32(const uint8_t *bytes)
{
    return (uint32_t)bytes[0] << 24 | (uint32_t)bytes[1] << 16 |
           (uint32_t)bytes[2] << 8 | (uint32_t)bytes[3];
}

/* The whole file. */
static uint8_t *
slurp(size_t *size)
{
    FILE *file = fopen(path, "rb");
    uint8_t *bytes = malloc(RECORDING_MAX);

    *size = fread(bytes, 1, RECORDING_MAX, file);
    ck_assert_uint_lt(*size, RECORDING_MAX);
    fclose(file);
    return bytes;
}

static void
spill(const uint8_t *bytes, size_t size)
{
    FILE *file = fopen(path, "wb");

    ck_assert_uint_eq(fwrite(bytes, 1, size, file), size);
    fclose(file);
}

START_TEST(recording_replays)
{
    struct replay_result result;
    char message[256] = "";

    make(true);
    ck_assert_msg(
        record_replay(path, NULL, &result, message, sizeof(message)) == 0,
        "%s", message);
    ck_assert_msg(result.equal, "%s / %s", result.recorded, result.done);
    ck_assert(!result.cut);
    ck_assert_uint_gt(result.inputs, 100);
    ck_assert_uint_gt(result.outputs, 300);
    ck_assert_uint_gt(result.span_ns, 10 * NS_PER_S);
    clean();
}
END_TEST

START_TEST(cut_recording_replays_to_its_cut)
{
    struct replay_result result;
    char message[256] = "";

    make(false);
    ck_assert_int_eq(
        record_replay(path, NULL, &result, message, sizeof(message)), 0);
    ck_assert(result.equal);
    ck_assert(result.cut);
    clean();
}
END_TEST

/* Flips a bit of the value of the tenth operator's request, checksum mended:
 * the box answers and stores something else than it did then. */
START_TEST(changed_input_is_named)
{
    struct replay_result result;
    char message[256] = "";
    size_t size;
    uint8_t *bytes;
    unsigned requests = 0;

    make(true);
    bytes = slurp(&size);
    for (size_t at = RECORD_HEAD_BYTES; at < size;) {
        uint32_t step = be32(bytes + at);
        uint8_t *body = bytes + at + 4;

        if (body[0] == TAPE_OPERATOR && ++requests == 10) {
            uint32_t check;

            body[3 + 1 + 8 + 8 + 7] ^= 4; /* the value's lowest byte */
            check = checksum32(RECORD_CHECK_SEED, body, step);
            for (unsigned i = 0; i < 4; i++)
                body[step + i] = (uint8_t)(check >> (24 - 8 * i));
        }
        at += 4 + step + 4;
    }
    ck_assert_uint_eq(requests, 10);
    spill(bytes, size);
    free(bytes);
    ck_assert_int_eq(
        record_replay(path, NULL, &result, message, sizeof(message)), 0);
    ck_assert(!result.equal);
    ck_assert_uint_gt(result.at_input, 100);
    ck_assert_str_ne(result.recorded, result.done);
    clean();
}
END_TEST

START_TEST(damage_is_told)
{
    struct replay_result result;
    char message[256] = "";
    size_t size;
    uint8_t *bytes;

    make(true);
    bytes = slurp(&size);
    bytes[size / 2] ^= 1;
    spill(bytes, size);
    ck_assert_int_eq(
        record_replay(path, NULL, &result, message, sizeof(message)),
        ERR_INVALID);
    ck_assert_ptr_nonnull(strstr(message, path));
    spill(bytes, 5);
    ck_assert_int_eq(
        record_replay(path, NULL, &result, message, sizeof(message)),
        ERR_INVALID);
    spill(bytes, RECORD_HEAD_BYTES);
    ck_assert_int_eq(
        record_replay(path, NULL, &result, message, sizeof(message)),
        ERR_INVALID);
    ck_assert_ptr_nonnull(strstr(message, "boot"));
    free(bytes);
    clean();
    ck_assert_int_eq(record_replay("/nonexistent/recording", NULL, &result,
                                   message, sizeof(message)),
                     ERR_NOENT);
}
END_TEST

/* Found by fuzz_record: a step that completes one operation twice. */
START_TEST(completion_that_nobody_asked_for_is_damage)
{
    struct replay_result result;
    char message[256] = "";
    size_t size, at = RECORD_HEAD_BYTES, step;
    uint8_t *bytes;

    make(true);
    bytes = slurp(&size);
    while (bytes[at + 4] != TAPE_STORAGE_DONE) {
        at += be32(bytes + at) + 8;
        ck_assert_uint_lt(at, size);
    }
    step = be32(bytes + at) + 8;
    memmove(bytes + at + step, bytes + at, size - at);
    spill(bytes, size + step);
    ck_assert_int_eq(
        record_replay(path, NULL, &result, message, sizeof(message)),
        ERR_INVALID);
    ck_assert_ptr_nonnull(strstr(message, "nobody asked for"));
    free(bytes);
    clean();
}
END_TEST

START_TEST(an_old_recording_is_not_overwritten)
{
    struct plat plat = {NULL, NULL, NULL, NULL, 0};
    struct recorder *recorder;
    char message[256] = "";

    make(true);
    ck_assert_int_eq(
        record_open(path, &plat, &recorder, message, sizeof(message)),
        ERR_EXISTS);
    ck_assert_ptr_nonnull(strstr(message, path));
    clean();
}
END_TEST

int
main(void)
{
    Suite *suite = suite_create("record");
    TCase *tests = tcase_create("record");
    SRunner *runner = srunner_create(suite);
    int failed;

    tcase_add_test(tests, recording_replays);
    tcase_add_test(tests, cut_recording_replays_to_its_cut);
    tcase_add_test(tests, changed_input_is_named);
    tcase_add_test(tests, damage_is_told);
    tcase_add_test(tests, completion_that_nobody_asked_for_is_damage);
    tcase_add_test(tests, an_old_recording_is_not_overwritten);
    suite_add_tcase(suite, tests);
    srunner_run_all(runner, CK_NORMAL);
    failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed == 0 ? 0 : 1;
}
