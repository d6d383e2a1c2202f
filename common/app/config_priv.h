// SPDX-License-Identifier: Apache-2.0
// Inside of the configuration reader. A file's journey: config.c has libyaml compose it to nodes
// with their lines; conf_walk.c walks the mappings along dotted paths to rows and fills in defaults; conf_value.c
// turns one node into one row's value; conf_report.c tells of findings; conf_page.c prints rows and values.
#pragma once

#include <yaml.h>

#include "app/config.h"
#include "base/arena.h"

struct conf {
    struct arena arena;        // every value
    struct conf_place *places; // of every option that was given, the last one first
};

struct conf_place {
    struct conf_place *next;
    struct str option;
    size_t line;
};

// One finding; line is 0 when the finding has no place, option may be empty.
struct conf_error {
    const char *file;
    size_t line;
    struct str option;
    const char *what;
    bool warning; // it can work, and is hardly meant so
};
typedef void (*conf_error_cb)(void *arg, const struct conf_error *e);

// A reading in progress.
struct conf_reader {
    struct conf *conf;
    const char *file;
    yaml_document_t *doc;
    conf_error_cb error;
    void *arg;
    size_t n_errors;
};

// A node to be stored at dst for row; path is the option's full name for errors.
struct conf_slot {
    const struct conf_row *row;
    struct str path;
    const yaml_node_t *node;
    char *dst;
};

// Reads path into target (rows' struct), every default applied; each finding goes to error: ERR_BAD, ERR_IO,
// ERR_NOMEM. Unknown options are errors that name the nearest known one. *ret_conf owns all the values.
int conf_read_file(const char *path, const struct conf_row *rows, void *target, conf_error_cb error,
                   void *arg, struct conf **ret_conf);
// The same from text in memory; name stands for the file in errors.
int conf_read_text(struct str yaml, const char *name, const struct conf_row *rows, void *target,
                   conf_error_cb error, void *arg, struct conf **ret_conf);
// "file:line: option: what" without a newline, cut to n bytes with the NUL.
void conf_error_text(const struct conf_error *e, char *buf, size_t n);

void conf_fail(struct conf_reader *r, const yaml_node_t *at, struct str option, const char *fmt,
               ...) __attribute__((format(printf, 4, 5)));

// Remembers where an option stood.
void conf_place_add(struct conf_reader *r, struct str option, const yaml_node_t *at);
// The name of the row that is written most like path.
const char *conf_row_nearest(const struct conf_row *rows, struct str path);

// Is the node of the kind that the row wants? A finding has been reported.
bool conf_slot_fits(struct conf_reader *r, const struct conf_slot *s);
// Converts and stores one value, or a list of values, of a node that fits; a finding has been reported. Not of a table.
void conf_value_set(struct conf_reader *r, const struct conf_slot *s);
// Entries of a list, and one of them as a slot of its own.
size_t conf_slot_length(const struct conf_slot *s);
struct conf_slot conf_slot_entry(struct conf_reader *r, const struct conf_slot *s, size_t i, char *array, size_t size);
// A mapping with its own rows: the file itself, or one entry of a table.
void conf_entry_read(struct conf_reader *r, const struct conf_row *rows, struct str path,
                     const yaml_node_t *node, char *dst);
