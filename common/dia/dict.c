// SPDX-License-Identifier: Apache-2.0
#include "dia/fd.h"

#include <stdio.h>

#include "base/err.h"
#include "base/log.h"
#include "base/mem.h"
#include "dia/base.h"
#include "dia/dict.h"

// libfdproto keeps state for the whole process, so the dictionary above it is one for the process too.
static struct dia_dict *process_dict;

static const struct dia_interface *const interfaces[] = {&dia_base, &dia_cx};

const struct dia_interface *dia_interface_find(uint32_t app)
{
    for (size_t i = 0; i < ARRAY_LEN(interfaces); i++)
        if (interfaces[i]->app == app)
            return interfaces[i];
    return NULL;
}

const struct dia_command *dia_command_find(const struct dia_interface *i, uint32_t code)
{
    for (size_t k = 0; k < i->n_commands; k++)
        if (i->commands[k].code == code)
            return &i->commands[k];
    return NULL;
}

const struct dia_avp *dia_avp_row(unsigned id)
{
    for (size_t i = 0; i < ARRAY_LEN(interfaces); i++) {
        const struct dia_avp *first = interfaces[i]->avps;
        if (id >= first->id && id < first->id + interfaces[i]->n_avps)
            return &first[id - first->id]; // the rows stand in the order of the ids
    }
    return NULL;
}

const struct dia_avp *dia_avp_find(uint32_t code, uint32_t vendor)
{
    for (size_t i = 0; i < ARRAY_LEN(interfaces); i++)
        for (size_t k = 0; k < interfaces[i]->n_avps; k++)
            if (interfaces[i]->avps[k].code == code && interfaces[i]->avps[k].vendor == vendor)
                return &interfaces[i]->avps[k];
    return NULL;
}

__attribute__((format(printf, 2, 0))) static void fd_says(int level, const char *fmt, va_list args)
{
    if (level < FD_LOG_ERROR || !log_enabled(LOG_TRACE))
        return;
    char text[256];
    (void)vsnprintf(text, sizeof text, fmt, args);
    log_text(LOG_TRACE, "libfdproto: %s", text);
}

static enum dict_avp_basetype basetype(enum dia_type t)
{
    switch (t) {
    case DIA_U32: return AVP_TYPE_UNSIGNED32;
    case DIA_U64: return AVP_TYPE_UNSIGNED64;
    case DIA_GROUPED: return AVP_TYPE_GROUPED;
    case DIA_OCTETS: break;
    }
    return AVP_TYPE_OCTETSTRING;
}

// Only the V bit is checked on receipt: whether a known AVP is marked mandatory is the sender's affair
// (RFC 6733 4.1), and refusing for it would help nobody.
static int load_avp(struct dia_dict *d, const struct dia_avp *a)
{
    struct dict_avp_data data = {
        .avp_code = a->code,
        .avp_vendor = a->vendor,
        .avp_name = (char *)a->name,
        .avp_flag_mask = AVP_FLAG_VENDOR,
        .avp_flag_val = a->flags,
        .avp_basetype = basetype(a->type),
    };
    if (fd_dict_new(d->fd, DICT_AVP, &data, NULL, &d->avp[a->id]) != 0)
        return ERR_NOMEM;
    d->key[a->id] = dia_avp_key(a->code, a->vendor);
    if (a->type == DIA_GROUPED && a->code < DIA_GROUPED_CODES)
        d->grouped[a->vendor != 0][a->code / 64] |= 1ull << (a->code % 64);
    return 0;
}

// libfdproto walks all AVPs for each rule, so an optional AVP has none: decode.c, which sees each AVP
// once anyway, counts it. Session-Id should come first (RFC 6733 8.8), which is the sender's affair: it
// is written there and read anywhere.
static int load_rule(struct dia_dict *d, struct dict_object *parent, const struct dia_field *f)
{
    if (f->min == 0)
        return 0;
    struct dict_rule_data data = {
        .rule_avp = d->avp[f->avp],
        .rule_position = RULE_REQUIRED,
        .rule_min = f->min,
        .rule_max = f->max ? f->max : -1,
    };
    int r = fd_dict_new(d->fd, DICT_RULE, &data, parent, NULL);
    return r == 0 || r == EEXIST ? 0 : ERR_NOMEM;
}

static bool own_avp(const struct dia_interface *i, unsigned id)
{
    return id >= i->avps[0].id && id < i->avps[0].id + i->n_avps;
}

// Rules of the grammar and of the groups in it. A group of another interface keeps the rules that it
// has there: Cx may not narrow what a CER may hold.
static int load_grammar(struct dia_dict *d, const struct dia_interface *i,
                        struct dict_object *parent, const struct dia_grammar *g)
{
    int r = 0;
    for (size_t k = 0; k < g->n && r == 0; k++) {
        const struct dia_field *f = &g->fields[k];
        r = load_rule(d, parent, f);
        if (r == 0 && f->group && own_avp(i, f->avp))
            r = load_grammar(d, i, d->avp[f->avp], f->group);
    }
    return r;
}

static int load_command(struct dia_dict *d, const struct dia_interface *i,
                        struct dict_object *app, const struct dia_command *c)
{
    struct dict_object *req, *ans;
    struct dict_cmd_data data = {
        .cmd_code = c->code,
        .cmd_name = (char *)c->request,
        .cmd_flag_mask = CMD_FLAG_REQUEST,
        .cmd_flag_val = CMD_FLAG_REQUEST,
    };
    if (fd_dict_new(d->fd, DICT_COMMAND, &data, app, &req) != 0)
        return ERR_NOMEM;
    data.cmd_name = (char *)c->answer;
    data.cmd_flag_val = 0;
    if (fd_dict_new(d->fd, DICT_COMMAND, &data, app, &ans) != 0)
        return ERR_NOMEM;
    int r = load_grammar(d, i, req, c->in);
    return r ? r : load_grammar(d, i, ans, c->out);
}

// RFC 6733 7.6; the group has no grammar row of its own because it maps to one struct dia_result.
static int load_experimental(struct dia_dict *d)
{
    static const struct dia_field experimental_fields[] = {
        {.avp = AVP_VENDOR_ID, .min = 1, .max = 1},
        {.avp = AVP_EXPERIMENTAL_RESULT_CODE, .min = 1, .max = 1},
    };
    static const DIA_FIELDS(experimental);
    struct dict_object *error;
    int r = load_grammar(d, &dia_base, d->avp[AVP_EXPERIMENTAL_RESULT], &experimental);
    if (r == 0 && fd_dict_get_error_cmd(d->fd, &error) != 0)
        r = ERR_NOMEM;
    return r ? r : load_grammar(d, &dia_base, error, &dia_error_grammar);
}

static int load_interface(struct dia_dict *d, const struct dia_interface *i)
{
    for (size_t k = 0; k < d->n_loaded; k++)
        if (d->loaded[k] == i)
            return 0;
    if (d->n_loaded == DIA_INTERFACES)
        return ERR_TOOBIG;
    struct dict_object *vendor = NULL, *app = NULL;
    struct dict_vendor_data v = {i->vendor, (char *)(i->vendor ? "3GPP" : "")};
    struct dict_application_data a = {i->app, (char *)i->name};
    if (i->vendor) {
        int r = fd_dict_new(d->fd, DICT_VENDOR, &v, NULL, &vendor);
        if (r != 0 && r != EEXIST)
            return ERR_NOMEM;
    }
    if (i->app) { // application 0 is there from the start
        int r = fd_dict_new(d->fd, DICT_APPLICATION, &a, vendor, &app);
        if (r != 0 && r != EEXIST)
            return ERR_NOMEM;
    }
    int r = 0;
    for (size_t k = 0; k < i->n_avps && r == 0; k++)
        r = load_avp(d, &i->avps[k]);
    for (size_t k = 0; k < i->n_commands && r == 0; k++)
        r = load_command(d, i, app, &i->commands[k]);
    if (r == 0 && i == &dia_base)
        r = load_experimental(d);
    if (r == 0)
        d->loaded[d->n_loaded++] = i;
    return r;
}

// Once for the process and never undone: each time it takes a key for thread-specific data (there are 1024),
// and its counterpart gives none back.
static int library_init(void)
{
    static bool done;
    if (!done && fd_libproto_init() != 0)
        return ERR_NOMEM;
    done = true;
    return 0;
}

static struct dia_dict *dict_new(void)
{
    struct dia_dict *d = mem_zalloc(sizeof *d);
    if (!d)
        return NULL;
    if (library_init() != 0 || fd_dict_init(&d->fd) != 0) {
        mem_free(d);
        return NULL;
    }
    (void)fd_log_handler_register(fd_says);
    return d;
}

int dia_dict_ref(const uint32_t *apps, size_t n, struct dia_dict **ret_dict)
{
    if (!process_dict && !(process_dict = dict_new()))
        return ERR_NOMEM;
    struct dia_dict *d = process_dict;
    d->refs++;
    int r = load_interface(d, &dia_base);
    for (size_t i = 0; i < n && r == 0; i++) {
        const struct dia_interface *f = dia_interface_find(apps[i]);
        r = f ? load_interface(d, f) : ERR_NOTFOUND;
    }
    if (r) {
        dia_dict_unref(d);
        return r;
    }
    *ret_dict = d;
    return 0;
}

void dia_dict_unref(struct dia_dict *d)
{
    if (!d || --d->refs)
        return;
    (void)fd_dict_fini(&d->fd);
    (void)fd_log_handler_unregister();
    mem_free(d);
    process_dict = NULL;
}
