# SPDX-License-Identifier: Apache-2.0
"""A message costs in proportion to its length: each costly kind once against the real nodes, which then still
serve, and whose memory has not grown. What one costs exactly is measured in tests/hostile."""
import re
import socket
import urllib.request
from pathlib import Path

import costly
import pytest
from labkit import facts
from labkit.facts import at
from labrun import wait_until
from rawsip import Peer

BAD = at(66, 9)
NODES = ("pcscf", "icscf", "scscf", "hss")
# Of memory that a node may have taken at once for one message of 60 kB, sanitizers and all.
GROWTH_MB = 48


def peak_mb(lab, node):
    text = Path(f"/proc/{lab.pid(node)}/status").read_text(encoding="utf-8")
    return int(re.search(r"VmHWM:\s+(\d+)", text)[1]) / 1024


def serves(lab):
    lab.all_healthy()
    lab.run_phone("carol", "register", "+", "deregister")


@pytest.mark.parametrize("kind", costly.KINDS)
@pytest.mark.parametrize("size", [2000, 56000])
def test_costly_message(lab, kind, size):
    before = {n: peak_mb(lab, n) for n in NODES}
    with socket.socket(facts.AF(BAD), socket.SOCK_DGRAM) as s:
        s.bind((BAD, 0))
        node, data = costly.make(kind, size, facts.place(BAD, s.getsockname()[1]))
        s.sendto(data, (facts.NODES[node]["ip"], 5060))
        s.settimeout(20)
        assert s.recv(65536).startswith(b"SIP/2.0 "), "each is answered"
    serves(lab)
    for n in NODES:
        assert peak_mb(lab, n) - before[n] < GROWTH_MB, n


def test_malformed_record_route_to_a_registered_phone(lab):
    """It makes no route set and no dialog; the P-CSCF used to count its values for ever."""
    with lab.phone("bob", "register", "+", "answer") as bob:
        bob.wait_for("ready")
        with Peer(BAD, to=(facts.NODES["icscf"]["ip"], 5060)) as p:
            r = p.ask(method="MESSAGE", user="bob", extra=["Record-Route: x"])
            assert r.status, r
            r = p.ask(method="INVITE", user="bob", extra=["Record-Route: x", f"Contact: <sip:{facts.host(BAD)}>"])
            assert r.status == 400 and "Record-Route" in r.reason, r
    serves(lab)


def test_one_byte_at_a_time(lab):
    """A message of 40 kB over TCP in pieces of one byte."""
    with Peer(BAD, tcp=True) as p:
        p.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        text, call_id = p.request(method="OPTIONS", uri=costly.HOME, body="b" * 40000)
        for byte in text.encode():
            p.sock.send(bytes([byte]))
        assert p.final(call_id, 20).status
    serves(lab)


def test_limits_are_counted(lab):
    """What is beyond a limit shows in /metrics."""
    def counted():
        with urllib.request.urlopen(facts.url("pcscf"), timeout=5) as page:
            lines = page.read().decode().splitlines()
        return sum(float(x.rsplit(" ", 1)[1]) for x in lines
                   if "sip_limit_exceeded" in x and not x.startswith("#"))
    before = counted()
    with socket.socket(facts.AF(BAD), socket.SOCK_DGRAM) as s:
        s.bind((BAD, 0))
        node, data = costly.make("fields", 8000, facts.place(BAD, s.getsockname()[1]))
        s.sendto(data, (facts.NODES[node]["ip"], 5060))
    wait_until(lambda: counted() == before + 1, 5, "sip_limit_exceeded")
