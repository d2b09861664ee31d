/* SPDX-License-Identifier: Apache-2.0
 *
 * The cluster plan: what the installer knows and the first leader loads into
 * an empty store.  It is the blob "plan" of the controllers (plat.h); a
 * cluster without one works, and numbers its boxes as they come.
 */
#ifndef NOS_SCHEMA_PLAN_H
#define NOS_SCHEMA_PLAN_H

#include "reference-nos/base/wire.h"
#include "reference-nos/schema/tables.h"

/* In this order: one cluster row, then plan rows, then cables. */
void plan_begin(struct wire_writer *writer, const struct cluster_row *cluster,
                unsigned module_count, unsigned cable_count);
void plan_module_write(struct wire_writer *writer,
                       const struct module_key *key,
                       const struct plan_row *row);
void plan_cable_write(struct wire_writer *writer, const struct cable_key *key,
                      const struct cable_row *row);

MUST_USE int plan_read(struct wire_reader *reader, struct cluster_row *cluster,
                       unsigned *module_count, unsigned *cable_count);
MUST_USE int plan_module_read(struct wire_reader *reader,
                              struct module_key *key, struct plan_row *row);
MUST_USE int plan_cable_read(struct wire_reader *reader, struct cable_key *key,
                             struct cable_row *row);

#endif
