// SPDX-License-Identifier: Apache-2.0
// The app's own servers, control socket and pages, on the real loop with one client at a time.
#pragma once

#include "app/app_priv.h"

// An app that serves and has a node without anything behind it; made once.
struct app *fuzz_app(void);

// Sends input over fd (which becomes ours), says that no more will come, and runs the app's loop
// until the other side has closed. The answer, until the next call.
struct str fuzz_talk(struct app *a, int fd, struct str input);
