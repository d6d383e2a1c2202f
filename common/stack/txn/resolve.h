// SPDX-License-Identifier: Apache-2.0
// Where a SIP URI's requests go, by RFC 3263 4: NAPTR, SRV, A and AAAA. The
// list is in the order to try. Addresses that failed lately stand at its end, never outside it.
#pragma once

#include "io/loop.h"
#include "sip/types.h"

struct resolver;
struct sip_uri;
struct transport;

enum { RESOLVE_MAX = 8 };

struct resolve_target {
    enum sip_proto proto;
    struct addr addr;
    bool explicit_proto; // the URI or DNS named the transport: no change for size (RFC 3261 18.1.1)
};

struct resolve_list {
    struct resolve_target t[RESOLVE_MAX];
    size_t n;
    const char *why; // of a failure: what was asked and what DNS said; lives until the call is over. May be NULL
};

// err 0 with at least one target, or ERR_DNS, ERR_NODATA, ERR_TIMEOUT, ERR_UNSUPPORTED (tel:, TLS).
typedef void (*resolve_cb)(void *arg, int err, const struct resolve_list *l);

// Answers what needs no DNS (a numeric host, a name known already) at once: 0 or an error as above; ERR_MORE when
// a query is needed.
int resolve_now(struct resolver *r, const struct sip_uri *u, struct resolve_list *ret_list);
// Asks DNS. Never calls back before it returns. u is read during the call only.
int resolve_start(struct resolver *r, const struct sip_uri *u, resolve_cb cb, void *arg,
                  uint64_t *ret_id);
void resolve_cancel(struct resolver *r, uint64_t id);

// Is it the same node, be it over another transport?
bool resolve_same_node(const struct resolve_target *a, const struct resolve_target *b);
// Remembers for some seconds that this target failed (RESOLVE_BAD_MS, or ms unless 0): a transport that
// does not work concerns itself only, a node that is silent or refuses service concerns the node, over
// whichever transport.
void resolve_mark_transport(struct resolver *r, const struct resolve_target *t);
void resolve_mark_node(struct resolver *r, const struct resolve_target *t, uint32_t ms);
// It left a request that it answers itself without a word, with or without another target beside it: it is
// silent until it answers, but for one request now and then that asks and is to find out.
void resolve_mark_silent(struct resolver *r, const struct resolve_target *t);
bool resolve_is_silent(struct resolver *r, const struct resolve_target *t);
// It answered: whatever was held against it is forgiven.
void resolve_forgive(struct resolver *r, const struct resolve_target *t);

// tcp_prefer: TCP towards a numeric or A-record next hop without transport.
int resolver_new(struct transport *t, bool tcp_prefer, struct resolver **ret_resolver);
void resolver_free(struct resolver *r); // takes NULL
uint64_t resolver_queries(const struct resolver *r);
size_t resolver_names(const struct resolver *r); // that are remembered
