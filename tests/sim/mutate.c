// SPDX-License-Identifier: Apache-2.0
#include "tests/sim/mutate.h"

#include <stdio.h>
#include <string.h>

#include "base/mem.h"

// ---- bytes ----

void draft_set(struct draft *d, struct str s)
{
    d->n = s.n < sizeof d->p ? s.n : sizeof d->p;
    if (d->n)
        memcpy(d->p, s.p, d->n);
}

// Puts s in place of del bytes at at; nothing happens when it does not fit.
static void put(struct draft *d, size_t at, size_t del, struct str s)
{
    if (at > d->n)
        at = d->n;
    if (del > d->n - at)
        del = d->n - at;
    if (d->n - del + s.n > sizeof d->p)
        return;
    memmove(d->p + at + s.n, d->p + at + del, d->n - at - del);
    if (s.n)
        memcpy(d->p + at, s.p, s.n);
    d->n = d->n - del + s.n;
}

// ---- lines of a SIP message ----

struct line {
    size_t at, n;       // without CRLF
    size_t value;       // offset of the value, at + n when there is none
};

enum { LINES_MAX = 128 };

struct lines {
    struct line v[LINES_MAX];
    size_t n, body; // header lines; offset behind the blank line
    size_t first;   // end of the start line with its CRLF
};

static size_t line_end(struct str s, size_t at)
{
    ptrdiff_t end = str_find(str_skip(s, at), STR("\r\n"));
    return end < 0 ? s.n : at + (size_t)end;
}

static void find_lines(struct str s, struct lines *l)
{
    size_t at = line_end(s, 0) + 2;
    *l = (struct lines){.first = at < s.n ? at : s.n, .body = s.n};
    while (at < s.n && l->n < LINES_MAX) {
        size_t end = line_end(s, at);
        if (end == at) {
            l->body = end + 2 < s.n ? end + 2 : s.n;
            return;
        }
        ptrdiff_t colon = str_chr(str_make(s.p + at, end - at), ':');
        size_t value = colon < 0 ? end : at + (size_t)colon + 1;
        while (value < end && s.p[value] == ' ')
            value++;
        l->v[l->n++] = (struct line){at, end - at, value};
        at = end + 2;
    }
}

static struct str name_of(struct str s, const struct line *l)
{
    ptrdiff_t colon = str_chr(str_make(s.p + l->at, l->n), ':');
    return str_make(s.p + l->at, colon < 0 ? l->n : (size_t)colon);
}

static struct str value_of(struct str s, const struct line *l)
{
    return str_make(s.p + l->value, l->at + l->n - l->value);
}

static const struct line *find_line(struct str s, const struct lines *l, const char *name)
{
    for (size_t i = 0; i < l->n; i++)
        if (str_ieq(name_of(s, &l->v[i]), str_from(name)))
            return &l->v[i];
    return NULL;
}

// ---- what is put in ----

static const char *const values[] = {
    "x", "", "<", ">", "<>", "\"", "\\", ",", ",,,,", ";", "=", "*", "sip:", "<sip:", "sip:x",
    "<sip:x;lr>", "<sip:x>", "<tel:+1>", "<sip:a@b>;tag=1;tag=2", "\"a, b\" <sip:a@b>", "0", "-1", "1",
    "4294967295", "4294967296", "2147483648", "99999999999999999999", "1 INVITE", "1 FOO", "0 ACK",
    "4294967296 INVITE", "SIP/2.0/UDP x", "SIP/2.0/UDP x;branch=z9hG4bK", "SIP/2.0/FOO x;branch=z9hG4bK1",
    "SIP/2.0/TCP [2001:db8::1]:5060;branch=z9hG4bKa;rport", "<sip:192.0.2.10:5070;lr>",
    "<sip:192.0.2.20:5060;lr>", "<sip:192.0.2.30:5060;lr>", "<sip:192.0.2.40:3868;transport=tcp;lr>",
    "<sip:127.0.0.1:1;lr>", "<sip:198.51.100.7:5060;lr>", "<sip:orig@scscf.ims.mnc001.mcc001.3gppnetwork.org;lr>",
    "path, gruu, outbound, 100rel, timer, sec-agree, foo", "Digest", "Digest a=b", "Digest username=\"x\",",
    "icid-value=\"\"", "icid-value=x;orig-ioi=y;term-ioi=z", "id", "none;id;user;header", "application/sdp",
    "multipart/mixed;boundary=x", "\xff\xfe", "a\001b", "z9hG4bK", "<sip:user0@ims.mnc001.mcc001.3gppnetwork.org>",
    "<sip:user1@ims.mnc001.mcc001.3gppnetwork.org>;tag=x", "<sip:h?Route=%3Csip:x%3E&Require=y>",
    "<sip:u@192.0.2.100:5060>;expires=0", "<sip:u@192.0.2.100>;expires=4294967295;q=9", "*;expires=0",
};

static const char *const fields[] = {
    "Record-Route: x\r\n", "Record-Route: <sip:x;lr>\r\n", "Route: x\r\n", "Route: <sip:192.0.2.30;lr>\r\n",
    "Route: <sip:orig@192.0.2.30:5060;lr>\r\n", "Require: foo\r\n", "Require: sec-agree\r\n",
    "Proxy-Require: foo\r\n", "Max-Forwards: 0\r\n", "Max-Forwards: 1\r\n", "Max-Forwards: x\r\n",
    "Contact: *\r\n", "Contact: x\r\n", "Expires: 0\r\n", "Expires: x\r\n", "Path: <sip:x;lr>\r\n",
    "Path: x\r\n", "Service-Route: x\r\n", "P-Asserted-Identity: <sip:user1@x>\r\n",
    "P-Preferred-Identity: <tel:+15560000001>\r\n", "P-Associated-URI: x\r\n", "P-Served-User: <sip:x>\r\n",
    "P-Charging-Vector: icid-value=1;orig-ioi=x\r\n", "P-Charging-Function-Addresses: ccf=x\r\n",
    "P-Access-Network-Info: 3GPP-E-UTRAN-FDD;network-provided\r\n", "Privacy: id\r\n", "Privacy: x;;\r\n",
    "Supported: path\r\n", "Unsupported: x\r\n", "Security-Verify: x\r\n",
    "Security-Client: ipsec-3gpp;alg=hmac-sha-1-96;spi-c=1;spi-s=2;port-c=3;port-s=4\r\n",
    "Via: SIP/2.0/UDP x;branch=z9hG4bKx\r\n", "Via: x\r\n", "v: SIP/2.0/UDP 192.0.2.30;branch=z9hG4bKy\r\n",
    "To: <sip:x>\r\n", "From: x\r\n", "Call-ID: other\r\n", "CSeq: 1 BYE\r\n", "Content-Length: 0\r\n",
    "Content-Length: 99999\r\n", "Content-Length: -1\r\n", "l: 5\r\n", "Content-Type: application/sdp\r\n",
    "Session-Expires: 1;refresher=uac\r\n", "RAck: 1 1 INVITE\r\n", "RSeq: 1\r\n", "Replaces: x;to-tag=1\r\n",
    "Retry-After: 99999999999\r\n", "Event: reg\r\n", "Subscription-State: terminated\r\n", ": x\r\n",
    "X\r\n", " folded\r\n", "X: y\r\n z\r\n", "Authorization: Digest x\r\n", "Priority: emergency\r\n",
    "Accept-Contact: *;x\r\n", "Request-Disposition: no-fork\r\n", "Reason: SIP;cause=200\r\n",
};

static const char *const methods[] = {"INVITE", "ACK", "BYE", "CANCEL", "REGISTER", "OPTIONS", "MESSAGE",
                                      "PRACK", "UPDATE", "SUBSCRIBE", "NOTIFY", "REFER", "INFO", "PUBLISH",
                                      "FOO", "invite"};

static const char *const numbers[] = {"0", "1", "99", "100", "101", "199", "200", "299", "300", "305", "401",
                                      "407", "408", "420", "423", "481", "487", "491", "500", "503", "504",
                                      "580", "600", "699", "700", "65535", "65536", "2147483647",
                                      "2147483648", "4294967295", "4294967296", "18446744073709551616"};

#define PICK(c, list) str_from((list)[choose((c), ARRAY_LEN(list))])

// ---- SIP ----

static void remove_line(struct choice *c, struct draft *d, const struct lines *l)
{
    const struct line *v = &l->v[choose(c, l->n)];
    put(d, v->at, v->n + 2, STR(""));
}

static void repeat_line(struct choice *c, struct draft *d, const struct lines *l)
{
    static char text[4096];
    const struct line *v = &l->v[choose(c, l->n)], *to = &l->v[choose(c, l->n)];
    size_t n = v->n + 2 < sizeof text ? v->n + 2 : sizeof text;
    n = n < d->n - v->at ? n : d->n - v->at;
    memcpy(text, d->p + v->at, n);
    for (size_t i = chance(c, 20) ? choose(c, 200) : 1; i; i--)
        put(d, to->at, 0, str_make(text, n));
}

// Another message's line, or value of the same header, or of any.
static void borrow(struct choice *c, struct draft *d, const struct lines *l, struct str other)
{
    struct lines o;
    find_lines(other, &o);
    if (!o.n)
        return;
    const struct line *v = &l->v[choose(c, l->n)], *from = &o.v[choose(c, o.n)];
    char name[64];
    (void)snprintf(name, sizeof name, "%.*s", STR_ARG(name_of(draft_str(d), v)));
    const struct line *same = find_line(other, &o, name);
    if (same && !chance(c, 4))
        from = same;
    put(d, v->value, v->at + v->n - v->value, value_of(other, from));
}

static void set_value(struct choice *c, struct draft *d, const struct lines *l)
{
    const struct line *v = &l->v[choose(c, l->n)];
    put(d, v->value, v->at + v->n - v->value, PICK(c, values));
}

// A number somewhere in a line becomes another one.
static void set_number(struct choice *c, struct draft *d, const struct lines *l)
{
    const struct line *v = &l->v[choose(c, l->n)];
    size_t at = v->value + choose(c, v->at + v->n - v->value), end;
    while (at < v->at + v->n && (d->p[at] < '0' || d->p[at] > '9'))
        at++;
    for (end = at; end < v->at + v->n && d->p[end] >= '0' && d->p[end] <= '9';)
        end++;
    if (end > at)
        put(d, at, end - at, PICK(c, numbers));
}

// A value becomes a list of itself.
static void lengthen(struct choice *c, struct draft *d, const struct lines *l)
{
    static const char *const glue[] = {",", ";", "", " ", "\r\n "};
    static char text[512];
    const struct line *v = &l->v[choose(c, l->n)];
    struct str value = value_of(draft_str(d), v), sep = PICK(c, glue);
    size_t n = value.n < sizeof text ? value.n : sizeof text;
    memcpy(text, value.p, n);
    for (size_t i = choose(c, 300); i; i--) {
        put(d, v->value, 0, sep);
        put(d, v->value, 0, str_make(text, n));
    }
}

// A parameter (tag, branch, expires, received, lr ...) goes, or becomes what another message has.
static void set_parameter(struct choice *c, struct draft *d, struct str other)
{
    static const char *const names[] = {";tag=", ";branch=", ";expires=", ";lr", ";received=", ";rport",
                                        "nonce=", "response=", "username=", "realm=", "algorithm="};
    struct str name = PICK(c, names);
    struct str mine = draft_str(d);
    ptrdiff_t at = str_find(mine, name), from = str_find(other, name);
    if (at < 0)
        return;
    size_t begin = (size_t)at + name.n, end = begin;
    while (end < d->n && !memchr(";,>\r\n ", d->p[end], 6))
        end++;
    if (from < 0 || chance(c, 3)) {
        put(d, chance(c, 2) ? (size_t)at : begin, end - (size_t)at, STR(""));
        return;
    }
    struct str value = str_skip(other, (size_t)from + name.n);
    size_t n = 0;
    while (n < value.n && n < 200 && !memchr(";,>\r\n ", value.p[n], 6))
        n++;
    put(d, begin, end - begin, str_head(value, n));
}

static void set_start(struct choice *c, struct draft *d, struct str other)
{
    struct str line = str_make(d->p, line_end(draft_str(d), 0)), rest = line;
    struct str first = str_split(&rest, ' '), second = str_split(&rest, ' ');
    bool response = str_starts(line, STR("SIP/"));
    if (response) {
        put(d, first.n + 1, second.n, PICK(c, numbers));
    } else if (chance(c, 2)) {
        put(d, 0, first.n, PICK(c, methods));
    } else {
        struct str theirs = str_make(other.p, line_end(other, 0));
        (void)str_split(&theirs, ' ');
        put(d, first.n + 1, second.n, chance(c, 3) ? PICK(c, values) : str_split(&theirs, ' '));
    }
}

static void break_bytes(struct choice *c, struct draft *d)
{
    size_t at = choose(c, d->n);
    if (chance(c, 3))
        d->n = at;
    else if (chance(c, 2))
        put(d, at, choose(c, 8), PICK(c, values));
    else if (d->n)
        d->p[at] = (char)choose(c, 256);
}

void mutate_fix_length(struct draft *d)
{
    static const char *const names[] = {"Content-Length", "l"};
    struct lines l;
    for (size_t i = 0; i < ARRAY_LEN(names); i++) {
        char number[24];
        find_lines(draft_str(d), &l);
        const struct line *v = find_line(draft_str(d), &l, names[i]);
        int n = snprintf(number, sizeof number, "%zu", d->n - l.body);
        if (v)
            put(d, v->value, v->at + v->n - v->value, str_make(number, (size_t)n));
    }
}

void mutate_sip(struct choice *c, struct draft *d, struct str other)
{
    struct lines l;
    find_lines(draft_str(d), &l);
    size_t kind = choose(c, 16);
    if (!l.n || kind == 0) {
        break_bytes(c, d);
        return;
    }
    bool fix = !chance(c, 6);
    switch (kind) {
    case 1: case 2: remove_line(c, d, &l); break;
    case 3: repeat_line(c, d, &l); break;
    case 4: case 5: borrow(c, d, &l, other); break;
    case 6: case 7: set_value(c, d, &l); break;
    case 8: set_number(c, d, &l); break;
    case 9: lengthen(c, d, &l); break;
    case 10: set_parameter(c, d, other); break;
    case 11: set_start(c, d, other); break;
    case 12: put(d, l.body + choose(c, d->n - l.body + 1), choose(c, 64), PICK(c, values)); break;
    default: put(d, l.v[choose(c, l.n)].at, 0, PICK(c, fields)); break;
    }
    if (fix)
        mutate_fix_length(d);
}

// Without a body and with another start line. Of a request becomes a response its Route goes.
static void restart(struct draft *d, struct str start)
{
    struct lines l;
    find_lines(draft_str(d), &l);
    put(d, l.body, d->n - l.body, STR(""));
    put(d, 0, line_end(draft_str(d), 0), start);
    mutate_fix_length(d);
}

void mutate_into_response(struct choice *c, struct draft *d)
{
    static const unsigned statuses[] = {100, 180, 183, 199, 200, 202, 299, 302, 400, 401, 403, 404, 407, 408,
                                        480, 481, 486, 487, 491, 500, 503, 504, 600, 603};
    char start[32];
    int n = snprintf(start, sizeof start, "SIP/2.0 %u x", statuses[choose(c, ARRAY_LEN(statuses))]);
    restart(d, str_make(start, (size_t)n));
}

void mutate_into_request(struct choice *c, struct draft *d)
{
    static const char *const made[] = {"CANCEL", "ACK", "BYE", "PRACK", "UPDATE", "INVITE", "MESSAGE"};
    static char start[1024];
    struct lines l;
    struct str line = str_make(d->p, line_end(draft_str(d), 0)), method = PICK(c, made), uri;
    if (str_starts(line, STR("SIP/"))) {
        uri = STR("sip:user1@ims.mnc001.mcc001.3gppnetwork.org");
    } else {
        (void)str_split(&line, ' ');
        uri = str_split(&line, ' ');
    }
    int n = snprintf(start, sizeof start, "%.*s %.*s SIP/2.0", STR_ARG(method), STR_ARG(str_head(uri, 900)));
    restart(d, str_make(start, (size_t)n));
    find_lines(draft_str(d), &l);
    const struct line *cseq = find_line(draft_str(d), &l, "CSeq");
    if (!cseq || chance(c, 8))
        return;
    struct str value = value_of(draft_str(d), cseq);
    size_t digits = 0;
    while (digits < value.n && value.p[digits] >= '0' && value.p[digits] <= '9')
        digits++;
    put(d, cseq->value + digits, value.n - digits, STR(" "));
    put(d, cseq->value + digits + 1, 0, method);
}

// ---- Diameter ----

enum { HEADER = 20, AVPS_MAX = 256 };

static size_t get24(const char *p)
{
    const unsigned char *b = (const unsigned char *)p;
    return (size_t)b[0] << 16 | (size_t)b[1] << 8 | b[2];
}

static void put24(char *p, size_t v)
{
    p[0] = (char)(v >> 16);
    p[1] = (char)(v >> 8);
    p[2] = (char)v;
}

struct avps {
    size_t at[AVPS_MAX], n;
};

static size_t padded(struct str s, size_t at)
{
    size_t len = at + 8 <= s.n ? get24(s.p + at + 5) : 0;
    len = len < 8 ? 8 : (len + 3) & ~(size_t)3;
    return len < s.n - at ? len : s.n - at;
}

static void find_avps(struct str s, struct avps *a)
{
    a->n = 0;
    for (size_t at = HEADER; at + 8 <= s.n && a->n < AVPS_MAX; at += padded(s, at))
        a->at[a->n++] = at;
}

static void change_avp(struct choice *c, struct draft *d, size_t at)
{
    size_t n = padded(draft_str(d), at);
    switch (choose(c, 5)) {
    case 0: d->p[at + choose(c, 4)] = (char)choose(c, 256); break; // code
    case 1: d->p[at + 4] = (char)(d->p[at + 4] ^ 0x80 >> choose(c, 3)); break;
    case 2: put24(d->p + at + 5, choose(c, 300)); break;
    default:
        if (n > 8)
            d->p[at + 8 + choose(c, n - 8)] = (char)choose(c, 256);
    }
}

// An AVP goes, comes again (perhaps many times), or is taken from another message.
static void move_avp(struct choice *c, struct draft *d, size_t at, struct str other)
{
    static char copy[4096];
    struct avps o;
    struct str from = draft_str(d);
    size_t what = choose(c, 3), source = at, times = chance(c, 10) ? choose(c, 400) : 1;
    if (what == 0) {
        put(d, at, padded(draft_str(d), at), STR(""));
        return;
    }
    find_avps(other, &o);
    if (what == 1 && o.n) {
        from = other;
        source = o.at[choose(c, o.n)];
    }
    size_t n = padded(from, source);
    n = n < sizeof copy ? n : sizeof copy & ~(size_t)3;
    memcpy(copy, from.p + source, n);
    while (times--)
        put(d, at, 0, str_make(copy, n));
}

void mutate_dia(struct choice *c, struct draft *d, struct str other)
{
    struct avps a;
    if (d->n < HEADER)
        return;
    find_avps(draft_str(d), &a);
    size_t kind = choose(c, 10);
    if (kind == 0 || !a.n) {
        d->p[choose(c, HEADER)] = (char)choose(c, 256);
        return;
    }
    size_t at = a.at[choose(c, a.n)];
    switch (kind) {
    case 1: d->p[4] = (char)(d->p[4] ^ 0x80 >> choose(c, 4)); break;
    case 2: d->n = at; break;
    case 3: case 4: case 5: move_avp(c, d, at, other); break;
    default: change_avp(c, d, at); break;
    }
    d->n &= ~(size_t)3;
    put24(d->p + 1, d->n);
}
