// SPDX-License-Identifier: Apache-2.0
// Options of the S-CSCF.
#pragma once

#include "app/keys.h"
#include "app/node_rows.h"
#include "app/node_state.h"
#include "scscf/brake.h"
#include "scscf/outbox.h"

enum scscf_outbound { SCSCF_OUTBOUND_STRICT, SCSCF_OUTBOUND_LENIENT, SCSCF_OUTBOUND_OFF };
enum scscf_scheme { SCSCF_SCHEME_HSS, SCSCF_SCHEME_AKA, SCSCF_SCHEME_DIGEST };
// What becomes of a request for a service that its user does not have.
enum scscf_services { SCSCF_SERVICES_PASS, SCSCF_SERVICES_REFUSE };
// What becomes of an offer of a user whose subscribed media profile is not configured.
enum scscf_media { SCSCF_MEDIA_PASS, SCSCF_MEDIA_REFUSE };
enum scscf_silent { SCSCF_SILENT_END, SCSCF_SILENT_WAIT };
// Who says whose an identity is that a registered wildcarded one covers: the HSS, or the pattern alone.
enum scscf_covered { SCSCF_COVERED_ASK, SCSCF_COVERED_MATCH };

struct scscf_pcscf {
    struct str host; // of its entry in Path
    int scheme;      // enum scscf_scheme
};

struct scscf_media_profile {
    uint32_t id; // SubscribedMediaProfileId
    struct node_media allowed;
};

struct scscf_config {
    struct str name;   // SIP URI of this S-CSCF: Server-Name on Cx
    struct str domain; // home network domain, realm of the challenges
    struct node_numbering home;
    struct str ioi;    // inter operator identifier; empty: the domain
    struct node_sip sip;
    struct sip_limits message;
    struct sdp_limits sdp;
    struct conf_strs trusted; // addresses and networks of the trust domain
    struct node_trust trust;
    int services;   // enum scscf_services
    struct {
        struct node_media policy;   // of the network
        struct conf_table profiles; // struct scscf_media_profile
        int unlisted;               // enum scscf_media
    } media;
    bool ioi_types; // "Type 1" before the name towards P-CSCFs
    struct node_limits strangers;
    struct node_dia diameter;
    struct node_routing routing;
    struct node_overload overload;
    struct node_calls calls;
    struct node_keys keys; // of Service-Routes
    struct {
        uint32_t min_s, max_s, default_s, max_contacts;
        uint32_t contacts_aka, contacts_digest; // of one private identity; 0: max_contacts
        int outbound;       // enum scscf_outbound
        uint32_t max_flows; // of one UE
        uint32_t failures; // after which a contact goes; 0: never
        bool associated_wildcards; // in P-Associated-URI
        uint32_t keep_unregistered_s; // a profile of somebody who is not registered; 0: not at all
        uint32_t durable_wait_ms; // how long a REGISTER waits for the disk
    } registration;
    struct {
        uint32_t originating_ms, terminating_ms; // what a request may take on its way on; 0: Timer B/F
    } leg;
    struct {
        int silent;        // enum scscf_silent
        uint32_t grace_ms; // 0: silent branches are waited for
    } fork;
    struct {
        bool on;           // IMS restoration (TS 23.380 4)
        uint32_t max_size; // bytes of one private identity in one set
    } restoration;
    struct {
        int whose;        // enum scscf_covered
        uint32_t known_s; // how long the HSS's word for a number lasts
    } covered;
    struct outbox_config outbox;
    struct node_state state; // and registration.durable
    struct {
        uint32_t await_s;    // timer reg-await-auth
        uint32_t max_failures;
        uint32_t nonce_s;    // life of a SIP Digest nonce
        bool every_register; // challenge protected re-registrations too
        bool check_uri;      // of the credentials
        bool md5_beside;     // SHA-256
        int default_scheme;  // enum scscf_scheme, without integrity-protected
        struct conf_table pcscfs; // struct scscf_pcscf: another one for these
    } auth;
    struct {
        uint32_t challenges; // awaited in all; 0: any number
        uint32_t unregistered; // users whose profile is kept
        uint32_t covered;      // numbers of wildcarded identities of which it is known whose they are
        struct brake_config brake;
    } limits;
};

extern const struct conf_row scscf_rows[];
void scscf_check(const void *config, app_finding bad, void *arg);
void scscf_suspect(const void *config, app_finding odd, void *arg);
