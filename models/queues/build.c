/* SPDX-License-Identifier: Apache-2.0
 *
 * Putting a network together, and running it.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "models/queues/queues_priv.h"
#include "reference-nos/base/check.h"

#define ALIGN 64u

void *
queues_grow(void **array, size_t *count, size_t size)
{
    /* The capacity is the power of two that holds 'count'. */
    if ((*count & (*count - 1)) == 0) {
        size_t bytes = (*count == 0 ? 1 : 2 * *count) * size;
        void *larger =
            aligned_alloc(ALIGN, (bytes + ALIGN - 1) / ALIGN * ALIGN);

        CHECK(larger != NULL);
        if (*count > 0)
            memcpy(larger, *array, *count * size);
        free(*array);
        *array = larger;
    }
    char *element = (char *)*array + (*count)++ * size;

    memset(element, 0, size);
    return element;
}

#define GROW(array, count)                                                    \
    queues_grow((void **)&(array), &(count), sizeof(*(array)))

static void
part_create(struct queues *queues, unsigned index)
{
    struct part *part = aligned_alloc(ALIGN, sizeof(*part));
    void *storage = malloc(hist_size_bytes(QUEUES_LATENCY_BITS));

    CHECK(part != NULL && storage != NULL);
    memset(part, 0, sizeof(*part));
    part->queues = queues;
    part->latency = hist_init(storage, QUEUES_LATENCY_BITS);
    queues->parts[index] = part;
}

int
queues_create(const struct queues_options *options, struct queues **out)
{
    struct queues_options filled = *options;
    struct queues *queues;

    if (filled.threads == 0)
        filled.threads = 1;
    if (filled.parts == 0)
        filled.parts = filled.threads;
    if (filled.threads > ENGINE_THREADS_MAX ||
        filled.parts > ENGINE_PARTS_MAX || filled.parts < filled.threads)
        return ERR_INVALID;
    queues = calloc(1, sizeof(*queues));
    CHECK(queues != NULL);
    queues->options = filled;
    queues->parts = calloc(filled.parts, sizeof(struct part *));
    queues->merged = malloc(hist_size_bytes(QUEUES_LATENCY_BITS));
    CHECK(queues->parts != NULL && queues->merged != NULL);
    for (unsigned i = 0; i < filled.parts; i++)
        part_create(queues, i);
    *out = queues;
    return 0;
}

void
queues_destroy(struct queues *queues)
{
    if (queues == NULL)
        return;
    engine_destroy(queues->engine);
    for (unsigned i = 0; i < queues->options.parts; i++) {
        free(queues->parts[i]->latency);
        free(queues->parts[i]);
    }
    for (size_t i = 0; i < queues->node_count; i++) {
        free(queues->nodes[i].table);
        queues_fifo_destroy(queues->nodes[i].fifo);
    }
    for (size_t i = 0; i < queues->port_count; i++)
        free(queues->more[i].starts_ps);
    for (size_t i = 0; i < queues->source_count; i++)
        free(queues->sources[i].traffic);
    for (size_t i = 0; i < queues->spec_count; i++)
        free(queues->specs[i]);
    free(queues->parts);
    free(queues->ports);
    free(queues->more);
    free(queues->nodes);
    free(queues->hosts);
    free(queues->sources);
    free(queues->groups);
    free(queues->group_ports);
    free(queues->specs);
    free(queues->merged);
    free(queues);
}

/* ---- nodes and links ---------------------------------------------------- */

static struct node *
node_add(struct queues *queues, unsigned part)
{
    struct node *node;

    CHECK(queues->engine == NULL && part < queues->options.parts);
    node = GROW(queues->nodes, queues->node_count);
    node->part = part;
    node->host = NONE;
    node->port = NONE;
    node->groups = NONE;
    node->salt = queues->node_count * UINT64_C(0xbf58476d1ce4e5b9);
    return node;
}

uint32_t
queues_host_add(struct queues *queues, unsigned part)
{
    struct node *node = node_add(queues, part);
    struct host *host;

    CHECK(queues->host_count < QUEUES_HOSTS_MAX);
    node->host = (uint32_t)queues->host_count;
    host = GROW(queues->hosts, queues->host_count);
    host->node = (uint32_t)queues->node_count - 1;
    host->source = NONE;
    return host->node;
}

uint32_t
queues_switch_add(struct queues *queues, unsigned part,
                  enum queues_switch kind)
{
    struct node *node = node_add(queues, part);

    node->kind = kind;
    return (uint32_t)queues->node_count - 1;
}

static bool
host_is_linked(const struct queues *queues, uint32_t node)
{
    return queues->nodes[node].host != NONE &&
           queues->nodes[node].port != NONE;
}

static void
port_add(struct queues *queues, uint32_t from, uint32_t to,
         const struct queues_link *link)
{
    struct port_more *more;
    struct port *port;
    size_t count = queues->port_count;

    more = GROW(queues->more, count);
    more->link = *link;
    more->from = from;
    more->to = to;
    port = GROW(queues->ports, queues->port_count);
    port->delay_ps = link->delay_ps;
    port->limit_ps = UINT64_MAX;
    if (link->buffer_bytes > 0)
        port->limit_ps = traffic_wire_ps(link->buffer_bytes, link->bps);
    if (UINT64_C(8000000000000) % link->bps == 0 &&
        link->buffer_packets == 0) {
        port->ps_per_byte = (uint32_t)(UINT64_C(8000000000000) / link->bps);
        port->overhead_ps = link->overhead_bytes * port->ps_per_byte;
    } else if (link->buffer_packets > 0) {
        more->starts_ps =
            calloc((size_t)link->buffer_packets + 1, sizeof(uint64_t));
        CHECK(more->starts_ps != NULL);
    }
    if (queues->nodes[from].host != NONE)
        queues->nodes[from].port = (uint32_t)queues->port_count - 1;
}

int
queues_link_add(struct queues *queues, uint32_t a, uint32_t b,
                const struct queues_link *link, uint32_t *port)
{
    CHECK(queues->engine == NULL);
    CHECK(a < queues->node_count && b < queues->node_count);
    if (link->bps == 0 || a == b || host_is_linked(queues, a) ||
        host_is_linked(queues, b))
        return ERR_INVALID;
    port_add(queues, a, b, link);
    port_add(queues, b, a, link);
    *port = (uint32_t)queues->port_count - 2;
    return 0;
}

/* A table for all hosts there are. */
static void
table_fill(struct queues *queues, struct node *node)
{
    size_t count = queues->host_count;
    size_t missing = (count - node->table_count) * sizeof(*node->table);

    node->table = realloc(node->table, (count + 1) * sizeof(*node->table));
    CHECK(node->table != NULL);
    memset(&node->table[node->table_count], 0xff, missing);
    node->table_count = count;
}

void
queues_route_set(struct queues *queues, uint32_t node, uint32_t host,
                 uint32_t port)
{
    CHECK(queues->engine == NULL && node < queues->node_count);
    CHECK(queues->nodes[node].host == NONE && host < queues->host_count);
    CHECK(port < queues->port_count && queues->more[port].from == node);
    table_fill(queues, &queues->nodes[node]);
    queues->nodes[node].table[host] = port;
}

/* ---- sources ------------------------------------------------------------ */

static struct source *
source_add(struct queues *queues, uint32_t host)
{
    struct source *source = GROW(queues->sources, queues->source_count);

    source->stream = queues->streams++;
    source->timer = NONE;
    source->spec.host = host;
    source->next = queues->hosts[host].source;
    queues->hosts[host].source = (uint32_t)queues->source_count - 1;
    return source;
}

static bool
source_valid(const struct queues *queues, const struct queues_source *spec)
{
    uint64_t any = (uint64_t)spec->any_first + spec->any_count;

    if (spec->host >= queues->host_count || spec->bytes == 0 ||
        spec->bytes > QUEUES_BYTES_MAX || spec->flows > QUEUES_FLOWS_MAX ||
        (spec->gap_ps == 0 && spec->arrivals != QUEUES_SATURATED))
        return false;
    if (spec->to != QUEUES_TO_ANY)
        return spec->to < queues->host_count && spec->to != spec->host;
    return any <= queues->host_count;
}

int
queues_source_add(struct queues *queues, const struct queues_source *spec)
{
    struct source *source;

    CHECK(queues->engine == NULL);
    if (!source_valid(queues, spec))
        return ERR_INVALID;
    source = source_add(queues, spec->host);
    source->spec = *spec;
    if (spec->end_ps == 0)
        source->spec.end_ps = UINT64_MAX;
    return 0;
}

/* Whether all ends are hosts. */
static int
ends_check(const struct queues *queues, const char *what, const uint32_t *ends,
           uint32_t count, char *message, size_t size)
{
    for (uint32_t i = 0; i < count; i++) {
        if (ends[i] < queues->host_count)
            continue;
        snprintf(message, size, "%s %u is none of %zu hosts", what, ends[i],
                 queues->host_count);
        return ERR_INVALID;
    }
    return 0;
}

int
queues_traffic_add(struct queues *queues, const struct traffic_spec *spec,
                   char *message, size_t message_size)
{
    int err = traffic_check(spec, message, message_size);
    struct traffic_spec **slot;
    struct traffic_spec *copy;

    CHECK(queues->engine == NULL);
    if (err == 0)
        err = ends_check(queues, "sender", spec->senders, spec->sender_count,
                         message, message_size);
    if (err == 0)
        err = ends_check(queues, "receiver", spec->receivers,
                         spec->receiver_count, message, message_size);
    if (err != 0)
        return err;
    slot = GROW(queues->specs, queues->spec_count);
    copy = malloc(sizeof(*copy));
    CHECK(copy != NULL);
    *copy = *spec;
    *slot = copy;
    for (uint32_t i = 0; i < spec->sender_count; i++) {
        struct source *source = source_add(queues, spec->senders[i]);

        source->traffic = malloc(sizeof(*source->traffic));
        CHECK(source->traffic != NULL);
        /* The rate of its port is known when it starts. */
        *source->traffic = (struct traffic_source){.spec = copy, .index = i};
    }
    return 0;
}

/* ---- the first run ------------------------------------------------------ */

/* The largest packet of which a source is sure to have more. */
static uint32_t
source_bytes(const struct source *source)
{
    uint32_t most = 0;

    if (source->traffic == NULL)
        return source->spec.bytes;
    for (unsigned i = 0; i < source->traffic->spec->size_count; i++) {
        if (source->traffic->spec->sizes[i].bytes > most)
            most = source->traffic->spec->sizes[i].bytes;
    }
    return most;
}

static int
source_start(struct queues *queues, uint32_t id)
{
    struct source *source = &queues->sources[id];
    struct queues_source *spec = &source->spec;
    struct host *host = &queues->hosts[spec->host];
    unsigned part = queues->nodes[host->node].part;

    source->port = queues->nodes[host->node].port;
    const struct port_more *more = &queues->more[source->port];

    source->towards = more->to;
    if (queues_wire_ps(more, source_bytes(source)) >
        queues->ports[source->port].limit_ps)
        return ERR_INVALID;
    if (spec->to == QUEUES_TO_ANY && spec->any_count == 0)
        spec->any_count = (uint32_t)queues->host_count - spec->any_first;
    if (spec->to == QUEUES_TO_ANY && spec->any_count < 2 &&
        spec->host - spec->any_first < spec->any_count)
        return ERR_INVALID;
    if (source->traffic != NULL)
        traffic_source_init(source->traffic, source->traffic->spec,
                            source->traffic->index, source->stream,
                            more->link.bps, queues->options.seed);
    if (source->next != NONE || host->source != id ||
        queues->nodes[more->to].part != part)
        source->timer =
            engine_timer_add(queues->engine, part, queues_on_source, id);
    return 0;
}

/* The shortest time between parts. */
static uint64_t
window_ps(const struct queues *queues)
{
    uint64_t least = UINT64_MAX;

    for (size_t i = 0; i < queues->port_count; i++) {
        const struct port_more *more = &queues->more[i];

        if (queues->nodes[more->from].part != queues->nodes[more->to].part &&
            more->link.delay_ps < least)
            least = more->link.delay_ps;
    }
    return least;
}

static void
line_add(struct queues *queues, uint32_t port)
{
    const struct port_more *more = &queues->more[port];
    const struct node *from = &queues->nodes[more->from];
    const struct node *to = &queues->nodes[more->to];
    engine_handler *handler = queues_on_switch;
    uint32_t owner = more->to;

    if (to->host != NONE) {
        handler = queues_on_host;
        owner = to->host;
    } else if (to->fifo != NULL) {
        handler = queues_on_fifo;
        owner = port;
    }
    if (from->host != NONE) {
        uint32_t source = queues->hosts[from->host].source;

        if (source != NONE && queues->sources[source].next == NONE &&
            from->part == to->part) {
            handler = queues_on_first_link;
            owner = source;
        }
    }
    CHECK(engine_line_add(queues->engine, from->part, to->part, handler, owner,
                          4) == port);
}

static void
parts_start(struct queues *queues)
{
    for (unsigned i = 0; i < queues->options.parts; i++) {
        struct part *part = queues->parts[i];

        part->engine = engine_part(queues->engine, i);
        part->ports = queues->ports;
        part->nodes = queues->nodes;
        part->hosts = queues->hosts;
        part->sources = queues->sources;
        engine_context_set(queues->engine, i, part);
    }
}

/* Lines first, so that a line has the number of its port; then timers. */
static int
network_start(struct queues *queues)
{
    int err = 0;

    for (uint32_t i = 0; i < queues->node_count; i++) {
        if (queues->nodes[i].kind == QUEUES_SWITCH_INPUT_FIFO)
            queues_fifo_create(queues, i);
    }
    for (uint32_t i = 0; i < queues->port_count; i++)
        line_add(queues, i);
    for (uint32_t i = 0; i < queues->source_count && err == 0; i++)
        err = source_start(queues, i);
    for (uint32_t i = 0; i < queues->node_count; i++) {
        if (queues->nodes[i].fifo != NULL)
            queues_fifo_timers(queues, i);
    }
    if (err != 0)
        return err;
    parts_start(queues);
    for (uint32_t i = 0; i < queues->source_count; i++) {
        const struct host *host = &queues->hosts[queues->sources[i].spec.host];

        queues_source_begin(queues->parts[queues->nodes[host->node].part], i);
    }
    return 0;
}

/* As before a start that failed: another may follow. */
static void
stop(struct queues *queues)
{
    engine_destroy(queues->engine);
    queues->engine = NULL;
    for (size_t i = 0; i < queues->node_count; i++) {
        queues_fifo_destroy(queues->nodes[i].fifo);
        queues->nodes[i].fifo = NULL;
    }
    for (size_t i = 0; i < queues->source_count; i++)
        queues->sources[i].timer = NONE;
}

static int
start(struct queues *queues)
{
    struct engine_options options = {.parts = queues->options.parts,
                                     .threads = queues->options.threads,
                                     .window_ps = window_ps(queues),
                                     .digest = !queues->options.no_digest};
    int err;

    for (size_t i = 0; i < queues->node_count; i++) {
        if (queues->nodes[i].host == NONE)
            table_fill(queues, &queues->nodes[i]);
    }
    err = queues_paths(queues);
    if (err == 0)
        err = engine_create(&options, &queues->engine);
    if (err == 0)
        err = network_start(queues);
    if (err != 0)
        stop(queues);
    return err;
}

int
queues_run_until(struct queues *queues, uint64_t until_ps)
{
    int err = 0;

    if (queues->engine == NULL)
        err = start(queues);
    if (err == 0)
        err = engine_run_until(queues->engine, until_ps);
    if (err == 0)
        queues->now_ps = until_ps;
    return err;
}
