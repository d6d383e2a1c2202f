# SPDX-License-Identifier: Apache-2.0
"""What strangers and strange peers can and cannot do to real processes (docs/security.md), and how a request's
time is spent among HSSs that are silent, busy or say goodbye."""
import socket
import time

import pytest

from diabytes import CER, DPR, DWR, LIR, MAR, SAR, Dia, E, Hss, R, T, avp
from foreign import DOMAIN, HSS

SCSCF, PROBE = f"scscf.{DOMAIN}", f"probe.{DOMAIN}"


def memory(process):
    text = open(f"/proc/{process.child.pid}/status", encoding="ascii").read()
    return int(text.split("VmHWM:")[1].split()[0]) // 1024


def mar(impi="001010000000001"):
    item = avp(612, avp(608, "Digest-AKAv1-MD5", 10415), 10415)
    return (avp(1, f"{impi}@{DOMAIN}") + avp(601, f"sip:alice@{DOMAIN}", 10415) + item + avp(607, 1, 10415)
            + avp(602, f"sip:{SCSCF}:5060", 10415))


@pytest.fixture
def hss(core):
    core.let_in(PROBE, core.ip(60))
    core.start("hss")
    core.provision()
    return core


def test_the_name_of_an_scscf_that_is_down(hss):
    stranger = Dia.dial(SCSCF, DOMAIN, hss.ip(66), (hss.ip(40), 3868))
    assert stranger.introduce().result == 3010
    assert stranger.receive() is None
    hss.nodes["hss"].wait_for("not from an address of this peer")
    assert f"expected={hss.ip(30)}" in hss.nodes["hss"].text()
    right = Dia.dial(SCSCF, DOMAIN, hss.ip(30), (hss.ip(40), 3868))
    assert right.introduce().result == 2001
    assert right.ask(MAR, mar()).result == 2001
    second = Dia.dial(SCSCF, DOMAIN, hss.ip(30), (hss.ip(40), 3868))
    second.send(257, second.capabilities() + avp(278, 0x7fffffff), R, 0)
    while (f := right.receive(2)) is not None:  # it is asked whether it lives, and it does
        assert f.code == DWR
    assert second.receive(2) is None
    assert right.ask(MAR, mar(), end=2).result == 2001


@pytest.mark.parametrize("change, result, failed, name", [
    (lambda c: c[c.index(avp(296, DOMAIN)):], 5005, 264, "Origin-Host"),
    (lambda c: c + avp(9999, "x"), 5001, 9999, "AVP 9999 of vendor 0"),
    (lambda c: c + avp(281, "text", flags=0)[:5] + b"\0\x40\0" + b"text", 5014, 281, "impossible AVP length"),
])
def test_a_faulty_cer_is_answered(hss, change, result, failed, name):
    """RFC 6733 5.3, 7.5: the CEA says what is wrong, then the connection ends; one line names it."""
    d = Dia.dial(PROBE, DOMAIN, hss.ip(60), (hss.ip(40), 3868))
    d.send(CER, change(d.capabilities()), R, 0)
    f = d.receive()
    assert f.code == CER and f.result == result
    assert int.from_bytes(f.get(279)[:4], "big") == failed
    assert d.receive() is None
    hss.nodes["hss"].wait_for(name)
    lines = [x for x in hss.nodes["hss"].text().splitlines() if "WARN" in x and hss.ip(60) in x]
    assert len(lines) == 1 and f"result={result}" in lines[0], lines


def test_a_cer_on_an_open_connection(hss):
    """RFC 3588 5.6, RFC 6733 1.1.3: answered, and the connection goes on."""
    d = Dia.dial(PROBE, DOMAIN, hss.ip(60), (hss.ip(40), 3868))
    assert d.introduce().result == 2001
    assert d.introduce().result == 2001
    assert d.introduce(avp(9999, "x")).result == 5001
    d.host = f"other.{DOMAIN}"
    assert d.introduce().result == 3010
    d.host = PROBE
    assert d.ask(MAR, mar()).result == 2001


def test_a_session_id_at_the_end(hss):
    """RFC 6733 8.8: it "SHOULD" come first."""
    d = Dia.dial(PROBE, DOMAIN, hss.ip(60), (hss.ip(40), 3868))
    assert d.introduce().result == 2001
    d.send(MAR, d.application() + avp(277, 1) + d.origin() + avp(283, DOMAIN) + mar() + avp(263, "late;1;1"))
    f = d.receive()
    assert f.result == 2001 and f.avps[0] == (263, b"late;1;1")


def test_a_change_reaches_who_stays_registered(hss):
    """TS 29.228 6.1.2.1: with the next SAR, though the S-CSCF says that it has the profile."""
    alice = f"001010000000001@{DOMAIN}"

    def sar(kind, has):
        return (avp(1, alice) + avp(601, f"sip:alice@{DOMAIN}", 10415) + avp(602, f"sip:{SCSCF}:5060", 10415)
                + avp(614, kind, 10415) + avp(624, has, 10415))
    d = Dia.dial(PROBE, DOMAIN, hss.ip(60), (hss.ip(40), 3868))
    assert d.introduce().result == 2001
    assert d.ask(MAR, mar()).result == 2001
    assert b"tel:+15550000001" in d.ask(SAR, sar(1, 0), end=2).get(606)
    assert d.ask(SAR, sar(2, 1), end=3).get(606) is None
    hss.ctl("hss", "subscriber", "set", alice, f"impus=sip:alice@{DOMAIN} tel:+15550000099")
    data = d.ask(SAR, sar(2, 1), end=4).get(606)
    assert b"tel:+15550000099" in data and b"tel:+15550000001" not in data
    assert d.ask(SAR, sar(2, 1), end=5).get(606) is None
    text = hss.nodes["hss"].text()
    line = next(x for x in text.splitlines() if "provisioned" in x and "field=impus" in x)
    assert "tel:+15550000001" in line and "tel:+15550000099" in line and "uid" in line


def test_export_and_import(hss):
    first = hss.ctl("hss", "subscriber", "export").stdout
    assert "alice-lab-key" not in first and "dave-secret" not in first
    (hss.folder / "exported.yaml").write_text(first)
    hss.ctl("hss", "subscriber", "import", "--replace", hss.folder / "exported.yaml")
    second = hss.ctl("hss", "subscriber", "export").stdout
    assert second.split("subscribers:")[1].count("- impi:") == first.count("- impi:")
    d = Dia.dial(PROBE, DOMAIN, hss.ip(60), (hss.ip(40), 3868))
    assert d.introduce().result == 2001
    assert d.ask(MAR, mar()).result == 2001  # the key opens
    r = hss.ctl("hss", "sqn", "set", "alice", "ffffffffffff", check=False)
    assert r.returncode and "never wraps" in r.stderr
    (hss.folder / "notes.txt").write_text("remember the milk\n")
    r = hss.ctl("hss", "profile", "set", "default", hss.folder / "notes.txt", check=False)
    assert r.returncode and "it is not XML" in r.stderr


def test_idle_connections_keep_no_peer_out(hss):
    before = memory(hss.nodes["hss"])
    idle = []
    for i in range(400):
        s = socket.socket()
        s.bind((f"127.7.{hss.net}.{1 + i % 200}", 0))
        s.connect((hss.ip(40), 3868))
        s.send(b"\1\0\x0f")
        idle.append(s)
    probe = Dia.dial(PROBE, DOMAIN, hss.ip(60), (hss.ip(40), 3868))
    assert probe.introduce().result == 2001
    assert probe.ask(MAR, mar()).result == 2001
    for s in idle:
        s.close()
    assert memory(hss.nodes["hss"]) - before < 16


@pytest.mark.parametrize("filling, n, result", [
    (avp(284, b""), 30000, 5012), (avp(282, b"r"), 2000, 5012), (avp(9999, b"", flags=0), 30000, 5012),
    (avp(282, bytes(1000)), 400, 5015)])
def test_a_message_costs_what_its_length_says(hss, filling, n, result):
    probe = Dia.dial(PROBE, DOMAIN, hss.ip(60), (hss.ip(40), 3868))
    assert probe.introduce().result == 2001
    before = memory(hss.nodes["hss"])
    for _ in range(3):
        assert probe.ask(MAR, mar() + filling * n, hop=7, end=7).result == result
    assert probe.ask(MAR, mar(), end=8).result == 2001
    assert memory(hss.nodes["hss"]) - before < 32
    assert hss.nodes["hss"].text().count("diameter message over a limit") == 3


# ---- HSSs as the I-CSCF meets them ----

def lia(d, f, result=5001):
    d.answer(f, avp(263, f.get(263)) + d.application() + avp(277, 1) + d.origin()
             + avp(297, avp(266, 10415) + avp(298, result)))


def busy(d, f):
    d.answer(f, avp(263, f.get(263)) + d.origin() + avp(268, 3004), E)


class Asker:
    """A P-CSCF that asks the I-CSCF for somebody, which makes it ask the HSS."""

    def __init__(self, core):
        self.core, self.n = core, 0
        self.sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.sock.bind((core.ip(10), 0))
        self.port = self.sock.getsockname()[1]

    def ask(self):
        self.n += 1
        text = "\r\n".join([
            f"MESSAGE sip:x{self.n}@{DOMAIN} SIP/2.0",
            f"Via: SIP/2.0/UDP {self.core.ip(10)}:{self.port};branch=z9hG4bK{self.n}", "Max-Forwards: 70",
            f"From: <sip:y@{DOMAIN}>;tag=1", f"To: <sip:x{self.n}@{DOMAIN}>", f"Call-ID: {self.n}-{self.port}",
            "CSeq: 1 MESSAGE", f"P-Asserted-Identity: <sip:y@{DOMAIN}>", "Content-Length: 0", "", ""])
        self.sock.sendto(text.encode(), (self.core.ip(20), 5060))

    def status(self, seconds=10.0):
        end = time.monotonic() + seconds
        while True:
            self.sock.settimeout(max(0.01, end - time.monotonic()))
            text = self.sock.recv(65536).decode()
            status = int(text.split()[1])
            if status >= 200 and f"Call-ID: {self.n}-" in text:
                return status, text


@pytest.fixture
def icscf(core):
    core.change("icscf", "  trusted: [", f"  trusted: [{core.ip(0)}/24, ")
    core.change("icscf", f"  hss: {HSS}\n", "")
    return core


def test_goodbye_until_there_is_something_to_send(icscf):
    core, hss = icscf, Hss(HSS, DOMAIN, icscf.ip(40))
    core.start("icscf")
    d, asker = hss.accept(), Asker(icscf)
    for cause in (1, 2):
        d.send(DPR, d.origin() + avp(273, cause), R, 0)
        assert d.receive().result == 2001
        d.close()
        assert hss.accept(3) is None  # nothing to send
        asker.ask()
        d = hss.accept(5)
        lia(d, d.receive())
        assert asker.status()[0] == 404
    hss.close()


def test_a_silent_first_hss(icscf):
    core = icscf
    second = f"      address: {core.ip(40)}:3868\n    - host: hss2.{DOMAIN}\n" \
             f"      address: {core.ip(41)}:3868\n      priority: 2\n"
    core.change("icscf", f"      address: {core.ip(40)}:3868\n", second)
    first, other = Hss(HSS, DOMAIN, core.ip(40)), Hss(f"hss2.{DOMAIN}", DOMAIN, core.ip(41))
    core.start("icscf")
    a, b, asker = first.accept(), other.accept(), Asker(core)
    asker.ask()
    f = a.receive()
    assert f.code == LIR and not f.flags & T
    g = b.receive()  # the same request, said to be perhaps a copy
    assert g.code == LIR and g.flags & T and (g.hop, g.end, g.get(263)) == (f.hop, f.end, f.get(263))
    lia(b, g)
    assert asker.status()[0] == 404
    asker.ask()  # and now the second one is asked first
    g = b.receive()
    assert not g.flags & T
    lia(b, g)
    assert asker.status()[0] == 404
    b.close()  # a closed connection counts at once, and the first one answers again
    asker.ask()
    lia(a, a.receive())
    assert asker.status()[0] == 404
    first.close()
    other.close()


def test_an_overloaded_hss(icscf):
    hss = Hss(HSS, DOMAIN, icscf.ip(40))
    icscf.start("icscf")
    d, asker = hss.accept(), Asker(icscf)
    asker.ask()
    busy(d, d.receive())
    status, text = asker.status()
    assert status == 503 and "\r\nRetry-After: " in text
    hss.close()
