/* SPDX-License-Identifier: Apache-2.0 */
#define _DEFAULT_SOURCE /* u_int of <pcap/pcap.h> */
#include "models/capture/capture.h"

#include <errno.h>
#include <inttypes.h>
#include <pcap/pcap.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "models/capture/capture_priv.h"

#define FCS_BYTES 4u
#define NS_PER_S INT64_C(1000000000)
#define PS_PER_NS 1000u
#define FIRST_ROOM 1024u
/* 2^33 seconds after 1970 is 2242; a gap of 100 days is longer than a run. */
#define STAMP_MAX_S (INT64_C(1) << 33)
#define GAP_MAX_NS (100 * INT64_C(86400) * NS_PER_S)

struct reading {
    const char *name;
    char *message;
    size_t message_size;
    pcap_t *pcap;
    uint64_t *gap_ps;
    uint16_t *bytes;
    size_t count, room;
    int64_t last_ns;
};

PRINTF_LIKE(3, 4)
static int
fail(const struct reading *reading, int err, const char *format, ...)
{
    char what[PCAP_ERRBUF_SIZE + 64];
    va_list args;

    va_start(args, format);
    (void)vsnprintf(what, sizeof(what), format, args);
    va_end(args);
    (void)snprintf(reading->message, reading->message_size, "%s: %s",
                   reading->name, what);
    return err;
}

static int
grow(struct reading *reading)
{
    size_t room = reading->room == 0 ? FIRST_ROOM : reading->room * 2;
    uint64_t *gap_ps =
        realloc(reading->gap_ps, room * sizeof(*reading->gap_ps));

    if (gap_ps == NULL)
        return fail(reading, ERR_NOMEM, "%s", err_text(ERR_NOMEM));
    reading->gap_ps = gap_ps;
    uint16_t *bytes = realloc(reading->bytes, room * sizeof(*reading->bytes));
    if (bytes == NULL)
        return fail(reading, ERR_NOMEM, "%s", err_text(ERR_NOMEM));
    reading->bytes = bytes;
    reading->room = room;
    return 0;
}

/* A stamp before the last one counts as the same instant. */
static int
add_gap(struct reading *reading, const struct pcap_pkthdr *header)
{
    size_t number = reading->count + 1;
    int64_t s = header->ts.tv_sec;
    int64_t ns = header->ts.tv_usec; /* nanoseconds were asked for */

    if (s < 0 || s > STAMP_MAX_S || ns < 0 || ns >= NS_PER_S)
        return fail(reading, ERR_RANGE,
                    "packet %zu: its stamp, %" PRId64 " s and %" PRId64
                    " ns, is no time",
                    number, s, ns);
    int64_t at_ns = s * NS_PER_S + ns;
    int64_t gap_ns = reading->count == 0 ? 0 : at_ns - reading->last_ns;

    if (gap_ns > GAP_MAX_NS)
        return fail(reading, ERR_RANGE,
                    "packet %zu is more than 100 days after the one before it",
                    number);
    if (reading->count == 0 || gap_ns > 0)
        reading->last_ns = at_ns;
    reading->gap_ps[reading->count] =
        gap_ns > 0 ? (uint64_t)gap_ns * PS_PER_NS : 0;
    return 0;
}

/* Captures have no FCS and may lack the padding to 64 bytes. */
static int
add_bytes(struct reading *reading, const struct pcap_pkthdr *header)
{
    size_t number = reading->count + 1;

    if (header->len == 0)
        return fail(reading, ERR_MALFORMED, "packet %zu has no bytes", number);
    if (header->len > TRAFFIC_FRAME_MAX - FCS_BYTES)
        return fail(reading, ERR_RANGE,
                    "packet %zu has %u bytes, more than %u and its FCS",
                    number, header->len, TRAFFIC_FRAME_MAX - FCS_BYTES);
    uint32_t bytes = header->len + FCS_BYTES;

    reading->bytes[reading->count] =
        (uint16_t)(bytes < TRAFFIC_FRAME_MIN ? TRAFFIC_FRAME_MIN : bytes);
    return 0;
}

static int
add_packet(struct reading *reading, const struct pcap_pkthdr *header)
{
    int err = 0;

    if (reading->count == CAPTURE_REPLAY_PACKETS_MAX)
        return fail(reading, ERR_FULL, "more than %u packets",
                    CAPTURE_REPLAY_PACKETS_MAX);
    if (reading->count == reading->room)
        err = grow(reading);
    if (err == 0)
        err = add_gap(reading, header);
    if (err == 0)
        err = add_bytes(reading, header);
    if (err == 0)
        reading->count++;
    return err;
}

static int
read_packets(struct reading *reading)
{
    struct pcap_pkthdr *header;
    const u_char *data;
    int got;
    int err = 0;

    while (err == 0 &&
           (got = pcap_next_ex(reading->pcap, &header, &data)) == 1)
        err = add_packet(reading, header);
    if (err != 0)
        return err;
    if (got != PCAP_ERROR_BREAK) /* which is the end */
        return fail(reading, ERR_TRUNCATED, "packet %zu: %s",
                    reading->count + 1, pcap_geterr(reading->pcap));
    if (reading->count == 0)
        return fail(reading, ERR_INVALID, "no packets");
    return 0;
}

static int
check_link(const struct reading *reading)
{
    int type = pcap_datalink(reading->pcap);
    const char *name = pcap_datalink_val_to_name(type);

    if (type == DLT_EN10MB)
        return 0;
    return fail(reading, ERR_UNSUPPORTED, "link type %d (%s) is not Ethernet",
                type, name != NULL ? name : "unknown");
}

/* libpcap owns the file once it has taken it. */
static int
open_file(struct reading *reading, FILE *file)
{
    char why[PCAP_ERRBUF_SIZE] = "";
    int first = getc(file);

    if (first == EOF) {
        int err = ferror(file)
                      ? fail(reading, ERR_IO, "%s", strerror(errno))
                      : fail(reading, ERR_INVALID, "the file is empty");
        (void)fclose(file);
        return err;
    }
    (void)ungetc(first, file);
    reading->pcap = pcap_fopen_offline_with_tstamp_precision(
        file, PCAP_TSTAMP_PRECISION_NANO, why);
    if (reading->pcap != NULL)
        return 0;
    (void)fclose(file);
    return fail(reading, ERR_MALFORMED, "%s", why);
}

int
capture_replay_read(FILE *file, const char *name,
                    struct traffic_replay *replay, char *message,
                    size_t message_size)
{
    struct reading reading = {
        .name = name, .message = message, .message_size = message_size};
    int err = open_file(&reading, file);

    if (err == 0)
        err = check_link(&reading);
    if (err == 0)
        err = read_packets(&reading);
    if (reading.pcap != NULL)
        pcap_close(reading.pcap);
    if (err != 0) {
        free(reading.gap_ps);
        free(reading.bytes);
        return err;
    }
    *replay =
        (struct traffic_replay){reading.count, reading.gap_ps, reading.bytes};
    return 0;
}

int
capture_replay_load(const char *path, struct traffic_replay *replay,
                    char *message, size_t message_size)
{
    FILE *file = fopen(path, "rb");

    if (file == NULL) {
        int code = errno;

        (void)snprintf(message, message_size, "%s: %s", path, strerror(code));
        return code == ENOENT ? ERR_NOENT : ERR_IO;
    }
    return capture_replay_read(file, path, replay, message, message_size);
}

void
capture_replay_free(struct traffic_replay *replay)
{
    free((void *)(uintptr_t)replay->gap_ps);
    free((void *)(uintptr_t)replay->bytes);
    *replay = (struct traffic_replay){0};
}
