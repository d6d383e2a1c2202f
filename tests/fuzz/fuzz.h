// SPDX-License-Identifier: Apache-2.0
// What the fuzz targets share. A target is one function, fuzz_NAME in fuzz_NAME.c, that gives its
// input to one parser and ends the process when something does not hold: MUST. Around it, for each
// input, entry.c checks that all memory came back and that no more was taken than the input's length
// allows. libFuzzer runs one target in one executable (tools/fuzz); test_inputs runs the seeds and
// some mutations of them through all targets, in every build.
#pragma once

#include <stdio.h>
#include <stdlib.h>

#include "base/str.h"

#define MUST(x)                                                                                    \
    do {                                                                                           \
        if (!(x)) {                                                                                \
            fprintf(stderr, "%s:%d: %s\n", __FILE__, __LINE__, #x);                                \
            abort();                                                                               \
        }                                                                                          \
    } while (0)

typedef void fuzz_fn(struct str input);

// One input with everything around it.
void fuzz_one(fuzz_fn *run, struct str input);

// Allocations that may differ between two inputs, 0 unless a target says so: what comes and goes with
// the time, such as the watch that a server closes when nobody is there.
extern long fuzz_slack;
// Set by a target whose memory does not depend on its input's length.
extern bool fuzz_free_memory;

// Takes a byte (0 at the end) from the front: for a target that needs a choice beside its text.
static inline uint8_t fuzz_byte(struct str *input)
{
    uint8_t b = input->n ? (uint8_t)input->p[0] : 0;
    *input = str_skip(*input, 1);
    return b;
}

fuzz_fn fuzz_sip_msg, fuzz_sip_uri, fuzz_sip_edit, fuzz_sip_split, fuzz_sip_stream, fuzz_sip_auth;
fuzz_fn fuzz_sdp, fuzz_rtp, fuzz_dns, fuzz_dia, fuzz_profile, fuzz_records, fuzz_config, fuzz_csv, fuzz_yaml;
fuzz_fn fuzz_contact_record, fuzz_keyring, fuzz_number, fuzz_token, fuzz_control, fuzz_http, fuzz_core;
