// SPDX-License-Identifier: Apache-2.0
// Key rings. What is read as one is one when it is written again; a ring made of the input comes back, and not with a change in it.
#include "app/keyring.h"
#include "base/err.h"
#include "fuzz.h"

static struct keyring ring_of(struct str input)
{
    struct keyring_seed seed = {.id = (uint32_t)input.n * 0x10001u};
    uint8_t secret[KEYRING_SECRET] = {0};
    memcpy(seed.first, input.p ? input.p : "", input.n < sizeof seed.first ? input.n : sizeof seed.first);
    struct keyring r = keyring_make(&seed, input.n);
    for (size_t i = 0; i < input.n % KEYRING_MAX; i++) {
        secret[0] = (uint8_t)input.p[i];
        keyring_add(&r, secret, KEYRING_MAX - 1, input.n + i);
    }
    return r;
}

static void round_trip(struct str input)
{
    char text[KEYRING_TEXT_MAX];
    struct keyring r = ring_of(input), back;
    struct writer w = writer_init(text, sizeof text);
    keyring_write(&r, &w);
    MUST(!w.failed && keyring_parse(writer_done(&w), &back) == 0);
    MUST(memcmp(&back, &r, sizeof r) == 0);
    size_t at = input.n * 7 % w.n;
    MUST(keyring_parse(str_make(text, at), &back) == ERR_MORE);
    text[at] = (char)(text[at] ^ 1);
    MUST(keyring_parse(writer_done(&w), &back));
}

void fuzz_keyring(struct str input)
{
    char text[KEYRING_TEXT_MAX];
    struct keyring r, again;
    struct writer w = writer_init(text, sizeof text);
    if (keyring_parse(input, &r) == 0) {
        keyring_write(&r, &w);
        MUST(!w.failed && keyring_parse(writer_done(&w), &again) == 0);
        MUST(memcmp(&again, &r, sizeof r) == 0);
    }
    round_trip(input);
}
