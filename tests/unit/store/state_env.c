// SPDX-License-Identifier: Apache-2.0
#include "state_env.h"

#include <stdio.h>

#include "base/err.h"
#include "base/log.h"
#include "base/mem.h"

static struct {
    char text[64][256];
    unsigned n;
} lines;

static void on_line(void *arg, enum log_level level, struct str line)
{
    (void)arg;
    if (level <= LOG_WARN)
        (void)snprintf(lines.text[lines.n++ % 64], sizeof(lines.text[0]), "%.*s", STR_ARG(line));
}

void lines_catch(void)
{
    lines.n = 0;
    log_set_sink(on_line, NULL);
}

unsigned lines_with(const char *text)
{
    unsigned n = 0;
    for (unsigned i = 0; i < lines.n && i < 64; i++)
        n += strstr(lines.text[i], text) != NULL;
    return n;
}

void world_new(struct world *w, uint64_t seed)
{
    *w = (struct world){0};
    assert_int_equal(sim_new(seed, &w->sim), 0);
    assert_int_equal(sim_disk_new(seed, &w->disk), 0);
    w->params.disk = w->disk;
}

int world_open(struct world *w, char *why, size_t size)
{
    assert_int_equal(sim_node(w->sim, "node", &w->loop), 0);
    int err = state_open_log(w->loop, &w->params, why, size, &w->state);
    if (err) {
        loop_free(w->loop);
        w->loop = NULL;
    }
    return err;
}

void world_start(struct world *w)
{
    char why[160] = "";
    if (world_open(w, why, sizeof(why)) != 0)
        fail_msg("%s", why);
}

void world_kill(struct world *w)
{
    sim_crash(w->sim, w->loop);
    state_close(w->state);
    loop_free(w->loop);
    w->state = NULL;
    w->loop = NULL;
}

void world_end(struct world *w)
{
    if (w->loop)
        world_kill(w);
    sim_free(w->sim);
    disk_free(w->disk);
}

void world_run(struct world *w)
{
    (void)sim_run(w->sim, sim_now_ms(w->sim) + 500);
}

static void on_done(void *arg, uint64_t id, int err, const struct state_record *r)
{
    struct came *c = arg;
    c->times++;
    c->err = err;
    c->id = id;
    c->version = r->version;
    (void)snprintf(c->value, sizeof(c->value), "%.*s", STR_ARG(r->value));
}

struct state_done came_done(struct came *c)
{
    *c = (struct came){0};
    return (struct state_done){on_done, c, 7};
}

struct came put(struct world *w, const char *key, const char *value, uint64_t if_version)
{
    struct came c;
    assert_int_equal(state_put(w->state, str_from(key), str_from(value), if_version, came_done(&c)),
                     0);
    assert_int_equal(c.times, 0);
    world_run(w);
    assert_int_equal(c.times, 1);
    return c;
}

struct came del(struct world *w, const char *key, uint64_t if_version)
{
    struct came c;
    assert_int_equal(state_delete(w->state, str_from(key), if_version, came_done(&c)), 0);
    world_run(w);
    assert_int_equal(c.times, 1);
    return c;
}

struct came get(struct world *w, const char *key)
{
    struct came c;
    assert_int_equal(state_get(w->state, str_from(key), came_done(&c)), 0);
    world_run(w);
    assert_int_equal(c.times, 1);
    return c;
}

struct dump {
    char *text;
    size_t n, size;
    char last[STATE_KEY_MAX];
    size_t last_n;
    bool more;
    int err;
};

static void on_page(void *arg, uint64_t id, int err, const struct state_record *rs, size_t n,
                    bool more)
{
    struct dump *d = arg;
    (void)id;
    d->err = err;
    d->more = more;
    for (size_t i = 0; i < n; i++) {
        d->n += (size_t)snprintf(d->text + d->n, d->size - d->n, "%.*s=%.*s;", STR_ARG(rs[i].key),
                                 STR_ARG(rs[i].value));
        assert_true(d->n < d->size);
        memcpy(d->last, rs[i].key.p, rs[i].key.n);
        d->last_n = rs[i].key.n;
    }
}

void dump(struct world *w, const char *prefix, size_t page, char *ret_text, size_t size)
{
    struct dump d = {.text = ret_text, .size = size};
    ret_text[0] = '\0';
    do {
        struct str after = d.last_n ? str_make(d.last, d.last_n) : STR_NONE;
        d.err = -1;
        d.more = false;
        assert_int_equal(state_scan(w->state, str_from(prefix), after, page, on_page, &d, 0), 0);
        world_run(w);
        assert_int_equal(d.err, 0);
    } while (d.more);
}
