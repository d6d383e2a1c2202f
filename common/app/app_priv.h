// SPDX-License-Identifier: Apache-2.0
// Inside of a daemon's shell. app.c starts and serves; life.c readiness, reload, drain and stop; cmdline.c the
// options; common_rows.c what every NF can configure; ctl.c and ctl_commands.c the control socket;
// http.c the pages; metrics.c and process.c the figures; hep.c the trace; notify.c systemd.
#pragma once

#include "app/app.h"
#include "app/config_priv.h"
#include "base/arena.h"
#include "io/loop.h"

// ---- configuration ----

struct app_common {
    int log_level, log_format;
    struct conf_addrs dns_servers;
    uint32_t dns_timeout_ms, dns_tries;
    struct addr http_listen;
    struct str control_socket;
    struct addr trace_collector;
    struct str trace_node;
    uint32_t trace_id;
    bool trace_secrets;
    struct str pidfile;
    uint32_t drain_s, watchdog_s, descriptors;
};

extern const struct conf_row app_common_rows[];

// One loaded configuration: common part and the NF's, and what owns their values.
struct app_config {
    struct conf *conf;
    struct app_common *common; // start of the block that holds both
    void *nf;
};

// Common rows and the NF's in one table, whose target is a block of app_config_size bytes. Freed
// with mem_free; NULL when out of memory.
struct conf_row *app_rows_new(const struct app_nf *nf);
int app_config_load(const struct app_nf *nf, const struct conf_row *rows, const char *path,
                    conf_error_cb error, void *arg, struct app_config *ret_config);
void app_config_done(struct app_config *c);

// What the rows tell together: an address that two of them listen on, a path that two of them name. What
// is suspicious of it: an address that no interface has, a path that depends on where the daemon starts.
void conf_check_rows(const struct conf_row *rows, const void *target, app_finding bad, void *arg);
void conf_suspect_rows(const struct conf_row *rows, const void *target, app_finding odd, void *arg);

// ---- command line ----

enum cmdline_action { CMD_RUN, CMD_CHECK, CMD_HELP, CMD_VERSION, CMD_REFERENCE };
struct cmdline {
    enum cmdline_action action;
    char config_path[256];
};
// ERR_INVAL after the mistake has been printed.
int cmdline_parse(int argc, char **argv, const char *nf, struct cmdline *ret_cmd);
void cmdline_help(const struct app_nf *nf);

// ---- the daemon ----

enum app_state { APP_STARTING, APP_SERVING, APP_DRAINING };
extern const char *const app_state_names[];

struct ctl;
struct http;
struct hep;

struct app {
    const struct app_nf *nf;
    void *nf_obj; // NULL until start has returned
    const char *config_path;
    struct conf_row *rows;
    struct app_config first; // given to start
    struct app_config now;   // the latest loaded; equals first until a reload
    struct loop *loop;
    struct ctl *ctl;
    struct http *http;
    struct hep *hep;
    int pid_fd;
    enum app_state state;
    bool ready, was_ready;
    const char *why;     // not ready because
    bool cut;            // it was not waited for any longer
    uint64_t drain_until_ms;
    uint64_t started_ns; // loop_now at the start
    struct timer ready_timer, drain_timer, watchdog_timer, heap_timer;
    unsigned heap_idle; // looks in a row at which much was free
    uint64_t watchdog_ms; // 0: systemd wants none
};

// ---- heap.c ----
// Before anything is allocated: freed memory stays for the next burst.
void app_heap_keep(void);
// But not for ever: on the loop from now on.
void app_heap_watch(struct app *a);

// ---- life.c ----
void app_error_to_log(void *arg, const struct conf_error *e);
// As the configuration of now has it.
void app_apply_log(const struct app *a);
void app_apply_trace(struct app *a);
// Asks the NF; sets ready and why.
void app_check_ready(struct app *a);
// The old configuration stays when the new one is bad, which has been logged.
int app_reload(struct app *a);
// For so many seconds at most; anew when it drains already.
void app_drain(struct app *a, const char *because, uint32_t seconds);
// run.drain is over.
void app_drain_over(struct app *a);
// What a drain waits for, as "12 calls, 3 transactions"; empty when the NF does not say.
const char *app_left_text(const struct app *a, char *buf, size_t size);
uint32_t app_drain_left_s(const struct app *a);
void app_stop(struct app *a, const char *because);
uint64_t app_uptime_ms(const struct app *a);

// ---- door.c: a listening socket ----

struct door {
    struct loop *loop;
    const char *what; // for the log: "http", "control"
    int fd;           // the owner's, who opens and closes it
    watch_cb cb;      // somebody waits
    void *arg;
    struct watch *watch;
    struct timer pause;
};

void door_init(struct door *d, struct loop *l, const char *what, watch_cb cb, void *arg);
int door_open(struct door *d);
void door_close(struct door *d);
// accept failed; why: errno. True when it is worth to try again at once; otherwise cb is called when it is.
bool door_failed(struct door *d, int why);
// One log line: somebody was accepted and sent away.
void door_refused(const struct door *d, const char *reason);

// ---- parts ----

// Fails with a log line that names the path or the address.
int ctl_new(struct app *a, const char *path, struct ctl **ret_ctl);
void ctl_free(struct ctl *c);                          // takes NULL
extern const struct ctl_command ctl_common_commands[]; // run with the struct app as nf

// The text of a page, freed with mem_free.
typedef int (*http_page)(struct app *a, char **ret_text, size_t *ret_n);
int http_new(struct app *a, const struct addr *local, http_page metrics, struct http **ret_http);
void http_free(struct http *h); // takes NULL
void http_metrics(const struct http *h, struct metrics *m); // takes NULL

// Samples by family while a page is made; metrics.c.
struct family;
struct metrics {
    struct arena arena;
    struct family *first, **last;
    struct family *recent; // samples of one family come in a row
};
// The text of what was collected, freed with mem_free.
int metrics_write(const struct metrics *m, char **ret_text, size_t *ret_n);
int metrics_page(struct app *a, char **ret_text, size_t *ret_n); // text freed with mem_free
void metrics_add_full(struct metrics *m, const char *name, const char *type, const char *help,
                      const char *labels, double value); // name without a prefix added
// A figure of a library: what it means is in stat_names.c; what is not there is a counter.
struct stat_name {
    const char *name; // without _total
    bool gauge;
    const char *help;
};
struct stat_name stat_name_of(struct str name);
void metrics_add_stat(struct metrics *m, const char *name, const char *labels, uint64_t value);
void metrics_process(struct app *a, struct metrics *m);

// ERR_IO when no socket can be had; collector.sa.sa_family 0 is an error of the caller.
struct hep_params {
    const struct addr *collector;
    uint32_t id;
    struct str node; // copied
    bool secrets;    // are shown
};
int hep_new(struct loop *l, const struct hep_params *p, struct hep **ret_hep);
void hep_free(struct hep *h); // takes NULL

// systemd's notification socket: "READY=1" and the like. Nothing happens outside systemd.
void notify_send(const char *text);
// Half of the watchdog interval that systemd asked of this process, in ms; 0: none.
uint64_t notify_watchdog_ms(void);
// True when standard error is connected to the journal.
bool notify_stderr_is_journal(void);

// Ends the process when its loop has not turned for that long while it was running; 0: never. See
// watchdog.c.
int watchdog_start(struct loop *l, uint32_t seconds);
void watchdog_stop(void);

// Raises the number of descriptors that this process may open; wanted 0: as far as it may.
void descriptors_raise(uint32_t wanted);

// Writes and locks the file; ERR_INUSE when a process holds it. A failure has been logged.
int pidfile_open(const char *path, int *ret_fd);
void pidfile_close(const char *path, int fd);
