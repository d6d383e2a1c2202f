// SPDX-License-Identifier: Apache-2.0
// A configuration without a process.
#pragma once

#include "app/config.h"

// Reads path into target (rows' struct), every default applied. Findings go to the log, one line for each, and into
// error (may be NULL), as many as fit, with a newline between them: ERR_BAD, ERR_IO, ERR_NOMEM. *ret_conf owns all
// the values.
int load_file(const char *path, const struct conf_row *rows, void *target, char *error, size_t size,
              struct conf **ret_conf);
// The same from text in memory; name stands for the file in errors.
int load_text(struct str yaml, const char *name, const struct conf_row *rows, void *target, char *error, size_t size,
              struct conf **ret_conf);
