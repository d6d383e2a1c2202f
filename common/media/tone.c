// SPDX-License-Identifier: Apache-2.0
#include "media/tone.h"

#include <math.h>

static const double two_pi = 6.283185307179586;
// Share of a block's power that must be at the frequency, and the least mean square that counts.
static const double share = 0.7, floor_power = 100.0;

void tone_source_init(struct tone_source *t, double hz, double rate, double level_db)
{
    *t = (struct tone_source){.step = two_pi * hz / rate,
                              .amplitude = 32767.0 * pow(10.0, level_db / 20.0)};
}

void tone_source_read(struct tone_source *t, int16_t *ret_samples, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        ret_samples[i] = (int16_t)lrint(t->amplitude * sin(t->phase));
        t->phase += t->step;
        if (t->phase > two_pi)
            t->phase -= two_pi;
    }
}

void tone_detector_init(struct tone_detector *d, double hz, double rate)
{
    *d = (struct tone_detector){.coeff = 2.0 * cos(two_pi * hz / rate),
                                .block = (size_t)(rate / 50.0)};
}

// Goertzel's energy of a pure tone over n samples is n/2 times the sum of squares.
static void end_block(struct tone_detector *d)
{
    double energy = d->s1 * d->s1 + d->s2 * d->s2 - d->coeff * d->s1 * d->s2;
    double n = (double)d->block;
    d->blocks++;
    if (d->block_power / n > floor_power && energy > share * d->block_power * n / 2.0)
        d->hits++;
    d->s1 = d->s2 = d->block_power = 0;
    d->in_block = 0;
}

void tone_detector_write(struct tone_detector *d, const int16_t *samples, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        double x = samples[i], s0 = x + d->coeff * d->s1 - d->s2;
        d->s2 = d->s1;
        d->s1 = s0;
        d->block_power += x * x;
        if (++d->in_block == d->block)
            end_block(d);
    }
}

bool tone_detector_heard(const struct tone_detector *d, uint64_t min_blocks)
{
    return d->hits >= min_blocks && d->hits * 2 >= d->blocks;
}
