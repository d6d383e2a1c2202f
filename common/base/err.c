// SPDX-License-Identifier: Apache-2.0
#include "base/err.h"

#include <stddef.h>

static const struct {
    const char *name, *text;
} table[] = {
    [-ERR_OK] = {"ERR_OK", "success"},
    [-ERR_NOMEM] = {"ERR_NOMEM", "out of memory"},
    [-ERR_INVAL] = {"ERR_INVAL", "invalid argument"},
    [-ERR_NOTFOUND] = {"ERR_NOTFOUND", "not found"},
    [-ERR_EXISTS] = {"ERR_EXISTS", "already exists"},
    [-ERR_BAD] = {"ERR_BAD", "malformed input"},
    [-ERR_MORE] = {"ERR_MORE", "input incomplete"},
    [-ERR_TOOBIG] = {"ERR_TOOBIG", "too big"},
    [-ERR_FULL] = {"ERR_FULL", "queue full"},
    [-ERR_IO] = {"ERR_IO", "input/output failure"},
    [-ERR_TIMEOUT] = {"ERR_TIMEOUT", "timed out"},
    [-ERR_CLOSED] = {"ERR_CLOSED", "closed"},
    [-ERR_REFUSED] = {"ERR_REFUSED", "refused or unreachable"},
    [-ERR_INUSE] = {"ERR_INUSE", "address in use"},
    [-ERR_UNSUPPORTED] = {"ERR_UNSUPPORTED", "not supported"},
    [-ERR_DENIED] = {"ERR_DENIED", "not permitted"},
    [-ERR_AUTH] = {"ERR_AUTH", "authentication failed"},
    [-ERR_STATE] = {"ERR_STATE", "not possible in this state"},
    [-ERR_CANCELLED] = {"ERR_CANCELLED", "cancelled"},
    [-ERR_DNS] = {"ERR_DNS", "name resolution failed"},
    [-ERR_NODATA] = {"ERR_NODATA", "no such record"},
    [-ERR_NOADDR] = {"ERR_NOADDR", "no such address on this machine"},
};

const char *err_name(int err)
{
    return err <= 0 && err >= ERR_LAST ? table[-err].name : "ERR_?";
}

const char *err_text(int err)
{
    return err <= 0 && err >= ERR_LAST ? table[-err].text : "unknown error";
}
