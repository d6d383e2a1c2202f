// SPDX-License-Identifier: Apache-2.0
// The first pass over a message: each instruction set finds what the plain one finds.
#include "base/mem.h"
#include "fuzz.h"
#include "sip/split.h"

// What a pass leaves behind, and what it says.
struct found {
    int e;
    const char *what;
    size_t offset, n_fields, headers, blank, body;
    struct sip_field *fields;
    uint16_t first[SIP_H_COUNT];
    uint64_t delim[SIP_MSG_MAX / SPLIT_BLOCK + 3];
};

static void split_by(sip_split_fn *pass, struct sip_msg *m, struct found *ret_found)
{
    struct sip_parse_error err = {.what = NULL};
    memset(m->first, 0, sizeof m->first);
    memset(ret_found, 0, sizeof *ret_found);
    ret_found->e = pass(m, &err);
    ret_found->what = err.what;
    ret_found->offset = err.offset;
    ret_found->n_fields = m->n_fields;
    ret_found->headers = m->headers;
    ret_found->blank = m->blank;
    ret_found->body = m->body.n;
    ret_found->fields = calloc(m->n_fields + 1, sizeof *m->fields);
    MUST(ret_found->fields);
    memcpy(ret_found->fields, m->fields, m->n_fields * sizeof *m->fields);
    memcpy(ret_found->first, m->first, sizeof m->first);
    memcpy(ret_found->delim, m->delim, m->blank / SPLIT_BLOCK * sizeof *m->delim);
}

static void compare(const struct found *x, const struct found *y)
{
    MUST(x->e == y->e && x->offset == y->offset);
    MUST(str_eq(str_from(x->what), str_from(y->what)));
    MUST(x->n_fields == y->n_fields && x->headers == y->headers);
    MUST(x->blank == y->blank && x->body == y->body);
    MUST(memcmp(x->fields, y->fields, x->n_fields * sizeof *x->fields) == 0);
    MUST(memcmp(x->first, y->first, sizeof x->first) == 0);
    MUST(memcmp(x->delim, y->delim, sizeof x->delim) == 0);
}

static void split_all(struct sip_msg *m)
{
    static struct found plain, other;
    sip_split_fn *passes[SPLIT_PASSES];
    split_by(sip_split_plain, m, &plain);
    for (size_t k = 0, n = split_passes(passes); k < n; k++) {
        split_by(passes[k], m, &other);
        compare(&other, &plain);
        free(other.fields);
    }
    free(plain.fields);
}

void fuzz_sip_split(struct str input)
{
    struct sip_msg *m = NULL;
    struct sip_parse_error err;
    (void)sip_msg_parse(input, &m, &err);
    if (m) {
        // uncut again: the passes run before the length is looked at
        while (str_starts(input, STR("\r\n")))
            input = str_skip(input, 2);
        char *copy = calloc(1, input.n + 2 * SPLIT_BLOCK);
        MUST(copy);
        memcpy(copy, input.p, input.n);
        m->bytes = str_make(copy, input.n);
        split_all(m);
        free(copy);
    }
    sip_msg_unref(m);
    sip_msg_pool_drain();
}
