/* SPDX-License-Identifier: Apache-2.0
 *
 * Any bytes are a scenario file or a list of errors.  Seeds:
 * tests/fuzz/scenario/.
 */
#include "sim/scenario/scenario.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size);

int
LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
    struct diag_list *diags = diag_create();
    struct scenario *scenario;
    FILE *out = fopen("/dev/null", "w");

    if (out == NULL)
        abort();
    if (scenario_parse(diags, "no-such-folder/fuzz.yaml", (const char *)bytes,
                       size, NULL, &scenario) == 0) {
        if (diag_count(diags) != 0)
            abort();
        scenario_describe(scenario, true, out);
        scenario_describe(scenario, false, out);
        scenario_destroy(scenario);
    } else if (diag_count(diags) == 0) {
        abort(); /* Refused without a word. */
    }
    diag_print(diags, out);
    fclose(out);
    diag_destroy(diags);
    return 0;
}
