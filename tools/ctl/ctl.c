// SPDX-License-Identifier: Apache-2.0
// carillon-ctl: sends one command to a running daemon and shows what it answers. See
// common/app/ctl_wire.h for what goes over the socket.
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "app/ctl_wire.h"
#include "base/mem.h"
#include "base/str.h"

enum {
    EXIT_USAGE = 2,
    EXIT_NO_DAEMON = 3,
    BLOCK_BYTES = 65536,
    PATIENCE_S = 30, // for the first word of an answer
};

// A command whose first word belongs to one NF needs no NF before it.
static const struct {
    const char *word, *nf;
} belongs[] = {{"subscriber", "hss"}};

struct session {
    FILE *socket;
    unsigned patience_s;
    char **words;
    int n_words;
};

static int usage(FILE *to)
{
    fputs(
        "Usage: carillon-ctl NF COMMAND [ARGUMENT]...\n"
        "       carillon-ctl --socket PATH COMMAND [ARGUMENT]...\n"
        "Sends a command to a running daemon and prints its answer.\n"
        "--timeout S before all else: wait S seconds (30; 0: for ever) for a daemon that does not answer.\n"
        "\n"
        "NF is the name of a daemon: pcscf, icscf, scscf, hss. Its socket is NF.ctl in the directory\n"
        "$CARILLON_RUN, or in /run/carillon; --socket names another.\n"
        "\n"
        "  carillon-ctl NF help                    all commands of that daemon\n"
        "  carillon-ctl NF status                  state, readiness, uptime\n"
        "  carillon-ctl NF log level debug         log more, until it is set back\n"
        "  carillon-ctl scscf registrations        who is registered\n"
        "  carillon-ctl hss subscriber show alice  a subscriber; \"hss\" may be left out here\n"
        "\n"
        "A FILE argument is read here, as the user who calls; - is standard input.\n"
        "Exit status: the command's; 2 wrong usage; 3 no daemon answers.\n",
        to);
    return to == stdout ? 0 : EXIT_USAGE;
}

static void default_path(char *path, size_t size, const char *nf)
{
    const char *run = getenv("CARILLON_RUN");
    (void)snprintf(path, size, "%s/%s.ctl", run && *run ? run : "/run/carillon", nf);
}

// A daemon that is stopped or stuck still lets people connect: they wait so long and no longer, 0: for ever.
static void set_patience(int fd, unsigned seconds)
{
    const struct timeval t = {.tv_sec = seconds};
    (void)setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &t, sizeof t);
    (void)setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &t, sizeof t);
}

static FILE *connect_to(const char *path, unsigned patience_s)
{
    struct sockaddr_un un = {.sun_family = AF_UNIX};
    if (strlen(path) >= sizeof un.sun_path) {
        errno = ENAMETOOLONG;
        return NULL;
    }
    memcpy(un.sun_path, path, strlen(path) + 1);
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd < 0)
        return NULL;
    set_patience(fd, patience_s);
    if (connect(fd, (const struct sockaddr *)&un, sizeof un)) {
        int saved = errno;
        close(fd);
        errno = saved;
        return NULL;
    }
    return fdopen(fd, "r+");
}

static int send_frame(FILE *s, char type, struct str payload)
{
    fprintf(s, "%c %zu\n", type, payload.n);
    fwrite(payload.p, 1, payload.n, s);
    return fflush(s) ? -1 : 0;
}

static int send_words(const struct session *s)
{
    size_t n = 0;
    for (int i = 0; i < s->n_words; i++)
        n += strlen(s->words[i]) + 1;
    char *all AUTO_FREE = mem_alloc(n);
    if (!all || n > CTL_WIRE_ARGS_MAX) {
        fputs("carillon-ctl: the command is too long\n", stderr);
        return -1;
    }
    char *p = all;
    for (int i = 0; i < s->n_words; i++)
        p = stpcpy(p, s->words[i]) + 1;
    return send_frame(s->socket, CTL_WIRE_ARGS, str_make(all, n));
}

// ---- files ----

static char *read_stream(FILE *f, size_t *ret_n)
{
    size_t n = 0, cap = BLOCK_BYTES;
    char *text = mem_alloc(cap);
    while (text) {
        size_t got = fread(text + n, 1, cap - n, f);
        n += got;
        if (got == 0)
            break;
        if (n < cap)
            continue;
        char *grown = n > CTL_WIRE_FILE_MAX ? NULL : mem_realloc(text, cap *= 2);
        if (!grown)
            mem_free(text);
        text = grown;
    }
    *ret_n = n;
    return text;
}

static int send_file(const struct session *s, unsigned long word)
{
    if (word >= (unsigned long)s->n_words)
        return -1;
    const char *name = s->words[word];
    size_t n = 0;
    errno = 0;
    FILE *f = strcmp(name, "-") ? fopen(name, "re") : stdin;
    char *text AUTO_FREE = f ? read_stream(f, &n) : NULL;
    int failed = !text || ferror(f) || n > CTL_WIRE_FILE_MAX;
    if (failed)
        fprintf(stderr, "%s: %s\n", name, errno ? strerror(errno) : "too big");
    if (f && f != stdin)
        fclose(f);
    return failed ? -1 : send_frame(s->socket, CTL_WIRE_FILE, str_make(text, n));
}

// ---- the answer ----

static int copy(FILE *from, FILE *to, unsigned long n)
{
    char block[BLOCK_BYTES];
    while (n) {
        size_t got = fread(block, 1, n < sizeof block ? n : sizeof block, from);
        if (got == 0)
            return -1;
        if (fwrite(block, 1, got, to) != got)
            return -1;
        n -= got;
    }
    return 0;
}

// Follows the daemon's frames to the exit frame; its status, or 1 when it breaks off.
static int follow(const struct session *s)
{
    char type;
    unsigned long n;
    errno = 0;
    while (fscanf(s->socket, "%c %lu", &type, &n) == 2 && fgetc(s->socket) == '\n') {
        int failed = -1;
        set_patience(fileno(s->socket), 0); // it lives: an import may take its time
        if (type == CTL_WIRE_EXIT)
            return (int)n;
        if (type == CTL_WIRE_OUT)
            failed = copy(s->socket, stdout, n);
        else if (type == CTL_WIRE_ERR)
            failed = copy(s->socket, stderr, n);
        else if (type == CTL_WIRE_FILE)
            failed = send_file(s, n);
        if (failed)
            return EXIT_FAILURE;
    }
    if (errno == EAGAIN) {
        fprintf(stderr, "carillon-ctl: the daemon is there, but has not answered for %u s\n",
                s->patience_s);
        return EXIT_NO_DAEMON;
    }
    fputs("carillon-ctl: the daemon broke off\n", stderr);
    return EXIT_FAILURE;
}

static int talk(const char *path, unsigned patience_s, char **words, int n_words)
{
    struct session s = {.words = words, .n_words = n_words, .patience_s = patience_s,
                        .socket = connect_to(path, patience_s)};
    if (!s.socket) {
        bool absent = errno == ECONNREFUSED || errno == ENOENT;
        fprintf(stderr, "carillon-ctl: %s: %s\n", path,
                absent ? "no daemon answers there; is it running, is CARILLON_RUN right?"
                       : strerror(errno));
        return EXIT_NO_DAEMON;
    }
    int status = send_words(&s) ? EXIT_FAILURE : follow(&s);
    if (fflush(stdout) && !status)
        status = EXIT_FAILURE;
    fclose(s.socket);
    return status;
}

int main(int argc, char **argv)
{
    char path[256];
    int at = 1;
    unsigned patience_s = PATIENCE_S;
    if (argc > 2 && !strcmp(argv[1], "--timeout")) {
        patience_s = (unsigned)strtoul(argv[2], NULL, 10);
        argc -= 2;
        argv += 2;
    }
    if (argc > 1 && (!strcmp(argv[1], "--help") || !strcmp(argv[1], "-h")))
        return usage(stdout);
    if (argc > 1 && !strcmp(argv[1], "--version")) {
        printf("carillon-ctl %s\n", CARILLON_VERSION);
        return 0;
    }
    if (argc > 2 && !strcmp(argv[1], "--socket")) {
        (void)snprintf(path, sizeof path, "%s", argv[2]);
        at = 3;
    } else if (argc > 1 && argv[1][0] != '-') {
        const char *nf = argv[1];
        at = 2;
        for (size_t i = 0; i < ARRAY_LEN(belongs); i++) {
            if (!strcmp(nf, belongs[i].word)) {
                nf = belongs[i].nf;
                at = 1;
                break;
            }
        }
        default_path(path, sizeof path, nf);
    }
    if (at == argc || (at == 1 && argv[1][0] == '-'))
        return usage(stderr);
    return talk(path, patience_s, argv + at, argc - at);
}
