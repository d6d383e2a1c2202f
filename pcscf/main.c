// SPDX-License-Identifier: Apache-2.0
// carillon-pcscf: wiring of the Proxy-CSCF into a daemon.
#include "app/nf_hooks.h"
#include "pcscf/pcscf.h"

APP_NF_HOOKS(pcscf)
APP_NF_HOOK_STACK(pcscf)
APP_NF_HOOK_LEFT(pcscf)
APP_NF_HOOK_KEEP(pcscf)
APP_NF_HOOK_READY(pcscf)
APP_NF_HOOK_KEYS(pcscf)

int main(int argc, char **argv)
{
    static const struct app_nf nf = {
        APP_NF_COMMON(pcscf), .stack = hook_stack, .left = hook_left, .cut = hook_cut, .ready = hook_ready,
        .keep = hook_keep, .state_commands = app_state_commands, .sip_commands = app_sip_commands, .keys = hook_keys,
        .key_commands = app_key_commands, .about = "Proxy-CSCF: the UE's first contact point in the IMS"};
    return app_main(argc, argv, &nf);
}
