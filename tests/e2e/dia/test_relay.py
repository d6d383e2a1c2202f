# SPDX-License-Identifier: Apache-2.0
"""freeDiameterd as a relay between our I-CSCF, S-CSCF and HSS, below a whole registration and a call."""
import json
import shutil
import subprocess
import time

import pytest

from foreign import DOMAIN, HSS, RELAY, free_port, relay_address

pytestmark = pytest.mark.skipif(not shutil.which("freeDiameterd"), reason="freeDiameterd is not here")

CONFIG = """
Identity = "{relay}";
Realm = "{domain}";
Port = {port};
SecPort = 0;
No_SCTP;
No_IPv6;
ListenOn = "{own}";
TcTimer = 30;
TwTimer = 6;
TLS_Cred = "{folder}/cert.pem", "{folder}/key.pem";
TLS_CA = "{folder}/cert.pem";
LoadExtension = "acl_wl.fdx" : "{folder}/acl.conf";
ConnectPeer = "{hss}" {{ ConnectTo = "{hss_ip}"; Port = 3868; No_TLS; No_SCTP; }};
"""


def start_relay(core):
    relay = core.run("freeDiameterd", "freeDiameterd", "-c", core.folder / "relay.conf")
    relay.wait_for("daemon initialized")
    return relay


@pytest.fixture
def relayed(core):
    port = free_port()
    subprocess.run(["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj",
                    f"/CN={RELAY}", "-keyout", "key.pem", "-out", "cert.pem"],
                   cwd=core.folder, check=True, capture_output=True)
    (core.folder / "acl.conf").write_text(f"ALLOW_IPSEC *.{DOMAIN}\n")
    (core.folder / "relay.conf").write_text(
        CONFIG.format(own=relay_address(), relay=RELAY, domain=DOMAIN, hss=HSS, port=port, hss_ip=core.ip(40),
                      folder=core.folder))
    core.through_relay(port)
    core.start("hss")
    core.provision()
    core.messages = core.capture_of(f"tcp port {port} or (tcp port 3868 and host {core.ip(40)})", port)
    core.relay = start_relay(core)
    core.start_all("icscf", "scscf", "pcscf")
    return core


def events(process, kind):
    found = [json.loads(line) for line in process.text().splitlines() if line.startswith("{")]
    return [e for e in found if e["event"] == kind]


def call(core, meanwhile=lambda: None):
    bob = core.ue("bob", "register", "+", "answer")
    bob.wait_for('"ready"')
    alice = core.ue("alice", "register", "+", "call", f"sip:bob@{DOMAIN}", "talk=1")
    alice.wait_for('"call-established"')
    meanwhile()
    assert alice.child.poll() is None and bob.child.poll() is None
    alice.finish()
    bob.finish()
    assert len(events(alice, "registered")) == 1


def test_calls_while_the_relay_dies_and_comes_back(relayed):
    core = relayed
    call(core)
    call(core, core.relay.kill)  # who talks already does not notice
    core.ue("alice", "register", "expect=504").finish()
    core.relay = start_relay(core)
    end = time.monotonic() + 40
    while True:  # freeDiameter holds traffic back until its own watchdogs were answered
        alice = core.ue("alice", "register")
        if alice.child.wait(30) == 0:
            break
        assert time.monotonic() < end, alice.text() + core.logs()
        time.sleep(0.5)
    call(core)
    core.ue("bob", "register", "+", "deregister").finish()
    core.messages.judge(30, commands=(257, 280, 300, 301, 302, 303))
