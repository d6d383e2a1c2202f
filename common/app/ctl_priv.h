// SPDX-License-Identifier: Apache-2.0
// Inside of the control socket. ctl.c accepts and moves bytes; ctl_out.c is one client's
// connection as a command sees it; ctl_commands.c finds and runs commands. A client's journey:
// connect, one command frame, perhaps files on request, output frames, the exit frame.
#pragma once

#include "app/app_priv.h"
#include "base/list.h"
#include "io/loop.h"

enum { CTL_WORDS_MAX = 64, CTL_FILES_MAX = 8 };

enum ctl_state {
    CTL_READING, // the command frame
    CTL_WAITING, // for a file
    CTL_RUNNING, // a command returned CTL_PENDING
    CTL_CLOSING, // the exit frame is queued
};

struct ctl_upload {
    int word; // index in argv that names it; -1: free
    char *text;
    size_t n;
};

struct ctl_bytes {
    char *p;
    size_t n, cap, done; // bytes held, room, bytes of them that are used up
};

struct ctl_out {
    struct list link;
    struct ctl *ctl;
    int fd; // -1: the client has gone
    struct watch *watch;
    bool want_write;
    enum ctl_state state;
    struct ctl_bytes in, out;
    bool overflow; // output beyond the cap has been dropped
    bool need_file;
    int needed;  // word index
    char *words; // the command frame
    int argc;
    char *argv[CTL_WORDS_MAX + 1];
    int n_name;                     // words of argv that form the command's name
    char name[128];                 // them joined, argv[0] as the command gets it
    char *given[CTL_WORDS_MAX + 1]; // argv as the command gets it
    struct ctl_upload uploads[CTL_FILES_MAX];
};

struct ctl {
    struct app *app;
    struct door door;
    struct list clients;
    size_t n_clients;
    char path[256];
};

// ctl_bytes: appends n bytes; ERR_NOMEM leaves it as it was.
int ctl_bytes_add(struct ctl_bytes *b, const void *p, size_t n);
void ctl_bytes_done(struct ctl_bytes *b);

// ctl_out.c
struct ctl_out *ctl_out_new(struct ctl *c, int fd);
void ctl_out_free(struct ctl_out *o);
// Queues a frame; output beyond the cap is dropped.
void ctl_out_frame(struct ctl_out *o, char type, struct str payload);
void ctl_out_number(struct ctl_out *o, char type, int number);
// Sends what the socket takes; false when the client has gone.
bool ctl_out_flush(struct ctl_out *o);

// ctl_commands.c: runs what argv says, also again with its file; returns what the command returned.
int ctl_run(struct ctl_out *o);
