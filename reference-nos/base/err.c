/* SPDX-License-Identifier: Apache-2.0 */
#include "reference-nos/base/err.h"

const char *
err_text(int code)
{
    static const char *const texts[] = {"no error",
#define ERR_TEXT(name, text) text,
                                        ERR_TABLE(ERR_TEXT)
#undef ERR_TEXT
    };

    if (code < 0 || code >= ERR_COUNT)
        return "unknown error";
    return texts[code];
}
