/* SPDX-License-Identifier: Apache-2.0
 *
 * A cluster service driven by hand (cluster_test.h), over a small store that
 * answers its transactions and among boxes that ask, prove and say hello.
 * One bed, made anew by bed_open().
 */
#ifndef NOS_CLUSTER_MANAGER_TESTBED_H
#define NOS_CLUSTER_MANAGER_TESTBED_H

#include "reference-nos/cluster/cluster_test.h"
#include "reference-nos/schema/operator_msg.h"
#include "reference-nos/schema/store_msg.h"

#define BED_SELF 0xA0u
#define BED_TOMBSTONE_S 60u
#define BED_ROWS_MAX 256u

struct test_row {
    enum table table;
    struct key_bytes key;
    struct row_bytes value;
    uint64_t version;
};

struct bed {
    struct actor hand; /* the service, on box BED_SELF */
    struct test_row rows[BED_ROWS_MAX];
    unsigned row_count;
    uint64_t commit_index;
    uint64_t term;
    bool quorum; /* the store answers */
    uint8_t plan_bytes[4096];
};

struct test_box {
    uint64_t key;
    enum role role;
    const char *serial;
    uint64_t incarnation;
    unsigned cable_count;
    struct cable_seen cables[4];
};

extern struct bed bed;
extern const struct actor_address bed_from_store;
extern const struct test_box bed_box_1, bed_box_2, bed_box_3;
extern const struct test_box bed_box_p; /* its serial is planned */

/* The codec of this one is named after the message. */
#define store_role_change_write store_role_write

/* The fixture of each test: three NCP numbers, one of them planned. */
void bed_open(void);
void bed_close(void);

/* What the store says. */
void bed_lead(uint64_t new_term);
/* Answers every transaction that waits. */
void bed_settle(void);
/* Time passes; the store answers in between. */
void bed_run(uint64_t span_ns);
void bed_delta_send(unsigned flags, const struct test_row *list,
                    unsigned count);

/* What boxes do: ask and prove, say hello. */
void bed_ask(const struct test_box *box);
/* Why one was rejected, or 0. */
int bed_rejected(void);
void bed_hello(const struct test_box *box, uint16_t number);
/* The number it is offered, or MODULE_NONE. */
uint16_t bed_join(const struct test_box *box);
/* Two fabric boxes, with the keys 100 and 101. */
void bed_ncfs_join(void);

/* What operators do; the status of the reply. */
void bed_operate_begin(const struct operator_req *req);
int bed_operated(void);
int bed_operate(const struct operator_req *req);

#endif
