# SPDX-License-Identifier: Apache-2.0
"""Load at both P-CSCFs while a node is killed: crowds of carillon-ue, each with users of its own."""
import itertools
import os
import time

from labkit import facts
from labkit.phones import Run

# Operations a second, of all crowds together: what builds with sanitizers do beside other work on two cores. A quiet
# machine with a release build has more (tests/bench).
RATES = {"registrations": int(os.environ.get("CARILLON_TWO_REGISTRATIONS", "50")),
         "calls": int(os.environ.get("CARILLON_TWO_CALLS", "20"))}
SECONDS = int(os.environ.get("CARILLON_TWO_SECONDS", "6"))
HOLD_MS = 500
FIRST_IMSI = 1011000500000
STEP = 10000  # between the first users of two crowds
PLACES = [("registrations", "pcscf"), ("registrations", "pcscf2"), ("calls", "pcscf"), ("calls", "pcscf2")]
FRESH = len(PLACES)  # the place of users whom nobody has served yet
FRESH_USERS, FRESH_AT_ONCE = 2000, 20


def rate_of(kind):
    return max(1, RATES[kind] // 2)


def users_of(kind):
    """Enough that none is busy when his turn comes, unless something waits."""
    return max(60, 4 * rate_of(kind))


def table(extra=""):
    """All users as CSV for `subscriber import`."""
    lines = ["impi,k_ascii,op,impus,visited"]
    for at, users in enumerate([users_of(k) for k, _ in PLACES] + [FRESH_USERS]):
        for imsi in range(FIRST_IMSI + at * STEP, FIRST_IMSI + at * STEP + users):
            lines.append(f"{imsi:015}@{facts.DOMAIN},load-users-key-1,{facts.OP},sip:{imsi:015}@{facts.DOMAIN},"
                         f"{facts.DOMAIN}")
    return "\n".join(lines) + "\n" + extra


class Crowd(Run):
    def __init__(self, at, kind, proxy, seconds, users=None, rate=None, skip=0):
        super().__init__(f"{kind} at {proxy}", [
            str(facts.BUILD / "tools" / "ue" / "carillon-ue"), "--json", "--local", facts.at(2, 100 + at), "--proxy",
            facts.NODES[proxy]["ip"], "--domain", facts.DOMAIN, "--k-ascii", "load-users-key-1", "--op", facts.OP,
            "--users", str(users or users_of(kind)), "--rate", str(rate or rate_of(kind)), "--seconds", str(seconds),
            "--load", kind, "--first-imsi", str(FIRST_IMSI + at * STEP + skip), "--hold", str(HOLD_MS), "--setup-rate",
            str(max(20, RATES["registrations"])), "--failures", "10000"])
        self.kind, self.begun = kind, None

    def measuring(self, seconds=60):
        self.wait_for("measuring", seconds=seconds)
        self.begun = time.time()

    def ended(self, seconds=90):
        self.finish(SECONDS + seconds)
        return self.event("load")

    def failures(self, begun_after=None):
        """Those that began after a time of time.time()."""
        return [e for e in self.events if e.get("event") == "operation-failed"
                and (begun_after is None or e["begun_ms"] / 1000 + self.begun > begun_after)]


SERVED = itertools.count()  # groups of fresh users that had their turn


def fresh(proxy):
    """Users whom nobody has served yet register."""
    skip = next(SERVED) * FRESH_AT_ONCE
    assert skip < FRESH_USERS
    return Crowd(FRESH, "registrations", proxy, 1, FRESH_AT_ONCE, FRESH_AT_ONCE, skip)


class Crowds:
    """One crowd for each of PLACES; `moved` says who is asked in place of a P-CSCF."""

    def __init__(self, moved=None, seconds=SECONDS):
        self.all, self.moved, self.seconds = {}, moved or {}, seconds

    def __enter__(self):
        try:
            for kind in ("calls", "registrations"):  # who calls has to register first
                for at, (k, proxy) in enumerate(PLACES):
                    if k == kind:
                        self.all[k, proxy] = Crowd(at, k, self.moved.get(proxy, proxy), self.seconds)
                for (k, _), crowd in self.all.items():
                    if k == kind:
                        crowd.measuring()
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_):
        for crowd in self.all.values():
            crowd.__exit__()

    def ended(self):
        """What became of each: the `load` event."""
        return {place: crowd.ended() for place, crowd in self.all.items()}

    def failures(self, kind=None, proxy=None, begun_after=None):
        return [f for (k, p), crowd in self.all.items() if kind in (None, k) and proxy in (None, p)
                for f in crowd.failures(begun_after)]
