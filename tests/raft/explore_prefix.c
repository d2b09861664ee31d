/* SPDX-License-Identifier: Apache-2.0
 *
 * Where a search may begin, and a state in words.
 */
#include "tests/raft/explore_world.h"

#include <stdio.h>

#include "reference-nos/base/check.h"

static void
act(struct explore_world *world, enum explore_act what, unsigned at)
{
    explore_act(world, (struct explore_action){(uint8_t)what, (uint8_t)at});
}

/* Delivers and persists among the servers in 'set', dropping what goes
 * elsewhere, until nothing is left or server 'leader' leads ('ready': has
 * committed). */
static void
settle(struct explore_world *world, unsigned set, unsigned leader, bool ready)
{
    for (;;) {
        const struct raft *raft = world->server[leader].core->raft;
        struct explore_action action = {ACT_PERSIST, 0};

        if (ready ? raft_is_ready(raft) : raft_role(raft) == RAFT_LEADER)
            return;
        while (action.at < world->limits->servers &&
               !(set >> action.at & 1 && world->server[action.at].write_count))
            action.at++;
        if (action.at == world->limits->servers) {
            if (!world->wire_count)
                return;
            action.at = 0;
            action.act = set >> (world->wire[0].message.to - 1) & 1
                             ? ACT_DELIVER
                             : ACT_DROP;
        }
        explore_act(world, action);
    }
}

static void
flush(struct explore_world *world, unsigned s)
{
    world->wire_count = 0;
    while (world->server[s].write_count)
        act(world, ACT_PERSIST, s);
    world->wire_count = 0;
}

void
explore_led(struct explore_world *world)
{
    const struct explore_limits *limits = world->limits;
    struct explore_limits open = *limits;

    open.wire = WIRE_MAX;
    world->limits = &open;
    act(world, ACT_TIMEOUT, 0);
    settle(world, 7, 0, true);
    for (unsigned s = 0; s < limits->servers; s++)
        flush(world, s);
    world->timeouts = 0;
    world->crashes = 0;
    world->limits = limits;
}

void
explore_split(struct explore_world *world)
{
    const struct explore_limits *limits = world->limits;
    struct explore_limits open = *limits;

    CHECK(limits->servers == 3);
    open.wire = WIRE_MAX;
    world->limits = &open;
    explore_led(world);
    world->limits = &open;
    act(world, ACT_PROPOSE, 0);
    flush(world, 0);
    act(world, ACT_CRASH, 0);
    for (unsigned s = 1; s < 3; s++)
        act(world, ACT_AGE, s);
    act(world, ACT_TIMEOUT, 1);
    settle(world, 6, 1, false);
    flush(world, 1);
    act(world, ACT_CRASH, 1);
    flush(world, 2);
    act(world, ACT_RESTART, 0);
    world->wire_count = 0;
    world->timeouts = 0;
    world->crashes = 0;
    world->limits = limits;
}

void
explore_figure_8(struct explore_world *world)
{
    const struct explore_limits *limits = world->limits;
    struct explore_limits open = *limits;

    explore_split(world);
    open.wire = WIRE_MAX;
    world->limits = &open;
    for (unsigned i = 0; i < 2; i++) {
        /* The first time it only learns the higher term. */
        act(world, ACT_TIMEOUT, 0);
        settle(world, 5, 0, false);
    }
    CHECK(explore_role(world, 0) == RAFT_LEADER);
    world->timeouts = 0;
    world->crashes = 0;
    world->limits = limits;
}

void
explore_print(const struct explore_world *world)
{
    static const char *const roles[] = {"?", "follower", "precandidate",
                                        "candidate", "leader"};

    for (unsigned s = 0; s < world->limits->servers; s++) {
        const struct explore_server *server = &world->server[s];

        printf("  server %u: ", s + 1);
        if (!server->core) {
            printf("down, disk term %u, %u entries\n", server->term,
                   server->entry_count);
            continue;
        }
        printf("%s, term %llu, commit %llu, log",
               roles[explore_role(world, s)],
               (unsigned long long)raft_term(server->core->raft),
               (unsigned long long)raft_commit_index(server->core->raft));
        for (uint64_t i = 1; i <= raft_last_index(server->core->raft); i++) {
            const struct raft_entry *entry = raft_entry(server->core->raft, i);
            const uint8_t *data = entry->data;

            printf(" %llu:%u", (unsigned long long)entry->term,
                   entry->size ? data[0] : 0u);
        }
        printf(", %u writes under way\n", server->write_count);
    }
    printf("  %u messages under way\n", world->wire_count);
}
