/* SPDX-License-Identifier: Apache-2.0
 *
 * sixnines report: derives everything again from results.db.
 */
#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "reference-nos/base/compiler.h"
#include "reference-nos/base/err.h"
#include "reports/report.h"
#include "sim/cli/cmd.h"

enum { EXIT_USAGE = 64, EXIT_CANNOT_WRITE = 73, EXIT_IO = 74 };
enum { PATH_BYTES = 1024, MESSAGE_BYTES = 512 };

static const char usage[] =
    "usage: sixnines report RESULTS [option...]\n"
    "  RESULTS is a results.db or the folder that holds one.  Without an\n"
    "  option report.html, junit.xml and run.json are written beside it.\n"
    "  --html FILE      the page\n"
    "  --junit FILE     JUnit XML\n"
    "  --json FILE      run.json\n"
    "  --csv FOLDER     runs, expectations, outages, metrics, load\n"
    "  --annotations    workflow commands of GitHub on standard output\n"
    "  --campaign N     another than the latest campaign in the file\n"
    "  FILE may be '-', standard output.\n";

struct request {
    char db[PATH_BYTES];
    char dir[PATH_BYTES];
    const char *html;
    const char *junit;
    const char *json;
    const char *csv;
    bool annotations;
    struct report_options options;
};

static int
usage_error(const char *what, const char *word)
{
    fprintf(stderr, "sixnines report: %s%s\n%s", what, word, usage);
    return EXIT_USAGE;
}

static int
exit_code_of(int err)
{
    switch (err) {
    case ERR_READONLY: return EXIT_CANNOT_WRITE;
    case ERR_IO:
    case ERR_NOSPACE:
    case ERR_BUSY: return EXIT_IO;
    default: return EXIT_USAGE; /* Not there, not ours, or too new. */
    }
}

/* Names the database and its folder after the argument. */
static int
paths_set(struct request *request, const char *argument)
{
    struct stat info;
    const char *slash;

    if (strlen(argument) + sizeof("/results.db") > PATH_BYTES)
        return usage_error("path too long: ", argument);
    if (stat(argument, &info) == 0 && S_ISDIR(info.st_mode)) {
        snprintf(request->db, PATH_BYTES, "%s/results.db", argument);
        snprintf(request->dir, PATH_BYTES, "%s", argument);
        return 0;
    }
    snprintf(request->db, PATH_BYTES, "%s", argument);
    slash = strrchr(argument, '/');
    snprintf(request->dir, PATH_BYTES, "%.*s",
             slash != NULL ? (int)(slash - argument) : 1,
             slash != NULL ? argument : ".");
    return 0;
}

static int
campaign_parse(struct request *request, const char *text)
{
    char *end;

    errno = 0;
    request->options.campaign = strtoll(text, &end, 10);
    if (errno != 0 || *end != '\0' || request->options.campaign <= 0)
        return usage_error("--campaign takes a number from 1, not ", text);
    return 0;
}

/* An option with a value. */
static int
value_take(struct request *request, const char *option, const char *value)
{
    const char **target = NULL;

    if (strcmp(option, "--html") == 0)
        target = &request->html;
    else if (strcmp(option, "--junit") == 0)
        target = &request->junit;
    else if (strcmp(option, "--json") == 0)
        target = &request->json;
    else if (strcmp(option, "--csv") == 0)
        target = &request->csv;
    else if (strcmp(option, "--campaign") != 0)
        return usage_error("unknown option ", option);
    if (value == NULL)
        return usage_error("a value is missing after ", option);
    if (target == NULL)
        return campaign_parse(request, value);
    *target = value;
    return 0;
}

static int
request_parse(int argc, char **argv, struct request *request)
{
    bool named = false;
    int code = 0;
    int i;

    for (i = 1; i < argc && code == 0; i++) {
        if (strcmp(argv[i], "--annotations") == 0) {
            request->annotations = true;
        } else if (argv[i][0] == '-' && argv[i][1] != '\0') {
            code = value_take(request, argv[i],
                              i + 1 < argc ? argv[i + 1] : NULL);
            i++;
        } else if (named) {
            return usage_error("one RESULTS only, not also ", argv[i]);
        } else {
            code = paths_set(request, argv[i]);
            named = true;
        }
    }
    if (code == 0 && !named)
        return usage_error("which RESULTS?", "");
    return code;
}

static int
write_one(int (*write)(const char *db_path, const char *out_path,
                       const struct report_options *options, char *error,
                       size_t error_size),
          const struct request *request, const char *out)
{
    char error[MESSAGE_BYTES] = "";
    int err;

    if (out == NULL)
        return 0;
    err = write(request->db, out, &request->options, error, sizeof(error));
    if (err != 0) {
        fprintf(stderr, "sixnines report: %s\n", error);
        return exit_code_of(err);
    }
    if (strcmp(out, "-") != 0)
        fprintf(stderr, "wrote %s\n", out);
    return 0;
}

static int
annotations_write(const struct request *request)
{
    char error[MESSAGE_BYTES] = "";
    int err;

    if (!request->annotations)
        return 0;
    err = report_annotations(request->db, stdout, &request->options, error,
                             sizeof(error));
    if (err == 0)
        return 0;
    fprintf(stderr, "sixnines report: %s\n", error);
    return exit_code_of(err);
}

int
cmd_report(int argc, char **argv)
{
    char html[PATH_BYTES + 16];
    char junit[PATH_BYTES + 16];
    char json[PATH_BYTES + 16];
    struct request request = {0};
    int code;

    if (argc > 1 &&
        (strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "-h") == 0)) {
        fputs(usage, stdout);
        return 0;
    }
    code = request_parse(argc, argv, &request);
    if (code != 0)
        return code;
    if (request.html == NULL && request.junit == NULL &&
        request.json == NULL && request.csv == NULL && !request.annotations) {
        snprintf(html, sizeof(html), "%s/report.html", request.dir);
        snprintf(junit, sizeof(junit), "%s/junit.xml", request.dir);
        snprintf(json, sizeof(json), "%s/run.json", request.dir);
        request.html = html;
        request.junit = junit;
        request.json = json;
    }
    code = write_one(report_junit, &request, request.junit);
    if (code == 0)
        code = write_one(report_json, &request, request.json);
    if (code == 0)
        code = write_one(report_csv, &request, request.csv);
    if (code == 0)
        code = write_one(report_html, &request, request.html);
    return code != 0 ? code : annotations_write(&request);
}
