// SPDX-License-Identifier: Apache-2.0
// What rows tell together, with the options of every daemon and of its network function in one table.
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <sys/socket.h>
#include <unistd.h>

#include "app/app_priv.h"

enum { LISTENERS_MAX = 64, OPTION_MAX = 80 };

void app_find(app_finding found, void *arg, const char *option, const char *fmt, ...)
{
    char what[512];
    va_list ap;
    va_start(ap, fmt);
    (void)vsnprintf(what, sizeof what, fmt, ap);
    va_end(ap);
    found(arg, option, what);
}

// An address that something listens on, and whose it is.
struct listener {
    const char *row;
    size_t entry; // from 1; 0: the row's only value
    unsigned use;
    const struct addr *addr;
};

struct listeners {
    struct listener v[LISTENERS_MAX];
    size_t n;
};

static void option_text(const struct listener *l, char text[OPTION_MAX])
{
    if (l->entry)
        (void)snprintf(text, OPTION_MAX, "%s[%zu]", l->row, l->entry);
    else
        (void)snprintf(text, OPTION_MAX, "%s", l->row);
}

static void add(struct listeners *all, const struct conf_row *row, size_t entry, const struct addr *a)
{
    if (all->n < LISTENERS_MAX && a->sa.sa_family)
        all->v[all->n++] = (struct listener){row->name, entry, row->use, a};
}

static void listeners_of(const struct conf_row *rows, const char *target, unsigned use,
                         struct listeners *ret_all)
{
    ret_all->n = 0;
    for (; rows->name; rows++) {
        const void *v = target + rows->offset;
        if (!(rows->use & use))
            continue;
        if (rows->type == CONF_ADDR)
            add(ret_all, rows, 0, v);
        for (size_t i = 0; rows->type == CONF_ADDR_LIST && i < ((const struct conf_addrs *)v)->n; i++)
            add(ret_all, rows, i + 1, &((const struct conf_addrs *)v)->v[i]);
    }
}

static bool same_place(const struct listener *a, const struct listener *b)
{
    bool wide = addr_is_any(a->addr) || addr_is_any(b->addr);
    return (a->use & b->use & (CONF_UDP | CONF_TCP)) && addr_port(a->addr) == addr_port(b->addr) &&
           addr_is_ip6(a->addr) == addr_is_ip6(b->addr) && (wide || addr_eq_ip(a->addr, b->addr));
}

static void check_listeners(const struct conf_row *rows, const char *target, app_finding bad, void *arg)
{
    struct listeners all;
    char own[OPTION_MAX], other[OPTION_MAX], text[ADDR_TEXT_MAX];
    listeners_of(rows, target, CONF_UDP | CONF_TCP, &all);
    for (size_t i = 0; i < all.n; i++) {
        for (size_t k = 0; k < i; k++) {
            if (!same_place(&all.v[i], &all.v[k]))
                continue;
            option_text(&all.v[i], own);
            option_text(&all.v[k], other);
            app_find(bad, arg, own, "%.*s/%s is taken by %s already; each needs an address or a port of its own",
                     STR_ARG(addr_text(all.v[i].addr, text)),
                     all.v[i].use & all.v[k].use & CONF_TCP ? "tcp" : "udp", other);
            break;
        }
    }
}

// ---- paths ----

static bool is_path(const struct conf_row *row)
{
    return row->type == CONF_STR && row->form >= CONF_FORM_SOCKET;
}

static bool is_file(struct str path)
{
    return path.n && !str_eq(path, STR("none"));
}

static void check_paths(const struct conf_row *rows, const char *target, app_finding bad, void *arg)
{
    for (const struct conf_row *r = rows; r->name; r++) {
        const struct str *own = (const void *)(target + r->offset);
        for (const struct conf_row *q = rows; q < r && is_path(r) && is_file(*own); q++)
            if (is_path(q) && str_eq(*own, *(const struct str *)(const void *)(target + q->offset)))
                app_find(bad, arg, r->name, "%.*s is the path of %s too", STR_ARG(*own), q->name);
    }
}

void conf_check_rows(const struct conf_row *rows, const void *target, app_finding bad, void *arg)
{
    check_listeners(rows, target, bad, arg);
    check_paths(rows, target, bad, arg);
}

// ---- suspicions ----

// Asked of the system by taking the address for a moment, with a port of its choice: an address can be there without
// being listed at an interface, as all of a prefix that is routed to this machine.
static bool is_here(const struct addr *a)
{
    struct addr any_port = *a;
    int fd = socket(a->sa.sa_family, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    if (fd < 0)
        return true; // nobody can tell
    addr_set_port(&any_port, 0);
    bool here = bind(fd, &any_port.sa, addr_len(&any_port)) == 0 || errno != EADDRNOTAVAIL;
    (void)close(fd);
    return here;
}

// A standby gets the address later; the start says for certain.
static void suspect_strangers(const struct conf_row *rows, const char *target, app_finding odd, void *arg)
{
    struct listeners all;
    char option[OPTION_MAX], text[ADDR_TEXT_MAX];
    listeners_of(rows, target, CONF_UDP | CONF_TCP | CONF_USE_LOCAL, &all);
    for (size_t i = 0; i < all.n; i++) {
        option_text(&all.v[i], option);
        if (!is_here(all.v[i].addr))
            app_find(odd, arg, option, "no interface of this machine has %.*s now; the start fails without it",
                     STR_ARG(addr_ip_text(all.v[i].addr, text)));
    }
}

void conf_suspect_rows(const struct conf_row *rows, const void *target, app_finding odd, void *arg)
{
    suspect_strangers(rows, target, odd, arg);
    for (; rows->name; rows++) {
        const struct str *path = (const void *)((const char *)target + rows->offset);
        if (is_path(rows) && is_file(*path) && path->p[0] != '/' && path->p[0] != ':')
            app_find(odd, arg, rows->name, "\"%.*s\" is relative to the folder that the daemon is started in",
                     STR_ARG(*path));
    }
}
