// SPDX-License-Identifier: Apache-2.0
// What people hear of a flow: its messages in the trace, and log lines.
#include "base/log.h"
#include "base/log_limit.h"
#include "stack/transport/transport_priv.h"

// The Call-ID of a message just built, for the trace only.
static struct str find_call_id(struct str bytes)
{
    while (bytes.n) {
        struct str line = str_split(&bytes, '\n');
        if (line.n <= 1)
            break;
        struct str v = line, name = str_trim(str_split(&v, ':'));
        if (str_ieq(name, STR("Call-ID")) || str_ieq(name, STR("i")))
            return str_trim(v);
    }
    return STR_NONE;
}

void flow_write_trace(struct flow *f, bool out, const struct addr *remote, struct str bytes, struct str call_id)
{
    struct transport *t = f->transport;
    struct stack_trace line = {.out = out,
                               .proto = f->info.proto,
                               .local = f->info.local,
                               .remote = *remote,
                               .bytes = bytes,
                               .call_id = call_id.n ? call_id : find_call_id(bytes)};
    t->owner.trace(t->owner_arg, &line);
}

void transport_log(struct flow *f, const char *msg, const char *what, struct str call_id)
{
    char peer[ADDR_TEXT_MAX];
    LOG_FROM(addr_source_key(&f->info.remote), loop_now(f->transport->loop) / 1000000, LOG_WARN, msg,
             what, LF("peer", addr_text(&f->info.remote, peer)), LF_Z("what", what),
             LF("call_id", call_id));
}
