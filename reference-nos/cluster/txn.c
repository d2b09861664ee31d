/* SPDX-License-Identifier: Apache-2.0
 *
 * One transaction at a time: first what makes this controller active, then
 * the jobs in the order they came.
 *
 * Every transaction is fenced by the term and names the versions it was
 * decided on, so one that was lost with its sender does no harm later.
 */
#include "reference-nos/base/check.h"
#include "reference-nos/base/err.h"
#include "reference-nos/cluster/manager_priv.h"

#include <string.h>

#define OUTCOME_NS (1 * NS_PER_S)
#define AGAIN_NS (50 * NS_PER_MS)
#define REFUSED_NS (100 * NS_PER_MS)
#define PLAN_ROWS_PER_TXN 64u
#define PAY_SLICE 16u /* numbers charged at a time */
#define TOMBSTONE_DEFAULT_S 3600u

static const struct key_bytes only_row = {.size = 0};

struct job *
txn_job_add(struct manager *manager, enum job_kind kind)
{
    struct job *job;

    if (manager->job_count >= MANAGER_JOBS_MAX)
        return NULL;
    job = mem_zalloc(manager->mem, sizeof(*job));
    if (job == NULL)
        return NULL;
    job->kind = kind;
    list_push_back(&manager->jobs, &job->node);
    manager->job_count++;
    return job;
}

static struct job *
first_job(const struct manager *manager)
{
    struct list_node *node = list_first(&manager->jobs);

    return node == NULL ? NULL : CONTAINER_OF(node, struct job, node);
}

static void
job_free(struct manager *manager, struct job *job)
{
    list_remove(&job->node);
    manager->job_count--;
    mem_free(manager->mem, job, sizeof(*job));
}

/* --- Building ----------------------------------------------------------- */

void
txn_begin(struct manager *manager, struct wire_writer *writer)
{
    struct store_txn txn = {
        .client = manager->client,
        .sequence = ++manager->sequence,
        .term = manager->ready_term,
    };

    CHECK(manager->purpose == TXN_NONE);
    wire_writer_init(writer, manager->txn, sizeof(manager->txn));
    store_txn_begin(writer, &txn);
}

static void
key_of(uint16_t id, struct key_bytes *out)
{
    struct module_key key;
    int error = module_of_id(id, &key.role, &key.number);

    CHECK(error == 0);
    module_key_encode(&key, out);
}

void
txn_put_module(struct manager *manager, struct wire_writer *writer,
               uint16_t id, const struct module_row *row)
{
    const struct module *module = &manager->modules[id];
    struct key_bytes key;
    struct row_bytes bytes;

    key_of(id, &key);
    module_row_encode(row, &bytes);
    store_txn_add(writer, STORE_OP_EXPECT, TABLE_MODULE, &key, NULL,
                  module->present ? module->version : 0);
    store_txn_add(writer, STORE_OP_PUT, TABLE_MODULE, &key, &bytes, 0);
}

void
txn_put_plan(struct manager *manager, struct wire_writer *writer, uint16_t id,
             const struct plan_row *row)
{
    struct key_bytes key;
    struct row_bytes bytes;

    key_of(id, &key);
    plan_row_encode(row, &bytes);
    store_txn_add(writer, STORE_OP_EXPECT, TABLE_PLAN, &key, NULL,
                  manager->modules[id].plan_version);
    store_txn_add(writer, STORE_OP_PUT, TABLE_PLAN, &key, &bytes, 0);
}

static void
send(struct manager *manager)
{
    struct actor_address to = {0, SVC_STORE};

    (void)!actor_send(manager->self, to, LANE_CONTROL, MSG_STORE_TXN,
                      manager->ready_term, manager->txn, manager->txn_size);
    actor_timer_set(manager->self, MANAGER_TIMER_TXN,
                    actor_now_ns(manager->self) + OUTCOME_NS);
}

void
txn_submit(struct manager *manager, const struct wire_writer *writer,
           enum txn_purpose purpose)
{
    CHECK(wire_writer_finish(writer) == 0);
    manager->purpose = purpose;
    manager->txn_size = wire_writer_size(writer);
    send(manager);
}

void
txn_timer(struct manager *manager)
{
    if (manager->purpose != TXN_NONE)
        send(manager);
}

void
txn_backoff(struct manager *manager, uint64_t wait_ns)
{
    manager->backoff = true;
    actor_timer_set(manager->self, MANAGER_TIMER_BACKOFF,
                    actor_now_ns(manager->self) + wait_ns);
}

/* --- The first leader of an empty store --------------------------------- */

static bool
plan_open(struct manager *manager)
{
    const void *bytes;
    size_t size;

    if (manager->plat->ops->blob_get(manager->plat, "plan", &bytes, &size) !=
        0)
        return false;
    wire_reader_init(&manager->plan, bytes, size);
    if (plan_read(&manager->plan, &manager->plan_cluster,
                  &manager->plan_modules, &manager->plan_cables) == 0)
        return true;
    actor_log(manager->self, SEVERITY_ERROR, "cluster: the plan is broken");
    return false;
}

/* Without a plan boxes are numbered as they come. */
static void
plan_default(struct manager *manager)
{
    manager->plan_cluster = (struct cluster_row){
        .cluster_id = manager->facts->cluster_id,
        .tombstone_s = TOMBSTONE_DEFAULT_S,
        .pool_size = {[ROLE_NCC] = MODULE_POOL_NCC,
                      [ROLE_NCP] = MODULE_POOL_NCP,
                      [ROLE_NCF] = MODULE_POOL_NCF,
                      [ROLE_NCM] = MODULE_POOL_NCM},
    };
    manager->plan_modules = 0;
    manager->plan_cables = 0;
}

static int
plan_row_put(struct manager *manager, struct wire_writer *writer)
{
    struct key_bytes key_bytes;
    struct row_bytes row_bytes;
    struct module_key module_key;
    struct plan_row plan_row;
    struct cable_key cable_key;
    struct cable_row cable_row;
    int error;

    if (manager->plan_modules > 0) {
        manager->plan_modules--;
        error = plan_module_read(&manager->plan, &module_key, &plan_row);
        if (error != 0)
            return error;
        module_key_encode(&module_key, &key_bytes);
        plan_row_encode(&plan_row, &row_bytes);
        store_txn_add(writer, STORE_OP_PUT, TABLE_PLAN, &key_bytes, &row_bytes,
                      0);
        return 0;
    }
    manager->plan_cables--;
    error = plan_cable_read(&manager->plan, &cable_key, &cable_row);
    if (error != 0)
        return error;
    cable_key_encode(&cable_key, &key_bytes);
    cable_row_encode(&cable_row, &row_bytes);
    store_txn_add(writer, STORE_OP_PUT, TABLE_CABLING, &key_bytes, &row_bytes,
                  0);
    return 0;
}

/* The cluster row comes last: while it is missing the plan is not loaded. */
static void
plan_step(struct manager *manager)
{
    struct wire_writer writer;
    struct row_bytes row;
    unsigned count = 0;

    if (!manager->plan_open && !plan_open(manager))
        plan_default(manager);
    manager->plan_open = true;
    txn_begin(manager, &writer);
    store_txn_add(&writer, STORE_OP_EXPECT, TABLE_CLUSTER, &only_row, NULL, 0);
    if (manager->plan_modules + manager->plan_cables == 0) {
        cluster_row_encode(&manager->plan_cluster, &row);
        store_txn_add(&writer, STORE_OP_PUT, TABLE_CLUSTER, &only_row, &row,
                      0);
        txn_submit(manager, &writer, TXN_CLUSTER);
        return;
    }
    while (manager->plan_modules + manager->plan_cables > 0 &&
           count++ < PLAN_ROWS_PER_TXN) {
        if (plan_row_put(manager, &writer) != 0) {
            actor_log(manager->self, SEVERITY_ERROR,
                      "cluster: the plan ends in the middle");
            manager->plan_modules = 0;
            manager->plan_cables = 0;
        }
    }
    txn_submit(manager, &writer, TXN_PLAN);
}

static void
claim(struct manager *manager)
{
    struct active_row row = {manager->facts->key, manager->ready_term};
    struct wire_writer writer;
    struct row_bytes bytes;

    active_row_encode(&row, &bytes);
    txn_begin(manager, &writer);
    store_txn_add(&writer, STORE_OP_PUT, TABLE_ROLE, &only_row, &bytes, 0);
    txn_submit(manager, &writer, TXN_CLAIM);
}

/* --- Outcomes ----------------------------------------------------------- */

static void
job_outcome(struct manager *manager, int status, uint64_t index)
{
    struct job *job = manager->job;
    bool over;

    CHECK(job != NULL);
    manager->job = NULL;
    if (job->kind == JOB_JOIN)
        over = join_done(manager, job, status, index);
    else
        over = verbs_done(manager, job, status, index);
    if (over)
        job_free(manager, job);
}

static void
outcome(struct manager *manager, enum txn_purpose purpose, int status,
        uint64_t index)
{
    if (status == ERR_NOT_LEADER || status == ERR_STALE)
        txn_backoff(manager, REFUSED_NS); /* The role message is on its way. */
    switch (purpose) {
    case TXN_NONE: break;
    case TXN_PLAN:
        if (status != 0)
            manager->plan_open = false;
        break;
    case TXN_CLUSTER:
        if (status == 0) {
            manager->cluster = manager->plan_cluster;
            manager->cluster_present = true;
        }
        manager->plan_open = false;
        break;
    case TXN_CLAIM:
        if (status == 0)
            manager_activate(manager);
        break;
    case TXN_JOB: job_outcome(manager, status, index); break;
    }
    if (status == ERR_CONFLICT && purpose != TXN_JOB)
        txn_backoff(manager, AGAIN_NS);
}

void
txn_outcome(struct manager *manager, const struct actor_message *message)
{
    enum txn_purpose purpose = manager->purpose;
    struct wire_reader reader;
    struct store_txn_done done;

    wire_reader_init(&reader, message->body, message->size);
    if (store_txn_done_read(&reader, &done) != 0 || purpose == TXN_NONE ||
        done.client != manager->client || done.sequence != manager->sequence)
        return;
    if (done.status == ERR_TIMEOUT || done.status == ERR_BUSY) {
        /* The same sequence: done once, if it was done. */
        actor_timer_set(manager->self, MANAGER_TIMER_TXN,
                        actor_now_ns(manager->self) + AGAIN_NS);
        return;
    }
    manager->purpose = TXN_NONE;
    actor_timer_cancel(manager->self, MANAGER_TIMER_TXN);
    outcome(manager, purpose, done.status, done.index);
}

void
txn_abandon(struct manager *manager)
{
    struct job *job;

    manager->purpose = TXN_NONE;
    manager->job = NULL;
    manager->pay = 0;
    manager->plan_open = false;
    actor_timer_cancel(manager->self, MANAGER_TIMER_TXN);
    while ((job = first_job(manager)) != NULL) {
        if (job->kind == JOB_OPERATOR)
            verbs_refuse(manager, job, ERR_NOT_LEADER);
        job_free(manager, job);
    }
}

/* --- Pump --------------------------------------------------------------- */

static void
pay_some(struct manager *manager)
{
    unsigned units = manager->pay < PAY_SLICE ? manager->pay : PAY_SLICE;

    manager->pay -= units;
    actor_charge(manager->self, COST_ALLOCATE, units);
}

static void
job_step(struct manager *manager, struct job *job)
{
    bool over;

    manager->job = job;
    if (job->kind == JOB_JOIN)
        over = join_run(manager, job);
    else
        over = verbs_run(manager, job);
    if (manager->purpose != TXN_NONE)
        return;
    manager->job = NULL;
    if (over)
        job_free(manager, job);
}

int
txn_pump(struct manager *manager)
{
    while (manager->ready_term != 0 && manager->purpose == TXN_NONE &&
           !manager->backoff) {
        struct job *job = first_job(manager);

        if (actor_quantum_over(manager->self))
            return ACTOR_MORE;
        if (manager->pay > 0)
            pay_some(manager);
        else if (!manager->cluster_present)
            plan_step(manager);
        else if (!manager->active)
            claim(manager);
        else if (job != NULL)
            job_step(manager, job);
        else
            break;
    }
    return ACTOR_DONE;
}
