// SPDX-License-Identifier: Apache-2.0
// Keys do not show in a trace (TS 33.203 6.1, 7.1).
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "app/mask.h"

static void in_sip(void **state)
{
    static const struct {
        const char *before, *after;
    } rows[] = {
        {"WWW-Authenticate: Digest nonce=\"n\",ck=\"0123\",ik=\"ab\",qop=\"auth\"\r\n\r\nck=\"body\"",
         "WWW-Authenticate: Digest nonce=\"n\",ck=\"****\",ik=\"**\",qop=\"auth\"\r\n\r\nck=\"body\""},
        {"x: Digest CK = 0123 , r=1\r\n Ik=\"45", "x: Digest CK = **** , r=1\r\n Ik=\"**"},
        {"x: tick=1, ckx=2, c=3, ik, k=4, ck", "x: tick=1, ckx=2, c=3, ik, k=4, ck"},
        {"x: a,ck=\"12\r\ny: b", "x: a,ck=\"**\r\ny: b"},
    };
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        char *text = strdup(rows[i].before);
        mask_sip(text, strlen(text));
        assert_string_equal(text, rows[i].after);
        free(text);
    }
}

static size_t put_avp(char *at, unsigned code, unsigned vendor, const char *data, size_t n)
{
    size_t head = vendor ? 12 : 8, length = head + n;
    const unsigned char h[12] = {(unsigned char)(code >> 24), (unsigned char)(code >> 16), (unsigned char)(code >> 8),
                                 (unsigned char)code, vendor ? 0xc0 : 0x40, (unsigned char)(length >> 16),
                                 (unsigned char)(length >> 8), (unsigned char)length, 0, 0,
                                 (unsigned char)(vendor >> 8), (unsigned char)vendor};
    memcpy(at, h, head);
    memcpy(at + head, data, n);
    memset(at + head + n, 0, 3);
    return (length + 3) & ~(size_t)3;
}

static bool has(const char *p, size_t n, const char *part)
{
    for (size_t i = 0; i + strlen(part) <= n; i++)
        if (memcmp(p + i, part, strlen(part)) == 0)
            return true;
    return false;
}

// Whole, and cut at any place, without a byte behind it.
static void in_diameter(void **state)
{
    char digest[64], item[512], all[1024] = {0};
    size_t d, n, at = 20;
    (void)state;
    d = put_avp(digest, 121, 0, "secret-ha1", 10);
    n = put_avp(item, 609, 10415, "secret-rand-autn", 16);
    n += put_avp(item + n, 610, 10415, "secret-xres", 11);
    n += put_avp(item + n, 625, 10415, "secret-ck", 9);
    n += put_avp(item + n, 626, 10415, "secret-ik", 9);
    n += put_avp(item + n, 635, 10415, digest, d);
    n += put_avp(item + n, 608, 10415, "Digest-AKAv1-MD5", 16);
    at += put_avp(all + at, 1, 0, "user@x", 6);
    at += put_avp(all + at, 612, 10415, item, n);
    at += put_avp(all + at, 609, 0, "not-ours", 8);
    for (size_t cut = 0; cut <= at; cut++) {
        char *copy = malloc(cut ? cut : 1);
        memcpy(copy, all, cut);
        mask_diameter(copy, cut);
        assert_false(has(copy, cut, "secret"));
        if (cut == at) {
            assert_true(has(copy, cut, "user@x"));
            assert_true(has(copy, cut, "Digest-AKAv1-MD5"));
            assert_true(has(copy, cut, "not-ours"));
        }
        free(copy);
    }
}

// Lengths that lie.
static void in_broken_diameter(void **state)
{
    (void)state;
    srand(1);
    for (unsigned round = 0; round < 20000; round++) {
        size_t n = (size_t)rand() % 80;
        char *p = malloc(n ? n : 1);
        for (size_t i = 0; i < n; i++)
            p[i] = (char)(rand() % 4 ? 0 : rand());
        for (size_t i = 20; i + 8 < n; i += 4)
            if (rand() % 4 == 0)
                memcpy(p + i, "\0\0\x02\x64\xc0\0\0", 7);
        mask_diameter(p, n);
        mask_sip(p, n);
        free(p);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(in_sip), cmocka_unit_test(in_diameter),
                                       cmocka_unit_test(in_broken_diameter)};
    return cmocka_run_group_tests_name("app_mask", tests, NULL, NULL);
}
