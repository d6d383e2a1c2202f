// SPDX-License-Identifier: Apache-2.0
#include <signal.h>

#include "hss/ctl.h"
#include "hss/daemon.h"

int main(int argc, char **argv)
{
    static const struct app_nf nf = {
        .name = "hss",
        .about = "Home Subscriber Server: subscribers, their keys and where they are registered",
        .rows = hss_rows,
        .config_size = sizeof(struct hss_config),
        .check = hss_check,
        .suspect = hss_suspect,
        .start = hss_daemon_start,
        .reload = hss_daemon_reload,
        .drain = hss_daemon_drain,
        .stop = hss_daemon_stop,
        .ready = hss_daemon_ready,
        .metrics = hss_daemon_metrics,
        .dia = hss_daemon_dia,
        .dia_commands = app_dia_commands,
        .commands = hss_commands,
    };
    (void)signal(SIGXFSZ,
                 SIG_IGN); // a store at its size limit is refused by the write, not by death
    return app_main(argc, argv, &nf);
}
