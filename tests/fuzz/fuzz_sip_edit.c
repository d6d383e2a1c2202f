// SPDX-License-Identifier: Apache-2.0
// A message, a NUL, and edits of three bytes each. What sip_edits_get says is what is read from the
// message that the edits write, a copy of the edits writes the same, and what no edit named stays.
#include "base/arena.h"
#include "base/err.h"
#include "base/writer.h"
#include "fuzz.h"
#include "sip/edit.h"
#include "sip/header.h"
#include "sip/msg.h"

enum { EDITS_MAX = 24, VALUES_MAX = 64 };

static char out[4 * SIP_MSG_MAX], again_out[4 * SIP_MSG_MAX];

// Headers that a message can be without, lists and others, and a value of each.
static const struct {
    enum sip_hid id;
    const char *value;
} edited[] = {
    {SIP_H_ROUTE, "<sip:r1.test;lr>"},
    {SIP_H_RECORD_ROUTE, "<sip:rr.test:5062;lr>"},
    {SIP_H_PATH, "<sip:t0ken@p.test;lr>"},
    {SIP_H_SERVICE_ROUTE, "\"a, b\" <sip:s.test;lr>"},
    {SIP_H_CONTACT, "<sip:u@192.0.2.7:5060>;expires=60"},
    {SIP_H_SUPPORTED, "path"},
    {SIP_H_REQUIRE, "sec-agree"},
    {SIP_H_P_ASSERTED_IDENTITY, "<tel:+15550000001>"},
    {SIP_H_P_ASSOCIATED_URI, "<sip:u@h>"},
    {SIP_H_PRIVACY, "id"},
    {SIP_H_SECURITY_VERIFY, "ipsec-3gpp;q=0.1;alg=hmac-sha-1-96;spi-c=1;spi-s=2"},
    {SIP_H_EXPIRES, "60"},
    {SIP_H_USER_AGENT, "ua"},
    {SIP_H_P_ACCESS_NETWORK_INFO, "3GPP-E-UTRAN-FDD;utran-cell-id-3gpp=1"},
};

static void edit(struct sip_edits *e, uint8_t kind, uint8_t which, uint8_t at)
{
    enum sip_hid id = edited[which % (sizeof edited / sizeof *edited)].id;
    struct str value = str_from(edited[which % (sizeof edited / sizeof *edited)].value);
    switch (kind % 6) {
    case 0: sip_edit_prepend(e, id, value); break;
    case 1: sip_edit_append(e, id, value); break;
    case 2: sip_edit_remove(e, id); break;
    case 3: sip_edit_remove_at(e, id, at % 8); break;
    case 4: sip_edit_replace_at(e, id, at % 8, value); break;
    default: sip_edit_set(e, id, value); break;
    }
}

// The edits of e and the message that they wrote say the same about the headers that can be edited.
static void compare(const struct sip_edits *e, const struct sip_msg *m, struct arena *a)
{
    struct sip_edits none;
    sip_edits_init(&none, a, m);
    for (size_t k = 0; k < sizeof edited / sizeof *edited; k++) {
        struct sip_edits_iter left = sip_edits_iter_init(e, edited[k].id);
        struct sip_edits_iter right = sip_edits_iter_init(&none, edited[k].id);
        struct str x, y;
        while (sip_edits_iter_next(&left, &x))
            MUST(sip_edits_iter_next(&right, &y) && str_eq(x, y));
        MUST(!sip_edits_iter_next(&right, &y));
    }
}

static void rewrite(const struct sip_msg *m, const struct sip_edits *e, struct arena *a)
{
    struct sip_edits copy;
    struct sip_msg *again;
    struct sip_parse_error err;
    struct writer w = writer_init(out, sizeof out), x = writer_init(again_out, sizeof again_out);
    sip_edits_copy(&copy, a, e);
    MUST(sip_msg_write(m, e, &w) == 0 && sip_msg_write(m, &copy, &x) == 0);
    MUST(str_eq(writer_done(&w), writer_done(&x)));
    if (w.n > SIP_MSG_MAX || sip_msg_parse(writer_done(&w), &again, &err) == ERR_TOOBIG)
        return;
    MUST(again && !sip_msg_is_bad(again));
    MUST(str_eq(sip_msg_body(again), sip_msg_body(m)));
    MUST(str_eq(sip_msg_call_id(again), sip_msg_call_id(m)));
    MUST(str_eq(sip_msg_raw(again, SIP_H_VIA), sip_msg_raw(m, SIP_H_VIA)));
    compare(e, again, a);
    sip_msg_unref(again);
}

void fuzz_sip_edit(struct str input)
{
    struct str ops = input, text = str_split(&ops, '\0');
    struct sip_msg *m = NULL;
    struct sip_parse_error err;
    if (sip_msg_parse(text, &m, &err) == 0) {
        struct arena a;
        struct sip_edits e;
        arena_init(&a, NULL, 0);
        sip_edits_init(&e, &a, m);
        for (int i = 0; ops.n >= 3 && i < EDITS_MAX; i++) {
            uint8_t kind = fuzz_byte(&ops), which = fuzz_byte(&ops);
            edit(&e, kind, which, fuzz_byte(&ops));
        }
        rewrite(m, &e, &a);
        arena_done(&a);
    }
    sip_msg_unref(m);
    sip_msg_pool_drain();
}
