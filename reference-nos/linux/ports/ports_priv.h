/* SPDX-License-Identifier: Apache-2.0
 *
 * What the files of ports share.
 */
#ifndef NOS_LINUX_PORTS_PORTS_PRIV_H
#define NOS_LINUX_PORTS_PORTS_PRIV_H

#include <linux/if.h>

#include "reference-nos/linux/ports/ports.h"
#include "reference-nos/platform/fwd_table.h"

/* ---- tables.c: the tables of an ASIC, and nothing else ---- */

struct tables {
    unsigned front; /* front ports */
    bool forwarding;
    uint16_t module;
    uint64_t reach[FWD_MODULES_MAX];
    bool front_up[PORTS_FRONT_MAX];
};

/* ERR_RANGE when one of the entries names nothing that exists. */
MUST_USE int tables_check(const struct tables *tables,
                          const struct fwd_entry *entries, size_t count);
/* The entries were checked. */
void tables_set(struct tables *tables, const struct fwd_entry *entries,
                size_t count);
/* FWD_BOX first. */
size_t tables_dump(const struct tables *tables, struct fwd_entry *entries,
                   size_t room);

/* ---- link_news.c: what rtnetlink says, any bytes ---- */

enum link_news_kind {
    LINK_NEWS_PRESENT, /* an interface is there, and so is its state */
    LINK_NEWS_GONE,
    LINK_NEWS_DUMP_END,
    LINK_NEWS_DUMP_TORN, /* it changed while it was read */
    LINK_NEWS_DUMP_FAILED,
    LINK_NEWS_KIND_COUNT
};

struct link_news {
    enum link_news_kind kind;
    int ifindex;
    bool up;
    char name[IFNAMSIZ];
};

/* Tells 'told' each piece of news in 'bytes', in order, until it returns
 * false.  Only an answer to request 'sequence' ends a dump. */
void link_news_parse(const void *bytes, size_t size, uint32_t sequence,
                     bool (*told)(void *arg, const struct link_news *news),
                     void *arg);

/* ---- ports.c, links.c ---- */

struct port {
    uv_poll_t poll;
    struct ports *ports;
    int fd;
    uint16_t index;
    int ifindex; /* 0: no such interface now */
    bool up;
    bool seen; /* in the dump that runs */
};

enum write_kind { WRITE_ENTRIES, WRITE_GROUPS, WRITE_ROUTES };

struct table_write {
    struct table_write *next;
    enum write_kind kind;
    uint64_t token;
    size_t count;
    union {
        struct fwd_entry entries[1];
        struct fwd_group groups[1];
        struct fwd_route routes[1];
    } u;
};

struct ports {
    struct ports_options options;
    char prefix[IFNAMSIZ];
    struct ports_counts counts;
    unsigned handles; /* of libuv, still open */
    bool told;        /* changes are told: open is over */
    bool closing;

    int netlink_fd;
    uv_poll_t netlink;
    uv_timer_t again; /* asks again after a dump that failed */
    uint32_t sequence;
    bool dumping;
    bool dump_wanted;

    uv_idle_t completions;
    struct table_write *first;
    struct table_write **last;
    unsigned write_count;
    struct tables tables;
    struct mem *mem; /* of 'routes' */
    struct fwd_table *routes;

    unsigned port_count;
    struct port ports[FWD_FABRIC_PORTS_MAX];
};

/* Opens the netlink socket and learns the state of every port; on failure
 * netlink_fd may be open. */
MUST_USE int links_open(struct ports *ports);
/* Takes in what waits.  Nothing may be touched after it when
 * ports->closing is set: not even then is 'ports' freed. */
void links_read(struct ports *ports);
MUST_USE int links_watch(struct ports *ports);

/* Binds the socket of 'port' to the interface; ERR_NOENT when that is gone
 * meanwhile. */
MUST_USE int port_bind(struct port *port, int ifindex);

#endif
