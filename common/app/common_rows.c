// SPDX-License-Identifier: Apache-2.0
#include <stdio.h>

#include "app/app_priv.h"
#include "base/err.h"
#include "base/mem.h"

static const char *const levels[] = {"error", "warn", "info", "debug", "trace", NULL};
static const char *const formats[] = {"text", "json", NULL};

#define ROW(name, type, member, def, ...)                                                          \
    {                                                                                              \
        name, type, offsetof(struct app_common, member), def, __VA_ARGS__                          \
    }

const struct conf_row app_common_rows[] = {
    ROW("log.level", CONF_ENUM, log_level, "info", .values = levels,
        .help = "Least severe level that is logged; `carillon-ctl NF log level` changes it too."),
    ROW("log.format", CONF_ENUM, log_format, "text", .values = formats,
        .help = "Text, or one JSON object a line."),
    ROW("dns.servers", CONF_ADDR_LIST, dns_servers, "", .min = 53, .fixed = true, .use = CONF_REMOTE,
        .help = "Name servers; when empty those of /etc/resolv.conf."),
    ROW("dns.timeout", CONF_U32, dns_timeout_ms, "1000", .min = 50, .max = 60000, .unit = "ms",
        .fixed = true,
        .help =
            "Wait for one answer before the next try, which waits twice as long. A request waits "
            "4 s at most for all answers it needs."),
    ROW("dns.tries", CONF_U32, dns_tries, "2", .min = 1, .max = 10, .fixed = true,
        .help = "Tries at each server."),
    ROW("http.listen", CONF_ADDR, http_listen, "", .min = 9090, .fixed = true, .use = CONF_TCP,
        .help = "Address that serves /metrics and /health; when empty none does."),
    ROW("control.socket", CONF_STR, control_socket, "", .fixed = true,
        .form = CONF_FORM_SOCKET,
        .help = "Unix socket for carillon-ctl; when empty NF.ctl in the directory $CARILLON_RUN, "
                "or in /run/carillon without it; \"none\" opens none."),
    ROW("trace.collector", CONF_ADDR, trace_collector, "", .min = 9060, .use = CONF_REMOTE,
        .help = "HEP3 collector (UDP) that receives every SIP and Diameter message; when empty "
                "nothing is traced."),
    ROW("trace.node", CONF_STR, trace_node, "",
        .help = "Name of this node in the trace; when empty the NF's name."),
    ROW("trace.id", CONF_U32, trace_id, "1", .help = "Capture agent number in the trace."),
    ROW("trace.secrets", CONF_BOOL, trace_secrets, "false",
        .help = "Show keys and expected responses of authentications (ck and ik in SIP, vectors and HA1 in "
                "Diameter) in the trace; otherwise their octets are asterisks."),
    ROW("run.pidfile", CONF_STR, pidfile, "", .fixed = true, .form = CONF_FORM_FILE,
        .help = "File that holds the process number and is locked while it runs; when empty none."),
    ROW("run.drain", CONF_U32, drain_s, "30", .max = 86400, .unit = "s",
        .help = "Longest wait for what is in progress after SIGTERM, calls included, before the daemon stops "
                "anyway: what is left goes on at the next start."),
    ROW("run.watchdog", CONF_U32, watchdog_s, "10", .max = 3600, .unit = "s", .fixed = true,
        .help = "A process whose loop has not turned for that long, while it had a processor, ends "
                "itself by SIGABRT, with a log line and its stack; three times as long when it "
                "blocks. 0: never."),
    ROW("run.descriptors", CONF_U32, descriptors, "0", .max = 1048576, .fixed = true,
        .help = "Descriptors that the process may open (RLIMIT_NOFILE); 0: as many as the hard "
                "limit allows."),
    {0},
};

static size_t count(const struct conf_row *rows)
{
    size_t n = 0;
    while (rows && rows[n].name)
        n++;
    return n;
}

// Where the NF's struct begins in the block.
static size_t nf_offset(void)
{
    return (sizeof(struct app_common) + 15) & ~(size_t)15;
}

struct conf_row *app_rows_new(const struct app_nf *nf)
{
    size_t n_common = count(app_common_rows), n_own = count(nf->rows);
    struct conf_row *rows = mem_zalloc((n_common + n_own + 1) * sizeof *rows);
    if (!rows)
        return NULL;
    memcpy(rows, app_common_rows, n_common * sizeof *rows);
    for (size_t i = 0; i < n_own; i++) {
        rows[n_common + i] = nf->rows[i];
        rows[n_common + i].offset += nf_offset();
        rows[n_common + i].fixed |= !nf->reload;
    }
    return rows;
}

// Passes the NF's findings on in the form of the rows'.
struct findings {
    const char *path;
    conf_error_cb error;
    void *arg;
    const struct conf *conf;
    bool warning;
    size_t n;
};

static void on_finding(void *arg, const char *option, const char *what)
{
    struct findings *f = arg;
    f->n++;
    f->error(f->arg, &(struct conf_error){.file = f->path,
                                          .line = conf_line(f->conf, str_from(option)),
                                          .option = str_from(option),
                                          .what = what,
                                          .warning = f->warning});
}

// What no row sees alone. Suspicions only about a configuration that is good.
static size_t cross_check(const struct app_nf *nf, const struct conf_row *rows, const char *block,
                          struct findings *f)
{
    conf_check_rows(rows, block, on_finding, f);
    if (nf->check)
        nf->check(block + nf_offset(), on_finding, f);
    size_t wrong = f->n;
    f->warning = true;
    if (!wrong)
        conf_suspect_rows(rows, block, on_finding, f);
    if (!wrong && nf->suspect)
        nf->suspect(block + nf_offset(), on_finding, f);
    return wrong;
}

int app_config_load(const struct app_nf *nf, const struct conf_row *rows, const char *path,
                    conf_error_cb error, void *arg, struct app_config *ret_config)
{
    char *block = mem_zalloc(nf_offset() + nf->config_size);
    if (!block)
        return ERR_NOMEM;
    struct conf *conf;
    int err = conf_read_file(path, rows, block, error, arg, &conf);
    if (err) {
        mem_free(block);
        return err;
    }
    struct findings f = {.path = path, .error = error, .arg = arg, .conf = conf};
    if (cross_check(nf, rows, block, &f)) {
        conf_free(conf);
        mem_free(block);
        return ERR_BAD;
    }
    *ret_config =
        (struct app_config){.conf = conf, .common = (void *)block, .nf = block + nf_offset()};
    return 0;
}

void app_config_done(struct app_config *c)
{
    conf_free(c->conf);
    mem_free(c->common);
    *c = (struct app_config){0};
}
