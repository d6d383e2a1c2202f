// SPDX-License-Identifier: Apache-2.0
// A running node's key ring (keyring.h): read from its file or made at the start, rotated by time
// or by command, read again when another instance or a person has changed the file. Without a file
// it is in memory, is rotated by command alone, and what it has signed is worth nothing after a
// restart.
//
// Several instances may have one file. A new key signs only when all of them have had time to read
// it. The file is changed by the loop's workers, since a disk may take its time.
#pragma once

#include "app/app.h"
#include "app/keyring.h"

struct node_keys {
    struct str file;   // empty: in memory
    uint32_t keep;     // older keys that still verify
    uint32_t rotate_s; // age at which the newest is followed by another; 0: by command alone
    uint32_t wait_s;   // age at which a key in a file begins to sign
    uint32_t node;     // in tokens; 0: made of the node's name
};
enum { KEYS_WAIT_MIN_S = 12 }; // more than two looks at the file

// clang-format off
// Rows for a table of struct conf_row; `at` is the offset of the struct node_keys in the NF's.
#define NODE_KEYS_AT(at, field) ((at) + offsetof(struct node_keys, field))
#define NODE_KEYS_ROWS(at)                                                                             \
    {.name = "keys.file", .type = CONF_STR, .offset = NODE_KEYS_AT(at, file), .def = "", .fixed = true, \
     .form = CONF_FORM_FILE,                                                                           \
     .help = "File with the keys of what this node gives out and wants back (entries of route sets, Service-Routes); made " \
             "with mode 0600 at the first start. Instances on one machine may share it. Empty: keys are in memory, and " \
             "what was given out is void after a restart."},                                           \
    {.name = "keys.keep", .type = CONF_U32, .offset = NODE_KEYS_AT(at, keep), .def = "4", .min = 1,    \
     .max = KEYRING_MAX - 1, .fixed = true,                                                            \
     .help = "Older keys that still verify. This number times keys.rotate is how long what was signed is good: more than any " \
             "dialog lasts, and than the longest registration."},                                                 \
    {.name = "keys.rotate", .type = CONF_U32, .offset = NODE_KEYS_AT(at, rotate_s), .def = "604800",   \
     .max = 31536000, .unit = "s", .fixed = true,                                                      \
     .help = "Age of the newest key at which another one takes its place, when they are in a file. 0: only by " \
             "`carillon-ctl NF keys rotate`."},                                                        \
    {.name = "keys.wait", .type = CONF_U32, .offset = NODE_KEYS_AT(at, wait_s), .def = "12",           \
     .min = KEYS_WAIT_MIN_S, .max = 604800, .unit = "s", .fixed = true,                                \
     .help = "Age at which a new key of the file begins to sign: by then every instance has to have read it. Instances on " \
             "one machine look every 5 s; where the file is copied to other machines, more than that takes."},                 \
    {.name = "keys.node", .type = CONF_U32, .offset = NODE_KEYS_AT(at, node), .def = "0", .fixed = true, \
     .help = "Number of this node in what it gives out, by which instances with the same keys know whose it is. 0: made of " \
             "the node's name or address."}
// clang-format on

void keys_check(const struct node_keys *c, app_finding bad, void *arg);

struct keys;

struct keys_params {
    struct loop *loop;
    const struct node_keys *config; // copied, but for the text
    struct str name;                // of the node, for its number
};
// A failure has been logged.
int keys_new(const struct keys_params *p, struct keys **ret_keys);
// Takes NULL. Waits for a rotation that is on its way; the loop is to be freed before its next turn
// then.
void keys_free(struct keys *k);
// Changes in place: it is not to be kept by who looks things up in it, the pointer is.
const struct keyring *keys_ring(const struct keys *k);
uint32_t keys_node(const struct keys *k);
// A new key. KEYS_LATER: it is on its way to the file, and cb (which may be NULL) will hear how it
// went, ERR_CANCELLED when the node ends before; 0: it is there, as always in memory; otherwise
// nothing is begun, ERR_INUSE when another one is on its way. A failure has been logged, and the
// ring is as it was. because: static text, for the log.
typedef void (*keys_rotated_cb)(void *arg, struct keys *k, int err);
enum { KEYS_LATER = 1 };
int keys_rotate(struct keys *k, const char *because, keys_rotated_cb cb, void *arg);
// Will the key of that short id still verify in so many seconds, if nobody rotates by hand more
// often than once?
bool keys_lasts(const struct keys *k, uint16_t id, uint64_t seconds);
void keys_metrics(const struct keys *k, struct metrics *m);

// A line of the list, the newest first.
struct keys_line {
    uint32_t id;
    uint64_t age_s;
    const char *state; // "waits", "signs", "verifies"
};
struct keys_line keys_at(const struct keys *k, size_t i); // i < keys_ring(k)->n
const char *keys_file(const struct keys *k);              // NULL: in memory
