// SPDX-License-Identifier: Apache-2.0
#include "base/hooks.h"

#include "base/err.h"

int hooks_add(struct hooks *h, const void *point, enum hook_side side, hook_fn run, void *arg)
{
    if (h->n == HOOKS_MAX)
        return ERR_FULL;
    h->of[h->n++] = (struct hook){point, side, run, arg};
    h->marks |= UINT64_C(1) << hooks_mark(point);
    return 0;
}

size_t hooks_find(const struct hooks *h, const void *point, enum hook_side side, size_t i)
{
    while (i < h->n && (h->of[i].point != point || h->of[i].side != side))
        i++;
    return i < h->n ? i : h->n;
}

enum step_verdict hooks_run(const struct hooks *h, const struct trigger *point, void *at)
{
    if (!hooks_has(h, point))
        return STEP_CONTINUE;
    for (size_t i = 0; (i = hooks_find(h, point, HOOK_BEFORE, i)) < h->n; i++) {
        enum step_verdict v = h->of[i].run(h->of[i].arg, at);
        if (v == STEP_DONE || v == STEP_REJECT)
            return v;
    }
    return STEP_CONTINUE;
}

enum step_verdict hook_count(void *arg, void *at)
{
    (void)at;
    ++*(uint64_t *)arg;
    return STEP_CONTINUE;
}
