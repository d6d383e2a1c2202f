// SPDX-License-Identifier: Apache-2.0
// Writing a message: received spans as they came, edits in between; responses to a request, and requests from nothing.
#include "base/err.h"
#include "base/writer.h"
#include "sip/edit_priv.h"
#include "sip/header.h"

static void write_line(struct writer *w, struct str name, struct str value)
{
    writer_str(w, name);
    writer_lit(w, ": ");
    writer_str(w, value);
    writer_lit(w, "\r\n");
}

static bool take_rest(struct str *rest, struct str *ret_all)
{
    if (!rest->p)
        return false;
    *ret_all = str_trim(*rest);
    *rest = STR_NONE;
    return true;
}

// A field whose elements were edited; it vanishes with its last element.
static void write_elements(struct writer *w, const struct sip_msg *m, const struct sip_edit *ed)
{
    const struct sip_field *f = ed->field;
    const struct sip_header *h = sip_header(ed->id);
    struct str rest = sip_field_value(m, f), value;
    // those behind the last one edited stay as they came
    size_t edited = h->multi == SIP_LIST ? (ed->last ? ed->last->i + 1 : 0) : SIZE_MAX;
    const struct edit_element *el = ed->elements;
    bool any = false;
    for (size_t i = 0; i <= edited; i++) {
        bool more = h->multi == SIP_LIST && i < edited
                        ? sip_element_next(m, &rest, h->separator, &value)
                        : take_rest(&rest, &value);
        if (!more)
            break;
        value = sip_edit_element(&el, i, value);
        if (!value.p)
            continue;
        if (!any) {
            writer_str(w, sip_field_name(m, f));
            writer_lit(w, ": ");
        } else {
            writer_chr(w, h->separator);
            writer_chr(w, ' ');
        }
        writer_str(w, value);
        any = true;
    }
    if (any)
        writer_lit(w, "\r\n");
}

static void write_edit(struct writer *w, const struct sip_msg *m, const struct sip_edit *ed)
{
    switch (ed->kind) {
    case EDIT_LINE:
        write_line(w, ed->name, ed->value);
        return;
    case EDIT_TEXT:
        writer_str(w, ed->value);
        return;
    case EDIT_ELEMENTS:
        write_elements(w, m, ed);
        return;
    }
}

int sip_msg_write(const struct sip_msg *m, const struct sip_edits *e, struct writer *w)
{
    size_t at = 0;
    if (e && e->failed)
        return ERR_NOMEM;
    for (const struct sip_edit *ed = e ? e->first : NULL; ed; ed = ed->next) {
        if (ed->dropped)
            continue;
        if (ed->at > at) {
            writer_str(w, str_make(m->bytes.p + at, ed->at - at));
            at = ed->at;
        }
        write_edit(w, m, ed);
        at += ed->del;
    }
    writer_str(w, str_skip(m->bytes, at));
    return w->failed ? ERR_TOOBIG : 0;
}

void sip_edits_write_fields(const struct sip_edits *e, struct writer *w)
{
    for (const struct sip_edit *ed = e->first; ed; ed = ed->next)
        if (ed->kind == EDIT_LINE && !ed->dropped)
            write_line(w, ed->name, ed->value);
}

struct str sip_edits_body(const struct sip_edits *e)
{
    for (const struct sip_edit *ed = e->first; ed; ed = ed->next)
        if (ed->body && !ed->dropped)
            return ed->value;
    return STR_NONE;
}

// ---- what is made here ----

// The received lines of a header, as they came.
static void copy_fields(struct writer *w, const struct sip_msg *m, enum sip_hid id)
{
    for (const struct sip_field *f = sip_field_first(m, id); f; f = sip_field_next(m, f))
        writer_str(w, str_make(m->bytes.p + f->at, sip_field_end(f) - f->at));
}

static void copy_to(struct writer *w, const struct sip_msg *m, struct str tag)
{
    const struct sip_field *f = sip_field_first(m, SIP_H_TO);
    if (!f)
        return;
    writer_str(w, str_make(m->bytes.p + f->at, (size_t)(f->value + f->value_n - f->at)));
    if (tag.n) {
        writer_lit(w, ";tag=");
        writer_str(w, tag);
    }
    writer_lit(w, "\r\n");
}

// RFC 3261 8.2.6.1: a Timestamp is echoed in the 100.
static void copy_timestamp(struct writer *w, const struct sip_msg *m)
{
    struct str value = sip_msg_raw_named(m, STR("Timestamp"));
    if (!value.p)
        return;
    writer_lit(w, "Timestamp: ");
    writer_str(w, value);
    writer_lit(w, "\r\n");
}

// RFC 3261 12.1.1, RFC 6665 4.4.2, RFC 3515 2.4.4
static bool makes_dialog(const struct sip_msg *req, unsigned status)
{
    return status > 100 && status < 300 &&
           (req->method == SIP_INVITE || req->method == SIP_SUBSCRIBE || req->method == SIP_REFER);
}

static int finish(struct writer *w, const struct sip_edits *fields)
{
    struct str body = fields ? sip_edits_body(fields) : STR_NONE;
    if (fields)
        sip_edits_write_fields(fields, w);
    writer_lit(w, "Content-Length: ");
    writer_u64(w, body.n);
    writer_lit(w, "\r\n\r\n");
    writer_str(w, body);
    if (fields && fields->failed)
        return ERR_NOMEM;
    return w->failed ? ERR_TOOBIG : 0;
}

int sip_write_response(const struct sip_msg *req, unsigned status, struct str reason,
                       struct str to_tag, const struct sip_edits *extra, struct writer *w)
{
    writer_lit(w, "SIP/2.0 ");
    writer_u64(w, status);
    writer_chr(w, ' ');
    writer_str(w, reason.n ? reason : sip_reason(status));
    writer_lit(w, "\r\n");
    copy_fields(w, req, SIP_H_VIA);
    copy_fields(w, req, SIP_H_FROM);
    copy_to(w, req, req->to.tag.n || status == 100 ? STR_NONE : to_tag);
    copy_fields(w, req, SIP_H_CALL_ID);
    copy_fields(w, req, SIP_H_CSEQ);
    if (status == 100)
        copy_timestamp(w, req);
    if (makes_dialog(req, status))
        copy_fields(w, req, SIP_H_RECORD_ROUTE);
    return finish(w, extra);
}

int sip_write_request(struct str method, struct str uri, const struct sip_edits *headers,
                      struct writer *w)
{
    writer_str(w, method);
    writer_chr(w, ' ');
    writer_str(w, uri);
    writer_lit(w, " SIP/2.0\r\n");
    return finish(w, headers);
}
