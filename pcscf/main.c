// SPDX-License-Identifier: Apache-2.0
// carillon-pcscf: wiring of the Proxy-CSCF into a daemon.
#include "app/nf_hooks.h"
#include "pcscf/pcscf.h"

APP_NF_HOOKS(pcscf)
APP_NF_HOOK_STACK(pcscf)

int main(int argc, char **argv)
{
    static const struct app_nf nf = {APP_NF_COMMON(pcscf), .stack = hook_stack, .sip_commands = app_sip_commands,
                                     .about = "Proxy-CSCF: the UE's first contact point in the IMS"};
    return app_main(argc, argv, &nf);
}
