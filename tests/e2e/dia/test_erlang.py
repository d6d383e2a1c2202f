# SPDX-License-Identifier: Apache-2.0
"""erlang-diameter as a Cx client of our server and as a Cx server of our client."""
import shutil

import pytest

from foreign import HERE, free_port

pytestmark = pytest.mark.skipif(not shutil.which("erl"), reason="erlang is not here")


@pytest.fixture
def erlang(lab):
    lab.compile("cx_node", "cx_peer")

    def start(mode, host, port, *more):
        return lab.erlang("cx_peer", mode, HERE / "cx.dia", host, port, *more)

    lab.peer = start
    return lab


def test_client_of_our_server(erlang):
    port = free_port()
    server = erlang.server(port)
    capture = erlang.capture(port)
    out = erlang.peer("client", "erl.test", port, "200").finish()
    assert "'Experimental-Result-Code' => 2001" in out
    assert "'Experimental-Result-Code' => 5001" in out
    assert "'Mandatory-Capability' => [1,2]" in out
    assert "'Server-Name' => [<<\"sip:scscf.test:5060\">>]" in out
    assert "'Digest-HA1' => <<\"0123456789abcdef0123456789abcdef\">>" in out
    assert "'SIP-Authenticate' => [<<1,2,3,0,5" in out
    assert "'User-Data' => [<<\"<?xml" in out
    assert "MANY 200" in out
    assert out.rstrip().endswith("done")
    server.wait_for("peer erl.test closed")
    assert server.text().count("MAR session=erl.test;") == 201
    capture.judge(2 * 205)


def test_server_of_our_client(erlang):
    port = free_port()
    erlang.peer("server", "erl.test", port).wait_for("ready")
    capture = erlang.capture(port)
    client = erlang.client("erl.test", port, "--count", "200")
    out = client.finish()
    assert "UAA 2001 DIAMETER_FIRST_REGISTRATION origin=erl.test mandatory=3 mandatory=4 name=sip:e.test" in out
    assert "LIA 2001 DIAMETER_SUCCESS origin=erl.test server=sip:e.test" in out
    assert "authenticate=" + "00" * 31 + "01 authorization=0000000000000002" in out
    assert "SAA 2001 DIAMETER_SUCCESS origin=erl.test data=<IMSSubscription/>" in out
    assert "associated=2" in out
    assert "MANY 200 failed=0" in out
    capture.judge(2 * 204)


def test_server_that_knows_no_such_user(erlang):
    port = free_port()
    erlang.peer("server", "erl.test", port).wait_for("ready")
    out = erlang.client("erl.test", port, "--impi", "unknown@test").finish()
    assert "UAA 5001 DIAMETER_ERROR_USER_UNKNOWN" in out
