// SPDX-License-Identifier: Apache-2.0
// What a client says on the control socket: whatever it is, what comes back is whole frames, and a
// command that was understood ends with a status.
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "app/ctl_wire.h"
#include "base/err.h"
#include "fuzz.h"
#include "server.h"

static const char *path_of(void)
{
    static char path[64];
    (void)snprintf(path, sizeof path, "/tmp/carillon-fuzz.%ld.ctl", (long)getpid());
    return path;
}

static int connect_to(const char *path)
{
    struct sockaddr_un un = {.sun_family = AF_UNIX};
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    memcpy(un.sun_path, path, strlen(path));
    MUST(fd >= 0 && connect(fd, (struct sockaddr *)&un, sizeof un) == 0);
    return fd;
}

// Frames from the daemon; true when the last one is the exit status.
static bool read_frames(struct str s)
{
    bool ended = false;
    while (s.n) {
        MUST(!ended);
        struct str line = str_split(&s, '\n'), number = str_skip(line, 2);
        uint32_t n;
        MUST(line.n >= 3 && line.p[1] == ' ' && s.p && str_u32(number, &n) == 0);
        if (line.p[0] == CTL_WIRE_OUT || line.p[0] == CTL_WIRE_ERR) {
            MUST(n <= s.n);
            s = str_skip(s, n);
        } else if (line.p[0] == CTL_WIRE_EXIT) {
            ended = true;
        } else {
            MUST(line.p[0] == CTL_WIRE_FILE);
        }
    }
    return ended;
}

void fuzz_control(struct str input)
{
    static struct ctl *ctl;
    struct app *a = fuzz_app();
    if (!ctl) {
        MUST(ctl_new(a, path_of(), &ctl) == 0);
        a->ctl = ctl;
    }
    (void)read_frames(fuzz_talk(a, connect_to(path_of()), input));
    static const char version[] = "a 8\nversion";
    MUST(read_frames(fuzz_talk(a, connect_to(path_of()), str_make(version, sizeof version))));
}

static void __attribute__((destructor)) remove_path(void)
{
    (void)unlink(path_of());
}
