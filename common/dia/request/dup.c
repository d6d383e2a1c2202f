// SPDX-License-Identifier: Apache-2.0
// Duplicate detection, RFC 6733 5.5.4 and appendix C: what was asked lately, by Origin-Host and
// End-to-End-Id, with its answer. Bounded by number, bytes and time; the oldest answered go first.
#include "base/mem.h"
#include "dia/request/request_priv.h"

enum { MAX_ENTRIES = 65536, MAX_BYTES = 32 << 20, HOST_MAX = 255, KEY_MAX = 8 + HOST_MAX };
static const uint64_t KEEP_NS =
    240ull * 1000 * 1000 * 1000; // RFC 6733 3: ids are unique for 4 minutes

// 0: an Origin-Host that is longer than host names are is not remembered.
static size_t make_key(const struct dia_frame *f, char *key)
{
    size_t n = f->origin_host.n;
    if (n > HOST_MAX)
        return 0;
    dia_put32(key, f->ete);
    dia_put32(key + 4, f->code);
    if (n)
        memcpy(key + 8, f->origin_host.p, n);
    return 8 + n;
}

void dia_dup_free(struct dia_request_layer *l, struct dia_dup *e)
{
    if (e->request)
        e->request->dup = NULL;
    HASH_DELETE(hh, l->dup_by_key, e);
    list_del(&e->link);
    l->n_dups--;
    l->dup_bytes -= e->answer.n;
    dia_bytes_free(&e->answer);
    mem_free(e);
}

static void trim(struct dia_request_layer *l)
{
    uint64_t now = loop_now(l->loop);
    while (!list_empty(&l->dups)) {
        struct dia_dup *e = LIST_ENTRY(l->dups.next, struct dia_dup, link);
        bool over = l->n_dups >= MAX_ENTRIES || l->dup_bytes > MAX_BYTES;
        if (!over && e->until_ns > now)
            return;
        dia_dup_free(l, e);
    }
}

// A copy is one only when either of the two carries the T flag: a sender that reuses its ids is not
// given another request's answer.
struct dia_dup *dia_dup_find(struct dia_request_layer *l, const struct dia_frame *f)
{
    char key[KEY_MAX];
    size_t len = make_key(f, key);
    struct dia_dup *e = NULL;
    if (len)
        HASH_FIND(hh, l->dup_by_key, key, len, e);
    if (!e)
        return NULL;
    if (e->until_ns > loop_now(l->loop) && (e->t || (f->flags & DIA_CMD_T)))
        return e;
    dia_dup_free(l, e);
    return NULL;
}

void dia_dup_add(struct dia_request_layer *l, const struct dia_frame *f, struct dia_request *q)
{
    char key[KEY_MAX];
    size_t len = make_key(f, key);
    trim(l);
    struct dia_dup *e = len ? mem_alloc(sizeof *e + len) : NULL;
    if (!e)
        return;
    *e = (struct dia_dup){.request = q,
                          .until_ns = loop_now(l->loop) + KEEP_NS,
                          .t = f->flags & DIA_CMD_T,
                          .n_key = len};
    memcpy(e->key, key, len);
    HASH_ADD_KEYPTR(hh, l->dup_by_key, e->key, e->n_key, e);
    if (!e->hh.tbl) {
        mem_free(e);
        return;
    }
    list_add(&l->dups, &e->link);
    l->n_dups++;
    q->dup = e;
}

void dia_dup_answered(struct dia_request_layer *l, struct dia_dup *e, struct dia_bytes *answer)
{
    e->request = NULL;
    e->answer = *answer;
    *answer = (struct dia_bytes){0};
    l->dup_bytes += e->answer.n;
}
