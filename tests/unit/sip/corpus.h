// SPDX-License-Identifier: Apache-2.0
// Reads the message corpus for the tests.
#pragma once

#include "base/str.h"

struct corpus_file {
    char name[64];
    struct str bytes; // heap
};

// The files of a folder below tests/corpus in the order of their names; returns how many, at most
// max. The folder is found through the environment variable CORPUS.
size_t corpus_read(const char *folder, struct corpus_file *ret_files, size_t max);
void corpus_free(struct corpus_file *files, size_t n);
// One file by name; p NULL when it is not there.
struct str corpus_get(const struct corpus_file *files, size_t n, const char *name);
