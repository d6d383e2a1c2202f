// SPDX-License-Identifier: Apache-2.0
// What the worker remembers of the subscribers it has challenged, so that a MAR costs one statement:
// the write of its SQN. A bounded table by IMPI and IMPU, the least recently used goes first. It
// belongs to the context that writes; three things make an entry stale:
// - a write about its IMS subscription (a SAR, another S-CSCF's name, another IMPU's SQN);
// - any provisioning, and any transaction that failed;
// - another program's write to the file, which store_foreign_write tells before each transaction.
// Keys are kept as they are stored, sealed; each MAR opens them for itself and wipes them.
#pragma once

#include "hss/hss_priv.h"

struct hss_cache;

struct hss_cache *hss_cache_new(size_t max); // entries; NULL: out of memory
void hss_cache_free(struct hss_cache *c);    // takes NULL

// What SQL_AUTH says.
struct hss_sealed {
    enum hss_scheme scheme;
    uint16_t amf;
    struct str secret, realm, algorithm;
    uint64_t sqn;
};

// All of these do nothing for a context without a cache.
// Fills in ret_f, texts in the operation's arena; op->remembered is then the entry, until the end
// of the operation. False: not remembered.
bool hss_cache_find(struct hss_op *op, struct str impi, struct str impu, struct hss_facts *ret_f);
const struct hss_sealed *hss_cache_sealed(const struct hss_op *op);
// Remembers op->facts, which must be those of this pair, with s.
void hss_cache_put(struct hss_op *op, struct str impi, struct str impu, const struct hss_sealed *s);
// To be told of every write but the SQN's: those about the operation's subscription, and others.
void hss_cache_wrote(struct hss_op *op);
// The SQN of the operation's IMPI has been written.
void hss_cache_sqn(struct hss_op *op, uint64_t sqn);
void hss_cache_forget_all(struct hss_ctx *ctx);
