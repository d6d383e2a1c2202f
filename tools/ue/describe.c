// SPDX-License-Identifier: Apache-2.0
// What a phone says of its media (RFC 3264, RFC 8866): one stream of G.711 with telephone events
// (RFC 4733), other media refused, preconditions when they are in use (RFC 3312, TS 24.229 6.1).
#include "tools/ue/ue_priv.h"

#include "base/err.h"
#include "base/writer.h"
#include "sdp/attr.h"

enum { SDP_MAX = 4096, REMOTE_MAX = 16384, MEDIA_MAX = 8, EVENT_TYPE = 101 };

static struct sdp *read_remote(const struct call *c, struct arena *a)
{
    struct sdp *s;
    return c->remote.n && sdp_parse(a, c->remote, NULL, &s, NULL) == 0 && sdp_check(s) == 0 ? s
                                                                                            : NULL;
}

static size_t audio_index(const struct sdp *s)
{
    size_t i = 0;
    while (i < sdp_media_count(s) &&
           !(str_ieq(sdp_media(s, i)->type, STR("audio")) && sdp_media(s, i)->port))
        i++;
    return i;
}

// ---- preconditions ----

// The other side's own resources, as it sees them; *ret_any: it speaks of them at all.
static bool remote_ready(const struct sdp *s, bool *ret_any)
{
    bool ready = false;
    struct sdp_attr at;
    struct sdp_precondition q;
    *ret_any = false;
    size_t i = audio_index(s);
    if (i == sdp_media_count(s))
        return false;
    struct sdp_attr_iter it = sdp_attr_iter_init(s, i, STR_NONE);
    while (sdp_attr_iter_next(&it, &at)) {
        if (sdp_precondition_parse(&at, &q) || !str_ieq(q.type, STR("qos")))
            continue;
        *ret_any = true;
        if (q.condition == SDP_CURRENT && q.segment == SDP_LOCAL)
            ready = q.way == SDP_WAY_SENDRECV;
    }
    return ready;
}

bool call_remote_has_qos(const struct call *c)
{
    struct arena a;
    bool any = false;
    arena_init(&a, NULL, 0);
    const struct sdp *s = read_remote(c, &a);
    if (s)
        (void)remote_ready(s, &any);
    arena_done(&a);
    return any;
}

static void put_qos(struct writer *w, const struct call *c, bool answer)
{
    writer_printf(w, "a=curr:qos local %s\r\n", c->qos.local ? "sendrecv" : "none");
    writer_printf(w, "a=curr:qos remote %s\r\n", c->qos.remote ? "sendrecv" : "none");
    writer_lit(w, "a=des:qos mandatory local sendrecv\r\n");
    writer_printf(w, "a=des:qos %s remote sendrecv\r\n",
                  answer || c->qos.remote ? "mandatory" : "none");
    if (answer && !c->qos.remote) // RFC 3312 6: we want to hear of it
        writer_lit(w, "a=conf:qos remote sendrecv\r\n");
}

// ---- our own ----

static struct sdp_format event_format(void)
{
    return (struct sdp_format){.payload_type = EVENT_TYPE,
                               .encoding = STR("telephone-event"),
                               .rate = 8000,
                               .fmtp = STR("0-15")};
}

// Formats of the answer; 0: nothing in common (RFC 3264 6.1).
static size_t common_formats(const struct sdp_media *offer, struct sdp_format *ret)
{
    const struct sdp_format *f = sdp_find_format(offer, STR("PCMU"));
    if (!f)
        f = sdp_find_format(offer, STR("PCMA"));
    if (!f)
        return 0;
    ret[0] = *f;
    f = sdp_find_format(offer, STR("telephone-event"));
    if (!f || f->rate != 8000)
        return 1;
    ret[1] = *f;
    return 2;
}

static struct sdp_media own_media(const struct call *c, const struct sdp_format *formats, size_t n)
{
    return (struct sdp_media){.type = STR("audio"),
                              .port = c->media ? media_port(c->media) : 9,
                              .proto = STR("RTP/AVP"),
                              .address = c->hub->local_ip,
                              .ptime = 20,
                              .direction = c->on_hold ? SDP_SENDONLY : SDP_SENDRECV,
                              .formats = formats,
                              .n_formats = n};
}

// As many media as were offered; those that we have not are refused with port 0 (RFC 3264 6).
static size_t answer_media(const struct call *c, const struct sdp *s, struct sdp_format *formats,
                           struct sdp_media *ret)
{
    size_t n = sdp_media_count(s), ours = audio_index(s), n_formats = 0;
    if (n > MEDIA_MAX || ours == n || !(n_formats = common_formats(sdp_media(s, ours), formats)))
        return 0;
    for (size_t i = 0; i < n; i++) {
        const struct sdp_media *offer = sdp_media(s, i);
        ret[i] = i == ours ? own_media(c, formats, n_formats) : *offer;
        ret[i].proto = offer->proto;
        if (i == ours)
            ret[i].direction = sdp_answer_direction(offer->direction, ret[i].direction);
        else
            ret[i].port = 0;
    }
    return n;
}

static struct str write_it(struct call *c, struct arena *a, const struct sdp_media *media, size_t n,
                           bool answer)
{
    struct sdp_draft d = {.id = c->sdp_id,
                          .version = ++c->sdp_version,
                          .origin_address = c->hub->local_ip,
                          .media = media,
                          .n_media = n};
    char *p = arena_alloc(a, SDP_MAX);
    struct writer w = writer_init(p, p ? SDP_MAX : 0);
    sdp_draft_write(&w, &d);
    if (c->qos.on && n == 1)
        put_qos(&w, c, answer);
    return w.failed ? STR_NONE : writer_done(&w);
}

struct str call_describe(struct call *c, struct arena *a, bool answer)
{
    struct sdp_format formats[3] = {{.payload_type = 0, .encoding = STR("PCMU"), .rate = 8000},
                                    {.payload_type = 8, .encoding = STR("PCMA"), .rate = 8000}};
    struct sdp_media media[MEDIA_MAX];
    size_t n = 1;
    formats[2] = event_format();
    if (answer) {
        const struct sdp *s = read_remote(c, a);
        n = s ? answer_media(c, s, formats, media) : 0;
    } else {
        media[0] = own_media(c, formats, c->ext.events ? 3 : 2);
    }
    return n ? write_it(c, a, media, n, answer) : STR_NONE;
}

// ---- theirs ----

int call_take_remote(struct call *c, struct str body)
{
    struct arena a;
    bool any;
    struct str before = c->remote;
    c->remote = str_dup(str_head(body, REMOTE_MAX));
    arena_init(&a, NULL, 0);
    const struct sdp *s = c->remote.p ? read_remote(c, &a) : NULL;
    int e = s ? 0 : c->remote.p ? ERR_BAD : ERR_NOMEM;
    if (s && c->qos.on)
        c->qos.remote = remote_ready(s, &any);
    arena_done(&a);
    mem_free((void *)(e ? c->remote.p : before.p));
    if (e)
        c->remote = before;
    return e;
}

void call_media_start(struct call *c)
{
    struct addr remote;
    struct arena a;
    arena_init(&a, NULL, 0);
    const struct sdp *s = c->media ? read_remote(c, &a) : NULL;
    const struct sdp_media *audio = s ? sdp_find_media(s, STR("audio")) : NULL;
    if (audio && audio->n_formats && addr_parse(audio->address, audio->port, &remote) == 0) {
        const struct sdp_format *events = sdp_find_format(audio, STR("telephone-event"));
        media_set_events(c->media, events ? events->payload_type : EVENT_TYPE);
        media_start(c->media, &remote, audio->formats[0].payload_type == 8 ? 8 : 0);
        media_hold(c->media, audio->direction == SDP_SENDONLY || audio->direction == SDP_INACTIVE ||
                                 c->on_hold);
    }
    arena_done(&a);
}
