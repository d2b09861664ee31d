/* SPDX-License-Identifier: Apache-2.0
 *
 * A scenario's cluster in world ns3: the boxes of world des, over the links
 * and queues of ns-3.
 */
#include "sim/run/run_priv.h"
#include "sim/world/des/des.h"
#include "sim/world/ns3/ns3.h"

static struct mgmt_net *
net_create(void *context, struct kernel *kernel,
           const struct mgmt_net_options *options)
{
    return ns3_mgmt_net_create(context, kernel, options);
}

int
run_ns3_prepare(const struct run_options *options, struct des_options *des,
                char *message, size_t message_size)
{
    struct ns3_helper *helper;
    int err = ns3_helper_start(
        options->ns3_helper != NULL ? options->ns3_helper : "sixnines-ns3",
        &helper, message, message_size);

    if (err != 0)
        return err;
    des->name = world_kind_name(WORLD_NS3);
    des->net_create = net_create;
    des->net_context = helper;
    return 0;
}

void
run_ns3_undo(struct des_options *des)
{
    ns3_helper_stop(des->net_context);
    des->net_context = NULL;
}

bool
run_ns3_works(const char *path, char *text, size_t text_size)
{
    struct ns3_helper *helper;

    if (ns3_helper_start(path, &helper, text, text_size) != 0)
        return false;
    outcome_text(text, text_size, "links and queues of ns-3 %s",
                 ns3_helper_version(helper));
    ns3_helper_stop(helper);
    return true;
}
