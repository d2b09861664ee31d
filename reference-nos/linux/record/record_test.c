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
#include "reference-nos/node/node.h"
#include "reference-nos/schema/operator_msg.h"

#define KEY 0x4711u
#define FILE_MAX ((size_t)1 << 20)
#define DONE_MAX 256u

struct hand {
    struct plat plat;
    struct box_facts facts;
    struct recorder *recorder;
    struct runtime *runtime;
    uint64_t now_ns;
    uint64_t alarm_ns;
    uint64_t drawn;
    unsigned ready; /* bit per service */
    uint8_t *files[STORAGE_FILE_COUNT];
    size_t sizes[STORAGE_FILE_COUNT];
    struct {
        unsigned service;
        uint64_t token;
    } done[DONE_MAX];
    unsigned done_count;
    unsigned replies;
    struct operator_rep reply;
};

static struct hand *
hand_of(struct plat *plat)
{
    return CONTAINER_OF(plat, struct hand, plat);
}

/* ---- the door ---- */

static uint64_t
now_ns(struct plat *plat)
{
    return hand_of(plat)->now_ns += 137; /* as a real clock: never the same */
}

static uint64_t
random_u64(struct plat *plat)
{
    struct hand *hand = hand_of(plat);

    return hash64(++hand->drawn, "draw", 4);
}

static void
wake_at(struct plat *plat, uint64_t deadline_ns)
{
    hand_of(plat)->alarm_ns = deadline_ns;
}

static void
ready(struct plat *plat, unsigned service)
{
    hand_of(plat)->ready |= 1u << service;
}

static void
charge(struct plat *plat, enum cost cost, uint64_t units)
{
    (void)plat, (void)cost, (void)units;
}

static void
datagram_send(struct plat *plat, enum plane plane, uint64_t to, enum lane lane,
              const void *bytes, size_t size)
{
    (void)plat, (void)plane, (void)to, (void)lane, (void)bytes, (void)size;
}

static void
packet_send(struct plat *plat, unsigned port, const void *bytes, size_t size)
{
    (void)plat, (void)port, (void)bytes, (void)size;
}

static int
append(struct plat *plat, enum storage_file file, const void *bytes,
       size_t size)
{
    struct hand *hand = hand_of(plat);

    ck_assert_uint_le(hand->sizes[file] + size, FILE_MAX);
    memcpy(hand->files[file] + hand->sizes[file], bytes, size);
    hand->sizes[file] += size;
    return 0;
}

static int
truncate_to(struct plat *plat, enum storage_file file, uint64_t size)
{
    hand_of(plat)->sizes[file] = (size_t)size;
    return 0;
}

static int
sync_file(struct plat *plat, enum storage_file file, unsigned service,
          uint64_t token)
{
    struct hand *hand = hand_of(plat);

    (void)file;
    ck_assert_uint_lt(hand->done_count, DONE_MAX);
    hand->done[hand->done_count].service = service;
    hand->done[hand->done_count++].token = token;
    return 0;
}

static int
replace(struct plat *plat, enum storage_file file, const void *bytes,
        size_t size, unsigned service, uint64_t token)
{
    hand_of(plat)->sizes[file] = 0;
    return append(plat, file, bytes, size) ||
           sync_file(plat, file, service, token);
}

static int
size_of(struct plat *plat, enum storage_file file, uint64_t *size)
{
    *size = hand_of(plat)->sizes[file];
    return 0;
}

static int
read_file(struct plat *plat, enum storage_file file, uint64_t offset,
          void *bytes, size_t size)
{
    struct hand *hand = hand_of(plat);

    if (offset + size > hand->sizes[file])
        return ERR_TRUNCATED;
    memcpy(bytes, hand->files[file] + offset, size);
    return 0;
}

static int
blob_get(struct plat *plat, const char *name, const void **bytes, size_t *size)
{
    (void)plat, (void)name, (void)bytes, (void)size;
    return ERR_NOENT;
}

static void *
chunk_take(struct plat *plat, size_t size)
{
    (void)plat;
    return malloc(size);
}

static void
chunk_give(struct plat *plat, void *chunk, size_t size)
{
    (void)plat, (void)size;
    free(chunk);
}

static void
operator_reply(struct plat *plat, uint64_t token, const void *bytes,
               size_t size)
{
    struct hand *hand = hand_of(plat);
    struct wire_reader reader;

    (void)token;
    wire_reader_init(&reader, bytes, size);
    ck_assert_int_eq(operator_rep_read(&reader, &hand->reply), 0);
    hand->replies++;
}

static void
log_line(struct plat *plat, unsigned service, enum severity severity,
         const char *text)
{
    (void)plat, (void)service, (void)severity, (void)text;
}

static void
trace(struct plat *plat, const struct trace_record *record)
{
    (void)plat, (void)record;
}

static void
restart(struct plat *plat, enum reboot_cause cause)
{
    (void)plat, (void)cause;
    ck_abort_msg("the box restarts");
}

static const struct plat_ops ops = {
    now_ns,     now_ns,        random_u64,     wake_at,   ready,
    charge,     datagram_send, packet_send,    append,    truncate_to,
    sync_file,  replace,       size_of,        read_file, blob_get,
    chunk_take, chunk_give,    operator_reply, log_line,  trace,
    restart,
};

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
        .value = (int32_t)(8000 - hand_of(plat)->now_ns % 100),
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

static int
bulk_set(struct plat *plat, const struct fwd_entry *entries, size_t count,
         uint64_t token)
{
    (void)plat, (void)entries, (void)count, (void)token;
    return 0;
}

static int
dump(struct plat *plat, struct fwd_entry *entries, size_t room, size_t *count)
{
    (void)plat, (void)entries, (void)room;
    *count = 0;
    return 0;
}

static int
link_up(struct plat *plat, unsigned port, bool *up)
{
    (void)plat, (void)port, (void)up;
    return ERR_NOENT;
}

static const struct fwd_ops fwd = {bulk_set, dump, link_up};

/* ---- driving it ---- */

static void
work(struct hand *hand)
{
    while (hand->ready != 0 || hand->done_count > 0) {
        for (unsigned service = 0; service < SVC_COUNT; service++) {
            if (runtime_pending(hand->runtime, service) == LANE_COUNT) {
                hand->ready &= ~(1u << service);
                continue;
            }
            record_dispatch(hand->recorder, service);
            runtime_dispatch(hand->runtime, service);
        }
        if (hand->done_count > 0) {
            unsigned service = hand->done[0].service;
            uint64_t token = hand->done[0].token;

            hand->done_count--;
            memmove(&hand->done[0], &hand->done[1],
                    hand->done_count * sizeof(hand->done[0]));
            record_storage_done(hand->recorder, service, token, 0);
            runtime_storage_done(hand->runtime, service, token, 0);
        }
    }
}

static void
pass(struct hand *hand, uint64_t span_ns)
{
    uint64_t end_ns = hand->now_ns + span_ns;

    work(hand);
    while (hand->alarm_ns < end_ns) {
        if (hand->now_ns < hand->alarm_ns)
            hand->now_ns = hand->alarm_ns;
        hand->alarm_ns = UINT64_MAX;
        record_alarm(hand->recorder);
        runtime_alarm(hand->runtime);
        work(hand);
    }
    if (hand->now_ns < end_ns)
        hand->now_ns = end_ns;
}

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
    runtime_operator(hand->runtime, value, bytes, wire_writer_size(&writer));
}

/* Boots, writes ten rows, loses its store service once, stops. */
static void
record_one(const char *path, bool orderly)
{
    struct hand *hand = calloc(1, sizeof(*hand));
    char message[256];

    hand->plat = (struct plat){&ops, &hw, &fwd, &hand->facts, 0};
    hand->facts = (struct box_facts){
        .key = KEY,
        .serial = "SN-1",
        .role = ROLE_NCC,
        .cluster_id = 9,
        .incarnation = 1,
        .voter_count = 1,
        .voters = {KEY},
    };
    hand->now_ns = 77 * NS_PER_S;
    hand->alarm_ns = UINT64_MAX;
    for (unsigned i = 0; i < STORAGE_FILE_COUNT; i++)
        hand->files[i] = malloc(FILE_MAX);
    ck_assert_int_eq(record_open(path, &hand->plat, &hand->recorder, message,
                                 sizeof(message)),
                     0);
    ck_assert_int_eq(node_create(record_plat(hand->recorder), &hand->runtime),
                     0);
    pass(hand, 5 * NS_PER_S);
    for (uint64_t value = 1; value <= 10; value++) {
        write_probe(hand, value);
        pass(hand, 100 * NS_PER_MS);
        ck_assert_uint_eq(hand->replies, value);
        ck_assert_int_eq(hand->reply.status, 0);
        if (value == 5) {
            record_kill(hand->recorder, SVC_STORE);
            ck_assert_int_eq(runtime_kill(hand->runtime, SVC_STORE), 0);
            pass(hand, 5 * NS_PER_S);
        }
    }
    runtime_destroy(hand->runtime);
    ck_assert_int_eq(record_close(hand->recorder, message, sizeof(message)),
                     0);
    if (!orderly) {
        FILE *file = fopen(path, "r+b");

        fseek(file, 0, SEEK_END);
        ck_assert_int_eq(ftruncate(fileno(file), ftell(file) - 7), 0);
        fclose(file);
    }
    for (unsigned i = 0; i < STORAGE_FILE_COUNT; i++)
        free(hand->files[i]);
    free(hand);
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
    uint8_t *bytes = malloc(FILE_MAX * 8);

    *size = fread(bytes, 1, FILE_MAX * 8, file);
    ck_assert_uint_lt(*size, FILE_MAX * 8);
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
    ck_assert_msg(record_replay(path, &result, message, sizeof(message)) == 0,
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
    ck_assert_int_eq(record_replay(path, &result, message, sizeof(message)),
                     0);
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
    ck_assert_int_eq(record_replay(path, &result, message, sizeof(message)),
                     0);
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
    ck_assert_int_eq(record_replay(path, &result, message, sizeof(message)),
                     ERR_INVALID);
    ck_assert_ptr_nonnull(strstr(message, path));
    spill(bytes, 5);
    ck_assert_int_eq(record_replay(path, &result, message, sizeof(message)),
                     ERR_INVALID);
    spill(bytes, RECORD_HEAD_BYTES);
    ck_assert_int_eq(record_replay(path, &result, message, sizeof(message)),
                     ERR_INVALID);
    ck_assert_ptr_nonnull(strstr(message, "boot"));
    free(bytes);
    clean();
    ck_assert_int_eq(record_replay("/nonexistent/recording", &result, message,
                                   sizeof(message)),
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
    ck_assert_int_eq(record_replay(path, &result, message, sizeof(message)),
                     ERR_INVALID);
    ck_assert_ptr_nonnull(strstr(message, "nobody asked for"));
    free(bytes);
    clean();
}
END_TEST

START_TEST(an_old_recording_is_not_overwritten)
{
    struct plat plat = {&ops, &hw, &fwd, NULL, 0};
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
