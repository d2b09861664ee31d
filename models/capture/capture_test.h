/* SPDX-License-Identifier: Apache-2.0
 *
 * The suites of this folder's test program.
 */
#ifndef MODELS_CAPTURE_CAPTURE_TEST_H
#define MODELS_CAPTURE_CAPTURE_TEST_H

#include <check.h>

#include "models/capture/capture.h"

/* A packet of a port with everything that has no meaning to the test set. */
struct capture_packet test_packet(uint8_t family, uint16_t bytes);

/* A new path that no file has; removed by test_remove(). */
const char *test_path(char path[64]);
void test_remove(const char *path);

/* Two ports, one in and one out; 'packets' in turn, 1.5 us apart. */
void test_write_capture(const char *path, unsigned packets);

Suite *replay_suite(void);

#endif
