// SPDX-License-Identifier: Apache-2.0
// A process whose loop does not turn any more serves nobody, and its supervisor does not know: it ends
// itself with a log line, the stack and SIGABRT, which leaves a core and gets it started anew. There
// is no thread: a timer of the kernel interrupts the loop's thread and looks whether it has turned.
//
// Time on the wall proves nothing (a process that was stopped, a virtual machine that slept). What
// counts is looks at which the same turn still ran: signals of a stopped process melt into one, and a
// look that finds that the thread has had little processor time counts a third only, so a machine
// under load gets three times as long, and so does a call that blocks.
#include <errno.h>
#include <execinfo.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "app/app_priv.h"
#include "base/err.h"
#include "base/log.h"

enum { LOOKS = 5, FULL = 3, FRAMES = 64, FIRST_LINE = 200 };

static struct {
    const struct loop_progress *progress;
    timer_t timer;
    bool running;
    uint64_t look_ns;
    // of the handler
    uint32_t turn;
    unsigned score;
    uint64_t cpu_ns;
} dog;

static uint64_t cpu_ns(void)
{
    struct timespec ts;
    (void)clock_gettime(CLOCK_THREAD_CPUTIME_ID, &ts);
    return (uint64_t)ts.tv_sec * 1000000000 + (uint64_t)ts.tv_nsec;
}

static struct str first_line(const char *p, size_t n)
{
    struct str s = str_head(str_make(p, n), FIRST_LINE);
    ptrdiff_t end = str_chr(s, '\r');
    return end < 0 ? s : str_head(s, (size_t)end);
}

static _Noreturn void bite(void)
{
    const struct loop_progress *p = dog.progress;
    void *frames[FRAMES];
    const char *bytes = p->bytes;
    log_from_signal("watchdog: the loop has not turned, ending", "doing",
                    str_from(p->doing ? p->doing : "?"));
    if (bytes)
        log_from_signal("watchdog: the message at hand", "message", first_line(bytes, p->n));
    backtrace_symbols_fd(frames, backtrace(frames, FRAMES), STDERR_FILENO);
    (void)signal(SIGABRT, SIG_DFL);
    abort();
}

static void look(int signo)
{
    const struct loop_progress *p = dog.progress;
    int saved = errno;
    uint64_t now = cpu_ns(), spent = now - dog.cpu_ns;
    (void)signo;
    dog.cpu_ns = now;
    if (p->asleep || p->turns != dog.turn) {
        dog.turn = p->turns;
        dog.score = 0;
    } else {
        dog.score += spent >= dog.look_ns / 2 ? FULL : 1;
    }
    if (dog.score >= LOOKS * FULL)
        bite();
    errno = saved;
}

static int start_timer(uint32_t seconds)
{
    struct sigevent ev = {.sigev_notify = SIGEV_THREAD_ID, .sigev_signo = SIGALRM};
    ev._sigev_un._tid = (pid_t)syscall(SYS_gettid);
    if (timer_create(CLOCK_MONOTONIC, &ev, &dog.timer))
        return ERR_IO;
    dog.running = true;
    dog.look_ns = (uint64_t)seconds * 1000000000 / LOOKS;
    const struct timespec each = {.tv_sec = (time_t)(dog.look_ns / 1000000000),
                                  .tv_nsec = (long)(dog.look_ns % 1000000000)};
    const struct itimerspec t = {.it_interval = each, .it_value = each};
    return timer_settime(dog.timer, 0, &t, NULL) ? ERR_IO : 0;
}

int watchdog_start(struct loop *l, uint32_t seconds)
{
    struct sigaction sa = {.sa_handler = look, .sa_flags = SA_RESTART};
    void *frames[1];
    if (!seconds)
        return 0;
    (void)backtrace(frames, 1); // its library is loaded now, not in the handler
    dog.progress = loop_progress(l);
    dog.cpu_ns = cpu_ns();
    (void)sigemptyset(&sa.sa_mask);
    if (sigaction(SIGALRM, &sa, NULL))
        return ERR_IO;
    return start_timer(seconds);
}

void watchdog_stop(void)
{
    if (dog.running)
        (void)timer_delete(dog.timer);
    dog.running = false;
    (void)signal(SIGALRM, SIG_IGN);
}
