/* SPDX-License-Identifier: Apache-2.0
 *
 * The suites of this folder, and a service driven by hand: the functions of
 * actor.h over an object of the test.
 */
#ifndef NOS_CLUSTER_CLUSTER_TEST_H
#define NOS_CLUSTER_CLUSTER_TEST_H

#include "reference-nos/cluster/cluster.h"
#include "reference-nos/schema/cluster_msg.h"
#include "reference-nos/schema/operator_msg.h"

#include <check.h>
#include <stdbool.h>

Suite *allocate_suite(void);
Suite *cabling_suite(void);
Suite *member_suite(void);
Suite *manager_store_suite(void);
Suite *manager_numbers_suite(void);
Suite *manager_operators_suite(void);
Suite *manager_alarms_suite(void);

/* A small generator: the same numbers in every run. */
static inline uint64_t
test_random(uint64_t *state)
{
    *state = *state * 6364136223846793005u + 1442695040888963407u;
    return *state >> 33;
}

#define HAND_SENT_MAX 256u
#define HAND_TRACES_MAX 4096u

struct hand_sent {
    struct actor_address to;
    enum lane lane;
    uint16_t type;
    size_t size;
    uint8_t body[17000];
};

struct actor {
    struct plat plat;
    struct box_facts facts;
    const struct actor_kind *kind;
    struct mem *mem;
    void *state;
    uint32_t life;
    uint64_t now_ns;
    uint64_t random;
    uint64_t charged_ns;
    uint64_t timers_ns[ACTOR_TIMERS_MAX];
    unsigned sent_count;
    struct hand_sent sent[HAND_SENT_MAX];
    unsigned trace_count;
    struct trace_record traces[HAND_TRACES_MAX];
    uint8_t card[64];
    size_t card_size;
    int card_error; /* of reads */
    uint8_t card_next[64];
    size_t card_next_size;
    uint64_t card_token; /* write under way */
    bool forwards;
    unsigned reply_count; /* to requests from outside */
    uint64_t reply_token;
    struct operator_rep reply;
    const void *plan;
    size_t plan_size;
};

void hand_open(struct actor *hand, const struct actor_kind *kind,
               enum role role, uint64_t key);
void hand_close(struct actor *hand);
/* Kills the service and starts it again; 'reboot': the whole box. */
void hand_restart(struct actor *hand, bool reboot);
void hand_message(struct actor *hand, struct actor_address from, uint16_t type,
                  const void *body, size_t size);
/* A request from outside. */
void hand_operator(struct actor *hand, uint64_t token, const void *bytes,
                   size_t size);
/* Lets time pass; fires timers in order. */
void hand_run(struct actor *hand, uint64_t span_ns);
/* Completes the write of the card. */
void hand_card_done(struct actor *hand, int status);
/* The first message of 'type', taken out; NULL when there is none. */
const struct hand_sent *hand_take(struct actor *hand, uint16_t type);
unsigned hand_count(const struct actor *hand, uint16_t type);
void hand_forget(struct actor *hand);
/* The last trace of 'kind', or NULL. */
const struct trace_record *hand_trace(const struct actor *hand,
                                      enum trace_kind kind);
unsigned hand_traces(const struct actor *hand, enum trace_kind kind);

/* Sends 'value' written by 'name'_write from 'from'. */
#define HAND_SEND(hand, from, type, name, ...)                                \
    do {                                                                      \
        struct name hand_value = __VA_ARGS__;                                 \
        uint8_t hand_bytes[2048];                                             \
        struct wire_writer hand_writer;                                       \
                                                                              \
        wire_writer_init(&hand_writer, hand_bytes, sizeof(hand_bytes));       \
        name##_write(&hand_writer, &hand_value);                              \
        hand_message(hand, from, type, hand_bytes,                            \
                     wire_writer_size(&hand_writer));                         \
    } while (0)

#endif
