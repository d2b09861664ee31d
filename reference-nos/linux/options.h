/* SPDX-License-Identifier: Apache-2.0
 *
 * The command line and the environment of refnosd.
 *
 * Each option --some-name has an environment variable REFNOSD_SOME_NAME; the
 * command line wins.  Texts are lent from there.
 */
#ifndef NOS_LINUX_OPTIONS_H
#define NOS_LINUX_OPTIONS_H

#include "reference-nos/base/err.h"
#include "reference-nos/platform/facts.h"
#include "reference-nos/platform/plat.h"

#define OPTION_PATH_MAX 1024u
#define OPTION_UNSET UINT64_MAX

struct options {
    const char *identity;
    char state[OPTION_PATH_MAX];
    char socket[OPTION_PATH_MAX];
    enum role role;     /* ROLE_COUNT: as in the certificate */
    const char *serial; /* NULL: as in the certificate */
    const char *authority;
    const char *interfaces[PLANE_COUNT];
    uint64_t port; /* 0: the default */
    const char *fabric_prefix;
    uint64_t fabric_ports; /* OPTION_UNSET: as many as there are */
    uint64_t front_ports;
    const char *hardware;
    const char *plan;
    uint64_t voters[FACTS_VOTERS_MAX];
    unsigned voter_count;
    bool arbiter;
    bool alone;
    uint64_t watch_fd; /* OPTION_UNSET: none */
    const char *watch;
    const char *record;
    const char *log; /* NULL: standard error; "journal"; else a file */
    int64_t wall_offset_ns;
    bool per_service;
    bool meter;
    bool no_restart;
    bool help;
    bool version;
};

/* ERR_INVALID, and 'message' says what was found and what was expected. */
MUST_USE int options_parse(int count, char *const *words, struct options *out,
                           char *message, size_t message_size);
/* The text of --help, to standard output. */
void options_help(void);

#endif
