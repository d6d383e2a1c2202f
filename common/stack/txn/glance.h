// SPDX-License-Identifier: Apache-2.0
// The class of a datagram for overload control by a look at its first line and its To, for the
// moment when reading more is what the node has no time for. What is not clearly a new request
// counts as one to keep: it is read, and refused then if it must be.
#pragma once

#include "base/str.h"
#include "stack/txn/overload.h"

// OVERLOAD_NEW or OVERLOAD_KEPT. ret_machine as in struct overload_request.
enum overload_class glance_class(struct str bytes, bool *ret_machine);
