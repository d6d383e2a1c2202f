// SPDX-License-Identifier: Apache-2.0
// What the edits leave, without writing it.
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

struct sip_edits_iter sip_edits_iter_init(const struct sip_edits *e, enum sip_hid id)
{
    return (struct sip_edits_iter){
        .e = e,
        .id = id,
        .edit = e->first,
        .field = e->msg ? sip_field_first(e->msg, id) : NULL,
    };
}

// Begins a received field, unless it is gone or counts with the added ones.
static bool enter(struct sip_edits_iter *it)
{
    const struct sip_field *f = it->field;
    const struct sip_edit *ed = sip_edit_of_field(it->e, f);
    if (ed && ed->kind != EDIT_ELEMENTS)
        return false;
    if (sip_header((enum sip_hid)f->id)->multi == SIP_LIST && !f->value_n)
        return false;
    it->rest = sip_field_value(it->e->msg, f);
    it->element = ed ? ed->elements : NULL;
    it->n = 0;
    return true;
}

// The next element that is left of the field; false: it is at its end.
static bool in_field(struct sip_edits_iter *it, struct str *ret_value)
{
    const struct sip_header *h = sip_header((enum sip_hid)it->field->id);
    for (;;) {
        struct str value = it->rest;
        if (h->multi == SIP_LIST ? !sip_element_next(it->e->msg, &it->rest, h->separator, &value)
                                 : it->n > 0)
            return false;
        value = sip_edit_element(&it->element, it->n++, value);
        if (value.p) {
            *ret_value = value;
            return true;
        }
    }
}

bool sip_edits_iter_next(struct sip_edits_iter *it, struct str *ret_value)
{
    for (;;) {
        if (it->inside && in_field(it, ret_value))
            return true;
        if (it->inside)
            it->field = sip_field_next(it->e->msg, it->field);
        it->inside = false;
        const struct sip_edit *ed = it->edit;
        if (!ed && !it->field)
            return false;
        // both lists are in the order of their places; an added line comes before a field there
        if (ed && (!it->field || ed->at <= it->field->at)) {
            it->edit = ed->next;
            if (ed->kind != EDIT_LINE || ed->id != it->id || ed->dropped)
                continue;
            *ret_value = ed->value;
            return true;
        }
        it->inside = enter(it);
        if (!it->inside)
            it->field = sip_field_next(it->e->msg, it->field);
    }
}

bool sip_edits_first(const struct sip_edits *e, enum sip_hid id, struct str *ret_value)
{
    struct sip_edits_iter it = sip_edits_iter_init(e, id);
    return sip_edits_iter_next(&it, ret_value);
}

void sip_edits_touched(const struct sip_edits *e, uint64_t ret_bits[SIP_HID_WORDS])
{
    memset(ret_bits, 0, SIP_HID_WORDS * sizeof *ret_bits);
    for (const struct sip_edit *ed = e->first; ed; ed = ed->next) {
        unsigned id = ed->field ? ed->field->id : ed->kind == EDIT_LINE ? ed->id : SIP_H_OTHER;
        ret_bits[id / 64] |= (uint64_t)1 << id % 64;
    }
}
