/* SPDX-License-Identifier: Apache-2.0
 *
 * Any text as what a client asks through SSH, and as JSON from a daemon.
 */
#define _POSIX_C_SOURCE 200809L
#include "reference-nos/base/err.h"
#include "reference-nos/linux/refnos/refnos_priv.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* No daemon is there: whatever is asked must end in an error, or help. */
static void
ask(const char *text)
{
    static char *words[] = {"--socket", "/nonexistent/socket"};
    struct refnos_call call = {
        .count = 2, .words = words, .ssh_command = text};
    int code;

    call.out = fopen("/dev/null", "w");
    call.err = call.out;
    code = refnos_run(&call);
    if (code == REFNOS_INTERNAL || code == REFNOS_CANNOT_WRITE)
        abort();
    fclose(call.out);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct refnos refnos = {.json = false};
    char *text = strndup((const char *)data, size);

    ask(text);
    refnos.out = fopen("/dev/null", "w");
    refnos.err = refnos.out;
    if (print_json(&refnos, (const char *)data, size) == ERR_IO)
        abort();
    fclose(refnos.out);
    free(text);
    return 0;
}
