/* SPDX-License-Identifier: Apache-2.0 */
#include "reference-nos/linux/hwtree/parse.h"

#include <string.h>

#include "reference-nos/base/check.h"

#define LED_STATES (LED_BLUE_BLINK + 1u)

static const char *const led_words[LED_STATES] = {
    [LED_OFF] = "off", [LED_GREEN] = "green",           [LED_AMBER] = "amber",
    [LED_RED] = "red", [LED_BLUE_BLINK] = "blue-blink",
};

static size_t
trimmed(const char *bytes, size_t size)
{
    while (size > 0 && (bytes[size - 1] == '\n' || bytes[size - 1] == ' '))
        size--;
    return size;
}

int
parse_number(const char *bytes, size_t size, int64_t least, int64_t most,
             int64_t *value)
{
    int64_t number = 0;
    size_t i = 0;
    bool negative;

    size = trimmed(bytes, size);
    negative = size > 0 && bytes[0] == '-';
    if (negative)
        i++;
    /* 18 digits fit. */
    if (i == size || size - i > 18)
        return ERR_IO;
    for (; i < size; i++) {
        if (bytes[i] < '0' || bytes[i] > '9')
            return ERR_IO;
        number = number * 10 + (bytes[i] - '0');
    }
    if (negative)
        number = -number;
    if (number < least || number > most)
        return ERR_IO;
    *value = number;
    return 0;
}

int
parse_word(const char *bytes, size_t size, const char *const *words,
           unsigned count, unsigned *index)
{
    size = trimmed(bytes, size);
    for (unsigned i = 0; i < count; i++) {
        if (strlen(words[i]) == size && memcmp(words[i], bytes, size) == 0) {
            *index = i;
            return 0;
        }
    }
    return ERR_IO;
}

int
parse_name(const char *bytes, size_t size, char *name, size_t room)
{
    CHECK(room > 0);
    size = trimmed(bytes, size);
    if (size == 0)
        return ERR_IO;
    for (size_t i = 0; i < size; i++) {
        if (bytes[i] < ' ' || bytes[i] > '~')
            return ERR_IO;
    }
    if (size > room - 1)
        size = room - 1;
    memcpy(name, bytes, size);
    name[size] = '\0';
    return 0;
}

const char *
parse_led_word(enum led_state state)
{
    CHECK((unsigned)state < LED_STATES);
    return led_words[state];
}

int
parse_led(const char *bytes, size_t size, enum led_state *state)
{
    unsigned index;
    int error = parse_word(bytes, size, led_words, LED_STATES, &index);

    if (error == 0)
        *state = (enum led_state)index;
    return error;
}

int
parse_reboot_cause(const char *bytes, size_t size, enum reboot_cause *cause)
{
    const char *words[REBOOT_CAUSE_COUNT];
    unsigned index;
    int error;

    for (unsigned i = 0; i < REBOOT_CAUSE_COUNT; i++)
        words[i] = reboot_cause_name((enum reboot_cause)i);
    error = parse_word(bytes, size, words, REBOOT_CAUSE_COUNT, &index);

    if (error == 0)
        *cause = (enum reboot_cause)index;
    return error;
}
