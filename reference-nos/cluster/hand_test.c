/* SPDX-License-Identifier: Apache-2.0
 *
 * The functions of actor.h, over an object of the test.
 */
#include "reference-nos/base/err.h"
#include "reference-nos/cluster/cluster_test.h"

#include <stdlib.h>
#include <string.h>

static uint64_t
plat_now(struct plat *plat)
{
    return CONTAINER_OF(plat, struct actor, plat)->now_ns;
}

static int
storage_size(struct plat *plat, enum storage_file file, uint64_t *size)
{
    ck_assert_uint_eq(file, STORAGE_CARD);
    *size = CONTAINER_OF(plat, struct actor, plat)->card_size;
    return 0;
}

static int
storage_read(struct plat *plat, enum storage_file file, uint64_t offset,
             void *bytes, size_t size)
{
    struct actor *hand = CONTAINER_OF(plat, struct actor, plat);

    ck_assert_uint_eq(file, STORAGE_CARD);
    ck_assert_uint_eq(offset, 0);
    if (hand->card_error != 0)
        return hand->card_error;
    ck_assert_uint_le(size, hand->card_size);
    memcpy(bytes, hand->card, size);
    return 0;
}

static int
storage_replace(struct plat *plat, enum storage_file file, const void *bytes,
                size_t size, unsigned service, uint64_t token)
{
    struct actor *hand = CONTAINER_OF(plat, struct actor, plat);

    ck_assert_uint_eq(file, STORAGE_CARD);
    ck_assert_uint_eq(service, SVC_MEMBER);
    ck_assert_uint_le(size, sizeof(hand->card_next));
    ck_assert_uint_eq(hand->card_token, 0);
    memcpy(hand->card_next, bytes, size);
    hand->card_next_size = size;
    hand->card_token = token;
    return 0;
}

static int
blob_get(struct plat *plat, const char *name, const void **bytes, size_t *size)
{
    struct actor *hand = CONTAINER_OF(plat, struct actor, plat);

    ck_assert_str_eq(name, "plan");
    if (hand->plan == NULL)
        return ERR_NOENT;
    *bytes = hand->plan;
    *size = hand->plan_size;
    return 0;
}

static int
fwd_dump(struct plat *plat, struct fwd_entry *entries, size_t room,
         size_t *count)
{
    ck_assert_uint_ge(room, 1);
    *count = CONTAINER_OF(plat, struct actor, plat)->forwards;
    entries[0] = (struct fwd_entry){.object = FWD_BOX, .value = 1};
    return 0;
}

static const struct plat_ops plat_ops = {
    .now_ns = plat_now,
    .wall_ns = plat_now,
    .storage_size = storage_size,
    .storage_read = storage_read,
    .storage_replace = storage_replace,
    .blob_get = blob_get,
};
static const struct fwd_ops fwd_ops = {.dump = fwd_dump};

static void *
chunk_take(void *arg, size_t size)
{
    (void)arg;
    return aligned_alloc(16, (size + 15) / 16 * 16);
}

static void
chunk_give(void *arg, void *chunk, size_t size)
{
    (void)arg;
    (void)size;
    free(chunk);
}

struct plat *
actor_plat(struct actor *self)
{
    return &self->plat;
}

const struct box_facts *
actor_facts(struct actor *self)
{
    return &self->facts;
}

struct mem *
actor_mem(struct actor *self)
{
    return self->mem;
}

unsigned
actor_service(struct actor *self)
{
    return self->kind->id;
}

uint32_t
actor_life(struct actor *self)
{
    return self->life;
}

uint64_t
actor_now_ns(struct actor *self)
{
    return self->now_ns;
}

uint64_t
actor_random(struct actor *self)
{
    return test_random(&self->random);
}

void
actor_charge(struct actor *self, enum cost cost, uint64_t units)
{
    self->charged_ns += units * cost_default_ns(cost);
}

bool
actor_quantum_over(struct actor *self)
{
    return self->charged_ns >= PLAT_QUANTUM_NS;
}

int
actor_send(struct actor *self, struct actor_address to, enum lane lane,
           uint16_t type, uint64_t epoch, const void *body, size_t size)
{
    struct hand_sent *sent = &self->sent[self->sent_count];

    (void)epoch;
    ck_assert_uint_lt(self->sent_count, HAND_SENT_MAX);
    if (size > sizeof(sent->body))
        return ERR_RANGE;
    sent->to = to;
    if (to.box == self->facts.key)
        sent->to.box = 0;
    sent->lane = lane;
    sent->type = type;
    sent->size = size;
    if (size > 0)
        memcpy(sent->body, body, size);
    self->sent_count++;
    return 0;
}

void
actor_timer_set(struct actor *self, unsigned timer, uint64_t deadline_ns)
{
    ck_assert_uint_lt(timer, ACTOR_TIMERS_MAX);
    self->timers_ns[timer] = deadline_ns;
}

void
actor_timer_cancel(struct actor *self, unsigned timer)
{
    self->timers_ns[timer] = TIME_NEVER_NS;
}

void
actor_trace(struct actor *self, enum trace_kind kind, uint64_t a, uint64_t b,
            uint64_t c, uint64_t d)
{
    ck_assert_uint_lt(self->trace_count, HAND_TRACES_MAX);
    self->traces[self->trace_count++] =
        (struct trace_record){kind, 0, a, b, c, d};
}

void
actor_log(struct actor *self, enum severity severity, const char *format, ...)
{
    (void)self;
    (void)severity;
    (void)format;
}

static void
deliver(struct actor *hand, const struct actor_event *event)
{
    struct actor_event more = {.kind = EV_CONTINUE};
    unsigned steps = 0;
    int result;

    hand->charged_ns = 0;
    result = hand->kind->handle(hand, hand->state, event);
    while (result == ACTOR_MORE) {
        hand->charged_ns = 0;
        result = hand->kind->handle(hand, hand->state, &more);
        ck_assert_uint_lt(steps++, 10000);
    }
    ck_assert_int_eq(result, ACTOR_DONE);
}

static void
begin(struct actor *hand)
{
    struct mem_source source = {chunk_take, chunk_give, NULL};
    struct actor_event event = {.kind = EV_START};

    for (unsigned i = 0; i < ACTOR_TIMERS_MAX; i++)
        hand->timers_ns[i] = TIME_NEVER_NS;
    hand->mem = mem_create(&source, hand->kind->memory_max_bytes);
    ck_assert_ptr_nonnull(hand->mem);
    ck_assert_int_eq(hand->kind->start(hand, &hand->state), 0);
    deliver(hand, &event);
}

void
hand_open(struct actor *hand, const struct actor_kind *kind, enum role role,
          uint64_t key)
{
    memset(hand, 0, sizeof(*hand));
    hand->kind = kind;
    hand->plat.ops = &plat_ops;
    hand->plat.fwd = &fwd_ops;
    hand->plat.facts = &hand->facts;
    hand->facts.key = key;
    hand->facts.role = role;
    hand->facts.cluster_id = 7;
    hand->facts.incarnation = 1;
    memcpy(hand->facts.serial, "S-1", 4);
    hand->life = 1;
    hand->random = key;
    hand->now_ns = 100 * NS_PER_S;
    begin(hand);
}

void
hand_close(struct actor *hand)
{
    mem_destroy(hand->mem);
}

void
hand_restart(struct actor *hand, bool reboot)
{
    mem_destroy(hand->mem);
    hand->life++;
    hand->card_token = 0;
    if (reboot) {
        hand->facts.incarnation++;
        hand->life = 1;
    }
    begin(hand);
}

void
hand_message(struct actor *hand, struct actor_address from, uint16_t type,
             const void *body, size_t size)
{
    struct actor_event event = {
        .kind = EV_MESSAGE,
        .u.message = {.from = from,
                      .to = {0, (uint8_t)hand->kind->id},
                      .lane = LANE_CONTROL,
                      .type = type,
                      .body = body,
                      .size = size},
    };

    deliver(hand, &event);
}

void
hand_operator(struct actor *hand, uint64_t token, const void *bytes,
              size_t size)
{
    struct actor_event event = {
        .kind = EV_OPERATOR,
        .u.operation = {.token = token, .bytes = bytes, .size = size},
    };

    deliver(hand, &event);
}

void
actor_operator_reply(struct actor *self, uint64_t token, const void *bytes,
                     size_t size)
{
    struct wire_reader reader;

    wire_reader_init(&reader, bytes, size);
    ck_assert_int_eq(operator_rep_read(&reader, &self->reply), 0);
    ck_assert_int_eq(wire_reader_finish(&reader), 0);
    self->reply_token = token;
    self->reply_count++;
}

void
hand_run(struct actor *hand, uint64_t span_ns)
{
    uint64_t end_ns = hand->now_ns + span_ns;

    for (;;) {
        struct actor_event event = {.kind = EV_TIMER};
        unsigned next = 0;

        for (unsigned i = 1; i < ACTOR_TIMERS_MAX; i++)
            if (hand->timers_ns[i] < hand->timers_ns[next])
                next = i;
        if (hand->timers_ns[next] > end_ns)
            break;
        if (hand->timers_ns[next] > hand->now_ns)
            hand->now_ns = hand->timers_ns[next];
        hand->timers_ns[next] = TIME_NEVER_NS;
        event.u.timer = next;
        deliver(hand, &event);
    }
    hand->now_ns = end_ns;
}

void
hand_card_done(struct actor *hand, int status)
{
    struct actor_event event = {
        .kind = EV_STORAGE,
        .u.storage = {.token = hand->card_token, .status = status},
    };

    ck_assert_uint_ne(hand->card_token, 0);
    hand->card_token = 0;
    if (status == 0) {
        memcpy(hand->card, hand->card_next, hand->card_next_size);
        hand->card_size = hand->card_next_size;
    }
    deliver(hand, &event);
}

const struct hand_sent *
hand_take(struct actor *hand, uint16_t type)
{
    static struct hand_sent taken;

    for (unsigned i = 0; i < hand->sent_count; i++) {
        if (hand->sent[i].type != type)
            continue;
        taken = hand->sent[i];
        hand->sent_count--;
        memmove(&hand->sent[i], &hand->sent[i + 1],
                (hand->sent_count - i) * sizeof(hand->sent[0]));
        return &taken;
    }
    return NULL;
}

unsigned
hand_count(const struct actor *hand, uint16_t type)
{
    unsigned count = 0;

    for (unsigned i = 0; i < hand->sent_count; i++)
        count += hand->sent[i].type == type;
    return count;
}

void
hand_forget(struct actor *hand)
{
    hand->sent_count = 0;
    hand->trace_count = 0;
}

const struct trace_record *
hand_trace(const struct actor *hand, enum trace_kind kind)
{
    for (unsigned i = hand->trace_count; i > 0; i--)
        if (hand->traces[i - 1].kind == kind)
            return &hand->traces[i - 1];
    return NULL;
}

unsigned
hand_traces(const struct actor *hand, enum trace_kind kind)
{
    unsigned count = 0;

    for (unsigned i = 0; i < hand->trace_count; i++)
        count += hand->traces[i].kind == kind;
    return count;
}
