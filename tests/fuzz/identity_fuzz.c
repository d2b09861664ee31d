/* SPDX-License-Identifier: Apache-2.0
 *
 * Any bytes in one file of an identity folder, the others being good.
 *
 * Input    u8: which file; then its bytes.
 */
#define _GNU_SOURCE
#include "reference-nos/linux/secure/identity.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "reference-nos/base/check.h"
#include "reference-nos/linux/secure/cert_priv.h"

#define FILES 4u

int LLVMFuzzerInitialize(int *argc, char ***argv);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const char *const names[FILES] = {"box.key", "box.crt", "cluster.crt",
                                         "cluster.crl"};
static char root[] = "/dev/shm/identity-fuzz-XXXXXX";
static char box[64];
static uint8_t *good[FILES];
static size_t good_size[FILES];

static void
put(unsigned file, const uint8_t *bytes, size_t size)
{
    char path[128];
    int fd;

    (void)snprintf(path, sizeof(path), "%s/%s", box, names[file]);
    fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    CHECK(fd >= 0 && write(fd, bytes, size) == (ssize_t)size);
    (void)close(fd);
}

static void
clean(void)
{
    char command[96];

    (void)snprintf(command, sizeof(command), "rm -rf %s", root);
    (void)!system(command);
}

int
LLVMFuzzerInitialize(int *argc, char ***argv)
{
    struct identity_request request = {root, box, "S", ROLE_NCP, 10};
    char path[128], message[256];

    (void)argc;
    (void)argv;
    CHECK(mkdtemp(root) != NULL && atexit(clean) == 0);
    (void)snprintf(box, sizeof(box), "%s/box", root);
    CHECK(identity_authority_make(root, "fuzz", 10, message, 256) == 0);
    CHECK(identity_issue(&request, NULL, message, 256) == 0);
    CHECK(identity_revoke(root, box, message, 256) == 0);
    for (unsigned i = 0; i < FILES; i++) {
        (void)snprintf(path, sizeof(path), "%s/%s", i == 3 ? root : box,
                       names[i]);
        CHECK(cert_read_file(path, &good[i], &good_size[i],
                             (struct message){message, 256}) == 0);
    }
    put(3, good[3], 0);
    return 0;
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct identity *identity = NULL;
    char message[256] = "";
    unsigned file;

    if (size == 0)
        return 0;
    file = data[0] % FILES;
    put(file, data + 1, size - 1);
    if (identity_load(box, &identity, message, sizeof(message)) == 0) {
        CHECK(identity_key(identity) != 0);
        CHECK((unsigned)identity_role(identity) < ROLE_COUNT);
        identity_destroy(identity);
    } else {
        CHECK(message[0] != '\0');
    }
    put(file, good[file], file == 3 ? 0 : good_size[file]);
    return 0;
}
