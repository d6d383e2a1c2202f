// SPDX-License-Identifier: Apache-2.0
#include "base/writer.h"

#include <stdarg.h>
#include <stdio.h>

void writer_u64(struct writer *w, uint64_t v)
{
    char digits[20];
    size_t i = sizeof digits;
    do {
        digits[--i] = (char)('0' + v % 10);
        v /= 10;
    } while (v);
    writer_str(w, str_make(digits + i, sizeof digits - i));
}

static const char digit[] = "0123456789abcdef";

void writer_hex(struct writer *w, const void *bytes, size_t n)
{
    const unsigned char *b = bytes;
    for (size_t i = 0; i < n; i++) {
        writer_chr(w, digit[b[i] >> 4]);
        writer_chr(w, digit[b[i] & 15]);
    }
}

void writer_hex_u64(struct writer *w, uint64_t v, int width)
{
    for (int shift = (width - 1) * 4; shift >= 0; shift -= 4)
        writer_chr(w, digit[v >> shift & 15]);
}

void writer_printf(struct writer *w, const char *fmt, ...)
{
    if (w->failed)
        return;
    va_list ap;
    va_start(ap, fmt);
    size_t room = w->cap - w->n;
    int n = vsnprintf(w->p ? w->p + w->n : NULL, room, fmt, ap);
    va_end(ap);
    if (n < 0 || (size_t)n >= room)
        w->failed = true;
    else
        w->n += (size_t)n;
}
