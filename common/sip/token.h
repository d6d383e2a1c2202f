// SPDX-License-Identifier: Apache-2.0
// Headers made of tokens with parameters: Supported, Require, Allow, Event, Subscription-State,
// Reason, Privacy, Content-Type, Accept and more; and headers that are plain text.
#pragma once

#include "sip/types.h"

struct arena;
struct cur;
struct writer;

// token with parameters; ERR_BAD unless all of s is consumed. The token may be a media type
// ("application/sdp") or a URN; a quoted string keeps its quotes.
int sip_token_parse(struct arena *a, struct str s, struct sip_token *ret_token);
void sip_token_write(struct writer *w, const struct sip_token *v);

// token *( SEMI param )
void sip_token_read(struct cur *c, struct sip_token *v);
// m-type SLASH m-subtype *( SEMI m-parameter )
void sip_media_read(struct cur *c, struct sip_token *v);
// A word such as a Call-ID or a URN, with parameters (Replaces, P-Asserted-Service).
void sip_word_read(struct cur *c, struct sip_token *v);
// token or quoted-string with parameters (P-Visited-Network-ID).
void sip_token_or_quoted_read(struct cur *c, struct sip_token *v);
// Parameters alone: the token is empty (P-Charging-Function-Addresses).
void sip_params_read(struct cur *c, struct sip_token *v);
// One token without parameters (Privacy, whose values stand between semicolons).
void sip_bare_token_read(struct cur *c, struct sip_token *v);

// All there is, as it stands (User-Agent, Server, Date).
void sip_text_read(struct cur *c, struct str *v);
// Call-ID: word [ "@" word ]
void sip_call_id_read(struct cur *c, struct str *v);
