// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "sip/cursor.h"
#include "sip/uri.h"

// A URI up to the end of the cursor.
void sip_uri_read(struct cur *c, struct sip_uri *u);
