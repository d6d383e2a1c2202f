// SPDX-License-Identifier: Apache-2.0
// The S-CSCF under test on the simulated loop, and everything it talks to as scripts: an HSS that
// answers Cx as told, a P-CSCF, an I-CSCF and an outsider that are bare UDP sockets.
#pragma once

#include "ims/digest.h"
#include "scscf/scscf.h"
#include "tests/common/held.h"
#include "tests/common/neighbours.h"

#define SCSCF "127.0.1.30:5060"
#define WORLD_STATE "/scscf" // folder of its state, on the world's disk

enum { W_PCSCF, W_ICSCF, W_EVE, W_SOCKETS, W_SARS = 64 };

struct world_hss {
    struct dia_node *node;
    bool silent;               // takes requests and says nothing
    unsigned lose;             // answers so many SARs with an answer that is lost
    bool hold;                 // keeps the next SAR until world_answer_held
    struct dia_request *held;
    enum cx_sar_type held_type;
    bool fresh;                // each vector has a RAND of its own
    bool digest;               // the user has SIP Digest
    enum digest_alg alg;
    bool alternate;            // alg comes beside MD5, as TS 29.228 table 6.3.7 has it
    const char *password;
    struct dia_result mar_result, sar_result; // code 0: success
    const char *profile;       // user data; NULL: none in the SAA
    bool loose_route;          // Loose-Route-Indication
    const char *ccf;           // primary CCF; NULL: none
    const char *wildcard;      // Wildcarded-Public-Identity of the SAA; NULL: none
    const char *impi;          // User-Name of the SAA when the SAR has none; NULL: none
    bool changed;              // the profile has, and comes all the same
    bool restores;             // has IMSRestorationInd
    const struct cx_restoration *given; // what it keeps of the user, who is registered; NULL: nothing
    size_t n_given;
    bool also_registered;          // it is of others, who have the identity too
    struct dia_result read_result; // of NO_ASSIGNMENT; code 0: as the others
    char sar_restoration[1024];    // of the last SAR: private identity, then each contact with its Path; "": none
    uint32_t sar_timeout;
    char sar_scheme[32];
    bool sar_features, sar_multiple;
    unsigned n_mar, n_sar, n_resync;
    enum cx_sar_type sars[W_SARS];
    char mar_scheme[32], mar_impu[64], mar_impi[64], sar_impu[64], sar_impi[64], sar_dest[64], sar_wildcard[64];
    bool sar_have_profile;     // User-Data-Already-Available of the last SAR
    uint8_t auts[30];
};

struct world {
    struct sim *sim;
    struct loop *scscf_loop, *hss_loop;
    struct scscf_config cfg;
    struct scscf *scscf;
    struct world_hss hss;
    struct digest *digest;
    unsigned branch;
};

extern struct world w;
// For cmocka: the world with an HSS that knows alice, and back.
int world_set_up(void **state);
int world_tear_down(void **state);
void world_start_scscf(void);
void world_kill_scscf(void);
// Another one in its place, which knows and keeps nothing.
void world_forget_scscf(void);
void world_start_hss(void);
void world_kill_hss(void);
void world_answer_held(void);

// ---- REGISTER ----

struct reg {
    const char *impi, *impu, *contact; // contact NULL: alice's phone, "": no Contact
    const char *headers;   // further lines, each ended by a LF
    const char *auth;      // value of Authorization; NULL: impi with empty nonce, "": none
    const char *integrity; // "no" when NULL
    int expires;           // 0: 3600, -1: 0
    const char *call_id;
    unsigned cseq;         // 0: the next one
    const char *visited;   // P-Visited-Network-ID; NULL: the domain
    const char *uri;       // Request-URI; NULL: the domain
    bool no_path;
    const char *from;      // address of the UE as the P-CSCF's Via says; NULL: no Via of a UE
};

extern const struct reg alice, alice_gone, dave;
void world_send_register(const struct reg *r);
// Sends it and gives the response.
struct sip_msg *world_register(const struct reg *r);
// Authorization value that answers the challenge in a 401 with this RES or password.
const char *world_credentials(const struct sip_msg *challenge, const char *impi,
                              const char *password, unsigned nc, const char *integrity);
// The same for a request with this method and a 407: value of Proxy-Authorization.
const char *world_proxy_credentials(const struct sip_msg *challenge, const char *impi, const char *password,
                                    unsigned nc, const char *method);
// Registers by challenge and response; fails the test unless it works. Gives the 200.
struct sip_msg *world_registered(const struct reg *r);
#define RES "12345678"
// Answers a challenge by RES, and does not wait for what comes of it.
void world_send_answer(const struct reg *r);

#define ID(uri) "<PublicIdentity><Identity>" uri "</Identity></PublicIdentity>"
#define BARRED(uri)                                                                                \
    "<PublicIdentity><BarringIndication>1</BarringIndication><Identity>" uri                       \
    "</Identity></PublicIdentity>"
#define ID_WILD(uri)                                                                               \
    "<PublicIdentity><Identity>" uri                                                               \
    "</Identity><Extension><IdentityType>4</IdentityType></Extension></PublicIdentity>"
#define PROFILE(impi, ids)                                                                         \
    "<?xml version=\"1.0\"?><IMSSubscription><PrivateID>" impi "</PrivateID><ServiceProfile>" ids  \
    "</ServiceProfile></IMSSubscription>"
#define ALICE_PROFILE                                                                              \
    PROFILE("alice@" DOMAIN, BARRED("sip:001@" DOMAIN) ID("sip:alice@" DOMAIN) ID("tel:+15551"))
