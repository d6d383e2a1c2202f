# SPDX-License-Identifier: Apache-2.0
"""User instructions of each node for a registration and a call, counted by valgrind: the same from run to run."""
import re
import shutil
import subprocess

from benchkit import load
from benchkit.core import Carillon
from benchkit.figures import Figure, Session, checked
from benchkit.system import BenchError

UNIT = {"registrations": "reg", "calls": "call"}
RATE = {"registrations": 20, "calls": 12}       # a second: a counted program is some fifty times slower
SECONDS = 10
TURNS = "a turn of the loop for nearly each message"


class Counted(Carillon):
    """The core, its nodes below callgrind."""

    start_patience = 120

    def under(self, name):
        return ["valgrind", "--tool=callgrind", f"--callgrind-out-file={self.dump(name)}"]

    def dump(self, name):
        return self.run / f"{name}.callgrind"

    def cpu_us(self):
        """Instructions so far, in place of microseconds."""
        return {name: self.so_far(name, p.popen.pid) for name, p in self.processes.items()}

    def so_far(self, name, pid):
        for old in self.dumps(name):
            old.unlink()
        r = subprocess.run(["callgrind_control", "-d", str(pid)], capture_output=True, text=True, timeout=60)
        found = self.dumps(name)
        if r.returncode or not found:
            raise BenchError(f"callgrind_control: {r.stdout}{r.stderr}")
        since = sum(int(n) for d in found for n in re.findall(r"(?m)^totals: (\d+)", d.read_text()))
        self.counted[name] = self.counted.get(name, 0) + since
        return self.counted[name]

    def dumps(self, name):
        return sorted(self.run.glob(f"{name}.callgrind.[0-9]*"))


def count():
    if not shutil.which("callgrind_control"):
        raise BenchError("valgrind is not installed (tools/packages ensure bench)")
    session, found = Session(Counted), []
    try:
        for kind, rate in RATE.items():
            checked(session.load(kind, rate, SECONDS))      # what is done once
            r = checked(session.load(kind, rate, SECONDS))
            found += [Figure(f"{UNIT[kind]}_instructions_{k}", [r.cpu[k] / 1000], "k", f"at {rate}/s, {TURNS}")
                      for k in (*load.SHORT, "pis")]
    finally:
        session.stop()
    return found
