// SPDX-License-Identifier: Apache-2.0
// Writing parameter lists; reading is in sip/types.h.
#pragma once

#include "sip/types.h"

struct writer;

// name or name=value.
void sip_param_write(struct writer *w, const struct sip_param *p);
// Each parameter of the list with a leading ';'.
void sip_params_write(struct writer *w, const struct sip_param *p);
