// SPDX-License-Identifier: Apache-2.0
#include "sip/route.h"

struct str route_take(struct str *list)
{
    bool quoted = false, angle = false;
    size_t i = 0;
    for (; i < list->n; i++) {
        char c = list->p[i];
        if (quoted && c == '\\')
            i++;
        else if (c == '"' && !angle)
            quoted = !quoted;
        else if (!quoted && (c == '<' || c == '>'))
            angle = c == '<';
        else if (c == ',' && !quoted && !angle)
            break;
    }
    struct str first = str_trim(str_head(*list, i));
    *list = str_skip(*list, i + 1);
    return first;
}
