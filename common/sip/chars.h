// SPDX-License-Identifier: Apache-2.0
// Character classes of the SIP grammar (RFC 3261 25.1), one bit each.
#pragma once

#include <stdbool.h>
#include <stdint.h>

enum {
    CH_TOKEN = 1,      // token
    CH_USER = 2,       // user without escapes
    CH_PASSWORD = 4,   // password without escapes
    CH_HOST = 8,       // host name, IPv4 address; '_' is tolerated
    CH_URI_PARAM = 16, // paramchar without escapes
    CH_URI_HEADER = 32,// hname, hvalue, '&' and '=' without escapes
    CH_VALUE = 64,     // gen-value that is not quoted: token, host, and what peers send besides
    CH_DIGIT = 128,
    CH_HEX = 256,
    CH_ALPHA = 512,
    CH_LWS = 1024,     // SP HTAB CR LF: folding was checked when the header was split off
    CH_PHONE = 2048,   // digits, visual separators and what a local number may hold
    CH_WORD = 4096,    // word (Call-ID) and '@'
    CH_QUOTED = 8192,  // inside a quoted string, except '"' and '\'
    CH_URI = 16384,    // any character of an absolute URI
    CH_PLAIN = 32768,  // addr-spec outside angle brackets: CH_URI without ',' ';' '?'
    // classes that hold letters, digits, '-', '.' and '_' at least: see cur_span
    CH_ABOVE_NAME = CH_TOKEN | CH_USER | CH_PASSWORD | CH_HOST | CH_URI_PARAM | CH_URI_HEADER |
                    CH_VALUE | CH_WORD | CH_QUOTED | CH_URI | CH_PLAIN,
};

extern const uint16_t sip_chars[256];

static inline bool ch_is(char c, unsigned classes)
{
    return (sip_chars[(unsigned char)c] & classes) != 0;
}

static inline char ch_lower(char c)
{
    return c >= 'A' && c <= 'Z' ? (char)(c | 0x20) : c;
}

// Value of a hexadecimal digit; c must be CH_HEX.
static inline unsigned ch_hex(char c)
{
    return c <= '9' ? (unsigned)(c - '0') : (unsigned)((c | 0x20) - 'a' + 10);
}
