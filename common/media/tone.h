// SPDX-License-Identifier: Apache-2.0
// Test tones: a sine generator and its detection with the Goertzel algorithm.
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct tone_source {
    double phase, step; // radians
    double amplitude;
};

// hz at a sampling rate in Hz; level in dB relative to full scale, e.g. -12.
void tone_source_init(struct tone_source *t, double hz, double rate, double level_db);
void tone_source_read(struct tone_source *t, int16_t *ret_samples, size_t n);

// Measures in blocks of 20 ms how much of the power lies at one frequency.
struct tone_detector {
    double coeff, s1, s2; // Goertzel recurrence of the present block
    double block_power;
    size_t in_block, block;
    uint64_t blocks, hits;
};

void tone_detector_init(struct tone_detector *d, double hz, double rate);
void tone_detector_write(struct tone_detector *d, const int16_t *samples, size_t n);
// At least half of the blocks held mainly this tone, and at least min_blocks did.
bool tone_detector_heard(const struct tone_detector *d, uint64_t min_blocks);
