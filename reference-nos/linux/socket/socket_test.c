/* SPDX-License-Identifier: Apache-2.0
 *
 * Server and client in one process, one loop turned by hand.
 */
#define _GNU_SOURCE
#include "reference-nos/linux/socket/socket.h"

#include "reference-nos/schema/operator_msg.h"

#include <check.h>
#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#define REQUESTS_MAX 64u

struct seen {
    uint64_t token;
    enum socket_kind kind;
    size_t size;
    uint8_t bytes[64];
};

static uv_loop_t loop;
static struct socket_server *server;
static char folder[64], path[128], message[256];
static struct seen seen[REQUESTS_MAX];
static unsigned seen_count;
static bool echo;

static void
take(void *arg, uint64_t token, enum socket_kind kind, const void *bytes,
     size_t size)
{
    struct seen *item = &seen[seen_count % REQUESTS_MAX];

    ck_assert_ptr_eq(arg, &loop);
    seen_count++;
    item->token = token;
    item->kind = kind;
    item->size = size;
    memcpy(item->bytes, bytes, size < 64 ? size : 64);
    if (echo)
        socket_server_answer(server, token, kind, bytes, size);
}

static int
open_at(const char *where, struct socket_server **out)
{
    struct socket_server_options options = {&loop, where, take, &loop};

    message[0] = '\0';
    return socket_server_open(&options, out, message, sizeof(message));
}

/* Turns until nothing is ready. */
static void
turn(void)
{
    for (unsigned i = 0; i < 20; i++)
        (void)uv_run(&loop, UV_RUN_NOWAIT);
}

static void
setup(void)
{
    strcpy(folder, "/tmp/nos-socket-XXXXXX");
    ck_assert_ptr_nonnull(mkdtemp(folder));
    (void)snprintf(path, sizeof(path), "%s/refnos.sock", folder);
    ck_assert_int_eq(uv_loop_init(&loop), 0);
    seen_count = 0;
    echo = false;
    ck_assert_int_eq(open_at(path, &server), 0);
}

static void
teardown(void)
{
    socket_server_close(server);
    turn();
    ck_assert_int_eq(uv_loop_close(&loop), 0);
    ck_assert_int_ne(access(path, F_OK), 0);
    ck_assert_int_eq(rmdir(folder), 0);
}

static int
client(void)
{
    int fd;

    ck_assert_int_eq(socket_connect(path, &fd), 0);
    turn();
    return fd;
}

START_TEST(a_request_gets_its_answer)
{
    enum socket_kind kind;
    uint8_t *bytes;
    size_t size;
    int fd = client();

    ck_assert_int_eq(socket_ask(fd, SOCKET_QUERY, "box", 3), 0);
    turn();
    ck_assert_uint_eq(seen_count, 1);
    ck_assert_int_eq(seen[0].kind, SOCKET_QUERY);
    ck_assert_uint_eq(seen[0].size, 3);
    ck_assert_mem_eq(seen[0].bytes, "box", 3);
    ck_assert_int_eq(socket_answer(fd, 0, &kind, &bytes, &size), ERR_TIMEOUT);
    socket_server_answer(server, seen[0].token, SOCKET_QUERY, "{}", 2);
    ck_assert_int_eq(socket_answer(fd, 0, &kind, &bytes, &size), 0);
    ck_assert_int_eq(kind, SOCKET_QUERY);
    ck_assert_str_eq((char *)bytes, "{}");
    ck_assert_uint_eq(size, 2);
    free(bytes);
    /* A second answer to one request goes nowhere. */
    socket_server_answer(server, seen[0].token, SOCKET_QUERY, "{}", 2);
    ck_assert_int_eq(socket_answer(fd, 0, &kind, &bytes, &size), ERR_TIMEOUT);
    close(fd);
    turn();
    ck_assert_uint_eq(socket_server_clients(server), 0);
}
END_TEST

START_TEST(an_empty_request_and_answer)
{
    enum socket_kind kind;
    uint8_t *bytes;
    size_t size;
    int fd = client();

    echo = true;
    ck_assert_int_eq(socket_ask(fd, SOCKET_OPERATOR, "", 0), 0);
    turn();
    ck_assert_int_eq(socket_answer(fd, 0, &kind, &bytes, &size), 0);
    ck_assert_int_eq(kind, SOCKET_OPERATOR);
    ck_assert_uint_eq(size, 0);
    ck_assert_uint_eq(bytes[0], 0);
    free(bytes);
    close(fd);
}
END_TEST

/* Sizes around the edge of a packet, and the largest. */
static const size_t sizes[] = {1,
                               SOCKET_PACKET_MAX - 3,
                               SOCKET_PACKET_MAX - 2,
                               SOCKET_PACKET_MAX - 1,
                               2 * (SOCKET_PACKET_MAX - 2),
                               2 * (SOCKET_PACKET_MAX - 2) + 1,
                               200000,
                               SOCKET_ANSWER_MAX};

/* The answer is taken while the server sends: a child reads. */
static int
read_in_child(int fd, size_t expected)
{
    enum socket_kind kind;
    uint8_t *bytes;
    size_t size;

    if (socket_answer(fd, 20000, &kind, &bytes, &size) != 0)
        return 1;
    if (size != expected)
        return 2;
    for (size_t i = 0; i < size; i++)
        if (bytes[i] != (uint8_t)(i * 7 + i / 251))
            return 3;
    free(bytes);
    return 0;
}

START_TEST(large_answers_are_cut)
{
    size_t size = sizes[_i];
    uint8_t *bytes = malloc(size);
    int status, fd = client();
    pid_t child;

    for (size_t i = 0; i < size; i++)
        bytes[i] = (uint8_t)(i * 7 + i / 251);
    ck_assert_int_eq(socket_ask(fd, SOCKET_QUERY, "x", 1), 0);
    turn();
    child = fork();
    if (child == 0)
        _exit(read_in_child(fd, size));
    socket_server_answer(server, seen[0].token, SOCKET_QUERY, bytes, size);
    while (waitpid(child, &status, WNOHANG) == 0)
        (void)uv_run(&loop, UV_RUN_NOWAIT);
    ck_assert(WIFEXITED(status));
    ck_assert_int_eq(WEXITSTATUS(status), 0);
    close(fd);
    free(bytes);
}
END_TEST

START_TEST(one_request_at_a_time)
{
    enum socket_kind kind;
    uint8_t *bytes;
    size_t size;
    int fd = client();

    for (unsigned i = 0; i < 5; i++)
        ck_assert_int_eq(socket_ask(fd, SOCKET_QUERY, &"abcde"[i], 1), 0);
    turn();
    ck_assert_uint_eq(seen_count, 1);
    for (unsigned i = 0; i < 5; i++) {
        socket_server_answer(server, seen[i].token, SOCKET_QUERY,
                             seen[i].bytes, 1);
        turn();
        ck_assert_int_eq(socket_answer(fd, 0, &kind, &bytes, &size), 0);
        ck_assert_uint_eq(bytes[0], "abcde"[i]);
        free(bytes);
    }
    ck_assert_uint_eq(seen_count, 5);
    close(fd);
}
END_TEST

START_TEST(a_client_that_left_is_forgotten)
{
    int fd = client();

    ck_assert_int_eq(socket_ask(fd, SOCKET_QUERY, "box", 3), 0);
    turn();
    close(fd);
    turn();
    ck_assert_uint_eq(socket_server_clients(server), 0);
    socket_server_answer(server, seen[0].token, SOCKET_QUERY, "{}", 2);
    turn();
}
END_TEST

/* A client that takes nothing fills the kernel's queue, and only its own
 * place; the clock of the loop is the true one, so patience is not waited
 * for here. */
START_TEST(a_slow_client_stops_nobody)
{
    uint8_t *large = calloc(1, SOCKET_ANSWER_MAX), *bytes;
    int slow = client(), quick;
    enum socket_kind kind;
    size_t size;

    ck_assert_int_eq(socket_ask(slow, SOCKET_QUERY, "1", 1), 0);
    ck_assert_int_eq(socket_ask(slow, SOCKET_QUERY, "2", 1), 0);
    turn();
    socket_server_answer(server, seen[0].token, SOCKET_QUERY, large,
                         SOCKET_ANSWER_MAX);
    turn();
    ck_assert_uint_eq(seen_count, 1); /* not read while it takes nothing */
    quick = client();
    echo = true;
    ck_assert_int_eq(socket_ask(quick, SOCKET_QUERY, "3", 1), 0);
    turn();
    ck_assert_int_eq(socket_answer(quick, 0, &kind, &bytes, &size), 0);
    free(bytes);
    free(large);
    close(slow);
    close(quick);
}
END_TEST

START_TEST(places_are_bounded)
{
    int fds[SOCKET_CLIENTS_MAX + 3];

    for (unsigned i = 0; i < SOCKET_CLIENTS_MAX; i++) {
        fds[i] = client();
        ck_assert_int_eq(socket_ask(fds[i], SOCKET_QUERY, "x", 1), 0);
        turn();
    }
    ck_assert_uint_eq(seen_count, SOCKET_CLIENTS_MAX);
    /* All wait for answers: the newcomer goes. */
    fds[SOCKET_CLIENTS_MAX] = client();
    ck_assert_int_ne(recv(fds[SOCKET_CLIENTS_MAX], message, 1, MSG_DONTWAIT),
                     -1);
    /* The sixth was answered and is silent since: it makes room. */
    socket_server_answer(server, seen[5].token, SOCKET_QUERY, "y", 1);
    turn();
    ck_assert_uint_eq(socket_server_clients(server), SOCKET_CLIENTS_MAX);
    fds[SOCKET_CLIENTS_MAX + 1] = client();
    ck_assert_uint_eq(socket_server_clients(server), SOCKET_CLIENTS_MAX);
    ck_assert_int_eq(
        socket_ask(fds[SOCKET_CLIENTS_MAX + 1], SOCKET_QUERY, "z", 1), 0);
    turn();
    ck_assert_uint_eq(seen_count, SOCKET_CLIENTS_MAX + 1);
    ck_assert_int_ne(socket_ask(fds[5], SOCKET_QUERY, "w", 1), 0);
    for (unsigned i = 0; i <= SOCKET_CLIENTS_MAX + 1; i++)
        close(fds[i]);
}
END_TEST

START_TEST(bad_packets)
{
    static uint8_t packet[SOCKET_PACKET_MAX + 1];
    enum socket_kind kind;
    uint8_t *bytes;
    size_t size;
    int fd = client();

    packet[0] = 9; /* no such kind */
    ck_assert_int_eq(send(fd, packet, 4, 0), 4);
    turn();
    ck_assert_int_eq(socket_answer(fd, 0, &kind, &bytes, &size), 0);
    ck_assert_ptr_nonnull(strstr((char *)bytes, "error"));
    free(bytes);
    ck_assert_uint_eq(seen_count, 0);
    packet[0] = SOCKET_QUERY; /* too large: the client goes */
    ck_assert_int_eq(send(fd, packet, sizeof(packet), 0), sizeof(packet));
    turn();
    ck_assert_uint_eq(socket_server_clients(server), 0);
    close(fd);
    fd = client(); /* nothing at all */
    ck_assert_int_eq(send(fd, packet, 0, 0), 0);
    turn();
    ck_assert_uint_eq(socket_server_clients(server), 0);
    ck_assert_uint_eq(seen_count, 0);
    ck_assert_int_eq(socket_ask(fd, SOCKET_QUERY, packet, SOCKET_PACKET_MAX),
                     ERR_RANGE);
    close(fd);
}
END_TEST

START_TEST(bad_answers)
{
    static const uint8_t bad[][3] = {{3, 0, 1}, {0, 0, 0}, {2, 2, 0}};
    enum socket_kind kind;
    uint8_t *bytes;
    size_t size;
    int pair[2];

    for (unsigned i = 0; i < 3; i++) {
        ck_assert_int_eq(socketpair(AF_UNIX, SOCK_SEQPACKET, 0, pair), 0);
        ck_assert_int_eq(send(pair[0], bad[i], 3, 0), 3);
        ck_assert_int_eq(socket_answer(pair[1], 0, &kind, &bytes, &size),
                         ERR_MALFORMED);
        close(pair[0]);
        ck_assert_int_eq(socket_answer(pair[1], 0, &kind, &bytes, &size),
                         ERR_UNREACHABLE);
        close(pair[1]);
    }
    ck_assert_int_eq(socketpair(AF_UNIX, SOCK_SEQPACKET, 0, pair), 0);
    ck_assert_int_eq(send(pair[0], "\2\1a", 3, 0), 3);
    ck_assert_int_eq(send(pair[0], "\1\0a", 3, 0), 3); /* another kind */
    ck_assert_int_eq(socket_answer(pair[1], 0, &kind, &bytes, &size),
                     ERR_MALFORMED);
    close(pair[0]);
    close(pair[1]);
}
END_TEST

START_TEST(a_live_socket_is_left_alone)
{
    struct socket_server *second;
    int fd;

    ck_assert_int_eq(open_at(path, &second), ERR_EXISTS);
    ck_assert_ptr_nonnull(strstr(message, "another daemon"));
    fd = client();
    turn();
    ck_assert_uint_eq(socket_server_clients(server), 1);
    close(fd);
}
END_TEST

START_TEST(a_dead_socket_is_replaced)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    struct socket_server *second;
    struct stat status;
    char other[160];
    int fd;

    (void)snprintf(other, sizeof(other), "%s/dead", folder);
    strcpy(address.sun_path, other);
    fd = socket(AF_UNIX, SOCK_SEQPACKET, 0);
    ck_assert_int_eq(bind(fd, (struct sockaddr *)&address, sizeof(address)),
                     0);
    close(fd);
    ck_assert_int_eq(open_at(other, &second), 0);
    ck_assert_int_eq(stat(other, &status), 0);
    ck_assert_uint_eq(status.st_mode & 0777, 0660);
    socket_server_close(second);
    turn();
    ck_assert_int_ne(access(other, F_OK), 0);
}
END_TEST

START_TEST(what_is_no_socket_stays)
{
    struct socket_server *second;
    char other[160];
    int fd;

    (void)snprintf(other, sizeof(other), "%s/file", folder);
    fd = open(other, O_CREAT | O_WRONLY, 0600);
    close(fd);
    ck_assert_int_eq(open_at(other, &second), ERR_EXISTS);
    ck_assert_ptr_nonnull(strstr(message, "no socket"));
    ck_assert_int_eq(unlink(other), 0);
    (void)snprintf(other, sizeof(other), "%s/none/sock", folder);
    ck_assert_int_eq(open_at(other, &second), ERR_NOENT);
    ck_assert_int_eq(socket_connect(other, &fd), ERR_NOENT);
    ck_assert_int_eq(open_at("", &second), ERR_INVALID);
}
END_TEST

START_TEST(a_closed_server_removes_only_its_own_file)
{
    struct socket_server *second, *third;
    char other[160];

    (void)snprintf(other, sizeof(other), "%s/two", folder);
    ck_assert_int_eq(open_at(other, &second), 0);
    ck_assert_int_eq(unlink(other), 0);
    ck_assert_int_eq(open_at(other, &third), 0);
    socket_server_close(second);
    turn();
    ck_assert_int_eq(access(other, F_OK), 0);
    socket_server_close(third);
    turn();
}
END_TEST

START_TEST(a_long_path_works)
{
    struct socket_server *second;
    char deep[256], other[300];
    int fd;

    (void)snprintf(deep, sizeof(deep), "%s/%0100d", folder, 7);
    ck_assert_int_eq(mkdir(deep, 0700), 0);
    (void)snprintf(other, sizeof(other), "%s/refnos.sock", deep);
    ck_assert_int_eq(open_at(other, &second), 0);
    ck_assert_int_eq(socket_connect(other, &fd), 0);
    turn();
    ck_assert_uint_eq(socket_server_clients(second), 1);
    close(fd);
    socket_server_close(second);
    turn();
    ck_assert_int_eq(rmdir(deep), 0);
}
END_TEST

int
main(void)
{
    Suite *suite = suite_create("socket");
    TCase *tcase = tcase_create("one loop");
    SRunner *runner;
    int failed;

    tcase_add_checked_fixture(tcase, setup, teardown);
    tcase_add_test(tcase, a_request_gets_its_answer);
    tcase_add_test(tcase, an_empty_request_and_answer);
    tcase_add_loop_test(tcase, large_answers_are_cut, 0,
                        sizeof(sizes) / sizeof(sizes[0]));
    tcase_add_test(tcase, one_request_at_a_time);
    tcase_add_test(tcase, a_client_that_left_is_forgotten);
    tcase_add_test(tcase, a_slow_client_stops_nobody);
    tcase_add_test(tcase, places_are_bounded);
    tcase_add_test(tcase, bad_packets);
    tcase_add_test(tcase, bad_answers);
    tcase_add_test(tcase, a_live_socket_is_left_alone);
    tcase_add_test(tcase, a_dead_socket_is_replaced);
    tcase_add_test(tcase, what_is_no_socket_stays);
    tcase_add_test(tcase, a_closed_server_removes_only_its_own_file);
    tcase_add_test(tcase, a_long_path_works);
    suite_add_tcase(suite, tcase);
    runner = srunner_create(suite);
    srunner_run_all(runner, CK_NORMAL);
    failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
