# SPDX-License-Identifier: Apache-2.0
"""Processes, ports and the judge for the tests with foreign Diameter peers."""
import os
import pathlib
import shutil
import signal
import socket
import subprocess
import time

import pytest

HERE = pathlib.Path(__file__).resolve().parent
ROOT = HERE.parents[2]
BUILD = pathlib.Path(os.environ.get("CARILLON_BUILD", ROOT / "build"))
CLIENT = BUILD / "tests/e2e/dia/cx_client"
SERVER = BUILD / "tests/e2e/dia/cx_server"
ERROR_OR_WORSE = "_ws.malformed || _ws.expert.severity >= 8388608"


def free_port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


class Process:
    """A child process whose output is a file that can be waited on."""

    def __init__(self, name, argv, folder):
        self.name = name
        self.path = pathlib.Path(folder) / f"{name}-{time.monotonic_ns()}.log"
        self.child = subprocess.Popen(
            [str(a) for a in argv], stdout=self.path.open("wb"), stderr=subprocess.STDOUT,
            stdin=subprocess.DEVNULL, cwd=folder, env={**os.environ, "ERL_CRASH_DUMP": "/dev/null"})

    def text(self):
        return self.path.read_text(errors="replace")

    def wait_for(self, what, seconds=15, times=1):
        end = time.monotonic() + seconds
        while self.text().count(what) < times:
            assert self.child.poll() is None or self.text().count(what) >= times, \
                f"{self.name} ended: {self.text()}"
            assert time.monotonic() < end, f"{self.name} never said {what!r}: {self.text()}"
            time.sleep(0.02)

    def finish(self, seconds=30):
        status = self.child.wait(seconds)
        assert status == 0, f"{self.name} ended with {status}: {self.text()}"
        return self.text()

    def kill(self, how=signal.SIGKILL):
        if self.child.poll() is None:
            self.child.send_signal(how)
        return self.child.wait(10)


class Capture:
    """tshark on the loopback interface as a judge of every message on some ports."""

    def __init__(self, ports, folder):
        self.ports = ports
        self.file = pathlib.Path(folder) / "capture.pcapng"
        wanted = " or ".join(f"tcp port {p}" for p in ports)
        self.process = Process("tshark", ["tshark", "-i", "lo", "-f", wanted, "-w", self.file], folder)
        self.process.wait_for("Capturing on")
        time.sleep(0.5)

    def read(self, expression):
        as_diameter = [a for p in self.ports for a in ("-d", f"tcp.port=={p},diameter")]
        out = subprocess.run(
            ["tshark", "-r", self.file, *as_diameter, "-Y", expression, "-T", "fields",
             "-e", "frame.number", "-e", "diameter.cmd.code", "-e", "_ws.expert.message"],
            capture_output=True, text=True, check=True).stdout
        return out.splitlines()

    def judge(self, at_least):
        time.sleep(1)
        self.process.kill(signal.SIGINT)
        wrong = self.read(ERROR_OR_WORSE)
        assert not wrong, "\n".join(wrong)
        messages = sum(len(line.split("\t")[1].split(",")) for line in self.read("diameter"))
        assert messages >= at_least, f"only {messages} messages were captured"


@pytest.fixture
def lab(tmp_path):
    """Starts processes and ends just those."""
    for needed in (CLIENT, SERVER):
        if not needed.exists():
            pytest.fail(f"{needed} is not built")

    class Lab:
        folder = tmp_path
        started = []

        def run(self, name, *argv):
            p = Process(name, argv, tmp_path)
            self.started.append(p)
            return p

        def server(self, port, *more, host="hss.test"):
            p = self.run("server", SERVER, "--host", host, "--realm", "test", "--listen",
                         f"127.0.0.1:{port}", *more)
            p.wait_for("ready")
            return p

        def client(self, peer, port, *more):
            return self.run("client", CLIENT, "--host", "cli.test", "--realm", "test", "--peer",
                            f"{peer}=127.0.0.1:{port}", *more)

        def capture(self, *ports):
            if not shutil.which("tshark"):
                pytest.skip("tshark is not here")
            c = Capture(ports, tmp_path)
            self.started.append(c.process)
            return c

    the_lab = Lab()
    the_lab.started = []
    yield the_lab
    for p in reversed(the_lab.started):
        p.kill()
