// SPDX-License-Identifier: Apache-2.0
// A stream of Diameter messages, as a connection takes it apart: framing, every length inside,
// dictionary and grammar, the typed struct. What a typed struct says is written, reads the same, and
// is then written to the same bytes.
#include <stddef.h>

#include "base/err.h"
#include "dia/base.h"
#include "dia/codec/codec.h"
#include "dia/cx.h"
#include "fuzz.h"
#include "tests/common/cx_node.h"

enum { TYPED_BYTES = 64 << 10 };

static struct dia_dict *dict;

static const struct dia_grammar *grammar_of(const struct dia_frame *f)
{
    const struct dia_interface *const *i = dia_interfaces;
    while (*i && (*i)->app != f->app)
        i++;
    const struct dia_command *c = *i ? dia_command_find(*i, f->code) : NULL;
    if (!c)
        return NULL;
    return f->flags & DIA_CMD_R ? c->in : f->flags & DIA_CMD_E ? &dia_error_grammar : c->out;
}

// Reads bytes by g and writes what was read; false when they break the grammar.
static bool pass_on(const struct dia_grammar *g, struct str bytes, struct dia_bytes *ret_bytes)
{
    static _Alignas(max_align_t) char typed[TYPED_BYTES];
    struct dia_frame f;
    struct dia_fault fault = {0};
    struct dia_read read;
    MUST(g->size <= sizeof typed);
    if (dia_frame_parse(dict, bytes, &f, &fault)) {
        MUST(fault.code && fault.why);
        return false;
    }
    int e = dia_decode(dict, &f, g, typed, &read, &fault);
    if (e) {
        MUST(e != ERR_BAD || fault.code);
        return false;
    }
    struct dia_header h = {f.flags, f.code, f.app, f.hbh, f.ete};
    e = dia_encode(dict, g, typed, &h, ret_bytes);
    dia_read_done(&read);
    MUST(e == 0 || e == ERR_TOOBIG);
    return e == 0;
}

static void one(struct str bytes)
{
    struct dia_frame f;
    struct dia_fault fault = {0};
    const struct dia_grammar *g;
    struct arena a;
    struct dia_bytes once = {0}, twice = {0};
    int e = dia_frame_parse(dict, bytes, &f, &fault);
    MUST(e == 0 || (e == ERR_BAD && fault.code && fault.why));
    arena_init(&a, NULL, 0);
    if (!e) {
        MUST(dia_frame_copy(&f, 284, &a).n <= bytes.n); // Proxy-Info
        MUST(dia_frame_search(dict, &f, 1, 0).n <= bytes.n);
    }
    arena_done(&a);
    if (!e && (g = grammar_of(&f)) && pass_on(g, bytes, &once)) {
        struct str s = str_make((const char *)once.p, once.n);
        MUST(pass_on(g, s, &twice));
        MUST(once.n == twice.n && memcmp(once.p, twice.p, once.n) == 0);
    }
    dia_bytes_free(&once);
    dia_bytes_free(&twice);
}

void fuzz_dia(struct str input)
{
    size_t n, before;
    if (!dict)
        MUST(dia_dict_ref(cx_apps, 1, &dict) == 0);
    while (input.n) {
        // a part of a message never says another length than the whole
        int e = dia_frame_length(input, &n), part = dia_frame_length(str_head(input, 8), &before);
        MUST(e == 0 || e == ERR_MORE || e == ERR_BAD);
        MUST(e != 0 || (n >= DIA_HEADER && n <= input.n && n % 4 == 0));
        MUST(e != 0 || part != ERR_BAD);
        if (e)
            return;
        char *copy = malloc(n); // reading behind it is seen
        MUST(copy);
        memcpy(copy, input.p, n);
        one(str_make(copy, n));
        free(copy);
        input = str_skip(input, n);
    }
}
