/* SPDX-License-Identifier: Apache-2.0
 *
 * What operators ask of the cluster.
 */
#include "reference-nos/base/check.h"
#include "reference-nos/base/err.h"
#include "reference-nos/cluster/manager_priv.h"

#include <string.h>

#define CONFLICTS_MAX 5u
#define CONFLICT_WAIT_NS (20 * NS_PER_MS)
#define HANDOVER_NS (3 * NS_PER_S) /* then another request may try */

/* Whom to ask instead, as operator_rep.value says it. */
static uint64_t
leader_hint(const struct manager *manager, int status)
{
    uint64_t key = manager->active_row.key;

    for (uint16_t number = 0;
         status == ERR_NOT_LEADER && key != 0 && number < MODULE_POOL_NCC;
         number++) {
        uint16_t id = module_id(ROLE_NCC, number);

        if (manager->modules[id].present &&
            manager->modules[id].row.key == key)
            return id + 1u;
    }
    return 0;
}

void
verbs_reply_begin(struct manager *manager, struct wire_writer *writer,
                  uint64_t token, const struct operator_req *req, int status)
{
    struct operator_rep rep = {
        .status = status,
        .verb = req->verb,
        .value = leader_hint(manager, status),
        .leader =
            manager->active ? manager->facts->key : manager->active_row.key,
        .term =
            manager->active ? manager->active_term : manager->active_row.term,
    };

    wire_writer_init(writer, manager->reply, sizeof(manager->reply));
    wire_write_u64(writer, token);
    operator_rep_write(writer, &rep);
}

void
verbs_reply_end(struct manager *manager, const struct wire_writer *writer)
{
    struct actor_address to = {0, SVC_OPERATOR};

    manager_send(manager, to, LANE_CONTROL, MSG_OPERATOR_REP, writer);
}

static void
reply(struct manager *manager, uint64_t token, const struct operator_req *req,
      int status)
{
    struct wire_writer writer;

    verbs_reply_begin(manager, &writer, token, req, status);
    verbs_reply_end(manager, &writer);
}

void
verbs_refuse(struct manager *manager, const struct job *job, int status)
{
    reply(manager, job->token, &job->req, status);
}

/* --- Handing over ------------------------------------------------------- */

/* A request that waits for the store's word, or for the end of this box's
 * leadership.  The operator service loses patience in time. */
static void
handover_end(struct manager *manager, int status)
{
    struct handover *handover = &manager->handover;

    if (!handover->waits)
        return;
    handover->waits = false;
    reply(manager, handover->token, &handover->req, status);
}

static void
handover_begin(struct manager *manager, uint64_t token,
               const struct operator_req *req)
{
    struct handover *handover = &manager->handover;
    uint64_t standby = manager_standby(manager);
    uint64_t now_ns = actor_now_ns(manager->self);
    uint8_t bytes[8];
    struct wire_writer writer;

    if (handover->waits && now_ns - handover->began_ns < HANDOVER_NS) {
        reply(manager, token, req, ERR_BUSY);
        return;
    }
    if (standby == 0) {
        /* A router of its own has nobody to hand over to. */
        bool stops = req->verb == OPERATOR_STOP && manager->facts->alone;

        reply(manager, token, req, stops ? 0 : ERR_UNREACHABLE);
        return;
    }
    *handover = (struct handover){true, token, now_ns, *req};
    wire_writer_init(&writer, bytes, sizeof(bytes));
    wire_write_u64(&writer, standby);
    manager_to_store(manager, MSG_STORE_TRANSFER, &writer);
}

void
verbs_transfer_done(struct manager *manager,
                    const struct actor_message *message)
{
    struct wire_reader reader;
    struct store_voter_done done;

    wire_reader_init(&reader, message->body, message->size);
    if (store_voter_done_read(&reader, &done) != 0)
        return;
    /* A box that stops waits until another one leads. */
    if (done.status != 0 || manager->handover.req.verb != OPERATOR_STOP)
        handover_end(manager, done.status);
}

void
verbs_lost(struct manager *manager, int status)
{
    handover_end(manager, status);
}

/* --- Requests ----------------------------------------------------------- */

/* What needs no active controller. */
static bool
answer_here(struct manager *manager, uint64_t token,
            const struct operator_req *req)
{
    if (manager->active)
        return false;
    reply(manager, token, req,
          req->verb == OPERATOR_STOP ? 0 : ERR_NOT_LEADER);
    return true;
}

static void
job_add(struct manager *manager, uint64_t token,
        const struct operator_req *req)
{
    struct job *job = txn_job_add(manager, JOB_OPERATOR);

    if (job == NULL) {
        reply(manager, token, req, ERR_BUSY);
        return;
    }
    job->token = token;
    job->req = *req;
}

void
verbs_request(struct manager *manager, const struct actor_message *message)
{
    struct wire_reader reader;
    struct operator_req req;
    uint64_t token;

    wire_reader_init(&reader, message->body, message->size);
    token = wire_read_u64(&reader);
    if (message->from.service != SVC_OPERATOR ||
        operator_req_read(&reader, &req) != 0 ||
        answer_here(manager, token, &req))
        return;
    switch (req.verb) {
    case OPERATOR_SHOW_MODULES:
    case OPERATOR_SHOW_CLUSTER:
    case OPERATOR_SHOW_CONTROLLERS:
    case OPERATOR_SHOW_ALARMS: show(manager, token, &req); break;
    case OPERATOR_SWITCHOVER:
    case OPERATOR_STOP: handover_begin(manager, token, &req); break;
    case OPERATOR_DRAIN:
    case OPERATOR_UNDRAIN:
    case OPERATOR_REPLACE:
    case OPERATOR_REMOVE:
    case OPERATOR_LOCATE: job_add(manager, token, &req); break;
    case OPERATOR_WRITE:
    case OPERATOR_READ:
    case OPERATOR_EDIT:
    case OPERATOR_SHOW_ROUTES:
    case OPERATOR_SHOW_FIB:
    case OPERATOR_VERB_END:
        reply(manager, token, &req, ERR_UNSUPPORTED);
        break;
    }
}

/* --- Jobs --------------------------------------------------------------- */

static int
remove_plan(const struct manager *manager, struct job *job)
{
    if (job->row.key == 0)
        return ERR_NOENT;
    /* Who decides must stay: another controller leads first. */
    if (job->row.key == manager->facts->key)
        return ERR_REFUSED;
    job->row.former_key = job->row.key;
    job->row.key = 0;
    job->row.removed = true;
    job->row.drained = false;
    job->row.locate = false;
    job->row.how = MODULE_REMOVED;
    return 0;
}

/* The serial is planned; an absent holder gives its number up for it.  A
 * number that nobody ever had, nor was planned to have, is a slip. */
static int
replace_plan(struct manager *manager, struct job *job)
{
    const struct module *module = &manager->modules[job->module];
    const struct box *box = mirror_box(manager, job->row.key);

    if (job->req.serial[0] == '\0')
        return ERR_INVALID;
    if (!module->present && module->plan_version == 0)
        return ERR_NOENT;
    memcpy(job->plan.serial, job->req.serial, sizeof(job->plan.serial));
    job->plan_changes = true;
    if (job->row.key == 0 || (box != NULL && box->live != LIVE_AWAY))
        return 0;
    job->row.former_key = job->row.key;
    job->row.key = 0;
    return 0;
}

/* What the rows will be; ERR_EXISTS when they are so already. */
static int
rows_plan(struct manager *manager, struct job *job)
{
    const struct module *module;

    if (job->req.module >= FWD_MODULES_MAX)
        return ERR_NOENT;
    module = &manager->modules[job->req.module];
    job->module = job->req.module;
    job->row = module->row;
    job->plan_changes = false;
    if (job->req.verb == OPERATOR_REPLACE)
        return replace_plan(manager, job);
    if (!module->present || module->row.key == 0)
        return ERR_NOENT;
    if (job->req.verb == OPERATOR_REMOVE)
        return remove_plan(manager, job);
    if (job->req.verb == OPERATOR_DRAIN)
        job->row.drained = true;
    else if (job->req.verb == OPERATOR_UNDRAIN)
        job->row.drained = false;
    else if (job->req.verb == OPERATOR_LOCATE)
        job->row.locate = job->req.value != 0;
    else
        return ERR_UNSUPPORTED;
    return job->row.drained == module->row.drained &&
                   job->row.locate == module->row.locate
               ? ERR_EXISTS
               : 0;
}

bool
verbs_run(struct manager *manager, struct job *job)
{
    int error = rows_plan(manager, job);
    const struct module *module;
    struct wire_writer writer;

    if (error != 0) {
        verbs_refuse(manager, job, error == ERR_EXISTS ? 0 : error);
        return true;
    }
    module = &manager->modules[job->module];
    txn_begin(manager, &writer);
    if (job->plan_changes)
        txn_put_plan(manager, &writer, job->module, &job->plan);
    if (module->present)
        txn_put_module(manager, &writer, job->module, &job->row);
    txn_submit(manager, &writer, TXN_JOB);
    return false;
}

static void
removed(struct manager *manager, const struct job *job)
{
    struct box *box = mirror_box(manager, job->row.former_key);

    actor_trace(manager->self, TRACE_MODULE, job->module, job->row.former_key,
                MODULE_REMOVED, manager->active_term);
    if (box != NULL && box->live != LIVE_AWAY)
        box->left_boot = box->incarnation;
    roster_counts(manager);
}

bool
verbs_done(struct manager *manager, struct job *job, int status,
           uint64_t index)
{
    bool had_row = manager->modules[job->module].present;

    if (status == ERR_CONFLICT && ++job->tries < CONFLICTS_MAX) {
        txn_backoff(manager, CONFLICT_WAIT_NS);
        return false;
    }
    verbs_refuse(manager, job, status);
    if (status != 0)
        return true;
    if (job->plan_changes)
        mirror_plan(manager, job->module, &job->plan, index);
    if (had_row)
        mirror_module(manager, job->module, &job->row, index);
    if (job->req.verb == OPERATOR_REMOVE)
        removed(manager, job);
    else if (job->req.verb == OPERATOR_DRAIN ||
             job->req.verb == OPERATOR_UNDRAIN)
        actor_trace(manager->self, TRACE_DRAIN, job->module, job->row.drained,
                    0, 0);
    return true;
}
