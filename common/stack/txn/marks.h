// SPDX-License-Identifier: Apache-2.0
// Who failed lately, by a hash of its name or address: a small table of marks that are forgiven
// after a time. Then one request goes there to see (the probe), and the others follow when it was
// answered; a probe that fails too makes the next time twice as long.
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
    MARKS_MAX = 64,         // beyond it the mark that is forgiven first goes
    MARKS_DOUBLINGS = 3,    // the longest time is so many doublings of the first
    MARKS_PROBE_MS = 10000, // a probe that nothing was heard of for so long makes room for the next
};

struct mark {
    uint64_t key;
    uint64_t until;   // ms of loop time
    uint8_t failures; // in a row, from 1
    bool probing;     // until is the end of the probe
};

struct marks {
    struct mark v[MARKS_MAX];
    size_t n;
};

// It failed: marked for ms, or for longer when it was marked before and not answered since.
void marks_set(struct marks *m, uint64_t key, uint64_t now_ms, uint32_t ms);
// It answered.
void marks_clear(struct marks *m, uint64_t key);
// Is it to be avoided? With probe, a mark whose time is over answers no, once: that is the probe.
bool marks_has(struct marks *m, uint64_t key, uint64_t now_ms, bool probe);
