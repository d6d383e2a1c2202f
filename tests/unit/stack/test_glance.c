// SPDX-License-Identifier: Apache-2.0
// What a look at a datagram tells overload control: only a request that is clearly new is one to
// drop.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/mem.h"
#include "stack/txn/glance.h"

#define VIA "Via: SIP/2.0/UDP 192.0.2.1;branch=z9hG4bK-t\r\nTest: tag=1\r\n"
#define TO "To: <sip:b@x>\r\n"
#define AUTH "Authorization: Digest username=\"u\", "

static const struct {
    const char *text;
    bool new, machine;
} rows[] = {
    {"INVITE sip:b@x SIP/2.0\r\n" VIA TO "\r\n", true, false},
    {"INVITE sip:b@x SIP/2.0\r\n" VIA "t:<sip:b@x>\r\n\r\n", true, false},
    {"MESSAGE sip:b@x SIP/2.0\r\n" VIA "TO : <sip:b@x>\r\n\r\nTo: x;tag=1", true, false},
    {"SUBSCRIBE sip:b@x SIP/2.0\r\n" TO "\r\n", true, false},
    {"REGISTER sip:x SIP/2.0\r\n" VIA TO "\r\n", true, true},
    {"REGISTER sip:x SIP/2.0\r\n" VIA TO AUTH "nonce=\"\", response=\"\"\r\n\r\n", true, true},
    {"REGISTER sip:x SIP/2.0\r\n" VIA AUTH "nonce=\"\"\r\n" TO "\r\n", true, true},
    // a dialog, by its To tag
    {"INVITE sip:b@x SIP/2.0\r\n" VIA "To: <sip:b@x>;tag=1\r\n\r\n", false, false},
    {"INVITE sip:b@x SIP/2.0\r\n" VIA "To: <sip:b@x> ; TAG = 1\r\n\r\n", false, false},
    {"INVITE sip:b@x SIP/2.0\r\n" VIA "To: <sip:b@x>;x=1;tag=1\r\n\r\n", false, false},
    {"INVITE sip:b@x SIP/2.0\r\n" VIA "To: <sip:b@x;x=tag>;tab=1\r\n\r\n", true, false},
    {"INVITE sip:b@x SIP/2.0\r\nt: <sip:b@x> ; TAG=1\r\n\r\n", false, false},
    {"INVITE sip:b@x SIP/2.0\r\nTo: <sip:b@x>\r\n ;tag=1\r\n\r\n", false, false},
    // credentials
    {"REGISTER sip:x SIP/2.0\r\n" VIA TO AUTH "response=\"0f\"\r\n\r\n", false, true},
    {"REGISTER sip:x SIP/2.0\r\n" VIA TO AUTH "response = \"\"\r\n\r\n", false, true},
    {"REGISTER sip:x SIP/2.0\r\n" VIA TO AUTH "response=\"\", auts=\"0f\"\r\n\r\n", false, true},
    {"REGISTER sip:x SIP/2.0\r\n" VIA TO "Authorization: Digest\r\n response=\"0f\"\r\n\r\n", false,
     true},
    // never refused, or unknown
    {"INVITE urn:service:sos SIP/2.0\r\n" VIA TO "\r\n", false, false},
    {"INVITE URN:Service:SOS.fire SIP/2.0\r\n" VIA TO "\r\n", false, false},
    {"ACK sip:b@x SIP/2.0\r\n" VIA TO "\r\n", false, false},
    {"CANCEL sip:b@x SIP/2.0\r\n" VIA TO "\r\n", false, false},
    {"BYE sip:b@x SIP/2.0\r\n" VIA TO "\r\n", false, false},
    {"PRACK sip:b@x SIP/2.0\r\n" VIA TO "\r\n", false, false},
    {"SIP/2.0 200 OK\r\n" VIA TO "\r\n", false, false},
    {"invite sip:b@x SIP/2.0\r\n" VIA TO "\r\n", false, false},
    // no To to be seen
    {"INVITE sip:b@x SIP/2.0\r\n" VIA "\r\n" TO, false, false},
    {"INVITE sip:b@x SIP/2.0", false, false},
    {"INVITE", false, false},
    {"", false, false},
};

static void each_row(void **state)
{
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        bool machine = !rows[i].machine;
        enum overload_class c = glance_class(str_from(rows[i].text), &machine);
        enum overload_class want = rows[i].new ? OVERLOAD_NEW : OVERLOAD_KEPT;
        if (c != want || machine != rows[i].machine)
            fail_msg("row %zu: class %d, machine %d", i, (int)c, machine);
    }
}

// No byte beyond the end is looked at, wherever it ends.
static void each_truncation(void **state)
{
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct str whole = str_from(rows[i].text);
        for (size_t n = 0; n < whole.n; n++) {
            char *copy = n ? mem_alloc(n) : NULL;
            bool machine;
            if (n)
                memcpy(copy, whole.p, n);
            (void)glance_class(str_make(copy, n), &machine);
            mem_free(copy);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_row),
        cmocka_unit_test(each_truncation),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
