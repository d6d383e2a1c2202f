# SPDX-License-Identifier: Apache-2.0
"""Debian's Kamailio in the place of nodes of the lab, with the configurations of tests/bench/kamailio."""
import os
import re
import shutil
import signal
import sqlite3
import subprocess
import time

from labkit import facts
from labrun import wait_until

BINARY = shutil.which("kamailio", path="/usr/sbin:/usr/bin")
CONF = facts.ROOT / "tests" / "bench" / "kamailio"
# It looks names up where the machine does: Diameter peers and what our nodes write into URIs are in a hosts file that
# only it sees.
WITH_NAMES = 'mount --bind "$0" /etc/hosts && exec "$@"'


def missing():
    """Why it cannot be had; empty when it can."""
    if not BINARY:
        return "kamailio is not installed (tools/packages ensure kamailio)"
    if os.geteuid() != 0:
        return "kamailio gets a hosts file of its own, which takes root"
    return ""


class Kamailio:
    """with Kamailio(lab, ["icscf"]): the lab's I-CSCF is down and this one has its address."""

    def __init__(self, lab, nodes):
        self.lab, self.nodes, self.processes = lab, nodes, {}
        self.run = facts.RUN / "kamailio"

    def __enter__(self):
        self.run.mkdir(exist_ok=True)
        self.lab.mixed.append([time.time() - 1, float("inf")])
        for old in (*self.run.glob("*.rpc"), *self.run.glob("*.db")):
            old.unlink()
        (self.run / "hosts").write_text("127.0.0.1 localhost\n" + "".join(
            f"{node['ip']} {name}.{facts.DOMAIN}\n" for name, node in facts.NODES.items()))
        try:
            for node in self.nodes:
                self._end_ours(node)
            if "pcscf" in self.nodes and "scscf" not in self.nodes:
                self._scheme()
            for node in self.nodes:
                self._start(node)
            for node in self.nodes:
                wait_until(lambda n=node: self._ready(n), 30, f"kamailio as {node}")
        except BaseException:
            self.__exit__()
            raise
        return self

    def _scheme(self):
        """Its P-CSCF says nothing of integrity without IPsec, so our S-CSCF is told what such a network has."""
        folder = self.run / "config"
        shutil.copytree(facts.CONFIG, folder, dirs_exist_ok=True)
        text = (folder / "scscf.yaml").read_text()
        (folder / "scscf.yaml").write_text(text.replace("auth:\n", "auth:\n  default_scheme: aka\n"))
        self.lab.cli("restart", "scscf", env={"CARILLON_CONFIG": str(folder)})

    def _end_ours(self, node):
        pid = self.lab.pid(node)
        self.lab.note()
        os.kill(pid, signal.SIGTERM)
        wait_until(lambda: self.lab.note() or any(e[1] == pid for e in self.lab.exits), 20, f"{node} has ended")

    def _put_in(self, name, node, target):
        text = (CONF / name).read_text()
        for key, value in (("RUN", self.run), ("NODE", node), ("IP", facts.NODES[node]["ip"]),
                           ("DOMAIN", facts.DOMAIN)):
            text = text.replace(f"@{key}@", str(value))
        # $si has no brackets, all others do.
        text = re.sub(r'si == "@NET@(\d+)"', lambda m: f'si == "{facts.at(1, int(m[1]))}"', text)
        text = re.sub(r"@NET@(\d+)", lambda m: facts.host(facts.at(1, int(m[1]))), text)
        if facts.FAMILY == 6:
            text = text.replace("tcp_source_ipv4", "tcp_source_ipv6")
        (self.run / target).write_text(text)

    def _start(self, node):
        self._put_in("icscf.sql", "icscf", "icscf.sql")
        if node == "icscf":
            with sqlite3.connect(self.run / "icscf.db") as db:
                db.executescript((self.run / "icscf.sql").read_text())
        self._put_in("common.inc", node, f"{node}.inc")
        self._put_in(f"{node}.cfg", node, f"{node}.cfg")
        self._put_in("diameter.xml", node, f"{node}.xml")
        log = open(self.log_of(node), "w")  # pylint: disable=consider-using-with
        self.processes[node] = subprocess.Popen(
            ["unshare", "--mount", "--propagation", "private", "sh", "-c", WITH_NAMES, str(self.run / "hosts"), BINARY,
             "-DD", "-E", "-A", "MIXED", "-m", "256", "-M", "16", "-f", str(self.run / f"{node}.cfg"), "-P",
             str(self.run / f"{node}.pid"), "-Y", str(self.run)], stdout=log, stderr=log)

    def log_of(self, node):
        return self.run / f"{node}.log"

    def _ready(self, node):
        assert self.processes[node].poll() is None, self.log_of(node).read_text()[-3000:]
        if not (self.run / f"{node}.rpc").exists():
            return False
        return node == "pcscf" or "_Open" in subprocess.run(
            ["kamcmd", "-s", f"unix:{self.run / node}.rpc", "cdp.list_peers"],
            capture_output=True, text=True, check=False).stdout

    def __exit__(self, *_):
        for p in self.processes.values():
            p.terminate()
        for p in self.processes.values():
            try:
                p.wait(10)
            except subprocess.TimeoutExpired:
                p.kill()
                p.wait()
        self.lab.cli("up")
        if "scscf" not in self.nodes:
            self.lab.cli("restart", "scscf")
        self.lab.all_healthy()
        self.lab.mixed[-1][1] = time.time() + 1
