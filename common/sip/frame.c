// SPDX-License-Identifier: Apache-2.0
// Framing on a stream.
#include "base/err.h"
#include "sip/chars.h"
#include "sip/cursor.h"
#include "sip/header.h"
#include "sip/msg.h"

static size_t leading_crlf(struct str data)
{
    size_t n = 0;
    while (data.n - n >= 2 && data.p[n] == '\r' && data.p[n + 1] == '\n')
        n += 2;
    return n;
}

// Value of the line when it is a Content-Length field; ERR_NOTFOUND when it is another one.
static int content_length(struct str line, uint32_t *ret_n)
{
    char first = line.n ? (char)(*line.p | 0x20) : 0;
    if (first != 'c' && first != 'l')
        return ERR_NOTFOUND; // its names begin so; most lines are told apart by that
    ptrdiff_t colon = str_chr(line, ':');
    if (colon < 0)
        return ERR_NOTFOUND;
    if (sip_hid_from(str_trim(str_head(line, (size_t)colon))) != SIP_H_CONTENT_LENGTH)
        return ERR_NOTFOUND;
    return str_u32(str_trim(str_skip(line, (size_t)colon + 1)), ret_n);
}

// One whole field, [k->field, k->seen), is there: takes Content-Length out of it.
static int take_field(struct sip_framer *k, struct str s)
{
    uint32_t n;
    int e = content_length(str_make(s.p + k->field, k->seen - k->field), &n);
    if (e == ERR_NOTFOUND)
        return 0;
    if (e || (k->has_length && n != k->length))
        return ERR_BAD;
    k->has_length = true;
    k->length = n;
    return 0;
}

// To the end of a line; true when it is there.
static bool end_line(struct sip_framer *k, struct str s)
{
    ptrdiff_t lf = k->ended ? 0 : str_chr(str_skip(s, k->seen), '\n');
    if (lf < 0) {
        k->seen = s.n;
        return false;
    }
    if (!k->ended)
        k->seen += (size_t)lf + 1;
    k->ended = true;
    return true;
}

// Finds the end of the headers (behind the blank line) and the announced length of the body.
static int scan_headers(struct sip_framer *k, struct str s)
{
    while (end_line(k, s)) {
        size_t n = k->seen - k->field;
        if (n > 2 && k->seen == s.n)
            return ERR_MORE; // the next line may continue this one
        bool folded = n > 2 && (s.p[k->seen] == ' ' || s.p[k->seen] == '\t');
        k->ended = false;
        if (folded)
            continue;
        if (n < 2 || s.p[k->seen - 2] != '\r')
            return ERR_BAD;
        if (n == 2) {
            k->end = k->seen;
            return k->has_length ? 0 : ERR_BAD;
        }
        if (take_field(k, s))
            return ERR_BAD;
        k->field = k->seen;
    }
    return ERR_MORE;
}

// A stream that does not begin like SIP is refused at once, not after SIP_MSG_MAX bytes.
static bool may_be_sip(struct str s)
{
    return !s.n || ch_is(*s.p, CH_TOKEN) || (s.n == 1 && *s.p == '\r');
}

int sip_framer_next(struct sip_framer *k, struct str data, size_t *ret_skip, size_t *ret_len)
{
    size_t skip = leading_crlf(data);
    if (skip >= 4) {
        *ret_skip = 4;
        *ret_len = 0;
        return 0;
    }
    struct str s = str_skip(data, skip);
    if (!may_be_sip(s))
        return ERR_BAD;
    if (s.n == 1 && *s.p == '\r')
        return ERR_MORE; // perhaps one more CRLF to be skipped
    int e = k->end ? 0 : s.n ? scan_headers(k, str_head(s, SIP_MSG_MAX)) : ERR_MORE;
    if (e == ERR_MORE && s.n >= SIP_MSG_MAX)
        return ERR_TOOBIG;
    if (e)
        return e;
    if (k->length > SIP_MSG_MAX - k->end)
        return ERR_TOOBIG;
    if (s.n - k->end < k->length)
        return ERR_MORE;
    *ret_skip = skip;
    *ret_len = k->end + k->length;
    return 0;
}
