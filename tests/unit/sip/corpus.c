// SPDX-License-Identifier: Apache-2.0
#include "corpus.h"

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>

static struct str read_file(const char *path)
{
    FILE *f = fopen(path, "rb");
    char *p = malloc(70000);
    size_t n = f && p ? fread(p, 1, 70000, f) : 0;
    if (f)
        (void)fclose(f);
    return str_make(p, n);
}

static int no_dots(const struct dirent *d)
{
    return d->d_name[0] != '.';
}

size_t corpus_read(const char *folder, struct corpus_file *ret_files, size_t max)
{
    const char *root = getenv("CORPUS");
    char path[1024];
    struct dirent **names;
    (void)snprintf(path, sizeof path, "%s/%s", root ? root : "tests/corpus", folder);
    int n = scandir(path, &names, no_dots, alphasort);
    size_t used = 0;
    for (int i = 0; i < n; i++) {
        if (used < max) {
            struct corpus_file *f = &ret_files[used++];
            (void)snprintf(f->name, sizeof f->name, "%.63s", names[i]->d_name);
            (void)snprintf(path, sizeof path, "%s/%s/%.63s", root ? root : "tests/corpus", folder,
                           names[i]->d_name);
            f->bytes = read_file(path);
        }
        free(names[i]);
    }
    if (n >= 0)
        free(names);
    return used;
}

void corpus_free(struct corpus_file *files, size_t n)
{
    for (size_t i = 0; i < n; i++)
        free((void *)(uintptr_t)files[i].bytes.p);
}

struct str corpus_get(const struct corpus_file *files, size_t n, const char *name)
{
    for (size_t i = 0; i < n; i++)
        if (strcmp(files[i].name, name) == 0)
            return files[i].bytes;
    return STR_NONE;
}
