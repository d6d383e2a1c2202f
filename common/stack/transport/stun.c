// SPDX-License-Identifier: Apache-2.0
#include "stack/transport/stun.h"

#include <string.h>

enum {
    HEAD = 20,
    BINDING_REQUEST = 0x0001,
    BINDING_RESPONSE = 0x0101,
    XOR_MAPPED_ADDRESS = 0x0020
};

static const unsigned char cookie[4] = {0x21, 0x12, 0xa4, 0x42};

static unsigned get16(const char *p)
{
    return (unsigned)(unsigned char)p[0] << 8 | (unsigned char)p[1];
}

static void put16(unsigned char *p, unsigned v)
{
    p[0] = (unsigned char)(v >> 8);
    p[1] = (unsigned char)v;
}

bool stun_is(struct str d)
{
    return d.n >= HEAD && (d.p[0] & 0xc0) == 0 && memcmp(d.p + 4, cookie, sizeof cookie) == 0;
}

struct str stun_answer(struct str d, const struct addr *from, unsigned char buf[STUN_ANSWER_MAX])
{
    bool six = addr_is_ip6(from);
    size_t ip = six ? 16 : 4;
    const unsigned char *bytes = six ? (const unsigned char *)&from->in6.sin6_addr
                                     : (const unsigned char *)&from->in4.sin_addr;
    if (!stun_is(d) || get16(d.p) != BINDING_REQUEST || get16(d.p + 2) + HEAD != d.n)
        return STR_NONE;
    put16(buf, BINDING_RESPONSE);
    put16(buf + 2, (unsigned)(8 + ip));
    memcpy(buf + 4, d.p + 4, 16); // cookie and transaction id, which the address is hidden by
    put16(buf + HEAD, XOR_MAPPED_ADDRESS);
    put16(buf + HEAD + 2, (unsigned)(4 + ip));
    put16(buf + HEAD + 4, six ? 2 : 1);
    put16(buf + HEAD + 6, addr_port(from) ^ 0x2112u);
    for (size_t i = 0; i < ip; i++)
        buf[HEAD + 8 + i] = bytes[i] ^ buf[4 + i];
    return str_make((char *)buf, HEAD + 8 + ip);
}
