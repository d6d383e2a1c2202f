// SPDX-License-Identifier: Apache-2.0
// Phones: their life, and where they are found.
#include "tools/ue/ue_priv.h"

#include "base/err.h"
#include "base/hash.h"

static uint64_t user_key(struct str user)
{
    return hash_bytes(user.p, user.n);
}

static struct phone *find_phone(const struct hub *h, struct str user)
{
    size_t it = 0;
    struct phone *ph;
    while ((ph = map_find(&h->phones, user_key(user), &it)))
        if (str_eq(ph->user, user))
            return ph;
    return NULL;
}

struct phone *phone_for(const struct hub *h, const struct sip_msg *m)
{
    const struct sip_uri *u = sip_msg_uri(m);
    return u && u->user.p ? find_phone(h, u->user) : NULL;
}

// ---- life ----

void phone_destroy(struct phone *ph)
{
    timer_stop(&ph->refresh_timer);
    if (ph->reg_txn && ph->hub->stack)
        ua_forget(stack_uas(ph->hub->stack), ph->reg_txn);
    LIST_EACH(&ph->calls, it)
        call_free(LIST_ENTRY(it, struct call, of_phone));
    phone_drop_sending(ph);
    phone_drop_subscriptions(ph);
    arena_done(&ph->mem);
    auth_done(ph);
    arena_done(&ph->reg_mem);
    mem_free(ph);
}

static struct str user_of(struct str impu)
{
    struct str rest = impu;
    (void)str_split(&rest, ':');
    return str_split(&rest, '@');
}

static void set_identity(struct phone *ph, const struct phone_params *p)
{
    struct arena *a = &ph->mem;
    struct loop *l = ph->hub->loop;
    ph->impi = arena_dup(a, p->impi);
    ph->impu = arena_dup(a, p->impu);
    ph->domain = arena_dup(a, p->domain);
    ph->password = arena_dup(a, p->password);
    ph->user = arena_dup(a, user_of(p->impu));
    ph->access = arena_dup(a, p->access);
    ph->contact = arena_printf(a, "sip:%.*s@%.*s%s", STR_ARG(ph->user),
                               STR_ARG(ph->hub->local_hostport), ue_transport_param(ph->hub->proto));
    ph->call_id = ARENA_CAT(a, ua_random_text(l, a, 12), STR("@"), ph->hub->local_ip);
    ph->from_tag = ua_random_text(l, a, 6);
    // RFC 4122 layout of a name that stays the same for this identity on this host, from one run to the
    // next (RFC 5626 4.1): a phone that comes back is the one that was there before.
    static const uint64_t key[2] = {0x756e697175656964, 1};
    struct str name = ARENA_CAT(a, ph->impu, STR(" "), ph->hub->local_ip);
    uint64_t u = hash_keyed(key, name.p ? name.p : "", name.n);
    ph->instance = arena_printf(a, "%08x-%04x-4000-8000-%012llx", (unsigned)(u >> 32),
                                (unsigned)(u & 0xffff), (unsigned long long)(u & 0xffffffffffffu));
}

int phone_new(struct hub *h, const struct phone_params *p, struct phone **ret_phone)
{
    struct phone *ph = mem_zalloc(sizeof *ph);
    if (!ph)
        return ERR_NOMEM;
    ph->hub = h;
    ph->ops = p->ops;
    ph->arg = p->arg;
    ph->has_aka = p->has_aka;
    ph->wrong_res = p->wrong_res;
    ph->refresh = p->refresh;
    ph->services = p->services;
    memcpy(ph->k, p->k, sizeof ph->k);
    memcpy(ph->opc, p->opc, sizeof ph->opc);
    ph->usim = p->usim;
    ph->expires = p->expires;
    list_init(&ph->calls);
    list_init(&ph->sending);
    list_init(&ph->subscriptions);
    arena_init(&ph->mem, NULL, 0);
    auth_init(ph);
    arena_init(&ph->reg_mem, NULL, 0);
    phone_init_refresh(ph);
    set_identity(ph, p);
    if (ph->mem.failed || uac_auth_new(&auth_proofs, ph, &ph->proofs) || map_add(&h->phones, user_key(ph->user), ph)) {
        phone_free(ph);
        return ERR_NOMEM;
    }
    *ret_phone = ph;
    return 0;
}

void phone_free(struct phone *ph)
{
    if (!ph)
        return;
    map_remove(&ph->hub->phones, user_key(ph->user), ph);
    phone_destroy(ph);
}

void phone_set_extensions(struct phone *ph, const struct ue_extensions *ext)
{
    ph->ext = *ext;
}

bool phone_is_registered(const struct phone *ph)
{
    return ph->state == REG_REGISTERED;
}

bool phone_is_registering(const struct phone *ph)
{
    return ph->state == REG_REGISTERING;
}

struct str phone_call_id(const struct phone *ph)
{
    return ph->call_id;
}

const struct aka_usim *phone_usim(const struct phone *ph)
{
    return &ph->usim;
}
