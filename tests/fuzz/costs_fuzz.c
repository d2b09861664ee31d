/* SPDX-License-Identifier: Apache-2.0
 *
 * Any bytes as a file of costs, such as a calibration leaves.
 */
#define _GNU_SOURCE
#include "models/costs.h"

#include <stdio.h>
#include <sys/mman.h>
#include <unistd.h>

#include "reference-nos/base/check.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char path[64], message[512] = "";
    struct costs costs;
    int fd = memfd_create("costs", MFD_CLOEXEC);

    CHECK(fd >= 0 && write(fd, data, size) == (ssize_t)size);
    (void)snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
    if (costs_load("/nonexistent", path, &costs, message, sizeof(message)) !=
        0)
        CHECK(message[0] != '\0');
    (void)close(fd);
    return 0;
}
