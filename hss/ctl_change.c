// SPDX-License-Identifier: Apache-2.0
// What commands of the control socket change, as procedures (base/steps.h) of the operation. Their
// names are the commands'. No clause says how subscribers are provisioned.
#include "base/err.h"
#include "base/mem.h"
#include "hss/command.h"
#include "ims/impu.h"

static struct command *command_of(struct job *j)
{
    return hss_op_of(j)->arg;
}

static int impi_row(void *arg, const struct store_value *v, size_t n)
{
    struct command *c = arg;
    c->impi = arena_dup(&c->arena, v[0].s);
    return 0;
}

// A subscriber by IMPI, by IMPU, or by the user part of a SIP IMPU.
int hss_command_find(struct hss_op *op, struct command *c)
{
    struct str given = c->name;
    c->impi = given;
    if (str_chr(given, ':') >= 0)
        return STORE_RUN(op->ctx->store, SQL_FIND_BY_IMPU, impi_row, c,
                         SV_TEXT(impu_canon_text(&c->arena, op->ctx->plan, given)));
    if (str_chr(given, '@') >= 0)
        return 0;
    struct str from = ARENA_CAT(&c->arena, STR("sip:"), given, STR("@"));
    struct str to = ARENA_CAT(&c->arena, STR("sip:"), given, STR("A")); // the byte after '@'
    return STORE_RUN(op->ctx->store, SQL_FIND_BY_USER, impi_row, c, SV_TEXT(from), SV_TEXT(to));
}

int hss_command_not_found(struct command *c)
{
    return hss_problem(&c->problem, 0, ERR_NOTFOUND, "there is no subscriber %.*s",
                       STR_ARG(c->name));
}

#define CHANGE(var_, name_, ...)                                                                   \
    static const struct step var_##_steps[] = {__VA_ARGS__};                                       \
    const struct procedure var_ = {name_, var_##_steps, ARRAY_LEN(var_##_steps)}

// ---- subscribers ----

// Steps: what is known of the subscriber before and behind the change, for the audit.
static enum step_verdict note_before(struct job *j)
{
    struct command *c = command_of(j);
    return hss_next(hss_op_of(j),
                    hss_audit_before(&c->audit, hss_op_of(j), j->proc->name, c->impi));
}

static enum step_verdict note_after(struct job *j)
{
    struct command *c = command_of(j);
    return hss_next(hss_op_of(j), hss_audit_after(&c->audit, hss_op_of(j), c->impi));
}

static enum step_verdict add(struct job *j)
{
    struct command *c = command_of(j);
    return hss_next(hss_op_of(j), hss_subscriber_add(hss_op_of(j), &c->draft, false, &c->problem));
}

static enum step_verdict set(struct job *j)
{
    struct command *c = command_of(j);
    return hss_next(hss_op_of(j), hss_subscriber_set(hss_op_of(j), &c->draft, &c->problem));
}

CHANGE(hss_change_add, "subscriber add", {"note before", note_before}, {"add", add},
       {"note after", note_after});
CHANGE(hss_change_set, "subscriber set", {"note before", note_before}, {"set", set},
       {"note after", note_after});

static enum step_verdict take_out(struct job *j)
{
    struct command *c = command_of(j);
    int err = hss_subscriber_delete(hss_op_of(j), c->impi);
    if (err == ERR_NOTFOUND)
        (void)hss_problem(&c->problem, 0, err, "there is no IMPI %.*s", STR_ARG(c->impi));
    return hss_next(hss_op_of(j), err);
}

CHANGE(hss_change_delete, "subscriber delete", {"note before", note_before}, {"take out", take_out},
       {"note after", note_after});

static enum step_verdict find_one(struct job *j)
{
    return hss_next(hss_op_of(j), hss_command_find(hss_op_of(j), command_of(j)));
}

static enum step_verdict sqn_put(struct job *j)
{
    struct command *c = command_of(j);
    int err = hss_sqn_set(hss_op_of(j), c->impi, c->sqn);
    return hss_next(hss_op_of(j), err == ERR_NOTFOUND ? hss_command_not_found(c) : err);
}

CHANGE(hss_change_sqn, "sqn set", {"find", find_one}, {"note before", note_before},
       {"set", sqn_put}, {"note after", note_after});

// ---- service profiles ----

static enum step_verdict note_profile(struct job *j, bool before)
{
    struct command *c = command_of(j);
    return hss_next(hss_op_of(j),
                    hss_audit_profile(&c->audit, hss_op_of(j), j->proc->name, c->name, before));
}

static enum step_verdict note_profile_before(struct job *j)
{
    return note_profile(j, true);
}

static enum step_verdict note_profile_after(struct job *j)
{
    return note_profile(j, false);
}

static enum step_verdict profile_put(struct job *j)
{
    struct command *c = command_of(j);
    return hss_next(hss_op_of(j), hss_profile_put(hss_op_of(j), c->name, c->text, 0, &c->problem));
}

CHANGE(hss_change_profile, "profile set", {"note before", note_profile_before},
       {"put", profile_put}, {"note after", note_profile_after});

static enum step_verdict profile_drop(struct job *j)
{
    struct command *c = command_of(j);
    struct hss_op *op = hss_op_of(j);
    int err = HSS_WRITE(op, SQL_PROFILE_DROP, SV_TEXT(c->name));
    if (err == ERR_EXISTS)
        (void)hss_problem(&c->problem, 0, err, "profile %.*s is in use", STR_ARG(c->name));
    else if (!err && !store_changes(op->ctx->store))
        err = hss_problem(&c->problem, 0, ERR_NOTFOUND, "no such profile, or the default one");
    return hss_next(op, err);
}

CHANGE(hss_change_profile_delete, "profile delete", {"note before", note_profile_before},
       {"drop", profile_drop});
