# SPDX-License-Identifier: Apache-2.0
"""Processes of the lab: started detached, remembered by pid and start time, ended only if still the same."""
import errno
import json
import os
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request

from labkit import facts


class LabError(Exception):
    """A failure with a text for people, and optionally the name of a log that explains it."""

    def __init__(self, text, log=None):
        super().__init__(text)
        self.log = log


class UsageError(LabError):
    """Wrong words on the command line: exit status 2."""


def _book():
    return facts.RUN / "processes.json"


def load():
    try:
        return json.loads(_book().read_text())
    except (OSError, ValueError):
        return {}


def _save(book):
    tmp = _book().with_suffix(".tmp")
    tmp.write_text(json.dumps(book, indent=1))
    tmp.replace(_book())


def _start_time(pid):
    """Clock ticks since boot at which the process started: with the pid it names one process."""
    try:
        with open(f"/proc/{pid}/stat") as f:
            fields = f.read().rsplit(")", 1)[1].split()
    except OSError:
        return None
    return None if fields[0] == "Z" else fields[19]


def alive(entry):
    return bool(entry) and _start_time(entry["pid"]) == entry["start"]


def log_path(name):
    return facts.RUN / f"{name}.log"


def start(name, command):
    book = load()
    if alive(book.get(name)):
        return False
    with open(log_path(name), "ab") as log:
        p = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=log, stderr=log,
                             start_new_session=True, cwd=facts.RUN)
    book[name] = {"pid": p.pid, "start": _start_time(p.pid), "since": time.time(),
                  "command": command}
    _save(book)
    return True


def stop(name, wait_s=10.0):
    """Ends what start() started; True when something was running. A node that still drains after wait_s gets a
    second SIGTERM, which ends it at once and in order."""
    book = load()
    if name not in book:
        return False
    entry = book.pop(name)
    running = alive(entry)
    if running:
        for sig, patience in ((signal.SIGTERM, wait_s), (signal.SIGTERM, 5.0), (signal.SIGKILL, 2.0)):
            try:
                os.kill(entry["pid"], sig)
            except ProcessLookupError:
                break
            end = time.time() + patience
            while alive(entry) and time.time() < end:
                _reap(entry["pid"])
                time.sleep(0.02)
            if not alive(entry):
                break
    _save(book)
    return running


def _reap(pid):
    try:
        os.waitpid(pid, os.WNOHANG)
    except ChildProcessError:
        pass


def port_is_free(ip, proto, port):
    kind = socket.SOCK_STREAM if proto == "tcp" else socket.SOCK_DGRAM
    with socket.socket(facts.AF(ip), kind) as s:
        if proto == "tcp":
            s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            s.bind((ip, port))
        except OSError as e:
            if e.errno == errno.EADDRINUSE:
                return False
            raise LabError(f"cannot use {facts.place(ip, port)}/{proto}: {e.strerror}") from e
    return True


def health(name):
    """(state, why): 'up', 'not ready' or 'down'."""
    url = facts.url(name, "health")
    try:
        with urllib.request.urlopen(url, timeout=1) as r:
            return "up", json.load(r).get("why") or ""
    except urllib.error.HTTPError as e:
        try:
            return "not ready", json.load(e).get("why") or ""
        except ValueError:
            return "not ready", ""
    except (OSError, ValueError):
        return "down", ""


def wait_until(condition, seconds, name, what):
    """Polls until condition() is true; LabError when the process ends or the time is over."""
    end = time.time() + seconds
    while time.time() < end:
        if condition():
            return
        entry = load().get(name)
        if entry:
            _reap(entry["pid"])
        if not alive(entry):
            raise LabError(f"{name} ended while starting", log=name)
        time.sleep(0.03)
    raise LabError(f"{name}: {what} did not happen within {seconds} s", log=name)


def tail(name, lines=12):
    try:
        text = log_path(name).read_text(errors="replace").splitlines()
    except OSError:
        return []
    return text[-lines:]


def warn(text):
    print(text, file=sys.stderr)
