// SPDX-License-Identifier: Apache-2.0
// Duplicate detection, RFC 6733 5.5.4 and appendix C: what was asked lately, by Origin-Host and
// End-to-End-Id, with its answer. Bounded by number, bytes and time; the oldest answered go first.
#include "dia/node_priv.h"

enum { MAX_ENTRIES = 65536, MAX_BYTES = 32 << 20, HOST_MAX = 255, KEY_MAX = 8 + HOST_MAX };
static const uint64_t KEEP_NS = 240ull * 1000 * 1000 * 1000; // RFC 6733 3: ids are unique for 4 minutes

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

void dia_dup_free(struct dia_node *n, struct dia_dup *e)
{
    if (e->request)
        e->request->dup = NULL;
    HASH_DELETE(hh, n->dup_by_key, e);
    list_del(&e->link);
    n->n_dups--;
    n->dup_bytes -= e->answer.n;
    dia_bytes_free(&e->answer);
    mem_free(e);
}

static void trim(struct dia_node *n)
{
    uint64_t now = loop_now(n->loop);
    while (!list_empty(&n->dups)) {
        struct dia_dup *e = LIST_ENTRY(n->dups.next, struct dia_dup, link);
        bool over = n->n_dups >= MAX_ENTRIES || n->dup_bytes > MAX_BYTES;
        if (!over && e->until_ns > now)
            return;
        dia_dup_free(n, e);
    }
}

// A copy is one only when either of the two carries the T flag: a sender that reuses its ids is not
// given another request's answer.
struct dia_dup *dia_dup_find(struct dia_node *n, const struct dia_frame *f)
{
    char key[KEY_MAX];
    size_t len = make_key(f, key);
    struct dia_dup *e = NULL;
    if (len)
        HASH_FIND(hh, n->dup_by_key, key, len, e);
    if (!e)
        return NULL;
    if (e->until_ns > loop_now(n->loop) && (e->t || (f->flags & DIA_CMD_T)))
        return e;
    dia_dup_free(n, e);
    return NULL;
}

void dia_dup_add(struct dia_node *n, const struct dia_frame *f, struct dia_request *q)
{
    char key[KEY_MAX];
    size_t len = make_key(f, key);
    trim(n);
    struct dia_dup *e = len ? mem_alloc(sizeof *e + len) : NULL;
    if (!e)
        return;
    *e = (struct dia_dup){.request = q, .until_ns = loop_now(n->loop) + KEEP_NS,
                          .t = f->flags & DIA_CMD_T, .n_key = len};
    memcpy(e->key, key, len);
    HASH_ADD_KEYPTR(hh, n->dup_by_key, e->key, e->n_key, e);
    if (!e->hh.tbl) {
        mem_free(e);
        return;
    }
    list_add(&n->dups, &e->link);
    n->n_dups++;
    q->dup = e;
}

void dia_dup_answered(struct dia_node *n, struct dia_dup *e, struct dia_bytes *answer)
{
    e->request = NULL;
    e->answer = *answer;
    *answer = (struct dia_bytes){0};
    n->dup_bytes += e->answer.n;
}
