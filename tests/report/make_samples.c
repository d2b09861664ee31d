/* SPDX-License-Identifier: Apache-2.0
 *
 * make_samples DIR: a sample report of each kind in DIR, for the browser.
 */
#include <stdio.h>
#include <unistd.h>

#include "reference-nos/base/compiler.h"
#include "reports/report.h"
#include "reports/samples.h"

static const struct {
    const char *name;
    void (*make)(const char *path);
} samples[] = {
    {"quiet", samples_quiet},     {"failing", samples_failing},
    {"seeds", samples_seeds},     {"compared", samples_compared},
    {"nothing", samples_nothing}, {"hostile", samples_hostile},
    {"soak", samples_soak},       {"interrupted", samples_interrupted},
    {"packets", samples_packets},
};

int
main(int argc, char **argv)
{
    char error[512] = "";
    char db[1024];
    char page[1024];
    size_t i;

    if (argc != 2) {
        fprintf(stderr, "usage: make_samples DIR\n");
        return 64;
    }
    for (i = 0; i < ARRAY_COUNT(samples); i++) {
        snprintf(db, sizeof(db), "%s/%s.db", argv[1], samples[i].name);
        snprintf(page, sizeof(page), "%s/%s.html", argv[1], samples[i].name);
        unlink(db);
        samples[i].make(db);
        if (report_html(db, page, NULL, error, sizeof(error)) != 0) {
            fprintf(stderr, "%s\n", error);
            return 70;
        }
    }
    return 0;
}
