# SPDX-License-Identifier: Apache-2.0
"""docs/benchmarks.md: the figures, their spread, their budgets, the peers beside them."""
import datetime
import os
import platform

from benchkit import facts
from benchkit.figures import number

# Budgets of the design: (figure, what, aim, acceptable, more is better).
BUDGETS = (
    ("parse_route", "parse for routing, mean over the corpus", 150, 250, False),
    ("parse_full", "parse every header to typed values", 500, 800, False),
    ("forward_build", "build the forwarded request after the parse", 40, 150, False),
    ("reg_cpu_pis", "CPU of P+I+S-CSCF for one AKA registration", 70, 250, False),
    ("call_cpu_pis", "CPU of P+I+S-CSCF for one call", 135, 400, False),
    ("reg_rate", "registrations a second, all nodes on one core", 5000, 2000, True),
    ("invite180_unloaded_p50", "INVITE to 180, unloaded, median", 0.4, 1, False),
    ("mem_user_ps", "memory of P+S-CSCF for one registered user", 1200, 3000, False),
    ("dia_mar_roundtrip", "Diameter round trip MAR/MAA, both sides, 64 outstanding", 12, 25, False),
    ("hss_mar_rate", "HSS: MARs with the SQN durable, one core, without Diameter", 100000, 30000, True),
)

HEAD = """# Benchmarks

Written by `tests/bench/run all`; do not edit. {date}, {machine}.

Every node is a real process on core 0 (with the HSS and the name server); the load generator
(`carillon-ue --users`) is on core 1; everything on loopback, the lab's configuration without trace and
logging warnings only. Figures are medians; the spread is the smallest and the largest run. CPU is user
and kernel time of all threads as the kernel counts it, divided by completed units. A registration is an initial
one with AKA: two REGISTERs, four Cx requests. A call is INVITE, 180, 200, ACK, BYE between two UEs of one
home network. Kamailio is 5.6 from Debian with the configurations in `tests/bench/kamailio/` (four workers a
node, UDP, no services) in front of the same carillon-hss, measured in the same minutes.

The machine was shared: its load average was {load} before the run, so absolute figures are upper bounds;
the ratios are of runs minutes apart.

"""


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
    lines = ["| figure | what | median | unit | aim | acceptable | |",
             "| --- | --- | --- | --- | --- | --- | --- |"]
    for name, what, aim, acceptable, more in BUDGETS:
        f = found.get(name)
        if f:
            lines.append(f"| `{name}` | {what} | {number(f.median)} | {f.unit} | {aim:g} | "
                         f"{acceptable:g} | {met(f.median, aim, acceptable, more)} |")
    return lines


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
    path = facts.ROOT / "docs" / "benchmarks.md"
    path.write_text(text)
    print(f"# wrote {path}")
