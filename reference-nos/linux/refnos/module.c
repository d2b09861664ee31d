/* SPDX-License-Identifier: Apache-2.0 */
#define _POSIX_C_SOURCE 200809L
#include "reference-nos/base/err.h"
#include "reference-nos/linux/refnos/refnos_priv.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#define DIGITS_MAX 5u

void
module_name(uint16_t id, char name[MODULE_NAME_MAX])
{
    enum role role;
    uint16_t number;

    if (module_of_id(id, &role, &number) != 0)
        (void)snprintf(name, MODULE_NAME_MAX, "-");
    else
        (void)snprintf(name, MODULE_NAME_MAX, "%s-%u", role_name(role),
                       number);
}

int
role_parse(const char *text, enum role *role)
{
    for (unsigned i = 0; i < ROLE_COUNT; i++)
        if (strcasecmp(text, role_name((enum role)i)) == 0) {
            *role = (enum role)i;
            return 0;
        }
    return ERR_INVALID;
}

static int
number_parse(const char *text, uint16_t *number)
{
    size_t size = strlen(text);
    unsigned long value;

    if (size == 0 || size > DIGITS_MAX)
        return ERR_INVALID;
    for (size_t i = 0; i < size; i++)
        if (!isdigit((unsigned char)text[i]))
            return ERR_INVALID;
    value = strtoul(text, NULL, 10);
    if (value >= MODULE_NONE)
        return ERR_INVALID;
    *number = (uint16_t)value;
    return 0;
}

int
module_parse(const char *text, uint16_t *id)
{
    const char *dash = strchr(text, '-');
    uint16_t number, found;
    enum role role;
    char name[8];

    if (dash == NULL) {
        if (number_parse(text, &found) != 0 ||
            module_of_id(found, &role, &number) != 0)
            return ERR_INVALID;
        *id = found;
        return 0;
    }
    if ((size_t)(dash - text) >= sizeof(name))
        return ERR_INVALID;
    memcpy(name, text, (size_t)(dash - text));
    name[dash - text] = '\0';
    if (role_parse(name, &role) != 0 || number_parse(dash + 1, &number) != 0)
        return ERR_INVALID;
    found = module_id(role, number);
    if (found == MODULE_NONE)
        return ERR_INVALID;
    *id = found;
    return 0;
}
