// SPDX-License-Identifier: Apache-2.0
// Elements of a header field that holds a list.
#include "sip/msg_priv.h"

// Offset of the separator that ends the first element of s, or s.n.
static size_t element_end(struct str s, char separator)
{
    bool quoted = false, bracket = false;
    for (size_t i = 0; i < s.n; i++) {
        char ch = s.p[i];
        if (quoted) {
            i += ch == '\\';
            quoted = ch != '"';
        } else if (ch == '"') {
            quoted = true;
        } else if (ch == '<' || ch == '>') {
            bracket = ch == '<';
        } else if (ch == separator && !bracket) {
            return i;
        }
    }
    return s.n;
}

bool sip_element_next(struct str *rest, char separator, struct str *ret_element)
{
    if (!rest->p)
        return false;
    size_t n = element_end(*rest, separator);
    *ret_element = str_trim(str_head(*rest, n));
    *rest = n < rest->n ? str_skip(*rest, n + 1) : STR_NONE;
    return true;
}
