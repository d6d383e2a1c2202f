// SPDX-License-Identifier: Apache-2.0
// The HSS as a daemon: its Diameter node around struct hss.
#pragma once

#include "app/app.h"
#include "hss/config.h"

struct hss_daemon {
    struct hss *hss;
    struct dia_node *dia;
    struct app *app;
    struct numbering plan;
};

int hss_daemon_start(struct app *app, const void *config, void **ret_nf);
void hss_daemon_reload(void *nf, const void *config);
void hss_daemon_drain(void *nf, struct app *app);
void hss_daemon_stop(void *nf);
bool hss_daemon_ready(void *nf, const char **ret_why);
struct dia_node *hss_daemon_dia(void *nf);
void hss_daemon_metrics(void *nf, struct metrics *m);
