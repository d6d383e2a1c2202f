// SPDX-License-Identifier: Apache-2.0
// What media the users served here may have: by the network's policy, and by the
// SubscribedMediaProfileId of their service profile (TS 24.229 6.3, TS 29.228 annex B). The first
// request of a dialog knows its user; those that follow find the profile's number in our own
// Record-Route, so that nothing is kept for a dialog.
#pragma once

#include "ims/media_policy.h"
#include "scscf/scscf_priv.h"

// ERR_NOMEM. The configuration is copied.
int media_rules_new(const struct scscf_config *c, struct media_rules **ret_rules);
void media_rules_free(struct media_rules *r); // takes NULL

// For a step of a request of a served user: what its service profile allows.
enum step_verdict media_check(struct job *j, const struct service_profile *profile);
// A step of a request inside of a dialog.
enum step_verdict media_check_subsequent(struct job *j);
// As scscf_route, for the Record-Route of a dialog of a user with this service profile.
struct str media_route(const struct scscf *s, struct arena *a, const char *user,
                       const struct service_profile *profile);
