# SPDX-License-Identifier: Apache-2.0
"""One run of the load generator against a core, with the CPU that the core spent meanwhile."""
import ipaddress
import subprocess

from benchkit import facts
from benchkit.core import load_line
from benchkit.system import BenchError

SHORT = {"p": "pcscf", "i": "icscf", "s": "scscf", "hss": "hss"}
LIMIT_S = 240


class Result:
    def __init__(self, report, cpu, core_again, kept):
        self.report = report
        self.done = report["succeeded"]
        self.cpu = {k: cpu[name] / max(1, self.done) for k, name in SHORT.items()}
        self.cpu["pis"] = self.cpu["p"] + self.cpu["i"] + self.cpu["s"]
        self.again = report["retransmissions"] + core_again
        self.kept = {k: kept[name] / max(1, self.done) for k, name in SHORT.items() if name in kept}

    def clean(self):
        r = self.report
        return not (r["failed"] or r["skipped"] or r["unfinished"] or self.again)

    def text(self):
        r = self.report
        return (f"{r['succeeded']} done, {r['failed']} failed, {r['skipped']} skipped, "
                f"{r['unfinished']} unfinished, {self.again:.0f} retransmissions, p50 "
                f"{r['p50_ms']:.2f} ms, p99 {r['p99_ms']:.2f} ms, statuses {r['statuses']}")


def take_users(core, n):
    """The next n users that have not registered since the core started; from the start when they are out."""
    if core.next_user + n > facts.SUBSCRIBERS:
        raise BenchError("not enough subscribers left in this run of the core")
    first = facts.FIRST_IMSI + core.next_user
    core.next_user += n
    return first


def address(core, first):
    """Of the first phone of a run: with one address a phone, each keeps its own for good."""
    return ipaddress.ip_address(core.ue) + (first - facts.FIRST_IMSI if core.spread > 1 else 0)


def run(core, kind, rate, seconds, hold_ms=1000, fresh=True):
    """kind: registrations or calls. fresh: each registration is an initial one."""
    if kind == "calls":
        users = 2 * int(rate * (hold_ms / 1000 + 1.5) + 10)
    else:
        users = rate * seconds
    first = take_users(core, users) if fresh else facts.FIRST_IMSI
    spread = min(users, core.spread)
    command = [*core.inside, "taskset", "-c", str(facts.LOAD_CORE),
               facts.BUILD / "tools" / "ue" / "carillon-ue", "--json", "--domain", facts.DOMAIN,
               "--local", address(core, first), "--proxy", core.proxy, "--k-ascii", facts.KEY, "--op", facts.OP,
               "--users", users, "--rate", rate, "--seconds", seconds, "--load", kind,
               "--hold", hold_ms, "--first-imsi", first, "--spread", spread,
               "--setup-rate", core.setup_rate]
    return measure(core, [str(word) for word in command])


def measure(core, command):
    before = after = held = report = None
    again = core.retransmissions()
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as p:
        try:
            for line in p.stdout:
                event = load_line(line)
                if event.get("event") == "measuring":
                    held = core.finished()
                    before = core.cpu_us()
                elif event.get("event") == "load":
                    after = core.cpu_us()
                    held = {name: n - held[name] for name, n in core.finished().items()}
                    report = event
            errors = p.stderr.read()
            p.wait(LIMIT_S)
        finally:
            p.kill()
    core.check()
    if not report or not before:
        raise BenchError(f"the load generator gave no result: {errors.strip()}")
    cpu = {name: after[name] - before[name] for name in after}
    return Result(report, cpu, core.retransmissions() - again, held)
