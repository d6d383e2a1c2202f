// SPDX-License-Identifier: Apache-2.0
// The corpus that the parsers under measurement share.
#pragma once

#include "base/str.h"
#include "bench.h"

enum { PARSE_MAX = 64, PARSE_OUT = 8192 };

struct parse_corpus {
    struct str msg[PARSE_MAX];     // NUL-terminated besides
    struct str request[PARSE_MAX]; // those of msg that are requests
    size_t n, requests;
};

// What every proxy of the comparison puts on top.
#define PARSE_VIA "SIP/2.0/TCP 127.0.1.30:5060;branch=z9hG4bK0011223344556677"
#define PARSE_RECORD_ROUTE "<sip:orig@127.0.1.30:5060;lr>"

// The other libraries are modules of their own, loaded at run time: their symbols and ours would
// meet in one program. Each has this function under its name, which returns how many figures it
// filled in.
typedef size_t parse_figures_fn(const struct parse_corpus *corpus, struct bench_figure *ret_figures);
