/* SPDX-License-Identifier: Apache-2.0
 *
 * Figures of forwarding ASICs and of the cell fabric (models/data/asic.yaml,
 * which names the source of each; models/plane/README.md says how each is
 * used).
 */
#ifndef MODELS_PLANE_ASIC_H
#define MODELS_PLANE_ASIC_H

#include <stddef.h>
#include <stdint.h>

#include "reference-nos/base/compiler.h"
#include "reference-nos/base/err.h"

#define ASIC_CLASSES 8u

struct asic {
    /* Line card. */
    uint64_t ingress_ps;     /* pipeline: last bit in until queued */
    uint64_t egress_ps;      /* pipeline: whole until at the egress queue */
    uint64_t voq_limit_ps;   /* a queue's drain time at port rate */
    uint64_t onchip_bytes;   /* shared by the queues of a card */
    uint64_t hbm_bytes;      /* deep buffer */
    uint64_t hbm_bps;        /* written, and the same read */
    uint64_t hbm_ps;         /* extra latency of what went through it */
    uint64_t evict_packets;  /* a queue above either goes to the deep */
    uint64_t evict_bytes;    /* buffer */
    uint64_t egress_bytes;   /* shared by the egress queues of a card */
    uint64_t egress_stop_ps; /* an egress port with so much waiting, at its
                                rate, grants nothing */
    uint64_t wred_min_bytes, wred_max_bytes; /* of a queue; 0: tail drop */
    uint32_t wred_ppm;              /* drop probability at the maximum */
    uint32_t weights[ASIC_CLASSES]; /* 0: strict, above all weighted ones */
    uint64_t credit_bytes;
    uint32_t credit_speedup_ppm; /* credits granted, of the port rate */
    uint64_t
        credit_watchdog_ps; /* a queue without credit so long is dropped */
    uint64_t credit_ps;     /* scheduler: request in until grant out */
    uint32_t credit_requests_max; /* of one queue, open at a time */
    /* Cells. */
    uint16_t cell_max_bytes, cell_min_bytes; /* header included */
    uint16_t cell_header_bytes;
    uint16_t packet_header_bytes; /* added to each packet on the fabric */
    uint32_t fabric_raw_ppm;      /* raw link rate, of the nominal one */
    uint32_t fabric_rate_ppm;     /* of the raw link rate, for cells; their
                                     headers not yet taken off */
    uint64_t fabric_fifo_bytes;   /* before each fabric link of a card */
    uint64_t reassembly_ps;       /* a packet that misses a cell so long */
    /* Fabric box. */
    uint64_t ncf_ps;          /* crossbar: cell in until at its queue */
    uint64_t ncf_queue_bytes; /* per output link */
    uint64_t ncf_pause_bytes, ncf_resume_bytes; /* back-pressure */
    uint64_t reach_ps; /* dead link until everyone's cells avoid it */
};

/* The rate of cells on a fabric link of nominal 'link_bps'. */
uint64_t asic_cell_bps(const struct asic *asic, uint64_t link_bps);

/* Reads asic.yaml of 'data_dir'; 'message' says what is wrong, with its
 * place. */
MUST_USE int asic_load(const char *data_dir, struct asic *asic, char *message,
                       size_t message_size);

#endif
