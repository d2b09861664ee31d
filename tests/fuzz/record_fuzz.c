/* SPDX-License-Identifier: Apache-2.0
 *
 * Any bytes as the recording of a box, as they are and with the checksums of
 * the steps put right, so that the steps themselves are run.
 */
#define _GNU_SOURCE
#include "reference-nos/linux/record/record.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "reference-nos/base/check.h"
#include "reference-nos/base/digest.h"
#include "reference-nos/base/wire.h"
#include "reference-nos/linux/record/record_priv.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Each step's checksum, as far as the sizes lead. */
static void
mend(uint8_t *bytes, size_t size)
{
    size_t at = RECORD_HEAD_BYTES;

    while (at + 8 <= size) {
        struct wire_reader reader;
        struct wire_writer writer;
        size_t step;

        wire_reader_init(&reader, bytes + at, 4);
        step = wire_read_u32(&reader);
        if (step > size - at - 8)
            return;
        wire_writer_init(&writer, bytes + at + 4 + step, 4);
        wire_write_u32(&writer,
                       checksum32(RECORD_CHECK_SEED, bytes + at + 4, step));
        at += step + 8;
    }
}

static void
replay(const uint8_t *bytes, size_t size)
{
    struct replay_result result;
    char path[64], message[512] = "";
    int fd = memfd_create("recording", MFD_CLOEXEC);
    int error;

    CHECK(fd >= 0 && write(fd, bytes, size) == (ssize_t)size);
    (void)snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
    error = record_replay(path, NULL, &result, message, sizeof(message));
    CHECK(error == 0 || message[0] != '\0');
    CHECK(memchr(result.recorded, '\0', sizeof(result.recorded)) != NULL);
    (void)close(fd);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    uint8_t *bytes;

    if (size == 0)
        return 0;
    bytes = malloc(size);
    CHECK(bytes != NULL);
    memcpy(bytes, data, size);
    mend(bytes, size);
    replay(bytes, size);
    free(bytes);
    return 0;
}
