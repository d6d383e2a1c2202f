// SPDX-License-Identifier: Apache-2.0
// Writing a message: received spans as they came, edits in between.
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
