/* SPDX-License-Identifier: Apache-2.0 */
#include "models/cluster.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "models/cluster_priv.h"
#include "models/costs.h"
#include "reference-nos/base/check.h"
#include "reference-nos/platform/plat.h"
#include "sim/kernel/random.h"

#define CONTROLLERS 2
#define SWITCHES 2
/* Module numbers of all roles are one byte (forwarding.h). */
#define BOXES_MAX (FWD_MODULES_MAX - 1)

/* The plan with what its pointers lead to. */
struct plan_holder {
    struct cluster_plan plan; /* First: handed out. */
    struct box_model models[ROLE_COUNT];
};

struct builder {
    struct plan_holder *holder;
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
                      role_name(box->model.role), role_name(role));
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
    int err = model_choose(builder, preset->ncc_model, ROLE_NCC);

    if (err == 0)
        err = model_choose(builder, preset->ncm_model, ROLE_NCM);
    if (err == 0)
        err = model_choose(builder, ncf, ROLE_NCF);
    if (err == 0)
        err = model_choose(builder, ncp, ROLE_NCP);
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

static void
boxes_place(struct builder *builder, unsigned ncf_count, unsigned ncp_count)
{
    struct cluster_plan *plan = &builder->holder->plan;
    unsigned total = CONTROLLERS + SWITCHES + ncf_count + ncp_count;

    plan->boxes = calloc(total, sizeof(*plan->boxes));
    CHECK(plan->boxes != NULL);
    for (unsigned i = 0; i < CONTROLLERS; i++)
        box_add(builder, ROLE_NCC, i);
    for (unsigned i = 0; i < SWITCHES; i++)
        box_add(builder, ROLE_NCM, i);
    for (unsigned i = 0; i < ncf_count; i++)
        box_add(builder, ROLE_NCF, i);
    for (unsigned i = 0; i < ncp_count; i++)
        box_add(builder, ROLE_NCP, i);
    plan->voter_count = 3;
    plan->voters[0] = 0;           /* ncc-0 */
    plan->voters[1] = 1;           /* ncc-1 */
    plan->voters[2] = CONTROLLERS; /* ncm-a */
}

/* ---- cables ---- */

static int
cables_check(struct builder *builder, unsigned ncf_count, unsigned ncp_count,
             unsigned links)
{
    const struct box_model *ncp = &builder->holder->models[ROLE_NCP];
    const struct box_model *ncf = &builder->holder->models[ROLE_NCF];
    /* NCF 0 gets the most links of each NCP. */
    unsigned per_ncf = (links + ncf_count - 1) / ncf_count * ncp_count;

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
cables_lay(struct builder *builder, unsigned ncf_count, unsigned ncp_count,
           unsigned links)
{
    struct cluster_plan *plan = &builder->holder->plan;
    const unsigned first_ncf = CONTROLLERS + SWITCHES;
    uint16_t *used = calloc(ncf_count, sizeof(*used));

    plan->cables = calloc((size_t)ncp_count * links, sizeof(*plan->cables));
    CHECK(used != NULL && plan->cables != NULL);
    for (unsigned ncp = 0; ncp < ncp_count; ncp++) {
        for (unsigned link = 0; link < links; link++) {
            unsigned ncf = link % ncf_count;

            plan->cables[plan->cable_count++] = (struct plan_cable){
                .ncp_box = first_ncf + ncf_count + ncp,
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

static int
counts_check(struct builder *builder, unsigned ncf_count, unsigned ncp_count)
{
    unsigned total = CONTROLLERS + SWITCHES + ncf_count + ncp_count;

    if (ncp_count == 0 || ncf_count == 0)
        return refuse(builder, "preset \"%s\" needs counts of NCPs and NCFs",
                      builder->holder->plan.preset);
    if (ncf_count > BOXES_MAX || ncp_count > BOXES_MAX || total > BOXES_MAX)
        return refuse(builder,
                      "%u NCPs and %u NCFs are too many: a cluster "
                      "has at most %u boxes",
                      ncp_count, ncf_count, (unsigned)BOXES_MAX);
    return 0;
}

static int
plan_build(struct builder *builder, const struct preset_data *preset,
           const struct cluster_options *options)
{
    struct cluster_plan *plan = &builder->holder->plan;
    unsigned ncf_count = or_preset(options->ncf_count, preset->ncf_count);
    unsigned ncp_count = or_preset(options->ncp_count, preset->ncp_count);
    unsigned links =
        or_preset(options->fabric_links_per_ncp, preset->fabric_links);
    int err = counts_check(builder, ncf_count, ncp_count);

    if (err != 0)
        return err;
    if (options->spare_ncp_count > BOXES_MAX)
        return counts_check(builder, ncf_count, options->spare_ncp_count);
    ncp_count += options->spare_ncp_count;
    plan->spare_count = options->spare_ncp_count;
    err = counts_check(builder, ncf_count, ncp_count);
    if (err == 0)
        err = models_choose(builder, preset, options);
    if (err == 0)
        err = cables_check(builder, ncf_count, ncp_count, links);
    if (err != 0)
        return err;
    boxes_place(builder, ncf_count, ncp_count);
    cables_lay(builder, ncf_count, ncp_count, links);
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
    struct builder builder = {calloc(1, sizeof(*builder.holder)), data,
                              message, message_size};
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
