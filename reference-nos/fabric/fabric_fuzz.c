/* SPDX-License-Identifier: Apache-2.0
 *
 * Any bytes on a fabric port: as they come, and with the checksum put right
 * so that the fields behind it are reached.  What decodes must encode to the
 * same bytes, and the machine must take it and settle.
 */
#include <stdlib.h>
#include <string.h>

#include "reference-nos/base/check.h"
#include "reference-nos/base/digest.h"
#include "reference-nos/fabric/reach.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void *
chunk_take(void *arg, size_t size)
{
    (void)arg;
    return malloc(size);
}

static void
chunk_give(void *arg, void *chunk, size_t size)
{
    (void)arg;
    (void)size;
    free(chunk);
}

static void
feed(struct reach *reach, const uint8_t *bytes, size_t size, uint64_t now_ns)
{
    struct fabric_packet packet;
    struct reach_effect effect;
    uint8_t again[PLAT_PACKET_MAX];
    unsigned pieces = 0;

    if (fabric_packet_decode(bytes, size, &packet) == 0) {
        CHECK(fabric_packet_encode(&packet, again) == size);
        CHECK(memcmp(again, bytes, size) == 0);
    }
    (void)!reach_packet(reach, 0, bytes, size, now_ns);
    while (reach_next(reach, now_ns, &effect))
        CHECK(++pieces < 100);
}

/* Input: packets of one length byte (times two) and their bytes. */
int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct mem_source source = {chunk_take, chunk_give, NULL};
    struct mem *mem = mem_create(&source, MEM_NO_LIMIT);
    struct reach_config config = {
        .key = 1, .cluster_id = 0, .role = ROLE_NCP, .fabric_ports = 2};
    struct reach *reach;
    uint64_t now_ns = 0;

    CHECK(mem != NULL && reach_create(mem, &config, 0, &reach) == 0);
    reach_light(reach, 0, true, 0);
    while (size > 1) {
        uint8_t bytes[PLAT_PACKET_MAX];
        size_t length = (size_t)data[0] * 2;
        uint32_t checksum;

        data++;
        size--;
        if (length > size)
            length = size;
        memcpy(bytes, data, length);
        feed(reach, bytes, length, now_ns += 1000000);
        if (length >= 8) {
            checksum = checksum32(bytes[3], bytes + 8, length - 8);
            bytes[4] = (uint8_t)(checksum >> 24);
            bytes[5] = (uint8_t)(checksum >> 16);
            bytes[6] = (uint8_t)(checksum >> 8);
            bytes[7] = (uint8_t)checksum;
            feed(reach, bytes, length, now_ns += 1000000);
        }
        reach_time(reach, now_ns += 30000000);
        data += length;
        size -= length;
    }
    mem_destroy(mem);
    return 0;
}
