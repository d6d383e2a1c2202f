// SPDX-License-Identifier: Apache-2.0
// What an S-CSCF leaves with the HSS of a registration, so that it can go on with it after a
// restart, or another one in its place (TS 23.380 4, TS 29.228 6.1.2.1): SCSCF-Restoration-Info,
// one for each private identity of an implicit registration set, with a Restoration-Info for each
// of its contacts. It is kept as one value beside the registration, and goes with it (sql.c). A
// value is the number of the form (1), Registration-Time-Out, SIP-Authentication-Scheme, and the
// contacts; numbers have four octets, texts their length before them.
#include "base/err.h"
#include "base/mem.h"
#include "hss/hss_priv.h"

enum { FORM = 1, HAS_CSEQ = 1, HAS_SUBSCRIPTION = 2, HAS_PCSCF = 4 };

// ---- one value: the same walk counts, writes and reads ----

enum way { COUNT, WRITE, READ };
struct walk {
    enum way way;
    char *p;       // WRITE
    struct str in; // READ: what is left
    size_t n;      // COUNT
    bool bad;      // READ: it ends too early
};

static void number(struct walk *w, uint32_t *v)
{
    switch (w->way) {
    case COUNT:
        w->n += 4;
        break;
    case WRITE:
        for (int i = 0; i < 4; i++)
            *w->p++ = (char)(*v >> (24 - 8 * i));
        break;
    case READ:
        *v = 0;
        w->bad = w->bad || w->in.n < 4;
        for (size_t i = 0; !w->bad && i < 4; i++)
            *v = *v << 8 | (unsigned char)w->in.p[i];
        w->in = str_skip(w->in, 4);
        break;
    }
}

static void text(struct walk *w, struct str *s)
{
    uint32_t n = (uint32_t)s->n;
    number(w, &n);
    switch (w->way) {
    case COUNT:
        w->n += n;
        break;
    case WRITE:
        if (n)
            memcpy(w->p, s->p, n);
        w->p += n;
        break;
    case READ:
        w->bad = w->bad || n > w->in.n;
        *s = w->bad || !n ? STR_NONE : str_head(w->in, n);
        w->in = w->bad ? STR_NONE : str_skip(w->in, n);
        break;
    }
}

static void contact(struct walk *w, struct cx_restoration_contact *c)
{
    struct cx_subscription *s = &c->subscription;
    struct cx_pcscf_subscription *p = &c->pcscf_subscription;
    struct str *const of_ue[] = {&s->call_id, &s->from, &s->to, &s->record_route, &s->contact};
    struct str *const of_pcscf[] = {&p->call_id, &p->from, &p->to, &p->contact};
    uint32_t has = (c->cseq_present ? HAS_CSEQ : 0) | (s->present ? HAS_SUBSCRIPTION : 0) |
                   (p->present ? HAS_PCSCF : 0);
    number(w, &has);
    text(w, &c->path);
    text(w, &c->contact);
    text(w, &c->call_id);
    c->cseq_present = has & HAS_CSEQ;
    s->present = has & HAS_SUBSCRIPTION;
    p->present = has & HAS_PCSCF;
    if (c->cseq_present)
        number(w, &c->cseq);
    for (size_t i = 0; s->present && i < ARRAY_LEN(of_ue); i++)
        text(w, of_ue[i]);
    for (size_t i = 0; p->present && i < ARRAY_LEN(of_pcscf); i++)
        text(w, of_pcscf[i]);
}

// What stands before the contacts.
static void front(struct walk *w, struct cx_restoration *r, uint32_t *form, uint32_t *n)
{
    number(w, form);
    number(w, &r->timeout);
    text(w, &r->scheme);
    number(w, n);
}

static void put(struct walk *w, const struct cx_restoration *from)
{
    struct cx_restoration r = *from;
    uint32_t form = FORM, n = (uint32_t)r.n_contacts;
    front(w, &r, &form, &n);
    for (size_t i = 0; i < from->n_contacts; i++) {
        struct cx_restoration_contact c = from->contacts[i];
        contact(w, &c);
    }
}

struct str hss_restoration_write(struct arena *a, const struct cx_restoration *r)
{
    struct walk count = {.way = COUNT};
    put(&count, r);
    char *p = arena_alloc(a, count.n);
    struct walk w = {.way = WRITE, .p = p};
    if (!p)
        return STR_NONE;
    put(&w, r);
    return str_make(p, count.n);
}

int hss_restoration_read(struct arena *a, struct str value, struct cx_restoration *ret_r)
{
    struct walk w = {.way = READ, .in = value};
    struct cx_restoration r = {.present = true};
    uint32_t form, n;
    front(&w, &r, &form, &n);
    if (w.bad || form != FORM || n > value.n / 16) // a contact has four numbers at least
        return ERR_BAD;
    struct cx_restoration_contact *c = arena_zalloc(a, n * sizeof *c + 1);
    if (!c)
        return ERR_NOMEM;
    for (size_t i = 0; i < n; i++)
        contact(&w, &c[i]);
    if (w.bad || w.in.n)
        return ERR_BAD;
    r.contacts = c;
    r.n_contacts = n;
    *ret_r = r;
    return 0;
}

// ---- the store ----

int hss_restoration_put(struct hss_op *op)
{
    const struct hss_facts *f = &op->facts;
    bool fits = op->restoration.n <= op->settings.restoration_size;
    op->unkept = fits ? NULL : "more than cx.restoration_size";
    if (!fits) // what is there is no longer true
        return hss_restoration_drop(op);
    return HSS_WRITE(op, SQL_RESTORATION_PUT, SV_INT(f->set_id), SV_INT(f->impi_id),
                     SV_BLOB(op->restoration));
}

int hss_restoration_drop(struct hss_op *op)
{
    return HSS_WRITE(op, SQL_RESTORATION_DROP, SV_INT(op->facts.set_id), SV_INT(op->facts.impi_id));
}

struct found {
    struct hss_op *op;
    struct cx_restoration *v;
    size_t n, cap;
    int64_t without; // private identity
    bool has_own;
};

static int make_room(struct found *l)
{
    size_t cap = l->cap ? 2 * l->cap : 2;
    struct cx_restoration *more = arena_alloc(&l->op->arena, cap * sizeof *more);
    if (!more)
        return ERR_NOMEM;
    if (l->n)
        memcpy(more, l->v, l->n * sizeof *more);
    l->v = more;
    l->cap = cap;
    return 0;
}

// What a later HSS has written in a form that is not known here is as good as not there.
static int row(void *arg, const struct store_value *c, size_t n)
{
    struct found *l = arg;
    struct arena *a = &l->op->arena;
    if (c[0].num == l->without)
        return 0;
    int err = l->n == l->cap ? make_room(l) : 0;
    if (err)
        return err;
    err = hss_restoration_read(a, arena_dup(a, c[2].s), &l->v[l->n]);
    if (err)
        return err == ERR_BAD ? 0 : err;
    l->v[l->n++].impi = arena_dup(a, c[1].s);
    l->has_own = l->has_own || c[0].num == l->op->facts.impi_id;
    return 0;
}

static int find(struct found *l)
{
    return STORE_RUN(l->op->ctx->store, SQL_RESTORATIONS, row, l, SV_INT(l->op->facts.set_id));
}

int hss_restoration_is_kept(struct hss_op *op, bool *ret_kept)
{
    struct found l = {.op = op, .without = -1};
    int err = find(&l);
    *ret_kept = l.n > 0;
    return err;
}

static int load(struct hss_op *op, bool others, bool *ret_own)
{
    struct found l = {.op = op, .without = others ? op->facts.impi_id : -1};
    int err = find(&l);
    op->a.saa.restorations = l.v;
    op->a.saa.n_restorations = l.n;
    if (ret_own)
        *ret_own = l.has_own;
    return err;
}

int hss_restoration_load(struct hss_op *op, bool *ret_own)
{
    return load(op, false, ret_own);
}

int hss_restoration_load_others(struct hss_op *op)
{
    return load(op, true, NULL);
}
