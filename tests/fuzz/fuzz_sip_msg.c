// SPDX-License-Identifier: Apache-2.0
// libFuzzer target: fuzz_sip_msg tests/corpus/ims tests/corpus/rfc4475 tests/corpus/rfc5118
#include "../unit/sip/exercise.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
    exercise_msg(str_make((const char *)data, n));
    return 0;
}
