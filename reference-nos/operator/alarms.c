/* SPDX-License-Identifier: Apache-2.0
 *
 * The alarms of all boxes, out of the STATE rows of this controller.
 */
#include "reference-nos/base/check.h"
#include "reference-nos/base/err.h"
#include "reference-nos/operator/operator_priv.h"

#define ALARM_BYTES_MAX 32u

static int
watch(struct operator* service, bool on)
{
    struct store_watch wanted = {.conf = 0};
    struct actor_address to = {0, SVC_STORE};
    uint8_t bytes[32];
    struct wire_writer writer;

    if (on) {
        wanted.conf = 1ull << TABLE_MODULE;
        wanted.state = 1ull << (TABLE_ALARM - TABLE_CONF_END);
    }
    wire_writer_init(&writer, bytes, sizeof(bytes));
    store_watch_write(&writer, &wanted);
    CHECK(wire_writer_finish(&writer) == 0);
    return actor_send(service->self, to, LANE_CONTROL, MSG_STORE_WATCH, 0,
                      bytes, wire_writer_size(&writer));
}

void operator_alarms_stop(struct operator* service)
{
    service->collection.runs = false;
    /* If this is lost, the next row asks again. */
    (void)!watch(service, false);
}

static void answer_all(struct operator* service)
{
    struct collection *collection = &service->collection;
    struct wire_writer head;

    wire_writer_init(&head, collection->bytes, sizeof(collection->bytes));
    operator_rep_write(&head, &collection->rep);
    for (unsigned i = 0; i < OPERATOR_PENDING_MAX; i++) {
        struct pending *pending = &service->pending[i];

        if (!pending->used || !pending->collects)
            continue;
        pending->used = false;
        actor_operator_reply(service->self, pending->token, collection->bytes,
                             wire_writer_size(&collection->writer));
    }
}

void
operator_alarms_begin(struct operator* service, struct pending *pending,
                      const uint8_t *bytes, size_t size)
{
    struct collection *collection = &service->collection;
    struct wire_reader reader;

    pending->collects = true;
    if (collection->runs)
        return;
    wire_reader_init(&reader, bytes, size);
    wire_writer_init(&collection->writer, collection->bytes,
                     sizeof(collection->bytes));
    wire_write_bytes(&collection->writer, bytes, size);
    collection->head_size = size;
    collection->runs = operator_rep_read(&reader, &collection->rep) == 0 &&
                       wire_writer_finish(&collection->writer) == 0 &&
                       watch(service, true) == 0;
    if (collection->runs)
        return;
    pending->used = false;
    actor_operator_reply(service->self, pending->token, bytes, size);
}

/* A snapshot begins: what a former one brought is forgotten. */
static void
rows_forget(struct collection *collection)
{
    for (unsigned i = 0; i < FWD_MODULES_MAX; i++)
        collection->keys[i] = 0;
    collection->writer.at = collection->bytes + collection->head_size;
    collection->rep.cut = false;
}

static uint16_t
module_of(const struct collection *collection, uint64_t key)
{
    for (uint16_t id = 0; id < FWD_MODULES_MAX; id++)
        if (collection->keys[id] == key && key != 0)
            return id;
    return MODULE_NONE;
}

static void
module_take(struct collection *collection, const struct store_row *row)
{
    struct module_key key;
    struct module_row value;

    if (!row->deleted &&
        module_key_decode(row->key, row->key_size, &key) == 0 &&
        module_row_decode(row->value, row->value_size, &value) == 0)
        collection->keys[module_id(key.role, key.number)] = value.key;
}

static void
alarm_take(struct collection *collection, const struct store_row *row)
{
    struct operator_alarm alarm;
    struct alarm_row value;

    if (row->deleted ||
        alarm_key_decode(row->key, row->key_size, &alarm.code, &alarm.item) !=
            0 ||
        alarm_row_decode(row->value, row->value_size, &value) != 0)
        return;
    if (wire_writer_left(&collection->writer) < ALARM_BYTES_MAX) {
        collection->rep.cut = true;
        return;
    }
    alarm.module = module_of(collection, row->owner);
    alarm.severity = value.severity;
    alarm.value = value.value;
    alarm.since_wall_ns = value.since_wall_ns;
    operator_alarm_write(&collection->writer, &alarm);
}

void
operator_alarms_delta(struct operator* service,
                      const struct actor_message *message)
{
    struct collection *collection = &service->collection;
    struct wire_reader reader;
    struct store_delta delta;
    struct store_row row;

    wire_reader_init(&reader, message->body, message->size);
    if (store_delta_read(&reader, &delta) != 0)
        return;
    if (!collection->runs) {
        operator_alarms_stop(service);
        return;
    }
    if (delta.flags & STORE_DELTA_FIRST)
        rows_forget(collection);
    while (store_row_read(&reader, &row) == 0) {
        if (row.table == TABLE_MODULE)
            module_take(collection, &row);
        else if (row.table == TABLE_ALARM)
            alarm_take(collection, &row);
    }
    if ((delta.flags & STORE_DELTA_LAST) == 0)
        return;
    answer_all(service);
    operator_alarms_stop(service);
}
