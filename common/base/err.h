// SPDX-License-Identifier: Apache-2.0
// Error codes shared by every layer. Functions return 0 or one of these negative values; the
// text table is err_name(). A peer's mistake is not one of these: see struct reject in base/steps.h.
#pragma once

enum err {
    ERR_OK = 0,
    ERR_NOMEM = -1,       // allocation failed
    ERR_INVAL = -2,       // argument outside its documented range
    ERR_NOTFOUND = -3,    // no such object, header, row
    ERR_EXISTS = -4,      // object already there
    ERR_BAD = -5,         // malformed input from outside
    ERR_MORE = -6,        // input incomplete: need more bytes
    ERR_TOOBIG = -7,      // input or output exceeds its limit
    ERR_FULL = -8,        // queue or buffer at its cap
    ERR_IO = -9,          // operating system reported an I/O failure
    ERR_TIMEOUT = -10,    // no answer in time
    ERR_CLOSED = -11,     // connection or object closed meanwhile
    ERR_REFUSED = -12,    // connection refused or unreachable
    ERR_INUSE = -13,      // address already in use
    ERR_UNSUPPORTED = -14,// not available in this build or implementation
    ERR_DENIED = -15,     // not permitted
    ERR_AUTH = -16,       // authentication failed
    ERR_STATE_ = -17,     // ERR_STATE: not possible in the present state
    ERR_CANCELLED = -18,  // caller withdrew the operation
    ERR_DNS = -19,        // name does not exist or server failed
    ERR_NODATA = -20,     // name exists without such a record
    ERR_NOADDR = -21,     // address is not one of this machine's
    ERR_LAST = -21,
};

// A macro because OpenSSL has a type of this name; its headers must come before this one.
#define ERR_STATE ERR_STATE_

// Name of an error code ("ERR_NOMEM"), "ERR_?" for a value outside the table.
const char *err_name(int err);

// One short lower-case phrase for people ("out of memory").
const char *err_text(int err);
