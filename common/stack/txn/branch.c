// SPDX-License-Identifier: Apache-2.0
// Branches and loop hashes: what this node puts into messages to know them again.
//   branch = z9hG4bK <transaction id> "." <48 random bits> [ "." <loop hash> ]   (hexadecimal)
#include "base/err.h"
#include "base/writer.h"
#include "stack/transport/answer.h"
#include "stack/txn/txn_priv.h"

void branch_make(struct txn_client *c)
{
    struct writer w = writer_init(c->branch_buf, sizeof c->branch_buf);
    writer_lit(&w, "z9hG4bK");
    writer_hex_u64(&w, c->t.id, 16);
    writer_chr(&w, '.');
    writer_hex_u64(&w, loop_random_u64(c->t.layer->loop), 12);
    if (c->loop_hash) {
        writer_chr(&w, '.');
        writer_hex_u64(&w, c->loop_hash, 16);
    }
    c->branch = writer_done(&w);
}

static int hex_value(char ch)
{
    if (ch >= '0' && ch <= '9')
        return ch - '0';
    return ch >= 'a' && ch <= 'f' ? ch - 'a' + 10 : -1;
}

txn_id branch_id(struct str b)
{
    txn_id id = 0;
    if (b.n < 24 || !str_starts(b, STR("z9hG4bK")) || b.p[23] != '.')
        return 0;
    for (size_t i = 7; i < 23; i++) {
        int v = hex_value(b.p[i]);
        if (v < 0)
            return 0;
        id = id << 4 | (unsigned)v;
    }
    return id;
}

struct str txn_to_tag(const struct txn_layer *l, const struct sip_msg *m, char buf[TXN_TAG_LEN])
{
    return answer_tag(l->transport, m, sip_msg_to_tag(m), buf);
}

bool txn_is_own_tag(const struct txn_layer *l, const struct sip_msg *ack)
{
    char buf[TXN_TAG_LEN];
    return str_eq(sip_msg_to_tag(ack), answer_tag(l->transport, ack, STR_NONE, buf));
}

static uint64_t mix(const struct txn_layer *l, uint64_t h, struct str v)
{
    return hash_mix(l->secret, h, v);
}

uint64_t txn_loop_hash(const struct txn_layer *l, const struct sip_msg *m)
{
    const struct sip_cseq *cseq = sip_msg_cseq(m);
    uint64_t h = mix(l, 2, sip_msg_uri_text(m));
    h = mix(l, h, sip_msg_raw(m, SIP_H_ROUTE));
    h = mix(l, h, sip_msg_call_id(m));
    h = mix(l, h, sip_msg_from_tag(m));
    h = mix(l, h + (cseq ? cseq->number : 0), sip_msg_to_tag(m));
    if (sip_msg_has(m, SIP_H_PROXY_REQUIRE))
        h = mix(l, h, sip_msg_raw(m, SIP_H_PROXY_REQUIRE));
    if (sip_msg_has(m, SIP_H_PROXY_AUTHORIZATION))
        h = mix(l, h, sip_msg_raw(m, SIP_H_PROXY_AUTHORIZATION));
    return h ? h : 1;
}

bool txn_is_loop(const struct txn_layer *l, const struct sip_msg *m, uint64_t loop_hash)
{
    char text[17];
    struct writer w = writer_init(text, sizeof text);
    writer_chr(&w, '.');
    writer_hex_u64(&w, loop_hash, 16);
    struct str mark = writer_done(&w);
    // The keyed hash occurs by chance never: only a message that has it is looked at closely.
    struct str all = sip_msg_bytes(m);
    if (!memmem(all.p, all.n, mark.p, mark.n))
        return false;
    struct sip_iter it = sip_iter_init(m, SIP_H_VIA);
    for (const struct sip_via *via; (via = sip_iter_next(&it));)
        if (str_ends(via->branch, mark) && transport_is_sent_by(l->transport, via->host, via->port))
            return true;
    return false;
}
