/* SPDX-License-Identifier: Apache-2.0 */
#define _GNU_SOURCE
#include "tests/hostile/news.h"

#include <poll.h>
#include <sys/inotify.h>
#include <unistd.h>

#include "tests/hostile/lab.h"

int
news_open(const char *folder)
{
    int news = inotify_init1(IN_NONBLOCK | IN_CLOEXEC);

    if (news >= 0 &&
        inotify_add_watch(news, folder, IN_MODIFY | IN_CREATE) < 0) {
        (void)close(news);
        return -1;
    }
    return news;
}

void
news_next(int news, unsigned limit_ms)
{
    struct pollfd item = {.fd = news, .events = POLLIN};
    char events[4096];

    if (poll(&item, 1, (int)limit_ms) <= 0)
        return;
    while (read(news, events, sizeof(events)) > 0)
        ;
}

bool
news_await(int news, bool (*done)(void *arg), void *arg, unsigned limit_ms)
{
    uint64_t end_ns = lab_now_ns() + (uint64_t)limit_ms * 1000000u;
    uint64_t now_ns;

    while (!done(arg)) {
        now_ns = lab_now_ns();
        if (now_ns >= end_ns)
            return false;
        news_next(news, (unsigned)((end_ns - now_ns) / 1000000u) + 1);
    }
    return true;
}
