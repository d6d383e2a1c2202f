// SPDX-License-Identifier: Apache-2.0
// What the files of the resolver share.
#pragma once

#include "base/hash.h"
#include "base/list.h"
#include "base/slots.h"
#include "stack/transport/transport.h"
#include "stack/txn/marks.h"
#include "stack/txn/resolve.h"

enum {
    RESOLVE_ENTRIES = 16,       // addresses remembered for a name
    RESOLVE_SERVICES = 4,       // NAPTR or SRV names followed
    RESOLVE_NAMES = 1024,       // names remembered
    RESOLVE_KEEP_MS = 30000,    // at most, whatever the TTL
    RESOLVE_LIMIT_MS = 4000,    // one name's questions together, far below Timers B and F
    RESOLVE_STALE_MS = 3600000, // an old answer is better than none while DNS is down (RFC 8767 5)
    RESOLVE_STALE_WAIT_MS = 1000,   // who has an old answer waits no longer for a new one
    RESOLVE_STALE_RETRY_MS = 30000, // RFC 8767 5: failure recheck timer
    RESOLVE_FAILED_MS = 5000,       // RFC 9520 3.2: how long a failure is remembered
    RESOLVE_BAD_MS = 5000,          // how long a failed target stands last, at first
    RESOLVE_KEY_MAX = 320,
    RESOLVE_WHY_MAX = 240, // as much as a Warning has room for
};

// What of a URI matters for the next hop.
struct resolve_spec {
    struct str host;
    uint16_t port;  // 0: none
    bool has_proto; // transport parameter given
    enum sip_proto proto;
    bool numeric;
    struct addr ip; // when numeric
};

// One address of a name, with what its place in the list depends on.
struct resolve_entry {
    struct resolve_target t;
    uint16_t rank; // of the service (NAPTR)
    uint16_t priority, weight;
};

struct resolve_waiter {
    struct list link;
    uint64_t id;
    resolve_cb cb;
    void *arg;
};

struct resolve_query; // resolve_dns.c

// A name asked for: its last answer, and those who wait for the next.
struct resolve_name {
    struct resolver *resolver;
    struct str key;
    struct resolve_entry v[RESOLVE_ENTRIES];
    size_t n;
    uint64_t expires; // ms of loop time
    uint64_t retry;   // DNS failed: not asked again before, ms of loop time
    int err;          // how it failed
    char why[RESOLVE_WHY_MAX]; // the same for people, with the questions
    bool telling;     // its waiters are being called
    struct list waiters;
    struct resolve_query *query;
    UT_hash_handle hh;
};

struct resolver {
    struct loop *loop;
    struct transport *transport;
    bool tcp_prefer;
    uint64_t queries; // asked of DNS
    struct resolve_name *names;
    size_t n_names;
    struct slots waiters;
    struct marks bad; // targets that failed
};

int resolve_spec_of(const struct sip_uri *u, struct resolve_spec *ret_spec);
// The list in the order to try: rank, priority, weight by lot (RFC 2782), failed ones last.
void resolve_order(struct resolver *r, const struct resolve_entry *v, size_t n,
                   struct resolve_list *ret_list);
uint64_t resolve_now_ms(const struct resolver *r);

// v (n entries) lives until it returns; err when n is 0.
typedef void (*resolve_answered_cb)(struct resolve_name *name, int err, const struct resolve_entry *v, size_t n,
                                    uint32_t ttl);
// Asks DNS for the name; cb follows, never at once and after limit ms at the latest.
int resolve_query_start(struct resolve_name *name, const struct resolve_spec *spec, uint64_t limit,
                        resolve_answered_cb cb);
void resolve_query_free(struct resolve_query *q);
