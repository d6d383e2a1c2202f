// SPDX-License-Identifier: Apache-2.0
// Bytes <-> typed structs. A received message's journey: dia_frame_length finds it in the stream,
// dia_frame_parse checks every length down to the last group and picks out what routing needs, then
// dia_decode gives the bytes to libfdproto (dictionary), checks the grammar and fills the typed struct in one
// walk. dia_encode goes the other way.
#pragma once

#include "base/arena.h"
#include "dia/codec/avp.h"

struct dia_dict;
struct msg;

enum {
    DIA_HEADER = 20,
    DIA_FRAME_MAX = 1 << 20,      // more cannot be meant: the stream is lost
    DIA_MESSAGE_MAX = 256 * 1024, // defaults of struct dia_limits
    DIA_AVPS_MAX = 1024,
    DIA_DEPTH_MAX = 8,
    DIA_TYPED_MAX = 4096,         // the largest typed struct: what is made of a spec checks its own
};
extern const struct dia_limits dia_limits_default;

// The process's dictionary (libfdproto is process-wide too), made on first use and freed with the last
// reference; the base protocol and apps are loaded. ERR_NOMEM, ERR_TOOBIG, ERR_INVAL for applications that call
// one code by two names.
int dia_dict_ref(const struct dia_interface *const *apps, size_t n, struct dia_dict **ret_dict);
void dia_dict_unref(struct dia_dict *d); // takes NULL
// The row of a code and vendor, or NULL when it is unknown.
const struct dia_avp *dia_dict_avp(const struct dia_dict *d, uint32_t code, uint32_t vendor);

// What is wrong with a message: the Result-Code, and the raw AVP for Failed-AVP (may be empty; it
// points into the message or into made).
struct dia_fault {
    uint32_t code;
    struct str avp;
    const char *why;
    const char *limit; // which of struct dia_limits was exceeded, or NULL
    char made[24];
};

struct dia_frame {
    struct str bytes;
    uint8_t flags;
    uint32_t code, app, hbh, ete;
    struct str session_id, origin_host, origin_realm, dest_host, dest_realm;
    uint32_t result_code; // 0: none
    bool proxied;         // holds Proxy-Info
};

// Length of the message at the front of a stream: ERR_MORE, or ERR_BAD for what cannot be Diameter
// (version, length below 20, above DIA_FRAME_MAX or not a multiple of 4).
int dia_frame_length(struct str stream, size_t *ret_n);
// bytes is one whole message. ERR_BAD with *ret_fault set when a length inside is wrong or a limit is
// exceeded; the header's fields and what was read until then are set in *ret_frame nevertheless. One
// pass over the AVPs, without memory: libfdproto, which takes some 300 bytes for each, comes after it.
int dia_frame_parse_within(const struct dia_dict *d, const struct dia_limits *max, struct str bytes,
                           struct dia_frame *ret_frame, struct dia_fault *ret_fault);
// The same with the default limits.
int dia_frame_parse(const struct dia_dict *d, struct str bytes, struct dia_frame *ret_frame,
                    struct dia_fault *ret_fault);
// The header and the Session-Id, when it is the first AVP, of a message of which this is the front (at
// least the header).
void dia_frame_peek(struct str front, struct dia_frame *ret_frame);
// Copies of the frame's AVPs with this code (vendor 0), padded, back to back.
struct str dia_frame_copy(const struct dia_frame *f, uint32_t code, struct arena *a);
// The first AVP with code and vendor, at any depth, or empty.
struct str dia_frame_search(const struct dia_dict *d, const struct dia_frame *f, uint32_t code,
                            uint32_t vendor);

// A built message. The bytes come from libfdproto's heap.
struct dia_bytes {
    uint8_t *p;
    size_t n;
};
void dia_bytes_free(struct dia_bytes *b); // leaves it empty
// Appends raw padded AVPs and corrects the length; ERR_NOMEM, ERR_TOOBIG.
int dia_bytes_append(struct dia_bytes *b, struct str avps);
// As dia_bytes_append, wrapped into a Failed-AVP. The AVP is padded and, when long, cut to its header.
int dia_bytes_fail(struct dia_bytes *b, struct str avp);
void dia_bytes_set_hbh(struct dia_bytes *b, uint32_t hbh);
void dia_bytes_set_flags(struct dia_bytes *b, uint8_t set);

struct dia_header {
    uint8_t flags;
    uint32_t code, app, hbh, ete;
};

// Writes st by grammar. ERR_NOMEM, ERR_TOOBIG.
int dia_encode(const struct dia_dict *d, const struct dia_grammar *g, const void *st,
               const struct dia_header *h, struct dia_bytes *ret_bytes);

// What a typed struct that was read points into.
struct dia_read {
    struct msg *msg;
    struct arena lists;
    _Alignas(8) char first[512];
};

// Reads a checked frame into st (g->size bytes). The slices and lists in st live until dia_read_done. The
// command's grammar decides, or the error grammar when f->flags has the E bit. ERR_BAD with *ret_fault,
// ERR_NOMEM; then there is nothing to be done. Memory in proportion to the message, which dia_frame_parse
// has bounded.
int dia_decode(const struct dia_dict *d, const struct dia_frame *f, const struct dia_grammar *g,
               void *st, struct dia_read *ret_read, struct dia_fault *ret_fault);
void dia_read_done(struct dia_read *r);

// A raw AVP, not padded, in a: for Failed-AVP. Empty without memory.
struct str dia_avp_text(struct arena *a, const struct dia_avp *avp, struct str value);
struct str dia_avp_number(struct arena *a, const struct dia_avp *avp, uint32_t value);

// ---- what all messages have, by the grammar's places ----

static inline struct str dia_place_get(const void *st, uint16_t place)
{
    return place ? *(const struct str *)(const void *)((const char *)st + place - 1) : STR_NONE;
}

static inline void dia_place_set(void *st, uint16_t place, struct str s)
{
    if (place)
        *(struct str *)(void *)((char *)st + place - 1) = s;
}

static inline struct dia_result dia_result_get(const struct dia_grammar *g, const void *st)
{
    uint16_t place = g->places.result;
    return place ? *(const struct dia_result *)(const void *)((const char *)st + place - 1) :
                   (struct dia_result){0};
}

static inline void dia_result_set(const struct dia_grammar *g, void *st, struct dia_result r)
{
    if (g->places.result)
        *(struct dia_result *)(void *)((char *)st + g->places.result - 1) = r;
}

static inline uint32_t dia_get32(const void *p)
{
    const uint8_t *b = p;
    return (uint32_t)b[0] << 24 | (uint32_t)b[1] << 16 | (uint32_t)b[2] << 8 | b[3];
}

static inline uint32_t dia_get24(const void *p)
{
    const uint8_t *b = p;
    return (uint32_t)b[0] << 16 | (uint32_t)b[1] << 8 | b[2];
}

static inline void dia_put32(void *p, uint32_t v)
{
    uint8_t *b = p;
    b[0] = (uint8_t)(v >> 24);
    b[1] = (uint8_t)(v >> 16);
    b[2] = (uint8_t)(v >> 8);
    b[3] = (uint8_t)v;
}

static inline void dia_put24(void *p, uint32_t v)
{
    uint8_t *b = p;
    b[0] = (uint8_t)(v >> 16);
    b[1] = (uint8_t)(v >> 8);
    b[2] = (uint8_t)v;
}
