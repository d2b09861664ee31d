/* SPDX-License-Identifier: Apache-2.0
 *
 * Where results live: <root>/<scenario>/<stamp>/, and a link "latest" beside.
 *
 * The stamp is the caller's ("2026-03-01T12-30-05Z"), so nothing here reads a
 * clock.  Letters outside [A-Za-z0-9._-] become '-'.
 */
#ifndef REPORTS_PATHS_H
#define REPORTS_PATHS_H

#include <stddef.h>

#include "reference-nos/base/compiler.h"

enum { PATHS_BYTES = 1024 };

/* Makes <root>/<scenario>/<stamp>, or <stamp>-2 and so on when it exists, and
 * gives its path.  ERR_READONLY, ERR_NOSPACE, ERR_RANGE (path too long),
 * ERR_EXISTS (99 of that stamp), with a sentence. */
MUST_USE int paths_results_make(const char *root, const char *scenario,
                                const char *stamp, char path[PATHS_BYTES],
                                char *error, size_t error_size);

/* Points "latest", beside the folder 'path', at it; in one step. */
MUST_USE int paths_latest_link(const char *path, char *error,
                               size_t error_size);

/* The 'enum err' of an errno value of a failed write; ERR_READONLY for every
 * place that cannot be written to. */
int paths_errno_code(int number);

#endif
