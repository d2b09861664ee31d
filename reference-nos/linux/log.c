/* SPDX-License-Identifier: Apache-2.0 */
#include "reference-nos/linux/log.h"

#include "reference-nos/base/units.h"
#include "reference-nos/runtime/service_ids.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#define JOURNAL_SOCKET "/run/systemd/journal/socket"

struct log {
    int fd;
    bool journal;
    uint64_t tokens; /* lines that may be written now, times NS_PER_S */
    uint64_t seen_ns;
    uint64_t suppressed;
    uint64_t count; /* lines ever */
    struct log_line tail[LOG_TAIL_MAX];
};

const char *
severity_name(enum severity severity)
{
    switch (severity) {
    case SEVERITY_ERROR: return "error";
    case SEVERITY_WARNING: return "warning";
    case SEVERITY_NOTICE: return "notice";
    case SEVERITY_INFO: return "info";
    case SEVERITY_DEBUG: return "debug";
    }
    return "?";
}

/* The native protocol of journald: a datagram of KEY=value lines. */
static int
journal_connect(void)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX,
                                  .sun_path = JOURNAL_SOCKET};
    int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

    if (fd >= 0 &&
        connect(fd, (struct sockaddr *)&address, sizeof(address)) != 0) {
        int code = errno;

        (void)close(fd);
        errno = code;
        fd = -1;
    }
    return fd;
}

int
log_open(const char *where, struct log **out, char *message,
         size_t message_size)
{
    struct log *log = calloc(1, sizeof(*log));

    if (log == NULL)
        return ERR_NOMEM;
    log->tokens = LOG_BURST * NS_PER_S;
    if (where == NULL) {
        log->fd = STDERR_FILENO;
    } else if (strcmp(where, "journal") == 0) {
        log->journal = true;
        log->fd = journal_connect();
        where = JOURNAL_SOCKET;
    } else {
        log->fd = open(where, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0640);
    }
    if (log->fd < 0) {
        (void)snprintf(message, message_size, "--log: %s: %s", where,
                       strerror(errno));
        free(log);
        return ERR_IO;
    }
    *out = log;
    return 0;
}

void
log_close(struct log *log)
{
    if (log == NULL)
        return;
    if (log->fd != STDERR_FILENO)
        (void)close(log->fd);
    free(log);
}

static void
keep(struct log *log, const struct log_line *line)
{
    log->tail[log->count % LOG_TAIL_MAX] = *line;
    log->count++;
}

const struct log_line *
log_tail(const struct log *log, unsigned back)
{
    if (back >= LOG_TAIL_MAX || back >= log->count)
        return NULL;
    return &log->tail[(log->count - 1 - back) % LOG_TAIL_MAX];
}

/* RFC 3339, UTC, microseconds. */
static void
format_time(uint64_t wall_ns, char *text, size_t size)
{
    time_t seconds = (time_t)(wall_ns / NS_PER_S);
    struct tm parts;
    size_t at;

    if (gmtime_r(&seconds, &parts) == NULL)
        memset(&parts, 0, sizeof(parts));
    at = strftime(text, size, "%Y-%m-%dT%H:%M:%S", &parts);
    (void)snprintf(text + at, size - at, ".%06uZ",
                   (unsigned)(wall_ns % NS_PER_S / 1000));
}

static void
emit(const struct log *log, const struct log_line *line)
{
    char text[LOG_LINE_MAX + 200];
    char when[64];
    int size;
    ssize_t written;

    format_time(line->wall_ns, when, sizeof(when));
    size =
        log->journal
            ? snprintf(text, sizeof(text),
                       "PRIORITY=%u\nSYSLOG_IDENTIFIER=refnosd\n"
                       "REFNOSD_SERVICE=%s\nMESSAGE=%s: %s\n",
                       (unsigned)line->severity, service_name(line->service),
                       service_name(line->service), line->text)
            : snprintf(text, sizeof(text), "%s %s %s: %s\n", when,
                       severity_name(line->severity),
                       line->service == SVC_NONE ? "refnosd"
                                                 : service_name(line->service),
                       line->text);
    do {
        written = write(log->fd, text, (size_t)size);
    } while (written < 0 && errno == EINTR);
}

static bool
may_write(struct log *log, uint64_t now_ns)
{
    uint64_t gap_ns = now_ns - log->seen_ns;
    uint64_t room = LOG_BURST * NS_PER_S - log->tokens;

    log->seen_ns = now_ns;
    log->tokens += gap_ns > room / LOG_RATE ? room : gap_ns * LOG_RATE;
    if (log->tokens < NS_PER_S)
        return false;
    log->tokens -= NS_PER_S;
    return true;
}

static void
line_make(struct log_line *line, uint64_t wall_ns, unsigned service,
          enum severity severity, const char *text)
{
    line->wall_ns = wall_ns;
    line->service = service;
    line->severity = severity;
    (void)snprintf(line->text, sizeof(line->text), "%s", text);
    /* One line is one line, whoever wrote the text. */
    for (char *c = line->text; *c != '\0'; c++)
        *c = (unsigned char)*c < ' ' || *c == 127 ? ' ' : *c;
}

void
log_write(struct log *log, uint64_t now_ns, uint64_t wall_ns, unsigned service,
          enum severity severity, const char *text)
{
    struct log_line line;

    if (!may_write(log, now_ns)) {
        log->suppressed++;
        return;
    }
    if (log->suppressed > 0) {
        char told[64];

        (void)snprintf(told, sizeof(told), "%llu lines suppressed",
                       (unsigned long long)log->suppressed);
        log->suppressed = 0;
        line_make(&line, wall_ns, SVC_NONE, SEVERITY_WARNING, told);
        keep(log, &line);
        emit(log, &line);
    }
    line_make(&line, wall_ns, service, severity, text);
    keep(log, &line);
    emit(log, &line);
}
