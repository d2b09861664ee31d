/* SPDX-License-Identifier: Apache-2.0 */
#include "sim/run/checkpoints.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#define PATH_BYTES 1200
#define LINE_BYTES 128

static void
line_write(FILE *file, const struct digest_checkpoint *point)
{
    char digest[DIGEST_HEX_BYTES];

    (void)fprintf(file, "%" PRIu64 ",%" PRIu64 ",%s\n", point->event_index,
                  point->at.ps, run_digest_hex(point->value, digest));
}

int
checkpoints_write(const char *dir, const struct outcome *outcome,
                  char *message, size_t message_size)
{
    struct digest_checkpoint end = {
        .event_index = outcome->events,
        .at = simtime_add(outcome->boot, outcome->duration),
        .value = outcome->digest,
    };
    char path[PATH_BYTES];
    bool failed;
    FILE *file;

    outcome_text(path, sizeof(path), "%s/checkpoints-%" PRIu64 ".csv", dir,
                 outcome->seed);
    file = fopen(path, "w");
    if (file == NULL) {
        outcome_text(message, message_size, "cannot write %s", path);
        return ERR_READONLY;
    }
    (void)fputs("events,time_ps,digest\n", file);
    for (size_t i = 0; i < outcome->checkpoints.count; i++)
        line_write(file, ROWS_GET(&outcome->checkpoints,
                                  struct digest_checkpoint, i));
    line_write(file, &end);
    failed = ferror(file) != 0;
    if (fclose(file) == 0 && !failed)
        return 0;
    outcome_text(message, message_size, "cannot write %s", path);
    return ERR_NOSPACE;
}

static int
line_read(const char *line, struct digest_checkpoint *point)
{
    char digest[LINE_BYTES];

    if (sscanf(line, "%" SCNu64 ",%" SCNu64 ",%32s", &point->event_index,
               &point->at.ps, digest) != 3)
        return ERR_MALFORMED;
    return run_digest_parse(digest, &point->value);
}

int
checkpoints_read(const char *path, struct rows *rows)
{
    FILE *file = fopen(path, "r");
    char line[LINE_BYTES];
    int err = 0;

    if (file == NULL)
        return ERR_NOENT;
    *rows = (struct rows){.row_bytes = sizeof(struct digest_checkpoint)};
    if (fgets(line, sizeof(line), file) == NULL)
        err = ERR_MALFORMED;
    while (err == 0 && fgets(line, sizeof(line), file) != NULL)
        err = line_read(line, rows_add(rows));
    (void)fclose(file);
    if (err != 0 || rows->count == 0) {
        free(rows->items);
        rows->items = NULL;
        return ERR_MALFORMED;
    }
    return 0;
}
