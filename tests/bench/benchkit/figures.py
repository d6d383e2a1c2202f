# SPDX-License-Identifier: Apache-2.0
"""What is measured, and how each figure comes from runs."""
import re
import statistics
import subprocess
import time

from benchkit import facts, load
from benchkit.system import BenchError

RUNS = 3
RATES = {"reg_cpu": 500, "reg200_cpu": 200, "call_cpu": 200}    # of the CPU figures, per second
SECONDS = 4
SLOWEST_MS = 500                    # p99 beyond it: a queue grows, which a short step would not show
WARM_UP = None                      # seconds before CPU is measured; None: as the core needs
STEP_SECONDS = 3                    # of one step of the search for the highest rate
UNLOADED = 20
MEMORY_USERS = 8000
MEMORY_RATE_LEAST = 50                # users a second
FINISHED_RATE, FINISHED_S = 100, 3    # of the calls whose remains are counted: none of them is forgotten meanwhile
# How far the search goes, per second, and how exact it is.
REG_START, REG_TOP, CALL_START, CALL_TOP, PRECISION = 500, 8000, 100, 3000, 0.2


class Figure:
    def __init__(self, name, values, unit, note=""):
        self.name, self.unit, self.note = name, unit, note
        self.values = sorted(values)
        self.median = statistics.median(self.values)

    def renamed(self, prefix):
        return Figure(prefix + self.name, self.values, self.unit, self.note)

    def as_json(self):
        return [self.name, self.values, self.unit, self.note, self.median]

    @staticmethod
    def from_json(kept):
        *given, median = kept
        f = Figure(*given)
        f.median = median       # of a program that says its own
        return f

    def print(self):
        print(f"# {self.name}: min {number(self.values[0])}, max {number(self.values[-1])} over "
              f"{len(self.values)} runs{'; ' + self.note if self.note else ''}")
        print(f"figure {self.name} {number(self.median)} {self.unit}", flush=True)


def number(v):
    return f"{v:.0f}" if abs(v) >= 100 else f"{v:.2f}".rstrip("0").rstrip(".")


def note(text):
    print(f"# {text}", flush=True)


# ---- over the whole core ----

class Session:
    """Starts a core for a series and keeps it while it has unused subscribers."""

    def __init__(self, make):
        self.make, self.core = make, None

    def ready(self, users):
        if self.core and self.core.next_user + users > facts.SUBSCRIBERS:
            self.stop()
        if not self.core:
            self.core = self.make()
            load.run(self.core, "registrations", 200, 2)   # connections, caches
        return self.core

    def stop(self):
        if self.core:
            self.core.stop()
        self.core = None

    def warm_up(self, kind, rate):
        """The load until the first finished transactions have gone: from then on memory is used again."""
        checked(self.load(kind, rate, WARM_UP if WARM_UP is not None else self.make.linger_s))

    def load(self, kind, rate, seconds):
        users = rate * seconds if kind == "registrations" else 2 * int(rate * 2.5 + 10)
        core = self.ready(users)
        return load.run(core, kind, rate, seconds)


def cpu(session, kind, group, runs=RUNS):
    """CPU of each node per unit at a fixed rate, once as many transactions end as begin."""
    rate = RATES[group]
    session.warm_up(kind, rate)
    results = [checked(session.load(kind, rate, SECONDS)) for _ in range(runs)]
    return [Figure(f"{group}_{k}", [r.cpu[k] for r in results], "us", f"at {rate}/s")
            for k in ("p", "i", "s", "hss", "pis")]


def checked(result):
    r = result.report
    if r["failed"] > r["started"] // 100 or not r["succeeded"]:
        raise BenchError(f"units failed: {result.text()}")
    if not result.clean():
        note(f"not clean: {result.text()}")
    return result


def highest_rate(session, kind, start, top):
    """The highest rate with no failure and no retransmission, by doubling, then by halving the gap.

    Returns the rate that was really reached and the result of that step."""
    good, bad, rate, best = 0, None, start, None
    while rate <= top and (bad is None or bad - good > PRECISION * good):
        r = session.load(kind, rate, STEP_SECONDS)
        kept_up = (r.clean() and r.report["rate"] > 0.95 * rate and
                   r.report["p99_ms"] < SLOWEST_MS)
        note(f"{session.make.__name__} {kind} {rate}/s: {'good' if kept_up else 'too much'}, {r.text()}")
        if kept_up:
            good, best = rate, r
        else:
            bad = rate
            time.sleep(2)
        rate = good * 2 if bad is None else (good + bad) // 2
        if bad is not None and good == 0:
            rate = bad // 2
            if rate < 20:
                break
    if not best:
        raise BenchError(f"no rate of {kind} was clean")
    return good, best


def rates(session, kind, runs=RUNS):
    short = "reg" if kind == "registrations" else "call"
    limits = (REG_START, REG_TOP) if short == "reg" else (CALL_START, CALL_TOP)
    found = []
    for i in range(runs):
        found.append(highest_rate(session, kind, *limits))
        limits = (max(1, int(found[-1][0] * 0.8)), limits[1])   # the next search begins near
    return [Figure(f"{short}_rate", [f[0] for f in found], "per_s", "all nodes on one core"),
            Figure(f"{short}_max_cpu_pis", [f[1].cpu["pis"] for f in found], "us",
                   "at the highest rate")]


def latencies(session, kind, rate, runs=RUNS):
    results = [checked(session.load(kind, max(1, int(rate)), SECONDS)) for _ in range(runs)]
    text = f"at {int(rate)}/s, half of the highest rate"
    if kind == "registrations":
        return [Figure("reg_p50", [r.report["p50_ms"] for r in results], "ms", text),
                Figure("reg_p99", [r.report["p99_ms"] for r in results], "ms", text)]
    return [Figure("invite180_p50", [r.report["ringing_p50_ms"] for r in results], "ms", text),
            Figure("invite180_p99", [r.report["ringing_p99_ms"] for r in results], "ms", text)]


def unloaded(session, runs=RUNS):
    results = [checked(session.load("calls", UNLOADED, SECONDS)) for _ in range(runs)]
    return [Figure("invite180_unloaded_p50", [r.report["ringing_p50_ms"] for r in results], "ms",
                   f"at {UNLOADED}/s"),
            Figure("call_unloaded_cpu_pis", [r.cpu["pis"] for r in results], "us",
                   f"at {UNLOADED}/s")]


def memory(session, runs=RUNS):
    """What a user takes, with users that come as fast as this machine serves them today: how fast is no matter."""
    rate = session.make.memory_rate
    while True:
        try:
            return memory_at(session, rate, runs)
        except BenchError as e:
            rate //= 2
            if rate < MEMORY_RATE_LEAST:
                raise
            note(f"mem: {e}; again with {rate} users a second")


def memory_at(session, rate, runs):
    """Growth by each of several batches of users. First came a batch as large as all of them, and its
    finished transactions have gone: what the later ones need for a while is there already."""
    make = session.make
    users = int(MEMORY_USERS * make.memory_share)
    users -= users % rate
    session.stop()
    checked(session.load("registrations", rate, runs * users // rate))
    time.sleep(make.longest_linger_s)
    found, before = {"p": [], "s": []}, session.core.memory()
    for _ in range(runs):
        checked(session.load("registrations", rate, users // rate))
        after = session.core.memory()
        for k, name in (("p", "pcscf"), ("s", "scscf")):
            found[k].append((after[name] - before[name]) / users)
        before = after
    text = f"{make.memory_kind}, by {users} users each time"
    session.stop()
    return [Figure("mem_user_p", found["p"], "bytes", text),
            Figure("mem_user_s", found["s"], "bytes", text),
            Figure("mem_user_ps", [p + s for p, s in zip(found["p"], found["s"])], "bytes", text)]


def finished(session, runs=RUNS):
    """What is kept of a call that has just ended, as the nodes count it. Only Carillon's do."""
    text, found = "as the nodes count it", []
    for _ in range(runs):
        found.append(checked(session.load("calls", FINISHED_RATE, FINISHED_S)).kept)
    if not found[0]:
        raise BenchError("its nodes do not tell what they keep")
    return [*(Figure(f"call_kept_{k}", [f[k] for f in found], "bytes", text) for k in found[0]),
            Figure("call_kept_pis", [sum(f.values()) for f in found], "bytes", text)]


# ---- single parts: programs that print figures themselves ----

def program(name, *args):
    path = facts.BUILD / "tests" / "bench" / name
    r = subprocess.run(["taskset", "-c", str(facts.SERVER_CORE), path, *args], cwd=path.parent,
                       capture_output=True, text=True, timeout=600)
    if r.returncode:
        raise BenchError(f"{name}: {r.stdout}{r.stderr}")
    return r.stdout


def printed(text):
    """Figures of a program's output; the spread is in the comment line that names the figure."""
    found = []
    for line in text.splitlines():
        m = re.match(r"figure (\S+) (\S+) (\S+)", line)
        if m:
            name, value, unit = m[1], float(m[2]), m[3]
            spread = [float(v) for v in re.findall(r"(?:min|max|\.\.) ([0-9.]+)|([0-9.]+) \.\.",
                                                   comment(text, name)) for v in v if v]
            found.append(Figure(name, sorted([value, *spread]), unit))
            found[-1].median = value
    return found


def comment(text, name):
    for line in text.splitlines():
        if re.match(rf"# {name}\b", line):
            return line
    return ""
