// SPDX-License-Identifier: Apache-2.0
#include "base/err.h"
#include "base/mem.h"
#include "io/sim_priv.h"

struct sim_name {
    UT_hash_handle hh;
    struct dns_rr *rrs;
    size_t n, key_len;
    char key[]; // as dns_flight.key
};

struct sim_lookup {
    struct sim_event ev;
    struct sim_obj obj;
    struct dns_flight *flight;
    int err; // 0: look the name up when the time comes
};

// ---- records ----

static struct sim_name *name_find(struct sim *s, const char *key, size_t key_len)
{
    struct sim_name *m;
    HASH_FIND(hh, s->names, key, key_len, m);
    return m;
}

static struct sim_name *name_add(struct sim *s, const char *key, size_t key_len)
{
    struct sim_name *m = mem_zalloc(sizeof *m + key_len);
    if (!m)
        return NULL;
    m->key_len = key_len;
    memcpy(m->key, key, key_len);
    HASH_ADD(hh, s->names, key, key_len, m);
    if (m->hh.tbl)
        return m;
    mem_free(m);
    return NULL;
}

static void rr_texts(struct dns_rr *rr, enum dns_type type, struct str *ret_texts[4])
{
    memset(ret_texts, 0, 4 * sizeof *ret_texts);
    if (type == DNS_SRV) {
        ret_texts[0] = &rr->srv.target;
    } else if (type == DNS_NAPTR) {
        ret_texts[0] = &rr->naptr.flags;
        ret_texts[1] = &rr->naptr.service;
        ret_texts[2] = &rr->naptr.regexp;
        ret_texts[3] = &rr->naptr.replacement;
    }
}

static void rr_done(struct dns_rr *rr, enum dns_type type)
{
    struct str *t[4];
    rr_texts(rr, type, t);
    for (size_t i = 0; i < 4 && t[i]; i++)
        mem_free((void *)t[i]->p);
}

static int rr_copy(struct dns_rr *rr, enum dns_type type)
{
    struct str *t[4], from[4] = {STR_NONE};
    bool ok = true;
    rr_texts(rr, type, t);
    for (size_t i = 0; i < 4 && t[i]; i++) {
        from[i] = *t[i];
        *t[i] = str_dup(from[i]);
        ok = ok && t[i]->p;
    }
    if (ok)
        return 0;
    rr_done(rr, type);
    return ERR_NOMEM;
}

int sim_dns_add(struct sim *s, const char *name, enum dns_type type, const struct dns_rr *rr)
{
    char key[DNS_NAME_MAX + 2] = {(char)type};
    size_t n;
    int err = dns_name_normalise(str_from(name), key + 1, &n);
    if (err < 0)
        return err;
    struct sim_name *m = name_find(s, key, n + 1);
    if (!m && !(m = name_add(s, key, n + 1)))
        return ERR_NOMEM;
    struct dns_rr copy = *rr, *rrs = mem_realloc(m->rrs, (m->n + 1) * sizeof *rrs);
    if (!rrs)
        return ERR_NOMEM;
    m->rrs = rrs;
    if ((err = rr_copy(&copy, type)) < 0)
        return err;
    m->rrs[m->n++] = copy;
    return 0;
}

void sim_dns_down(struct sim *s, bool down)
{
    s->dns_down = down;
}

void sim_dns_done(struct sim *s)
{
    struct sim_name *m, *next;
    HASH_ITER(hh, s->names, m, next) {
        HASH_DEL(s->names, m);
        for (size_t i = 0; i < m->n; i++)
            rr_done(&m->rrs[i], (enum dns_type)m->key[0]);
        mem_free(m->rrs);
        mem_free(m);
    }
}

// ---- lookups ----

static void answer(struct sim *s, struct dns_flight *f, int err)
{
    struct sim_name *m = name_find(s, f->key, f->key_len);
    if (err || !m) {
        dns_finish(f, err ? err : ERR_NODATA, NULL, 0, err ? 0 : SIM_DNS_NEGATIVE_TTL);
        return;
    }
    uint32_t ttl = UINT32_MAX;
    for (size_t i = 0; i < m->n; i++)
        ttl = m->rrs[i].ttl < ttl ? m->rrs[i].ttl : ttl;
    dns_finish(f, 0, m->rrs, m->n, ttl);
}

static void on_answer(struct sim *s, struct sim_event *e)
{
    struct sim_lookup *k = CONTAINER_OF(e, struct sim_lookup, ev);
    struct sim_node *n = k->obj.node;
    sim_turn_begin(n);
    if (!n->base.dead) {
        sim_obj_close(&k->obj);
        answer(s, k->flight, k->err);
    }
    sim_turn_end(n);
}

static void lookup_destroy(struct sim_obj *o)
{
    struct sim_lookup *k = CONTAINER_OF(o, struct sim_lookup, obj);
    sim_heap_remove(&o->node->sim->heap, &k->ev);
    mem_free(k);
}

void sim_dns_start(struct loop *l, struct dns_flight *f)
{
    struct sim_node *n = sim_node_of(l);
    struct sim *s = n->sim;
    struct sim_lookup *k = mem_zalloc(sizeof *k);
    if (!k) {
        dns_finish(f, ERR_NOMEM, NULL, 0, 0);
        return;
    }
    k->ev.run = on_answer;
    k->flight = f;
    k->err = s->dns_down ? ERR_TIMEOUT : 0;
    sim_obj_add(&k->obj, n, sim_obj_close, lookup_destroy);
    struct sim_path path = {.faults = &s->faults};
    uint64_t delay = sim_path_delay(s, &path) + sim_path_delay(s, &path);
    if (k->err)
        delay = (uint64_t)SIM_DNS_TIMEOUT_MS * SIM_MS;
    if (!sim_schedule(s, &k->ev, s->now + delay)) {
        sim_obj_close(&k->obj);
        dns_finish(f, ERR_NOMEM, NULL, 0, 0);
    }
}
