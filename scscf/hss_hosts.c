// SPDX-License-Identifier: Apache-2.0
#include "scscf/hss_hosts.h"

#include "base/err.h"
#include "base/hash.h"
#include "base/mem.h"

enum { SETS = 1 << 14, WAYS = 4, HOSTS = 64 };

struct slot {
    uint64_t key; // 0: free
    uint32_t host;
    uint32_t used; // when: a count
};

struct hss_hosts {
    struct slot *slots; // SETS * WAYS, made with the first that is learnt
    struct str hosts[HOSTS];
    size_t n_hosts, n;
    uint32_t clock;
};

static uint64_t key_of(struct str impu)
{
    uint64_t k = hash_bytes(impu.p, impu.n);
    return k ? k : 1;
}

static struct slot *set_of(const struct hss_hosts *h, uint64_t key)
{
    return &h->slots[key % SETS * WAYS];
}

static struct slot *find(const struct hss_hosts *h, uint64_t key)
{
    struct slot *s = h->slots ? set_of(h, key) : NULL;
    for (size_t i = 0; s && i < WAYS; i++)
        if (s[i].key == key)
            return &s[i];
    return NULL;
}

// The host's number, HOSTS when it cannot be kept.
static uint32_t number_of(struct hss_hosts *h, struct str host)
{
    uint32_t i = 0;
    while (i < h->n_hosts && !str_ieq(h->hosts[i], host))
        i++;
    if (i < h->n_hosts || i == HOSTS)
        return i;
    h->hosts[i] = str_dup(host);
    if (!h->hosts[i].p)
        return HOSTS;
    h->n_hosts++;
    return i;
}

static struct slot *oldest(struct slot *set)
{
    struct slot *o = set;
    for (size_t i = 0; i < WAYS; i++) {
        if (!set[i].key)
            return &set[i];
        if (set[i].used < o->used)
            o = &set[i];
    }
    return o;
}

void hss_hosts_learn(struct hss_hosts *h, struct str impu, struct str host)
{
    uint64_t key = key_of(impu);
    uint32_t number = number_of(h, host);
    if (!h->slots)
        h->slots = mem_zalloc(SETS * WAYS * sizeof *h->slots);
    if (!h->slots || number == HOSTS)
        return;
    struct slot *s = find(h, key);
    if (!s)
        s = oldest(set_of(h, key));
    h->n += !s->key;
    *s = (struct slot){key, number, ++h->clock};
}

void hss_hosts_forget(struct hss_hosts *h, struct str impu)
{
    struct slot *s = find(h, key_of(impu));
    if (!s)
        return;
    *s = (struct slot){0};
    h->n--;
}

struct str hss_hosts_find(const struct hss_hosts *h, struct str impu)
{
    const struct slot *s = find(h, key_of(impu));
    return s ? h->hosts[s->host] : STR_NONE;
}

size_t hss_hosts_count(const struct hss_hosts *h)
{
    return h->n;
}

int hss_hosts_new(struct hss_hosts **ret_hosts)
{
    struct hss_hosts *h = mem_zalloc(sizeof *h);
    if (!h)
        return ERR_NOMEM;
    *ret_hosts = h;
    return 0;
}

void hss_hosts_free(struct hss_hosts *h)
{
    if (!h)
        return;
    for (size_t i = 0; i < h->n_hosts; i++)
        mem_free((char *)h->hosts[i].p);
    mem_free(h->slots);
    mem_free(h);
}
