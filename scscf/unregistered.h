// SPDX-License-Identifier: Apache-2.0
// Profiles of users who are called and are not registered (TS 29.228 6.1.2.1): the HSS has this S-CSCF's name for them
// since it was asked for them, and takes them for served here until it is told otherwise. They are kept for a short
// while, so that the next call costs no question, and then given back. Nobody tells this node what changes at the HSS
// meanwhile, so the while is short.
// The state at the HSS is that of an implicit registration set: there is one profile of each, found
// by whatever identity of it is called.
#pragma once

#include "io/loop.h"
#include "scscf/registrar.h"

struct unregistered;

struct unregistered_user {
    struct str impu, impi; // by which the HSS is told, in canonical form; private identity that it
                           // named, may be empty
    bool by_pattern; // impu is not known to be a distinct identity of the set
    const struct profile *profile; // NULL: the HSS gave none
};

// given_back: the HSS is to be told that it ends. max: users at most, max_bytes: of their profiles;
// the oldest makes room.
struct unregistered_params {
    struct loop *loop;
    const struct numbering *plan; // NULL: none
    uint32_t max;
    size_t max_bytes;
    void (*given_back)(void *arg, const struct unregistered_user *u);
    void *arg;
};
int unregistered_new(const struct unregistered_params *p, struct unregistered **ret_u);
void unregistered_free(struct unregistered *u); // takes NULL; nobody is told
// How long from now on; those who are there stay until their own time. 0: each goes at once.
void unregistered_set_keep(struct unregistered *u, uint32_t seconds);

// Whose set has one of the identities, which are what a call may mean, in canonical form and in
// order; else whose has the wildcarded one, key (empty: none), by which the first or another of
// them is served; else who was asked for last by the first of them. *ret_index is the place of the
// identity in the profile, its count for none. NULL: not kept.
const struct unregistered_user *unregistered_find(const struct unregistered *u,
                                                  const struct str *impus, size_t n, struct str key,
                                                  size_t *ret_index);

struct unregistered_new {
    struct str called; // by what the HSS was asked, canonical
    struct str impu, impi; // as in unregistered_user
    bool by_pattern;
    struct profile *profile;
    size_t index; // of the identity in the profile that was called; its count for none
    size_t bytes; // of the profile
};
// Takes the profile, also when it cannot be kept: then it is given back at once. What is kept of
// the same set goes.
void unregistered_add(struct unregistered *u, const struct unregistered_new *n);
// The set is registered now: nobody is told.
void unregistered_drop(struct unregistered *u, const struct registration *reg);
size_t unregistered_count(const struct unregistered *u);
size_t unregistered_bytes(const struct unregistered *u);
