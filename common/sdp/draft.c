// SPDX-License-Identifier: Apache-2.0
// Writing a description that is new.
#include "base/writer.h"
#include "sdp/sdp.h"

static const char *family(struct str address)
{
    return str_chr(address, ':') >= 0 ? "IP6" : "IP4";
}

static void write_format(struct writer *w, const struct sdp_format *f)
{
    if (f->encoding.n) {
        writer_printf(w, "a=rtpmap:%u %.*s/%u", f->payload_type, STR_ARG(f->encoding), f->rate);
        if (f->channels > 1)
            writer_printf(w, "/%u", f->channels);
        writer_lit(w, "\r\n");
    }
    if (f->fmtp.p)
        writer_printf(w, "a=fmtp:%u %.*s\r\n", f->payload_type, STR_ARG(f->fmtp));
}

static void write_media(struct writer *w, const struct sdp_media *m)
{
    writer_printf(w, "m=%.*s %u %.*s", STR_ARG(m->type), m->port, STR_ARG(m->proto));
    for (size_t i = 0; i < m->n_formats; i++)
        writer_printf(w, " %u", m->formats[i].payload_type);
    if (!m->n_formats && m->fmt.n)
        writer_printf(w, " %.*s", STR_ARG(m->fmt));
    writer_lit(w, "\r\n");
    if (m->address.n)
        writer_printf(w, "c=IN %s %.*s\r\n", family(m->address), STR_ARG(m->address));
    if (m->bandwidth)
        writer_printf(w, "b=AS:%u\r\n", m->bandwidth);
    for (size_t i = 0; i < m->n_formats; i++)
        write_format(w, &m->formats[i]);
    if (m->ptime)
        writer_printf(w, "a=ptime:%u\r\n", m->ptime);
    writer_printf(w, "a=%.*s\r\n", STR_ARG(sdp_direction_name(m->direction)));
}

void sdp_draft_write(struct writer *w, const struct sdp_draft *d)
{
    writer_printf(w, "v=0\r\no=%.*s %llu %llu IN %s %.*s\r\ns=-\r\nt=0 0\r\n",
                  STR_ARG(d->origin_user.n ? d->origin_user : STR("-")), (unsigned long long)d->id,
                  (unsigned long long)d->version, family(d->origin_address),
                  STR_ARG(d->origin_address));
    for (size_t i = 0; i < d->n_media; i++)
        write_media(w, &d->media[i]);
}
