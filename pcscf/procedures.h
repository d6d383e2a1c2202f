// SPDX-License-Identifier: Apache-2.0
// The procedures of the P-CSCF, one file each, and what is asked before there is one. None needs another; the wiring
// (pcscf.c) chooses.
#pragma once

#include "pcscf/pcscf_priv.h"

extern const struct procedure pcscf_register, pcscf_originating, pcscf_terminating,
    pcscf_from_ue, pcscf_to_ue;

extern const struct trigger pcscf_forwards_in_dialog; // a point: a request inside a dialog goes on, either way

// ---- strangers.c ----

// For the stack: who is at the other end of a flow, and may a stranger's new request come in?
enum stack_standing pcscf_standing(void *pcscf, const struct flow_info *from);
uint64_t pcscf_user(void *pcscf, const struct flow_info *from);
bool pcscf_screen(void *pcscf, const struct flow_info *from, const struct sip_msg *m,
                  struct stack_refusal *ret_refusal);
