// SPDX-License-Identifier: Apache-2.0
#include "world.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/err.h"
#include "base/mem.h"
#include "base/writer.h"
#include "io/uv.h"
#include "tests/common/subscribers.h"

const char world_subscribers[] =
    "profiles:\n"
    "  - name: voicemail\n"
    "    xml: |\n"
    "      <InitialFilterCriteria><Priority>1</Priority><TriggerPoint>\n"
    "      <ConditionTypeCNF>1</ConditionTypeCNF><SPT><Group>0</Group>\n"
    "      <SessionCase>2</SessionCase></SPT></TriggerPoint>\n"
    "      <ApplicationServer><ServerName>sip:vm." DOMAIN "</ServerName>\n"
    "      <DefaultHandling>0</DefaultHandling></ApplicationServer></InitialFilterCriteria>\n"
    "defaults: {op: " OP_HEX ", visited: " DOMAIN "}\n"
    "subscribers:\n"
    "  - impi: alice@" DOMAIN "\n"
    "    k_ascii: alice-lab-key-01\n"
    "    impus: [sip:alice@" DOMAIN ", tel:+15550000001]\n"
    "    barred: sip:001010000000001@" DOMAIN "\n"
    "    display_name: Alice & <Co>\n"
    "    mandatory: 1 2\n"
    "    optional: 7\n"
    "    servers: " SCSCF "\n"
    "    ccf: ccf1.example aaas://ccf2.example:3869\n"
    "    ecf: ecf1.example\n"
    "  - impi: bob@" DOMAIN "\n"
    "    k_ascii: bob-lab-key-0002\n"
    "    impus: sip:bob@" DOMAIN " | sip:work@" DOMAIN "\n"
    "  - {impi: bob2@" DOMAIN ", k_ascii: bob-lab-key-0003, join: 'sip:bob@" DOMAIN "'}\n"
    "  - impi: shut@" DOMAIN "\n"
    "    k_ascii: shut-lab-key-001\n"
    "    barred: sip:shut@" DOMAIN "\n"
    "  - impi: denied@" DOMAIN "\n"
    "    k_ascii: deny-lab-key-001\n"
    "    impus: sip:denied@" DOMAIN "\n"
    "    registration: denied\n"
    "  - {impi: dave@" DOMAIN ", password: dave-secret, impus: 'sip:dave@" DOMAIN "'}\n"
    "  - impi: sha@" DOMAIN "\n"
    "    password: dave-secret\n"
    "    algorithm: SHA-256\n"
    "    impus: sip:sha@" DOMAIN "\n"
    "  - impi: vm@" DOMAIN "\n"
    "    k_ascii: vm-lab-key-00001\n"
    "    impus: sip:vm-user@" DOMAIN "\n"
    "    profile: voicemail\n";

void world_path(const struct world *w, const char *file, char *buf, size_t n)
{
    assert_true((size_t)snprintf(buf, n, "%s/%s", w->dir, file) < n);
}

struct hss_params world_params(struct world *w, char *store, char *key, size_t n)
{
    struct hss_params p = {.loop = w->loop, .settings = {.keep_server_name = true}};
    p.settings.charging.primary_ccf = STR("default-ccf.example");
    if (!w->dir[0]) {
        p.store_path = ":memory:";
        return p;
    }
    world_path(w, "hss.db", store, n);
    world_path(w, "hss.key", key, n);
    p.store_path = store;
    p.key_file = key;
    p.key_create = true;
    p.store_shared = w->shared;
    return p;
}

static void open_world(struct world *w, bool fresh)
{
    char store[96], key[96], error[256] = "";
    size_t n = 0;
    assert_int_equal(uvloop_new(&(struct uv_loop_params){0}, &w->loop), 0);
    struct hss_params p = world_params(w, store, key, sizeof(store));
    assert_int_equal(hss_new(&p, &w->hss), 0);
    if (!fresh)
        return;
    if (subscribers_import(w->hss, str_from(world_subscribers), "world", error, sizeof(error), &n) != 0)
        fail_msg("%s", error);
    assert_int_equal(n, 8);
}

void world_open(struct world *w, bool fresh)
{
    *w = (struct world){0};
    open_world(w, fresh);
}

void world_open_file(struct world *w, bool fresh)
{
    if (!w->dir[0]) {
        strcpy(w->dir, "/tmp/carillon-hss-XXXXXX");
        assert_non_null(mkdtemp(w->dir));
    }
    open_world(w, fresh);
}

void world_close(struct world *w)
{
    hss_free(w->hss);
    loop_free(w->loop);
    w->hss = NULL;
    w->loop = NULL;
}

void world_remove(struct world *w)
{
    static const char *const files[] = {"hss.db", "hss.db-wal", "hss.db-shm", "hss.db-lock", "hss.key"};
    char path[96];
    for (size_t i = 0; i < ARRAY_LEN(files); i++) {
        world_path(w, files[i], path, sizeof(path));
        unlink(path);
    }
    rmdir(w->dir);
    w->dir[0] = '\0';
}

struct call {
    struct loop *loop;
    struct reply reply;
    bool answered, waiting;
};

static void put(char *buf, size_t n, struct str s)
{
    assert_true(s.n < n);
    if (s.n)
        memcpy(buf, s.p, s.n);
    buf[s.n] = '\0';
}

static void finished(struct call *c)
{
    assert_false(c->answered);
    c->answered = true;
    if (c->waiting) // else nothing runs that could be stopped
        loop_stop(c->loop);
}

// What an answer points to goes with it: copied until the next one.
static struct cx_capabilities keep(const struct cx_capabilities *c)
{
    static uint32_t mandatory[32], optional[32];
    static struct str names[32];
    static char texts[32][128];
    struct cx_capabilities k = *c;
    for (size_t i = 0; i < c->n_mandatory; i++)
        mandatory[i] = c->mandatory[i];
    for (size_t i = 0; i < c->n_optional; i++)
        optional[i] = c->optional[i];
    for (size_t i = 0; i < c->n_server_names; i++) {
        put(texts[i], sizeof texts[i], c->server_names[i]);
        names[i] = str_from(texts[i]);
    }
    k.mandatory = mandatory;
    k.optional = optional;
    k.server_names = names;
    return k;
}

static void keep_features(struct reply *r, const struct cx_head *h)
{
    r->has_features = h->n_features > 0;
    r->features = h->n_features ? h->features[0].list : 0;
}

static void keep_restored(struct reply *r, const struct cx_saa *a)
{
    struct writer w = writer_init(r->restored, sizeof r->restored - 1);
    for (size_t i = 0; i < a->n_restorations; i++) {
        const struct cx_restoration *x = &a->restorations[i];
        writer_printf(&w, "%s%.*s", i ? "; " : "", STR_ARG(x->impi));
        for (size_t k = 0; k < x->n_contacts; k++)
            writer_printf(&w, " %.*s", STR_ARG(x->contacts[k].contact));
    }
    assert_false(w.failed);
    r->restored[w.n] = 0;
}

static void on_uaa(void *arg, const struct cx_uaa *a)
{
    struct call *c = arg;
    c->reply.result = a->result;
    c->reply.has_server_name = a->server_name.p != NULL;
    put(c->reply.server_name, sizeof(c->reply.server_name), a->server_name);
    c->reply.capabilities = keep(&a->capabilities);
    keep_features(&c->reply, &a->head);
    finished(c);
}

static void on_lia(void *arg, const struct cx_lia *a)
{
    struct call *c = arg;
    c->reply.result = a->result;
    c->reply.has_server_name = a->server_name.p != NULL;
    put(c->reply.server_name, sizeof(c->reply.server_name), a->server_name);
    put(c->reply.wildcard, sizeof(c->reply.wildcard), a->wildcard);
    keep_features(&c->reply, &a->head);
    c->reply.capabilities = keep(&a->capabilities);
    finished(c);
}

static void copy_vector(struct aka_vector *v, const struct cx_auth_item *i)
{
    assert_int_equal(i->authenticate.n, 32);
    assert_int_equal(i->authorization.n, 8);
    assert_int_equal(i->ck.n, 16);
    assert_int_equal(i->ik.n, 16);
    memcpy(v->rand, i->authenticate.p, 16);
    memcpy(v->autn, i->authenticate.p + 16, 16);
    memcpy(v->xres, i->authorization.p, 8);
    memcpy(v->ck, i->ck.p, 16);
    memcpy(v->ik, i->ik.p, 16);
}

static uint32_t failed_code(const struct cx_head *h)
{
    const uint8_t *p = (const uint8_t *)h->failed.p;
    return h->failed.n < 8 ? 0 : (uint32_t)p[2] << 8 | p[3];
}

static void on_maa(void *arg, const struct cx_maa *a)
{
    struct call *c = arg;
    struct reply *r = &c->reply;
    r->result = a->result;
    r->n_items = a->n_items;
    r->failed = failed_code(&a->head);
    for (size_t i = 0; i < a->n_items; i++) {
        const struct cx_auth_item *item = &a->items[i];
        put(r->scheme, sizeof(r->scheme), item->scheme);
        put(r->realm, sizeof(r->realm), item->digest_realm);
        put(r->algorithm, sizeof(r->algorithm), item->digest_algorithm);
        put(r->qop, sizeof(r->qop), item->digest_qop);
        put(r->ha1, sizeof(r->ha1), item->digest_ha1);
        put(r->alt_algorithm, sizeof(r->alt_algorithm), item->digest_alt_algorithm);
        put(r->alt_ha1, sizeof(r->alt_ha1), item->digest_alt_ha1);
        assert_int_equal(item->item_number, a->n_items > 1 ? i + 1 : 0);
        if (item->authenticate.p)
            copy_vector(&r->vectors[i], item);
    }
    finished(c);
}

static void on_saa(void *arg, const struct cx_saa *a)
{
    struct call *c = arg;
    struct reply *r = &c->reply;
    r->result = a->result;
    r->failed = failed_code(&a->head);
    put(r->impi, sizeof(r->impi), a->impi);
    put(r->wildcard, sizeof(r->wildcard), a->wildcard);
    r->has_user_data = a->user_data.p != NULL;
    put(r->server_name, sizeof(r->server_name), a->server_name);
    put(r->user_data, sizeof(r->user_data), a->user_data);
    put(r->ccf[0], sizeof(r->ccf[0]), a->charging.primary_ccf);
    put(r->ccf[1], sizeof(r->ccf[1]), a->charging.secondary_ccf);
    put(r->ecf[0], sizeof(r->ecf[0]), a->charging.primary_ecf);
    put(r->ecf[1], sizeof(r->ecf[1]), a->charging.secondary_ecf);
    r->n_associated = a->n_associated;
    r->n_registered = a->n_registered;
    keep_restored(r, a);
    keep_features(r, &a->head);
    finished(c);
}

static struct reply wait_for(struct world *w, struct call *c)
{
    c->waiting = true;
    if (!c->answered)
        assert_int_equal(loop_run(w->loop), 0);
    assert_true(c->answered);
    return c->reply;
}

struct reply world_uar(struct world *w, const struct cx_uar *r)
{
    struct call c = {.loop = w->loop};
    hss_uar(w->hss, r, on_uaa, &c);
    return wait_for(w, &c);
}

struct reply world_lir(struct world *w, const struct cx_lir *r)
{
    struct call c = {.loop = w->loop};
    hss_lir(w->hss, r, on_lia, &c);
    return wait_for(w, &c);
}

struct reply world_mar(struct world *w, const struct cx_mar *r)
{
    struct call c = {.loop = w->loop};
    hss_mar(w->hss, r, on_maa, &c);
    return wait_for(w, &c);
}

struct reply world_sar(struct world *w, const struct cx_sar *r)
{
    struct call c = {.loop = w->loop};
    hss_sar(w->hss, r, on_saa, &c);
    return wait_for(w, &c);
}

struct cx_mar world_mar_of(const char *impi, const char *impu)
{
    return (struct cx_mar){
        .impi = str_from(impi),
        .impu = str_from(impu),
        .server_name = STR(SCSCF),
        .n_items = 1,
        .item = {.scheme = STR("Digest-AKAv1-MD5")},
    };
}

struct cx_sar world_sar_of(const char *impi, const char *impu, enum cx_sar_type type)
{
    static struct str room[64][4];
    static unsigned next;
    struct cx_sar r = {.impi = str_from(impi), .server_name = STR(SCSCF), .type = type,
                       .impus = room[next++ % 64]};
    if (impu)
        world_sar_add(&r, impu);
    return r;
}

void world_sar_add(struct cx_sar *r, const char *impu)
{
    ((struct str *)r->impus)[r->n_impus++] = str_from(impu);
}

void expect_result(const char *what, struct dia_result r, uint32_t code, bool experimental)
{
    if (r.code != code || r.experimental != experimental)
        fail_msg("%s: %u%s instead of %u%s", what, r.code, r.experimental ? " (3GPP)" : "", code,
                 experimental ? " (3GPP)" : "");
}
