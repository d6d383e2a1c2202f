// SPDX-License-Identifier: Apache-2.0
// Requests that a node or a UE originates itself, and the dialog state that goes with them.
#pragma once

#include "sip/edit.h"
#include "stack/transport/flow.h"

struct sip_msg;
struct txn_layer;
struct ua_layer;

typedef uint64_t ua_id;

// Called for each response, and once at the end of a request without one: msg NULL, status 408
// (silence), 503 (transport error or no address). For an INVITE it is called for every 2xx.
typedef void (*ua_response_cb)(void *arg, ua_id id, unsigned status, const struct sip_msg *msg);

struct ua_request {
    enum sip_method method;
    struct str method_name;      // when method is SIP_UNKNOWN
    struct str uri;              // Request-URI
    const struct sip_edits *headers; // From, To, Call-ID, CSeq, Route, Contact, ... but not Via
    struct str next_hop;         // as in struct pxy_target
    flow_id flow;
    unsigned label;
    uint32_t timeout_ms;         // 0: Timer B/F
    ua_response_cb cb;           // NULL: ignore
    void *arg;
};

// Sends it through a client transaction (an ACK for a 2xx: without one). *ret_id (may be NULL) is
// for ua_cancel and ua_forget.
int ua_send(struct ua_layer *l, const struct ua_request *r, ua_id *ret_id);
// CANCELs an INVITE (after its first provisional response, RFC 3261 9.1).
int ua_cancel(struct ua_layer *l, ua_id id);
// Its callbacks go to somebody else. ERR_NOTFOUND: it has ended.
int ua_redirect(struct ua_layer *l, ua_id id, ua_response_cb cb, void *arg);
// No further callbacks; the transaction ends by itself.
void ua_forget(struct ua_layer *l, ua_id id);

// n random bytes (at most 32) as lower-case hexadecimal, for Call-IDs and tags.
struct str ua_random_text(struct loop *l, struct arena *a, size_t n);

int ua_layer_new(struct txn_layer *txns, struct ua_layer **ret_layer);
// Called after all transactions have gone. Takes NULL.
void ua_layer_free(struct ua_layer *l);

// Dialog state (RFC 3261 12), both sides. Owns copies of everything.
struct dialog;

// From the response (UAC) or the request and our response's tag (UAS). ERR_BAD when a header
// needed is missing or malformed.
int dialog_new_uac(const struct sip_msg *request_bytes_parsed, const struct sip_msg *response,
                   struct dialog **ret_dialog);
int dialog_new_uas(const struct sip_msg *request, struct str local_tag, struct str contact,
                   struct dialog **ret_dialog);
void dialog_free(struct dialog *d); // takes NULL

// A view of the state; the slices live as long as the dialog, target until the next refresh.
struct dialog_info {
    struct str call_id, local_tag, remote_tag;
    struct str target;   // remote target URI
    struct str contact;  // our own Contact value, empty when unknown
    uint32_t local_cseq; // of the last request sent
    bool early;          // INVITE dialog: no 2xx (UAC) or no ACK (UAS) yet
};
void dialog_get_info(const struct dialog *d, struct dialog_info *ret_info);

// A request of ours had this number before the dialog was there: a NOTIFY makes that of a SUBSCRIBE
// (RFC 6665 4.4.1). The next one has a higher number.
void dialog_set_local_cseq(struct dialog *d, uint32_t cseq);

bool dialog_matches(const struct dialog *d, const struct sip_msg *m);
// Checks the CSeq of a request inside the dialog and refreshes the remote target; ERR_STATE for one
// that is out of order (500, RFC 3261 12.2.2).
int dialog_on_request(struct dialog *d, const struct sip_msg *m);
void dialog_on_response(struct dialog *d, const struct sip_msg *m); // target refresh on 2xx
// Fills headers (From, To, Call-ID, CSeq, Route, Max-Forwards) for a new request in the dialog and
// returns the Request-URI; for an ACK cseq is the INVITE's.
int dialog_request(struct dialog *d, enum sip_method method, uint32_t ack_cseq,
                   struct sip_edits *headers, struct str *ret_uri);

// The same, and sends it: with what `put` adds behind those headers, and a body.
struct dialog_send {
    enum sip_method method;
    uint32_t ack_cseq;     // of an ACK
    struct str type, body; // empty: none
    void (*put)(void *arg, struct str uri, struct sip_edits *headers); // NULL: nothing
    ua_response_cb cb;     // NULL: ignore
    void *arg;             // for both
};
int dialog_send(struct ua_layer *l, struct dialog *d, const struct dialog_send *r, ua_id *ret_id);
