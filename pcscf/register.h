// SPDX-License-Identifier: Apache-2.0
// What the files of the registration share: register.c has the steps of the request, register_entry.c the way to the
// home network, register_answer.c what the answer leaves behind.
#pragma once

#include "pcscf/pcscf_priv.h"

// To the home network's entry point, and to the next one when that is no good (TS 24.229 5.2.2.1).
enum step_verdict register_to_home(struct pjob *pj);

// What the 200 (OK) says is kept. edits are those of the answer. Whether that is to wait (PXY_HELD) until it is on the
// disk: then it is sent on, or refused, later.
enum pxy_verdict register_store(struct pjob *pj, const struct sip_msg *ok, const struct sip_edits *edits);
