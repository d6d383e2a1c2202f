// SPDX-License-Identifier: Apache-2.0
// Which S-CSCF a user without one gets (TS 29.228 6.7): it must have every mandatory capability;
// among those the one with most optional ones, then priority, then a draw by weight. Names that the
// HSS itself proposes come before the table.
#pragma once

#include "dia/cx.h"
#include "icscf/config.h"

struct scscf_choice {
    struct str name;
    uint32_t *capabilities;
    size_t n_capabilities;
    uint32_t priority, weight;
};

struct scscf_table {
    struct scscf_choice *v;
    size_t n;
};

// From the configuration, copied. ERR_INVAL for a capability that is no number (logged), ERR_NOMEM.
int scscf_table_init(struct scscf_table *t, const struct conf_table *config);
void scscf_table_done(struct scscf_table *t);

// The best S-CSCF that is not among the n_tried; STR_NONE when there is none. draw is a random
// number. The result lives as long as the table and the capabilities.
struct str scscf_select(const struct scscf_table *t, const struct cx_capabilities *c,
                        const struct str *tried, size_t n_tried, uint64_t draw);
