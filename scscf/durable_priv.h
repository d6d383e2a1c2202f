// SPDX-License-Identifier: Apache-2.0
// Inside of durable.h: durable.c keeps registrations, durable_parts.c service parts, durable_hold.c keeps registrations
// back whose parts are not on the disk, durable_sweep.c lets parts go that nobody has.
#pragma once

#include "base/map.h"
#include "scscf/durable.h"
#include "xml/profile_record.h"

enum { REGISTRATION_KEY = 16 }; // digits

// A service part. Its record never changes.
struct part {
    struct keep_item item;
    struct service_entry *entry; // held
    struct list unused;          // found without a user by the sweep
    struct list refused;         // by the disk, while registrations are kept back for it
    struct list waiting;         // struct held
    uint32_t name;
    bool awaited;                // part_written comes
    bool written;                // it is on the disk
    bool lost;                   // it cannot be kept, and so nobody who has it
};

struct durable {
    struct durable_params p;
    struct registrar_observer observer;
    struct keep_kind registrations, parts;
    struct timer sweep, retry;
    bool loading;
    uint64_t last_id, late;        // late: whose time was over at the start
    struct map by_entry, by_name;  // struct part
    uint32_t last_part;
    struct map held;               // by the number of the registration
    struct list refused, unused;   // struct part
    size_t swept_to;
};

// ---- durable_parts.c ----

void durable_parts_init(struct durable *d);
void durable_parts_done(struct durable *d);
int durable_parts_load(struct durable *d);
// Has the parts of a profile kept. ERR_NOMEM; ERR_INVAL: one of them cannot be.
int durable_parts_keep(struct durable *d, const struct profile *p);
// A part of it that is not, or not known to be, on the disk: *ret_part, NULL when all are. Errors as of
// durable_parts_keep.
int durable_parts_missing(const struct durable *d, const struct profile *p, struct part **ret_part);
// The number of a part that is kept; 0: it is not.
uint32_t durable_part_name(const struct durable *d, const struct service_entry *entry);
struct service_entry *durable_part_find(void *durable, uint32_t name);
struct part *durable_part_named(const struct durable *d, uint64_t name);
void durable_part_free(struct durable *d, struct part *k);

// ---- durable_hold.c ----

void durable_hold_init(struct durable *d);
void durable_hold_done(struct durable *d);
// Writes the registration as it is now, when its parts are on the disk.
void durable_write(struct durable *d, struct registration *reg);
// It has ended.
void durable_forget(struct durable *d, struct registration_kept *k);

// ---- durable_sweep.c ----

void durable_sweep_init(struct durable *d);
