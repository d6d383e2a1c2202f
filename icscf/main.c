// SPDX-License-Identifier: Apache-2.0
// carillon-icscf: wiring of the Interrogating-CSCF into a daemon.
#include "app/nf_hooks.h"
#include "icscf/icscf.h"

APP_NF_HOOKS(icscf)
APP_NF_HOOK_STACK(icscf)
APP_NF_HOOK_LEFT(icscf)
APP_NF_HOOK_DIA(icscf)
APP_NF_HOOK_RELOAD(icscf)
APP_NF_HOOK_READY(icscf)

int main(int argc, char **argv)
{
    static const struct app_nf nf = {APP_NF_COMMON(icscf),
                                     .stack = hook_stack,
                                     .left = hook_left,
                                     .cut = hook_cut,
                                     .sip_commands = app_sip_commands,
                                     .dia = hook_dia,
                                     .dia_commands = app_dia_commands,
                                     .reload = hook_reload,
                                     .ready = hook_ready,
                                     .about = "Interrogating-CSCF of the Carillon IMS core"};
    return app_main(argc, argv, &nf);
}
