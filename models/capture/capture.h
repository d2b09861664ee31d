/* SPDX-License-Identifier: Apache-2.0
 *
 * Captures of simulated ports, and traffic from captures.
 *
 * Writing  pcapng (draft-ietf-opsawg-pcapng), one section, one interface per
 *          port with its name, nanosecond stamps (if_tsresol 9), Ethernet.
 *          Simulated time 0 is the epoch given.
 * Filter   a BPF expression as tcpdump takes it, compiled by libpcap and run
 *          over the frame's bytes (bpf_filter(3)).
 *          Names in it would be looked up on the network; give addresses.
 * Frames   the simulator has sizes, addresses and stamps, not payloads:
 *          capture_frame() builds Ethernet + IPv4/IPv6 + UDP headers whose
 *          payload is the packet's number and intended time (8 bytes each,
 *          network order), then zeros; checksums right.  An IPv6 frame below
 *          66 bytes has no room for UDP: its next header is none (59).
 * Reading  sizes and gaps of pcap or pcapng files through libpcap; errors say
 *          file, packet number and what is wrong (truncated, unknown link
 *          type, empty).  Frames below 64 bytes are padded, the FCS is
 *          added; a stamp before the last one counts as the same instant.
 */
#ifndef MODELS_CAPTURE_CAPTURE_H
#define MODELS_CAPTURE_CAPTURE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "models/traffic/traffic.h"
#include "reference-nos/base/compiler.h"
#include "reference-nos/base/err.h"

struct capture;        /* a file being written */
struct capture_filter; /* a compiled expression */

/* ERR_INVALID with libpcap's sentence.  "" or NULL matches everything. */
MUST_USE int capture_filter_create(const char *expression,
                                   struct capture_filter **out, char *message,
                                   size_t message_size);
void capture_filter_destroy(struct capture_filter *filter);
bool capture_filter_match(const struct capture_filter *filter,
                          const uint8_t *frame, size_t captured,
                          size_t length);

/* What is known of a packet on a port. */
struct capture_packet {
    uint64_t at_ps;
    uint8_t family; /* 4 or 6 */
    uint8_t ttl;
    uint8_t traffic_class;
    uint8_t source[16], destination[16];    /* 4 bytes used for family 4 */
    uint16_t source_port, destination_port; /* UDP: flow */
    uint16_t bytes;                         /* frame with FCS */
    uint64_t number;                        /* of the packet in the run */
    uint64_t due_ps;                        /* intended time */
};

#define CAPTURE_SNAP 128u

/* Bytes of the frame without FCS, at most 'room'; returns how many. */
size_t capture_frame(const struct capture_packet *packet, uint8_t *frame,
                     size_t room);

/* Creates or truncates 'path'.  'epoch_ns': wall clock at simulated time 0. */
MUST_USE int capture_create(const char *path, uint64_t epoch_ns,
                            struct capture **out, char *message,
                            size_t message_size);
/* A port; the number to give to capture_write().  ERR_INVALID for a name that
 * is empty or longer than 255 bytes. */
MUST_USE int capture_interface(struct capture *capture, const char *name,
                               uint64_t bps, unsigned *number);
MUST_USE int capture_write(struct capture *capture, unsigned interface,
                           const struct capture_packet *packet,
                           const char *direction /* "in" or "out" */);
/* Flushes and closes; the first error of any write. */
MUST_USE int capture_close(struct capture *capture);

#define CAPTURE_REPLAY_PACKETS_MAX (1u << 26)

/* Sizes and gaps of a capture file; free with capture_replay_free().  The gap
 * before the first packet is 0. */
MUST_USE int capture_replay_load(const char *path,
                                 struct traffic_replay *replay, char *message,
                                 size_t message_size);
void capture_replay_free(struct traffic_replay *replay);

#endif
