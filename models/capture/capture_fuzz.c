/* SPDX-License-Identifier: Apache-2.0
 *
 * Any bytes as a capture to replay.
 */
#define _GNU_SOURCE
#include "models/capture/capture.h"

#include "models/capture/capture_priv.h"
#include "reference-nos/base/check.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void
check_replay(const struct traffic_replay *replay)
{
    CHECK(replay->count > 0);
    for (size_t i = 0; i < replay->count; i++)
        CHECK(replay->bytes[i] >= TRAFFIC_FRAME_MIN &&
              replay->bytes[i] <= TRAFFIC_FRAME_MAX);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char message[512] = "";
    struct traffic_replay replay = {0};
    /* At least one byte, of a copy that is not written. */
    FILE *file =
        fmemopen((void *)(uintptr_t)(size > 0 ? data : (const uint8_t *)""),
                 size > 0 ? size : 1, "rb");

    CHECK(file != NULL);
    if (capture_replay_read(file, "fuzz", &replay, message, sizeof(message)) ==
        0) {
        check_replay(&replay);
        capture_replay_free(&replay);
    } else {
        CHECK(message[0] != '\0');
    }
    return 0;
}
