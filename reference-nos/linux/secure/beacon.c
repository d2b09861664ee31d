/* SPDX-License-Identifier: Apache-2.0 */
#include "reference-nos/linux/secure/beacon_priv.h"

#include "reference-nos/base/check.h"
#include "reference-nos/base/err.h"
#include "reference-nos/base/wire.h"
#include "reference-nos/platform/plat.h"

void
plane_beacon_write(const struct beacon *beacon, uint8_t out[BEACON_BYTES])
{
    struct wire_writer writer;

    wire_writer_init(&writer, out, BEACON_BYTES);
    wire_write_u8(&writer, BEACON_FIRST_BYTE);
    wire_write_u8(&writer, BEACON_VERSION);
    wire_write_u16(&writer, 0);
    wire_write_u64(&writer, beacon->cluster_id);
    wire_write_u64(&writer, beacon->key);
    wire_write_u64(&writer, beacon->incarnation);
    CHECK(wire_writer_finish(&writer) == 0);
}

int
plane_beacon_read(const void *bytes, size_t size, struct beacon *out)
{
    struct wire_reader reader;
    struct beacon beacon;
    int error;

    wire_reader_init(&reader, bytes, size);
    if (wire_read_u8(&reader) != BEACON_FIRST_BYTE)
        return ERR_MALFORMED;
    if (wire_read_u8(&reader) != BEACON_VERSION)
        return ERR_VERSION;
    if (wire_read_u16(&reader) != 0)
        return ERR_MALFORMED;
    beacon.cluster_id = wire_read_u64(&reader);
    beacon.key = wire_read_u64(&reader);
    beacon.incarnation = wire_read_u64(&reader);
    error = wire_reader_finish(&reader);
    if (error != 0)
        return error;
    if (beacon.key == 0 || beacon.key == PLAT_ADDRESS_ALL)
        return ERR_MALFORMED;
    *out = beacon;
    return 0;
}
