/* SPDX-License-Identifier: Apache-2.0
 *
 * What the hardware service tells: alarms, lights and health.
 */
#include "reference-nos/hardware/hardware_priv.h"

#include "reference-nos/base/check.h"
#include "reference-nos/base/err.h"
#include "reference-nos/schema/messages.h"
#include "reference-nos/schema/store_msg.h"

#define ROW_BYTES_MAX 128u
#define HEALTH_STEP_MC 5000
#define HEALTH_STEP_PERCENT 10

void
report_flush(struct actor *self, struct hardware *hardware)
{
    struct actor_address store = {.service = SVC_STORE};
    size_t size = wire_writer_size(&hardware->rows);

    if (size == 0)
        return;
    if (actor_send(self, store, LANE_CONTROL, MSG_STORE_STATE_PUT, 0,
                   hardware->rows_bytes, size) != 0)
        hardware->rows_retry = true;
    wire_writer_init(&hardware->rows, hardware->rows_bytes, REPORT_BYTES);
}

static void
row_add(struct actor *self, struct hardware *hardware, enum table table,
        const struct key_bytes *key, const struct row_bytes *value)
{
    struct store_row row = {.table = table,
                            .deleted = value == NULL,
                            .key = key->bytes,
                            .key_size = key->size};

    if (value != NULL) {
        row.value = value->bytes;
        row.value_size = value->size;
    }
    if (wire_writer_left(&hardware->rows) < ROW_BYTES_MAX)
        report_flush(self, hardware);
    store_row_add(&hardware->rows, &row);
}

static void
alarm_row_put(struct actor *self, struct hardware *hardware,
              enum alarm_code code, unsigned item)
{
    const struct alarm *alarm = &hardware->alarms[code][item];
    struct plat *plat = actor_plat(self);
    struct alarm_row row = {.severity = alarm->severity,
                            .value = alarm->value,
                            .since_wall_ns = plat->ops->wall_ns(plat)};
    struct key_bytes key;
    struct row_bytes value;

    alarm_key_encode(code, (uint16_t)item, &key);
    if (!alarm->raised) {
        row_add(self, hardware, TABLE_ALARM, &key, NULL);
        return;
    }
    alarm_row_encode(&row, &value);
    row_add(self, hardware, TABLE_ALARM, &key, &value);
}

static struct alarm_verdict
judge(const struct hardware *hardware, enum alarm_code code, unsigned item)
{
    const struct items *fans = &hardware->items[HW_FAN];
    const struct items *psus = &hardware->items[HW_PSU];
    const struct items *optics = &hardware->items[HW_OPTIC];

    if (code == ALARM_FAN)
        return alarm_judge_fan(&fans->readings[item],
                               hardware->fan_max_rpm[item]);
    if (code == ALARM_PSU)
        return alarm_judge_psu(&psus->readings[item]);
    if (code == ALARM_OPTIC)
        return alarm_judge_optic(&optics->readings[item],
                                 optics->was_present[item]);
    if (code == ALARM_SENSOR)
        return alarm_judge_sensor(&hardware->sensors[item]);
    return alarm_judge_temperature(&hardware->sensors[item],
                                   &hardware->alarms[code][item]);
}

static enum hw_kind
kind_of(enum alarm_code code)
{
    if (code == ALARM_FAN)
        return HW_FAN;
    if (code == ALARM_PSU)
        return HW_PSU;
    return code == ALARM_OPTIC ? HW_OPTIC : HW_SENSOR;
}

static void
alarm_report(struct actor *self, struct hardware *hardware,
             enum alarm_code code, unsigned item)
{
    struct alarm *alarm = &hardware->alarms[code][item];
    struct alarm_verdict verdict;
    uint64_t wait_ns = code == ALARM_SENSOR ? ALARM_SENSOR_RAISE_NS : 0;

    if (!hardware->items[kind_of(code)].seen[item])
        return;
    verdict = judge(hardware, code, item);
    if (!alarm_update(alarm, &verdict, wait_ns, actor_now_ns(self)))
        return;
    actor_trace(self, TRACE_ALARM, code, alarm->raised, item,
                (uint64_t)(int64_t)alarm->value);
    alarm_row_put(self, hardware, code, item);
}

void
report_alarms(struct actor *self, struct hardware *hardware)
{
    unsigned code, item;

    if (hardware->rebuilding)
        return;
    for (code = 0; code < CODE_COUNT; code++)
        for (item = 0; item < hardware->alarm_count[code]; item++)
            alarm_report(self, hardware, (enum alarm_code)code, item);
}

/* Raised alarms of 'code'; 'worst' becomes the lowest severity number. */
static unsigned
raised_count(const struct hardware *hardware, enum alarm_code code,
             enum severity *worst)
{
    unsigned item, count = 0;

    for (item = 0; item < hardware->alarm_count[code]; item++) {
        const struct alarm *alarm = &hardware->alarms[code][item];

        if (!alarm->raised)
            continue;
        count++;
        if (alarm->severity < *worst)
            *worst = alarm->severity;
    }
    return count;
}

static void
leds_choose(const struct hardware *hardware, enum led_state *leds)
{
    enum severity worst = SEVERITY_DEBUG;
    unsigned fans = raised_count(hardware, ALARM_FAN, &worst);
    unsigned psus = raised_count(hardware, ALARM_PSU, &worst);
    unsigned all = fans + psus;
    bool locate = hardware->number < FWD_MODULES_MAX &&
                  hardware->locate[hardware->number];

    all += raised_count(hardware, ALARM_TEMPERATURE, &worst);
    all += raised_count(hardware, ALARM_SENSOR, &worst);
    all += raised_count(hardware, ALARM_OPTIC, &worst);
    all += raised_count(hardware, ALARM_SERVICE, &worst);
    all += raised_count(hardware, ALARM_MANAGEMENT_PLANE, &worst);
    leds[LED_STATUS] = LED_GREEN;
    if (all != 0)
        leds[LED_STATUS] = worst <= SEVERITY_ERROR ? LED_RED : LED_AMBER;
    leds[LED_PSU] = psus != 0 ? LED_AMBER : LED_GREEN;
    leds[LED_FAN] = fans != 0 ? LED_AMBER : LED_GREEN;
    leds[LED_LOCATE] = locate ? LED_BLUE_BLINK : LED_OFF;
}

bool
report_leds(struct actor *self, struct hardware *hardware)
{
    struct plat *plat = actor_plat(self);
    enum led_state leds[LED_COUNT];
    unsigned led;

    leds_choose(hardware, leds);
    for (led = 0; led < LED_COUNT; led++) {
        if (hardware->led_known[led] && hardware->leds[led] == leds[led])
            continue;
        if (actor_quantum_over(self))
            return false;
        actor_charge(self, COST_DEVICE, 1);
        if (plat->hw->led_set(plat, led, leds[led]) != 0)
            continue; /* The next poll tries again. */
        hardware->leds[led] = leds[led];
        hardware->led_known[led] = true;
    }
    return true;
}

/* Health */

static bool
forwarding_read(struct actor *self)
{
    struct plat *plat = actor_plat(self);
    size_t room = 1 + FWD_MODULES_MAX + actor_facts(self)->front_ports;
    struct fwd_entry *entries;
    size_t count = 0, i;
    bool forwarding = false;

    if (!facts_forwards(actor_facts(self)))
        return false;
    entries = mem_alloc(actor_mem(self), room * sizeof(*entries));
    if (entries == NULL)
        return false;
    if (plat->fwd->dump(plat, entries, room, &count) != 0)
        count = 0;
    for (i = 0; i < count && !forwarding; i++)
        forwarding = entries[i].object == FWD_BOX && entries[i].value != 0;
    mem_free(actor_mem(self), entries, room * sizeof(*entries));
    return forwarding;
}

static uint16_t
links_up(struct actor *self)
{
    struct plat *plat = actor_plat(self);
    uint16_t count = 0;
    unsigned port;

    for (port = 0; port < actor_facts(self)->fabric_ports; port++) {
        bool up = false;

        if (plat->fwd->link_up(plat, port, &up) == 0 && up)
            count++;
    }
    return count;
}

static int32_t
hottest_mc(const struct hardware *hardware)
{
    int32_t hottest = INT32_MIN;
    unsigned i;

    for (i = 0; i < hardware->items[HW_SENSOR].count; i++)
        if (hardware->sensors[i].plausible &&
            hardware->sensors[i].value_mc > hottest)
            hottest = hardware->sensors[i].value_mc;
    return hottest;
}

static bool
far(int64_t a, int64_t b, int64_t step)
{
    return a - b >= step || b - a >= step;
}

static bool
health_differs(const struct health_row *a, const struct health_row *b)
{
    return a->forwarding != b->forwarding ||
           a->fabric_links_up != b->fabric_links_up ||
           far(a->fan_rpm_percent, b->fan_rpm_percent, HEALTH_STEP_PERCENT) ||
           far(a->hottest_mc, b->hottest_mc, HEALTH_STEP_MC);
}

void
report_health(struct actor *self, struct hardware *hardware)
{
    struct health_row row = {.forwarding = forwarding_read(self),
                             .fabric_links_up = links_up(self),
                             .fan_rpm_percent =
                                 (uint16_t)hardware->duty_percent,
                             .hottest_mc = hottest_mc(hardware),
                             .reboot_cause = hardware->reboot_cause,
                             .service_restarts = actor_life(self) - 1};
    struct key_bytes key = {.size = 0};
    struct row_bytes value;

    if (hardware->health_sent && !health_differs(&row, &hardware->health))
        return;
    health_row_encode(&row, &value);
    row_add(self, hardware, TABLE_HEALTH, &key, &value);
    hardware->health = row;
    hardware->health_sent = true;
}

void
report_again(struct actor *self, struct hardware *hardware)
{
    unsigned code, item;

    hardware->rows_retry = false;
    for (code = 0; code < ALARM_COUNT; code++)
        for (item = 0; item < hardware->alarm_count[code]; item++)
            if (hardware->alarms[code][item].raised)
                alarm_row_put(self, hardware, (enum alarm_code)code, item);
    hardware->health_sent = false;
    report_health(self, hardware);
}

void
report_alarm_told(struct actor *self, struct hardware *hardware,
                  enum alarm_code code, unsigned item, bool raised,
                  uint64_t value)
{
    struct alarm *alarm;

    if ((unsigned)code < CODE_COUNT || item >= hardware->alarm_count[code])
        return;
    alarm = &hardware->alarms[code][item];
    alarm->raised = raised;
    alarm->severity = SEVERITY_WARNING;
    alarm->value = (int32_t)value;
    alarm_row_put(self, hardware, code, item);
}

void
report_alarm_found(struct actor *self, struct hardware *hardware,
                   enum alarm_code code, uint16_t item,
                   const struct alarm_row *row)
{
    struct alarm *alarm;

    if (item >= hardware->alarm_count[code])
        return;
    alarm = &hardware->alarms[code][item];
    if ((unsigned)code >= CODE_COUNT) {
        /* What stands was told at the start of this life: the row is old. */
        if (!alarm->raised)
            alarm_row_put(self, hardware, code, item);
        return;
    }
    alarm->raised = true;
    alarm->severity = row->severity;
    alarm->value = (int32_t)row->value;
}
