# SPDX-License-Identifier: Apache-2.0
"""freeDiameterd as a relay between a client and a server that use common/dia."""
import shutil
import signal
import subprocess
import time

import pytest

from foreign import free_port, relay_address

pytestmark = pytest.mark.skipif(not shutil.which("freeDiameterd"), reason="freeDiameterd is not here")

CONFIG = """
Identity = "dra.test";
Realm = "test";
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
ConnectPeer = "hss.test" {{ ConnectTo = "127.0.0.1"; Port = {hss}; No_TLS; No_SCTP; }};
"""


def start_relay(lab, port, hss):
    subprocess.run(["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj",
                    "/CN=dra.test", "-keyout", "key.pem", "-out", "cert.pem"],
                   cwd=lab.folder, check=True, capture_output=True)
    (lab.folder / "acl.conf").write_text("ALLOW_IPSEC *.test\n")
    (lab.folder / "relay.conf").write_text(CONFIG.format(own=relay_address(), port=port, hss=hss,
                                                         folder=lab.folder))
    relay = lab.run("freeDiameterd", "freeDiameterd", "-c", lab.folder / "relay.conf")
    relay.wait_for("daemon initialized")
    return relay


@pytest.fixture
def relayed(lab):
    lab.port, lab.hss = free_port(), free_port()
    lab.hss_process = lab.server(lab.hss)
    lab.relay = start_relay(lab, lab.port, lab.hss)
    lab.hss_process.wait_for("peer dra.test open")
    return lab


def ask(lab, *more):
    return lab.client("dra.test", lab.port, "--relay", *more, at=relay_address())


def test_every_command_through_the_relay(relayed):
    capture = relayed.capture(relayed.port, relayed.hss)
    out = ask(relayed, "--count", "500").finish()
    assert "UAA 2001 DIAMETER_FIRST_REGISTRATION origin=hss.test mandatory=1 mandatory=2 optional=7" in out
    assert "LIA 2001 DIAMETER_SUCCESS origin=hss.test server=sip:scscf.test:5060" in out
    assert "MAA 2001 DIAMETER_SUCCESS origin=hss.test item=1 scheme=Digest-AKAv1-MD5" in out
    assert "ck=0102030005060708090a0b0c0d0e0f10" in out
    assert "SAA 2001 DIAMETER_SUCCESS origin=hss.test data=<?xml" in out
    assert "MANY 500 failed=0" in out
    capture.judge(4 * 504)


def test_routed_by_destination_host(relayed):
    out = ask(relayed, "--dest-host", "hss.test").finish()
    assert out.count(" 2001 ") == 4


def test_what_the_relay_cannot_deliver_is_reported(relayed):
    capture = relayed.capture(relayed.port)
    out = ask(relayed, "--dest-host", "nobody.test", "--dest-realm", "nowhere").finish()
    assert out.count(" 3002 DIAMETER_UNABLE_TO_DELIVER origin=dra.test") == 4
    capture.judge(8)


def test_user_unknown_passes_through(relayed):
    out = ask(relayed, "--impi", "unknown@test").finish()
    assert "UAA 5001 DIAMETER_ERROR_USER_UNKNOWN" in out


def test_watchdogs_keep_the_link(relayed):
    time.sleep(15)
    assert "closed" not in relayed.hss_process.text()
    assert "STATE_SUSPECT" not in relayed.relay.text()
    assert ask(relayed).finish().count(" 2001 ") == 4


def test_clean_stop_is_a_dpr(relayed):
    assert relayed.hss_process.kill(signal.SIGTERM) == 0
    relayed.relay.wait_for("sent a DPR with cause: REBOOTING")


def test_both_dial(lab):
    """Connections from both sides end in one that stays (RFC 6733 5.6.4)."""
    lab.port, lab.hss = free_port(), free_port()
    server = lab.server(lab.hss, "--peer", f"dra.test={relay_address()}:{lab.port}", "--peer",
                        "cli.test=127.0.0.1:0")
    start_relay(lab, lab.port, lab.hss)
    server.wait_for("peer dra.test open", 40)
    time.sleep(8)
    assert "peer dra.test closed" not in server.text()
    assert ask(lab).finish().count(" 2001 ") == 4


def test_killed_and_started_again(lab):
    """A server that is killed and started again serves again, since it dials the relay itself."""
    lab.port, lab.hss = free_port(), free_port()
    dial = ("--peer", f"dra.test={relay_address()}:{lab.port}")
    server = lab.server(lab.hss, *dial)
    start_relay(lab, lab.port, lab.hss)
    server.wait_for("peer dra.test open", 40)
    server.kill()
    server = lab.server(lab.hss, *dial)
    server.wait_for("peer dra.test open", 40)
    end = time.monotonic() + 30
    while True: # freeDiameter holds traffic back until its own watchdogs were answered
        out = ask(lab).finish()
        if out.count(" 2001 ") == 4:
            break
        assert time.monotonic() < end, out
        time.sleep(1)
