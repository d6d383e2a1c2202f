// SPDX-License-Identifier: Apache-2.0
#include "ims/identity.h"

#include "base/err.h"

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
