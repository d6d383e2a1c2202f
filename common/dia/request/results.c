// SPDX-License-Identifier: Apache-2.0
// Results of answers that came: how often each did.
#include "base/writer.h"
#include "dia/request/request_priv.h"

void dia_results_count(struct dia_results *t, struct dia_result r)
{
    size_t i = 0;
    while (i < t->n && (t->v[i].r.code != r.code || t->v[i].r.experimental != r.experimental))
        i++;
    if (i == DIA_RESULTS) {
        t->others++;
        return;
    }
    if (i == t->n)
        t->v[t->n++].r = r;
    t->v[i].count++;
}

void dia_results_stats(const struct dia_results *t, dia_stat_cb cb, void *arg)
{
    static const char name[] = "dia_results_total";
    for (size_t i = 0; i < t->n; i++) {
        char labels[64];
        struct writer w = writer_init(labels, sizeof labels - 1);
        writer_printf(&w, "code=\"%u\",kind=\"%s\"", t->v[i].r.code,
                      t->v[i].r.experimental ? "experimental" : "base");
        labels[w.n] = 0;
        cb(arg, name, labels, t->v[i].count);
    }
    if (t->others)
        cb(arg, name, "code=\"other\",kind=\"\"", t->others);
}
