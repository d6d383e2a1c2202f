# SPDX-License-Identifier: Apache-2.0
"""Two S-CSCFs: the one that everybody is registered at is killed, and its disk is lost. Who is called rings by way of
the other one, without having done anything; who calls is told once to register anew (TS 23.380 4, TS 29.228 6.1.2.1,
TS 24.229 5.1.2A.1.6)."""
import shutil
import time

import pytest
from labkit import facts, procs
from labrun import wait_until

OTHER = "127.0.1.31"
NAME = f"sip:scscf.{facts.DOMAIN}:5060"


def write_pair(folder):
    """The lab's configuration with a second S-CSCF, known by its address."""
    shutil.copytree(facts.CONFIG, folder)
    hss, icscf, scscf = (folder / f"{n}.yaml" for n in ("hss", "icscf", "scscf"))
    peer = f"    - host: scscf.{facts.DOMAIN}\n      from: [127.0.1.30]\n"
    choice = f"    - name: {NAME}\n"
    assert peer in hss.read_text() and choice in icscf.read_text()
    second = f"    - host: scscf2.{facts.DOMAIN}\n      from: [{OTHER}]\n"
    hss.write_text(hss.read_text().replace(peer, peer + second))
    icscf.write_text(icscf.read_text().replace(choice, choice + f"    - name: sip:{OTHER}:5060\n      priority: 2\n"))
    text = scscf.read_text().replace(f"name: {NAME}", f"name: sip:{OTHER}:5060").replace("127.0.1.30", OTHER)
    text = text.replace("scscf.ims.", "scscf2.ims.").replace("@RUN@/scscf.", "@RUN@/scscf2.")
    (folder / "scscf2.yaml").write_text(text.replace("@RUN@", str(facts.RUN)))
    return folder


@pytest.fixture(name="pair")
def fixture_pair(lab, tmp_path):
    folder, begun = write_pair(tmp_path / "lab"), time.time()
    env = {"CARILLON_CONFIG": str(folder)}
    for node in ("hss", "icscf", "scscf"):
        lab.cli("restart", node, env=env)
    procs.start("scscf2", [str(facts.BUILD / "scscf" / "carillon-scscf"), "--config", str(folder / "scscf2.yaml")])
    lab.note()
    lab.all_healthy()
    wait_until((facts.RUN / "scscf2.ctl").exists, 10, "the second S-CSCF listens")
    wait_until(lambda: f"hss.{facts.DOMAIN}" in lab.ctl("scscf2", "diameter", "peers"), 20, "it has an HSS")
    yield
    lab.note()
    procs.stop("scscf2")
    shutil.rmtree(facts.RUN / "scscf2.state", ignore_errors=True)
    for node in ("hss", "icscf", "scscf"):
        lab.cli("restart", node)
    lab.all_healthy()
    lab.mixed.append([begun, time.time()])  # the judge knows the first S-CSCF only


def test_the_other_one_serves(lab, pair):
    bob_uri = f"sip:bob@{facts.DOMAIN}"
    with lab.phone("bob", "register", "+", "answer", "+", "deregister") as bob:
        bob.wait_for("ready", seconds=20)
        with lab.phone("alice", "register", "+", "receive", "+", "call", bob_uri, "expect=504", "+", "call", bob_uri,
                       "talk=3", "+", "deregister") as alice:
            alice.wait_for("registered", seconds=20)
            assert "127.0.2.2" in lab.ctl("scscf", "registrations", bob_uri)
            lab.kill("scscf")
            shutil.rmtree(facts.RUN / "scscf.state", ignore_errors=True)
            lab.run_phone("carol", "register", "+", "message", f"sip:alice@{facts.DOMAIN}", "+", "deregister",
                          seconds=60)
            assert "127.0.2.1" in lab.ctl("scscf2", "registrations", f"sip:alice@{facts.DOMAIN}")
            assert alice.wait_for("call-failed", seconds=40)["status"] == 504
            alice.wait_for("call-established", seconds=60)
            assert "127.0.2.2" in lab.ctl("scscf2", "registrations", bob_uri)
            assert alice.finish(40) == 0, alice.trouble()
        assert bob.finish(40) == 0, bob.trouble()
    assert sum(e.get("event") == "registered" for e in bob.events) == 1
