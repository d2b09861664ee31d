/* SPDX-License-Identifier: Apache-2.0 */
#include "models/cluster.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "models/cluster_priv.h"
#include "models/costs.h"
#include "reference-nos/base/check.h"
#include "reference-nos/platform/forwarding.h"
#include "sim/kernel/random.h"

/* Module numbers of all roles are one byte (forwarding.h). */
#define BOXES_MAX (FWD_MODULES_MAX - 1)

/* The plan with what its pointers lead to. */
struct plan_holder {
    struct cluster_plan plan; /* First: handed out. */
    struct box_model models[ROLE_COUNT];
};

/* Slots are dealt in this order. */
static const enum role places[] = {ROLE_NCC, ROLE_NCM, ROLE_NCF, ROLE_NCP};

struct builder {
    struct plan_holder *holder;
    unsigned counts[ROLE_COUNT]; /* boxes, spares included */
    const struct cluster_data *data;
    char *message;
    size_t message_size;
};

PRINTF_LIKE(2, 3)
static int
refuse(struct builder *builder, const char *format, ...)
{
    va_list arguments;

    va_start(arguments, format);
    vsnprintf(builder->message, builder->message_size, format, arguments);
    va_end(arguments);
    return ERR_INVALID;
}

/* ---- boxes ---- */

static int
model_choose(struct builder *builder, const char *name, enum role role)
{
    const struct box_data *box = cluster_data_box(builder->data, name);

    if (box == NULL)
        return refuse(builder, "no box called \"%s\" in %s", name,
                      builder->data->boxes_path);
    if (box->model.role != role)
        return refuse(builder, "box \"%s\" has role %s, %s is needed", name,
                      box->model.alone ? "router" : role_name(box->model.role),
                      role_name(role));
    builder->holder->models[role] = box->model;
    return 0;
}

static int
models_choose(struct builder *builder, const struct preset_data *preset,
              const struct cluster_options *options)
{
    const char *ncp =
        options->ncp_model != NULL ? options->ncp_model : preset->ncp_model;
    const char *ncf =
        options->ncf_model != NULL ? options->ncf_model : preset->ncf_model;
    const char *const names[ROLE_COUNT] = {
        [ROLE_NCC] = preset->ncc_model,
        [ROLE_NCP] = ncp,
        [ROLE_NCF] = ncf,
        [ROLE_NCM] = preset->ncm_model,
    };
    int err = 0;

    for (unsigned role = 0; role < ROLE_COUNT && err == 0; role++)
        err = model_choose(builder, names[role], (enum role)role);
    return err;
}

static bool
key_free(const struct cluster_plan *plan, unsigned count, uint64_t key)
{
    for (unsigned i = 0; i < count; i++) {
        if (plan->boxes[i].key == key)
            return false;
    }
    return key != 0 && key != PLAT_ADDRESS_ALL;
}

static void
box_identity(struct cluster_plan *plan, unsigned slot)
{
    struct plan_box *box = &plan->boxes[slot];
    struct random_stream keys =
        random_stream_make(plan->seed, slot, random_purpose("box-key"));
    uint64_t serial =
        random_draw(plan->seed, slot, random_purpose("box-serial"), 0);

    do {
        box->key = random_bits(&keys);
    } while (!key_free(plan, slot, box->key));
    /* The slot at the end keeps them apart. */
    snprintf(box->serial, sizeof(box->serial), "SN%08X%03u",
             (unsigned)(serial & UINT32_MAX), slot);
}

static void
box_add(struct builder *builder, enum role role, unsigned number)
{
    struct cluster_plan *plan = &builder->holder->plan;
    unsigned slot = plan->box_count++;
    struct plan_box *box = &plan->boxes[slot];

    box->role = role;
    box->number = (uint16_t)number;
    box->model = &builder->holder->models[role];
    if (role == ROLE_NCM)
        snprintf(box->name, sizeof(box->name), "ncm-%c",
                 number == 0 ? 'a' : 'b');
    else
        snprintf(box->name, sizeof(box->name), "%s-%u", role_name(role),
                 number);
    box_identity(plan, slot);
}

static unsigned
box_total(const struct builder *builder)
{
    unsigned total = 0;

    for (unsigned role = 0; role < ROLE_COUNT; role++)
        total += builder->counts[role];
    return total;
}

/* The slot of a role's first box. */
static unsigned
first_slot(const struct builder *builder, enum role role)
{
    unsigned slot = 0;

    for (size_t i = 0; places[i] != role; i++)
        slot += builder->counts[places[i]];
    return slot;
}

/* Controllers vote, and the switch of plane A. */
static void
voters_choose(struct builder *builder)
{
    struct cluster_plan *plan = &builder->holder->plan;

    CHECK(builder->counts[ROLE_NCC] < ARRAY_COUNT(plan->voters));
    while (plan->voter_count < builder->counts[ROLE_NCC]) {
        plan->voters[plan->voter_count] = plan->voter_count;
        plan->voter_count++;
    }
    if (builder->counts[ROLE_NCM] > 0)
        plan->voters[plan->voter_count++] = first_slot(builder, ROLE_NCM);
}

static void
boxes_place(struct builder *builder)
{
    struct cluster_plan *plan = &builder->holder->plan;

    plan->boxes = calloc(box_total(builder), sizeof(*plan->boxes));
    CHECK(plan->boxes != NULL);
    for (size_t place = 0; place < ARRAY_COUNT(places); place++) {
        enum role role = places[place];

        for (unsigned i = 0; i < builder->counts[role]; i++)
            box_add(builder, role, i);
    }
    voters_choose(builder);
}

/* ---- cables ---- */

static int
cables_check(struct builder *builder, unsigned links)
{
    const struct box_model *ncp = &builder->holder->models[ROLE_NCP];
    const struct box_model *ncf = &builder->holder->models[ROLE_NCF];
    unsigned ncf_count = builder->counts[ROLE_NCF];
    unsigned ncp_count = builder->counts[ROLE_NCP];
    unsigned per_ncf;

    if (ncp_count == 0)
        return 0;
    /* NCF 0 gets the most links of each NCP. */
    per_ncf = (links + ncf_count - 1) / ncf_count * ncp_count;
    if (links > ncp->fabric_ports)
        return refuse(builder, "%u fabric links per NCP, but %s has %u ports",
                      links, ncp->name, ncp->fabric_ports);
    if (per_ncf > ncf->fabric_ports)
        return refuse(builder,
                      "%u NCPs with %u fabric links each need %u ports on "
                      "NCF 0, but %s has %u",
                      ncp_count, links, per_ncf, ncf->name, ncf->fabric_ports);
    return 0;
}

static void
cables_lay(struct builder *builder, unsigned links)
{
    struct cluster_plan *plan = &builder->holder->plan;
    unsigned ncf_count = builder->counts[ROLE_NCF];
    unsigned ncp_count = builder->counts[ROLE_NCP];
    unsigned first_ncf = first_slot(builder, ROLE_NCF);
    unsigned first_ncp = first_slot(builder, ROLE_NCP);
    uint16_t *used = calloc(ncf_count + 1u, sizeof(*used));

    plan->cables =
        calloc((size_t)ncp_count * links + 1, sizeof(*plan->cables));
    CHECK(used != NULL && plan->cables != NULL);
    for (unsigned ncp = 0; ncp < ncp_count; ncp++) {
        for (unsigned link = 0; link < links; link++) {
            unsigned ncf = link % ncf_count;

            plan->cables[plan->cable_count++] = (struct plan_cable){
                .ncp_box = first_ncp + ncp,
                .ncp_port = (uint16_t)link,
                .ncf_box = first_ncf + ncf,
                .ncf_port = used[ncf]++,
            };
        }
    }
    free(used);
}

/* ---- the whole ---- */

static unsigned
or_preset(unsigned wanted, unsigned preset)
{
    return wanted > 0 ? wanted : preset;
}

/* A stand-alone router is the only box there is. */
static int
alone_check(struct builder *builder, unsigned spares)
{
    const struct box_model *ncc = &builder->holder->models[ROLE_NCC];

    if (!ncc->alone || (box_total(builder) == 1 && spares == 0))
        return 0;
    return refuse(builder,
                  "box \"%s\" is a stand-alone router: a cluster of one box, "
                  "without spares",
                  ncc->name);
}

static int
counts_check(struct builder *builder, unsigned spares)
{
    unsigned ncp_count = builder->counts[ROLE_NCP];
    unsigned ncf_count = builder->counts[ROLE_NCF];

    if (!builder->holder->models[ROLE_NCC].alone &&
        (ncp_count == 0 || ncf_count == 0))
        return refuse(builder, "preset \"%s\" needs counts of NCPs and NCFs",
                      builder->holder->plan.preset);
    if (ncf_count > BOXES_MAX || ncp_count > BOXES_MAX || spares > BOXES_MAX ||
        box_total(builder) + spares > BOXES_MAX)
        return refuse(builder,
                      "%u NCPs and %u NCFs are too many: a cluster "
                      "has at most %u boxes",
                      ncp_count > BOXES_MAX ? ncp_count : ncp_count + spares,
                      ncf_count, (unsigned)BOXES_MAX);
    return alone_check(builder, spares);
}

static int
plan_build(struct builder *builder, const struct preset_data *preset,
           const struct cluster_options *options)
{
    struct cluster_plan *plan = &builder->holder->plan;
    unsigned links =
        or_preset(options->fabric_links_per_ncp, preset->fabric_links);
    int err = models_choose(builder, preset, options);

    builder->counts[ROLE_NCC] = preset->ncc_count;
    builder->counts[ROLE_NCM] = preset->ncm_count;
    builder->counts[ROLE_NCF] =
        or_preset(options->ncf_count, preset->ncf_count);
    builder->counts[ROLE_NCP] =
        or_preset(options->ncp_count, preset->ncp_count);
    if (err == 0)
        err = counts_check(builder, options->spare_ncp_count);
    if (err != 0)
        return err;
    plan->spare_count = options->spare_ncp_count;
    builder->counts[ROLE_NCP] += plan->spare_count;
    err = cables_check(builder, links);
    if (err != 0)
        return err;
    boxes_place(builder);
    cables_lay(builder, links);
    plan->mgmt_link_bps = builder->data->mgmt_link_bps;
    plan->mgmt_link_delay = builder->data->mgmt_link_delay;
    plan->fabric_link_delay = builder->data->fabric_link_delay;
    return 0;
}

static int
plan_from_data(struct builder *builder, const struct cluster_options *options)
{
    const char *name = options->preset != NULL ? options->preset : "custom";
    const struct preset_data *preset =
        cluster_data_preset(builder->data, name);

    if (preset == NULL || strlen(name) >= BOX_NAME_MAX)
        return refuse(builder, "no preset called \"%.40s\" in %s", name,
                      builder->data->clusters_path);
    memcpy(builder->holder->plan.preset, name, strlen(name) + 1);
    return plan_build(builder, preset, options);
}

int
cluster_plan_create(const char *data_dir,
                    const struct cluster_options *options, uint64_t seed,
                    struct cluster_plan **out, char *message,
                    size_t message_size)
{
    struct cluster_data *data = NULL;
    int err = cluster_data_load(data_dir, &data, message, message_size);

    if (err != 0)
        return err;
    struct builder builder = {.holder = calloc(1, sizeof(*builder.holder)),
                              .data = data,
                              .message = message,
                              .message_size = message_size};
    CHECK(builder.holder != NULL);
    builder.holder->plan.seed = seed;
    err = parts_load(data_dir, &builder.holder->plan.parts, message,
                     message_size);
    if (err == 0)
        err = rates_load(data_dir, &builder.holder->plan.rates, message,
                         message_size);
    if (err == 0)
        err = plan_from_data(&builder, options);
    cluster_data_destroy(data);
    if (err != 0)
        cluster_plan_destroy(&builder.holder->plan);
    else
        *out = &builder.holder->plan;
    return err;
}

void
cluster_plan_measured(struct cluster_plan *plan,
                      const struct measured *measured)
{
    struct plan_holder *holder = CONTAINER_OF(plan, struct plan_holder, plan);

    plan->parts.disk_sync_min = measured->disk_sync_min;
    plan->parts.disk_sync_max = measured->disk_sync_max;
    plan->parts.disk_replace_min = measured->disk_replace_min;
    plan->parts.disk_replace_max = measured->disk_replace_max;
    plan->parts.link_detect = measured->link_detect;
    plan->parts.link_train = measured->link_train;
    for (unsigned role = 0; role < ROLE_COUNT; role++) {
        struct box_model *model = &holder->models[role];

        model->boot_min = measured->boot_min;
        model->boot_max = measured->boot_max;
        model->restart_min =
            simtime_add(measured->boot_min, measured->restart_pause);
        model->restart_max =
            simtime_add(measured->boot_max, measured->restart_pause);
    }
}

void
cluster_plan_destroy(struct cluster_plan *plan)
{
    if (plan == NULL)
        return;
    free(plan->boxes);
    free(plan->cables);
    free(CONTAINER_OF(plan, struct plan_holder, plan));
}

unsigned
cluster_plan_find(const struct cluster_plan *plan, const char *name)
{
    unsigned slot = 0;

    while (slot < plan->box_count && strcmp(plan->boxes[slot].name, name) != 0)
        slot++;
    return slot;
}
