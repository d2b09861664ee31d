/* SPDX-License-Identifier: Apache-2.0
 *
 * The door of a box: its disk, its clock, its memory.
 */
#include "reference-nos/store/store_testworld_priv.h"

/* --- Disk --------------------------------------------------------------- */

void
file_apply(struct file *file, const struct file_op *op, size_t part)
{
    switch (op->kind) {
    case OP_APPEND:
        file->bytes = realloc(file->bytes, file->size + part + 1);
        memcpy(file->bytes + file->size, op->bytes, part);
        file->size += part;
        return;
    case OP_TRUNCATE:
        if (op->size < file->size)
            file->size = op->size;
        return;
    case OP_REPLACE:
        file->bytes = realloc(file->bytes, op->size + 1);
        memcpy(file->bytes, op->bytes, op->size);
        file->size = op->size;
        return;
    case OP_SYNC: return;
    }
}

void
op_free(struct file_op *op)
{
    free(op->bytes);
    free(op);
}

static void
file_view(struct box *box, enum storage_file file, struct file *view)
{
    view->size = box->files[file].size;
    view->bytes = malloc(view->size + 1);
    if (view->size != 0)
        memcpy(view->bytes, box->files[file].bytes, view->size);
    for (struct file_op *op = box->ops; op != NULL; op = op->next)
        if (op->file == file)
            file_apply(view, op, op->size);
}

/* Completions come as packets with lane LANE_COUNT. */
static void
op_add(struct box *box, struct file_op *op)
{
    struct file_op **end = &box->ops;
    struct packet *packet;

    while (*end != NULL)
        end = &(*end)->next;
    *end = op;
    if (op->kind != OP_SYNC && op->kind != OP_REPLACE)
        return;
    packet = calloc(1, sizeof(*packet));
    packet->at_ns = box_now_ns(box) + box->disk_ns;
    packet->to = (unsigned)(box - box->world->boxes);
    packet->lane = LANE_COUNT;
    packet->from = box->lives;
    packet_add(box->world, packet);
}

static struct file_op *
op_make(int kind, enum storage_file file, const void *bytes, size_t size,
        unsigned service, uint64_t token)
{
    struct file_op *op = calloc(1, sizeof(*op));

    op->kind = kind;
    op->file = file;
    op->size = size;
    op->service = service;
    op->token = token;
    if (bytes != NULL) {
        op->bytes = malloc(size + 1);
        memcpy(op->bytes, bytes, size);
    }
    return op;
}

static int
plat_append(struct plat *plat, enum storage_file file, const void *bytes,
            size_t size)
{
    op_add(box_of(plat), op_make(OP_APPEND, file, bytes, size, 0, 0));
    return 0;
}

static int
plat_truncate(struct plat *plat, enum storage_file file, uint64_t size)
{
    op_add(box_of(plat), op_make(OP_TRUNCATE, file, NULL, size, 0, 0));
    return 0;
}

static int
plat_sync(struct plat *plat, enum storage_file file, unsigned service,
          uint64_t token)
{
    op_add(box_of(plat), op_make(OP_SYNC, file, NULL, 0, service, token));
    return 0;
}

static int
plat_replace(struct plat *plat, enum storage_file file, const void *bytes,
             size_t size, unsigned service, uint64_t token)
{
    op_add(box_of(plat),
           op_make(OP_REPLACE, file, bytes, size, service, token));
    return 0;
}

static int
plat_size(struct plat *plat, enum storage_file file, uint64_t *size)
{
    struct file view;

    file_view(box_of(plat), file, &view);
    *size = view.size;
    free(view.bytes);
    return 0;
}

static int
plat_read(struct plat *plat, enum storage_file file, uint64_t offset,
          void *bytes, size_t size)
{
    struct file view;
    int error = ERR_IO;

    file_view(box_of(plat), file, &view);
    if (offset + size <= view.size) {
        memcpy(bytes, view.bytes + offset, size);
        error = 0;
    }
    free(view.bytes);
    return error;
}

/* The disk finished its queue up to the next op that answers. */
void
disk_done(struct box *box)
{
    while (box->ops != NULL) {
        struct file_op *op = box->ops;
        bool answers = op->kind == OP_SYNC || op->kind == OP_REPLACE;
        int error = answers ? box->disk_error : 0;

        box->ops = op->next;
        if (error == 0)
            file_apply(&box->files[op->file], op, op->size);
        if (answers && box->runtime != NULL)
            runtime_storage_done(box->runtime, op->service, op->token, error);
        op_free(op);
        if (answers)
            return;
    }
}

/* --- The rest of the door ----------------------------------------------- */

static uint64_t
plat_now(struct plat *plat)
{
    return box_now_ns(box_of(plat));
}

static uint64_t
plat_random(struct plat *plat)
{
    return world_random(box_of(plat)->world);
}

static void
plat_wake(struct plat *plat, uint64_t deadline_ns)
{
    box_of(plat)->wake_ns = deadline_ns;
}

static void
plat_ready(struct plat *plat, unsigned service)
{
    box_of(plat)->pending |= 1u << service;
}

static void
plat_charge(struct plat *plat, enum cost cost, uint64_t units)
{
    box_of(plat)->charged_ns += units * cost_default_ns(cost);
}

static void
plat_datagram(struct plat *plat, enum plane plane, uint64_t to, enum lane lane,
              const void *bytes, size_t size)
{
    (void)plat, (void)plane, (void)to, (void)lane, (void)bytes, (void)size;
}

static void
plat_packet(struct plat *plat, unsigned port, const void *bytes, size_t size)
{
    (void)plat, (void)port, (void)bytes, (void)size;
}

static int
plat_blob(struct plat *plat, const char *name, const void **bytes,
          size_t *size)
{
    (void)plat, (void)name, (void)bytes, (void)size;
    return ERR_NOENT;
}

static void *
plat_take(struct plat *plat, size_t size)
{
    struct box *box = box_of(plat);

    if (box->chunks_left == 0)
        return NULL;
    if (box->chunks_left != UINT64_MAX)
        box->chunks_left--;
    box->held_bytes += size;
    return aligned_alloc(16, (size + 15) & ~(size_t)15);
}

static void
plat_give(struct plat *plat, void *chunk, size_t size)
{
    box_of(plat)->held_bytes -= size;
    free(chunk);
}

static void
plat_reply(struct plat *plat, uint64_t token, const void *bytes, size_t size)
{
    (void)plat, (void)token, (void)bytes, (void)size;
}

static void
plat_log(struct plat *plat, unsigned service, enum severity severity,
         const char *text)
{
    if (getenv("STORE_TEST_LOG") != NULL)
        fprintf(stderr, "%.6f box %u service %u <%d> %s\n",
                (double)box_of(plat)->world->now_ns / 1e9,
                (unsigned)(box_of(plat) - box_of(plat)->world->boxes), service,
                (int)severity, text);
}

static void
note_applied(struct world *world, const struct trace_record *record)
{
    struct applied *applied;

    if (record->a >= APPLIED_MAX)
        return;
    applied = &world->applied[record->a];
    if (applied->set &&
        (applied->term != record->b || applied->high != record->c ||
         applied->low != record->d))
        world->divergences++;
    applied->set = true;
    applied->term = record->b;
    applied->high = record->c;
    applied->low = record->d;
}

static void
plat_trace(struct plat *plat, const struct trace_record *record)
{
    struct box *box = box_of(plat);
    struct world *world = box->world;

    if (record->kind == TRACE_APPLIED)
        note_applied(world, record);
    if (record->kind == TRACE_ALARM && record->a == ALARM_STORAGE)
        box->alarms++;
    if (record->kind == TRACE_SERVICE_DIED)
        box->deaths++;
    if (record->kind == TRACE_LEADER)
        world->elections++;
    if (record->kind == TRACE_WRITE_REFUSED)
        box->refused++;
    if (record->kind == TRACE_WRITE_ACCEPTED) {
        box->accepted++;
        if (record->a < box->last_accepted_term)
            box->accepted_terms_fell++;
        else
            box->last_accepted_term = record->a;
    }
    if (record->kind == TRACE_ACKNOWLEDGED && record->a < 256) {
        if (record->b > world->acknowledged[record->a])
            world->acknowledged[record->a] = record->b;
        world->acknowledged_index[record->a] = record->c;
    }
    if (getenv("STORE_TEST_TRACE") != NULL)
        fprintf(stderr, "%.6f box %u %s %llu %llu %llu %llu\n",
                (double)world->now_ns / 1e9, (unsigned)(box - world->boxes),
                trace_kind_name(record->kind), (unsigned long long)record->a,
                (unsigned long long)record->b, (unsigned long long)record->c,
                (unsigned long long)record->d);
}

static void
plat_restart(struct plat *plat, enum reboot_cause cause)
{
    (void)cause;
    box_of(plat)->restart_asked = true;
}

const struct plat_ops world_plat_ops = {
    .now_ns = plat_now,
    .wall_ns = plat_now,
    .random = plat_random,
    .wake_at = plat_wake,
    .ready = plat_ready,
    .charge = plat_charge,
    .datagram_send = plat_datagram,
    .packet_send = plat_packet,
    .storage_append = plat_append,
    .storage_truncate = plat_truncate,
    .storage_sync = plat_sync,
    .storage_replace = plat_replace,
    .storage_size = plat_size,
    .storage_read = plat_read,
    .blob_get = plat_blob,
    .chunk_take = plat_take,
    .chunk_give = plat_give,
    .operator_reply = plat_reply,
    .log = plat_log,
    .trace = plat_trace,
    .restart = plat_restart,
};
