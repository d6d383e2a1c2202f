// SPDX-License-Identifier: Apache-2.0
#include "app/conf_form.h"

#include <stdarg.h>
#include <stdio.h>

#include "base/arena.h"
#include "base/err.h"
#include "base/mem.h"
#include "sip/uri.h"

enum { SHOWN_MAX = 80, NAME_MAX_BYTES = 253, LABEL_MAX_BYTES = 63 };

static const struct {
    const char *what, *such_as;
} expected[] = {
    [CONF_FORM_ANY] = {"a value", ""},
    [CONF_FORM_HOST] = {"a host name or an IP address without a port", "pcscf.ims.example.org"},
    [CONF_FORM_DOMAIN] = {"a domain name", "ims.example.org"},
    [CONF_FORM_IDENTITY] = {"a fully qualified host name (RFC 6733 4.3.1)", "hss.ims.example.org"},
    [CONF_FORM_SIP_URI] = {"a SIP URI", "sip:node.example.org:5060"},
    [CONF_FORM_CHARGING] = {"a host name or an aaa:// URI", "aaa://ccf.example.org:3868"},
    [CONF_FORM_TOKEN] = {"a name without blanks and quotes", "ims.example.org"},
    [CONF_FORM_TEXT] = {"a text without quotes and control characters", "ims.example.org"},
    [CONF_FORM_NET] = {"addresses and networks", "192.0.2.0/24"},
    [CONF_FORM_NUMBER] = {"a number", "7"},
    [CONF_FORM_QOP] = {"auth or auth-int", "auth"},
    [CONF_FORM_SOCKET] = {"the path of a socket", "/run/carillon/pcscf.ctl"},
    [CONF_FORM_FILE] = {"the path of a file", "/run/carillon/pcscf.pid"},
    [CONF_FORM_STORE] = {"the path of a file", "/var/lib/carillon/hss.db"},
    [CONF_FORM_KEY] = {"the path of a file", "/etc/carillon/store.key"},
    [CONF_FORM_FOLDER] = {"the path of a folder", "/var/lib/carillon/scscf"},
};

static bool __attribute__((format(printf, 2, 3))) say(char *why, const char *fmt, ...)
{
    va_list ap;
    va_start(ap, fmt);
    (void)vsnprintf(why, CONF_WHY_MAX, fmt, ap);
    va_end(ap);
    return true;
}

static bool is_alpha(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

static bool all_digits(struct str s)
{
    for (size_t i = 0; i < s.n; i++)
        if (!is_digit(s.p[i]))
            return false;
    return s.n > 0;
}

// ---- left over from a template ----

// "@RUN@": a word of capitals, digits and _ between two @.
static bool has_at_word(struct str s)
{
    for (size_t i = 0; i + 2 < s.n; i++) {
        size_t k = i + 1;
        if (s.p[i] != '@')
            continue;
        while (k < s.n && ((s.p[k] >= 'A' && s.p[k] <= 'Z') || is_digit(s.p[k]) || s.p[k] == '_'))
            k++;
        if (k > i + 1 && k < s.n && s.p[k] == '@')
            return true;
    }
    return false;
}

static bool left_over(struct str s, const char **ret_form)
{
    static const struct {
        struct str begin, end;
        const char *form;
    } forms[] = {{STR_INIT("${"), STR_INIT("}"), "${...}"},
                 {STR_INIT("$("), STR_INIT(")"), "$(...)"},
                 {STR_INIT("{{"), STR_INIT("}}"), "{{...}}"},
                 {STR_INIT("<"), STR_INIT(">"), "<...>"},
                 {STR_INIT("CHANGEME"), STR_INIT(""), "CHANGEME"}};
    *ret_form = "@...@";
    if (has_at_word(s))
        return true;
    for (size_t i = 0; i < ARRAY_LEN(forms); i++) {
        ptrdiff_t at = str_find(s, forms[i].begin);
        *ret_form = forms[i].form;
        if (at >= 0 && (!forms[i].end.n || str_find(str_skip(s, (size_t)at), forms[i].end) > 0))
            return true;
    }
    return false;
}

// ---- names ----

// The scheme of a URI, with its colon: what an operator put in front of a name. "host:5060" has none.
static size_t scheme_length(struct str s)
{
    static const char *const known[] = {
        "sip:", "sips:", "tel:", "aaa:", "aaas:", "http:", "https:", "dns:", "udp:", "tcp:"};
    ptrdiff_t slashes = str_find(s, STR("://"));
    if (slashes > 0)
        return (size_t)slashes + 3;
    for (size_t i = 0; i < ARRAY_LEN(known); i++)
        if (str_istarts(s, str_from(known[i])))
            return strlen(known[i]);
    return 0;
}

static const char *label_wrong(struct str label, bool underscore)
{
    if (!label.n)
        return "has an empty part between two dots";
    if (label.n > LABEL_MAX_BYTES)
        return "has a part of more than 63 characters";
    if (label.p[0] == '-' || label.p[label.n - 1] == '-')
        return "has a part that begins or ends with a hyphen";
    for (size_t i = 0; i < label.n; i++) {
        char c = label.p[i];
        if (!is_alpha(c) && !is_digit(c) && c != '-' && !(underscore && c == '_'))
            return "has a character that no host name has";
    }
    return NULL;
}

// RFC 1123 2.1, RFC 1034 3.5: why s is no host name; NULL when it is one.
static const char *name_wrong(struct str s, bool underscore)
{
    struct str rest = s, label = s;
    if (s.n > NAME_MAX_BYTES)
        return "is longer than any host name";
    while (rest.n) {
        label = str_split(&rest, '.');
        const char *wrong = label_wrong(label, underscore);
        if (wrong)
            return wrong;
    }
    return all_digits(label) ? "ends in a number, and is no IP address" : NULL;
}

// What people put around a name; NULL when there is nothing of it.
static const char *wrapped(struct str s)
{
    ptrdiff_t colon = str_chr(s, ':');
    if (str_chr(s, ' ') >= 0 || str_chr(s, '\t') >= 0)
        return "has a blank";
    if (scheme_length(s))
        return "is a URI";
    if (str_chr(s, '@') >= 0)
        return "has a user part";
    if (str_chr(s, '/') >= 0)
        return "has a slash";
    if (str_chr(s, '*') >= 0)
        return "has a wildcard, which is not supported";
    if (str_chr(s, ',') >= 0 || str_chr(s, ';') >= 0)
        return "is more than one name";
    if (colon >= 0 && all_digits(str_skip(s, (size_t)colon + 1)))
        return "has a port";
    if (s.n && s.p[s.n - 1] == '.')
        return "ends in a dot";
    return NULL;
}

static const char *host_wrong(enum conf_form form, struct str s)
{
    struct addr ip;
    if (addr_parse(s, 0, &ip) == 0) {
        if (form != CONF_FORM_HOST && form != CONF_FORM_SIP_URI)
            return "is an IP address";
        return addr_is_any(&ip) ? "is the wildcard address, at which nobody can be reached" : NULL;
    }
    const char *wrong = wrapped(s);
    if (!wrong)
        wrong = name_wrong(s, form == CONF_FORM_IDENTITY || form == CONF_FORM_CHARGING);
    if (!wrong && form == CONF_FORM_IDENTITY && str_chr(s, '.') < 0)
        wrong = "has no domain";
    return wrong;
}

// ---- URIs ----

static const char *transport_wrong(const struct sip_uri *u)
{
    struct str t = sip_uri_param(u, STR("transport"), NULL);
    if (!t.n || str_ieq(t, STR("udp")) || str_ieq(t, STR("tcp")))
        return NULL;
    return "asks for a transport other than udp and tcp";
}

static const char *uri_wrong(struct str s)
{
    char room[1024];
    struct arena a;
    struct sip_uri u;
    const char *wrong = NULL;
    arena_init(&a, room, sizeof room);
    if (str_istarts(s, STR("sips:")))
        wrong = "asks for TLS, which is not supported";
    else if (!str_istarts(s, STR("sip:")))
        wrong = scheme_length(s) ? "is a URI of another scheme" : "does not begin with sip:";
    else if (sip_uri_parse(&a, s, &u) || !u.host.n)
        wrong = "is no SIP URI";
    else
        wrong = transport_wrong(&u);
    if (!wrong)
        wrong = host_wrong(CONF_FORM_SIP_URI, u.host);
    arena_done(&a);
    return wrong;
}

// TS 29.229 6.3.19 to 6.3.22: a DiameterURI (RFC 6733 4.3.1), or just its host.
static const char *charging_wrong(struct str s)
{
    size_t scheme = scheme_length(s);
    if (!scheme)
        return host_wrong(CONF_FORM_CHARGING, s);
    if (!str_istarts(s, STR("aaa://")) && !str_istarts(s, STR("aaas://")))
        return "is a URI of another scheme";
    struct str rest = str_skip(s, scheme), host = str_split(&rest, ';'), port = host;
    ptrdiff_t end = str_chr(host, ']');
    if (end >= 0)
        port = str_skip(host, (size_t)end + 1);
    struct str before = str_split(&port, ':');
    host = end < 0 ? before : str_head(host, (size_t)end + 1);
    return port.n && !all_digits(port) ? "has a port that is no number" : host_wrong(CONF_FORM_CHARGING, host);
}

// ---- networks ----

static bool has_host_bits(const struct addr *a, uint32_t prefix)
{
    bool six = addr_is_ip6(a);
    const uint8_t *bytes = six ? a->in6.sin6_addr.s6_addr : (const uint8_t *)&a->in4.sin_addr;
    for (uint32_t bit = prefix; bit < (six ? 128u : 32u); bit++)
        if (bytes[bit / 8] & (0x80u >> (bit % 8)))
            return true;
    return false;
}

static const char *net_wrong(struct str s)
{
    struct str length = s, ip = str_split(&length, '/');
    struct addr a;
    uint32_t prefix;
    if (addr_parse(ip, 0, &a))
        return "is neither an IP address nor a network";
    if (ip.n == s.n)
        return addr_is_any(&a) ? "is the wildcard address, from which nothing comes" : NULL;
    if (str_u32(length, &prefix) || prefix > (addr_is_ip6(&a) ? 128u : 32u))
        return "has a prefix length that cannot be";
    if (prefix == 0)
        return "is everybody: that is no trust domain";
    if (has_host_bits(&a, prefix))
        return "is a host and its network in one: write the network with zeros behind its prefix, or the "
               "host alone";
    return NULL;
}

// ---- other texts ----

static const char *text_wrong(struct str s, bool token)
{
    for (size_t i = 0; i < s.n; i++) {
        unsigned char c = (unsigned char)s.p[i];
        if (c < 0x20 || c == 0x7f)
            return "has a control character";
        if (c == '"' || c == '\\')
            return "has a quote or a backslash";
        if (token && (c == ' ' || c == ';' || c == ',' || c == '='))
            return "has a character that ends a name";
    }
    if (!str_trim(s).n)
        return "is blank";
    return scheme_length(s) ? "is a URI" : NULL;
}

static const char *path_text_wrong(enum conf_form form, struct str s)
{
    if (s.p[0] == '~')
        return "begins with ~, which only a shell knows";
    if (str_find(s, STR("://")) >= 0 || str_istarts(s, STR("unix:")))
        return "is a URI";
    if (str_trim(s).n != s.n)
        return "begins or ends with a blank";
    return s.p[s.n - 1] == '/' && form != CONF_FORM_FOLDER ? "is the name of a folder" : NULL;
}

static const char *form_wrong(enum conf_form form, struct str s)
{
    uint32_t number;
    switch (form) {
    case CONF_FORM_ANY:
        return NULL;
    case CONF_FORM_HOST:
    case CONF_FORM_DOMAIN:
    case CONF_FORM_IDENTITY:
        return host_wrong(form, s);
    case CONF_FORM_SIP_URI:
        return uri_wrong(s);
    case CONF_FORM_CHARGING:
        return charging_wrong(s);
    case CONF_FORM_TOKEN:
    case CONF_FORM_TEXT:
        return text_wrong(s, form == CONF_FORM_TOKEN);
    case CONF_FORM_NET:
        return net_wrong(s);
    case CONF_FORM_NUMBER:
        return str_u32(s, &number) ? "is none" : NULL;
    case CONF_FORM_QOP:
        return str_eq(s, STR("auth")) || str_eq(s, STR("auth-int")) ? NULL : "is no quality of protection";
    case CONF_FORM_SOCKET:
    case CONF_FORM_FILE:
    case CONF_FORM_STORE:
    case CONF_FORM_KEY:
    case CONF_FORM_FOLDER:
        return path_text_wrong(form, s);
    }
    return NULL;
}

int conf_form_check(enum conf_form form, struct str value, char ret_why[CONF_WHY_MAX])
{
    const char *template_form;
    if (!value.n)
        return 0;
    if (left_over(value, &template_form)) {
        say(ret_why, "\"%.*s\" has %s in it, which a template has left there; put the value itself",
            STR_ARG(str_head(value, SHOWN_MAX)), template_form);
        return ERR_BAD;
    }
    const char *wrong = form_wrong(form, value);
    if (!wrong)
        return 0;
    say(ret_why, "\"%.*s\" %s; expected %s, such as %s", STR_ARG(str_head(value, SHOWN_MAX)), wrong,
        expected[form].what, expected[form].such_as);
    return ERR_BAD;
}

// ---- addresses ----

static bool is_multicast(const struct addr *a)
{
    if (addr_is_ip6(a))
        return a->in6.sin6_addr.s6_addr[0] == 0xff;
    return (ntohl(a->in4.sin_addr.s_addr) >> 28) >= 0xe; // 224/4, 240/4 and the broadcast address
}

static bool is_link_local6(const struct addr *a)
{
    return addr_is_ip6(a) && IN6_IS_ADDR_LINKLOCAL(&a->in6.sin6_addr);
}

int conf_addr_check(enum conf_use use, const struct addr *a, char ret_why[CONF_WHY_MAX])
{
    char text[ADDR_TEXT_MAX];
    const char *wrong = NULL;
    if (!a->sa.sa_family || use == CONF_USE_NONE)
        return 0;
    if (is_multicast(a))
        wrong = "is no address of one machine (multicast, reserved or broadcast)";
    else if (is_link_local6(a))
        wrong = "is link-local, and means a machine only together with an interface";
    else if (use & CONF_REMOTE && addr_is_any(a))
        wrong = "is the wildcard address; expected that of the other side";
    else if (use != CONF_USE_LOCAL && addr_port(a) == 0)
        wrong = "has port 0, at which nobody can be reached";
    else if (use & CONF_NAMED && addr_is_any(a))
        wrong = "is the wildcard address, which would be told to others as where to reach this node; expected "
                "an address of this machine, such as 192.0.2.1:5060";
    if (!wrong)
        return 0;
    say(ret_why, "%.*s %s", STR_ARG(addr_text(a, text)), wrong);
    return ERR_BAD;
}

const char *conf_addr_hint(struct str text)
{
    struct str port = text, host = str_split(&port, ':');
    struct addr a;
    if (scheme_length(text))
        return " (without a scheme)";
    if (str_chr(text, '/') >= 0)
        return " (one address, not a network)";
    if (str_chr(text, '%') >= 0)
        return " (a link-local address, which takes an interface, is nothing to be reached at)";
    if (str_chr(text, ',') >= 0 || str_chr(text, ' ') >= 0)
        return " (one address in each entry)";
    if (host.n < text.n && addr_parse(host, 0, &a) == 0)
        return all_digits(port) ? " (its port must be from 1 to 65535)" : " (its port is no number)";
    if (str_chr(port, ':') >= 0)
        return " (IPv6 with a port is written in brackets: [2001:db8::1]:5060)";
    return host.n && is_alpha(host.p[0]) ? " (a name is not looked up here)" : "";
}
