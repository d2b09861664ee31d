/* SPDX-License-Identifier: Apache-2.0
 *
 * pcapng, little-endian: a section header, an interface description for each
 * port when it is first named, an enhanced packet block for each packet.
 */
#include "models/capture/capture.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "reference-nos/base/check.h"

#define BLOCK_SECTION 0x0a0d0d0au
#define BLOCK_INTERFACE 1u
#define BLOCK_PACKET 6u
#define BYTE_ORDER_MAGIC 0x1a2b3c4du
#define LINK_ETHERNET 1u
#define NAME_MAX_BYTES 255u
#define BLOCK_BYTES_MAX 512u
#define PS_PER_NS 1000u
#define FCS_BYTES 4u

enum option {
    OPTION_END = 0,
    OPTION_FLAGS = 2, /* of a packet */
    OPTION_NAME = 2,  /* of an interface */
    OPTION_USERAPPL = 4 /* of a section */,
    OPTION_SPEED = 8,
    OPTION_TSRESOL = 9
};

enum direction { INBOUND = 1, OUTBOUND = 2 };

struct capture {
    FILE *file;
    uint64_t epoch_ns;
    unsigned interfaces;
    int err; /* the first one */
};

struct block {
    uint8_t bytes[BLOCK_BYTES_MAX];
    size_t count;
};

static void
put(struct block *block, uint64_t value, unsigned bytes)
{
    CHECK(block->count + bytes <= BLOCK_BYTES_MAX);
    for (unsigned i = 0; i < bytes; i++)
        block->bytes[block->count++] = (uint8_t)(value >> (8 * i));
}

/* Padded to four bytes, as everything in pcapng. */
static void
put_bytes(struct block *block, const void *bytes, size_t count)
{
    size_t padded = (count + 3) / 4 * 4;

    CHECK(block->count + padded <= BLOCK_BYTES_MAX);
    memcpy(block->bytes + block->count, bytes, count);
    memset(block->bytes + block->count + count, 0, padded - count);
    block->count += padded;
}

static void
put_option(struct block *block, enum option option, const void *bytes,
           size_t count)
{
    put(block, option, 2);
    put(block, count, 2);
    put_bytes(block, bytes, count);
}

static struct block
begin(uint32_t type)
{
    struct block block;

    block.count = 0;
    put(&block, type, 4);
    put(&block, 0, 4); /* length, when it ends */
    return block;
}

static int
error_of_errno(void)
{
    return errno == ENOSPC ? ERR_NOSPACE : ERR_IO;
}

static int
end(struct capture *capture, struct block *block)
{
    uint32_t length = (uint32_t)block->count + 4;

    put(block, length, 4);
    for (unsigned i = 0; i < 4; i++)
        block->bytes[4 + i] = (uint8_t)(length >> (8 * i));
    if (capture->err == 0 &&
        fwrite(block->bytes, 1, block->count, capture->file) != block->count)
        capture->err = error_of_errno();
    return capture->err;
}

static int
write_section(struct capture *capture)
{
    struct block block = begin(BLOCK_SECTION);

    put(&block, BYTE_ORDER_MAGIC, 4);
    put(&block, 1, 2);
    put(&block, 0, 2);
    put(&block, UINT64_MAX, 8); /* length of the section is not said */
    put_option(&block, OPTION_USERAPPL, "sixnines", 8);
    put_option(&block, OPTION_END, "", 0);
    return end(capture, &block);
}

int
capture_create(const char *path, uint64_t epoch_ns, struct capture **out,
               char *message, size_t message_size)
{
    struct capture *capture = calloc(1, sizeof(*capture));
    int err;

    if (capture == NULL)
        return ERR_NOMEM;
    capture->epoch_ns = epoch_ns;
    capture->file = fopen(path, "wb");
    if (capture->file == NULL) {
        (void)snprintf(message, message_size, "%s: %s", path, strerror(errno));
        free(capture);
        return ERR_IO;
    }
    err = write_section(capture);
    if (err == 0 && fflush(capture->file) != 0)
        err = error_of_errno();
    if (err != 0) {
        (void)snprintf(message, message_size, "%s: %s", path, err_text(err));
        (void)fclose(capture->file);
        free(capture);
        return err;
    }
    *out = capture;
    return 0;
}

int
capture_interface(struct capture *capture, const char *name, uint64_t bps,
                  unsigned *number)
{
    static const uint8_t nanoseconds = 9;
    struct block block = begin(BLOCK_INTERFACE);
    size_t name_bytes = strlen(name);
    struct block speed = {.count = 0};
    int err;

    if (name_bytes == 0 || name_bytes > NAME_MAX_BYTES)
        return ERR_INVALID;
    put(&speed, bps, 8);
    put(&block, LINK_ETHERNET, 2);
    put(&block, 0, 2);
    put(&block, CAPTURE_SNAP, 4);
    put_option(&block, OPTION_NAME, name, name_bytes);
    put_option(&block, OPTION_SPEED, speed.bytes, speed.count);
    put_option(&block, OPTION_TSRESOL, &nanoseconds, 1);
    put_option(&block, OPTION_END, "", 0);
    err = end(capture, &block);
    if (err == 0)
        *number = capture->interfaces++;
    return err;
}

int
capture_write(struct capture *capture, unsigned interface,
              const struct capture_packet *packet, const char *direction)
{
    bool out = strcmp(direction, "out") == 0;
    uint64_t stamp_ns = capture->epoch_ns + packet->at_ps / PS_PER_NS;
    uint8_t frame[CAPTURE_SNAP];
    size_t captured = capture_frame(packet, frame, sizeof(frame));
    struct block block = begin(BLOCK_PACKET);
    struct block flags = {.count = 0};

    CHECK(interface < capture->interfaces);
    CHECK(out || strcmp(direction, "in") == 0);
    put(&flags, out ? OUTBOUND : INBOUND, 4);
    put(&block, interface, 4);
    put(&block, stamp_ns >> 32, 4);
    put(&block, stamp_ns & UINT32_MAX, 4);
    put(&block, captured, 4);
    put(&block, packet->bytes - FCS_BYTES, 4);
    put_bytes(&block, frame, captured);
    put_option(&block, OPTION_FLAGS, flags.bytes, flags.count);
    put_option(&block, OPTION_END, "", 0);
    return end(capture, &block);
}

int
capture_close(struct capture *capture)
{
    int err;

    if (capture == NULL)
        return 0;
    err = capture->err;
    if (fclose(capture->file) != 0 && err == 0)
        err = error_of_errno();
    free(capture);
    return err;
}
