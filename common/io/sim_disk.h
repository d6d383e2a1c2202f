// SPDX-License-Identifier: Apache-2.0
// A disk in memory that outlives the simulated node that uses it, with what disks do on bad days. kill -9 of a node
// (sim_crash) leaves what was written, as a system that goes on does; a loss of power leaves what was synced, and of
// the rest what the seed says: whole, none, a beginning, or any of its sectors.
#pragma once

#include "io/disk.h"

int sim_disk_new(uint64_t seed, struct disk **ret_disk);
// A node takes it: the next disk_free gives it back, instead of ending it. ERR_INUSE: another has it.
int sim_disk_lend(struct disk *d);

// The power fails after so many more steps: a byte written is one, any other change (a sync too) is one. The write
// is torn at that byte; from then on every call fails with ERR_IO and does nothing. failed (may be NULL) is called
// then, on whatever is writing: it may note that the node has to be crashed, not do it.
void sim_disk_fail_after(struct disk *d, uint64_t steps, void (*failed)(void *arg), void *arg);
// Steps done so far.
uint64_t sim_disk_steps(const struct disk *d);
// Power off and on again: what the seed leaves is what there is. Files that were open are to be closed, no more.
enum sim_disk_loss { SIM_DISK_NONE, SIM_DISK_ALL, SIM_DISK_SOME }; // of what was not synced is lost
void sim_disk_power_cycle(struct disk *d, enum sim_disk_loss loss);

// Writes that would make the files larger than this together are cut short with ERR_FULL. UINT64_MAX: no bound.
void sim_disk_set_room(struct disk *d, uint64_t bytes);
// The next n changes fail with ERR_IO: of a write half is written; what a sync was to bring to the disk is not there
// after a loss of power, whatever later syncs say, unless it is written once more (a system tells of a failed
// write-back once, and holds the pages for clean from then on).
void sim_disk_break(struct disk *d, unsigned n);
// The same, of the n changes that come after the next skip.
void sim_disk_break_after(struct disk *d, uint64_t skip, unsigned n);
// Turns over the bits of one byte of a file.
int sim_disk_rot(struct disk *d, const char *name, uint64_t at);
