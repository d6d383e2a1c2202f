// SPDX-License-Identifier: Apache-2.0
// The option that was probably meant.
#include "app/config_priv.h"

enum { NAME_MAX_BYTES = 128 };

static size_t min3(size_t a, size_t b, size_t c)
{
    size_t m = a < b ? a : b;
    return m < c ? m : c;
}

// Levenshtein distance of two names (V. Levenshtein, 1966), one row of the matrix at a time.
static size_t edit_distance(struct str a, struct str b)
{
    size_t row[NAME_MAX_BYTES + 1];
    a = str_head(a, NAME_MAX_BYTES);
    b = str_head(b, NAME_MAX_BYTES);
    for (size_t j = 0; j <= b.n; j++)
        row[j] = j;
    for (size_t i = 1; i <= a.n; i++) {
        size_t diagonal = row[0];
        row[0] = i;
        for (size_t j = 1; j <= b.n; j++) {
            size_t above = row[j];
            row[j] = min3(above + 1, row[j - 1] + 1, diagonal + (a.p[i - 1] != b.p[j - 1]));
            diagonal = above;
        }
    }
    return row[b.n];
}

// The part of name with as many components as path has, so that "timers" finds "timer.request".
static struct str same_depth(struct str name, struct str path)
{
    size_t dots = 0;
    for (size_t i = 0; i < path.n; i++)
        dots += path.p[i] == '.';
    for (size_t i = 0; i < name.n; i++)
        if (name.p[i] == '.' && dots-- == 0)
            return str_head(name, i);
    return name;
}

// How far an unknown path is from a known name; an option written without its group is near.
static size_t name_distance(struct str path, struct str name)
{
    if (name.n > path.n && name.p[name.n - path.n - 1] == '.' && str_ends(name, path))
        return 1;
    size_t whole = edit_distance(path, name);
    size_t part = edit_distance(path, same_depth(name, path));
    return part < whole ? part : whole;
}

const char *conf_row_nearest(const struct conf_row *rows, struct str path)
{
    const char *best = NULL;
    size_t best_distance = SIZE_MAX;
    for (; rows->name; rows++) {
        size_t d = name_distance(path, str_from(rows->name));
        if (d < best_distance) {
            best_distance = d;
            best = rows->name;
        }
    }
    return best;
}
