/* SPDX-License-Identifier: Apache-2.0 */
#include "reference-nos/linux/watch/watch.h"

#include <check.h>
#include <stdlib.h>
#include <string.h>

/* Writes a line, compares it with 'expected' and reads it back. */
static struct watch_line
there_and_back(const struct watch_line *line, const char *expected,
               char text[WATCH_LINE_MAX])
{
    struct watch_line back;
    size_t size = watch_format(line, text, WATCH_LINE_MAX);

    ck_assert_uint_le(size, WATCH_LINE_MAX);
    ck_assert_int_eq(text[size - 1], '\n');
    text[size - 1] = '\0';
    if (expected != NULL)
        ck_assert_str_eq(text, expected);
    ck_assert_int_eq(watch_parse(text, &back), 0);
    ck_assert_int_eq(back.kind, line->kind);
    ck_assert_uint_eq(back.at_ns, line->at_ns);
    return back;
}

START_TEST(test_ready)
{
    char text[WATCH_LINE_MAX];
    struct watch_line line = {
        .kind = WATCH_READY,
        .at_ns = UINT64_MAX,
        .u.ready = {.incarnation = 3,
                    .key = 0x00c0ffee00c0ffee,
                    .role = ROLE_NCP,
                    .pid = 4711},
    };
    struct watch_line back =
        there_and_back(&line,
                       "t=18446744073709551615 what=ready incarnation=3 "
                       "key=00c0ffee00c0ffee role=ncp pid=4711",
                       text);

    ck_assert_uint_eq(back.u.ready.key, line.u.ready.key);
    ck_assert_uint_eq(back.u.ready.incarnation, 3);
    ck_assert_int_eq(back.u.ready.role, ROLE_NCP);
    ck_assert_uint_eq(back.u.ready.pid, 4711);
}
END_TEST

START_TEST(test_traces)
{
    char text[WATCH_LINE_MAX];

    for (unsigned kind = 0; kind < TRACE_KIND_COUNT; kind++) {
        struct watch_line line = {
            .kind = WATCH_TRACE,
            .at_ns = 17,
            .service = SVC_STORE,
            .u.trace = {.kind = (enum trace_kind)kind,
                        .service = SVC_STORE,
                        .a = UINT64_MAX,
                        .b = 2,
                        .d = 4},
        };
        struct watch_line back = there_and_back(&line, NULL, text);

        ck_assert_int_eq(back.service, SVC_STORE);
        ck_assert_int_eq(back.u.trace.kind, line.u.trace.kind);
        ck_assert_int_eq(back.u.trace.service, SVC_STORE);
        ck_assert(back.u.trace.a == UINT64_MAX && back.u.trace.b == 2);
        ck_assert(back.u.trace.c == 0 && back.u.trace.d == 4);
    }
}
END_TEST

START_TEST(test_log)
{
    char text[WATCH_LINE_MAX];
    char longer[2000];
    struct watch_line line = {
        .kind = WATCH_LOG,
        .service = SVC_MEMBER,
        .u.log = {.severity = SEVERITY_NOTICE, .text = "joined as\nmodule=2"},
    };
    struct watch_line back = there_and_back(
        &line,
        "t=0 what=log service=member severity=5 text=joined as module=2",
        text);

    ck_assert_str_eq(back.u.log.text, "joined as module=2");
    ck_assert_int_eq(back.u.log.severity, SEVERITY_NOTICE);
    line.u.log.text = "";
    back = there_and_back(&line, NULL, text);
    ck_assert_str_eq(back.u.log.text, "");
    memset(longer, 'x', sizeof(longer));
    longer[sizeof(longer) - 1] = '\0';
    line.u.log.text = longer;
    back = there_and_back(&line, NULL, text);
    ck_assert_uint_eq(strlen(back.u.log.text),
                      WATCH_LINE_MAX - 1 -
                          strlen("t=0 what=log service=member severity=5 "
                                 "text="));
}
END_TEST

START_TEST(test_numbers)
{
    char text[WATCH_LINE_MAX];
    struct watch_line fwd = {
        .kind = WATCH_FWD,
        .u.fwd = {.object = FWD_REACH, .id = 64, .value = 8191}};
    struct watch_line link = {.kind = WATCH_LINK,
                              .u.link = {.port = 3, .up = true}};
    struct watch_line load = {
        .kind = WATCH_LOAD, .service = SVC_BUS, .u.load = {1, 2, 3, 4}};
    struct watch_line lane = {.kind = WATCH_LANE, .u.lane = {LANE_BULK, 5, 6}};
    struct watch_line end = {.kind = WATCH_EXIT, .u.cause = 2};
    struct watch_line lost = {.kind = WATCH_LOST, .u.lost = 9};
    struct watch_line back;

    back = there_and_back(&fwd, "t=0 what=fwd object=1 id=64 arg=0 value=8191",
                          text);
    ck_assert_uint_eq(back.u.fwd.value, 8191);
    ck_assert_uint_eq(back.u.fwd.id, 64);
    back = there_and_back(&link, "t=0 what=link port=3 up=1", text);
    ck_assert_uint_eq(back.u.link.port, 3);
    ck_assert(back.u.link.up);
    back = there_and_back(
        &load,
        "t=0 what=load service=bus cpu_ns=1 events=2 memory=3 mailbox=4",
        text);
    ck_assert_uint_eq(back.u.load.mailbox_peak, 4);
    back =
        there_and_back(&lane, "t=0 what=lane lane=2 messages=5 bytes=6", text);
    ck_assert_int_eq(back.u.lane.lane, LANE_BULK);
    back = there_and_back(&end, "t=0 what=exit cause=2", text);
    ck_assert_uint_eq(back.u.cause, 2);
    back = there_and_back(&lost, "t=0 what=lost count=9", text);
    ck_assert_uint_eq(back.u.lost, 9);
}
END_TEST

static const char *const garbage[] = {
    "",
    " ",
    "t=",
    "t=1",
    "t=1 ",
    "t=1 what=",
    "t=1 what=nothing",
    "what=exit t=1 cause=1",
    "t=x what=exit cause=1",
    "t=-1 what=exit cause=1",
    "t=1 what=exit",
    "t=1 what=exit ",
    "t=1 what=exit cause=",
    "t=1 what=exit cause=1 ",
    "t=1 what=exit cause=1 more=2",
    "t=1 what=exit cause=18446744073709551616",
    "t=18446744073709551616 what=exit cause=1",
    "t=1  what=exit cause=1",
    "t=1 what=exit cause=0x1",
    "t=1 what=ready incarnation=1 key=zz role=ncp pid=1",
    "t=1 what=ready incarnation=1 key=00c0ffee00c0ffee1 role=ncp pid=1",
    "t=1 what=ready incarnation=1 key=1 role=router pid=1",
    "t=1 what=trace service=store kind=TRACE_NOTHING a=1 b=2 c=3 d=4",
    "t=1 what=trace service=nobody kind=TRACE_LEADER a=1 b=2 c=3 d=4",
    "t=1 what=trace service=store kind=TRACE_LEADER a=1 b=2 d=4 c=3",
    "t=1 what=log service=store severity=8 text=x",
    "t=1 what=log service=store severity=7",
    "t=1 what=log service=store severity=7 words",
    "t=1 what=fwd object=3 id=1 arg=1 value=1",
    "t=1 what=fwd object=1 id=65536 arg=1 value=1",
    "t=1 what=link port=1 up=2",
    "t=1 what=lane lane=4 messages=1 bytes=1",
};

START_TEST(test_garbage)
{
    char text[WATCH_LINE_MAX];
    struct watch_line line = {.at_ns = 4711};

    (void)strcpy(text, garbage[_i]);
    ck_assert_int_eq(watch_parse(text, &line), ERR_INVALID);
    ck_assert_uint_eq(line.at_ns, 4711);
}
END_TEST

/* No byte that is changed or lost may be read outside the line. */
START_TEST(test_damage)
{
    static const char good[] =
        "t=1 what=trace service=store kind=TRACE_LEADER a=1 b=2 c=3 d=4";
    struct watch_line line;

    for (size_t cut = 0; cut < sizeof(good) - 1; cut++) {
        char *text = malloc(cut + 1);

        memcpy(text, good, cut);
        text[cut] = '\0';
        ck_assert_int_eq(watch_parse(text, &line), ERR_INVALID);
        free(text);
    }
    for (size_t at = 0; at < sizeof(good) - 1; at++) {
        for (int byte = 1; byte < 256; byte++) {
            char text[sizeof(good)];

            memcpy(text, good, sizeof(good));
            text[at] = (char)byte;
            if (watch_parse(text, &line) == 0)
                ck_assert_int_eq(line.kind, WATCH_TRACE);
        }
    }
}
END_TEST

int
main(void)
{
    Suite *suite = suite_create("watch");
    TCase *tests = tcase_create("watch");
    SRunner *runner;
    int failed;

    tcase_add_test(tests, test_ready);
    tcase_add_test(tests, test_traces);
    tcase_add_test(tests, test_log);
    tcase_add_test(tests, test_numbers);
    tcase_add_loop_test(tests, test_garbage, 0,
                        (int)(sizeof(garbage) / sizeof(garbage[0])));
    tcase_add_test(tests, test_damage);
    suite_add_tcase(suite, tests);
    runner = srunner_create(suite);
    srunner_run_all(runner, CK_NORMAL);
    failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed == 0 ? 0 : 1;
}
