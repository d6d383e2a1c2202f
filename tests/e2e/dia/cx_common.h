// SPDX-License-Identifier: Apache-2.0
// The little that the two test programs share.
#pragma once

#include <getopt.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "base/log.h"
#include "dia/cx.h"
#include "io/uv.h"
#include "tests/common/cx_node.h"

static inline void cx_die(const char *what)
{
    fprintf(stderr, "%s\n", what);
    exit(2);
}

static inline struct loop *cx_loop(void)
{
    struct uv_loop_params p = {0};
    struct loop *l;
    if (uvloop_new(&p, &l))
        cx_die("no loop");
    setvbuf(stdout, NULL, _IOLBF, 0);
    log_init("cx", LOG_FORMAT_TEXT, 2);
    return l;
}

static inline struct addr cx_addr(const char *text)
{
    struct addr a;
    if (addr_parse_port(str_from(text), 3868, &a))
        cx_die("bad address");
    return a;
}

// "host=ip:port", with port 0 only accepted from.
static inline struct dia_peer_params cx_peer(char *text, const char *local)
{
    char *eq = strchr(text, '=');
    if (!eq)
        cx_die("peer is HOST=IP:PORT");
    *eq = 0;
    struct dia_peer_params p = {.host = str_from(text), .remote = cx_addr(eq + 1)};
    if (local)
        p.local = cx_addr(local);
    return p;
}
