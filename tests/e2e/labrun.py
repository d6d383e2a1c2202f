# SPDX-License-Identifier: Apache-2.0
"""One lab for the whole test run: real daemons on the lab addresses, every message captured, and the
exit status of every daemon remembered."""
import ctypes
import fcntl
import os
import re
import shutil
import signal
import subprocess
import time
import urllib.request

from labkit import facts, procs
from labkit.phones import Phone
from network import own_network

STORE = ("hss.db", "hss.db-wal", "hss.db-shm")

LOCK = "/tmp/carillon-lab.lock"  # the lab addresses exist once on a machine, unless we get our own
LOCK_PATIENCE_S = 900
SANITIZER = re.compile(r"ERROR: \w+Sanitizer|runtime error:|SUMMARY: \w+Sanitizer")
PR_SET_CHILD_SUBREAPER = 36


def wait_until(condition, seconds, what):
    """Polls; the value of condition() once it is true."""
    end = time.monotonic() + seconds
    while True:
        value = condition()
        if value:
            return value
        if time.monotonic() > end:
            raise AssertionError(f"{what}: not within {seconds} s")
        time.sleep(0.05)


class Lab:
    def __init__(self, keeper):
        self._keeper = keeper
        self.pcap = facts.RUN / "all.pcapng"
        self.exits = []           # (node, pid, wait status) of every node that has ended
        self.killed = set()       # pids that a test ended with SIGKILL
        self.kills = []           # when they did
        self.mixed = []           # [from, until] when nodes of another maker had a place in the lab
        self.unanswered = set()   # Call-IDs of requests that a test left without an answer on purpose
        self._known = {}          # pid -> node
        self._dumpcap = self._lock = None

    # ---- life ----

    def start(self):
        if not own_network():
            self._lock = open(LOCK, "r" if os.path.exists(LOCK) else "a+")
            wait_until(self._try_lock, LOCK_PATIENCE_S, f"{LOCK} is held by another run")
        # tools/lab starts daemons and ends; they become our children then, with an exit status to read.
        ctypes.CDLL(None, use_errno=True).prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)
        self._start_capture()
        self.cli("up")

    def _try_lock(self):
        try:
            fcntl.flock(self._lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
        return True

    def _start_capture(self):
        tool = shutil.which("dumpcap")
        assert tool, "dumpcap is missing (tools/packages ensure test)"
        log = open(facts.RUN / "dumpcap.log", "w")
        self._dumpcap = subprocess.Popen(
            [tool, "-q", "-i", "lo", "-B", "64", "-w", str(self.pcap), "-f",
             f"net {facts.everything()} and (port 5060 or port 5070 or port 3868)"],
            stdout=log, stderr=log)
        self._keeper.watch(self._dumpcap.pid)
        wait_until(lambda: self.pcap.exists() and self.pcap.stat().st_size, 10,
                   "dumpcap captures (is this root, or in group wireshark?)")

    def stop_capture(self):
        if self._dumpcap:
            time.sleep(0.5)  # what the kernel still holds for dumpcap
            self._dumpcap.send_signal(signal.SIGINT)
            self._dumpcap.wait(20)
            self._dumpcap = None

    def finish(self):
        self.stop_capture()
        self.down()
        if self._lock:
            self._lock.close()

    # ---- tools/lab ----

    def cli(self, *args, status=0, env=None, timeout=180):
        """tools/lab ARGS; its output, after a check of its exit status."""
        self.note()
        r = subprocess.run([str(facts.ROOT / "tools" / "lab"), *args], capture_output=True, text=True,
                           timeout=timeout, env={**os.environ, **(env or {})}, check=False)
        self.note()
        assert r.returncode == status, f"tools/lab {' '.join(args)}: {r.returncode}\n{r.stdout}{r.stderr}"
        return r.stdout + r.stderr

    def ctl(self, node, *words, status=0):
        r = subprocess.run([str(facts.ROOT / "tools" / "carillon-ctl"), "--socket",
                            str(facts.RUN / f"{node}.ctl"), *words], capture_output=True, text=True,
                           timeout=30, check=False)
        assert r.returncode == status, f"{node} {words}: {r.returncode} {r.stdout}{r.stderr}"
        return r.stdout + r.stderr

    def up(self, **counts):
        """up(scscf=2): so many of each kind, else one."""
        self.cli("up", *(word for kind, n in counts.items() for word in (f"--{kind}", str(n))))
        facts.lay_out(facts.layout())

    def down(self):
        self.cli("down")
        facts.lay_out(facts.layout())

    def restart(self, node):
        self.cli("restart", node)
        self.all_healthy()

    def start_again(self):
        """Ends and starts every node, so that what each has leaked so far is told; whoever was registered is so no
        more, as phones that tests have switched off would be for an hour: neither here nor at the HSS, which would
        give the S-CSCF back what it has lost."""
        users = self.ctl("hss", "subscriber", "export")
        for name in reversed(facts.NODES):
            procs.stop(name)
            shutil.rmtree(facts.RUN / f"{name}.state", ignore_errors=True)
        for file in (*(facts.RUN / name for name in STORE), facts.RUN / "provisioned", *facts.RUN.glob("*.sqn")):
            file.unlink(missing_ok=True)
        self.cli("up")
        kept = facts.RUN / "subscribers.yaml"
        kept.write_text(users)
        self.ctl("hss", "subscriber", "import", "--replace", str(kept))
        self.all_healthy()

    def all_healthy(self):
        for name in facts.NODES:
            wait_until(lambda n=name: procs.health(n)[0] == "up", 30, f"{name} is ready")

    # ---- processes ----

    def note(self):
        """Learns of nodes that were started and collects the exit status of those that ended."""
        for name, entry in procs.load().items():
            self._known[entry["pid"]] = name
        for pid, name in list(self._known.items()):
            try:
                got, status = os.waitpid(pid, os.WNOHANG)
            except ChildProcessError:
                continue  # not ours (yet)
            if got == pid:
                self.exits.append((name, pid, status))
                del self._known[pid]

    def pid(self, node):
        return procs.load()[node]["pid"]

    def kill(self, node):
        """kill -9: no word of farewell."""
        pid = self.pid(node)
        self.note()
        self.killed.add(pid)
        self.kills.append(time.time())
        os.kill(pid, signal.SIGKILL)
        wait_until(lambda: self.note() or pid not in self._known, 10, f"{node} is gone")

    def bad_exits(self):
        self.note()
        return [e for e in self.exits if e[1] not in self.killed and e[2] != 0]

    def was_mixed(self, at):
        """What was said then is not ours alone to answer for."""
        return any(begin <= at <= end for begin, end in self.mixed)

    # ---- figures ----

    def figure(self, node, name):
        """The sum of a metric over its labels."""
        with urllib.request.urlopen(facts.url(node), timeout=5) as page:
            lines = page.read().decode().splitlines()
        return sum(float(line.rsplit(" ", 1)[1]) for line in lines if re.match(rf"carillon_{name}[ {{]", line))

    # ---- logs ----

    def log(self, node):
        try:
            return procs.log_path(node).read_text(errors="replace")
        except OSError:
            return ""

    def wait_log(self, node, pattern, since=0, seconds=5):
        """The first line of the node's log after offset since that matches."""
        def look():
            return next((line for line in self.log(node)[since:].splitlines()
                         if re.search(pattern, line)), None)
        return wait_until(look, seconds, f"a line like /{pattern}/ in the log of {node}")

    def sanitizer_reports(self):
        return {p.name: m.group(0) for p in sorted(facts.RUN.glob("*.log*"))
                for m in [SANITIZER.search(p.read_text(errors="replace"))] if m}

    # ---- phones ----

    def phone(self, name, *steps, options=()):
        return Phone(name, *steps, options=options)

    def run_phone(self, name, *steps, status=0, options=(), seconds=30):
        """A phone's whole run; the phone with its events."""
        with Phone(name, *steps, options=options) as p:
            got = p.finish(seconds)
            assert got == status, f"{name} {' '.join(steps)}: exit status {got}: {p.trouble()}\n{p.events}"
            return p
