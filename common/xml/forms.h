// SPDX-License-Identifier: Apache-2.0
// Documents of the HSS that differ in the names of their users alone. A form is such a document with blanks where the
// names stand; one that has the form of others before it is read by taking the names out of it, without a parser. Only
// names of plain characters are blanks, so that a parser finds the same elements whatever stands there. What goes into
// which blank is found out by reading the form once with probes in them.
#pragma once

#include "base/list.h"
#include "xml/profile_priv.h"

// What a form takes is bounded by its text, and a document that nobody else's is like never becomes one.
enum { FORMS_MAX = 64, FORM_BLANKS_MAX = 64, FORM_TEXT_MAX = 16384, FORM_SIGHTS = 256 };

struct forms {
    struct list by_use; // the one that was used last stands last
    size_t n;
    uint64_t filled;              // documents that were read so
    uint64_t sights[FORM_SIGHTS]; // of documents without a form, to know them when one comes again
};

// A document and its names. They are slices of it.
struct form_cuts {
    struct str all;
    struct str blank[FORM_BLANKS_MAX];
    size_t n;
};

void forms_init(struct forms *all);
void forms_done(struct forms *all);

// False: the document cannot have a form.
bool form_cut(struct str xml, struct form_cuts *ret_cuts);
// The profile of a document whose form is known; NULL: ask the parser.
struct profile *forms_fill(struct forms *all, const struct form_cuts *c);
// Has a document of this form been seen before? Remembers it.
bool forms_is_due(struct forms *all, const struct form_cuts *c);
// The document with probes for names; the empty slice when there is no memory.
struct str form_probes(struct arena *a, const struct form_cuts *c);
// Makes a form of a document, of what the parser says of it with probes (model, which is taken on success), and of what
// it says of it as it is. The form holds no service part: forms_forget comes before one goes. ERR_BAD: a name is not
// the user's alone; ERR_NOMEM.
int forms_add(struct forms *all, const struct form_cuts *c, struct profile *model, const struct profile *as_it_is);
// Drops the forms of a service part.
void forms_forget(struct forms *all, const struct service_entry *e);
