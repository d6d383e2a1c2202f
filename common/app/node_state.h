// SPDX-License-Identifier: Apache-2.0
// Options of a node that keeps state beyond its process (store/keep.h), and how it comes to it. A network function
// has NODE_STATE_ROWS in its table, opens and loads in its start before anything listens, gives the keep to the daemon
// (struct app_nf) for `carillon-ctl NF state`, adds node_state_metrics to its own, asks node_state_ready in its ready,
// flushes when it has drained, and closes it first of all when it ends.
#pragma once

#include "app/app.h"
#include "store/keep.h"

struct node_state {
    struct str dir; // empty: NF in the directory $CARILLON_STATE, else in /var/lib/carillon; "none": nothing is kept
    uint32_t max_mib, garbage_mib;
    bool salvage, durable;
};

// clang-format off
// Rows for a table of struct conf_row; `at` is the offset of the struct node_state in the NF's.
#define NODE_STATE_AT(at, field) ((at) + offsetof(struct node_state, field))
#define NODE_STATE_ROWS(at)                                                                        \
    {.name = "state.dir", .type = CONF_STR, .offset = NODE_STATE_AT(at, dir), .def = "",           \
     .form = CONF_FORM_FOLDER, .fixed = true,                                                      \
     .help = "Folder of this node alone for what outlives the process (registrations), made with mode 0700 when it " \
             "is not there; when empty NF in the directory $CARILLON_STATE, or in /var/lib/carillon without it; "    \
             "\"none\" keeps nothing: after a restart each phone has to register anew."},          \
    {.name = "state.max_size", .type = CONF_U32, .offset = NODE_STATE_AT(at, max_mib), .def = "4096", .min = 1,      \
     .max = 1048576, .unit = "MiB", .fixed = true,                                                 \
     .help = "Records at most, as they lie on the disk; the files may become three times that. Beyond it what is new "\
             "is not kept."},                                                                      \
    {.name = "state.garbage", .type = CONF_U32, .offset = NODE_STATE_AT(at, garbage_mib), .def = "16", .min = 1,     \
     .max = 1048576, .unit = "MiB", .fixed = true,                                                 \
     .help = "What may lie in the files without being of use any more, beside as much as there is of use, before a " \
             "snapshot takes their place."},                                                       \
    {.name = "state.salvage", .type = CONF_BOOL, .offset = NODE_STATE_AT(at, salvage), .def = "false", .fixed = true,\
     .help = "Start although records on the disk are damaged, without them; each is named in the log. Otherwise the "\
             "start fails."},                                                                      \
    {.name = "registration.durable", .type = CONF_BOOL, .offset = NODE_STATE_AT(at, durable), .def = "yes",          \
     .help = "The 200 to a REGISTER leaves when what it confirms is on the disk, so that nothing that takes the "    \
             "process or the machine away loses it; a registration that cannot be written is refused. `no`: "     \
             "the 200 does not wait; a failure loses what was confirmed in the last moments, some milliseconds on a "\
             "disk that is well (docs/resilience.md)."}
// clang-format on

enum { NODE_STATE_PATH = KEEP_FOLDER };

// The folder that is meant; false: nothing is kept. ERR_TOOBIG is an empty path and true.
bool node_state_path(const struct node_state *c, const char *nf, char ret_path[NODE_STATE_PATH]);

// A folder that is no folder or cannot be written; the folder that it should be made in likewise. What is suspicious:
// nothing is kept; others can read it.
void node_check_state(const struct node_state *c, const char *nf, app_finding bad, void *arg);
void node_suspect_state(const struct node_state *c, const char *nf, app_finding odd, void *arg);

// format: as in store/keep.h. *ret_keep is NULL when nothing is kept. A failure has been logged.
int node_state_open(struct loop *l, const struct node_state *c, const char *nf, uint32_t format,
                    struct keep **ret_keep);
// Why what has changed cannot be written; NULL: it can.
const char *node_state_trouble(const struct keep *k);
// False while a node that promises what is on the disk cannot write it; *ret_why says so.
bool node_state_ready(const struct keep *k, const struct node_state *c, const char **ret_why);
void node_state_metrics(const struct keep *k, struct metrics *m);
