// SPDX-License-Identifier: Apache-2.0
// Who changed what of the provisioned data: a line in the log for each field that has another value than
// before, once the change is on the disk. Of keys and passwords it says only that they have changed.
#pragma once

#include "hss/provision.h"

enum { HSS_AUDIT_VALUE = 256 }; // bytes of a value that are told

struct hss_audit {
    bool known;           // who it is
    uint32_t uid;         // of the client of the control socket
    int32_t pid;
    const char *command;  // NULL: nothing to tell
    struct hss_draft before, after; // texts in the operation's arena
    struct str name;      // subscriber, profile or file
    const char *field;    // of what is no subscriber: the one thing that changed
    char old[80], now[80];
};

// Around the change, in its transaction. No subscriber of that name counts as one without fields.
int hss_audit_before(struct hss_audit *a, struct hss_op *op, const char *command, struct str impi);
int hss_audit_after(struct hss_audit *a, struct hss_op *op, struct str impi);
// The same for a service profile: its length and the beginning of its SHA-256.
int hss_audit_profile(struct hss_audit *a, struct hss_op *op, const char *command, struct str name, bool before);
void hss_audit_import(struct hss_audit *a, struct str file, bool replace, size_t n);
// In the loop, when the change has been made.
void hss_audit_log(const struct hss_audit *a);
