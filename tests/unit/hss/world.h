// SPDX-License-Identifier: Apache-2.0
// An HSS without Diameter on the real loop, with a few subscribers, and calls that wait for their
// answer.
#pragma once

#include "hss/hss_priv.h"

#define DOMAIN "ims.mnc001.mcc001.3gppnetwork.org"
#define SCSCF "sip:scscf." DOMAIN ":5060"
#define SCSCF2 "sip:other." DOMAIN ":5060"
#define OP_HEX "cdc202d5123e20f62b6d676ac72cb318"

extern const char world_subscribers[];

struct world {
    struct loop *loop;
    struct hss *hss;
    char dir[64]; // temporary directory, "" when in memory
    bool shared;  // with other worlds of the same directory
};

// path NULL: in memory. Provisions world_subscribers when fresh.
void world_open(struct world *w, bool fresh);      // in memory
void world_open_file(struct world *w, bool fresh); // in w->dir, made when empty
void world_close(struct world *w);
void world_remove(struct world *w); // the directory too
void world_path(const struct world *w, const char *file, char *buf, size_t n);
struct hss_params world_params(struct world *w, char *store, char *key, size_t n);

// An answer with its texts copied; made of what tests look at.
struct reply {
    struct dia_result result;
    char impi[128];
    char server_name[128];
    bool has_server_name;
    char wildcard[256];
    struct cx_capabilities capabilities;
    size_t n_items;
    struct aka_vector vectors[HSS_VECTORS_MAX];
    char scheme[32], realm[128], algorithm[16], qop[16], ha1[80], alt_algorithm[16], alt_ha1[80];
    char user_data[8192];
    bool has_user_data;
    char ccf[2][64], ecf[2][64];
    size_t n_associated, n_registered;
    char restored[1024]; // "IMPI CONTACT CONTACT; IMPI CONTACT"
    bool has_features;
    uint32_t features; // list of the first
    uint32_t failed; // code of the AVP in head.failed, 0: none
};
struct reply world_uar(struct world *w, const struct cx_uar *r);
struct reply world_lir(struct world *w, const struct cx_lir *r);
struct reply world_mar(struct world *w, const struct cx_mar *r);
struct reply world_sar(struct world *w, const struct cx_sar *r);
struct cx_mar world_mar_of(const char *impi, const char *impu);
struct cx_sar world_sar_of(const char *impi, const char *impu, enum cx_sar_type type);
void world_sar_add(struct cx_sar *r, const char *impu); // one more IMPU to what world_sar_of made

// Fails the test unless r has this result: 0 for experimental is a base Result-Code.
void expect_result(const char *what, struct dia_result r, uint32_t code, bool experimental);
