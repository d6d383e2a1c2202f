// SPDX-License-Identifier: Apache-2.0
// A script's steps as they are written: words.c reads and checks them, script.c runs them.
#pragma once

#include <stdarg.h>

#include "tools/ue/tool.h"

enum step_kind {
    STEP_REGISTER,
    STEP_DEREGISTER,
    STEP_CALL,
    STEP_ANSWER,
    STEP_REFUSE,
    STEP_SLEEP,
    STEP_MESSAGE,
    STEP_SUBSCRIBE,
    STEP_RECEIVE,
    STEP_KINDS
};

enum { STEP_WORDS = 24, NAME_ROOM = 64 };

struct step {
    enum step_kind kind;
    const char *target;
    const char *words[STEP_WORDS]; // name=value, each name once
    int n_words;
};

// A status, or a class of them.
struct expect {
    unsigned low, high;
};

static inline bool expect_has(struct expect e, unsigned status)
{
    return status >= e.low && status <= e.high;
}

const char *step_name(enum step_kind k);
// Value of a parameter, NULL when it is not given.
const char *step_param(const struct step *st, const char *name);
double step_number(const struct step *st, const char *name, double def);
// How the step is to end: expect=, for refuse status=; 200 and 486 otherwise.
struct expect step_expect(const struct step *st);
// Takes the words from *at up to the next "+" and behind it. What is wrong there ends the program.
void step_read(const struct options *o, int *at, struct step *ret_step);
