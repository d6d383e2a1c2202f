// SPDX-License-Identifier: Apache-2.0
// Subscribers of an HSS that has no control socket.
#pragma once

#include "hss/hss.h"

// Provisions from text at once, in the calling thread, all or nothing: CSV when the first line is a header with commas,
// else YAML (docs/hss.md). *ret_n is the number of subscribers; error (size bytes) gets "NAME:LINE: what is wrong".
// ERR_BAD, ERR_EXISTS, store errors.
int subscribers_import(struct hss *h, struct str text, const char *name, char *error, size_t size, size_t *ret_n);
