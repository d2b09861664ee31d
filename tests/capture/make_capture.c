/* SPDX-License-Identifier: Apache-2.0
 *
 * A capture of 40 made-up packets of two ports.
 * usage: make_capture FILE [FILTER]
 */
#include <stdio.h>
#include <string.h>

#include "models/capture/capture.h"
#include "reference-nos/base/compiler.h"

#define PACKETS 40u
#define EPOCH_NS (UINT64_C(1792580400) * 1000000000u)

static struct capture_packet
packet_make(unsigned n)
{
    static const uint8_t net6[4] = {0x20, 0x01, 0x0d, 0xb8};
    struct capture_packet packet = {
        .at_ps = n * UINT64_C(123457001),
        .family = n % 4 == 3 ? 6 : 4,
        .ttl = (uint8_t)(64 - n % 3),
        .traffic_class = (uint8_t)(n % 8),
        .source_port = (uint16_t)(49152 + n),
        .destination_port = (uint16_t)(n % 5 == 0 ? 9 : 40000),
        .bytes = (uint16_t)(n < 10 ? 64 + n * 6 : n * 200),
        .number = n,
        .due_ps = n * UINT64_C(123000000),
    };
    static const uint8_t from[4] = {10, 0, 0, 1};
    const uint8_t to[4] = {10, 0, 1, (uint8_t)(n + 1)};

    if (packet.family == 4) {
        memcpy(packet.source, from, 4);
        memcpy(packet.destination, to, 4);
    } else {
        memcpy(packet.source, net6, 4);
        memcpy(packet.destination, net6, 4);
        packet.source[15] = 1;
        packet.destination[15] = (uint8_t)(n + 1);
    }
    return packet;
}

static int
write_packets(struct capture *capture, const struct capture_filter *filter)
{
    static const char *const names[] = {"ncp-0/eth-0/0/0", "ncp-1/eth-0/0/7"};
    unsigned ports[2];
    int err = 0;

    for (unsigned i = 0; i < 2 && err == 0; i++)
        err = capture_interface(capture, names[i], UINT64_C(400000000000),
                                &ports[i]);
    for (unsigned n = 0; n < PACKETS && err == 0; n++) {
        struct capture_packet packet = packet_make(n);
        uint8_t frame[CAPTURE_SNAP];
        size_t count = capture_frame(&packet, frame, sizeof(frame));

        if (capture_filter_match(filter, frame, count, packet.bytes - 4u))
            err = capture_write(capture, ports[n % 2], &packet,
                                n % 2 == 0 ? "in" : "out");
    }
    return err;
}

int
main(int argc, char **argv)
{
    char message[512] = "";
    struct capture_filter *filter = NULL;
    struct capture *capture = NULL;
    int err;

    if (argc < 2 || argc > 3) {
        (void)fprintf(stderr, "usage: make_capture FILE [FILTER]\n");
        return 64;
    }
    err = capture_filter_create(argc == 3 ? argv[2] : "", &filter, message,
                                sizeof(message));
    if (err == 0)
        err = capture_create(argv[1], EPOCH_NS, &capture, message,
                             sizeof(message));
    if (err == 0) {
        err = write_packets(capture, filter);
        int close_err = capture_close(capture);

        err = err != 0 ? err : close_err;
    }
    capture_filter_destroy(filter);
    if (err != 0)
        (void)fprintf(stderr, "%s\n",
                      message[0] != '\0' ? message : err_text(err));
    return err != 0;
}
