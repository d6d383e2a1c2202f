// SPDX-License-Identifier: Apache-2.0
#include "avps.h"

#include <string.h>

enum {
    HEADER = 20,
    ROOM = 65536,
    AVPS_MAX = 64,
    SESSION_ID = 263,
    SERVER_NAME = 602,
    VENDOR_3GPP = 10415,
    FLAG_V = 0x80,
    FLAG_M = 0x40,
};

struct one {
    const uint8_t *p;
    size_t n; // with its padding
};

struct out {
    uint8_t p[ROOM];
    size_t n;
};

static uint32_t get24(const uint8_t *p)
{
    return (uint32_t)p[0] << 16 | (uint32_t)p[1] << 8 | p[2];
}

static uint32_t get32(const uint8_t *p)
{
    return (uint32_t)p[0] << 24 | get24(p + 1);
}

static void put24(uint8_t *p, size_t v)
{
    p[0] = (uint8_t)(v >> 16);
    p[1] = (uint8_t)(v >> 8);
    p[2] = (uint8_t)v;
}

static void put32(uint8_t *p, uint32_t v)
{
    p[0] = (uint8_t)(v >> 24);
    put24(p + 1, v);
}

static void add(struct out *o, const void *p, size_t n)
{
    if (o->n + n > sizeof o->p)
        return;
    memcpy(o->p + o->n, p, n);
    o->n += n;
}

// ---- strangers ----

// k-th of some AVPs that no release defines here, or whose code another vendor has: lengths of every rest, and one that
// looks like a group.
static void add_stranger(struct out *o, unsigned k)
{
    static const struct {
        uint32_t code, vendor;
        const char *data;
        size_t n;
    } rows[] = {
        {60001, VENDOR_3GPP, "", 0},
        {602, 99999, "sip:elsewhere.example", 21}, // Server-Name of somebody else
        {60002, VENDOR_3GPP, "x", 1},
        {603, 99999, "\0\0\2\133\200\0\0\17\0\1\206\237abc", 15},
        {60003, 0, "two", 3},
        {604, 99999, "\0\0\0\143", 4}, // Mandatory-Capability 99
        {60004, 12345, "sixes!", 6},
        {634, 99999, "sip:!.*!@elsewhere.example", 26},
        {606, 99999, "<IMSSubscription/>", 18},
        {297, 99999, "\0\0\1\12\0\0\0\14\0\0\0\1", 12},
    };
    static const uint8_t zero[4];
    size_t i = k % (sizeof rows / sizeof *rows), head = rows[i].vendor ? 12 : 8, n = rows[i].n;
    uint8_t h[12];
    put32(h, rows[i].code);
    h[4] = rows[i].vendor ? FLAG_V : 0;
    put24(h + 5, head + n);
    put32(h + 8, rows[i].vendor);
    add(o, h, head);
    add(o, rows[i].data, n);
    add(o, zero, (4 - n % 4) % 4);
}

// ---- orders ----

static void swap(struct one *a, struct one *b)
{
    struct one t = *a;
    *a = *b;
    *b = t;
}

static void swap_pair(struct one *v, size_t n, unsigned pair)
{
    unsigned a = 0, b = 1;
    while (pair--)
        if (++b == AVPS_PAIRS_OF)
            b = ++a + 1;
    swap(&v[a % n], &v[b % n]);
}

static void shuffle(struct one *v, size_t n, unsigned seed)
{
    uint64_t x = seed * 2654435761u + 1;
    for (size_t i = n; i > 1; i--) {
        x = x * 6364136223846793005u + 1442695040888963407u;
        swap(&v[i - 1], &v[(x >> 33) % i]);
    }
}

static void arrange(struct one *v, size_t n, unsigned order)
{
    if (order >= 2 + AVPS_PAIRS)
        shuffle(v, n, order);
    else if (order >= 2)
        swap_pair(v, n, order - 2);
    else if (order == 1)
        for (size_t i = 0; i < n / 2; i++)
            swap(&v[i], &v[n - 1 - i]);
}

// Which of several S-CSCFs the HSS names first does mean something (TS 29.228 6.7).
static void keep_names_in_order(const struct one *was, struct one *v, size_t n)
{
    size_t from = 0;
    for (size_t i = 0; i < n; i++) {
        if (get32(v[i].p) != SERVER_NAME)
            continue;
        while (get32(was[from].p) != SERVER_NAME)
            from++;
        v[i] = was[from++];
    }
}

// ---- rewriting ----

static bool is_group(uint32_t code)
{
    static const uint32_t groups[] = {260, 297, 603, 612, 618, 628, 632, 635};
    for (size_t i = 0; i < sizeof groups / sizeof *groups; i++)
        if (groups[i] == code)
            return true;
    return false;
}

static void rewrite_all(const struct avps *a, struct out *o, const uint8_t *p, size_t n);

static void rewrite_one(const struct avps *a, struct out *o, struct one x)
{
    size_t at = o->n, head = x.p[4] & FLAG_V ? 12 : 8;
    bool of_cx = head == 12 && get32(x.p + 8) == VENDOR_3GPP;
    if (!is_group(get32(x.p))) {
        add(o, x.p, x.n);
    } else {
        add(o, x.p, head);
        rewrite_all(a, o, x.p + head, get24(x.p + 5) - head);
        put24(o->p + at + 5, o->n - at);
    }
    if (of_cx && a->more & AVPS_M_CLEAR)
        o->p[at + 4] &= (uint8_t)~FLAG_M;
    if (of_cx && a->more & AVPS_M_SET)
        o->p[at + 4] |= FLAG_M;
}

static void rewrite_all(const struct avps *a, struct out *o, const uint8_t *p, size_t n)
{
    struct one was[AVPS_MAX], v[AVPS_MAX];
    size_t count = 0;
    while (n >= 8 && count < AVPS_MAX) {
        size_t len = get24(p + 5), all = (len + 3) & ~(size_t)3;
        if (len < 8 || all > n)
            break;
        was[count++] = (struct one){p, all};
        p += all;
        n -= all;
    }
    size_t fixed = count && get32(was[0].p) == SESSION_ID && !(a->more & AVPS_SESSION);
    memcpy(v, was, count * sizeof *v);
    if (count > fixed)
        arrange(v + fixed, count - fixed, a->order);
    keep_names_in_order(was, v, count);
    for (size_t i = 0; i < count; i++) {
        if (a->more & AVPS_STRANGERS && i >= fixed)
            add_stranger(o, a->order + (unsigned)i);
        rewrite_one(a, o, v[i]);
    }
    if (a->more & AVPS_STRANGERS)
        add_stranger(o, a->order + (unsigned)count);
}

static bool is_cx_answer(const uint8_t *p)
{
    return !(p[4] & 0x80) && get24(p + 5) >= 300 && get24(p + 5) <= 303;
}

// A stream comes in pieces: what has come of a message waits for the rest.
static struct str on_data(void *arg, const struct addr *src, const struct addr *dst, bool tcp, struct str data)
{
    static struct out o;
    struct avps *a = arg;
    (void)dst;
    if (!tcp || addr_port(src) != 3868 || a->n_held + data.n > sizeof a->held)
        return data;
    if (data.n)
        memcpy(a->held + a->n_held, data.p, data.n);
    a->n_held += data.n;
    uint8_t *p = a->held, *end = a->held + a->n_held;
    o.n = 0;
    for (size_t n; end - p >= HEADER && (n = get24(p + 1)) >= HEADER && n <= (size_t)(end - p); p += n) {
        size_t at = o.n;
        add(&o, p, is_cx_answer(p) ? HEADER : n);
        if (!is_cx_answer(p))
            continue;
        rewrite_all(a, &o, p + HEADER, n - HEADER);
        put24(o.p + at + 1, o.n - at);
        a->n++;
    }
    a->n_held = (size_t)(end - p);
    memmove(a->held, p, a->n_held);
    return o.n ? str_make((const char *)o.p, o.n) : STR_NONE;
}

void avps_tamper(struct sim *sim, struct avps *a)
{
    sim_set_tamper(sim, a ? on_data : NULL, a);
}
