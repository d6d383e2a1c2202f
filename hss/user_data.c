// SPDX-License-Identifier: Apache-2.0
// User-Data (TS 29.228 annexes B and E): identities from the store, the service part as it was
// checked when the profile was provisioned. Consecutive IMPUs of one profile share a
// ServiceProfile; the order of IMPUs is kept, so the first that is not barred is the default
// (TS 29.228 6.5.1.1).
#include <libxml/xmlwriter.h>

#include "base/err.h"
#include "hss/hss_priv.h"
#include "ims/wildcard.h"

struct doc {
    xmlTextWriterPtr w;
    int64_t profile; // of the open ServiceProfile, 0: none
    struct str service;
    struct arena *arena;
    bool failed;
};

#define X(s) ((const xmlChar *)(s))

static void text_element(struct doc *d, const char *name, struct str text)
{
    struct str z = arena_dup(d->arena, text); // NUL-terminated
    if (!z.p || xmlTextWriterWriteElement(d->w, X(name), X(z.p)) < 0)
        d->failed = true;
}

static void open_element(struct doc *d, const char *name)
{
    d->failed = d->failed || xmlTextWriterStartElement(d->w, X(name)) < 0;
}

static void close_element(struct doc *d)
{
    d->failed = d->failed || xmlTextWriterEndElement(d->w) < 0;
}

static void close_profile(struct doc *d)
{
    if (!d->profile)
        return;
    if (d->service.n)
        d->failed =
            d->failed || xmlTextWriterWriteRawLen(d->w, X(d->service.p), (int)d->service.n) < 0;
    close_element(d);
    d->profile = 0;
}

// Of a wildcarded identity the pattern stands in Identity and in WildcardedIMPU: there are S-CSCFs that look for it
// in either place.
static void write_extension(struct doc *d, struct str impu, struct str name, struct str alias)
{
    struct wildcard_parts parts;
    bool pattern = wildcard_split(impu, &parts);
    if (!name.n && !alias.n && !pattern)
        return;
    open_element(d, "Extension");
    text_element(d, "IdentityType", pattern ? STR("4") : STR("0"));
    open_element(d, "Extension");
    if (name.n)
        text_element(d, "DisplayName", name);
    if (alias.n)
        text_element(d, "AliasIdentityGroupID", alias);
    if (pattern) {
        open_element(d, "Extension");
        text_element(d, "WildcardedIMPU", impu);
        close_element(d);
    }
    close_element(d);
    close_element(d);
}

static void write_impu(struct doc *d, const struct store_value *c)
{
    open_element(d, "PublicIdentity");
    if (c[1].num)
        text_element(d, "BarringIndication", STR("1"));
    text_element(d, "Identity", c[0].s);
    write_extension(d, c[0].s, c[2].s, c[5].s);
    close_element(d);
}

static int impu_row(void *arg, const struct store_value *c, size_t n)
{
    struct doc *d = arg;
    if (c[3].num != d->profile) {
        close_profile(d);
        open_element(d, "ServiceProfile");
        d->profile = c[3].num;
        d->service = arena_dup(d->arena, c[4].s);
    }
    write_impu(d, c);
    return d->failed ? ERR_NOMEM : 0;
}

static int write_document(struct hss_op *op, struct doc *d, struct str impi, const int64_t *sets,
                          size_t n)
{
    int err = 0;
    d->failed = xmlTextWriterStartDocument(d->w, "1.0", "UTF-8", NULL) < 0;
    open_element(d, "IMSSubscription");
    text_element(d, "PrivateID", impi);
    for (size_t i = 0; !err && i < n; i++)
        err = STORE_RUN(op->ctx->store, SQL_PROFILE_IMPUS, impu_row, d, SV_INT(sets[i]));
    close_profile(d);
    close_element(d);
    d->failed = d->failed || xmlTextWriterEndDocument(d->w) < 0;
    return err ? err : d->failed ? ERR_NOMEM : 0;
}

int hss_user_data(struct hss_op *op, struct str impi, const int64_t *sets, size_t n,
                  struct str *ret_xml)
{
    xmlBufferPtr buf = xmlBufferCreateSize(1024);
    struct doc d = {.w = buf ? xmlNewTextWriterMemory(buf, 0) : NULL, .arena = &op->arena};
    int err = d.w ? write_document(op, &d, impi, sets, n) : ERR_NOMEM;
    if (d.w)
        xmlFreeTextWriter(d.w); // flushes into buf
    if (!err) {
        *ret_xml = arena_dup(&op->arena, str_make((const char *)xmlBufferContent(buf),
                                                  (size_t)xmlBufferLength(buf)));
        err = ret_xml->p ? 0 : ERR_NOMEM;
    }
    xmlBufferFree(buf);
    return err;
}
