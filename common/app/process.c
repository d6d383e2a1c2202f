// SPDX-License-Identifier: Apache-2.0
// The process's own figures under the names that Prometheus gives them.
#include <dirent.h>
#include <stdio.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

#include "app/app_priv.h"
#include "base/log.h"
#include "base/log_limit.h"

// Resident pages are the second number of proc(5) statm.
static double resident_bytes(void)
{
    unsigned long size = 0, resident = 0;
    FILE *f = fopen("/proc/self/statm", "re");
    if (!f)
        return 0;
    if (fscanf(f, "%lu %lu", &size, &resident) != 2)
        resident = 0;
    fclose(f);
    return (double)resident * (double)sysconf(_SC_PAGESIZE);
}

static double open_fds(void)
{
    DIR *d = opendir("/proc/self/fd");
    if (!d)
        return 0;
    double n = 0;
    for (struct dirent *e; (e = readdir(d));)
        n += e->d_name[0] != '.';
    closedir(d);
    return n - 1; // the directory itself
}

static double seconds(struct timeval t)
{
    return (double)t.tv_sec + (double)t.tv_usec / 1e6;
}

void descriptors_raise(uint32_t wanted)
{
    const rlim_t most = 1 << 20; // there is a table of so many in the kernel, and it is not free
    struct rlimit files;
    if (getrlimit(RLIMIT_NOFILE, &files))
        return;
    rlim_t want = wanted ? wanted : files.rlim_max < most ? files.rlim_max : most;
    if (want > files.rlim_max) {
        LOG(LOG_WARN, "fewer descriptors than run.descriptors", LF_NUM("wanted", wanted),
            LF_NUM("allowed", files.rlim_max));
        want = files.rlim_max;
    }
    files.rlim_cur = want;
    (void)setrlimit(RLIMIT_NOFILE, &files);
}

void metrics_process(struct app *a, struct metrics *m)
{
    struct rusage u;
    struct rlimit files = {0};
    struct timespec now;
    (void)getrusage(RUSAGE_SELF, &u);
    (void)getrlimit(RLIMIT_NOFILE, &files);
    clock_gettime(CLOCK_REALTIME, &now);
    double start = (double)now.tv_sec - (double)(app_uptime_ms(a) / 1000);
    metrics_add_full(m, "process_resident_memory_bytes", "gauge", "Resident memory size in bytes.",
                     "", resident_bytes());
    metrics_add_full(m, "process_cpu_seconds_total", "counter",
                     "Total user and system CPU time spent in seconds.", "",
                     seconds(u.ru_utime) + seconds(u.ru_stime));
    metrics_add_full(m, "process_open_fds", "gauge", "Number of open file descriptors.", "",
                     open_fds());
    metrics_add_full(m, "process_max_fds", "gauge", "Maximum number of open file descriptors.", "",
                     (double)files.rlim_cur);
    http_metrics(a->http, m);
    metrics_add(m, "log_lines_suppressed_total", "counter",
                "Log lines that somebody outside caused, beyond what one source or one cause may.",
                "", (double)log_suppressed());
    metrics_add_full(m, "process_start_time_seconds", "gauge",
                     "Start time of the process since unix epoch in seconds.", "", start);
}
