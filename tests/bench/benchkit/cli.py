# SPDX-License-Identifier: Apache-2.0
"""tests/bench/run NAME...: figures; all: figures and docs/benchmarks.md."""
import fcntl
import os
import shutil
import signal
import sys

from benchkit import facts, figures, instructions, overload, report, soak
from benchkit.core import Carillon
from benchkit.figures import Session
from benchkit.kamailio import Kamailio
from benchkit.kept import Kept
from benchkit.system import BenchError, raise_limits

USAGE = """usage: tests/bench/run NAME...
  parse              parse_route, parse_full, forward_build, look, refuse beside libosip2's and sofia-sip's
  dia hss            dia_mar_roundtrip; hss_mar_rate
  state              records on the disk: state_put_cpu, _p50, _p99 at 100 at once, state_start with 100,000;
                     the same of SQLite (sqlite_put_cpu ...)
  reg_cpu call_cpu   CPU of each node per registration, per call; reg200_cpu at 200/s, for slow peers
  reg_rate call_rate highest clean rate; then reg_p50, reg_p99 or invite180_p50, _p99 at half of it
  instructions       reg_instructions_K, call_instructions_K: of each node (p, i, s, hss), counted by valgrind
  unloaded           invite180_unloaded_p50
  mem                mem_user_p, mem_user_s
  finished           call_kept_K: bytes that a call holds when it has just ended (p, i, s, pis)
  overload           reg_goodput_Nx, call_goodput_Nx: what is served in time when N times the maximum comes
  core               all figures of the whole core
  soak [MINUTES [SCALE]]  half of the highest load for 30 minutes: memory stays flat; draws it
  kamailio           Carillon's figures of the core, Kamailio's in the same minutes (kamailio_NAME), ratios
  all [--continue]   everything, Kamailio too; writes docs/benchmarks.md. --continue takes what an earlier run with
                     the same programs has measured before it failed, and measures the rest
A figure's own name runs the group it belongs to. Servers run on core 0, the load on core 1.
CARILLON_BUILD names the build directory (build), which must be a release build. --quick: one short run
of each, to see that it works; its figures mean nothing."""

GROUPS = {
    "parse": ("parse_route", "parse_full", "forward_build", "look", "refuse"),
    "dia": ("dia_mar_roundtrip",),
    "hss": ("hss_mar_rate",),
    "state": tuple(f"{who}_{what}" for who in ("state", "sqlite")
                   for what in ("put_cpu", "put_p50", "put_p99", "start")),
    "reg_cpu": tuple(f"reg_cpu_{k}" for k in ("p", "i", "s", "hss", "pis")),
    "reg200_cpu": tuple(f"reg200_cpu_{k}" for k in ("p", "i", "s", "hss", "pis")),
    "call_cpu": tuple(f"call_cpu_{k}" for k in ("p", "i", "s", "hss", "pis")),
    "reg_rate": ("reg_rate", "reg_p50", "reg_p99", "reg_max_cpu_pis"),
    "call_rate": ("call_rate", "invite180_p50", "invite180_p99", "call_max_cpu_pis"),
    "instructions": tuple(f"{unit}_instructions_{k}" for unit in instructions.UNIT.values()
                          for k in ("p", "i", "s", "hss", "pis")),
    "unloaded": ("invite180_unloaded_p50", "call_unloaded_cpu_pis"),
    "overload": tuple(f"{k}_goodput_{n}x" for k in ("reg", "call") for n in overload.TIMES),
    "mem": ("mem_user_p", "mem_user_s", "mem_user_ps"),
    "finished": tuple(f"call_kept_{k}" for k in ("p", "i", "s", "pis")),
}
CORE = ("reg_cpu", "reg200_cpu", "call_cpu", "reg_rate", "call_rate", "unloaded", "mem", "finished")


def group_of(name):
    for group, names in GROUPS.items():
        if name == group or name in names:
            return group
    raise BenchError(f"no figure {name}; see tests/bench/run --help")


def run_group(group, session):
    """Runs one group; returns its figures."""
    if group == "parse":
        return figures.printed(figures.program("bench_parse", facts.ROOT / "tests" / "corpus" / "ims"))
    if group == "dia":
        return figures.printed(figures.program("bench_dia"))
    if group == "hss":
        return figures.printed(figures.program("bench_hss"))
    if group == "state":
        return figures.printed(figures.program("bench_state", facts.STATE_RECORDS, facts.RUN))
    if group == "instructions":
        return instructions.count()
    if group in figures.RATES:
        return figures.cpu(session, kind_of(group), group)
    if group in ("reg_rate", "call_rate"):
        found = figures.rates(session, kind_of(group))
        return found + figures.latencies(session, kind_of(group), found[0].median / 2)
    if group == "overload":
        return [f for kind in overload.KINDS for f in overload.curve(session, kind)]
    if group == "unloaded":
        return figures.unloaded(session)
    if group == "finished":
        return figures.finished(session)
    return figures.memory(session)


def twice_at_most(group, session):
    """A machine that stalled once costs the group its run, not the hour of the others."""
    try:
        return run_group(group, session)
    except BenchError as e:
        if not session:
            raise
        figures.note(f"{group}: {e}; once more, with nodes started anew")
        session.stop()
        return run_group(group, session)


def kind_of(group):
    return "registrations" if group.startswith("reg") else "calls"


def measure(groups, session, prefix=""):
    found = []
    for group in groups:
        for f in twice_at_most(group, session):
            found.append(f.renamed(prefix) if prefix else f)
            found[-1].print()
    return found


def compare(session, kept):
    """Each group for Carillon and at once for the peer, so that both meet the machine in one mood."""
    if not shutil.which("kamailio", path="/usr/sbin:/usr/bin"):
        raise BenchError("kamailio is not installed (tools/packages ensure kamailio)")
    ours, theirs, found = session(Carillon), session(Kamailio), []
    for group in CORE:
        found += kept.of(group, lambda group=group: side_by_side(group, ours, theirs))
    return found


def everything(session, kept):
    before = kept.of_machine("load", lambda: list(os.getloadavg()))
    found = []
    for group in ("parse", "dia", "hss", "state", "instructions"):
        found += kept.of(group, lambda group=group: measure((group,), None))
    found += compare(session, kept)
    found += kept.of("overload", lambda: measure(("overload",), session(Carillon)))
    report.write(found, before)
    kept.forget()


def side_by_side(group, ours, theirs):
    found = measure((group,), ours)
    ours.stop()
    try:
        found += measure((group,), theirs, "kamailio_")
    except BenchError as e:
        figures.note(f"{group}: no figure of Kamailio: {e}")
    theirs.stop()
    by_name = {f.name: f for f in found}
    for name, f in list(by_name.items()):
        peer = by_name.get("kamailio_" + name)
        if peer and f.median:
            found.append(figures.Figure("ratio_" + name, [peer.median / f.median], "x",
                                        "Kamailio's figure divided by Carillon's"))
            found[-1].print()
    return found


def quick():
    figures.RUNS, figures.SECONDS, figures.STEP_SECONDS, figures.WARM_UP = 1, 2, 2, 1
    figures.MEMORY_USERS, figures.PRECISION = 4000, 0.5
    facts.STATE_RECORDS = "2000"
    overload.SECONDS = 2
    for f in (figures.cpu, figures.rates, figures.latencies, figures.unloaded, figures.memory, figures.finished,
              overload.curve):
        f.__defaults__ = (1,)


def check_build():
    if not (facts.BUILD / "tools" / "ue" / "carillon-ue").exists():
        raise BenchError(f"{facts.BUILD} is not built: meson setup build -Dbuildtype=release "
                         "-Db_ndebug=false && ninja -C build")
    if os.cpu_count() < 2:
        raise BenchError("two cores are needed: one for the nodes, one for the load")
    facts.RUN.mkdir(exist_ok=True)
    raise_limits()


def run(names):
    sessions = []

    def session(make):
        sessions.append(Session(make))
        return sessions[-1]
    try:
        if names == ["kamailio"]:
            compare(session, Kept(fresh=True))
        elif names[0] == "all":
            everything(session, Kept(fresh="--continue" not in names[1:]))
        else:
            groups = []
            for name in names:
                groups += [g for g in (CORE if name == "core" else [group_of(name)])
                           if g not in groups]
            measure(groups, session(Carillon))
    finally:
        for s in sessions:
            s.stop()


def main(args):
    if not args or args[0] in ("-h", "--help", "help"):
        print(USAGE)
        return 0 if args else 2
    if "--quick" in args:
        args.remove("--quick")
        quick()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))     # by way of what ends the nodes
    try:
        check_build()
        with open(facts.RUN / "lock", "w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            soak.run(args[1:]) if args[0] == "soak" else run(args)
    except (BenchError, OSError) as e:
        print(f"tests/bench/run: {e}", file=sys.stderr)
        return 1
    return 0
