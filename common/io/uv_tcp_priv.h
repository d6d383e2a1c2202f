// SPDX-License-Identifier: Apache-2.0
// Between connections and the listener that accepts them.
#pragma once

#include "io/uv_priv.h"

// Options that an accepted connection inherits from its listener.
void uvl_tcp_options(int fd);
// Takes fd over. Reading begins with uvl_tcp_start, which resets a connection nobody owns.
int uvl_tcp_accepted(struct uvl_world *w, int fd, const struct addr *remote, struct tcp **ret_tcp);
void uvl_tcp_start(struct tcp *c);
