/* SPDX-License-Identifier: Apache-2.0
 *
 * Types of the messages between services.  Numbers travel on the wire: never
 * renumber.  Bodies: store_msg.h, cluster_msg.h, operator_msg.h.
 */
#ifndef NOS_SCHEMA_MESSAGES_H
#define NOS_SCHEMA_MESSAGES_H

enum message_type {
    /* A service and the store of its own box (store_msg.h). */
    MSG_STORE_TXN = 1,       /* commit a CONF transaction */
    MSG_STORE_TXN_DONE = 2,  /* its outcome */
    MSG_STORE_READ = 3,      /* linearizable read of one CONF row */
    MSG_STORE_READ_DONE = 4, /* its outcome */
    MSG_STORE_WATCH = 5,     /* subscribe to tables */
    MSG_STORE_DELTA = 6,     /* rows changed; first a whole snapshot */
    MSG_STORE_ROLE = 7,      /* to watchers: leader ready, leader lost */
    MSG_STORE_STATE_PUT = 8, /* write or delete own STATE rows */
    MSG_STORE_UPSTREAM = 9,  /* member: who the controllers are */
    MSG_STORE_PEER = 10,     /* cluster: a box joined, left or came back */
    MSG_STORE_TRANSFER = 11, /* hand leadership to another controller */
    MSG_STORE_VOTER = 12,    /* replace or add or remove a voter */
    MSG_STORE_VOTER_DONE = 13,
    MSG_STORE_TRANSFER_DONE = 14, /* under way, or refused */

    /* Stores of two boxes. */
    MSG_RAFT = 20,          /* liveness or control lane; raft_msg.h */
    MSG_RAFT_SNAPSHOT = 21, /* bulk lane: one chunk */
    MSG_RAFT_SNAPSHOT_ACK = 22,
    MSG_CONF_SUBSCRIBE = 23, /* box to controller: from which index */
    MSG_CONF_ROWS = 24,      /* controller to box, carries the term */
    MSG_CONF_ACK = 25,       /* box to controller: watermark, credits */
    MSG_STATE_ROWS = 26,     /* box to controllers: own STATE rows */
    MSG_STATE_ACK = 27,
    MSG_STATE_RESYNC = 28, /* controller to box: send everything */

    /* Members and controllers (cluster_msg.h). */
    MSG_BEACON = 40,   /* active controller to all boxes, liveness */
    MSG_JOIN_REQ = 41, /* box to active controller */
    MSG_JOIN_CHALLENGE = 42,
    MSG_JOIN_PROOF = 43,
    MSG_JOIN_OFFER = 44,
    MSG_JOIN_ACK = 45,
    MSG_JOIN_REJECT = 46,
    MSG_HELLO = 47,       /* member to active controller, liveness */
    MSG_HELLO_ACK = 48,   /* lease renewed; carries the term */
    MSG_MEMBER_ROLE = 49, /* on one box: member tells its services */

    /* Controllers and cards (fib_msg.h), bulk lane. */
    MSG_FIB_OFFER = 50,
    MSG_FIB_RESYNC = 51,
    MSG_FIB_BATCH = 52,
    MSG_FIB_ACK = 53,
    MSG_FIB_ASK = 54,
    MSG_FIB_TELL = 55,

    /* Operators (operator_msg.h). */
    MSG_OPERATOR_REQ = 60, /* operator service to cluster or store */
    MSG_OPERATOR_REP = 61
};

#endif
