// SPDX-License-Identifier: Apache-2.0
#include <signal.h>

#include "base/err.h"
#include "base/hash.h"
#include "base/log.h"
#include "io/uv.h"
#include "tools/ue/tool.h"

// OPc from OP once, so that the phones need no more than OPc.
static int derive_opc(struct options *o)
{
    struct aka *a;
    if (!o->has_op)
        return 0;
    int e = aka_new(&a);
    if (e)
        return e;
    e = aka_opc(a, o->k, o->op, o->opc);
    aka_free(a);
    return e;
}

int main(int argc, char **argv)
{
    struct options o;
    struct loop *loop;
    struct uv_loop_params lp = {0};
    (void)signal(SIGPIPE, SIG_IGN); // who no longer reads the events still gets an exit status
    options_parse(argc, argv, &o);
    log_init("ue", LOG_FORMAT_TEXT, 2);
    log_set_level(LOG_WARN);
    int e = uvloop_new(&lp, &loop);
    if (!e)
        e = derive_opc(&o);
    if (e)
        return cannot_start(&o, "", e);
    hash_seed(loop_random_u64(loop), loop_random_u64(loop));
    int status = o.users ? load_run(loop, &o) : script_run(loop, &o);
    loop_free(loop);
    return status;
}
