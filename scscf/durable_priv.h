// SPDX-License-Identifier: Apache-2.0
// Inside of durable.h: durable.c keeps registrations, durable_parts.c service parts.
#pragma once

#include "base/map.h"
#include "scscf/durable.h"
#include "xml/profile_record.h"

struct durable {
    struct durable_params p;
    struct registrar_observer observer;
    struct keep_kind registrations, parts;
    struct timer sweep;
    bool loading;
    uint64_t last_id, late;        // late: whose time was over at the start
    struct map by_entry, by_name;  // struct part
    uint32_t last_part;
};

// ---- durable_parts.c ----

void durable_parts_init(struct durable *d);
void durable_parts_done(struct durable *d);
int durable_parts_load(struct durable *d);
// Has the parts of a profile kept. ERR_NOMEM.
int durable_parts_keep(struct durable *d, const struct profile *p);
// Is a part of it not, or not known to be, on the disk?
bool durable_parts_pend(struct durable *d, const struct profile *p);
// The number of a part that is kept; 0: it is not.
uint32_t durable_part_name(const struct durable *d, const struct service_entry *entry);
struct service_entry *durable_part_find(void *durable, uint32_t name);
