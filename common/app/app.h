// SPDX-License-Identifier: Apache-2.0
// What every daemon has in common, so that an NF's main.c is wiring: command line, configuration,
// logging, signals, control socket, metrics and health over HTTP, HEP3 trace. Rows that all NFs share
// (log.level, log.format, dns.servers, http.listen, control.socket, trace.collector, trace.node,
// run.pidfile) are in app.c.
#pragma once

#include "app/config.h"
#include "dia/node.h"
#include "stack/stack.h"

struct app;

// Answer of a control command: append text with ctl_printf; a nonzero return is the exit status.
struct ctl_out;
void ctl_printf(struct ctl_out *o, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
struct ctl_command {
    const char *name;  // "registrations"
    const char *args;  // "[IMPU]"
    const char *help;
    int (*run)(void *nf, int argc, char **argv, struct ctl_out *out);
};

// Adds one sample to the /metrics page; help and type are given once per name.
struct metrics;
void metrics_add(struct metrics *m, const char *name, const char *type, const char *help,
                 const char *labels, double value);

struct app_nf {
    const char *name;               // "scscf": the daemon is carillon-scscf
    const char *about;              // one line for --help
    const struct conf_row *rows;    // the NF's own options, ended by a row with name NULL
    size_t config_size;             // of the struct that the rows fill
    // Starts the NF on the app's loop with its configuration; *ret_nf is given to the others.
    // A failure has been logged.
    int (*start)(struct app *app, const void *config, void **ret_nf);
    // New configuration after SIGHUP; what cannot change at run time is ignored with a log line. May be NULL.
    void (*reload)(void *nf, const void *config);
    // Stop taking work, finish what is there, then call app_drained. May be NULL.
    void (*drain)(void *nf, struct app *app);
    void (*stop)(void *nf);         // frees everything
    // Ready to serve? why (may be set to static text) says what is missing. For /health and systemd.
    bool (*ready)(void *nf, const char **ret_why);
    void (*metrics)(void *nf, struct metrics *m);
    const struct ctl_command *commands; // ended by a command with name NULL; may be NULL
};

// The whole life of a daemon; returns main's exit status. Options: --config FILE, --check, --help,
// --version, --print-config-reference.
int app_main(int argc, char **argv, const struct app_nf *nf);

struct loop *app_loop(struct app *a);
void app_drained(struct app *a);
// Trace hooks for struct stack_ops and struct dia_params: they send HEP3 when a collector is
// configured. arg is the struct app.
void app_trace_sip(void *app, const struct stack_trace *t);
void app_trace_dia(void *app, const struct dia_trace *t);
bool app_tracing(const struct app *a);
