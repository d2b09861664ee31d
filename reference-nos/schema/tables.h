/* SPDX-License-Identifier: Apache-2.0
 *
 * Tables and rows that services share.
 *
 * CONF tables are replicated by consensus.  STATE tables have one writer per
 * row, the box that owns it.  A row is (table, key bytes, value bytes); the
 * codecs here turn keys and values into structs.  Decoders accept any bytes
 * and answer ERR_TRUNCATED, ERR_MALFORMED or ERR_RANGE.
 */
#ifndef NOS_SCHEMA_TABLES_H
#define NOS_SCHEMA_TABLES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "reference-nos/base/compiler.h"
#include "reference-nos/platform/plat.h"

enum table {
    /* CONF */
    TABLE_CLUSTER = 1,   /* one row: struct cluster_row */
    TABLE_PLAN = 2,      /* module_key -> struct plan_row */
    TABLE_CABLING = 3,   /* struct cable_key -> struct cable_row: the plan */
    TABLE_MODULE = 4,    /* module_key -> struct module_row */
    TABLE_ROLE = 5,      /* one row: struct active_row, tied to a term */
    TABLE_PROBE = 6,     /* an operator's test rows; voters only */
    TABLE_INTERFACE = 7, /* struct interface_key -> struct interface_row */
    TABLE_ROUTE = 8,     /* fwd_prefix -> struct static_row */
    /* Rows of the streams to cards (fib_msg.h), in no store. */
    TABLE_FIB_GROUP = 62,
    TABLE_FIB_ROUTE = 63,
    TABLE_CONF_END = 64,
    /* STATE */
    TABLE_SEEN = 64,   /* u16 port -> struct seen_row: far end of a cable */
    TABLE_ALARM = 65,  /* u8 code, u16 item -> struct alarm_row */
    TABLE_HEALTH = 66, /* one row per box: struct health_row */
    TABLE_REACH = 67,  /* u16 module id -> struct reach_row, if degraded */
    TABLE_END = 128
};

/* Tables that every member needs (bit = table). */
#define TABLES_FOR_MEMBERS                                                    \
    ((1ull << TABLE_CLUSTER) | (1ull << TABLE_MODULE) | (1ull << TABLE_ROLE))

#define ROW_KEY_MAX 32u
#define ROW_VALUE_MAX 4096u

/* System-wide module id: a range for each role, then the number. */
#define MODULE_NONE 0xffffu
#define MODULE_POOL_NCC 8u
#define MODULE_POOL_NCM 8u
#define MODULE_POOL_NCF 48u
#define MODULE_POOL_NCP 192u

/* MODULE_NONE when 'number' is outside the pool of 'role'. */
uint16_t module_id(enum role role, uint16_t number);
/* ERR_RANGE when 'id' is no module id. */
MUST_USE int module_of_id(uint16_t id, enum role *role, uint16_t *number);

struct module_key {
    enum role role;
    uint16_t number;
};

struct cluster_row {
    uint64_t cluster_id;
    uint32_t tombstone_s;           /* before a number is used again */
    uint16_t pool_size[ROLE_COUNT]; /* numbers 0 .. pool_size - 1 */
};

struct plan_row {
    char serial[FACTS_SERIAL_MAX]; /* "" when no serial is planned */
};

struct cable_key {
    uint16_t ncp_number;
    uint16_t ncp_port;
};

struct cable_row {
    uint16_t ncf_number;
    uint16_t ncf_port;
};

struct module_row {
    uint64_t key; /* 0 once removed, or given up for a replacement */
    char serial[FACTS_SERIAL_MAX];
    enum module_how how;
    bool drained;        /* operator's wish */
    bool removed;        /* a tombstone: the number rests */
    bool locate;         /* operator's wish: locate LED blinks */
    uint64_t former_key; /* who held the number before, or 0 */
};

struct active_row {
    uint64_t key;
    uint64_t term;
};

struct seen_row {
    uint64_t peer_key;
    uint16_t peer_port;
    enum role peer_role;
};

struct alarm_row {
    enum severity severity;
    int64_t value;
    uint64_t since_wall_ns;
};

struct health_row {
    bool forwarding;
    uint16_t fabric_links_up;
    uint16_t fan_rpm_percent;
    int32_t hottest_mc;
    enum reboot_cause reboot_cause;
    uint32_t service_restarts;
};

struct reach_row {
    uint16_t links;
    uint16_t nominal;
};

/* A key or a value as bytes. */
struct row_bytes {
    uint16_t size;
    uint8_t bytes[ROW_VALUE_MAX];
};
struct key_bytes {
    uint8_t size;
    uint8_t bytes[ROW_KEY_MAX];
};

/* Encoders cannot fail: every struct fits. */
void module_key_encode(const struct module_key *key, struct key_bytes *out);
MUST_USE int module_key_decode(const uint8_t *bytes, size_t size,
                               struct module_key *key);
void cable_key_encode(const struct cable_key *key, struct key_bytes *out);
MUST_USE int cable_key_decode(const uint8_t *bytes, size_t size,
                              struct cable_key *key);
void port_key_encode(uint16_t port, struct key_bytes *out);
MUST_USE int port_key_decode(const uint8_t *bytes, size_t size,
                             uint16_t *port);
void alarm_key_encode(enum alarm_code code, uint16_t item,
                      struct key_bytes *out);
MUST_USE int alarm_key_decode(const uint8_t *bytes, size_t size,
                              enum alarm_code *code, uint16_t *item);

void cluster_row_encode(const struct cluster_row *row, struct row_bytes *out);
MUST_USE int cluster_row_decode(const uint8_t *bytes, size_t size,
                                struct cluster_row *row);
void plan_row_encode(const struct plan_row *row, struct row_bytes *out);
MUST_USE int plan_row_decode(const uint8_t *bytes, size_t size,
                             struct plan_row *row);
void cable_row_encode(const struct cable_row *row, struct row_bytes *out);
MUST_USE int cable_row_decode(const uint8_t *bytes, size_t size,
                              struct cable_row *row);
void module_row_encode(const struct module_row *row, struct row_bytes *out);
MUST_USE int module_row_decode(const uint8_t *bytes, size_t size,
                               struct module_row *row);
void active_row_encode(const struct active_row *row, struct row_bytes *out);
MUST_USE int active_row_decode(const uint8_t *bytes, size_t size,
                               struct active_row *row);
void seen_row_encode(const struct seen_row *row, struct row_bytes *out);
MUST_USE int seen_row_decode(const uint8_t *bytes, size_t size,
                             struct seen_row *row);
void alarm_row_encode(const struct alarm_row *row, struct row_bytes *out);
MUST_USE int alarm_row_decode(const uint8_t *bytes, size_t size,
                              struct alarm_row *row);
void health_row_encode(const struct health_row *row, struct row_bytes *out);
MUST_USE int health_row_decode(const uint8_t *bytes, size_t size,
                               struct health_row *row);
void reach_row_encode(const struct reach_row *row, struct row_bytes *out);
MUST_USE int reach_row_decode(const uint8_t *bytes, size_t size,
                              struct reach_row *row);

#endif
