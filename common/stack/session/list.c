// SPDX-License-Identifier: Apache-2.0
// Sessions for people: what is there, since when, and what each of its machines is waiting for.
#include "stack/session/session_priv.h"

static void put_part(struct session_line *line, const struct machine *m)
{
    struct session_part *p = &line->parts[line->n_parts++];
    p->machine = m->kind->fsm.name;
    p->state = machine_state_name(m);
    p->timer = machine_next_timer(m, &p->timer_ms);
}

static struct session_line line_of(const struct session *s)
{
    const struct machine *parts[] = {&s->rel.m, &s->change.m, &s->interval.m, &s->asking.m,
                                     &s->asked.m};
    struct session_line line = {.state = machine_state_name(&s->life),
                                .call_id = s->call_id,
                                .local_tag = s->local_tag,
                                .outgoing = s->uac,
                                .age_ms = session_now_ms(s) - s->born,
                                .legs = s->n_legs,
                                .interval_s = s->interval.se};
    if (s->leg) {
        struct dialog_info info;
        dialog_get_info(s->leg->dialog, &info);
        line.remote = info.target;
    }
    put_part(&line, &s->life);
    for (size_t i = 0; i < ARRAY_LEN(parts); i++)
        if (!machine_is_idle(parts[i]))
            put_part(&line, parts[i]);
    return line;
}

size_t session_list(const struct session_layer *l, size_t max, session_list_cb cb, void *arg)
{
    size_t n = 0;
    for (const struct list *it = l->all.next; it != &l->all && n < max; it = it->next, n++) {
        struct session_line line = line_of(LIST_ENTRY(it, struct session, link));
        cb(arg, &line);
    }
    return n;
}
