/* SPDX-License-Identifier: Apache-2.0
 *
 * Requests of people and programs (runtime_operator(), a UNIX socket on
 * Linux) and their answers (actor_operator_reply()).
 *
 * MSG_OPERATOR_REQ and MSG_OPERATOR_REP, between the operator and the cluster
 * service of one box: a u64 that names the request, then its bytes or the
 * answer's.
 */
#ifndef NOS_SCHEMA_OPERATOR_MSG_H
#define NOS_SCHEMA_OPERATOR_MSG_H

#include "reference-nos/base/wire.h"
#include "reference-nos/schema/fib_msg.h"
#include "reference-nos/schema/messages.h"
#include "reference-nos/schema/tables.h"

enum operator_verb {
    OPERATOR_WRITE = 1,      /* probe row: client, sequence, value */
    OPERATOR_READ = 2,       /* linearizable read of a probe row */
    OPERATOR_SWITCHOVER = 3, /* planned: hand over to the other controller */
    OPERATOR_DRAIN = 4,      /* module */
    OPERATOR_UNDRAIN = 5,    /* module */
    OPERATOR_REPLACE = 6,    /* module: serial is planned for its number */
    OPERATOR_REMOVE = 7,     /* module: its number rests from now on */
    OPERATOR_LOCATE = 8,     /* module: locate LED, value 1 or 0 */
    OPERATOR_SHOW_MODULES = 9,
    OPERATOR_SHOW_CLUSTER = 10,
    OPERATOR_SHOW_CONTROLLERS = 11,
    OPERATOR_SHOW_ALARMS = 12,
    OPERATOR_STOP = 13, /* on any box: it ends soon; answered when nobody
                           needs it any more (or ERR_TIMEOUT).  Until its
                           next boot it stays out of service. */
    OPERATOR_EDIT = 14, /* rows of CONF, as one transaction: client,
                           sequence, rows */
    OPERATOR_SHOW_ROUTES = 15,
    OPERATOR_SHOW_FIB = 16, /* of 'module'; MODULE_NONE: a summary of every
                               card, and of the table they should have */
    OPERATOR_VERB_END
};

struct operator_req {
    enum operator_verb verb;
    uint64_t client;   /* WRITE, READ: names the row; EDIT: who retries */
    uint64_t sequence; /* WRITE, EDIT: makes a retry harmless */
    uint64_t value;    /* WRITE, LOCATE */
    uint16_t module;   /* system-wide module id */
    char serial[FACTS_SERIAL_MAX];
    /* EDIT: rows as store_row_add() makes them (owner and version 0), of
     * TABLE_INTERFACE and TABLE_ROUTE: at most STORE_TXN_OPS_MAX.
     * SHOW_ROUTES, SHOW_FIB: nothing, or the prefix (prefix_write()) behind
     * which the answer begins: an answer that is 'cut' is gone on with.
     * Lent. */
    const uint8_t *rows;
    size_t rows_size;
};
/* Bytes of a request without its rows, and of rows at most: what they become
 * fits a transaction (STORE_TXN_BYTES_MAX). */
#define OPERATOR_REQ_MAX 128u
#define OPERATOR_ROWS_MAX 40000u
#define OPERATOR_ROUTES_MAX 100u /* of one answer: a quantum has room */

struct operator_module {
    uint16_t module;
    uint64_t key;
    char serial[FACTS_SERIAL_MAX];
    bool up, forwarding, drained, removed, locate;
    enum module_how how;
};
#define OPERATOR_MODULES_MAX 256u

/* One row. */
struct operator_cluster {
    uint64_t cluster_id;
    uint64_t active, standby;     /* keys; 0: none */
    uint16_t modules[ROLE_COUNT]; /* that hold a number */
    uint16_t up[ROLE_COUNT];
    uint16_t pool_size[ROLE_COUNT];
    uint16_t forwarding;
    uint16_t drained;
};

enum operator_controller_state {
    CONTROLLER_ACTIVE,
    CONTROLLER_STANDBY,
    CONTROLLER_ARBITER,
    CONTROLLER_AWAY,
    CONTROLLER_STATE_COUNT
};

struct operator_controller {
    uint16_t module;
    uint64_t key;
    char serial[FACTS_SERIAL_MAX];
    enum operator_controller_state state;
};

struct operator_alarm {
    uint16_t module; /* whose box raised it; MODULE_NONE: unknown */
    enum alarm_code code;
    uint16_t item; /* of that box; of the cluster: module or role */
    enum severity severity;
    int64_t value;
    uint64_t since_wall_ns; /* 0: unknown */
};
/* A route of a controller's table, or of the ASIC of a card. */
struct operator_route {
    struct fwd_prefix prefix;
    bool connected;         /* SHOW_ROUTES: else static */
    struct fwd_group group; /* count 0: discard; id 0 in SHOW_ROUTES */
};

enum operator_fib_state {
    FIB_CONSISTENT, /* RIB = FIB = ASIC */
    FIB_BEHIND,     /* writes are under way, or a snapshot is */
    FIB_DIFFERENT,
    FIB_SILENT, /* no answer in time */
    FIB_STATE_COUNT
};

/* A card against the table it should have.  The first row of the answer is
 * that table itself, with MODULE_NONE. */
struct operator_fib {
    uint16_t module;
    enum operator_fib_state state;
    struct fib_sum fib, asic;
    uint64_t pending, failed; /* writes */
};
/* Rows and their head fit one message of the control lane. */
#define OPERATOR_REPLY_MAX 60000u

struct operator_rep {
    int status; /* 0 or enum err; ERR_NOT_LEADER: ask 'leader' */
    enum operator_verb verb;
    uint64_t leader;
    uint64_t value; /* READ; ERR_NOT_LEADER: the leader's module id + 1, or 0
                       when it is unknown */
    uint64_t term;
    bool cut; /* SHOW: there are more rows than fit */
    /* SHOW: rows follow; read them with operator_module_read() and the
     * like. */
};

void operator_req_write(struct wire_writer *writer,
                        const struct operator_req *req);
MUST_USE int operator_req_read(struct wire_reader *reader,
                               struct operator_req *req);
void operator_rep_write(struct wire_writer *writer,
                        const struct operator_rep *rep);
MUST_USE int operator_rep_read(struct wire_reader *reader,
                               struct operator_rep *rep);
void operator_module_write(struct wire_writer *writer,
                           const struct operator_module *module);
/* Readers of rows: ERR_NOENT at the end. */
MUST_USE int operator_module_read(struct wire_reader *reader,
                                  struct operator_module *module);
void operator_cluster_write(struct wire_writer *writer,
                            const struct operator_cluster *cluster);
MUST_USE int operator_cluster_read(struct wire_reader *reader,
                                   struct operator_cluster *cluster);
void operator_controller_write(struct wire_writer *writer,
                               const struct operator_controller *controller);
MUST_USE int operator_controller_read(struct wire_reader *reader,
                                      struct operator_controller *controller);
void operator_alarm_write(struct wire_writer *writer,
                          const struct operator_alarm *alarm);
MUST_USE int operator_alarm_read(struct wire_reader *reader,
                                 struct operator_alarm *alarm);
void operator_route_write(struct wire_writer *writer,
                          const struct operator_route *route);
MUST_USE int operator_route_read(struct wire_reader *reader,
                                 struct operator_route *route);
void operator_fib_write(struct wire_writer *writer,
                        const struct operator_fib *fib);
MUST_USE int operator_fib_read(struct wire_reader *reader,
                               struct operator_fib *fib);
/* Bytes of one on the wire, at most. */
#define OPERATOR_ROUTE_BYTES_MAX 96u
#define OPERATOR_FIB_BYTES_MAX 96u

#endif
