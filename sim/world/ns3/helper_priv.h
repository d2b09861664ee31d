/* SPDX-License-Identifier: Apache-2.0
 *
 * Talking with the helper process.
 */
#ifndef SIM_WORLD_NS3_HELPER_PRIV_H
#define SIM_WORLD_NS3_HELPER_PRIV_H

#include "sim/world/ns3/ns3.h"
#include "sim/world/ns3/wire.h"

/* Begins a message to the helper; the next call ends it. */
struct ns3_wire *helper_begin(struct ns3_helper *helper,
                              enum ns3_message message);
void helper_end(struct ns3_helper *helper);

/* Sends what was begun and ended since, and waits for an answer of the kind
 * 'message'.  NULL: broken.  The answer is valid until the next call. */
struct ns3_wire *helper_ask(struct ns3_helper *helper,
                            enum ns3_message message);

/* The first reason why the helper cannot be used any more, or NULL. */
const char *helper_broken(const struct ns3_helper *helper);
void helper_break(struct ns3_helper *helper, const char *why);

#endif
