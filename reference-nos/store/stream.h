/* SPDX-License-Identifier: Apache-2.0
 *
 * Streams: rows of one table of rows, kept equal in another box.
 *
 * Sender    walks its rows in the order of their stamps.  It keeps no queue:
 *           two cursors, what was sent and what was acknowledged, say
 *           everything, and going back is setting one to the other.
 * Snapshot  the walk from stamp 0 until it has caught up; then deltas.  The
 *           receiver drops at the end what the snapshot did not show, so its
 *           own readers see only differences.
 * Messages  carry the range (from, upto] of stamps they stand for; the
 *           receiver takes one whose 'from' it has reached, and answers with
 *           how far it is (the watermark) and how much it will take (credit).
 *           Loss, doubling and reorder do no harm.
 * Run       a number that grows with each snapshot of a sender; it keeps the
 *           messages of two snapshots apart.
 * Bound     STREAM_WINDOW messages and the receiver's credit of rows may be
 *           unacknowledged.
 */
#ifndef NOS_STORE_STREAM_H
#define NOS_STORE_STREAM_H

#include "reference-nos/store/rows.h"

#define STREAM_WINDOW 8u
#define STREAM_ROWS_MAX 64u /* in a message: a quantum has room for them */
#define STREAM_CREDIT_ROWS 1024u /* what a receiver grants */
#define STREAM_HEADER_BYTES 54u

/* STATE travels in two streams, as joins cannot wait for telemetry. */
enum stream_class {
    STREAM_URGENT, /* CONF; of STATE: TABLE_SEEN and TABLE_HEALTH */
    STREAM_REST,
    STREAM_CLASS_COUNT
};

enum stream_flags {
    STREAM_SNAPSHOT = 1 << 0, /* part of one */
    STREAM_FIRST = 1 << 1,
    STREAM_LAST = 1 << 2
};

struct stream_header {
    uint64_t term;        /* CONF: of the leader; STATE: 0 */
    uint64_t incarnation; /* STATE: of the owner's box; CONF: 0 */
    uint32_t life;        /* STATE: of the owner's store; CONF: 0 */
    enum stream_class class;
    unsigned flags;
    uint64_t run;
    uint64_t from;  /* stamp */
    uint64_t upto;  /* stamp */
    uint64_t index; /* CONF: as of this log index; STATE: 0 */
};

void stream_header_write(struct wire_writer *writer,
                         const struct stream_header *header);
MUST_USE int stream_header_read(struct wire_reader *reader,
                                struct stream_header *header);

struct stream_ack {
    uint64_t term;        /* the highest the receiver knows */
    uint64_t incarnation; /* of the receiver's box */
    uint32_t life;        /* of the receiver's store */
    enum stream_class class;
    uint64_t run;
    uint64_t watermark; /* stamp */
    uint32_t credit;    /* rows */
    bool complete;      /* no snapshot is under way */
};

void stream_ack_write(struct wire_writer *writer,
                      const struct stream_ack *ack);
MUST_USE int stream_ack_read(struct wire_reader *reader,
                             struct stream_ack *ack);

/* MSG_CONF_SUBSCRIBE: the stream wanted, and from where. */
struct stream_ask {
    uint64_t term;
    uint64_t watermark; /* 0: a snapshot */
    uint64_t run;
    uint64_t tables;
};

void stream_ask_write(struct wire_writer *writer,
                      const struct stream_ask *ask);
MUST_USE int stream_ask_read(struct wire_reader *reader,
                             struct stream_ask *ask);

/* Which rows a stream shows. */
struct stream_filter {
    uint64_t owner;
    unsigned first_table; /* bit 0 of 'tables' */
    uint64_t tables;
};

bool stream_filter_shows(const struct stream_filter *filter,
                         const struct row *row);

/* --- Sender ------------------------------------------------------------- */

struct stream_out {
    bool active;
    bool snapshot;   /* sending one */
    bool first_sent; /* its first message */
    bool last_sent;  /* its last message; deltas wait for the ack */
    bool answer_due; /* send a message even if it is empty */
    uint64_t run;
    uint64_t began; /* stamp: what is deleted later may have been shown */
    uint64_t sent;  /* stamps up to which messages went out */
    uint64_t scan;  /* looked at: nothing to show between 'sent' and it */
    uint64_t acked; /* stamps */
    uint32_t credit;
    unsigned unacked_rows;
    unsigned window_count;
    struct {
        uint64_t upto;
        unsigned rows;
    } window[STREAM_WINDOW];
    unsigned tries;
    uint64_t deadline_ns; /* for an acknowledgement; TIME_NEVER_NS: none due */

    /* The message built last, until stream_out_sent(). */
    struct stream_header built;
    unsigned built_rows;
    uint64_t built_scan;
};

/* A new run with a snapshot. */
void stream_out_begin(struct stream_out *out, uint64_t run);
/* Deltas from 'watermark' on. */
void stream_out_resume(struct stream_out *out, uint64_t run,
                       uint64_t watermark);

/* The rows forgot deletions that this stream has yet to show: begin again. */
bool stream_out_lost(const struct stream_out *out, const struct rows *rows);

/* Builds the next message in 'writer' (header with 'proto' as its start, then
 * rows).  False: nothing to send, or no window.  The same message is built
 * again until stream_out_sent() says that it left. */
bool stream_out_build(struct stream_out *out, const struct rows *rows,
                      const struct stream_filter *filter,
                      const struct stream_header *proto,
                      struct wire_writer *writer);
void stream_out_sent(struct stream_out *out, uint64_t now_ns);

void stream_out_acked(struct stream_out *out, const struct stream_ack *ack,
                      uint64_t now_ns);
/* Has waited too long: goes back to what is acknowledged.  ERR_TIMEOUT when
 * the receiver has been silent for all tries. */
MUST_USE int stream_out_timeout(struct stream_out *out);
/* Sends again what is not acknowledged. */
void stream_out_back(struct stream_out *out);

/* --- Receiver ----------------------------------------------------------- */

struct stream_in {
    uint64_t run;
    uint64_t watermark;
    uint32_t generation; /* of rows shown by the present snapshot */
    bool snapshot;       /* one is under way */
    bool complete;       /* had one, and every delta since */
};

enum stream_verdict {
    STREAM_TAKE,
    STREAM_OLD,   /* acknowledge again */
    STREAM_EARLY, /* one before it was lost: acknowledge what is here, the
                     sender's patience does the rest */
    STREAM_GAP    /* of a run whose begin is not known: ask for another */
};

/* 'generation' is used if a snapshot begins. */
enum stream_verdict stream_in_judge(struct stream_in *in,
                                    const struct stream_header *header,
                                    uint32_t generation);
/* The message was applied.  True: a snapshot ended, drop what it did not
 * show. */
bool stream_in_taken(struct stream_in *in, const struct stream_header *header);

#endif
