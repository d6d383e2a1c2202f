// SPDX-License-Identifier: Apache-2.0
#include "stack/txn/txn_key.h"

#include "base/err.h"
#include "base/hash.h"
#include "base/writer.h"

static const struct str cookie = STR_INIT("z9hG4bK");

bool txn_key_is_old(const struct sip_msg *m)
{
    struct str branch = sip_msg_via(m)->branch;
    return branch.n <= cookie.n || !str_starts(branch, cookie);
}

static void write_sep(struct writer *w, struct str s)
{
    writer_str(w, s);
    writer_chr(w, '\n');
}

// "Request-URI, To tag, From tag, Call-ID, CSeq, and top Via header" (RFC 3261 17.2.3).
static void write_old(struct writer *w, const struct sip_msg *m, struct str to_tag)
{
    uint32_t cseq = sip_msg_cseq(m)->number;
    writer_str(w, str_make((const char *)&cseq, sizeof cseq));
    write_sep(w, sip_msg_uri_text(m));
    write_sep(w, to_tag);
    write_sep(w, sip_msg_from_tag(m));
    write_sep(w, sip_msg_call_id(m));
    writer_str(w, sip_msg_via(m)->text);
}

// Branch and sent-by. A client that uses a branch again for another call would be answered with
// what the first was told: so Call-ID and CSeq, which a retransmission, an ACK and a CANCEL have in
// common with their request, are looked at as well, as a hash, which keeps the key short.
static void write_new(struct writer *w, const struct sip_msg *m)
{
    const struct sip_via *v = sip_msg_via(m);
    struct str id = sip_msg_call_id(m);
    uint16_t port = v->port ? v->port : 5060;
    uint64_t h = hash_bytes(id.p, id.n) + sip_msg_cseq(m)->number;
    writer_str(w, str_make((const char *)&port, sizeof port));
    writer_str(w, str_make((const char *)&h, sizeof h));
    write_sep(w, v->branch);
    writer_str(w, v->host);
}

// The transport belongs to it: a request sent again over another one is a new transaction, whose
// response has to go there.
static void write_key(struct writer *w, const struct sip_msg *m, const struct txn_key_how *how)
{
    bool old = txn_key_is_old(m);
    writer_chr(w, (char)('A' + how->method));
    writer_chr(w, (char)('a' + how->reliable + 2 * old));
    if (how->method == SIP_UNKNOWN)
        write_sep(w, sip_msg_method_name(m));
    if (old)
        write_old(w, m, how->to_tag);
    else
        write_new(w, m);
}

int txn_key_make(struct txn_key *k, const struct sip_msg *m, const struct txn_key_how *how)
{
    struct writer w = writer_init(k->buf, sizeof k->buf);
    write_key(&w, m, how);
    if (w.failed) { // a branch of half a kilobyte: nothing is cut off
        size_t room = sip_msg_bytes(m).n + how->to_tag.n + 64;
        w = writer_init(arena_alloc(sip_msg_arena(m), room), room);
        if (!w.p)
            return ERR_NOMEM;
        write_key(&w, m, how);
    }
    k->text = writer_done(&w);
    k->hash = hash_bytes(k->text.p, k->text.n);
    return w.failed ? ERR_TOOBIG : 0;
}
