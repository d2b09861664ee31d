/* SPDX-License-Identifier: Apache-2.0
 *
 * A client that sends anything: the input is cut into packets by its own
 * bytes (a u16 length before each).
 */
#define _GNU_SOURCE
#include "reference-nos/linux/socket/socket.h"
#include "reference-nos/schema/operator_msg.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

struct fuzz {
    uv_loop_t loop;
    struct socket_server *server;
};

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Answers what can be read, as a daemon does; the kinds must hold. */
static void
take(void *arg, uint64_t token, enum socket_kind kind, const void *bytes,
     size_t size)
{
    struct fuzz *fuzz = arg;
    struct operator_req req;
    struct wire_reader reader;

    if (kind != SOCKET_OPERATOR && kind != SOCKET_QUERY)
        abort();
    wire_reader_init(&reader, bytes, size);
    if (kind == SOCKET_OPERATOR && operator_req_read(&reader, &req) == 0 &&
        req.verb == 0)
        abort();
    socket_server_answer(fuzz->server, token, kind, bytes, size);
}

static struct fuzz *
fuzz_make(char *path)
{
    static char folder[] = "/tmp/fuzz-socket-XXXXXX";
    struct fuzz *fuzz = calloc(1, sizeof(*fuzz));
    struct socket_server_options options = {&fuzz->loop, path, take, fuzz};
    char message[128];

    if (mkdtemp(folder) == NULL || uv_loop_init(&fuzz->loop) != 0)
        abort();
    (void)snprintf(path, 64, "%s/s", folder);
    if (socket_server_open(&options, &fuzz->server, message,
                           sizeof(message)) != 0)
        abort();
    return fuzz;
}

static void
drive(struct fuzz *fuzz, int fd, const uint8_t *data, size_t size)
{
    uint8_t answer[256];

    while (size >= 2) {
        size_t packet = (size_t)data[0] << 8 | data[1];

        data += 2;
        size -= 2;
        if (packet > size)
            packet = size;
        (void)send(fd, data, packet, MSG_NOSIGNAL | MSG_DONTWAIT);
        data += packet;
        size -= packet;
        (void)uv_run(&fuzz->loop, UV_RUN_NOWAIT);
        (void)recv(fd, answer, sizeof(answer), MSG_DONTWAIT);
    }
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct fuzz *fuzz;
    static char path[64];
    int fd;

    if (fuzz == NULL)
        fuzz = fuzz_make(path);
    if (socket_connect(path, &fd) != 0)
        abort();
    (void)uv_run(&fuzz->loop, UV_RUN_NOWAIT);
    drive(fuzz, fd, data, size);
    (void)close(fd);
    for (unsigned i = 0; i < 4; i++)
        (void)uv_run(&fuzz->loop, UV_RUN_NOWAIT);
    if (socket_server_clients(fuzz->server) != 0)
        abort();
    return 0;
}
