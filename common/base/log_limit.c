// SPDX-License-Identifier: Apache-2.0
#include "base/log_limit.h"

#include "base/hash.h"
#include "base/log_sink.h"

enum { KINDS = 64, SETS = 256, WAYS = 4, TEXT_BYTES = 96, PROBES = 8 };

struct window {
    uint64_t key; // 0: free
    uint64_t since_ms;
    uint32_t lines, left_out;
};

struct kind {
    struct window w;
    char msg[TEXT_BYTES], detail[TEXT_BYTES];
};

static struct {
    struct kind kinds[KINDS];
    struct window pairs[SETS][WAYS]; // a kind from a source
    uint64_t suppressed;
} limit;

static void copy(char *to, const char *from)
{
    size_t n = from ? strnlen(from, TEXT_BYTES - 1) : 0;
    if (n)
        memcpy(to, from, n);
    to[n] = 0;
}

static uint64_t key_of(const char *kind, const char *detail)
{
    uint64_t h = hash_bytes(kind, strlen(kind));
    return (detail ? h * 31 + hash_bytes(detail, strlen(detail)) : h) | 1;
}

// A clock that went back (another simulation in the same process) begins a new window too.
static bool is_over(const struct window *w, uint64_t now_ms)
{
    return now_ms < w->since_ms || now_ms - w->since_ms >= LOG_WINDOW_MS;
}

static void say(struct kind *k)
{
    uint32_t n = k->w.left_out;
    if (!n)
        return;
    k->w.left_out = 0;
    const struct log_field fields[] = {LF_NUM("lines", n), LF_Z("of", k->msg), LF_Z("cause", k->detail)};
    if (log_enabled(LOG_WARN))
        log_emit(LOG_WARN, STR("log lines suppressed"), fields, ARRAY_LEN(fields));
}

// The kind's place: its own, a free one, or that of a kind whose window is over. NULL: none, which
// takes more kinds at a time than there are.
static struct kind *find_kind(uint64_t key, const char *msg, const char *detail, uint64_t now_ms)
{
    struct kind *place = NULL;
    for (unsigned i = 0; i < PROBES; i++) {
        struct kind *k = &limit.kinds[(key + i) % KINDS];
        if (k->w.key == key)
            return k;
        if (!place && (!k->w.key || is_over(&k->w, now_ms)))
            place = k;
    }
    if (!place)
        return NULL;
    say(place);
    *place = (struct kind){.w = {.key = key, .since_ms = now_ms}};
    copy(place->msg, msg);
    copy(place->detail, detail);
    return place;
}

static struct window *find_pair(uint64_t key, uint64_t now_ms)
{
    struct window *set = limit.pairs[(key >> 32) % SETS], *oldest = set;
    for (unsigned i = 0; i < WAYS; i++) {
        if (set[i].key == key)
            return &set[i];
        if (!set[i].key || set[i].since_ms < oldest->since_ms)
            oldest = &set[i];
    }
    *oldest = (struct window){.key = key, .since_ms = now_ms};
    return oldest;
}

bool log_admit(const char *kind, const char *detail, uint64_t source, uint64_t now_ms)
{
    uint64_t key = key_of(kind, detail);
    struct kind *k = find_kind(key, kind, detail, now_ms);
    struct window *p = find_pair(key ^ (source * 0x9e3779b97f4a7c15u), now_ms);
    if (k && is_over(&k->w, now_ms)) {
        say(k);
        k->w = (struct window){.key = key, .since_ms = now_ms};
    }
    if (is_over(p, now_ms))
        *p = (struct window){.key = p->key, .since_ms = now_ms};
    if (k && k->w.lines < LOG_KIND_LINES && p->lines < LOG_SOURCE_LINES) {
        k->w.lines++;
        p->lines++;
        return true;
    }
    if (k)
        k->w.left_out++;
    limit.suppressed++;
    return false;
}

bool log_admit_any(const char *msg, uint64_t now_ms)
{
    struct kind *k = find_kind(key_of(msg, ""), msg, NULL, now_ms);
    if (!k)
        return true;
    if (is_over(&k->w, now_ms)) {
        say(k);
        k->w = (struct window){.key = key_of(msg, ""), .since_ms = now_ms};
    }
    if (k->w.lines++ < LOG_ANY_LINES)
        return true;
    k->w.left_out++;
    limit.suppressed++;
    return false;
}

void log_admit_tick(uint64_t now_ms)
{
    for (unsigned i = 0; i < KINDS; i++)
        if (limit.kinds[i].w.key && is_over(&limit.kinds[i].w, now_ms))
            say(&limit.kinds[i]);
}

uint64_t log_suppressed(void)
{
    return limit.suppressed;
}

void log_admit_reset(void)
{
    memset(&limit, 0, sizeof limit);
}
