# SPDX-License-Identifier: Apache-2.0
"""Two of each node, and one of them is killed under load: what the users of either see (docs/resilience.md, "Two of
everything")."""
import re
import shutil
import subprocess
import time
from collections import Counter

import crowd
import pytest
from crowd import Crowds
from labkit import facts, procs, render
from labrun import STORE, wait_until

AT = "@" + facts.DOMAIN
TWO = {"pcscf": 2, "icscf": 2, "scscf": 2, "hss": 2}
# What says that a node has done something for somebody.
WORK = {"hss": "hss_requests_total", "icscf": "icscf_registers_total", "scscf": "scscf_challenges_total",
        "pcscf": "pcscf_registration_events_total"}
GRACE_S = 1  # between a kill and the moment that the other nodes' loops hear of a closed connection, on a busy machine


def of(kind):
    return [n for n in facts.NODES if facts.kind_of(n) == kind]


def worked(lab, node):
    return lab.figure(node, WORK[facts.kind_of(node)])


@pytest.fixture(scope="module", name="two")
def fixture_two(lab, tmp_path_factory):
    """The run's lab, with two of each while these tests last; what they leave in the store goes with them."""
    before = tmp_path_factory.mktemp("store")
    lab.down()
    begun = time.time()
    for name in STORE:
        if (facts.RUN / name).exists():
            shutil.copy(facts.RUN / name, before / name)
    try:
        lab.up(**TWO)
        users = before / "users.csv"
        users.write_text(crowd.table())
        lab.ctl("hss2", "subscriber", "import", str(users))
        yield lab
    finally:
        lab.down()
        for name in STORE:
            (facts.RUN / name).unlink(missing_ok=True)
            if (before / name).exists():
                shutil.copy(before / name, facts.RUN / name)
        for folder in facts.RUN.glob("*.state"):
            shutil.rmtree(folder)
        lab.up()
        lab.mixed.append([begun, time.time()])  # the judge knows the first of each kind only


@pytest.fixture(name="healed")
def fixture_healed(two):
    """Whoever was killed is back for the next test."""
    yield two
    two.cli("up")
    wait_until(lambda: all(procs.health(n)[0] == "up" for n in facts.NODES), 60, "all are ready again")


def test_one_of_each_is_as_it_stands():
    """config/lab is the configuration of a lab with one of each, to the byte."""
    ones = {kind: 1 for kind in facts.KINDS}
    for kind in facts.KINDS:
        text = (facts.CONFIG / f"{kind}.yaml").read_text()
        assert render.config(kind, text, ones) == text
    text = (facts.CONFIG / "dns" / "ims.zone").read_text()
    assert render.zone(text, ones) == text


# ---- all are there ----

def test_everybody_has_a_name(two):
    status = two.cli("status")
    for node, of_node in facts.NODES.items():
        assert re.search(rf"^{node}\s+up\s+{re.escape(of_node['ip'])} ", status, re.M)
        two.ctl(node, "status")
        two.cli("logs", node, "-n", "1")
    assert len(facts.NODES) == 8 and facts.NODES["scscf2"]["ip"] == facts.at(1, 130)
    assert "tools/lab down first" in two.cli("up", "--scscf", "1", status=1)


def test_demo(two):
    """alice's P-CSCF is the first one, bob's the second: their call goes through both."""
    out = two.cli("demo", timeout=300)
    assert "P-CSCF 2" in out and re.search(r"alice called bob: 180", out)


def test_keys_are_one_ring(two):
    for kind in ("pcscf", "scscf"):
        rings = [two.ctl(n, "keys", "list") for n in of(kind)]
        ids = [re.findall(r"^ *([0-9a-f]{8}) ", r, re.M) for r in rings]
        nodes = [re.search(r"^node ([0-9a-f]+)", r, re.M)[1] for r in rings]
        assert ids[0] == ids[1] and nodes[0] != nodes[1]


def test_capabilities_choose_the_scscf(two, tmp_path):
    """TS 29.228 6.7: the S-CSCF number N has the capability N."""
    for n in (1, 2):
        name = f"pinned{n}{AT}"
        two.ctl("hss", "subscriber", "add", name, "k_ascii=load-users-key-1", f"op={facts.OP}",
                f"impus=sip:{name}", f"mandatory={n}")
        two.run_phone("alice", "register", options=("--impi", name, "--impu", f"sip:{name}", "--k-ascii",
                                                    "load-users-key-1", "--sqn-file", str(tmp_path / f"{n}.sqn")))
        shown = two.ctl("hss2", "subscriber", "show", name)
        assert f"s-cscf: sip:{facts.instance('scscf', n)}.{facts.DOMAIN}:5060" in shown
        two.ctl("hss2", "subscriber", "delete", name)
        two.ctl("hss", "subscriber", "show", name, status=1)


def test_no_uninvited_hss(two, tmp_path):
    """Who does not share the store does not get in, whatever the others do."""
    conf = tmp_path / "hss.yaml"
    text = (facts.RUN / "hss2.yaml").read_text()
    assert "shared: true" in text
    conf.write_text(text.replace(facts.at(1, 140), facts.at(1, 240)).replace("shared: true", "shared: false")
                    .replace("hss2.", "hss3."))
    r = subprocess.run([str(facts.BUILD / "hss" / "carillon-hss"), "--config", str(conf)], capture_output=True,
                       text=True, timeout=30, check=False)
    assert r.returncode != 0 and "another process uses it" in r.stdout + r.stderr
    assert two.ctl("hss", "subscriber", "list")


def test_all_of_them_work(two):
    """DNS and the draw by weight spread the work; no user notices that an SQN, a challenge or a registration was made
    by one and used at the other."""
    with Crowds() as crowds:
        ended = crowds.ended()
    assert not crowds.failures() and all(e["succeeded"] for e in ended.values()), (ended, crowds.failures()[:9])
    idle = [n for n in facts.NODES if not worked(two, n)]
    assert not idle and all(two.figure(n, "hss_vectors_total") for n in of("hss"))


def test_one_usim_at_two_hsss(two):
    """Vectors of both HSSs, each with the next SQN: a USIM that remembers what it has seen finds no old one. Others
    register meanwhile, so that it is by chance which HSS is asked."""
    two.run_phone("alice", "register")
    with crowd.Crowd(0, "registrations", "pcscf", crowd.SECONDS) as others:
        others.measuring()
        for _ in range(8):
            p = two.run_phone("alice", "register")
            assert p.event("registered")["resyncs"] == 0
        assert not others.ended()["failed"]


# ---- one of them is killed ----

class Killed:
    """Crowds at work, and a node that dies among them."""

    def __init__(self, lab, victim):
        self.victim = victim
        before = {n: worked(lab, n) for n in facts.NODES}
        with Crowds() as self.crowds:
            wait_until(lambda: all(worked(lab, n) > before[n] + 5 for n in of(facts.kind_of(victim))), 30,
                       "both are at work")
            lab.kill(victim)
            self.at = time.time()
            self.ended = self.crowds.ended()

    def failures(self, kind=None, proxy=None):
        """What was under way when it died, and what began behind it."""
        every = self.crowds.failures(kind, proxy)
        later = self.crowds.failures(kind, proxy, begun_after=self.at + GRACE_S)
        return [f for f in every if f not in later], later


def all_is_well(moved=None):
    """Nobody is refused or has to wait for an end."""
    with Crowds(moved, seconds=crowd.SECONDS // 2) as crowds:
        ended = crowds.ended()
    bad = {place: e for place, e in ended.items() if e["failed"] or e["unfinished"] or not e["succeeded"]}
    assert not bad, (bad, crowds.failures()[:9])


def comes_back(lab, node):
    """A node that is started again takes part by itself: its neighbours find it."""
    lab.cli("restart", node)
    lab.all_healthy()

    def has_work():
        with crowd.fresh("pcscf") as c:
            assert not c.ended()["failed"], c.events
        return worked(lab, node)

    wait_until(has_work, 120, f"{node} works again")


@pytest.mark.parametrize("victim", ["hss", "hss2"])
def test_hss(healed, victim):
    """Nobody notices: a request whose answer has not come is asked at the other one, at once, since the connection is
    closed (RFC 6733 5.5.4). What the dead one has confirmed is in the store that both have."""
    killed = Killed(healed, victim)
    assert not killed.crowds.failures(), killed.crowds.failures()[:9]
    all_is_well()
    other = next(n for n in of("hss") if n != victim)
    healed.ctl(other, "subscriber", "show", "bob")
    comes_back(healed, victim)


def test_icscf(healed):
    """What was on its way through it may be lost, and is told so; whatever begins behind it goes the other way
    (RFC 3263 4.3)."""
    killed = Killed(healed, "icscf")
    under_way, later = killed.failures()
    assert not later, later[:9]
    assert {f["status"] for f in under_way} <= {0, 408, 480, 500, 503, 504}, under_way
    assert len(under_way) <= crowd.RATES["registrations"] + crowd.RATES["calls"]
    all_is_well()
    comes_back(healed, "icscf")


def test_pcscf(healed):
    """Its users hear at once that nobody is there (ICMP; over TCP the connection ends), take the next P-CSCF that DNS
    names, and register anew (TS 24.229 5.1.1.2.1, 9.2.1): then all is well. Users of the other one notice nothing."""
    killed = Killed(healed, "pcscf")
    assert not killed.crowds.failures(proxy="pcscf2")
    assert killed.failures(proxy="pcscf")[1]
    all_is_well(moved={"pcscf": "pcscf2"})
    comes_back(healed, "pcscf")


def test_pcscf_of_the_called_user(healed):
    """Who calls somebody behind a dead P-CSCF is told so long before his own timers; and reaches him when he has
    registered at the other one."""
    with healed.phone("bob", "register", "+", "answer") as bob:  # at the second one
        bob.wait_for("ready")
        healed.kill("pcscf2")
    with healed.phone("alice", "register", "+", "call", "sip:bob" + AT) as alice:
        assert alice.wait_for("call-failed", seconds=25)["status"] in (408, 480, 500, 503, 504)
    with healed.phone("bob", "register", "+", "answer",
                      options=("--proxy", facts.NODES["pcscf"]["ip"])) as bob:
        bob.wait_for("ready")
        healed.run_phone("alice", "register", "+", "call", "sip:bob" + AT, "talk=0.2")


def test_scscf(healed):
    """Registrations go on: the I-CSCF chooses the other one (TS 24.229 5.3.1.3). A caller is told by 504 that his
    registration is lost (5.2.6.3.2A); his phone registers anew, with the other one, and then all is well."""
    killed = Killed(healed, "scscf")
    assert not killed.failures("registrations")[1], killed.failures("registrations")[1][:9]
    callers = Counter(f["user"] for f in killed.crowds.failures("calls") if f["status"] == 504)
    assert callers
    all_is_well()
    comes_back(healed, "scscf")


def register_at(lab, name, number):
    """name is registered with that S-CSCF, which another one may replace: an optional capability. I-CSCFs pass one over
    for a while that was dead lately."""
    mine = f"s-cscf: sip:{facts.instance('scscf', number)}.{facts.DOMAIN}:"

    def registered():
        lab.run_phone(name, "register", "+", "deregister", "all=1", "+", "register")
        return mine in lab.ctl("hss", "subscriber", "show", name)

    lab.ctl("hss", "subscriber", "set", facts.UES[name]["impi"], f"optional={number}")
    wait_until(registered, 120, f"{name} is with S-CSCF {number}")


def test_caller_of_a_dead_scscf(healed):
    """One 504, and the next call is through: nobody had to switch his phone off and on."""
    register_at(healed, "alice", 1)
    register_at(healed, "bob", 2)
    with healed.phone("bob", "register", "+", "answer") as bob:
        bob.wait_for("ready")
        with healed.phone("alice", "register", "+", "sleep", "2", "+", "call", "sip:bob" + AT, "expect=504", "+",
                          "call", "sip:bob" + AT, "talk=0.2") as alice:
            alice.wait_for("registered")
            healed.kill("scscf")
            assert alice.finish(60) == 0, (alice.trouble(), alice.events)
        failed = [e for e in alice.events if e["event"] == "call-failed"]
        assert len(failed) == 1 and failed[0]["restoring"]
    assert f"sip:scscf2.{facts.DOMAIN}" in healed.ctl("hss2", "subscriber", "show", "alice")


def test_called_user_of_a_dead_scscf(healed):
    """The other one takes him over with what the HSS keeps for it (TS 29.228 6.1.2, TS 23.380 4.3.3): his phone rings,
    though it has noticed nothing."""
    register_at(healed, "alice", 1)
    register_at(healed, "bob", 2)
    with healed.phone("bob", "register", "+", "answer", "timeout=60") as bob:
        bob.wait_for("ready")
        healed.kill("scscf2")
        healed.run_phone("alice", "register", "+", "call", "sip:bob" + AT, "talk=0.2")
        assert bob.finish() == 0, bob.trouble()
    assert f"sip:scscf.{facts.DOMAIN}" in healed.ctl("hss", "subscriber", "show", "bob")
