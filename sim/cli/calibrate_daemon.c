/* SPDX-License-Identifier: Apache-2.0
 *
 * calibrate --daemon: what handlers, disks, links and boots of real daemons
 * take on this host.
 *
 * Each daemon sums what its handlers charge against their CPU time.  What its
 * process uses beyond its handlers (waiting, receiving, decrypting) is spread
 * over them: a little more for each event.
 */
#define _POSIX_C_SOURCE 200809L

#include "sim/cli/calibrate.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "sim/cli/daemons.h"

#define REST_MS 10000u
#define WRITES 1000u
#define LIMIT_MS 60000u
#define LINK_ROUNDS 8u
#define LINK_LIMIT_MS 40000u

struct sums {
    struct meter meter;
    uint64_t thread_ns; /* of the daemons' main threads */
    struct measured measured;
};

/* CPU time of the process's main thread. */
static uint64_t
main_thread_ns(int pid)
{
    unsigned long long ns = 0;
    char path[64];
    FILE *file;

    snprintf(path, sizeof(path), "/proc/%d/schedstat", pid);
    file = fopen(path, "re");
    if (file == NULL)
        return 0;
    if (fscanf(file, "%llu", &ns) != 1)
        ns = 0;
    fclose(file);
    return ns;
}

static int
meter_take(struct daemons *daemons, unsigned box, struct sums *sums)
{
    struct meter meter;
    char *answer = NULL;
    char *text;
    int err = netns_ask(daemons->world, box, "meter", &answer);

    if (err != 0)
        return err;
    text = strstr(answer, "meter\":\"");
    err = ERR_MALFORMED;
    if (text != NULL) {
        text += strlen("meter\":\"");
        text[strcspn(text, "\"")] = '\0';
        err = meter_parse(text, &meter);
    }
    if (err == 0) {
        meter_merge(&sums->meter, &meter);
        sums->thread_ns += main_thread_ns(netns_pid(daemons->world, box));
    }
    free(answer);
    return err;
}

/* What one kind of operation took.  The model's latency is uniform: from what
 * one of twenty took less than, to what gives it the mean that was measured.
 */
static bool
times_read(const char *json, const char *kind, struct simtime *min,
           struct simtime *max)
{
    const char *at = strstr(json, kind);
    uint64_t count;
    uint64_t all;
    uint64_t least;
    uint64_t most;

    if (at == NULL || sscanf(at + strlen(kind),
                             "\":{\"count\":%" SCNu64 ",\"ns\":%" SCNu64
                             ",\"p5_ns\":%" SCNu64,
                             &count, &all, &least) != 3)
        return false;
    if (count == 0)
        return true;
    most = 2 * (all / count);
    most = most > 2 * least ? most - least : least;
    if (min->ps == 0 || simtime_before(simtime_from_ns(least), *min))
        *min = simtime_from_ns(least);
    *max = simtime_max(*max, simtime_from_ns(most));
    return true;
}

/* The disks of voters, which sync for every write. */
static int
disk_take(struct daemons *daemons, unsigned box, struct measured *measured)
{
    char *answer = NULL;
    int err = netns_ask(daemons->world, box, "box", &answer);

    if (err == 0 &&
        !(times_read(answer, "sync", &measured->disk_sync_min,
                     &measured->disk_sync_max) &&
          times_read(answer, "replace", &measured->disk_replace_min,
                     &measured->disk_replace_max)))
        err = ERR_MALFORMED;
    free(answer);
    return err;
}

static void
boots_take(const struct daemons *daemons, struct measured *measured)
{
    for (unsigned i = 0; i < daemons->plan->box_count; i++) {
        const struct daemons_box *box = &daemons->boxes[i];
        struct simtime took = {box->ready.ps - box->on.ps};

        if (measured->boot_min.ps == 0 ||
            simtime_before(took, measured->boot_min))
            measured->boot_min = took;
        measured->boot_max = simtime_max(measured->boot_max, took);
    }
}

static int
by_time(const void *a, const void *b)
{
    uint64_t x = ((const struct simtime *)a)->ps;
    uint64_t y = ((const struct simtime *)b)->ps;

    return (x > y) - (x < y);
}

/* Waits until boxes are degraded, or none is any more. */
static int
fabric_wait(struct daemons *daemons, bool degraded)
{
    for (unsigned ms = 0; (daemons->degraded_count > 0) != degraded; ms++) {
        if (ms == LINK_LIMIT_MS)
            return ERR_TIMEOUT;
        daemons_pass(daemons, 1);
    }
    return 0;
}

/* Carrier lost to known, at one cable; carrier back takes the same path
 * through the kernel. */
static int
links_take(struct daemons *daemons, struct measured *measured)
{
    const struct world_ops *ops = daemons->world->ops;
    const struct plan_cable *cable = &daemons->plan->cables[0];
    struct simtime took[LINK_ROUNDS];

    for (unsigned i = 0; i < LINK_ROUNDS; i++) {
        struct world_fault fault = {
            .kind = WORLD_FABRIC_LINK,
            .box = cable->ncp_box,
            .item = cable->ncp_port,
        };
        int err = fabric_wait(daemons, false);
        struct simtime at = ops->now(daemons->world);

        if (err == 0)
            err = ops->inject(daemons->world, &fault);
        if (err == 0)
            err = fabric_wait(daemons, true);
        took[i] = (struct simtime){daemons->degraded_at.ps - at.ps};
        fault.value = 1;
        if (err == 0)
            err = ops->inject(daemons->world, &fault);
        if (err != 0)
            return err;
    }
    qsort(took, LINK_ROUNDS, sizeof(took[0]), by_time);
    measured->link_detect = took[LINK_ROUNDS / 2];
    measured->link_train = took[LINK_ROUNDS / 2];
    return 0;
}

static int
sums_take(struct daemons *daemons, struct sums *sums)
{
    int err = 0;

    for (unsigned i = 0; err == 0 && i < daemons->plan->box_count; i++)
        err = meter_take(daemons, i, sums);
    for (unsigned i = 0; err == 0 && i < daemons->plan->voter_count; i++)
        err = disk_take(daemons, daemons->plan->voters[i], &sums->measured);
    return err;
}

static int
exercise(struct daemons *daemons, struct sums *sums)
{
    int err;

    if (!daemons_boot(daemons))
        return ERR_TIMEOUT;
    boots_take(daemons, &sums->measured);
    daemons_pass(daemons, REST_MS);
    if (!daemons_write(daemons, 1, WRITES, LIMIT_MS))
        return ERR_TIMEOUT;
    err = links_take(daemons, &sums->measured);
    if (err == 0)
        err = sums_take(daemons, sums);
    sums->measured.restart_pause = simtime_from_ns(NETNS_RESTART_PAUSE_NS);
    sums->measured.given = true;
    return err;
}

int
calibrate_daemon(const char *refnosd, struct meter *meter, uint64_t *beyond_ns,
                 struct measured *measured, char *message, size_t message_size)
{
    struct daemons_options options = {
        .preset = "ddc-small",
        .refnosd = refnosd,
        .meter = true,
    };
    struct sums *sums = calloc(1, sizeof(*sums));
    struct daemons *daemons;
    int err = daemons_create(&options, &daemons, message, message_size);

    if (sums == NULL)
        abort();
    if (err != 0)
        goto out;
    err = exercise(daemons, sums);
    if (err != 0)
        (void)snprintf(message, message_size, "the cluster of daemons: %s",
                       err_text(err));
    daemons_destroy(daemons);
    *meter = sums->meter;
    *measured = sums->measured;
    *beyond_ns = 0;
    if (sums->meter.handlers > 0 && sums->thread_ns > sums->meter.taken_ns)
        *beyond_ns =
            (sums->thread_ns - sums->meter.taken_ns) / sums->meter.handlers;
out:
    free(sums);
    return err;
}
