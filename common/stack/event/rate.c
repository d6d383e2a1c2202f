// SPDX-License-Identifier: Apache-2.0
// How often a subscriber wants to hear at most (RFC 6446 5).
#include "stack/event/event_priv.h"

enum { MICRO = 1000000, INTERVAL_MAX_MS = 86400000 };

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

// "0.25" in millionths; 0: none, or not of RFC 6446 8.2.
static uint32_t read_rate(struct str s)
{
    uint32_t whole = 0, part = 0, unit = MICRO;
    size_t i = 0;
    for (; i < s.n && i < 2 && is_digit(s.p[i]); i++)
        whole = whole * 10 + (uint32_t)(s.p[i] - '0');
    if (!i || (i < s.n && s.p[i] != '.') || i + 1 == s.n)
        return 0;
    for (i++; i < s.n; i++) {
        if (!is_digit(s.p[i]))
            return 0;
        unit /= 10;
        part += (uint32_t)(s.p[i] - '0') * unit;
    }
    return whole * MICRO + part;
}

uint32_t event_interval(const struct event_package *p, const struct sip_token *event,
                        bool *ret_rated)
{
    uint32_t rate = read_rate(sip_param_get(event->params, STR("max-rate"), NULL));
    *ret_rated = rate != 0;
    if (!rate)
        return p->interval_ms;
    uint64_t asked = (UINT64_C(1000) * MICRO + rate - 1) / rate;
    if (asked > INTERVAL_MAX_MS)
        asked = INTERVAL_MAX_MS;
    return asked > p->interval_ms ? (uint32_t)asked : p->interval_ms;
}

struct str event_rate_text(struct arena *a, uint32_t interval_ms)
{
    uint64_t rate = interval_ms ? UINT64_C(1000) * MICRO / interval_ms : 0;
    return arena_printf(a, ";max-rate=%" PRIu64 ".%06" PRIu64, rate / MICRO, rate % MICRO);
}
