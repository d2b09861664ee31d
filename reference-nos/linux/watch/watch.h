/* SPDX-License-Identifier: Apache-2.0
 *
 * What a daemon tells a harness that watches it: one line per observation,
 * in the order in which things happened, in logfmt (key=value, spaces
 * between).
 *
 *   t=NS what=ready incarnation=3 key=00c0ffee00c0ffee role=ncp pid=4711
 *   t=NS what=trace service=store kind=TRACE_LEADER a=2 b=0 c=0 d=0
 *   t=NS what=log service=member severity=5 text=joined as module 2
 *   t=NS what=fwd object=1 id=64 arg=0 value=8191
 *   t=NS what=link port=3 up=1
 *   t=NS what=load service=store cpu_ns=.. events=.. memory=.. mailbox=..
 *   t=NS what=lane lane=1 messages=.. bytes=..
 *   t=NS what=exit cause=1
 *
 * Load     and lane counters grow from boot to boot, told each second; lanes
 *          count datagrams handed to the planes.
 * Time     CLOCK_MONOTONIC of the daemon, ns.  'text' is the rest of its line.
 * Loss     writing never blocks the daemon: lines that do not fit are counted
 *          and told as "what=lost count=N" when there is room again.  A long
 *          text is cut; a control character in it is a space.
 */
#ifndef NOS_LINUX_WATCH_WATCH_H
#define NOS_LINUX_WATCH_WATCH_H

#include "reference-nos/base/err.h"
#include "reference-nos/platform/plat.h"
#include "reference-nos/runtime/service_ids.h"

#define WATCH_LINE_MAX 512u

enum watch_kind {
    WATCH_READY,
    WATCH_TRACE,
    WATCH_LOG,
    WATCH_FWD,
    WATCH_LINK,
    WATCH_LOAD,
    WATCH_LANE,
    WATCH_EXIT,
    WATCH_LOST,
    WATCH_KIND_COUNT
};

struct watch_line {
    enum watch_kind kind;
    uint64_t at_ns;
    unsigned service; /* TRACE, LOG, LOAD */
    union {
        struct {
            uint64_t incarnation, key, pid;
            enum role role;
        } ready;
        struct trace_record trace;
        struct {
            enum severity severity;
            const char *text; /* read: points into the line */
        } log;
        struct fwd_entry fwd;
        struct {
            unsigned port;
            bool up;
        } link;
        struct {
            uint64_t cpu_ns, events, memory_bytes, mailbox_peak;
        } load;
        struct {
            enum lane lane;
            uint64_t messages, bytes;
        } lane;
        uint64_t cause; /* EXIT: enum reboot_cause */
        uint64_t lost;
    } u;
};

/* Writes the line with its newline; the length, at most WATCH_LINE_MAX. */
size_t watch_format(const struct watch_line *line, char *text, size_t room);
/* Reads one line (no newline, ended by a zero; changed in place).
 * ERR_INVALID when it is none. */
MUST_USE int watch_parse(char *text, struct watch_line *line);

#endif
