/* SPDX-License-Identifier: Apache-2.0
 *
 * Answering boxes that ask for a number.
 */
#include "reference-nos/base/check.h"
#include "reference-nos/base/err.h"
#include "reference-nos/cluster/card.h"
#include "reference-nos/cluster/manager_priv.h"
#include "reference-nos/platform/mutation.h"

#include <string.h>

#define RETRY_BUSY_MS 500u
#define RETRY_REFUSED_MS 5000u
#define CONFLICTS_MAX 5u
#define CONFLICT_WAIT_NS (20 * NS_PER_MS)

void
join_drop(struct manager *manager, struct box *box)
{
    mem_free(manager->mem, box->join, sizeof(*box->join));
    box->join = NULL;
}

static void
reject_send(struct manager *manager, uint64_t to, int reason,
            uint32_t retry_ms)
{
    struct join_reject reject = {reason, retry_ms};
    uint8_t bytes[16];
    struct wire_writer writer;

    wire_writer_init(&writer, bytes, sizeof(bytes));
    join_reject_write(&writer, &reject);
    manager_to_member(manager, to, LANE_CONTROL, MSG_JOIN_REJECT, &writer);
}

void
join_reject(struct manager *manager, struct box *box, int reason,
            uint32_t retry_ms)
{
    join_drop(manager, box);
    reject_send(manager, box->key, reason, retry_ms);
}

static void
refused_trace(struct manager *manager, const struct join_req *req, int reason)
{
    actor_trace(manager->self, TRACE_MODULE_REFUSED, req->key,
                (uint64_t)reason, req->role, req->number);
}

/* Why the request is not looked at, or 0. */
static int
request_obstacle(const struct manager *manager, const struct box *box,
                 const struct join_req *req, uint64_t from)
{
    if (req->cluster_id != manager->facts->cluster_id || req->key != from)
        return ERR_REFUSED;
    if (box == NULL)
        return ERR_FULL;
    if (box->live == LIVE_YES && req->incarnation < box->incarnation)
        return ERR_STALE;
    if (box->left_boot != 0 && box->left_boot == req->incarnation)
        return ERR_PERMISSION;
    return 0;
}

static void
challenge(struct manager *manager, const struct box *box)
{
    struct join_challenge question = {box->join->nonce};
    uint8_t bytes[16];
    struct wire_writer writer;

    wire_writer_init(&writer, bytes, sizeof(bytes));
    join_challenge_write(&writer, &question);
    manager_to_member(manager, box->key, LANE_CONTROL, MSG_JOIN_CHALLENGE,
                      &writer);
}

void
join_request(struct manager *manager, const struct actor_message *message)
{
    uint64_t from = manager_sender(manager, message);
    struct wire_reader reader;
    struct join_req req;
    struct box *box;
    int error;

    wire_reader_init(&reader, message->body, message->size);
    if (join_req_read(&reader, &req) != 0)
        return;
    box = mirror_box_add(manager, from);
    error = request_obstacle(manager, box, &req, from);
    if (error != 0) {
        if (error == ERR_REFUSED)
            refused_trace(manager, &req, error);
        reject_send(manager, from, error, RETRY_REFUSED_MS);
        return;
    }
    if (box->join != NULL && box->join->queued)
        return; /* Will be answered. */
    if (box->join == NULL)
        box->join = mem_zalloc(manager->mem, sizeof(*box->join));
    if (box->join == NULL)
        return; /* It asks again. */
    box->join->req = req;
    box->join->nonce = actor_random(manager->self);
    challenge(manager, box);
}

void
join_proof(struct manager *manager, const struct actor_message *message)
{
    struct box *box = mirror_box(manager, manager_sender(manager, message));
    struct wire_reader reader;
    struct join_proof proof;
    struct job *job;

    wire_reader_init(&reader, message->body, message->size);
    if (join_proof_read(&reader, &proof) != 0 || box == NULL ||
        box->join == NULL || box->join->queued ||
        proof.nonce != box->join->nonce)
        return;
    actor_charge(manager->self, COST_IDENTITY, 1);
    if (proof.proof != card_proof(box->key, proof.nonce)) {
        refused_trace(manager, &box->join->req, ERR_REFUSED);
        join_reject(manager, box, ERR_REFUSED, RETRY_REFUSED_MS);
        return;
    }
    job = txn_job_add(manager, JOB_JOIN);
    if (job == NULL) {
        join_reject(manager, box, ERR_BUSY, RETRY_BUSY_MS);
        return;
    }
    job->key = box->key;
    box->join->queued = true;
}

void
join_ack(struct manager *manager, const struct actor_message *message)
{
    struct box *box = mirror_box(manager, manager_sender(manager, message));
    struct wire_reader reader;
    struct join_ack ack;

    wire_reader_init(&reader, message->body, message->size);
    if (join_ack_read(&reader, &ack) != 0 || box == NULL ||
        box->module == MODULE_NONE || ack.term != manager->active_term)
        return;
    roster_alive(manager, box);
}

/* --- Searching a number ------------------------------------------------- */

static void
slot_fill(const struct manager *manager, const struct module *module,
          struct slot *slot)
{
    uint64_t rest_ns = (uint64_t)manager->cluster.tombstone_s * NS_PER_S;
    uint64_t now_ns = actor_now_ns(manager->self);
    const struct box *box;

    memset(slot, 0, sizeof(*slot));
    if (module->plan_version != 0)
        memcpy(slot->planned, module->plan.serial, sizeof(slot->planned));
    if (!module->present)
        return;
    if (module->row.key == 0) {
        slot->key = module->row.former_key;
        if (module->row.removed)
            slot->state = now_ns - module->rest_ns >= rest_ns ? SLOT_RESTED
                                                              : SLOT_RESTING;
        return;
    }
    slot->state = SLOT_HELD;
    slot->key = module->row.key;
    memcpy(slot->serial, module->row.serial, sizeof(slot->serial));
    box = mirror_box(manager, slot->key);
    slot->live = box == NULL ? LIVE_AWAY : box->live;
}

static unsigned
slots_fill(struct manager *manager, enum role role)
{
    unsigned count = manager->cluster.pool_size[role];

    CHECK(count <= ARRAY_COUNT(manager->slots));
    for (unsigned number = 0; number < count; number++)
        slot_fill(manager,
                  &manager->modules[module_id(role, (uint16_t)number)],
                  &manager->slots[number]);
    return count;
}

static uint16_t
position_of(struct manager *manager, const struct join_req *req)
{
    struct cabling_seen cables[CABLES_SEEN_MAX];

    for (unsigned i = 0; i < req->cable_count; i++) {
        const struct box *far = mirror_box(manager, req->cables[i].peer_key);

        cables[i] = (struct cabling_seen){
            .seen = true,
            .port = req->cables[i].port,
            .module = far == NULL ? MODULE_NONE : far->module,
            .far_port = req->cables[i].peer_port,
        };
    }
    return cabling_position(&manager->cabling, req->role, cables,
                            req->cable_count);
}

static int
search(struct manager *manager, const struct join_req *req,
       struct allocate_result *result)
{
    struct allocate_request request = {
        .key = req->key,
        .serial = req->serial,
        .position = position_of(manager, req),
        .impatient = mutation_awake(manager->plat, MUTATION_REUSE_NUMBER),
    };

    return allocate_number(manager->slots, slots_fill(manager, req->role),
                           &request, result);
}

/* --- Jobs --------------------------------------------------------------- */

/* The number whose live holder has this serial. */
static uint16_t
holder_of(const struct manager *manager, const struct join_req *req)
{
    for (uint16_t id = 0; id < FWD_MODULES_MAX; id++) {
        const struct module *module = &manager->modules[id];

        if (module->present && module->row.key != 0 &&
            module->row.key != req->key &&
            strcmp(module->row.serial, req->serial) == 0)
            return id;
    }
    return MODULE_NONE;
}

static void
no_number(struct manager *manager, struct box *box, int reason)
{
    const struct join_req *req = &box->join->req;
    uint64_t now_ns = actor_now_ns(manager->self);
    uint16_t holder = holder_of(manager, req);

    if (reason == ERR_BUSY) {
        join_reject(manager, box, reason, RETRY_BUSY_MS);
        return;
    }
    refused_trace(manager, req, reason);
    if (reason == ERR_FULL) {
        manager->pool_ns[req->role] = now_ns;
        manager_alarm(manager, &manager->pool_raised[req->role], true,
                      ALARM_POOL_EXHAUSTED, req->role, req->key);
    } else if (reason == ERR_EXISTS && holder != MODULE_NONE) {
        manager->modules[holder].duplicate_ns = now_ns;
        manager_alarm(manager, &manager->modules[holder].duplicate_raised,
                      true, ALARM_DUPLICATE_SERIAL, holder, req->key);
    }
    join_reject(manager, box, reason, RETRY_REFUSED_MS);
}

/* The row as it will be. */
static void
row_plan(const struct manager *manager, const struct join_req *req,
         const struct allocate_result *result, struct job *job)
{
    const struct module *module;

    job->module = module_id(req->role, result->number);
    module = &manager->modules[job->module];
    memset(&job->row, 0, sizeof(job->row));
    if (module->present) {
        job->row = module->row;
        job->row.removed = false;
    }
    if (result->how != MODULE_KNOWN_KEY)
        job->row.former_key = result->former_key;
    job->row.key = req->key;
    job->row.how = result->how;
    memcpy(job->row.serial, req->serial, sizeof(job->row.serial));
}

bool
join_run(struct manager *manager, struct job *job)
{
    struct box *box = mirror_box(manager, job->key);
    struct allocate_result result;
    struct wire_writer writer;
    int error;

    if (box == NULL || box->join == NULL)
        return true;
    error = search(manager, &box->join->req, &result);
    if (!job->paid) {
        job->paid = true;
        manager->pay = result.examined;
        return false;
    }
    if (error != 0) {
        no_number(manager, box, error);
        return true;
    }
    row_plan(manager, &box->join->req, &result, job);
    txn_begin(manager, &writer);
    txn_put_module(manager, &writer, job->module, &job->row);
    txn_submit(manager, &writer, TXN_JOB);
    return false;
}

static void
offer(struct manager *manager, const struct job *job, uint64_t index)
{
    struct join_offer offered = {
        .term = manager->active_term,
        .index = index,
        .how = job->row.how,
    };
    uint8_t bytes[32];
    struct wire_writer writer;
    enum role role;
    int error = module_of_id(job->module, &role, &offered.number);

    CHECK(error == 0);
    wire_writer_init(&writer, bytes, sizeof(bytes));
    join_offer_write(&writer, &offered);
    manager_to_member(manager, job->key, LANE_CONTROL, MSG_JOIN_OFFER,
                      &writer);
    manager_alarm(manager, &manager->pool_raised[role], false,
                  ALARM_POOL_EXHAUSTED, role, 0);
}

bool
join_done(struct manager *manager, struct job *job, int status, uint64_t index)
{
    struct box *box = mirror_box(manager, job->key);

    if (status == ERR_CONFLICT && ++job->tries < CONFLICTS_MAX) {
        txn_backoff(manager, CONFLICT_WAIT_NS);
        return false;
    }
    if (status != 0) {
        if (box != NULL)
            join_reject(manager, box, ERR_BUSY, RETRY_BUSY_MS);
        return true;
    }
    mirror_module(manager, job->module, &job->row, index);
    actor_trace(manager->self, TRACE_MODULE, job->module, job->key,
                job->row.how, manager->active_term);
    box = mirror_box(manager, job->key);
    if (box == NULL || box->join == NULL)
        return true;
    box->incarnation = box->join->req.incarnation;
    join_drop(manager, box);
    roster_expect(manager, box);
    offer(manager, job, index);
    return true;
}
