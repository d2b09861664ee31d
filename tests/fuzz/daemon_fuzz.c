/* SPDX-License-Identifier: Apache-2.0
 *
 * A whole daemon that stands alone, a controller and its own only voter, and
 * an operator who says anything.
 *
 * Input    requests: u8 kind, u8 size, bytes.  kind 0: a question in words
 *          out of a list, with bytes behind it; 1: a question of any bytes;
 *          2: a request of any bytes; 3: one that decodes, its fields drawn
 *          from the bytes.
 * Note     a daemon lives on from input to input until it ends or has had
 *          LIVES_INPUTS: what was found may need the inputs before it.
 */
#define _GNU_SOURCE
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "reference-nos/base/check.h"
#include "reference-nos/linux/daemon_priv.h"
#include "reference-nos/schema/operator_msg.h"

#define LIVES_INPUTS 2000u
#define SETTLE_ROUNDS 400u
#define TOKEN 4711u /* of no client: answers are dropped */

int LLVMFuzzerInitialize(int *argc, char ***argv);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static char root[] = "/dev/shm/daemon-fuzz-XXXXXX";
static struct options options;
static struct daemon *alive;
static unsigned inputs;

static void
clean(void)
{
    char command[96];

    (void)snprintf(command, sizeof(command), "rm -rf %s", root);
    (void)!system(command);
}

int
LLVMFuzzerInitialize(int *argc, char ***argv)
{
    static char home[64], log[] = "/dev/null";
    static char *words[] = {"refnosd",  "--identity", home,
                            "--voters", "self",       "--fabric-ports",
                            "0",        "--log",      log};
    struct identity_request request = {root, home, "S", ROLE_NCC, 10};
    char message[256];

    (void)argc;
    (void)argv;
    CHECK(mkdtemp(root) != NULL && atexit(clean) == 0);
    (void)snprintf(home, sizeof(home), "%s/box", root);
    CHECK(identity_authority_make(root, "fuzz", 10, message, 256) == 0);
    CHECK(identity_issue(&request, NULL, message, 256) == 0);
    CHECK(options_parse(ARRAY_COUNT(words), words, &options, message, 256) ==
          0);
    return 0;
}

static void
turn(struct daemon *daemon, unsigned rounds)
{
    for (unsigned i = 0; i < rounds && !daemon->ending; i++)
        (void)uv_run(&daemon->loop, UV_RUN_NOWAIT);
}

static struct daemon *
daemon_now(void)
{
    struct daemon_failure failure;

    if (alive != NULL && !alive->ending && ++inputs < LIVES_INPUTS)
        return alive;
    if (alive != NULL)
        daemon_destroy(alive);
    inputs = 0;
    if (daemon_create(&options, &alive, &failure) != 0) {
        (void)fprintf(stderr, "%s\n", failure.message);
        abort();
    }
    /* Each round waits for the daemon's next timer or completion. */
    for (unsigned i = 0; i < SETTLE_ROUNDS && !alive->known.active; i++)
        (void)uv_run(&alive->loop, UV_RUN_ONCE);
    return alive;
}

static void
drawn(struct daemon *daemon, const uint8_t *bytes, size_t size)
{
    struct operator_req req = {0};
    struct wire_reader reader;
    struct wire_writer writer;
    uint8_t out[256];

    wire_reader_init(&reader, bytes, size);
    req.verb = (enum operator_verb)(1 + wire_read_u8(&reader) %
                                            (OPERATOR_VERB_END - 1));
    req.module = wire_read_u16(&reader);
    req.client = wire_read_u8(&reader);
    req.sequence = wire_read_u8(&reader);
    req.value = wire_read_u64(&reader);
    wire_read_copy(&reader, (uint8_t *)req.serial, 4);
    req.serial[4] = '\0';
    wire_writer_init(&writer, out, sizeof(out));
    operator_req_write(&writer, &req);
    query_request(daemon, TOKEN, SOCKET_OPERATOR, out,
                  wire_writer_size(&writer));
}

static void
question(struct daemon *daemon, const uint8_t *bytes, size_t size)
{
    static const char *const words[] = {
        "box",  "hardware", "services", "peers", "costs",
        "log ", "kill ",    "kill bus", "hang ", "kill operator"};
    char text[300];
    int length;

    if (size == 0)
        return;
    length = snprintf(text, sizeof(text), "%s",
                      words[bytes[0] % ARRAY_COUNT(words)]);
    memcpy(text + length, bytes + 1, size - 1);
    query_request(daemon, TOKEN, SOCKET_QUERY, text,
                  (size_t)length + size - 1);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct daemon *daemon = daemon_now();

    while (size >= 2 && !daemon->ending) {
        unsigned kind = data[0] % 4;
        size_t bytes = data[1];

        data += 2;
        size -= 2;
        bytes = bytes > size ? size : bytes;
        if (kind == 0)
            question(daemon, data, bytes);
        else if (kind == 3)
            drawn(daemon, data, bytes);
        else
            query_request(daemon, 0,
                          kind == 1 ? SOCKET_QUERY : SOCKET_OPERATOR, data,
                          bytes);
        turn(daemon, 3);
        data += bytes;
        size -= bytes;
    }
    return 0;
}
