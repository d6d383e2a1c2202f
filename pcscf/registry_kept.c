// SPDX-License-Identifier: Apache-2.0
// Contacts as records.
#include "base/arena.h"
#include "base/err.h"
#include "base/mem.h"
#include "pcscf/contact_record.h"
#include "pcscf/registry_priv.h"

enum { ARENA_ROOM = 2048 };

static const struct kept *kept_of(const struct keep_item *it)
{
    return CONTAINER_OF(it, struct kept, item);
}

void kept_key(void *registry, const struct keep_item *it, struct writer *w)
{
    (void)registry;
    writer_hex_u64(w, kept_of(it)->record, KEPT_KEY);
}

static const struct identity *identities_of(const struct contact *c, struct arena *a)
{
    size_t n = c->n_impus + c->n_patterns;
    struct identity *all = arena_alloc(a, n * sizeof *all);
    for (size_t i = 0; all && i < n; i++)
        all[i] = contact_identity(c, i);
    return all;
}

int kept_value(void *registry, const struct keep_item *it, struct writer *w)
{
    const struct registry *r = registry;
    const struct contact *c = kept_of(it)->contact;
    const struct access_flow *f = &c->flow;
    _Alignas(8) char room[ARENA_ROOM];
    struct arena a;
    uint64_t left = contact_expires_in_ms(r, c);
    arena_init(&a, room, sizeof room);
    struct contact_record record = {.id = c->id,
                                    .impi = association_impi(c->association),
                                    .uri = c->uri,
                                    .home = contact_home(c),
                                    .service_route = contact_service_route(c),
                                    .charging_addresses = contact_charging_addresses(c),
                                    .term_ioi = contact_term_ioi(c),
                                    .identities = identities_of(c, &a),
                                    .n_identities = c->n_impus + c->n_patterns,
                                    .proto = f->proto,
                                    .remote = f->remote,
                                    .local = r->disk.listen->v[f->label - r->disk.first_label],
                                    .until_ms = loop_wall_ms(r->loop) + left,
                                    .granted_ms = left,
                                    .nat = c->nat,
                                    .outbound = c->outbound};
    int err = a.failed ? ERR_NOMEM : 0;
    if (!err && contact_record_write(&record, w))
        w->failed = true;
    arena_done(&a);
    return err;
}

// ---- a contact's ----

static struct kept *kept_new(struct registry *r, struct contact *c, uint64_t record)
{
    struct kept *k = mem_zalloc(sizeof *k);
    if (!k)
        return NULL;
    k->contact = c;
    k->record = record;
    keep_item_init(&k->item, &r->kind);
    return k;
}

int kept_take(struct registry *r, struct contact *c, struct contact *from, uint64_t record)
{
    if (!r->disk.keep)
        return 0;
    bool takes_over = from && from->kept && !record;
    c->kept = takes_over ? from->kept : kept_new(r, c, record ? record : c->id);
    if (!c->kept)
        return ERR_NOMEM;
    if (takes_over)
        from->kept = NULL;
    c->kept->contact = c;
    return 0;
}

void kept_changed(struct registry *r, struct contact *c)
{
    if (c->kept)
        keep_changed(r->disk.keep, &c->kept->item);
}

void kept_end(struct registry *r, struct contact *c)
{
    if (!c->kept)
        return;
    keep_removed(r->disk.keep, &c->kept->item);
    mem_free(c->kept);
    c->kept = NULL;
}
