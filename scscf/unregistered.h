// SPDX-License-Identifier: Apache-2.0
// Profiles of users who are called and are not registered (TS 29.228 6.1.2.1): the HSS has this S-CSCF's name for them
// since it was asked for them, and takes them for served here until it is told otherwise. They are kept for a short
// while, so that the next call costs no question, and then given back. Nobody tells this node what changes at the HSS
// meanwhile, so the while is short.
#pragma once

#include "io/loop.h"
#include "xml/profile.h"

struct unregistered;

struct unregistered_user {
    struct str impu, impi; // canonical identity that was called; private identity that the HSS named, may be empty
    const struct profile *profile; // NULL: the HSS gave none
};

// given_back: the HSS is to be told that it ends. max: users at most, the oldest makes room.
struct unregistered_params {
    struct loop *loop;
    uint32_t max;
    void (*given_back)(void *arg, const struct unregistered_user *u);
    void *arg;
};
int unregistered_new(const struct unregistered_params *p, struct unregistered **ret_u);
void unregistered_free(struct unregistered *u); // takes NULL; nobody is told
// How long from now on; those who are there stay until their own time. 0: each goes at once.
void unregistered_set_keep(struct unregistered *u, uint32_t seconds);

// NULL: not kept.
const struct unregistered_user *unregistered_find(const struct unregistered *u, struct str impu);
// Takes the profile, also when it cannot be kept: then it is given back at once.
void unregistered_add(struct unregistered *u, struct str impu, struct str impi, struct profile *profile);
// The user is registered now, or served elsewhere: nobody is told.
void unregistered_drop(struct unregistered *u, struct str impu);
size_t unregistered_count(const struct unregistered *u);
