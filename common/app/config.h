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

// What a text has to look like (conf_form.c); each has its words and an example for people.
enum conf_form {
    CONF_FORM_ANY,
    CONF_FORM_HOST,     // name or IP address
    CONF_FORM_DOMAIN,   // name
    CONF_FORM_IDENTITY, // name with a domain: DiameterIdentity of a host (RFC 6733 4.3.1)
    CONF_FORM_SIP_URI,
    CONF_FORM_CHARGING, // name or aaa:// URI
    CONF_FORM_TOKEN,    // stands in a header field as it is
    CONF_FORM_TEXT,     // stands in a header field between quotes
    CONF_FORM_NET,      // address or network
    CONF_FORM_NUMBER,
    CONF_FORM_QOP,
    CONF_FORM_SOCKET, // a path where a socket can be made
    CONF_FORM_FILE,   // a path where a file can be written
    CONF_FORM_STORE,  // the same, of a database, which has further files beside it
    CONF_FORM_KEY,    // a path; its file is the NF's business
    CONF_FORM_FOLDER, // a path; its folder is the NF's business
};

// What an address is for. Those that are listened on are compared with each other, over all rows.
enum conf_use {
    CONF_USE_NONE,
    CONF_UDP = 1,       // listened on
    CONF_TCP = 2,       // listened on
    CONF_NAMED = 4,     // told to others, so that it cannot be the wildcard
    CONF_REMOTE = 8,    // of another node
    CONF_USE_LOCAL = 16 // ours, for leaving from
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
    enum conf_form form; // CONF_STR, CONF_STR_LIST
    unsigned use;        // CONF_ADDR, CONF_ADDR_LIST: a set of enum conf_use
};

struct conf;

void conf_free(struct conf *c); // takes NULL
// The line in which an option stands ("diameter.peers[2].host"), or the nearest that it is part of; 0: it was
// not given.
size_t conf_line(const struct conf *c, struct str option);
// The values in target as YAML with every option, in lines to put.
typedef void (*conf_put)(void *arg, struct str line);
void conf_show(const struct conf_row *rows, const void *target, conf_put put, void *arg);
// Calls cb for each fixed option whose values differ.
void conf_fixed_changes(const struct conf_row *rows, const void *was, const void *is,
                        void (*cb)(void *arg, const char *option), void *arg);
// Markdown table of the rows, to stdout: the reference page is made of these.
void conf_print_reference(const char *nf, const struct conf_row *rows);
