// SPDX-License-Identifier: Apache-2.0
// How long input waited in the kernel: its own time stamp of arrival (SO_TIMESTAMPNS, of UDP and
// of TCP) against the wall clock when it is taken.
#include <string.h>
#include <time.h>

#include "io/uv_priv.h"

// Older than that is a wall clock that has jumped.
enum { BELIEVABLE_S = 60 };

static uint64_t ns_of(const struct timespec *t)
{
    return (uint64_t)t->tv_sec * 1000000000u + (uint64_t)t->tv_nsec;
}

void uvl_stamp_on(int fd)
{
    (void)uvl_set(fd, SOL_SOCKET, SO_TIMESTAMPNS, 1);
}

uint64_t uvl_stamp_now(void)
{
    struct timespec t;
    return clock_gettime(CLOCK_REALTIME, &t) == 0 ? ns_of(&t) : 0;
}

uint64_t uvl_stamp_age(struct msghdr *h, uint64_t now)
{
    for (struct cmsghdr *c = CMSG_FIRSTHDR(h); c; c = CMSG_NXTHDR(h, c)) {
        struct timespec t;
        if (c->cmsg_level != SOL_SOCKET || c->cmsg_type != SCM_TIMESTAMPNS)
            continue;
        memcpy(&t, CMSG_DATA(c), sizeof t);
        uint64_t at = ns_of(&t);
        return at < now && now - at < BELIEVABLE_S * 1000000000ull ? now - at : 0;
    }
    return 0;
}
