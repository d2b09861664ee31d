/* SPDX-License-Identifier: Apache-2.0
 *
 * What the files of the test world share.
 */
#ifndef NOS_STORE_STORE_TESTWORLD_PRIV_H
#define NOS_STORE_STORE_TESTWORLD_PRIV_H

#include "reference-nos/store/store.h"
#include "reference-nos/store/store_testworld.h"

#define SESSION_MARK 0xff

/* On its way; lane LANE_COUNT: a completion of the disk of 'to'. */
struct packet {
    uint64_t at_ns;
    uint64_t sequence;
    unsigned to;
    enum lane lane;
    size_t size;
    uint64_t from;
    struct packet *next;
    uint8_t bytes[];
};

static inline struct box *
box_of(struct plat *plat)
{
    return (struct box *)plat;
}

static inline uint64_t
box_now_ns(const struct box *box)
{
    uint64_t now_ns = box->world->now_ns;

    return (now_ns > box->clock_ns ? now_ns : box->clock_ns) + box->charged_ns;
}

/* store_testworld.c */
void box_work(struct box *box);
void packet_add(struct world *world, struct packet *packet);

/* store_testdoor.c */
extern const struct plat_ops world_plat_ops;
void file_apply(struct file *file, const struct file_op *op, size_t part);
void op_free(struct file_op *op);
void disk_done(struct box *box);

/* store_testprobe.c: bus, store, probe */
extern const struct actor_kind *const world_kinds[3];
void world_post(struct world *world, struct box *from, unsigned to,
                const struct actor_message *message);
struct mirror_row *mirror_find(struct probe *probe,
                               const struct store_row *row);

#endif
