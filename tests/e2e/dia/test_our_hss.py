# SPDX-License-Identifier: Apache-2.0
"""erlang-diameter as a CSCF of our HSS: every command and its results (TS 29.228 6.1, 6.3)."""
import hashlib
import re
import shutil

import pytest

from foreign import DOMAIN, HERE, OP

pytestmark = pytest.mark.skipif(not shutil.which("erl"), reason="erlang is not here")

SERVER = f"sip:scscf.{DOMAIN}:5060"
ALICE, BOB, DAVE = (f"{n}@{DOMAIN}" for n in ("001010000000001", "001010000000002", "dave"))
AKA, DIGEST = "Digest-AKAv1-MD5", "SIP Digest"
RAND = b"\x23" * 16
UE_SQN = 0xA009


class Term(str):
    """Text that is an Erlang term already."""


def term(v):
    if isinstance(v, Term):
        return v
    if isinstance(v, dict):
        return "#{" + ", ".join(f"'{k}' => {term(x)}" for k, x in v.items()) + "}"
    if isinstance(v, (list, tuple)):
        text = ", ".join(map(term, v))
        return f"[{text}]" if isinstance(v, list) else "{" + text + "}"
    if isinstance(v, bytes):
        return f"<<16#{v.hex()}:{8 * len(v)}>>"
    return str(v) if isinstance(v, int) else f'"{v}"'


def loose_dictionary(folder):
    """cx.dia, but requests may lack or repeat what they must have once, and hold anything more."""
    text = (HERE / "cx.dia").read_text()
    text = re.sub(r"\{ (User-Name|Public-Identity|Visited-Network-Identifier|Server-Name|SIP-\S+|"
                  r"Server-Assignment-Type|User-Data-Already-Available) \}", r"* [ \1 ]", text)
    text = text.replace("[ User-Name ]\n         * [ Public", "* [ User-Name ]\n         * [ Public")
    text = re.sub(r"(\* \[ Route-Record \])", r"\1\n         * [ AVP ]", text)
    foreign = (re.search(r"   (UAR ::= .*?)\n\n", text, re.S)[0] + re.search(r"   (UAA ::= .*?)\n\n", text, re.S)[0])
    foreign = foreign.replace("UAR ::=", "XXR ::=").replace("UAA ::=", "XXA ::=").replace(": 300", ": 399")
    text = text.replace("@grouped\n", foreign + "@grouped\n", 1)
    (folder / "loose.dia").write_text(text)
    return folder / "loose.dia"


def uar(impi=ALICE, impu="alice", visited=DOMAIN, **more):
    return "UAR", {"User-Name": [impi], "Public-Identity": [f"sip:{impu}@{DOMAIN}"],
                   "Visited-Network-Identifier": [visited], **more}


def lir(impu="alice", **more):
    return "LIR", {"Public-Identity": [f"sip:{impu}@{DOMAIN}"], **more}


def mar(impi=ALICE, impu="alice", scheme=AKA, n=1, authorization=None):
    item = {"SIP-Authentication-Scheme": [scheme]}
    if authorization:
        item["SIP-Authorization"] = [authorization]
    return "MAR", {"User-Name": [impi], "Public-Identity": [f"sip:{impu}@{DOMAIN}"],
                   "SIP-Auth-Data-Item": [item], "SIP-Number-Auth-Items": [n], "Server-Name": [SERVER]}


def sar(kind, impi=ALICE, impus=("alice",), server=SERVER, **more):
    return "SAR", {"User-Name": [impi] if impi else [],
                   "Public-Identity": [f"sip:{i}@{DOMAIN}" for i in impus], "Server-Name": [server],
                   "Server-Assignment-Type": [kind], "User-Data-Already-Available": [0], **more}


def without(request, avp):
    name, avps = request
    return name, {k: v for k, v in avps.items() if k != avp}


def twice(request, avp):
    name, avps = request
    return name, {**avps, avp: avps[avp] * 2}


def resync(sqn):
    name, avps = mar()
    return name, {**avps, "SIP-Auth-Data-Item": [(Term("resync"), RAND, sqn)]}


def unknown_avp(mandatory):
    avp = Term(f"{{diameter_avp, 9999, undefined, {mandatory}, false, <<1:32>>, undefined, undefined, "
               "undefined, undefined}")
    name, avps = lir()
    return name, {**avps, "AVP": [avp]}


def backup(*contacts):
    return {"SCSCF-Restoration-Info": [{
        "User-Name": [ALICE], "SIP-Authentication-Scheme": [DIGEST],
        "Restoration-Info": [{"Path": f"<sip:pcscf.{DOMAIN};lr>", "Contact": c, "Call-ID-SIP-Header": ["call-1"],
                              "Initial-CSeq-Sequence-Number": [7]} for c in contacts]}]}


FEATURE = {"Supported-Features": [{"Vendor-Id": 10415, "Feature-List-ID": 1, "Feature-List": 4}]}
OTHER = "sip:other.example:5060"
HA1 = hashlib.md5(f"{DAVE}:{DOMAIN}:dave-secret".encode()).hexdigest()
# In their order: what one leaves behind, the next ones find.
SCENE = [
    # tag, request, result, texts of the answer
    ("first", uar(), "3gpp-2001", ["'Server-Capabilities' => [#{", "'Optional-Capability' => [0]"]),
    ("quoted", uar(visited=f'"{DOMAIN}"'.encode()), "3gpp-2001", []),
    ("nobody", uar(impi=f"nobody@{DOMAIN}"), "3gpp-5001", []),
    ("no-impu", uar(impu="nobody"), "3gpp-5001", []),
    ("not-a-pair", uar(impi=BOB), "3gpp-5002", []),
    ("roaming", uar(visited="far.example"), "3gpp-5004", []),
    ("capabilities", uar(**{"User-Authorization-Type": [2]}), "2001", ["'Server-Capabilities' => [#{"]),
    ("deregister-nothing", uar(**{"User-Authorization-Type": [1]}), "3gpp-5003", []),
    ("uar-type", uar(**{"User-Authorization-Type": [7]}), "5004", ["'Failed-AVP' => [#{"]),
    ("uar-no-impi", without(uar(), "User-Name"), "5005", ["'Failed-AVP' => [#{"]),
    ("uar-no-impu", without(uar(), "Public-Identity"), "5005", ["'Failed-AVP' => [#{"]),
    ("uar-no-visited", without(uar(), "Visited-Network-Identifier"), "5005", ["'Failed-AVP' => [#{"]),
    ("uar-two-impus", twice(uar(), "Public-Identity"), "5009", ["'Failed-AVP' => [#{"]),
    ("where-nobody", lir("nobody"), "3gpp-5001", []),
    ("where-not", lir(), "3gpp-5003", []),
    ("where-originating", lir(**{"Originating-Request": [0]}), "3gpp-2003", ["'Optional-Capability' => [0]"]),
    ("lir-no-impu", without(lir(), "Public-Identity"), "5005", ["'Failed-AVP' => [#{"]),
    ("lir-unknown-m", unknown_avp("true"), "5001", ["'Failed-AVP' => [#{"]),
    ("lir-unknown", unknown_avp("false"), "3gpp-5003", []),
    ("elsewhere", lir(**{"Destination-Host": [f"other.{DOMAIN}"]}), "3002", ["answer-message"]),
    ("other-realm", lir(**{"Destination-Realm": "example.net"}), "3003", ["answer-message"]),
    ("command", ("XXR", uar()[1]), "3001", ["answer-message"]),
    ("vectors", mar(n=2), "2001", ["vector 000000000021", "vector 000000000042"]),
    ("one-more", mar(), "2001", ["vector 000000000063"]),
    ("mar-unknown-scheme", mar(scheme="Unknown"), "3gpp-5006", []),
    ("mar-unknown-digest", mar(impi=DAVE, impu="dave", scheme="Unknown"), "2001", [DIGEST]),
    ("mar-nobody", mar(impi=f"nobody@{DOMAIN}"), "3gpp-5001", []),
    ("mar-not-a-pair", mar(impi=BOB), "3gpp-5002", []),
    ("mar-scheme", mar(scheme=DIGEST), "3gpp-5006", []),
    ("mar-digest", mar(impi=DAVE, impu="dave", scheme=DIGEST), "2001",
     [HA1, f"'Digest-Realm' => <<\"{DOMAIN}\">>"]),
    ("mar-short", mar(authorization=b"short"), "5004", ["'Failed-AVP' => [#{"]),
    ("mar-wrong-auts", mar(authorization=b"\x11" * 30), "5012", []),
    ("mar-auts", resync(UE_SQN), "2001", ["vector 00000000a02a"]),
    ("mar-auts-again", resync(UE_SQN), "2001", ["vector 00000000a04b"]),
    ("mar-no-item", without(mar(), "SIP-Auth-Data-Item"), "5005", ["'Failed-AVP' => [#{"]),
    ("mar-no-server", without(mar(), "Server-Name"), "5005", ["'Failed-AVP' => [#{"]),
    ("pending", uar(), "3gpp-2002", [SERVER]),
    ("sar", sar(1), "2001", ["<IMSSubscription>", f"sip:alice@{DOMAIN}", "tel:+15550000001",
                        f"aaa://ccf.{DOMAIN}"]),
    ("sar-known", sar(2, **{"User-Data-Already-Available": [1]}), "2001", []),
    ("sar-other", sar(1, server=OTHER), "3gpp-5005", [SERVER]),
    ("sar-read", sar(0), "2001", ["<IMSSubscription>"]),
    ("sar-read-other", sar(0, server=OTHER), "5012", [SERVER]),
    ("sar-unregistered", sar(3), "3gpp-5007", []),
    ("sar-nobody", sar(1, impi=f"nobody@{DOMAIN}"), "3gpp-5001", []),
    ("sar-not-a-pair", sar(1, impi=BOB), "3gpp-5002", []),
    ("sar-no-identity", sar(1, impi=None, impus=()), "5005", ["'Failed-AVP' => [#{"]),
    ("sar-no-impi", sar(1, impi=None), "5005", ["'Failed-AVP' => [#{", "'User-Name'"]),
    ("sar-type-swx", sar(13), "5004", ["'Failed-AVP' => [#{", "'Server-Assignment-Type',13"]),
    ("sar-no-impu", sar(1, impus=()), "5005", ["'Failed-AVP' => [#{"]),
    ("sar-many", sar(1, impus=("alice", "001010000000001")), "5009", ["'Failed-AVP' => [#{"]),
    ("sar-type", sar(99), "5004", ["'Failed-AVP' => [#{"]),
    ("sar-no-server", without(sar(1), "Server-Name"), "5005", ["'Failed-AVP' => [#{"]),
    ("where", lir(), "2001", [SERVER]),
    ("where-restored", lir(**{"User-Authorization-Type": [2]}), "2001", [SERVER]),
    ("subsequent", uar(), "3gpp-2002", [SERVER]),
    ("leaving", uar(**{"User-Authorization-Type": [1]}), "2001", [SERVER]),
    ("sar-end", sar(5, impus=()), "2001", []),
    ("where-after", lir(), "3gpp-5003", []),
    ("first-again", uar(), "3gpp-2001", []),
    ("backup", sar(1, **backup("<sip:alice@192.0.2.1>", "<sip:alice@192.0.2.2>"), **FEATURE), "2001", ["'Feature-List' => 4"]),
    ("restored", sar(0), "2001", ["<sip:alice@192.0.2.1>", "<sip:alice@192.0.2.2>", "'Call-ID-SIP-Header' => [<<\"call-1\">>]",
                                  "'Initial-CSeq-Sequence-Number' => [7]", "<IMSSubscription>"]),
    ("restored-called", sar(3, impi=None), "3gpp-5007", ["<sip:alice@192.0.2.1>", "<IMSSubscription>", DIGEST]),
    ("restored-not-overwritten", sar(1, **backup("<sip:alice@192.0.2.3>"), **{"Multiple-Registration-Indication": [1]}),
     "3gpp-5007", ["<sip:alice@192.0.2.2>"]),
    ("other-not-asked-for", sar(3, impi=None, server=OTHER), "3gpp-5005", [SERVER]),
    ("other-asked-for", lir(**{"User-Authorization-Type": [2]}), "2001", ["'Server-Capabilities' => [#{"]),
    ("other-comes", sar(3, impi=None, server=OTHER), "3gpp-5007", ["<sip:alice@192.0.2.1>", "<IMSSubscription>"]),
    ("where-other", lir(), "2001", [OTHER]),
    ("other-ends", sar(5, server=OTHER), "2001", []),
]


def start_erlang(core, mode, requests, dictionary):
    user = Term(f"{{user, <<\"alice-lab-key-01\">>, {term(bytes.fromhex(OP))}}}")
    lines = [user] + [term((Term(f"'{t}'"), Term(f"'{n}'"), a)) for t, (n, a) in requests]
    (core.folder / "requests").write_text("".join(f"{line}.\n" for line in lines))
    core.compile("milenage", "cx_node", "cx_ask")
    return core.erlang("cx_ask", mode, dictionary, f"erl.{DOMAIN}", DOMAIN, core.ip(31), core.ip(40), 3868,
                       core.folder / "requests")


def test_every_result_of_every_command(core):
    core.let_in(f"erl.{DOMAIN}", core.ip(31))
    core.start("hss")
    core.provision()
    core.ctl("hss", "subscriber", "set", ALICE, f"ccf=ccf.{DOMAIN}")
    messages = core.capture_of(f"tcp port 3868 and host {core.ip(40)}")
    erlang = start_erlang(core, "ask", [s[:2] for s in SCENE], loose_dictionary(core.folder))
    out = erlang.finish(60)
    assert out.rstrip().endswith("done"), out
    wrong = []
    for tag, _, result, texts in SCENE:
        lines = [line for line in out.splitlines() if line.startswith(f"{tag} ")]
        answer = "\n".join(lines)
        fits = len(lines) and lines[0].split(" ")[2] == result and all(t in answer for t in texts)
        if not fits or "vector forged" in answer:
            wrong.append(f"{tag}: wanted {result} {texts}\n    {answer}")
    assert not wrong, "\n".join(wrong)
    assert "hss_sqn=000000000063" in core.nodes["hss"].text()
    messages.judge(2 * len(SCENE), commands=(257, 300, 301, 302, 303))
    text = core.nodes["hss"].text()
    assert HA1 not in text and b"alice-lab-key-01".hex() not in text


def test_another_host_is_not_let_in(core):
    core.start("hss")
    erlang = start_erlang(core, "ask", [("x", mar())], HERE / "cx.dia")
    core.nodes["hss"].wait_for("peer refused")
    assert 'reason="unknown peer"' in core.nodes["hss"].text()
    assert erlang.kill() and "MAA" not in erlang.text()
