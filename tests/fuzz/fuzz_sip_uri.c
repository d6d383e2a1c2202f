// SPDX-License-Identifier: Apache-2.0
// libFuzzer target: fuzz_sip_uri
#include "../unit/sip/exercise.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
    exercise_uri(str_make((const char *)data, n));
    return 0;
}
