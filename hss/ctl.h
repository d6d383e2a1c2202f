// SPDX-License-Identifier: Apache-2.0
// Commands of the HSS's control socket.
#pragma once

#include "app/app.h"

struct hss;

// For the struct app_nf. The commands take a struct hss_daemon as their nf; see daemon.h.
extern const struct ctl_command hss_commands[];
