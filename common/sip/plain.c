// SPDX-License-Identifier: Apache-2.0
#include "sip/plain.h"

#include "base/mem.h"

// ---- what may leave the network ----

static bool is_break(char c)
{
    return memchr(" \t,;()'\"<>=/", c, 12) != NULL;
}

static bool is_alnum(char c)
{
    return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

static bool is_hex_or_colon(char c)
{
    return c == ':' || (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F');
}

// "a.b" and "a:1", and what has two colons and else hexadecimal digits.
static bool is_place(struct str word)
{
    size_t colons = 0, hex = 0;
    for (size_t i = 0; i < word.n; i++) {
        char c = word.p[i];
        bool inside = i > 0 && i + 1 < word.n;
        colons += c == ':';
        hex += is_hex_or_colon(c) || c == '[' || c == ']';
        if (inside && c == '.' && is_alnum(word.p[i - 1]) && is_alnum(word.p[i + 1]))
            return true;
        if (inside && c == ':' && (is_alnum(word.p[i - 1]) || word.p[i - 1] == ']') && word.p[i + 1] >= '0' &&
            word.p[i + 1] <= '9')
            return true;
    }
    return colons > 1 && hex == word.n;
}

// Where the first word that is a place begins; text.n: there is none.
static size_t first_place(struct str text)
{
    for (size_t from = 0; from < text.n;) {
        size_t to = from;
        while (to < text.n && !is_break(text.p[to]))
            to++;
        if (to > from && is_place(str_make(text.p + from, to - from)))
            return from;
        from = to + 1;
    }
    return text.n;
}

struct str sip_plain_text(struct str text)
{
    size_t at = first_place(text);
    if (at == text.n)
        return text;
    while (at > 1 && !(text.p[at - 2] == ':' && text.p[at - 1] == ' '))
        at--;
    return at > 1 ? str_head(text, at - 2) : STR_NONE;
}

struct str sip_quotable(struct arena *a, struct str text)
{
    struct arena_buf b = arena_buf_init(a);
    size_t from = 0;
    for (size_t i = 0; i < text.n; i++) {
        if (text.p[i] != '"' && text.p[i] != '\\')
            continue;
        arena_buf_add(&b, str_make(text.p + from, i - from));
        arena_buf_add(&b, STR("\\"));
        from = i;
    }
    arena_buf_add(&b, str_skip(text, from));
    return arena_buf_done(&b);
}

// ---- reason phrases: RFC 3261 21 and the IANA registry of SIP response codes ----

static const struct {
    unsigned status;
    struct str phrase;
} phrases[] = {
    {100, STR_INIT("Trying")},
    {180, STR_INIT("Ringing")},
    {181, STR_INIT("Call Is Being Forwarded")},
    {182, STR_INIT("Queued")},
    {183, STR_INIT("Session Progress")},
    {199, STR_INIT("Early Dialog Terminated")},
    {200, STR_INIT("OK")},
    {202, STR_INIT("Accepted")},
    {204, STR_INIT("No Notification")},
    {300, STR_INIT("Multiple Choices")},
    {301, STR_INIT("Moved Permanently")},
    {302, STR_INIT("Moved Temporarily")},
    {305, STR_INIT("Use Proxy")},
    {380, STR_INIT("Alternative Service")},
    {400, STR_INIT("Bad Request")},
    {401, STR_INIT("Unauthorized")},
    {402, STR_INIT("Payment Required")},
    {403, STR_INIT("Forbidden")},
    {404, STR_INIT("Not Found")},
    {405, STR_INIT("Method Not Allowed")},
    {406, STR_INIT("Not Acceptable")},
    {407, STR_INIT("Proxy Authentication Required")},
    {408, STR_INIT("Request Timeout")},
    {410, STR_INIT("Gone")},
    {412, STR_INIT("Conditional Request Failed")},
    {413, STR_INIT("Request Entity Too Large")},
    {414, STR_INIT("Request-URI Too Long")},
    {415, STR_INIT("Unsupported Media Type")},
    {416, STR_INIT("Unsupported URI Scheme")},
    {417, STR_INIT("Unknown Resource-Priority")},
    {420, STR_INIT("Bad Extension")},
    {421, STR_INIT("Extension Required")},
    {422, STR_INIT("Session Interval Too Small")},
    {423, STR_INIT("Interval Too Brief")},
    {424, STR_INIT("Bad Location Information")},
    {425, STR_INIT("Bad Alert Message")},
    {428, STR_INIT("Use Identity Header")},
    {429, STR_INIT("Provide Referrer Identity")},
    {430, STR_INIT("Flow Failed")},
    {433, STR_INIT("Anonymity Disallowed")},
    {436, STR_INIT("Bad Identity Info")},
    {437, STR_INIT("Unsupported Credential")},
    {438, STR_INIT("Invalid Identity Header")},
    {439, STR_INIT("First Hop Lacks Outbound Support")},
    {440, STR_INIT("Max-Breadth Exceeded")},
    {469, STR_INIT("Bad Info Package")},
    {470, STR_INIT("Consent Needed")},
    {480, STR_INIT("Temporarily Unavailable")},
    {481, STR_INIT("Call/Transaction Does Not Exist")},
    {482, STR_INIT("Loop Detected")},
    {483, STR_INIT("Too Many Hops")},
    {484, STR_INIT("Address Incomplete")},
    {485, STR_INIT("Ambiguous")},
    {486, STR_INIT("Busy Here")},
    {487, STR_INIT("Request Terminated")},
    {488, STR_INIT("Not Acceptable Here")},
    {489, STR_INIT("Bad Event")},
    {491, STR_INIT("Request Pending")},
    {493, STR_INIT("Undecipherable")},
    {494, STR_INIT("Security Agreement Required")},
    {500, STR_INIT("Server Internal Error")},
    {501, STR_INIT("Not Implemented")},
    {502, STR_INIT("Bad Gateway")},
    {503, STR_INIT("Service Unavailable")},
    {504, STR_INIT("Server Time-out")},
    {505, STR_INIT("Version Not Supported")},
    {513, STR_INIT("Message Too Large")},
    {555, STR_INIT("Push Notification Service Not Supported")},
    {580, STR_INIT("Precondition Failure")},
    {600, STR_INIT("Busy Everywhere")},
    {603, STR_INIT("Decline")},
    {604, STR_INIT("Does Not Exist Anywhere")},
    {606, STR_INIT("Not Acceptable")},
    {607, STR_INIT("Unwanted")},
    {608, STR_INIT("Rejected")},
};

struct str sip_reason(unsigned status)
{
    static const struct str classes[] = {
        STR_INIT("Unknown Status"), STR_INIT("Session Progress"),    STR_INIT("OK"),
        STR_INIT("Redirection"),    STR_INIT("Bad Request"),         STR_INIT("Server Internal Error"),
        STR_INIT("Global Failure"),
    };
    for (size_t i = 0; i < ARRAY_LEN(phrases); i++)
        if (phrases[i].status == status)
            return phrases[i].phrase;
    return classes[status / 100 < ARRAY_LEN(classes) ? status / 100 : 0];
}
