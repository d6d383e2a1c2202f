// SPDX-License-Identifier: Apache-2.0
// Interrogating-CSCF (TS 24.229 5.3): the entry to the home network. A request's journey: REGISTER
// (register.c) asks the HSS by UAR, any other initial request (location.c) by LIR, which S-CSCF
// serves the user; a user without one gets one from the configured table by capabilities (select.c);
// when an S-CSCF does not answer another one is taken (reselect.c). Nothing is remembered
// between requests.
#pragma once

#include "app/app.h"
#include "icscf/config.h"

struct icscf;

struct icscf_params {
    struct loop *loop;
    const struct icscf_config *config; // must outlive the I-CSCF
    struct app_trace trace;
};

// Opens the listeners and the Diameter peers. A failure has been logged and leaves nothing behind.
int icscf_new(const struct icscf_params *p, struct icscf **ret_icscf);
void icscf_free(struct icscf *i); // takes NULL
// Takes over what can change at run time: selection.*, sip.trusted and diameter.timeout. A table
// that is no good leaves the old one (logged).
void icscf_reload(struct icscf *i, const struct icscf_config *config);
// Stops taking requests; done is called when the rest has ended.
void icscf_drain(struct icscf *i, timer_cb done, void *arg);
struct stack *icscf_stack(const struct icscf *i); // for its figures
struct dia_node *icscf_dia(const struct icscf *i);
// False while no HSS is connected; *ret_why says so.
bool icscf_ready(const struct icscf *i, const char **ret_why);
void icscf_metrics(const struct icscf *i, struct metrics *m);

extern const struct ctl_command icscf_commands[];
