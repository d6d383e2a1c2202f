// SPDX-License-Identifier: Apache-2.0
#include "ims/identity.h"

#include "base/err.h"

int plmn_parse(struct str s, struct plmn *ret_plmn)
{
    if (s.n != 5 && s.n != 6)
        return ERR_BAD;
    for (size_t i = 0; i < s.n; i++)
        if (s.p[i] < '0' || s.p[i] > '9')
            return ERR_BAD;
    *ret_plmn = (struct plmn){0};
    memcpy(ret_plmn->mcc, s.p, 3);
    memcpy(ret_plmn->mnc, s.p + 3, s.n - 3);
    return 0;
}

struct str ims_home_domain(struct arena *a, const struct plmn *p)
{
    return arena_printf(a, "ims.mnc%s%s.mcc%s.3gppnetwork.org", p->mnc[2] ? "" : "0", p->mnc,
                        p->mcc);
}

struct str ims_impi_from_imsi(struct arena *a, struct str imsi, const struct plmn *p)
{
    return ARENA_CAT(a, imsi, STR("@"), ims_home_domain(a, p));
}

struct str ims_impu_from_imsi(struct arena *a, struct str imsi, const struct plmn *p)
{
    return ARENA_CAT(a, STR("sip:"), imsi, STR("@"), ims_home_domain(a, p));
}

// Without scheme, port, parameters and headers (TS 24.229 5.4.1.1); a tel URI gives nothing. The
// port is looked for after the last ']' so that an IPv6 reference keeps its colons.
struct str ims_impi_from_impu(struct arena *a, struct str impu)
{
    if (str_istarts(impu, STR("sip:")))
        impu = str_skip(impu, 4);
    else if (str_istarts(impu, STR("sips:")))
        impu = str_skip(impu, 5);
    else
        return STR_NONE;
    ptrdiff_t at = str_chr(impu, '@');
    if (at <= 0)
        return STR_NONE;
    struct str host = str_skip(impu, (size_t)at + 1);
    for (size_t i = 0; i < host.n; i++)
        if (host.p[i] == ';' || host.p[i] == '?' || host.p[i] == '>')
            host.n = i;
    ptrdiff_t bracket = str_chr(host, ']');
    size_t from = bracket < 0 ? 0 : (size_t)bracket;
    ptrdiff_t colon = str_chr(str_skip(host, from), ':');
    if (colon >= 0)
        host.n = from + (size_t)colon;
    return host.n ? ARENA_CAT(a, str_head(impu, (size_t)at + 1), host) : STR_NONE;
}
