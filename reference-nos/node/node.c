/* SPDX-License-Identifier: Apache-2.0 */
#include "reference-nos/node/node.h"

#include "reference-nos/base/check.h"
#include "reference-nos/bus/bus_service.h"
#include "reference-nos/cluster/cluster.h"
#include "reference-nos/fabric/fabric.h"
#include "reference-nos/fib/fib.h"
#include "reference-nos/hardware/hardware.h"
#include "reference-nos/operator/operator.h"
#include "reference-nos/rib/rib.h"
#include "reference-nos/store/store.h"

struct role_services {
    const struct actor_kind *const *kinds;
    size_t count;
};

static struct role_services
role_services(enum role role, bool alone)
{
    static const struct actor_kind *const controller[] = {
        &bus_kind,      &store_kind,    &member_kind, &cluster_kind,
        &hardware_kind, &operator_kind, &rib_kind,
    };
    static const struct actor_kind *const router[] = {
        &bus_kind,      &store_kind,    &member_kind,
        &cluster_kind,  &hardware_kind, &fabric_kind,
        &operator_kind, &rib_kind,      &fib_kind,
    };
    static const struct actor_kind *const forwarder[] = {
        &bus_kind,      &store_kind,  &member_alone_kind,
        &hardware_kind, &fabric_kind,
    };
    static const struct actor_kind *const packet_forwarder[] = {
        &bus_kind,      &store_kind,  &member_alone_kind,
        &hardware_kind, &fabric_kind, &fib_kind,
    };
    static const struct actor_kind *const management[] = {
        &bus_kind,
        &store_kind,
        &member_alone_kind,
        &hardware_kind,
    };

    if (alone)
        return (struct role_services){router, ARRAY_COUNT(router)};
    switch (role) {
    case ROLE_NCC:
        return (struct role_services){controller, ARRAY_COUNT(controller)};
    case ROLE_NCP:
        return (struct role_services){packet_forwarder,
                                      ARRAY_COUNT(packet_forwarder)};
    case ROLE_NCF:
        return (struct role_services){forwarder, ARRAY_COUNT(forwarder)};
    case ROLE_NCM:
        return (struct role_services){management, ARRAY_COUNT(management)};
    case ROLE_COUNT: break;
    }
    return (struct role_services){NULL, 0};
}

int
node_create(struct plat *plat, struct runtime **out)
{
    struct role_services services =
        role_services(plat->facts->role, plat->facts->alone);

    CHECK(services.count > 0);
    return runtime_create(plat, services.kinds, services.count, out);
}

const struct actor_kind *const *
node_kinds(enum role role, bool alone, size_t *count)
{
    struct role_services services = role_services(role, alone);

    *count = services.count;
    return services.kinds;
}

bool
node_has_service(enum role role, bool alone, unsigned service)
{
    struct role_services services = role_services(role, alone);

    for (size_t i = 0; i < services.count; i++) {
        if (services.kinds[i]->id == service)
            return true;
    }
    return false;
}
