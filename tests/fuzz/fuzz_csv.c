// SPDX-License-Identifier: Apache-2.0
// Subscribers as CSV.
#include "fuzz.h"
#include "hss/provision.h"
#include "import.h"

void fuzz_csv(struct str input)
{
    fuzz_import(input, hss_import_csv);
}
