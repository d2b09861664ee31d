/* SPDX-License-Identifier: Apache-2.0
 *
 * Certificates that are revoked, have run out, are of another authority, or
 * are renewed: in the folders of the boxes, by the authority of the run.
 */
#define _GNU_SOURCE

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "reference-nos/linux/secure/identity.h"
#include "sim/world/netns/netns_priv.h"

#define FILE_MAX_BYTES 65536u
#define PATH_ROOM (NETNS_PATH_MAX + 32u)
#define REVOCATIONS "cluster.crl"

/* What makes a box one of its cluster. */
static const char *const own_files[] = {"box.key", "box.crt", "cluster.crt"};

static void
in_rack(const struct netns_box *box, const char *name,
        char path[NETNS_PATH_MAX])
{
    (void)snprintf(path, NETNS_PATH_MAX, "%s/%s", box->netns->rack.dir, name);
}

/* Whole or not at all, and nobody else's to read. */
static int
file_put(const char *path, const void *bytes, size_t size)
{
    char beside[PATH_ROOM + 8];
    bool written;
    int fd;

    (void)snprintf(beside, sizeof(beside), "%s.new", path);
    (void)unlink(beside);
    fd = open(beside, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    if (fd < 0)
        return ERR_IO;
    written = write(fd, bytes, size) == (ssize_t)size;
    if (close(fd) != 0)
        written = false;
    return written && rename(beside, path) == 0 ? 0 : ERR_IO;
}

static int
file_copy(const char *from_folder, const char *to_folder, const char *name)
{
    char from[PATH_ROOM], to[PATH_ROOM];
    char *bytes = malloc(FILE_MAX_BYTES);
    size_t size = 0;
    FILE *file;
    int err;

    CHECK(bytes != NULL);
    (void)snprintf(from, sizeof(from), "%s/%s", from_folder, name);
    (void)snprintf(to, sizeof(to), "%s/%s", to_folder, name);
    file = fopen(from, "re");
    if (file != NULL) {
        size = fread(bytes, 1, FILE_MAX_BYTES, file);
        (void)fclose(file);
    }
    err =
        size > 0 && size < FILE_MAX_BYTES ? file_put(to, bytes, size) : ERR_IO;
    free(bytes);
    return err;
}

static int
own_files_copy(const char *from, const char *to)
{
    int err = 0;

    for (size_t i = 0; err == 0 && i < ARRAY_COUNT(own_files); i++)
        err = file_copy(from, to, own_files[i]);
    return err;
}

static void
kept_path(const struct netns_box *box, char path[PATH_ROOM])
{
    (void)snprintf(path, PATH_ROOM, "%s/own", box->home);
}

/* ---- what can happen ---- */

/* A box that is stolen is not told: all others are. */
static int
certificate_revoke(struct netns_box *box, char *message, size_t message_size)
{
    struct netns *netns = box->netns;
    char authority[NETNS_PATH_MAX];
    int err;

    in_rack(box, "authority", authority);
    err = identity_revoke(authority, box->home, message, message_size);
    for (unsigned i = 0; err == 0 && i < netns->box_count; i++) {
        const struct netns_box *other = &netns->boxes[i];

        /* To a stranger it would be of another authority. */
        if (other != box && !other->foreign)
            err = file_copy(authority, other->home, REVOCATIONS);
    }
    return err;
}

static int
certificate_expire(struct netns_box *box, char *message, size_t message_size)
{
    char authority[NETNS_PATH_MAX];

    in_rack(box, "authority", authority);
    return identity_renew(authority, box->home, -1, message, message_size);
}

static int
other_authority(const char *path, char *message, size_t message_size)
{
    if (access(path, F_OK) == 0)
        return 0;
    return identity_authority_make(path, "another cluster",
                                   NETNS_IDENTITY_DAYS, message, message_size);
}

static int
certificate_replace(struct netns_box *box, char *message, size_t message_size)
{
    char authority[NETNS_PATH_MAX], fresh[NETNS_PATH_MAX], kept[PATH_ROOM],
        list[PATH_ROOM], name[48];
    struct identity_request request = {
        .authority = authority,
        .directory = fresh,
        .serial = box->serial,
        .role = box->netns->plan->boxes[box->index].role,
        .days = NETNS_IDENTITY_DAYS,
    };
    int err;

    (void)snprintf(name, sizeof(name), "stranger%u-%u", box->index,
                   box->foreign_lives++);
    in_rack(box, "other-authority", authority);
    in_rack(box, name, fresh);
    kept_path(box, kept);
    (void)snprintf(list, sizeof(list), "%s/%s", box->home, REVOCATIONS);
    err = other_authority(authority, message, message_size);
    if (err == 0)
        err = identity_issue(&request, &box->next_key, message, message_size);
    if (err == 0 && mkdir(kept, 0700) != 0 && errno != EEXIST)
        err = ERR_IO;
    if (err == 0)
        err = own_files_copy(box->home, kept);
    if (err == 0)
        err = own_files_copy(fresh, box->home);
    if (err != 0)
        return err;
    (void)unlink(list);
    box->foreign = true;
    return 0;
}

static int
certificate_renew(struct netns_box *box, char *message, size_t message_size)
{
    char authority[NETNS_PATH_MAX], kept[PATH_ROOM];
    int err = 0;

    in_rack(box, "authority", authority);
    kept_path(box, kept);
    if (box->foreign)
        err = own_files_copy(kept, box->home);
    if (err != 0)
        return err;
    box->foreign = false;
    box->next_key = box->own_key;
    return identity_renew(authority, box->home, NETNS_IDENTITY_DAYS, message,
                          message_size);
}

int
identity_fault(struct netns_box *box, uint64_t change)
{
    char message[256] = "";
    int err = ERR_RANGE;

    if (!box->present)
        return ERR_NOENT;
    if (change >= WORLD_IDENTITY_CHANGE_COUNT)
        return ERR_RANGE;
    switch ((enum world_identity)change) {
    case WORLD_IDENTITY_REVOKE:
        err = certificate_revoke(box, message, sizeof(message));
        break;
    case WORLD_IDENTITY_EXPIRE:
        err = certificate_expire(box, message, sizeof(message));
        break;
    case WORLD_IDENTITY_STRANGER:
        err = box->foreign
                  ? 0
                  : certificate_replace(box, message, sizeof(message));
        break;
    case WORLD_IDENTITY_RENEW:
        err = certificate_renew(box, message, sizeof(message));
        break;
    case WORLD_IDENTITY_CHANGE_COUNT: break;
    }
    if (err != 0)
        queue_log(box, "its certificate stays as it is: %s",
                  message[0] != '\0' ? message : err_text(err));
    return err;
}
