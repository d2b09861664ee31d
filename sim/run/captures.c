/* SPDX-License-Identifier: Apache-2.0
 *
 * Captures: packets at a front port, in pcapng files beside the results.
 */
#include "models/capture/capture.h"
#include "reference-nos/base/check.h"
#include "sim/run/run_priv.h"
#include "sim/run/traffic.h"

#include <stdlib.h>
#include <string.h>

#define CAPTURE_PATH_BYTES 1280
/* Where traffic generators send: UDP echo, as RFC 2544, appendix C.2.6.4. */
#define CAPTURE_UDP_PORT 7u
#define CAPTURE_UDP_SOURCE 49152u

struct capture_file {
    const struct run *run;
    const struct scenario_capture *wanted;
    struct capture *capture;
    struct capture_filter *filter;
    unsigned interface;
    uint64_t matched, seen;
    int err; /* of the first write that failed */
};

struct traffic_captures {
    size_t count;
    struct capture_file *files;
};

static void
address_of(const struct run *run, unsigned end, uint8_t bytes[16])
{
    struct fwd_prefix host;

    plane_address(run->traffic.plane, end, &host);
    memcpy(bytes, host.bytes, 16);
}

static bool
matches(const struct capture_file *file, const struct capture_packet *packet)
{
    uint8_t frame[CAPTURE_SNAP];
    size_t size = capture_frame(packet, frame, sizeof(frame));

    return capture_filter_match(file->filter, frame, size, packet->bytes);
}

static void
packet_seen(void *context, unsigned end, bool out,
            const struct plane_tap_packet *seen)
{
    struct capture_file *file = context;
    struct capture_packet packet = {
        .at_ps = seen->at_ps,
        .family = 4,
        .ttl = seen->ttl,
        .traffic_class = seen->traffic_class,
        .source_port = (uint16_t)(CAPTURE_UDP_SOURCE + seen->flow),
        .destination_port = CAPTURE_UDP_PORT,
        .bytes = seen->bytes,
        .number = seen->number,
        .due_ps = seen->due_ps,
    };
    unsigned direction = file->wanted->direction;

    (void)end;
    if (direction == (out ? DIRECTION_IN : DIRECTION_OUT))
        return;
    file->seen++;
    address_of(file->run, seen->from, packet.source);
    address_of(file->run, seen->to, packet.destination);
    if (!matches(file, &packet))
        return;
    file->matched++;
    if (file->err == 0)
        file->err = capture_write(file->capture, file->interface, &packet,
                                  out ? "out" : "in");
}

static int
file_open(struct run *run, struct capture_file *file, char *message,
          size_t message_size)
{
    const struct scenario_capture *wanted = file->wanted;
    unsigned box = select_slot(run, ROLE_NCP, wanted->port.first_box);
    unsigned end =
        plane_end_find(run->traffic.plane, box, wanted->port.first_port);
    char path[CAPTURE_PATH_BYTES];
    int err;

    outcome_text(path, sizeof(path), "%s/%s", run->options->capture_dir,
                 wanted->file);
    err = capture_filter_create(wanted->filter, &file->filter, message,
                                message_size);
    if (err == 0)
        err = capture_create(path, 0, &file->capture, message, message_size);
    if (err == 0)
        err = capture_interface(file->capture, wanted->port.text,
                                plane_end(run->traffic.plane, end).bps,
                                &file->interface);
    if (err == 0)
        err = plane_tap_add(run->traffic.plane, end, packet_seen, file);
    return err;
}

static void
files_skip(struct run *run)
{
    for (size_t i = 0; i < run->scenario->capture_count; i++) {
        char text[OUTCOME_NAME_BYTES];

        outcome_text(text, sizeof(text), "capture %s",
                     run->scenario->captures[i].file);
        run_skip(run, text,
                 "captures are written by a run of one seed that keeps "
                 "results");
    }
}

int
captures_open(struct run *run, char *message, size_t message_size)
{
    size_t count = run->scenario->capture_count;
    struct traffic_captures *captures;
    int err = 0;

    if (run->traffic.plane == NULL || count == 0)
        return 0;
    if (run->options->capture_dir == NULL) {
        files_skip(run);
        return 0;
    }
    captures = calloc(1, sizeof(*captures));
    CHECK(captures != NULL);
    captures->files = calloc(count, sizeof(*captures->files));
    CHECK(captures->files != NULL);
    run->traffic.captures = captures;
    for (size_t i = 0; i < count && err == 0; i++) {
        captures->files[i].run = run;
        captures->files[i].wanted = &run->scenario->captures[i];
        captures->count = i + 1;
        err = file_open(run, &captures->files[i], message, message_size);
    }
    return err;
}

static void
file_close(struct run *run, struct capture_file *file)
{
    int err = 0;

    if (file->capture != NULL)
        err = capture_close(file->capture);
    capture_filter_destroy(file->filter);
    if (err == 0)
        err = file->err;
    run_note(run, "note", "capture", file->wanted->port.text,
             "%s: %llu of %llu packets%s%s", file->wanted->file,
             (unsigned long long)file->matched, (unsigned long long)file->seen,
             err != 0 ? "; " : "", err != 0 ? err_text(err) : "");
}

void
captures_close(struct run *run)
{
    struct traffic_captures *captures = run->traffic.captures;

    if (captures == NULL)
        return;
    for (size_t i = 0; i < captures->count; i++)
        file_close(run, &captures->files[i]);
    free(captures->files);
    free(captures);
    run->traffic.captures = NULL;
}
