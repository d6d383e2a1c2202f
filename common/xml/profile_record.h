// SPDX-License-Identifier: Apache-2.0
// A profile as bytes, to outlive the process. What thousands of users share, the service parts, is kept beside them
// under numbers of the keeper's; a user's own record is his identities and those numbers. So a start reads a handful of
// XML documents, not one for each user.
#pragma once

#include "base/writer.h"
#include "xml/profile.h"

// A service part, shared by profiles; it lives as long as somebody holds it.
struct service_entry;

size_t profile_part_count(const struct profile *p);
struct service_entry *profile_part_at(const struct profile *p, size_t i);
// What profile_part_load makes it from. Lives as long as the part.
struct str profile_part_text(const struct service_entry *part);
// Does profile_part_load make the same of its text? ERR_BAD, ERR_TOOBIG (ret_err filled): a part that cannot be kept;
// ERR_NOMEM.
int profile_part_check(const struct service_entry *part, struct xml_error *ret_err);
// The part with this text, held. ERR_BAD, ERR_TOOBIG (ret_err filled), ERR_NOMEM.
int profile_part_load(struct profile_store *s, struct str text, struct service_entry **ret_part,
                      struct xml_error *ret_err);
struct service_entry *profile_part_hold(struct service_entry *part);
void profile_part_drop(struct profile_store *s, struct service_entry *part);
// Is there nobody else who holds it?
bool profile_part_is_alone(const struct service_entry *part);

// names: the number of each of its parts.
void profile_record_write(const struct profile *p, const uint32_t *names, struct writer *w);
size_t profile_record_size(const struct profile *p);
// part: that with the number; NULL: there is none. ERR_BAD, ERR_NOTFOUND (of a part), ERR_NOMEM.
typedef struct service_entry *(*profile_part_fn)(void *arg, uint32_t name);
int profile_record_read(struct profile_store *s, struct str bytes, profile_part_fn part, void *arg,
                        struct profile **ret_profile);
