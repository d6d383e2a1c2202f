// SPDX-License-Identifier: Apache-2.0
#include <stdio.h>

#include "tools/ue/tool.h"

json_t *report_str(struct str s)
{
    json_t *j = json_stringn(s.p ? s.p : "", s.n);
    return j ? j : json_string("(not UTF-8)");
}

static void print_text(const char *event, json_t *fields)
{
    const char *key;
    json_t *v;
    fputs(event, stdout);
    json_object_foreach(fields, key, v)
    {
        if (json_is_string(v) && json_string_length(v) == 0)
            continue;
        printf(" %s=", key);
        if (json_is_real(v))
            printf("%.3f", json_real_value(v));
        else
            json_dumpf(v, stdout, JSON_ENCODE_ANY);
    }
    putchar('\n');
}

void report_event(const struct options *o, const char *event, json_t *fields)
{
    if (!fields)
        fields = json_object();
    if (o->json) {
        (void)json_object_set_new(fields, "event", json_string(event));
        (void)json_dumpf(fields, stdout, JSON_COMPACT | JSON_REAL_PRECISION(9));
        putchar('\n');
    } else {
        print_text(event, fields);
    }
    (void)fflush(stdout);
    json_decref(fields);
}
