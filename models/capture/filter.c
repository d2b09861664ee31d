/* SPDX-License-Identifier: Apache-2.0 */
#define _DEFAULT_SOURCE /* u_int of <pcap/pcap.h> */
#include "models/capture/capture.h"

#include <pcap/pcap.h>
#include <stdio.h>
#include <stdlib.h>

#define LENGTH_MAX 65535

struct capture_filter {
    struct bpf_program program;
};

static int
compile(const char *expression, struct capture_filter *filter, char *message,
        size_t message_size)
{
    pcap_t *pcap = pcap_open_dead(DLT_EN10MB, LENGTH_MAX);
    int err = 0;

    if (pcap == NULL)
        return ERR_NOMEM;
    if (pcap_compile(pcap, &filter->program, expression, 1,
                     PCAP_NETMASK_UNKNOWN) != 0) {
        (void)snprintf(message, message_size, "filter \"%s\": %s", expression,
                       pcap_geterr(pcap));
        err = ERR_INVALID;
    }
    pcap_close(pcap);
    return err;
}

int
capture_filter_create(const char *expression, struct capture_filter **out,
                      char *message, size_t message_size)
{
    struct capture_filter *filter = calloc(1, sizeof(*filter));
    int err;

    if (filter == NULL)
        return ERR_NOMEM;
    err = compile(expression != NULL ? expression : "", filter, message,
                  message_size);
    if (err != 0) {
        free(filter);
        return err;
    }
    *out = filter;
    return 0;
}

void
capture_filter_destroy(struct capture_filter *filter)
{
    if (filter == NULL)
        return;
    pcap_freecode(&filter->program);
    free(filter);
}

bool
capture_filter_match(const struct capture_filter *filter, const uint8_t *frame,
                     size_t captured, size_t length)
{
    return bpf_filter(filter->program.bf_insns, frame, (u_int)length,
                      (u_int)captured) != 0;
}
