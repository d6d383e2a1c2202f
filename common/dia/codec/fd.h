// SPDX-License-Identifier: Apache-2.0
// libfdproto's header, without the macros that clash with base/log.h. Only dict.c, encode.c and
// decode.c include it: everything else sees bytes and typed structs.
#pragma once

#include <freeDiameter/freeDiameter-host.h>
#include <freeDiameter/libfdproto.h>
#undef LOG
#undef ASSERT
