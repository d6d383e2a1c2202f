// SPDX-License-Identifier: Apache-2.0
// The HSS's configuration: what the rows of config.c fill.
#pragma once

#include "app/node_rows.h"
#include "hss/hss.h"

struct hss_peer {
    struct str host, realm;
    struct addr address; // family 0: it connects to us
    struct conf_strs from; // addresses and networks
    bool relay;
};

struct hss_config {
    struct {
        struct str identity, realm;
        struct conf_addrs listen;
        struct conf_table peers; // struct hss_peer
        bool accept_unknown;
        uint32_t watchdog_ms;
        struct dia_limits limits;
        uint32_t max_strangers, max_strangers_per_source, cer_ms, cer_bytes;
    } diameter;
    struct node_numbering home;
    struct {
        struct str path, key_file;
        bool key_create, shared;
        uint32_t max_mib;
    } store;
    struct conf_strs pool;
    struct hss_settings settings;
};

extern const struct conf_row hss_rows[];
void hss_check(const void *config, app_finding bad, void *arg);
void hss_suspect(const void *config, app_finding odd, void *arg);
