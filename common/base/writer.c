// SPDX-License-Identifier: Apache-2.0
#include "base/writer.h"

#include <endian.h>
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

// Eight digits at a time: each four bits in a byte, then '0' or 'a' - 10 added to all of them at once.
static uint64_t hex_digits(uint32_t v)
{
    uint64_t x = v;
    x = (x << 16 | x) & 0x0000ffff0000ffff;
    x = (x << 8 | x) & 0x00ff00ff00ff00ff;
    x = (x << 4 | x) & 0x0f0f0f0f0f0f0f0f;
    uint64_t letters = (x + 0x0606060606060606) >> 4 & 0x0101010101010101;
    return htobe64(x + 0x3030303030303030 + letters * ('a' - '0' - 10));
}

void writer_hex_u64(struct writer *w, uint64_t v, int width)
{
    const uint64_t text[2] = {hex_digits((uint32_t)(v >> 32)), hex_digits((uint32_t)v)};
    writer_str(w, str_make((const char *)text + sizeof text - width, (size_t)width));
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
