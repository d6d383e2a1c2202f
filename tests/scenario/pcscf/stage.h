// SPDX-License-Identifier: Apache-2.0
// The P-CSCF alone on the simulated loop: UEs on its access side and one core node on the other are
// raw peers. "n" stands for the next message that is neither a 100 nor a repetition.
#pragma once

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "../scene.h"
#include "pcscf/pcscf.h"

#define HOME "ims.example"
#define ACCESS "192.0.2.10:5060"
#define ACCESS6 "[2001:db8::10]:5060"
#define PCSCF_CORE_AT "192.0.2.11:5070"
#define CORE_AT "192.0.2.20:5060"
#define ALICE "sip:alice@" HOME
#define ALICE_TEL "tel:+15550000001"
#define BOB "sip:bob@" HOME
#define SERVICE_ROUTE "<sip:orig@192.0.2.20;transport=udp;lr>"

struct ue {
    struct peer *peer;
    const char *at;    // "198.51.100.1:5060"
    const char *to;    // the P-CSCF's address for UDP
    const char *proto; // "UDP", "TCP"
};

struct stage {
    struct scene *sc;
    struct pcscf_config cfg;
    struct addr access[2], core_at[1];
    struct str homes[1], trusted[1];
    struct loop *loop;
    struct pcscf *pcscf;
    struct ue alice; // over UDP
    struct peer *core;
};

extern struct stage st;

// For cmocka: everything but the P-CSCF, which the first stage_start makes, and the end of all.
int stage_set_up(void **state);
int stage_tear_down(void **state);
void stage_start(void);   // with st.cfg as it is
void stage_stop(void);    // at once, as with kill -9
void stage_restart(void); // the same again, as after a crash
struct ue ue_udp(const char *at, const char *to);
struct ue ue_tcp(const char *at);

// n for this peer, whose first line must begin with start; waits up to two seconds.
struct heard *expect(struct peer *p, const char *start);
// No message but a 100 within a second.
void expect_nothing(struct peer *p);

// Formatted text that lives as long as the scene.
const char *text(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
void assert_has(const struct heard *h, const char *part);
void assert_lacks(const struct heard *h, const char *part);
unsigned occurrences(const struct heard *h, const char *part);
const char *header(const struct heard *h, const char *name);
// The URI between the angle brackets of a header's first value.
const char *uri_in(const struct heard *h, const char *name);
const char *last_uri_in(const struct heard *h,
                        const char *name); // of the last one in the first field

// ---- requests ----

struct request {
    const char *method;  // NULL: REGISTER, or INVITE when to is given
    const char *uri;     // NULL: sip:HOME, or to
    const char *from;    // URI; NULL: ALICE
    const char *to;      // URI; NULL: from
    const char *to_tag;  // NULL: none
    const char *call_id; // NULL: a new one
    const char *headers; // further lines, each ended by \n
    const char *contact; // value; NULL: the UE's address; "": none
    int expires;         // REGISTER: 0: 600, -1: 0
    const char *sdp;     // body, lines ended by \n; NULL: none
};
// From a UE.
void ue_send(const struct ue *ue, const struct request *r);
// From the core to the P-CSCF's core side.
void core_send(const struct request *r);

// Registers by one REGISTER that the core answers 200: Service-Route, ALICE and ALICE_TEL, what is granted.
// Gives the URI in Path.
const char *registered(const struct ue *ue);
// The same with all details: headers of the 200 (NULL: as above).
const char *registered_as(const struct ue *ue, const struct request *r, const char *headers);
uint64_t n_registered(void);
