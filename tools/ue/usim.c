// SPDX-License-Identifier: Apache-2.0
#include <stdio.h>

#include "base/mem.h"
#include "tools/ue/tool.h"

void usim_load(const char *path, struct aka_usim *ret_usim)
{
    *ret_usim = (struct aka_usim){0};
    FILE *f = path ? fopen(path, "r") : NULL;
    if (!f)
        return;
    for (size_t i = 0; i < ARRAY_LEN(ret_usim->seq); i++) {
        unsigned long long v;
        if (fscanf(f, "%llu", &v) != 1)
            break;
        ret_usim->seq[i] = v;
    }
    (void)fclose(f);
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
