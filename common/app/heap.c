// SPDX-License-Identifier: Apache-2.0
// Memory that a burst took and nobody needs any more goes back to the system.
#include <malloc.h>

#include "app/app_priv.h"
#include "base/log.h"

enum {
    LOOK_MS = 10000,
    KEEP_BYTES = 16 << 20, // stays for the next burst
    IDLE_LOOKS = 3,        // so often in a row more than that was free
};

// What one burst needed the next one needs again: handed back to the kernel and taken anew at once it
// would cost a page fault every 4 kB.
void app_heap_keep(void)
{
#ifdef __GLIBC__
    (void)mallopt(M_TRIM_THRESHOLD, 64 << 20);
    (void)mallopt(M_TOP_PAD, 1 << 20);
    (void)mallopt(M_MMAP_THRESHOLD, 1 << 20);
#endif
}

static void look(void *arg)
{
    struct app *a = arg;
#ifdef __GLIBC__
    size_t free_bytes = mallinfo2().fordblks;
    a->heap_idle = free_bytes > 2 * KEEP_BYTES ? a->heap_idle + 1 : 0;
    if (a->heap_idle >= IDLE_LOOKS) {
        a->heap_idle = 0;
        (void)malloc_trim(KEEP_BYTES);
        LOG(LOG_INFO, "memory given back", LF_NUM("free_bytes", (int64_t)free_bytes));
    }
#endif
    timer_start(a->loop, &a->heap_timer, LOOK_MS);
}

void app_heap_watch(struct app *a)
{
    timer_init(&a->heap_timer, look, a);
    timer_start(a->loop, &a->heap_timer, LOOK_MS);
}
