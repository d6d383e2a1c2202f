// SPDX-License-Identifier: Apache-2.0
// Contacts of before the start.
#include "base/arena.h"
#include "base/err.h"
#include "base/log.h"
#include "pcscf/contact_record.h"
#include "pcscf/registry_priv.h"

enum { ARENA_ROOM = 4096, TOLD = 10 };

struct restore {
    struct registry *registry;
    struct registry_restored n;
};

static int leave_out(struct restore *t, struct str key, const char *cause)
{
    if (++t->n.left_out <= TOLD) // how many there were stands in the line at the end
        LOG(LOG_WARN, "contact of before the start left out", LF("record", key), LF_Z("cause", cause));
    return ERR_NODATA;
}

static int digit(char c)
{
    return c >= '0' && c <= '9' ? c - '0' : c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

// 0: it is none of ours.
static uint64_t record_of(struct str key)
{
    uint64_t id = 0;
    if (key.n != KEPT_KEY)
        return 0;
    for (size_t i = 0; i < key.n; i++) {
        if (digit(key.p[i]) < 0)
            return 0;
        id = id << 4 | (uint64_t)digit(key.p[i]);
    }
    return id;
}

// The address may have moved in the configuration, or gone: then another one of the family is as good.
static bool find_label(const struct registry_disk *d, const struct addr *local, uint8_t *ret_label)
{
    size_t found = d->listen->n;
    for (size_t i = d->listen->n; i-- > 0;)
        if (addr_is_ip6(&d->listen->v[i]) == addr_is_ip6(local) &&
            (found == d->listen->n || !addr_eq(&d->listen->v[found], local)))
            found = i;
    *ret_label = (uint8_t)(d->first_label + found);
    return found < d->listen->n;
}

// What is left by the clock, which may have been set back meanwhile.
static uint64_t left_of(const struct loop *l, const struct contact_record *c)
{
    uint64_t now = loop_wall_ms(l), left = c->until_ms > now ? c->until_ms - now : 0;
    return left < c->granted_ms ? left : c->granted_ms;
}

static int register_again(struct registry *r, uint64_t record, const struct contact_record *c, uint8_t label)
{
    struct access_flow f = {
        .proto = c->proto, .label = label, .remote = c->remote, .user = token_user(r->disk.key, c->impi)};
    struct contact_params p = {.flow = &f,
                               .impi = c->impi,
                               .contact = c->uri,
                               .identities = c->identities,
                               .n_identities = c->n_identities,
                               .max_patterns = r->disk.max_patterns,
                               .home = c->home,
                               .service_route = c->service_route,
                               .charging_addresses = c->charging_addresses,
                               .term_ioi = c->term_ioi,
                               .expires_ms = left_of(r->loop, c),
                               .nat = c->nat,
                               .outbound = c->outbound,
                               .id = c->id,
                               .record = record};
    return registry_set(r, &p, NULL);
}

static int use(struct restore *t, struct str key, const struct contact_record *c)
{
    struct registry *r = t->registry;
    uint8_t label;
    if (!left_of(r->loop, c)) {
        t->n.expired++;
        return ERR_NODATA;
    }
    if (registry_count(r) >= r->disk.max_contacts)
        return leave_out(t, key, "there are as many as limits.registrations allows");
    if (!find_label(&r->disk, &c->local, &label))
        return leave_out(t, key, "access.listen has no address of that family any more");
    int e = register_again(r, record_of(key), c, label);
    if (e == ERR_INVAL)
        return leave_out(t, key, "none of its identities can be used");
    t->n.contacts += !e;
    return e;
}

static int on_record(void *arg, struct str key, struct str value)
{
    struct restore *t = arg;
    _Alignas(8) char room[ARENA_ROOM];
    struct contact_record c;
    struct arena a;
    arena_init(&a, room, sizeof room);
    int e = record_of(key) ? contact_record_read(&a, value, &c) : ERR_BAD;
    if (!e)
        e = use(t, key, &c);
    else if (e == ERR_BAD)
        e = leave_out(t, key, "malformed");
    else if (e == ERR_UNSUPPORTED)
        LOG(LOG_ERROR, "a newer version of this program has written to state.dir", LF("record", key));
    arena_done(&a);
    return e;
}

int registry_restore(struct registry *r, const struct registry_disk *d, struct registry_restored *ret_restored)
{
    struct restore t = {.registry = r};
    r->disk = *d;
    r->kind = (struct keep_kind){.prefix = STR("contact/"), .key = kept_key, .value = kept_value, .arg = r};
    int e = d->keep ? keep_load(d->keep, &r->kind, on_record, &t) : 0;
    // Records come in the order of their keys, of which a contact has that of the first one in its place.
    if (!e)
        e = registry_sort_flows(r);
    if (!e && d->keep)
        LOG(LOG_INFO, "contacts of before the start are back", LF_NUM("contacts", t.n.contacts),
            LF_NUM("expired", t.n.expired), LF_NUM("left_out", t.n.left_out));
    *ret_restored = t.n;
    return e;
}
