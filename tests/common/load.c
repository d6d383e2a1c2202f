// SPDX-License-Identifier: Apache-2.0
#include "tests/common/load.h"

#include <stdio.h>

#include "app/config_priv.h"
#include "base/log.h"

struct found {
    char *text;
    size_t n, size;
};

static void collect(void *arg, const struct conf_error *e)
{
    struct found *f = arg;
    char line[1024];
    conf_error_text(e, line, sizeof line);
    log_text(LOG_ERROR, "%s", line);
    if (f->n < f->size) {
        int n = snprintf(f->text + f->n, f->size - f->n, "%s%s", f->n ? "\n" : "", line);
        f->n += n > 0 ? (size_t)n : 0;
    }
}

static struct found into(char *text, size_t size)
{
    if (text && size)
        text[0] = 0;
    return (struct found){text, 0, text ? size : 0};
}

int load_file(const char *path, const struct conf_row *rows, void *target, char *error, size_t size,
              struct conf **ret_conf)
{
    struct found f = into(error, size);
    return conf_read_file(path, rows, target, collect, &f, ret_conf);
}

int load_text(struct str yaml, const char *name, const struct conf_row *rows, void *target, char *error, size_t size,
              struct conf **ret_conf)
{
    struct found f = into(error, size);
    return conf_read_text(yaml, name, rows, target, collect, &f, ret_conf);
}
