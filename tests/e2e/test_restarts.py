# SPDX-License-Identifier: Apache-2.0
"""P- and S-CSCF that die under load and come back, and that leave in order: no registration that was confirmed is lost,
calls go on, and whoever waits to be called notices nothing.

CARILLON_KILL_LOAD="REGISTRATIONS CALLS SECONDS" is the load, by default one that nodes with sanitizers bear beside a
capture: 10 and 5 a second for 20 seconds. With nodes built for release, "500 200 20"."""
import json
import os
import random
import re
import secrets
import socket
import subprocess
import time
import urllib.error
import urllib.request

import pytest
from labkit import facts, procs
from labrun import wait_until
from rawsip import Peer, authorization, challenge

AT = "@" + facts.DOMAIN
DAVE, ERIN = f"sip:dave{AT}", f"sip:erin{AT}"
SECRETS = {"dave": "dave-secret", "erin": "erin-secret"}
REGISTRATIONS, CALLS, SECONDS = (int(v) for v in os.environ.get("CARILLON_KILL_LOAD", "10 5 20").split())
HOLD_S = 2
REGISTERING = 4 * REGISTRATIONS                 # each of them again and again
CALLING = 2 * int(CALLS * (HOLD_S + 4) + 10)
FIRST = 1011000700000
KEY = "load-users-key-1"


def imsi(i):
    return f"{FIRST + i:015d}"


def identities(first, n):
    return {f"sip:{imsi(first + i)}{AT}" for i in range(n)}


EVERYBODY = identities(0, REGISTERING + CALLING)


@pytest.fixture(scope="module", name="crowd", autouse=True)
def fixture_crowd(lab, tmp_path_factory):
    """Those who make the load, and erin beside dave."""
    table = tmp_path_factory.mktemp("crowd") / "users.csv"
    rows = [f"{imsi(i)}{AT},{KEY},{facts.OP},sip:{imsi(i)}{AT} tel:+1557{imsi(i)[-7:]}"
            for i in range(REGISTERING + CALLING)]
    table.write_text("\n".join(["impi,k_ascii,op,impus", *rows]) + "\n")
    lab.ctl("hss", "subscriber", "import", str(table))
    lab.ctl("hss", "subscriber", "add", f"erin{AT}", "password=erin-secret", f"impus={ERIN}", f"visited={facts.DOMAIN}")
    yield
    lab.ctl("hss", "subscriber", "delete", f"erin{AT}")


# ---- in order ----

def health(node):
    try:
        with urllib.request.urlopen(f"http://{facts.NODES[node]['ip']}:9090/health", timeout=5) as r:
            return json.load(r)
    except urllib.error.HTTPError as e:
        return json.load(e)


def calls_of(lab, node):
    return int(re.search(r"(?m)^carillon_sip_calls (\d+)$", lab.ctl(node, "stats"))[1])


def probe(node):
    """OPTIONS of a stranger to the node itself."""
    ip = facts.NODES[node]["ip"]
    with Peer("127.0.66.77", to=(ip, 5060)) as p:
        return p.ask(method="OPTIONS", uri=f"sip:{ip}:5060", to=f"sip:{ip}")


@pytest.mark.parametrize("node", ["pcscf", "scscf"])
def test_drain_waits_for_the_call(lab, node):
    """It takes nothing new, says so, and ends when the call has ended."""
    with lab.phone("bob", "register", "+", "answer", "talk=60") as bob:
        bob.wait_for("ready")
        with lab.phone("alice", "register", "+", "call", f"sip:bob{AT}", "talk=15") as alice:
            alice.wait_for("call-established")
            assert calls_of(lab, "pcscf") == calls_of(lab, "scscf") == 1
            assert probe(node).status == 200
            assert "left: 1 call, " in lab.ctl(node, "drain", "600")
            assert "left: 1 call, " in lab.ctl(node, "status", status=1)
            assert health(node)["left"]["calls"] == 1
            assert procs.health(node) == ("not ready", "draining")
            assert probe(node).status == 503    # without Retry-After when that has no room in as much as was asked with
            failed = lab.run_phone("carol", "register", status=1).event("register-failed")
            assert failed["status"] in (503, 504), failed
            assert alice.finish(60) == bob.finish() == 0, (alice.trouble(), bob.trouble())
            wait_until(lambda: lab.note() or not procs.alive(procs.load().get(node)), 20, f"{node} has left")
    assert not lab.bad_exits()
    lab.restart(node)
    lab.run_phone("carol", "register", "+", "deregister")


def test_restart_without_drain(lab):
    """A second word ends it at once; the call goes on all the same."""
    with lab.phone("bob", "register", "+", "answer", "talk=60") as bob:
        bob.wait_for("ready")
        with lab.phone("alice", "register", "+", "call", f"sip:bob{AT}", "talk=15") as alice:
            alice.wait_for("call-established")
            for node in ("pcscf", "scscf"):
                lab.ctl(node, "drain")
                lab.ctl(node, "stop")
                lab.restart(node)
            assert alice.finish(60) == 0, alice.trouble()
            assert bob.finish() == 0, bob.trouble()
            assert bob.event("call-ended")["by"] == "remote"


# ---- load ----

class Load:
    """A carillon-ue with many phones."""

    def __init__(self, kind, ip, first, users, rate, seconds):
        self.events = []
        self.process = subprocess.Popen(
            [str(w) for w in (facts.BUILD / "tools" / "ue" / "carillon-ue", "--json", "--domain", facts.DOMAIN,
                              "--local", ip, "--proxy", facts.NODES["pcscf"]["ip"] + ":5060", "--k-ascii", KEY,
                              "--op", facts.OP, "--users", users, "--rate", rate, "--seconds", seconds,
                              "--load", kind, "--hold", HOLD_S * 1000, "--first-imsi", FIRST + first,
                              "--setup-rate", max(1, REGISTRATIONS))],
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)

    def until(self, kind):
        for line in self.process.stdout:
            try:
                self.events.append(json.loads(line))
            except ValueError:
                continue
            if self.events[-1].get("event") == kind:
                return self.events[-1]
        raise AssertionError(f"no {kind}: {self.events}")

    def report(self):
        report = self.until("load")
        self.process.stdout.read()
        self.process.wait(20)
        return report

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.process.kill()
        self.process.wait()
        self.process.stdout.close()


def registering(seconds):
    return Load("registrations", "127.0.2.181", 0, REGISTERING, REGISTRATIONS, seconds)


def calling(seconds):
    return Load("calls", "127.0.2.182", REGISTERING, CALLING, CALLS, seconds)


def known(lab, node):
    said = lab.ctl(node, "registrations")
    found = re.findall(r"(?m)^(\S+) contact=" if node == "pcscf" else r"(?m)^  identity (\S+)", said)
    return EVERYBODY & set(found)


def at_the_hss(lab, identity):
    return re.search(r"\bregistered\b", lab.ctl("hss", "subscriber", "show", identity).replace("not registered", ""))


def some(rng, of, n=5):
    return rng.sample(sorted(of), min(n, len(of)))


@pytest.mark.parametrize("node", ["pcscf", "scscf"])
def test_killed_under_load(lab, node):
    seed = secrets.randbits(32)
    rng = random.Random(seed)
    print(f"seed {seed}")
    with registering(REGISTERING // REGISTRATIONS) as warm_up:
        assert warm_up.report()["failed"] == 0
    with calling(SECONDS) as calls:
        calls.until("measuring")                # all are registered by now, and were told so
        assert known(lab, "pcscf") == known(lab, "scscf") == EVERYBODY
        with registering(SECONDS) as registrations:
            for _ in range(2):
                time.sleep(rng.uniform(0.2, SECONDS / 4))
                lab.kill(node)
                lab.restart(node)
                assert known(lab, node) == EVERYBODY
            reports = [registrations.report(), calls.report()]
    for r in reports:
        print(r)
        assert r["succeeded"] > r["failed"], r
    assert known(lab, "pcscf") == known(lab, "scscf") == EVERYBODY
    for identity in some(rng, EVERYBODY):
        assert at_the_hss(lab, identity), identity
    # What failed, failed in the moments without the node.
    with registering(2) as registrations, calling(2) as calls:
        assert registrations.report()["failed"] == calls.report()["failed"] == 0


# ---- who waits to be called ----

def enter(peer, name, words=dict):
    """words(): keywords of each of its requests, made anew."""
    first = peer.ask(user=name, **words())
    auth = authorization(name + AT, SECRETS[name], challenge(first), f"sip:{facts.DOMAIN}")
    ok = peer.ask(user=name, call_id=first.get("Call-ID"), authorization=auth, **words())
    assert ok.status == 200, ok.start


def send(frm, name, to):
    text, call_id = frm.request(method="MESSAGE", user=name, uri=to, to=to, body="hi",
                                extra=["Content-Type: text/plain"])
    frm.send(text)
    return call_id


def passes(frm, name, called, to):
    call_id = send(frm, name, to)
    called.answer(called.incoming("MESSAGE"))
    assert frm.final(call_id).status == 200


def come_back(lab, node):
    lab.kill(node)
    lab.restart(node)


@pytest.mark.parametrize("node", ["pcscf", "scscf"])
def test_phones_by_udp_notice_nothing(lab, node):
    with Peer("127.0.2.72") as dave, Peer("127.0.2.73") as erin:
        enter(dave, "dave")
        enter(erin, "erin")
        for _ in range(2):
            come_back(lab, node)
            passes(dave, "dave", erin, ERIN)
            passes(erin, "erin", dave, DAVE)


class Called(Peer):
    """The other end of a connection to the listening socket of a phone."""

    def __init__(self, listening):  # pylint: disable=super-init-not-called
        self.sock, _ = listening.accept()
        self.tcp, self._in = True, b""


def test_a_phone_by_tcp_is_dialled_at_its_contact(lab):
    with socket.create_server(("127.0.2.74", 0)) as listening, Peer("127.0.2.74", tcp=True) as dave, \
            Peer("127.0.2.73") as erin:
        listening.settimeout(10)
        contact = f"<sip:dave@127.0.2.74:{listening.getsockname()[1]};transport=tcp>"
        enter(dave, "dave", lambda: {"contact": contact})
        enter(erin, "erin")
        passes(erin, "erin", dave, DAVE)
        come_back(lab, "pcscf")
        assert dave.closed()
        call_id = send(erin, "erin", DAVE)
        with Called(listening) as again:
            again.answer(again.incoming("MESSAGE"))
            assert erin.final(call_id).status == 200


@pytest.mark.parametrize("outbound", [False, True], ids=["", "outbound"])
def test_a_phone_behind_a_nat_is_480_until_it_returns(lab, outbound):
    inner = "10.1.1.7:5060"
    contact = f"<sip:dave@{inner};transport=tcp>" + (';+sip.instance="<urn:uuid:7>";reg-id=1' if outbound else "")

    def natted():
        return {"via": f"SIP/2.0/TCP {inner};branch=z9hG4bK{secrets.token_hex(8)};rport", "contact": contact,
                "extra": ["Supported: outbound"] if outbound else []}

    with Peer("127.0.2.73") as erin:
        enter(erin, "erin")
        with Peer("127.0.2.75", tcp=True) as dave:
            enter(dave, "dave", natted)
            passes(erin, "erin", dave, DAVE)
            come_back(lab, "pcscf")
            assert erin.final(send(erin, "erin", DAVE)).status == 480
        with Peer("127.0.2.75", tcp=True) as dave:
            enter(dave, "dave", natted)
            passes(erin, "erin", dave, DAVE)
