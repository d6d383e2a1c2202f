// SPDX-License-Identifier: Apache-2.0
// Where things are in a simulated network: addresses from text, and the records of its DNS. What cannot be ends the
// program (must.h).
#pragma once

#include "io/sim.h"

// "192.0.2.1", "192.0.2.1:5070", "[2001:db8::1]:5060"; port 5060 when none is given.
struct addr place(const char *text);
// The same with another port for who gives none.
struct addr place_port(const char *text, uint16_t port);

// Records of 60 seconds: A or AAAA, SRV, NAPTR (flag "s").
void place_host(struct sim *sim, const char *name, const char *ip);
void place_srv(struct sim *sim, const char *name, uint16_t priority, uint16_t weight, const char *target,
               uint16_t port);
void place_naptr(struct sim *sim, const char *name, uint16_t order, const char *service, const char *replacement);

// Runs for so long from now.
void pass_ms(struct sim *sim, uint64_t ms);
