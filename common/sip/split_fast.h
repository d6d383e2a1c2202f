// SPDX-License-Identifier: Apache-2.0
// The first pass. The bytes of the headers are classified 64 at a time into bitmaps, one bit a
// byte, so that everything behind it steps from one interesting byte to the next. The file that
// includes this one says how: classify() and name_same().
#pragma once

#include "sip/name_index.h"
#include "sip/split.h"

// One bit for each of 64 bytes. white: SP and HTAB. delim: all but letters, digits, '-', '.', '_'.
struct masks {
    uint64_t lf, cr, white, control, delim;
};

static inline struct masks classify(const char *p);
static inline bool name_same(const char *name, const struct sip_name *x);

// What the scan leaves behind besides the bitmap of delimiters and the beginnings of the fields.
struct scan {
    size_t n;     // fields, and one more that marks where the last one ends
    size_t end;   // behind the blank line; 0: there is none
    bool clean;   // each LF has its CR, each CR its LF, no other control character but HTAB
    bool failed;  // out of memory
};

// Enters a field for each marked byte. The number of fields, which was n; SIZE_MAX: out of memory.
// Four are always written, since branches on how many there are would often be mispredicted.
static inline size_t enter_lines(struct sip_msg *m, uint64_t starts, size_t base, size_t n)
{
    size_t count = (size_t)__builtin_popcountll(starts);
    if (__builtin_expect(n + count > m->max_fields, 0) && split_fields_grow(m, n))
        return SIZE_MAX;
    for (size_t i = 0; i < SPLIT_SPARE_FIELDS; i++, starts &= starts - 1)
        m->fields[n + i].at = (uint16_t)(base + (size_t)__builtin_ctzll(starts | (uint64_t)1 << 63));
    for (size_t i = SPLIT_SPARE_FIELDS; __builtin_expect(i < count, 0); i++, starts &= starts - 1)
        m->fields[n + i].at = (uint16_t)(base + (size_t)__builtin_ctzll(starts));
    return n + count;
}

static inline struct scan scan(struct sip_msg *m)
{
    const char *p = m->bytes.p;
    uint64_t *delim = m->delim, dirty = 0, cr_before = 0, lf_before = 0, blank = 0;
    size_t i = 0, n = 0, end = 0, blocks = (m->bytes.n + SPLIT_BLOCK - 1) / SPLIT_BLOCK;
    for (; i < blocks && !blank; i++) {
        struct masks k = classify(p + i * SPLIT_BLOCK);
        uint64_t behind_cr = k.cr << 1 | cr_before, behind_lf = k.lf << 1 | lf_before;
        uint64_t wrong = (behind_cr ^ k.lf) | k.control;
        uint64_t starts = behind_lf & ~k.white; // what begins with a blank continues the line before
        blank = starts & k.cr;
        if (__builtin_expect(blank != 0, 0)) {
            uint64_t at = blank & -blank;
            k.delim |= ~(at - 1);
            wrong &= at | (at - 1);
            starts &= at | (at - 1);
            end = i * SPLIT_BLOCK + (size_t)__builtin_ctzll(at) + 2;
            end *= p[end - 1] == '\n' && end <= m->bytes.n;
        }
        delim[i] = k.delim;
        n = enter_lines(m, starts, i * SPLIT_BLOCK, n);
        if (__builtin_expect(n == SIZE_MAX, 0))
            return (struct scan){.failed = true};
        dirty |= wrong;
        cr_before = k.cr >> 63;
        lf_before = k.lf >> 63;
    }
    delim[i] = delim[i + 1] = ~(uint64_t)0;
    return (struct scan){.n = n, .end = end, .clean = !dirty};
}

// Offset of the first delimiter at or behind `at`, if it is less than 57 bytes away.
static inline size_t next_delim(const uint64_t *bitmap, size_t at)
{
    uint64_t word;
    memcpy(&word, (const char *)bitmap + at / 8, sizeof word);
    word >>= at % 8;
    return at + (size_t)__builtin_ctzll(word | (uint64_t)1 << 57);
}

// The fields of a message whose lines are clean. What does not look as usual ("Name: value", no
// further blanks) goes the long way.
static inline int fields(struct sip_msg *m, struct sip_parse_error *err)
{
    int result = 0;
    const char *p = m->bytes.p;
    const uint64_t *delim = m->delim;
    for (struct sip_field *f = m->fields, *last = f + m->n_fields; f < last; f++) {
        size_t at = f->at, end = f[1].at - 2u, name = next_delim(delim, at);
        const char *q = p + name;
        bool usual = (q[0] == ':') & (q[1] == ' ') & (q[2] > ' ') & (p[end - 1] > ' ') & (name > at);
        if (!usual) {
            if (split_field(m, f))
                result = split_complain(err, "header line", at);
            continue;
        }
        f->name_n = (uint16_t)(name - at);
        f->value = (uint16_t)(name + 2);
        f->value_n = (uint16_t)(end - name - 2);
        unsigned id = name_find(p + at, name - at, name_same);
        f->id = (uint8_t)id;
        f->again = false;
        if (__builtin_expect(m->first[id] != 0, 0))
            split_again(m, f);
        else
            m->first[id] = (uint16_t)(f - m->fields + 1);
    }
    return result;
}

static inline int split(struct sip_msg *m, struct sip_parse_error *ret_err)
{
    struct scan s = scan(m);
    if (s.failed)
        return ERR_NOMEM;
    m->n_fields = s.n ? s.n - 1 : 0;
    m->headers = s.n ? m->fields[0].at : m->bytes.n;
    m->blank = s.n ? m->fields[s.n - 1].at : m->bytes.n;
    if (!s.clean || !s.end)
        return split_dirty(m, s.end, ret_err);
    m->body = str_make(m->bytes.p + s.end, m->bytes.n - s.end);
    int start = split_start_line(m, str_head(m->bytes, m->headers - 2), ret_err);
    int e = fields(m, ret_err);
    return start ? start : e;
}
