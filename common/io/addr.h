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

enum {
    ADDR_TEXT_MAX = 64,  // "[ipv6]:port" with room
    ADDR_SITE_BITS = 64, // RFC 7421 2
};

// IP literal ("192.0.2.1", "2001:db8::1", "[2001:db8::1]") and port; ERR_BAD for a name. An IPv4 address that
// is written as one of IPv6 (::ffff:192.0.2.1, RFC 4291 2.5.5.2) is that IPv4 address: an IPv6 socket here speaks
// IPv6 only, and could not reach it.
int addr_parse(struct str ip, uint16_t port, struct addr *ret_addr);
// "192.0.2.1:5060", "[2001:db8::1]:5060"; without a port, default_port is taken.
int addr_parse_port(struct str text, uint16_t default_port, struct addr *ret_addr);

uint16_t addr_port(const struct addr *a);
void addr_set_port(struct addr *a, uint16_t port);
bool addr_is_ip6(const struct addr *a);
bool addr_is_any(const struct addr *a);
bool addr_is_loopback(const struct addr *a); // 127.0.0.0/8, ::1
socklen_t addr_len(const struct addr *a);
// Family, IP and port equal; addr_eq_ip ignores the port.
bool addr_eq(const struct addr *a, const struct addr *b);
bool addr_eq_ip(const struct addr *a, const struct addr *b);

// The four bytes of an IPv4 address that an IPv6 address holds: mapped (RFC 4291 2.5.5.2), translated (RFC 6052
// 2.1), 6to4 (RFC 3056 2). NULL: it holds none. ip: 16 bytes.
const unsigned char *addr_inner4(const unsigned char *ip);

// What counts as one source when somebody is held to a measure, as a keyed hash for base/bucket.h: an IPv4 address,
// also one inside of an IPv6 address, for behind a translator all of IPv4 has one /96; or the network of an IPv6
// address, of which the first bits count (0: ADDR_SITE_BITS): whoever has it can speak from each of its addresses.
// Ports do not count. Link-local addresses are one by one.
uint64_t addr_network_key(const struct addr *a, unsigned bits);
// The same, of a /64, which is what a subscriber has at least.
uint64_t addr_source_key(const struct addr *a);

// Into buf of ADDR_TEXT_MAX bytes: IP only (IPv6 without brackets), IP as in a SIP host (IPv6 in
// brackets), or IP and port. The slice points into buf.
struct str addr_ip_text(const struct addr *a, char *buf);
struct str addr_host_text(const struct addr *a, char *buf);
struct str addr_text(const struct addr *a, char *buf);
