/* SPDX-License-Identifier: Apache-2.0
 *
 * Two services, each in a process of its own: this program again.
 */
#define _GNU_SOURCE

#include "reference-nos/linux/procs/procs.h"

#include <check.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "reference-nos/base/check.h"
#include "reference-nos/base/units.h"

#define BIG (300u * 1024u)

/* ---- the services ---- */

static int
start(struct actor *self, void **state)
{
    *state = mem_zalloc(actor_mem(self), 64);
    return *state != NULL ? 0 : ERR_NOMEM;
}

static bool
said(const struct actor_event *event, const char *word)
{
    return event->u.operation.size == strlen(word) &&
           memcmp(event->u.operation.bytes, word, strlen(word)) == 0;
}

static void
answer(struct actor *self, uint64_t token, const char *text)
{
    char bytes[64];
    int size = snprintf(bytes, sizeof(bytes), "%s life %u pid %d", text,
                        actor_life(self), (int)getpid());

    actor_operator_reply(self, token, bytes, (size_t)size);
}

/* Asks all the door has, once. */
static const char *
door_try(struct actor *self)
{
    struct plat *plat = actor_plat(self);
    struct hw_description description;
    struct hw_reading reading;
    struct fwd_entry entries[4];
    const void *bytes;
    uint64_t size;
    size_t count;
    bool up;
    char text[4];

    if (plat->ops->storage_append(plat, STORAGE_LOG, "abcd", 4) != 0 ||
        plat->ops->storage_size(plat, STORAGE_LOG, &size) != 0 || size != 4 ||
        plat->ops->storage_read(plat, STORAGE_LOG, 1, text, 2) != 0 ||
        memcmp(text, "bc", 2) != 0)
        return "storage";
    if (plat->ops->storage_read(plat, STORAGE_LOG, 9, text, 2) !=
        ERR_TRUNCATED)
        return "storage error";
    if (plat->ops->blob_get(plat, "plan", &bytes, &count) != 0 || count != 3 ||
        memcmp(bytes, "abc", 3) != 0 ||
        plat->ops->blob_get(plat, "none", &bytes, &count) != ERR_NOENT)
        return "blob";
    if (plat->hw->count(plat, HW_FAN) != 2 ||
        plat->hw->describe(plat, HW_FAN, 1, &description) != 0 ||
        strcmp(description.name, "fan") != 0 ||
        plat->hw->read(plat, HW_FAN, 1, &reading) != 0 ||
        reading.value != -7 || plat->hw->fan_set(plat, 1, 60) != 0 ||
        plat->hw->led_set(plat, 0, LED_RED) != 0 ||
        plat->hw->reboot_cause(plat) != REBOOT_THERMAL)
        return "hardware";
    entries[0] = (struct fwd_entry){FWD_REACH, 4, 0, 5};
    if (plat->fwd->bulk_set(plat, entries, 1, 9) != 0 ||
        plat->fwd->dump(plat, entries, 4, &count) != 0 || count != 1 ||
        entries[0].value != 77 || plat->fwd->link_up(plat, 2, &up) != 0 ||
        !up || plat->fwd->link_up(plat, 3, &up) != ERR_NOENT)
        return "forwarding";
    return "all";
}

static int
first_handle(struct actor *self, void *state, const struct actor_event *event)
{
    uint64_t *token = state;
    struct actor_address second = {0, SVC_MEMBER};
    static uint8_t big[BIG];

    if (event->kind == EV_TIMER)
        answer(self, *token, "timer");
    if (event->kind != EV_OPERATOR)
        return ACTOR_DONE;
    *token = event->u.operation.token;
    if (said(event, "die"))
        return ERR_IO;
    while (said(event, "hang"))
        pause();
    if (said(event, "timer"))
        actor_timer_set(self, 0, actor_now_ns(self) + 10 * NS_PER_MS);
    else if (said(event, "door"))
        answer(self, *token, door_try(self));
    else if (said(event, "second"))
        return actor_send(self, second, LANE_BULK, 3, *token, big, BIG);
    else if (said(event, "nobody"))
        answer(self, *token,
               err_text(actor_send(self, (struct actor_address){0, SVC_FABRIC},
                                   LANE_BULK, 3, *token, big, 1)));
    else
        answer(self, *token, "here");
    return ACTOR_DONE;
}

static int
second_handle(struct actor *self, void *state, const struct actor_event *event)
{
    (void)state;
    if (event->kind == EV_MESSAGE && event->u.message.size == BIG &&
        event->u.message.from.service == SVC_STORE)
        answer(self, event->u.message.epoch, "second");
    return ACTOR_DONE;
}

static const struct actor_kind first = {
    .id = SVC_STORE,
    .takes = TAKES_OPERATOR,
    .memory_max_bytes = 1 << 20,
    .start = start,
    .handle = first_handle,
};
static const struct actor_kind second = {
    .id = SVC_MEMBER,
    .memory_max_bytes = 1 << 20,
    .start = start,
    .handle = second_handle,
};
static const struct actor_kind *const kinds[] = {&first, &second};

/* ---- the box ---- */

struct box {
    struct plat plat;
    struct box_facts facts;
    uv_loop_t loop;
    uv_timer_t timer;
    struct runtime *runtime;
    struct procs *procs;
    uint8_t file[64];
    size_t file_size;
    char reply[64];
    uint64_t reply_token;
    unsigned died;
    bool restarted;
};

static struct box *
box_of(struct plat *plat)
{
    return CONTAINER_OF(plat, struct box, plat);
}

static void
work(struct box *box)
{
    for (unsigned service = 0; service < SVC_COUNT; service++) {
        while (runtime_pending(box->runtime, service) != LANE_COUNT &&
               !procs_busy(box->procs, service))
            runtime_dispatch(box->runtime, service);
    }
}

static uint64_t
now_ns(struct plat *plat)
{
    struct timespec now;

    (void)plat;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * NS_PER_S + (uint64_t)now.tv_nsec;
}

static void
on_timer(uv_timer_t *timer)
{
    struct box *box = CONTAINER_OF(timer, struct box, timer);

    runtime_alarm(box->runtime);
    work(box);
}

static void
wake_at(struct plat *plat, uint64_t deadline_ns)
{
    struct box *box = box_of(plat);
    uint64_t now = now_ns(plat);
    uint64_t wait = deadline_ns > now ? deadline_ns - now : 0;

    if (deadline_ns == UINT64_MAX)
        uv_timer_stop(&box->timer);
    else
        uv_timer_start(&box->timer, on_timer, wait / NS_PER_MS + 1, 0);
}

static void
ready(struct plat *plat, unsigned service)
{
    (void)plat, (void)service;
}

static void
charge(struct plat *plat, enum cost cost, uint64_t units)
{
    (void)plat, (void)cost, (void)units;
}

static int
append(struct plat *plat, enum storage_file file, const void *bytes,
       size_t size)
{
    struct box *box = box_of(plat);

    ck_assert_int_eq(file, STORAGE_LOG);
    memcpy(box->file, bytes, size);
    box->file_size = size;
    return 0;
}

static int
size_of(struct plat *plat, enum storage_file file, uint64_t *size)
{
    (void)file;
    *size = box_of(plat)->file_size;
    return 0;
}

static int
read_file(struct plat *plat, enum storage_file file, uint64_t offset,
          void *bytes, size_t size)
{
    struct box *box = box_of(plat);

    (void)file;
    if (offset + size > box->file_size)
        return ERR_TRUNCATED;
    memcpy(bytes, box->file + offset, size);
    return 0;
}

static int
blob_get(struct plat *plat, const char *name, const void **bytes, size_t *size)
{
    (void)plat;
    if (strcmp(name, "plan") != 0)
        return ERR_NOENT;
    *bytes = "abc";
    *size = 3;
    return 0;
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
    struct box *box = box_of(plat);

    ck_assert_uint_lt(size, sizeof(box->reply));
    memcpy(box->reply, bytes, size);
    box->reply[size] = '\0';
    box->reply_token = token;
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
    struct box *box = box_of(plat);

    if (record->kind != TRACE_SERVICE_DIED)
        return;
    box->died++;
    procs_buried(box->procs, (unsigned)record->a);
}

static void
restart(struct plat *plat, enum reboot_cause cause)
{
    (void)cause;
    box_of(plat)->restarted = true;
}

static const struct plat_ops ops = {
    .now_ns = now_ns,
    .wall_ns = now_ns,
    .wake_at = wake_at,
    .ready = ready,
    .charge = charge,
    .storage_append = append,
    .storage_size = size_of,
    .storage_read = read_file,
    .blob_get = blob_get,
    .chunk_take = chunk_take,
    .chunk_give = chunk_give,
    .operator_reply = operator_reply,
    .log = log_line,
    .trace = trace,
    .restart = restart,
};

static unsigned
hw_count(struct plat *plat, enum hw_kind kind)
{
    (void)plat;
    return kind == HW_FAN ? 2 : 0;
}

static int
hw_describe(struct plat *plat, enum hw_kind kind, unsigned index,
            struct hw_description *description)
{
    (void)plat, (void)kind, (void)index;
    *description = (struct hw_description){.name = "fan", .max_rpm = 1};
    return 0;
}

static int
hw_read(struct plat *plat, enum hw_kind kind, unsigned index,
        struct hw_reading *reading)
{
    (void)plat, (void)kind, (void)index;
    *reading = (struct hw_reading){.present = true, .value = -7};
    return 0;
}

static int
fan_set(struct plat *plat, unsigned index, unsigned duty_percent)
{
    (void)plat;
    return index == 1 && duty_percent == 60 ? 0 : ERR_INVALID;
}

static int
led_set(struct plat *plat, unsigned index, enum led_state state)
{
    (void)plat;
    return index == 0 && state == LED_RED ? 0 : ERR_INVALID;
}

static enum reboot_cause
reboot_cause(struct plat *plat)
{
    (void)plat;
    return REBOOT_THERMAL;
}

static const struct hw_ops hw = {hw_count, hw_describe, hw_read,
                                 fan_set,  led_set,     reboot_cause};

static int
bulk_set(struct plat *plat, const struct fwd_entry *entries, size_t count,
         uint64_t token)
{
    (void)plat;
    return count == 1 && entries[0].id == 4 && token == 9 ? 0 : ERR_INVALID;
}

static int
dump(struct plat *plat, struct fwd_entry *entries, size_t room, size_t *count)
{
    (void)plat;
    ck_assert_uint_ge(room, 1);
    entries[0] = (struct fwd_entry){FWD_BOX, 0, 0, 77};
    *count = 1;
    return 0;
}

static int
link_up(struct plat *plat, unsigned port, bool *up)
{
    (void)plat;
    *up = true;
    return port == 2 ? 0 : ERR_NOENT;
}

static const struct fwd_ops fwd = {
    .bulk_set = bulk_set, .dump = dump, .link_up = link_up};

static void
on_idle(void *arg, unsigned service)
{
    (void)service;
    work(arg);
}

static void
on_ended(void *arg, unsigned service)
{
    struct box *box = arg;

    /* Down already, when the runtime was first. */
    (void)runtime_kill(box->runtime, service);
}

static struct box *
box_make(void)
{
    struct box *box = calloc(1, sizeof(*box));
    struct procs_options options = {
        .loop = &box->loop,
        .program = "/proc/self/exe",
        .door = &box->plat,
        .kinds = kinds,
        .kind_count = ARRAY_COUNT(kinds),
        .idle = on_idle,
        .ended = on_ended,
        .arg = box,
    };

    uv_loop_init(&box->loop);
    uv_timer_init(&box->loop, &box->timer);
    box->plat = (struct plat){&ops, &hw, &fwd, &box->facts, 0};
    box->facts.key = 7;
    ck_assert_int_eq(procs_create(&options, &box->procs), 0);
    ck_assert_int_eq(runtime_create(&box->plat, procs_kinds(box->procs),
                                    ARRAY_COUNT(kinds), &box->runtime),
                     0);
    work(box);
    return box;
}

static void
box_free(struct box *box)
{
    runtime_destroy(box->runtime);
    procs_destroy(box->procs);
    uv_close((uv_handle_t *)&box->timer, NULL);
    uv_run(&box->loop, UV_RUN_DEFAULT);
    ck_assert_int_eq(uv_loop_close(&box->loop), 0);
    free(box);
}

static bool
is_up(struct box *box)
{
    struct runtime_service_stats stats;

    return runtime_stats(box->runtime, SVC_STORE, &stats) == 0 && stats.up;
}

/* The answer to a word, asked as soon as the service is up. */
static const char *
operate(struct box *box, const char *word)
{
    static uint64_t token;

    while (!is_up(box))
        uv_run(&box->loop, UV_RUN_ONCE);
    runtime_operator(box->runtime, ++token, word, strlen(word));
    while (box->reply_token != token) {
        work(box);
        uv_run(&box->loop, UV_RUN_ONCE);
    }
    return box->reply;
}

static void
until_died(struct box *box, unsigned died)
{
    while (box->died < died)
        uv_run(&box->loop, UV_RUN_ONCE);
}

START_TEST(services_have_processes)
{
    struct box *box = box_make();
    int pid = procs_pid(box->procs, SVC_STORE);
    char expected[64];

    ck_assert_int_gt(pid, 0);
    ck_assert_int_ne(pid, procs_pid(box->procs, SVC_MEMBER));
    snprintf(expected, sizeof(expected), "here life 1 pid %d", pid);
    ck_assert_str_eq(operate(box, "hello"), expected);
    ck_assert_str_eq(operate(box, "hello"), expected);
    box_free(box);
}
END_TEST

START_TEST(services_reach_each_other_and_the_door)
{
    struct box *box = box_make();
    char expected[64];

    ck_assert_ptr_nonnull(strstr(operate(box, "door"), "all life 1"));
    ck_assert_ptr_nonnull(strstr(operate(box, "timer"), "timer life 1"));
    snprintf(expected, sizeof(expected), "second life 1 pid %d",
             procs_pid(box->procs, SVC_MEMBER));
    ck_assert_str_eq(operate(box, "second"), expected);
    ck_assert_ptr_nonnull(
        strstr(operate(box, "nobody"), err_text(ERR_UNREACHABLE)));
    box_free(box);
}
END_TEST

START_TEST(killed_process_is_a_death)
{
    struct box *box = box_make();

    operate(box, "hello");
    kill(procs_pid(box->procs, SVC_STORE), SIGKILL);
    until_died(box, 1);
    ck_assert_ptr_nonnull(strstr(operate(box, "hello"), "here life 2"));
    runtime_operator(box->runtime, 0, "die", 3);
    work(box);
    until_died(box, 2);
    ck_assert_ptr_nonnull(strstr(operate(box, "hello"), "here life 3"));
    ck_assert(!box->restarted);
    box_free(box);
}
END_TEST

START_TEST(killed_service_is_a_dead_process)
{
    struct box *box = box_make();
    int pid;

    operate(box, "hello");
    pid = procs_pid(box->procs, SVC_STORE);
    ck_assert_int_eq(runtime_kill(box->runtime, SVC_STORE), 0);
    ck_assert_int_eq(procs_pid(box->procs, SVC_STORE), 0);
    ck_assert_ptr_nonnull(strstr(operate(box, "hello"), "here life 2"));
    ck_assert_int_ne(procs_pid(box->procs, SVC_STORE), pid);
    ck_assert_int_eq(kill(pid, 0), -1); /* reaped */
    box_free(box);
}
END_TEST

START_TEST(hung_process_is_killed)
{
    struct box *box = box_make();

    operate(box, "hello");
    runtime_operator(box->runtime, 0, "hang", 4);
    runtime_operator(box->runtime, 0, "hello", 5); /* waits behind it */
    work(box);
    until_died(box, 1);
    ck_assert_ptr_nonnull(strstr(operate(box, "hello"), "here life 2"));
    box_free(box);
}
END_TEST

START_TEST(budget_restarts_the_box)
{
    struct box *box = box_make();

    for (unsigned i = 0; i < RUNTIME_RESTARTS_MAX; i++) {
        operate(box, "hello");
        kill(procs_pid(box->procs, SVC_STORE), SIGKILL);
        until_died(box, i + 1);
    }
    ck_assert(box->restarted);
    box_free(box);
}
END_TEST

int
main(int argc, char **argv)
{
    Suite *suite = suite_create("procs");
    TCase *tests = tcase_create("procs");
    SRunner *runner;
    int failed;

    if (argc == 3 && strcmp(argv[1], PROCS_CHILD_OPTION) == 0)
        return procs_child(atoi(argv[2]), kinds, ARRAY_COUNT(kinds));
    runner = srunner_create(suite);
    tcase_add_test(tests, services_have_processes);
    tcase_add_test(tests, services_reach_each_other_and_the_door);
    tcase_add_test(tests, killed_process_is_a_death);
    tcase_add_test(tests, killed_service_is_a_dead_process);
    tcase_add_test(tests, hung_process_is_killed);
    tcase_add_test(tests, budget_restarts_the_box);
    suite_add_tcase(suite, tests);
    srunner_run_all(runner, CK_NORMAL);
    failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed == 0 ? 0 : 1;
}
