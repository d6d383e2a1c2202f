// SPDX-License-Identifier: Apache-2.0
// A state store on a simulated node and disk, and what came back.
#pragma once

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "io/sim.h"
#include "io/sim_disk.h"
#include "store/state_log.h"

struct world {
    struct sim *sim;
    struct loop *loop;
    struct disk *disk;
    struct state *state;
    struct state_log_params params;
};

// What one operation came back with.
struct came {
    unsigned times;
    int err;
    uint64_t version, id;
    char value[64];
};

// The log's lines are counted and kept from the terminal.
void lines_catch(void);
// Warnings and errors with this text since lines_catch.
unsigned lines_with(const char *text);

void world_new(struct world *w, uint64_t seed);
// Opens the store on a new node.
int world_open(struct world *w, char *why, size_t size);
void world_start(struct world *w);
// The node is gone at once, as with kill -9.
void world_kill(struct world *w);
void world_end(struct world *w);
// Lets everything that is under way come back.
void world_run(struct world *w);

struct state_done came_done(struct came *c);
// Each waits for its answer.
struct came put(struct world *w, const char *key, const char *value, uint64_t if_version);
struct came del(struct world *w, const char *key, uint64_t if_version);
struct came get(struct world *w, const char *key);
// Every record as "key=value;", by pages of page records.
void dump(struct world *w, const char *prefix, size_t page, char *ret_text, size_t size);
