// SPDX-License-Identifier: Apache-2.0
// Provisioning: subscribers as fields with names, the same in CSV columns, YAML keys and words of
// `carillon-ctl subscriber add`. Everything here runs inside one transaction, as the task of an
// operation; a problem says which line and what is wrong, and never shows a secret.
#pragma once

#include "hss/hss_priv.h"

enum hss_field {
    F_IMPI, F_K, F_K_ASCII, F_OP, F_OPC, F_CHECK, F_SEALED, F_AMF, F_SQN, F_PASSWORD, F_REALM, F_ALGORITHM,
    F_IMPUS, F_BARRED, F_ALIASES, F_JOIN, F_DISPLAY_NAME, F_PROFILE, F_VISITED, F_REGISTRATION, F_MANDATORY,
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
// SEQ has 43 bits and never wraps (TS 33.102 6.3.7, C.3): 2^28 vectors at least have to be left of it.
bool hss_sqn_has_room(uint64_t sqn);
#define HSS_SQN_NO_ROOM "is too near its end: fewer than 2^28 vectors would be left, and it never wraps"

// Checked values of a draft (record.c).
struct hss_impu {
    struct str impu;  // canonical
    struct str given; // as it was written
    bool barred, wildcard;
    unsigned set;   // 0 for the first
    unsigned alias; // group of those that are aliases of each other; 0: none
};
// As many as an S-CSCF of ours takes (xml/profile.h); sets as many as one SAR is about; bytes of one field, and
// of a list of identities.
enum { HSS_IMPUS_MAX = 1000, HSS_VALUE_MAX = 16384, HSS_LIST_MAX = 65536 };
enum { HSS_ALIASES_MAX = 64 }; // groups of one subscriber
struct hss_record {
    struct str impi;
    bool has_auth;
    enum hss_scheme scheme;
    struct aka_secret aka;
    struct str password, realm, algorithm;
    uint8_t sealed[VAULT_MAX + VAULT_OVERHEAD]; // as it was exported
    size_t n_sealed;                            // 0: it has to be made of the others
    uint16_t amf;
    bool has_sqn;
    uint64_t sqn;
    size_t n_impus;
    uint16_t slots[2048]; // index of impus by hash, plus 1
    struct hss_impu impus[HSS_IMPUS_MAX];
};
int hss_record_make(struct hss_op *op, const struct hss_draft *d, struct hss_record *ret_r,
                    struct hss_problem *p);

// The other way round: what the store has of a subscriber, as a draft that hss_subscriber_add makes the same of;
// keys stay sealed. mixed: its implicit sets have different service profiles or display names, of which a draft
// has one. ERR_NOTFOUND. (stored.c)
int hss_draft_load(struct hss_op *op, struct str impi, struct hss_draft *ret_d, bool *ret_mixed);

// A text that grows on the heap.
struct hss_text {
    char *p;
    size_t n, cap;
    bool failed;
};
void hss_text_done(struct hss_text *t);
// What hss_import_yaml takes back: subscribers after the one called after, in the order they were made, max of
// them at most; the service profiles first when after is empty. *ret_last is empty when all are told. (export.c)
int hss_export(struct hss_op *op, struct str after, size_t max, struct hss_text *out, size_t *ret_n,
               char ret_last[256]);

// A service profile from XML: a ServiceProfile, or what is inside one. Checked against the schema of
// TS 29.228 annex E. (profile.c)
int hss_profile_put(struct hss_op *op, struct str name, struct str xml, unsigned line,
                    struct hss_problem *p);
// Validates a whole IMSSubscription; why (size bytes) gets the first complaint.
int hss_user_data_validate(struct str xml, char *why, size_t size);
void hss_schema_free(void *schema); // a context's; takes NULL

// Whole files, all or nothing; *ret_n subscribers. (import_csv.c, import_yaml.c)
int hss_import_text(struct hss_op *op, struct str text, bool replace, size_t *ret_n,
                    struct hss_problem *p);
int hss_import_csv(struct hss_op *op, struct str text, bool replace, size_t *ret_n,
                   struct hss_problem *p);
int hss_import_yaml(struct hss_op *op, struct str text, bool replace, size_t *ret_n,
                    struct hss_problem *p);
