# SPDX-License-Identifier: Apache-2.0
"""The event core on real sockets (tests/scenario/event_node.c) with notifiers and subscribers that nobody here
wrote: SIPp as either, Kamailio's presence server as notifier. Their addresses are those that the judge leaves alone."""
import os
import shutil
import socket
import sqlite3
import subprocess
from pathlib import Path

import pytest
from labrun import wait_until

SCENARIOS = Path(__file__).resolve().parent / "sipp"
UE = Path(os.environ["CARILLON_BUILD"]) / "tools" / "ue" / "carillon-ue"
NODE = Path(os.environ["CARILLON_BUILD"]) / "tests" / "scenario" / "event_node"
OURS, THEIRS = "127.0.66.31:5060", "127.0.66.32"
MODULES = Path("/usr/lib/x86_64-linux-gnu/kamailio/modules")
SCHEMAS = Path("/usr/share/kamailio/db_sqlite")


class Process:
    """A program with its output in a file, ended when the block is left."""

    def __init__(self, log, *words):
        self.path, self.words = log, [str(w) for w in words]

    def __enter__(self):
        with open(self.path, "w", encoding="utf-8") as out:
            self.p = subprocess.Popen(self.words, stdin=subprocess.DEVNULL, stdout=out, stderr=subprocess.STDOUT)
        return self

    def text(self):
        return Path(self.path).read_text(encoding="utf-8", errors="replace")

    def says(self, what, seconds=20):
        wait_until(lambda: what in self.text() or self.p.poll() is not None, seconds, what)
        assert what in self.text(), self.text()[-3000:]

    def ends(self, seconds=30):
        assert self.p.wait(seconds) == 0, self.text()[-3000:]
        return self.text()

    def __exit__(self, *_):
        if self.p.poll() is None:
            self.p.terminate()
            self.p.wait(10)


def sipp(scenario, tmp_path, *more):
    if not shutil.which("sipp"):
        pytest.skip("SIPp is not installed")
    return Process(tmp_path / f"sipp-{scenario}.log", "sipp", *more, "-sf", SCENARIOS / f"{scenario}.xml", "-i", THEIRS,
                   "-p", "5060", "-t", "u1", "-m", "1", "-nostdin", "-timeout", "20s", "-timeout_error",
                   "-trace_err", "-error_file", tmp_path / "sipp.err")


def test_sipp_subscribes(tmp_path):
    with Process(tmp_path / "node.log", NODE, "notify", OURS) as node:
        node.says("ready")
        with sipp("subscribe", tmp_path, OURS) as peer:
            status = peer.p.wait(30)
            trouble = tmp_path / "sipp.err"
            assert status == 0, (trouble.read_text() if trouble.exists() else "") + peer.text()[-2000:]


def bound(ip):
    line = bytes(map(int, reversed(ip.split(".")))).hex().upper() + ":13C4 "
    return lambda: line in Path("/proc/net/udp").read_text()


def test_sipp_notifies(tmp_path):
    with sipp("notify", tmp_path) as peer:
        wait_until(bound(THEIRS), 10, "SIPp listens")
        with Process(tmp_path / "node.log", NODE, "subscribe", OURS, f"{THEIRS}:5060", "sip:mood@example.org", "x-mood",
                     "1") as node:
            told = node.ends()
        assert peer.p.wait(30) == 0, peer.text()[-2000:]
    assert "answered 200" in told
    assert "state active;expires=600\ntype text/plain" in told
    assert told.splitlines()[-1] == "ended status=0 reason=timeout"


# ---- Kamailio's presence server ----

CONFIG = """
listen=udp:{ip}:5060
listen=tcp:{ip}:5060
children=1
tcp_children=1
log_stderror=yes
debug=2
mpath="{modules}"
loadmodule "kex.so"
loadmodule "tm.so"
loadmodule "sl.so"
loadmodule "rr.so"
loadmodule "pv.so"
loadmodule "textops.so"
loadmodule "db_sqlite.so"
loadmodule "presence.so"
loadmodule "presence_xml.so"
modparam("presence|presence_xml", "db_url", "sqlite://{db}")
modparam("presence", "server_address", "sip:presence@{ip}:5060")
modparam("presence_xml", "force_active", 1)
request_route {{
    if (is_method("PUBLISH")) {{ handle_publish(); exit; }}
    if (is_method("SUBSCRIBE")) {{ handle_subscribe(); exit; }}
    sl_send_reply("405", "No");
}}
"""

PIDF = ('<?xml version="1.0"?><presence xmlns="urn:ietf:params:xml:ns:pidf" entity="sip:bob@{ip}">'
        '<tuple id="t"><status><basic>open</basic></status></tuple></presence>')


def publish():
    """Bob's state, by PUBLISH from a plain socket."""
    body = PIDF.format(ip=THEIRS)
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as s:
        s.bind(("127.0.66.33", 0))
        s.settimeout(10)
        here = "%s:%d" % s.getsockname()
        s.sendto((f"PUBLISH sip:bob@{THEIRS} SIP/2.0\r\nVia: SIP/2.0/UDP {here};branch=z9hG4bKp1\r\n"
                  f"Max-Forwards: 70\r\nFrom: <sip:bob@{THEIRS}>;tag=p\r\nTo: <sip:bob@{THEIRS}>\r\n"
                  "Call-ID: publish-1\r\nCSeq: 1 PUBLISH\r\n"
                  f"Event: presence\r\nExpires: 3600\r\nContent-Type: application/pidf+xml\r\n"
                  f"Content-Length: {len(body)}\r\n\r\n{body}").encode(), (THEIRS, 5060))
        return s.recv(4096).decode()


def kamailio(tmp_path):
    if not shutil.which("kamailio") or not (MODULES / "presence_xml.so").exists():
        pytest.skip("Kamailio with its presence modules is not installed")
    db, config = tmp_path / "presence.sqlite", tmp_path / "presence.cfg"
    with sqlite3.connect(db) as c:
        for name in ("standard", "presence"):
            c.executescript((SCHEMAS / f"{name}-create.sql").read_text())
    config.write_text(CONFIG.format(ip=THEIRS, modules=MODULES, db=db))
    return Process(tmp_path / "kamailio.log", "kamailio", "-DD", "-E", "-f", config, "-Y", tmp_path)


def test_kamailio_notifies(tmp_path):
    """Subscribe, the empty state, the published one, unsubscribe: as many NOTIFYs from a presence server."""
    with kamailio(tmp_path) as server:
        wait_until(lambda: bound(THEIRS)() or server.p.poll() is not None, 20, "Kamailio listens")
        with Process(tmp_path / "node.log", NODE, "subscribe", OURS, f"{THEIRS}:5060", f"sip:bob@{THEIRS}", "presence",
                     "1") as node:
            node.says("state active")
            assert publish().startswith("SIP/2.0 200"), server.text()[-3000:]
            told = node.ends()
    assert "type application/pidf+xml" in told
    assert "ended status=0 reason=timeout" in told


def phone(tmp_path, *steps):
    """carillon-ue beside it, with the presence server in the place of a P-CSCF."""
    return Process(tmp_path / "ue.log", UE, "--impi", "watcher@example.org", "--impu", "sip:watcher@example.org",
                   "--domain",
                   "example.org", "--password", "x", "--local", OURS, "--proxy", f"{THEIRS}:5060", *steps)


def test_phone_subscribes(tmp_path):
    """The word `subscribe`: for the published state, and once more to ask for it and no more."""
    with kamailio(tmp_path) as server:
        wait_until(lambda: bound(THEIRS)() or server.p.poll() is not None, 20, "Kamailio listens")
        uri = f"sip:bob@{THEIRS}"
        with phone(tmp_path, "subscribe", uri, "event=presence", "expect-notify=<basic>open") as ue:
            ue.says("active")
            assert publish().startswith("SIP/2.0 200"), server.text()[-3000:]
            assert "application/pidf+xml" in ue.ends()
        with phone(tmp_path, "subscribe", uri, "event=presence", "expires=0", "expect-notify=terminated", "+",
                   "subscribe", uri, "event=x-mood", "expect=489") as ue:
            assert "<basic>open" in ue.ends()
        with phone(tmp_path, "subscribe", uri, "event=x-mood") as ue:
            assert ue.p.wait(30) == 1, ue.text()


def test_kamailio_knows_no_such_event(tmp_path):
    with kamailio(tmp_path) as server:
        wait_until(lambda: bound(THEIRS)() or server.p.poll() is not None, 20, "Kamailio listens")
        with Process(tmp_path / "node.log", NODE, "subscribe", OURS, f"{THEIRS}:5060", f"sip:bob@{THEIRS}", "x-mood",
                     "1") as node:
            assert "ended status=489" in node.ends()
