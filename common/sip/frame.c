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
    ptrdiff_t colon = str_chr(line, ':');
    if (colon < 0)
        return ERR_NOTFOUND;
    if (sip_hid_from(str_trim(str_head(line, (size_t)colon))) != SIP_H_CONTENT_LENGTH)
        return ERR_NOTFOUND;
    return str_u32(str_trim(str_skip(line, (size_t)colon + 1)), ret_n);
}

// End of the headers (behind the blank line) and the announced length of the body.
static int scan_headers(struct str s, size_t *ret_end, uint32_t *ret_length)
{
    bool found = false;
    size_t at = 0;
    for (;;) {
        // a field and its folded continuation lines
        size_t end = at;
        do {
            ptrdiff_t lf = str_chr(str_skip(s, end), '\n');
            if (lf < 0)
                return ERR_MORE;
            end += (size_t)lf + 1;
            if (end - at > 2 && end == s.n)
                return ERR_MORE; // the next line may continue this one
        } while (end - at > 2 && (s.p[end] == ' ' || s.p[end] == '\t'));
        if (end - at < 2 || s.p[end - 2] != '\r')
            return ERR_BAD;
        if (end - at == 2) {
            *ret_end = end;
            return found ? 0 : ERR_BAD;
        }
        uint32_t n;
        int e = content_length(str_make(s.p + at, end - at), &n);
        if (e != ERR_NOTFOUND) {
            if (e || (found && n != *ret_length))
                return ERR_BAD;
            found = true;
            *ret_length = n;
        }
        at = end;
    }
}

// A stream that does not begin like SIP is refused at once, not after SIP_MSG_MAX bytes.
static bool may_be_sip(struct str s)
{
    return !s.n || ch_is(*s.p, CH_TOKEN) || (s.n == 1 && *s.p == '\r');
}

int sip_frame(struct str data, size_t *ret_skip, size_t *ret_len)
{
    size_t skip = leading_crlf(data), end;
    if (skip >= 4) {
        *ret_skip = 4;
        *ret_len = 0;
        return 0;
    }
    uint32_t length = 0;
    struct str s = str_skip(data, skip);
    if (!may_be_sip(s))
        return ERR_BAD;
    int e = s.n ? scan_headers(str_head(s, SIP_MSG_MAX), &end, &length) : ERR_MORE;
    if (e == ERR_MORE && s.n >= SIP_MSG_MAX)
        return ERR_TOOBIG;
    if (e)
        return e;
    if (length > SIP_MSG_MAX - end)
        return ERR_TOOBIG;
    if (s.n - end < length)
        return ERR_MORE;
    *ret_skip = skip;
    *ret_len = end + length;
    return 0;
}
