// SPDX-License-Identifier: Apache-2.0
// Sessions that are kept, RFC 6733 8 and 9.
#include "base/err.h"
#include "base/mem.h"
#include "dia/request/request_priv.h"

enum { RE_AUTH = 258, ABORT_SESSION = 274, SESSION_ID_MAX = 1024 };

struct dia_session {
    UT_hash_handle hh;
    struct dia_request_layer *layer;
    const struct dia_interface *iface;
    uint64_t serial;
    struct str host, realm; // heap
    uint32_t record;
    void *arg;
    size_t n_id;
    char id[];
};

static struct dia_session *find(struct dia_request_layer *l, struct str id)
{
    struct dia_session *s = NULL;
    if (id.n && id.n <= SESSION_ID_MAX)
        HASH_FIND(hh, l->sessions, id.p, id.n, s);
    return s;
}

int dia_requests_session(struct dia_request_layer *l, const struct dia_session_params *p,
                         struct dia_session **ret_session)
{
    char room[320];
    struct str id = p->id.n ? p->id : dia_session_id(l, room, sizeof room);
    if (id.n > SESSION_ID_MAX)
        return ERR_TOOBIG;
    if (find(l, id))
        return ERR_EXISTS;
    if (l->n_sessions == DIA_SESSIONS_MAX)
        return ERR_FULL;
    struct dia_session *s = mem_zalloc(sizeof *s + id.n);
    if (!s)
        return ERR_NOMEM;
    s->layer = l;
    s->iface = p->iface;
    s->arg = p->arg;
    s->serial = ++l->next_session;
    s->host = str_dup(p->host);
    s->realm = str_dup(p->realm);
    s->n_id = id.n;
    memcpy(s->id, id.p, id.n);
    HASH_ADD_KEYPTR(hh, l->sessions, s->id, s->n_id, s);
    l->n_sessions++;
    if (s->hh.tbl && s->host.p && s->realm.p) {
        *ret_session = s;
        return 0;
    }
    dia_session_free(s);
    return ERR_NOMEM;
}

void dia_session_free(struct dia_session *s)
{
    if (!s)
        return;
    if (s->hh.tbl)
        HASH_DELETE(hh, s->layer->sessions, s);
    s->layer->n_sessions--;
    mem_free((char *)s->host.p);
    mem_free((char *)s->realm.p);
    mem_free(s);
}

void dia_sessions_free(struct dia_request_layer *l)
{
    struct dia_session *s, *next;
    HASH_ITER(hh, l->sessions, s, next)
    dia_session_free(s);
}

struct str dia_session_text(const struct dia_session *s)
{
    return (struct str){s->id, s->n_id};
}

struct str dia_session_at(const struct dia_session *s)
{
    return s->host;
}

uint32_t dia_session_record(struct dia_session *s)
{
    return s->record++;
}

// RFC 6733 8.18: by default a session does not move to another host. Accounting does (9.4): its
// record goes to who can be reached, rather than nowhere.
uint64_t dia_session_enter(const struct dia_session *s, const struct dia_places *at, void *request)
{
    dia_place_set(request, at->session_id, dia_session_text(s));
    if (!dia_place_get(request, at->dest_realm).n)
        dia_place_set(request, at->dest_realm, s->realm);
    struct str realm = dia_place_get(request, at->dest_realm);
    bool there =
        s->host.n && (!s->iface->accounting || dia_requests_reach(s->layer, s->host, realm));
    if (there && !dia_place_get(request, at->dest_host).n)
        dia_place_set(request, at->dest_host, s->host);
    return s->serial;
}

void dia_session_answered(struct dia_request_layer *l, uint64_t serial, const struct dia_frame *f)
{
    struct dia_session *s = serial ? find(l, f->session_id) : NULL;
    if (!s || s->serial != serial || f->result_code / 1000 != 2 || !f->origin_host.n ||
        str_ieq(s->host, f->origin_host))
        return;
    struct str host = str_dup(f->origin_host);
    if (!host.p) // it goes by realm once more
        return;
    mem_free((char *)s->host.p);
    s->host = host;
}

// RFC 6733 8.3, 8.5: who is asked about a session that it does not know says so.
bool dia_session_unknown(struct dia_request_layer *l, const struct dia_command *cmd,
                         const struct dia_frame *f)
{
    if (!cmd->in_session || (cmd->code != RE_AUTH && cmd->code != ABORT_SESSION))
        return false;
    const struct dia_session *s = find(l, f->session_id);
    return !s || s->iface->app != f->app;
}

void *dia_request_session(const struct dia_request *q)
{
    const struct dia_session *s = find(q->layer, q->session_id);
    return s && s->iface == q->service->iface ? s->arg : NULL;
}
