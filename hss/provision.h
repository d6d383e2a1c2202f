// SPDX-License-Identifier: Apache-2.0
// Provisioning: subscribers as fields with names, the same in CSV columns, YAML keys and words of
// `carillon-ctl subscriber add`. Everything here runs inside one transaction, as the task of an
// operation; a problem says which line and what is wrong, and never shows a secret.
#pragma once

#include "hss/hss_priv.h"

enum hss_field {
    F_IMPI, F_K, F_K_ASCII, F_OP, F_OPC, F_CHECK, F_AMF, F_SQN, F_PASSWORD, F_REALM, F_ALGORITHM,
    F_IMPUS, F_BARRED, F_JOIN, F_DISPLAY_NAME, F_PROFILE, F_VISITED, F_REGISTRATION, F_MANDATORY,
    F_OPTIONAL, F_SERVERS, F_CCF, F_ECF, F_COUNT,
};

struct hss_field_row {
    const char *name;
    bool settable;     // by `subscriber set`
    const char *help;
};
extern const struct hss_field_row hss_fields[F_COUNT];

struct hss_draft {
    struct str v[F_COUNT]; // p NULL: not given
    unsigned line;
};

struct hss_problem {
    unsigned line;         // 0: none
    char text[240];
};

// Fills in a problem; returns err.
int hss_problem(struct hss_problem *p, unsigned line, int err, const char *fmt, ...)
    __attribute__((format(printf, 4, 5)));
// A named field; ERR_BAD for an unknown name or one given twice.
int hss_draft_put(struct hss_draft *d, struct str name, struct str value, struct hss_problem *p);

// replace: an existing subscriber of that IMPI goes first; its SQN stays unless one is given.
int hss_subscriber_add(struct hss_op *op, const struct hss_draft *d, bool replace,
                       struct hss_problem *p);
// Changes the fields given.
int hss_subscriber_set(struct hss_op *op, const struct hss_draft *d, struct hss_problem *p);
// ERR_NOTFOUND
int hss_subscriber_delete(struct hss_op *op, struct str impi);
int hss_sqn_set(struct hss_op *op, struct str impi, uint64_t sqn);
int hss_sqn_parse(struct str text, uint64_t *ret_sqn); // up to 12 hexadecimal digits

// Checked values of a draft (record.c).
struct hss_impu {
    struct str impu;  // canonical
    struct str given; // as it was written
    bool barred;
    unsigned set; // 0 for the first
};
enum { HSS_IMPUS_MAX = 64, HSS_VALUE_MAX = 16384 }; // bytes of one field
struct hss_record {
    struct str impi;
    bool has_auth;
    enum hss_scheme scheme;
    struct aka_secret aka;
    struct str password, realm, algorithm;
    uint16_t amf;
    bool has_sqn;
    uint64_t sqn;
    struct hss_impu impus[HSS_IMPUS_MAX];
    size_t n_impus;
};
int hss_record_make(struct hss_op *op, const struct hss_draft *d, struct hss_record *ret_r,
                    struct hss_problem *p);

// A service profile from XML: a ServiceProfile, or what is inside one. Checked against the schema of
// TS 29.228 annex E. (profile.c)
int hss_profile_put(struct hss_op *op, struct str name, struct str xml, unsigned line,
                    struct hss_problem *p);
// Validates a whole IMSSubscription; why (size bytes) gets the first complaint.
int hss_user_data_validate(struct str xml, char *why, size_t size);
void hss_schema_free(void *schema); // an operation's; takes NULL

// Whole files, all or nothing; *ret_n subscribers. (import_csv.c, import_yaml.c)
int hss_import_text(struct hss_op *op, struct str text, bool replace, size_t *ret_n,
                    struct hss_problem *p);
int hss_import_csv(struct hss_op *op, struct str text, bool replace, size_t *ret_n,
                   struct hss_problem *p);
int hss_import_yaml(struct hss_op *op, struct str text, bool replace, size_t *ret_n,
                    struct hss_problem *p);
