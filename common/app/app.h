// SPDX-License-Identifier: Apache-2.0
// What every daemon has in common, so that an NF's main.c is wiring: command line, configuration,
// logging, signals, control socket, metrics and health over HTTP, HEP3 trace. Rows that all NFs
// share (log.*, dns.*, http.listen, control.socket, trace.*, run.*) are in common_rows.c.
#pragma once

#include "app/config.h"
#include "base/writer.h"
#include "dia/node.h"
#include "stack/stack.h"

struct app;
struct keys;
struct keep;

// ---- control commands ----

// Answer of a control command: what ctl_printf appends goes to carillon-ctl's standard output,
// ctl_error's to its standard error. Output leaves while the command runs, as fast as the client
// takes it; what it has not taken yet is held, up to a cap.
struct ctl_out;
// Who is at the other end, as the kernel says: for lines that tell who changed what. False when it has gone.
bool ctl_peer(const struct ctl_out *o, uint32_t *ret_uid, int32_t *ret_pid);
void ctl_printf(struct ctl_out *o, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
void ctl_error(struct ctl_out *o, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

// The contents of the file that argv[i] names ("-" is standard input). carillon-ctl reads it, as
// the user who runs it, and sends it. Call it before any side effect or output: ERR_MORE means that
// the file was not here yet; return anything then, and the command runs again, from its start, when
// it has come. *ret_text lives until the command has finished.
int ctl_file(struct ctl_out *o, int i, struct str *ret_text);

enum { CTL_PENDING = -1 };
// Ends a command that returned CTL_PENDING. Due exactly once, also when the client has gone, but
// not before run has returned.
void ctl_finish(struct ctl_out *o, int status);

struct ctl_command {
    const char *name; // "registrations"; may be of several words: "subscriber import"
    const char *args; // "[IMPU]"; may be NULL
    const char *help;
    // argv[0] is the name, argv[1] the first argument, argv[argc] is NULL. Returns carillon-ctl's
    // exit status (2 for wrong usage), or CTL_PENDING when ctl_finish will follow.
    int (*run)(void *nf, int argc, char **argv, struct ctl_out *out);
};

// ---- metrics ----

// Adds one sample to the /metrics page. name without the prefix "carillon_", which is added; type
// is "counter" (its name must end in _total) or "gauge"; help and type count the first time a name
// is seen. labels is text such as `method="REGISTER",side="core"`, made with metrics_label, or "".
struct metrics;
void metrics_add(struct metrics *m, const char *name, const char *type, const char *help,
                 const char *labels, double value);
// Appends key="value" with the value escaped, after a comma when w holds labels already.
void metrics_label(struct writer *w, const char *key, struct str value);
// All figures of a stack or of a Diameter node. They are counters, and get _total after their name
// when it is missing, unless stat_names.c calls them gauges.
void app_metrics_stack(struct metrics *m, const struct stack *s);
void app_metrics_dia(struct metrics *m, const struct dia_node *n);

// ---- the daemon ----

// One thing that is wrong with a configuration: the option's name, and what in words.
typedef void (*app_finding)(void *arg, const char *option, const char *what);
// Calls found with a text made of fmt.
void app_find(app_finding found, void *arg, const char *option, const char *fmt, ...)
    __attribute__((format(printf, 4, 5)));

struct app_left {
    uint64_t calls, transactions;
};

struct app_nf {
    const char *name;            // "scscf": the daemon is carillon-scscf
    const char *about;           // one line for --help
    const struct conf_row *rows; // the NF's own options, ended by a row with name NULL
    size_t config_size;          // of the struct that the rows fill
    // What is wrong with a configuration whose rows are each good: every finding goes to bad. Asked
    // by --check, at the start and before reload. May be NULL.
    void (*check)(const void *config, app_finding bad, void *arg);
    // What can work and is hardly meant so: a warning each, of the same three. May be NULL.
    void (*suspect)(const void *config, app_finding odd, void *arg);
    // Starts the NF on the app's loop with its configuration, which lives until stop has returned;
    // *ret_nf is given to the others. A failure has been logged, and has left nothing behind.
    int (*start)(struct app *app, const void *config, void **ret_nf);
    // New configuration after SIGHUP, which lives until the next reload has returned. Rows that are
    // fixed have been compared: the log names those that a restart has to take over. May be NULL:
    // then all rows are fixed.
    void (*reload)(void *nf, const void *config);
    // Stop taking work, finish what is there, then call app_drained. May be NULL.
    void (*drain)(void *nf, struct app *app);
    // What is there to be finished; and the end of waiting for it: keep what has to be kept, then call app_drained.
    // Both may be NULL.
    struct app_left (*left)(void *nf);
    void (*cut)(void *nf);
    void (*stop)(void *nf); // frees everything
    // Ready to serve? why (may be set to static text) says what is missing. For /health and
    // systemd.
    bool (*ready)(void *nf, const char **ret_why); // may be NULL: once started
    void (*metrics)(void *nf, struct metrics *m);  // may be NULL
    const struct ctl_command *sip_commands;        // app_sip_commands, when stack is there; else NULL
    struct stack *(*stack)(void *nf);
    const struct ctl_command *dia_commands;        // app_dia_commands, when dia is there; else NULL
    struct dia_node *(*dia)(void *nf);
    const struct ctl_command *key_commands;        // app_key_commands, when keys is there; else NULL
    struct keys *(*keys)(void *nf);                // app/keys.h
    const struct ctl_command *state_commands;      // app_state_commands, when keep is there; else NULL
    struct keep *(*keep)(void *nf);
    const struct ctl_command *commands;            // ended by a command with name NULL; may be NULL
};

// What can be asked of a daemon with a stack; run with the struct app as nf.
extern const struct ctl_command app_sip_commands[];
// What can be asked of a daemon with Diameter, likewise.
extern const struct ctl_command app_dia_commands[];
// What can be asked of a daemon with a key ring, likewise.
extern const struct ctl_command app_key_commands[];
// What can be asked of a daemon that keeps state (app/node_state.h), likewise.
extern const struct ctl_command app_state_commands[];

// The whole life of a daemon; returns main's exit status. Options: --config FILE, --check, --help,
// --version, --print-config-reference.
int app_main(int argc, char **argv, const struct app_nf *nf);

struct loop *app_loop(struct app *a);
void app_drained(struct app *a);
// Logs why an address cannot be opened ("127.0.1.10:5060/udp is in use") and returns err, for the
// start function's failing return.
int app_listen_failed(const struct addr *a, const char *proto, int err);
// Trace hooks for struct stack_ops and struct dia_params: they send HEP3 when a collector is
// configured. arg is the struct app.
void app_trace_sip(void *app, const struct stack_trace *t);
void app_trace_dia(void *app, const struct dia_trace *t);
bool app_tracing(const struct app *a);
// Both hooks for the parameters of a network function; without a collector they are NULL.
struct app_trace {
    void (*sip)(void *arg, const struct stack_trace *t);
    void (*dia)(void *arg, const struct dia_trace *t);
    void *arg;
};
struct app_trace app_trace(struct app *a);
