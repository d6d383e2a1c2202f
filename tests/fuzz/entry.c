// SPDX-License-Identifier: Apache-2.0
// libFuzzer's door to one target.
#include "fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
    fuzz_one(FUZZ_TARGET, str_make((const char *)data, n));
    return 0;
}
