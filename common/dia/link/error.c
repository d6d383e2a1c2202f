// SPDX-License-Identifier: Apache-2.0
// Answers that refuse: by the error grammar, or by that of their command.
#include "base/log.h"
#include "dia/base.h"
#include "dia/link/link_priv.h"

enum { PROXY_INFO = 284, PROXY_KEPT = 4096 };

void dia_conn_answer(struct dia_conn *c, const struct dia_bytes *b, struct str session)
{
    if (dia_conn_send(c, (struct str){(char *)b->p, b->n}, session) == 0)
        c->counts->answers_out++;
    else
        c->counts->dropped++;
}

void dia_origin_set(const struct dia_self *self, const struct dia_grammar *g, void *st,
                    struct str session)
{
    dia_place_set(st, g->places.session_id, session);
    dia_place_set(st, g->places.origin_host, self->host);
    dia_place_set(st, g->places.origin_realm, self->realm);
}

// An answer without the E bit obeys its command's grammar, so its typed struct is written.
int dia_refusal_encode(const struct dia_self *self, const struct dia_command *cmd,
                       struct dia_header *h, struct str session, uint32_t code,
                       struct dia_bytes *ret_bytes)
{
    if (code / 1000 == 3 || !cmd) {
        struct dia_error e = {.result.code = code,
                              .session_id = session,
                              .origin_host = self->host,
                              .origin_realm = self->realm};
        h->flags |= DIA_CMD_E;
        return dia_encode(self->dict, &dia_error_grammar, &e, h, ret_bytes);
    }
    union {
        max_align_t align;
        char bytes[DIA_TYPED_MAX];
    } st;
    memset(&st, 0, cmd->out->size);
    dia_origin_set(self, cmd->out, &st, session);
    dia_result_set(cmd->out, &st, (struct dia_result){code, false});
    return dia_encode(self->dict, cmd->out, &st, h, ret_bytes);
}

static const struct dia_command *known_command(const struct dia_self *n, const struct dia_frame *f)
{
    if (f->code == DIA_CER || f->code == DIA_DWR || f->code == DIA_DPR)
        return dia_command_find(&dia_base, f->code);
    for (size_t i = 0; i < n->n_apps; i++)
        if (n->apps[i]->app == f->app)
            return dia_command_find(n->apps[i], f->code);
    return NULL;
}

void dia_conn_send_error(struct dia_conn *c, const struct dia_frame *f, uint32_t code,
                         const struct dia_fault *fault)
{
    const struct dia_self *n = &c->layer->self;
    struct dia_header h = {.flags = f->flags & DIA_CMD_P,
                           .code = f->code,
                           .app = f->app,
                           .hbh = f->hbh,
                           .ete = f->ete};
    struct arena a;
    char first[256];
    struct dia_bytes b;
    if (dia_refusal_encode(n, known_command(n, f), &h, f->session_id, code, &b) != 0)
        return;
    arena_init(&a, first, sizeof first);
    struct str proxy = f->proxied ? dia_frame_copy(f, PROXY_INFO, &a) : STR_NONE;
    if (fault && fault->limit && proxy.n > PROXY_KEPT) // it may be what there is too much of
        proxy = STR_NONE;
    if (dia_bytes_append(&b, proxy) == 0 && (!fault || dia_bytes_fail(&b, fault->avp) == 0)) {
        c->counts->errors_out++;
        dia_conn_answer(c, &b, f->session_id);
    }
    if (log_enabled(LOG_DEBUG)) {
        struct str name = dia_conn_name(c);
        log_text(LOG_DEBUG, "diameter request %u of %.*s refused with %u: %s", f->code,
                 STR_ARG(name), code, fault && fault->why ? fault->why : "");
    }
    arena_done(&a);
    dia_bytes_free(&b);
}
