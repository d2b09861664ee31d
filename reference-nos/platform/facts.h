/* SPDX-License-Identifier: Apache-2.0
 *
 * What a box knows of itself before it has met anyone: its first-boot facts.
 *
 * They come from the box's EEPROM and, for the voters, from the installer;
 * everything else comes from the cluster.
 */
#ifndef NOS_PLATFORM_FACTS_H
#define NOS_PLATFORM_FACTS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum role {
    ROLE_NCC, /* controller */
    ROLE_NCP, /* packet forwarder: line-card box */
    ROLE_NCF, /* fabric box */
    ROLE_NCM, /* management switch */
    ROLE_COUNT
};

#define FACTS_SERIAL_MAX 24 /* with the final zero */
#define FACTS_VOTERS_MAX 5

struct box_facts {
    uint64_t key; /* hash of serial and public key; also its bus address */
    char serial[FACTS_SERIAL_MAX];
    enum role role;       /* the role this hardware can take */
    uint64_t cluster_id;  /* refuses boxes of another cluster */
    uint64_t incarnation; /* grows with every boot of the box */
    uint16_t front_ports;
    uint16_t fabric_ports;
    /* Voters only: the first configuration of the consensus group. */
    unsigned voter_count;
    uint64_t voters[FACTS_VOTERS_MAX];
    bool arbiter; /* votes, but never acts as a controller */
    /* A stand-alone router: a controller that forwards too.  It has front
     * ports, no fabric, and votes for itself. */
    bool alone;
};

/* Has the box tables that forward packets? */
static inline bool
facts_forwards(const struct box_facts *facts)
{
    return facts->fabric_ports > 0 || facts->alone;
}

/* "ncc", "ncp", "ncf", "ncm". */
const char *role_name(enum role role);

#endif
