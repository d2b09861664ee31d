/* SPDX-License-Identifier: Apache-2.0
 *
 * What a service and the store of its box say to each other.
 *
 * Builders write into a caller's wire_writer; parsers read from a
 * wire_reader, so a message with many rows is walked, not copied.  Parsers
 * accept any bytes and return an enum err.
 */
#ifndef NOS_SCHEMA_STORE_MSG_H
#define NOS_SCHEMA_STORE_MSG_H

#include "reference-nos/base/wire.h"
#include "reference-nos/schema/messages.h"
#include "reference-nos/schema/tables.h"

/* One row, borrowed from the message it was read from. */
struct store_row {
    enum table table;
    bool deleted;
    uint64_t owner;   /* STATE: box key of the writer; CONF: 0 */
    uint64_t version; /* CONF: log index of the last write; STATE: sequence */
    const uint8_t *key;
    size_t key_size;
    const uint8_t *value;
    size_t value_size;
};

/* MSG_STORE_TXN: header, then operations to the end of the body.
 * (client, sequence) make a retry harmless: a transaction that was committed
 * before is answered again, not done again.  'sequence' starts at 1 and grows
 * by one; a client has one transaction outstanding.  What is larger than the
 * bounds is refused with ERR_RANGE: applying one fits a quantum. */
#define STORE_TXN_OPS_MAX 96u
#define STORE_TXN_BYTES_MAX (60u * 1024u)

struct store_txn {
    uint64_t client;
    uint64_t sequence;
    uint64_t term; /* 0, or refuse with ERR_STALE in any other term */
};

enum store_op_kind {
    STORE_OP_PUT,
    STORE_OP_DELETE,
    STORE_OP_EXPECT /* the row's version must be row.version; 0: absent */
};

struct store_op {
    enum store_op_kind kind;
    struct store_row row;
};

void store_txn_begin(struct wire_writer *writer, const struct store_txn *txn);
void store_txn_add(struct wire_writer *writer, enum store_op_kind kind,
                   enum table table, const struct key_bytes *key,
                   const struct row_bytes *value, uint64_t version);
MUST_USE int store_txn_read(struct wire_reader *reader, struct store_txn *txn);
/* ERR_NOENT at the end. */
MUST_USE int store_op_read(struct wire_reader *reader, struct store_op *op);

/* MSG_STORE_TXN_DONE */
struct store_txn_done {
    uint64_t client;
    uint64_t sequence;
    int status;     /* 0 committed and durable; ERR_NOT_LEADER; ERR_CONFLICT:
                       an EXPECT did not hold; ERR_STALE; ERR_BUSY;
                       ERR_TIMEOUT: unknown, retry with the same sequence;
                       ERR_FULL, ERR_RANGE, ERR_INVALID: never possible */
    uint64_t index; /* of the commit */
    uint64_t term;
    uint64_t leader; /* hint for ERR_NOT_LEADER, or 0 */
};
void store_txn_done_write(struct wire_writer *writer,
                          const struct store_txn_done *done);
MUST_USE int store_txn_done_read(struct wire_reader *reader,
                                 struct store_txn_done *done);

/* MSG_STORE_READ and MSG_STORE_READ_DONE (linearizable, CONF only). */
struct store_read {
    uint64_t sequence; /* echoed */
    enum table table;
    struct key_bytes key;
};
struct store_read_done {
    uint64_t sequence;
    int status; /* 0, ERR_NOENT, ERR_NOT_LEADER, ERR_TIMEOUT */
    uint64_t version;
    uint64_t leader;
    const uint8_t *value; /* borrowed */
    size_t value_size;
};
void store_read_write(struct wire_writer *writer,
                      const struct store_read *read);
MUST_USE int store_read_read(struct wire_reader *reader,
                             struct store_read *read);
void store_read_done_write(struct wire_writer *writer,
                           const struct store_read_done *done);
MUST_USE int store_read_done_read(struct wire_reader *reader,
                                  struct store_read_done *done);

/* MSG_STORE_WATCH: subscribes the sender to tables (bits 0-63 CONF in
 * 'conf', bits 64-127 STATE in 'state', bit 0 = table 64) and to roles.  The
 * store answers with a snapshot as one or more MSG_STORE_DELTA, then with
 * every change.  A watch ends with the life of the watcher or the store; when
 * the store restarts it sends MSG_STORE_ROLE with STORE_RESTARTED to every
 * service of its box, which then watches again. */
struct store_watch {
    uint64_t conf;
    uint64_t state;
    bool roles;
};
void store_watch_write(struct wire_writer *writer,
                       const struct store_watch *watch);
MUST_USE int store_watch_read(struct wire_reader *reader,
                              struct store_watch *watch);

/* MSG_STORE_DELTA: header, then rows to the end of the body.  One sequence of
 * deltas carries CONF and STATE rows.  LAST is held back while this life of
 * the store has not yet had CONF from a leader: STATE rows flow meanwhile, and
 * a new snapshot with FIRST follows when CONF is there.  So a watcher that
 * must not lose what it had replaces it at LAST, not at FIRST. */
enum store_delta_flags {
    STORE_DELTA_FIRST = 1 << 0, /* forget what you had: a snapshot begins */
    STORE_DELTA_LAST = 1 << 1   /* the snapshot is complete */
};
struct store_delta {
    unsigned flags;
    uint64_t index; /* CONF: state as of this log index */
    uint64_t term;  /* of the leader it came from */
};
void store_delta_begin(struct wire_writer *writer,
                       const struct store_delta *delta);
void store_row_add(struct wire_writer *writer, const struct store_row *row);
MUST_USE int store_delta_read(struct wire_reader *reader,
                              struct store_delta *delta);
/* ERR_NOENT at the end. */
MUST_USE int store_row_read(struct wire_reader *reader, struct store_row *row);

/* MSG_STORE_ROLE */
enum store_role {
    STORE_LEADER_READY, /* this box leads 'term' and its no-op is committed */
    STORE_LEADER_LOST,
    STORE_RESTARTED
};
struct store_role_change {
    enum store_role role;
    uint64_t term;
};
void store_role_write(struct wire_writer *writer,
                      const struct store_role_change *change);
MUST_USE int store_role_read(struct wire_reader *reader,
                             struct store_role_change *change);

/* MSG_STORE_STATE_PUT: rows (store_row_add; owner and version are filled in
 * by the store) to the end of the body; no header. */

/* MSG_STORE_UPSTREAM, from the member service: where CONF comes from and
 * STATE goes to.  Sent again whenever it changes. */
struct store_upstream {
    uint64_t active;  /* box key of the active controller, or 0: headless */
    uint64_t standby; /* or 0 */
    uint64_t term;    /* of 'active': lower terms are refused from now on */
};
void store_upstream_write(struct wire_writer *writer,
                          const struct store_upstream *upstream);
MUST_USE int store_upstream_read(struct wire_reader *reader,
                                 struct store_upstream *upstream);

/* MSG_STORE_PEER, from the cluster service: STATE rows of a box whose lease
 * ended are expired (deleted, watchers told); a box that is up is served. */
struct store_peer {
    uint64_t box;
    bool up;
};
void store_peer_write(struct wire_writer *writer,
                      const struct store_peer *peer);
MUST_USE int store_peer_read(struct wire_reader *reader,
                             struct store_peer *peer);

/* MSG_STORE_TRANSFER: u64 box key of the controller that shall lead.
 * MSG_STORE_TRANSFER_DONE: struct store_voter_done; 0: the transfer is under
 * way (its success shows in MSG_STORE_ROLE), else why it is not.
 * MSG_STORE_VOTER: */
struct store_voter {
    uint64_t remove; /* box key or 0 */
    uint64_t add;    /* box key or 0; joins as learner first */
};
struct store_voter_done {
    int status;
};
void store_voter_write(struct wire_writer *writer,
                       const struct store_voter *voter);
MUST_USE int store_voter_read(struct wire_reader *reader,
                              struct store_voter *voter);
void store_voter_done_write(struct wire_writer *writer,
                            const struct store_voter_done *done);
MUST_USE int store_voter_done_read(struct wire_reader *reader,
                                   struct store_voter_done *done);

#endif
