// SPDX-License-Identifier: Apache-2.0
// Cx towards the HSS, and what its results mean for the SIP request that waits.
#include "base/err.h"
#include "base/log.h"
#include "base/mem.h"
#include "scscf/restoration.h"
#include "scscf/scscf_priv.h"

// An HSS that cannot be asked is never the user's fault: 504 (Server Time-out), or 503 with
// Retry-After when it has too much to do (RFC 3261 21.5.4).
enum { BUSY_RETRY_S = 5 };
static const struct {
    struct dia_result result;
    unsigned status;
    uint32_t retry_after;
} verdicts[] = {
    {{CX_ERROR_USER_UNKNOWN, true}, 403, 0},
    {{CX_ERROR_IDENTITIES_DONT_MATCH, true}, 403, 0},
    {{CX_ERROR_IDENTITY_NOT_REGISTERED, true}, 403, 0},
    {{CX_ERROR_ROAMING_NOT_ALLOWED, true}, 403, 0},
    {{CX_ERROR_IDENTITY_ALREADY_REGISTERED, true}, 403, 0},
    {{CX_ERROR_AUTH_SCHEME_NOT_SUPPORTED, true}, 403, 0},
    {{CX_ERROR_IN_ASSIGNMENT_TYPE, true}, 403, 0},
    {{DIA_AUTHORIZATION_REJECTED, false}, 403, 0},
    {{DIA_UNABLE_TO_DELIVER, false}, 504, 0},
    {{DIA_TOO_BUSY, false}, 503, BUSY_RETRY_S},
    {{DIA_UNABLE_TO_COMPLY, false}, 500, 0},
};

static struct reject no_answer(int err)
{
    switch (err) {
    case ERR_TIMEOUT:
        return (struct reject){.status = 504, .cause = "HSS did not answer in time"};
    case ERR_REFUSED:
        return (struct reject){.status = 504, .cause = "no connection to the HSS"};
    case ERR_FULL:
        return (struct reject){
            .status = 503, .cause = "the HSS has too much to do", .retry_after = BUSY_RETRY_S};
    case ERR_BAD:
        return (struct reject){.status = 500, .cause = "answer of the HSS breaks the grammar"};
    default:
        return (struct reject){.status = 500, .cause = err_text(err)};
    }
}

struct reject cx_verdict(int err, struct dia_result r)
{
    if (err)
        return no_answer(err);
    if ((r.code >= 2000 && r.code < 3000))
        return (struct reject){0};
    for (size_t i = 0; i < ARRAY_LEN(verdicts); i++)
        if (verdicts[i].result.code == r.code && verdicts[i].result.experimental == r.experimental)
            return (struct reject){.status = verdicts[i].status,
                                   .cause = dia_result_name(r),
                                   .retry_after = verdicts[i].retry_after};
    // Protocol errors are of the way to the HSS: a realm that is not served, a redirection to a host that is no
    // peer (RFC 6733 7.1.3).
    bool way = !r.experimental && r.code / 1000 == 3;
    return (struct reject){.status = way ? 504 : 500, .cause = dia_result_name(r), .code = dia_result_unknown(r)};
}

enum step_verdict scscf_unasked(struct job *j, int err)
{
    scscf_count(j->nf, SC_HSS_FAILURES);
    j->reject = cx_verdict(err, (struct dia_result){0});
    return STEP_REJECT;
}

enum step_verdict scscf_wait(struct job *j)
{
    return job_wait(j, node_dia_wait_ms(&((const struct scscf *)j->nf)->cfg->diameter));
}

enum step_verdict scscf_late(struct job *j)
{
    return scscf_unasked(j, ERR_TIMEOUT);
}

// ---- requests ----

// A request that is out: whose callback it is, and whom it is about.
struct asked {
    struct list link;
    union {
        cx_maa_cb maa;
        cx_saa_cb saa;
        cx_absent_cb absent; // of UNREGISTERED_USER
    } cb;
    cx_arg arg;
    enum cx_sar_type type;
    bool is_sar, ended;    // its answer is here
    bool doubtful;         // an earlier registration of the same had no answer
    bool holds,            // the outbox holds back what it has of the private identity,
        holds_nameless;    // and what it has without one
    bool told;             // the HSS has been told that it came to nothing
    uint64_t mark;         // what the outbox held before it
    struct str call_id, impi, impu, key; // behind the struct
};

static struct str put(char **at, struct str s)
{
    struct str out = {*at, s.n};
    if (s.n)
        memcpy(*at, s.p, s.n);
    *at += s.n;
    return out;
}

static struct asked *asked_new(struct scscf *s, struct str call_id, struct str impi, const struct served *who,
                               cx_arg arg)
{
    struct asked *q = mem_zalloc(sizeof *q + call_id.n + impi.n + who->impu.n + who->key.n);
    if (!q)
        return NULL;
    char *at = (char *)(q + 1);
    q->call_id = put(&at, call_id);
    q->impi = put(&at, impi);
    q->impu = put(&at, who->impu);
    q->key = put(&at, who->key);
    q->arg = arg;
    list_add(&s->asked, &q->link);
    return q;
}

static void asked_free(struct asked *q)
{
    list_del(&q->link);
    mem_free(q);
}

// TS 29.229 5.5: the HSS that answered for a public identity before, where others chose it; as long as it
// can be reached.
static struct str hss_of(const struct scscf *s, struct str impu)
{
    struct str learnt = hss_hosts_find(s->hosts, impu);
    bool there = learnt.n && dia_reaches(s->dia, learnt, s->cfg->diameter.realm);
    return there ? learnt : s->cfg->diameter.hss;
}

static struct cx_head head(const struct scscf *s, struct str call_id, struct str impu)
{
    return (struct cx_head){.dest_host = hss_of(s, impu),
                            .dest_realm = s->cfg->diameter.realm,
                            .correlation = call_id};
}

// What was learnt is of use as long as it answers and knows the user.
static void note_host(struct scscf *s, struct str impu, int err, struct dia_result r, struct str host)
{
    bool good = !err && r.code / 1000 == 2;
    bool gone = err || (!r.experimental && r.code / 1000 == 3) ||
                (r.experimental && r.code == CX_ERROR_USER_UNKNOWN);
    if (gone)
        hss_hosts_forget(s->hosts, impu);
    else if (good && host.n && dia_has_agents(s->dia) && !str_ieq(host, s->cfg->diameter.hss))
        hss_hosts_learn(s->hosts, impu, host);
}

static void on_vector(void *nf, cx_arg arg, int err, const struct cx_maa *a)
{
    struct scscf *s = nf;
    struct asked *q = (struct asked *)(uintptr_t)arg;
    note_host(s, q->impu, err, a ? a->result : (struct dia_result){0}, a ? a->head.origin_host : STR_NONE);
    q->cb.maa(s, q->arg, err, a);
    asked_free(q);
}

int cx_ask_vector(struct scscf *s, const struct job *j, struct str impi, struct str impu,
                  const struct cx_auth_item *item, cx_maa_cb cb)
{
    struct cx_mar r = {.head = head(s, sip_msg_call_id(job_request(j)), impu),
                       .impi = impi,
                       .impu = impu,
                       .server_name = s->cfg->name,
                       .n_items = 1,
                       .item = *item};
    struct asked *q = asked_new(s, r.head.correlation, impi, &(struct served){impu, STR_NONE}, j->id);
    if (!q)
        return ERR_NOMEM;
    q->cb.maa = cb;
    int err = cx_send_mar(s->dia, &r, s->cfg->diameter.timeout_ms, on_vector, s, (uintptr_t)q);
    if (err)
        asked_free(q);
    return err;
}

static bool registers(enum cx_sar_type t)
{
    return t == CX_REGISTRATION || t == CX_RE_REGISTRATION;
}

struct registered {
    const struct scscf *s;
    const struct registration *reg;
    struct str impu;
};

static bool is_registered_with(void *arg, const struct outbox_note *n)
{
    const struct registered *r = arg;
    char room[512];
    struct arena a;
    arena_init(&a, room, sizeof room);
    struct str canon = impu_canon_text(&a, &r->s->plan, n->impu); // a note has it as the HSS wrote it
    bool with = canon.n && str_eq(canon, r->impu);
    if (canon.n && !with && r->reg)
        with = n->by_pattern ? registration_serves(r->reg, canon) : registration_has(r->reg, canon);
    arena_done(&a);
    return with;
}

// The next registration of the identity to which the private one has bound a contact; *it starts at
// 0.
static const struct registration *next_bound(const struct scscf *s, const struct asked *q,
                                             size_t *it)
{
    const struct registration *reg;
    while ((reg = registrar_next_with(s->registrar, q->impu, it, NULL)) &&
           !registration_count_of(reg, q->impi))
        ;
    return reg;
}

// What was to be told of the user before this registration is no longer true. The registration is in the
// registrar by now, so its whole set is known.
static void settle_outbox(struct scscf *s, const struct asked *q, bool taken)
{
    size_t it = 0;
    struct registered r = {s, next_bound(s, q, &it), q->impu};
    if (taken)
        outbox_supersede(s->outbox, q->impi, q->mark, is_registered_with, &r);
    if (q->holds)
        outbox_release(s->outbox, q->impi);
    if (q->holds_nameless)
        outbox_release_nameless(s->outbox);
}

// ---- registrations that came to nothing ----

// Without a private identity the HSS finds the public one in any of its readings.
bool cx_is_bound(const struct scscf *s, const struct outbox_note *note)
{
    char room[2048];
    struct arena a;
    struct sip_uri uri;
    arena_init(&a, room, sizeof room);
    struct str forms[IMPU_READINGS_MAX] = {impu_canon_text(&a, &s->plan, note->impu)};
    size_t n = 1;
    if (!note->impi.n && forms[0].n && sip_uri_parse(&a, forms[0], &uri) == 0)
        impu_readings(&a, &s->plan, &uri, forms, &n);
    bool bound = false;
    for (size_t i = 0; !bound && i < n; i++)
        bound = forms[i].n &&
                registrar_is_bound(s->registrar, note->impi, forms[i], note->by_pattern);
    arena_done(&a);
    return bound;
}

static struct asked *same_on_its_way(const struct scscf *s, const struct asked *q)
{
    LIST_EACH(&s->asked, it) {
        struct asked *o = LIST_ENTRY(it, struct asked, link);
        bool same_kind = q->type == CX_UNREGISTERED_USER ? o->type == q->type : registers(o->type);
        if (o != q && o->is_sar && same_kind && str_eq(o->impi, q->impi) &&
            str_eq(o->impu, q->impu))
            return o;
    }
    return NULL;
}

// The HSS has the user registered, or may have, since its answer did not come, and nothing is bound here: nobody would
// ever end that (TS 29.228 6.1.2.1). While the same is asked for once more, its end shows. Of a re-registration the
// contact was bound, and its end is told when it goes.
static void end_what_is_not_bound(struct scscf *s, const struct asked *q, bool maybe)
{
    struct outbox_note n = {CX_ADMINISTRATIVE_DEREGISTRATION, STR_NONE, q->impi, q->impu, false};
    if (q->type != CX_REGISTRATION || (!maybe && !q->doubtful) || q->told || cx_is_bound(s, &n))
        return;
    struct asked *other = same_on_its_way(s, q);
    if (other)
        other->doubtful = true;
    else
        cx_tell(s, &n);
}

// Who is registered is not kept as one who is not.
static void forget_unregistered(struct scscf *s, const struct asked *q)
{
    size_t it = 0;
    for (const struct registration *reg;
         unregistered_count(s->unregistered) && (reg = next_bound(s, q, &it));)
        unregistered_drop(s->unregistered, reg);
}

// No answer, or an answer that cannot be read: the HSS may have this S-CSCF's name for the user
// now. While the same is asked for once more, its end shows; a refusal for good says that it has
// not.
static void tell_absent(struct scscf *s, struct asked *q, int err, const struct cx_saa *a)
{
    struct asked *other = same_on_its_way(s, q);
    bool unsure =
        err == ERR_TIMEOUT || err == ERR_BAD || (q->doubtful && (err || !a->result.experimental));
    struct served who = {q->impu, q->key};
    if (unsure && other)
        other->doubtful = true;
    q->cb.absent(s, q->arg, &who, err, a, unsure && !other);
}

// Types that may be answered with what is kept of the registration (TS 29.228 table 6.1.2.2).
static bool restores(enum cx_sar_type t)
{
    return registers(t) || t == CX_UNREGISTERED_USER || t == CX_NO_ASSIGNMENT;
}

// Who takes a registered user for one who is not, or for new, is told so, and gets what is kept (TS 29.228 6.1.2.1).
static void take_restoration(struct scscf *s, const struct asked *q, const struct cx_saa *a)
{
    struct dia_result r = a->result;
    bool wrong_type = r.experimental && r.code == CX_ERROR_IN_ASSIGNMENT_TYPE;
    const struct restoration_asked about = {q->call_id, q->impi, q->impu};
    if (!restores(q->type))
        return;
    if (r.code / 1000 == 2 || r.experimental) // what is not of Cx may come from a node on the way
        restoration_note_features(s, &a->head);
    if (r.code / 1000 == 2 || wrong_type)
        (void)restoration_take(s, &about, a);
}

static void on_assigned(void *nf, cx_arg arg, int err, const struct cx_saa *a)
{
    struct scscf *s = nf;
    struct asked *q = (struct asked *)(uintptr_t)arg;
    struct dia_result result = a ? a->result : (struct dia_result){0};
    bool taken = !err && result.code / 1000 == 2;
    note_host(s, q->impu, err, result, a ? a->head.origin_host : STR_NONE);
    if (!err && a)
        take_restoration(s, q, a);
    if (q->type == CX_UNREGISTERED_USER)
        tell_absent(s, q, err, a);
    else
        q->cb.saa(s, q->arg, err, a);
    q->ended = true;
    if (registers(q->type)) {
        if (taken)
            forget_unregistered(s, q);
        settle_outbox(s, q, taken);
        end_what_is_not_bound(s, q, err || taken);
    }
    asked_free(q);
}

// Whose set a note without a private identity may be of shows by the answer to a REGISTRATION only; of whom is
// re-registered it is here.
static int assign(struct scscf *s, const struct assignment *as, struct asked *q)
{
    static const struct cx_feature feature = {.vendor = DIA_VENDOR_3GPP, .list_id = 1, .list = CX_IMS_RESTORATION};
    struct cx_sar r = {.head = head(s, as->call_id, as->impu),
                       .impi = as->impi,
                       .impus = &as->impu,
                       .n_impus = 1,
                       .wildcard = as->key,
                       .server_name = s->cfg->name,
                       .type = as->type,
                       .user_data_already_available = as->have_profile,
                       .restoration = as->restoration,
                       .multiple_registration = as->multiple};
    if (s->cfg->restoration.on && restores(as->type)) { // TS 29.229 7.2.1
        r.head.features = &feature;
        r.head.n_features = 1;
    }
    q->type = as->type;
    q->is_sar = true;
    q->mark = outbox_mark(s->outbox);
    int err = cx_send_sar(s->dia, &r, s->cfg->diameter.timeout_ms, on_assigned, s, (uintptr_t)q);
    if (err) {
        asked_free(q);
    } else if (registers(as->type)) {
        q->holds = outbox_hold(s->outbox, as->impi);
        q->holds_nameless = as->type == CX_REGISTRATION;
        if (q->holds_nameless)
            outbox_hold_nameless(s->outbox);
    }
    return err;
}

int cx_assign(struct scscf *s, const struct assignment *as, cx_saa_cb cb, cx_arg arg)
{
    struct asked *q = asked_new(s, as->call_id, as->impi, &(struct served){as->impu, as->key}, arg);
    if (!q)
        return ERR_NOMEM;
    q->cb.saa = cb;
    return assign(s, as, q);
}

int cx_ask_absent(struct scscf *s, struct str call_id, const struct served *who, cx_absent_cb cb,
                  cx_arg job)
{
    struct assignment as = {
        .call_id = call_id, .impu = who->impu, .key = who->key, .type = CX_UNREGISTERED_USER};
    struct asked *q = asked_new(s, call_id, STR_NONE, who, job);
    if (!q)
        return ERR_NOMEM;
    q->cb.absent = cb;
    return assign(s, &as, q);
}

// ---- what is told without anybody waiting ----

static void log_untold(struct scscf *s, const struct outbox_note *n, const char *what, const char *why,
                       uint32_t code)
{
    scscf_count(s, SC_HSS_FAILURES);
    LOG(LOG_WARN, what, LF("call_id", n->call_id), LF("impi", n->impi), LF("impu", n->impu),
        LF_NUM("type", n->type), LF_Z("reason", why), LF_NUM("result", code));
}

// Refusals that another try may not meet: protocol and transient errors (RFC 6733 7.1.3, 7.1.4), and an HSS
// that cannot just now. One that says who is assigned instead of us has said its last word.
static bool may_pass(const struct cx_saa *a)
{
    uint32_t code = a->result.code;
    if (a->result.experimental)
        return code / 1000 == 4;
    return code / 1000 == 3 || code / 1000 == 4 || (code == DIA_UNABLE_TO_COMPLY && !a->server_name.n);
}

static enum outbox_outcome outcome(int err, const struct cx_saa *a)
{
    if (err)
        return OUTBOX_LATER;
    return a->result.code / 1000 == 2 ? OUTBOX_TAKEN : may_pass(a) ? OUTBOX_LATER : OUTBOX_REFUSED;
}

static void on_notified(void *nf, cx_arg arg, int err, const struct cx_saa *a)
{
    struct scscf *s = nf;
    enum outbox_outcome o = outcome(err, a);
    bool fresh = false;
    const struct outbox_note *n = outbox_find(s->outbox, arg, &fresh);
    struct reject r = cx_verdict(err, a ? a->result : (struct dia_result){0});
    if (n && o == OUTBOX_REFUSED)
        log_untold(s, n, "server assignment not taken by the HSS", r.cause, r.code);
    else if (n && o == OUTBOX_LATER && fresh)
        log_untold(s, n, "server assignment not delivered to the HSS, kept for later", r.cause, r.code);
    outbox_answered(s->outbox, arg, o);
}

static int send_note(void *arg, const struct outbox_note *n, uint64_t id)
{
    struct assignment as = {
        .call_id = n->call_id, .impi = n->impi, .impu = n->impu, .type = n->type, .have_profile = true};
    return cx_assign(arg, &as, on_notified, id);
}

static uint32_t note_wait_ms(void *arg)
{
    return node_dia_wait_ms(&((const struct scscf *)arg)->cfg->diameter);
}

static void note_unanswered(void *arg, const struct outbox_note *n)
{
    struct reject r = cx_verdict(ERR_TIMEOUT, (struct dia_result){0});
    log_untold(arg, n, "server assignment not delivered to the HSS, kept for later", r.cause, r.code);
}

static void note_lost(void *arg, const struct outbox_note *n, enum outbox_loss why)
{
    log_untold(arg, n, "server assignment never delivered to the HSS",
               why == OUTBOX_TOO_OLD ? "older than outbox.max_age" : "outbox.size is reached", 0);
}

// A registration of the private identity that is on its way goes first: what the HSS would hear in between might end
// what it is just about to begin.
static unsigned hold_back(struct scscf *s, struct str impi)
{
    unsigned n = 0;
    LIST_EACH(&s->asked, it) {
        struct asked *q = LIST_ENTRY(it, struct asked, link);
        if (!q->is_sar || q->holds || q->ended || !registers(q->type) || !str_eq(q->impi, impi))
            continue;
        q->holds = true;
        n++;
    }
    return n;
}

// The user is registered here again by the time that the HSS could be told that he is not.
static bool is_untrue(void *arg, const struct outbox_note *n)
{
    return n->type != CX_AUTHENTICATION_FAILURE && n->type != CX_AUTHENTICATION_TIMEOUT &&
           cx_is_bound(arg, n);
}

void cx_tell(struct scscf *s, const struct outbox_note *n)
{
    int err = outbox_add(s->outbox, n, n->impi.n ? hold_back(s, n->impi) : 0);
    if (err)
        log_untold(s, n, "server assignment not sent to the HSS", err_text(err), 0);
}

// Of a registration, by a distinct identity.
void cx_notify(struct scscf *s, struct str call_id, struct str impi, struct str impu,
               enum cx_sar_type type)
{
    struct outbox_note n = {type, call_id, impi, impu, false};
    cx_tell(s, &n);
}

struct reject cx_cannot_serve(struct scscf *s, struct str call_id, struct str impi, struct str impu, int err)
{
    bool much = err == ERR_TOOBIG;
    LIST_EACH(&s->asked, it) {
        struct asked *q = LIST_ENTRY(it, struct asked, link);
        q->told = q->told || (q->is_sar && str_eq(q->impi, impi) && str_eq(q->impu, impu));
    }
    cx_notify(s, call_id, impi, impu,
              much ? CX_DEREGISTRATION_TOO_MUCH_DATA : CX_ADMINISTRATIVE_DEREGISTRATION);
    return (struct reject){.status = 480,
                           .cause = much ? "the user profile is more than this S-CSCF takes" :
                                           "the user profile cannot be used by this S-CSCF"};
}

static void on_peer(void *arg, struct str host, bool open)
{
    struct scscf *s = arg;
    node_dia_peer_told(arg, host, open);
    if (open && s->outbox)
        outbox_wake(s->outbox);
}

int cx_start(struct scscf *s, struct dia_params *p)
{
    static const struct outbox_ops ops = {.send = send_note,
                                          .wait_ms = note_wait_ms,
                                          .unanswered = note_unanswered,
                                          .lost = note_lost,
                                          .untrue = is_untrue};
    p->peer_state = on_peer;
    list_init(&s->asked);
    int err = hss_hosts_new(&s->hosts);
    return err ? err : outbox_new(s->loop, &s->cfg->outbox, &ops, s, &s->outbox);
}

void cx_stop(struct scscf *s)
{
    while (!list_empty(&s->asked))
        asked_free(LIST_ENTRY(s->asked.next, struct asked, link));
    outbox_free(s->outbox);
    hss_hosts_free(s->hosts);
}
