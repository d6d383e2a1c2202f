// SPDX-License-Identifier: Apache-2.0
// The same work by sofia-sip. It parses every header of its default class at once.
#include <sofia-sip/msg.h>
#include <sofia-sip/msg_header.h>
#include <sofia-sip/sip.h>
#include <sofia-sip/sip_header.h>
#include <sofia-sip/sip_util.h>
#include <stdlib.h>

#include "parse.h"

parse_figures_fn parse_figures;

static const struct parse_corpus *corpus;

static msg_t *parse(struct str s)
{
    msg_t *m = msg_make(sip_default_mclass(), 0, s.p, (ssize_t)s.n);
    if (!m || !sip_object(m))
        abort();
    return m;
}

static void all(const struct str *messages, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        msg_t *m = parse(messages[i]);
        bench_keep(m);
        msg_destroy(m);
    }
}

static void route(void)
{
    all(corpus->msg, corpus->n);
}

static void requests(void)
{
    all(corpus->request, corpus->requests);
}

static void edit(msg_t *m, sip_t *sip)
{
    if (sip->sip_route)
        (void)sip_route_remove(m, sip);
    if (sip->sip_max_forwards) {
        sip->sip_max_forwards->mf_count--;
        msg_fragment_clear(sip->sip_max_forwards->mf_common);
    }
    if (sip_add_make(m, sip, sip_via_class, PARSE_VIA) ||
        sip_add_make(m, sip, sip_record_route_class, PARSE_RECORD_ROUTE))
        abort();
}

static void forward(void)
{
    for (size_t i = 0; i < corpus->requests; i++) {
        msg_t *m = parse(corpus->request[i]);
        sip_t *sip = sip_object(m);
        edit(m, sip);
        if (msg_serialize(m, (msg_pub_t *)sip) < 0 || msg_prepare(m) < 0)
            abort();
        bench_keep(m);
        msg_destroy(m);
    }
}

size_t parse_figures(const struct parse_corpus *c, struct bench_figure *ret_figures)
{
    corpus = c;
    ret_figures[0] = (struct bench_figure){
        .name = "sofia_parse_route", .note = "parses all it knows", .run = route, .per_run = c->n};
    ret_figures[1] = (struct bench_figure){
        .name = "sofia_parse_full", .note = "the same work", .run = route, .per_run = c->n};
    ret_figures[2] = (struct bench_figure){
        .name = "sofia_parse_requests", .run = requests, .per_run = c->requests};
    ret_figures[3] = (struct bench_figure){
        .name = "sofia_forward_build", .note = "requests only, without their parse",
        .run = forward, .per_run = c->requests, .minus = "sofia_parse_requests"};
    return 4;
}
