/* SPDX-License-Identifier: Apache-2.0
 *
 * Any bytes from peers against a server: frames of u8 what, u16 size, bytes.
 * 'what' odd: a message; even: a tick or the oldest write done, by turns.
 */
#include <stdlib.h>

#include "reference-nos/base/check.h"
#include "reference-nos/raft/raft.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size);

static void *
fuzz_alloc(void *arg, size_t size)
{
    (void)arg;
    return malloc(size);
}

static void
fuzz_free(void *arg, void *ptr)
{
    (void)arg;
    free(ptr);
}

static uint32_t
fuzz_random(void *arg)
{
    (void)arg;
    return 0x80000000u;
}

static struct raft *
server(void)
{
    const struct raft_alloc alloc = {fuzz_alloc, fuzz_free, NULL};
    const struct raft_durable durable = {
        .snapshot.members = {
            .count = 3,
            .member = {{1, RAFT_VOTER}, {2, RAFT_VOTER}, {3, RAFT_VOTER}}}};
    struct raft_config config;
    struct raft *raft;

    raft_config_default(&config);
    config.self = 1;
    config.incarnation = 1;
    config.random = fuzz_random;
    CHECK(!raft_create(&config, &alloc, &durable, &raft));
    return raft;
}

int
LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
    static struct raft_entry entries[RAFT_APPEND_ENTRIES_MAX];
    struct raft *raft = server();
    struct raft_message message;
    struct raft_effects effects;
    uint64_t now_ns = 0, written = 0;

    raft_start(raft, now_ns, &effects);
    while (size >= 3) {
        struct raft_event event = {.kind = RAFT_EVENT_TICK};
        unsigned what = bytes[0];
        size_t frame = (size_t)bytes[1] << 8 | bytes[2];

        bytes += 3;
        size -= 3;
        if (frame > size)
            frame = size;
        if (what & 1) {
            if (!raft_message_decode(bytes, frame, entries, &message)) {
                event.kind = RAFT_EVENT_MESSAGE;
                event.message = &message;
            }
            bytes += frame;
            size -= frame;
        } else if (what & 2) {
            event.kind = RAFT_EVENT_PERSISTED;
            event.write_id = written;
        } else if (effects.deadline_ns != UINT64_MAX) {
            now_ns =
                effects.deadline_ns > now_ns ? effects.deadline_ns : now_ns;
        }
        (void)!raft_step(raft, now_ns, &event, &effects);
        if (effects.write_count)
            written = effects.writes[effects.write_count - 1].id;
    }
    raft_destroy(raft);
    return 0;
}
