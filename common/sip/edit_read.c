// SPDX-License-Identifier: Apache-2.0
// What the edits leave, without writing it.
#include "base/err.h"
#include "sip/edit_priv.h"
#include "sip/header.h"

struct str sip_edits_uri(const struct sip_edits *e)
{
    const struct sip_msg *m = e->msg;
    if (!m || !m->uri_text.p)
        return STR_NONE;
    size_t at = (size_t)(m->uri_text.p - m->bytes.p);
    for (const struct sip_edit *ed = e->first; ed; ed = ed->next)
        if (ed->kind == EDIT_TEXT && !ed->dropped && ed->at == at)
            return ed->value;
    return m->uri_text;
}

// Counts *i down over the elements that are left of a received field; true when it is reached.
static bool in_field(const struct sip_edits *e, const struct sip_field *f, size_t *i,
                     struct str *ret_value)
{
    const struct sip_edit *ed = sip_edit_of_field(e, f);
    const struct sip_header *h = sip_header((enum sip_hid)f->id);
    struct str rest = sip_field_value(e->msg, f), value = rest;
    if (ed && ed->kind != EDIT_ELEMENTS)
        return false; // gone, or counted with the added ones
    if (h->multi == SIP_LIST && !f->value_n)
        return false;
    bool list = h->multi == SIP_LIST;
    for (size_t k = 0;
         list ? sip_element_next(e->msg, &rest, h->separator, &value) : k < 1; k++) {
        if (ed)
            value = sip_edit_element(ed, k, value);
        if (value.p && (*i)-- == 0) {
            *ret_value = value;
            return true;
        }
    }
    return false;
}

int sip_edits_get(const struct sip_edits *e, enum sip_hid id, size_t i, struct str *ret_value)
{
    const struct sip_edit *ed = e->first;
    const struct sip_field *f = e->msg ? sip_field_first(e->msg, id) : NULL;
    while (ed || f) {
        // both lists are in the order of their places; an added line comes before a field there
        if (ed && (!f || ed->at <= f->at)) {
            if (ed->kind == EDIT_LINE && ed->id == id && !ed->dropped && i-- == 0) {
                *ret_value = ed->value;
                return 0;
            }
            ed = ed->next;
            continue;
        }
        if (in_field(e, f, &i, ret_value))
            return 0;
        f = sip_field_next(e->msg, f);
    }
    return ERR_NOTFOUND;
}
