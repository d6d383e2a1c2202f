# SPDX-License-Identifier: Apache-2.0
"""A next hop that cannot be reached: the response and the log say which name was asked for, which records, and what
DNS or the address answered. A real carillon-pcscf, a name server of this test."""
import os
import re
import select
import socket
import struct
import subprocess
import threading
import time

import pytest

NET = "127.0.78"
NXDOMAIN, SERVFAIL, REFUSED, NODATA, SILENT = 3, 2, 5, 0, None
CONFIG = """
access: {{listen: [{net}.1:5060], security: off, warnings: full}}
core: {{listen: [{net}.1:5070], host: pcscf.example.org, trusted: [{net}.0/24]}}
state: {{dir: none}}
home: {{domains: [example.org], entry: "{entry}"}}
network.visited: example.org
limits.pending_per_source: 0
dns: {{servers: [{net}.53:{port}], timeout: 200 ms, tries: 1}}
control.socket: none
"""
REGISTER = """REGISTER sip:example.org SIP/2.0
Via: SIP/2.0/UDP {net}.9:{port};branch=z9hG4bKnames
Max-Forwards: 70
From: <sip:alice@example.org>;tag=1
To: <sip:alice@example.org>
Call-ID: names-1
CSeq: 1 REGISTER
Contact: <sip:{net}.9:{port}>
Content-Length: 0

"""


class NameServer:
    """Says the same to every question; addresses are of no name. Remembers what it was asked."""

    def __init__(self, rcode):
        self.rcode, self.asked = rcode, []
        self.socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.socket.bind((f"{NET}.53", 0))
        self.port = self.socket.getsockname()[1]
        threading.Thread(target=self.serve, daemon=True).start()

    def serve(self):
        while True:
            try:
                query, who = self.socket.recvfrom(4096)
            except OSError:
                return
            labels, at = [], 12
            while query[at]:
                labels.append(query[at + 1:at + 1 + query[at]].decode())
                at += 1 + query[at]
            kind = struct.unpack("!H", query[at + 1:at + 3])[0]
            self.asked.append((".".join(labels), kind))
            if self.rcode is not SILENT:
                head = query[:2] + struct.pack("!HHHHH", 0x8580 | self.rcode, 1, 0, 0, 0)
                self.socket.sendto(head + query[12:at + 5], who)


def register(run, entry, port):
    """(status line, Warning, log) of a REGISTER through a P-CSCF with that entry point and name server port."""
    path = run / "pcscf.yaml"
    path.write_text(CONFIG.format(net=NET, entry=entry, port=port))
    log = (run / "log").open("w+")
    ue = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    ue.bind((f"{NET}.9", 0))
    ue.connect((f"{NET}.1", 5060))
    with ue, log, subprocess.Popen([os.environ["PCSCF"], "--config", str(path)], stderr=log) as p:
        try:
            end = time.monotonic() + 20
            while " ready" not in (run / "log").read_text():
                assert p.poll() is None and time.monotonic() < end, (run / "log").read_text()
                time.sleep(0.02)
            text = REGISTER.format(net=NET, port=ue.getsockname()[1]).replace("\n", "\r\n")
            ue.send(text.encode())
            answer = final(ue)
        finally:
            p.terminate()
            p.wait(20)
    warning = re.search(r'(?m)^Warning: 399 \S+ "(.*)"\r$', answer)
    return answer.splitlines()[0], warning.group(1) if warning else "", (run / "log").read_text()


def final(ue):
    while True:
        assert select.select([ue], [], [], 60)[0], "no final response"
        answer = ue.recv(65535).decode()
        if not answer.startswith("SIP/2.0 1"):
            return answer


@pytest.mark.parametrize("rcode, entry, words", [
    (NXDOMAIN, "sip:icscf.example.org", "icscf.example.org: NAPTR: NXDOMAIN, SRV _sip._tcp: NXDOMAIN, "
                                        "SRV _sip._udp: NXDOMAIN, A: NXDOMAIN"),
    (NODATA, "sip:icscf.example.org:5060", "icscf.example.org: A: no data"),
    (SERVFAIL, "sip:icscf.example.org:5060", "icscf.example.org: A: no use (SERVFAIL, REFUSED or port closed) from {server}"),
    (REFUSED, "sip:icscf.example.org:5060", "icscf.example.org: A: no use (SERVFAIL, REFUSED or port closed) from {server}"),
    (SILENT, "sip:icscf.example.org", "icscf.example.org: NAPTR: no answer from {server}"),
    (NXDOMAIN, "sip:icscf.example.org;transport=udp", "icscf.example.org: SRV _sip._udp: NXDOMAIN, A: NXDOMAIN"),
])
def test_what_dns_said(tmp_path, rcode, entry, words):
    server = NameServer(rcode)
    status, warning, log = register(tmp_path, entry, server.port)
    words = words.format(server=f"{NET}.53:{server.port}")
    assert status.startswith("SIP/2.0 504") and words in warning, (status, warning, server.asked)
    assert server.asked
    failed = next(line for line in log.splitlines() if "request refused" in line or "request failed" in line)
    assert "call_id=names-1" in failed and words in failed
    assert [line for line in log.splitlines() if "name not resolved" in line and words in line]


def test_the_name_server_is_not_there(tmp_path):
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as s:
        s.bind((f"{NET}.53", 0))
        port = s.getsockname()[1]
    status, warning, _ = register(tmp_path, "sip:icscf.example.org:5060", port)
    assert status.startswith("SIP/2.0 504")
    assert re.search(rf"icscf.example.org: A: (no use .*|no answer) from {NET}.53:{port}", warning), warning


def test_the_address_refuses(tmp_path):
    status, warning, log = register(tmp_path, f"sip:{NET}.20:5999;transport=tcp", 53)
    assert status.startswith("SIP/2.0 504") and f"{NET}.20:5999/tcp: refused or unreachable" in warning, (status, warning)
    assert re.search(rf'request (failed|refused) .*cause=".*{NET}.20:5999/tcp: refused or unreachable', log)
