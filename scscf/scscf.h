// SPDX-License-Identifier: Apache-2.0
// Serving-CSCF (TS 24.229 5.4). A request's journey: the stack hands it to on_request (scscf.c),
// which picks a procedure: REGISTER goes to register.c, a request inside a dialog to subsequent.c,
// one that came along our Service-Route to originating.c, any other to terminating.c. A procedure
// is a list of steps; where it asks the HSS (hss_requests.c) it waits and is found again by the request's
// id. What lasts is in two tables: registrations with their bindings (registrar.c) and outstanding
// challenges (auth.c).
#pragma once

#include "app/app.h"
#include "scscf/config.h"

struct scscf;

struct scscf_params {
    struct loop *loop;
    const struct scscf_config *config; // must outlive the S-CSCF
    struct app_trace trace;
};

// Opens the listeners and the Diameter peers. A failure has been logged and leaves nothing behind.
int scscf_new(const struct scscf_params *p, struct scscf **ret_scscf);
void scscf_free(struct scscf *s); // takes NULL
// Takes over what can change at run time: registration.*, outbox.*, sip.trusted, routing.*, limits.* but for
// the sizes, auth.max_failures, auth.every_register and diameter.timeout. Other changes need a restart.
void scscf_reload(struct scscf *s, const struct scscf_config *config);
// Stops taking requests outside dialogs; done is called when the rest has ended.
void scscf_drain(struct scscf *s, timer_cb done, void *arg);
struct stack *scscf_stack(const struct scscf *s); // for its figures
struct keys *scscf_keys(const struct scscf *s);
struct dia_node *scscf_dia(const struct scscf *s);
struct keep *scscf_keep(const struct scscf *s); // NULL: nothing outlives the process
// False while no HSS is connected; *ret_why says so.
bool scscf_ready(const struct scscf *s, const char **ret_why);
void scscf_metrics(const struct scscf *s, struct metrics *m);

extern const struct ctl_command scscf_commands[];
