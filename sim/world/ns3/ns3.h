/* SPDX-License-Identifier: Apache-2.0
 *
 * World "ns3": the boxes of world des, over links and queues of ns-3.
 *
 * Helper     ns-3 runs in a process of its own, sixnines-ns3, which is
 *            GPL-2.0-only as ns-3 is and shares only wire.h with the rest.
 * Lock step  conservative: ns-3 says before which time nothing can arrive;
 *            the kernel goes no further without asking it again.
 * Payload    stays here; ns-3 sees sizes.
 * Branching  not possible: the network lives in another process.
 * Trust      what the helper says is checked; a helper that lies, dies or
 *            is silent for NS3_ANSWER_MAX_S breaks the network
 *            (mgmt_net_broken()), nothing else.
 * Equal      the same run twice is the same to the last bit.
 */
#ifndef SIM_WORLD_NS3_NS3_H
#define SIM_WORLD_NS3_NS3_H

#include "models/mgmt_net.h"
#include "models/queues/queues.h"
#include "reference-nos/base/compiler.h"
#include "reference-nos/base/err.h"

#define NS3_ANSWER_MAX_S 60

struct ns3_helper; /* Opaque. */

/* Starts the helper program at 'path'.  ERR_UNSUPPORTED with a message: it is
 * not there, does not start, or speaks another version. */
MUST_USE int ns3_helper_start(const char *path, struct ns3_helper **helper,
                              char *message, size_t message_size);
/* Ends it and waits for it; accepts NULL. */
void ns3_helper_stop(struct ns3_helper *helper);
/* Of ns-3, such as "3.37". */
const char *ns3_helper_version(const struct ns3_helper *helper);

/* The management network in ns-3: two switches, a point-to-point link from
 * each box to each, four drop-tail queues in strict priority per device.
 * Takes 'helper', which serves one network.  What lower lanes add to higher
 * ones is not measured in it: its accounts stay empty. */
struct mgmt_net *ns3_mgmt_net_create(struct ns3_helper *helper,
                                     struct kernel *kernel,
                                     const struct mgmt_net_options *options);

/* One packet of a leaf-spine. */
struct ns3_packet {
    uint64_t due_ps;
    uint32_t from, to;   /* numbers of hosts */
    uint32_t bytes;      /* without the link's overhead */
    uint64_t latency_ps; /* out; NS3_LOST: dropped, or still on its way */
};

#define NS3_LOST UINT64_MAX

struct ns3_leaf_spine_totals {
    uint64_t sent, delivered, dropped, held;
    uint64_t events; /* of ns-3 */
};

/* Runs a leaf-spine until 'until_ps' in ns-3, with these packets, which are
 * in the order of their due times.  Fixed spines, queues bounded in packets
 * or not at all, the same overhead on all links: else ERR_UNSUPPORTED, as ns-3
 * has nothing like it.  ERR_IO: helper_broken.  The helper serves one run;
 * 'helper' is taken. */
MUST_USE int ns3_leaf_spine_run(struct ns3_helper *helper,
                                const struct queues_leaf_spine *shape,
                                struct ns3_packet *packets, size_t count,
                                uint64_t until_ps,
                                struct ns3_leaf_spine_totals *totals,
                                char *message, size_t message_size);

#endif
