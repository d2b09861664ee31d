/* SPDX-License-Identifier: Apache-2.0
 *
 * Rows of routing: interface addresses and static routes in CONF, and the
 * groups and routes that controllers stream to cards (fib_msg.h).
 *
 * Keys and values are canonical: there is one way to write each.  Decoders
 * accept any bytes and answer ERR_TRUNCATED, ERR_MALFORMED or ERR_RANGE.
 */
#ifndef NOS_SCHEMA_ROUTES_H
#define NOS_SCHEMA_ROUTES_H

#include "reference-nos/base/wire.h"
#include "reference-nos/platform/prefix.h"
#include "reference-nos/schema/tables.h"

#define INTERFACE_ADDRESSES_MAX 8u /* of one front port */
#define INTERFACE_PORTS_MAX 256u   /* front ports of a module */

/* An address is a prefix of full length. */
struct interface_address {
    struct fwd_prefix ip; /* full length */
    uint8_t length;       /* of its subnet, 1 .. 32 or 128 */
};

/* TABLE_INTERFACE: the addresses of a front port. */
struct interface_key {
    uint16_t module; /* system-wide id */
    uint16_t port;   /* below INTERFACE_PORTS_MAX */
};
struct interface_row {
    unsigned count; /* 1 .. INTERFACE_ADDRESSES_MAX */
    struct interface_address addresses[INTERFACE_ADDRESSES_MAX];
};

/* TABLE_ROUTE: fwd_prefix -> struct static_row. */
struct static_row {
    bool discard;
    unsigned count; /* 1 .. FWD_HOPS_MAX; 0 when discard */
    /* Of the family of the prefix, growing. */
    struct fwd_prefix hops[FWD_HOPS_MAX];
};

/* TABLE_FIB_GROUP: u64 name -> hops, growing.  The name is
 * prefix_group_hash() of the hops, so it is the same whoever computes it. */
/* TABLE_FIB_ROUTE: fwd_prefix -> u64 name of its group. */
#define FIB_DISCARD 0u /* no name of a group */

/* The subnet of an interface's address. */
struct fwd_prefix interface_subnet(const struct interface_address *address);

void interface_key_encode(const struct interface_key *key,
                          struct key_bytes *out);
MUST_USE int interface_key_decode(const uint8_t *bytes, size_t size,
                                  struct interface_key *key);
void interface_row_encode(const struct interface_row *row,
                          struct row_bytes *out);
MUST_USE int interface_row_decode(const uint8_t *bytes, size_t size,
                                  struct interface_row *row);
void prefix_key_encode(const struct fwd_prefix *prefix, struct key_bytes *out);
MUST_USE int prefix_key_decode(const uint8_t *bytes, size_t size,
                               struct fwd_prefix *prefix);
void static_row_encode(const struct static_row *row, struct row_bytes *out);
MUST_USE int static_row_decode(const uint8_t *bytes, size_t size,
                               struct static_row *row);
void name_key_encode(uint64_t name, struct key_bytes *out);
MUST_USE int name_key_decode(const uint8_t *bytes, size_t size,
                             uint64_t *name);
/* 'group->id' is not part of it. */
void group_row_encode(const struct fwd_group *group, struct row_bytes *out);
MUST_USE int group_row_decode(const uint8_t *bytes, size_t size,
                              struct fwd_group *group);
void fib_route_encode(uint64_t name, struct row_bytes *out);
MUST_USE int fib_route_decode(const uint8_t *bytes, size_t size,
                              uint64_t *name);

/* Is this a row of CONF that an operator may set: TABLE_INTERFACE or
 * TABLE_ROUTE, well formed, and the hops of the family of the prefix? */
MUST_USE int route_conf_check(enum table table, const uint8_t *key,
                              size_t key_size, const uint8_t *value,
                              size_t value_size, bool deleted);

/* A prefix on the wire, and in keys. */
void prefix_write(struct wire_writer *writer, const struct fwd_prefix *prefix);
void prefix_read(struct wire_reader *reader, struct fwd_prefix *prefix);

#endif
