// SPDX-License-Identifier: Apache-2.0
// Everything the library does with one input, and what must hold whatever the input is. Shared by
// the mutation test and the fuzz targets.
#pragma once

#include "base/str.h"

// Ends the process when a property does not hold.
void exercise_msg(struct str data);
void exercise_uri(struct str data);
