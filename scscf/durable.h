// SPDX-License-Identifier: Apache-2.0
// The registrar beyond the process: what is there is kept on the disk (store/keep.h) and read at the next start, before
// anybody is served.
//
// A change's journey: the registrar tells of it, the registration's record is written as a whole at the end of the
// loop's turn, and a REGISTER waits for that before it is answered (durable_wait). The record of one that ends goes in
// the turn in which the note for the HSS (outbox.h) comes, so that a crash finds either both or neither. Service parts
// of profiles, which thousands of users share, are records of their own, and on the disk before a registration that
// names them. Of a part that could not be read again nothing is written, nor is who has it.
//
//   svc/00000001           a service part, as the HSS sent it
//   reg/0000000000000001   a registration (registration_record.h)
//   out/0000000000000001   a note for the HSS
#pragma once

#include "scscf/registrar.h"
#include "store/keep.h"

struct durable;

struct durable_params {
    struct loop *loop;
    struct keep *keep;
    struct registrar *registrar;
    struct profile_store *profiles;
    uint32_t max_s; // of a registration: what a clock that has jumped makes longer is cut
    bool salvage;   // what cannot be read is dropped, with a line in the log for each, instead of ERR_BAD
};

enum { DURABLE_FORMAT = 1 }; // of the folder (keep_params)

int durable_new(const struct durable_params *p, struct durable **ret_durable);
// When the keep has been closed, and before the registrar goes. Takes NULL.
void durable_free(struct durable *d);
void durable_set_max(struct durable *d, uint32_t max_s);

// Reads what there is; blocks. Before any change. Whose time was over while the node was away ends within seconds or,
// of many, minutes, so that the HSS can follow. A failure has been logged, and leaves a part of it in the registrar.
int durable_load(struct durable *d);

// As keep_wait: until the registration as it is now is on the disk.
int durable_wait(struct durable *d, struct registration *reg, keep_cb cb, void *arg, uint64_t id);
// The same until the record of one that has ended, of the number that it had (registration_kept), is gone.
int durable_wait_gone(struct durable *d, uint64_t number, keep_cb cb, void *arg, uint64_t id);

size_t durable_parts(const struct durable *d); // service parts kept
