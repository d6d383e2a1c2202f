// SPDX-License-Identifier: Apache-2.0
// What carillon-ctl and a daemon say to each other over the control socket. Both sides send
// frames: one letter, a space, a decimal number, a newline; for some letters that many bytes
// follow.
//   client  a N + N bytes   the command: its words, each ended by a NUL
//           f N + N bytes   contents of the file asked for
//   daemon  o N + N bytes   for standard output
//           e N + N bytes   for standard error
//           f I             wants the file that word I (from 0) names
//           x S             exit status; the end
#pragma once

enum {
    CTL_WIRE_ARGS = 'a',
    CTL_WIRE_FILE = 'f',
    CTL_WIRE_OUT = 'o',
    CTL_WIRE_ERR = 'e',
    CTL_WIRE_EXIT = 'x',
    CTL_WIRE_HEADER_MAX = 32,      // letter, number and newline
    CTL_WIRE_ARGS_MAX = 65536,     // bytes of all words
    CTL_WIRE_FILE_MAX = 256 << 20, // bytes of one file
};
