/* SPDX-License-Identifier: Apache-2.0
 *
 * Boxes and links come and go.  What happens at a card's own link it knows at
 * once; of links behind a fabric box reachability cells tell it later.
 */
#include "models/plane/plane_priv.h"

struct loss {
    struct data_plane *plane;
    enum plane_drop cause;
};

static void
cell_gone(void *context, const struct engine_item *item)
{
    const struct loss *loss = context;
    struct data_plane *plane = loss->plane;
    struct card *card = &plane->cards[word_bits(item->word, 0, 8)];

    plane_cell_lost(&plane->parts[card->part], card, item->ref, loss->cause);
}

/* What is on the cable, and in the queues before it, is lost. */
static void
cable_clear(struct data_plane *plane, const struct cable *cable,
            enum plane_drop cause)
{
    struct card_link *up = &plane->cards[cable->card].link[cable->card_port];
    struct ncf_link *down = &plane->ncfs[cable->ncf].link[cable->ncf_port];
    struct loss loss = {plane, cause};

    engine_line_clear(plane->engine, up->line, cell_gone, &loss);
    engine_line_clear(plane->engine, down->line, cell_gone, &loss);
    up->free_ps = 0;
    down->free_ps = 0;
}

static void
reach_tell(struct data_plane *plane, uint64_t now_ps)
{
    uint64_t at_ps = now_ps + plane->asic->reach_ps;
    struct engine_item item = {.word = at_ps};

    for (unsigned i = 0; i < plane->card_count; i++) {
        struct card *card = &plane->cards[i];

        if (card->reach_last_ps == at_ps)
            continue;
        card->reach_last_ps = at_ps;
        engine_push(plane->parts[card->part].engine, card->reach_line, at_ps,
                    item);
    }
}

void
plane_reach_due(struct engine_part *engine, uint32_t owner,
                const struct engine_item *item)
{
    struct plane_part *part = plane_part_of(engine);

    (void)item;
    plane_update_card(part->plane, &part->plane->cards[owner]);
}

static bool
cable_check(struct data_plane *plane, struct cable *cable,
            enum plane_drop cause)
{
    uint64_t now_ps = engine_now_ps(plane->parts[0].engine);
    bool lit = cable->card_light && cable->ncf_light &&
               plane->cards[cable->card].alive &&
               plane->ncfs[cable->ncf].alive;

    if (lit == cable->lit)
        return false;
    if (cable->changed_ps + plane->asic->reach_ps <= now_ps)
        cable->was_lit = cable->lit;
    cable->changed_ps = now_ps;
    cable->lit = lit;
    if (!lit)
        cable_clear(plane, cable, cause);
    return true;
}

static void
changed(struct data_plane *plane)
{
    plane->ordering |= plane->ran;
    plane_update_all(plane);
    if (plane->ran) {
        reach_tell(plane, engine_now_ps(plane->parts[0].engine));
        return;
    }
    /* Nothing runs yet: as it is, it always was. */
    for (unsigned i = 0; i < plane->plan->cable_count; i++)
        plane->cables[i].was_lit = plane->cables[i].lit;
    plane_update_all(plane);
}

/* ---- boxes -------------------------------------------------------------- */

/* Nobody asks for what the card wanted to send. */
static void
requests_forget(struct data_plane *plane, unsigned source)
{
    for (unsigned i = 0; i < plane->end_count; i++) {
        struct card *card = &plane->cards[plane->ends[i].card];
        struct egress_port *port = plane_exit_port(card, i);

        for (unsigned j = 0; j < ASIC_CLASSES; j++) {
            if (port->classes[j].streams != NULL)
                port->classes[j].streams[source].wanted = 0;
        }
    }
}

static void
card_tables_clear(struct card *card)
{
    card->forwarding = false;
    for (unsigned i = 0; i < FWD_MODULES_MAX; i++)
        card->programmed[i] = 0;
    for (unsigned i = 0; i < card->ports; i++)
        card->egress[i].up = false;
    plane_fib_clear(&card->fib);
    plane_groups_clear(&card->groups);
    card->epoch++;
}

static void
card_die(struct data_plane *plane, struct card *card)
{
    struct plane_part *part = &plane->parts[card->part];

    card_tables_clear(card);
    for (unsigned i = 0; i < card->ports; i++) {
        struct egress_port *port = &card->egress[i];

        for (unsigned j = 0; j < ASIC_CLASSES; j++) {
            for (unsigned k = 0;
                 port->classes[j].streams != NULL && k < plane->card_count;
                 k++)
                port->classes[j].streams[k].wanted = 0;
        }
        plane_egress_flush(part, card, i, PLANE_DROP_BOX_DOWN);
    }
    for (uint32_t i = 0; i < card->voq_count; i++)
        plane_voq_flush(part, card, &card->voqs[i], PLANE_DROP_BOX_DOWN);
    plane_reassembly_flush(part, card);
    requests_forget(plane, card->index);
    card->onchip_bytes = 0;
    card->deep_bytes = 0;
    card->write_free_ps = 0;
    card->read_free_ps = 0;
    engine_line_clear(plane->engine, card->deep_line, NULL, NULL);
}

static void
ncf_die(struct ncf *ncf)
{
    ncf->forwarding = false;
    for (unsigned i = 0; i < FWD_MODULES_MAX; i++)
        ncf->programmed[i] = 0;
}

void
plane_box_set(struct data_plane *plane, unsigned box, bool alive)
{
    struct card *card = NULL;
    struct ncf *ncf = NULL;

    CHECK(box < plane->plan->box_count);
    if (plane->card_of_box[box] != UINT16_MAX)
        card = &plane->cards[plane->card_of_box[box]];
    else if (plane->ncf_of_box[box] != UINT16_MAX)
        ncf = &plane->ncfs[plane->ncf_of_box[box]];
    else
        return; /* carries no packets */
    if ((card != NULL ? card->alive : ncf->alive) == alive)
        return;
    if (card != NULL)
        card->alive = alive;
    else
        ncf->alive = alive;
    for (unsigned i = 0; i < plane->plan->cable_count; i++) {
        struct cable *cable = &plane->cables[i];

        if (card != NULL ? cable->card == card->index
                         : cable->ncf == ncf->index)
            (void)cable_check(plane, cable,
                              card != NULL ? PLANE_DROP_BOX_DOWN
                                           : PLANE_DROP_FABRIC);
    }
    for (unsigned i = 0; alive && card != NULL && i < plane->card_count; i++)
        plane_voq_renew(&plane->parts[plane->cards[i].part], &plane->cards[i],
                        card->index);
    if (!alive && card != NULL)
        card_die(plane, card);
    else if (!alive)
        ncf_die(ncf);
    changed(plane);
}

void
plane_link_set(struct data_plane *plane, unsigned box, unsigned fabric_port,
               bool light)
{
    CHECK(box < plane->plan->box_count);
    for (unsigned i = 0; i < plane->plan->cable_count; i++) {
        struct cable *cable = &plane->cables[i];
        const struct plan_cable *plan = &plane->plan->cables[i];

        if (plan->ncp_box == box && plan->ncp_port == fabric_port)
            cable->card_light = light;
        else if (plan->ncf_box == box && plan->ncf_port == fabric_port)
            cable->ncf_light = light;
        else
            continue;
        if (cable_check(plane, cable, PLANE_DROP_LINK))
            changed(plane);
        return;
    }
}
