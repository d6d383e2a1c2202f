# SPDX-License-Identifier: Apache-2.0
"""What it costs that registrations outlive their node: the same load with registration.durable yes and no through whole
nodes, what a user takes in memory and on the disk, and how long a start with many of them lasts."""
import re
import urllib.request

from benchkit import facts, figures, load
from benchkit.core import Carillon
from benchkit.figures import Figure
from benchkit.system import BenchError

RATE = 500                          # registrations a second: what the disk costs is seen where the nodes are not full
USERS = 8000                        # of whom what lies in the store is taken
RESTARTS = {"100k": 100000, "1m": 1000000}
PROGRAMS = {"p": ("bench_pcscf_load", "pcscf_start"), "s": ("bench_registrar", "registrar_start")}
PROGRAM_LIMIT_S = 1800


class Undurable(Carillon):
    """The 200 to a REGISTER does not wait for the disk."""

    title = "Carillon without registration.durable"
    more = {name: "registration:\n  durable: no\n" for name in ("pcscf", "scscf")}


NAMES = tuple(f"durable_{word}_{what}" for word in ("yes", "no")
              for what in ("p50", "p99", "cpu_p", "cpu_s", "cpu_hss", "cpu_pis")) + tuple(
    f"durable_{what}_{k}" for k in ("p", "s") for what in ("mem", "store", "index", *map("start_{}".format, RESTARTS)))


def gauge(core, letter, name):
    """The value of a metric, with its labels as they are written."""
    with urllib.request.urlopen(f"http://{facts.NET}{letter}:9090/metrics", timeout=10) as r:
        m = re.search(rf"(?m)^carillon_{re.escape(name)} (\S+)$", r.read().decode())
    if not m:
        raise BenchError(f"no metric {name} at {facts.NET}{letter}")
    return float(m[1])


def one_way(session, word):
    """Latency and CPU at one rate, once as many transactions end as begin."""
    session.warm_up("registrations", RATE)
    results = [figures.checked(session.load("registrations", RATE, figures.SECONDS)) for _ in range(figures.RUNS)]
    note = f"registration.durable: {word}, at {RATE}/s"
    found = [Figure(f"durable_{word}_{what}", [r.report[f"{what}_ms"] for r in results], "ms", note)
             for what in ("p50", "p99")]
    return found + [Figure(f"durable_{word}_cpu_{k}", [r.cpu[k] for r in results], "us", note)
                    for k in ("p", "s", "hss", "pis")]


def of_a_user(session):
    """What the store and its index have for one user, by a batch of them; the process is asked by the group mem."""
    core = session.ready(USERS)
    nodes = {"p": "10", "s": "30"}
    names = {"store": 'state_bytes{of="records"}', "index": 'state_bytes{of="index"}'}

    def all_of_them():
        return {(k, what): gauge(core, letter, name) for k, letter in nodes.items() for what, name in names.items()}

    before, rate = all_of_them(), RATE
    done = figures.checked(load.run(core, "registrations", rate, USERS // rate)).done
    after = all_of_them()
    found = [Figure(f"durable_{what}_{k}", [(after[k, what] - before[k, what]) / done], "bytes", f"by {done} users")
             for k, what in after]
    session.stop()
    return found + [f.renamed_to(f"durable_mem_{f.name[-1]}") for f in figures.memory(session)
                    if f.name in ("mem_user_p", "mem_user_s")]


def starts():
    """A start alone: everything is read before anybody is served."""
    found = []
    for k, (name, figure) in PROGRAMS.items():
        for word, users in RESTARTS.items():
            out = figures.program(name, users, facts.RUN, limit_s=PROGRAM_LIMIT_S)
            took = next(f for f in figures.printed(out) if f.name == figure)
            found.append(Figure(f"durable_start_{word}_{k}", took.values, "ms", f"{users} users"))
    return found


def measure():
    found = []
    for word, make in (("yes", Carillon), ("no", Undurable)):
        session = figures.Session(make)
        try:
            found += one_way(session, word)
            if word == "yes":
                found += of_a_user(session)
        finally:
            session.stop()
    return found + starts()
