/* SPDX-License-Identifier: Apache-2.0
 *
 * Whom a fault, an action or a metric means.
 *
 *   ncp-7                      the box built as number 7: its place in the
 *                              plan, whatever box stands there now
 *   role=ncc,active            every box of the role in that state
 *   role=ncp,number=7          the box that holds module number 7 just then
 *   state=forwarding           every box in that state
 *   random role=ncp            one of the matches, drawn from the seed
 *   random 3 role=ncp          three of them
 *   service=store,role=ncc     one service of the matching boxes
 *   link=ncp-3/fab-2           a fabric link, by its port on one side
 *   link=mgmt-a/ncp-3          a box's link to management plane A
 *   plane=a                    a whole management plane
 *   pull.target                what the earlier event "pull" hit
 *
 * Parsing checks what is known before a run: roles, services, states, and
 * numbers against the size of the cluster.  Selectors are resolved by the
 * run when the event fires.
 */
#ifndef SIM_SCENARIO_TARGET_H
#define SIM_SCENARIO_TARGET_H

#include "models/yaml/schema.h"
#include "models/yaml/words.h"
#include "reference-nos/platform/facts.h"
#include "reference-nos/platform/plat.h"

enum target_kind {
    TARGET_BOX,             /* the boxes the selector matches */
    TARGET_SERVICE,         /* .service of those boxes */
    TARGET_FABRIC_LINK,     /* slot .role/.number, fabric port .port */
    TARGET_MANAGEMENT_LINK, /* .plane to slot .role/.number */
    TARGET_PLANE,           /* .plane */
    TARGET_EVENT            /* what event .event hit */
};

/* Bits for catalogue tables. */
#define TARGET_BIT(kind) (1u << (kind))
#define TARGET_ANY_BOX (TARGET_BIT(TARGET_BOX) | TARGET_BIT(TARGET_EVENT))

/* X(name, word, doc) */
#define TARGET_STATE_TABLE(X)                                                 \
    X(ACTIVE, "active", "the controller that holds the lease")                \
    X(STANDBY, "standby", "a running controller that does not")               \
    X(LEADER, "leader", "the voter that leads the consensus group")           \
    X(JOINED, "joined", "has a module number and a lease")                    \
    X(FORWARDING, "forwarding", "forwards packets")                           \
    X(HEADLESS, "headless", "runs without a controller")                      \
    X(DRAINED, "drained", "an operator wants no traffic there")               \
    X(ON, "on", "has power")                                                  \
    X(OFF, "off", "has no power")

enum target_state {
#define TARGET_STATE_NAME(name, word, doc) TARGET_STATE_##name,
    TARGET_STATE_TABLE(TARGET_STATE_NAME)
#undef TARGET_STATE_NAME
        TARGET_STATE_COUNT
};

struct target {
    struct mark mark;
    const char *text; /* As written. */
    enum target_kind kind;
    bool is_slot;    /* role and number name a place in the plan. */
    bool has_role;   /* .role holds. */
    bool has_number; /* .number holds: slot or module number. */
    bool has_serial;
    enum role role;
    uint32_t number;
    const char *serial;
    unsigned states;  /* Bits 1 << enum target_state; all must hold. */
    uint32_t random;  /* 0: every match; else that many, drawn. */
    unsigned service; /* enum service_id */
    enum plane plane; /* 0 is A, 1 is B. */
    uint32_t port;    /* Fabric port, from 0. */
    uint32_t event;   /* Index into the timeline. */
};

struct target_list {
    const struct target *items;
    size_t count;
};

/* What is known before a run. */
struct target_scope {
    /* Boxes and spares of the cluster; all 0 when unknown. */
    uint32_t slots[ROLE_COUNT];
    uint32_t fabric_ports; /* Of an NCP; 0 when unknown. */
    /* Index of the timeline event 'name' or -1. */
    int (*event_find)(const void *arg, const char *name);
    struct words event_names; /* For suggestions. */
    /* The same of traffic. */
    int (*traffic_find)(const void *arg, const char *name);
    struct words traffic_names;
    const void *arg;
    /* Frames that a search tries, in bytes. */
    const uint16_t *search_sizes;
    size_t search_size_count;
};

/* Parses one target that stands at 'offset' of scalar 'node'.  'text' need
 * not be zero-terminated.  Reports what is wrong; ERR_INVALID. */
MUST_USE int target_parse(struct schema_reader *reader,
                          const struct target_scope *scope,
                          const struct ynode *node, size_t offset,
                          const char *text, size_t bytes,
                          struct target *target);

/* Parses a scalar, or a list of scalars. */
MUST_USE int target_list_parse(struct schema_reader *reader,
                               const struct target_scope *scope,
                               const struct ynode *node,
                               struct target_list *list);

const char *target_state_word(enum target_state state);
const char *target_state_doc(enum target_state state);
const char *target_kind_text(enum target_kind kind);

#endif
