// SPDX-License-Identifier: Apache-2.0
// What a reload would have to change and cannot.
#include <string.h>

#include "app/config.h"

static bool same_rows(const struct conf_row *rows, const char *a, const char *b);

static bool same_strs(const struct conf_strs *a, const struct conf_strs *b)
{
    bool same = a->n == b->n;
    for (size_t i = 0; same && i < a->n; i++)
        same = str_eq(a->v[i], b->v[i]);
    return same;
}

static bool same_addrs(const struct conf_addrs *a, const struct conf_addrs *b)
{
    bool same = a->n == b->n;
    for (size_t i = 0; same && i < a->n; i++)
        same = addr_eq(&a->v[i], &b->v[i]);
    return same;
}

static bool same_table(const struct conf_row *row, const struct conf_table *a,
                       const struct conf_table *b)
{
    const char *va = a->v, *vb = b->v;
    bool same = a->n == b->n;
    for (size_t i = 0; same && i < a->n; i++)
        same = same_rows(row->sub, va + i * row->sub_size, vb + i * row->sub_size);
    return same;
}

static bool same_value(const struct conf_row *row, const void *a, const void *b)
{
    switch (row->type) {
    case CONF_STR:
        return str_eq(*(const struct str *)a, *(const struct str *)b);
    case CONF_BOOL:
        return *(const bool *)a == *(const bool *)b;
    case CONF_U32:
        return *(const uint32_t *)a == *(const uint32_t *)b;
    case CONF_ENUM:
        return *(const int *)a == *(const int *)b;
    case CONF_ADDR:
        return addr_eq(a, b);
    case CONF_STR_LIST:
        return same_strs(a, b);
    case CONF_ADDR_LIST:
        return same_addrs(a, b);
    case CONF_TABLE:
        return same_table(row, a, b);
    }
    return true;
}

static bool same_rows(const struct conf_row *rows, const char *a, const char *b)
{
    for (; rows->name; rows++)
        if (!same_value(rows, a + rows->offset, b + rows->offset))
            return false;
    return true;
}

void conf_fixed_changes(const struct conf_row *rows, const void *was, const void *is,
                        void (*cb)(void *arg, const char *option), void *arg)
{
    const char *a = was, *b = is;
    for (; rows->name; rows++)
        if (rows->fixed && !same_value(rows, a + rows->offset, b + rows->offset))
            cb(arg, rows->name);
}
