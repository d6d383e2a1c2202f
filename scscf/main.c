// SPDX-License-Identifier: Apache-2.0
// carillon-scscf: wiring of the Serving-CSCF into a daemon.
#include "app/nf_hooks.h"
#include "scscf/scscf.h"

APP_NF_HOOKS(scscf)
APP_NF_HOOK_STACK(scscf)
APP_NF_HOOK_LEFT(scscf)
APP_NF_HOOK_DIA(scscf)
APP_NF_HOOK_KEYS(scscf)
APP_NF_HOOK_RELOAD(scscf)
APP_NF_HOOK_READY(scscf)
APP_NF_HOOK_KEEP(scscf)

int main(int argc, char **argv)
{
    static const struct app_nf nf = {APP_NF_COMMON(scscf),
                                     .stack = hook_stack,
                                     .left = hook_left,
                                     .cut = hook_cut,
                                     .sip_commands = app_sip_commands,
                                     .dia = hook_dia,
                                     .dia_commands = app_dia_commands,
                                     .keys = hook_keys,
                                     .key_commands = app_key_commands,
                                     .reload = hook_reload,
                                     .ready = hook_ready,
                                     .keep = hook_keep,
                                     .state_commands = app_state_commands,
                                     .about = "Serving-CSCF of the Carillon IMS core"};
    return app_main(argc, argv, &nf);
}
