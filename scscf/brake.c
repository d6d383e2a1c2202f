// SPDX-License-Identifier: Apache-2.0
#include "scscf/brake.h"

#include "app/app.h"
#include "base/bucket.h"
#include "base/err.h"
#include "base/mem.h"
#include "io/loop.h"

// One bucket table each.
enum brake_table {
    VECTOR_PAIR,   // user as one source sees him
    VECTOR_SOURCE, // any user
    VECTOR_FIRST,  // user, all sources that have asked for nothing yet
    VECTOR_AGAIN,  // user, all sources that have
    FAIL_PAIR,
    FAIL_SOURCE,
    FAIL_USER,     // all sources that are not his
    KNOWN,         // pair, not full: it has succeeded
    LOG_LINES,
    TABLES
};

enum { LOG_PER_S = 2, LOG_BURST = 10, AGAIN_SHARE = 10, FIRST_SECONDS = 20, SOURCE_SECONDS = 10 };

static const struct {
    const char *label, *cause;
} names[KNOWN] = {
    [VECTOR_PAIR] = {"limit=\"vectors of a user by one source\"",
                     "too many challenges asked for by this source"},
    [VECTOR_SOURCE] = {"limit=\"vectors of a source\"",
                       "too many challenges of all users asked for by this source"},
    [VECTOR_FIRST] = {"limit=\"vectors of a user by new sources\"",
                      "too many challenges of this user asked for by new sources"},
    [VECTOR_AGAIN] = {"limit=\"vectors of a user by other sources\"",
                      "too many challenges of this user asked for by other sources"},
    [FAIL_PAIR] = {"limit=\"failures of a user from one source\"",
                   "too many wrong answers from this source"},
    [FAIL_SOURCE] = {"limit=\"failures from a source\"",
                     "too many wrong answers of all users from this source"},
    [FAIL_USER] = {"limit=\"failures of a user from other sources\"",
                   "too many wrong answers for this user from other sources"},
};

struct brake {
    struct loop *loop;
    struct bucket_table *t[TABLES];
    uint64_t held[KNOWN];
};

static struct bucket_rate per_minute(uint32_t n)
{
    return (struct bucket_rate){n ? UINT64_C(60000000000) / n : 0, n};
}

static struct bucket_rate share(uint32_t n, uint32_t seconds)
{
    return bucket_per_second(n, n * seconds);
}

void brake_reload(struct brake *b, const struct brake_config *c)
{
    uint32_t again = c->vectors_per_user / AGAIN_SHARE;
    const struct bucket_rate rates[TABLES] = {
        [VECTOR_PAIR] = bucket_every_seconds(c->vector_every_s, BRAKE_VECTORS),
        [VECTOR_SOURCE] = share(c->vectors_per_source, SOURCE_SECONDS),
        [VECTOR_FIRST] = share(c->vectors_per_user, FIRST_SECONDS),
        [VECTOR_AGAIN] = share(c->vectors_per_user && !again ? 1 : again, FIRST_SECONDS),
        [FAIL_PAIR] = bucket_every_seconds(c->failure_every_s, c->failures),
        [FAIL_SOURCE] = per_minute(c->failures_per_source),
        [FAIL_USER] = per_minute(c->failures_per_user),
        [KNOWN] = bucket_every_seconds(c->known_s, 1),
        [LOG_LINES] = bucket_per_second(LOG_PER_S, LOG_BURST),
    };
    for (size_t i = 0; i < TABLES; i++)
        bucket_table_set_rate(b->t[i], rates[i]);
}

int brake_new(struct loop *loop, const struct brake_config *c, struct brake **ret_brake)
{
    struct brake *b = mem_zalloc(sizeof *b);
    int err = b ? 0 : ERR_NOMEM;
    for (size_t i = 0; !err && i < TABLES; i++) {
        size_t keys = i == LOG_LINES ? 1 : i == KNOWN ? (size_t)c->keys * 4 : c->keys;
        err = bucket_table_new(keys, (struct bucket_rate){0}, &b->t[i]);
    }
    if (err) {
        brake_free(b);
        return err;
    }
    b->loop = loop;
    brake_reload(b, c);
    *ret_brake = b;
    return 0;
}

void brake_free(struct brake *b)
{
    if (!b)
        return;
    for (size_t i = 0; i < TABLES; i++)
        bucket_table_free(b->t[i]);
    mem_free(b);
}

static uint64_t now_of(const struct brake *b)
{
    return loop_now(b->loop);
}

static uint64_t pair_of(const struct brake_key *k)
{
    return bucket_key_of(k->user, k->source);
}

// Whose bucket of KNOWN is not full has registered from there; without a limit nobody has.
static bool is_known(const struct brake *b, uint64_t pair, uint64_t now)
{
    return !bucket_is_full(b->t[KNOWN], pair, now);
}

static struct brake_verdict hold(struct brake *b, enum brake_table t, uint64_t key, uint64_t now)
{
    b->held[t]++;
    return (struct brake_verdict){bucket_retry_s(b->t[t], key, now), names[t].cause};
}

struct brake_verdict brake_vector(struct brake *b, const struct brake_key *k, bool resync)
{
    uint64_t now = now_of(b), pair = pair_of(k);
    enum brake_table by_user = bucket_is_full(b->t[VECTOR_PAIR], pair, now) ? VECTOR_FIRST
                                                                            : VECTOR_AGAIN;
    if (!bucket_take(b->t[VECTOR_PAIR], pair, now))
        return hold(b, VECTOR_PAIR, pair, now);
    if (is_known(b, pair, now))
        return (struct brake_verdict){0};
    if (!bucket_take(b->t[VECTOR_SOURCE], k->source, now))
        return hold(b, VECTOR_SOURCE, k->source, now);
    if (!resync && !bucket_take(b->t[by_user], k->user, now))
        return hold(b, by_user, k->user, now);
    return (struct brake_verdict){0};
}

struct brake_verdict brake_answer(struct brake *b, const struct brake_key *k)
{
    uint64_t now = now_of(b), pair = pair_of(k);
    if (!bucket_has(b->t[FAIL_PAIR], pair, now))
        return hold(b, FAIL_PAIR, pair, now);
    if (is_known(b, pair, now))
        return (struct brake_verdict){0};
    if (!bucket_has(b->t[FAIL_SOURCE], k->source, now))
        return hold(b, FAIL_SOURCE, k->source, now);
    if (!bucket_has(b->t[FAIL_USER], k->user, now))
        return hold(b, FAIL_USER, k->user, now);
    return (struct brake_verdict){0};
}

void brake_failed(struct brake *b, const struct brake_key *k)
{
    uint64_t now = now_of(b), pair = pair_of(k);
    (void)bucket_take(b->t[FAIL_PAIR], pair, now);
    (void)bucket_take(b->t[FAIL_SOURCE], k->source, now);
    if (!is_known(b, pair, now))
        (void)bucket_take(b->t[FAIL_USER], k->user, now);
}

void brake_succeeded(struct brake *b, const struct brake_key *k)
{
    uint64_t now = now_of(b), pair = pair_of(k);
    bucket_give(b->t[FAIL_PAIR], pair, UINT32_MAX, now);
    bucket_give(b->t[VECTOR_PAIR], pair, UINT32_MAX, now);
    bucket_give(b->t[VECTOR_SOURCE], k->source, 1, now);
    bucket_give(b->t[KNOWN], pair, 1, now); // known anew from now on
    (void)bucket_take(b->t[KNOWN], pair, now);
}

bool brake_may_log(struct brake *b)
{
    return bucket_take(b->t[LOG_LINES], 0, now_of(b));
}

void brake_metrics(const struct brake *b, struct metrics *m)
{
    uint64_t forgotten = 0;
    for (size_t i = 0; i < KNOWN; i++) {
        metrics_add(m, "scscf_held_up_total", "counter",
                    "REGISTERs refused by a measure of their source or user", names[i].label,
                    (double)b->held[i]);
        forgotten += bucket_forgotten(b->t[i]);
    }
    metrics_add(m, "scscf_held_up_forgotten_total", "counter",
                "Sources and users held up that made room for others: limits.keys is too small", "",
                (double)forgotten);
}
