// SPDX-License-Identifier: Apache-2.0
#include <errno.h>
#include <stdio.h>

#include "base/err.h"
#include "base/mem.h"
#include "tools/ue/tool.h"

int usim_load(const char *path, struct aka_usim *ret_usim)
{
    struct aka_usim u = {0};
    FILE *f = path ? fopen(path, "r") : NULL;
    bool is_new = !path || (!f && errno == ENOENT), good = is_new;
    if (!f && !is_new)
        perror(path);
    for (size_t i = 0; f && i < ARRAY_LEN(u.seq); i++) {
        unsigned long long v;
        good = fscanf(f, "%llu", &v) == 1;
        if (!good)
            break;
        u.seq[i] = v;
    }
    if (f && !good)
        fprintf(stderr, "carillon-ue: %s holds no sequence numbers\n", path);
    if (f)
        (void)fclose(f);
    *ret_usim = u;
    return good ? 0 : ERR_BAD;
}

void usim_save(const char *path, const struct aka_usim *u)
{
    FILE *f = path ? fopen(path, "w") : NULL;
    if (!f) {
        if (path)
            perror(path);
        return;
    }
    for (size_t i = 0; i < ARRAY_LEN(u->seq); i++)
        fprintf(f, "%llu\n", (unsigned long long)u->seq[i]);
    if (fclose(f))
        perror(path);
}
