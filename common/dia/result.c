// SPDX-License-Identifier: Apache-2.0
#include "base/mem.h"
#include "base/writer.h"
#include "dia/node_priv.h"

// Experimental-Result-Codes of one vendor are different from one application to the next (TS 29.230 8.1).
static const char *known(struct dia_result r)
{
    for (const struct dia_interface *const *i = dia_interfaces; *i; i++) {
        if (r.experimental != ((*i)->app != DIA_APP_BASE))
            continue;
        for (size_t k = 0; k < (*i)->n_results; k++)
            if ((*i)->results[k].code == r.code)
                return (*i)->results[k].name;
    }
    return NULL;
}

const char *dia_result_name(struct dia_result r)
{
    const char *name = known(r);
    return name           ? name :
           r.experimental ? "unknown Experimental-Result-Code" :
                            "unknown Result-Code";
}

uint32_t dia_result_unknown(struct dia_result r)
{
    return known(r) ? 0 : r.code;
}

// ---- how often each came ----

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
