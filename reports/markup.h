/* SPDX-License-Identifier: Apache-2.0
 *
 * A strict reader of markup, for tests: tags nest, attributes are quoted, ids
 * are unique, text holds no '<'.  Fails the test that calls it.
 */
#ifndef REPORTS_MARKUP_H
#define REPORTS_MARKUP_H

#include <stdbool.h>

/* 'html' knows the elements that never close. */
void markup_check(const char *text, bool html);

#endif
