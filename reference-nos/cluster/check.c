/* SPDX-License-Identifier: Apache-2.0
 *
 * Cables against the plan, and the seats of the voters.
 */
#include "reference-nos/base/err.h"
#include "reference-nos/cluster/manager_priv.h"

/* Ends that changed this short ago are not judged yet. */
#define SETTLE_NS (4 * NS_PER_S)
#define VOTER_RETRY_NS (5 * NS_PER_S)
/* The store ends a change of voters sooner; its answer was lost. */
#define VOTER_ANSWER_NS (120 * NS_PER_S)

void
check_later(struct manager *manager)
{
    if (!manager->active)
        return;
    if (manager->sweep_due) {
        /* A sweep that is under way may have passed what changed. */
        manager->sweep_again |= manager->sweep_at < FWD_MODULES_MAX;
        return;
    }
    manager->sweep_due = true;
    manager->sweep_at = FWD_MODULES_MAX;
    actor_timer_set(manager->self, MANAGER_TIMER_CABLING,
                    actor_now_ns(manager->self) + SETTLE_NS);
}

void
check_timer(struct manager *manager)
{
    manager->sweep_at = 0;
    manager->sweep_again = false;
}

void
check_stop(struct manager *manager)
{
    manager->sweep_due = false;
    manager->sweep_again = false;
    manager->voter_waits = false;
    actor_timer_cancel(manager->self, MANAGER_TIMER_CABLING);
}

enum end { END_ABSENT, END_UNSETTLED, END_READY };

static enum end
end_of(const struct manager *manager, const struct box *box)
{
    if (box == NULL || box->module == MODULE_NONE || box->live != LIVE_YES)
        return END_ABSENT;
    if (actor_now_ns(manager->self) - box->settle_ns < SETTLE_NS)
        return END_UNSETTLED;
    return END_READY;
}

/* The box the plan wants at the far end, or the one that is there. */
static const struct box *
far_box(struct manager *manager, enum role role, uint16_t number,
        const struct cable_seen *cable, uint16_t port)
{
    const struct cabling_far *far =
        cabling_plan_at(&manager->cabling, role, number, port);
    const struct module *module;

    if (far == NULL)
        return mirror_box(manager, cable->peer_key);
    module = &manager->modules[module_id(cabling_far_role(role), far->number)];
    return mirror_box(manager, module->row.key);
}

static void
port_judge(struct manager *manager, const struct box *box, enum role role,
           uint16_t number, uint16_t port)
{
    const struct cable_seen *cable = &box->cables[port];
    const struct box *seen = mirror_box(manager, cable->peer_key);
    uint8_t *known = &manager->modules[box->module].verdict[port];
    struct cabling_seen view = {
        .seen = cable->peer_key != 0,
        .port = port,
        .module = seen == NULL ? MODULE_NONE : seen->module,
        .far_port = cable->peer_port,
    };
    enum cable_verdict verdict;

    if (!cabling_judge(&manager->cabling, role, number, &view, &verdict)) {
        /* An extra cable that was taken away is as planned. */
        if (*known != 0 && *known != CABLE_OK + 1)
            actor_trace(manager->self, TRACE_CABLE, box->module, port,
                        CABLE_OK, 0);
        *known = 0;
        return;
    }
    if (verdict == CABLE_OK || *known != verdict + 1) {
        enum end far =
            end_of(manager, far_box(manager, role, number, cable, port));

        manager->sweep_again |= far == END_UNSETTLED;
        if (verdict != CABLE_OK && far != END_READY)
            return;
    }
    if (*known == verdict + 1)
        return;
    *known = (uint8_t)(verdict + 1);
    actor_trace(manager->self, TRACE_CABLE, box->module, port, verdict,
                cable->peer_key);
}

static void
module_judge(struct manager *manager, uint16_t id)
{
    struct module *module = &manager->modules[id];
    const struct box *box = mirror_box(manager, module->row.key);
    unsigned faults = 0;
    uint16_t number;
    enum role role;
    enum end end = end_of(manager, box);

    if (module_of_id(id, &role, &number) != 0 ||
        (role != ROLE_NCP && role != ROLE_NCF) || end != END_READY) {
        manager->sweep_again |= end == END_UNSETTLED;
        return;
    }
    for (uint16_t port = 0; port < FWD_FABRIC_PORTS_MAX; port++) {
        port_judge(manager, box, role, number, port);
        faults += module->verdict[port] > CABLE_OK + 1;
    }
    actor_charge(manager->self, COST_WATCH, FWD_FABRIC_PORTS_MAX / 4);
    manager_alarm(manager, &module->cabling_raised, faults > 0, ALARM_CABLING,
                  id, faults);
}

bool
check_pump(struct manager *manager)
{
    if (!manager->active || !manager->sweep_due)
        return true;
    if (manager->sweep_at == FWD_MODULES_MAX)
        return true; /* The timer starts it. */
    while (manager->sweep_at < FWD_MODULES_MAX) {
        if (actor_quantum_over(manager->self))
            return false;
        if (manager->modules[manager->sweep_at].present)
            module_judge(manager, (uint16_t)manager->sweep_at);
        manager->sweep_at++;
    }
    manager->sweep_due = false;
    if (manager->sweep_again)
        check_later(manager);
    return true;
}

/* --- Voters ------------------------------------------------------------- */

static bool
first_voter(const struct manager *manager, uint64_t key)
{
    for (unsigned i = 0;
         i < manager->facts->voter_count && i < FACTS_VOTERS_MAX; i++)
        if (manager->facts->voters[i] == key)
            return true;
    return false;
}

/* Is this number one whose box votes?  Controllers do, and one NCM: the
 * arbiter of the first configuration, or whoever has its number now. */
static bool
is_seat(const struct manager *manager, uint16_t id)
{
    enum role role;
    uint16_t number;

    if (module_of_id(id, &role, &number) != 0 ||
        manager->facts->voter_count < 2)
        return false;
    if (role == ROLE_NCC)
        return true;
    if (role != ROLE_NCM)
        return false;
    if (first_voter(manager, manager->modules[id].row.former_key))
        return true;
    for (uint16_t other = 0; other < MODULE_POOL_NCM; other++)
        if (first_voter(manager,
                        manager->modules[module_id(ROLE_NCM, other)].row.key))
            return false;
    return number == 0 && manager->facts->voter_count >= 3;
}

static bool
seat_is_taken_over(struct manager *manager, uint16_t id)
{
    const struct module *module = &manager->modules[id];
    const struct box *box;

    if (!module->present || module->voter_settled || module->row.key == 0 ||
        module->row.former_key == 0 ||
        module->row.former_key == module->row.key || !is_seat(manager, id))
        return false;
    box = mirror_box(manager, module->row.key);
    return box != NULL && box->live == LIVE_YES;
}

void
check_voters(struct manager *manager)
{
    uint8_t bytes[16];
    struct wire_writer writer;

    if (!manager->active || manager->voter_waits)
        return;
    for (uint16_t id = 0; id < FWD_MODULES_MAX; id++) {
        const struct module_row *row = &manager->modules[id].row;
        struct store_voter voter;

        if (!seat_is_taken_over(manager, id))
            continue;
        voter =
            (struct store_voter){.remove = row->former_key, .add = row->key};
        manager->voter_waits = true;
        manager->voter_module = id;
        wire_writer_init(&writer, bytes, sizeof(bytes));
        store_voter_write(&writer, &voter);
        manager_to_store(manager, MSG_STORE_VOTER, &writer);
        actor_timer_set(manager->self, MANAGER_TIMER_VOTER,
                        actor_now_ns(manager->self) + VOTER_ANSWER_NS);
        return;
    }
}

void
check_voter_timer(struct manager *manager)
{
    manager->voter_waits = false;
    check_voters(manager);
}

void
check_voter_done(struct manager *manager, const struct actor_message *message)
{
    struct wire_reader reader;
    struct store_voter_done done;

    wire_reader_init(&reader, message->body, message->size);
    if (store_voter_done_read(&reader, &done) != 0 || !manager->voter_waits)
        return;
    manager->voter_waits = false;
    actor_timer_cancel(manager->self, MANAGER_TIMER_VOTER);
    if (done.status == 0) {
        manager->modules[manager->voter_module].voter_settled = true;
        check_voters(manager);
        return;
    }
    actor_log(manager->self, SEVERITY_WARNING,
              "cluster: voter of module %u: %s", manager->voter_module,
              err_text(done.status));
    actor_timer_set(manager->self, MANAGER_TIMER_VOTER,
                    actor_now_ns(manager->self) + VOTER_RETRY_NS);
}
