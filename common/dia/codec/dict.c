// SPDX-License-Identifier: Apache-2.0
#include "dia/codec/fd.h"

#include <stdio.h>

#include "base/err.h"
#include "base/log.h"
#include "base/mem.h"
#include "dia/base.h"
#include "dia/codec/dict.h"

enum { FIRST_BITS = 8 };

// libfdproto keeps state for the whole process, so the dictionary above it is one for the process too.
static struct dia_dict *process_dict;

const struct dia_command *dia_command_find(const struct dia_interface *i, uint32_t code)
{
    for (size_t k = 0; k < i->n_commands; k++)
        if (i->commands[k].code == code)
            return &i->commands[k];
    return NULL;
}

const struct dia_avp *dia_dict_avp(const struct dia_dict *d, uint32_t code, uint32_t vendor)
{
    return dia_dict_find(d, DIA_KEY(code, vendor))->row;
}

__attribute__((format(printf, 2, 0))) static void fd_says(int level, const char *fmt, va_list args)
{
    if (level < FD_LOG_ERROR || !log_enabled(LOG_TRACE))
        return;
    char text[256];
    (void)vsnprintf(text, sizeof text, fmt, args);
    log_text(LOG_TRACE, "libfdproto: %s", text);
}

// ---- the table of AVPs ----

static int table_new(unsigned bits, struct dia_entry **ret_places)
{
    *ret_places = mem_zalloc(sizeof **ret_places << bits);
    return *ret_places ? 0 : ERR_NOMEM;
}

static int table_grow(struct dia_dict *d)
{
    struct dia_dict bigger = {.bits = d->bits + 1};
    if (table_new(bigger.bits, &bigger.places))
        return ERR_NOMEM;
    for (size_t i = 0; i < (size_t)1 << d->bits; i++)
        if (d->places[i].row)
            *(struct dia_entry *)dia_dict_find(&bigger, d->places[i].key) = d->places[i];
    mem_free(d->places);
    d->places = bigger.places;
    d->bits = bigger.bits;
    return 0;
}

static enum dict_avp_basetype basetype(enum dia_type t)
{
    switch (t) {
    case DIA_U32: return AVP_TYPE_UNSIGNED32;
    case DIA_U64: return AVP_TYPE_UNSIGNED64;
    case DIA_I32: return AVP_TYPE_INTEGER32;
    case DIA_I64: return AVP_TYPE_INTEGER64;
    case DIA_GROUPED: return AVP_TYPE_GROUPED;
    case DIA_OCTETS: break;
    }
    return AVP_TYPE_OCTETSTRING;
}

// Two applications may describe one AVP, each in its own file, as long as they say the same.
static bool same(const struct dia_avp *a, const struct dia_avp *b)
{
    return a == b || (a->type == b->type && a->flags == b->flags && strcmp(a->name, b->name) == 0);
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
    uint64_t key = DIA_KEY(a->code, a->vendor);
    const struct dia_entry *e = dia_dict_find(d, key);
    if (e->row)
        return same(e->row, a) ? 0 : ERR_INVAL;
    if (2 * (d->n + 1) > (size_t)1 << d->bits && table_grow(d))
        return ERR_NOMEM;
    struct dict_object *object;
    if (fd_dict_new(d->fd, DICT_AVP, &data, NULL, &object) != 0)
        return ERR_NOMEM;
    *(struct dia_entry *)dia_dict_find(d, key) = (struct dia_entry){key, a, object};
    d->n++;
    return 0;
}

// ---- applications ----

// libfdproto knows a command by its code alone, whatever the application; which AVPs it must hold is checked
// by the application's own grammar (decode.c).
static int load_command(struct dia_dict *d, struct dict_object *app, const struct dia_command *c)
{
    struct dict_cmd_data data = {
        .cmd_code = c->code,
        .cmd_name = (char *)c->request,
        .cmd_flag_mask = CMD_FLAG_REQUEST,
        .cmd_flag_val = CMD_FLAG_REQUEST,
    };
    struct dict_object *known;
    command_code_t code = c->code;
    if (fd_dict_search(d->fd, DICT_COMMAND, CMD_BY_CODE_R, &code, &known, ENOENT) == 0)
        return 0;
    if (fd_dict_new(d->fd, DICT_COMMAND, &data, app, NULL) != 0)
        return ERR_NOMEM;
    data.cmd_name = (char *)c->answer;
    data.cmd_flag_val = 0;
    return fd_dict_new(d->fd, DICT_COMMAND, &data, app, NULL) ? ERR_NOMEM : 0;
}

static int load_vendor(struct dia_dict *d, uint32_t id, struct dict_object **ret_vendor)
{
    char name[24];
    struct dict_vendor_data v = {id, name};
    (void)snprintf(name, sizeof name, "vendor-%u", id);
    int r = fd_dict_search(d->fd, DICT_VENDOR, VENDOR_BY_ID, &id, ret_vendor, ENOENT);
    return r && fd_dict_new(d->fd, DICT_VENDOR, &v, NULL, ret_vendor) ? ERR_NOMEM : 0;
}

static int load_application(struct dia_dict *d, const struct dia_interface *i, struct dict_object **ret_app)
{
    struct dict_object *vendor = NULL;
    struct dict_application_data a = {i->app, (char *)i->name};
    application_id_t id = i->app;
    if (i->vendor && load_vendor(d, i->vendor, &vendor))
        return ERR_NOMEM;
    *ret_app = NULL;
    if (!i->app) // it is there from the start
        return 0;
    int r = fd_dict_search(d->fd, DICT_APPLICATION, APPLICATION_BY_ID, &id, ret_app, ENOENT);
    return r && fd_dict_new(d->fd, DICT_APPLICATION, &a, vendor, ret_app) ? ERR_NOMEM : 0;
}

static int load_avps(struct dia_dict *d, const struct dia_interface *i)
{
    int r = 0;
    for (size_t k = 0; k < i->n_inherits && r == 0; k++)
        r = load_avps(d, i->inherits[k]);
    for (size_t k = 0; k < i->n_avps && r == 0; k++)
        r = load_avp(d, &i->avps[k]);
    return r;
}

static int load_interface(struct dia_dict *d, const struct dia_interface *i)
{
    struct dict_object *app;
    for (size_t k = 0; k < d->n_loaded; k++)
        if (d->loaded[k] == i)
            return 0;
    if (d->n_loaded == DIA_LOADED_MAX)
        return ERR_TOOBIG;
    int r = load_application(d, i, &app);
    r = r ? r : load_avps(d, i);
    for (size_t k = 0; k < i->n_commands && r == 0; k++)
        r = load_command(d, app, &i->commands[k]);
    if (r == 0)
        d->loaded[d->n_loaded++] = i;
    return r;
}

// ---- life ----

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
    d->bits = FIRST_BITS;
    if (table_new(d->bits, &d->places) || library_init() != 0 || fd_dict_init(&d->fd) != 0) {
        mem_free(d->places);
        mem_free(d);
        return NULL;
    }
    (void)fd_log_handler_register(fd_says);
    return d;
}

int dia_dict_ref(const struct dia_interface *const *apps, size_t n, struct dia_dict **ret_dict)
{
    if (!process_dict && !(process_dict = dict_new()))
        return ERR_NOMEM;
    struct dia_dict *d = process_dict;
    d->refs++;
    int r = load_interface(d, &dia_base);
    for (size_t i = 0; i < n && r == 0; i++)
        r = load_interface(d, apps[i]);
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
    mem_free(d->places);
    mem_free(d);
    process_dict = NULL;
}
