/* SPDX-License-Identifier: Apache-2.0
 *
 * Messages of rtnetlink about links (RFC 3549, section 3.1.1), read by
 * copying: nothing is believed about alignment or sizes.
 */
#include "reference-nos/linux/ports/ports_priv.h"

#include <string.h>

#include <linux/netlink.h>
#include <linux/rtnetlink.h>

/* The attribute 'type' of at most 'most' bytes, copied; its size, or 0 when
 * there is none such. */
static size_t
attribute_take(const uint8_t *bytes, size_t size, unsigned type, void *value,
               size_t most)
{
    while (size >= sizeof(struct rtattr)) {
        struct rtattr attribute;
        size_t length;

        memcpy(&attribute, bytes, sizeof(attribute));
        length = attribute.rta_len;
        if (length < sizeof(attribute) || length > size)
            return 0;
        if (attribute.rta_type == type) {
            size_t taken = length - sizeof(attribute);

            if (taken > most)
                return 0;
            memcpy(value, bytes + sizeof(attribute), taken);
            return taken;
        }
        if (RTA_ALIGN(length) >= size)
            return 0;
        bytes += RTA_ALIGN(length);
        size -= RTA_ALIGN(length);
    }
    return 0;
}

/* The operational status of RFC 2863.  The flags alone are too early: they
 * say that there is carrier while the queue of the interface still drops
 * what is sent. */
static bool
link_up(const struct ifinfomsg *info, const uint8_t *bytes, size_t size)
{
    unsigned all = IFF_UP | IFF_RUNNING | IFF_LOWER_UP;
    uint8_t state = IF_OPER_UNKNOWN;

    return (info->ifi_flags & all) == all &&
           attribute_take(bytes, size, IFLA_OPERSTATE, &state, 1) == 1 &&
           state == IF_OPER_UP;
}

static bool
link_parse(const struct nlmsghdr *header, const uint8_t *bytes, size_t size,
           struct link_news *news)
{
    struct ifinfomsg info;
    size_t text;

    if (size < sizeof(info))
        return false;
    memcpy(&info, bytes, sizeof(info));
    /* Bridges tell of their ports by messages of another family. */
    if (info.ifi_family != AF_UNSPEC || info.ifi_index <= 0)
        return false;
    news->ifindex = info.ifi_index;
    news->kind =
        header->nlmsg_type == RTM_DELLINK ? LINK_NEWS_GONE : LINK_NEWS_PRESENT;
    if (news->kind == LINK_NEWS_GONE)
        return true;
    bytes += sizeof(info);
    size -= sizeof(info);
    news->up = link_up(&info, bytes, size);
    text = attribute_take(bytes, size, IFLA_IFNAME, news->name, IFNAMSIZ);
    return text > 0 && news->name[text - 1] == '\0';
}

/* An acknowledgement with error 0 is no news. */
static bool
error_parse(const uint8_t *bytes, size_t size)
{
    int code = -1;

    if (size >= sizeof(code))
        memcpy(&code, bytes, sizeof(code));
    return code != 0;
}

/* False when the message holds no news. */
static bool
message_parse(const struct nlmsghdr *header, const uint8_t *bytes, size_t size,
              uint32_t sequence, struct link_news *news)
{
    bool answer = header->nlmsg_seq == sequence;

    memset(news, 0, sizeof(*news));
    switch (header->nlmsg_type) {
    case RTM_NEWLINK:
    case RTM_DELLINK: return link_parse(header, bytes, size, news);
    case NLMSG_DONE: news->kind = LINK_NEWS_DUMP_END; return answer;
    case NLMSG_ERROR:
        news->kind = LINK_NEWS_DUMP_FAILED;
        return answer && error_parse(bytes, size);
    case NLMSG_OVERRUN: news->kind = LINK_NEWS_DUMP_TORN; return true;
    default: return false;
    }
}

void
link_news_parse(const void *bytes, size_t size, uint32_t sequence,
                bool (*told)(void *arg, const struct link_news *news),
                void *arg)
{
    const uint8_t *at = bytes;

    while (size >= sizeof(struct nlmsghdr)) {
        struct link_news torn = {.kind = LINK_NEWS_DUMP_TORN};
        struct nlmsghdr header;
        struct link_news news;
        size_t length;

        memcpy(&header, at, sizeof(header));
        length = header.nlmsg_len;
        if (length < sizeof(header) || length > size)
            return;
        if ((header.nlmsg_flags & NLM_F_DUMP_INTR) != 0 &&
            header.nlmsg_seq == sequence && !told(arg, &torn))
            return;
        if (message_parse(&header, at + sizeof(header),
                          length - sizeof(header), sequence, &news) &&
            !told(arg, &news))
            return;
        if (NLMSG_ALIGN(length) >= size)
            return;
        at += NLMSG_ALIGN(length);
        size -= NLMSG_ALIGN(length);
    }
}
