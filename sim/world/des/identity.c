/* SPDX-License-Identifier: Apache-2.0
 *
 * Certificates, as the planes judge them
 * (reference-nos/linux/secure/README.md): what a box shows since its NOS
 * started, and what its peers know of it.
 *
 * Shown      what lay in the box's folder when its NOS started; an expired one
 *            does not let it start.
 * Revoked    ends associations when a peer next reads the list, each second
 *            since its own start; the box itself is not told.
 * Strangers  are refused by all boxes of the cluster, and refuse them; two
 *            of them are of one authority.
 * Beacons    a box that somebody may refuse says each second that it is there,
 *            as daemons do, in an empty datagram: its peers refuse it although
 *            its NOS has nothing to tell them.
 *
 * So two boxes are associated as long as neither refuses the other, and there
 * is nothing to keep per pair.  The CPU time of a check is what services
 * charge as COST_IDENTITY when a box joins.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "sim/world/des/des_priv.h"

/* How often a box reads the revocation list, and how often it speaks of one
 * peer on one plane. */
#define LOOK_PS SIMTIME_PS_PER_S
#define SAME_PS (10 * SIMTIME_PS_PER_S)
#define BEACON_PS SIMTIME_PS_PER_S
#define FOREIGN_CLUSTER UINT64_C(0x464f524549474e)

/* What a box said last about a peer on a plane. */
struct des_told {
    struct simtime until; /* silent until then */
    uint64_t suppressed;
};

static bool
is_wrong(const struct des_box *box)
{
    return box->identity.shown.revoked || box->identity.shown.foreign;
}

void
identities_count(struct des *des)
{
    des->wrong_count = 0;
    for (unsigned i = 0; i < des->box_count; i++) {
        if (is_wrong(&des->boxes[i]))
            des->wrong[des->wrong_count++] = (uint16_t)i;
    }
}

/* ---- beacons ---- */

static void
beacon_later(struct des_box *box)
{
    struct simtime now = kernel_now(box->des->kernel);

    des_schedule(box->des, &box->identity_event,
                 simtime_add(now, (struct simtime){BEACON_PS}));
}

/* An empty datagram: identity_admits() keeps it from the NOS. */
static void
beacon_fire(struct event *event, struct simtime now)
{
    struct des_box *box = CONTAINER_OF(event, struct des_box, identity_event);

    if (!is_wrong(box))
        return;
    for (unsigned plane = 0; plane < PLANE_COUNT; plane++)
        mgmt_net_send(box->des->net, box->index, (enum plane)plane,
                      PLAT_ADDRESS_ALL, LANE_CONTROL, "", 0, now);
    beacon_later(box);
}

void
identity_init(struct des_box *box)
{
    event_init(&box->identity_event, EVENT_CLASS_TIMER, box->index,
               beacon_fire);
}

void
identity_stop(struct des_box *box)
{
    kernel_cancel(box->des->kernel, &box->identity_event);
}

/* ---- changes ---- */

int
identity_change(struct des_box *box, uint64_t change)
{
    struct des_identity *identity = &box->identity;

    if (!box->present)
        return ERR_NOENT;
    if (change >= WORLD_IDENTITY_CHANGE_COUNT)
        return ERR_RANGE;
    if (change == WORLD_IDENTITY_REVOKE || change == WORLD_IDENTITY_EXPIRE) {
        if (identity->folder.foreign)
            return ERR_REFUSED; /* Not of our authority. */
    }
    switch ((enum world_identity)change) {
    case WORLD_IDENTITY_REVOKE:
        if (identity->folder.revoked)
            return 0;
        identity->folder.revoked = true;
        identity->folder.revoked_at = kernel_now(box->des->kernel);
        if (identity->replaced)
            return 0;
        identity->shown = identity->folder;
        identities_count(box->des);
        if (box->runtime != NULL && !box->restarting)
            beacon_later(box);
        return 0;
    case WORLD_IDENTITY_EXPIRE:
        identity->folder = (struct des_certificate){.expired = true};
        break;
    case WORLD_IDENTITY_STRANGER:
        identity->folder = (struct des_certificate){.foreign = true};
        break;
    case WORLD_IDENTITY_RENEW:
        identity->folder = (struct des_certificate){0};
        break;
    case WORLD_IDENTITY_CHANGE_COUNT: break;
    }
    identity->replaced = true;
    return 0;
}

/* Key and cluster of another authority; no member of our consensus group. */
static void
foreign_begin(struct des_box *box)
{
    struct des_identity *identity = &box->identity;
    struct random_stream stream = random_stream_make(
        box->des->seed, box->index, random_purpose("stranger"));

    identity->own_key = box->facts.key;
    identity->own_voter_count = box->facts.voter_count;
    stream.n = identity->foreign_lives++;
    box->facts.cluster_id ^= FOREIGN_CLUSTER;
    box->facts.voter_count = 0;
    box_identify(box, random_bits(&stream) | 1, box->facts.serial);
    if (box->facts.alone) {
        box->facts.voter_count = 1;
        box->facts.voters[0] = box->facts.key;
    }
}

static void
foreign_end(struct des_box *box)
{
    struct des_identity *identity = &box->identity;

    box->facts.cluster_id ^= FOREIGN_CLUSTER;
    box->facts.voter_count = identity->own_voter_count;
    box_identify(box, identity->own_key, box->facts.serial);
    if (box->facts.alone)
        box->facts.voters[0] = box->facts.key;
}

void
identity_reset(struct des_box *box)
{
    if (box->identity.shown.foreign)
        foreign_end(box);
    box->identity.folder = (struct des_certificate){0};
    box->identity.shown = box->identity.folder;
    box->identity.replaced = false;
    identities_count(box->des);
}

void
identity_fini(struct des_box *box)
{
    free(box->identity.told);
    box->identity.told = NULL;
}

/* ---- telling ---- */

static void
refused_trace(struct des_box *box, uint64_t key, enum identity_refusal why,
              unsigned plane)
{
    struct observation seen = {
        .kind = OBSERVE_TRACE,
        .service = SVC_NONE,
        .trace = {.kind = TRACE_IDENTITY_REFUSED,
                  .service = SVC_NONE,
                  .a = key,
                  .b = why,
                  .c = plane},
    };

    des_observe(box, &seen);
}

static void
refused_log(struct des_box *box, const char *text)
{
    struct observation seen = {
        .kind = OBSERVE_LOG,
        .service = SVC_NONE,
        .a = SEVERITY_WARNING,
        .bytes = (const uint8_t *)text,
        .size = strlen(text),
    };

    des_observe(box, &seen);
}

static struct des_told *
told_of(struct des_box *box, const struct des_box *peer, enum plane plane)
{
    struct des_identity *identity = &box->identity;

    if (identity->told == NULL) {
        identity->told = calloc((size_t)box->des->box_count * PLANE_COUNT,
                                sizeof(*identity->told));
        CHECK(identity->told != NULL);
    }
    return &identity->told[peer->index * PLANE_COUNT + plane];
}

static void
refuse(struct des_box *box, const struct des_box *peer, enum plane plane,
       enum identity_refusal why)
{
    struct des_told *told = told_of(box, peer, plane);
    struct simtime now = kernel_now(box->des->kernel);
    char text[160], before[48] = "";

    if (simtime_before(now, told->until)) {
        told->suppressed++;
        return;
    }
    if (told->suppressed > 0)
        (void)snprintf(before, sizeof(before),
                       " (and %" PRIu64 " times before)", told->suppressed);
    (void)snprintf(text, sizeof(text),
                   "plane %c: refused %s %s (key %016" PRIx64 "): %s%s",
                   plane == PLANE_A ? 'A' : 'B', role_name(peer->facts.role),
                   peer->facts.serial, peer->facts.key,
                   why == IDENTITY_REVOKED ? "certificate revoked"
                                           : "of another cluster",
                   before);
    told->suppressed = 0;
    told->until = simtime_add(now, (struct simtime){SAME_PS});
    refused_trace(box, peer->facts.key, why, plane);
    refused_log(box, text);
}

/* ---- judging ---- */

bool
identity_start(struct des_box *box)
{
    struct des_identity *identity = &box->identity;
    bool was_foreign = identity->shown.foreign;

    if (identity->folder.expired) {
        refused_trace(box, 0, IDENTITY_OWN, 0);
        refused_log(box, "box.crt: expired; is the clock right?");
        return false;
    }
    identity->shown = identity->folder;
    identity->replaced = false;
    identity->started = kernel_now(box->des->kernel);
    if (identity->told != NULL)
        memset(identity->told, 0,
               (size_t)box->des->box_count * PLANE_COUNT *
                   sizeof(*identity->told));
    if (identity->shown.foreign && !was_foreign)
        foreign_begin(box);
    else if (was_foreign && !identity->shown.foreign)
        foreign_end(box);
    identities_count(box->des);
    if (is_wrong(box))
        beacon_later(box);
    return true;
}

/* Has 'box' read the list since 'peer' stands on it? */
static bool
knows_revoked(const struct des_box *box, const struct des_box *peer)
{
    uint64_t now_ps = kernel_now(box->des->kernel).ps;
    uint64_t since_ps = now_ps - box->identity.started.ps;

    return peer->identity.shown.revoked &&
           now_ps - since_ps % LOOK_PS >= peer->identity.shown.revoked_at.ps;
}

/* Who sent it, when either of the two is worth a question. */
static const struct des_box *
sender(const struct des_box *box, uint64_t from)
{
    const struct des *des = box->des;

    if (is_wrong(box)) {
        for (unsigned i = 0; i < des->box_count; i++) {
            if (des->boxes[i].facts.key == from)
                return &des->boxes[i];
        }
        return NULL;
    }
    for (unsigned i = 0; i < des->wrong_count; i++) {
        if (des->boxes[des->wrong[i]].facts.key == from)
            return &des->boxes[des->wrong[i]];
    }
    return NULL;
}

bool
identity_admits(struct des_box *box, uint64_t from, enum plane plane,
                size_t size)
{
    const struct des_box *peer = sender(box, from);

    if (box->runtime == NULL || box->restarting)
        return false;
    if (peer == NULL)
        return size > 0;
    if (box->identity.shown.foreign != peer->identity.shown.foreign) {
        refuse(box, peer, plane, IDENTITY_STRANGER);
        return false;
    }
    if (knows_revoked(box, peer)) {
        refuse(box, peer, plane, IDENTITY_REVOKED);
        return false;
    }
    /* A peer that ended the association sends nothing through it. */
    return size > 0 && !knows_revoked(peer, box);
}
