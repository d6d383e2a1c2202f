// SPDX-License-Identifier: Apache-2.0
#include "hss/audit.h"

#include <openssl/evp.h>
#include <stdio.h>

#include "base/err.h"
#include "base/log.h"

static int load(struct hss_op *op, struct str impi, struct hss_draft *ret_d)
{
    bool mixed;
    int err = hss_draft_load(op, impi, ret_d, &mixed);
    return err == ERR_NOTFOUND ? 0 : err;
}

int hss_audit_before(struct hss_audit *a, struct hss_op *op, const char *command, struct str impi)
{
    a->command = command;
    a->name = arena_dup(&op->arena, impi);
    return load(op, impi, &a->before);
}

int hss_audit_after(struct hss_audit *a, struct hss_op *op, struct str impi)
{
    return load(op, impi, &a->after);
}

static void describe(char out[80], struct str xml)
{
    unsigned char sum[EVP_MAX_MD_SIZE];
    size_t n = 0;
    if (EVP_Q_digest(NULL, "SHA256", NULL, xml.n ? xml.p : "", xml.n, sum, &n) != 1 || n < 4)
        memset(sum, 0, 4);
    (void)snprintf(out, 80, "%zu bytes, SHA-256 %02x%02x%02x%02x...", xml.n, sum[0], sum[1], sum[2], sum[3]);
}

static int profile_row(void *arg, const struct store_value *c, size_t n)
{
    describe(arg, c[1].s);
    return 0;
}

int hss_audit_profile(struct hss_audit *a, struct hss_op *op, const char *command, struct str name, bool before)
{
    a->command = command;
    a->name = arena_dup(&op->arena, name);
    a->field = "xml";
    return STORE_RUN(op->ctx->store, SQL_PROFILE_FIND, profile_row, before ? a->old : a->now, SV_TEXT(name));
}

void hss_audit_import(struct hss_audit *a, struct str file, bool replace, size_t n)
{
    a->command = replace ? "subscriber import --replace" : "subscriber import";
    a->name = file;
    a->field = "subscribers";
    (void)snprintf(a->now, sizeof a->now, "%zu", n);
}

static void line(const struct hss_audit *a, const char *field, struct str old, struct str now)
{
    char who[48] = "?";
    if (a->known)
        (void)snprintf(who, sizeof who, "uid %u, pid %d", a->uid, a->pid);
    LOG(LOG_INFO, "provisioned", LF_Z("command", a->command), LF_Z("by", who), LF("of", a->name),
        LF_Z("field", field), LF("old", str_head(old, old.n < HSS_AUDIT_VALUE ? old.n : HSS_AUDIT_VALUE)),
        LF("new", str_head(now, now.n < HSS_AUDIT_VALUE ? now.n : HSS_AUDIT_VALUE)));
}

void hss_audit_log(const struct hss_audit *a)
{
    if (!a->command)
        return;
    if (a->field) {
        line(a, a->field, str_from(a->old), str_from(a->now));
        return;
    }
    for (size_t i = 0; i < F_COUNT; i++) {
        struct str old = a->before.v[i], now = a->after.v[i];
        if (str_eq(old, now))
            continue;
        if (i == F_SEALED)
            line(a, "key or password", old.n ? STR("(a secret)") : STR_NONE, now.n ? STR("(a secret)") : STR_NONE);
        else
            line(a, hss_fields[i].name, old, now);
    }
}
