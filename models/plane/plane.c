/* SPDX-License-Identifier: Apache-2.0 */
#include "models/plane/plane.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "models/plane/plane_priv.h"

/* What taps and drops say is told at least this often. */
#define TELL_PS UINT64_C(100000000)
#define NAME_MAX_BYTES 24

int
plane_create(const struct plane_options *options, struct data_plane **out,
             char *message, size_t message_size)
{
    struct data_plane *plane = calloc(1, sizeof(*plane));
    int err;

    CHECK(plane != NULL && options->plan != NULL && options->asic != NULL);
    plane->own_bytes = sizeof(*plane);
    plane->plan = options->plan;
    plane->asic = options->asic;
    plane->seed = options->seed;
    err = plane_build(plane, options->threads, message, message_size);
    if (err != 0)
        plane_destroy(plane);
    else
        *out = plane;
    return err;
}

void
plane_destroy(struct data_plane *plane)
{
    if (plane == NULL)
        return;
    plane_stats_fini(plane);
    plane_unbuild(plane);
    for (unsigned i = 0; i < plane->flow_count; i++)
        free(plane->specs[i]);
    free(plane);
}

/* ---- ends --------------------------------------------------------------- */

unsigned
plane_ends(const struct data_plane *plane)
{
    return plane->end_count;
}

struct plane_end
plane_end(const struct data_plane *plane, unsigned end)
{
    CHECK(end < plane->end_count);
    return (struct plane_end){
        .box = plane->cards[plane->ends[end].card].box,
        .port = plane->ends[end].port,
        .bps = plane->ends[end].bps,
    };
}

unsigned
plane_end_find(const struct data_plane *plane, unsigned box, unsigned port)
{
    const struct card *card;

    if (box >= plane->plan->box_count || plane->card_of_box[box] == UINT16_MAX)
        return plane->end_count;
    card = &plane->cards[plane->card_of_box[box]];
    return port < card->ports ? card->first_end + port : plane->end_count;
}

void
plane_address(const struct data_plane *plane, unsigned end,
              struct fwd_prefix *host)
{
    CHECK(end < plane->end_count);
    *host = plane->addresses[end];
}

void
plane_address_set(struct data_plane *plane, unsigned end,
                  const struct fwd_prefix *host, bool routed)
{
    CHECK(end < plane->end_count);
    plane->addresses[end] = *host;
    plane->routed[end] = routed;
    for (unsigned i = 0; i < plane->card_count; i++)
        plane->cards[i].epoch++;
}

void
plane_return_set(struct data_plane *plane, unsigned end, bool returns)
{
    CHECK(end < plane->end_count);
    plane->ends[end].returns = returns;
}

/* ---- traffic ------------------------------------------------------------ */

/* Is a new source's packet due before the one picked, whose first bit is not
 * on the wire yet? */
static bool
goes_before(const struct data_plane *plane, const struct end *end,
            const struct end_source *source)
{
    const struct traffic_packet *picked = &end->sources[end->picked].next;
    uint64_t now_ps = engine_now_ps(plane->parts[0].engine);

    return source->more && source->next.due_ps < picked->due_ps &&
           end->in_at_ps - end->wire_ps[picked->bytes] > now_ps;
}

static void
source_add(struct data_plane *plane, unsigned from, unsigned spec,
           unsigned index)
{
    struct end *end = &plane->ends[from];
    struct end_source *source;

    end->sources =
        realloc(end->sources, (end->source_count + 1) * sizeof(*end->sources));
    CHECK(end->sources != NULL);
    source = &end->sources[end->source_count++];
    memset(source, 0, sizeof(*source));
    source->spec = (uint16_t)spec;
    traffic_source_init(&source->source, plane->specs[spec], index,
                        plane->stream_count++, end->bps, plane->seed);
    source->more = traffic_next(&source->source, &source->next);
    plane->own_bytes += sizeof(*source);
    if (end->picked >= 0) {
        if (!goes_before(plane, end, source))
            return;
        end->in_free_ps = end->in_before_ps;
    }
    plane_end_arm(plane, end);
}

int
plane_traffic_add(struct data_plane *plane, const struct traffic_spec *spec,
                  unsigned *flow)
{
    unsigned index = plane->flow_count;
    struct traffic_spec *copy;

    if (index == PLANE_FLOWS_MAX)
        return ERR_FULL;
    for (uint32_t i = 0; i < spec->sender_count; i++) {
        if (spec->senders[i] >= plane->end_count)
            return ERR_RANGE;
    }
    for (uint32_t i = 0; i < spec->receiver_count; i++) {
        if (spec->receivers[i] >= plane->end_count)
            return ERR_RANGE;
    }
    if (spec->traffic_class >= ASIC_CLASSES ||
        spec->begin_ps < engine_now_ps(plane->parts[0].engine))
        return ERR_INVALID;
    copy = plane_alloc(plane, 1, sizeof(*copy));
    *copy = *spec;
    copy->id = index;
    plane->specs[index] = copy;
    plane_flow_add(plane);
    for (uint32_t i = 0; i < spec->sender_count; i++)
        source_add(plane, spec->senders[i], index, i);
    *flow = index;
    return 0;
}

/* ---- observers ---------------------------------------------------------- */

int
plane_tap_add(struct data_plane *plane, unsigned end, plane_tap *tap,
              void *context)
{
    struct end_tap **last;

    if (end >= plane->end_count)
        return ERR_RANGE;
    last = &plane->ends[end].taps;
    while (*last != NULL)
        last = &(*last)->next;
    *last = calloc(1, sizeof(**last));
    CHECK(*last != NULL);
    (*last)->tap = tap;
    (*last)->context = context;
    plane->tap_count++;
    return 0;
}

void
plane_drops_observe(struct data_plane *plane, plane_drop_listener *listener,
                    void *context)
{
    plane->listener = listener;
    plane->listener_context = context;
}

/* ---- running ------------------------------------------------------------ */

static int
run_observed(struct data_plane *plane, uint64_t until_ps)
{
    uint64_t behind_ps = plane->asic->ingress_ps;
    int err = 0;

    for (;;) {
        uint64_t at_ps = 0;
        bool more = engine_next(plane->engine, &at_ps);

        if (!more || at_ps > until_ps || until_ps - at_ps <= TELL_PS)
            break;
        at_ps += TELL_PS;
        err = engine_run_until(plane->engine, at_ps);
        if (err != 0)
            return err;
        plane_records_tell(plane, at_ps > behind_ps ? at_ps - behind_ps : 0);
    }
    err = engine_run_until(plane->engine, until_ps);
    plane_records_tell(plane, UINT64_MAX);
    return err;
}

int
plane_run_until(struct data_plane *plane, uint64_t until_ps)
{
    if (until_ps < engine_now_ps(plane->parts[0].engine))
        return ERR_PAST;
    plane->ran = true;
    if (plane->tap_count > 0 || plane->listener != NULL)
        return run_observed(plane, until_ps);
    return engine_run_until(plane->engine, until_ps);
}

bool
plane_next(const struct data_plane *plane, uint64_t *at_ps)
{
    return engine_next(plane->engine, at_ps);
}

/* ---- names -------------------------------------------------------------- */

static const char *const drop_words[PLANE_DROP_COUNT] = {
    [PLANE_DROP_PORT_DOWN] = "port-down",
    [PLANE_DROP_BOX_DOWN] = "box-down",
    [PLANE_DROP_NO_ROUTE] = "no-route",
    [PLANE_DROP_DISCARD] = "discard",
    [PLANE_DROP_NEXT_HOP] = "next-hop",
    [PLANE_DROP_TTL] = "ttl",
    [PLANE_DROP_TAIL] = "tail",
    [PLANE_DROP_WRED] = "wred",
    [PLANE_DROP_BUFFER] = "buffer",
    [PLANE_DROP_AGED] = "aged",
    [PLANE_DROP_LINK] = "link",
    [PLANE_DROP_FABRIC] = "fabric",
    [PLANE_DROP_REASSEMBLY] = "reassembly",
    [PLANE_DROP_EGRESS] = "egress",
    [PLANE_DROP_STRAY] = "stray",
};

static const char *const drop_texts[PLANE_DROP_COUNT] = {
#define PLANE_DROP_TEXT(name, text) [name] = (text),
    PLANE_DROP_TABLE(PLANE_DROP_TEXT)
#undef PLANE_DROP_TEXT
};

static const char *const stage_words[PLANE_STAGE_COUNT] = {
    [PLANE_STAGE_INGRESS] = "ingress",       [PLANE_STAGE_QUEUE] = "queue",
    [PLANE_STAGE_CREDIT] = "credit",         [PLANE_STAGE_FABRIC] = "fabric",
    [PLANE_STAGE_REASSEMBLY] = "reassembly", [PLANE_STAGE_EGRESS] = "egress",
};

const char *
plane_drop_name(enum plane_drop cause)
{
    CHECK((unsigned)cause < PLANE_DROP_COUNT);
    return drop_words[cause];
}

const char *
plane_drop_text(enum plane_drop cause)
{
    CHECK((unsigned)cause < PLANE_DROP_COUNT);
    return drop_texts[cause];
}

const char *
plane_stage_name(enum plane_stage stage)
{
    CHECK((unsigned)stage < PLANE_STAGE_COUNT);
    return stage_words[stage];
}
