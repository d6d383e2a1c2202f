// SPDX-License-Identifier: Apache-2.0
// Subscribers and service profiles as YAML.
#include "fuzz.h"
#include "hss/provision.h"
#include "import.h"

void fuzz_yaml(struct str input)
{
    fuzz_import(input, hss_import_yaml);
}
