/* SPDX-License-Identifier: Apache-2.0 */
#include "reports/db_priv.h"

#include <errno.h>
#include <stdio.h>

#include "reference-nos/base/check.h"
#include "reference-nos/base/err.h"
#include "reports/results.h"

/* The operating system's view, where SQLite only says "I/O error". */
static int
code_of_errno(int number)
{
    switch (number) {
    case ENOSPC:
    case EDQUOT:
    case EFBIG: return ERR_NOSPACE;
    case EROFS:
    case EACCES:
    case EPERM: return ERR_READONLY;
    case ENOENT:
    case ENOTDIR: return ERR_NOENT;
    default: return ERR_IO;
    }
}

/* errno of the last failed operation on the file 'which' points to; SQLite
 * calls a quota or a size limit only an I/O error. */
static int
file_errno(sqlite3 *db, int which)
{
    sqlite3_file *file = NULL;
    int number = 0;

    if (sqlite3_file_control(db, "main", which, (void *)&file) != SQLITE_OK ||
        file == NULL || file->pMethods == NULL)
        return 0;
    file->pMethods->xFileControl(file, SQLITE_FCNTL_LAST_ERRNO, &number);
    return number;
}

static int
code_of_io(sqlite3 *db)
{
    int number = file_errno(db, SQLITE_FCNTL_JOURNAL_POINTER);

    if (number == 0)
        number = file_errno(db, SQLITE_FCNTL_FILE_POINTER);
    if (number == 0)
        number = sqlite3_system_errno(db);
    return code_of_errno(number);
}

static int
code_of_db(sqlite3 *db)
{
    switch (sqlite3_errcode(db) & 0xff) {
    case SQLITE_FULL: return ERR_NOSPACE;
    case SQLITE_READONLY:
    case SQLITE_PERM:
    case SQLITE_AUTH: return ERR_READONLY;
    case SQLITE_BUSY:
    case SQLITE_LOCKED: return ERR_BUSY;
    case SQLITE_NOTADB:
    case SQLITE_CORRUPT: return ERR_CORRUPT;
    case SQLITE_CANTOPEN: return code_of_errno(sqlite3_system_errno(db));
    case SQLITE_IOERR: return code_of_io(db);
    case SQLITE_TOOBIG: return ERR_RANGE;
    default: return ERR_INTERNAL;
    }
}

static const char *
sentence_of(int code)
{
    switch (code) {
    case ERR_NOSPACE:
        return "the disk is full; what was committed before is intact";
    case ERR_READONLY:
        return "cannot be written; choose another place with --results";
    case ERR_BUSY: return "another program is writing to this file";
    case ERR_CORRUPT: return "is not a Sixnines results file, or is damaged";
    case ERR_NOENT: return "no such file or folder";
    default: return NULL;
    }
}

int
db_error(sqlite3 *db, const char *path, char *error, size_t error_size)
{
    int code = code_of_db(db);
    const char *sentence = sentence_of(code);

    snprintf(error, error_size, "%s: %s", path,
             sentence != NULL ? sentence : sqlite3_errmsg(db));
    return code;
}

static int
pragma_get(sqlite3 *db, const char *sql, int64_t *value)
{
    sqlite3_stmt *query = NULL;
    bool ok = sqlite3_prepare_v2(db, sql, -1, &query, NULL) == SQLITE_OK &&
              sqlite3_step(query) == SQLITE_ROW;

    if (ok)
        *value = sqlite3_column_int64(query, 0);
    sqlite3_finalize(query);
    return ok ? 0 : ERR_IO;
}

int
db_check_version(sqlite3 *db, const char *path, bool *is_new, char *error,
                 size_t error_size)
{
    int64_t application = 0;
    int64_t version = 0;
    int64_t tables = 0;

    if (pragma_get(db, "PRAGMA application_id", &application) != 0 ||
        pragma_get(db, "PRAGMA user_version", &version) != 0 ||
        pragma_get(db, "SELECT count(*) FROM sqlite_schema", &tables) != 0)
        return db_error(db, path, error, error_size);
    if (application == 0 && version == 0 && tables == 0) {
        *is_new = true;
        return 0;
    }
    if (application != DB_APPLICATION_ID) {
        snprintf(error, error_size,
                 "%s: is a database, but not a Sixnines results file", path);
        return ERR_CORRUPT;
    }
    if (version > RESULTS_SCHEMA_VERSION) {
        snprintf(error, error_size,
                 "%s: written by a newer program (results version %d, this "
                 "program knows up to %d); nothing was changed",
                 path, (int)version, RESULTS_SCHEMA_VERSION);
        return ERR_VERSION;
    }
    return 0;
}

int
db_open_read(const char *path, sqlite3 **db, char *error, size_t error_size)
{
    bool is_new = false;
    sqlite3 *opened = NULL;
    int err = 0;

    if (sqlite3_open_v2(path, &opened, SQLITE_OPEN_READONLY, NULL) !=
        SQLITE_OK)
        err = db_error(opened, path, error, error_size);
    else {
        sqlite3_busy_timeout(opened, 3000);
        err = db_check_version(opened, path, &is_new, error, error_size);
    }
    if (err == 0 && is_new) {
        snprintf(error, error_size, "%s: is empty", path);
        err = ERR_CORRUPT;
    }
    if (err != 0) {
        sqlite3_close(opened);
        return err;
    }
    *db = opened;
    return 0;
}

sqlite3_stmt *
db_query(sqlite3 *db, const char *sql, int64_t id)
{
    sqlite3_stmt *query = NULL;

    CHECK(sqlite3_prepare_v2(db, sql, -1, &query, NULL) == SQLITE_OK);
    if (sqlite3_bind_parameter_count(query) > 0)
        sqlite3_bind_int64(query, 1, id);
    return query;
}

const char *
db_text(sqlite3_stmt *query, int column)
{
    const char *text = (const char *)sqlite3_column_text(query, column);

    return text != NULL ? text : "";
}

int64_t
db_integer(sqlite3 *db, const char *sql, int64_t id)
{
    sqlite3_stmt *query = db_query(db, sql, id);
    int64_t value = 0;

    if (sqlite3_step(query) == SQLITE_ROW)
        value = sqlite3_column_int64(query, 0);
    sqlite3_finalize(query);
    return value;
}

double
db_real(sqlite3 *db, const char *sql, int64_t id)
{
    sqlite3_stmt *query = db_query(db, sql, id);
    double value = 0;

    if (sqlite3_step(query) == SQLITE_ROW)
        value = sqlite3_column_double(query, 0);
    sqlite3_finalize(query);
    return value;
}
