// SPDX-License-Identifier: Apache-2.0
// The real loop: libuv, recvmmsg and sendmmsg batches for UDP, one gathered writev a turn for each
// TCP connection, c-ares for names.
#pragma once

#include "io/loop.h"

struct uv_loop_params {
    const struct addr *dns_servers; // empty: the system's
    size_t n_dns_servers;
    uint32_t dns_timeout_ms;        // one try; 0: 1000
    uint32_t dns_tries;             // 0: 2
};

// (uv_loop_new would be libuv's.)
int uvloop_new(const struct uv_loop_params *p, struct loop **ret_loop);
