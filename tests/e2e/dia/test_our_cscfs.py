# SPDX-License-Identifier: Apache-2.0
"""erlang-diameter as the HSS of our I-CSCF and S-CSCF, with vectors and profiles that it makes itself."""
import shutil

import pytest

from foreign import DOMAIN, HERE, HSS, KEYS, OP

pytestmark = pytest.mark.skipif(not shutil.which("erl"), reason="erlang is not here")

SUBSCRIBER = """{{<<"{impi}">>, [<<"sip:{name}@{domain}">>, <<"tel:+1555{number:07}">>], {secret}}}.\n"""


def subscribers():
    for number, (name, (imsi, key)) in enumerate(KEYS.items(), 1):
        yield name, f"{imsi}@{DOMAIN}", number, f'{{aka, <<"{key}">>, <<16#{OP}:128>>}}'
    yield "dave", f"dave@{DOMAIN}", 9, '{digest, <<"dave-secret">>}'


@pytest.fixture
def foreign_hss(core):
    (core.folder / "users").write_text("".join(
        SUBSCRIBER.format(name=n, impi=i, domain=DOMAIN, number=k, secret=s)
        for n, i, k, s in subscribers()))
    core.compile("milenage", "cx_node", "cx_hss")
    core.hss = core.erlang("cx_hss", HERE / "cx.dia", HSS, DOMAIN, core.ip(40), 3868,
                           core.folder / "users")
    core.hss.wait_for("ready")
    core.messages = core.capture_of(f"tcp port 3868 and host {core.ip(40)}")
    core.start_all("icscf", "scscf", "pcscf")
    return core


def test_registrations_and_a_call(foreign_hss):
    core = foreign_hss
    bob = core.ue("bob", "register", "+", "answer")
    bob.wait_for('"ready"')
    core.ue("alice", "register", "+", "call", f"sip:bob@{DOMAIN}", "talk=0.5", "+", "register", "+",
            "deregister").finish()
    bob.finish()
    core.phone("dave", f"dave@{DOMAIN}", 4, "--password", "dave-secret", "register").finish()
    core.phone("nobody", f"nobody@{DOMAIN}", 5, "--password", "x", "register", "expect=403").finish()
    core.phone("eve", f"{KEYS['alice'][0]}@{DOMAIN}", 6, "--k-ascii", "a-key-of-another", "--op", OP,
               "register", "expect=403").finish()
    asked = core.hss.text()
    assert "bad" not in asked
    for command in ("UAR", "MAR", "SAR", "LIR"):
        assert f"\n{command} #{{" in asked
    assert asked.count("'Server-Assignment-Type' => 1") == 3
    assert asked.count("'Server-Assignment-Type' => 5") == 1
    assert '<<"Digest-AKAv1-MD5">>' in asked and '<<"Unknown">>' in asked  # Unknown: SIP Digest
    core.messages.judge(30, commands=(257, 300, 301, 302, 303))
