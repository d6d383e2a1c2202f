// SPDX-License-Identifier: Apache-2.0
// A DNS server of a few lines on the loop under test: it answers from a fixed zone.
#pragma once

#include "env.h"

struct dns_server {
    struct udp *u;
    unsigned queries;
    bool silent;
};

void dns_server_open(struct dns_server *s, struct loop *l);
void dns_server_open_at(struct dns_server *s, struct loop *l, const struct addr *local);
void dns_server_close(struct dns_server *s);
// The answer to a query for name and type, as dns_server sends it; returns its length.
size_t dns_server_answer(struct str query, char *buf, size_t cap);
// A query message for a name of the zone.
size_t dns_server_query(const char *name, unsigned type, char *buf);
