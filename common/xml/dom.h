// SPDX-License-Identifier: Apache-2.0
// Reading XML from a peer with libxml2: no network, no document type, no entities of the document's
// own, bounded size, depth and number of elements and attributes, read as UTF-8 whatever it says. Elements are compared
// by local name, so a namespace prefix does no harm.
#pragma once

#include <libxml/tree.h>

#include "base/arena.h"

// Why a document was refused, for the log.
struct xml_error {
    const char *what; // static text: the element at fault, or "not well-formed"
    unsigned line;    // 0: unknown
};

// What makes libxml2 slow or large has an end before it begins. Attributes are those of one element, which it
// compares each with each.
enum { XML_DEPTH_MAX = 64, XML_ELEMENTS_MAX = 16384, XML_ATTRIBUTES_MAX = 32 };
// One pass over text: its size (at most max bytes), these limits, and no document type. It does not find all
// that is not well-formed. ERR_TOOBIG, ERR_BAD, both with *ret_err filled.
int xml_scan(struct str text, size_t max, struct xml_error *ret_err);

// Parses text of at most max bytes whose root element must have the name given. Freed with
// xmlFreeDoc. ERR_TOOBIG, ERR_BAD (*ret_err filled), ERR_NOMEM.
int xml_load(struct str text, size_t max, const char *root, xmlDoc **ret_doc,
             struct xml_error *ret_err);

// First child element with this name, NULL when there is none (n may be NULL); and the next sibling
// of the same name.
xmlNode *xml_child(const xmlNode *n, const char *name);
xmlNode *xml_next(const xmlNode *n);
// First descendant element with this name inside the Extension children of n: the schemas of 3GPP
// nest each release's additions one Extension deeper.
xmlNode *xml_extension(const xmlNode *n, const char *name);

// Trimmed text of an element, copied to the arena; the empty slice for NULL or no text.
struct str xml_text(struct arena *a, const xmlNode *n);

// Typed text of an element: ERR_BAD when it is not one. An absent element (NULL) leaves *ret alone.
int xml_bool(const xmlNode *n, bool *ret_value);
int xml_u32(const xmlNode *n, uint32_t max, uint32_t *ret_value);

// Fills e with the element at fault and returns ERR_BAD.
int xml_bad(struct xml_error *e, const xmlNode *n, const char *what);
