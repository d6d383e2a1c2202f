// SPDX-License-Identifier: Apache-2.0
// Cx (TS 29.228): the Diameter server's handlers. A request whose answer waits for the disk is held
// by the Diameter layer; a peer that has gone meanwhile is answered into nothing.
#include "hss/hss.h"

static void answer_uaa(void *arg, const struct cx_uaa *a)
{
    cx_answer_uaa(arg, a);
}

static void answer_lia(void *arg, const struct cx_lia *a)
{
    cx_answer_lia(arg, a);
}

static void answer_maa(void *arg, const struct cx_maa *a)
{
    cx_answer_maa(arg, a);
}

static void answer_saa(void *arg, const struct cx_saa *a)
{
    cx_answer_saa(arg, a);
}

static void on_uar(void *arg, struct dia_request *q, const struct cx_uar *r)
{
    hss_uar(arg, r, answer_uaa, q);
}

static void on_lir(void *arg, struct dia_request *q, const struct cx_lir *r)
{
    hss_lir(arg, r, answer_lia, q);
}

static void on_mar(void *arg, struct dia_request *q, const struct cx_mar *r)
{
    hss_mar(arg, r, answer_maa, q);
}

static void on_sar(void *arg, struct dia_request *q, const struct cx_sar *r)
{
    hss_sar(arg, r, answer_saa, q);
}

const struct cx_server hss_cx_server = {.uar = on_uar, .lir = on_lir, .mar = on_mar, .sar = on_sar};
