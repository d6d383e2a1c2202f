// SPDX-License-Identifier: Apache-2.0
#include <stdio.h>

#include "base/err.h"
#include "base/log.h"
#include "hss/provision.h"

// The first line with something in it: a CSV header has a comma, YAML a colon or a dash.
static bool is_csv(struct str text)
{
    while (text.p) {
        struct str line = str_trim(str_split(&text, '\n'));
        if (line.n && line.p[0] != '#')
            return str_chr(line, ',') > 0 && str_chr(line, ':') < 0;
    }
    return false;
}

int hss_import_text(struct hss_op *op, struct str text, bool replace, size_t *ret_n,
                    struct hss_problem *p)
{
    int err = is_csv(text) ? hss_import_csv(op, text, replace, ret_n, p)
                           : hss_import_yaml(op, text, replace, ret_n, p);
    if (err && !p->text[0])
        return hss_problem(p, p->line, err, "%s", err_text(err));
    return err;
}
