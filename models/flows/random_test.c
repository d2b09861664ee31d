/* SPDX-License-Identifier: Apache-2.0
 *
 * What holds whatever happens: every bit is delivered, dropped or in a queue;
 * nothing carries more than it can; steps of time do not matter.
 */
#include "models/flows/flows_priv.h"
#include "models/flows/flows_test.h"
#include "sim/kernel/random.h"

#define STEPS 80u

static uint64_t
draw(uint64_t seed, uint64_t n, uint64_t below)
{
    return random_draw(seed, 0, random_purpose("flows test"), n) % below;
}

/* ---- what holds --------------------------------------------------------- */

static void
check_volumes(const struct flows *flows)
{
    for (unsigned i = 0; i < flows->spec_count; i++) {
        const struct flow_spec *spec = flows->specs[i];
        i128 held = 0;

        flows_spec_advance((struct flows *)flows, flows->specs[i]);
        for (uint32_t j = 0; j < spec->demand_count; j++) {
            uint32_t part = flows->demands[spec->first_demand + j].parts;

            for (; part != FLOWS_NONE;
                 part = flows->parts[part].next_of_demand) {
                const struct flow_part *of = &flows->parts[part];
                const struct flow_queue *queue;

                ck_assert(of->held >= 0);
                if (of->queue == FLOWS_NONE)
                    continue;
                queue = &flows->queues[of->queue];
                held += of->held;
                held +=
                    (i128)(int64_t)(of->bps - of->refused_bps - of->out_bps) *
                    (i128)(flows->now_ns - queue->since_ns);
            }
        }
        for (unsigned j = 0; j < PLANE_DROP_COUNT; j++)
            held += (i128)spec->dropped[j];
        held += (i128)spec->delivered;
        ck_assert(held == (i128)spec->sent);
    }
}

/* No more than there is; a unit for each member that was rounded. */
static void
check_capacity(const struct flows *flows)
{
    for (unsigned i = 0; i < flows->end_count; i++) {
        uint64_t sum = 0;

        for (uint32_t j = flows->ports[i].queues; j != FLOWS_NONE;
             j = flows->queues[j].next_of_exit)
            sum += flows->queues[j].rate_bps;
        ck_assert_uint_le(sum, flows->port_bps);
    }
    for (unsigned i = 0; i < flows->card_count; i++) {
        const struct flow_card *card = &flows->cards[i];
        uint64_t out = 0, deep = 0;

        for (uint32_t j = card->queues; j != FLOWS_NONE;
             j = flows->queues[j].next_of_card) {
            const struct flow_queue *queue = &flows->queues[j];

            if (!flows_is_local(flows, queue))
                out += flows_scale(queue->rate_bps, queue->cell_ratio);
            if (queue->deep)
                deep += queue->rate_bps;
        }
        ck_assert_uint_le(out, card->out_bps);
        ck_assert_uint_le(deep, flows->asic->hbm_bps);
    }
}

/* ---- what happens ------------------------------------------------------- */

static void
change(struct rig *rig, uint64_t seed, uint64_t step)
{
    struct flows *flows = rig->flows;
    unsigned card = (unsigned)draw(seed, step * 8 + 1, 4);
    unsigned box = flows_end(flows, card * 40).box;
    unsigned ncf =
        rig_box(rig, draw(seed, step * 8 + 2, 2) ? "ncf-0" : "ncf-1");
    uint16_t port = (uint16_t)draw(seed, step * 8 + 3, 13);
    bool on = draw(seed, step * 8 + 4, 2) != 0;
    struct fwd_entry front = {.object = FWD_FRONT, .id = port, .value = on};
    struct fwd_entry forwards = {
        .object = FWD_BOX, .arg = (uint16_t)(box + 1), .value = on};
    struct fwd_route route = {.group =
                                  2 + (uint32_t)draw(seed, step * 8 + 5, 160)};

    switch (draw(seed, step * 8, 8)) {
    case 0: flows_box_set(flows, ncf, on); break;
    case 1: flows_box_set(flows, box, on); break;
    case 2:
    case 3: flows_link_set(flows, box, port, on); break;
    case 4: flows_entries_set(flows, box, &front, 1); break;
    case 5: flows_entries_set(flows, box, &forwards, 1); break;
    case 6:
        flows_address(flows, (unsigned)draw(seed, step * 8 + 6, 160),
                      &route.prefix);
        route.prefix.length = on ? 24 : 32;
        flows_routes_set(flows, box, &route, 1);
        break;
    default: flows_program(flows); break;
    }
}

static void
offer(struct rig *rig, uint32_t *ends)
{
    struct traffic_spec spec;

    ends_of(ends, 0, 160);
    spec = spec_of(TRAFFIC_UNIFORM, ends, 160, NULL, 0, 1518, 700000);
    (void)rig_add(rig, &spec);
    spec.traffic_class = 7;
    spec.load_ppm = 150000;
    spec.sizes[0].bytes = 230;
    spec.begin_ps = MS * 1000;
    (void)rig_add(rig, &spec);
    spec = spec_of(TRAFFIC_HOT_SPOT, ends, 100, ends + 60, 100, 594, 300000);
    spec.hot_ppm = 50000;
    spec.begin_ps = 3 * MS * 1000;
    spec.end_ps = 90 * MS * 1000;
    (void)rig_add(rig, &spec);
    spec = spec_of(TRAFFIC_PERMUTATION, ends, 80, NULL, 0, 64, 100000);
    spec.traffic_class = 3;
    (void)rig_add(rig, &spec);
}

static struct digest_value
play(uint64_t seed, unsigned cuts)
{
    struct rig rig;
    uint32_t ends[160];
    uint64_t at_ns = 0;
    struct digest_value value;

    rig_plan(&rig, "ddc-small");
    rig_start(&rig, false);
    offer(&rig, ends);
    for (unsigned i = 0; i < STEPS; i++) {
        uint64_t span_ns = draw(seed, i * 8 + 7, 2 * MS);

        for (unsigned j = 1; j < cuts; j++)
            rig_run(&rig, at_ns + span_ns * j / cuts);
        at_ns += span_ns;
        rig_run(&rig, at_ns);
        check_volumes(rig.flows);
        check_capacity(rig.flows);
        change(&rig, seed, i);
    }
    rig_run(&rig, at_ns + SECOND);
    check_volumes(rig.flows);
    value = flows_digest(rig.flows);
    rig_stop(&rig);
    return value;
}

START_TEST(holds)
{
    struct digest_value one = play((uint64_t)_i, 1);
    struct digest_value two = play((uint64_t)_i, 3);

    ck_assert(run_digest_equal(one, two));
}
END_TEST

Suite *
random_suite(void)
{
    Suite *suite = suite_create("random");
    TCase *tcase = tcase_create("whatever happens");

    tcase_add_loop_test(tcase, holds, 0, 3);
    suite_add_tcase(suite, tcase);
    return suite;
}
