# SPDX-License-Identifier: Apache-2.0
"""The peer under test: Kamailio's P-, I- and S-CSCF with our configurations, and carillon-hss behind them.

All of it, the load too, lives in a network and mount namespace of its own: the nodes find each other by
names in a private /etc/hosts, and the P-CSCF's IPsec module, which cannot be left out and flushes the
machine's IPsec policies when it starts, finds none."""
import shutil
import sqlite3
import subprocess

from benchkit import facts
from benchkit.core import Hss
from benchkit.system import BenchError, Process, wait_for

CONF = facts.ROOT / "tests" / "bench" / "kamailio"
HOLD_NAMESPACE = 'ip link set lo up && mount --bind "$0" /etc/hosts && echo ready && exec sleep 100000'
START_S = 30


def hosts_file(run):
    names = {"10": "pcscf", "20": "icscf", "30": "scscf", "40": "hss"}
    lines = ["127.0.0.1 localhost"]
    lines += [f"{facts.PEER_NET}{n} {name}.{facts.DOMAIN}" for n, name in names.items()]
    path = run / "hosts"
    path.write_text("\n".join(lines) + "\n")
    return path


class Kamailio:
    title = "Kamailio"
    memory_kind, memory_share, memory_rate = "its shared memory with overhead", 0.2, 200
    linger_s = longest_linger_s = 8     # its transactions wait 5 s
    setup_rate = 150
    spread = 4000        # its P-CSCF hashes contacts by the address in the Via
    ue = facts.PEER_UE
    proxy = facts.PEER_NET + "10:5060"

    def __init__(self):
        self.run = facts.RUN / "kamailio"
        self.run.mkdir(parents=True, exist_ok=True)
        for old in (*self.run.glob("*.log"), *self.run.glob("*.db")):
            old.unlink()
        self.next_user = 0
        self.processes, self.holder, self.inside = {}, None, []
        self.binary = shutil.which("kamailio", path="/usr/sbin:/usr/bin")
        if not self.binary:
            raise BenchError("kamailio is not installed (tools/packages ensure kamailio)")
        try:
            self.start()
        except BaseException:
            self.stop()
            raise

    def put_in(self, name, node, target):
        text = (CONF / name).read_text()
        ip = facts.PEER_NET + {"pcscf": "10", "icscf": "20", "scscf": "30"}[node]
        for key, value in (("RUN", self.run), ("NODE", node), ("NET", facts.PEER_NET), ("IP", ip),
                           ("DOMAIN", facts.DOMAIN)):
            text = text.replace(f"@{key}@", str(value))
        (self.run / target).write_text(text)

    def enter_namespace(self):
        """The words that run a command in the namespace, which lives as long as its holder."""
        self.holder = subprocess.Popen(["unshare", "--net", "--mount", "--propagation", "private",
                                        "sh", "-c", HOLD_NAMESPACE, hosts_file(self.run)],
                                       stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        if self.holder.stdout.readline() != "ready\n":
            raise BenchError(f"no namespace for the peer: {self.holder.stderr.read().strip()}")
        self.inside = ["nsenter", "--target", str(self.holder.pid), "--net", "--mount"]

    def start(self):
        self.enter_namespace()
        hss = Hss(self.run, facts.PEER_NET, self.inside, lambda: (self.run / "hss.ctl").exists())
        self.processes["hss"] = hss.process
        self.put_in("icscf.sql", "icscf", "icscf.sql")
        with sqlite3.connect(self.run / "icscf.db") as db:
            db.executescript((self.run / "icscf.sql").read_text())
        for node in ("icscf", "scscf", "pcscf"):
            self.put_in("common.inc", node, f"{node}.inc")
            self.put_in(f"{node}.cfg", node, f"{node}.cfg")
            self.put_in("diameter.xml", node, f"{node}.xml")
            command = [*self.inside, self.binary, "-DD", "-E", "-m", "2048", "-M", "64", "-f",
                       self.run / f"{node}.cfg", "-P", self.run / f"{node}.pid", "-Y", self.run]
            self.processes[node] = Process(node, command, facts.SERVER_CORE,
                                           self.run / f"{node}.log")
        for node in ("icscf", "scscf", "pcscf"):
            p = self.processes[node]
            wait_for(lambda n=node: (self.run / f"{n}.rpc").exists(), START_S, f"{node} starting", p)
        for node in ("icscf", "scscf"):
            wait_for(lambda n=node: self.has_peer(n), START_S, f"{node} connected to the HSS",
                     self.processes[node])

    def has_peer(self, node):
        """Its Diameter connection to the HSS is open; what it says itself."""
        return "_Open" in self.ask(node, "cdp.list_peers")

    def stop(self):
        for p in reversed(self.processes.values()):
            p.stop()
        for path in (*self.run.glob("*.rpc"), *self.run.glob("hss.ctl")):
            path.unlink()
        if self.holder:
            self.holder.kill()
            self.holder.wait()

    def cpu_us(self):
        return {name: p.cpu_us() for name, p in self.processes.items()}

    def finished(self):
        return {}       # it does not tell

    def memory(self):
        """Shared memory in use, the allocator's overhead included, as the nodes themselves count it."""
        return {node: self.shared_memory(node) for node in ("pcscf", "icscf", "scscf")}

    def shared_memory(self, node):
        for line in self.ask(node, "core.shmmem").splitlines():
            if "real_used" in line:
                return int(line.split()[1])
        raise BenchError(f"{node} of the peer does not tell its memory")

    def ask(self, node, command):
        return subprocess.run(["kamcmd", "-s", f"unix:{self.run / node}.rpc", command],
                              capture_output=True, text=True).stdout

    def retransmissions(self):
        return 0    # it does not count them; the load counts its own

    def check(self):
        for name, p in self.processes.items():
            if not p.alive():
                raise BenchError(f"{name} of the peer ended; see {p.log}")
