// SPDX-License-Identifier: Apache-2.0
// The actions of the session core, a file each, as states.c and layer.c bind them to events and
// methods. Below them nobody includes this.
#pragma once

#include "stack/session/exchange.h"

// ---- states.c ----
extern const struct machine_kind session_machine;

// ---- invite.c, stray.c ----
extern const struct machine_kind stray_machine;
void invite_cancel(struct session *s);
// Its session is over, and the INVITE may still be answered.
void stray_keep(struct session *s);
// ACK, and BYE, for a 2xx in a dialog that nobody keeps. invite: as it was sent.
void stray_leave(struct session_layer *l, struct sip_msg *invite, const struct sip_msg *ok,
                 bool bye);
void strays_done(struct session_layer *l);

// ---- incoming.c ----
void incoming_gone(struct session *s, server_id id, bool first);
void incoming_cancelled(struct session *s, server_id id, const struct sip_msg *m,
                        struct str reason);
void incoming_on_ack(struct leg *g, const struct sip_msg *m);

// ---- prack.c ----
void prack_on_request(struct leg *g, server_id id, const struct sip_msg *m);
// A provisional response came. False: out of order, or again.
bool prack_take(struct leg *g, const struct sip_msg *m);

// ---- modify.c, modified.c ----
extern const struct machine_kind change_machine;
// Nobody is told of it.
void change_done(struct session *s);
// Is the change under way in this leg? Then it has to be told that it is lost, when the leg is
// gone.
bool change_in(const struct leg *g);
void change_lost(struct session *s);
// update: by UPDATE; else by a re-INVITE that repeats what was described last.
int change_refresh(struct session *s, bool update);
void modified_on_request(struct leg *g, server_id id, const struct sip_msg *m);
// Refuses their offers that are still open.
void modified_give_up(struct session *s, unsigned status);
void modified_give_up_in(struct leg *g, unsigned status);
// The leg goes: nobody waits for the answer to an offer that is open in it.
void modified_withdraw(struct leg *g);
extern const struct carrier by_response;

// ---- refresh.c ----
void refresh_due(struct session *s);

// ---- bye.c ----
void bye_send(struct session *s, struct leg *g);
void bye_on_request(struct leg *g, server_id id, const struct sip_msg *m);

// ---- refer.c ----
extern const struct machine_kind refer_asking_machine, refer_asked_machine;
void refer_done(struct session *s);
void refer_on_request(struct leg *g, server_id id, const struct sip_msg *m);
void refer_on_notify(struct leg *g, server_id id, const struct sip_msg *m);

// ---- replaces.c ----
// 0: nothing to be replaced, or *ret_id; else the status to refuse with (RFC 3891 3).
unsigned replaces_find(struct session_layer *l, const struct session_params *p,
                       const struct sip_msg *m, session_id *ret_id);
void replaces_done(struct session *s);
// 400: one in a request that may not have it; else 0.
unsigned replaces_misplaced(const struct leg *g, const struct sip_msg *m);

// ---- other.c ----
// To the owner; 405 without one.
void other_on_request(struct leg *g, server_id id, const struct sip_msg *m);
