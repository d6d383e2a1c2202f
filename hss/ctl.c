// SPDX-License-Identifier: Apache-2.0
// What changes the store is a procedure (ctl_change.c, or one piece of work) in a transaction of its own and ends with
// ctl_finish; what only reads runs at once. Neither holds up the Cx traffic of the loop.
#include "hss/ctl.h"

#include <openssl/crypto.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/err.h"
#include "base/mem.h"
#include "hss/command.h"
#include "hss/daemon.h"
#include "ims/impu.h"

enum { FAILED = 1, USAGE = 2 };

static int command_end(struct command *c, int status)
{
    hss_text_done(&c->exported);
    arena_done(&c->arena);
    mem_free(c);
    return status;
}

static int run_work(struct hss_op *op, void *arg)
{
    struct command *c = arg;
    return c->work(op, c);
}

static void say_problem(struct command *c, int err)
{
    const struct hss_problem *p = &c->problem;
    const char *text = p->text[0] ? p->text : err_text(err);
    if (c->file && p->line)
        ctl_error(c->out, "%s:%u: %s\n", c->file, p->line, text);
    else
        ctl_error(c->out, "%s\n", text);
}

static void say_overlaps(struct command *c, const struct hss_overlaps *o)
{
    if (o->n)
        ctl_printf(c->out, "warning: %s is inside %s of another subscriber, who can assert it (%zu such identities)\n",
                   o->distinct, o->pattern, o->n);
}

static void done(void *arg, struct hss_op *op)
{
    struct command *c = arg;
    if (op->err)
        say_problem(c, op->err);
    else if (c->report)
        c->report(c);
    if (!op->err) {
        hss_audit_log(&c->audit);
        say_overlaps(c, &op->overlaps);
    }
    c->status = op->err ? FAILED : 0;
    if (c->running) // it was a read: the command's own return tells
        return;
    ctl_finish(c->out, c->status);
    (void)command_end(c, c->status);
}

static struct command *command_new(struct ctl_out *out)
{
    struct command *c = mem_zalloc(sizeof(*c));
    if (!c)
        return NULL;
    c->out = out;
    c->audit.known = ctl_peer(out, &c->audit.uid, &c->audit.pid);
    arena_init(&c->arena, NULL, 0);
    return c;
}

static int submit(struct hss_daemon *d, struct command *c, bool reads_only)
{
    struct hss_op *op = hss_task_new(d->hss);
    if (!op || c->arena.failed) {
        if (op)
            hss_op_free(op);
        ctl_error(c->out, "out of memory\n");
        return command_end(c, FAILED);
    }
    op->reads_only = reads_only;
    op->task = run_work;
    if (c->proc)
        op->proc = c->proc;
    op->done.task = done;
    op->arg = c;
    c->running = reads_only && d->hss->reader.store;
    bool sync = c->running;
    hss_submit(op);
    return sync ? command_end(c, c->status) : CTL_PENDING;
}

static int no_memory(struct ctl_out *out)
{
    ctl_error(out, "out of memory\n");
    return FAILED;
}

// ---- words: IMPI field=value ... ----

static int read_words(struct command *c, int argc, char **argv)
{
    int err =
        hss_draft_put(&c->draft, STR("impi"), arena_dup(&c->arena, str_from(argv[1])), &c->problem);
    for (int i = 2; !err && i < argc; i++) {
        struct str value = str_from(argv[i]);
        struct str name = str_split(&value, '=');
        if (!value.p)
            return hss_problem(&c->problem, 0, ERR_BAD, "word %d is not field=value", i + 1);
        err = hss_draft_put(&c->draft, arena_dup(&c->arena, name), arena_dup(&c->arena, value),
                            &c->problem);
    }
    return err;
}

static int with_words(void *nf, int argc, char **argv, struct ctl_out *out, const struct procedure *proc)
{
    if (argc < 3) {
        ctl_error(out, "usage: %s IMPI FIELD=VALUE ...; the fields are:\n", argv[0]);
        for (size_t i = 1; i < F_COUNT; i++)
            ctl_error(out, "  %-13s %s\n", hss_fields[i].name, hss_fields[i].help);
        return USAGE;
    }
    struct command *c = command_new(out);
    if (!c)
        return no_memory(out);
    c->proc = proc;
    int err = read_words(c, argc, argv);
    c->impi = c->draft.v[F_IMPI];
    if (err) {
        say_problem(c, err);
        return command_end(c, USAGE);
    }
    return submit(nf, c, false);
}

static int subscriber_add(void *nf, int argc, char **argv, struct ctl_out *out)
{
    return with_words(nf, argc, argv, out, &hss_change_add);
}

static int subscriber_set(void *nf, int argc, char **argv, struct ctl_out *out)
{
    return with_words(nf, argc, argv, out, &hss_change_set);
}

// ---- delete ----

static int subscriber_delete(void *nf, int argc, char **argv, struct ctl_out *out)
{
    if (argc != 2) {
        ctl_error(out, "usage: subscriber delete IMPI\n");
        return USAGE;
    }
    struct command *c = command_new(out);
    if (!c)
        return no_memory(out);
    c->proc = &hss_change_delete;
    c->impi = arena_dup(&c->arena, str_from(argv[1]));
    return submit(nf, c, false);
}

// ---- files ----

static int import_work(struct hss_op *op, struct command *c)
{
    return hss_import_text(op, c->text, c->replace, &c->n, &c->problem);
}

static void import_report(struct command *c)
{
    hss_audit_import(&c->audit, str_from(c->file), c->replace, c->n);
    ctl_printf(c->out, "%zu subscribers imported\n", c->n);
}

static int subscriber_import(void *nf, int argc, char **argv, struct ctl_out *out)
{
    bool replace = argc == 3 && strcmp(argv[1], "--replace") == 0;
    struct str text;
    if (argc != 2 && !replace) {
        ctl_error(out, "usage: subscriber import [--replace] FILE\n");
        return USAGE;
    }
    int err = ctl_file(out, argc - 1, &text);
    if (err)
        return FAILED;
    struct command *c = command_new(out);
    if (!c)
        return no_memory(out);
    c->work = import_work;
    c->report = import_report;
    c->replace = replace;
    c->text = text; // lives until the command has finished
    c->file = arena_dup(&c->arena, str_from(argv[argc - 1])).p;
    return submit(nf, c, false);
}

// ---- export ----

// Held in memory, and MARs wait meanwhile: so many at a time.
enum { EXPORT_MAX = 10000 };

static int export_work(struct hss_op *op, struct command *c)
{
    return hss_export(op, c->impi, EXPORT_MAX, &c->exported, &c->n, c->last);
}

static void export_report(struct command *c)
{
    ctl_printf(c->out, "%.*s", (int)c->exported.n, c->exported.p ? c->exported.p : "");
    if (c->last[0])
        ctl_printf(c->out, "# more: subscriber export %s goes on\n", c->last);
}

static int subscriber_export(void *nf, int argc, char **argv, struct ctl_out *out)
{
    if (argc > 2) {
        ctl_error(out, "usage: subscriber export [AFTER-IMPI]\n");
        return USAGE;
    }
    struct command *c = command_new(out);
    if (!c)
        return no_memory(out);
    c->work = export_work;
    c->report = export_report;
    c->impi = arena_dup(&c->arena, str_from(argc > 1 ? argv[1] : ""));
    return submit(nf, c, false);
}

// ---- service profiles ----

static int profile_set(void *nf, int argc, char **argv, struct ctl_out *out)
{
    struct str text;
    if (argc != 3) {
        ctl_error(out, "usage: profile set NAME FILE\n");
        return USAGE;
    }
    if (ctl_file(out, 2, &text))
        return FAILED;
    struct command *c = command_new(out);
    if (!c)
        return no_memory(out);
    c->proc = &hss_change_profile;
    c->text = text;
    c->name = arena_dup(&c->arena, str_from(argv[1]));
    return submit(nf, c, false);
}

static int profile_delete(void *nf, int argc, char **argv, struct ctl_out *out)
{
    if (argc != 2) {
        ctl_error(out, "usage: profile delete NAME\n");
        return USAGE;
    }
    struct command *c = command_new(out);
    if (!c)
        return no_memory(out);
    c->proc = &hss_change_profile_delete;
    c->name = arena_dup(&c->arena, str_from(argv[1]));
    return submit(nf, c, false);
}

static int profile_row(void *arg, const struct store_value *v, size_t n)
{
    struct command *c = arg;
    ctl_printf(c->out, "%-24.*s %lld IMPUs, %lld bytes%s\n", STR_ARG(v[0].s), (long long)v[3].num,
               (long long)v[1].num, v[2].num ? ", services when unregistered" : "");
    return 0;
}

static int profile_list_work(struct hss_op *op, struct command *c)
{
    return store_run(op->ctx->store, SQL_PROFILE_LIST, NULL, 0, profile_row, c);
}

static int profile_text_row(void *arg, const struct store_value *v, size_t n)
{
    struct command *c = arg;
    c->n++;
    ctl_printf(c->out, "<ServiceProfile>%.*s</ServiceProfile>\n", STR_ARG(v[1].s));
    return 0;
}

static int profile_show_work(struct hss_op *op, struct command *c)
{
    int err = STORE_RUN(op->ctx->store, SQL_PROFILE_FIND, profile_text_row, c, SV_TEXT(c->name));
    if (!err && !c->n)
        return hss_problem(&c->problem, 0, ERR_NOTFOUND, "there is no profile %.*s",
                           STR_ARG(c->name));
    return err;
}

static int profile_show(void *nf, int argc, char **argv, struct ctl_out *out)
{
    if (argc > 2) {
        ctl_error(out, "usage: profile show [NAME]\n");
        return USAGE;
    }
    struct command *c = command_new(out);
    if (!c)
        return no_memory(out);
    c->work = argc == 2 ? profile_show_work : profile_list_work;
    c->name = arena_dup(&c->arena, str_from(argc == 2 ? argv[1] : ""));
    return submit(nf, c, true);
}

// ---- list and show ----

static int list_row(void *arg, const struct store_value *v, size_t n)
{
    struct command *c = arg;
    c->n++;
    ctl_printf(c->out, "%.*s %.*s %s%s\n", STR_ARG(v[0].s), STR_ARG(v[2].s),
               v[1].num == HSS_AKA ? "AKA" : "Digest", v[3].num ? " registered" : "");
    return 0;
}

enum { LIST_MAX = 1000 };

static int list_work(struct hss_op *op, struct command *c)
{
    int err = STORE_RUN(op->ctx->store, SQL_LIST, list_row, c, SV_TEXT(c->impi), SV_INT(LIST_MAX));
    if (!err && c->n == LIST_MAX)
        ctl_printf(c->out, "... more: subscriber list LAST-IMPI goes on\n");
    return err;
}

static int subscriber_list(void *nf, int argc, char **argv, struct ctl_out *out)
{
    struct command *c = command_new(out);
    if (!c)
        return no_memory(out);
    c->work = list_work;
    c->impi = arena_dup(&c->arena, str_from(argc > 1 ? argv[1] : ""));
    return submit(nf, c, true);
}

static void put_line(struct command *c, const char *name, struct str value)
{
    if (value.n)
        ctl_printf(c->out, "%s: %.*s\n", name, STR_ARG(value));
}

static void put_sqn(struct command *c, uint64_t sqn)
{
    ctl_printf(c->out, "sqn: %012llx (SEQ %llu, IND %llu)\n", (unsigned long long)sqn,
               (unsigned long long)(sqn >> AKA_IND_BITS),
               (unsigned long long)(sqn & ((1u << AKA_IND_BITS) - 1)));
}

static int show_row(void *arg, const struct store_value *v, size_t n)
{
    struct command *c = arg;
    c->n++;
    put_line(c, "impi", v[1].s);
    if (v[2].num == HSS_AKA) {
        ctl_printf(c->out, "scheme: AKA (Milenage), amf %04llx\n", (unsigned long long)v[3].num);
        put_sqn(c, (uint64_t)v[6].num);
    } else {
        ctl_printf(c->out, "scheme: SIP Digest, %.*s, realm %.*s\n", STR_ARG(v[5].s),
                   STR_ARG(v[4].s));
    }
    put_line(c, "s-cscf", v[7].s);
    put_line(c, "visited networks", v[8].s);
    if (!v[9].num)
        ctl_printf(c->out, "registration: denied\n");
    put_line(c, "mandatory capabilities", v[10].s);
    put_line(c, "optional capabilities", v[11].s);
    put_line(c, "preferred s-cscfs", v[12].s);
    put_line(c, "ccf", v[13].s);
    put_line(c, "ecf", v[14].s);
    return 0;
}

static int show_impu_row(void *arg, const struct store_value *v, size_t n)
{
    static const char *const states[] = {"not registered", "registered", "unregistered"};
    struct command *c = arg;
    size_t state = (size_t)v[5].num < ARRAY_LEN(states) ? (size_t)v[5].num : 0;
    ctl_printf(c->out, "impu: %.*s%s (set %lld, profile %.*s, %s%s)\n", STR_ARG(v[1].s),
               v[2].num ? " barred" : "", (long long)v[0].num, STR_ARG(v[4].s), states[state],
               v[6].num ? ", authentication pending" : "");
    return 0;
}

static int show_restoration_row(void *arg, const struct store_value *v, size_t n)
{
    struct command *c = arg;
    struct cx_restoration r;
    int err = hss_restoration_read(&c->arena, v[1].s, &r);
    if (err)
        return err == ERR_BAD ? 0 : err;
    for (size_t i = 0; i < r.n_contacts; i++)
        ctl_printf(c->out, "restoration: %.*s (set %lld)\n", STR_ARG(r.contacts[i].contact), (long long)v[0].num);
    return 0;
}

static int show_work(struct hss_op *op, struct command *c)
{
    int err = hss_command_find(op, c);
    if (!err)
        err = STORE_RUN(op->ctx->store, SQL_SHOW, show_row, c, SV_TEXT(c->impi));
    if (!err && !c->n)
        return hss_command_not_found(c);
    if (!err)
        err = STORE_RUN(op->ctx->store, SQL_SHOW_IMPUS, show_impu_row, c, SV_TEXT(c->impi));
    if (!err)
        err = STORE_RUN(op->ctx->store, SQL_SHOW_RESTORATION, show_restoration_row, c, SV_TEXT(c->impi));
    return err;
}

static int sqn_row(void *arg, const struct store_value *v, size_t n)
{
    struct command *c = arg;
    c->n++;
    put_sqn(c, (uint64_t)v[6].num);
    return 0;
}

static int sqn_show_work(struct hss_op *op, struct command *c)
{
    int err = hss_command_find(op, c);
    if (!err)
        err = STORE_RUN(op->ctx->store, SQL_SHOW, sqn_row, c, SV_TEXT(c->impi));
    return !err && !c->n ? hss_command_not_found(c) : err;
}

static int about_one(void *nf, char **argv, struct ctl_out *out, int (*work)(struct hss_op *, struct command *))
{
    struct command *c = command_new(out);
    if (!c)
        return no_memory(out);
    c->work = work;
    c->name = arena_dup(&c->arena, str_from(argv[1]));
    return submit(nf, c, true);
}

static int set_sqn_of(void *nf, char **argv, struct ctl_out *out, uint64_t sqn)
{
    struct command *c = command_new(out);
    if (!c)
        return no_memory(out);
    c->proc = &hss_change_sqn;
    c->sqn = sqn;
    c->name = arena_dup(&c->arena, str_from(argv[1]));
    return submit(nf, c, false);
}

static int subscriber_show(void *nf, int argc, char **argv, struct ctl_out *out)
{
    if (argc == 2)
        return about_one(nf, argv, out, show_work);
    ctl_error(out, "usage: subscriber show IMPI|IMPU|USER\n");
    return USAGE;
}

static int sqn_show(void *nf, int argc, char **argv, struct ctl_out *out)
{
    if (argc == 2)
        return about_one(nf, argv, out, sqn_show_work);
    ctl_error(out, "usage: sqn show IMPI|IMPU|USER\n");
    return USAGE;
}

static int sqn_set(void *nf, int argc, char **argv, struct ctl_out *out)
{
    uint64_t sqn = 0;
    if (argc == 3 && hss_sqn_parse(str_from(argv[2]), &sqn) == 0 && !hss_sqn_has_room(sqn)) {
        ctl_error(out, "sqn " HSS_SQN_NO_ROOM "\n");
        return FAILED;
    }
    if (argc == 3 && hss_sqn_parse(str_from(argv[2]), &sqn) == 0)
        return set_sqn_of(nf, argv, out, sqn);
    ctl_error(out, "usage: sqn set IMPI|IMPU|USER SQN; SQN is up to 12 hexadecimal digits\n");
    return USAGE;
}

const struct ctl_command hss_commands[] = {
    {"subscriber add", "IMPI FIELD=VALUE ...", "a new subscriber", subscriber_add},
    {"subscriber show", "IMPI|IMPU|USER", "everything but the keys", subscriber_show},
    {"subscriber list", "[AFTER-IMPI]", "subscribers in order, 1000 at a time", subscriber_list},
    {"subscriber set", "IMPI FIELD=VALUE ...", "change fields", subscriber_set},
    {"subscriber delete", "IMPI", "forget a subscriber", subscriber_delete},
    {"subscriber import", "[--replace] FILE", "CSV or YAML, all or nothing", subscriber_import},
    {"subscriber export", "[AFTER-IMPI]", "YAML that import takes back, 10000 at a time, keys sealed", subscriber_export},
    {"sqn show", "IMPI|IMPU|USER", "the last SQN used", sqn_show},
    {"sqn set", "IMPI|IMPU|USER SQN", "set it, 12 hexadecimal digits", sqn_set},
    {"profile show", "[NAME]", "service profiles, or the XML of one", profile_show},
    {"profile set", "NAME FILE", "a service profile from XML", profile_set},
    {"profile delete", "NAME", "one that nobody uses", profile_delete},
    {NULL, NULL, NULL, NULL},
};
