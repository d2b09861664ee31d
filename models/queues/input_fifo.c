/* SPDX-License-Identifier: Apache-2.0
 *
 * The switch whose packets wait at its inputs.
 *
 * An input shows its first packet alone.  When an output ends, and when a
 * packet comes to the head of an input, outputs that are free choose; they do
 * so in one timer after all else of that instant, so that ports that work in
 * step choose together, as in the slotted switch of the paper.
 */
#include <stdlib.h>

#include "models/queues/queues_priv.h"
#include "reference-nos/base/check.h"
#include "sim/kernel/random.h"

struct input {
    uint32_t port;   /* That leads here. */
    uint32_t output; /* Which its head wants. */
    bool sending;
    uint64_t bytes; /* On the wire, of all that wait. */
    size_t head, count, capacity;
    struct engine_item *items;
};

struct output {
    uint32_t port;
    uint32_t timer; /* Ends a transmission. */
    uint32_t input; /* Whose packet is sent, or NONE. */
};

struct fifo_switch {
    uint32_t node;
    uint32_t timer; /* Lets outputs choose. */
    uint32_t count; /* Inputs, and outputs. */
    uint64_t draws;
    struct input *inputs;
    struct output *outputs;
};

void
queues_fifo_create(struct queues *queues, uint32_t node)
{
    struct fifo_switch *fifo = calloc(1, sizeof(*fifo));

    CHECK(fifo != NULL);
    fifo->node = node;
    queues->nodes[node].fifo = fifo;
    fifo->inputs = calloc(queues->port_count, sizeof(*fifo->inputs));
    fifo->outputs = calloc(queues->port_count, sizeof(*fifo->outputs));
    CHECK(fifo->inputs != NULL && fifo->outputs != NULL);
    for (uint32_t port = 0; port < queues->port_count; port++) {
        if (queues->more[port].to != node)
            continue;
        queues->more[port].input = fifo->count;
        fifo->inputs[fifo->count].port = port;
        fifo->outputs[fifo->count].port = port ^ 1;
        fifo->outputs[fifo->count++].input = NONE;
    }
}

void
queues_fifo_destroy(struct fifo_switch *fifo)
{
    if (fifo == NULL)
        return;
    for (uint32_t i = 0; i < fifo->count; i++)
        free(fifo->inputs[i].items);
    free(fifo->inputs);
    free(fifo->outputs);
    free(fifo);
}

/* ---- inputs ------------------------------------------------------------- */

static void
input_grow(struct input *input)
{
    size_t capacity = input->capacity == 0 ? 16 : 2 * input->capacity;
    struct engine_item *items = malloc(capacity * sizeof(*items));

    CHECK(items != NULL);
    for (size_t i = 0; i < input->count; i++)
        items[i] = input->items[(input->head + i) % input->capacity];
    free(input->items);
    input->items = items;
    input->head = 0;
    input->capacity = capacity;
}

static bool
input_full(const struct input *input, const struct queues_link *link,
           uint64_t bytes)
{
    uint64_t waiting = input->count - input->sending;

    return (link->buffer_bytes > 0 &&
            input->bytes + bytes > link->buffer_bytes) ||
           (link->buffer_packets > 0 && waiting >= link->buffer_packets);
}

/* The output that the new head wants. */
static void
input_show(const struct queues *queues, const struct fifo_switch *fifo,
           struct input *input)
{
    uint32_t port =
        queues_route(queues, fifo->node, &input->items[input->head]);

    input->output = queues->more[port ^ 1].input;
}

void
queues_on_fifo(struct engine_part *engine, uint32_t owner,
               const struct engine_item *item)
{
    struct part *part = engine_context(engine);
    struct port_more *more = &part->queues->more[owner];
    struct fifo_switch *fifo = part->nodes[more->to].fifo;
    struct input *input = &fifo->inputs[more->input];
    uint64_t bytes = packet_bytes(item) + more->link.overhead_bytes;

    part->hops++;
    if (input_full(input, &more->link, bytes)) {
        more->dropped++;
        more->dropped_bytes += packet_bytes(item);
        return;
    }
    if (input->count == input->capacity)
        input_grow(input);
    input->items[(input->head + input->count++) % input->capacity] = *item;
    input->bytes += bytes;
    if (input->count > 1)
        return;
    input_show(part->queues, fifo, input);
    engine_timer_set(engine, fifo->timer, engine_now_ps(engine));
}

/* ---- outputs ------------------------------------------------------------ */

/* One of the heads that want it, at random; NONE.  Heads being sent want
 * outputs that are busy. */
static uint32_t
choose(struct part *part, struct fifo_switch *fifo, uint32_t output)
{
    struct random_stream draws = random_stream_make(
        part->queues->options.seed, fifo->node, random_purpose("input-fifo"));
    uint32_t wanting = 0;
    uint32_t chosen = NONE;

    draws.n = fifo->draws;
    for (uint32_t i = 0; i < fifo->count; i++)
        wanting +=
            fifo->inputs[i].count > 0 && fifo->inputs[i].output == output;
    if (wanting == 0)
        return NONE;
    uint64_t left = random_below(&draws, wanting);

    fifo->draws++;
    for (uint32_t i = 0; chosen == NONE; i++) {
        if (fifo->inputs[i].count > 0 && fifo->inputs[i].output == output &&
            left-- == 0)
            chosen = i;
    }
    return chosen;
}

static void
on_choose(struct engine_part *engine, uint32_t owner,
          const struct engine_item *unused)
{
    struct part *part = engine_context(engine);
    struct fifo_switch *fifo = part->nodes[owner].fifo;

    (void)unused;
    for (uint32_t i = 0; i < fifo->count; i++) {
        struct output *output = &fifo->outputs[i];

        if (output->input != NONE)
            continue;
        output->input = choose(part, fifo, i);
        if (output->input == NONE)
            continue;
        struct input *input = &fifo->inputs[output->input];

        input->sending = true;
        if (queues_port_send(part, output->port, engine_now_ps(engine),
                             &input->items[input->head]))
            engine_timer_set(engine, output->timer,
                             part->ports[output->port].busy_ps);
        else
            engine_timer_set(engine, output->timer, engine_now_ps(engine));
    }
}

/* 'owner' is the port that leads to the input of the same number. */
static void
on_end(struct engine_part *engine, uint32_t owner,
       const struct engine_item *unused)
{
    struct part *part = engine_context(engine);
    const struct port_more *more = &part->queues->more[owner];
    struct fifo_switch *fifo = part->nodes[more->to].fifo;
    struct output *output = &fifo->outputs[more->input];
    struct input *input = &fifo->inputs[output->input];

    (void)unused;
    output->input = NONE;
    input->sending = false;
    input->bytes -= packet_bytes(&input->items[input->head]) +
                    part->queues->more[input->port].link.overhead_bytes;
    input->head = (input->head + 1) % input->capacity;
    if (--input->count > 0)
        input_show(part->queues, fifo, input);
    engine_timer_set(engine, fifo->timer, engine_now_ps(engine));
}

/* The timer that lets outputs choose comes last, so that it fires last. */
void
queues_fifo_timers(struct queues *queues, uint32_t node)
{
    struct fifo_switch *fifo = queues->nodes[node].fifo;
    unsigned part = queues->nodes[node].part;

    for (uint32_t i = 0; i < fifo->count; i++)
        fifo->outputs[i].timer = engine_timer_add(queues->engine, part, on_end,
                                                  fifo->inputs[i].port);
    fifo->timer = engine_timer_add(queues->engine, part, on_choose, node);
}
