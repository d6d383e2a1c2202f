# SPDX-License-Identifier: Apache-2.0
"""Carillon under test: the lab's own configuration on other addresses, without trace, logging warnings."""
import json
import os
import re
import secrets
import shutil
import socket
import subprocess
import urllib.error
import urllib.request

from benchkit import facts
from benchkit.system import BenchError, Process, wait_for

LAB = facts.ROOT / "config" / "lab"


def without_trace(text):
    """The configuration without its `trace:` section."""
    return re.sub(r"(?m)^trace:\n(?:[ \t]+.*\n?)*", "", text)


def render(source, run, net):
    text = without_trace(source.read_text()).replace("127.0.1.", net)
    text = text.replace("127.0.2.0/24", facts.UE_NET)  # the phones that the operator exempts from limits
    text = text.replace("@RUN@", str(run)).replace("@CONF@", str(run))
    if source.suffix == ".yaml":
        text += "log:\n  level: warn\n"
    target = run / source.name
    target.write_text(text)
    return target


def http_ok(ip):
    try:
        with urllib.request.urlopen(f"http://{ip}:9090/health", timeout=1) as r:
            return r.status == 200
    except (OSError, ValueError, urllib.error.HTTPError):
        return False


def http_alive(ip):
    try:
        urllib.request.urlopen(f"http://{ip}:9090/health", timeout=1).close()
        return True
    except urllib.error.HTTPError:
        return True
    except OSError:
        return False


def dns_answers(ip):
    name = b"".join(bytes([len(p)]) + p.encode() for p in facts.DOMAIN.split(".")) + b"\0"
    query = b"\x12\x34\x01\x00\0\x01\0\0\0\0\0\0" + name + b"\0\x06\0\x01"
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as s:
        s.settimeout(0.3)
        try:
            s.sendto(query, (ip, 10053))
            return s.recv(4096)[:2] == b"\x12\x34"
        except OSError:
            return False


def ctl(run, *words):
    r = subprocess.run([facts.BUILD / "tools" / "ctl" / "carillon-ctl", "--socket", run / "hss.ctl",
                        *words], capture_output=True, text=True)
    if r.returncode:
        raise BenchError(f"carillon-ctl {' '.join(map(str, words))}: {r.stdout}{r.stderr}")


def store_key():
    path = facts.RUN / "store.key"
    if not path.exists():
        with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as f:
            f.write(secrets.token_hex(32) + "\n")
    return path


def write_csv(path):
    """An optional capability each: the peer's Diameter drops an answer with empty Server-Capabilities."""
    with open(path, "w") as f:
        f.write("impi,k_ascii,op,amf,impus,visited,optional\n")
        for i in range(facts.SUBSCRIBERS):
            imsi = f"{facts.FIRST_IMSI + i:015d}"
            f.write(f"{imsi}@{facts.DOMAIN},{facts.KEY},{facts.OP},8000,"
                    f"sip:{imsi}@{facts.DOMAIN} tel:+1556{imsi[-7:]},{facts.DOMAIN},0\n")


class Hss:
    """carillon-hss with the load users; the filled store is made once and copied for each start."""

    def __init__(self, run, net, inside=(), ready=None, under=(), patience=30):
        """under: what the node runs below once its store is there."""
        run.mkdir(parents=True, exist_ok=True)
        self.run, self.inside, self.patience = run, inside, patience
        self.ready = ready or (lambda: http_alive(net + "40"))
        self.conf = render(LAB / "hss.yaml", run, net)
        shutil.copy(store_key(), run / "store.key")
        for name in ("hss.db", "hss.db-wal", "hss.db-shm"):
            (run / name).unlink(missing_ok=True)
        filled = facts.RUN / f"hss-{facts.SUBSCRIBERS}.db"
        if filled.exists():
            shutil.copy(filled, run / "hss.db")
            self.process = self.start(under)
        else:
            self.process = self.start()
            write_csv(run / "users.csv")
            ctl(run, "subscriber", "import", run / "users.csv")
            self.process.stop()
            shutil.copy(run / "hss.db", filled)
            self.process = self.start(under)

    def start(self, under=()):
        p = Process("hss", [*self.inside, *under, facts.BUILD / "hss" / "carillon-hss", "--config", self.conf],
                    facts.SERVER_CORE, self.run / "hss.log")
        wait_for(self.ready, self.patience, "carillon-hss answering", p)
        return p


class Carillon:
    """DNS, HSS, I-, S- and P-CSCF on one core."""

    title = "Carillon"
    memory_kind, memory_share, memory_rate = "private memory of the process", 1, 2000
    linger_s = 36       # the longest a finished transaction stays (timer J), and some
    spread, setup_rate = 1, 1000
    start_patience = 20
    inside = ()
    ue = facts.UE
    proxy = facts.NET + "10:5060"

    def __init__(self):
        run = facts.RUN / "core"
        run.mkdir(parents=True, exist_ok=True)
        for log in run.glob("*.log"):
            log.unlink()
        self.run = run
        self.next_user = 0
        self.processes, self.counted = {}, {}
        self.helpers = []
        try:
            self.start(run)
        except BaseException:
            self.stop()
            raise

    def start(self, run):
        self.start_dns(run)
        self.processes["hss"] = Hss(run, facts.NET, under=self.under("hss"), patience=self.start_patience + 10).process
        for name, letter in (("icscf", "20"), ("scscf", "30"), ("pcscf", "10")):
            conf = render(LAB / f"{name}.yaml", run, facts.NET)
            shutil.rmtree(run / f"{name}.state", ignore_errors=True)    # each user is a new one
            p = Process(name, [*self.under(name), facts.BUILD / name / f"carillon-{name}", "--config", conf],
                        facts.SERVER_CORE, run / f"{name}.log")
            self.processes[name] = p
            wait_for(lambda ip=facts.NET + letter: http_alive(ip), self.start_patience, f"{name} answering", p)
        for name, letter in (("icscf", "20"), ("scscf", "30"), ("pcscf", "10"), ("hss", "40")):
            wait_for(lambda ip=facts.NET + letter: http_ok(ip), self.start_patience, f"{name} ready",
                     self.processes[name])

    def under(self, name):
        """What a node runs below."""
        return []

    def start_dns(self, run):
        nsd = shutil.which("nsd", path=os.environ.get("PATH", "") + ":/usr/sbin:/sbin")
        if not nsd:
            raise BenchError("nsd is not installed (tools/packages ensure lab)")
        render(LAB / "dns" / "ims.zone", run, facts.NET)
        conf = render(LAB / "dns" / "nsd.conf", run, facts.NET)
        p = Process("dns", [nsd, "-d", "-c", conf], facts.SERVER_CORE, run / "dns.log")
        self.helpers.append(p)
        wait_for(lambda: dns_answers(facts.NET + "53"), 10, "an answer of the DNS server", p)

    def stop(self):
        for p in [*reversed(self.processes.values()), *self.helpers]:
            p.stop()

    def cpu_us(self):
        return {name: p.cpu_us() for name, p in self.processes.items()}

    def memory(self):
        return {name: p.memory() for name, p in self.processes.items()}

    def retransmissions(self):
        """What the nodes themselves sent again; the load counts its own."""
        total = 0
        for letter in ("10", "20", "30"):
            with urllib.request.urlopen(f"http://{facts.NET}{letter}:9090/metrics", timeout=5) as r:
                for line in r.read().decode().splitlines():
                    if "retransmi" in line and not line.startswith("#"):
                        total += float(line.rsplit(" ", 1)[1])
        return total

    def check(self):
        for name, p in self.processes.items():
            if not p.alive():
                raise BenchError(f"{name} ended; see {p.log}")


def load_line(line):
    try:
        return json.loads(line)
    except ValueError:
        return {}
