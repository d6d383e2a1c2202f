// SPDX-License-Identifier: Apache-2.0
// What the 200 (OK) to a REGISTER leaves behind (TS 24.229 5.2.2.1).
#include "base/err.h"
#include "base/log.h"
#include "pcscf/pcscf_priv.h"
#include "pcscf/register.h"
#include "sip/uri.h"

enum {
    CONTACTS_MAX = 32,  // of one REGISTER; registrars take no more (RFC 3261 10.3 leaves it to them)
    CHARGING_MAX = 512, // bytes of P-Charging-Function-Addresses
    IOI_MAX = 255,
};

struct stored {
    struct identity *impus;
    size_t n_impus;
    struct str home, impi, route, charging, term_ioi;
    const struct sip_msg *ok;
};

static struct identity copied(struct arena *a, struct identity id)
{
    return (struct identity){arena_dup(a, id.uri), id.display.n ? arena_dup(a, id.display) : STR_NONE};
}

// Who names no private identity has no registration that is certainly his own: one of his network at that address that
// has the very identity is taken for it, none whose pattern happens to cover it.
static const struct contact *known_of(const struct pjob *pj, const struct stored *s, struct str to)
{
    const struct registry *r = pj->pcscf->registry;
    const struct association *as = association_find(registry_associations(r), &pj->ue.remote, pj->ue.user);
    const struct contact *g = registry_find_at(r, &pj->ue.remote, as, to);
    struct identity id;
    bool covered = false;
    if (!g || !str_eq(contact_home(g), s->home) || (!as && (!contact_has_identity(g, to, &id, &covered) || covered)))
        return NULL;
    return g;
}

// Of an answer without any: those known of this UE with this identity, else the identity alone.
static int take_known(const struct pjob *pj, struct arena *a, struct stored *s)
{
    struct str to = sip_msg_to(pj->req)->uri.text;
    const struct contact *known = known_of(pj, s, to);
    size_t n = 0;
    while (known && contact_impu(known, n).n)
        n++;
    s->impus = arena_alloc(a, (n ? n : 1) * sizeof *s->impus);
    if (!s->impus)
        return ERR_NOMEM;
    for (size_t i = 0; i < n; i++)
        s->impus[i] = copied(a, contact_identity(known, i));
    if (!n)
        s->impus[n++] = (struct identity){to, STR_NONE};
    s->n_impus = n;
    return 0;
}

static void note_left_out(const struct pjob *pj, size_t n, const char *cause)
{
    if (!n)
        return;
    pj->pcscf->counters.identities_refused += n;
    LOG(LOG_WARN, "identities of P-Associated-URI left out", LF("call_id", sip_msg_call_id(pj->req)),
        LF("identity", sip_msg_to(pj->req)->uri.text), LF_NUM("left_out", n), LF_Z("cause", cause));
}

static int take_identities(const struct pjob *pj, const struct sip_edits *edits, struct stored *s)
{
    size_t more;
    int e = identities_read(edits, pj->pcscf->config->max_identities, &s->impus, &s->n_impus, &more);
    if (!e && !s->n_impus)
        e = take_known(pj, edits->arena, s);
    if (!e)
        note_left_out(pj, more, "more than limits.identities");
    return e;
}

// Contacts are known by the default one.
static struct str default_of(const struct stored *s, struct arena *a)
{
    for (size_t i = 0; i < s->n_impus; i++)
        if (!identity_is_pattern(a, s->impus[i].uri))
            return s->impus[i].uri;
    return STR_NONE;
}

// Of the same network alone does the S-CSCF say where charging data go (TS 24.229 4.5.5). A value of several lines
// is none to be kept for later messages.
static struct str charging_of(const struct sip_msg *msg)
{
    struct str raw = sip_msg_raw(msg, SIP_H_P_CHARGING_FUNCTION_ADDRESSES);
    bool odd = raw.n > CHARGING_MAX || str_chr(raw, '\r') >= 0 || str_chr(raw, '\n') >= 0 ||
               !sip_msg_at(msg, SIP_H_P_CHARGING_FUNCTION_ADDRESSES, 0);
    return odd ? STR_NONE : raw;
}

static struct str term_ioi_of(const struct sip_msg *msg)
{
    const struct sip_charging_vector *v = sip_msg_at(msg, SIP_H_P_CHARGING_VECTOR, 0);
    return v && v->term_ioi.n <= IOI_MAX ? v->term_ioi : STR_NONE;
}

static struct str joined(struct arena *a, const struct sip_msg *msg, enum sip_hid id)
{
    struct arena_buf all = arena_buf_init(a);
    struct sip_iter it = sip_iter_init(msg, id);
    for (const struct sip_addr *v; (v = sip_iter_next(&it));)
        arena_buf_item(&all, STR(", "), v->text);
    return arena_buf_done(&all);
}

// Seconds that the registrar granted to a contact, 0 when it is not among the bindings any more.
static int64_t granted(const struct sip_msg *msg, const struct sip_uri *contact)
{
    struct sip_iter it = sip_iter_init(msg, SIP_H_CONTACT);
    for (const struct sip_contact *c; (c = sip_iter_next(&it));) {
        if (c->star || !sip_uri_eq(&c->addr.uri, contact))
            continue;
        int64_t expires = c->expires >= 0 ? c->expires : sip_msg_expires(msg);
        return expires >= 0 ? expires : 0;
    }
    return 0;
}

// TS 24.229 F.2: the UE names another address than the one it came from, in Via or as its Contact.
static bool is_behind_nat(const struct pjob *pj, const struct sip_uri *contact)
{
    const struct sip_via *via = sip_msg_via(pj->req);
    struct addr said;
    return !via || addr_parse(via->host, 0, &said) || !addr_eq_ip(&said, &pj->ue.remote) ||
           addr_parse(contact->host, 0, &said) || !addr_eq_ip(&said, &pj->ue.remote);
}

static void store_contact(struct pjob *pj, const struct stored *s, const struct sip_contact *c, uint64_t expires_s)
{
    struct pcscf *pc = pj->pcscf;
    struct contact_params rp = {.flow = &pj->ue,
                            .impi = s->impi,
                            .contact = c->addr.uri.text,
                            .identities = s->impus,
                            .n_identities = s->n_impus,
                            .max_patterns = pc->config->max_patterns,
                            .home = s->home,
                            .service_route = s->route,
                            .charging_addresses = s->charging,
                            .term_ioi = s->term_ioi,
                            .expires_ms = expires_s * 1000,
                            .nat = !pc->config->by_address || is_behind_nat(pj, &c->addr.uri),
                            .outbound = c->reg_id && sip_msg_has_token(s->ok, SIP_H_REQUIRE, STR("outbound"))};
    size_t refused;
    int e = registry_set(pc->registry, &rp, &refused);
    if (e) {
        LOG(LOG_ERROR, "registration not stored", LF("call_id", sip_msg_call_id(pj->req)),
            LF("identity", s->impus[0].uri), LF_Z("cause", err_text(e)));
        return;
    }
    pc->counters.registered++;
    note_left_out(pj, refused,
                  "too long, a pattern that nothing can be compared with, or more than limits.identity_patterns");
}

// Is the contact among the bindings that the registrar lists?
static bool is_listed(void *ok, const struct contact *g)
{
    char room[512];
    struct arena a;
    struct sip_uri u;
    arena_init(&a, room, sizeof room);
    bool listed = sip_uri_parse(&a, contact_uri(g), &u) == 0 && granted(ok, &u) > 0;
    arena_done(&a);
    return listed;
}

static bool asked_to_end(const struct sip_msg *req, const struct sip_msg *ok)
{
    struct sip_iter it = sip_iter_init(req, SIP_H_CONTACT);
    for (const struct sip_contact *c; (c = sip_iter_next(&it)) && it.done <= CONTACTS_MAX;)
        if (c->star || !granted(ok, &c->addr.uri))
            return true;
    return false;
}

// RFC 3261 10.3 step 8: the answer lists every binding that there is. What it does not list any more has ended, from
// wherever it was registered: a phone that has moved does not leave its old address behind as one that may speak as
// the user (TS 24.229 5.2.5.1, 5.2.5.2).
static void forget_unlisted(struct pjob *pj, const struct stored *s)
{
    struct pcscf *pc = pj->pcscf;
    if (sip_iter_init(s->ok, SIP_H_CONTACT).err == ERR_BAD)
        return; // what it lists cannot be told
    size_t gone = registry_keep(pc->registry, s->home, default_of(s, pj->arena), is_listed, (void *)(uintptr_t)s->ok);
    *(asked_to_end(pj->req, s->ok) ? &pc->counters.deregistered : &pc->counters.moved) += gone;
}

static void store(struct pjob *pj, const struct sip_msg *ok, const struct sip_edits *edits)
{
    struct stored s = {.ok = ok,
                       .home = numbering_domain_of(&pj->pcscf->plan, sip_msg_uri(pj->req)->host),
                       .impi = pcscf_impi(edits->arena, pj->req),
                       .route = joined(edits->arena, ok, SIP_H_SERVICE_ROUTE),
                       .charging = charging_of(ok),
                       .term_ioi = term_ioi_of(ok)};
    if (take_identities(pj, edits, &s) || edits->arena->failed) {
        LOG(LOG_ERROR, "registration not stored", LF("call_id", sip_msg_call_id(pj->req)),
            LF_Z("cause", "out of memory"));
        return;
    }
    struct sip_iter it = sip_iter_init(pj->req, SIP_H_CONTACT);
    for (const struct sip_contact *c; (c = sip_iter_next(&it)) && it.done <= CONTACTS_MAX;) {
        int64_t expires = c->star ? 0 : granted(ok, &c->addr.uri);
        if (expires)
            store_contact(pj, &s, c, (uint64_t)expires);
    }
    forget_unlisted(pj, &s);
}

// ---- on the disk ----

// Sooner than the UE sends its REGISTER again for the last time (Timer F of TS 24.229 table 7.7.1), and longer than a
// disk takes that is of use.
enum { DISK_WAIT_MS = 4000, DISK_RETRY_S = 10 };

// What was asked of the disk fails, or comes too late. What the 200 (OK) says counts here, as the home network has
// granted it, and gets to the disk when that is well again; but the UE is not told what a crash could take back. It
// tries again, here or elsewhere (TS 24.229 5.1.1.2.1).
static enum step_verdict unsaved(struct job *j, const char *cause)
{
    pjob_of(j)->pcscf->counters.unsaved++;
    enum step_verdict v = job_fail(j, 503, cause);
    j->reject.retry_after = DISK_RETRY_S;
    return v;
}

static enum step_verdict too_late(struct job *j)
{
    return unsaved(j, "the registration is not on the disk in time");
}

static enum step_verdict wait_for_disk(struct job *j)
{
    return pjob_of(j)->writing ? job_wait(j, DISK_WAIT_MS) : STEP_CONTINUE;
}

static enum step_verdict answer(struct job *j)
{
    const struct pjob *pj = pjob_of(j);
    if (pj->write_err == ERR_FULL)
        return unsaved(j, "the registration cannot be kept: the disk is full");
    if (pj->write_err)
        return unsaved(j, "the registration cannot be kept: the disk fails");
    (void)pxy_send_held(job_pxy(j)); // who asked has gone by now, which is normal
    return STEP_DONE;
}

static const struct step steps[] = {
    {"wait-for-disk", wait_for_disk, "RFC 3261 10.3", .late = too_late},
    {"answer", answer, "RFC 3261 10.3"},
};
static const struct procedure on_disk = {"register-on-disk", steps, ARRAY_LEN(steps)};

static void on_written(void *pcscf, uint64_t who, int err)
{
    const struct pcscf *pc = pcscf;
    struct job *j = pxy_job(pc->stack, who);
    if (!j)
        return;
    pjob_of(j)->write_err = err;
    pjob_of(j)->writing = false;
    job_resume(j);
}

enum pxy_verdict register_store(struct pjob *pj, const struct sip_msg *ok, const struct sip_edits *edits)
{
    struct pcscf *pc = pj->pcscf;
    uint64_t mark = keep_mark(pc->keep);
    store(pj, ok, edits);
    if (!pc->config->state.durable)
        return PXY_PASS;
    int e = keep_wait_since(pc->keep, mark, on_written, pc, pxy_get_id(job_pxy(&pj->job)));
    if (e == KEEP_NOW)
        return PXY_PASS;
    pj->writing = e == 0;
    pj->write_err = e;
    job_start(&pj->job, &on_disk);
    return PXY_HELD;
}
