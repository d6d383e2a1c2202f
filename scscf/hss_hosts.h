// SPDX-License-Identifier: Apache-2.0
// Which HSS answered for whom (TS 29.229 5.5): where an SLF or a relay chose the HSS, later requests about
// the same public identity name it as Destination-Host. A cache of fixed size: who has been pushed out is
// asked for by realm again.
#pragma once

#include "base/str.h"

struct hss_hosts;

int hss_hosts_new(struct hss_hosts **ret_hosts);
void hss_hosts_free(struct hss_hosts *h); // takes NULL
// Without memory, or when there are more hosts than are kept, nothing is learnt.
void hss_hosts_learn(struct hss_hosts *h, struct str impu, struct str host);
void hss_hosts_forget(struct hss_hosts *h, struct str impu);
struct str hss_hosts_find(const struct hss_hosts *h, struct str impu); // empty: not known
size_t hss_hosts_count(const struct hss_hosts *h);
