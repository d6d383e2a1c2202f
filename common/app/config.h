// SPDX-License-Identifier: Apache-2.0
// Configuration as schema rows. A row says everything about one option: the YAML parser, --check,
// the error with its line number, the reference page and --help come from it. An NF's config.c
// holds one table of rows over one struct.
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "base/str.h"
#include "io/addr.h"

enum conf_type {
    CONF_STR,       // struct str
    CONF_BOOL,      // bool
    CONF_U32,       // uint32_t; unit says of what, and may be written: "30", "30 s", "1 min"
    CONF_ENUM,      // int; names in `values`
    CONF_ADDR,      // struct addr; "ip:port", default port in min; family 0 when empty
    CONF_STR_LIST,  // struct conf_strs
    CONF_ADDR_LIST, // struct conf_addrs
    CONF_TABLE,     // struct conf_table: a sequence of mappings described by `sub`
};

struct conf_strs {
    struct str *v;
    size_t n;
};
struct conf_addrs {
    struct addr *v;
    size_t n;
};
struct conf_table {
    void *v;
    size_t n;
}; // n structs of sub_size bytes

struct conf_row {
    const char *name; // dotted path, "access.security"
    enum conf_type type;
    size_t offset;     // in the struct
    const char *def;   // default as YAML text; NULL: required; "" : empty
    uint32_t min, max; // CONF_U32 range; max 0: unbounded. CONF_TABLE: least number of entries
    const char *unit;  // "s", "ms", "bytes"; NULL: none
    const char *const *values;  // CONF_ENUM names, NULL-terminated
    const struct conf_row *sub; // CONF_TABLE rows, ended by a row with name NULL
    size_t sub_size;
    const char *help; // one sentence for the reference page
    bool secret;      // value not shown by `config show`
    bool fixed;       // a reload cannot change it: the log says that a restart is needed
};

struct conf;

// Reads path into target (rows' struct), every default applied. Errors go to the log as
// "file:line: option: what is wrong", one line for each, and into ret_error (may be NULL), as many
// as fit, with a newline between them: ERR_BAD, ERR_IO, ERR_NOMEM.
// Unknown options are errors that name the nearest known one. *ret_conf owns all the values.
int conf_load(const char *path, const struct conf_row *rows, void *target, char *ret_error,
              size_t error_size, struct conf **ret_conf);
// The same from text in memory, for tests; name stands for the file in errors.
int conf_load_text(struct str yaml, const char *name, const struct conf_row *rows, void *target,
                   char *ret_error, size_t error_size, struct conf **ret_conf);
void conf_free(struct conf *c); // takes NULL
// The values in target as YAML with every option, in lines to put.
typedef void (*conf_put)(void *arg, struct str line);
void conf_show(const struct conf_row *rows, const void *target, conf_put put, void *arg);
// Calls cb for each fixed option whose values differ.
void conf_fixed_changes(const struct conf_row *rows, const void *was, const void *is,
                        void (*cb)(void *arg, const char *option), void *arg);
// Markdown table of the rows, to stdout: the reference page is made of these.
void conf_print_reference(const char *nf, const struct conf_row *rows);
