// SPDX-License-Identifier: Apache-2.0
// Proxy-CSCF (TS 24.229 5.2): the UE's first contact. A REGISTER comes in on the access side (Gm), gets
// Path, P-Visited-Network-ID and a charging identifier, and goes to the home network's I-CSCF; the 200
// (OK) leaves behind which identities and which Service-Route belong to the flow it came from. From
// then on requests of that flow go along the Service-Route with an asserted identity, and requests
// that carry the flow's token in their Route go to the UE. Both sides have listeners of their own:
// what arrives on the core side (Mw) comes from the trust domain, what arrives on the access side does not.
#pragma once

#include "app/app.h"
#include "app/keys.h"
#include "app/node_rows.h"
#include "app/node_state.h"
#include "pcscf/identities.h"

enum pcscf_emergency { PCSCF_EMERGENCY_ELSEWHERE, PCSCF_EMERGENCY_REGISTRATION };
enum pcscf_security { PCSCF_SECURITY_REQUIRED, PCSCF_SECURITY_OPTIONAL, PCSCF_SECURITY_OFF };

struct pcscf_config {
    struct conf_addrs access_listen;  // UDP and TCP, towards UEs
    struct conf_strs access_advertise; // how UEs reach these, in order; where it is shorter: by the address
    bool aka_in_clear;                // IMS-AKA without IPsec
    bool by_address;                  // a UE is known by its address, whatever the port
    struct conf_strs network_info;    // pcscf/access_info.h
    uint32_t keepalive_s;             // offered to UEs that ask for it
    struct conf_addrs core_listen;    // UDP and TCP, towards the IMS core
    struct str core_host;             // host name in Path and Record-Route; empty: the IP address
    struct conf_strs core_trusted;    // addresses and networks that may send to the core side
    int security;                     // enum pcscf_security
    struct node_numbering home;       // home networks whose users may register here, their numbering plan
    struct str home_entry;            // SIP URI used instead of DNS for REGISTER; empty: DNS
    struct conf_strs further_entries; // those asked when it is no good
    struct str visited_network;       // P-Visited-Network-ID
    struct str ioi;                   // own name in P-Charging-Vector, of type 1; empty: visited_network
    uint32_t max_registrations;
    struct node_state state;          // where registrations outlive the process
    uint32_t max_identities;          // of one contact
    uint32_t max_patterns;            // wildcarded identities, different ones
    int warnings;                     // enum stack_warnings, towards UEs
    bool ioi_types;                   // "Type 1" before the own name
    int emergency;                    // enum pcscf_emergency
    struct conf_strs emergency_numbers;
    uint32_t core_silence_ms;         // of the core to an INVITE
    uint32_t leg_core_ms, leg_ue_ms; // what a request may take on its way on; 0: Timer B/F
    struct node_overload overload;
    struct node_calls calls;
    uint32_t max_pending; // unfinished registrations of one source; 0: any number
    struct node_limits limits;
    uint32_t user_rate, user_burst;         // new requests of one registered UE; 0: any number
    uint32_t register_rate, register_burst; // REGISTERs in one name from one source
    struct sip_limits message; // what a message may have
    struct sdp_limits sdp;     // and its description
    struct node_media media;   // that UEs may have
    struct node_keys keys;     // of tokens
};

extern const struct conf_row pcscf_rows[];
void pcscf_check(const void *config, app_finding bad, void *arg);
void pcscf_suspect(const void *config, app_finding odd, void *arg);

struct pcscf;

struct pcscf_params {
    struct loop *loop;
    const struct pcscf_config *config; // outlives the P-CSCF
    struct app_trace trace; // of SIP
};

// ERR_INUSE, ERR_IO, ... when a listener cannot be opened (logged); ERR_NOMEM.
int pcscf_new(const struct pcscf_params *p, struct pcscf **ret_pcscf);
void pcscf_free(struct pcscf *p); // takes NULL

bool pcscf_ready(const struct pcscf *p, const char **ret_why);
struct keep *pcscf_keep(struct pcscf *p); // NULL: registrations end with the process
struct stack *pcscf_stack(struct pcscf *p);
struct keys *pcscf_keys(struct pcscf *p);
void pcscf_drain(struct pcscf *p, timer_cb done, void *arg);
void pcscf_metrics(struct pcscf *p, struct metrics *m);

extern const struct ctl_command pcscf_commands[];

struct pcscf_counters {
    uint64_t registrations; // contacts registered at the moment
    uint64_t registered, deregistered, expired;
    uint64_t refused_security, refused_domain, refused_unregistered, refused_source;
    uint64_t refused_untrusted, refused_repeated, refused_media;
    uint64_t sdp_limits[SDP_LIMIT_COUNT]; // descriptions refused for what they have too much of
    uint64_t unproven; // requests whose sender the S-CSCF is to find out
    uint64_t moved;    // contacts that the registrar does not list any more
    uint64_t originating, terminating, subsequent;
    uint64_t identities_refused;     // of P-Associated-URI, left out
    uint64_t patterns;               // wildcarded identities, different ones
    uint64_t entries_passed_over;    // of the home network, in favour of the next one
    uint64_t restoration, emergency; // 504 and 380 with an alternative service
    uint64_t restored, restored_expired, restored_left_out; // contacts found on the disk at the start
    uint64_t unbound;     // requests to UEs that are not registered here any more
    uint64_t unsaved;     // REGISTERs refused because what they changed did not get to the disk
    uint64_t flow_failed; // requests to UEs whose flow was gone
    uint64_t associations, association_flows, association_flows_replaced, shared_addresses;
};
const struct pcscf_counters *pcscf_counters(struct pcscf *p);

// A registered contact; valid during the call.
struct pcscf_contact {
    struct str impu, uri; // the default identity; of the Contact
    const struct addr *remote;
    enum sip_proto proto;
    uint64_t expires_in_s;
    struct str service_route, charging_addresses, term_ioi; // may be empty
    const struct contact *held;
};
struct identity pcscf_identity(const struct pcscf_contact *g, size_t i); // uri empty: past the last one
typedef void (*pcscf_contact_cb)(void *arg, const struct pcscf_contact *g);
// Calls cb for every registered contact; impu not empty: of those with this default identity only.
void pcscf_contacts(const struct pcscf *p, struct str impu, pcscf_contact_cb cb, void *arg);
