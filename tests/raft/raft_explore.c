/* SPDX-License-Identifier: Apache-2.0
 *
 * Exhaustive exploration of small Raft groups.
 *
 *   raft_explore [--servers N] [--timeouts N] [--crashes N] [--proposals N]
 *                [--reads N] [--doubles N] [--wire N] [--max-term N]
 *                [--max-states N] [--from start|led|split|figure-8]
 *                [--mutation NAME]
 *                [--no-drops] [--deadlock] [--expect clean|violation|deadlock]
 *
 * Safety: depth first over every interleaving of deliver, drop, duplicate,
 * persist, time out, crash, restart, propose and read within the budgets.  All
 * budgets are part of the state, so the search is complete when it ends below
 * --max-states.
 *
 * --deadlock: the whole graph is kept; a state from which no leader can be
 * reached, and from which no bound hid the way, is a deadlock.
 *
 * Exit: 0 as expected, 1 not, 2 stopped at --max-states, 64 usage.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "reference-nos/base/check.h"
#include "tests/raft/explore_world.h"

struct options {
    struct explore_limits limits;
    uint64_t max_states;
    bool deadlock;
    const char *from;
    const char *expect;
};

/* --- The set of states seen --------------------------------------------- */

struct seen {
    uint64_t (*keys)[2];
    uint32_t *numbers; /* Only for the graph. */
    uint64_t capacity, count;
};

static void
seen_init(struct seen *seen, uint64_t capacity)
{
    seen->capacity = capacity;
    seen->count = 0;
    seen->keys = calloc(capacity, sizeof(seen->keys[0]));
    seen->numbers = calloc(capacity, sizeof(seen->numbers[0]));
    CHECK(seen->keys && seen->numbers);
}

static void
seen_fini(struct seen *seen)
{
    free(seen->keys);
    free(seen->numbers);
}

static uint64_t
seen_slot(const struct seen *seen, const uint64_t hash[2])
{
    uint64_t at = hash[0] & (seen->capacity - 1);

    while ((seen->keys[at][0] || seen->keys[at][1]) &&
           (seen->keys[at][0] != hash[0] || seen->keys[at][1] != hash[1]))
        at = (at + 1) & (seen->capacity - 1);
    return at;
}

static void
seen_grow(struct seen *seen)
{
    struct seen bigger;

    seen_init(&bigger, seen->capacity * 2);
    for (uint64_t i = 0; i < seen->capacity; i++) {
        uint64_t at;

        if (!seen->keys[i][0] && !seen->keys[i][1])
            continue;
        at = seen_slot(&bigger, seen->keys[i]);
        memcpy(bigger.keys[at], seen->keys[i], sizeof(bigger.keys[at]));
        bigger.numbers[at] = seen->numbers[i];
    }
    bigger.count = seen->count;
    seen_fini(seen);
    *seen = bigger;
}

/* The number of the state, counted from 0 as they come; '*fresh' if new. */
static uint32_t
seen_add(struct seen *seen, const uint64_t hash[2], bool *fresh)
{
    uint64_t at;

    if (2 * seen->count >= seen->capacity)
        seen_grow(seen);
    at = seen_slot(seen, hash);
    *fresh = !seen->keys[at][0] && !seen->keys[at][1];
    if (*fresh) {
        seen->keys[at][0] = hash[0];
        seen->keys[at][1] = hash[1];
        seen->numbers[at] = (uint32_t)seen->count++;
    }
    return seen->numbers[at];
}

/* --- The search --------------------------------------------------------- */

struct edge {
    uint32_t from, to;
};

struct search {
    const struct options *options;
    struct seen seen;
    struct explore_world **stack;
    uint32_t *stack_number;
    size_t depth, stack_capacity;
    uint64_t transitions;
    const char *violation;

    /* The graph; only with --deadlock. */
    struct edge *edges;
    size_t edge_count, edge_capacity;
    uint8_t *escapes; /* By number: a leader, or a bound, in this state. */
    size_t escapes_capacity;
};

static void *
grown(void *array, size_t *capacity, size_t need, size_t size)
{
    if (need <= *capacity)
        return array;
    *capacity = need * 2;
    array = realloc(array, *capacity * size);
    CHECK(array);
    return array;
}

static void
push(struct search *search, struct explore_world *world, uint32_t number)
{
    size_t capacity = search->stack_capacity;

    search->stack = grown(search->stack, &capacity, search->depth + 1,
                          sizeof(search->stack[0]));
    search->stack_number =
        grown(search->stack_number, &search->stack_capacity, search->depth + 1,
              sizeof(search->stack_number[0]));
    search->stack[search->depth] = world;
    search->stack_number[search->depth++] = number;
}

static void
add_edge(struct search *search, uint32_t from, uint32_t to)
{
    if (!search->options->deadlock)
        return;
    search->edges = grown(search->edges, &search->edge_capacity,
                          search->edge_count + 1, sizeof(search->edges[0]));
    search->edges[search->edge_count++] = (struct edge){from, to};
}

static void
note_escape(struct search *search, uint32_t number,
            const struct explore_world *world)
{
    if (!search->options->deadlock)
        return;
    search->escapes = grown(search->escapes, &search->escapes_capacity,
                            number + 1u, sizeof(search->escapes[0]));
    search->escapes[number] = world->cut || explore_has_leader(world);
}

static void
report_violation(struct search *search, const struct explore_world *world)
{
    search->violation = world->violation;
    printf("violation: %s\n", world->violation);
    explore_print(world);
}

/* The world has just been reached; takes it over. */
static void
arrive(struct search *search, struct explore_world *world, uint32_t from,
       bool is_first)
{
    uint64_t hash[2];
    bool fresh;
    uint32_t number;

    explore_hash(world, hash);
    number = seen_add(&search->seen, hash, &fresh);
    if (!is_first)
        add_edge(search, from, number);
    if (!fresh) {
        explore_destroy(world);
        return;
    }
    explore_judge(world);
    if (world->violation)
        report_violation(search, world);
    push(search, world, number);
}

static void
expand(struct search *search)
{
    struct explore_world *world = search->stack[--search->depth];
    uint32_t number = search->stack_number[search->depth];
    struct explore_action actions[ACTIONS_MAX];
    unsigned count = explore_actions(world, actions);

    note_escape(search, number, world);
    if (search->options->deadlock && explore_has_leader(world))
        count = 0; /* Nothing beyond is of interest. */
    for (unsigned i = 0; i < count && !search->violation; i++) {
        struct explore_world *next = explore_copy(world);

        next->cut = false;
        explore_act(next, actions[i]);
        search->transitions++;
        arrive(search, next, number, false);
    }
    explore_destroy(world);
}

/* Returns whether the search was complete. */
static bool
search_run(struct search *search)
{
    struct explore_world *first = explore_create(&search->options->limits);

    if (!strcmp(search->options->from, "led"))
        explore_led(first);
    if (!strcmp(search->options->from, "split"))
        explore_split(first);
    if (!strcmp(search->options->from, "figure-8"))
        explore_figure_8(first);
    arrive(search, first, 0, true);
    while (search->depth && !search->violation) {
        if (search->seen.count >= search->options->max_states)
            return false;
        expand(search);
    }
    return true;
}

/* Sorts the sources of the edges by target: those of target t lie from
 * (*starts)[t] to (*starts)[t + 1]. */
static uint32_t *
edges_by_target(const struct search *search, size_t **starts)
{
    size_t states = search->seen.count;
    uint32_t *sources = malloc((search->edge_count + 1) * sizeof(*sources));
    size_t *start = calloc(states + 2, sizeof(*start));

    CHECK(sources && start);
    for (size_t i = 0; i < search->edge_count; i++)
        start[search->edges[i].to + 2]++;
    for (size_t i = 2; i < states + 2; i++)
        start[i] += start[i - 1];
    for (size_t i = 0; i < search->edge_count; i++)
        sources[start[search->edges[i].to + 1]++] = search->edges[i].from;
    *starts = start;
    return sources;
}

/* Marks, against the edges, what can escape; returns how many cannot. */
static uint64_t
count_deadlocks(struct search *search)
{
    size_t states = search->seen.count, depth = 0, *starts;
    uint32_t *sources = edges_by_target(search, &starts);
    uint32_t *work = malloc(states * sizeof(*work));
    uint64_t stuck = states;

    CHECK(work);
    for (size_t i = 0; i < states; i++) {
        if (search->escapes[i])
            work[depth++] = (uint32_t)i;
    }
    while (depth) {
        uint32_t to = work[--depth];

        stuck--;
        for (size_t i = starts[to]; i < starts[to + 1]; i++) {
            if (search->escapes[sources[i]])
                continue;
            search->escapes[sources[i]] = 1;
            work[depth++] = sources[i];
        }
    }
    free(work);
    free(sources);
    free(starts);
    return stuck;
}

static int
explore(const struct options *options)
{
    struct search search = {.options = options};
    uint64_t deadlocks = 0;
    const char *result = "clean";
    bool complete;

    seen_init(&search.seen, 1 << 16);
    complete = search_run(&search);
    if (complete && options->deadlock && !search.violation)
        deadlocks = count_deadlocks(&search);
    if (search.violation)
        result = "violation";
    else if (deadlocks)
        result = "deadlock";
    printf("states %llu, transitions %llu, %s, %s",
           (unsigned long long)search.seen.count,
           (unsigned long long)search.transitions,
           complete ? "complete" : "stopped at the bound", result);
    if (deadlocks)
        printf(" (%llu states without a way to a leader)",
               (unsigned long long)deadlocks);
    printf("\n");
    while (search.depth)
        explore_destroy(search.stack[--search.depth]);
    seen_fini(&search.seen);
    free(search.stack);
    free(search.stack_number);
    free(search.edges);
    free(search.escapes);
    if (!complete && !strcmp(options->expect, "clean"))
        return 2;
    return strcmp(result, options->expect) != 0;
}

/* --- Options ------------------------------------------------------------ */

static int
usage(const char *word)
{
    fprintf(stderr,
            "raft_explore: what is '%s'?  See the head of "
            "tests/raft/raft_explore.c.\n",
            word);
    return 64;
}

static bool
number_option(struct options *options, const char *name, const char *value)
{
    struct explore_limits *limits = &options->limits;
    const struct {
        const char *name;
        unsigned *place, max;
    } table[] = {
        {"--servers", &limits->servers, SERVERS_MAX},
        {"--timeouts", &limits->timeouts, 200},
        {"--crashes", &limits->crashes, 200},
        {"--proposals", &limits->proposals, 4},
        {"--reads", &limits->reads, READS_MAX},
        {"--doubles", &limits->doubles, 200},
        {"--wire", &limits->wire, WIRE_MAX},
        {"--max-term", &limits->max_term, 5},
    };

    for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
        unsigned long number = strtoul(value, NULL, 10);

        if (strcmp(name, table[i].name))
            continue;
        if (number > table[i].max)
            return false;
        *table[i].place = (unsigned)number;
        return true;
    }
    if (strcmp(name, "--max-states"))
        return false;
    options->max_states = strtoull(value, NULL, 10);
    return options->max_states < UINT32_MAX;
}

static bool
word_option(struct options *options, const char *name, const char *value)
{
    static const char *const mutations[] = {
        "none", "ack-before-durable", "commit-old-term", "prevote-no-term",
        "ignore-storage-error"};

    if (!strcmp(name, "--expect")) {
        options->expect = value;
        return true;
    }
    if (!strcmp(name, "--from")) {
        options->from = value;
        return !strcmp(value, "start") || !strcmp(value, "led") ||
               !strcmp(value, "split") || !strcmp(value, "figure-8");
    }
    if (strcmp(name, "--mutation"))
        return false;
    for (size_t i = 0; i < sizeof(mutations) / sizeof(mutations[0]); i++) {
        if (strcmp(value, mutations[i]))
            continue;
        options->limits.mutation = (enum raft_mutation)i;
        return true;
    }
    return false;
}

int
main(int argc, char **argv)
{
    struct options options = {
        .limits = {.servers = 3,
                   .timeouts = 2,
                   .crashes = 1,
                   .proposals = 1,
                   .wire = 4,
                   .max_term = 5},
        .max_states = 100000000,
        .from = "start",
        .expect = "clean",
    };

    for (int i = 1; i < argc; i++) {
        if (!strcmp(argv[i], "--deadlock")) {
            options.deadlock = true;
            options.limits.free_timeouts = true;
            options.limits.no_restart = true;
        } else if (!strcmp(argv[i], "--no-drops")) {
            options.limits.no_drops = true;
        } else if (i + 1 < argc &&
                   (number_option(&options, argv[i], argv[i + 1]) ||
                    word_option(&options, argv[i], argv[i + 1]))) {
            i++;
        } else {
            return usage(argv[i]);
        }
    }
    return explore(&options);
}
