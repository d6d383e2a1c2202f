// SPDX-License-Identifier: Apache-2.0
// What UAs are capable of and what a caller prefers: feature sets of contacts (RFC 3840) matched with
// Accept-Contact and Reject-Contact, or with what a request implies (RFC 3841 7.2). A request's
// preferences are read once, and then each contact is judged: it drops out, or has a score by which
// contacts of the same q are tried. Request-Disposition (RFC 3841 9.1) is read as well.
#pragma once

#include "sip/types.h"

struct arena;
struct sip_msg;

// What is looked at; what a request has beyond it plays no part.
enum {
    SIP_PREFS_MAX = 8,      // values of each of the two headers
    SIP_PREF_TERMS = 16,    // features of one
    SIP_PREF_TERMS_ALL = 32, // of all values of a header
    SIP_FEATURE_VALUES = 16 // values of one feature
};

// A conjunction of features.
struct sip_pref {
    const struct sip_param *terms[SIP_PREF_TERMS];
    size_t n;
    bool require, explicit;
};

struct sip_prefs {
    struct sip_pref accept[SIP_PREFS_MAX], reject[SIP_PREFS_MAX];
    size_t n_accept, n_reject;
    bool implicit; // made of the method and the event package, since the caller prefers nothing
};

// Slices point into m and a. A header that is malformed is as if absent. ERR_NOMEM.
int sip_prefs_read(struct arena *a, const struct sip_msg *m, struct sip_prefs *ret_prefs);

// contact: header parameters of a Contact, as registered. False: the request is not for it. *ret_score in
// thousandths (Qa of RFC 3841 7.2.4).
bool sip_prefs_judge(const struct sip_prefs *p, const struct sip_param *contact,
                     uint16_t *ret_score);

// Does the contact say that it has the feature with this value ("events", "presence")?
bool sip_feature_has(const struct sip_param *contact, struct str name, struct str value);

// Is it the name of a feature parameter (RFC 3840 9)?
bool sip_is_feature(struct str name);

// What of Request-Disposition a proxy that forks can follow.
struct sip_disposition {
    bool no_fork;    // one contact only
    bool sequential; // one after the other
    bool parallel;   // all at once
};
struct sip_disposition sip_disposition_read(const struct sip_msg *m);
