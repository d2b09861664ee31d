/* SPDX-License-Identifier: Apache-2.0
 *
 * Queues by the time their rates change: a binary heap whose members know
 * their place.
 */
#include "models/flows/flows_priv.h"

static bool
before(const struct flows *flows, uint32_t a, uint32_t b)
{
    uint64_t a_ns = flows->queues[a].due_ns, b_ns = flows->queues[b].due_ns;

    return a_ns != b_ns ? a_ns < b_ns : a < b;
}

static void
put(struct flows *flows, uint32_t place, uint32_t queue)
{
    flows->heap[place] = queue;
    flows->queues[queue].place = place;
}

static void
sift(struct flows *flows, uint32_t place)
{
    uint32_t queue = flows->heap[place];

    while (place > 0 && before(flows, queue, flows->heap[(place - 1) / 2])) {
        put(flows, place, flows->heap[(place - 1) / 2]);
        place = (place - 1) / 2;
    }
    for (;;) {
        uint32_t child = 2 * place + 1;

        if (child + 1 < flows->heap_count &&
            before(flows, flows->heap[child + 1], flows->heap[child]))
            child++;
        if (child >= flows->heap_count ||
            !before(flows, flows->heap[child], queue))
            break;
        put(flows, place, flows->heap[child]);
        place = child;
    }
    put(flows, place, queue);
}

static void
remove_at(struct flows *flows, uint32_t place)
{
    uint32_t last = flows->heap[--flows->heap_count];

    if (place == flows->heap_count)
        return;
    put(flows, place, last);
    sift(flows, place);
}

void
flows_heap_set(struct flows *flows, uint32_t index, uint64_t due_ns)
{
    struct flow_queue *queue = &flows->queues[index];
    bool was = queue->due_ns != FLOWS_NEVER;

    if (queue->due_ns == due_ns)
        return;
    queue->due_ns = due_ns;
    if (due_ns == FLOWS_NEVER) {
        remove_at(flows, queue->place);
        return;
    }
    if (!was) {
        flows->heap = flows_grow(flows->heap, &flows->heap_room,
                                 flows->heap_count, sizeof(*flows->heap));
        put(flows, flows->heap_count++, index);
    }
    sift(flows, queue->place);
}
