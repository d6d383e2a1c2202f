// SPDX-License-Identifier: Apache-2.0
// The user profile that the HSS sends to the S-CSCF (TS 29.228 annexes B and E). Its journey: the XML of an SAA is
// parsed, or read by its form when others before it had the same (forms.h); what thousands of users have in common, the
// service part with its initial filter criteria, is interned in a store and shared; what is a user's own, the
// identities, becomes one small block of memory.
#pragma once

#include "base/str.h"
#include "xml/dom.h"

enum { PROFILE_XML_MAX = 256 * 1024, PROFILE_IDENTITIES_MAX = 1000, PROFILE_SERVICES_MAX = 64 };

// ---- service part, shared and read-only ----

enum spt_kind { SPT_REQUEST_URI, SPT_METHOD, SPT_HEADER, SPT_SESSION_CASE, SPT_SDP_LINE };

// TS 29.228 annex B.2.3, SessionCase
enum session_case {
    SESSION_ORIGINATING, SESSION_TERMINATING_REGISTERED, SESSION_TERMINATING_UNREGISTERED,
    SESSION_ORIGINATING_UNREGISTERED, SESSION_ORIGINATING_CDIV,
};

// Service point trigger (TS 29.228 B.2.3). One that belongs to several groups occurs once in each.
struct spt {
    enum spt_kind kind;
    bool negated;
    uint8_t reg_types;     // SPT_METHOD REGISTER: bit 0 initial, 1 re-, 2 de-registration; 0: any
    uint8_t session_case;  // SPT_SESSION_CASE
    uint32_t group;
    struct str value;      // Request-URI, method, header name, or SDP line type
    struct str content;    // regular expression on the header's or line's content; p NULL: presence
};

enum ifc_default { IFC_SESSION_CONTINUED, IFC_SESSION_TERMINATED };
enum ifc_part { IFC_ANY, IFC_REGISTERED, IFC_UNREGISTERED };

// Initial filter criteria (TS 29.228 B.2.2). Without a trigger point it fits every request.
struct ifc {
    uint32_t priority;      // evaluated from the lowest number up
    enum ifc_part part;
    bool cnf;               // groups are ORs that are ANDed; otherwise ANDs that are ORed
    const struct spt *spts; // sorted by group
    size_t n_spts;          // 0: no trigger point
    struct str as_uri;      // sip or sips URI
    enum ifc_default default_handling;
    struct str service_info;
    bool include_register_request, include_register_response;
};

struct service_profile {
    const struct ifc *ifcs; // sorted by priority
    size_t n_ifcs;
    const uint32_t *shared_sets; // SharedIFCSetID
    size_t n_shared_sets;
    bool has_media_profile;      // SubscribedMediaProfileId given
    uint32_t media_profile;
    const struct str *service_ids; // IMS communication service identifiers allowed
    size_t n_service_ids;
};

// ---- a user's part ----

enum profile_identity_type {
    IDENTITY_PUBLIC_USER, IDENTITY_DISTINCT_PSI, IDENTITY_WILDCARDED_PSI, IDENTITY_NON_DISTINCT_IMPU,
    IDENTITY_WILDCARDED_IMPU,
};
// IdentityType is numbered differently on the two interfaces that have it.
enum profile_interface {
    PROFILE_CX, // TS 29.228 annex E
    PROFILE_SH, // TS 29.328 annex D, which knows no non-distinct identity
};
// ERR_BAD: the interface has no such number.
int profile_identity_type(enum profile_interface on, uint32_t number,
                          enum profile_identity_type *ret_type);

struct profile_identity {
    struct str uri;          // as the HSS has it
    bool barred;
    enum profile_identity_type type;
    struct str wildcard;     // wildcarded identity that covers uri; p NULL when there is none
    struct str display_name; // p NULL when there is none
    struct str alias_group;  // p NULL when there is none
};

// The pattern by which an identity covers others: WildcardedPSI or WildcardedIMPU, else Identity itself of one that is
// of a wildcarded type. Empty: it covers nothing but itself; so does a non-distinct one, which a pattern covers.
struct str profile_identity_pattern(const struct profile_identity *id);

struct profile;
struct profile_store;

int profile_store_new(struct profile_store **ret_store);
void profile_store_free(struct profile_store *s); // takes NULL; every profile must be gone
// Is told of each service profile that is new here and has filter criteria that cannot be read: which
// element the first of them fails at, and how many they are. They are left out.
typedef void (*profile_skipped_fn)(void *arg, const struct xml_error *first, size_t n);
void profile_store_tell(struct profile_store *s, profile_skipped_fn skipped, void *arg);
// Number of different service profiles held.
size_t profile_store_count(const struct profile_store *s);
// Forms of documents known (forms.h), and documents that were read by one.
size_t profile_store_forms(const struct profile_store *s);
uint64_t profile_store_filled(const struct profile_store *s);

// Parses an IMSSubscription. ERR_BAD, ERR_TOOBIG for more than is taken (ret_err says which element and
// line of both), ERR_NOMEM. Filter criteria that cannot be read are left out.
int profile_parse(struct profile_store *s, struct str xml, struct profile **ret_profile,
                  struct xml_error *ret_err);
void profile_free(struct profile *p); // takes NULL

struct str profile_impi(const struct profile *p);
// Identities in the order of the document: all of one implicit registration set.
size_t profile_identity_count(const struct profile *p);
struct profile_identity profile_identity_at(const struct profile *p, size_t i);
// The service part that holds for identity i.
const struct service_profile *profile_service(const struct profile *p, size_t i);
// Index of the default public user identity: the first that is distinct and not barred (TS 24.229 5.4.1.2.2F);
// the count when there is none.
size_t profile_default(const struct profile *p);
