# SPDX-License-Identifier: Apache-2.0
"""kill -9 of carillon-hss under MARs never lets it use a SQN twice."""
import shutil

import pytest

from foreign import DOMAIN, HERE, OP

pytestmark = pytest.mark.skipif(not shutil.which("erl"), reason="erlang is not here")

REQUEST = f"""{{user, <<"alice-lab-key-01">>, <<16#{OP}:128>>}}.
{{storm, 'MAR', #{{'User-Name' => "001010000000001@{DOMAIN}", 'Public-Identity' => "sip:alice@{DOMAIN}",
  'SIP-Auth-Data-Item' => #{{'SIP-Authentication-Scheme' => ["Digest-AKAv1-MD5"]}},
  'SIP-Number-Auth-Items' => 1, 'Server-Name' => "sip:scscf.{DOMAIN}:5060"}}}}.
"""
ROUNDS, EACH = 6, 300


def test_no_sqn_twice(core):
    core.let_in(f"erl.{DOMAIN}", core.ip(31))
    core.start("hss")
    core.provision()
    (core.folder / "requests").write_text(REQUEST)
    core.compile("milenage", "cx_node", "cx_ask")
    erlang = core.erlang("cx_ask", "storm", HERE / "cx.dia", f"erl.{DOMAIN}", DOMAIN, core.ip(31),
                         core.ip(40), 3868, core.folder / "requests")
    seen = 0
    for _ in range(ROUNDS):
        core.until(lambda: erlang.text().count("\n") > seen + EACH, "vectors", 30)
        core.nodes["hss"].kill()
        seen = erlang.text().count("\n")
        core.start("hss")
    core.until(lambda: erlang.text().count("\n") > seen + EACH, "vectors", 30)
    erlang.kill()
    used = erlang.text().split("\n")[:-1]
    assert "forged" not in used
    assert len(used) > (ROUNDS + 1) * EACH
    assert len(set(used)) == len(used)
    stored = core.ctl("hss", "sqn", "show", "alice").stdout.split("sqn: ")[1][:12]
    assert int(stored, 16) >= max(int(s, 16) for s in used)
