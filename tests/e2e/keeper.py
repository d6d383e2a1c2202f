#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Ends what a test run has left behind, however the run ended: its own end, an interrupt, a crash, kill -9.

Every process of a run inherits RUN_MARK in its environment. The keeper is a process of its own that reads a
pipe which only pytest holds; the pipe's end is the end of the run."""
import os
import signal
import subprocess
import sys
import time

RUN_MARK = "CARILLON_E2E_RUN"
PATIENCE_S = 5


def start_time(pid):
    """Clock ticks since boot at which the process started, None when it is gone: with the pid it names one."""
    try:
        with open(f"/proc/{pid}/stat", encoding="utf-8", errors="replace") as f:
            fields = f.read().rsplit(")", 1)[1].split()
    except OSError:
        return None
    return None if fields[0] == "Z" else fields[19]


def command_of(pid):
    try:
        with open(f"/proc/{pid}/cmdline", "rb") as f:
            return f.read().replace(b"\0", b" ").decode(errors="replace").strip()
    except OSError:
        return ""


def marked(mark):
    """Pids of all processes that were started under this mark."""
    wanted, found = f"{RUN_MARK}={mark}".encode(), []
    for entry in os.listdir("/proc"):
        try:
            with open(f"/proc/{entry}/environ", "rb") as f:
                if entry.isdigit() and wanted in f.read().split(b"\0") and start_time(entry):
                    found.append(int(entry))
        except OSError:
            continue
    return found


def end_all(pids):
    """SIGTERM to those that pids() names, SIGKILL after a while; returns when there are none."""
    end = time.monotonic() + PATIENCE_S
    for sig in (signal.SIGTERM, signal.SIGKILL):
        for pid in pids():
            try:
                os.kill(pid, sig)
            except OSError:
                continue
        while pids() and time.monotonic() < end:
            time.sleep(0.05)
        end += PATIENCE_S


class Keeper:
    """The run's side: starts the keeper and sets the mark for everything that is started from now on."""

    def __init__(self):
        self.mark = f"{os.getpid()}-{start_time(os.getpid())}"
        env = {k: v for k, v in os.environ.items() if k != RUN_MARK}
        self._process = subprocess.Popen([sys.executable, os.path.abspath(__file__), self.mark],
                                         stdin=subprocess.PIPE, env=env, start_new_session=True)
        os.environ[RUN_MARK] = self.mark

    def watch(self, pid):
        """For a process whose environment cannot be read, as of a program with file capabilities (dumpcap)."""
        self._process.stdin.write(f"{pid} {start_time(pid)}\n".encode())
        self._process.stdin.flush()

    def leftovers(self, seconds=3):
        """Commands of what still runs, after a moment in which it may end by itself."""
        end = time.monotonic() + seconds
        while marked(self.mark) and time.monotonic() < end:
            time.sleep(0.05)
        return [f"{pid}: {command_of(pid)}" for pid in marked(self.mark)]

    def finish(self):
        self._process.stdin.close()
        self._process.wait(4 * PATIENCE_S)


def main(mark):
    for sig in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(sig, signal.SIG_IGN)  # meant for the run; its end is what counts here
    told = [line.split() for line in sys.stdin if line.strip()]
    end_all(lambda: {*marked(mark), *(int(pid) for pid, start in told if start_time(pid) == start)})


if __name__ == "__main__":
    main(sys.argv[1])
