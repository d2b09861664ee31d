/* SPDX-License-Identifier: Apache-2.0
 *
 * Who stands in a slot, and the life of its daemon.
 */
#define _GNU_SOURCE

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "reference-nos/linux/secure/identity.h"
#include "sim/world/netns/netns_priv.h"

/* ---- who ---- */

/* A new box with this serial, never booted, stands in the slot. */
int
slot_place(struct netns_box *box, const char *serial, char *message,
           size_t message_size)
{
    struct netns *netns = box->netns;
    char authority[NETNS_PATH_MAX];
    struct identity_request request = {
        .authority = authority,
        .directory = box->home,
        .serial = serial,
        .role = netns->plan->boxes[box->index].role,
        .days = NETNS_IDENTITY_DAYS,
    };
    int err;

    (void)snprintf(authority, sizeof(authority), "%s/authority",
                   netns->rack.dir);
    (void)snprintf(box->home, sizeof(box->home), "%s/box%u-%u",
                   netns->rack.dir, box->index, box->strangers++);
    (void)snprintf(box->serial, sizeof(box->serial), "%s", serial);
    box->incarnation = 0;
    box->voter = false;
    box->disk_full = false;
    err = identity_issue(&request, &box->key, message, message_size);
    box->own_key = box->next_key = box->key;
    box->foreign = false;
    if (err == 0)
        err = hardware_make(box);
    if (err == 0 && netns->small_disks)
        err = small_disk_make(box);
    return err;
}

void
slot_exchange(struct netns_box *a, struct netns_box *b)
{
    struct netns_box old = *a;

    memcpy(a->home, b->home, sizeof(a->home));
    memcpy(a->serial, b->serial, sizeof(a->serial));
    a->key = b->key;
    a->voter = b->voter;
    a->incarnation = b->incarnation;
    a->next_key = b->next_key;
    a->own_key = b->own_key;
    a->foreign = b->foreign;
    a->disk_full = b->disk_full;
    memcpy(b->home, old.home, sizeof(b->home));
    memcpy(b->serial, old.serial, sizeof(b->serial));
    b->key = old.key;
    b->voter = old.voter;
    b->incarnation = old.incarnation;
    b->next_key = old.next_key;
    b->own_key = old.own_key;
    b->foreign = old.foreign;
    b->disk_full = old.disk_full;
}

/* ---- a daemon ---- */

/* A management switch carries its plane as long as it has power. */
static void
plane_follow(struct netns_box *box)
{
    const struct plan_box *planned = &box->netns->plan->boxes[box->index];

    if (planned->role == ROLE_NCM && planned->number < PLANE_COUNT)
        net_plane_power(box->netns->net, (enum plane)planned->number,
                        box->powered);
}

static void
forget_fd(int *fd)
{
    if (*fd >= 0)
        (void)close(*fd);
    *fd = -1;
}

/* A killed process does nothing any more, but the kernel takes its time to
 * close what it had, fabric ports above all: nobody waits for that before
 * there is need. */
static void
corpse_reap(struct netns_box *box)
{
    if (box->corpse > 0)
        (void)rack_wait(box->corpse);
    box->corpse = 0;
}

/* Gone: what it still said is read, its cables go dark. */
static void
part(struct netns_box *box)
{
    box->pid = 0;
    net_box_cable(box->netns->net, box->index, false);
    (void)lines_read(box);
    box->text_size = 0;
    forget_fd(&box->watch_fd);
    forget_fd(&box->pid_fd);
    clients_close(box);
    box->ready = false;
    box->before = box->load;
}

static void
daemon_kill(struct netns_box *box)
{
    box->start_at_ns = 0;
    if (box->pid == 0)
        return;
    /* Its services may be processes of their own, in its group. */
    (void)kill(-box->pid, SIGKILL);
    (void)kill(box->pid, SIGKILL);
    corpse_reap(box);
    box->corpse = box->pid;
    part(box);
}

void
slot_start(struct netns_box *box)
{
    char path[NETNS_PATH_MAX];
    int err;

    corpse_reap(box);
    box->start_at_ns = 0;
    box->starts++;
    box->cause_told = false;
    box->started_ns = netns_now_ns();
    box->key = box->next_key;
    netns_socket_path(box, path);
    (void)unlink(path);
    hardware_cause(box);
    queue_observe(box, OBSERVE_BOX_ON, box->incarnation + 1, 0, 0);
    net_box_cable(box->netns->net, box->index, true);
    err = daemon_spawn(box);
    if (err != 0) {
        queue_log(box, "cannot start %s: %s", box->netns->refnosd,
                  err_text(err));
        if (box->pid > 0)
            daemon_kill(box);
        box->start_at_ns = netns_now_ns() + NETNS_RESTART_PAUSE_NS;
    }
}

/* A daemon that ends before it ever ran, though its slot is as it was made:
 * there is nothing to wait for, and nothing of the NOS to judge. */
static bool
never_ran(const struct netns_box *box)
{
    return box->starts == 1 && box->incarnation == 0 && !box->foreign &&
           !box->disk_full && box->key == box->own_key;
}

static void
say_never_ran(struct netns_box *box, int status)
{
    struct netns *netns = box->netns;
    const char *name = netns->plan->boxes[box->index].name;

    if (netns->failed[0] != '\0')
        return;
    if (status > 128)
        (void)snprintf(netns->failed, sizeof(netns->failed),
                       "box %s: refnosd was ended by signal %d before it was "
                       "up (--keep DIR keeps its log)",
                       name, status - 128);
    else
        (void)snprintf(netns->failed, sizeof(netns->failed),
                       "box %s: refnosd exited with %d before it was up "
                       "(--keep DIR keeps its log)",
                       name, status);
}

/* By itself: the NOS asked for it, or it crashed; power is on, so that it
 * starts again, as its service manager would see to it. */
void
slot_ended(struct netns_box *box)
{
    int status = rack_wait(box->pid);

    part(box);
    if (never_ran(box))
        say_never_ran(box, status);
    if (!box->cause_told)
        box->cause = REBOOT_WATCHDOG;
    if (status != 75 || !box->cause_told)
        queue_log(box, "refnosd ended with %d%s", status,
                  status >= 128 ? " (128 + signal)" : "");
    queue_observe(box, OBSERVE_BOX_OFF, box->cause, 0, box->key);
    box->start_at_ns = netns_now_ns() + NETNS_RESTART_PAUSE_NS;
}

/* ---- power ---- */

void
slot_power_off(struct netns_box *box, enum reboot_cause cause)
{
    if (!box->powered)
        return;
    box->powered = false;
    daemon_kill(box);
    box->cause = cause;
    plane_follow(box);
    queue_observe(box, OBSERVE_BOX_OFF, cause, 0, box->key);
}

void
slot_power_on(struct netns_box *box)
{
    if (box->powered || !box->present)
        return;
    box->powered = true;
    plane_follow(box);
    slot_start(box);
}

void
slot_restart(struct netns_box *box, enum reboot_cause cause)
{
    if (!box->powered)
        return;
    daemon_kill(box);
    box->cause = cause;
    queue_observe(box, OBSERVE_BOX_OFF, cause, 0, box->key);
    box->start_at_ns = netns_now_ns() + NETNS_RESTART_PAUSE_NS;
}

void
slot_fini(struct netns_box *box)
{
    if (box->pid > 0)
        daemon_kill(box);
    corpse_reap(box);
    forget_fd(&box->watch_fd);
    forget_fd(&box->pid_fd);
    clients_close(box);
    free(box->text);
    box->text = NULL;
}
