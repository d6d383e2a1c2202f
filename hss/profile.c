// SPDX-License-Identifier: Apache-2.0
// Service profiles are kept as the XML that goes out, checked once when they come in. The schema is
// parsed once for a context, which one thread at a time uses.
#include <libxml/parser.h>
#include <libxml/tree.h>
#include <libxml/xmlschemas.h>
#include <stdio.h>

#include "base/err.h"
#include "hss/provision.h"
#include "xml/profile.h"

extern const char hss_user_data_xsd[]; // from user_data.xsd

struct complaint {
    char *text;
    size_t size;
    int line;
};

static void on_error(void *arg, xmlErrorPtr e)
{
    struct complaint *c = arg;
    if (c->line || !e->message)
        return;
    c->line = e->line ? e->line : 1;
    struct str first = str_trim(str_from(e->message));
    (void)snprintf(c->text, c->size, "%.*s", STR_ARG(first));
}

static xmlDocPtr parse(struct str xml, struct complaint *c)
{
    struct xml_error e;
    if (xml_scan(xml, PROFILE_XML_MAX, &e)) {
        c->line = (int)e.line;
        if (strcmp(e.what, "size") == 0)
            (void)snprintf(c->text, c->size, "longer than %d bytes", PROFILE_XML_MAX);
        else if (strcmp(e.what, "document type") == 0)
            (void)snprintf(c->text, c->size, "a document type is not allowed");
        else
            (void)snprintf(c->text, c->size, "%s", e.what);
        return NULL;
    }
    xmlParserCtxtPtr ctx = xmlNewParserCtxt();
    if (!ctx)
        return NULL;
    xmlSetStructuredErrorFunc(c, on_error); // per thread in libxml2
    xmlDocPtr doc =
        xmlCtxtReadMemory(ctx, xml.p, (int)xml.n, NULL, "UTF-8", XML_PARSE_NONET | XML_PARSE_NOBLANKS);
    xmlSetStructuredErrorFunc(NULL, NULL);
    xmlFreeParserCtxt(ctx);
    return doc;
}

static xmlSchemaPtr schema_new(void)
{
    xmlSchemaParserCtxtPtr pc =
        xmlSchemaNewMemParserCtxt(hss_user_data_xsd, (int)strlen(hss_user_data_xsd));
    xmlSchemaPtr schema = pc ? xmlSchemaParse(pc) : NULL;
    xmlSchemaFreeParserCtxt(pc);
    return schema;
}

void hss_schema_free(void *schema)
{
    xmlSchemaFree(schema);
}

static int validate_doc(xmlDocPtr doc, xmlSchemaPtr schema, struct complaint *c)
{
    xmlSchemaValidCtxtPtr vc = schema ? xmlSchemaNewValidCtxt(schema) : NULL;
    int err = ERR_NOMEM;
    if (vc) {
        xmlSchemaSetValidStructuredErrors(vc, on_error, c);
        err = xmlSchemaValidateDoc(vc, doc) == 0 ? 0 : ERR_BAD;
    }
    xmlSchemaFreeValidCtxt(vc);
    return err;
}

static int validate(struct str xml, xmlSchemaPtr schema, struct complaint *c)
{
    xmlDocPtr doc = parse(xml, c);
    if (!doc)
        return ERR_BAD;
    int err = validate_doc(doc, schema, c);
    xmlFreeDoc(doc);
    return err;
}

int hss_user_data_validate(struct str xml, char *why, size_t size)
{
    struct complaint c = {why, size, 0};
    xmlSchemaPtr schema = schema_new();
    int err = validate(xml, schema, &c);
    xmlSchemaFree(schema);
    return err;
}

static bool named(const xmlNode *n, const char *name)
{
    return n->type == XML_ELEMENT_NODE && xmlStrEqual(n->name, (const xmlChar *)name);
}

static bool holds(const xmlNode *n, char digit)
{
    const xmlNode *t = n->children;
    struct str s = str_trim(str_from(t && t->content ? (const char *)t->content : ""));
    return s.n == 1 && s.p[0] == digit;
}

// An element of this name and value is below n or beside it.
static bool has(const xmlNode *n, const char *name, char digit)
{
    for (; n; n = n->next)
        if ((named(n, name) && holds(n, digit)) ||
            (n->type == XML_ELEMENT_NODE && has(n->children, name, digit)))
            return true;
    return false;
}

// Terminating services of the unregistered state, for the user location query (TS 29.228 6.1.4.1):
// criteria for the session case TERMINATING_UNREGISTERED, or of the unregistered part and not for
// originating only.
static bool serves_unregistered(const xmlNode *n)
{
    for (; n; n = n->next) {
        const xmlNode *in = n->children;
        if (!named(n, "InitialFilterCriteria") || has(in, "ProfilePartIndicator", '0'))
            continue;
        if (has(in, "SessionCase", '2') ||
            (has(in, "ProfilePartIndicator", '1') && !has(in, "SessionCase", '3')))
            return true;
    }
    return false;
}

// Everything inside the ServiceProfile but identities, which are the subscribers'.
static struct str inside(struct hss_op *op, xmlDocPtr doc, const xmlNode *profile)
{
    xmlBufferPtr buf = xmlBufferCreate();
    bool ok = buf != NULL;
    for (xmlNode *n = profile->children; ok && n; n = n->next)
        if (n->type == XML_ELEMENT_NODE && !named(n, "PublicIdentity"))
            ok = xmlNodeDump(buf, doc, n, 0, 0) >= 0;
    struct str s = STR_NONE;
    if (ok)
        s = arena_dup(&op->arena,
                      str_make((const char *)xmlBufferContent(buf), (size_t)xmlBufferLength(buf)));
    xmlBufferFree(buf);
    return s;
}

static struct str complete(struct hss_op *op, struct str service)
{
    return ARENA_CAT(&op->arena,
                     STR("<IMSSubscription><PrivateID>a@b</PrivateID><ServiceProfile>"
                         "<PublicIdentity><Identity>sip:a@b</Identity></PublicIdentity>"),
                     service, STR("</ServiceProfile></IMSSubscription>"));
}

static bool has_text(const xmlNode *root)
{
    for (const xmlNode *n = root->children; n; n = n->next)
        if ((n->type == XML_TEXT_NODE || n->type == XML_CDATA_SECTION_NODE) &&
            str_trim(str_from((const char *)n->content)).n)
            return true;
    return false;
}

static int refuse(struct complaint *c, const char *why)
{
    (void)snprintf(c->text, c->size, "%s", why);
    return ERR_BAD;
}

// whole_given: the text is a ServiceProfile, which may say that there is no service; what is not one has to hold
// something of one, or it was another file that was meant.
static int store_profile(struct hss_op *op, struct str name, xmlDocPtr doc, bool whole_given,
                         struct complaint *c)
{
    const xmlNode *root = xmlDocGetRootElement(doc);
    if (!named(root, "ServiceProfile"))
        return refuse(c, "the root element is not ServiceProfile");
    if (has_text(root))
        return refuse(c, "text stands between the elements");
    struct str service = inside(op, doc, root);
    if (!service.n && !whole_given && !op->arena.failed)
        return refuse(c, "nothing of a service profile is in it; one without services is <ServiceProfile/>");
    struct str whole = complete(op, service);
    if (!whole.p)
        return ERR_NOMEM;
    if (!op->ctx->schema)
        op->ctx->schema = schema_new();
    int err = validate(whole, op->ctx->schema, c);
    if (!err)
        err = HSS_WRITE(op, SQL_PROFILE_PUT, SV_TEXT(name), SV_TEXT(service),
                        SV_INT(serves_unregistered(root->children)));
    return err ? err : HSS_WRITE(op, SQL_STALE_PROFILE, SV_TEXT(name));
}

int hss_profile_put(struct hss_op *op, struct str name, struct str xml, unsigned line,
                    struct hss_problem *p)
{
    char why[200] = "";
    struct complaint c = {why, sizeof(why), 0};
    if (!name.n)
        return hss_problem(p, line, ERR_BAD, "a profile needs a name");
    struct str trimmed = str_trim(xml);
    if (!str_starts(trimmed, STR("<")))
        return hss_problem(p, line, ERR_BAD, "profile \"%.*s\": %s", STR_ARG(name),
                           trimmed.n ? "it is not XML" : "it is empty; one without services is <ServiceProfile/>");
    bool whole = str_starts(trimmed, STR("<?xml")) || str_starts(trimmed, STR("<ServiceProfile"));
    if (!whole)
        trimmed = ARENA_CAT(&op->arena, STR("<ServiceProfile>"), xml, STR("</ServiceProfile>"));
    xmlDocPtr doc = parse(trimmed, &c);
    int err = doc ? store_profile(op, name, doc, whole, &c) : ERR_BAD;
    xmlFreeDoc(doc);
    if (err && c.line > 1)
        return hss_problem(p, line, err, "profile \"%.*s\": %s, line %d of it", STR_ARG(name),
                           why[0] ? why : err_text(err), c.line);
    if (err)
        return hss_problem(p, line, err, "profile \"%.*s\": %s", STR_ARG(name),
                           why[0] ? why : err_text(err));
    return 0;
}
