// SPDX-License-Identifier: Apache-2.0
// IPv4 and IPv6 transport addresses as values.
#pragma once

#include <netinet/in.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/socket.h>

#include "base/str.h"

struct arena;

struct addr {
    union {
        struct sockaddr sa;
        struct sockaddr_in in4;
        struct sockaddr_in6 in6;
    };
};

enum { ADDR_TEXT_MAX = 64 }; // "[ipv6]:port" with room

// IP literal ("192.0.2.1", "2001:db8::1", "[2001:db8::1]") and port; ERR_BAD for a name.
int addr_parse(struct str ip, uint16_t port, struct addr *ret_addr);
// "192.0.2.1:5060", "[2001:db8::1]:5060"; without a port, default_port is taken.
int addr_parse_port(struct str text, uint16_t default_port, struct addr *ret_addr);

uint16_t addr_port(const struct addr *a);
void addr_set_port(struct addr *a, uint16_t port);
bool addr_is_ip6(const struct addr *a);
bool addr_is_any(const struct addr *a);
socklen_t addr_len(const struct addr *a);
// Family, IP and port equal; addr_eq_ip ignores the port.
bool addr_eq(const struct addr *a, const struct addr *b);
bool addr_eq_ip(const struct addr *a, const struct addr *b);

// What counts as one source when somebody is held to a measure, as a keyed hash for base/bucket.h: an
// IPv4 address, also when a socket for both families shows it as ::ffff:a.b.c.d, or the /64 of an
// IPv6 address, which is one subscriber. Ports do not count. Link-local addresses are one by one.
uint64_t addr_source_key(const struct addr *a);

// Into buf of ADDR_TEXT_MAX bytes: IP only (IPv6 without brackets), IP as in a SIP host (IPv6 in
// brackets), or IP and port. The slice points into buf.
struct str addr_ip_text(const struct addr *a, char *buf);
struct str addr_host_text(const struct addr *a, char *buf);
struct str addr_text(const struct addr *a, char *buf);
