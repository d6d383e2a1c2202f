// SPDX-License-Identifier: Apache-2.0
// ITU-T G.711 companding, one 16-bit sample at a time.
#pragma once

#include <stdint.h>

uint8_t g711_ulaw_encode(int16_t sample);
int16_t g711_ulaw_decode(uint8_t code);
uint8_t g711_alaw_encode(int16_t sample);
int16_t g711_alaw_decode(uint8_t code);
