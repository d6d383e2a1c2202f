# SPDX-License-Identifier: Apache-2.0
"""docs/benchmarks.md: the figures, their spread, their budgets, the peers beside them."""
import datetime
import os
import platform

from benchkit import facts, overload
from benchkit.figures import number

# Budgets of the design: (figure, what, aim, acceptable, more is better, the peer's figure when the budget was set).
REGISTRATION, CALL = "CPU of P+I+S-CSCF for one AKA registration", "CPU of P+I+S-CSCF for one call"
BUDGETS = (
    ("parse_route", "parse for routing, mean over the corpus", 150, 250, False, None),
    ("parse_full", "parse every header to typed values", 500, 800, False, None),
    ("forward_build", "build the forwarded request after the parse", 40, 150, False, None),
    ("reg_max_cpu_pis", REGISTRATION + ", highest rate", 70, 250, False, 670),
    ("reg200_cpu_pis", REGISTRATION + ", 200/s", 70, 250, False, 1470),
    ("call_max_cpu_pis", CALL + ", highest rate", 135, 400, False, 1355),
    ("call_cpu_pis", CALL + ", 200/s", 135, 400, False, 1810),
    ("reg_rate", "registrations a second, all nodes on one core", 5000, 2000, True, 1150),
    ("invite180_unloaded_p50", "INVITE to 180, unloaded, median", 0.4, 1, False, 1.3),
    ("mem_user_ps", "memory of P+S-CSCF for one registered user", 1200, 3000, False, 7050),
    ("call_kept_pis", "what P+I+S-CSCF keep of a finished call", 1000, 3000, False, None),
    ("dia_mar_roundtrip", "Diameter round trip MAR/MAA, both sides, 64 outstanding", 12, 25, False, None),
    ("hss_mar_rate", "HSS: MARs with the SQN durable, one core, without Diameter", 100000, 30000, True, None),
)

NOTES = facts.ROOT / "tests" / "bench" / "notes.md"     # what a person has to say about the figures

HEAD = """# Benchmarks

Written by `tests/bench/run all`; do not edit. {date}, {machine}.

Every node is a real process on core 0 (with the HSS and the name server); the load generator
(`carillon-ue --users`) is on core 1; everything on loopback, the lab's configuration without trace and
logging warnings only. Figures are medians; the spread is the smallest and the largest run. CPU is user
and kernel time of all threads as the kernel counts it, divided by completed units. A registration is an initial
one with AKA: two REGISTERs, four Cx requests. A call is INVITE, 180, 200, ACK, BYE between two UEs of one
home network. Kamailio is 5.6 from Debian with the configurations in `tests/bench/kamailio/` (four workers a
node, UDP, no services) in front of the same carillon-hss, measured in the same minutes.

The load average was {load} before the run. A virtual machine changes its speed by up to two within an hour, so the
ratios, of runs minutes apart, tell more than the absolute figures. The budgets were set beside Kamailio's figures on a
machine of this kind; the last two columns say how many times better than Kamailio Carillon is here, and how many times
"acceptable" was meant to be.

"""


OVERLOAD = """What is served in time when more comes than can be served, each run on a core that has just started. A
phone that is refused (503 with Retry-After) does not come back within the run; what is not answered it sends again.

![Goodput against what is offered](img/overload.svg)

"""


def goodput_table(found):
    lines = ["| offered | registrations | | calls | |", "| --- | --- | --- | --- | --- |"]
    for times in overload.TIMES:
        cells = [f"{times} ×"]
        for short in ("reg", "call"):
            f = found.get(f"{short}_goodput_{times}x")
            cells += [f"{number(f.median)} % ({spread(f)})", f.note] if f else ["", ""]
        lines.append("| " + " | ".join(cells) + " |")
    return lines


def machine():
    model = "unknown CPU"
    with open("/proc/cpuinfo") as f:
        for line in f:
            if line.startswith("model name"):
                model = line.split(":", 1)[1].strip()
                break
    return f"{os.cpu_count()} cores of {model}, Linux {platform.release()}"


def met(value, aim, acceptable, more):
    better = (lambda a, b: a >= b) if more else (lambda a, b: a <= b)
    if better(value, aim):
        return "aim met"
    return "acceptable" if better(value, acceptable) else "**not met**"


def budget_table(found):
    lines = ["| figure | what | median | unit | aim | acceptable | | times Kamailio | acceptable is |",
             "| --- | --- | --- | --- | --- | --- | --- | --- | --- |"]
    for name, what, aim, acceptable, more, peer in BUDGETS:
        f = found.get(name)
        if f:
            lines.append(f"| `{name}` | {what} | {number(f.median)} | {f.unit} | {aim:g} | "
                         f"{acceptable:g} | {met(f.median, aim, acceptable, more)} | "
                         f"{times(found, name, more)} | {implied(acceptable, more, peer)} |")
    return lines


def times(found, name, more):
    ratio = found.get("ratio_" + name)
    return "" if not ratio else number(1 / ratio.median if more else ratio.median)


def implied(acceptable, more, peer):
    return "" if not peer else number(acceptable / peer if more else peer / acceptable)


def figure_table(found):
    lines = ["| figure | median | unit | spread | Kamailio | its spread | Kamailio / Carillon | |",
             "| --- | --- | --- | --- | --- | --- | --- | --- |"]
    for name, f in found.items():
        if name.startswith(("kamailio_", "ratio_")):
            continue
        peer, ratio = found.get("kamailio_" + name), found.get("ratio_" + name)
        cells = [f"`{name}`", number(f.median), f.unit, spread(f)]
        cells += [number(peer.median), spread(peer)] if peer else ["", ""]
        cells += [f"{ratio.median:.2f}" if ratio else "", f.note]
        lines.append("| " + " | ".join(cells) + " |")
    return lines


def spread(f):
    return f"{number(f.values[0])} .. {number(f.values[-1])}"


def write(figures, load):
    found = {f.name: f for f in figures}
    text = HEAD.format(date=datetime.date.today(), machine=machine(),
                       load=", ".join(f"{v:.1f}" for v in load))
    text += "## Budgets\n\n" + "\n".join(budget_table(found)) + "\n\n"
    text += "## All figures\n\n" + "\n".join(figure_table(found)) + "\n"
    text += "\n## Beyond the maximum\n\n" + OVERLOAD + "\n".join(goodput_table(found)) + "\n"
    overload.write_picture(found)
    text += "\n" + NOTES.read_text()
    path = facts.ROOT / "docs" / "benchmarks.md"
    path.write_text(text)
    print(f"# wrote {path}")
