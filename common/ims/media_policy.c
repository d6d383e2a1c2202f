// SPDX-License-Identifier: Apache-2.0
#include "ims/media_policy.h"

#include "base/err.h"
#include "base/mem.h"
#include "base/writer.h"
#include "ims/descriptions.h"
#include "sdp/attr.h"
#include "sip/msg.h"

enum { ANSWER_MAX = 4096, ANSWER_MEDIA = 8, ANSWER_FORMATS = 16, DYNAMIC = 96 };

bool media_policy_is_open(const struct media_policy *p)
{
    return !p->types.n && !p->codecs.n && !p->bandwidth;
}

static bool has(const struct media_names *names, struct str s, bool (*same)(struct str, struct str))
{
    for (size_t i = 0; i < names->n; i++)
        if (same(names->v[i], s))
            return true;
    return names->n == 0;
}

static bool same(struct str a, struct str b)
{
    return str_eq(a, b);
}

static bool type_allowed(const struct media_policies *p, struct str type)
{
    for (size_t i = 0; i < p->n; i++)
        if (!has(&p->of[i]->types, type, same))
            return false;
    return true;
}

static bool codec_allowed(const struct media_policies *p, struct str codec)
{
    for (size_t i = 0; i < p->n; i++)
        if (!has(&p->of[i]->codecs, codec, str_ieq))
            return false;
    return true;
}

// The least that one of them allows; 0: any.
static uint32_t bandwidth(const struct media_policies *p)
{
    uint32_t least = 0;
    for (size_t i = 0; i < p->n; i++)
        if (p->of[i]->bandwidth && (!least || p->of[i]->bandwidth < least))
            least = p->of[i]->bandwidth;
    return least;
}

// ---- the answer: a description as RFC 3264 9 has it, ports zero ----

// Codecs by name: what is said of them when the offer has not said it. Payload types from DYNAMIC
// on are handed out.
static const struct known {
    struct str type, encoding;
    uint8_t payload_type;
    uint32_t rate, channels;
} known[] = {
    {STR_INIT("audio"), STR_INIT("EVS"), DYNAMIC, 16000, 1},
    {STR_INIT("audio"), STR_INIT("AMR-WB"), DYNAMIC, 16000, 1},
    {STR_INIT("audio"), STR_INIT("AMR"), DYNAMIC, 8000, 1},
    {STR_INIT("audio"), STR_INIT("opus"), DYNAMIC, 48000, 2},
    {STR_INIT("audio"), STR_INIT("PCMU"), 0, 8000, 1},
    {STR_INIT("audio"), STR_INIT("PCMA"), 8, 8000, 1},
    {STR_INIT("audio"), STR_INIT("G722"), 9, 8000, 1},
    {STR_INIT("audio"), STR_INIT("G729"), 18, 8000, 1},
    {STR_INIT("audio"), STR_INIT("GSM"), 3, 8000, 1},
    {STR_INIT("audio"), STR_INIT("telephone-event"), DYNAMIC, 8000, 1},
    {STR_INIT("video"), STR_INIT("H264"), DYNAMIC, 90000, 1},
    {STR_INIT("video"), STR_INIT("H265"), DYNAMIC, 90000, 1},
    {STR_INIT("video"), STR_INIT("VP8"), DYNAMIC, 90000, 1},
    {STR_INIT("video"), STR_INIT("H263"), 34, 90000, 1},
    {STR_INIT("text"), STR_INIT("t140"), DYNAMIC, 1000, 1},
    {STR_INIT("text"), STR_INIT("red"), DYNAMIC, 1000, 1},
};

// Media whose formats are no codecs.
static const struct {
    struct str type, proto, fmt;
} plain[] = {
    {STR_INIT("message"), STR_INIT("TCP/MSRP"), STR_INIT("*")},
    {STR_INIT("image"), STR_INIT("udptl"), STR_INIT("t38")},
    {STR_INIT("application"), STR_INIT("UDP/DTLS/SCTP"), STR_INIT("webrtc-datachannel")},
};

struct answer {
    const struct media_policies *p;
    const struct sdp *offer; // NULL: it could not be read
    struct sdp_media media[ANSWER_MEDIA];
    size_t n;
    struct sdp_format formats[ANSWER_MEDIA][ANSWER_FORMATS];
};

static const struct sdp_media *offered(const struct answer *w, struct str type)
{
    for (size_t i = 0; w->offer && i < sdp_media_count(w->offer); i++) {
        const struct sdp_media *m = sdp_media(w->offer, i);
        if (m && str_eq(m->type, type))
            return m;
    }
    return NULL;
}

static bool add_format(struct answer *w, struct sdp_media *m, struct sdp_format f)
{
    if (m->n_formats == ANSWER_FORMATS || !f.encoding.n || !codec_allowed(w->p, f.encoding))
        return false;
    w->formats[w->n][m->n_formats++] = f;
    return true;
}

static void add_known(struct answer *w, struct sdp_media *m)
{
    uint8_t dynamic = DYNAMIC;
    for (size_t i = 0; i < ARRAY_LEN(known); i++) {
        const struct known *k = &known[i];
        bool is_static = k->payload_type != DYNAMIC;
        struct sdp_format f = {.payload_type = is_static ? k->payload_type : dynamic,
                               .encoding = k->encoding,
                               .rate = k->rate,
                               .channels = k->channels};
        if (str_eq(k->type, m->type) && add_format(w, m, f) && !is_static)
            dynamic++;
    }
}

// In the words of the offer where it has the type; else with what is known of codecs.
static void add_medium(struct answer *w, struct str type)
{
    const struct sdp_media *from = offered(w, type);
    struct sdp_media *m = &w->media[w->n];
    *m = (struct sdp_media){.type = type,
                            .proto = from ? from->proto : STR("RTP/AVP"),
                            .bandwidth = bandwidth(w->p),
                            .formats = w->formats[w->n]};
    for (size_t i = 0; i < ARRAY_LEN(plain); i++) {
        if (str_eq(type, plain[i].type) && !from) {
            m->proto = plain[i].proto;
            m->fmt = plain[i].fmt;
        }
    }
    if (from && !sdp_is_rtp(from->proto))
        m->fmt = from->fmt;
    for (size_t i = 0; from && i < from->n_formats; i++)
        (void)add_format(w, m, from->formats[i]);
    if (!m->n_formats && sdp_is_rtp(m->proto))
        add_known(w, m);
    w->n += m->n_formats || m->fmt.n;
}

static bool in_answer(const struct answer *w, struct str type)
{
    for (size_t i = 0; i < w->n; i++)
        if (str_eq(w->media[i].type, type))
            return true;
    return false;
}

// Every type that the policies name, or those of the offer when they name none.
static void add_media(struct answer *w)
{
    const struct media_names *types = NULL;
    for (size_t i = 0; !types && i < w->p->n; i++)
        types = w->p->of[i]->types.n ? &w->p->of[i]->types : NULL;
    size_t n = types ? types->n : w->offer ? sdp_media_count(w->offer) : 0;
    for (size_t i = 0; i < n && w->n < ANSWER_MEDIA; i++) {
        const struct sdp_media *m = types ? NULL : sdp_media(w->offer, i);
        struct str type = types ? types->v[i] : m ? m->type : STR("");
        if (type.n && type_allowed(w->p, type) && !in_answer(w, type))
            add_medium(w, type);
    }
}

static struct str write_answer(const struct media_policies *p, const struct sdp *offer,
                               struct arena *a, struct str host)
{
    struct answer *w = ARENA_NEW(a, struct answer);
    char *room = arena_alloc(a, ANSWER_MAX);
    if (!w || !room)
        return STR_NONE;
    w->p = p;
    w->offer = offer;
    add_media(w);
    bool reference = str_starts(host, STR("[")) && str_ends(host, STR("]")); // RFC 8866 5.7: without brackets
    struct sdp_draft d = {
        .origin_address = reference ? str_make(host.p + 1, host.n - 2) : host, .media = w->media, .n_media = w->n};
    struct writer out = writer_init(room, ANSWER_MAX);
    sdp_draft_write(&out, &d);
    return out.failed ? STR_NONE : writer_done(&out);
}

// ---- the verdict ----

// RFC 3261 20.43
enum warning { MEDIA_TYPE = 304, MEDIA_FORMAT = 305, BANDWIDTH = 370, OTHER = 399 };

static const char *const warning_texts[] = {
    [MEDIA_TYPE] = "Media type not available",
    [MEDIA_FORMAT] = "Incompatible media format",
    [BANDWIDTH] = "Insufficient bandwidth",
};

struct verdict {
    enum warning code; // 0: allowed
    const char *cause;
    enum sdp_limit limit;
};

// With port 0 a medium is not used, unless it shares another one's (RFC 8843 6).
static bool is_used(const struct sdp *s, size_t i, const struct sdp_media *m)
{
    struct sdp_attr attr;
    return m->port || sdp_attr_find(s, i, STR("bundle-only"), &attr);
}

static bool codecs_allowed(const struct media_policies *p, const struct sdp_media *m)
{
    for (size_t i = 0; i < m->n_formats; i++)
        if (!codec_allowed(p, m->formats[i].encoding))
            return false;
    return true;
}

static struct verdict judge_medium(const struct media_policies *p, const struct sdp *s, size_t i)
{
    const struct sdp_media *m = sdp_media(s, i);
    uint32_t most = bandwidth(p);
    if (!m)
        return (struct verdict){OTHER, "medium of the session description cannot be read",
                                SDP_LIMIT_NONE};
    if (!is_used(s, i, m))
        return (struct verdict){.cause = NULL};
    if (!type_allowed(p, m->type))
        return (struct verdict){MEDIA_TYPE, "media type is not allowed", SDP_LIMIT_NONE};
    if (!codecs_allowed(p, m))
        return (struct verdict){MEDIA_FORMAT, "codec is not allowed", SDP_LIMIT_NONE};
    if (most && m->bandwidth > most)
        return (struct verdict){BANDWIDTH, "bandwidth of a medium is not allowed", SDP_LIMIT_NONE};
    return (struct verdict){.cause = NULL};
}

static struct verdict judge(const struct media_policies *p, const struct sdp_limits *l,
                            struct str text, struct arena *a, struct sdp **ret_sdp)
{
    struct sdp_fault fault = {.what = NULL};
    struct verdict v = {.cause = NULL};
    int err = sdp_parse(a, text, l, ret_sdp, &fault);
    if (err == ERR_TOOBIG)
        return (struct verdict){OTHER, fault.what, fault.limit};
    if (err)
        return (struct verdict){OTHER, "session description cannot be read", SDP_LIMIT_NONE};
    for (size_t i = 0; !v.code && i < sdp_media_count(*ret_sdp); i++)
        v = judge_medium(p, *ret_sdp, i);
    return v;
}

static struct sip_edits *answer_of(const struct media_policies *p, const struct sdp *offer,
                                   const struct verdict *v, struct arena *a, struct str host)
{
    struct sip_edits *e = ARENA_NEW(a, struct sip_edits);
    struct str body = write_answer(p, offer, a, host);
    if (!e || !body.p)
        return NULL;
    sip_edits_init(e, a, NULL);
    if (v->code != OTHER)
        sip_edit_append(
            e, SIP_H_WARNING,
            arena_printf(a, "%u %.*s \"%s\"", v->code, STR_ARG(host), warning_texts[v->code]));
    sip_edit_body(e, STR("application/sdp"), body);
    return e;
}

// RFC 3261 21.4.13, 8.2.3: it has to come as it is.
static struct media_refusal encoded(struct arena *a)
{
    struct sip_edits *e = ARENA_NEW(a, struct sip_edits);
    if (e) {
        sip_edits_init(e, a, NULL);
        sip_edit_append_named(e, STR("Accept-Encoding"), STR("identity"));
    }
    return (struct media_refusal){
        415, "session description is compressed or encoded, and cannot be held against the media policy",
        SDP_LIMIT_NONE, e};
}

static bool may_describe(enum sip_method method)
{
    return method == SIP_INVITE || method == SIP_UPDATE || method == SIP_PRACK;
}

bool media_policy_allows(const struct media_policies *p, const struct sdp_limits *l,
                         const struct sip_msg *m, struct arena *a, struct str host,
                         struct media_refusal *ret_refusal)
{
    static const struct verdict hidden = {
        OTHER, "session description stands too deep in multiparts, or in one without a boundary", SDP_LIMIT_NONE};
    struct descriptions all;
    struct str text;
    if (!p->n || !may_describe(sip_msg_method(m)) || !sip_msg_body(m).n)
        return true;
    for (enum description d = descriptions_first(&all, m, a, &text); d; d = descriptions_next(&all, &text)) {
        struct sdp *offer = NULL;
        if (d == DESCRIPTION_ENCODED) {
            *ret_refusal = encoded(a);
            return false;
        }
        struct verdict v = d == DESCRIPTION_HIDDEN ? hidden : judge(p, l, text, a, &offer);
        if (!v.code)
            continue;
        *ret_refusal = (struct media_refusal){488, v.cause, v.limit, answer_of(p, offer, &v, a, host)};
        return false;
    }
    return true;
}
