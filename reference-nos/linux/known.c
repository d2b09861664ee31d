/* SPDX-License-Identifier: Apache-2.0 */
#include "reference-nos/linux/daemon_priv.h"

static void
session_down(struct daemon_known *known, uint64_t key)
{
    for (unsigned i = 0; i < known->session_count; i++)
        if (known->sessions[i].key == key) {
            known->sessions[i] = known->sessions[--known->session_count];
            return;
        }
}

static void
session(struct daemon_known *known, const struct trace_record *record)
{
    session_down(known, record->a);
    if (record->b == 0 || known->session_count == DAEMON_SESSIONS_MAX)
        return;
    known->sessions[known->session_count++] =
        (struct daemon_session){.key = record->a, .incarnation = record->c};
}

/* A dead service takes with it what it said. */
static void
service_died(struct daemon_known *known, uint64_t service)
{
    if (service == SVC_BUS)
        known->session_count = 0;
    if (service == SVC_MEMBER)
        known->joined = false;
    if (service == SVC_CLUSTER)
        known->active = false;
}

void
known_trace(struct daemon_known *known, const struct trace_record *record)
{
    switch ((int)record->kind) {
    case TRACE_JOINED:
        known->joined = true;
        known->module = record->a;
        known->term = record->c;
        break;
    case TRACE_HEADLESS: known->headless = record->a == 1; break;
    case TRACE_FORWARDING: known->forwarding = record->a == 1; break;
    case TRACE_ACTIVE:
        known->active = true;
        known->term = record->a;
        break;
    case TRACE_PASSIVE: known->active = false; break;
    case TRACE_SESSION: session(known, record); break;
    case TRACE_SERVICE_DIED: service_died(known, record->a); break;
    default: break;
    }
}
