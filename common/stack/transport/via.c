// SPDX-License-Identifier: Apache-2.0
// The top Via of a received request: received and rport (RFC 3261 18.2.1, RFC 3581 4), and the way
// back (RFC 3261 18.2.2).
#include "base/err.h"
#include "base/writer.h"
#include "stack/transport/transport_priv.h"

void via_reply_addr(const struct sip_msg *m, const struct addr *src, bool reliable,
                    struct addr *ret_addr)
{
    const struct sip_via *v = sip_msg_via(m);
    *ret_addr = *src;
    if (!v)
        return;
    uint16_t port = v->port ? v->port : 5060;
    if (!reliable && v->maddr.n && addr_parse(v->maddr, port, ret_addr) == 0)
        return;
    if (reliable || !v->has_rport)
        addr_set_port(ret_addr, port);
}

static bool is_source(const struct sip_via *v, const struct addr *src)
{
    struct addr host;
    return addr_parse(v->host, 0, &host) == 0 && addr_eq_ip(&host, src);
}

// RFC 6223 4.3: the parameter without a value asks whether keep-alives are answered.
static bool wants_keep(const struct sip_param *p)
{
    return !p->value.p && str_ieq(p->name, STR("keep"));
}

static bool asks_for_keep(const struct transport *t, const struct sip_via *v)
{
    bool there;
    struct str value = sip_param_get(v->params, STR("keep"), &there);
    return t->keep_s && there && !value.p;
}

// "SIP/2.0/UDP host:port" and all parameters but received and rport, then ours.
static struct str filled_text(const struct transport *t, struct arena *a, const struct sip_via *v,
                              const struct addr *src)
{
    char ip[ADDR_TEXT_MAX];
    size_t cap = v->text.n + 2 * ADDR_TEXT_MAX;
    struct writer w = writer_init(arena_alloc(a, cap), cap);
    if (!w.p)
        return STR_NONE;
    struct str rest = v->text;
    writer_str(&w, str_trim(str_split(&rest, ';')));
    for (const struct sip_param *p = v->params; p; p = p->next) {
        if (str_ieq(p->name, STR("received")) || str_ieq(p->name, STR("rport")))
            continue;
        writer_chr(&w, ';');
        writer_str(&w, p->name);
        if (t->keep_s && wants_keep(p)) {
            writer_chr(&w, '=');
            writer_u64(&w, t->keep_s);
        }
        if (p->value.p) {
            writer_chr(&w, '=');
            writer_str(&w, p->value);
        }
    }
    if (v->has_rport) {
        writer_lit(&w, ";rport=");
        writer_u64(&w, addr_port(src));
    }
    writer_lit(&w, ";received=");
    writer_str(&w, addr_ip_text(src, ip));
    return w.failed ? STR_NONE : writer_done(&w);
}

int via_fill(struct transport *t, struct sip_msg *m, const struct addr *src, struct sip_msg **ret_msg)
{
    const struct sip_via *v = sip_msg_via(m);
    if (!v || (!v->has_rport && !v->received.p && is_source(v, src) && !asks_for_keep(t, v))) {
        *ret_msg = sip_msg_ref(m);
        return 0;
    }
    struct sip_edits e;
    struct sip_parse_error perr;
    struct str text = filled_text(t, sip_msg_arena(m), v, src);
    if (!text.p)
        return ERR_NOMEM;
    sip_edits_init(&e, sip_msg_arena(m), m);
    sip_edit_replace_at(&e, SIP_H_VIA, 0, text);
    struct writer w = scratch_of(t);
    int err = sip_msg_write(m, &e, &w);
    if (err)
        return err;
    *ret_msg = NULL;
    err = sip_msg_parse(writer_done(&w), ret_msg, &perr);
    if (err == ERR_BAD && *ret_msg)
        return 0; // a bad one that can still be answered, as before
    return err;
}
