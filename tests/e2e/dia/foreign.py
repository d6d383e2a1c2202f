# SPDX-License-Identifier: Apache-2.0
"""Processes, addresses and the judge for the tests with foreign Diameter peers."""
import os
import pathlib
import random
import re
import shutil
import signal
import socket
import subprocess
import time

import pytest
from network import outside_address

HERE = pathlib.Path(__file__).resolve().parent
ROOT = HERE.parents[2]
BUILD = pathlib.Path(os.environ.get("CARILLON_BUILD", ROOT / "build")).resolve()
DOMAIN = "ims.mnc001.mcc001.3gppnetwork.org"
OP = "cdc202d5123e20f62b6d676ac72cb318"
KEYS = {"alice": ("001010000000001", "alice-lab-key-01"), "bob": ("001010000000002", "bob-lab-key-0002")}
HSS, RELAY = f"hss.{DOMAIN}", f"dra.{DOMAIN}"
ERROR_OR_WORSE = "_ws.malformed || _ws.expert.severity >= 8388608"


def free_port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


def relay_address():
    """Where freeDiameterd listens; it takes no loopback address for its own."""
    found = outside_address()
    if not found:
        pytest.skip("freeDiameter needs an address outside 127.0.0.0/8, and only root can make one here")
    return found


class Process:
    """A child process whose output is a file that can be waited on."""

    def __init__(self, name, argv, folder, **more):
        self.name = name
        self.path = pathlib.Path(folder) / f"{name}-{time.monotonic_ns()}.log"
        self.child = subprocess.Popen(
            [str(a) for a in argv], stdout=self.path.open("wb"), stderr=subprocess.STDOUT,
            stdin=subprocess.DEVNULL, cwd=folder, env={**os.environ, "ERL_CRASH_DUMP": "/dev/null"},
            **more)

    def text(self):
        return self.path.read_text(errors="replace")

    def wait_for(self, what, seconds=15, times=1):
        end = time.monotonic() + seconds
        while self.text().count(what) < times:
            assert self.child.poll() is None or self.text().count(what) >= times, \
                f"{self.name} ended: {self.text()}"
            assert time.monotonic() < end, f"{self.name} never said {what!r}: {self.text()}"
            time.sleep(0.02)

    def finish(self, seconds=30, status=0):
        got = self.child.wait(seconds)
        assert got == status, f"{self.name} ended with {got}: {self.text()}"
        return self.text()

    def kill(self, how=signal.SIGKILL):
        if self.child.poll() is None:
            self.child.send_signal(how)
        return self.child.wait(10)


class Capture:
    """Every Diameter message on the loopback interface, for tshark to judge. dumpcap records: a tshark that
    records starts one and leaves it behind when it is killed."""

    def __init__(self, wanted, ports, folder):
        self.ports = ports
        self.file = pathlib.Path(folder) / "capture.pcapng"
        self.process = Process("dumpcap", ["dumpcap", "-i", "lo", "-f", wanted, "-w", self.file], folder)
        self.process.wait_for("File: ")  # said once the interface is open

    def read(self, expression):
        as_diameter = [a for p in self.ports for a in ("-d", f"tcp.port=={p},diameter")]
        out = subprocess.run(
            ["tshark", "-r", self.file, *as_diameter, "-Y", expression, "-T", "fields",
             "-e", "frame.number", "-e", "diameter.cmd.code", "-e", "_ws.expert.message"],
            capture_output=True, text=True, check=True).stdout
        return out.splitlines()

    def judge(self, at_least, commands=()):
        """Nothing is malformed, nothing is an error, and every command was really there."""
        time.sleep(1)
        self.process.kill(signal.SIGINT)
        wrong = self.read(ERROR_OR_WORSE)
        assert not wrong, "\n".join(wrong)
        codes = [c for line in self.read("diameter") for c in line.split("\t")[1].split(",")]
        assert len(codes) >= at_least, f"only {len(codes)} messages were captured"
        missing = {str(c) for c in commands} - set(codes)
        assert not missing, f"no command {missing} in the capture"


class Lab:
    """Starts processes and ends just those."""

    def __init__(self, folder):
        self.folder = folder
        self.started = []

    def run(self, name, *argv, **more):
        p = Process(name, argv, self.folder, **more)
        self.started.append(p)
        return p

    def capture_of(self, wanted, *ports):
        if not shutil.which("tshark"):
            pytest.skip("tshark is not here")
        c = Capture(wanted, ports, self.folder)
        self.started.append(c.process)
        return c

    def capture(self, *ports):
        return self.capture_of(" or ".join(f"tcp port {p}" for p in ports), *ports)

    def close(self):
        for p in reversed(self.started):
            p.kill()
        reports = [p.text() for p in self.started if re.search("Sanitizer|runtime error:", p.text())]
        assert not reports, "\n".join(reports)

    # ---- erlang-diameter ----

    def compile(self, *modules):
        for m in modules:
            subprocess.run(["erlc", "-o", str(self.folder), str(HERE / f"{m}.erl")], check=True)

    def erlang(self, module, *words):
        return self.run(module, "erl", "-noshell", "-pa", self.folder, "-s", module, "main", *words)


def free_net():
    """The third octet of a 127.5.x.0/24 in which nobody listens."""
    while True:
        net = random.randrange(1, 255)
        try:
            for host, port in ((40, 3868), (10, 5060), (20, 5060), (30, 5060), (53, 10053)):
                with socket.socket() as s:
                    s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
                    s.bind((f"127.5.{net}.{host}", port))
        except OSError:
            continue
        return net


class Core(Lab):
    """Our daemons with the lab's configuration, moved to a network of their own."""

    def __init__(self, folder):
        super().__init__(folder)
        self.net = free_net()
        self.nodes = {}
        for name in ("hss", "icscf", "scscf", "pcscf"):
            self.write(f"config/lab/{name}.yaml", f"{name}.yaml")

    def ip(self, host):
        return f"127.5.{self.net}.{host}"

    def write(self, source, target, **more):
        text = (ROOT / source).read_text().replace("127.0.1.", f"127.5.{self.net}.")
        text = text.replace("@RUN@", str(self.folder)).replace("@CONF@", str(self.folder))
        (self.folder / target).write_text(re.sub(r"(?m)^trace:\n(  .*\n)+", "", text))

    def change(self, name, old, new):
        path = self.folder / f"{name}.yaml"
        text = path.read_text()
        assert old in text, f"{old!r} is not in {path}"
        path.write_text(text.replace(old, new))

    def through_relay(self, port):
        """The CSCFs reach the HSS through a relay, which the HSS lets connect."""
        for name in ("icscf", "scscf"):
            self.change(name, f"    - host: {HSS}\n      address: {self.ip(40)}:3868",
                        f"    - host: {RELAY}\n      address: {relay_address()}:{port}\n      relay: true")
        self.let_in(RELAY, f"127.0.0.1, {relay_address()}", relay=True)

    def let_in(self, host, source, relay=False):
        more = f"\n      from: [{source}]" + ("\n      relay: true" if relay else "")
        self.change("hss", "  peers:\n", f"  peers:\n    - host: {host}{more}\n")

    def start(self, name):
        key = self.folder / "store.key"
        if name == "hss" and not key.exists():
            key.touch(0o600)
            key.write_text(os.urandom(32).hex() + "\n")
        config = self.folder / f"{name}.yaml"
        self.nodes[name] = self.run(name, BUILD / name / f"carillon-{name}", "--config", config)
        self.until(lambda: self.ctl(name, "version", check=False).returncode == 0, f"{name} to start")
        return self.nodes[name]

    def start_dns(self):
        self.write("config/lab/dns/nsd.conf", "nsd.conf")
        self.write("config/lab/dns/ims.zone", "ims.zone")
        nsd = shutil.which("nsd", path=os.environ["PATH"] + ":/usr/sbin:/sbin")
        if not nsd:
            pytest.skip("nsd is not here")
        self.run("nsd", nsd, "-d", "-c", self.folder / "nsd.conf")

    def start_all(self, *names):
        self.start_dns()
        for name in names:
            self.start(name)
        for name in names:
            self.ready(name)

    def ready(self, name, seconds=40):
        self.until(lambda: self.ctl(name, "status", check=False).returncode == 0, f"{name} to be ready",
                   seconds)

    def until(self, condition, what, seconds=20):
        end = time.monotonic() + seconds
        while not condition():
            ended = [p.text() for p in self.nodes.values() if p.child.poll() is not None]
            assert not ended, "\n".join(ended)
            assert time.monotonic() < end, f"waited {seconds} s for {what}: " + self.logs()
            time.sleep(0.05)

    def logs(self):
        return "\n".join(f"--- {n}\n" + p.text()[-3000:] for n, p in self.nodes.items())

    def ctl(self, name, *words, check=True, stdin=None):
        env = {**os.environ, "CARILLON_BUILD": str(BUILD), "CARILLON_RUN": str(self.folder)}
        r = subprocess.run([ROOT / "tools/carillon-ctl", "--socket", self.folder / f"{name}.ctl",
                            *map(str, words)], capture_output=True, text=True, env=env, input=stdin)
        assert not check or r.returncode == 0, f"{words}: {r.stdout}{r.stderr}"
        return r

    def provision(self):
        self.ctl("hss", "subscriber", "import", ROOT / "config/lab/subscribers.yaml")

    def phone(self, name, impi, host, *more):
        return self.run(
            name, BUILD / "tools/ue/carillon-ue", "--local", f"127.6.{self.net}.{host}", "--proxy",
            f"{self.ip(10)}:5060", "--domain", DOMAIN, "--impi", impi, "--impu", f"sip:{name}@{DOMAIN}",
            "--json", *more)

    def ue(self, name, *steps):
        imsi, key = KEYS[name]
        return self.phone(name, f"{imsi}@{DOMAIN}", int(imsi[-1]), "--k-ascii", key, "--op", OP,
                          "--sqn-file", self.folder / f"{name}.sqn", *steps)
