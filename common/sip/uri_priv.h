// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "sip/cursor.h"
#include "sip/uri.h"

// A URI as far as its grammar goes; the caller looks what follows.
void sip_uri_read(struct cur *c, struct sip_uri *u);
