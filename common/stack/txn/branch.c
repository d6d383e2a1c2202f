// SPDX-License-Identifier: Apache-2.0
// Branches, tags and loop hashes: what this node puts into messages to know them again.
//   branch = z9hG4bK <transaction id> "." <48 random bits> [ "." <loop hash> ]   (hexadecimal)
#include "base/err.h"
#include "base/writer.h"
#include "stack/txn/txn_priv.h"

static const char digits[] = "0123456789abcdef";

static void write_hex(struct writer *w, uint64_t v, int width)
{
    for (int shift = (width - 1) * 4; shift >= 0; shift -= 4)
        writer_chr(w, digits[v >> shift & 15]);
}

void branch_make(struct txn_client *c)
{
    struct writer w = writer_init(c->branch_buf, sizeof c->branch_buf);
    writer_lit(&w, "z9hG4bK");
    write_hex(&w, c->t.id, 16);
    writer_chr(&w, '.');
    write_hex(&w, loop_random_u64(c->t.stack->loop), 12);
    if (c->loop_hash) {
        writer_chr(&w, '.');
        write_hex(&w, c->loop_hash, 16);
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

// One running hash over several slices; each is closed by a separator, so they cannot shift.
static uint64_t mix(const struct stack *s, uint64_t h, struct str v)
{
    uint64_t key[2] = {s->secret, h + v.n};
    return hash_keyed(key, v.p ? v.p : "", v.n);
}

// had: the To tag of the request.
static struct str make_tag(const struct stack *s, const struct sip_msg *m, struct str had,
                           char buf[TXN_TAG_LEN])
{
    const struct sip_cseq *cseq = sip_msg_cseq(m);
    uint64_t h = mix(s, 1, sip_msg_call_id(m));
    h = mix(s, h, sip_msg_from_tag(m));
    h = mix(s, h + (cseq ? cseq->number : 0), had);
    struct writer w = writer_init(buf, TXN_TAG_LEN);
    write_hex(&w, h, TXN_TAG_LEN);
    return writer_done(&w);
}

struct str txn_to_tag(const struct stack *s, const struct sip_msg *m, char buf[TXN_TAG_LEN])
{
    return make_tag(s, m, sip_msg_to_tag(m), buf);
}

bool txn_is_own_tag(const struct stack *s, const struct sip_msg *ack)
{
    char buf[TXN_TAG_LEN];
    return str_eq(sip_msg_to_tag(ack), make_tag(s, ack, STR_NONE, buf));
}

uint64_t txn_loop_hash(const struct stack *s, const struct sip_msg *m)
{
    const struct sip_cseq *cseq = sip_msg_cseq(m);
    uint64_t h = mix(s, 2, sip_msg_uri_text(m));
    h = mix(s, h, sip_msg_raw(m, SIP_H_ROUTE));
    h = mix(s, h, sip_msg_call_id(m));
    h = mix(s, h, sip_msg_from_tag(m));
    h = mix(s, h + (cseq ? cseq->number : 0), sip_msg_to_tag(m));
    if (sip_msg_has(m, SIP_H_PROXY_REQUIRE))
        h = mix(s, h, sip_msg_raw(m, SIP_H_PROXY_REQUIRE));
    if (sip_msg_has(m, SIP_H_PROXY_AUTHORIZATION))
        h = mix(s, h, sip_msg_raw(m, SIP_H_PROXY_AUTHORIZATION));
    return h ? h : 1;
}

bool txn_is_loop(const struct stack *s, const struct sip_msg *m, uint64_t loop_hash)
{
    char text[17];
    struct writer w = writer_init(text, sizeof text);
    writer_chr(&w, '.');
    write_hex(&w, loop_hash, 16);
    struct str mark = writer_done(&w);
    // The keyed hash occurs by chance never: only a message that has it is looked at closely.
    struct str all = sip_msg_bytes(m);
    if (!memmem(all.p, all.n, mark.p, mark.n))
        return false;
    struct sip_iter it = sip_iter_init(m, SIP_H_VIA);
    for (const struct sip_via *via; (via = sip_iter_next(&it));)
        if (str_ends(via->branch, mark) && transport_is_sent_by(s, via->host, via->port))
            return true;
    return false;
}
