/* SPDX-License-Identifier: Apache-2.0
 *
 * What the servers of one Raft group say to each other, and its bytes.
 *
 * Memory   a decoded message borrows: entry data points into the caller's
 *          bytes, entries into the caller's array.
 * Errors   any bytes give a message or an error, never a failed CHECK.
 * Lanes    raft_message_is_small() tells heartbeats, votes and answers
 *          (liveness lane) from messages that carry entries (control lane).
 *          The core stands loss, duplication and any order.
 *
 * D. Ongaro, "Consensus: Bridging Theory and Practice" (2014), is cited as
 * [thesis] in this folder.
 */
#ifndef NOS_RAFT_RAFT_MSG_H
#define NOS_RAFT_RAFT_MSG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "reference-nos/base/compiler.h"

#define RAFT_MEMBERS_MAX 7u          /* Voters and learners together. */
#define RAFT_ENTRY_BYTES_MAX 65536u  /* Data of one entry. */
#define RAFT_APPEND_BYTES_MAX 65536u /* Data of one message's entries. */
#define RAFT_APPEND_ENTRIES_MAX 64u  /* Entries in one message. */
/* No honest term or index comes near; sums with them never wrap. */
#define RAFT_NUMBER_MAX (UINT64_MAX / 4)
#define RAFT_MESSAGE_BYTES_MAX                                                \
    (RAFT_APPEND_BYTES_MAX + 24u * RAFT_APPEND_ENTRIES_MAX + 128u)

/* Every member set is whole; id 0 is nobody. */
enum raft_member_role { RAFT_VOTER = 1, RAFT_LEARNER = 2 };

struct raft_member {
    uint64_t id;
    enum raft_member_role role;
};

struct raft_members {
    unsigned count;
    struct raft_member member[RAFT_MEMBERS_MAX]; /* In order of joining. */
};

/* The bytes of a member set, as in an entry of kind RAFT_ENTRY_MEMBERS. */
#define RAFT_MEMBERS_BYTES_MAX (1u + 9u * RAFT_MEMBERS_MAX)

size_t raft_members_encode(const struct raft_members *members,
                           uint8_t bytes[RAFT_MEMBERS_BYTES_MAX]);
MUST_USE int raft_members_decode(const void *bytes, size_t size,
                                 struct raft_members *members);

enum raft_entry_kind {
    RAFT_ENTRY_DATA = 1,    /* The user's bytes. */
    RAFT_ENTRY_NOOP = 2,    /* Opens a leader's term; no bytes. */
    RAFT_ENTRY_MEMBERS = 3, /* An encoded struct raft_members. */
};

struct raft_entry {
    uint64_t index; /* From 1, without gaps. */
    uint64_t term;
    enum raft_entry_kind kind;
    size_t size;
    const void *data;
    /* The proposer's word, on the server and in the term that proposed;
     * else 0.  Neither stored nor sent. */
    uint64_t context;
};

enum raft_message_kind {
    RAFT_PREVOTE = 1,   /* "Would you vote for me?" [thesis 9.6] */
    RAFT_PREVOTE_REPLY, /* Its term is the real term of who answers. */
    RAFT_VOTE,          /* [thesis 3.4] */
    RAFT_VOTE_REPLY,
    RAFT_APPEND, /* Entries or a heartbeat. [thesis 3.5] */
    RAFT_APPEND_REPLY,
    RAFT_TIMEOUT_NOW, /* "Stand for election at once." [thesis 3.10] */
};

struct raft_message {
    enum raft_message_kind kind;
    uint64_t from;
    uint64_t to;
    uint64_t incarnation; /* Of 'from': grows with each of its lives. */
    uint64_t term;        /* Of 'from', even in pre-votes. */
    /* PREVOTE, VOTE: the term stood for.  Replies: the term answered. */
    uint64_t asked_term;
    /* PREVOTE, VOTE: the last entry.  APPEND: the entry before.
     * APPEND_REPLY: accepted: all up to 'index' agrees and is durable;
     * refused: the agreement lies at or below 'index', whose term there is
     * 'index_term'. */
    uint64_t index;
    uint64_t index_term;
    uint64_t refused_index; /* APPEND_REPLY: 'index' of a refused APPEND. */
    uint64_t commit;        /* APPEND: the leader's commit index. */
    uint64_t round;         /* APPEND, echoed in the reply: for reads. */
    bool granted;           /* Replies. */
    bool transfer;          /* VOTE: a leader asked for this election. */
    unsigned entry_count;   /* APPEND. */
    const struct raft_entry *entries;
};

/* Everything but an APPEND with entries. */
bool raft_message_is_small(const struct raft_message *message);

/* Writes 'message' into 'bytes'; its length to '*size_bytes'.  ERR_FULL if
 * 'capacity_bytes' is too small; RAFT_MESSAGE_BYTES_MAX always suffices for
 * a message of the core. */
MUST_USE int raft_message_encode(const struct raft_message *message,
                                 void *bytes, size_t capacity_bytes,
                                 size_t *size_bytes);

/* ERR_TRUNCATED, ERR_MALFORMED, ERR_RANGE or ERR_VERSION.  'entries' is the
 * place for the message's entries. */
MUST_USE int
raft_message_decode(const void *bytes, size_t size_bytes,
                    struct raft_entry entries[RAFT_APPEND_ENTRIES_MAX],
                    struct raft_message *message);

#endif
