// SPDX-License-Identifier: Apache-2.0
// What a client says to /metrics and /health: whatever it is, an answer is HTTP and the next client
// is served.
#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/err.h"
#include "fuzz.h"
#include "server.h"

static struct addr local;

static int connect_to(void)
{
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    MUST(fd >= 0 && connect(fd, &local.sa, addr_len(&local)) == 0);
    // no TIME_WAIT: there are more inputs than ports
    struct linger none = {.l_onoff = 1};
    (void)setsockopt(fd, SOL_SOCKET, SO_LINGER, &none, sizeof none);
    return fd;
}

// A port that is free at the moment.
static void choose_port(void)
{
    MUST(addr_parse(STR("127.0.0.1"), 0, &local) == 0);
    socklen_t n = sizeof local.in4;
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    MUST(fd >= 0 && bind(fd, &local.sa, n) == 0 && getsockname(fd, &local.sa, &n) == 0);
    close(fd);
}

void fuzz_http(struct str input)
{
    static struct http *http;
    struct app *a = fuzz_app();
    for (int i = 0; !http && i < 20; i++) {
        choose_port();
        (void)http_new(a, &local, metrics_page, &http);
    }
    MUST(http);
    fuzz_slack = 8;
    struct str s = fuzz_talk(a, connect_to(), input);
    MUST(!s.n || str_starts(s, STR("HTTP/1.")));
    s = fuzz_talk(a, connect_to(), STR("GET /health HTTP/1.0\r\n\r\n"));
    MUST(str_starts(s, STR("HTTP/1.")) && str_find(s, STR("200 OK")) > 0);
}
