// SPDX-License-Identifier: Apache-2.0
#include "stack/session/machine.h"

#include "base/mem.h"

const struct session_timer_row session_timer_rows[SESSION_TIMER_COUNT] = {
#define X(name, text, ms, clause) {text, ms, clause},
    SESSION_TIMER_TABLE(X)
#undef X
};

static uint64_t now_ms(const struct machine *m)
{
    return loop_now(m->loop) / 1000000;
}

// The event of the first timer has the first place, any other one the second.
static size_t place_of(const struct machine *m, unsigned timer)
{
    const struct fsm_timer *t = m->kind->fsm.timers;
    return t[timer].event == t[1].event ? 0 : 1;
}

static void ring(struct machine *m, size_t place)
{
    unsigned timer = m->runs[place];
    m->runs[place] = 0;
    (void)machine_step(m, m->kind->fsm.timers[timer].event, NULL);
}

static void on_first(void *arg)
{
    ring(arg, 0);
}

static void on_second(void *arg)
{
    ring(arg, 1);
}

void machine_init(struct machine *m, const struct machine_kind *k, struct loop *l,
                  const struct sip_timers *sip, void *owner)
{
    *m =
        (struct machine){.kind = k, .loop = l, .sip = sip ? sip : &sip_timers_core, .owner = owner};
    timer_init(&m->timers[0], on_first, m);
    timer_init(&m->timers[1], on_second, m);
    fsm_start(&k->fsm, &m->state);
}

void machine_done(struct machine *m)
{
    for (size_t i = 0; i < MACHINE_TIMERS; i++)
        timer_stop(&m->timers[i]);
}

bool machine_step(struct machine *m, unsigned event, void *arg)
{
    return fsm_step(&m->kind->fsm, &m->state, event, m, arg) == 0;
}

uint64_t machine_doubled(struct machine *m, uint64_t first, uint64_t most)
{
    uint64_t ms = m->interval ? m->interval * UINT64_C(2) : first;
    m->interval = (uint32_t)(ms < most ? ms : most);
    return m->interval;
}

static uint64_t lasts(struct machine *m, unsigned timer)
{
    unsigned row = m->kind->fsm.timers[timer].lasts;
    uint64_t ms = row & SESSION_TIMER_SIP ? sip_timer_ms(m->sip, row & ~SESSION_TIMER_SIP)
                                          : session_timer_rows[row].ms;
    return m->kind->reckon ? m->kind->reckon(m, timer, ms) : ms;
}

void machine_arm(void *machine, unsigned timer)
{
    struct machine *m = machine;
    size_t place = place_of(m, timer);
    uint64_t ms = lasts(m, timer);
    m->runs[place] = (uint8_t)timer;
    m->due[place] = now_ms(m) + ms;
    timer_start(m->loop, &m->timers[place], ms);
}

void machine_stop(void *machine, uint32_t runs)
{
    struct machine *m = machine;
    for (size_t i = 0; i < MACHINE_TIMERS; i++)
        if (m->runs[i] && !(runs & MACHINE_BIT(m->runs[i]))) {
            timer_stop(&m->timers[i]);
            m->runs[i] = 0;
        }
    if (!m->runs[0])
        m->interval = 0;
}

static uint64_t left_ms(const struct machine *m, size_t place)
{
    uint64_t now = now_ms(m);
    return m->runs[place] && m->due[place] > now ? m->due[place] - now : 0;
}

uint64_t machine_left_ms(const struct machine *m, unsigned timer)
{
    size_t place = place_of(m, timer);
    return m->runs[place] == timer ? left_ms(m, place) : 0;
}

const char *machine_next_timer(const struct machine *m, uint64_t *ret_left_ms)
{
    size_t i = !m->runs[0] || (m->runs[1] && m->due[1] < m->due[0]) ? 1 : 0;
    if (!m->runs[i])
        return NULL;
    *ret_left_ms = left_ms(m, i);
    return m->kind->fsm.timers[m->runs[i]].name;
}
