// SPDX-License-Identifier: Apache-2.0
// The half of dns_query that both loops share: a bounded cache of answers by TTL, one flight for
// all who ask the same question at the same time, and delivery from the deferred calls, so that
// no query calls back before it returns. A question goes cache -> flight -> ops->dns_start ->
// dns_finish -> cache -> waiters.
#pragma once

#include "base/hash.h"
#include "io/loop.h"

enum {
    DNS_NAME_MAX = 253,
    DNS_CACHE_MAX = 8192,      // answers
    DNS_TTL_MAX = 86400,       // seconds an answer is kept at most
    DNS_NEGATIVE_TTL_MAX = 300 // RFC 2308 5 recommends one to three hours; a core wants repair soon
};

struct dns_answer;
struct dns_entry;
struct dns_waiter;

struct dns_flight {
    UT_hash_handle hh;
    struct list waiters;
    struct loop *loop;
    void *backend; // of the implementation
    enum dns_type type;
    int rcode;     // of the answer, or DNS_UNREACHABLE; set before dns_finish
    bool flushed;  // the cache was flushed meanwhile: do not keep the answer
    size_t key_len;
    char key[];    // type, then the name in lower case, then NUL
};

struct dns {
    struct dns_entry *entries;
    struct list lru; // oldest use first
    struct dns_flight *flights;
    struct dns_waiter *waiters;
    struct list ready;
    struct deferred deliver;
    uint64_t last_id;
    char servers[160]; // as text, for people
    char said[200];
};

enum { DNS_UNREACHABLE = -1 }; // as rcode: c-ares found no server of use, and does not tell more

void dns_init(struct loop *l);
void dns_done(struct loop *l);

static inline const char *dns_flight_name(const struct dns_flight *f)
{
    return f->key + 1;
}

// Answers and frees the flight. ttl (seconds, 0: do not keep) bounds the cache. rrs and what
// they point to are copied.
void dns_finish(struct dns_flight *f, int err, const struct dns_rr *rrs, size_t n, uint32_t ttl);

// Copies a name in lower case without its last dot into buf (DNS_NAME_MAX + 1 bytes). ERR_INVAL
// for an empty or overlong name, or one with characters other than letters, digits, '-', '_', '.'.
int dns_name_normalise(struct str name, char *buf, size_t *ret_n);
