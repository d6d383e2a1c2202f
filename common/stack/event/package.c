// SPDX-License-Identifier: Apache-2.0
// The packages that are known here, and what the parts of the core read in messages alike.
#include "base/err.h"
#include "base/hash.h"
#include "stack/event/event_priv.h"

static bool is_served(const struct event_package *p)
{
    return p->identify && p->full;
}

static int allow(struct event *e, struct str name)
{
    struct str old = e->allowed;
    size_t n = old.n ? old.n + 2 + name.n : name.n;
    char *text = mem_alloc(n);
    if (!text)
        return ERR_NOMEM;
    struct writer w = writer_init(text, n);
    writer_str(&w, old);
    if (old.n)
        writer_lit(&w, ", ");
    writer_str(&w, name);
    mem_free((void *)old.p);
    e->allowed = writer_done(&w);
    return 0;
}

int event_add_package(struct event *e, const struct event_package *p)
{
    bool good = p->name.n && p->n_types && p->n_types < 256 && p->default_s &&
                p->max_s >= p->min_s && p->max_s && p->max_s <= EVENT_EXPIRES_MAX_S &&
                (is_served(p) || p->parse);
    if (!good)
        return ERR_INVAL;
    if (event_package_find(e, p->name))
        return ERR_EXISTS;
    if (e->n_packages == EVENT_PACKAGES)
        return ERR_FULL;
    int err = is_served(p) ? allow(e, p->name) : 0;
    if (!err)
        e->packages[e->n_packages++] = p;
    return err;
}

// RFC 6665 8.2.1: names of packages are compared byte by byte.
const struct event_package *event_package_find(const struct event *e, struct str name)
{
    for (size_t i = 0; i < e->n_packages; i++)
        if (str_eq(e->packages[i]->name, name))
            return e->packages[i];
    return NULL;
}

const struct event_package *event_package_served(const struct event *e, struct str name)
{
    const struct event_package *p = event_package_find(e, name);
    return p && is_served(p) ? p : NULL;
}

struct str event_allowed(const struct event *e)
{
    return e->allowed;
}

// ---- messages ----

uint64_t event_key(struct str call_id, struct str local_tag)
{
    return hash_bytes(call_id.p, call_id.n) * 31 + hash_bytes(local_tag.p, local_tag.n);
}

struct str event_id_param(const struct sip_token *event)
{
    return sip_param_get(event->params, STR("id"), NULL);
}

uint32_t event_retry_after(const struct sip_msg *m)
{
    const struct sip_delta *d = m ? sip_msg_at(m, SIP_H_RETRY_AFTER, 0) : NULL;
    if (!d)
        return 0;
    return d->value < EVENT_AGAIN_MAX_S ? d->value : EVENT_AGAIN_MAX_S;
}

bool event_ends_usage(unsigned status)
{
    switch (status) {
    case 404:
    case 405:
    case 410:
    case 416:
    case 489:
    case 501:
    case 604:
        return true;
    default:
        return status >= 480 && status <= 485;
    }
}

// dialog_request has put its first route there.
struct str event_next_hop(const struct dialog *d, struct str uri)
{
    struct dialog_info i;
    dialog_get_info(d, &i);
    return str_eq(uri, i.target) ? STR_NONE : uri;
}

size_t event_target_bytes(const struct sip_msg *m)
{
    const struct sip_contact *c = sip_msg_at(m, SIP_H_CONTACT, 0);
    return c ? c->addr.uri.text.n : 0;
}

size_t event_dialog_bytes(const struct sip_msg *m)
{
    const struct sip_addr *from = sip_msg_from(m), *to = sip_msg_to(m);
    size_t n = sip_msg_call_id(m).n + event_target_bytes(m);
    n += (from ? from->text.n + from->tag.n : 0) + (to ? to->text.n + to->tag.n : 0);
    struct sip_iter it = sip_iter_init(m, SIP_H_RECORD_ROUTE);
    for (const struct sip_addr *a; (a = sip_iter_next(&it));)
        n += a->text.n;
    return n;
}
