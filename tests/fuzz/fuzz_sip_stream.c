// SPDX-License-Identifier: Apache-2.0
// Framing: a byte that seeds the sizes, then a stream. In pieces of any size it gives the same
// messages as in one, and each is as long as it was said to be.
#include "base/err.h"
#include "fuzz.h"
#include "sip/msg.h"
#include "tests/common/wire.h"

enum { FRAMES_MAX = 64 };

struct frames {
    size_t at[FRAMES_MAX], len[FRAMES_MAX], n;
    int end; // 0: all there is was taken
};

// As a transport reads: what has come so far is looked at again whenever more has come.
static void frame(struct str stream, uint32_t step, struct frames *f)
{
    size_t from = 0, have = 0;
    *f = (struct frames){.end = 0};
    while (f->n < FRAMES_MAX) {
        size_t skip = 0, len = 0;
        struct str window = str_make(stream.p + from, have - from);
        int e = window.n ? wire_frame(window, &skip, &len) : ERR_MORE;
        if (e == ERR_MORE) {
            if (have == stream.n)
                return;
            have += 1 + step % 97;
            have = have > stream.n ? stream.n : have;
            step = step * 1103515245 + 12345;
            continue;
        }
        f->end = e;
        if (e)
            return;
        MUST(skip + len > 0 && skip + len <= window.n);
        f->at[f->n] = from + skip;
        f->len[f->n++] = len;
        from += skip + len;
    }
}

void fuzz_sip_stream(struct str input)
{
    static struct frames whole, pieces;
    uint8_t seed = fuzz_byte(&input);
    if (!input.n)
        return;
    size_t skip = 0, len = 0, from = 0;
    whole = (struct frames){.end = 0};
    while (from < input.n && whole.n < FRAMES_MAX) {
        whole.end = wire_frame(str_skip(input, from), &skip, &len);
        if (whole.end)
            break;
        MUST(skip + len > 0 && skip + len <= input.n - from);
        whole.at[whole.n] = from + skip;
        whole.len[whole.n++] = len;
        from += skip + len;
    }
    frame(input, seed, &pieces);
    // Keep-alives between messages are seen one by one or together: what is left are the messages.
    size_t i = 0, k = 0;
    for (;;) {
        while (i < whole.n && !whole.len[i])
            i++;
        while (k < pieces.n && !pieces.len[k])
            k++;
        if (i == whole.n || k == pieces.n)
            break;
        MUST(whole.at[i] == pieces.at[k] && whole.len[i] == pieces.len[k]);
        i++;
        k++;
    }
    MUST((i == whole.n && k == pieces.n) || whole.n == FRAMES_MAX || pieces.n == FRAMES_MAX);
}
