/* SPDX-License-Identifier: Apache-2.0 */
#include "reference-nos/linux/storage/storage_test.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

void
lab_init_in(struct lab *lab, const char *parent)
{
    memset(lab, 0, sizeof(*lab));
    (void)snprintf(lab->root, sizeof(lab->root), "%s/nos-storage-XXXXXX",
                   access(parent, W_OK) == 0 ? parent : "/tmp");
    ck_assert_ptr_nonnull(mkdtemp(lab->root));
    (void)snprintf(lab->state, sizeof(lab->state), "%s/state", lab->root);
    ck_assert_int_eq(uv_loop_init(&lab->loop), 0);
}

void
lab_init(struct lab *lab)
{
    lab_init_in(lab, "/tmp");
}

void
lab_fini(struct lab *lab)
{
    char command[160];

    ck_assert_int_eq(uv_loop_close(&lab->loop), 0);
    (void)snprintf(command, sizeof(command), "rm -rf %s", lab->root);
    ck_assert_int_eq(system(command), 0);
}

static void
done(void *arg, unsigned service, uint64_t token, int status)
{
    struct lab *lab = arg;

    ck_assert_uint_lt(lab->done_count, LAB_DONE_MAX);
    lab->done[lab->done_count++] = (struct lab_done){service, token, status};
}

void
lab_open(struct lab *lab)
{
    char message[256] = "";
    int error = storage_open(&lab->loop, lab->state, done, lab, &lab->storage,
                             message, sizeof(message));

    ck_assert_msg(error == 0, "%s", message);
}

void
lab_close(struct lab *lab)
{
    storage_close(lab->storage);
    (void)uv_run(&lab->loop, UV_RUN_DEFAULT);
    lab->storage = NULL;
}

void
lab_wait(struct lab *lab, unsigned count)
{
    while (lab->done_count < count)
        (void)uv_run(&lab->loop, UV_RUN_ONCE);
}

void
lab_append(struct lab *lab, enum storage_file file, const char *text)
{
    ck_assert_int_eq(storage_append(lab->storage, file, text, strlen(text)),
                     0);
}

void
lab_expect(struct lab *lab, enum storage_file file, const char *text)
{
    uint64_t size = 4711;
    char *bytes;

    ck_assert_int_eq(storage_size(lab->storage, file, &size), 0);
    ck_assert_uint_eq(size, strlen(text));
    bytes = malloc(size + 1);
    ck_assert_int_eq(storage_read(lab->storage, file, 0, bytes, size), 0);
    ck_assert_mem_eq(bytes, text, size);
    free(bytes);
}
