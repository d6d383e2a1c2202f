# SPDX-License-Identifier: Apache-2.0
"""up, down, restart, status: the DNS server, the collector and the nodes."""
import json
import os
import secrets
import shutil
import socket
import subprocess
import sys
import time

from labkit import facts, network, procs, render
from labkit.procs import LabError, UsageError


# What the lab runs; tests and tools of developers are left out, which are more than half of the tree.
PROGRAMS = [*(f"{n}/carillon-{n}" for n in facts.KINDS), "tools/ctl/carillon-ctl", "tools/ue/carillon-ue"]


def build(quiet=False):
    """Builds the programs, with a count of what is compiled."""
    if not (facts.BUILD / "build.ninja").exists():
        run_step(["meson", "setup", str(facts.BUILD), str(facts.ROOT), "--native-file",
                  str(facts.ROOT / "tools" / "release.ini")], "build: configuring failed")
    p = subprocess.Popen(["ninja", "-C", str(facts.BUILD), *PROGRAMS], stdout=subprocess.PIPE,
                         stderr=subprocess.STDOUT, text=True)
    kept, shown = [], 0
    for line in p.stdout:
        kept.append(line)
        if line.startswith("[") and not quiet:
            shown = show_count(line.split("]")[0][1:], shown)
    if p.wait() != 0:
        print("".join(kept[-30:]), file=sys.stderr)
        raise LabError("the build failed")
    if not quiet:
        print(f"\rbuild: done{' ' * 20}" if shown else "build: up to date")


def show_count(text, shown):
    if sys.stdout.isatty():
        print(f"\rbuild: {text} files", end="", flush=True)
    elif shown % 50 == 0:
        print(f"build: {text} files", flush=True)
    return shown + 1


def run_step(command, failure):
    r = subprocess.run(command, capture_output=True, text=True)
    if r.returncode != 0:
        print(r.stdout[-3000:] + r.stderr[-3000:], file=sys.stderr)
        raise LabError(failure)
    return r.stdout


def put(text, target, **values):
    """Writes a text of config/lab with @NAME@ filled in."""
    for key, value in {"RUN": facts.RUN, **values}.items():
        text = text.replace(f"@{key}@", str(value))
    target.write_text(text)
    return target


def put_config(name):
    text = facts.in_plan((facts.CONFIG / f"{facts.kind_of(name)}.yaml").read_text())
    return put(render.config(name, text, facts.counts()), facts.RUN / f"{name}.yaml", CONF=facts.CONFIG)


def binary_of(name):
    kind = facts.kind_of(name)
    return facts.BUILD / kind / f"carillon-{kind}"


def check_addresses(names=None):
    """A clear word about who is in the way, before anything starts. names: of what is to start, else all."""
    names = names or (*facts.HELPERS, *facts.NODES)
    wanted = [(facts.DNS[0], "udp", facts.DNS[1], "dns"),
              (facts.COLLECTOR[0], "udp", facts.COLLECTOR[1], "collector")]
    for name, node in facts.NODES.items():
        wanted += [(node["ip"], proto, port, name) for proto, port in node["ports"]]
    book = procs.load()
    for ip, proto, port, name in wanted:
        if name in names and not procs.alive(book.get(name)) and not procs.port_is_free(ip, proto, port):
            raise LabError(f"{facts.place(ip, port)}/{proto}, which the lab's {name} needs, is in use by another "
                           "process (another lab?); see `ss -lnp`")


def start_dns():
    source = facts.CONFIG / "dns"
    put(render.zone(facts.in_plan((source / "ims.zone").read_text()), facts.counts()), facts.RUN / "ims.zone")
    conf = put(facts.in_plan((source / "nsd.conf").read_text()), facts.RUN / "nsd.conf", CONF=facts.RUN)
    nsd = shutil.which("nsd", path=os.environ.get("PATH", "") + ":/usr/sbin:/sbin")
    if not nsd:
        raise LabError("nsd is not installed (tools/packages ensure lab)")
    fresh = procs.start("dns", [nsd, "-d", "-c", str(conf)])
    if fresh:
        procs.wait_until(dns_answers, 10, "dns", "an answer")
    return fresh


def dns_answers():
    """One query for the domain's SOA by hand: the server is up when it answers without error."""
    name = b"".join(bytes([len(p)]) + p.encode() for p in facts.DOMAIN.split(".")) + b"\0"
    query = b"\x12\x34\x01\x00\0\x01\0\0\0\0\0\0" + name + b"\0\x06\0\x01"
    with socket.socket(facts.AF(facts.DNS[0]), socket.SOCK_DGRAM) as s:
        s.settimeout(0.5)
        try:
            s.sendto(query, facts.DNS)
            reply = s.recv(4096)
        except OSError:
            return False
    return reply[:2] == b"\x12\x34" and reply[3] & 15 == 0 and reply[7] > 0


def start_collector():
    env_path = str(facts.ROOT / "tools")
    if procs.start("collector", ["/usr/bin/env", f"PYTHONPATH={env_path}", "PYTHONDONTWRITEBYTECODE=1",
                                 "/usr/bin/python3", "-m", "labkit.collector",
                                 str(facts.RUN / "trace.db"), *map(str, facts.COLLECTOR)]):
        procs.wait_until(lambda: (facts.RUN / "trace.db").exists(), 10, "collector", "the trace file")


def ctl(name, *words):
    command = [str(facts.ROOT / "tools" / "carillon-ctl"), "--socket", str(facts.RUN / f"{name}.ctl"),
               *words]
    env = dict(os.environ, CARILLON_BUILD=str(facts.BUILD), CARILLON_RUN=str(facts.RUN))
    r = subprocess.run(command, capture_output=True, text=True, env=env)
    if r.returncode != 0:
        raise LabError(f"{' '.join(words[:2])}: {r.stdout}{r.stderr}".strip(), log=name)
    return r.stdout


def check_config(name):
    """A node that runs is not ended for a configuration that it would refuse."""
    conf = put_config(name)
    r = subprocess.run([str(binary_of(name)), "--check", "--config", str(conf)],
                       capture_output=True, text=True, check=False)
    if r.returncode != 0:
        raise LabError(f"{name} was left as it is, for its configuration is not good:\n{r.stderr}".rstrip())


def start_node(name):
    conf = put_config(name)
    if facts.kind_of(name) == "hss":
        make_store_key()
    t0 = time.time()
    if not procs.start(name, [str(binary_of(name)), "--config", str(conf)]):
        return None
    procs.wait_until(lambda: procs.health(name)[0] != "down", 20, name, "an answer on /health")
    return time.time() - t0


def make_store_key():
    path = facts.RUN / "store.key"
    if not path.exists():
        fd = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        os.write(fd, secrets.token_hex(32).encode() + b"\n")
        os.close(fd)


def provision(hss):
    """The lab's subscribers: once, and again when the file has changed. Several HSSs share them."""
    marker = facts.RUN / "provisioned"
    source = facts.CONFIG / "subscribers.yaml"
    if marker.exists() and marker.read_text() == source.read_text():
        return
    ctl(hss, "subscriber", "import", "--replace", str(source))
    marker.write_text(source.read_text())


def running_already(name):
    """What `up` says of a node that it leaves alone; whoever has changed something wants to know."""
    since = procs.load()[name]["since"]
    for path, what in ((binary_of(name), "built"),
                       (facts.CONFIG / f"{facts.kind_of(name)}.yaml", "configured")):
        if path.stat().st_mtime > since:
            return f"running already, as it was before it was {what} anew: tools/lab restart {name}"
    return "running already"


def is_up():
    return any(procs.alive(e) for name, e in procs.load().items() if name != network.NAME)


def same_family():
    """A lab that is up stays what it is."""
    there = facts.family_of_run()
    if there != facts.FAMILY and is_up():
        raise LabError(f"the lab that is up is on IPv{there}: tools/lab down first")


def join_network(begins):
    """From here on the addresses of IPv6 are there. begins: also when there is no lab yet."""
    if begins:
        same_family()
        facts.RUN.mkdir(parents=True, exist_ok=True)
    network.enter(make=begins)


def lay_out(asked):
    """How many of each kind: those that were asked for, else as many as there are, else one."""
    there = facts.layout() if is_up() else {}
    counts = {kind: asked.get(kind) or there.get(kind, 1) for kind in facts.KINDS}
    if there and counts != there:
        raise LabError("the lab is up with " + ", ".join(f"{n} {k}" for k, n in there.items())
                       + ": tools/lab down first")
    facts.lay_out(counts)


def up(out=print, asked=None):
    """asked: how many of each kind there shall be."""
    same_family()
    facts.RUN.mkdir(parents=True, exist_ok=True)
    if len(str(facts.RUN / "scscf2.ctl")) > 100:
        raise LabError(f"{facts.RUN} is too long a path for a control socket; set CARILLON_RUN")
    lay_out(asked or {})
    check_addresses()
    if facts.FAMILY == 6:
        facts.FAMILY_FILE.write_text("6\n")
    facts.LAYOUT.write_text(json.dumps(facts.counts()))
    out(f"dns      ready   {facts.place(*facts.DNS)}" if start_dns() else "dns      running already")
    start_collector()
    for name in facts.NODES:
        took = start_node(name)
        out(f"{name:8} " + (running_already(name) if took is None
                            else f"ready   {facts.NODES[name]['ip']}  in {took * 1000:.0f} ms"))
        if name == "hss":
            provision(name)
    for name in facts.NODES:
        procs.wait_until(lambda n=name: procs.health(n)[0] == "up", 20, name,
                         "readiness (its peers are not connected)")


def down(out=print):
    stopped = [n for n in [*reversed(facts.NODES), *reversed(facts.HELPERS)] if procs.stop(n)]
    procs.stop(network.NAME)
    for kept in (facts.LAYOUT, facts.FAMILY_FILE):
        kept.unlink(missing_ok=True)
    out("stopped: " + ", ".join(stopped) if stopped else "nothing was running")


RECONNECT_S = 40  # longer than a Diameter peer waits before it connects again


def restart(name, out=print):
    if name not in facts.NODES and name not in facts.HELPERS:
        raise UsageError(f"no node {name}: one of {', '.join([*facts.NODES, *facts.HELPERS])}")
    if not is_up():
        raise LabError("the lab is not up: tools/lab up")
    if name in facts.NODES:
        check_config(name)
    procs.stop(name)
    check_addresses([name])
    {"dns": start_dns, "collector": start_collector}.get(name, lambda: start_node(name))()
    if facts.kind_of(name) == "hss":
        provision(name)
    for node in facts.NODES:  # its neighbours too: they may have to connect again
        if procs.alive(procs.load().get(node)):
            procs.wait_until(lambda n=node: procs.health(n)[0] == "up", RECONNECT_S, node, "readiness")
    out(f"{name} restarted")


def status(out=print):
    """Prints a line for each; True when all are up."""
    book, good = procs.load(), True
    width = max(len(node["ip"]) for node in facts.NODES.values())
    for name in [*facts.HELPERS, *facts.NODES]:
        entry = book.get(name)
        state, why = "down", ""
        if procs.alive(entry):
            state, why = procs.health(name) if name in facts.NODES else ("up", "")
        good = good and state == "up"
        ip = facts.NODES[name]["ip"] if name in facts.NODES else ""
        age = f"{time.time() - entry['since']:.0f} s" if procs.alive(entry) else ""
        pid = entry["pid"] if procs.alive(entry) else "-"
        out(f"{name:10} {state:10} {ip:{width}} pid {pid!s:8} {age:8} {why}".rstrip())
    return good
