/* SPDX-License-Identifier: Apache-2.0
 *
 * The small cluster of the tests, and the program around them.
 */
#include "sim/world/des/des_test.h"

#include <stdlib.h>
#include <string.h>

static void
listen(void *context, const struct observation *seen)
{
    struct small *small = context;

    ck_assert_uint_lt(seen->box, small->plan->box_count);
    ck_assert(!simtime_before(seen->at, small->last) ||
              seen->kind == OBSERVE_TRACE || seen->kind == OBSERVE_LOG ||
              seen->kind == OBSERVE_REPLY);
    small->seen[seen->kind]++;
    if (small->hears != NULL)
        small->hears(NULL, seen);
    if (seen->kind == OBSERVE_BOX_ON)
        small->on_at[seen->box] = seen->at;
    else if (seen->kind == OBSERVE_BOX_READY)
        small->ready_at[seen->box] = seen->at;
    else if (seen->kind == OBSERVE_BOX_OFF)
        small->off_cause[seen->box] = seen->a;
    else if (seen->kind == OBSERVE_PORTS)
        small->ports[seen->box] = (unsigned)seen->a;
    else if (seen->kind == OBSERVE_LANES)
        small->lanes = *seen;
    if (seen->kind != OBSERVE_TRACE)
        return;
    small->traced[seen->trace.kind]++;
    small->trace[seen->trace.kind] = seen->trace;
    small->traced_box[seen->trace.kind] = seen->box;
}

static void
make(struct small *small, const struct cluster_options *cluster, uint64_t seed)
{
    struct des_options options = {
        .seed = seed, .listener = listen, .listener_context = small};
    char message[256];

    memset(small, 0, sizeof(*small));
    ck_assert_int_eq(cluster_plan_create(TEST_DATA_DIR, cluster, seed,
                                         &small->plan, message,
                                         sizeof(message)),
                     0);
    for (unsigned i = 0; i < COST_COUNT; i++)
        options.costs_ns[i] = cost_default_ns(i);
    options.plan = small->plan;
    options.checkpoint_events = 1000;
    ck_assert_int_eq(des_create(&options, &small->world), 0);
    small->des = CONTAINER_OF(small->world, struct des, world);
}

void
small_make(struct small *small, uint64_t seed)
{
    struct cluster_options cluster = {.preset = "ddc-small",
                                      .spare_ncp_count = 1};

    make(small, &cluster, seed);
}

void
small_make_router(struct small *small, uint64_t seed)
{
    struct cluster_options cluster = {.preset = "router"};

    make(small, &cluster, seed);
}

static bool
up(const struct small *small)
{
    return small->seen[OBSERVE_BOX_READY] + 1 == small->plan->box_count &&
           small_in_service(small);
}

void
small_boot(struct small *small, uint64_t seed)
{
    small_make(small, seed);
    for (unsigned i = 0; i + 1 < small->plan->box_count; i++)
        INJECT(small, small->plan->boxes[i].name, .kind = WORLD_BOX_POWER_ON);
    for (unsigned i = 0; i < 600 && !up(small); i++)
        small_run_ms(small, 1000);
    ck_assert(up(small));
    small_run_ms(small, 10000);
}

/* Whatever happened: no box and no service left memory behind. */
void
small_destroy(struct small *small)
{
    ck_assert_uint_eq(small->seen[OBSERVE_LEAK], 0);
    small->world->ops->destroy(small->world);
    cluster_plan_destroy(small->plan);
}

struct des_box *
small_box(struct small *small, const char *name)
{
    unsigned slot = cluster_plan_find(small->plan, name);

    ck_assert_uint_lt(slot, small->plan->box_count);
    return &small->des->boxes[slot];
}

void
small_run_ms(struct small *small, uint64_t span_ms)
{
    struct simtime until = simtime_add(small->world->ops->now(small->world),
                                       simtime_from_ms(span_ms));

    ck_assert_int_eq(small->world->ops->run_until(small->world, until), 0);
    ck_assert_uint_eq(small->world->ops->now(small->world).ps, until.ps);
}

bool
small_in_service(const struct small *small)
{
    for (unsigned i = 0; i + 1 < small->plan->box_count; i++) {
        const struct plan_box *box = &small->plan->boxes[i];

        if (box->role == ROLE_NCP &&
            small->ports[i] != box->model->front_ports)
            return false;
    }
    return true;
}

int
small_inject(struct small *small, const char *name, struct world_fault fault)
{
    fault.box = small_box(small, name)->index;
    return small->world->ops->inject(small->world, &fault);
}

int
main(void)
{
    SRunner *runner = srunner_create(life_suite());
    int failed;

    srunner_add_suite(runner, faults_suite());
    srunner_add_suite(runner, identities_suite());
    srunner_add_suite(runner, lanes_suite());
    srunner_add_suite(runner, routes_suite());
    srunner_run_all(runner, CK_ENV);
    failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
