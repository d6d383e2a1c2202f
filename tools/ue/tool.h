// SPDX-License-Identifier: Apache-2.0
// The carillon-ue command: options, a script of steps for one phone, events as text or JSON, load mode.
#pragma once

#include <jansson.h>

#include "tools/ue/ue.h"

struct options {
    struct addr local, proxy;
    enum sip_proto proto;
    const char *impi, *impu, *domain, *password, *sqn_file;
    bool has_k, has_opc;
    uint8_t k[16], op[16], opc[16];
    bool has_op, json;
    uint32_t expires;
    // load
    uint32_t users, rate, seconds, hold_ms, spread, setup_rate;
    uint64_t first_imsi;
    const char *kind; // "registrations" or "calls"
    char **steps;     // the script's words
    int n_steps;
};

enum { EXIT_OK, EXIT_FAILED, EXIT_USAGE };

// Parses the command line; exits by itself for --help, --version and wrong usage.
void options_parse(int argc, char **argv, struct options *ret_options);

// ---- usim.c: the SEQ array between runs ----
void usim_load(const char *path, struct aka_usim *ret_usim); // a missing file is a new USIM
void usim_save(const char *path, const struct aka_usim *u);

// ---- report.c ----
// One event: a JSON object a line, or text. fields is consumed.
void report_event(const struct options *o, const char *event, json_t *fields);
json_t *report_str(struct str s); // a JSON string even of bytes that are not UTF-8

// ---- script.c, load.c ----
int script_run(struct loop *l, const struct options *o);
int load_run(struct loop *l, const struct options *o);
