/* SPDX-License-Identifier: Apache-2.0
 *
 * A daemon that answers anything: the client's end of the operators' socket,
 * and the rows of an answer.
 *
 * Input    packets: u16 size, bytes.
 */
#define _GNU_SOURCE
#include "reference-nos/linux/socket/socket.h"

#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "reference-nos/base/check.h"
#include "reference-nos/schema/operator_msg.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void
read_rows(const uint8_t *bytes, size_t size)
{
    struct wire_reader reader;
    struct operator_rep rep;
    struct operator_module module;
    struct operator_cluster cluster;
    struct operator_controller controller;
    struct operator_alarm alarm;

#define ROWS(read, into)                                                      \
    wire_reader_init(&reader, bytes, size);                                   \
    if (operator_rep_read(&reader, &rep) == 0)                                \
        while (read(&reader, &into) == 0)                                     \
    continue
    ROWS(operator_module_read, module);
    ROWS(operator_cluster_read, cluster);
    ROWS(operator_controller_read, controller);
    ROWS(operator_alarm_read, alarm);
#undef ROWS
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    enum socket_kind kind;
    uint8_t *bytes;
    size_t got;
    int fds[2];

    CHECK(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, fds) == 0);
    while (size >= 2) {
        size_t packet = (size_t)data[0] << 8 | data[1];

        data += 2;
        size -= 2;
        packet = packet > size ? size : packet;
        if (packet > 0)
            (void)send(fds[0], data, packet, MSG_DONTWAIT | MSG_NOSIGNAL);
        data += packet;
        size -= packet;
    }
    (void)close(fds[0]);
    while (socket_answer(fds[1], 1000, &kind, &bytes, &got) == 0) {
        CHECK(got <= SOCKET_ANSWER_MAX);
        CHECK(kind == SOCKET_OPERATOR || kind == SOCKET_QUERY);
        CHECK(bytes[got] == 0);
        read_rows(bytes, got);
        free(bytes);
    }
    (void)close(fds[1]);
    return 0;
}
