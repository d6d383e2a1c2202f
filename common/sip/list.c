// SPDX-License-Identifier: Apache-2.0
// Elements of a header field that holds a list.
#include "sip/msg_priv.h"

// Offset of the separator that ends the first element of s, or s.n. All that can end or hide one is
// marked in the bitmap of the message.
static size_t element_end(const struct sip_msg *m, struct str s, char separator)
{
    bool quoted = false, bracket = false;
    const char *end = s.p + s.n;
    for (const char *p = s.p; p < end; p++) {
        p = cur_span_end(p, end, m->bytes.p, m->delim, CH_HOST);
        if (p == end)
            break;
        if (quoted) {
            quoted = *p != '"';
            p += *p == '\\';
        } else if (*p == '"') {
            quoted = true;
        } else if (*p == '<' || *p == '>') {
            bracket = *p == '<';
        } else if (*p == separator && !bracket) {
            return (size_t)(p - s.p);
        }
    }
    return s.n;
}

bool sip_element_next(const struct sip_msg *m, struct str *rest, char separator,
                      struct str *ret_element)
{
    if (!rest->p)
        return false;
    size_t n = element_end(m, *rest, separator);
    *ret_element = str_trim(str_head(*rest, n));
    *rest = n < rest->n ? str_skip(*rest, n + 1) : STR_NONE;
    return true;
}
