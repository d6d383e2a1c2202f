// SPDX-License-Identifier: Apache-2.0
// The carillon-ue command: options, a script of steps for one phone, events as text or JSON, load mode.
#pragma once

#include <jansson.h>

#include "tools/ue/ue.h"

struct options {
    struct addr local, proxy;
    enum sip_proto proto;
    const char *impi, *impu, *domain, *password, *sqn_file, *access;
    bool has_k, has_opc;
    uint8_t k[16], op[16], opc[16];
    bool has_op, json;
    uint32_t expires;
    // load
    uint32_t users, rate, seconds, hold_ms, spread, setup_rate, failures;
    uint64_t first_imsi;
    const char *kind; // "registrations" or "calls"
    const char *load_only; // an option that was given and means nothing without load
    char **steps;     // the script's words
    int n_steps;
};

enum { EXIT_OK, EXIT_FAILED, EXIT_USAGE, EXIT_SIGNAL = 128 }; // and the signal's number

// Parses the command line; exits by itself for --help, --version and wrong usage.
void options_parse(int argc, char **argv, struct options *ret_options);

// ---- words.c ----
// What of names comes nearest to name; NULL when none is near. nth gives NULL behind the last.
const char *nearest_name(const char *name, const char *(*nth)(const void *arg, size_t i),
                         const void *arg);

// ---- verdict.c: what a run comes to, said once, as its last line ----
struct verdict {
    bool pass;
    const char *step;
    json_t *expected, *got, *cause, *call_id; // consumed; NULL: nothing to say
    double ms;                                // since the step began
};

void verdict_report(const struct options *o, const struct verdict *v);
// Wrong usage, found before anything was started: on stderr, and the verdict when it is JSON.
__attribute__((noreturn)) void usage_exit(const struct options *o, const char *what);
// It could not even start: the same, and the exit status to leave with.
int cannot_start(const struct options *o, const char *on, int err);

// ---- usim.c: the SEQ array between runs ----
// A missing file is a new USIM; one that cannot be read, or holds something else, is ERR_BAD, since a new USIM
// accepts whatever comes. Said on stderr.
int usim_load(const char *path, struct aka_usim *ret_usim);
void usim_save(const char *path, const struct aka_usim *u);

// ---- report.c ----
// One event: a JSON object a line, or text. fields is consumed.
void report_event(const struct options *o, const char *event, json_t *fields);
json_t *report_str(struct str s); // a JSON string even of bytes that are not UTF-8

// ---- show.c ----
// An event for each session and transaction that is there.
void show_open(const struct options *o, struct hub *h);

// ---- script.c, load.c ----
int script_run(struct loop *l, const struct options *o);
int load_run(struct loop *l, const struct options *o);
