// SPDX-License-Identifier: Apache-2.0
#include <stdio.h>

#include "world.h"

static void raw_closed(void *arg, int err)
{
    struct raw *r = arg;
    r->tcp = NULL;
    r->closed = true;
}

static void encode(struct raw *r, const struct dia_grammar *g, const void *st, struct dia_header h)
{
    struct dia_bytes b;
    assert_int_equal(dia_encode(r->w->dict, g, st, &h, &b), 0);
    raw_send(r, b.p, b.n);
    dia_bytes_free(&b);
}

static const struct dia_command *base(uint32_t code)
{
    return dia_command_find(&dia_base, code);
}

static void send_cea(struct raw *r, const struct dia_frame *f)
{
    uint32_t app = r->relay_app ? DIA_APP_RELAY : DIA_APP_CX;
    struct dia_caps c = {.result.code = DIA_SUCCESS, .origin_host = str_from(r->host),
                         .origin_realm = STR("test"), .product = STR("raw"),
                         .ips = (struct str[]){STR("\0\1\12\0\0\1")}, .n_ips = 1,
                         .auth = &app, .n_auth = 1,
                         .state_id = r->origin_state};
    encode(r, base(DIA_CER)->out, &c, (struct dia_header){.code = DIA_CER, .hbh = f->hbh, .ete = f->ete});
}

static void send_link(struct raw *r, const struct dia_frame *f)
{
    struct dia_link l = {.result.code = DIA_SUCCESS, .origin_host = str_from(r->host),
                         .origin_realm = STR("test")};
    encode(r, base(f->code)->out, &l, (struct dia_header){.code = f->code, .hbh = f->hbh, .ete = f->ete});
}

static void got_frame(struct raw *r, struct str bytes)
{
    struct dia_frame f;
    struct dia_fault fault;
    static const struct dia_limits any = {1 << 20, 1 << 20, 64};
    assert_int_equal(dia_frame_parse_within(r->w->dict, &any, bytes, &f, &fault), 0);
    bool request = f.flags & DIA_CMD_R;
    if (f.code < 512)
        (request ? r->count : r->answers)[f.code]++;
    r->n_last = bytes.n < sizeof r->last ? bytes.n : sizeof r->last;
    memcpy(r->last, bytes.p, r->n_last);
    if (request && f.code == DIA_CER && r->auto_cea)
        send_cea(r, &f);
    else if (request && f.code == DIA_DWR && r->answer_dwr)
        send_link(r, &f);
    else if (request && f.code == DIA_DPR)
        send_link(r, &f);
    else if (f.code >= 300 && r->got)
        r->got(r, &f);
}

static void raw_data(void *arg, struct str bytes)
{
    struct raw *r = arg;
    assert_true(r->n_in + bytes.n <= sizeof r->in);
    memcpy(r->in + r->n_in, bytes.p, bytes.n);
    r->n_in += bytes.n;
    size_t n;
    while (dia_frame_length((struct str){(char *)r->in, r->n_in}, &n) == 0) {
        got_frame(r, (struct str){(char *)r->in, n});
        memmove(r->in, r->in + n, r->n_in - n);
        r->n_in -= n;
    }
    if (r->hang_up)
        raw_drop(r);
    r->hang_up = false;
}

static void raw_connected(void *arg)
{
}

static const struct tcp_ops ops = {raw_connected, raw_data, NULL, raw_closed};

void raw_accept(void *arg, struct tcp *c)
{
    struct raw *r = arg;
    if (r->tcp)
        tcp_abort(r->tcp);
    r->tcp = c;
    r->closed = false;
    r->n_in = 0;
    tcp_set_owner(c, &ops, r);
}

void raw_start(struct raw *r, struct world *w, int i, const char *host)
{
    memset(r, 0, sizeof *r);
    r->w = w;
    r->answer_dwr = r->auto_cea = true;
    snprintf(r->host, sizeof r->host, "%s", host);
    r->at = box_place(i);
    assert_int_equal(sim_node(w->sim, host, &r->loop), 0);
    assert_int_equal(tcp_listen(r->loop, &r->at, false, raw_accept, r, &r->listener), 0);
}

void raw_share(struct raw *r, const struct raw *of)
{
    memset(r, 0, sizeof *r);
    r->w = of->w;
    r->loop = of->loop;
    r->at = of->at;
    snprintf(r->host, sizeof r->host, "%s", of->host);
}

void raw_drop(struct raw *r)
{
    tcp_abort(r->tcp);
    r->tcp = NULL;
}

void raw_stop(struct raw *r)
{
    if (!r->loop)
        return;
    tcp_abort(r->tcp);
    tcp_listener_close(r->listener);
    loop_free(r->loop);
    r->loop = NULL;
}

void raw_hang_up(struct raw *r, const struct dia_frame *f)
{
    r->hang_up = true;
}

void raw_dial(struct raw *r, const struct box *to)
{
    struct addr local = r->at;
    addr_set_port(&local, 0);
    r->closed = false;
    r->n_in = 0;
    assert_int_equal(tcp_connect(r->loop, &local, &to->at, &ops, r, &r->tcp), 0);
}

void raw_send(struct raw *r, const void *bytes, size_t n)
{
    if (r->tcp)
        (void)tcp_send(r->tcp, (struct str){bytes, n});
}

void raw_cer(struct raw *r, const uint32_t *auth, size_t n_auth)
{
    struct dia_caps c = {.origin_host = str_from(r->host), .origin_realm = STR("test"),
                         .product = STR("raw"), .ips = (struct str[]){STR("\0\1\12\0\0\1")}, .n_ips = 1,
                         .auth = auth, .n_auth = n_auth, .state_id = r->origin_state};
    encode(r, base(DIA_CER)->in, &c, (struct dia_header){.flags = DIA_CMD_R, .code = DIA_CER, .hbh = 1, .ete = 1});
}

void raw_error(struct raw *r, const struct dia_frame *f, uint32_t code, const char *redirect)
{
    struct dia_error e = {.result.code = code, .session_id = f->session_id,
                          .origin_host = str_from(r->host), .origin_realm = STR("test")};
    struct str to = redirect ? str_from(redirect) : STR_NONE;
    e.redirects = &to;
    e.n_redirects = redirect != NULL;
    encode(r, &dia_error_grammar, &e,
           (struct dia_header){.flags = DIA_CMD_P | DIA_CMD_E, .code = f->code, .app = f->app,
                               .hbh = f->hbh, .ete = f->ete});
}

void raw_maa(struct raw *r, const struct dia_frame *f)
{
    struct cx_maa a = {.head = {.session_id = f->session_id, .origin_host = str_from(r->host),
                                .origin_realm = STR("test")}, .result.code = DIA_SUCCESS};
    encode(r, dia_command_find(&dia_cx, 303)->out, &a,
           (struct dia_header){.flags = DIA_CMD_P, .code = 303, .app = f->app, .hbh = f->hbh,
                               .ete = f->ete});
}

void raw_mar(struct raw *r, uint32_t hbh, uint32_t ete, uint8_t flags, struct dia_bytes *ret_bytes)
{
    struct cx_mar m = {
        .head = {.session_id = STR("raw;1;1"), .origin_host = str_from(r->host),
                 .origin_realm = STR("test"), .dest_realm = STR("test")},
        .impi = STR("i"), .impu = STR("sip:u"), .server_name = STR("sip:s"), .n_items = 1,
        .item.scheme = STR("Unknown"),
    };
    struct dia_header h = {.flags = DIA_CMD_R | DIA_CMD_P | flags, .code = 303, .app = DIA_APP_CX,
                           .hbh = hbh, .ete = ete};
    assert_int_equal(dia_encode(r->w->dict, dia_command_find(&dia_cx, 303)->in, &m, &h, ret_bytes), 0);
}

uint32_t raw_last_result(struct raw *r)
{
    struct dia_frame f;
    struct dia_fault fault;
    assert_true(r->n_last >= DIA_HEADER);
    assert_int_equal(dia_frame_parse(r->w->dict, (struct str){(char *)r->last, r->n_last}, &f, &fault), 0);
    return f.result_code;
}

struct str raw_last_avp(struct raw *r, uint32_t code)
{
    struct dia_frame f;
    struct dia_fault fault;
    assert_int_equal(dia_frame_parse(r->w->dict, (struct str){(char *)r->last, r->n_last}, &f, &fault), 0);
    return dia_frame_search(r->w->dict, &f, code, 0);
}
