// SPDX-License-Identifier: Apache-2.0
// A script that runs: what script.c and script_more.c share.
#pragma once

#include "tools/ue/script.h"

struct script {
    const struct options *o;
    struct loop *loop;
    struct hub *hub;
    struct phone *phone;
    struct step step;
    int at, status; // next word; exit status
    bool over;      // the verdict is there
    struct verdict verdict;
    ue_call call;
    ue_call second; // the one that a REFER in the first one has asked for
    bool second_up, referred;
    bool established, hung_up;
    bool waiting;      // the call begins when the phone has registered anew
    unsigned modified; // re-INVITEs that were accepted
    uint64_t step_started, call_started;
    unsigned provisional;
    double ms_provisional;
    uint32_t calls_left, texts_left;
    bool subscribed, notified;
    struct timer timer, timeout; // within the step; the whole step
};

void script_timer(struct script *s, double seconds); // the step's own
// The step has failed for something that no status says.
void script_fail(struct script *s, const char *got, const char *cause);
// The step, or one of its calls, has ended with this status. True when that was expected: else the
// run is over.
bool script_ends_well(struct script *s, unsigned status, struct str cause, struct str call_id);
bool script_is(const struct script *s, enum step_kind k); // and it is not over
void script_next(struct script *s);

// ---- script_more.c ----

// What the step wants of a call beyond RFC 3261.
struct ue_extensions script_extensions(const struct step *st);
void script_refer(struct script *s);
// The first call has gone, and the one that it asked for takes its place in the step. False: there
// is none.
bool script_go_on(struct script *s);
int script_send(struct script *s); // MESSAGE, SUBSCRIBE
void script_on_interval(void *arg, struct phone *ph, ue_call call, uint32_t seconds, bool ours);
void script_on_referred(void *arg, struct phone *ph, ue_call call, unsigned status, bool over);
void script_on_asked_to_call(void *arg, struct phone *ph, ue_call call, struct str target,
                             ue_call made);
void script_on_sent(void *arg, struct phone *ph, const struct ue_failure *f);
void script_on_text(void *arg, struct phone *ph, const struct ue_text *t);
