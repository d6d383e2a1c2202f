// SPDX-License-Identifier: Apache-2.0
// The same work by libosip2. It parses every header it knows at once.
#include <osipparser2/osip_parser.h>
#include <stdlib.h>

#include "parse.h"

parse_figures_fn parse_figures;

static const struct parse_corpus *corpus;

static osip_message_t *parse(struct str s)
{
    osip_message_t *m;
    if (osip_message_init(&m) || osip_message_parse(m, s.p, s.n))
        abort();
    return m;
}

static void all(const struct str *messages, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        osip_message_t *m = parse(messages[i]);
        bench_keep(m);
        osip_message_free(m);
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

static void edit(osip_message_t *m)
{
    osip_via_t *via;
    osip_record_route_t *rr;
    osip_header_t *forwards = NULL;
    osip_route_t *own = osip_list_get(&m->routes, 0);
    if (own) {
        (void)osip_list_remove(&m->routes, 0);
        osip_route_free(own);
    }
    (void)osip_message_get_max_forwards(m, 0, &forwards);
    if (forwards) {
        osip_free(forwards->hvalue);
        forwards->hvalue = osip_strdup("68");
    }
    if (osip_via_init(&via) || osip_via_parse(via, PARSE_VIA))
        abort();
    (void)osip_list_add(&m->vias, via, 0);
    if (osip_record_route_init(&rr) || osip_record_route_parse(rr, PARSE_RECORD_ROUTE))
        abort();
    (void)osip_list_add(&m->record_routes, rr, 0);
}

static void forward(void)
{
    for (size_t i = 0; i < corpus->requests; i++) {
        osip_message_t *m = parse(corpus->request[i]);
        char *out = NULL;
        size_t n = 0;
        edit(m);
        (void)osip_message_force_update(m);
        if (osip_message_to_str(m, &out, &n))
            abort();
        bench_keep(out);
        osip_free(out);
        osip_message_free(m);
    }
}

size_t parse_figures(const struct parse_corpus *c, struct bench_figure *ret_figures)
{
    corpus = c;
    (void)parser_init();
    ret_figures[0] = (struct bench_figure){
        .name = "osip2_parse_route", .note = "parses all it knows", .run = route, .per_run = c->n};
    ret_figures[1] = (struct bench_figure){
        .name = "osip2_parse_full", .note = "the same work", .run = route, .per_run = c->n};
    ret_figures[2] = (struct bench_figure){
        .name = "osip2_parse_requests", .run = requests, .per_run = c->requests};
    ret_figures[3] = (struct bench_figure){
        .name = "osip2_forward_build", .note = "requests only, without their parse",
        .run = forward, .per_run = c->requests, .minus = "osip2_parse_requests"};
    return 4;
}
