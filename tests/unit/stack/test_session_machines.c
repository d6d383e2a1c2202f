// SPDX-License-Identifier: Apache-2.0
// Every pair of state and event of a session and of its offers, as written down here a second time:
// where a row leads, and that nothing else is declared (RFC 3261 13 to 15, RFC 3264 4).
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/mem.h"
#include "stack/session/actions.h"

struct expected {
    uint8_t state, event, next;
};

static const struct expected session_rows[] = {
    {SS_CALLING, SE_EARLY, SS_EARLY},
    {SS_CALLING, SE_OK, SS_UP},
    {SS_CALLING, SE_REFUSED, SS_ENDED},
    {SS_CALLING, SE_HANG_UP, SS_CANCELLING},
    {SS_CALLING, SE_DROP, SS_ENDED},
    {SS_EARLY, SE_EARLY, SS_EARLY},
    {SS_EARLY, SE_OK, SS_UP},
    {SS_EARLY, SE_REFUSED, SS_ENDED},
    {SS_EARLY, SE_HANG_UP, SS_CANCELLING},
    {SS_EARLY, SE_BYE, SS_CANCELLING},
    {SS_EARLY, SE_DROP, SS_ENDED},
    {SS_CANCELLING, SE_EARLY, SS_CANCELLING},
    {SS_CANCELLING, SE_OK, SS_ENDING},
    {SS_CANCELLING, SE_REFUSED, SS_ENDED},
    {SS_CANCELLING, SE_BYE, SS_CANCELLING},
    {SS_CANCELLING, SE_DROP, SS_ENDED},
    {SS_RINGING, SE_ACCEPT, SS_ANSWERED},
    {SS_RINGING, SE_REJECT, SS_ENDED},
    {SS_RINGING, SE_CANCELLED, SS_ENDED},
    {SS_RINGING, SE_BYE, SS_ENDED},
    {SS_RINGING, SE_LOST, SS_ENDED},
    {SS_RINGING, SE_DROP, SS_ENDED},
    {SS_ANSWERED, SE_ACK, SS_UP},
    {SS_ANSWERED, SE_NO_ACK, SS_ENDING},
    {SS_ANSWERED, SE_LOST, SS_ENDED},
    {SS_ANSWERED, SE_HANG_UP, SS_LEAVING},
    {SS_ANSWERED, SE_BYE, SS_ENDED},
    {SS_ANSWERED, SE_DROP, SS_ENDED},
    {SS_LEAVING, SE_ACK, SS_ENDING},
    {SS_LEAVING, SE_NO_ACK, SS_ENDING},
    {SS_LEAVING, SE_BYE, SS_ENDED},
    {SS_LEAVING, SE_DROP, SS_ENDED},
    {SS_UP, SE_HANG_UP, SS_ENDING},
    {SS_UP, SE_NO_ACK, SS_ENDING},
    {SS_UP, SE_BYE, SS_ENDED},
    {SS_UP, SE_DROP, SS_ENDED},
    {SS_ENDING, SE_OVER, SS_ENDED},
    {SS_ENDING, SE_BYE, SS_ENDED},
    {SS_ENDING, SE_DROP, SS_ENDED},
};

static const struct expected offer_rows[] = {
    {OA_STABLE, OE_SEND_OFFER, OA_SENT},      {OA_STABLE, OE_RECV_OFFER, OA_RECEIVED},
    {OA_SENT, OE_RECV_ANSWER, OA_STABLE},     {OA_SENT, OE_WITHDRAW, OA_STABLE},
    {OA_RECEIVED, OE_SEND_ANSWER, OA_STABLE}, {OA_RECEIVED, OE_WITHDRAW, OA_STABLE},
};

static const struct fsm_row *row_of(const struct fsm *m, unsigned state, unsigned event)
{
    for (size_t i = 0; i < m->n_rows; i++)
        if (m->rows[i].state == state && m->rows[i].event == event)
            return &m->rows[i];
    return NULL;
}

static void walk(const struct fsm *m, const struct expected *e, size_t n)
{
    assert_int_equal(m->n_rows, n); // no pair twice, since each is found below
    for (unsigned state = 0; state < m->n_states; state++)
        for (unsigned event = 0; event < m->n_events; event++) {
            const struct fsm_row *r = row_of(m, state, event);
            size_t i = 0;
            while (i < n && (e[i].state != state || e[i].event != event))
                i++;
            assert_int_equal(r != NULL, i < n);
            if (r)
                assert_int_equal(r->next, e[i].next);
        }
}

static void session(void **state)
{
    walk(&session_machine, session_rows, ARRAY_LEN(session_rows));
}

static void offer(void **state)
{
    walk(&offer_machine, offer_rows, ARRAY_LEN(offer_rows));
}

// RFC 3264 4: only one exchange at a time.
static void one_exchange_at_a_time(void **state)
{
    struct leg g = {.oa = OA_STABLE};
    assert_true(offer_step(&g, OE_SEND_OFFER));
    assert_false(offer_step(&g, OE_SEND_OFFER));
    assert_false(offer_step(&g, OE_RECV_OFFER));
    assert_false(g.described);
    assert_true(offer_step(&g, OE_RECV_ANSWER));
    assert_true(g.described);
    assert_false(offer_step(&g, OE_RECV_ANSWER));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(session),
        cmocka_unit_test(offer),
        cmocka_unit_test(one_exchange_at_a_time),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
