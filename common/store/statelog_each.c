// SPDX-License-Identifier: Apache-2.0
// All records in the order of their keys, at the start: what lies together is read together.
#include "base/err.h"
#include "base/mem.h"
#include "store/state_log_priv.h"

enum { PAGE_RECORDS = 1024, PAGE_BYTES = 1 << 20 };

struct page {
    struct statelog_read reads[PAGE_RECORDS];
    size_t n, n_buf, cap;
    char *buf;
};

// Entries from *at on, as many as a page takes; *ret_end: there are no more.
static void gather(struct statelog *g, struct str prefix, struct sorted_at *at, struct page *p,
                   bool *ret_end)
{
    p->n = p->n_buf = 0;
    while (p->n < PAGE_RECORDS && p->n_buf < PAGE_BYTES) {
        const struct sorted_entry *e = sorted_next(&g->index, at);
        *ret_end = !e || !str_starts(sorted_key(e), prefix);
        if (*ret_end)
            return;
        p->reads[p->n++] = (struct statelog_read){.place = e->place, .size = entry_size(e)};
        p->n_buf += entry_size(e);
    }
}

static int load(struct statelog *g, struct page *p)
{
    if (p->n_buf > p->cap) {
        mem_free(p->buf);
        p->cap = p->n_buf;
        p->buf = mem_alloc(p->cap);
    }
    if (!p->buf) {
        p->cap = 0;
        return p->n ? ERR_NOMEM : 0;
    }
    return statelog_read_all(g, p->reads, p->n, p->buf);
}

static void tell_damaged(struct statelog *g, const struct statelog_read *r)
{
    char name[LOG_NAME];
    statelog_file_name(&g->files[place_slot(r->place)], name);
    state_damaged(g->base.face, name, place_at(r->place), STR_NONE);
}

static int visit(struct statelog *g, const struct page *p, state_each_cb cb, void *arg)
{
    const char *at = p->buf;
    int err = 0;
    for (size_t i = 0; !err && i < p->n; at += p->reads[i++].size) {
        struct record r;
        size_t size;
        if (p->reads[i].bad || record_read(str_make(at, p->reads[i].size), false, &r, &size) != 0)
            tell_damaged(g, &p->reads[i]);
        else
            err = cb(arg, &(struct state_record){r.key, r.value, r.version});
    }
    return err;
}

int statelog_each(struct statelog *g, struct str prefix, state_each_cb cb, void *arg)
{
    struct page *p = mem_alloc(sizeof(*p));
    struct sorted_at at = sorted_from(&g->index, prefix, false);
    bool end = false;
    int err = p ? 0 : ERR_NOMEM;
    if (p)
        p->cap = 0, p->buf = NULL;
    while (!err && !end) {
        gather(g, prefix, &at, p, &end);
        err = load(g, p);
        if (!err)
            err = visit(g, p, cb, arg);
    }
    if (p)
        mem_free(p->buf);
    mem_free(p);
    return err;
}
