// SPDX-License-Identifier: Apache-2.0
// One command of the control socket on its way: what ctl.c, which reads words and tells results,
// and ctl_change.c, whose procedures change the store, share.
#pragma once

#include "app/app.h"
#include "hss/audit.h"
#include "hss/provision.h"

struct command {
    struct ctl_out *out;
    const struct procedure *proc; // its name is the command; NULL: work is all
    int (*work)(struct hss_op *op, struct command *c);
    void (*report)(struct command *c); // after success; may be NULL
    struct hss_audit audit;            // of what changes something
    bool running;                      // the control layer still waits in run()
    int status;
    const char *file;
    struct str text; // of an import or a profile
    bool replace;
    struct str impi, name;
    uint64_t sqn;
    size_t n;
    struct hss_text exported;
    char last[256];
    struct hss_draft draft;
    struct hss_problem problem;
    struct arena arena;
};

// ---- ctl_change.c ----
// Procedures, with the audit's steps around the change; what they need of the command is in it.
extern const struct procedure hss_change_add, hss_change_set, hss_change_delete, hss_change_sqn,
    hss_change_profile, hss_change_profile_delete;

// c->name may be an IMPI, an IMPU, or the user part of a SIP IMPU: sets c->impi.
int hss_command_find(struct hss_op *op, struct command *c);
int hss_command_not_found(struct command *c); // says so
