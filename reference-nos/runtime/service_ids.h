/* SPDX-License-Identifier: Apache-2.0
 *
 * The services of a box.  Numbers travel on the wire: never renumber.
 */
#ifndef NOS_RUNTIME_SERVICE_IDS_H
#define NOS_RUNTIME_SERVICE_IDS_H

enum service_id {
    SVC_NONE = 0,
    SVC_BUS = 1,      /* messages between boxes */
    SVC_STORE = 2,    /* configuration and state rows, consensus */
    SVC_MEMBER = 3,   /* every box: join, lease, role, headless */
    SVC_CLUSTER = 4,  /* controllers: numbers, membership, cabling */
    SVC_HARDWARE = 5, /* fans, power, lights, alarms */
    SVC_FABRIC = 6,   /* NCP, NCF: reachability and ports */
    SVC_OPERATOR = 7, /* requests of people and programs */
    SVC_RIB = 8,      /* controllers: routes and groups for every card */
    SVC_FIB = 9,      /* NCP: what the ASIC forwards by */
    SVC_COUNT = 10
};

/* "bus", "store", ... */
const char *service_name(unsigned service);

#endif
