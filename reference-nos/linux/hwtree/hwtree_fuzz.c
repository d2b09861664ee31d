/* SPDX-License-Identifier: Apache-2.0
 *
 * Any bytes in a file of a hardware tree: what parses is inside its bounds.
 */
#include <string.h>

#include "reference-nos/base/check.h"
#include "reference-nos/linux/hwtree/parse.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const char *bytes = (const char *)data;
    enum led_state led;
    enum reboot_cause cause;
    int64_t value;
    char name[24];

    if (parse_number(bytes, size, INT64_MIN, INT64_MAX, &value) == 0) {
        int64_t again;

        CHECK(parse_number(bytes, size, value, value, &again) == 0 &&
              again == value);
        CHECK(value == INT64_MAX || parse_number(bytes, size, value + 1,
                                                 INT64_MAX, &again) == ERR_IO);
    }
    if (parse_name(bytes, size, name, sizeof(name)) == 0)
        CHECK(name[0] != '\0' && memchr(name, '\0', sizeof(name)) != NULL);
    if (parse_led(bytes, size, &led) == 0)
        CHECK(strncmp(parse_led_word(led), bytes,
                      strlen(parse_led_word(led))) == 0);
    if (parse_reboot_cause(bytes, size, &cause) == 0)
        CHECK(cause < REBOOT_CAUSE_COUNT);
    return 0;
}
