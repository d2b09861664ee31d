/* SPDX-License-Identifier: Apache-2.0
 *
 * What writer and readers of results.db share: errors with sentences, the
 * version check, and queries.
 */
#ifndef REPORTS_DB_PRIV_H
#define REPORTS_DB_PRIV_H

#include <sqlite3.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "reference-nos/base/compiler.h"

/* PRAGMA application_id of our files: "S9rs". */
enum { DB_APPLICATION_ID = 0x53397273 };

/* The 'enum err' of the last failure of 'db', and a sentence about it. */
int db_error(sqlite3 *db, const char *path, char *error, size_t error_size);

/* Refuses files that are not ours (ERR_CORRUPT) or newer (ERR_VERSION).  An
 * empty file sets 'is_new'. */
MUST_USE int db_check_version(sqlite3 *db, const char *path, bool *is_new,
                              char *error, size_t error_size);

/* Opens an existing results.db for reading. */
MUST_USE int db_open_read(const char *path, sqlite3 **db, char *error,
                          size_t error_size);

/* A query with 'id' bound to its first parameter, if it has one.  Harness
 * tools stop on a broken file: a query that cannot be prepared is a CHECK,
 * as the version was checked before. */
sqlite3_stmt *db_query(sqlite3 *db, const char *sql, int64_t id);

/* Text of a column; "" for NULL.  Valid until the next step. */
const char *db_text(sqlite3_stmt *query, int column);

/* First column of the first row of a query; 0 when there is none. */
int64_t db_integer(sqlite3 *db, const char *sql, int64_t id);
double db_real(sqlite3 *db, const char *sql, int64_t id);

#endif
