# SPDX-License-Identifier: Apache-2.0
"""Processes pinned to a core, and what they cost: CPU time and memory as the kernel counts them."""
import os
import resource
import signal
import subprocess
import time
from pathlib import Path


class BenchError(Exception):
    """The run cannot give a figure; the text says why."""


class Process:
    """One started command; with its children (they share its session) it is one unit of account."""

    def __init__(self, name, command, core, log, env=None):
        self.name, self.log = name, log
        with open(log, "ab") as out:
            self.popen = subprocess.Popen(
                ["taskset", "-c", str(core), *map(str, command)], stdin=subprocess.DEVNULL,
                stdout=out, stderr=out, start_new_session=True, env=env)

    def pids(self):
        """The process and everything of its session."""
        mine = []
        for entry in os.listdir("/proc"):
            if entry.isdigit():
                try:
                    fields = stat_fields(entry)
                except OSError:
                    continue
                if fields[3] == str(self.popen.pid) and fields[0] != "Z":
                    mine.append(int(entry))
        return mine

    def cpu_us(self):
        return sum(cpu_us_of(pid) for pid in self.pids())

    def memory(self):
        """Bytes that belong to these processes alone."""
        return sum(private_bytes(pid) for pid in self.pids())

    def alive(self):
        return self.popen.poll() is None

    def stop(self, patience=10):
        pids = self.pids()
        if self.alive():
            self.popen.terminate()
        end = time.time() + patience
        while time.time() < end and (self.alive() or self.pids()):
            time.sleep(0.05)
        for pid in self.pids():
            if pid in pids:
                os.kill(pid, signal.SIGKILL)
        self.popen.wait()


def stat_fields(pid):
    return Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()


def cpu_us_of(pid):
    """Nanoseconds on a CPU of every thread, user and kernel, from schedstat."""
    total = 0
    try:
        for task in os.listdir(f"/proc/{pid}/task"):
            total += int(Path(f"/proc/{pid}/task/{task}/schedstat").read_text().split()[0])
    except OSError:
        pass
    return total / 1000


def private_bytes(pid):
    total = 0
    for line in Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines():
        if line.startswith(("Private_Clean:", "Private_Dirty:")):
            total += int(line.split()[1]) * 1024
    return total


def raise_limits():
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))


def wait_for(condition, seconds, what, process=None):
    end = time.time() + seconds
    while time.time() < end:
        if condition():
            return
        if process and not process.alive():
            break
        time.sleep(0.05)
    tail = ""
    if process:
        tail = "\n" + "\n".join(Path(process.log).read_text(errors="replace").splitlines()[-8:])
    raise BenchError(f"{what} did not happen within {seconds} s{tail}")
