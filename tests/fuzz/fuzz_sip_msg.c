// SPDX-License-Identifier: Apache-2.0
// A SIP message: every header read and written, forwarded and answered; see exercise.c.
#include "../unit/sip/exercise.h"
#include "fuzz.h"
#include "sip/msg.h"

void fuzz_sip_msg(struct str input)
{
    exercise_msg(input);
    sip_msg_pool_drain();
}
