# SPDX-License-Identifier: Apache-2.0
"""SIPp from Debian as UE: registration with its own AKA, and calls between two of them."""
import re
import secrets
import socket
import subprocess
from pathlib import Path

import pytest
from labkit import facts
from labrun import wait_until

SCENARIOS = Path(__file__).resolve().parent / "sipp"
KEY = "load-users-key-1"
P_CSCF = facts.place(facts.NODES["pcscf"]["ip"], 5060)
# SIPp 3.6.1 computes a wrong response whenever RES holds a zero byte, about 3 of 100 challenges.
TRIES = 3


class SippUser:
    def __init__(self, number):
        self.user = f"{1011000000000 + number:015d}"
        self.impi = f"{self.user}@{facts.DOMAIN}"
        self.ip = facts.at(2, 100 + number)

    def command(self, scenario, peer, transport, trouble):
        keys = {"user": self.user, "domain": facts.DOMAIN, "peer": peer.user if peer else ""}
        fields = facts.RUN / f"sipp-{self.user}.csv"  # [authentication] takes no keywords inside
        fields.write_text(f"SEQUENTIAL\n{self.impi};[authentication username={self.impi} aka_K={KEY} "
                          f"aka_OP=0x{facts.OP} aka_AMF=0x8000]\n")
        words = ["sipp", P_CSCF, "-sf", str(SCENARIOS / f"{scenario}.xml"), "-inf", str(fields), "-i", self.ip, "-p",
                 "5060",
                 "-t", transport, "-m", "1", "-nostdin", "-timeout", "20s", "-timeout_error",
                 "-cid_str", f"{scenario}-{secrets.token_hex(6)}-%u@%s", "-trace_err", "-error_file", trouble]
        for name, value in keys.items():
            words += ["-key", name, value]
        return words

    def start(self, scenario, peer=None, transport="u1"):
        self.trouble = str(facts.RUN / f"sipp-{scenario}-{self.user}.err")
        return subprocess.Popen(self.command(scenario, peer, transport, self.trouble),
                                cwd=facts.RUN, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                                stderr=subprocess.STDOUT, text=True, errors="replace")

    def run(self, scenario, **how):
        p = self.start(scenario, **how)
        out, _ = p.communicate(timeout=40)
        return p.returncode, out

    def explain(self, out):
        path = Path(self.trouble)
        return (path.read_text(errors="replace")[-3000:] if path.exists() else "") + out[-1500:]

    def must(self, scenario, **how):
        status, out = self.run(scenario, **how)
        assert status == 0, f"{scenario}: SIPp ended with {status}\n{self.explain(out)}"

    def authenticated(self, scenario, transport="u1"):
        for _ in range(TRIES):
            status, out = self.run(scenario, transport=transport)
            if status == 0:
                return
        raise AssertionError(f"{scenario}: SIPp failed {TRIES} times\n{self.explain(out)}")


def listening(ip):
    """Port 5060 by UDP, as the kernel lists it: words in the order of the machine's bytes."""
    packed = socket.inet_pton(facts.AF(ip), ip)
    words = "".join(packed[i:i + 4][::-1].hex().upper() for i in range(0, len(packed), 4))
    line = re.compile(rf"^\s*\d+: {words}:13C4 ", re.M)
    return lambda: line.search(Path("/proc/net/udp6" if ":" in ip else "/proc/net/udp").read_text())


@pytest.fixture(scope="module", name="users")
def fixture_users(lab):
    """Two subscribers of the range for load, imported as an operator would."""
    both = [SippUser(0), SippUser(1)]
    source = facts.RUN / "sipp-users.yaml"
    source.write_text(f"defaults:\n  op: {facts.OP}\n  amf: 8000\n  visited: {facts.DOMAIN}\nsubscribers:\n"
                      + "".join(f"  - impi: {u.impi}\n    k_ascii: {KEY}\n"
                                f"    impus: [sip:{u.impi}, tel:+1556{u.user[-7:]}]\n" for u in both))
    assert "2 subscribers imported" in lab.ctl("hss", "subscriber", "import", str(source))
    return both


@pytest.fixture(name="pair")
def fixture_pair(users):
    for u in users:
        u.authenticated("register")
    return users


def registered(lab, user):
    return f"sip:{user.impi}" in lab.ctl("scscf", "registrations")


@pytest.mark.parametrize("transport", ["u1", "t1"])
def test_register_and_deregister(lab, users, transport):
    """TS 24.229 5.4.1.2.1, 5.4.1.2.2 and 5.4.1.4.1, against an AKA nobody here wrote."""
    user = users[0]
    user.authenticated("register", transport=transport)
    assert registered(lab, user)
    assert "registered" in lab.ctl("hss", "subscriber", "list", "0010110")
    user.authenticated("deregister", transport=transport)
    assert not registered(lab, user)


def call(pair, caller, callee):
    """Both scenarios to their end, both successful."""
    a, b = pair
    answering = b.start(callee)
    try:
        wait_until(listening(b.ip), 10, "the called SIPp listens")
        a.must(caller, peer=b)
        out, _ = answering.communicate(timeout=30)
        assert answering.returncode == 0, b.explain(out)
    finally:
        if answering.poll() is None:
            answering.kill()
            answering.wait()


def test_call(pair):
    """INVITE, 180, 200, ACK, BYE (TS 24.229 5.2.6.3, 5.2.6.4, 5.4.3.2, 5.4.3.3)."""
    call(pair, "uac", "uas")


def test_refused_call(pair):
    call(pair, "uac_busy", "uas_busy")


def test_cancelled_call(pair):
    """RFC 3261 9 and 16.10: CANCEL hop by hop, 487 end to end."""
    call(pair, "uac_cancel", "uas_cancel")
