// SPDX-License-Identifier: Apache-2.0
// The cost of a Diameter message at a server, from its first byte to its answer: filled up to a length with
// AVPs in many ways, in one segment and in small ones. Once with the limits out of the way, so that what
// is behind them is seen to be linear, and once with those that a node has.
#include <stdio.h>
#include <stdlib.h>

#include "tests/hostile/hostile.h"
#include "tests/scenario/dia/world.h"

enum { SMALL = 12000, LARGE = 4 * SMALL };

// libfdproto takes some 350 bytes for an AVP of eight, and the answer has a copy of each Proxy-Info.
static const struct hostile_bound open_bound = {
    .bytes_each = 120, .bytes_base = 400000, .work_each = 220, .work_base = 120000};
static const struct hostile_bound kept_bound = {
    .bytes_each = 60, .bytes_base = 400000, .work_each = 120, .work_base = 120000};

static struct world w;
static struct raw r;
static struct box *server;

static void no_limits(struct dia_params *p)
{
    p->accept_unknown = true;
    p->limits = (struct dia_limits){1 << 20, 1 << 20, 60};
    p->max_buffered = 8 << 20;
    p->watchdog_ms = 3600000; // a DWA must not come in the middle of a message
}

static void limits(struct dia_params *p)
{
    p->accept_unknown = true;
}

// ---- shapes ----

static size_t put_avp(char *at, uint32_t code, uint32_t vendor, uint8_t flags, struct str data)
{
    size_t head = vendor ? 12 : 8, n = head + data.n, padded = (n + 3) & ~(size_t)3;
    memset(at, 0, padded);
    dia_put32(at, code);
    at[4] = (char)(flags | (vendor ? DIA_AVP_V : 0));
    dia_put24(at + 5, (uint32_t)n);
    if (vendor)
        dia_put32(at + 8, vendor);
    if (data.n)
        memcpy(at + head, data.p, data.n);
    return padded;
}

static struct str fill(char *out, size_t n, uint32_t code, uint32_t vendor, uint8_t flags, struct str data)
{
    size_t at = 0;
    while (at < n)
        at += put_avp(out + at, code, vendor, flags, data);
    return (struct str){out, at};
}

static struct str proxy_info_empty(char *out, size_t n)
{
    return fill(out, n, 284, 0, DIA_AVP_M, STR_NONE);
}

static struct str proxy_info(char *out, size_t n)
{
    return fill(out, n, 284, 0, DIA_AVP_M, STR("\0\0\1\x18\x40\0\0\x09p\0\0\0\0\0\0\x21\x40\0\0\x0as1\0\0"));
}

static struct str route_record(char *out, size_t n)
{
    return fill(out, n, 282, 0, DIA_AVP_M, STR("r"));
}

static struct str unknown(char *out, size_t n)
{
    return fill(out, n, 9999, 0, 0, STR_NONE);
}

static struct str unknown_mandatory(char *out, size_t n)
{
    return fill(out, n, 9999, 77, DIA_AVP_M, STR_NONE);
}

static struct str public_identity(char *out, size_t n)
{
    return fill(out, n, 601, DIA_VENDOR_3GPP, DIA_AVP_M, STR("sip:a@b"));
}

static struct str user_name(char *out, size_t n)
{
    return fill(out, n, 1, 0, DIA_AVP_M, STR("u"));
}

static struct str session_id(char *out, size_t n)
{
    return fill(out, n, 263, 0, DIA_AVP_M, STR("s"));
}

static struct str features(char *out, size_t n)
{
    return fill(out, n, 628, DIA_VENDOR_3GPP, DIA_AVP_M, STR_NONE);
}

static struct str vsai(char *out, size_t n)
{
    return fill(out, n, 260, 0, DIA_AVP_M, STR("\0\0\1\x0a\x40\0\0\x0c\0\0\x28\xaf"));
}

static struct str truncated(char *out, size_t n)
{
    struct str all = fill(out, n, 282, 0, DIA_AVP_M, STR("r"));
    dia_put24(out + all.n - 12 + 5, 4000);
    return all;
}

static struct str long_value(char *out, size_t n)
{
    char *value = mem_zalloc(n);
    size_t at = put_avp(out, 282, 0, DIA_AVP_M, (struct str){value, n});
    mem_free(value);
    return (struct str){out, at};
}

static struct str long_unknown(char *out, size_t n)
{
    char *value = mem_zalloc(n);
    size_t at = put_avp(out, 9999, 0, DIA_AVP_M, (struct str){value, n});
    mem_free(value);
    return (struct str){out, at};
}

// Groups in groups, seven deep, side by side.
static struct str towers(char *out, size_t n)
{
    enum { DEEP = 7 };
    size_t at = 0;
    while (at < n) {
        for (uint32_t i = 0; i < DEEP; i++) {
            dia_put32(out + at + 8 * i, 279);
            dia_put32(out + at + 8 * i + 4, 8 * (DEEP - i));
        }
        at += (size_t)8 * DEEP;
    }
    return (struct str){out, at};
}

// One group of many AVPs inside another, and so on: each level has its share.
static struct str nested(char *out, size_t n)
{
    enum { DEEP = 7 };
    size_t each = n / DEEP, at = 0;
    for (uint32_t i = 0; i < DEEP; i++) {
        dia_put32(out + at, 279);
        dia_put32(out + at + 4, 0);
        at += 8 + fill(out + at + 8, each, 282, 0, 0, STR_NONE).n;
    }
    for (size_t i = 0, begin = 0; i < DEEP; i++, begin += 8 + ((each + 7) & ~(size_t)7))
        dia_put24(out + begin + 5, (uint32_t)(at - begin));
    return (struct str){out, at};
}

static const struct shape {
    const char *name;
    struct str (*make)(char *out, size_t n);
} shapes[] = {
    {"empty Proxy-Info", proxy_info_empty}, {"Proxy-Info", proxy_info}, {"Route-Record", route_record},
    {"unknown AVPs", unknown}, {"unknown mandatory AVPs", unknown_mandatory},
    {"Public-Identity", public_identity}, {"User-Name", user_name}, {"Session-Id", session_id},
    {"Supported-Features", features}, {"Vendor-Specific-Application-Id", vsai},
    {"the last AVP is cut off", truncated}, {"a long AVP", long_value},
    {"a long unknown AVP", long_unknown}, {"towers of groups", towers}, {"nested groups", nested},
};

// ---- cost ----

struct job {
    struct dia_bytes message;
    size_t step;
};

static void send_all(void *arg)
{
    struct job *j = arg;
    for (size_t at = 0; at < j->message.n; at += j->step) {
        size_t n = j->message.n - at < j->step ? j->message.n - at : j->step;
        raw_send(&r, j->message.p + at, n);
        if (j->step < j->message.n)
            world_run(&w, 2);
    }
    world_run(&w, 200);
}

static struct hostile_cost cost(const struct shape *s, size_t n, size_t step,
                                void (*change)(struct dia_params *))
{
    static char avps[2 * LARGE];
    struct job j = {.step = step};
    struct hostile_cost c;
    world_new(&w, 1);
    server = box_start(&w, 0, "a.test", change);
    raw_start(&r, &w, 3, "r.test");
    raw_dial(&r, server);
    raw_cer(&r, (const uint32_t[]){DIA_APP_CX}, 1);
    world_run(&w, 100);
    raw_mar(&r, 1, 2, 0, &j.message);
    assert_int_equal(dia_bytes_append(&j.message, s->make(avps, n)), 0);
    c.n = j.message.n;
    uint32_t before = r.answers[303];
    hostile_measure(send_all, &j, &c.bytes, &c.work);
    assert_int_equal(r.answers[303], before + 1);
    dia_bytes_free(&j.message);
    raw_stop(&r);
    world_free(&w);
    return c;
}

static int measure(const struct shape *s, size_t step, void (*change)(struct dia_params *),
                   const struct hostile_bound *b, const char *how)
{
    char name[96];
    snprintf(name, sizeof name, "%s, %s", s->name, how);
    struct hostile_cost small = cost(s, SMALL, step, change), large = cost(s, LARGE, step, change);
    return hostile_within(name, &small, &large, b);
}

static void all(void **state)
{
    const struct shape *s = *state;
    int bad = measure(s, SIZE_MAX, no_limits, &open_bound, "without limits");
    bad |= measure(s, SIZE_MAX, limits, &kept_bound, "with limits");
    assert_int_equal(bad, 0);
}

// A byte at a time: what is pasted together is not copied anew for each.
static void in_pieces(void **state)
{
    const struct hostile_bound b = {.bytes_each = 3000, .bytes_base = 2000000, .work_each = 6000,
                                    .work_base = 500000};
    assert_int_equal(measure(&shapes[2], 1, no_limits, &b, "byte by byte"), 0);
}

int main(void)
{
    struct CMUnitTest tests[ARRAY_LEN(shapes) + 1];
    for (size_t i = 0; i < ARRAY_LEN(shapes); i++)
        tests[i] = (struct CMUnitTest){shapes[i].name, all, NULL, NULL, (void *)&shapes[i]};
    tests[ARRAY_LEN(shapes)] = (struct CMUnitTest){"byte by byte", in_pieces, NULL, NULL, NULL};
    cmocka_set_message_output(CM_OUTPUT_TAP);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
