// SPDX-License-Identifier: Apache-2.0
#include "xml/dom.h"

#include <libxml/parser.h>

#include "base/err.h"

enum { EXTENSION_DEPTH = 8 };

int xml_bad(struct xml_error *e, const xmlNode *n, const char *what)
{
    *e = (struct xml_error){.what = what, .line = n ? (unsigned)xmlGetLineNo(n) : 0};
    return ERR_BAD;
}

static int parse_failed(xmlParserCtxt *ctx, struct xml_error *ret_err)
{
    const xmlError *last = xmlCtxtGetLastError(ctx);
    if (last && last->code == XML_ERR_NO_MEMORY)
        return ERR_NOMEM;
    *ret_err = (struct xml_error){.what = "not well-formed",
                                  .line = last && last->line > 0 ? (unsigned)last->line : 0};
    return ERR_BAD;
}

static bool is_element(const xmlNode *n, const char *name)
{
    return n->type == XML_ELEMENT_NODE && strcmp((const char *)n->name, name) == 0;
}

// A document type is refused as a whole: with it goes every entity that could expand or be fetched.
static int check_doc(const xmlDoc *doc, const char *root, struct xml_error *ret_err)
{
    if (doc->intSubset || doc->extSubset)
        return xml_bad(ret_err, NULL, "document type");
    const xmlNode *n = xmlDocGetRootElement(doc);
    return n && is_element(n, root) ? 0 : xml_bad(ret_err, n, "root element");
}

int xml_load(struct str text, size_t max, const char *root, xmlDoc **ret_doc,
             struct xml_error *ret_err)
{
    int err = xml_scan(text, max, ret_err);
    if (err)
        return err;
    xmlParserCtxt *ctx = xmlNewParserCtxt();
    if (!ctx)
        return ERR_NOMEM;
    int flags = XML_PARSE_NONET | XML_PARSE_NOERROR | XML_PARSE_NOWARNING | XML_PARSE_NOBLANKS |
                XML_PARSE_COMPACT | XML_PARSE_NOCDATA;
    xmlDoc *doc = xmlCtxtReadMemory(ctx, text.p, (int)text.n, NULL, "UTF-8", flags);
    err = doc ? check_doc(doc, root, ret_err) : parse_failed(ctx, ret_err);
    xmlFreeParserCtxt(ctx);
    if (err)
        xmlFreeDoc(doc);
    else
        *ret_doc = doc;
    return err;
}

xmlNode *xml_child(const xmlNode *n, const char *name)
{
    for (xmlNode *c = n ? n->children : NULL; c; c = c->next)
        if (is_element(c, name))
            return c;
    return NULL;
}

xmlNode *xml_next(const xmlNode *n)
{
    for (xmlNode *c = n->next; c; c = c->next)
        if (is_element(c, (const char *)n->name))
            return c;
    return NULL;
}

xmlNode *xml_extension(const xmlNode *n, const char *name)
{
    for (int depth = 0; depth < EXTENSION_DEPTH && n; depth++) {
        n = xml_child(n, "Extension");
        xmlNode *found = xml_child(n, name);
        if (found)
            return found;
    }
    return NULL;
}

// Comments may stand between the parts of a text.
static struct str part(const xmlNode *c)
{
    bool text = c->type == XML_TEXT_NODE || c->type == XML_CDATA_SECTION_NODE;
    return text ? str_from((const char *)c->content) : STR_NONE;
}

struct str xml_text(struct arena *a, const xmlNode *n)
{
    size_t size = 0, at = 0;
    for (const xmlNode *c = n ? n->children : NULL; c; c = c->next)
        size += part(c).n;
    char *all = size ? arena_alloc(a, size + 1) : NULL;
    if (!all)
        return STR_NONE;
    for (const xmlNode *c = n->children; c; c = c->next) {
        struct str s = part(c);
        if (s.n)
            memcpy(all + at, s.p, s.n);
        at += s.n;
    }
    all[at] = 0;
    return str_trim(str_make(all, at));
}

// Text of an element that is one short word.
static struct str word(const xmlNode *n)
{
    const xmlNode *c = n->children;
    bool plain = c && !c->next && c->type == XML_TEXT_NODE;
    return plain ? str_trim(str_from((const char *)c->content)) : STR_NONE;
}

int xml_bool(const xmlNode *n, bool *ret_value)
{
    if (!n)
        return 0;
    struct str s = word(n);
    bool yes = str_eq(s, STR("1")) || str_eq(s, STR("true"));
    if (!yes && !str_eq(s, STR("0")) && !str_eq(s, STR("false")))
        return ERR_BAD;
    *ret_value = yes;
    return 0;
}

int xml_u32(const xmlNode *n, uint32_t max, uint32_t *ret_value)
{
    if (!n)
        return 0;
    uint32_t v;
    if (str_u32(word(n), &v) || v > max)
        return ERR_BAD;
    *ret_value = v;
    return 0;
}
