// SPDX-License-Identifier: Apache-2.0
// From a draft's texts to checked values.
#include <libxml/xmlstring.h>
#include <openssl/crypto.h>
#include <stdarg.h>
#include <stdio.h>

#include "base/err.h"
#include "base/hash.h"
#include "base/mem.h"
#include "hss/provision.h"
#include "ims/impu.h"
#include "ims/wildcard.h"

const struct hss_field_row hss_fields[F_COUNT] = {
    // clang-format off
    [F_IMPI]         = {"impi", false, "private identity, user@realm"},
    [F_K]            = {"k", true, "subscriber key, 32 hexadecimal digits"},
    [F_K_ASCII]      = {"k_ascii", true, "subscriber key as 16 characters"},
    [F_OP]           = {"op", true, "operator's OP, 32 hexadecimal digits; OPc is computed from it"},
    [F_OPC]          = {"opc", true, "OPc, 32 hexadecimal digits"},
    [F_CHECK]        = {"check", true, "RES for a RAND of sixteen zero bytes, 16 hexadecimal digits"},
    [F_SEALED]       = {"sealed", true,
                        "key or password as `subscriber export` gives it; opens with this store's key file only"},
    [F_AMF]          = {"amf", true, "authentication management field, 4 hexadecimal digits; 8000"},
    [F_SQN]          = {"sqn", true, "last sequence number used, up to 12 hexadecimal digits; 0"},
    [F_PASSWORD]     = {"password", true, "SIP Digest in place of AKA"},
    [F_REALM]        = {"realm", true, "of SIP Digest; what follows the @ of the IMPI"},
    [F_ALGORITHM]    = {"algorithm", true, "of SIP Digest: MD5 (default) or SHA-256"},
    [F_IMPUS]        = {"impus", true,
                        "public identities, the default first, tel:+1555{0100..0199} for a range, sip:list!.*!@domain "
                        "for a wildcarded one; | begins a further implicit set"},
    [F_BARRED]       = {"barred", true, "those of the first implicit set that are barred"},
    [F_ALIASES]      = {"aliases", true,
                        "those of impus that are aliases of each other (AliasIdentityGroupID); "
                        "| begins a further group"},
    [F_JOIN]         = {"join", false, "an IMPU whose subscription and implicit set this IMPI shares"},
    [F_DISPLAY_NAME] = {"display_name", true, "of all its IMPUs"},
    [F_PROFILE]      = {"profile", true, "name of its service profile; default"},
    [F_VISITED]      = {"visited", true, "visited networks allowed, a name with blanks in quotes; * for all (default)"},
    [F_REGISTRATION] = {"registration", true, "allowed (default) or denied"},
    [F_MANDATORY]    = {"mandatory", true, "capabilities that its S-CSCF must have, numbers"},
    [F_OPTIONAL]     = {"optional", true, "capabilities that its S-CSCF should have, numbers"},
    [F_SERVERS]      = {"servers", true, "S-CSCFs preferred, SIP URIs"},
    [F_CCF]          = {"ccf", true, "charging collection functions, primary and secondary"},
    [F_ECF]          = {"ecf", true, "event charging functions, primary and secondary"},
    // clang-format on
};

int hss_problem(struct hss_problem *p, unsigned line, int err, const char *fmt, ...)
{
    va_list ap;
    va_start(ap, fmt);
    p->line = line;
    (void)vsnprintf(p->text, sizeof(p->text), fmt, ap);
    va_end(ap);
    // What is quoted of a file may hold anything; the problem is one line of a log.
    for (char *c = p->text; *c; c++)
        if ((unsigned char)*c < ' ' || *c == 0x7f)
            *c = '?';
    return err;
}

enum { NAME_MAX_ = 15 };

int hss_draft_put(struct hss_draft *d, struct str name, struct str value, struct hss_problem *p)
{
    for (size_t i = 0; i < F_COUNT; i++) {
        if (!str_eq(name, str_from(hss_fields[i].name)))
            continue;
        if (d->v[i].p)
            return hss_problem(p, d->line, ERR_BAD, "%.*s is given twice", STR_ARG(name));
        size_t max = i == F_IMPUS || i == F_BARRED || i == F_ALIASES ? HSS_LIST_MAX : HSS_VALUE_MAX;
        if (value.n > max)
            return hss_problem(p, d->line, ERR_TOOBIG, "%.*s is longer than %zu bytes",
                               STR_ARG(name), max);
        d->v[i] = str_trim(value);
        if (!d->v[i].n)
            d->v[i] = STR("");
        return 0;
    }
    if (name.n > NAME_MAX_) // no slip of a name but a key in the wrong place, which stays untold
        return hss_problem(p, d->line, ERR_BAD, "unknown field");
    return hss_problem(p, d->line, ERR_BAD, "unknown field \"%.*s\"", STR_ARG(name));
}

static const char *field_name(enum hss_field f)
{
    return hss_fields[f].name;
}

static bool given(const struct hss_draft *d, enum hss_field f)
{
    return d->v[f].n > 0;
}

// Texts that go into XML and Diameter as identities: visible ASCII without what would need quoting.
static bool plain(struct str s)
{
    for (size_t i = 0; i < s.n; i++)
        if (s.p[i] <= ' ' || s.p[i] >= 0x7f || memchr("\"<>\\^`{|}", s.p[i], 9))
            return false;
    return s.n > 0 && s.n <= 255;
}

static int hex_field(const struct hss_draft *d, enum hss_field f, void *out, size_t n,
                     struct hss_problem *p)
{
    if (str_unhex(d->v[f], out, n) == 0)
        return 0;
    return hss_problem(p, d->line, ERR_BAD, "%s must be %zu hexadecimal digits", field_name(f),
                       2 * n);
}

static int make_key(const struct hss_draft *d, uint8_t k[16], struct hss_problem *p)
{
    if (given(d, F_K) && given(d, F_K_ASCII))
        return hss_problem(p, d->line, ERR_BAD, "both k and k_ascii are given");
    if (given(d, F_K))
        return hex_field(d, F_K, k, 16, p);
    if (d->v[F_K_ASCII].n != 16)
        return hss_problem(p, d->line, ERR_BAD, "k_ascii must be 16 characters");
    memcpy(k, d->v[F_K_ASCII].p, 16);
    return 0;
}

static const uint8_t check_rand[16];

static bool check_fits(struct aka *a, const uint8_t k[16], const uint8_t opc[16],
                       const uint8_t want[8])
{
    static const uint8_t amf[2];
    struct aka_vector v;
    return aka_generate(a, k, opc, check_rand, 0, amf, &v) == 0 &&
           CRYPTO_memcmp(v.xres, want, 8) == 0;
}

// The usual mistake is an OP in the place of OPc or the other way round: then the check value fits
// the other reading, and the message can say so.
static int verify_check(struct hss_op *op, const struct hss_draft *d, const struct aka_secret *s,
                        struct hss_problem *p)
{
    uint8_t want[8], other[16], given_value[16];
    if (!given(d, F_CHECK))
        return 0;
    int err = hex_field(d, F_CHECK, want, 8, p);
    if (err || check_fits(op->ctx->aka, s->k, s->opc, want))
        return err;
    bool as_opc = given(d, F_OPC);
    err = hex_field(d, as_opc ? F_OPC : F_OP, given_value, 16, p);
    if (err)
        return err;
    memcpy(other, given_value, 16);
    if (as_opc)
        err = aka_opc(op->ctx->aka, s->k, given_value, other);
    if (!err && check_fits(op->ctx->aka, s->k, other, want))
        return hss_problem(p, d->line, ERR_BAD,
                           as_opc ? "opc is an OP, not an OPc: give it as op"
                                  : "op is an OPc already: give it as opc");
    return hss_problem(p, d->line, ERR_BAD, "check does not fit: wrong key, OP or OPc");
}

static int make_aka(struct hss_op *op, const struct hss_draft *d, struct hss_record *r,
                    struct hss_problem *p)
{
    uint8_t value[16];
    r->scheme = HSS_AKA;
    int err = make_key(d, r->aka.k, p);
    if (err)
        return err;
    if (given(d, F_OP) == given(d, F_OPC))
        return hss_problem(p, d->line, ERR_BAD, "exactly one of op and opc must be given");
    err = hex_field(d, given(d, F_OP) ? F_OP : F_OPC, value, 16, p);
    if (!err && given(d, F_OP))
        err = aka_opc(op->ctx->aka, r->aka.k, value, r->aka.opc);
    else if (!err)
        memcpy(r->aka.opc, value, 16);
    return err ? err : verify_check(op, d, &r->aka, p);
}

static int make_digest(const struct hss_draft *d, struct hss_record *r, struct hss_problem *p)
{
    r->scheme = HSS_DIGEST;
    r->password = d->v[F_PASSWORD];
    if (given(d, F_ALGORITHM))
        r->algorithm = d->v[F_ALGORITHM];
    if (!str_eq(r->algorithm, STR("MD5")) && !str_eq(r->algorithm, STR("SHA-256")))
        return hss_problem(p, d->line, ERR_BAD, "algorithm must be MD5 or SHA-256");
    if (given(d, F_REALM))
        r->realm = d->v[F_REALM];
    if (!plain(r->realm))
        return hss_problem(p, d->line, ERR_BAD, "realm is not a realm");
    return 0;
}

// Sealed under the key of this store for this IMPI, or it would not open.
static int make_sealed(struct hss_op *op, const struct hss_draft *d, struct hss_record *r,
                       struct hss_problem *p)
{
    uint8_t plain[VAULT_MAX];
    size_t n = 0;
    struct str hex = d->v[F_SEALED];
    int err = hex.n % 2 || hex.n / 2 > sizeof r->sealed ? ERR_BAD : str_unhex(hex, r->sealed, hex.n / 2);
    if (!err)
        err = vault_open(op->ctx->vault, r->impi, str_make((const char *)r->sealed, hex.n / 2), plain, &n);
    OPENSSL_cleanse(plain, sizeof plain);
    if (err || (n != HSS_SECRET_AKA && n != HSS_SECRET_DIGEST))
        return hss_problem(p, d->line, ERR_BAD, "sealed does not open: of another IMPI, or another key file");
    r->n_sealed = hex.n / 2;
    return n == HSS_SECRET_DIGEST ? make_digest(d, r, p) : 0;
}

static int make_auth(struct hss_op *op, const struct hss_draft *d, struct hss_record *r,
                     struct hss_problem *p)
{
    bool aka = given(d, F_K) || given(d, F_K_ASCII), digest = given(d, F_PASSWORD);
    bool sealed = given(d, F_SEALED);
    if (aka && digest)
        return hss_problem(p, d->line, ERR_BAD, "both a key and a password are given");
    if (sealed && (aka || digest))
        return hss_problem(p, d->line, ERR_BAD, "sealed is given beside a key or a password");
    r->has_auth = aka || digest || sealed;
    r->algorithm = STR("MD5");
    r->amf = 0x8000;
    if (given(d, F_AMF)) {
        uint8_t amf[2];
        int err = hex_field(d, F_AMF, amf, 2, p);
        if (err)
            return err;
        r->amf = (uint16_t)(amf[0] << 8 | amf[1]);
    }
    return aka ? make_aka(op, d, r, p) : digest ? make_digest(d, r, p) : sealed ? make_sealed(op, d, r, p) : 0;
}

int hss_sqn_parse(struct str text, uint64_t *ret_sqn)
{
    char digits[12];
    uint8_t bytes[6];
    if (!text.n || text.n > sizeof(digits))
        return ERR_BAD;
    memset(digits, '0', sizeof(digits));
    memcpy(digits + sizeof(digits) - text.n, text.p, text.n);
    if (str_unhex(str_make(digits, sizeof(digits)), bytes, sizeof(bytes)) != 0)
        return ERR_BAD;
    uint64_t sqn = 0;
    for (size_t i = 0; i < sizeof(bytes); i++)
        sqn = sqn << 8 | bytes[i];
    *ret_sqn = sqn;
    return 0;
}

bool hss_sqn_has_room(uint64_t sqn)
{
    const uint64_t end = UINT64_C(1) << (48 - AKA_IND_BITS), room = UINT64_C(1) << 28;
    return (sqn >> AKA_IND_BITS) < end - room;
}

_Static_assert(ARRAY_LEN(((struct hss_record *)0)->slots) >= 2 * HSS_IMPUS_MAX, "some slots stay free");

// The slot of an IMPU, or where it belongs.
static uint16_t *slot_of(struct hss_record *r, struct str impu)
{
    size_t i = hash_bytes(impu.p, impu.n) % ARRAY_LEN(r->slots);
    while (r->slots[i] && !str_eq(r->impus[r->slots[i] - 1].impu, impu))
        i = (i + 1) % ARRAY_LEN(r->slots);
    return &r->slots[i];
}

static struct hss_impu *find_impu(struct hss_record *r, struct str impu)
{
    uint16_t *slot = slot_of(r, impu);
    return *slot ? &r->impus[*slot - 1] : NULL;
}

static bool is_tel(struct str s)
{
    return str_istarts(s, STR("tel:"));
}

static bool is_identity(struct hss_op *op, struct str s)
{
    struct sip_uri u;
    return plain(s) && sip_uri_parse(&op->arena, s, &u) == 0 && u.user.n > 0;
}

// A number may be given as tel URI and as sip URI: they are one identity (RFC 3261 19.1.6), and the network
// answers to both.
static bool is_other_form(const struct hss_impu *known, struct str word)
{
    return is_tel(known->given) != is_tel(word);
}

static bool is_wildcard(struct str s)
{
    struct wildcard_parts p;
    return wildcard_split(s, &p);
}

// What the compiler of expressions still finds is found here, and not with the first call.
static bool compiles(struct hss_op *op, struct str word)
{
    struct wildcard *w = wildcard_new(impu_canon_text(&op->arena, op->ctx->plan, word));
    wildcard_free(w);
    return w != NULL;
}

// An identity by which nobody can be reached is refused rather than kept: the operator would look for the fault
// in every other place.
static int check_impu(struct hss_op *op, const struct hss_draft *d, struct str word,
                      struct hss_problem *p)
{
    bool wild = is_wildcard(word);
    if (!wild && !is_identity(op, word))
        return hss_problem(p, d->line, ERR_BAD, "\"%.*s\" is not a sip, sips or tel URI",
                           STR_ARG(word));
    const char *why = impu_unreachable(&op->arena, op->ctx->plan, word);
    if (!why && wild && !compiles(op, word))
        why = "its expression is none (POSIX extended regular expressions)";
    return why ? hss_problem(p, d->line, ERR_BAD, "\"%.*s\" can never be reached: %s", STR_ARG(word), why)
               : 0;
}

static int add_impu(struct hss_op *op, const struct hss_draft *d, struct str word, bool barred,
                    unsigned set, struct hss_record *r, struct hss_problem *p)
{
    int err = check_impu(op, d, word, p);
    if (err)
        return err;
    struct str impu = impu_canon_text(&op->arena, op->ctx->plan, word);
    if (!impu.p)
        return ERR_NOMEM;
    struct hss_impu *known = find_impu(r, impu);
    bool wild = is_wildcard(word);
    if (known && !barred && !wild && is_other_form(known, word))
        return 0;
    if (known && !barred)
        return hss_problem(p, d->line, ERR_BAD, "%.*s is given twice", STR_ARG(word));
    if (known) {
        known->barred = true;
        return 0;
    }
    if (r->n_impus == HSS_IMPUS_MAX)
        return hss_problem(p, d->line, ERR_TOOBIG, "more than %d IMPUs", HSS_IMPUS_MAX);
    uint16_t *slot = slot_of(r, impu);
    r->impus[r->n_impus++] =
        (struct hss_impu){.impu = impu, .given = word, .barred = barred, .wildcard = wild, .set = set};
    *slot = (uint16_t)r->n_impus;
    return 0;
}

// "tel:+1555{0100..0199}": both ends have as many digits.
struct range {
    struct str head, tail;
    uint32_t first, last;
    int digits;
};

static bool is_range(struct str word)
{
    return str_chr(word, '{') >= 0;
}

static int read_range(struct str word, struct range *ret_r)
{
    ptrdiff_t open = str_chr(word, '{'), close = str_chr(word, '}');
    if (close < open)
        return ERR_BAD;
    struct str in = str_skip(str_head(word, (size_t)close), (size_t)open + 1);
    ptrdiff_t dots = str_find(in, STR(".."));
    if (dots < 1)
        return ERR_BAD;
    struct str first = str_head(in, (size_t)dots), last = str_skip(in, (size_t)dots + 2);
    *ret_r = (struct range){.head = str_head(word, (size_t)open), .tail = str_skip(word, (size_t)close + 1),
                            .digits = (int)first.n};
    bool ok = first.n == last.n && first.n < 10 && str_u32(first, &ret_r->first) == 0 &&
              str_u32(last, &ret_r->last) == 0 && ret_r->first <= ret_r->last &&
               ret_r->last - ret_r->first < HSS_IMPUS_MAX;
    return ok ? 0 : ERR_BAD;
}

static int add_range(struct hss_op *op, const struct hss_draft *d, struct str word, bool barred,
                     unsigned set, struct hss_record *r, struct hss_problem *p)
{
    struct range g;
    if (read_range(word, &g))
        return hss_problem(p, d->line, ERR_BAD, "\"%.*s\" is no range such as {0100..0199}", STR_ARG(word));
    int err = 0;
    for (uint32_t n = g.first; !err && n <= g.last; n++) {
        char digits[16];
        (void)snprintf(digits, sizeof digits, "%0*u", g.digits, n);
        err = add_impu(op, d, ARENA_CAT(&op->arena, g.head, str_from(digits), g.tail), barred, set, r, p);
    }
    return err;
}

static int make_impus(struct hss_op *op, const struct hss_draft *d, enum hss_field f,
                      struct hss_record *r, struct hss_problem *p)
{
    struct str rest = d->v[f];
    unsigned set = 0;
    int err = 0;
    while (!err && rest.p && rest.n) {
        struct str word = str_trim(str_split(&rest, ' '));
        if (str_eq(word, STR("|")) && ++set >= HSS_SETS_MAX)
            err = hss_problem(p, d->line, ERR_TOOBIG, "more than %d sets", HSS_SETS_MAX);
        else if (str_eq(word, STR("|")))
            continue;
        else if (is_range(word) && !is_wildcard(word))
            err = add_range(op, d, word, f == F_BARRED, set, r, p);
        else if (word.n)
            err = add_impu(op, d, word, f == F_BARRED, set, r, p);
    }
    return err;
}

// The first identity of a set is its default (TS 29.228 6.5.1.1), and somebody registers by it: so it is a distinct
// one (TS 23.228 4.3.3.2).
static int check_firsts(const struct hss_draft *d, const struct hss_record *r, struct hss_problem *p)
{
    for (size_t i = 0; i < r->n_impus; i++) {
        bool first = i == 0 || r->impus[i].set != r->impus[i - 1].set;
        if (first && r->impus[i].wildcard)
            return hss_problem(p, d->line, ERR_BAD, "%.*s comes first in its set, and nobody can register by it",
                               STR_ARG(r->impus[i].given));
    }
    return 0;
}

// ---- aliases (TS 23.228 4.3.3.2, TS 29.228 annex E AliasIdentityGroupID) ----

struct alias_group {
    unsigned id, set;
    size_t n;
    struct str first;
};

static int join_group(struct hss_op *op, const struct hss_draft *d, struct str word, struct alias_group *g,
                      struct hss_record *r, struct hss_problem *p)
{
    struct str impu = impu_canon_text(&op->arena, op->ctx->plan, word);
    struct hss_impu *u = impu.p ? find_impu(r, impu) : NULL;
    if (!u)
        return hss_problem(p, d->line, ERR_BAD, "alias %.*s is none of the impus", STR_ARG(word));
    if (u->alias)
        return hss_problem(p, d->line, ERR_BAD, "alias %.*s is given twice", STR_ARG(word));
    if (g->n && u->set != g->set)
        return hss_problem(p, d->line, ERR_BAD, "aliases %.*s and %.*s are of different sets", STR_ARG(g->first),
                           STR_ARG(word));
    if (!g->n++) {
        g->first = word;
        g->set = u->set;
    }
    u->alias = g->id;
    return 0;
}

static int check_group(const struct hss_draft *d, const struct alias_group *g, struct hss_problem *p)
{
    return g->n == 1 ? hss_problem(p, d->line, ERR_BAD, "alias %.*s stands alone in its group", STR_ARG(g->first)) : 0;
}

static int make_aliases(struct hss_op *op, const struct hss_draft *d, struct hss_record *r, struct hss_problem *p)
{
    struct str rest = d->v[F_ALIASES];
    struct alias_group g = {.id = 1};
    int err = 0;
    while (!err && rest.p && rest.n) {
        struct str word = str_trim(str_split(&rest, ' '));
        if (!str_eq(word, STR("|"))) {
            err = word.n ? join_group(op, d, word, &g, r, p) : 0;
            continue;
        }
        err = check_group(d, &g, p);
        g = (struct alias_group){.id = g.id + 1};
        if (!err && g.id > HSS_ALIASES_MAX)
            err = hss_problem(p, d->line, ERR_TOOBIG, "more than %d groups of aliases", HSS_ALIASES_MAX);
    }
    return err ? err : check_group(d, &g, p);
}

static int make_impi(const struct hss_draft *d, struct hss_record *r, struct hss_problem *p)
{
    r->impi = d->v[F_IMPI];
    ptrdiff_t at = str_chr(r->impi, '@');
    if (!plain(r->impi) || at <= 0 || (size_t)at + 1 == r->impi.n)
        return hss_problem(p, d->line, ERR_BAD, "impi must be user@realm");
    r->realm = str_skip(r->impi, (size_t)at + 1);
    return 0;
}

static int check_numbers(const struct hss_draft *d, enum hss_field f, struct hss_problem *p)
{
    struct str rest = d->v[f];
    uint32_t v;
    while (rest.p) {
        struct str word = str_split(&rest, ' ');
        if (word.n && str_u32(word, &v) != 0)
            return hss_problem(p, d->line, ERR_BAD, "%s must be numbers", field_name(f));
    }
    return 0;
}

// Names of networks are tokens, or quoted when they hold something else (RFC 7315 5.3).
static int check_visited(const struct hss_draft *d, struct hss_problem *p)
{
    struct str rest = d->v[F_VISITED], word;
    while ((word = hss_network_next(&rest)).n) {
        bool quoted = word.p[0] == '"', ok = quoted ? word.n > 2 && word.p[word.n - 1] == '"' : plain(word);
        for (size_t i = 0; quoted && i < word.n; i++)
            ok = ok && (unsigned char)word.p[i] >= ' ' && word.p[i] != 0x7f;
        if (!ok)
            return hss_problem(p, d->line, ERR_BAD, "visited holds a word that is no name");
    }
    return 0;
}

// Lists are kept with single blanks and go out as they are.
static int check_lists(const struct hss_draft *d, struct hss_problem *p)
{
    static const enum hss_field lists[] = {F_SERVERS, F_CCF, F_ECF};
    for (size_t i = 0; i < ARRAY_LEN(lists); i++) {
        struct str rest = d->v[lists[i]];
        size_t n = 0;
        while (rest.p) {
            struct str word = str_split(&rest, ' ');
            if (word.n && !plain(word))
                return hss_problem(p, d->line, ERR_BAD, "%s holds a word that is no name",
                                   field_name(lists[i]));
            n += word.n > 0;
        }
        if ((lists[i] == F_CCF || lists[i] == F_ECF) && n > 2)
            return hss_problem(p, d->line, ERR_BAD, "%s has a primary and a secondary, no more",
                               field_name(lists[i]));
    }
    int err = check_visited(d, p);
    if (!err)
        err = check_numbers(d, F_MANDATORY, p);
    return err ? err : check_numbers(d, F_OPTIONAL, p);
}

static int check_words(struct hss_op *op, const struct hss_draft *d, struct hss_problem *p)
{
    struct str reg = d->v[F_REGISTRATION], name = d->v[F_DISPLAY_NAME];
    if (reg.n && !str_eq(reg, STR("allowed")) && !str_eq(reg, STR("denied")))
        return hss_problem(p, d->line, ERR_BAD, "registration must be allowed or denied");
    for (size_t i = 0; i < name.n; i++)
        if ((unsigned char)name.p[i] < ' ' || name.p[i] == 0x7f)
            return hss_problem(p, d->line, ERR_BAD, "display_name holds a control character");
    struct str z = arena_dup(&op->arena, name); // NUL-terminated
    if (name.n && (!z.p || !xmlCheckUTF8((const unsigned char *)z.p)))
        return hss_problem(p, d->line, ERR_BAD, "display_name is not UTF-8");
    return 0;
}

int hss_record_make(struct hss_op *op, const struct hss_draft *d, struct hss_record *ret_r,
                    struct hss_problem *p)
{
    memset(ret_r, 0, offsetof(struct hss_record, impus));
    int err = make_impi(d, ret_r, p);
    if (!err)
        err = make_auth(op, d, ret_r, p);
    if (!err && given(d, F_SQN)) {
        ret_r->has_sqn = true;
        if (hss_sqn_parse(d->v[F_SQN], &ret_r->sqn) != 0)
            err = hss_problem(p, d->line, ERR_BAD, "sqn must be up to 12 hexadecimal digits");
        else if (!hss_sqn_has_room(ret_r->sqn))
            err = hss_problem(p, d->line, ERR_BAD, "sqn " HSS_SQN_NO_ROOM);
    }
    if (!err)
        err = make_impus(op, d, F_IMPUS, ret_r, p);
    if (!err)
        err = make_impus(op, d, F_BARRED, ret_r, p);
    if (!err)
        err = check_firsts(d, ret_r, p);
    if (!err && ret_r->n_impus)
        err = make_aliases(op, d, ret_r, p);
    if (!err)
        err = check_lists(d, p);
    return err ? err : check_words(op, d, p);
}
