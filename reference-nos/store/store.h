/* SPDX-License-Identifier: Apache-2.0
 *
 * The store: rows that services share, on every box.
 *
 * CONF     replicated by consensus on the voters; other boxes hold a replica
 *          of what members need, streamed from the active controller.
 * STATE    written by one box each, kept there, copied to the controllers.
 * Contract reference-nos/schema/store_msg.h.
 * Voters   boxes whose own key is among the voters of their facts.  Another
 *          controller or NCM becomes one when it is added (MSG_STORE_VOTER),
 *          and then is one after each boot; until then it has a replica.
 * Damage   a voter whose disk is corrupt says so (TRACE_ALARM) and lives on
 *          as a box without a vote.
 */
#ifndef NOS_STORE_STORE_H
#define NOS_STORE_STORE_H

#include "reference-nos/runtime/actor.h"

/* Written bounds, besides those of rows.h, machine.h and disk.h. */
#define STORE_TXNS_MAX 256u /* waiting for consensus */
#define STORE_READS_MAX 64u /* waiting for consensus */
#define STORE_STATE_ROWS_MAX 32768u
#define STORE_STATE_BYTES_MAX (8u * 1024u * 1024u)
#define STORE_OWNERS_MAX 512u      /* boxes whose STATE is copied here */
#define STORE_SUBSCRIBERS_MAX 512u /* boxes that CONF is streamed to */
#define STORE_SNAPSHOT_ENTRIES 512u
#define STORE_LOG_BYTES_MAX (8u * 1024u * 1024u)
#define STORE_MEMORY_BYTES_MAX (64u * 1024u * 1024u)

extern const struct actor_kind store_kind;

#endif
